// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks from arrays of pages. What is contiguous is found by looking, so these are
 * pages that there are: single ones that adjoin, and folios.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/vmf_range.h>

#include "draw.h"
#include "iter_truth.h"
#include "space.h"

/* The most that adjoins. */
#define SINGLES		(1UL << MAX_PAGE_ORDER)
#define FOLIOS		6

/**
 * struct pages_test - one test
 * @truth: what is known about the array
 * @array: as a driver keeps it
 * @pages: its pages, NULL for a hole
 * @singles: the first of SINGLES pages that adjoin and are no folio
 * @folios: folios, of 1 page, 2, 4 and so on
 */
struct pages_test {
	struct truth truth;
	struct vmf_range_pages array;
	struct page *pages[TRUTH_MAX];
	struct page *singles;
	struct page *folios[FOLIOS];
};

static void free_singles(void *page)
{
	__free_pages(page, MAX_PAGE_ORDER);
}

static void free_folio(void *page)
{
	struct page *first = page;

	folio_put(page_folio(first));
}

static struct page *make_folio(struct kunit *test, unsigned int order)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, order);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_folio, page), 0);
	return page;
}

static int pages_init(struct kunit *test)
{
	struct pages_test *pt = kunit_kzalloc(test, sizeof(*pt), GFP_KERNEL);
	int i;

	if (!pt)
		return -ENOMEM;
	test->priv = pt;
	pt->truth.test = test;
	pt->array.pages = pt->pages;

	pt->singles = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
	if (!pt->singles)
		return -ENOMEM;
	if (kunit_add_action_or_reset(test, free_singles, pt->singles))
		return -ENOMEM;
	for (i = 0; i < FOLIOS; i++)
		pt->folios[i] = make_folio(test, i);
	return 0;
}

static void begin(struct pages_test *pt, pgoff_t pgoff)
{
	truth_begin(&pt->truth, pgoff);
	pt->array.pgoff = pgoff;
	pt->array.nr = 0;
}

static void add(struct pages_test *pt, struct page *first, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		truth_go_on(&pt->truth, page_to_pfn(first + i));
		pt->pages[pt->array.nr++] = first + i;
	}
}

static void add_hole(struct pages_test *pt, unsigned long nr)
{
	truth_add_hole(&pt->truth, nr);
	while (nr--)
		pt->pages[pt->array.nr++] = NULL;
}

static void ask_all(struct pages_test *pt)
{
	truth_ask_all(&pt->truth, vmf_range_block_of_pages, &pt->array);
}

/* Single pages: runs, one that goes backwards, the same page twice. */
static void pages_singles(struct kunit *test)
{
	struct pages_test *pt = test->priv;

	begin(pt, 70);
	add(pt, pt->singles + 20, 9);
	add(pt, pt->singles + 28, 1);
	add(pt, pt->singles + 27, 1);
	add(pt, pt->singles + 26, 4);
	add(pt, pt->singles, 20);
	ask_all(pt);
}

static void pages_holes(struct kunit *test)
{
	struct pages_test *pt = test->priv;

	begin(pt, 1);
	add_hole(pt, 1);
	add(pt, pt->singles, 1);
	add_hole(pt, 2);
	/* What adjoins in memory has no hole between. */
	add(pt, pt->singles + 1, 5);
	add_hole(pt, 1);
	add(pt, pt->singles + 7, 5);
	add_hole(pt, 3);
	ask_all(pt);

	begin(pt, 0);
	add_hole(pt, 5);
	ask_all(pt);
}

static void pages_none(struct kunit *test)
{
	struct pages_test *pt = test->priv;

	begin(pt, 5);
	ask_all(pt);
}

static void pages_folios(struct kunit *test)
{
	struct pages_test *pt = test->priv;
	int i;

	begin(pt, 0);
	for (i = 0; i < FOLIOS; i++)
		add(pt, pt->folios[i], 1UL << i);
	ask_all(pt);
}

/* The array begins and ends in the middle of folios, and leaves some pages out. */
static void pages_parts_of_folios(struct kunit *test)
{
	struct pages_test *pt = test->priv;
	struct page *large = pt->folios[FOLIOS - 1];

	begin(pt, 12);
	add(pt, large + 3, (1UL << (FOLIOS - 1)) - 3);
	add(pt, pt->singles, 3);
	add(pt, pt->folios[4], 7);
	/* More than is left out: what comes next is not in its place. */
	add_hole(pt, 2);
	add(pt, pt->folios[4] + 8, 8);
	add(pt, pt->folios[3] + 1, 5);
	ask_all(pt);

	/* All but the first page of one, all but the last of the other. */
	begin(pt, 3);
	add(pt, pt->folios[3] + 1, 7);
	add(pt, pt->folios[2], 3);
	ask_all(pt);
}

/* A folio is one look, so a run is found whole in which single pages were too many. */
static void pages_large_folio(struct kunit *test)
{
	struct page *page = make_folio(test, MAX_PAGE_ORDER);
	struct pages_test *pt = test->priv;
	pgoff_t pgoff[] = { 9, 10, 9 + PMD_PAGES, 8 + SINGLES };
	struct vmf_range_block block;
	int i;

	begin(pt, 9);
	add(pt, page, SINGLES);
	for (i = 0; i < ARRAY_SIZE(pgoff); i++) {
		KUNIT_EXPECT_EQ(test,
				vmf_range_block_of_pages(&pt->array, pgoff[i],
							 &block), 0);
		KUNIT_EXPECT_EQ(test, block.pgoff, 9);
		KUNIT_EXPECT_EQ(test, block.pfn, page_to_pfn(page));
		KUNIT_EXPECT_EQ(test, block.nr_pages, SINGLES);
	}
}

