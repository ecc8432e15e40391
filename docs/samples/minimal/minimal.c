// SPDX-License-Identifier: MIT
/*
 * A driver with nothing but memory: /dev/minimal can be mapped.
 */
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/vmf_range.h>

#define NR_PAGES	PHYS_PFN(SZ_4M)

static struct page *memory;	/* 4 MiB, contiguous */

/* mapping: begin */
static vm_fault_t minimal_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;

	return vmf_insert_range(vmf, vma->vm_start,
				page_to_pfn(memory) + vma->vm_pgoff,
				NR_PAGES - vma->vm_pgoff, vma->vm_page_prot);
}

static const struct vmf_range_ops minimal_ops = {
	.vm_ops = VMF_RANGE_VM_OPS,
	.fault = minimal_fault,
};

static int minimal_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff >= NR_PAGES ||
	    vma_pages(vma) > NR_PAGES - vma->vm_pgoff ||
	    !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &minimal_ops.vm_ops;
	return 0;
}

/* mapping: end */

/* address: begin */
static unsigned long minimal_area(struct file *file, unsigned long addr,
				  unsigned long len, unsigned long pgoff,
				  unsigned long flags)
{
	struct vmf_range_block block = {
		.pfn = page_to_pfn(memory), .nr_pages = NR_PAGES,
	};

	return vmf_range_get_unmapped_area(file, addr, len, pgoff, flags, &block);
}

/* address: end */

static const struct file_operations minimal_fops = {
	.owner = THIS_MODULE,
	.mmap = minimal_mmap,
	.get_unmapped_area = minimal_area,
};

static struct miscdevice minimal = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "minimal",
	.fops = &minimal_fops,
};

static int __init minimal_init(void)
{
	int err;

	memory = alloc_pages(GFP_KERNEL | __GFP_ZERO, get_order(SZ_4M));
	if (!memory)
		return -ENOMEM;
	err = misc_register(&minimal);
	if (err)
		__free_pages(memory, get_order(SZ_4M));
	return err;
}
module_init(minimal_init);

static void __exit minimal_exit(void)
{
	misc_deregister(&minimal);
	__free_pages(memory, get_order(SZ_4M));
}
module_exit(minimal_exit);

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample: memory that can be mapped");
MODULE_LICENSE("Dual MIT/GPL");
