// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers as user space sees them: GEM, PRIME and dumb buffers, ioctls.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>
#include <drm/ttm/ttm_tt.h>
#include <drm/virtio_vram_drm.h>

#include "virtio_vram.h"

static void virtio_vram_tbo_destroy(struct ttm_buffer_object *tbo)
{
	struct virtio_vram *vram = to_virtio_vram(tbo->base.dev);

	mutex_lock(&vram->bo_lock);
	list_del(&to_virtio_vram_bo(tbo)->link);
	mutex_unlock(&vram->bo_lock);
	if (tbo->base.import_attach)
		drm_prime_gem_destroy(&tbo->base, tbo->sg);
	drm_gem_object_release(&tbo->base);
	kfree(to_virtio_vram_bo(tbo));
}

static void virtio_vram_gem_free(struct drm_gem_object *gem)
{
	virtio_vram_tbo_fini(&gem_to_virtio_vram_bo(gem)->tbo);
}

/**
 * virtio_vram_gem_pin - for &drm_gem_object_funcs.pin
 * @gem: the buffer, reserved, as by whoever calls the functions below
 *
 * Another device cannot reach the window: pinning is for system memory.
 *
 * Return: 0 or a negative errno.
 */
int virtio_vram_gem_pin(struct drm_gem_object *gem)
{
	struct ttm_buffer_object *tbo = &gem_to_virtio_vram_bo(gem)->tbo;
	int ret;

	if (!tbo->pin_count) {
		ret = virtio_vram_to_system(tbo, true);
		if (ret)
			return ret;
	}
	ttm_bo_pin(tbo);
	return 0;
}

/**
 * virtio_vram_gem_unpin - for &drm_gem_object_funcs.unpin
 * @gem: the buffer
 */
void virtio_vram_gem_unpin(struct drm_gem_object *gem)
{
	ttm_bo_unpin(&gem_to_virtio_vram_bo(gem)->tbo);
}

static struct sg_table *virtio_vram_gem_get_sg_table(struct drm_gem_object *gem)
{
	struct ttm_buffer_object *tbo = &gem_to_virtio_vram_bo(gem)->tbo;
	struct ttm_operation_ctx ctx = { .interruptible = true };
	int ret;

	ret = ttm_range_populate(tbo, &ctx);
	if (ret)
		return ERR_PTR(ret);
	return drm_prime_pages_to_sg(gem->dev, tbo->ttm->pages,
				     tbo->ttm->num_pages);
}

/* A buffer in many runs has no contiguous address; its pages in memory do. */
static int virtio_vram_gem_vmap(struct drm_gem_object *gem, struct iosys_map *map)
{
	int ret;

	if (gem->import_attach)
		return -EOPNOTSUPP;

	ret = virtio_vram_gem_pin(gem);
	if (ret)
		return ret;

	ret = ttm_bo_vmap(&gem_to_virtio_vram_bo(gem)->tbo, map);
	if (ret)
		virtio_vram_gem_unpin(gem);
	return ret;
}

static void virtio_vram_gem_vunmap(struct drm_gem_object *gem,
				   struct iosys_map *map)
{
	ttm_bo_vunmap(&gem_to_virtio_vram_bo(gem)->tbo, map);
	virtio_vram_gem_unpin(gem);
}

static int virtio_vram_gem_mmap_import(struct drm_gem_object *gem,
				       struct vm_area_struct *vma)
{
	unsigned long pgoff = vma->vm_pgoff - drm_vma_node_start(&gem->vma_node);
	int ret;

	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;
	ret = dma_buf_mmap(gem->dma_buf, vma, pgoff);
	if (ret)
		return ret;

	/* The mapping holds the exporter's file now, not this object. */
	drm_gem_object_put(gem);
	return 0;
}

static int virtio_vram_gem_mmap(struct drm_gem_object *gem,
				struct vm_area_struct *vma)
{
	struct virtio_vram_bo *vbo = gem_to_virtio_vram_bo(gem);
	int ret;

	if (gem->import_attach)
		return virtio_vram_gem_mmap_import(gem, vma);

