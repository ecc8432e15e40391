// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks from a sorted array, which is searched: no order of questions is better
 * than another.
 */
#include <kunit/test.h>
#include <linux/vmf_range.h>

#include "draw.h"
#include "iter_truth.h"

#define FIRST_PFN	0x100000UL
#define MAX_BLOCKS	300

/**
 * struct list_test - one test
 * @truth: what is known about the list
 * @list: what is tested
 * @blocks: its array
 */
struct list_test {
	struct truth truth;
	struct vmf_range_list list;
	struct vmf_range_block blocks[MAX_BLOCKS];
};

static int list_init(struct kunit *test)
{
	struct list_test *lt = kunit_kzalloc(test, sizeof(*lt), GFP_KERNEL);

	if (!lt)
		return -ENOMEM;
	test->priv = lt;
	lt->truth.test = test;
	lt->list.blocks = lt->blocks;
	return 0;
}

/* Part of where the object begins is told by the list, and part by its blocks. */
static void begin(struct list_test *lt, pgoff_t pgoff)
{
	truth_begin(&lt->truth, pgoff);
	lt->list.pgoff = pgoff / 3;
	lt->list.nr = 0;
}

/* A block behind what there is. */
static void add(struct list_test *lt, unsigned long pfn, unsigned long nr)
{
	lt->blocks[lt->list.nr++] = (struct vmf_range_block){
		lt->truth.pgoff - lt->list.pgoff + lt->truth.nr, pfn, nr
	};
	truth_add(&lt->truth, pfn, nr);
}

static void ask_all(struct list_test *lt)
{
	truth_ask_all(&lt->truth, vmf_range_block_of_list, &lt->list);
}

static void list_empty_array(struct kunit *test)
{
	struct list_test *lt = test->priv;

	begin(lt, 5);
	ask_all(lt);
	/* There need not even be an array. */
	lt->list.blocks = NULL;
	ask_all(lt);
}

static void list_one_block(struct kunit *test)
{
	struct list_test *lt = test->priv;

	begin(lt, 0);
	add(lt, FIRST_PFN, 1);
	ask_all(lt);
	begin(lt, 1000);
	add(lt, FIRST_PFN + 3, 7);
	ask_all(lt);
}

/* Every number of blocks up to a few, so that the search is odd and even. */
static void list_few_blocks(struct kunit *test)
{
	struct list_test *lt = test->priv;
	unsigned int nr, i;

	for (nr = 2; nr < 10; nr++) {
		begin(lt, nr % 3);
		for (i = 0; i < nr; i++)
			add(lt, FIRST_PFN + 100 * (nr - i), 1 + i % 3);
		ask_all(lt);
	}
}

/* Blocks that adjoin in the file and in memory are two all the same. */
static void list_adjoining(struct kunit *test)
{
	struct list_test *lt = test->priv;

	begin(lt, 20);
	add(lt, FIRST_PFN, 3);
	add(lt, FIRST_PFN + 3, 1);
	add(lt, FIRST_PFN + 4, 5);
	ask_all(lt);
}

static void list_holes(struct kunit *test)
{
	struct list_test *lt = test->priv;

	begin(lt, 0);
	truth_add_hole(&lt->truth, 4);
	add(lt, FIRST_PFN, 3);
	truth_add_hole(&lt->truth, 1);
	add(lt, FIRST_PFN + 4, 1);
	add(lt, FIRST_PFN + 900, 2);
	truth_add_hole(&lt->truth, 10);
	add(lt, FIRST_PFN + 50, 1);
	truth_add_hole(&lt->truth, 2);
	ask_all(lt);
}

/* The first page there is, and the last. */
static void list_limits(struct kunit *test)
{
	static const struct vmf_range_block blocks[] = {
		{ 0, FIRST_PFN, 1 },
		{ 1, FIRST_PFN + 50, ULONG_MAX / 2 },
		{ ULONG_MAX - 2, FIRST_PFN + 100, 3 },
	};
	struct vmf_range_list list = {
		.blocks = blocks,
		.nr = ARRAY_SIZE(blocks),
	};
	static const struct {
		pgoff_t pgoff;
		int block;
	} wants[] = {
		{ 0, 0 }, { 1, 1 }, { ULONG_MAX / 2, 1 }, { ULONG_MAX / 2 + 1, -1 },
		{ ULONG_MAX - 3, -1 }, { ULONG_MAX - 2, 2 }, { ULONG_MAX, 2 },
	};
	struct vmf_range_block found;
	int i;

	for (i = 0; i < ARRAY_SIZE(wants); i++) {
		KUNIT_EXPECT_EQ_MSG(test,
				    vmf_range_block_of_list(&list, wants[i].pgoff,
							    &found),
				    wants[i].block < 0 ? -ENOENT : 0,
				    "page offset %#lx", wants[i].pgoff);
		if (wants[i].block >= 0)
			KUNIT_EXPECT_EQ(test, found.pfn,
					blocks[wants[i].block].pfn);
	}
}

static void list_random(struct kunit *test)
{
	struct list_test *lt = test->priv;
	struct rnd_state rnd;
	int round;

	draw_begin(&rnd, test);
	for (round = 0; round < 30; round++) {
		unsigned int nr = draw(&rnd, MAX_BLOCKS + 1);

		begin(lt, draw(&rnd, 2) * draw(&rnd, 5000));
		while (nr--) {
			if (!draw(&rnd, 4))
				truth_add_hole(&lt->truth, 1 + draw(&rnd, 5));
			add(lt, FIRST_PFN + draw(&rnd, 100000), 1 + draw(&rnd, 9));
		}
		truth_ask_randomly(&lt->truth, vmf_range_block_of_list, &lt->list,
				   &rnd);
	}
}

static struct kunit_case list_cases[] = {
	KUNIT_CASE(list_empty_array),
	KUNIT_CASE(list_one_block),
	KUNIT_CASE(list_few_blocks),
	KUNIT_CASE(list_adjoining),
	KUNIT_CASE(list_holes),
	KUNIT_CASE(list_limits),
	KUNIT_CASE(list_random),
	{}
};

static struct kunit_suite list_suite = {
	.name = "vmf_range_list",
	.init = list_init,
	.test_cases = list_cases,
};

kunit_test_suite(list_suite);
