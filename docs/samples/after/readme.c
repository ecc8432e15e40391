// SPDX-License-Identifier: MIT
/*
 * What the README shows, word for word (a check compares them), and what is needed
 * to compile that.
 */
#include <linux/fs.h>
#include <linux/module.h>

struct my_bar {
	phys_addr_t base;
	size_t size;
};

/* begin */
#include <linux/vmf_range.h>

static vm_fault_t my_fault(struct vm_fault *vmf)	/* of any order */
{
	struct vm_area_struct *vma = vmf->vma;
	struct my_bar *bar = vma->vm_private_data;

	return vmf_insert_range(vmf, vma->vm_start,
				PHYS_PFN(bar->base) + vma->vm_pgoff,
				(bar->size >> PAGE_SHIFT) - vma->vm_pgoff,
				vma->vm_page_prot);
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

VMF_RANGE_IMPORT_NS();					/* beside MODULE_LICENSE() */
/* end */

const struct file_operations readme_fops = {
	.owner = THIS_MODULE,
	.mmap = my_mmap,
};

MODULE_DESCRIPTION("Sample: the one in the README");
MODULE_LICENSE("Dual MIT/GPL");
