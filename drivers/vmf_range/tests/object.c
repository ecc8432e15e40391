// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for tests, as small as one can be.
 */
#include "../compat.h"
#include "object.h"

/* No block goes on where the one before ends in memory. */
static const struct vmf_range_block blocks[] = {
	{ OBJECT_PGOFF + OBJECT_PUD, SPACE_PFN, PUD_PAGES },
	{ OBJECT_PGOFF + OBJECT_PMDS, SPACE_PFN + 2 * PUD_PAGES + PMD_PAGES,
	  PUD_PAGES },
	{ OBJECT_PGOFF + OBJECT_PTES, SPACE_PFN + 4 * PUD_PAGES + 1, PUD_PAGES },
};

/**
 * object_block - the block callback
 * @unused: there is one object
 * @pgoff: page asked for
 * @block: filled in
 *
 * Return: 0 or -ENOENT.
 */
int object_block(void *unused, pgoff_t pgoff, struct vmf_range_block *block)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		if (pgoff < blocks[i].pgoff ||
		    pgoff - blocks[i].pgoff >= blocks[i].nr_pages)
			continue;
		*block = blocks[i];
		return 0;
	}
	return -ENOENT;
}

/**
 * object_pfn - what is behind a page
 * @page: of the object, outside the hole
 *
 * Return: its page frame number.
 */
unsigned long object_pfn(unsigned long page)
{
	return blocks[page / PUD_PAGES].pfn + page % PUD_PAGES;
}

static vm_fault_t object_fault(struct vm_fault *vmf)
{
	return vmf_insert_blocks(vmf, object_block, NULL,
				 vmf->vma->vm_page_prot);
}

const struct vmf_range_ops object_ops = {
	.vm_ops = VMF_RANGE_VM_OPS,
	.fault = object_fault,
	.flags = VMF_RANGE_PUD,
};

/**
 * object_map - map the object at the start of an address space
 * @space: the address space, which begins with these operations
 */
void object_map(struct space *space)
{
	space_map(space, 0, OBJECT_PAGES, OBJECT_PGOFF);
}

static void expect_level(struct space *space, unsigned long page,
			 enum vmf_level level)
{
	struct space_entry entry;

	KUNIT_EXPECT_FALSE(space->test, space_touch(page, 0) & VM_FAULT_ERROR);
	entry = space_look(page);
	KUNIT_EXPECT_TRUE(space->test, entry.present);
	KUNIT_EXPECT_EQ(space->test, entry.level, level);
}

/**
 * object_touch_all - have leaves of every level that the processor has
 * @space: where object_map() has put the object
 *
 * All PMD leaves are there then, and a table full of PTEs. Where the library makes
 * page tables, one of these touches may bring it all.
 */
void object_touch_all(struct space *space)
{
	expect_level(space, OBJECT_PUD,
		     vmf_compat_has_pud_leaves() ? VMF_PUD : VMF_PMD);
	expect_level(space, OBJECT_PMDS, VMF_PMD);
	expect_level(space, OBJECT_PTES, VMF_PTE);
}
