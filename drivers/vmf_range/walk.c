// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walker: writes the planner's leaves into page tables.
 *
 * Locks held at entry: the per-VMA lock or mmap_lock, for reading, by the fault;
 * and the driver's lock over the memory (a TTM driver's dma_resv), by the
 * driver's fault handler.
 *
 * Locks taken: the page-table lock of the level written (pud_lock:
 * mm->page_table_lock; pmd_lock and the PTE table's lock: split, one per table); those
 * of huge leaves for one run of leaves, a PTE table's for all runs in it, and while the
 * driver is asked for the next block. Never two at once, except for promote.c: the PMD
 * entry's lock, then the lock of the PTE table under it, as the core nests them.
 *
 * What others do meanwhile, and why they cannot break this:
 *
 * - munmap(), mremap(), a VMA split and exit free or move tables. They hold
 *   mmap_lock for writing and write-lock the VMA first, so they wait for the
 *   fault to end, and later faults see what they left.
 * - A zap (eviction by unmap_mapping_range(), MADV) clears entries under the same
 *   page-table locks, and frees no table. The driver's lock orders it: an
 *   eviction zaps under the lock under which the handler decided what to map, so
 *   no stale entry is written after the zap.
 * - A concurrent fault, in this mm on another CPU, fills in tables and leaves, and
 *   may put a leaf in the place of an empty PTE table (promote.c). A PMD table once
 *   seen stays; a PTE table is looked for again under its lock; and only an entry
 *   that is none under the lock is written.
 * - fork() copies with the parent's mmap_lock held for writing and its VMA write-locked:
 *   no fault runs in either. A zap may; ->open sees to it that there are no PMD leaves,
 *   the one kind that the core copies without another look (zap.c).
 * - GUP-fast and hardware walk without locks: a table is complete before the
 *   entry that points to it is written (smp_wmb() pairs with their dependent
 *   loads), and every leaf has the special bit, so no page reference is taken.
 *
 * Entries are only added: there is nothing to flush, and nothing for an mmu
 * notifier to hear.
 */
#include <kunit/visibility.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "compat.h"
#include "promote.h"
#include "stats.h"
#include "tables.h"
#include "trace.h"
#include "walk.h"

/* What an entry says when it is not none. */
static int judge(struct vmf_walk *walk, unsigned long addr, unsigned long is,
		 unsigned long want)
{
	struct vm_area_struct *vma = walk->vmf->vma;

	if (is == want) {
		vmf_tally_add(walk->tally, VMF_STAT_KEPT, 1);
		return VMF_WALK_MAPPED;
	}

	pr_err_ratelimited("vmf_range: %pD: address %lx maps pfn %lx and the driver now says %lx; left as it is (VMA %lx-%lx). Zap before memory moves.\n",
			   vma->vm_file, addr, is, want, vma->vm_start,
			   vma->vm_end);
	return -EEXIST;
}

/*
 * A leaf is in place already, at addr. When it is the fault's own, read-only, and the
 * fault a permitted write (the VMA wants to hear of writes, as soft-dirty
 * tracking does), the fault is here to have it made writable. The core does that
 * by itself for a PTE, wp_pfn_shared().
 */
static bool needs_upgrade(const struct vmf_walk *walk, unsigned long addr,
			  unsigned long size, bool writable)
{
	const struct vm_fault *vmf = walk->vmf;

	return !writable && !walk->tracking && !vmf->vma->vm_ops->pfn_mkwrite &&
	       vmf->address - addr < size &&
	       (vmf->flags & FAULT_FLAG_WRITE) &&
	       (vmf->vma->vm_flags & VM_WRITE);
}

/**
 * vmf_walk_levels - which levels leaves may have on this machine
 *
 * %VMF_PUD still needs the consent of the VMA's owner.
 *
 * Return: a mask of BIT(enum vmf_level).
 */
unsigned int vmf_walk_levels(void)
{
	unsigned int levels = BIT(VMF_PTE);

	/*
	 * A leaf that needs a deposited page table (powerpc hash) could not be
	 * zapped without one.
	 */
	if (!IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) ||
	    arch_needs_pgtable_deposit())
		return levels;

	levels |= BIT(VMF_PMD);
	if (vmf_compat_has_pud_leaves())
		levels |= BIT(VMF_PUD);
	return levels;
}

