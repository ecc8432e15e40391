// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zaps of an object that is mapped by leaves of every level: those leaves go that
 * hold a page of the range, and no others. Which they are is worked out from a
 * picture of the page tables taken before.
 */
#include <kunit/test.h>
#include <linux/vmf_range.h>

#include "draw.h"
#include "object.h"

#define MAX_LEAVES	4096

/**
 * struct zap_test - one test
 * @space: its address space, with the object mapped
 * @nr: how many leaves there were
 * @leaves: which
 */
struct zap_test {
	struct space space;
	unsigned int nr;
	struct leaf {
		unsigned long page;
		struct space_entry entry;
	} leaves[MAX_LEAVES];
};

static int zap_init(struct kunit *test)
{
	struct zap_test *zt = kunit_kzalloc(test, sizeof(*zt), GFP_KERNEL);
	int err;

	if (!zt)
		return -ENOMEM;
	test->priv = zt;
	err = space_init(&zt->space, test, &object_ops.vm_ops);
	if (err)
		return err;
	object_map(&zt->space);
	object_touch_all(&zt->space);
	return 0;
}

/* Remember what is mapped. */
static void take_picture(struct zap_test *zt)
{
	struct space_entry entry;
	unsigned long page;

	zt->nr = 0;
	for (page = 0; page < SPACE_PAGES; page = space_after(page, &entry)) {
		entry = space_look(page);
		if (!entry.present)
			continue;
		KUNIT_ASSERT_LT(zt->space.test, zt->nr, MAX_LEAVES);
		zt->leaves[zt->nr++] = (struct leaf){ page, entry };
	}
}

static bool same(const struct space_entry *a, const struct space_entry *b)
{
	return a->level == b->level && a->present == b->present &&
	       a->special == b->special && a->write == b->write &&
	       a->pfn == b->pfn;
}

/* Of the picture, just the leaves are gone that hold a page of [page, end). */
static void expect_gone(struct zap_test *zt, unsigned long page,
			unsigned long end)
{
	unsigned int i;

	for (i = 0; i < zt->nr; i++) {
		const struct leaf *leaf = &zt->leaves[i];
		struct space_entry now = space_look(leaf->page);
		bool hit = leaf->page < end &&
			   space_after(leaf->page, &leaf->entry) > page;

		if (hit ? !now.present : same(&now, &leaf->entry))
			continue;
		KUNIT_FAIL(zt->space.test, "zap of pages %#lx-%#lx: page %#lx, level %d, is %s",
			   page, end, leaf->page, leaf->entry.level,
			   hit ? "still there" : "not as it was");
		return;
	}
}

static void zap(struct zap_test *zt, unsigned long page, unsigned long nr)
{
	take_picture(zt);
	vmf_range_zap(zt->space.file->f_mapping, OBJECT_PGOFF + page, nr);
	expect_gone(zt, page, page + nr);
}

/* One page each at the edges of a level's part, and beside. */
static void zap_single_ptes(struct kunit *test)
{
	struct zap_test *zt = test->priv;

	zap(zt, OBJECT_PTES + 5, 1);
	zap(zt, OBJECT_PTES + PMD_PAGES - 1, 1);
	zap(zt, OBJECT_PTES, 1);
	zap(zt, OBJECT_PTES, 1);
	space_expect_mapped(&zt->space, VMF_PTE, OBJECT_PTES + 1, 4,
			    object_pfn(OBJECT_PTES + 1), true);
	space_expect_no_leak(&zt->space);
}

/* A leaf goes as a whole, whichever page of it is named. */
static void zap_page_of_pmd_leaf(struct kunit *test)
{
	struct zap_test *zt = test->priv;
	unsigned long leaf = OBJECT_PMDS + 7 * PMD_PAGES;

	zap(zt, leaf, 1);
	space_expect_none(&zt->space, leaf, PMD_PAGES);
	zap(zt, leaf + PMD_PAGES + 100, 1);
	zap(zt, leaf + 3 * PMD_PAGES - 1, 1);
	zap(zt, leaf + 4 * PMD_PAGES - 1, 2);
	space_expect_none(&zt->space, leaf, 5 * PMD_PAGES);
	space_expect_mapped(&zt->space, VMF_PMD, leaf + 5 * PMD_PAGES, PMD_PAGES,
			    object_pfn(leaf + 5 * PMD_PAGES), true);
	space_expect_no_leak(&zt->space);
}

