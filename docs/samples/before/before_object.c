// SPDX-License-Identifier: MIT
/*
 * A whole object in PTEs, in one fault, from its scatter list.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>

#include <drm/drm_gem.h>
#include <drm/drm_vma_manager.h>

struct object {
	struct drm_gem_object gem;	/* first: vm_private_data points to it */
	struct mutex lock;		/* keeps the memory where it is */
	struct sg_table *sgt;
};

/* begin */
struct remap {
	struct vm_area_struct *vma;
	struct sg_dma_page_iter iter;
};

static int remap_one(pte_t *ptep, unsigned long addr, void *data)
{
	struct remap *r = data;
	dma_addr_t dma;

	if (!__sg_page_iter_dma_next(&r->iter))
		return -EINVAL;
	dma = sg_page_iter_dma_address(&r->iter);
	set_pte_at(r->vma->vm_mm, addr, ptep,
		   pte_mkspecial(pfn_pte(PHYS_PFN(dma), r->vma->vm_page_prot)));
	return 0;
}

static vm_fault_t object_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct object *obj = vma->vm_private_data;
	struct remap r = { .vma = vma };
	int err;

	mutex_lock(&obj->lock);
	__sg_page_iter_start(&r.iter.base, obj->sgt->sgl, obj->sgt->nents,
			     vma->vm_pgoff - drm_vma_node_start(&obj->gem.vma_node));
	err = apply_to_page_range(vma->vm_mm, vma->vm_start,
				  vma->vm_end - vma->vm_start, remap_one, &r);
	mutex_unlock(&obj->lock);
	return err ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

const struct vm_operations_struct before_object_ops = {
	.fault = object_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

/* end */

MODULE_DESCRIPTION("Sample: apply_to_page_range()");
MODULE_LICENSE("Dual MIT/GPL");
