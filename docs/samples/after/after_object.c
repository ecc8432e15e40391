// SPDX-License-Identifier: MIT
/*
 * An object by the fewest entries, from its scatter list.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/vmf_range.h>

struct object {
	struct mutex lock;	/* keeps the memory where it is */
	struct sg_table *sgt;
};

/* begin */
static vm_fault_t object_fault(struct vm_fault *vmf)
{
	struct object *obj = vmf->vma->vm_private_data;
	struct vmf_range_sg sg = { .sgt = obj->sgt, .dma = true };
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
	.flags = VMF_RANGE_PUD,
};

/* end */

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample: a scatter list by vmf_insert_blocks()");
MODULE_LICENSE("Dual MIT/GPL");
