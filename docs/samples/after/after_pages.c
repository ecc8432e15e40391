// SPDX-License-Identifier: MIT
/*
 * An array of pages: what is contiguous in it is found by the library.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/vmf_range.h>

#include <drm/drm_gem.h>
#include <drm/drm_vma_manager.h>

struct object {
	struct drm_gem_object gem;	/* first: vm_private_data points to it */
	struct mutex lock;		/* keeps the memory where it is */
	struct page **pages;
	unsigned long nr;
};

/* begin */
static vm_fault_t pages_fault(struct vm_fault *vmf)
{
	struct object *obj = vmf->vma->vm_private_data;
	struct vmf_range_pages pages = {
		.pgoff = drm_vma_node_start(&obj->gem.vma_node),
		.pages = obj->pages,
		.nr = obj->nr,
	};
	vm_fault_t ret;

	mutex_lock(&obj->lock);
	ret = vmf_insert_blocks(vmf, vmf_range_block_of_pages, &pages,
				vmf->vma->vm_page_prot);
	mutex_unlock(&obj->lock);
	return ret;
}

const struct vmf_range_ops after_pages_ops = {
	.vm_ops = VMF_RANGE_VM_OPS,
	.fault = pages_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

/* end */

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample: an array of pages by vmf_insert_blocks()");
MODULE_LICENSE("Dual MIT/GPL");
