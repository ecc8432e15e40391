// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the library says about leaves, against another look at the page tables.
 */
#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/vmf_range.h>

#include "draw.h"
#include "object.h"

static int query_init(struct kunit *test)
{
	struct space *space = kunit_kzalloc(test, sizeof(*space), GFP_KERNEL);
	int err;

	if (!space)
		return -ENOMEM;
	test->priv = space;
	err = space_init(space, test, &object_ops.vm_ops);
	if (err)
		return err;
	object_map(space);
	object_touch_all(space);
	return 0;
}

/* vmf_range_query() of pages [page, end), by the VMA at page 0. */
static unsigned long query(unsigned long page, unsigned long end,
			   struct vmf_range_leaf *leaf)
{
	struct vm_area_struct *vma = space_vma(0);
	struct mm_struct *mm = current->mm;
	unsigned long next;

	mmap_read_lock(mm);
	next = vmf_range_query(vma, space_addr(page), space_addr(end), leaf);
	mmap_read_unlock(mm);
	return next;
}

static unsigned int shift_of(enum vmf_level level)
{
	static const unsigned int shifts[] = { PAGE_SHIFT, PMD_SHIFT, PUD_SHIFT };

	return shifts[level];
}

/* The first page in [page, end) that is mapped, or end. */
static unsigned long first_mapped(unsigned long page, unsigned long end,
				  struct space_entry *entry)
{
	for (; page < end; page = space_after(page, entry)) {
		*entry = space_look(page);
		if (entry->present)
			return page;
	}
	return end;
}

/* The answer for [page, end) is what is in the page tables. False if not. */
static bool expect_answer(struct kunit *test, unsigned long page,
			  unsigned long end)
{
	unsigned long next, at, first, nr;
	struct vmf_range_leaf leaf = {};
	struct space_entry entry = {};

	next = query(page, end, &leaf);
	at = first_mapped(page, min(end, OBJECT_PAGES), &entry);
	if (at >= end || at >= OBJECT_PAGES) {
		KUNIT_EXPECT_EQ_MSG(test, next, 0, "pages %#lx-%#lx", page, end);
		return !next;
	}
	nr = space_after(at, &entry);
	first = ALIGN_DOWN(at, BIT(shift_of(entry.level) - PAGE_SHIFT));
	if (next == space_addr(nr) && leaf.addr == space_addr(first) &&
	    leaf.pfn == entry.pfn && leaf.shift == shift_of(entry.level) &&
	    leaf.writable == entry.write && leaf.special == entry.special)
		return true;
	KUNIT_FAIL(test, "pages %#lx-%#lx: says %lx, leaf %lx pfn %#lx shift %u; the first is page %#lx, level %d, pfn %#lx",
		   page, end, next, leaf.addr, leaf.pfn, leaf.shift, at,
		   entry.level, entry.pfn);
	return false;
}

/* From leaf to leaf through all of them. */
static void query_all_leaves(struct kunit *test)
{
	unsigned long page = 0, next, nr = 0;
	struct vmf_range_leaf leaf;

	while (expect_answer(test, page, OBJECT_PAGES)) {
		next = query(page, OBJECT_PAGES, &leaf);
		if (!next)
			break;
		nr++;
		page = PHYS_PFN(next - SPACE_ADDR);
	}
	/* Of the PMD part alone, and of one table of PTEs. */
	KUNIT_EXPECT_GE(test, nr, (unsigned long)PTRS_PER_PMD + PTRS_PER_PTE);
	space_expect_no_leak(test->priv);
}

/* Ranges that begin and end inside of leaves. */
static void query_parts_of_leaves(struct kunit *test)
{
	unsigned long pmd = OBJECT_PMDS + 5 * PMD_PAGES;

	expect_answer(test, 1, 2);
	expect_answer(test, PUD_PAGES - 1, PUD_PAGES);
	expect_answer(test, PUD_PAGES - 1, PUD_PAGES + 1);
	expect_answer(test, pmd + 1, pmd + 2);
	expect_answer(test, pmd + PMD_PAGES - 1, pmd + 2 * PMD_PAGES);
	expect_answer(test, OBJECT_PTES, OBJECT_PTES + 1);
	expect_answer(test, OBJECT_PTES + PMD_PAGES - 1, OBJECT_PAGES);
	space_expect_no_leak(test->priv);
}

static void query_nothing(struct kunit *test)
{
	struct vmf_range_leaf leaf;

	expect_answer(test, OBJECT_HOLE, OBJECT_PAGES);
	expect_answer(test, OBJECT_HOLE + 77, OBJECT_HOLE + 78);
	KUNIT_EXPECT_EQ(test, query(5, 5, &leaf), 0);
	KUNIT_EXPECT_EQ(test, query(6, 5, &leaf), 0);
	space_expect_no_leak(test->priv);
}