/**
 * vmf_walk_begin - set up the walker for one fault
 * @walk: filled in
 * @vmf: the fault; its PUD table exists, as in every fault handler
 * @prot: protection and cache bits, in the form for a PTE
 * @tracking: whether writes are tracked
 * @tally: counts what is written
 */
void vmf_walk_begin(struct vmf_walk *walk, struct vm_fault *vmf,
		    pgprot_t prot, enum vmf_tracking tracking,
		    struct vmf_tally *tally)
{
	walk->vmf = vmf;
	walk->ptes = NULL;
	walk->tracking = tracking;
	walk->tally = tally;
	walk->pud_table = vmf->pud - pud_index(vmf->address);
	walk->prot = prot;
	walk->large_prot = vmf_compat_large_prot(prot);
}
EXPORT_SYMBOL_IF_KUNIT(vmf_walk_begin);

/*
 * A leaf is in place that is larger than what the driver's block would give now. As
 * judge(), and no less writable than one of the right size.
 */
static int judge_larger_pud(struct vmf_walk *walk, unsigned long addr,
			    pud_t pud, unsigned long pfn)
{
	unsigned long start = addr & PUD_MASK;
	int ret = judge(walk, addr, pud_pfn(pud) + PHYS_PFN(addr - start), pfn);

	if (ret == VMF_WALK_MAPPED &&
	    needs_upgrade(walk, start, PUD_SIZE, pud_write(pud)))
		vmf_compat_upgrade_pud(walk->vmf, pud_pfn(pud));
	return ret;
}

static int judge_larger_pmd(struct vmf_walk *walk, unsigned long addr,
			    pmd_t *pmdp, pmd_t pmd, unsigned long pfn)
{
	unsigned long start = addr & PMD_MASK;
	int ret = judge(walk, addr, pmd_pfn(pmd) + PHYS_PFN(addr - start), pfn);

	/* As in judge_pmd(). */
	if (ret == VMF_WALK_MAPPED && pmdp == walk->vmf->pmd &&
	    needs_upgrade(walk, start, PMD_SIZE, pmd_write(pmd)))
		vmf_compat_upgrade_pmd(walk->vmf, pmd_pfn(pmd));
	return ret;
}

/*
 * The PMD entry for addr, its table made if need be. Under the fault's lock a
 * PUD entry that points to a table keeps doing so.
 */
static int get_pmd(struct vmf_walk *walk, unsigned long addr, unsigned long pfn,
		   pmd_t **pmdp)
{
	pud_t *pudp = walk->pud_table + pud_index(addr);

	for (;;) {
		pud_t pud = READ_ONCE(*pudp);
		int err;

		if (pud_leaf(pud))
			return judge_larger_pud(walk, addr, pud, pfn);
		if (!pud_none(pud)) {
			*pmdp = pmd_offset(pudp, addr);
			return VMF_WALK_DONE;
		}
		err = vmf_make_pmd_table(walk->vmf->vma->vm_mm, pudp);
		if (err)
			return err;
	}
}

/* Make sure that a PTE table hangs under the PMD entry. */
static int get_pte_table(struct vmf_walk *walk, unsigned long addr,
			 unsigned long pfn, pmd_t *pmdp)
{
	for (;;) {
		pmd_t pmd = pmdp_get_lockless(pmdp);
		int err;

		if (pmd_leaf(pmd))
			return judge_larger_pmd(walk, addr, pmdp, pmd, pfn);
		if (!pmd_none(pmd))
			return VMF_WALK_DONE;
		err = vmf_make_pte_table(walk->vmf, addr, pmdp);
		if (err)
			return err;
	}
}

