// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ttm_range_place() asks an allocator for, that refuses what the test wants.
 */
#include <kunit/test.h>
#include <linux/list.h>
#include <linux/pgtable.h>

#include <drm/ttm/ttm_range.h>

#define MAX_CALLS	8

/* What an allocator was asked for. */
struct call {
	u64 size;
	u64 min_block;
	bool contiguous;
};

/**
 * struct allocator - one that gives memory by the size of blocks alone
 * @largest: it has blocks up to this size; larger ones are refused
 * @err: if set, what it says of blocks of @err_at
 * @err_at: see @err
 * @nr: how often it was called
 * @calls: with what
 */
struct allocator {
	u64 largest;
	int err;
	u64 err_at;
	unsigned int nr;
	struct call calls[MAX_CALLS];
};

static int take(void *priv, u64 size, u64 min_block, bool contiguous,
		struct list_head *blocks)
{
	struct allocator *a = priv;

	if (a->nr == MAX_CALLS)
		return -EIO;
	a->calls[a->nr++] = (struct call){ size, min_block, contiguous };
	if (a->err && min_block == a->err_at && !contiguous)
		return a->err;
	if (contiguous)
		return size <= a->largest ? 0 : -ENOSPC;
	return min_block <= a->largest ? 0 : -ENOSPC;
}

static int place(struct allocator *a, u64 size, u64 least)
{
	LIST_HEAD(blocks);

	a->nr = 0;
	return ttm_range_place(take, a, size, least, &blocks);
}

static void expect_call(struct kunit *test, const struct allocator *a,
			unsigned int i, u64 size, u64 min_block, bool contiguous)
{
	KUNIT_ASSERT_LT(test, i, a->nr);
	KUNIT_EXPECT_EQ(test, a->calls[i].size, size);
	KUNIT_EXPECT_EQ(test, a->calls[i].min_block, min_block);
	KUNIT_EXPECT_EQ(test, a->calls[i].contiguous, contiguous);
}

/* Aligned as the largest leaf of which there can be one. */
static void place_in_one_piece(struct kunit *test)
{
	static const struct {
		u64 size;
		u64 min_block;
	} wants[] = {
		{ PAGE_SIZE, PAGE_SIZE },
		{ PMD_SIZE - PAGE_SIZE, PAGE_SIZE },
		{ PMD_SIZE, PMD_SIZE },
		{ PUD_SIZE - PAGE_SIZE, PMD_SIZE },
		{ PUD_SIZE, PUD_SIZE },
		{ 3 * PUD_SIZE + PAGE_SIZE, PUD_SIZE },
	};
	struct allocator a = { .largest = U64_MAX };
	int i;

	for (i = 0; i < ARRAY_SIZE(wants); i++) {
		KUNIT_EXPECT_EQ(test, place(&a, wants[i].size, PUD_SIZE), 0);
		KUNIT_EXPECT_EQ(test, a.nr, 1);
		expect_call(test, &a, 0, wants[i].size, wants[i].min_block, true);
	}
}

