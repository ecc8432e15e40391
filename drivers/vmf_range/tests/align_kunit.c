// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses for mappings: with a block of which a large leaf fits, address and memory
 * agree modulo that leaf; with one of which none fits, the answer is the core's.
 */
#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/vmf_range.h>

#include "../compat.h"
#include "draw.h"
#include "space.h"

#define PUD_PFN		SPACE_PFN

static int align_init(struct kunit *test)
{
	struct space *space = kunit_kzalloc(test, sizeof(*space), GFP_KERNEL);

	if (!space)
		return -ENOMEM;
	test->priv = space;
	return space_init(space, test, NULL);
}

static unsigned long choose(struct kunit *test, unsigned long hint,
			    unsigned long nr, unsigned long pgoff,
			    unsigned long flags,
			    const struct vmf_range_block *block)
{
	struct space *space = test->priv;
	struct mm_struct *mm = current->mm;
	unsigned long addr;

	mmap_write_lock(mm);
	addr = vmf_range_get_unmapped_area(space->file, hint, nr << PAGE_SHIFT,
					   pgoff, flags, block);
	mmap_write_unlock(mm);
	return addr;
}

/* Can a leaf of so many pages map a part of the block? By trying all places. */
static bool fits(const struct vmf_range_block *block, unsigned long pgoff,
		 unsigned long nr, unsigned long leaf)
{
	unsigned long pfn = ALIGN(block->pfn, leaf);

	for (; pfn + leaf <= block->pfn + block->nr_pages; pfn += leaf) {
		unsigned long at = block->pgoff + (pfn - block->pfn);

		if (at >= pgoff && at + leaf <= pgoff + nr)
			return true;
	}
	return false;
}

/* The largest leaf that can be, in pages. */
static unsigned long largest(const struct vmf_range_block *block,
			     unsigned long pgoff, unsigned long nr)
{
	if (vmf_compat_has_pud_leaves() && fits(block, pgoff, nr, PUD_PAGES))
		return PUD_PAGES;
	return fits(block, pgoff, nr, PMD_PAGES) ? PMD_PAGES : 1;
}

static bool agrees(unsigned long addr, unsigned long pgoff,
		   const struct vmf_range_block *block, unsigned long leaf)
{
	return (PHYS_PFN(addr) - pgoff) % leaf ==
	       (block->pfn - block->pgoff) % leaf;
}

/* Map pages [pgoff, pgoff + nr) of the file; a leaf of so many pages must fit. */
static void expect(struct kunit *test, unsigned long pgoff, unsigned long nr,
		   struct vmf_range_block block, unsigned long leaf)
{
	unsigned long addr = choose(test, 0, nr, pgoff, MAP_SHARED, &block);

	if (leaf == PUD_PAGES && !vmf_compat_has_pud_leaves())
		leaf = PMD_PAGES;
	KUNIT_EXPECT_EQ(test, leaf, largest(&block, pgoff, nr));
	if (IS_ERR_VALUE(addr) || !PAGE_ALIGNED(addr) ||
	    !agrees(addr, pgoff, &block, leaf))
		KUNIT_FAIL(test, "%lx for %#lx pages from %#lx, block of %#lx pages at %#lx, pfn %#lx, leaf of %#lx",
			   addr, nr, pgoff, block.nr_pages, block.pgoff,
			   block.pfn, leaf);
	if (leaf == 1)
		KUNIT_EXPECT_EQ(test, addr,
				choose(test, 0, nr, pgoff, MAP_SHARED, NULL));
}

static struct vmf_range_block block_of(pgoff_t pgoff, unsigned long pfn,
				       unsigned long nr)
{
	return (struct vmf_range_block){ pgoff, pfn, nr };
}

/* Just long enough for one leaf, and a page too short. */
static void align_lengths(struct kunit *test)
{
	expect(test, 0, PUD_PAGES, block_of(0, PUD_PFN, PUD_PAGES), PUD_PAGES);
	expect(test, 0, PUD_PAGES - 1, block_of(0, PUD_PFN, PUD_PAGES), PMD_PAGES);
	expect(test, 0, PUD_PAGES, block_of(0, PUD_PFN, PUD_PAGES - 1), PMD_PAGES);
	expect(test, 0, PMD_PAGES, block_of(0, PUD_PFN, PMD_PAGES), PMD_PAGES);
	expect(test, 0, PMD_PAGES - 1, block_of(0, PUD_PFN, PMD_PAGES), 1);
	expect(test, 0, PMD_PAGES, block_of(0, PUD_PFN, PMD_PAGES - 1), 1);
	expect(test, 0, 1, block_of(0, PUD_PFN, PUD_PAGES), 1);
	expect(test, 7, 3 * PUD_PAGES, block_of(7, PUD_PFN, 1), 1);
}

