/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An address space of a test's own, a file to map in it, and a look at the page
 * tables that shares no code with the library's.
 *
 * Pages are counted from SPACE_ADDR.
 */
#ifndef _VMF_RANGE_TESTS_SPACE_H_
#define _VMF_RANGE_TESTS_SPACE_H_

#include <kunit/test.h>
#include <linux/mm.h>

#include "../plan.h"

#define SPACE_ADDR	(16UL << 40)
#define SPACE_PAGES	(8 * PUD_PAGES)
#define PMD_PAGES	((unsigned long)PTRS_PER_PTE)
#define PUD_PAGES	(PTRS_PER_PMD * PMD_PAGES)

/* Of no memory at all: nobody reads through the mappings. */
#define SPACE_PFN	PHYS_PFN(64 * PUD_SIZE)

/**
 * struct space - one test's
 * @test: its KUnit side
 * @file: what it maps; no other test has the same pages of it
 * @vm_ops: of the VMAs that are mapped next; NULL for none
 * @mmap: if set, does what remains to be done for them
 * @tables: bytes of page tables before anything was mapped
 */
struct space {
	struct kunit *test;
	struct file *file;
	const struct vm_operations_struct *vm_ops;
	int (*mmap)(struct space *space, struct vm_area_struct *vma);
	unsigned long tables;
};

/**
 * struct space_entry - what stands in the page tables for a page
 * @level: of the leaf; where there is none, of the entry that says so
 * @present: there is a leaf
 * @special: which cannot be pinned
 * @write: and can be written to
 * @pfn: of the leaf's first page
 */
struct space_entry {
	enum vmf_level level;
	bool present;
	bool special;
	bool write;
	unsigned long pfn;
};

int space_init(struct space *space, struct kunit *test,
	       const struct vm_operations_struct *vm_ops);
void space_map(struct space *space, unsigned long page, unsigned long nr,
	       pgoff_t pgoff);
void space_unmap(struct space *space, unsigned long page, unsigned long nr);
struct vm_area_struct *space_vma(unsigned long page);
vm_fault_t space_touch(unsigned long page, unsigned int flags);

struct space_entry space_look(unsigned long page);
unsigned long space_after(unsigned long page, const struct space_entry *entry);
void space_expect_mapped(struct space *space, enum vmf_level level,
			 unsigned long page, unsigned long nr,
			 unsigned long pfn, bool write);
void space_expect_none(struct space *space, unsigned long page,
		       unsigned long nr);
void space_expect_no_leak(struct space *space);
void space_require_puds(struct kunit *test);

static inline struct space *space_of(const struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

static inline unsigned long space_addr(unsigned long page)
{
	return SPACE_ADDR + (page << PAGE_SHIFT);
}

#endif
