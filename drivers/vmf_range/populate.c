// SPDX-License-Identifier: GPL-2.0-only
/*
 * Map at mmap() time, in place of io_remap_pfn_range(), with huge leaves.
 *
 * The upper page tables that this needs can be made by the core only. So it has
 * the core fault, on a VMA that nobody else can see yet, with a fault handler of
 * this file for the time being, which fills as far as one PUD table goes.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmf_range.h>

#include "compat.h"
#include "insert.h"
#include "plan.h"
#include "vm_ops.h"

/* A call, and the operations of its VMA meanwhile. */
struct populate {
	struct vmf_range_ops ops;
	vmf_range_block_fn block_fn;
	void *priv;
	pgprot_t prot;
	unsigned int levels;
	unsigned long done;	/* up to which address */
	int err;
};

static vm_fault_t populate_fault(struct vm_fault *vmf)
{
	struct populate *p = container_of(vmf->vma->vm_ops, struct populate,
					  ops.vm_ops);
	struct vmf_insert_args args = {
		.block_fn = p->block_fn,
		.priv = p->priv,
		.prot = p->prot,
		.levels = p->levels,
		.populate = true,
	};
	vm_fault_t ret = vmf_insert(vmf, &args);

	p->done = args.end;
	p->err = args.err;
	return ret;
}

/* The first page from addr on that is not in a hole, as far as the driver says. */
static unsigned long skip_hole(struct vm_area_struct *vma,
			       const struct populate *p, unsigned long addr,
			       unsigned long end)
{
	struct vmf_range_block block = {};

	while (addr < end && !fatal_signal_pending(current) &&
	       p->block_fn(p->priv, linear_page_index(vma, addr), &block) ==
	       -ENOENT) {
		addr += PAGE_SIZE;
		cond_resched();
	}
	return addr;
}

/*
 * A fault for each PUD table, and one after each hole. It is no access of the process:
 * protection keys, by which a mapping may be for execution only, have no say in it.
 */
static int populate_range(struct vm_area_struct *vma, struct populate *p,
			  unsigned long addr, unsigned long end)
{
	while (addr < end) {
		vm_fault_t ret;

		addr = skip_hole(vma, p, addr, end);
		if (fatal_signal_pending(current))
			return -EINTR;
		if (addr == end)
			return 0;
		p->done = addr;
		p->err = 0;
		ret = handle_mm_fault(vma, addr, FAULT_FLAG_REMOTE, NULL);
		/* The driver has thought better of it. */
		if (p->err == -ENOENT)
			p->done = addr + PAGE_SIZE;
		else if (p->err)
			return p->err;
		else if ((ret & VM_FAULT_ERROR) || p->done == addr)
			return -ENOMEM;
		addr = p->done;
		cond_resched();
	}
	return 0;
}

/*
 * Huge leaves go as a whole when a part of them is unmapped; what should have
 * stayed must be able to fault, and that fault may have them.
 */
static unsigned int levels_of(const struct vm_operations_struct *vm_ops)
{
	return vmf_range_allows_huge(vm_ops) ? ~0U : BIT(VMF_PTE);
}

static int populate(struct vm_area_struct *vma, unsigned long addr,
		    unsigned long end, vmf_range_block_fn block_fn, void *priv,
		    pgprot_t prot)
{
	const struct vm_operations_struct *vm_ops = vma->vm_ops;
	struct populate p = {
		.ops = { .vm_ops = VMF_RANGE_VM_OPS },
		.block_fn = block_fn,
		.priv = priv,
		.prot = prot,
		.levels = levels_of(vm_ops),
	};
	int err;

	/*
	 * What has no access yet faults when it gets some, if it can. PUD leaves must, and
	 * a CPU may look up the PFN of any entry without access (L1TF): better have none.
	 */
	if (vm_ops && vm_ops->fault && !(vma->vm_flags & VM_ACCESS_FLAGS))
		return 0;

	if (vm_ops && vmf_range_is_ours(vma))
		p.ops = *vmf_range_ops_of(vma);
	p.ops.fault = populate_fault;

	/* The core asks for nothing else of these as long as we are in ->mmap. */
	vma->vm_ops = &p.ops.vm_ops;
	err = populate_range(vma, &p, addr, end);
	vma->vm_ops = vm_ops;
	return err;
}

