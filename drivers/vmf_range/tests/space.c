// SPDX-License-Identifier: GPL-2.0-only
/*
 * An address space of a test's own. No other thread knows it, so what is read here
 * needs no locks.
 */
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/pgtable.h>

#include "../compat.h"
#include "space.h"

static int space_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct space *space = file->private_data;

	if (space->vm_ops)
		vma->vm_ops = space->vm_ops;
	if (space->mmap)
		return space->mmap(space, vma);
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

static const struct file_operations space_fops = {
	.owner = THIS_MODULE,
	.mmap = space_mmap,
};

KUNIT_DEFINE_ACTION_WRAPPER(space_put_file, fput, struct file *);

/**
 * space_init - begin with an empty address space
 * @space: filled in
 * @test: the test; its thread runs in the address space until it ends
 * @vm_ops: of what is going to be mapped, or NULL
 *
 * Return: 0 or -errno.
 */
int space_init(struct space *space, struct kunit *test,
	       const struct vm_operations_struct *vm_ops)
{
	unsigned long addr;
	int err;

	space->test = test;
	space->vm_ops = vm_ops;
	/* With an inode of its own: a zap is by inode. */
	space->file = anon_inode_create_getfile("vmf_range_kunit", &space_fops,
						space, O_RDWR, NULL);
	if (IS_ERR(space->file))
		return PTR_ERR(space->file);
	err = kunit_add_action_or_reset(test, space_put_file, space->file);
	if (err)
		return err;

	/* The first one gives the test its address space. */
	addr = kunit_vm_mmap(test, space->file, SPACE_ADDR, PAGE_SIZE, PROT_READ,
			     MAP_SHARED | MAP_FIXED, 0);
	if (addr != SPACE_ADDR || vm_munmap(addr, PAGE_SIZE))
		return -ENOMEM;
	space->tables = mm_pgtables_bytes(current->mm);
	return 0;
}

/**
 * space_map - map a part of the file, to be read and written
 * @space: the address space
 * @page: where
 * @nr: how many pages
 * @pgoff: first page offset in the file
 */
void space_map(struct space *space, unsigned long page, unsigned long nr,
	       pgoff_t pgoff)
{
	KUNIT_ASSERT_EQ(space->test,
			vm_mmap(space->file, space_addr(page), nr << PAGE_SHIFT,
				PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				pgoff << PAGE_SHIFT),
			space_addr(page));
}

/**
 * space_unmap - unmap pages
 * @space: the address space
 * @page: the first
 * @nr: how many
 */
void space_unmap(struct space *space, unsigned long page, unsigned long nr)
{
	KUNIT_ASSERT_EQ(space->test,
			vm_munmap(space_addr(page), nr << PAGE_SHIFT), 0);
}

/**
 * space_vma - the VMA of a page
 * @page: the page, which is in one
 *
 * Return: the VMA, which stays: there are no other threads.
 */
struct vm_area_struct *space_vma(unsigned long page)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	vma = find_vma(mm, space_addr(page));
	mmap_read_unlock(mm);
	return vma;
}

/**
 * space_touch - take a fault, as a processor would
 * @page: where
 * @flags: FAULT_FLAG_*
 *
 * Return: what the core says.
 */
vm_fault_t space_touch(unsigned long page, unsigned int flags)
{
	struct mm_struct *mm = current->mm;
	vm_fault_t ret;

	mmap_read_lock(mm);
	ret = handle_mm_fault(find_vma(mm, space_addr(page)), space_addr(page),
			      flags, NULL);
	mmap_read_unlock(mm);
	return ret;
}

static struct space_entry pte_entry(pte_t pte)
{
	return (struct space_entry) {
		.level = VMF_PTE,
		.present = pte_present(pte),
		.special = pte_present(pte) && pte_special(pte),
		.write = pte_write(pte),
		.pfn = pte_pfn(pte),
	};
}