static int write_puds(struct vmf_walk *walk, const struct vmf_run *run,
		      unsigned long *nr)
{
	struct vm_area_struct *vma = walk->vmf->vma;
	long step = run->down ? -1 : 1;
	unsigned long i = run->down ? run->nr - 1 : 0;
	unsigned long addr = (run->vpn << PAGE_SHIFT) + i * PUD_SIZE;
	unsigned long pfn = run->pfn + i * PHYS_PFN(PUD_SIZE);
	pud_t *pudp = walk->pud_table + pud_index(addr);
	bool upgrade = false;
	int ret = VMF_WALK_DONE;
	spinlock_t *ptl;

	ptl = pud_lock(vma->vm_mm, pudp);
	for (*nr = 0; *nr < run->nr; ++*nr) {
		if (!pud_none(pudp_get(pudp)))
			break;
		vmf_compat_set_pud(vma, addr, pudp, pfn, walk->large_prot,
				   !walk->tracking);
		addr += step * PUD_SIZE;
		pfn += step * PHYS_PFN(PUD_SIZE);
		pudp += step;
	}
	if (*nr < run->nr) {
		pud_t pud = pudp_get(pudp);

		ret = VMF_WALK_TABLE;
		if (pud_leaf(pud)) {
			ret = judge(walk, addr, pud_pfn(pud), pfn);
			upgrade = needs_upgrade(walk, addr, PUD_SIZE,
						pud_write(pud));
		}
	}
	spin_unlock(ptl);

	vmf_tally_add(walk->tally, VMF_STAT_PUD, *nr);
	if (ret == VMF_WALK_MAPPED && upgrade)
		vmf_compat_upgrade_pud(walk->vmf, pfn);
	return ret;
}

static pmd_t pmd_leaf_for(const struct vmf_walk *walk, unsigned long pfn)
{
	pmd_t pmd = pmd_mkspecial(pmd_mkhuge(pfn_pmd(pfn, walk->large_prot)));

	return walk->tracking ? pmd_wrprotect(pmd) : pmd;
}

/* Write up to nr leaves under the table's lock. Return: how many were none. */
static unsigned long fill_pmds(struct vmf_walk *walk, unsigned long addr,
			       pmd_t *pmdp, unsigned long pfn, unsigned long nr,
			       long step)
{
	struct vm_area_struct *vma = walk->vmf->vma;
	unsigned long i;

	if (vmf_compat_plain_stores()) {
		i = vmf_compat_store_pmds(pmdp, pmd_leaf_for(walk, pfn), nr,
					  step);
	} else {
		for (i = 0; i < nr && pmd_none(pmdp_get(pmdp)); i++) {
			set_pmd_at(vma->vm_mm, addr, pmdp,
				   pmd_leaf_for(walk, pfn));
			update_mmu_cache_pmd(vma, addr, pmdp);
			addr += step * PMD_SIZE;
			pfn += step * PHYS_PFN(PMD_SIZE);
			pmdp += step;
		}
	}
	vmf_tally_add(walk->tally, VMF_STAT_PMD, i);
	return i;
}

/* A table is in the way of a leaf. True if the leaf has taken its place. */
static bool promote_pmd(struct vmf_walk *walk, unsigned long addr, pmd_t *pmdp,
			unsigned long pfn)
{
	struct vmf_tally *tally = walk->tally;

	/* Who cannot make tables has no use for one that was replaced. */
	if (!vmf_can_make_tables())
		return false;
	switch (vmf_promote(walk->vmf->vma, addr, pmdp, pmd_leaf_for(walk, pfn))) {
	case VMF_PROMOTED:
		vmf_tally_add(tally, VMF_STAT_PROMOTED, 1);
		vmf_tally_add(tally, VMF_STAT_PMD, 1);
		return true;
	case VMF_PROMOTE_NOTIFIERS:
		vmf_tally_add(tally, VMF_STAT_NOTIFIERS, 1);
		return false;
	default:
		return false;
	}
}