/*
 * What must hold for a piece of a run of single pages that is longer than one look:
 * [first, end) of the array.
 */
static bool check_piece(struct pages_test *pt, unsigned long at,
			unsigned long first, unsigned long end)
{
	unsigned long pfn = page_to_pfn(pt->pages[0]), nr = pt->array.nr;
	unsigned long leaf = ALIGN_DOWN(pfn + at, PMD_PAGES);

	if (first > at || end <= at || end > nr)
		return false;
	/* It ends with the run, or where a leaf may. */
	if (first && (pfn + first) % PMD_PAGES)
		return false;
	if (end < nr && (pfn + end) % PMD_PAGES)
		return false;
	/* If there is a leaf around the page, it lies within. */
	if (leaf < pfn || leaf + PMD_PAGES > pfn + nr)
		return true;
	return leaf >= pfn + first && leaf + PMD_PAGES <= pfn + end;
}

/* Ask about a page of a run of single pages at page offset 1000. */
static void ask_long_run(struct pages_test *pt, unsigned long at)
{
	struct kunit *test = pt->truth.test;
	struct vmf_range_block block;

	KUNIT_ASSERT_EQ(test, vmf_range_block_of_pages(&pt->array, 1000 + at,
						       &block), 0);
	KUNIT_ASSERT_EQ(test, block.pfn,
			page_to_pfn(pt->pages[0]) + block.pgoff - 1000);
	if (!check_piece(pt, at, block.pgoff - 1000,
			 block.pgoff - 1000 + block.nr_pages))
		KUNIT_FAIL(test, "%lu pages, page %lu: %lu pages from %lu",
			   pt->array.nr, at, block.nr_pages, block.pgoff - 1000);
}

/* A run of single pages from page @skip of two PMD leaves. */
static void ask_in_long_run(struct pages_test *pt, unsigned long skip,
			    unsigned long nr)
{
	unsigned long at;

	begin(pt, 1000);
	add(pt, pt->singles + skip, nr);
	for (at = 0; at < nr; at += 7)
		ask_long_run(pt, at);
	ask_long_run(pt, 1);
	ask_long_run(pt, nr - 2);
	ask_long_run(pt, nr - 1);
	for (at = PMD_PAGES - 2; at < min(nr, PMD_PAGES + 2); at++)
		ask_long_run(pt, at);
}

static void pages_long_runs(struct kunit *test)
{
	struct pages_test *pt = test->priv;

	ask_in_long_run(pt, 0, SINGLES);
	ask_in_long_run(pt, 1, SINGLES - 1);
	ask_in_long_run(pt, 0, SINGLES - 1);
	ask_in_long_run(pt, 7, SINGLES - 20);
	ask_in_long_run(pt, PMD_PAGES - 1, PMD_PAGES + 1);
	ask_in_long_run(pt, 0, PMD_PAGES + 1);
	ask_in_long_run(pt, 0, PMD_PAGES);
	ask_in_long_run(pt, 300, PMD_PAGES);
}

/*
 * Something behind the array. Each folio is used once: in parts that are not in their
 * order it would be what the function does not expect.
 */
static void add_random(struct pages_test *pt, struct rnd_state *rnd,
		       unsigned int *used)
{
	unsigned int order = draw(rnd, FOLIOS);
	unsigned long nr = 1UL << order, skip = draw(rnd, nr);

	switch (draw(rnd, 4)) {
	case 0:
		add_hole(pt, 1 + draw(rnd, 3));
		break;
	case 1:
		if (*used & BIT(order))
			break;
		*used |= BIT(order);
		if (draw(rnd, 2))
			skip = 0;
		add(pt, pt->folios[order] + skip,
		    draw(rnd, 2) ? nr - skip : 1 + draw(rnd, nr - skip));
		break;
	default:
		add(pt, pt->singles + draw(rnd, 50), 1 + draw(rnd, 20));
	}
}

static void pages_random(struct kunit *test)
{
	struct pages_test *pt = test->priv;
	struct rnd_state rnd;
	int round;

	draw_begin(&rnd, test);
	for (round = 0; round < 100; round++) {
		unsigned int used = 0;
		int i;

		begin(pt, draw(&rnd, 2) * draw(&rnd, 5000));
		for (i = 0; i < 15; i++)
			add_random(pt, &rnd, &used);
		truth_ask_randomly(&pt->truth, vmf_range_block_of_pages,
				   &pt->array, &rnd);
	}
}

static struct kunit_case pages_cases[] = {
	KUNIT_CASE(pages_singles),
	KUNIT_CASE(pages_holes),
	KUNIT_CASE(pages_none),
	KUNIT_CASE(pages_folios),
	KUNIT_CASE(pages_parts_of_folios),
	KUNIT_CASE(pages_large_folio),
	KUNIT_CASE(pages_long_runs),
	KUNIT_CASE(pages_random),
	{}
};

static struct kunit_suite pages_suite = {
	.name = "vmf_range_pages",
	.init = pages_init,
	.test_cases = pages_cases,
};

kunit_test_suite(pages_suite);