	ret = ttm_range_mmap(gem, vma);
	if (!ret)
		vma->vm_ops = READ_ONCE(vbo->vm_ops);
	return ret;
}

static const struct drm_gem_object_funcs virtio_vram_gem_funcs = {
	.free = virtio_vram_gem_free,
	.export = virtio_vram_prime_export,
	.pin = virtio_vram_gem_pin,
	.unpin = virtio_vram_gem_unpin,
	.get_sg_table = virtio_vram_gem_get_sg_table,
	.vmap = virtio_vram_gem_vmap,
	.vunmap = virtio_vram_gem_vunmap,
	.mmap = virtio_vram_gem_mmap,
	.vm_ops = &virtio_vram_range_ops.base.vm_ops,
};

static struct virtio_vram_bo *virtio_vram_bo_alloc(struct drm_device *drm,
						   u64 size)
{
	struct virtio_vram_bo *vbo = kzalloc(sizeof(*vbo), GFP_KERNEL_ACCOUNT);

	if (!vbo)
		return NULL;
	vbo->tbo.base.funcs = &virtio_vram_gem_funcs;
	vbo->vm_ops = virtio_vram_gem_funcs.vm_ops;
	INIT_LIST_HEAD(&vbo->importers);
	INIT_LIST_HEAD(&vbo->link);
	drm_gem_private_object_init(drm, &vbo->tbo.base, size);
	return vbo;
}

static void virtio_vram_bo_list(struct virtio_vram *vram,
				struct virtio_vram_bo *vbo)
{
	mutex_lock(&vram->bo_lock);
	list_add_tail(&vbo->link, &vram->bos);
	mutex_unlock(&vram->bo_lock);
}

/*
 * List the places that could ever hold the buffer. TTM would evict everybody
 * else from the window before it found out that one is too big even so, and the
 * page array of one bigger than all memory may not be asked for.
 */
static int virtio_vram_places(struct virtio_vram *vram, u64 size, u32 placement,
			      struct ttm_place *places)
{
	int n = 0;

	if ((placement & DRM_VIRTIO_VRAM_PLACE_VRAM) && size <= vram->size)
		places[n++] = (struct ttm_place){ .mem_type = TTM_PL_VRAM };
	if ((placement & DRM_VIRTIO_VRAM_PLACE_SYSTEM) &&
	    size >> PAGE_SHIFT <= totalram_pages())
		places[n++] = (struct ttm_place){ .mem_type = TTM_PL_SYSTEM };
	return n;
}

static struct virtio_vram_bo *
virtio_vram_bo_create(struct virtio_vram *vram,
		      const struct drm_virtio_vram_gem_create *args)
{
	struct ttm_place places[2];
	struct ttm_placement placement = { .placement = places };
	struct virtio_vram_bo *vbo;
	int ret;

	placement.num_placement = virtio_vram_places(vram, args->size,
						     args->placement, places);
	if (!placement.num_placement)
		return ERR_PTR(-ENOSPC);

	vbo = virtio_vram_bo_alloc(vram->drm, args->size);
	if (!vbo)
		return ERR_PTR(-ENOMEM);
	vbo->block_size = args->block_size;
	vbo->mix = args->flags & DRM_VIRTIO_VRAM_GEM_MIX;
	vbo->large = args->flags & DRM_VIRTIO_VRAM_GEM_LARGE;

	/* Frees it when it fails. */
	ret = ttm_bo_init_validate(&vram->bdev, &vbo->tbo, ttm_bo_type_device,
				   &placement, 0, true, NULL, NULL,
				   virtio_vram_tbo_destroy);
	if (ret)
		return ERR_PTR(ret);
	virtio_vram_bo_list(vram, vbo);
	return vbo;
}

static int virtio_vram_create_handle(struct drm_file *file,
				     struct drm_virtio_vram_gem_create *args)
{
	struct virtio_vram *vram = to_virtio_vram(file->minor->dev);
	struct virtio_vram_bo *vbo;
	int ret;