static void zap_page_of_pud_leaf(struct kunit *test)
{
	static const unsigned long pages[] = {
		0, 1, PMD_PAGES + 3, PUD_PAGES / 2, PUD_PAGES - 1,
	};
	struct zap_test *zt = test->priv;
	int i;

	space_require_puds(test);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		space_touch(OBJECT_PUD, 0);
		space_expect_mapped(&zt->space, VMF_PUD, OBJECT_PUD, PUD_PAGES,
				    object_pfn(OBJECT_PUD), true);
		zap(zt, OBJECT_PUD + pages[i], 1);
		space_expect_none(&zt->space, OBJECT_PUD, PUD_PAGES);
	}
	space_expect_no_leak(&zt->space);
}

/* A range whose edges lie inside of leaves of two levels. */
static void zap_across_levels(struct kunit *test)
{
	struct zap_test *zt = test->priv;

	zap(zt, OBJECT_PMDS - 1, 2);
	space_expect_none(&zt->space, OBJECT_PUD + PUD_PAGES - PMD_PAGES,
			  2 * PMD_PAGES);
	zap(zt, OBJECT_PTES - 1, 2);
	space_expect_none(&zt->space, OBJECT_PTES - PMD_PAGES, PMD_PAGES + 1);
	space_expect_mapped(&zt->space, VMF_PTE, OBJECT_PTES + 1, PMD_PAGES - 1,
			    object_pfn(OBJECT_PTES + 1), true);
	object_touch_all(&zt->space);
	zap(zt, OBJECT_PUD + 5, 2 * PUD_PAGES);
	space_expect_no_leak(&zt->space);
}

/* Ranges in which nothing is mapped, or that have nothing to do with the object. */
static void zap_nothing(struct kunit *test)
{
	struct zap_test *zt = test->priv;
	struct address_space *mapping = zt->space.file->f_mapping;

	take_picture(zt);
	vmf_range_zap(mapping, 0, OBJECT_PGOFF);
	vmf_range_zap(mapping, OBJECT_PGOFF + OBJECT_HOLE, PUD_PAGES);
	vmf_range_zap(mapping, OBJECT_PGOFF + OBJECT_PAGES, 1);
	vmf_range_zap(mapping, ULONG_MAX, 1);
	expect_gone(zt, 0, 0);
	space_expect_no_leak(&zt->space);
}

/* All up to the end of the file: by 0, and by more than there can be. */
static void zap_to_the_end(struct kunit *test)
{
	struct zap_test *zt = test->priv;
	struct address_space *mapping = zt->space.file->f_mapping;

	take_picture(zt);
	vmf_range_zap(mapping, OBJECT_PGOFF + OBJECT_PMDS, 0);
	expect_gone(zt, OBJECT_PMDS, OBJECT_PAGES);
	object_touch_all(&zt->space);

	take_picture(zt);
	vmf_range_zap(mapping, OBJECT_PGOFF + OBJECT_PTES + 3, ULONG_MAX);
	expect_gone(zt, OBJECT_PTES + 3, OBJECT_PAGES);
	vmf_range_zap(mapping, 0, 0);
	expect_gone(zt, 0, OBJECT_PAGES);
	space_expect_no_leak(&zt->space);
}

/*
 * Parts of the object in other places: one that begins inside of the range, one that
 * is outside of it.
 */
static void zap_all_mappings(struct kunit *test)
{
	unsigned long second = OBJECT_PAGES + PUD_PAGES, third = second + PUD_PAGES;
	struct zap_test *zt = test->priv;
	unsigned long i;

	space_map(&zt->space, second, PMD_PAGES,
		  OBJECT_PGOFF + OBJECT_PTES + 10);
	space_map(&zt->space, third, PMD_PAGES,
		  OBJECT_PGOFF + OBJECT_PMDS + PMD_PAGES);
	space_touch(second, 0);
	space_touch(third, 0);

	take_picture(zt);
	vmf_range_zap(zt->space.file->f_mapping, OBJECT_PGOFF + OBJECT_PTES + 5,
		      10);
	space_expect_none(&zt->space, OBJECT_PTES + 5, 10);
	space_expect_none(&zt->space, second, 5);
	for (i = 0; i < zt->nr; i++) {
		const struct leaf *leaf = &zt->leaves[i];

		if ((leaf->page >= OBJECT_PTES + 5 &&
		     leaf->page < OBJECT_PTES + 15) ||
		    (leaf->page >= second && leaf->page < second + 5))
			continue;
		KUNIT_EXPECT_TRUE(test, space_look(leaf->page).present);
	}
	space_expect_no_leak(&zt->space);
}