/* A range is clipped to the VMA: what its neighbour has mapped does not count. */
static void query_clipped(struct kunit *test)
{
	struct space *space = test->priv;
	struct vmf_range_leaf leaf;

	space_map(space, OBJECT_PAGES, PUD_PAGES, OBJECT_PGOFF);
	space_touch(OBJECT_PAGES, 0);
	KUNIT_EXPECT_TRUE(test, space_look(OBJECT_PAGES).present);
	KUNIT_EXPECT_EQ(test, query(OBJECT_HOLE, SPACE_PAGES, &leaf), 0);

	/* A VMA that begins between leaves, and what lies before it. */
	space_unmap(space, 0, OBJECT_PMDS + 3 * PMD_PAGES);
	KUNIT_EXPECT_EQ(test, query(0, OBJECT_PAGES, &leaf),
			space_addr(OBJECT_PMDS + 4 * PMD_PAGES));
	KUNIT_EXPECT_EQ(test, leaf.addr, space_addr(OBJECT_PMDS + 3 * PMD_PAGES));
	KUNIT_EXPECT_EQ(test, query(0, OBJECT_PMDS, &leaf), 0);
	space_expect_no_leak(space);
}

/* An address inside of a page means that page. */
static void query_unaligned(struct kunit *test)
{
	struct vm_area_struct *vma = space_vma(0);
	struct mm_struct *mm = current->mm;
	struct vmf_range_leaf leaf;

	mmap_read_lock(mm);
	KUNIT_EXPECT_EQ(test,
			vmf_range_query(vma, space_addr(OBJECT_PTES) + 99,
					space_addr(OBJECT_PAGES), &leaf),
			space_addr(OBJECT_PTES + 1));
	KUNIT_EXPECT_EQ(test, leaf.addr, space_addr(OBJECT_PTES));
	mmap_read_unlock(mm);
	space_expect_no_leak(test->priv);
}

static int map_without_pfnmap(struct space *space, struct vm_area_struct *vma)
{
	return 0;
}

/* A VMA whose pages are somebody else's business. */
static void query_no_pfnmap(struct kunit *test)
{
	struct space *space = test->priv;
	struct vmf_range_leaves leaves;
	struct vmf_range_leaf leaf;

	space_unmap(space, 0, OBJECT_PAGES);
	space->mmap = map_without_pfnmap;
	object_map(space);
	KUNIT_EXPECT_EQ(test, query(0, OBJECT_PAGES, &leaf), 0);
	vmf_range_count_leaves(space_vma(0), SPACE_ADDR,
			       space_addr(OBJECT_PAGES), &leaves);
	KUNIT_EXPECT_EQ(test, leaves.pud + leaves.pmd + leaves.pte, 0);
	space_expect_no_leak(space);
}

static void query_read_only(struct kunit *test)
{
	struct space *space = test->priv;
	struct vmf_range_leaf leaf;

	space_unmap(space, 0, OBJECT_PAGES);
	KUNIT_ASSERT_EQ(test, vm_mmap(space->file, SPACE_ADDR,
				      OBJECT_PAGES << PAGE_SHIFT, PROT_READ,
				      MAP_SHARED | MAP_FIXED,
				      OBJECT_PGOFF << PAGE_SHIFT), SPACE_ADDR);
	object_touch_all(space);
	KUNIT_EXPECT_NE(test, query(OBJECT_PMDS, OBJECT_PAGES, &leaf), 0);
	KUNIT_EXPECT_FALSE(test, leaf.writable);
	expect_answer(test, 0, OBJECT_PAGES);
	expect_answer(test, OBJECT_PMDS, OBJECT_PAGES);
	expect_answer(test, OBJECT_PTES, OBJECT_PAGES);
	space_expect_no_leak(space);
}

static void expect_count(struct kunit *test, unsigned long page,
			 unsigned long end)
{
	unsigned long want[VMF_NR_LEVELS] = {};
	struct vmf_range_leaves leaves;
	struct space_entry entry;
	unsigned long at;

	mmap_read_lock(current->mm);
	vmf_range_count_leaves(find_vma(current->mm, SPACE_ADDR),
			       space_addr(page), space_addr(end), &leaves);
	mmap_read_unlock(current->mm);
	for (at = page; at < end; at = space_after(at, &entry)) {
		entry = space_look(at);
		want[entry.level] += entry.present;
	}
	KUNIT_EXPECT_EQ_MSG(test, leaves.pte, want[VMF_PTE], "pages %#lx-%#lx",
			    page, end);
	KUNIT_EXPECT_EQ_MSG(test, leaves.pmd, want[VMF_PMD], "pages %#lx-%#lx",
			    page, end);
	KUNIT_EXPECT_EQ_MSG(test, leaves.pud, want[VMF_PUD], "pages %#lx-%#lx",
			    page, end);
}