	vbo = virtio_vram_bo_create(vram, args);
	if (IS_ERR(vbo))
		return PTR_ERR(vbo);

	ret = drm_gem_handle_create(file, &vbo->tbo.base, &args->handle);
	drm_gem_object_put(&vbo->tbo.base);
	return ret;
}

static bool virtio_vram_block_size_ok(const struct drm_virtio_vram_gem_create *args)
{
	if (!args->block_size)
		return !(args->flags & DRM_VIRTIO_VRAM_GEM_MIX);

	return !(args->flags & DRM_VIRTIO_VRAM_GEM_LARGE) &&
	       args->placement & DRM_VIRTIO_VRAM_PLACE_VRAM &&
	       is_power_of_2(args->block_size) &&
	       args->block_size >= PAGE_SIZE && args->block_size <= SZ_1G;
}

int virtio_vram_gem_create_ioctl(struct drm_device *drm, void *data,
				 struct drm_file *file)
{
	struct drm_virtio_vram_gem_create *args = data;

	if (!args->size || !PAGE_ALIGNED(args->size) || args->pad ||
	    !args->placement ||
	    args->placement & ~(DRM_VIRTIO_VRAM_PLACE_VRAM |
				DRM_VIRTIO_VRAM_PLACE_SYSTEM) ||
	    args->flags & ~(DRM_VIRTIO_VRAM_GEM_MIX |
			    DRM_VIRTIO_VRAM_GEM_LARGE) ||
	    !virtio_vram_block_size_ok(args))
		return -EINVAL;

	return virtio_vram_create_handle(file, args);
}

int virtio_vram_gem_mmap_offset_ioctl(struct drm_device *drm, void *data,
				      struct drm_file *file)
{
	struct drm_virtio_vram_gem_mmap_offset *args = data;
	struct drm_gem_object *gem;

	if (args->pad)
		return -EINVAL;

	gem = drm_gem_object_lookup(file, args->handle);
	if (!gem)
		return -ENOENT;

	args->offset = drm_vma_node_offset_addr(&gem->vma_node);
	drm_gem_object_put(gem);
	return 0;
}

int virtio_vram_info_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file)
{
	struct virtio_vram *vram = to_virtio_vram(drm);
	struct drm_virtio_vram_info *args = data;

	args->vram_size = vram->size;
	args->vram_avail = virtio_vram_mgr_avail(vram);
	return 0;
}

/* For &drm_driver.dumb_create; DRM has checked width, height and bpp. */
int virtio_vram_dumb_create(struct drm_file *file, struct drm_device *drm,
			    struct drm_mode_create_dumb *args)
{
	u64 pitch = ALIGN((u64)args->width * DIV_ROUND_UP(args->bpp, 8), 64);
	struct drm_virtio_vram_gem_create create = {
		.size = PAGE_ALIGN(pitch * args->height),
		.placement = DRM_VIRTIO_VRAM_PLACE_VRAM |
			     DRM_VIRTIO_VRAM_PLACE_SYSTEM,
	};
	int ret;

	if (pitch > U32_MAX)
		return -EINVAL;

	ret = virtio_vram_create_handle(file, &create);
	if (ret)
		return ret;

	args->pitch = pitch;
	args->size = create.size;
	args->handle = create.handle;
	return 0;
}

/* For &drm_driver.gem_prime_import_sg_table */
struct drm_gem_object *
virtio_vram_import_sg_table(struct drm_device *drm,
			    struct dma_buf_attachment *attach,
			    struct sg_table *sgt)
{
	struct ttm_place place = { .mem_type = TTM_PL_SYSTEM };
	struct ttm_placement placement = {
		.num_placement = 1,
		.placement = &place,
	};
	struct dma_resv *resv = attach->dmabuf->resv;
	struct virtio_vram_bo *vbo;
	int ret;

	vbo = virtio_vram_bo_alloc(drm, attach->dmabuf->size);
	if (!vbo)
		return ERR_PTR(-ENOMEM);

