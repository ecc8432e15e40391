// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ttm_range_potential() counts, for buffers that are made by hand: with blocks as
 * no driver should give them, and pages that are missing.
 */
#include <kunit/test.h>
#include <linux/dma-resv.h>
#include <linux/pgtable.h>

#include <drm/drm_gem.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_range.h>
#include <drm/ttm/ttm_resource.h>
#include <drm/ttm/ttm_tt.h>

#define PMD_PAGES	PHYS_PFN(PMD_SIZE)
#define BASE_PFN	(8 * PMD_PAGES)
#define MAX_BLOCKS	3
#define MAX_CALLS	1000

/**
 * struct buffer - one that exists for ttm_range alone
 * @bo: the buffer
 * @funcs: of it
 * @resource: its place
 * @tt: its pages, in system memory
 * @calls: how often it was asked for a block
 * @blocks: what there is; a page beyond gets the last one, whatever that has
 */
struct buffer {
	struct ttm_buffer_object bo;
	struct drm_gem_object_funcs funcs;
	struct ttm_resource resource;
	struct ttm_tt tt;
	unsigned int calls;
	struct vmf_range_block blocks[MAX_BLOCKS];
};

static int buffer_block(struct ttm_buffer_object *bo, pgoff_t page,
			struct vmf_range_block *block)
{
	struct buffer *b = container_of(bo, struct buffer, bo);
	int i;

	/* A test that fails ends. */
	if (b->calls++ > MAX_CALLS)
		return -EIO;
	for (i = 0; i < MAX_BLOCKS - 1; i++) {
		if (page - b->blocks[i].pgoff < b->blocks[i].nr_pages)
			break;
	}
	*block = b->blocks[i];
	return block->pfn ? 0 : -ENOENT;
}

static const struct ttm_range_ops buffer_ops = {
	.base.flags = VMF_RANGE_PUD,
	.block = buffer_block,
};

static struct buffer *buffer_make(struct kunit *test, unsigned long nr_pages)
{
	struct buffer *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->funcs.vm_ops = &buffer_ops.base.vm_ops;
	b->bo.base.funcs = &b->funcs;
	b->bo.base.size = nr_pages << PAGE_SHIFT;
	b->bo.base.resv = &b->bo.base._resv;
	b->bo.resource = &b->resource;
	b->resource.bus.offset = PFN_PHYS(BASE_PFN);
	b->resource.bus.is_iomem = true;
	return b;
}

static int potential(struct buffer *b, struct vmf_range_leaves *leaves)
{
	int ret;

	b->calls = 0;
	dma_resv_init(b->bo.base.resv);
	dma_resv_lock(b->bo.base.resv, NULL);
	ret = ttm_range_potential(&b->bo, leaves);
	dma_resv_unlock(b->bo.base.resv);
	dma_resv_fini(b->bo.base.resv);
	return ret;
}

static void potential_blocks(struct kunit *test)
{
	struct buffer *b = buffer_make(test, PMD_PAGES + 8);
	struct vmf_range_leaves leaves;

	b->blocks[0] = (struct vmf_range_block){ 0, BASE_PFN, PMD_PAGES + 1 };
	/* What it has beyond the buffer's end does not count, nor decide on the address. */
	b->blocks[1] = (struct vmf_range_block){
		PMD_PAGES + 1, 2 * BASE_PFN, 9 * PMD_PAGES
	};
	KUNIT_EXPECT_EQ(test, potential(b, &leaves), 0);
	KUNIT_EXPECT_EQ(test, leaves.pud, 0);
	KUNIT_EXPECT_EQ(test, leaves.pmd, 1);
	KUNIT_EXPECT_EQ(test, leaves.pte, 8);
}

/* After the first, one that is empty, begins behind the page, or ends before it. */
static void potential_wrong_block(struct kunit *test)
{
	static const struct vmf_range_block wrong[] = {
		{ 8, BASE_PFN, 0 },
		{ 9, BASE_PFN, 7 },
		{ 0, BASE_PFN, 8 },
		{ 99, BASE_PFN, 1 },
	};
	struct buffer *b = buffer_make(test, 16);
	struct vmf_range_leaves leaves;
	int i, j;

	b->blocks[0] = (struct vmf_range_block){ 0, BASE_PFN, 8 };
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		for (j = 1; j < MAX_BLOCKS; j++)
			b->blocks[j] = wrong[i];
		KUNIT_EXPECT_EQ(test, potential(b, &leaves), -EINVAL);
	}
}

static void potential_hole(struct kunit *test)
{
	struct buffer *b = buffer_make(test, 16);
	struct vmf_range_leaves leaves;

	b->blocks[0] = (struct vmf_range_block){ 0, BASE_PFN, 8 };
	KUNIT_EXPECT_EQ(test, potential(b, &leaves), -ENOENT);
}

/* Pages in a row, in system memory. Nobody looks at what is in them. */
static void buffer_add_pages(struct kunit *test, struct buffer *b)
{
	unsigned long i, nr = PHYS_PFN(b->bo.base.size);

	b->tt.pages = kunit_kcalloc(test, nr, sizeof(*b->tt.pages), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->tt.pages);
	for (i = 0; i < nr; i++)
		b->tt.pages[i] = pfn_to_page(BASE_PFN + i);
	b->tt.num_pages = nr;
	b->tt.page_flags = TTM_TT_FLAG_PRIV_POPULATED;
	b->bo.ttm = &b->tt;
	b->resource.bus.is_iomem = false;
}

static void potential_pages(struct kunit *test)
{
	struct buffer *b = buffer_make(test, PMD_PAGES + 8);
	struct vmf_range_leaves leaves;

	buffer_add_pages(test, b);
	KUNIT_EXPECT_EQ(test, potential(b, &leaves), 0);
	KUNIT_EXPECT_EQ(test, leaves.pud, 0);
	KUNIT_EXPECT_EQ(test, leaves.pmd, 1);
	KUNIT_EXPECT_EQ(test, leaves.pte, 8);
}

/* Nobody has used it yet. */
static void potential_no_pages(struct kunit *test)
{
	struct buffer *b = buffer_make(test, 16);
	struct vmf_range_leaves leaves;

	b->resource.bus.is_iomem = false;
	KUNIT_EXPECT_EQ(test, potential(b, &leaves), -EINVAL);
	b->bo.ttm = &b->tt;
	KUNIT_EXPECT_EQ(test, potential(b, &leaves), -EINVAL);
}

/* The first, one in the middle, the last. */
static void potential_missing_page(struct kunit *test)
{
	static const unsigned long missing[] = { 0, 7, 15 };
	struct buffer *b = buffer_make(test, 16);
	struct vmf_range_leaves leaves;
	int i;

	for (i = 0; i < ARRAY_SIZE(missing); i++) {
		buffer_add_pages(test, b);
		b->tt.pages[missing[i]] = NULL;
		KUNIT_EXPECT_EQ(test, potential(b, &leaves), -ENOENT);
		/* What there is before is one run. */
		KUNIT_EXPECT_EQ(test, leaves.pte, missing[i]);
	}
}

static struct kunit_case potential_cases[] = {
	KUNIT_CASE(potential_blocks),
	KUNIT_CASE(potential_wrong_block),
	KUNIT_CASE(potential_hole),
	KUNIT_CASE(potential_pages),
	KUNIT_CASE(potential_no_pages),
	KUNIT_CASE(potential_missing_page),
	{}
};

static struct kunit_suite potential_suite = {
	.name = "ttm_range_potential",
	.test_cases = potential_cases,
};

kunit_test_suite(potential_suite);
