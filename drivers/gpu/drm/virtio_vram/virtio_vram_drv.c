// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binding to the device, and what DRM asks a driver.
 *
 * There is no module alias on purpose: a machine's virtio-gpu belongs to the
 * kernel's own driver. This one is loaded by name, for tests.
 */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_resource.h>
#include <drm/virtio_vram_drm.h>

#include "virtio_vram.h"

/*
 * Not DRM_GEM_FOPS: newer kernels set .get_unmapped_area there, for buffers in
 * shmem, which these are not.
 */
const struct file_operations virtio_vram_fops = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = drm_ioctl,
	.compat_ioctl = drm_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = drm_gem_mmap,
	.get_unmapped_area = ttm_range_get_unmapped_area,
	.show_fdinfo = drm_show_fdinfo,
	.fop_flags = FOP_UNSIGNED_OFFSET,
};

static const struct drm_ioctl_desc virtio_vram_ioctls[] = {
	DRM_IOCTL_DEF_DRV(VIRTIO_VRAM_INFO, virtio_vram_info_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VIRTIO_VRAM_GEM_CREATE, virtio_vram_gem_create_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VIRTIO_VRAM_GEM_MMAP_OFFSET,
			  virtio_vram_gem_mmap_offset_ioctl, DRM_RENDER_ALLOW),
};

static void virtio_vram_debugfs_init(struct drm_minor *minor)
{
	struct virtio_vram *vram = to_virtio_vram(minor->dev);

	ttm_resource_manager_create_debugfs(&vram->mgr.base, minor->debugfs_root,
					    "vram_mm");
}

static const struct drm_driver virtio_vram_drm_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE,
	.fops = &virtio_vram_fops,
	.ioctls = virtio_vram_ioctls,
	.num_ioctls = ARRAY_SIZE(virtio_vram_ioctls),
	.dumb_create = virtio_vram_dumb_create,
	.gem_prime_import = virtio_vram_prime_import,
	.gem_prime_import_sg_table = virtio_vram_import_sg_table,
	.show_fdinfo = virtio_vram_show_fdinfo,
	.debugfs_init = virtio_vram_debugfs_init,
	.name = "virtio_vram",
	.desc = "virtio-gpu window as TTM VRAM",
	VIRTIO_VRAM_DRIVER_DATE
	.major = 1,
};

/* Find the window, and have it to ourselves. */
static int virtio_vram_find_window(struct virtio_vram *vram)
{
	struct virtio_shm_region region;
	struct device *dev = &vram->vdev->dev;

	if (!virtio_get_shm_region(vram->vdev, &region,
				   VIRTIO_GPU_SHM_ID_HOST_VISIBLE)) {
		dev_info(dev, "no host-visible window\n");
		return -ENODEV;
	}
	if (!region.len || !PAGE_ALIGNED(region.addr | region.len)) {
		dev_err(dev, "bad window: %llu bytes at %#llx\n", region.len,
			region.addr);
		return -EINVAL;
	}
	if (!devm_request_mem_region(dev, region.addr, region.len, dev_name(dev)))
		return -EBUSY;

	vram->base = region.addr;
	vram->size = region.len;
	return 0;
}

/*
 * Map the window once for the kernel. This also reserves its memory type for as
 * long as the device is bound: a mapping that asks what the type is gets the
 * one that ttm_io_prot() gives our own.
 */
static int virtio_vram_map_window(struct virtio_vram *vram)
{
	struct device *dev = &vram->vdev->dev;
	void *win;

	switch (vram->caching) {
	case ttm_cached:
		win = devm_memremap(dev, vram->base, vram->size, MEMREMAP_WB);
		if (IS_ERR(win))
			return PTR_ERR(win);
		vram->win = (void __iomem __force *)win;
		break;
	case ttm_write_combined:
		vram->win = devm_ioremap_wc(dev, vram->base, vram->size);
		break;
	default:
		vram->win = devm_ioremap(dev, vram->base, vram->size);
		break;
	}
	return vram->win ? 0 : -ENOMEM;
}

static int virtio_vram_setup(struct virtio_vram *vram)
{
	int ret;

	ret = virtio_vram_find_window(vram);
	if (ret)
		return ret;

	ret = virtio_vram_ctrl_init(vram);
	if (ret)
		return ret;

	ret = virtio_vram_ctrl_hello(vram);
	if (ret)
		goto err_ctrl;

	ret = virtio_vram_blob_setup(vram);
	if (ret)
		goto err_ctrl;

	ret = virtio_vram_map_window(vram);
	if (ret)
		goto err_ctrl;

	ret = virtio_vram_ttm_setup(vram);
	if (ret)
		goto err_ctrl;

	drm_debugfs_add_file(vram->drm, "buffers", virtio_vram_show_buffers, NULL);
	ret = drm_dev_register(vram->drm, 0);
	if (ret)
		goto err_ctrl;

	ret = virtio_vram_test_init(vram);
	if (ret)
		goto err_unplug;
	return 0;

err_unplug:
	drm_dev_unplug(vram->drm);
err_ctrl:
	virtio_vram_ctrl_fini(vram);
	return ret;
}