/* The block begins between leaves: one less fits than its length says. */
static void align_odd_pfn(struct kunit *test)
{
	expect(test, 0, PMD_PAGES, block_of(0, PUD_PFN + 1, PMD_PAGES), 1);
	expect(test, 0, 2 * PMD_PAGES - 1,
	       block_of(0, PUD_PFN + 1, 2 * PMD_PAGES - 1), PMD_PAGES);
	expect(test, 0, 2 * PMD_PAGES - 2,
	       block_of(0, PUD_PFN + 1, 2 * PMD_PAGES - 1), 1);
	expect(test, 0, PMD_PAGES + 1,
	       block_of(0, PUD_PFN - 1, PMD_PAGES + 1), PMD_PAGES);
	expect(test, 0, 2 * PUD_PAGES,
	       block_of(0, PUD_PFN + 1, 2 * PUD_PAGES - 2), PMD_PAGES);
	expect(test, 0, 2 * PUD_PAGES,
	       block_of(0, PUD_PFN + 1, 2 * PUD_PAGES - 1), PUD_PAGES);
}

/* The mapping begins in the middle of the block. */
static void align_from_the_middle(struct kunit *test)
{
	expect(test, 100 + 5, PUD_PAGES, block_of(100, PUD_PFN, 4 * PUD_PAGES),
	       PMD_PAGES);
	expect(test, 100 + 5, 2 * PUD_PAGES, block_of(100, PUD_PFN, 4 * PUD_PAGES),
	       PUD_PAGES);
	expect(test, 100 + PUD_PAGES, PUD_PAGES,
	       block_of(100, PUD_PFN, 2 * PUD_PAGES), PUD_PAGES);
	expect(test, 100 + PUD_PAGES, 2 * PUD_PAGES,
	       block_of(100, PUD_PFN, 2 * PUD_PAGES - 1), PMD_PAGES);
	expect(test, 100 + PMD_PAGES - 1, 4 * PMD_PAGES,
	       block_of(100, PUD_PFN, 2 * PMD_PAGES), PMD_PAGES);
	expect(test, 100 + PMD_PAGES + 1, 4 * PMD_PAGES,
	       block_of(100, PUD_PFN, 2 * PMD_PAGES), 1);
}

/* The block begins in the middle of the mapping. */
static void align_to_the_middle(struct kunit *test)
{
	expect(test, 100, PUD_PAGES + 33, block_of(133, PUD_PFN, PUD_PAGES),
	       PUD_PAGES);
	expect(test, 100, PUD_PAGES + 32, block_of(133, PUD_PFN, PUD_PAGES),
	       PMD_PAGES);
	expect(test, 0, PMD_PAGES + 999, block_of(999, PUD_PFN + 3 * PMD_PAGES,
						  PUD_PAGES), PMD_PAGES);
	expect(test, 0, PMD_PAGES + 998, block_of(999, PUD_PFN + 3 * PMD_PAGES,
						  PUD_PAGES), 1);
}

/* The block is of other pages than the mapping. */
static void align_elsewhere(struct kunit *test)
{
	expect(test, 100 + PUD_PAGES, 2 * PUD_PAGES,
	       block_of(100, PUD_PFN, PUD_PAGES), 1);
	expect(test, 100 + 3 * PUD_PAGES, 2 * PUD_PAGES,
	       block_of(100, PUD_PFN, PUD_PAGES), 1);
	expect(test, 0, PUD_PAGES, block_of(PUD_PAGES, PUD_PFN, PUD_PAGES), 1);
	expect(test, 0, PUD_PAGES, block_of(3 * PUD_PAGES, PUD_PFN, PUD_PAGES), 1);
	expect(test, 0, PUD_PAGES, block_of(0, PUD_PFN, 0), 1);
}