/* What stands in the way of a leaf, if anything does still. */
static int judge_pmd(struct vmf_walk *walk, unsigned long addr, pmd_t *pmdp,
		     unsigned long pfn)
{
	bool upgrade = false;
	spinlock_t *ptl;
	pmd_t pmd;
	int ret;

	ptl = pmd_lock(walk->vmf->vma->vm_mm, pmdp);
	pmd = pmdp_get(pmdp);
	ret = pmd_none(pmd) ? VMF_WALK_DONE : VMF_WALK_TABLE;
	if (pmd_leaf(pmd)) {
		ret = judge(walk, addr, pmd_pfn(pmd), pfn);
		/* In ->huge_fault(PUD) there is no vmf->pmd yet: the retry. */
		upgrade = pmdp == walk->vmf->pmd &&
			  needs_upgrade(walk, addr, PMD_SIZE, pmd_write(pmd));
	}
	spin_unlock(ptl);

	if (ret == VMF_WALK_MAPPED && upgrade)
		vmf_compat_upgrade_pmd(walk->vmf, pfn);
	return ret;
}

static int write_pmds(struct vmf_walk *walk, const struct vmf_run *run,
		      unsigned long *nr)
{
	long step = run->down ? -1 : 1;
	unsigned long first = run->down ? run->nr - 1 : 0;
	struct mm_struct *mm = walk->vmf->vma->vm_mm;
	unsigned long addr, pfn, done;
	spinlock_t *ptl;
	pmd_t *pmdp;
	int ret;

	for (*nr = 0; *nr < run->nr;) {
		addr = (run->vpn << PAGE_SHIFT) + (first + step * *nr) * PMD_SIZE;
		pfn = run->pfn + (first + step * *nr) * PHYS_PFN(PMD_SIZE);
		ret = get_pmd(walk, addr, pfn, &pmdp);
		if (ret)
			return ret;

		ptl = pmd_lock(mm, pmdp);
		done = fill_pmds(walk, addr, pmdp, pfn, run->nr - *nr, step);
		spin_unlock(ptl);
		*nr += done;
		if (done)
			continue;
		ret = judge_pmd(walk, addr, pmdp, pfn);
		if (ret == VMF_WALK_TABLE && promote_pmd(walk, addr, pmdp, pfn))
			++*nr;
		else if (ret)
			return ret;
	}
	return VMF_WALK_DONE;
}

/* Length of the stretch of empty PTEs from ptep on, at most nr. */
static unsigned long count_none(pte_t *ptep, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		if (!pte_none(ptep_get(ptep + i)))
			break;
	}
	return i;
}

/* Write PTEs from ptep on, up to the first that is not none. Return: how many. */
static unsigned long set_pte_leaves(struct vmf_walk *walk, unsigned long addr,
				    pte_t *ptep, unsigned long pfn,
				    unsigned long nr)
{
	struct vm_area_struct *vma = walk->vmf->vma;
	pte_t pte = pte_mkspecial(pfn_pte(pfn, walk->prot));

	if (walk->tracking)
		pte = pte_wrprotect(pte);
	if (vmf_compat_plain_stores()) {
		nr = vmf_compat_store_ptes(ptep, pte, nr);
	} else {
		nr = count_none(ptep, nr);
		if (nr) {
			set_ptes(vma->vm_mm, addr, ptep, pte, nr);
			update_mmu_cache_range(walk->vmf, vma, addr, ptep, nr);
		}
	}
	vmf_tally_add(walk->tally, VMF_STAT_PTE, nr);
	return nr;
}

/*
 * Fill the PTEs of a run under the table's lock. Pages that are mapped already,
 * by an earlier fault with a smaller budget or by a racing one, are passed over.
 */
