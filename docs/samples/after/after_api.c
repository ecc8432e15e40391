// SPDX-License-Identifier: MIT
/*
 * Parts of drivers that docs/api.rst shows.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/vmf_range.h>

struct my_object {
	struct mutex lock;	/* keeps the memory where it is */
	struct vmf_range_dirty dirty;
	unsigned long base_pfn;
	unsigned long extents[16];	/* MiB of device memory, each */
};

static pgprot_t my_prot(const struct vm_area_struct *vma)
{
	return pgprot_writecombine(vma->vm_page_prot);
}

/* block: begin */
static int my_block(void *priv, pgoff_t pgoff, struct vmf_range_block *block)
{
	const struct my_object *obj = priv;
	unsigned long extent = pgoff / PHYS_PFN(SZ_1M);

	if (extent >= ARRAY_SIZE(obj->extents) || !obj->extents[extent])
		return -ENOENT;		/* a hole */
	block->pgoff = extent * PHYS_PFN(SZ_1M);
	block->pfn = obj->base_pfn + obj->extents[extent] * PHYS_PFN(SZ_1M);
	block->nr_pages = PHYS_PFN(SZ_1M);
	return 0;
}

/* block: end */

/* fault: begin */
static vm_fault_t my_fault(struct vm_fault *vmf)
{
	struct my_object *obj = vmf->vma->vm_private_data;
	vm_fault_t ret;

	mutex_lock(&obj->lock);
	ret = vmf_insert_blocks(vmf, my_block, obj, my_prot(vmf->vma));
	mutex_unlock(&obj->lock);
	return ret;
}

const struct vmf_range_ops my_ops = {
	.vm_ops = VMF_RANGE_VM_OPS,
	.fault = my_fault,
	.flags = VMF_RANGE_PUD,
};

/* fault: end */

/* dirty: begin */
static void my_dirty(struct vm_area_struct *vma, pgoff_t pgoff,
		     unsigned long nr_pages)
{
	struct my_object *obj = vma->vm_private_data;

	vmf_range_dirty_mark(&obj->dirty, pgoff, nr_pages);
}

const struct vmf_range_ops my_dirty_ops = {
	.vm_ops = VMF_RANGE_VM_OPS_DIRTY,
	.fault = my_fault,
	.dirty = my_dirty,
};

/* dirty: end */

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample: parts of docs/api.rst");
MODULE_LICENSE("Dual MIT/GPL");
