// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks from lists of the GPU buddy allocator, which are made by hand here: no
 * allocator would give out these.
 */
#include <kunit/test.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include <drm/ttm/ttm_range.h>

#include "../compat.h"

/* What the tests of the other block callbacks use, in this module, too. */
#include "../../../../vmf_range/tests/draw.c"
#include "../../../../vmf_range/tests/iter_truth.c"

#define BASE_PFN	0x200000UL

/**
 * struct buddy_test - one test
 * @truth: what is known about the list
 * @blocks: the list
 * @buddy: what is tested
 */
struct buddy_test {
	struct truth truth;
	struct list_head blocks;
	struct ttm_range_buddy buddy;
};

static int buddy_init(struct kunit *test)
{
	struct buddy_test *bt = kunit_kzalloc(test, sizeof(*bt), GFP_KERNEL);

	if (!bt)
		return -ENOMEM;
	test->priv = bt;
	bt->truth.test = test;
	return 0;
}

static void begin(struct buddy_test *bt, pgoff_t pgoff, u64 chunk_size)
{
	INIT_LIST_HEAD(&bt->blocks);
	truth_begin(&bt->truth, pgoff);
	bt->buddy = (struct ttm_range_buddy){
		.pgoff = pgoff,
		.blocks = &bt->blocks,
		.chunk_size = chunk_size,
		.base_pfn = BASE_PFN,
	};
}

/* A block behind what there is. */
static void add(struct buddy_test *bt, u64 offset, unsigned int order)
{
	unsigned long nr = PHYS_PFN(bt->buddy.chunk_size << order), i;
	struct kunit *test = bt->truth.test;
	struct gpu_buddy_block *block;

	block = kunit_kzalloc(test, sizeof(*block), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, block);
	block->header = offset | order;
	KUNIT_ASSERT_EQ(test, gpu_buddy_block_offset(block), offset);
	KUNIT_ASSERT_EQ(test, gpu_buddy_block_order(block), order);
	list_add_tail(&block->link, &bt->blocks);
	for (i = 0; i < nr; i++)
		truth_go_on(&bt->truth, BASE_PFN + PHYS_PFN(offset) + i);
}

static void ask_all(struct buddy_test *bt)
{
	truth_ask_all(&bt->truth, ttm_range_block_of_buddy, &bt->buddy);
}

static void buddy_one_block(struct kunit *test)
{
	struct buddy_test *bt = test->priv;

	begin(bt, 100, SZ_4K);
	add(bt, SZ_1M, 3);
	ask_all(bt);
	begin(bt, 0, SZ_64K);
	add(bt, 0, 0);
	ask_all(bt);
}

static void buddy_no_block(struct kunit *test)
{
	struct buddy_test *bt = test->priv;

	begin(bt, 7, SZ_4K);
	ask_all(bt);
}

/* Blocks that go on where the one before ended are one; in the other order, two. */
static void buddy_adjoining(struct kunit *test)
{
	struct buddy_test *bt = test->priv;

	begin(bt, 3, SZ_4K);
	add(bt, 8 * SZ_4K, 3);
	add(bt, 16 * SZ_4K, 0);
	add(bt, 17 * SZ_4K, 0);
	add(bt, 4 * SZ_4K, 2);
	add(bt, 2 * SZ_4K, 1);
	add(bt, 0, 1);
	/* Not behind the last, but behind one that is two before. */
	add(bt, 4 * SZ_4K, 0);
	ask_all(bt);
}

static void buddy_random(struct kunit *test)
{
	struct buddy_test *bt = test->priv;
	struct rnd_state rnd;
	int round, i;

	draw_begin(&rnd, test);
	for (round = 0; round < 50; round++) {
		u64 chunk = draw(&rnd, 3) ? SZ_4K : SZ_16K, end = 0;

		begin(bt, draw(&rnd, 2) * draw(&rnd, 5000), chunk);
		for (i = draw(&rnd, 30); i; i--) {
			unsigned int order = draw(&rnd, 5);
			u64 offset = end;

			if (draw(&rnd, 2))
				offset = draw(&rnd, 1000) * chunk;
			add(bt, offset, order);
			end = offset + (chunk << order);
		}
		truth_ask_randomly(&bt->truth, ttm_range_block_of_buddy,
				   &bt->buddy, &rnd);
	}
}

static struct kunit_case buddy_cases[] = {
	KUNIT_CASE(buddy_one_block),
	KUNIT_CASE(buddy_no_block),
	KUNIT_CASE(buddy_adjoining),
	KUNIT_CASE(buddy_random),
	{}
};

static struct kunit_suite buddy_suite = {
	.name = "ttm_range_buddy",
	.init = buddy_init,
	.test_cases = buddy_cases,
};

kunit_test_suite(buddy_suite);

MODULE_DESCRIPTION("Unit tests of ttm_range");
MODULE_LICENSE("GPL");
VMF_RANGE_IMPORT_NS();
