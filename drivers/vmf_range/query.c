// SPDX-License-Identifier: GPL-2.0-only
/*
 * How is it mapped? A walk that only reads.
 *
 * Tables of a VMA stay while its mmap_lock, its own lock, or i_mmap_rwsem of its
 * file is held. What an entry says is true only while its page-table lock is held;
 * so each leaf is looked at again under that lock, and is history when the answer
 * arrives. A CPU sets its dirty bit without the lock: it is read once.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "i_mmap.h"
#include "query.h"
#include "tables.h"

static void tell(struct vmf_range_leaf *leaf, unsigned long addr,
		 unsigned int shift, unsigned long pfn, bool writable,
		 bool special, pgprot_t prot)
{
	leaf->addr = ALIGN_DOWN(addr, BIT(shift));
	leaf->pfn = pfn;
	leaf->shift = shift;
	leaf->writable = writable;
	leaf->special = special;
	leaf->prot = prot;
}

static bool pud_tells(struct mm_struct *mm, pud_t *pudp, unsigned long addr,
		      struct vmf_range_leaf *leaf)
{
	spinlock_t *ptl = pud_lock(mm, pudp);
	pud_t pud = pudp_get(pudp);

	spin_unlock(ptl);
	if (!pud_leaf(pud))
		return false;
	tell(leaf, addr, PUD_SHIFT, pud_pfn(pud), pud_write(pud),
	     pud_special(pud), pud_pgprot(pud));
	return true;
}

static bool pmd_tells(struct mm_struct *mm, pmd_t *pmdp, unsigned long addr,
		      struct vmf_range_leaf *leaf)
{
	spinlock_t *ptl = pmd_lock(mm, pmdp);
	pmd_t pmd = pmdp_get(pmdp);

	spin_unlock(ptl);
	if (!pmd_leaf(pmd))
		return false;
	tell(leaf, addr, PMD_SHIFT, pmd_pfn(pmd), pmd_write(pmd),
	     pmd_special(pmd), pmd_pgprot(pmd));
	return true;
}

/* The first PTE in [addr, end) of one table. Return: the address after it, or 0. */
static unsigned long find_pte(struct mm_struct *mm, pmd_t *pmdp,
			      unsigned long addr, unsigned long end,
			      struct vmf_range_leaf *leaf)
{
	unsigned long found = 0;
	spinlock_t *ptl;
	pte_t *ptep;

	ptep = vmf_lock_ptes(mm, pmdp, addr, &ptl);
	if (!ptep)
		return 0;
	for (; addr < end; addr += PAGE_SIZE, ptep++) {
		pte_t pte = ptep_get(ptep);

		if (pte_none(pte))
			continue;
		tell(leaf, addr, PAGE_SHIFT, pte_pfn(pte), pte_write(pte),
		     pte_special(pte), pte_pgprot(pte));
		found = addr + PAGE_SIZE;
		break;
	}
	vmf_unlock_ptes(ptl);
	return found;
}

static unsigned long find_in_pud(struct mm_struct *mm, pud_t *pudp,
				 unsigned long addr, unsigned long end,
				 struct vmf_range_leaf *leaf)
{
	unsigned long next, found;
	pmd_t *pmdp = pmd_offset(pudp, addr);

	for (; addr < end; addr = next, pmdp++) {
		pmd_t pmd = pmdp_get_lockless(pmdp);

		next = pmd_addr_end(addr, end);
		if (pmd_none(pmd))
			continue;
		if (pmd_leaf(pmd) && pmd_tells(mm, pmdp, addr, leaf))
			return ALIGN_DOWN(addr, PMD_SIZE) + PMD_SIZE;
		found = find_pte(mm, pmdp, addr, next, leaf);
		if (found)
			return found;
	}
	return 0;
}

/**
 * vmf_find_leaf - the first leaf in a range
 * @vma: the VMA
 * @addr: first address of the range, page aligned
 * @end: address after its last
 * @leaf: filled in; begins before @addr if it holds @addr
 *
 * Context: process context; mmap_lock, the per-VMA lock, or i_mmap_rwsem of the
 * VMA's file is held.
 * Return: the address after the leaf, or 0 if there is none.
 */
