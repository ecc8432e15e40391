// SPDX-License-Identifier: MIT
/*
 * An object by the fewest entries, from its scatter list.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/vmf_range.h>

#include <drm/drm_device.h>
#include <drm/drm_gem.h>
#include <drm/drm_vma_manager.h>

struct object {
	struct drm_gem_object gem;	/* first: vm_private_data points to it */
	struct mutex lock;		/* keeps the memory where it is */
	struct sg_table *sgt;
};

/* begin */
static vm_fault_t object_fault(struct vm_fault *vmf)
{
	struct object *obj = vmf->vma->vm_private_data;
	struct vmf_range_sg sg = {
		.pgoff = drm_vma_node_start(&obj->gem.vma_node),
		.sgt = obj->sgt,
		.dma = true,	/* device memory; false for pages */
	};
	vm_fault_t ret;

	mutex_lock(&obj->lock);
	ret = vmf_insert_blocks(vmf, vmf_range_block_of_sg, &sg,
				vmf->vma->vm_page_prot);
	mutex_unlock(&obj->lock);
	return ret;
}

const struct vmf_range_ops after_object_ops = {
	.vm_ops = VMF_RANGE_VM_OPS,
	.fault = object_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.flags = VMF_RANGE_PUD,
};

/* end */

/* evict: begin */
static void object_evict(struct object *obj)
{
	mutex_lock(&obj->lock);
	vmf_range_zap(obj->gem.dev->anon_inode->i_mapping,
		      drm_vma_node_start(&obj->gem.vma_node),
		      obj->gem.size >> PAGE_SHIFT);
	/* ... move the memory ... */
	mutex_unlock(&obj->lock);
}

/* evict: end */

/* Somebody calls it. */
void (* const after_object_evict)(struct object *obj) = object_evict;

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample: a scatter list by vmf_insert_blocks()");
MODULE_LICENSE("Dual MIT/GPL");