static const char * const virtio_vram_caching_name[] = {
	[ttm_uncached] = "uncached",
	[ttm_write_combined] = "write-combined",
	[ttm_cached] = "cached",
};

static int virtio_vram_probe(struct virtio_device *vdev)
{
	struct virtio_vram *vram;
	struct drm_device *drm;
	int ret;

	/*
	 * The bus device is the parent, as it can do DMA, so that nothing of
	 * the DRM device may be bound to the parent's driver by devm.
	 */
	drm = drm_dev_alloc(&virtio_vram_drm_driver, vdev->dev.parent);
	if (IS_ERR(drm))
		return PTR_ERR(drm);

	vram = drmm_kzalloc(drm, sizeof(*vram), GFP_KERNEL);
	if (!vram) {
		ret = -ENOMEM;
		goto err_put;
	}
	vram->drm = drm;
	vram->vdev = vdev;
	mutex_init(&vram->bo_lock);
	INIT_LIST_HEAD(&vram->bos);
	drm->dev_private = vram;
	vdev->priv = vram;

	ret = virtio_vram_setup(vram);
	if (ret)
		goto err_put;

	drm_info(drm, "window: %llu MiB at %pa, %s, %s\n", vram->size >> 20,
		 &vram->base, virtio_vram_caching_name[vram->caching],
		 vram->blob ? "filled by blobs" : "mapped as a whole");
	return 0;

err_put:
	drm_dev_put(drm);
	return ret;
}

static void virtio_vram_remove(struct virtio_device *vdev)
{
	struct virtio_vram *vram = vdev->priv;

	/* Waits for who is in the window, then zaps the buffers' mappings. */
	drm_dev_unplug(vram->drm);
	virtio_vram_test_fini(vram);
	virtio_vram_ctrl_fini(vram);
	drm_dev_put(vram->drm);
}

/*
 * The window loses its content when the device is reset, as it is when the machine
 * sleeps: before, every buffer goes to system memory, where its mappings find it.
 * From then on the window takes nobody in. Processes are frozen by now, so none
 * comes in between.
 */
static int virtio_vram_freeze(struct virtio_device *vdev)
{
	struct virtio_vram *vram = vdev->priv;
	struct ttm_resource_manager *man = &vram->mgr.base;
	int ret;

	ret = ttm_resource_manager_evict_all(&vram->bdev, man);
	if (ret)
		return ret;
	ttm_resource_manager_set_used(man, false);
	virtio_vram_ctrl_stop(vram);
	return 0;
}

/* A device that does not start again leaves buffers in system memory for good. */
static int virtio_vram_restore(struct virtio_device *vdev)
{
	struct virtio_vram *vram = vdev->priv;
	int ret;

	ret = virtio_vram_ctrl_start(vram);
	if (!ret)
		ret = virtio_vram_ctrl_hello(vram);
	if (!ret)
		ret = virtio_vram_blob_start(vram);
	if (ret) {
		drm_err(vram->drm, "no window any more: %pe\n", ERR_PTR(ret));
		return ret;
	}
	ttm_resource_manager_set_used(&vram->mgr.base, true);
	return 0;
}

static const struct virtio_device_id virtio_vram_ids[] = {
	{ VIRTIO_ID_GPU, VIRTIO_DEV_ANY_ID },
	{ 0 },
};

static const unsigned int virtio_vram_features[] = {
	VIRTIO_GPU_F_VIRGL,	/* contexts, without which there are no blobs */
	VIRTIO_GPU_F_RESOURCE_BLOB,
};

static struct virtio_driver virtio_vram_driver = {
	.feature_table = virtio_vram_features,
	.feature_table_size = ARRAY_SIZE(virtio_vram_features),
	.driver.name = KBUILD_MODNAME,
	.id_table = virtio_vram_ids,
	.probe = virtio_vram_probe,
	.remove = virtio_vram_remove,
	.freeze = virtio_vram_freeze,
	.restore = virtio_vram_restore,
};
module_virtio_driver(virtio_vram_driver);

MODULE_INFO(import_ns, "DMA_BUF");
VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("virtio-gpu host-visible window as TTM VRAM");
MODULE_AUTHOR("The vmf_range developers");
MODULE_VERSION(VMF_RANGE_VERSION);
MODULE_LICENSE("GPL");
