// SPDX-License-Identifier: MIT
/*
 * A BAR in huge entries, one for each fault, as the core asks for it.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rwsem.h>

struct bar {
	struct rw_semaphore lock;
	bool enabled;
	unsigned long pfn;
};

/* begin */
static vm_fault_t bar_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct bar *bar = vma->vm_private_data;
	unsigned long size = PAGE_SIZE << order;
	unsigned long addr = ALIGN_DOWN(vmf->address, size);
	unsigned long pfn = bar->pfn + vma->vm_pgoff +
			    PHYS_PFN(addr - vma->vm_start);
	vm_fault_t ret = VM_FAULT_FALLBACK;

	if (addr < vma->vm_start || addr + size > vma->vm_end ||
	    !IS_ALIGNED(pfn, 1UL << order))
		return VM_FAULT_FALLBACK;

	down_read(&bar->lock);
	if (!bar->enabled)
		ret = VM_FAULT_SIGBUS;
	else if (order == PUD_ORDER)
		ret = vmf_insert_pfn_pud(vmf, pfn, false);
	else if (order == PMD_ORDER)
		ret = vmf_insert_pfn_pmd(vmf, pfn, false);
	else if (order == 0)
		ret = vmf_insert_pfn(vma, addr, pfn);
	up_read(&bar->lock);
	return ret;
}

static vm_fault_t bar_fault(struct vm_fault *vmf)
{
	return bar_huge_fault(vmf, 0);
}

const struct vm_operations_struct before_bar_ops = {
	.fault = bar_fault,
	.huge_fault = bar_huge_fault,
};

/* end */

MODULE_DESCRIPTION("Sample: huge_fault");
MODULE_LICENSE("Dual MIT/GPL");
