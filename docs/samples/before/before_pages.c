// SPDX-License-Identifier: MIT
/*
 * An array of pages: a huge entry where it fits, else one page for each fault.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include <drm/drm_gem.h>
#include <drm/drm_vma_manager.h>

struct object {
	struct drm_gem_object gem;	/* first: vm_private_data points to it */
	struct mutex lock;		/* keeps the memory where it is */
	struct page **pages;
	unsigned long nr;
};

/* begin */
static vm_fault_t pages_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct object *obj = vma->vm_private_data;
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	unsigned long n = vma->vm_pgoff - drm_vma_node_start(&obj->gem.vma_node) +
			  PHYS_PFN(addr - vma->vm_start);
	vm_fault_t ret = VM_FAULT_FALLBACK;
	struct page *page;

	if (addr < vma->vm_start || addr + (PAGE_SIZE << order) > vma->vm_end)
		return VM_FAULT_FALLBACK;

	mutex_lock(&obj->lock);
	page = n < obj->nr ? obj->pages[n] : NULL;
	if (!page)
		ret = VM_FAULT_SIGBUS;
	else if (order == 0)
		ret = vmf_insert_pfn(vma, addr, page_to_pfn(page));
	else if (order == PMD_ORDER && folio_order(page_folio(page)) >= order &&
		 IS_ALIGNED(page_to_pfn(page), 1UL << order))
		ret = vmf_insert_pfn_pmd(vmf, page_to_pfn(page), false);
	mutex_unlock(&obj->lock);
	return ret;
}

static vm_fault_t pages_fault(struct vm_fault *vmf)
{
	return pages_huge_fault(vmf, 0);
}

const struct vm_operations_struct before_pages_ops = {
	.fault = pages_fault,
	.huge_fault = pages_huge_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

/* end */

MODULE_DESCRIPTION("Sample: an array of pages, one by one");
MODULE_LICENSE("Dual MIT/GPL");
