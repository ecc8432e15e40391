// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls by which a driver's fault handler maps its memory: check what the
 * driver says, plan, and have the walker write.
 */
#include <linux/export.h>
#include <linux/sched.h>
#include <linux/vmf_range.h>

#include "compat.h"
#include "insert.h"
#include "plan.h"
#include "promote.h"
#include "stats.h"
#include "trace.h"
#include "vm_ops.h"
#include "walk.h"
#include "zap.h"

/*
 * PTEs per call: the head and the tail of a run of huge leaves, each less than a
 * table. Where no huge leaf fits, the planner fills one table at most.
 */
#define MAX_PTES	(2 * (PTRS_PER_PTE - 1))

/* After MADV_SEQUENTIAL, which is a promise to touch what follows. */
#define SEQUENTIAL_PTES	(4 * PTRS_PER_PTE)

/* After MADV_RANDOM, which says that neighbours are of little use: 64 KiB of 4K. */
#define RANDOM_PTES	16

/* One call: how the planner's question reaches the driver. */
struct insert {
	struct vm_area_struct *vma;
	vmf_range_block_fn block_fn;
	void *priv;
};

static unsigned long first_vpn(const struct vm_area_struct *vma)
{
	return vma->vm_start >> PAGE_SHIFT;
}

static unsigned long end_vpn(const struct vm_area_struct *vma)
{
	return vma->vm_end >> PAGE_SHIFT;
}

static int check_block(const struct vm_area_struct *vma, pgoff_t pgoff,
		       const struct vmf_range_block *block)
{
	unsigned long last_pgoff, last_pfn;

	if (!block->nr_pages ||
	    check_add_overflow(block->pgoff, block->nr_pages - 1, &last_pgoff) ||
	    check_add_overflow(block->pfn, block->nr_pages - 1, &last_pfn) ||
	    last_pfn >= vmf_compat_end_pfn() ||
	    pgoff < block->pgoff || pgoff > last_pgoff) {
		pr_err_ratelimited("vmf_range: %pD: block of %lu pages at page offset %#lx, pfn %#lx: %s (asked for page offset %#lx)\n",
				   vma->vm_file, block->nr_pages, block->pgoff,
				   block->pfn,
				   !block->nr_pages ? "is empty" :
				   pgoff - block->pgoff >= block->nr_pages ?
				   "does not hold the page" :
				   "goes beyond what the CPU can address",
				   pgoff);
		return -EINVAL;
	}
	if (!(vma->vm_flags & VM_ACCESS_FLAGS) &&
	    !vmf_compat_may_lack_access(last_pfn))
		return -EACCES;
	return 0;
}

static int lookup(void *priv, unsigned long vpn, struct vmf_extent *extent)
{
	struct insert *insert = priv;
	struct vm_area_struct *vma = insert->vma;
	pgoff_t pgoff = vpn - first_vpn(vma) + vma->vm_pgoff;
	struct vmf_range_block block = {};
	unsigned long skip = 0;
	int err;

	err = insert->block_fn(insert->priv, pgoff, &block);
	if (err)
		return err;
	err = check_block(vma, pgoff, &block);
	if (err)
		return err;

	/* What lies before the VMA may have no address at all. */
	if (block.pgoff < vma->vm_pgoff)
		skip = vma->vm_pgoff - block.pgoff;
	extent->start = vpn - (pgoff - (block.pgoff + skip));
	extent->end = extent->start +
		      min(block.nr_pages - skip, end_vpn(vma) - extent->start);
	extent->pfn = block.pfn + skip;
	return 0;
}

static int check_call(const struct vm_area_struct *vma,
		      const struct vmf_insert_args *args,
		      enum vmf_tracking tracking, bool puds)
{
	const char *why;

