// SPDX-License-Identifier: MIT
/*
 * Ways: who maps the memory. The same blocks are mapped through DRM, as a TTM buffer,
 * and through the test node, as a shape.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "bench.h"
#include "shape.h"

static void bo_begin(const struct bench_way *way, struct bench_buffer *buffer)
{
	vram_bo_act(buffer->vram, &buffer->bo, VRAM_TEST_BO_WAY, way->arg);
}

static void *bo_map(struct bench_buffer *buffer)
{
	return vram_map(buffer->vram, &buffer->bo, 0, buffer->bytes,
			buffer->shape->off, PROT_READ | PROT_WRITE);
}

static void bo_zap(struct bench_buffer *buffer)
{
	vram_bo_act(buffer->vram, &buffer->bo, VRAM_TEST_ZAP, 0);
}

/* It may come back to another place. */
static void bo_move(struct bench_buffer *buffer, enum vram_test_move to,
		    uint64_t block_size)
{
	vram_bo_act(buffer->vram, &buffer->bo, VRAM_TEST_BO_BLOCK, block_size);
	vram_bo_act(buffer->vram, &buffer->bo, VRAM_TEST_MOVE, to);
	if (to == VRAM_TEST_MOVE_IN)
		vram_bo_update(buffer->vram, &buffer->bo);
}

static const struct bench_way_ops bo_ops = {
	.begin = bo_begin,
	.map = bo_map,
	.zap = bo_zap,
	.move = bo_move,
};

static void extents_begin(const struct bench_way *way, struct bench_buffer *buffer)
{
	const struct vram_bo *bo = &buffer->bo;
	struct vram_test_extent *extents;
	struct vram_test_shape shape = {
		.nr = bo->nr_blocks,
		.peer = way->arg,
		.flags = way->flags,
	};
	uint64_t page = 0;
	unsigned int i;

	extents = calloc(bo->nr_blocks, sizeof(*extents));
	if (!extents)
		vram_fail("no memory for %u extents\n", bo->nr_blocks);
	for (i = 0; i < bo->nr_blocks; i++) {
		extents[i].page = page;
		extents[i].offset = bo->blocks[i].offset;
		extents[i].nr_pages = bo->blocks[i].len / VRAM_PAGE;
		page += extents[i].nr_pages;
	}
	shape.extents = (uintptr_t)extents;
	if (ioctl(buffer->vram->test, VRAM_TEST_SHAPE, &shape))
		vram_fail("VRAM_TEST_SHAPE for %s: %s\n", way->name,
			  strerror(errno));
	free(extents);
}

static void *extents_map(struct bench_buffer *buffer)
{
	return vram_map_fd(buffer->vram->test, 0, buffer->bytes,
			   vram_bo_pa(buffer->vram, &buffer->bo, 0) +
			   buffer->shape->off, PROT_READ | PROT_WRITE);
}

static void extents_zap(struct bench_buffer *buffer)
{
	struct vram_test_zap_pages zap = {
		.nr_pages = buffer->bytes / VRAM_PAGE,
	};

	if (ioctl(buffer->vram->test, VRAM_TEST_ZAP_PAGES, &zap))
		vram_fail("VRAM_TEST_ZAP_PAGES: %s\n", strerror(errno));
}

static uint64_t calls(const struct bench_buffer *buffer)
{
	return shape_calls(buffer->vram).calls;
}

static const struct bench_way_ops extents_ops = {
	.begin = extents_begin,
	.map = extents_map,
	.zap = extents_zap,
	.calls = calls,
};

const struct bench_way bench_ways[] = {
	{ .name = "vmf_range", .ops = &extents_ops },
	{ .name = "vmf_range_no_pud", .ops = &extents_ops,
	  .flags = VRAM_TEST_SHAPE_NO_PUD },
	{ .name = "vmf_range_populate", .ops = &extents_ops,
	  .flags = VRAM_TEST_SHAPE_POPULATE, .at_mmap = true },
	{ .name = "ttm_range", .ops = &bo_ops, .arg = VRAM_TEST_WAY_RANGE },
	{ .name = "ttm_bo_vm_fault", .ops = &bo_ops,
	  .arg = VRAM_TEST_WAY_STOCK, .small = true },
	{ .name = "vmf_insert_pfn", .ops = &extents_ops,
	  .arg = VRAM_TEST_PEER_INSERT_PFN, .small = true },
	{ .name = "vmf_insert_mixed", .ops = &extents_ops,
	  .arg = VRAM_TEST_PEER_INSERT_MIXED, .small = true },
	{ .name = "vmf_insert_pfn_pmd_pud", .ops = &extents_ops,
	  .arg = VRAM_TEST_PEER_INSERT_HUGE },
	{ .name = "apply_to_page_range", .ops = &extents_ops,
	  .arg = VRAM_TEST_PEER_APPLY, .small = true },
	{ .name = "remap_pfn_range", .ops = &extents_ops,
	  .arg = VRAM_TEST_PEER_REMAP, .at_mmap = true, .small = true },
	{ .name = "io_remap_pfn_range", .ops = &extents_ops,
	  .arg = VRAM_TEST_PEER_IO_REMAP, .at_mmap = true, .small = true },
};

const unsigned int bench_nr_ways = sizeof(bench_ways) / sizeof(bench_ways[0]);

/* By its name; NULL if there is none. */
const struct bench_way *bench_way(const char *name)
{
	unsigned int i;

	for (i = 0; i < bench_nr_ways; i++)
		if (!strcmp(bench_ways[i].name, name))
			return &bench_ways[i];
	return NULL;
}