static int fill_ptes(struct vmf_walk *walk, const struct vmf_run *run,
		     pte_t *ptep)
{
	unsigned long addr = run->vpn << PAGE_SHIFT;
	unsigned long pfn = run->pfn;
	unsigned long left = run->nr;

	while (left) {
		unsigned long nr = set_pte_leaves(walk, addr, ptep, pfn, left);

		if (!nr) {
			int ret = judge(walk, addr, pte_pfn(ptep_get(ptep)),
					pfn);

			if (ret < 0)
				return ret;
			nr = 1;
		}
		addr += nr << PAGE_SHIFT;
		pfn += nr;
		ptep += nr;
		left -= nr;
	}
	return VMF_WALK_DONE;
}

/*
 * Lock the PTE table for addr, made if need be, unless it is the one that the last run
 * was in: a table of small blocks takes one lock round, not one for each.
 */
static int hold_ptes(struct vmf_walk *walk, unsigned long addr,
		     unsigned long pfn)
{
	pmd_t *pmdp;
	int ret;

	if (walk->ptes && walk->ptes_addr == ALIGN_DOWN(addr, PMD_SIZE))
		return VMF_WALK_DONE;
	vmf_walk_unlock(walk);
	/* Runs of PTEs alone let nobody else on the CPU until here. */
	cond_resched();

	ret = get_pmd(walk, addr, pfn, &pmdp);
	if (ret)
		return ret;
	walk->ptes_addr = ALIGN_DOWN(addr, PMD_SIZE);
	do {
		ret = get_pte_table(walk, addr, pfn, pmdp);
		if (ret)
			return ret;
		walk->ptes = __vmf_lock_ptes(walk->vmf->vma->vm_mm, pmdp,
					     walk->ptes_addr, &walk->ptl);
	} while (!walk->ptes);
	return VMF_WALK_DONE;
}

/**
 * vmf_walk_unlock - let go of the page table that the last run was in
 * @walk: the walker
 *
 * To be called after the last vmf_walk_write(), and before anything that sleeps.
 */
void vmf_walk_unlock(struct vmf_walk *walk)
{
	if (!walk->ptes)
		return;
	/* Sparse has not seen hold_ptes() keep them. */
	__acquire(walk->ptl);
	__acquire(RCU);
	vmf_unlock_ptes(walk->ptl);
	walk->ptes = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vmf_walk_unlock);

static int write_ptes(struct vmf_walk *walk, const struct vmf_run *run,
		      unsigned long *nr)
{
	unsigned long addr = run->vpn << PAGE_SHIFT;
	int ret;

	*nr = 0;
	ret = hold_ptes(walk, addr, run->pfn);
	if (ret)
		return ret;
	ret = fill_ptes(walk, run, walk->ptes + pte_index(addr));
	if (!ret)
		*nr = run->nr;
	return ret;
}

/**
 * vmf_walk_write - write a run of leaves
 * @walk: the walker
 * @run: the leaves; in one table
 * @nr: set to how many were written, in the run's own direction
 *
 * Context: the fault's lock is held, and of page-table locks only the one that an
 * earlier call has left, for vmf_walk_unlock() to drop; may sleep to allocate tables.
 * Return: an enum vmf_walk_result, or -EEXIST (something else is mapped there;
 * reported), -ENOMEM (no page table to be had), -EOPNOTSUPP (on this kernel only
 * the core can make the table that is missing here).
 */
int vmf_walk_write(struct vmf_walk *walk, const struct vmf_run *run,
		   unsigned long *nr)
{
	if (run->level == VMF_PTE)
		return write_ptes(walk, run, nr);

	vmf_walk_unlock(walk);
	return run->level == VMF_PUD ? write_puds(walk, run, nr) :
				       write_pmds(walk, run, nr);
}
EXPORT_SYMBOL_IF_KUNIT(vmf_walk_write);