/* As much as can be in large blocks, the rest in smaller ones. */
static void place_in_parts(struct kunit *test)
{
	u64 head = 2 * PUD_SIZE, middle = 3 * PMD_SIZE, tail = 5 * PAGE_SIZE;
	struct allocator a = { .largest = PUD_SIZE };

	KUNIT_EXPECT_EQ(test, place(&a, head + middle + tail, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, a.nr, 4);
	expect_call(test, &a, 0, head + middle + tail, PUD_SIZE, true);
	expect_call(test, &a, 1, head, PUD_SIZE, false);
	expect_call(test, &a, 2, middle, PMD_SIZE, false);
	expect_call(test, &a, 3, tail, PAGE_SIZE, false);
}

/* Nothing is asked for that nothing is left for. */
static void place_whole_leaves(struct kunit *test)
{
	struct allocator a = { .largest = PMD_SIZE };

	KUNIT_EXPECT_EQ(test, place(&a, 4 * PMD_SIZE, PMD_SIZE), 0);
	KUNIT_EXPECT_EQ(test, a.nr, 2);
	expect_call(test, &a, 1, 4 * PMD_SIZE, PMD_SIZE, false);
}

/* What large blocks were not to be had for is tried in the next smaller ones. */
static void place_in_smaller_blocks(struct kunit *test)
{
	u64 size = PUD_SIZE + 3 * PMD_SIZE + PAGE_SIZE;
	struct allocator a = { .largest = PMD_SIZE };

	KUNIT_EXPECT_EQ(test, place(&a, size, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, a.nr, 4);
	expect_call(test, &a, 1, PUD_SIZE, PUD_SIZE, false);
	expect_call(test, &a, 2, PUD_SIZE + 3 * PMD_SIZE, PMD_SIZE, false);
	expect_call(test, &a, 3, PAGE_SIZE, PAGE_SIZE, false);

	a.largest = PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, place(&a, size, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, a.nr, 4);
	expect_call(test, &a, 3, size, PAGE_SIZE, false);
}

/* Rather no place than blocks smaller than the caller wants. */
static void place_no_smaller(struct kunit *test)
{
	u64 size = PUD_SIZE + 3 * PMD_SIZE + PAGE_SIZE;
	struct allocator a = { .largest = PMD_SIZE };

	KUNIT_EXPECT_EQ(test, place(&a, size, PUD_SIZE), -ENOSPC);
	KUNIT_EXPECT_EQ(test, a.nr, 2);
	KUNIT_EXPECT_EQ(test, place(&a, size, PMD_SIZE), 0);
	a.largest = PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, place(&a, size, PMD_SIZE), -ENOSPC);
	KUNIT_EXPECT_EQ(test, a.nr, 3);
	a.largest = 0;
	KUNIT_EXPECT_EQ(test, place(&a, size, PAGE_SIZE), -ENOSPC);
	KUNIT_EXPECT_EQ(test, a.nr, 4);
	/* It is smaller than a leaf: any place is as good. */
	a.largest = PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, place(&a, 7 * PAGE_SIZE, PMD_SIZE), 0);
}

/* Another error is no reason to try again. */
static void place_error(struct kunit *test)
{
	u64 size = PUD_SIZE + 3 * PMD_SIZE + PAGE_SIZE;
	struct allocator a = { .largest = PUD_SIZE, .err = -ENOMEM };

	a.err_at = PUD_SIZE;
	KUNIT_EXPECT_EQ(test, place(&a, size, PAGE_SIZE), -ENOMEM);
	KUNIT_EXPECT_EQ(test, a.nr, 2);
	a.err_at = PMD_SIZE;
	KUNIT_EXPECT_EQ(test, place(&a, size, PAGE_SIZE), -ENOMEM);
	KUNIT_EXPECT_EQ(test, a.nr, 3);
	a.err_at = PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, place(&a, size, PAGE_SIZE), -ENOMEM);
	KUNIT_EXPECT_EQ(test, a.nr, 4);
}

/* The allocator is not asked for what no buffer has. */
static void place_wrong_size(struct kunit *test)
{
	static const u64 sizes[] = { 0, 1, PAGE_SIZE - 1, PUD_SIZE + PAGE_SIZE / 2 };
	struct allocator a = { .largest = U64_MAX };
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test, place(&a, sizes[i], PAGE_SIZE), -EINVAL);
		KUNIT_EXPECT_EQ(test, a.nr, 0);
	}
}

static struct kunit_case place_cases[] = {
	KUNIT_CASE(place_in_one_piece),
	KUNIT_CASE(place_in_parts),
	KUNIT_CASE(place_whole_leaves),
	KUNIT_CASE(place_in_smaller_blocks),
	KUNIT_CASE(place_no_smaller),
	KUNIT_CASE(place_error),
	KUNIT_CASE(place_wrong_size),
	{}
};

static struct kunit_suite place_suite = {
	.name = "ttm_range_place",
	.test_cases = place_cases,
};

kunit_test_suite(place_suite);
