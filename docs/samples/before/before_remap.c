// SPDX-License-Identifier: MIT
/*
 * A carve-out, mapped when mmap() is called.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>

static unsigned long base_pfn = 1 << 20;
static unsigned long nr_pages = 1 << 18;

/* begin */
static int carve_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff >= nr_pages ||
	    vma_pages(vma) > nr_pages - vma->vm_pgoff)
		return -EINVAL;
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	return io_remap_pfn_range(vma, vma->vm_start, base_pfn + vma->vm_pgoff,
				  vma->vm_end - vma->vm_start,
				  vma->vm_page_prot);
}

/* end */

const struct file_operations before_remap_fops = {
	.owner = THIS_MODULE,
	.mmap = carve_mmap,
};

module_param(base_pfn, ulong, 0400);
MODULE_PARM_DESC(base_pfn, "first page frame of the memory");
module_param(nr_pages, ulong, 0400);
MODULE_PARM_DESC(nr_pages, "length of the memory in pages");
MODULE_DESCRIPTION("Sample: io_remap_pfn_range()");
MODULE_LICENSE("Dual MIT/GPL");