	if (!args->block_fn)
		why = "the driver gave no block callback";
	else if (!(vma->vm_flags & VM_PFNMAP))
		why = "the VMA is not VM_PFNMAP";
	else if (is_cow_mapping(vma->vm_flags))
		why = "the VMA is private and writable; refuse that in mmap";
	else if (!vma->vm_file)
		why = "the VMA has no file";
	else if (tracking == VMF_TRACK_BROKEN)
		why = "of ->dirty and VMF_RANGE_VM_OPS_DIRTY, the driver has only one";
	else if (tracking && !vmf_compat_fault_drops_tlb())
		why = "writes cannot be tracked on this architecture";
	else if (!puds && vmf_range_wants_puds(vma))
		why = "VMF_RANGE_PUD needs all of VMF_RANGE_VM_OPS, .may_split for one";
	else
		return 0;

	pr_err_ratelimited("vmf_range: %s: nothing mapped at %lx-%lx\n", why,
			   vma->vm_start, vma->vm_end);
	return -EINVAL;
}

/* Refused before anything was looked at; the reason is in the log. */
static vm_fault_t refuse(const struct vm_fault *vmf, int err)
{
	vmf_stats_add_one(vmf->vma, VMF_STAT_REFUSED);
	trace_vmf_range_refuse(vmf->vma, vmf->address, err);
	return VM_FAULT_SIGBUS;
}

/* Write what the plan says. True through @mapped once the fault is served. */
static int carry_out(struct vmf_plan *plan, struct vmf_walk *walk, bool *mapped)
{
	struct vmf_run run;

	vmf_plan_begin(plan);
	while (vmf_plan_next(plan, &run)) {
		unsigned long nr = 0;
		int ret = vmf_walk_write(walk, &run, &nr);

		vmf_plan_wrote(plan, &run, nr);
		*mapped |= nr || ret == VMF_WALK_MAPPED;
		/* A table that only the core can make ends the growth on this side. */
		if (ret == -EOPNOTSUPP && *mapped)
			ret = VMF_WALK_MAPPED;
		if (ret < 0)
			return ret;
		if (ret == VMF_WALK_TABLE)
			vmf_plan_deny(plan, &run);
		else if (ret == VMF_WALK_MAPPED)
			vmf_plan_stop(plan, &run);
		if (!walk->ptes)
			cond_resched();
	}
	return plan->err;
}

static vm_fault_t result(int err, bool mapped)
{
	switch (err) {
	case 0:
		return VM_FAULT_NOPAGE;
	case -ENOMEM:
		/* More than the fault could have been mapped; that is no error. */
		return mapped ? VM_FAULT_NOPAGE : VM_FAULT_OOM;
	case -EOPNOTSUPP:
		/*
		 * The core makes the table that is missing, and comes again with
		 * the next smaller order. ->fault never gets here: it has a PMD
		 * table, and a PTE table in reserve.
		 */
		return VM_FAULT_FALLBACK;
	case -EEXIST:
		return VM_FAULT_SIGBUS;
	default:
		/* A neighbour's block is wrong; it gets its own fault if touched. */
		return mapped ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
	}
}

static unsigned int levels_for(const struct vm_area_struct *vma,
			       const struct vmf_insert_args *args, bool puds)
{
	unsigned int levels = vmf_walk_levels() & args->levels;

	if (!vmf_range_allows_huge(vma->vm_ops))
		return BIT(VMF_PTE);
	if (!puds)
		levels &= ~BIT(VMF_PUD);
	return levels;
}

/*
 * How many PTEs, and how far ahead of the fault's own page table. The user knows
 * best how it will go on; the driver may know what is affordable.
 */
static void set_window(struct vmf_plan *plan, const struct vm_area_struct *vma,
		       bool populate)
{
	unsigned long max_ptes = vmf_range_is_ours(vma) ?
				 vmf_range_ops_of(vma)->max_ptes : 0;

	plan->budget = max_ptes ?: MAX_PTES;
	if (populate)
		plan->budget = ULONG_MAX;
	else if (vma->vm_flags & VM_RAND_READ)
		plan->budget = min_t(unsigned long, plan->budget, RANDOM_PTES);
	else if (vma->vm_flags & VM_SEQ_READ)
		plan->budget = max_ptes ?: SEQUENTIAL_PTES;
	else if (max_ptes <= PTRS_PER_PTE)
		return;

	plan->eager = ALIGN_DOWN(plan->fault, PTRS_PER_PTE) + plan->budget;
	if (plan->eager < plan->budget)
		plan->eager = ULONG_MAX;
}

