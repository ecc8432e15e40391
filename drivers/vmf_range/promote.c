// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regain PMD leaves where an empty PTE table is left.
 *
 * A zap clears PTEs and leaves their table. The core then never asks for a huge
 * leaf again at that place: a buffer that was once mapped by PTEs (it was in system
 * memory, or in crumbs) would be mapped by PTEs for ever, however well it lies now.
 * Here the leaf takes the place of the table, which is retired.
 *
 * Why that is safe on x86:
 *
 * - The table is found empty, and replaced, under the PMD entry's lock and its own
 *   lock. Whoever wants to write to it takes one of the two and looks whether the
 *   table is still there (pte_offset_map_lock(), vmf_lock_ptes()); khugepaged takes
 *   tables away in the same manner, so the core is used to it.
 * - Who only reads, GUP-fast or a CPU, may come to a retired table still: through a
 *   pointer read before, or out of a paging-structure cache. It finds an entry that
 *   is none. GUP-fast gives up; a CPU takes a page fault, finds that there is nothing to
 *   do, and goes on with the leaf once its cache has forgotten the table. On Intel's
 *   CPUs the fault itself sees to that (SDM vol. 3, 4.10.4.1), and nothing is flushed.
 *   For others no such promise is known to us: all CPUs are flushed at the end of the
 *   fault that has promoted, by vmf_compat_forget_tables(). Until then they may fault in
 *   vain. All this provided that the table stays empty and is not freed.
 * - Therefore a retired table stays, in a list by mm and address. When PTEs are
 *   needed there again it is put back; so there is one table for 2 MiB at most.
 * - The tables of a VMA are freed when it is closed: after every CPU has flushed all
 *   it has cached, lazy ones too, and an RCU grace period for readers in software.
 * - A device that walks the page tables itself (SVA) has caches that we cannot
 *   flush: no promotion in an mm with notifiers. One that is registered later takes
 *   all VMA locks, and so waits for us.
 *
 * Other architectures need a proof of their own. PMD tables are never replaced by
 * PUD leaves: the core reads them without looking again.
 */
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/vmf_range.h>

#include "compat.h"
#include "promote.h"

struct retired {
	struct hlist_node node;
	struct mm_struct *mm;	/* for comparison only */
	unsigned long addr;	/* multiple of PMD_SIZE */
	pgtable_t table;
	struct rcu_head rcu;
};

static DEFINE_HASHTABLE(retired_tables, 10);
static unsigned long nr_retired;
/* Protects both; nests inside page-table locks. */
static DEFINE_SPINLOCK(retired_lock);

static unsigned long key_of(struct mm_struct *mm, unsigned long addr)
{
	return (unsigned long)mm ^ (addr >> PMD_SHIFT);
}

static struct retired *find_retired(struct mm_struct *mm, unsigned long addr)
{
	struct retired *retired;

	lockdep_assert_held(&retired_lock);
	hash_for_each_possible(retired_tables, retired, node, key_of(mm, addr)) {
		if (retired->mm == mm && retired->addr == addr)
			return retired;
	}
	return NULL;
}

static struct retired *remove_retired(struct mm_struct *mm, unsigned long addr)
{
	struct retired *retired = NULL;

	/* Mostly there are none. What is added meanwhile is for others. */
	if (!READ_ONCE(nr_retired))
		return NULL;
	spin_lock(&retired_lock);
	retired = find_retired(mm, addr);
	if (retired) {
		hash_del(&retired->node);
		WRITE_ONCE(nr_retired, nr_retired - 1);
	}
	spin_unlock(&retired_lock);
	return retired;
}

/* False if there is one already, left when the core had made a new table. */
static bool add_retired(struct retired *retired)
{
	bool added = false;

	spin_lock(&retired_lock);
	if (!find_retired(retired->mm, retired->addr)) {
		hash_add(retired_tables, &retired->node,
			 key_of(retired->mm, retired->addr));
		WRITE_ONCE(nr_retired, nr_retired + 1);
		added = true;
	}
	spin_unlock(&retired_lock);
	return added;
}

static bool table_is_empty(pte_t *ptep)
{
	int i;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		if (!pte_none(ptep_get(ptep + i)))
			return false;
	}
	return true;
}