/* A hint that is free is moved up to where the block agrees, and no further. */
static void align_hint(struct kunit *test)
{
	struct vmf_range_block block = block_of(0, PUD_PFN + 3, PUD_PAGES);
	unsigned long nr = 4 * PMD_PAGES, base = space_addr(PUD_PAGES);
	unsigned long at = base + (3UL << PAGE_SHIFT);

	KUNIT_EXPECT_EQ(test, choose(test, base, nr, 0, MAP_SHARED, &block), at);
	KUNIT_EXPECT_EQ(test, choose(test, at, nr, 0, MAP_SHARED, &block), at);
	KUNIT_EXPECT_EQ(test, choose(test, at + 1, nr, 0, MAP_SHARED, &block),
			at + PMD_SIZE);
	KUNIT_EXPECT_EQ(test, choose(test, at - 1, nr, 0, MAP_SHARED, &block), at);
	KUNIT_EXPECT_EQ(test, choose(test, base, nr, 0, MAP_SHARED, NULL), base);
}

/* A hint in the way of which there is something. */
static void align_hint_taken(struct kunit *test)
{
	struct vmf_range_block block = block_of(0, PUD_PFN + 3, PUD_PAGES);
	unsigned long nr = 4 * PMD_PAGES, addr;

	space_map(test->priv, PUD_PAGES, 10, 0);
	addr = choose(test, space_addr(PUD_PAGES), nr, 0, MAP_SHARED, &block);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_TRUE(test, agrees(addr, 0, &block, PMD_PAGES));
	KUNIT_EXPECT_TRUE(test, addr >= space_addr(PUD_PAGES + 10) ||
			  addr + (nr << PAGE_SHIFT) <= space_addr(PUD_PAGES));
	space_expect_no_leak(test->priv);
}

static void align_fixed(struct kunit *test)
{
	struct vmf_range_block block = block_of(0, PUD_PFN, PUD_PAGES);
	unsigned long at = space_addr(77);

	KUNIT_EXPECT_EQ(test, choose(test, at, PUD_PAGES, 0,
				     MAP_SHARED | MAP_FIXED, &block), at);
}

/* More than there is: an error, and no address. */
static void align_too_long(struct kunit *test)
{
	struct vmf_range_block block = block_of(0, PUD_PFN, ULONG_MAX >> PAGE_SHIFT);
	unsigned long nr[] = {
		PHYS_PFN(TASK_SIZE) + 1, PHYS_PFN(-PMD_SIZE), PHYS_PFN(-PAGE_SIZE),
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		KUNIT_EXPECT_EQ(test, (long)choose(test, 0, nr[i], 0, MAP_SHARED,
						   &block), -ENOMEM);
		KUNIT_EXPECT_EQ(test, (long)choose(test, PMD_SIZE, nr[i], 0,
						   MAP_SHARED, &block), -ENOMEM);
	}
}

static unsigned long draw_length(struct rnd_state *rnd)
{
	unsigned long leaf = draw(rnd, 2) ? PMD_PAGES : PUD_PAGES;
	unsigned long nr = (1 + draw(rnd, 3)) * leaf;

	return draw(rnd, 2) ? nr + draw(rnd, 3) - 1 : 1 + draw(rnd, 3 * leaf);
}

static void align_random(struct kunit *test)
{
	struct rnd_state rnd;
	int i;

	draw_begin(&rnd, test);
	for (i = 0; i < 1000; i++) {
		struct vmf_range_block block = {
			.pgoff = draw(&rnd, 2) ? draw(&rnd, 2 * PUD_PAGES) :
				 draw(&rnd, 3),
			.pfn = PUD_PFN + draw(&rnd, 5) * PMD_PAGES,
			.nr_pages = draw_length(&rnd),
		};
		unsigned long nr = draw_length(&rnd);
		unsigned long pgoff = draw(&rnd, 2) ? draw(&rnd, 2 * PUD_PAGES) :
				      block.pgoff;

		if (draw(&rnd, 2))
			block.pfn += draw(&rnd, PUD_PAGES);
		expect(test, pgoff, nr, block, largest(&block, pgoff, nr));
	}
}

static struct kunit_case align_cases[] = {
	KUNIT_CASE(align_lengths),
	KUNIT_CASE(align_odd_pfn),
	KUNIT_CASE(align_from_the_middle),
	KUNIT_CASE(align_to_the_middle),
	KUNIT_CASE(align_elsewhere),
	KUNIT_CASE(align_hint),
	KUNIT_CASE(align_hint_taken),
	KUNIT_CASE(align_fixed),
	KUNIT_CASE(align_too_long),
	KUNIT_CASE(align_random),
	{}
};

static struct kunit_suite align_suite = {
	.name = "vmf_range_align",
	.init = align_init,
	.test_cases = align_cases,
};

kunit_test_suite(align_suite);
