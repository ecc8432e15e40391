// SPDX-License-Identifier: MIT
/*
 * A carve-out, mapped when mmap() is called, by the fewest entries.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/vmf_range.h>

static unsigned long base_pfn = 1 << 20;
static unsigned long nr_pages = 1 << 18;

/* begin */
static int carve_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff >= nr_pages ||
	    vma_pages(vma) > nr_pages - vma->vm_pgoff ||
	    is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	vma->vm_page_prot = pgprot_decrypted(vma->vm_page_prot);
	return vmf_remap_range(vma, vma->vm_start, base_pfn + vma->vm_pgoff,
			       vma->vm_end - vma->vm_start,
			       vma->vm_page_prot);
}

/* end */

/* address: begin */
static unsigned long carve_area(struct file *file, unsigned long addr,
				unsigned long len, unsigned long pgoff,
				unsigned long flags)
{
	struct vmf_range_block block = { .pfn = base_pfn, .nr_pages = nr_pages };

	return vmf_range_get_unmapped_area(file, addr, len, pgoff, flags, &block);
}

/* address: end */

const struct file_operations after_remap_fops = {
	.owner = THIS_MODULE,
	.mmap = carve_mmap,
	.get_unmapped_area = carve_area,
};

module_param(base_pfn, ulong, 0400);
MODULE_PARM_DESC(base_pfn, "first page frame of the memory");
module_param(nr_pages, ulong, 0400);
MODULE_PARM_DESC(nr_pages, "length of the memory in pages");
VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample: vmf_remap_range()");
MODULE_LICENSE("Dual MIT/GPL");