static void count(struct vmf_tally *tally, const struct vmf_plan *plan,
		  vm_fault_t ret, bool populate)
{
	vmf_tally_add(tally, populate ? VMF_STAT_POPULATES : VMF_STAT_FAULTS, 1);
	if (plan->short_of_budget)
		vmf_tally_add(tally, VMF_STAT_SHORT, 1);
	if (ret == VM_FAULT_FALLBACK)
		vmf_tally_add(tally, VMF_STAT_RETRIES, 1);
	else if (ret & VM_FAULT_ERROR)
		vmf_tally_add(tally, VMF_STAT_REFUSED, 1);
}

/**
 * vmf_insert - map what is around a fault
 * @vmf: the fault, of any order
 * @args: what to map
 *
 * Context: as vmf_insert_blocks().
 * Return: as vmf_insert_blocks().
 */
vm_fault_t vmf_insert(struct vm_fault *vmf, struct vmf_insert_args *args)
{
	struct vm_area_struct *vma = vmf->vma;
	struct insert insert = {
		.vma = vma,
		.block_fn = args->block_fn,
		.priv = args->priv,
	};
	unsigned long reach = ALIGN_DOWN(vmf->address, P4D_SIZE) >> PAGE_SHIFT;
	enum vmf_tracking tracking = vmf_range_tracking(vma);
	bool written = tracking && (vmf->flags & FAULT_FLAG_WRITE);
	bool puds = vmf_range_allows_puds(vma);
	struct vmf_plan plan = {
		.fault = vmf->address >> PAGE_SHIFT,
		.start = max(first_vpn(vma), reach),
		.end = min(end_vpn(vma), reach + (P4D_SIZE >> PAGE_SHIFT)),
		.shift = {
			[VMF_PMD] = PMD_SHIFT - PAGE_SHIFT,
			[VMF_PUD] = PUD_SHIFT - PAGE_SHIFT,
		},
		.levels = levels_for(vma, args, puds),
		.small_fault = written && tracking == VMF_TRACK_PAGES,
		.lookup = lookup,
		.priv = &insert,
	};
	struct vmf_vma *record = NULL;
	struct vmf_tally tally = {};
	struct vmf_walk walk;
	bool mapped = false;
	vm_fault_t ret;
	int err;

	args->end = vmf->address;
	args->err = check_call(vma, args, tracking, puds);
	if (args->err)
		return refuse(vmf, args->err);
	set_window(&plan, vma, args->populate);

	/* The operations of a VMA that is being populated are not its own. */
	if (!args->populate)
		record = vmf_stats_begin(vma);
	if (plan.small_fault)
		vmf_zap_huge(vma, vmf->address);
	vmf_walk_begin(&walk, vmf, args->prot, tracking, &tally);
	err = carry_out(&plan, &walk, &mapped);
	vmf_walk_unlock(&walk);
	if (tally.count[VMF_STAT_PROMOTED])
		vmf_compat_forget_tables();
	ret = result(err, mapped);
	if (written && ret == VM_FAULT_NOPAGE)
		vmf_walk_make_writable(&walk, vmf->address,
				       vmf_range_ops_of(vma)->dirty);
	if (mapped)
		args->end = plan.up.cursor << PAGE_SHIFT;
	/* Of a wrong block, populate hears even where a fault would not fail. */
	args->err = (ret & VM_FAULT_ERROR) ? err : plan.err;
	count(&tally, &plan, ret, args->populate);
	vmf_stats_add(record, &tally);
	trace_vmf_range_insert(vma, vmf->address, vmf->flags, &tally, err);
	return ret;
}