static int check(const struct vm_area_struct *vma, unsigned long addr,
		 unsigned long size)
{
	const char *why;

	mmap_assert_write_locked(vma->vm_mm);
	if (!PAGE_ALIGNED(addr | size) || !size || addr + size < addr ||
	    addr < vma->vm_start || addr + size > vma->vm_end)
		why = "the range is empty, not aligned or not in the VMA";
	else if (is_cow_mapping(vma->vm_flags))
		why = "the VMA is private and writable; refuse that in mmap";
	else
		return 0;

	pr_err_ratelimited("vmf_range: %pD: %#lx bytes at %lx of VMA %lx-%lx: %s\n",
			   vma->vm_file, size, addr, vma->vm_start, vma->vm_end,
			   why);
	return -EINVAL;
}

/* What remap_pfn_range() does to a VMA, for the same reasons. */
static void make_pfnmap(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
}

/**
 * vmf_remap_blocks - map blocks of device memory without a fault
 * @vma: the VMA, in its file's ->mmap; all of it is mapped but for holes
 * @block_fn: says which block backs a page
 * @priv: passed to @block_fn, which is not used after this call
 * @prot: as for vmf_insert_blocks()
 *
 * Huge entries are made if @vma has a ->fault that may make them, as part of one may
 * have to come back when the rest is unmapped: see vmf_insert_blocks(). PUD entries
 * need a &struct vmf_range_ops, as ever.
 *
 * Context: in ->mmap: mmap_lock held for writing, and nobody knows the VMA yet.
 * May sleep.
 * Return: 0; -EINVAL for a VMA that cannot be (reported) or a block that is wrong
 * (reported); -EACCES for memory that a mapping without access must not have on this CPU
 * (L1TF; only of a driver without ->fault), as remap_pfn_range() has it; -ENOMEM without
 * memory for page tables; -EINTR when the process is being killed; or an error of
 * @block_fn. Nothing is mapped then. A driver whose ->mmap fails later calls
 * vmf_remap_undo().
 */
int vmf_remap_blocks(struct vm_area_struct *vma, vmf_range_block_fn block_fn,
		     void *priv, pgprot_t prot)
{
	int err;

	err = check(vma, vma->vm_start, vma->vm_end - vma->vm_start);
	if (err)
		return err;
	make_pfnmap(vma);
	err = populate(vma, vma->vm_start, vma->vm_end, block_fn, priv, prot);
	if (err)
		vmf_remap_undo(vma);
	return err;
}
EXPORT_SYMBOL_GPL(vmf_remap_blocks);

/*
 * What backs a VMA whose driver has no operations of its own: the VMA remembers it
 * in vm_private_data, for the faults after a huge leaf had to go.
 */
struct remap {
	refcount_t users;
	const struct vm_operations_struct *before;
	unsigned int nr;
	struct remap_block {
		struct vmf_range_block block;
		pgprot_t prot;
	} blocks[];
};

static vm_fault_t remap_fault(struct vm_fault *vmf)
{
	const struct remap *remap = vmf->vma->vm_private_data;
	struct vmf_range_block block;
	unsigned int i;
	pgprot_t prot;

	for (i = 0; i < remap->nr; i++) {
		block = remap->blocks[i].block;
		if (vmf->pgoff < block.pgoff ||
		    vmf->pgoff - block.pgoff >= block.nr_pages)
			continue;
		/* The cache bits of then, the access that mprotect() gives now. */
		prot = vmf_compat_change_access(remap->blocks[i].prot,
						vmf->vma->vm_page_prot);
		return vmf_insert_blocks(vmf, vmf_range_block_of_block, &block,
					 prot);
	}
	return VM_FAULT_SIGBUS;
}

static void remap_open(struct vm_area_struct *vma)
{
	struct remap *remap = vma->vm_private_data;

	refcount_inc(&remap->users);
}

static void remap_close(struct vm_area_struct *vma)
{
	struct remap *remap = vma->vm_private_data;

	if (refcount_dec_and_test(&remap->users))
		kfree(remap);
}

static const struct vmf_range_ops remap_ops = {
	.vm_ops = VMF_RANGE_VM_OPS,
	.fault = remap_fault,
	.open = remap_open,
	.close = remap_close,
	.flags = VMF_RANGE_PUD,
};