/* A leaf across an edge counts. */
static void query_count(struct kunit *test)
{
	expect_count(test, 0, OBJECT_PAGES);
	expect_count(test, 5, 6);
	expect_count(test, PUD_PAGES - 1, PUD_PAGES + 1);
	expect_count(test, OBJECT_PTES - 1, OBJECT_PTES + 1);
	expect_count(test, OBJECT_PMDS + 1, OBJECT_PTES + 7);
	expect_count(test, OBJECT_HOLE, OBJECT_PAGES);
	expect_count(test, 5, 5);
	space_expect_no_leak(test->priv);
}

/* In all VMAs together: two of them have the pages asked for, in part. */
static void query_count_mapped(struct kunit *test)
{
	unsigned long second = OBJECT_PAGES, third = second + PUD_PAGES;
	struct space *space = test->priv;
	struct address_space *mapping = space->file->f_mapping;
	struct vmf_range_leaves leaves, all;

	space_map(space, second, PMD_PAGES, OBJECT_PGOFF + OBJECT_PTES + 10);
	space_map(space, third, PMD_PAGES, OBJECT_PGOFF + OBJECT_PMDS);
	space_touch(second, 0);
	space_touch(third, 0);

	KUNIT_EXPECT_EQ(test,
			vmf_range_count_mapped(mapping, OBJECT_PGOFF +
					       OBJECT_PTES + 5, 10, &leaves), 2);
	KUNIT_EXPECT_EQ(test, leaves.pte, 15);
	KUNIT_EXPECT_EQ(test, leaves.pmd + leaves.pud, 0);
	KUNIT_EXPECT_EQ(test,
			vmf_range_count_mapped(mapping, OBJECT_PGOFF +
					       OBJECT_PMDS + 7, 1, &leaves), 2);
	KUNIT_EXPECT_EQ(test, leaves.pmd, 2);
	KUNIT_EXPECT_EQ(test, leaves.pte + leaves.pud, 0);
	KUNIT_EXPECT_EQ(test,
			vmf_range_count_mapped(mapping, OBJECT_PGOFF +
					       OBJECT_HOLE, 7, &leaves), 1);
	KUNIT_EXPECT_EQ(test, leaves.pte + leaves.pmd + leaves.pud, 0);
	KUNIT_EXPECT_EQ(test,
			vmf_range_count_mapped(mapping, 0, OBJECT_PGOFF, &leaves),
			0);
	/* To the end of the file, in two ways. */
	KUNIT_EXPECT_EQ(test,
			vmf_range_count_mapped(mapping, OBJECT_PGOFF,
					       OBJECT_PAGES, &all), 3);
	KUNIT_EXPECT_EQ(test,
			vmf_range_count_mapped(mapping, OBJECT_PGOFF, 0,
					       &leaves), 3);
	KUNIT_EXPECT_MEMEQ(test, &leaves, &all, sizeof(all));
	KUNIT_EXPECT_EQ(test,
			vmf_range_count_mapped(mapping, OBJECT_PGOFF, ULONG_MAX,
					       &leaves), 3);
	KUNIT_EXPECT_MEMEQ(test, &leaves, &all, sizeof(all));
	space_expect_no_leak(space);
}

static void query_random(struct kunit *test)
{
	struct space *space = test->priv;
	struct rnd_state rnd;
	int i;

	draw_begin(&rnd, test);
	for (i = 0; i < 100; i++) {
		unsigned long page = OBJECT_PTES - PMD_PAGES +
				     draw(&rnd, 3 * PMD_PAGES);
		unsigned long end = page + 1 + draw(&rnd, 2 * PMD_PAGES);

		if (!draw(&rnd, 3))
			page = draw(&rnd, OBJECT_PMDS);
		if (!expect_answer(test, page, end))
			return;
		expect_count(test, page, end);
		/* Make holes. */
		if (!draw(&rnd, 8))
			vmf_range_zap(space->file->f_mapping, OBJECT_PGOFF +
				      OBJECT_PTES + draw(&rnd, PMD_PAGES),
				      1 + draw(&rnd, 20));
	}
	space_expect_no_leak(space);
}

static struct kunit_case query_cases[] = {
	KUNIT_CASE(query_all_leaves),
	KUNIT_CASE(query_parts_of_leaves),
	KUNIT_CASE(query_nothing),
	KUNIT_CASE(query_clipped),
	KUNIT_CASE(query_unaligned),
	KUNIT_CASE(query_no_pfnmap),
	KUNIT_CASE(query_read_only),
	KUNIT_CASE(query_count),
	KUNIT_CASE(query_count_mapped),
	KUNIT_CASE(query_random),
	{}
};

static struct kunit_suite query_suite = {
	.name = "vmf_range_query",
	.init = query_init,
	.test_cases = query_cases,
};

kunit_test_suite(query_suite);
