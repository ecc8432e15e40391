// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ready-made block callbacks, each asked about every page of an object and
 * those beside it, in many orders, and compared with what is known page by page.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/scatterlist.h>
#include <linux/vmf_range.h>

#include "draw.h"
#include "iter_truth.h"
#include "space.h"

/* Of no memory; whole struct pages are only computed with. */
#define FIRST_PFN	0x100000UL

static int iter_init(struct kunit *test)
{
	struct truth *truth = kunit_kzalloc(test, sizeof(*truth), GFP_KERNEL);

	if (!truth)
		return -ENOMEM;
	truth->test = test;
	test->priv = truth;
	return 0;
}

static void iter_block(struct kunit *test)
{
	struct vmf_range_block block = { 1000, FIRST_PFN + 7, 13 };
	struct truth *truth = test->priv;

	truth_begin(truth, 1000);
	truth_add(truth, FIRST_PFN + 7, 13);
	truth_ask_all(truth, vmf_range_block_of_block, &block);
}

/* The first pages there are, and the last. */
static void iter_block_limits(struct kunit *test)
{
	struct vmf_range_block first = { 0, FIRST_PFN, 1 };
	struct vmf_range_block last = { ULONG_MAX - 2, FIRST_PFN, 3 };
	struct vmf_range_block found;

	KUNIT_EXPECT_EQ(test, vmf_range_block_of_block(&first, 0, &found), 0);
	KUNIT_EXPECT_EQ(test, found.nr_pages, 1);
	KUNIT_EXPECT_EQ(test, vmf_range_block_of_block(&first, 1, &found), -ENOENT);
	KUNIT_EXPECT_EQ(test, vmf_range_block_of_block(&first, ULONG_MAX, &found),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, vmf_range_block_of_block(&last, ULONG_MAX, &found), 0);
	KUNIT_EXPECT_EQ(test, found.pgoff, ULONG_MAX - 2);
	KUNIT_EXPECT_EQ(test,
			vmf_range_block_of_block(&last, ULONG_MAX - 3, &found),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, vmf_range_block_of_block(&last, 0, &found), -ENOENT);
}

KUNIT_DEFINE_ACTION_WRAPPER(free_table, sg_free_table, struct sg_table *);

/* A scatter list that the test frees. */
static struct sg_table *make_table(struct kunit *test, unsigned int nr)
{
	struct sg_table *sgt = kunit_kzalloc(test, sizeof(*sgt), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sgt);
	KUNIT_ASSERT_EQ(test, sg_alloc_table(sgt, nr, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_table, sgt), 0);
	return sgt;
}

static void set_entry(struct scatterlist *sg, unsigned long pfn,
		      unsigned long nr, unsigned long skip)
{
	sg_set_page(sg, pfn_to_page(pfn - skip), nr << PAGE_SHIFT,
		    skip << PAGE_SHIFT);
}

/* Odd lengths, one entry that begins behind its page, two that adjoin in memory. */
static void iter_sg(struct kunit *test)
{
	struct sg_table *sgt = make_table(test, 4);
	struct vmf_range_sg sg = { .pgoff = 500, .sgt = sgt };
	struct truth *truth = test->priv;

	set_entry(sgt->sgl, FIRST_PFN, 3, 0);
	set_entry(sgt->sgl + 1, FIRST_PFN + 3, 1, 0);
	set_entry(sgt->sgl + 2, FIRST_PFN + 1024, 7, 2);
	set_entry(sgt->sgl + 3, FIRST_PFN + 512, 2, 0);

	truth_begin(truth, 500);
	truth_add(truth, FIRST_PFN, 3);
	truth_add(truth, FIRST_PFN + 3, 1);
	truth_add(truth, FIRST_PFN + 1024, 7);
	truth_add(truth, FIRST_PFN + 512, 2);
	truth_ask_all(truth, vmf_range_block_of_sg, &sg);
}

/*
 * Addresses for the device have entries of their own, fewer than there are for the
 * pages where an IOMMU has merged some.
 */
static void iter_sg_dma(struct kunit *test)
{
	struct sg_table *sgt = make_table(test, 5);
	struct vmf_range_sg sg = { .sgt = sgt, .dma = true };
	struct truth *truth = test->priv;
	struct scatterlist *at;
	unsigned int i;

	for_each_sgtable_sg(sgt, at, i) {
		set_entry(at, FIRST_PFN + 100 * i, 1, 0);
		/* What is left over in the others is not to be looked at. */
		sg_dma_address(at) = PFN_PHYS(FIRST_PFN + 7000);
		sg_dma_len(at) = PAGE_SIZE;
	}
	sgt->nents = 2;
	sg_dma_address(sgt->sgl) = PFN_PHYS(FIRST_PFN + 5000);
	sg_dma_len(sgt->sgl) = 3 << PAGE_SHIFT;
	sg_dma_address(sgt->sgl + 1) = PFN_PHYS(FIRST_PFN + 4000);
	sg_dma_len(sgt->sgl + 1) = 2 << PAGE_SHIFT;

	truth_begin(truth, 0);
	truth_add(truth, FIRST_PFN + 5000, 3);
	truth_add(truth, FIRST_PFN + 4000, 2);
	truth_ask_all(truth, vmf_range_block_of_sg, &sg);
}