unsigned long vmf_find_leaf(struct vm_area_struct *vma, unsigned long addr,
			    unsigned long end, struct vmf_range_leaf *leaf)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long next, found;
	pgd_t *pgdp;
	p4d_t *p4dp;
	pud_t *pudp, pud;

	for (; addr < end; addr = next) {
		next = pgd_addr_end(addr, end);
		pgdp = pgd_offset(mm, addr);
		if (pgd_none(READ_ONCE(*pgdp)))
			continue;
		next = p4d_addr_end(addr, end);
		p4dp = p4d_offset(pgdp, addr);
		if (p4d_none(READ_ONCE(*p4dp)))
			continue;
		next = pud_addr_end(addr, end);
		pudp = pud_offset(p4dp, addr);
		pud = READ_ONCE(*pudp);
		if (pud_none(pud))
			continue;
		if (pud_leaf(pud)) {
			if (pud_tells(mm, pudp, addr, leaf))
				return ALIGN_DOWN(addr, PUD_SIZE) + PUD_SIZE;
			continue;	/* zapped while we looked */
		}
		found = find_in_pud(mm, pudp, addr, next, leaf);
		if (found)
			return found;
		cond_resched();
	}
	return 0;
}

/* The PUD entry for an address, NULL where there is no table for it. */
static pud_t *find_pud(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgdp = pgd_offset(mm, addr);
	p4d_t *p4dp;

	if (pgd_none(READ_ONCE(*pgdp)))
		return NULL;
	p4dp = p4d_offset(pgdp, addr);
	if (p4d_none(READ_ONCE(*p4dp)))
		return NULL;
	return pud_offset(p4dp, addr);
}

static pud_t read_pud(struct mm_struct *mm, unsigned long addr)
{
	pud_t *pudp = find_pud(mm, addr);

	return pudp ? READ_ONCE(*pudp) : __pud(0);
}

/**
 * vmf_has_pud_leaf - is an address mapped by a PUD leaf
 * @mm: the address space
 * @addr: the address
 *
 * Context: as vmf_find_leaf(). A leaf may be zapped at any time, and one may
 * appear unless the VMA is write-locked.
 * Return: true if it is.
 */
bool vmf_has_pud_leaf(struct mm_struct *mm, unsigned long addr)
{
	return pud_leaf(read_pud(mm, addr));
}

/**
 * vmf_has_pmd_table - can there be no PUD leaf at an address
 * @mm: the address space
 * @addr: the address
 *
 * Context: as vmf_find_leaf(). While that lock is held, a table that is there stays.
 * Return: true if a PMD table is there.
 */
bool vmf_has_pmd_table(struct mm_struct *mm, unsigned long addr)
{
	pud_t pud = read_pud(mm, addr);

	return !pud_none(pud) && !pud_leaf(pud);
}

/* The PMD leaves in [addr, end) of one table. As vmf_find_pmds(). */
static unsigned long find_pmds_in(pmd_t *pmdp, unsigned long addr,
				  unsigned long end, unsigned long *first)
{
	while (addr < end && !pmd_leaf(pmdp_get_lockless(pmdp))) {
		addr = pmd_addr_end(addr, end);
		pmdp++;
	}
	if (addr >= end)
		return 0;
	*first = addr;
	while (addr < end && pmd_leaf(pmdp_get_lockless(pmdp))) {
		addr = pmd_addr_end(addr, end);
		pmdp++;
	}
	return addr;
}

/**
 * vmf_find_pmds - the first run of PMD leaves in a range
 * @vma: the VMA
 * @addr: first address of the range
 * @end: address after its last
 * @first: set to the address of the first leaf
 *
 * PTEs and PUD leaves are passed over, for the price of the entries above them.
 *
 * Context: as vmf_find_leaf().
 * Return: the address after the last leaf of the run, which is in one table; 0 if
 * there is none.
 */
unsigned long vmf_find_pmds(struct vm_area_struct *vma, unsigned long addr,
			    unsigned long end, unsigned long *first)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long next, found;

	for (; addr < end; addr = next) {
		next = pud_addr_end(addr, end);
		if (!vmf_has_pmd_table(mm, addr))
			continue;
		found = find_pmds_in(pmd_offset(find_pud(mm, addr), addr),
				     addr, next, first);
		if (found)
			return found;
		cond_resched();
	}
	return 0;
}