	dma_resv_lock(resv, NULL);
	ret = ttm_bo_init_validate(&to_virtio_vram(drm)->bdev, &vbo->tbo,
				   ttm_bo_type_sg, &placement, 0, false, sgt,
				   resv, virtio_vram_tbo_destroy);
	dma_resv_unlock(resv);
	if (ret)
		return ERR_PTR(ret);
	virtio_vram_bo_list(to_virtio_vram(drm), vbo);
	return &vbo->tbo.base;
}

static void virtio_vram_add_stats(struct drm_gem_object *gem,
				  struct drm_memory_stats *stats)
{
	struct ttm_buffer_object *tbo = &gem_to_virtio_vram_bo(gem)->tbo;
	bool in_window, there;

	dma_resv_lock(gem->resv, NULL);
	in_window = tbo->resource && tbo->resource->mem_type == TTM_PL_VRAM;
	there = in_window || (tbo->ttm && ttm_tt_is_populated(tbo->ttm));
	dma_resv_unlock(gem->resv);

	stats += in_window ? TTM_PL_VRAM : TTM_PL_SYSTEM;
	/* Its lock is DRM's own; a handle may come or go at any time anyway. */
	if (READ_ONCE(gem->handle_count) > 1)
		stats->shared += gem->size;
	else
		stats->private += gem->size;
	if (there)
		stats->resident += gem->size;
}

/**
 * virtio_vram_show_fdinfo - for &drm_driver.show_fdinfo
 * @p: where to
 * @file: whose buffers
 */
void virtio_vram_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct drm_memory_stats stats[TTM_PL_VRAM + 1] = {};
	struct drm_gem_object *gem;
	int id;

	/* The reservation may sleep. */
	spin_lock(&file->table_lock);
	for (id = 0; (gem = idr_get_next(&file->object_idr, &id)); id++) {
		drm_gem_object_get(gem);
		spin_unlock(&file->table_lock);
		virtio_vram_add_stats(gem, stats);
		drm_gem_object_put(gem);
		spin_lock(&file->table_lock);
	}
	spin_unlock(&file->table_lock);
	drm_print_memory_stats(p, &stats[TTM_PL_VRAM], DRM_GEM_OBJECT_RESIDENT,
			       "vram");
	drm_print_memory_stats(p, &stats[TTM_PL_SYSTEM], DRM_GEM_OBJECT_RESIDENT,
			       "system");
}

/*
 * With a reference. A buffer may lose its last one, and go, while others are reserved:
 * the lock is not held for long.
 */
static struct virtio_vram_bo *virtio_vram_nth_bo(struct virtio_vram *vram,
						 unsigned long n)
{
	struct virtio_vram_bo *vbo;

	mutex_lock(&vram->bo_lock);
	list_for_each_entry(vbo, &vram->bos, link) {
		if (kref_read(&vbo->tbo.base.refcount) && !n-- &&
		    kref_get_unless_zero(&vbo->tbo.base.refcount))
			goto unlock;
	}
	vbo = NULL;
unlock:
	mutex_unlock(&vram->bo_lock);
	return vbo;
}

/**
 * virtio_vram_show_buffers - for debugfs: a line for each buffer
 * @m: where to
 * @unused: unused
 *
 * Return: 0.
 */
int virtio_vram_show_buffers(struct seq_file *m, void *unused)
{
	struct drm_debugfs_entry *entry = m->private;
	struct virtio_vram *vram = to_virtio_vram(entry->dev);
	struct drm_printer p = drm_seq_file_printer(m);
	struct virtio_vram_bo *vbo;
	unsigned long n;

	for (n = 0; (vbo = virtio_vram_nth_bo(vram, n)); n++) {
		dma_resv_lock(vbo->tbo.base.resv, NULL);
		drm_printf(&p, "offset %#llx: ",
			   drm_vma_node_offset_addr(&vbo->tbo.base.vma_node));
		ttm_range_print(&vbo->tbo, &p);
		dma_resv_unlock(vbo->tbo.base.resv);
		drm_gem_object_put(&vbo->tbo.base);
	}
	return 0;
}