static int zap_vma(unsigned long page, unsigned long nr)
{
	struct vm_area_struct *vma = space_vma(OBJECT_PUD);
	struct mm_struct *mm = current->mm;
	int err;

	mmap_read_lock(mm);
	err = vmf_range_zap_vma(vma, space_addr(page), nr << PAGE_SHIFT);
	mmap_read_unlock(mm);
	return err;
}

static void zap_one_vma(struct kunit *test)
{
	unsigned long second = OBJECT_PAGES + PUD_PAGES;
	struct zap_test *zt = test->priv;

	space_map(&zt->space, second, PMD_PAGES, OBJECT_PGOFF + OBJECT_PTES);
	space_touch(second, 0);
	take_picture(zt);
	KUNIT_EXPECT_EQ(test, zap_vma(OBJECT_PTES + 5, 2), 0);
	expect_gone(zt, OBJECT_PTES + 5, OBJECT_PTES + 7);

	take_picture(zt);
	KUNIT_EXPECT_EQ(test, zap_vma(OBJECT_PMDS + PMD_PAGES + 1,
				      PMD_PAGES), 0);
	expect_gone(zt, OBJECT_PMDS + PMD_PAGES, OBJECT_PMDS + 3 * PMD_PAGES);

	take_picture(zt);
	KUNIT_EXPECT_EQ(test, zap_vma(0, OBJECT_PAGES), 0);
	expect_gone(zt, 0, OBJECT_PAGES);
	space_expect_no_leak(&zt->space);
}

static void zap_vma_refused(struct kunit *test)
{
	struct zap_test *zt = test->priv;
	struct vm_area_struct *vma = space_vma(0);
	unsigned long start = vma->vm_start, end = vma->vm_end;
	struct mm_struct *mm = current->mm;

	take_picture(zt);
	mmap_read_lock(mm);
	KUNIT_EXPECT_EQ(test, vmf_range_zap_vma(vma, start, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmf_range_zap_vma(vma, start + 1, PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmf_range_zap_vma(vma, start, PAGE_SIZE - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmf_range_zap_vma(vma, start - PAGE_SIZE, PAGE_SIZE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vmf_range_zap_vma(vma, start - PAGE_SIZE,
						end - start + PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmf_range_zap_vma(vma, end, PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmf_range_zap_vma(vma, end - PAGE_SIZE,
						2 * PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmf_range_zap_vma(vma, start, -PAGE_SIZE), -EINVAL);
	mmap_read_unlock(mm);
	expect_gone(zt, 0, 0);
	space_expect_no_leak(&zt->space);
}

/* Near the places where the levels meet, so that edges are inside of leaves. */
static unsigned long draw_page(struct rnd_state *rnd)
{
	static const unsigned long around[] = {
		0, OBJECT_PMDS, OBJECT_PTES, OBJECT_HOLE,
	};
	unsigned long page = around[draw(rnd, ARRAY_SIZE(around))] +
			     draw(rnd, 4 * PMD_PAGES);

	return page - min(page, draw(rnd, 4 * PMD_PAGES));
}

static void zap_random(struct kunit *test)
{
	struct zap_test *zt = test->priv;
	struct rnd_state rnd;
	int i;

	draw_begin(&rnd, test);
	for (i = 0; i < 60; i++) {
		unsigned long a = draw_page(&rnd), b = draw_page(&rnd);

		if (!draw(&rnd, 3))
			b = a + draw(&rnd, 4);
		zap(zt, min(a, b), max(a, b) - min(a, b) + 1);
		if (draw(&rnd, 2))
			object_touch_all(&zt->space);
	}
	space_expect_no_leak(&zt->space);
}

static struct kunit_case zap_cases[] = {
	KUNIT_CASE(zap_single_ptes),
	KUNIT_CASE(zap_page_of_pmd_leaf),
	KUNIT_CASE(zap_page_of_pud_leaf),
	KUNIT_CASE(zap_across_levels),
	KUNIT_CASE(zap_nothing),
	KUNIT_CASE(zap_to_the_end),
	KUNIT_CASE(zap_all_mappings),
	KUNIT_CASE(zap_one_vma),
	KUNIT_CASE(zap_vma_refused),
	KUNIT_CASE(zap_random),
	{}
};

static struct kunit_suite zap_suite = {
	.name = "vmf_range_zap",
	.init = zap_init,
	.test_cases = zap_cases,
};

kunit_test_suite(zap_suite);
