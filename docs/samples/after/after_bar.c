// SPDX-License-Identifier: MIT
/*
 * A BAR by the fewest entries, in one fault.
 */
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/vmf_range.h>

struct bar {
	struct rw_semaphore lock;
	bool enabled;
	unsigned long pfn;
	unsigned long nr_pages;
	struct address_space *mapping;
};

/* begin */
static vm_fault_t bar_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct bar *bar = vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	down_read(&bar->lock);
	if (bar->enabled)
		ret = vmf_insert_range(vmf, vma->vm_start,
				       bar->pfn + vma->vm_pgoff,
				       bar->nr_pages - vma->vm_pgoff,
				       vma->vm_page_prot);
	up_read(&bar->lock);
	return ret;
}

const struct vmf_range_ops after_bar_ops = {
	.vm_ops = VMF_RANGE_VM_OPS,
	.fault = bar_fault,
	.flags = VMF_RANGE_PUD,
};

/* end */

/* disable: begin */
static void bar_disable(struct bar *bar)
{
	down_write(&bar->lock);
	bar->enabled = false;
	vmf_range_zap(bar->mapping, 0, bar->nr_pages);
	up_write(&bar->lock);
}

/* disable: end */

/* Somebody calls it. */
void (* const after_bar_disable)(struct bar *bar) = bar_disable;

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample: a BAR by vmf_insert_range()");
MODULE_LICENSE("Dual MIT/GPL");