/**
 * vmf_insert_blocks - map the blocks of device memory around a fault
 * @vmf: the fault, of any order
 * @block_fn: says which block backs a page
 * @priv: passed to @block_fn
 * @prot: protection and cache bits for every entry, in the form for a PTE
 *	(usually from &vm_area_struct.vm_page_prot); no memory type is looked up,
 *	and all mappings of a page must agree on theirs
 *
 * Maps the faulting page with the largest special entry that its block and the
 * VMA can hold, and its neighbourhood: all huge entries that adjoin, the ragged
 * ends of the huge runs, or one page table's worth of small entries. Entries
 * that are present with the same PFN are kept.
 *
 * The VMA must be %VM_PFNMAP, and shared or read-only. PUD entries are written
 * only in a VMA whose &struct vmf_range_ops has %VMF_RANGE_PUD: without its
 * ->may_split and ->open, splitting or moving the VMA would corrupt them. Huge entries
 * of any size are written only if &vm_area_struct.vm_ops has ->huge_fault, which calls
 * this as ->fault does, and has no ->pfn_mkwrite but that of %VMF_RANGE_VM_OPS_DIRTY:
 * by ->huge_fault the core has one made writable that was mapped read-only, and of a
 * huge entry it tells no ->pfn_mkwrite.
 *
 * Context: fault handler, under the per-VMA lock or mmap_lock; process context,
 * may sleep to allocate page tables. The caller holds the lock that keeps the
 * memory in place, under which it also zaps before the memory moves.
 * Return: %VM_FAULT_NOPAGE when the page is mapped; %VM_FAULT_OOM without memory
 * for a page table; %VM_FAULT_FALLBACK, from ->huge_fault only, where the kernel
 * must make a table first; %VM_FAULT_SIGBUS for a page that nothing backs, for one
 * for which @block_fn failed, and, with one rate-limited message, for misuse, for a
 * wrong block and where another PFN is mapped. A wrong block around a page that is
 * right leaves its message, and the page is mapped.
 */
vm_fault_t vmf_insert_blocks(struct vm_fault *vmf, vmf_range_block_fn block_fn,
			     void *priv, pgprot_t prot)
{
	struct vmf_insert_args args = {
		.block_fn = block_fn,
		.priv = priv,
		.prot = prot,
		.levels = ~0U,
	};

	return vmf_insert(vmf, &args);
}
EXPORT_SYMBOL_GPL(vmf_insert_blocks);

/**
 * vmf_insert_range - map the one block of device memory behind a fault
 * @vmf: the fault, of any order
 * @addr: user address that the first page of the block has or would have; page
 *	aligned; may lie before the VMA
 * @pfn: page frame number of that page
 * @nr_pages: length of the block in pages; may reach beyond the VMA
 * @prot: as for vmf_insert_blocks()
 *
 * The block must hold the faulting address. It needs no alignment and may have
 * any length; it is clipped to the VMA.
 *
 * Context: as vmf_insert_blocks().
 * Return: as vmf_insert_blocks(); %VM_FAULT_SIGBUS also for a block that is
 * empty, unaligned, wraps around, or does not hold the faulting address.
 */
vm_fault_t vmf_insert_range(struct vm_fault *vmf, unsigned long addr,
			    unsigned long pfn, unsigned long nr_pages,
			    pgprot_t prot)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long into = (vmf->address - addr) >> PAGE_SHIFT;
	unsigned long skip = 0;
	struct vmf_range_block block;

	if (!PAGE_ALIGNED(addr) || vmf->address < addr || into >= nr_pages ||
	    pfn + nr_pages - 1 < pfn) {
		pr_err_ratelimited("vmf_range: %pD: block of %lu pages at address %lx, pfn %#lx: cannot back the fault at %lx\n",
				   vma->vm_file, nr_pages, addr, pfn,
				   vmf->address);
		return refuse(vmf, -EINVAL);
	}

	/* Page offsets begin with the VMA; what lies before it is not needed. */
	if (addr < vma->vm_start)
		skip = (vma->vm_start - addr) >> PAGE_SHIFT;
	block.pgoff = linear_page_index(vma, addr + (skip << PAGE_SHIFT));
	block.pfn = pfn + skip;
	block.nr_pages = min(nr_pages - skip, vma_pages(vma));
	return vmf_insert_blocks(vmf, vmf_range_block_of_block, &block, prot);
}
EXPORT_SYMBOL_GPL(vmf_insert_range);
