// SPDX-License-Identifier: MIT
/*
 * A TTM driver's mappings.
 */
#include <linux/dma-resv.h>
#include <linux/module.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_ttm_helper.h>
#include <drm/drm_ioctl.h>
#include <drm/ttm/ttm_bo.h>

/* begin */
static vm_fault_t gem_fault(struct vm_fault *vmf)
{
	struct ttm_buffer_object *bo = vmf->vma->vm_private_data;
	vm_fault_t ret;
	int idx;

	ret = ttm_bo_vm_reserve(bo, vmf);
	if (ret)
		return ret;
	if (drm_dev_enter(bo->base.dev, &idx)) {
		ret = ttm_bo_vm_fault_reserved(vmf, vmf->vma->vm_page_prot,
					       TTM_BO_VM_NUM_PREFAULT);
		drm_dev_exit(idx);
	} else {
		ret = ttm_bo_vm_dummy_page(vmf, vmf->vma->vm_page_prot);
	}
	if (ret == VM_FAULT_RETRY && !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		return ret;
	dma_resv_unlock(bo->base.resv);
	return ret;
}

static const struct vm_operations_struct gem_vm_ops = {
	.fault = gem_fault,
	.open = ttm_bo_vm_open,
	.close = ttm_bo_vm_close,
	.access = ttm_bo_vm_access,
};

const struct drm_gem_object_funcs before_ttm_funcs = {
	.mmap = drm_gem_ttm_mmap,
	.vm_ops = &gem_vm_ops,
};

const struct file_operations before_ttm_fops = {
	.owner = THIS_MODULE,
	DRM_GEM_FOPS,
};

/* end */

MODULE_DESCRIPTION("Sample: ttm_bo_vm_fault_reserved()");
MODULE_LICENSE("Dual MIT/GPL");
