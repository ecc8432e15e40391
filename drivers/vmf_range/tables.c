// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables: made where one is missing, locked where PTEs are written.
 *
 * A table is complete before the entry that points to it is written; what makes
 * and removes entries meanwhile, and under which locks, is said in walk.c.
 */
#include <kunit/visibility.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>

#include "compat.h"
#include "promote.h"
#include "tables.h"

static bool make_tables = true;
module_param(make_tables, bool, 0444);
MODULE_PARM_DESC(make_tables,
		 "Make page tables, where the kernel lets a module (default: on)");

/**
 * vmf_can_make_tables - may this module make and free page tables
 *
 * Return: true where the kernel lets it, and the administrator does.
 */
bool vmf_can_make_tables(void)
{
	return VMF_CAN_MAKE_TABLES && make_tables;
}
EXPORT_SYMBOL_IF_KUNIT(vmf_can_make_tables);

/* Counts down; at 0 the memory for one table has run out. 0: it never does. */
static atomic_t fail_table = ATOMIC_INIT(0);
module_param_named(fail_table, fail_table.counter, int, 0600);
MODULE_PARM_DESC(fail_table,
		 "Fail to make the Nth page table from now on, once; for tests (default: 0, never)");

static struct ptdesc *alloc_table(bool (*init)(struct ptdesc *table))
{
	struct ptdesc *table;

	if (!vmf_can_make_tables())
		return ERR_PTR(-EOPNOTSUPP);
	if (unlikely(!atomic_dec_if_positive(&fail_table)))
		return ERR_PTR(-ENOMEM);
	table = pagetable_alloc(GFP_PGTABLE_USER, 0);
	if (!table)
		return ERR_PTR(-ENOMEM);
	if (!init(table)) {
		__free_page(ptdesc_page(table));
		return ERR_PTR(-ENOMEM);
	}
	return table;
}

static void free_table(struct ptdesc *table,
		       void (*fini)(struct ptdesc *table))
{
	fini(table);
	__free_page(ptdesc_page(table));
}

/**
 * vmf_make_pmd_table - put a PMD table under a PUD entry
 * @mm: the address space
 * @pudp: the entry
 *
 * Another CPU may be faster; then its table stays.
 *
 * Context: the fault's lock is held, no page-table lock; may sleep.
 * Return: 0; -ENOMEM; -EOPNOTSUPP where a module cannot make tables.
 */
int vmf_make_pmd_table(struct mm_struct *mm, pud_t *pudp)
{
	struct ptdesc *table = alloc_table(vmf_compat_pmd_table_init);
	spinlock_t *ptl;

	if (IS_ERR(table))
		return PTR_ERR(table);

	ptl = pud_lock(mm, pudp);
	if (pud_none(*pudp)) {
		mm_inc_nr_pmds(mm);
		/* The zeroes in the table before the entry that shows it. */
		smp_wmb();
		pud_populate(mm, pudp, ptdesc_address(table));
		table = NULL;
	}
	spin_unlock(ptl);

	if (table)
		free_table(table, vmf_compat_pmd_table_fini);
	return 0;
}

/*
 * Put a PTE table under a PMD entry, unless another CPU was faster. *table becomes
 * NULL when it is used.
 */
static void install_pte_table(struct mm_struct *mm, pmd_t *pmdp,
			      pgtable_t *table)
{
	spinlock_t *ptl = pmd_lock(mm, pmdp);

	if (pmd_none(*pmdp)) {
		mm_inc_nr_ptes(mm);
		/* As in vmf_make_pmd_table(). */
		smp_wmb();
		pmd_populate(mm, pmdp, *table);
		*table = NULL;
	}
	spin_unlock(ptl);
}

/* The table that a leaf has replaced comes back before a new one is made. */
static bool restore_pte_table(struct mm_struct *mm, unsigned long addr,
			      pmd_t *pmdp)
{
	spinlock_t *ptl = pmd_lock(mm, pmdp);
	pgtable_t table = NULL;

	if (pmd_none(*pmdp))
		table = vmf_take_retired(mm, addr & PMD_MASK);
	if (table) {
		mm_inc_nr_ptes(mm);
		pmd_populate(mm, pmdp, table);
	}
	spin_unlock(ptl);
	return table;
}

static int new_pte_table(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp)
{
	struct ptdesc *table;
	pgtable_t page;

	if (restore_pte_table(mm, addr, pmdp))
		return 0;
	table = alloc_table(vmf_compat_pte_table_init);
	if (IS_ERR(table))
		return PTR_ERR(table);

	page = ptdesc_page(table);
	install_pte_table(mm, pmdp, &page);
	if (page)
		free_table(table, vmf_compat_pte_table_fini);
	return 0;
}

/*
 * Where a module cannot make tables: in ->fault the core has allocated one for
 * the fault's own PMD entry, whose lock it has initialised.
 */
static int use_prealloc_pte(struct vm_fault *vmf, pmd_t *pmdp)
{
	if (pmdp != vmf->pmd || !vmf->prealloc_pte)
		return -EOPNOTSUPP;

	install_pte_table(vmf->vma->vm_mm, pmdp, &vmf->prealloc_pte);
	return 0;
}

/**
 * vmf_make_pte_table - put a PTE table under a PMD entry
 * @vmf: the fault
 * @addr: an address that the entry covers
 * @pmdp: the entry
 *
 * Another CPU may be faster; then its table, or its leaf, stays.
 *
 * Context: the fault's lock is held, no page-table lock; may sleep.
 * Return: 0; -ENOMEM; -EOPNOTSUPP where only the core can make this table.
 */
int vmf_make_pte_table(struct vm_fault *vmf, unsigned long addr, pmd_t *pmdp)
{
	return vmf_can_make_tables() ?
		new_pte_table(vmf->vma->vm_mm, addr, pmdp) :
		use_prealloc_pte(vmf, pmdp);
}

/**
 * __vmf_lock_ptes - lock a PTE table
 * @mm: the address space
 * @pmdp: the entry that points to it
 * @addr: the address to begin with
 * @ptlp: its lock
 *
 * What pte_offset_map_lock() does, which is not exported. The lock lies in the
 * table's own page: RCU keeps that readable should the table be retired between
 * the look and the lock.
 *
 * Return: the PTE for @addr, to be followed by vmf_unlock_ptes(); NULL if there is
 * no table.
 */
pte_t *__vmf_lock_ptes(struct mm_struct *mm, pmd_t *pmdp, unsigned long addr,
		       spinlock_t **ptlp)
{
	pmd_t pmd;

	rcu_read_lock();
	for (;;) {
		pmd = pmdp_get_lockless(pmdp);
		if (pmd_none(pmd) || pmd_leaf(pmd))
			break;
		*ptlp = pte_lockptr(mm, &pmd);
		spin_lock(*ptlp);
		if (likely(pmd_same(pmd, pmdp_get_lockless(pmdp)))) {
			/* Held by the caller: sparse sees it in vmf_lock_ptes(). */
			__release(*ptlp);
			__release(RCU);
			return pte_offset_kernel(&pmd, addr);
		}
		spin_unlock(*ptlp);
	}
	rcu_read_unlock();
	return NULL;
}

/**
 * vmf_unlock_ptes - the end of __vmf_lock_ptes()
 * @ptl: the lock
 */
void vmf_unlock_ptes(spinlock_t *ptl)
	__releases(ptl) __releases(RCU)
{
	spin_unlock(ptl);
	rcu_read_unlock();
}