/* Put the leaf over the table if that is empty; both their locks are held. */
static bool replace_locked(struct mm_struct *mm, pmd_t *pmdp, pmd_t leaf,
			   struct retired *retired)
{
	if (!table_is_empty(pte_offset_kernel(pmdp, retired->addr)))
		return false;
	retired->table = pmd_pgtable(*pmdp);
	if (!add_retired(retired))
		return false;
	set_pmd_at(mm, retired->addr, pmdp, leaf);
	mm_dec_nr_ptes(mm);
	return true;
}

static bool replace(struct mm_struct *mm, pmd_t *pmdp, pmd_t leaf,
		    struct retired *retired)
{
	spinlock_t *pml = pmd_lock(mm, pmdp), *ptl;
	bool done = false;

	if (!pmd_none(*pmdp) && !pmd_leaf(*pmdp)) {
		ptl = pte_lockptr(mm, pmdp);
		/* With few CPUs one lock serves all the tables of an mm. */
		if (ptl == pml) {
			done = replace_locked(mm, pmdp, leaf, retired);
		} else {
			spin_lock_nested(ptl, SINGLE_DEPTH_NESTING);
			done = replace_locked(mm, pmdp, leaf, retired);
			spin_unlock(ptl);
		}
	}
	spin_unlock(pml);
	return done;
}

/**
 * vmf_promote - put a PMD leaf in the place of an empty PTE table
 * @vma: the VMA, which has all of the leaf's range
 * @addr: address of the leaf
 * @pmdp: the entry that points to the table
 * @leaf: the leaf
 *
 * Context: the fault's lock is held, no page-table lock; may sleep. Where this module
 * makes page tables, vmf_can_make_tables().
 * Return: an enum vmf_promotion.
 */
enum vmf_promotion vmf_promote(struct vm_area_struct *vma, unsigned long addr,
			       pmd_t *pmdp, pmd_t leaf)
{
	struct mm_struct *mm = vma->vm_mm;
	struct retired *retired;

	if (!vmf_compat_can_retire_tables() ||
	    vma->vm_ops->close != vmf_range_vm_close)
		return VMF_PROMOTE_NEVER;
	if (mm_has_notifiers(mm))
		return VMF_PROMOTE_NOTIFIERS;

	retired = kmalloc(sizeof(*retired), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!retired)
		return VMF_PROMOTE_NEVER;
	retired->mm = mm;
	retired->addr = addr;
	if (replace(mm, pmdp, leaf, retired))
		return VMF_PROMOTED;
	kfree(retired);
	return VMF_PROMOTE_IN_USE;
}

/**
 * vmf_take_retired - the table that was at an address before
 * @mm: the address space
 * @addr: multiple of PMD_SIZE
 *
 * Context: the PMD entry's lock is held, the entry is none; the table goes there.
 * Return: the table, empty, or NULL if there is none.
 */
pgtable_t vmf_take_retired(struct mm_struct *mm, unsigned long addr)
{
	struct retired *retired = remove_retired(mm, addr);
	pgtable_t table = NULL;

	if (retired) {
		table = retired->table;
		kfree(retired);
	}
	return table;
}

static void free_after_grace_period(struct rcu_head *rcu)
{
	struct retired *retired = container_of(rcu, struct retired, rcu);

	vmf_compat_pte_table_fini(page_ptdesc(retired->table));
	__free_page(retired->table);
	kfree(retired);
}

/**
 * vmf_free_retired - free the retired tables of a VMA
 * @vma: the VMA, in its ->close: its range is unmapped
 *
 * Context: process context, may sleep.
 */
void vmf_free_retired(struct vm_area_struct *vma)
{
	unsigned long addr = ALIGN(vma->vm_start, PMD_SIZE);
	struct hlist_node *next;
	struct retired *retired;
	HLIST_HEAD(list);

	/* None was retired, and what frees their locks is not exported. */
	if (!VMF_CAN_MAKE_TABLES)
		return;
	for (; addr < vma->vm_end && READ_ONCE(nr_retired); addr += PMD_SIZE) {
		retired = remove_retired(vma->vm_mm, addr);
		if (retired)
			hlist_add_head(&retired->node, &list);
		cond_resched();
	}
	if (hlist_empty(&list))
		return;

	vmf_compat_flush_all_cpus();
	hlist_for_each_entry_safe(retired, next, &list, node)
		call_rcu(&retired->rcu, free_after_grace_period);
}
