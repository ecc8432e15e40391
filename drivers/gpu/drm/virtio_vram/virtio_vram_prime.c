// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers that other devices use. An importer that can be told of moves leaves a buffer
 * where it is until it maps it; then it comes to system memory, as nobody else reaches
 * the window. Until the importer unmaps it, or is told that it moves, it gets its pages.
 * For all other importers the core pins.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_gem.h>
#include <drm/drm_prime.h>

#include "virtio_vram.h"

/*
 * An importer of a buffer. DRM forgets a dma-buf when the last handle goes, though
 * importers may have it for longer: the list does not.
 */
struct virtio_vram_importer {
	struct list_head link;
	struct dma_buf *dma_buf;
};

static int virtio_vram_prime_attach(struct dma_buf *dma_buf,
				    struct dma_buf_attachment *attach)
{
	struct virtio_vram_bo *vbo = gem_to_virtio_vram_bo(dma_buf->priv);
	struct virtio_vram_importer *importer;

	importer = kzalloc(sizeof(*importer), GFP_KERNEL);
	if (!importer)
		return -ENOMEM;
	importer->dma_buf = dma_buf;
	attach->priv = importer;

	dma_resv_lock(dma_buf->resv, NULL);
	list_add(&importer->link, &vbo->importers);
	dma_resv_unlock(dma_buf->resv);
	return 0;
}

static void virtio_vram_prime_detach(struct dma_buf *dma_buf,
				     struct dma_buf_attachment *attach)
{
	struct virtio_vram_importer *importer = attach->priv;

	dma_resv_lock(dma_buf->resv, NULL);
	list_del(&importer->link);
	dma_resv_unlock(dma_buf->resv);
	kfree(importer);
}

static int virtio_vram_prime_pin(struct dma_buf_attachment *attach)
{
	return virtio_vram_gem_pin(attach->dmabuf->priv);
}

static void virtio_vram_prime_unpin(struct dma_buf_attachment *attach)
{
	virtio_vram_gem_unpin(attach->dmabuf->priv);
}

static struct sg_table *virtio_vram_prime_map(struct dma_buf_attachment *attach,
					      enum dma_data_direction dir)
{
	struct virtio_vram_bo *vbo = gem_to_virtio_vram_bo(attach->dmabuf->priv);
	int ret;

	if (!vbo->tbo.pin_count) {
		ret = virtio_vram_to_system(&vbo->tbo, true);
		if (ret)
			return ERR_PTR(ret);
	}
	return drm_gem_map_dma_buf(attach, dir);
}

static const struct dma_buf_ops virtio_vram_dma_buf_ops = {
	.attach = virtio_vram_prime_attach,
	.detach = virtio_vram_prime_detach,
	.pin = virtio_vram_prime_pin,
	.unpin = virtio_vram_prime_unpin,
	.map_dma_buf = virtio_vram_prime_map,
	.unmap_dma_buf = drm_gem_unmap_dma_buf,
	.release = drm_gem_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
};

/**
 * virtio_vram_prime_export - for &drm_gem_object_funcs.export
 * @gem: the buffer, no import
 * @flags: DRM_CLOEXEC, DRM_RDWR
 *
 * Return: a dma-buf or an error pointer.
 */
struct dma_buf *virtio_vram_prime_export(struct drm_gem_object *gem, int flags)
{
	struct dma_buf_export_info info = {
		.exp_name = KBUILD_MODNAME,
		.owner = THIS_MODULE,
		.ops = &virtio_vram_dma_buf_ops,
		.size = gem->size,
		.flags = flags,
		.priv = gem,
		.resv = gem->resv,
	};

	return drm_gem_dmabuf_export(gem->dev, &info);
}

/**
 * virtio_vram_prime_import - for &drm_driver.gem_prime_import
 * @drm: the device
 * @dma_buf: the buffer, of any device's
 *
 * Return: a GEM object or an error pointer.
 */
struct drm_gem_object *virtio_vram_prime_import(struct drm_device *drm,
						struct dma_buf *dma_buf)
{
	struct drm_gem_object *gem = dma_buf->priv;

	if (dma_buf->ops != &virtio_vram_dma_buf_ops || gem->dev != drm)
		return drm_gem_prime_import(drm, dma_buf);
	/* One of ours, which stays what it is. */
	drm_gem_object_get(gem);
	return gem;
}

/**
 * virtio_vram_prime_moves - tell importers to let go of a buffer
 * @vbo: the buffer, reserved, about to move
 */
void virtio_vram_prime_moves(struct virtio_vram_bo *vbo)
{
	struct virtio_vram_importer *importer;

	list_for_each_entry(importer, &vbo->importers, link)
		virtio_vram_move_notify(importer->dma_buf);
}