static struct space_entry pmd_entry(pmd_t pmd)
{
	return (struct space_entry) {
		.level = VMF_PMD,
		.present = pmd_present(pmd),
		.special = pmd_present(pmd) && pmd_special(pmd),
		.write = pmd_write(pmd),
		.pfn = pmd_pfn(pmd),
	};
}

static struct space_entry pud_entry(pud_t pud)
{
	return (struct space_entry) {
		.level = VMF_PUD,
		.present = pud_present(pud),
		.special = pud_present(pud) && pud_special(pud),
		.write = pud_write(pud),
		.pfn = pud_pfn(pud),
	};
}

/**
 * space_look - what maps a page
 * @page: the page
 *
 * Return: the entry.
 */
struct space_entry space_look(unsigned long page)
{
	static const struct space_entry none[] = {
		{ .level = VMF_PTE }, { .level = VMF_PMD }, { .level = VMF_PUD },
	};
	unsigned long addr = space_addr(page);
	pgd_t *pgd = pgd_offset(current->mm, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;
	pte_t pte;

	if (pgd_none(*pgd))
		return none[VMF_PUD];
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return none[VMF_PUD];
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud))
		return none[VMF_PUD];
	if (pud_leaf(*pud))
		return pud_entry(*pud);
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd))
		return none[VMF_PMD];
	if (pmd_leaf(*pmd))
		return pmd_entry(*pmd);
	pte = ptep_get(pte_offset_kernel(pmd, addr));
	return pte_none(pte) ? none[VMF_PTE] : pte_entry(pte);
}

/**
 * space_after - where the next entry begins
 * @page: a page
 * @entry: what space_look() says of it
 *
 * Return: the first page that the entry is not about.
 */
unsigned long space_after(unsigned long page, const struct space_entry *entry)
{
	static const unsigned long pages[] = { 1, PMD_PAGES, PUD_PAGES };

	return ALIGN_DOWN(page, pages[entry->level]) + pages[entry->level];
}

/**
 * space_expect_mapped - pages are mapped as they should be
 * @space: the address space
 * @level: of each leaf
 * @page: the first page, at which a leaf begins
 * @nr: how many pages
 * @pfn: of the first
 * @write: whether all are writable
 */
void space_expect_mapped(struct space *space, enum vmf_level level,
			 unsigned long page, unsigned long nr,
			 unsigned long pfn, bool write)
{
	struct space_entry entry;
	unsigned long i;

	for (i = page; i < page + nr; i = space_after(i, &entry)) {
		entry = space_look(i);
		if (entry.level == level && entry.present && entry.special &&
		    entry.write == write && entry.pfn == pfn + (i - page))
			continue;
		KUNIT_FAIL(space->test, "page %#lx: level %d, pfn %#lx, present %d, special %d, write %d",
			   i, entry.level, entry.pfn, entry.present,
			   entry.special, entry.write);
		return;
	}
}

/**
 * space_expect_none - pages are not mapped
 * @space: the address space
 * @page: the first
 * @nr: how many
 */
void space_expect_none(struct space *space, unsigned long page,
		       unsigned long nr)
{
	struct space_entry entry;
	unsigned long i;

	for (i = page; i < page + nr; i = space_after(i, &entry)) {
		entry = space_look(i);
		if (!entry.present)
			continue;
		KUNIT_FAIL(space->test, "page %#lx is mapped, level %d", i,
			   entry.level);
		return;
	}
}

/**
 * space_expect_no_leak - all tables are given back, and the counters know it
 * @space: the address space, in which nothing is mapped afterwards
 */
void space_expect_no_leak(struct space *space)
{
	space_unmap(space, 0, SPACE_PAGES);
	KUNIT_EXPECT_EQ(space->test, mm_pgtables_bytes(current->mm),
			space->tables);
}

/**
 * space_require_puds - a test needs PUD leaves
 * @test: it is skipped where the processor has none
 */
void space_require_puds(struct kunit *test)
{
	if (!vmf_compat_has_pud_leaves())
		kunit_skip(test, "this processor has no PUD leaves");
}