/* Say that a leaf is about to be written to, under its lock. */
static void report_write(struct vmf_walk *walk, unsigned long addr,
			 unsigned long size)
{
	struct vm_area_struct *vma = walk->vmf->vma;

	addr = ALIGN_DOWN(addr, size);
	vmf_tally_add(walk->tally, VMF_STAT_WRITES, 1);
	trace_vmf_range_dirty(vma, addr, size);
	walk->dirty(vma, linear_page_index(vma, addr), PHYS_PFN(size));
}

static void make_pud_writable(struct vmf_walk *walk, unsigned long addr,
			      pud_t *pudp)
{
	struct vm_area_struct *vma = walk->vmf->vma;
	spinlock_t *ptl = pud_lock(vma->vm_mm, pudp);

	if (pud_leaf(*pudp) && !pud_write(*pudp)) {
		vmf_compat_make_pud_writable(vma, addr, pudp);
		report_write(walk, addr, PUD_SIZE);
	}
	spin_unlock(ptl);
}

static void make_pmd_writable(struct vmf_walk *walk, unsigned long addr,
			      pmd_t *pmdp)
{
	struct vm_area_struct *vma = walk->vmf->vma;
	spinlock_t *ptl = pmd_lock(vma->vm_mm, pmdp);
	pmd_t pmd = pmdp_get(pmdp);

	if (pmd_leaf(pmd) && !pmd_write(pmd)) {
		pmd = pmd_mkyoung(pmd_mkdirty(pmd_mkwrite_novma(pmd)));
		set_pmd_at(vma->vm_mm, addr & PMD_MASK, pmdp, pmd);
		update_mmu_cache_pmd(vma, addr, pmdp);
		report_write(walk, addr, PMD_SIZE);
	}
	spin_unlock(ptl);
}

static void make_pte_writable(struct vmf_walk *walk, unsigned long addr,
			      pmd_t *pmdp)
{
	struct vm_area_struct *vma = walk->vmf->vma;
	spinlock_t *ptl;
	pte_t *ptep, pte;

	ptep = vmf_lock_ptes(vma->vm_mm, pmdp, addr, &ptl);
	if (!ptep)
		return;
	pte = ptep_get(ptep);
	if (pte_present(pte) && !pte_write(pte)) {
		pte = pte_mkyoung(pte_mkdirty(pte_mkwrite_novma(pte)));
		set_pte_at(vma->vm_mm, addr, ptep, pte);
		update_mmu_cache_range(walk->vmf, vma, addr, ptep, 1);
		report_write(walk, addr, PAGE_SIZE);
	}
	vmf_unlock_ptes(ptl);
}

/**
 * vmf_walk_make_writable - let a tracked write through, and report it
 * @walk: the walker, its VMA tracked
 * @addr: where the write goes
 * @dirty: hears of it
 *
 * Does nothing where the leaf was zapped meanwhile, or a huge one came in the
 * place of a page: the write faults again.
 *
 * Nothing is flushed: a CPU that remembers the read-only entry takes a fault that
 * finds nothing to do, and forgets it. Not all do, vmf_compat_fault_drops_tlb(): where
 * they do not, insert.c refuses VMAs that are tracked.
 *
 * Context: the fault's lock is held, no page-table lock.
 */
void vmf_walk_make_writable(struct vmf_walk *walk, unsigned long addr,
			    vmf_dirty_fn dirty)
{
	bool leaves = walk->tracking == VMF_TRACK_LEAVES;
	pud_t *pudp = walk->pud_table + pud_index(addr);
	pud_t pud = READ_ONCE(*pudp);
	pmd_t *pmdp, pmd;

	walk->dirty = dirty;
	if (pud_none(pud) || pud_leaf(pud)) {
		if (leaves)
			make_pud_writable(walk, addr, pudp);
		return;
	}
	pmdp = pmd_offset(pudp, addr);
	pmd = pmdp_get_lockless(pmdp);
	if (pmd_none(pmd) || pmd_leaf(pmd)) {
		if (leaves)
			make_pmd_writable(walk, addr, pmdp);
		return;
	}
	make_pte_writable(walk, addr, pmdp);
}