/* More entries than one piece of a list holds: the pieces are chained. */
static void iter_sg_chained(struct kunit *test)
{
	unsigned int nr = 2 * SG_MAX_SINGLE_ALLOC + 3, i;
	struct sg_table *sgt = make_table(test, nr);
	struct vmf_range_sg sg = { .pgoff = 1, .sgt = sgt };
	struct truth *truth = test->priv;
	struct scatterlist *at;

	truth_begin(truth, 1);
	for_each_sgtable_sg(sgt, at, i) {
		set_entry(at, FIRST_PFN + 10 * i, 1 + i % 3, 0);
		truth_add(truth, FIRST_PFN + 10 * i, 1 + i % 3);
	}
	truth_ask_all(truth, vmf_range_block_of_sg, &sg);
}

static void iter_sg_empty(struct kunit *test)
{
	struct sg_table *sgt = make_table(test, 1);
	struct vmf_range_sg sg = { .pgoff = 3, .sgt = sgt, .dma = true };
	struct truth *truth = test->priv;

	sg_dma_len(sgt->sgl) = PAGE_SIZE;
	sgt->nents = 0;
	truth_begin(truth, 3);
	truth_ask_all(truth, vmf_range_block_of_sg, &sg);
}

/* What an entry with a ragged edge says of itself, and of all that comes after it. */
static void expect_ragged(struct kunit *test, struct sg_table *sgt, bool dma)
{
	struct vmf_range_sg sg = { .pgoff = 20, .sgt = sgt, .dma = dma };
	struct vmf_range_block found;
	pgoff_t pgoff;

	for (pgoff = 24; pgoff >= 19; pgoff--)
		KUNIT_EXPECT_EQ_MSG(test,
				    vmf_range_block_of_sg(&sg, pgoff, &found),
				    pgoff < 20 ? -ENOENT :
				    pgoff < 22 ? 0 : -EINVAL,
				    "page offset %lu", pgoff);
	for (pgoff = 19; pgoff <= 24; pgoff++)
		KUNIT_EXPECT_EQ_MSG(test,
				    vmf_range_block_of_sg(&sg, pgoff, &found),
				    pgoff < 20 ? -ENOENT :
				    pgoff < 22 ? 0 : -EINVAL,
				    "page offset %lu", pgoff);
}

static void iter_sg_ragged(struct kunit *test)
{
	struct sg_table *sgt = make_table(test, 3);
	struct scatterlist *ragged = sgt->sgl + 1;

	set_entry(sgt->sgl, FIRST_PFN, 2, 0);
	set_entry(ragged, FIRST_PFN + 50, 1, 0);
	set_entry(sgt->sgl + 2, FIRST_PFN + 100, 2, 0);

	ragged->offset = 512;
	expect_ragged(test, sgt, false);
	ragged->offset = 0;
	ragged->length += 8;
	expect_ragged(test, sgt, false);
	ragged->length = 8;
	expect_ragged(test, sgt, false);
}

static void iter_sg_dma_ragged(struct kunit *test)
{
	struct sg_table *sgt = make_table(test, 3);
	struct scatterlist *at;
	unsigned int i;

	for_each_sgtable_sg(sgt, at, i) {
		set_entry(at, FIRST_PFN + 100 * i, 2, 0);
		sg_dma_address(at) = PFN_PHYS(FIRST_PFN + 100 * i);
		sg_dma_len(at) = 2 << PAGE_SHIFT;
	}
	sg_dma_address(sgt->sgl + 1) += 8;
	expect_ragged(test, sgt, true);
	sg_dma_address(sgt->sgl + 1) -= 8;
	sg_dma_len(sgt->sgl + 1) += 512;
	expect_ragged(test, sgt, true);
}

static void iter_sg_random(struct kunit *test)
{
	struct truth *truth = test->priv;
	struct rnd_state rnd;
	int round;

	draw_begin(&rnd, test);
	for (round = 0; round < 30; round++) {
		struct sg_table *sgt = make_table(test, 1 + draw(&rnd, 300));
		struct vmf_range_sg sg = {
			.pgoff = draw(&rnd, 2) * draw(&rnd, 5000),
			.sgt = sgt,
			.dma = draw(&rnd, 2),
		};
		struct scatterlist *at;
		unsigned int i;

		truth_begin(truth, sg.pgoff);
		for_each_sgtable_sg(sgt, at, i) {
			unsigned long nr = 1 + draw(&rnd, 9);
			unsigned long pfn = FIRST_PFN + draw(&rnd, 100000);

			set_entry(at, pfn, nr, draw(&rnd, 3));
			truth_add(truth, sg.dma ? pfn + 99 : pfn, nr);
			sg_dma_address(at) = PFN_PHYS(pfn + 99);
			sg_dma_len(at) = nr << PAGE_SHIFT;
		}
		truth_ask_randomly(truth, vmf_range_block_of_sg, &sg, &rnd);
	}
}

static struct kunit_case iter_cases[] = {
	KUNIT_CASE(iter_block),
	KUNIT_CASE(iter_block_limits),
	KUNIT_CASE(iter_sg),
	KUNIT_CASE(iter_sg_dma),
	KUNIT_CASE(iter_sg_chained),
	KUNIT_CASE(iter_sg_empty),
	KUNIT_CASE(iter_sg_ragged),
	KUNIT_CASE(iter_sg_dma_ragged),
	KUNIT_CASE(iter_sg_random),
	{}
};

static struct kunit_suite iter_suite = {
	.name = "vmf_range_iter",
	.init = iter_init,
	.test_cases = iter_cases,
};

kunit_test_suite(iter_suite);
