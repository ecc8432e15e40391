// SPDX-License-Identifier: MIT
/*
 * What the README shows, word for word (a check compares them), and what is needed
 * to compile that.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/rwsem.h>

struct my_bar {
	struct rw_semaphore lock;	/* keeps the memory where it is */
	phys_addr_t base;
	size_t size;
};

/* begin */
#include <linux/vmf_range.h>

static vm_fault_t my_fault(struct vm_fault *vmf)	/* of any order */
{
	struct vm_area_struct *vma = vmf->vma;
	struct my_bar *bar = vma->vm_private_data;
	vm_fault_t ret;

	down_read(&bar->lock);
	ret = vmf_insert_range(vmf, vma->vm_start,
			       PHYS_PFN(bar->base) + vma->vm_pgoff,
			       (bar->size >> PAGE_SHIFT) - vma->vm_pgoff,
			       vma->vm_page_prot);
	up_read(&bar->lock);
	return ret;
}

static const struct vmf_range_ops my_ops = {
	.vm_ops = VMF_RANGE_VM_OPS,
	.fault = my_fault,
	.flags = VMF_RANGE_PUD,				/* 1 GiB entries, too */
};

static int my_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct my_bar *bar = file->private_data;
	unsigned long pages = bar->size >> PAGE_SHIFT;

	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff ||
	    is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));
	vma->vm_private_data = bar;
	vma->vm_ops = &my_ops.vm_ops;
	return 0;
}

/* An address where large entries fit. */
static unsigned long my_area(struct file *file, unsigned long addr,
			     unsigned long len, unsigned long pgoff,
			     unsigned long flags)
{
	struct my_bar *bar = file->private_data;
	struct vmf_range_block block = {
		.pfn = PHYS_PFN(bar->base),
		.nr_pages = bar->size >> PAGE_SHIFT,
	};

	return vmf_range_get_unmapped_area(file, addr, len, pgoff, flags, &block);
}

static const struct file_operations my_fops = {
	.owner = THIS_MODULE,
	.mmap = my_mmap,
	.get_unmapped_area = my_area,
};

VMF_RANGE_IMPORT_NS();					/* beside MODULE_LICENSE() */
/* end */

/* The driver registers a device with them. */
const struct file_operations * const readme_fops = &my_fops;

MODULE_DESCRIPTION("Sample: the one in the README");
MODULE_LICENSE("Dual MIT/GPL");