/* Until somebody gives a VMA operations, the core's are none or empty ones. */
static bool has_ops(const struct vm_area_struct *vma)
{
	return vma->vm_ops && memchr_inv(vma->vm_ops, 0, sizeof(*vma->vm_ops));
}

static bool is_remapped(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &remap_ops.vm_ops;
}

/* Remember one more block; the VMA becomes ours with the first. */
static int remember(struct vm_area_struct *vma,
		    const struct vmf_range_block *block, pgprot_t prot)
{
	bool first = !is_remapped(vma);
	struct remap *old = first ? NULL : vma->vm_private_data;
	unsigned int nr = first ? 0 : old->nr;
	struct remap *remap;

	remap = krealloc(old, struct_size(remap, blocks, nr + 1),
			 GFP_KERNEL_ACCOUNT);
	if (!remap)
		return -ENOMEM;
	if (first) {
		refcount_set(&remap->users, 1);
		remap->before = vma->vm_ops;
	}
	remap->nr = nr + 1;
	remap->blocks[nr] = (struct remap_block){ *block, prot };
	vma->vm_private_data = remap;
	vma->vm_ops = &remap_ops.vm_ops;
	return 0;
}

static void forget(struct vm_area_struct *vma)
{
	struct remap *remap = vma->vm_private_data;

	vma->vm_ops = remap->before;
	vma->vm_private_data = NULL;
	kfree(remap);
}

/**
 * vmf_remap_range - map one block of device memory without a fault
 * @vma: the VMA, in its file's ->mmap
 * @addr: where the block begins, page aligned, in @vma
 * @pfn: its first page frame number
 * @size: its length in bytes, page aligned
 * @prot: as for vmf_insert_blocks()
 *
 * For drivers that call io_remap_pfn_range() in their ->mmap: the same arguments,
 * the same effect, with huge entries. Private writable mappings are refused.
 *
 * A driver without &vm_area_struct.vm_ops gets the library's, which overwrite
 * &vm_area_struct.vm_private_data; it must not use that field. They map the same
 * memory again after a zap, so such a driver must not use this for memory that can
 * move or go away. A driver with operations of its own gets huge entries if they have
 * a ->fault that may make them.
 *
 * Context: as vmf_remap_blocks(). May be called for several parts of a VMA.
 * Return: 0; -EINVAL for a range that cannot be (reported); -EACCES as
 * vmf_remap_blocks(); -ENOMEM; -EINTR when the process is being killed. Nothing of @vma
 * is mapped then. A driver whose ->mmap fails later calls vmf_remap_undo().
 */
int vmf_remap_range(struct vm_area_struct *vma, unsigned long addr,
		    unsigned long pfn, unsigned long size, pgprot_t prot)
{
	struct vmf_range_block block;
	bool ours;
	int err;

	err = check(vma, addr, size);
	if (err)
		goto fail;
	make_pfnmap(vma);

	block.pgoff = linear_page_index(vma, addr);
	block.pfn = pfn;
	block.nr_pages = PHYS_PFN(size);
	ours = is_remapped(vma) || !has_ops(vma);
	if (ours) {
		err = remember(vma, &block, prot);
		if (err)
			goto fail;
	}
	err = populate(vma, addr, addr + size, vmf_range_block_of_block, &block,
		       prot);
	if (err)
		goto fail;
	return 0;

fail:
	vmf_remap_undo(vma);
	return err;
}
EXPORT_SYMBOL_GPL(vmf_remap_range);

/**
 * vmf_remap_undo - leave nothing behind of vmf_remap_range() and vmf_remap_blocks()
 * @vma: the VMA that they have mapped, in its file's ->mmap
 *
 * For a driver whose ->mmap fails after one of them has succeeded. Nothing of @vma is
 * mapped then, what the library remembers of it is freed, and its operations are as
 * before. Where one of them has failed itself, it has done the same already.
 *
 * A failing ->mmap that does not call this leaves memory that nobody frees, as the core
 * does not call ->close then; and when it unmaps what is left in the VMA, it has let go
 * of the file, and takes huge entries for those of pages that it knows.
 *
 * Context: as vmf_remap_blocks().
 */
void vmf_remap_undo(struct vm_area_struct *vma)
{
	vmf_compat_zap(vma, vma->vm_start, vma->vm_end - vma->vm_start);
	if (is_remapped(vma))
		forget(vma);
}
EXPORT_SYMBOL_GPL(vmf_remap_undo);