/**
 * vmf_range_query - the first leaf in a range, for tests and statistics
 * @vma: a %VM_PFNMAP VMA
 * @addr: first address of the range
 * @end: address after its last; the range is clipped to the VMA
 * @leaf: filled in; begins before @addr if it holds @addr
 *
 * To see all leaves, call again with what was returned.
 *
 * Context: process context, mmap_lock or the per-VMA lock held. The answer may be
 * out of date at once unless faults and zaps are kept out by other means.
 * Return: the address after the leaf, or 0 if nothing is mapped in the range.
 */
unsigned long vmf_range_query(struct vm_area_struct *vma, unsigned long addr,
			      unsigned long end, struct vmf_range_leaf *leaf)
{
	addr = max(ALIGN_DOWN(addr, PAGE_SIZE), vma->vm_start);
	end = min(end, vma->vm_end);
	/* Below i_mmap_rwsem, mprotect() and others may change the flags beside it. */
	if (!(READ_ONCE(vma->vm_flags) & VM_PFNMAP))
		return 0;
	return vmf_find_leaf(vma, addr, end, leaf);
}
EXPORT_SYMBOL_GPL(vmf_range_query);

/**
 * vmf_range_count_leaves - how many leaves map a range
 * @vma: a %VM_PFNMAP VMA
 * @addr: first address of the range
 * @end: address after its last; the range is clipped to the VMA
 * @leaves: filled in; a leaf across an edge counts
 *
 * Context: as vmf_range_query(); lets others run now and then.
 */
void vmf_range_count_leaves(struct vm_area_struct *vma, unsigned long addr,
			    unsigned long end, struct vmf_range_leaves *leaves)
{
	struct vmf_range_leaf leaf;

	memset(leaves, 0, sizeof(*leaves));
	while ((addr = vmf_range_query(vma, addr, end, &leaf))) {
		if (leaf.shift == PAGE_SHIFT)
			leaves->pte++;
		else if (leaf.shift == PMD_SHIFT)
			leaves->pmd++;
		else
			leaves->pud++;
		cond_resched();
	}
}
EXPORT_SYMBOL_GPL(vmf_range_count_leaves);

/**
 * vmf_range_count_mapped - how pages of a file are mapped, by all processes
 * @mapping: of the file (&file.f_mapping)
 * @pgoff: first page offset
 * @nr_pages: how many; 0 for all up to the end of the file
 * @leaves: filled in, the sum over all mappings
 *
 * Context: process context, may sleep. Takes i_mmap_rwsem of @mapping. The answer may
 * be out of date at once, as that of vmf_range_query().
 * Return: how many VMAs map any of the pages.
 */
unsigned long vmf_range_count_mapped(struct address_space *mapping, pgoff_t pgoff,
				     unsigned long nr_pages,
				     struct vmf_range_leaves *leaves)
{
	pgoff_t last = pgoff + nr_pages - 1;
	struct vmf_range_leaves one;
	struct vm_area_struct *vma;
	unsigned long nr = 0, from, to;

	if (!nr_pages || last < pgoff)
		last = ULONG_MAX;

	memset(leaves, 0, sizeof(*leaves));
	i_mmap_lock_read(mapping);
	for (vma = vmf_i_mmap_iter_first(&mapping->i_mmap, pgoff, last); vma;
	     vma = vmf_i_mmap_iter_next(vma, pgoff, last), nr++) {
		from = max(pgoff, vma_first(vma)) - vma->vm_pgoff;
		to = min(last, vma_last(vma)) + 1 - vma->vm_pgoff;
		vmf_range_count_leaves(vma, vma->vm_start + (from << PAGE_SHIFT),
				       vma->vm_start + (to << PAGE_SHIFT), &one);
		leaves->pud += one.pud;
		leaves->pmd += one.pmd;
		leaves->pte += one.pte;
	}
	i_mmap_unlock_read(mapping);
	return nr;
}
EXPORT_SYMBOL_GPL(vmf_range_count_mapped);
