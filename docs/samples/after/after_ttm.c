// SPDX-License-Identifier: MIT
/*
 * The same driver with ttm_range.
 */
#include <linux/module.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/ttm/ttm_range.h>

/* begin */
static const struct ttm_range_ops gem_range_ops = {
	.base = TTM_RANGE_BASE(VMF_RANGE_PUD),
};

const struct drm_gem_object_funcs after_ttm_funcs = {
	.mmap = ttm_range_mmap,
	.vm_ops = &gem_range_ops.base.vm_ops,
};

const struct file_operations after_ttm_fops = {
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
	.fop_flags = FOP_UNSIGNED_OFFSET,
};

/* end */

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample: TTM buffers by ttm_range");
MODULE_LICENSE("Dual MIT/GPL");
