// SPDX-License-Identifier: MIT
/*
 * Buffers: which memory is mapped, and the fewest leaves that can do it.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"

/* More is only ever mapped in part, as nobody has that much memory. */
#define LARGEST_BO	(2 * GIB)

/**
 * bench_buffer_make - get the memory of a buffer
 * @vram: device
 * @buffer: filled in
 * @shape: how it is to lie; of the largest ones, one block at the window's start
 */
void bench_buffer_make(struct vram *vram, struct bench_buffer *buffer,
		       const struct bench_shape *shape)
{
	struct vram_bo *bo = &buffer->bo;

	*buffer = (struct bench_buffer) {
		.vram = vram,
		.shape = shape,
		.bytes = shape->size,
	};
	if (shape->fragmented) {
		bench_fragments_make(vram, bo, shape->size);
		return;
	}
	if (shape->size <= LARGEST_BO) {
		vram_bo_create(vram, bo, shape->size, shape->block_size,
			       shape->flags);
		return;
	}
	bo->size = shape->size;
	bo->nr_blocks = 1;
	bo->blocks = calloc(1, sizeof(*bo->blocks));
	if (!bo->blocks)
		vram_fail("no memory\n");
	bo->blocks[0].len = shape->size;
}

/* What is contiguous makes a block. Leaves come in order, and there is no hole. */
static void blocks_of_leaves(struct bench_buffer *buffer,
			     const struct vram_test_leaf *leaves, unsigned int nr)
{
	struct vram_test_block *blocks = calloc(nr, sizeof(*blocks));
	uint64_t base = buffer->vram->base_pfn * VRAM_PAGE;
	unsigned int i, n = 0;

	if (!blocks)
		vram_fail("no memory for %u blocks\n", nr);
	for (i = 0; i < nr; i++) {
		uint64_t offset = leaves[i].pfn * VRAM_PAGE - base;

		if (!n || offset != blocks[n - 1].offset + blocks[n - 1].len)
			blocks[n++].offset = offset;
		blocks[n - 1].len += 1ull << leaves[i].shift;
	}
	free(buffer->bo.blocks);
	buffer->bo.blocks = blocks;
	buffer->bo.nr_blocks = n;
}

/**
 * bench_buffer_find - find out where memory is that is none of the window
 * @vram: device that knows how to look at page tables
 * @buffer: filled in; its blocks lie outside the window
 * @shape: its offset must be 0
 * @way: maps the memory
 */
void bench_buffer_find(struct vram *vram, struct bench_buffer *buffer,
		       const struct bench_shape *shape,
		       const struct bench_way *way)
{
	struct vram_test_leaf *leaves;
	uint64_t at;
	unsigned int nr;
	char *addr;

	*buffer = (struct bench_buffer) {
		.vram = vram,
		.shape = shape,
		.bytes = shape->size,
		.bo.size = shape->size,
		.bo.nr_blocks = 1,
		.bo.blocks = calloc(1, sizeof(*buffer->bo.blocks)),
	};
	if (!buffer->bo.blocks)
		vram_fail("no memory\n");
	buffer->bo.blocks[0].len = shape->size;
	buffer->bo.blocks[0].offset = -vram->base_pfn * VRAM_PAGE;

	addr = way->ops->map(buffer);
	if (addr == MAP_FAILED)
		vram_fail("%s cannot map\n", way->name);
	for (at = 0; at < shape->size; at += VRAM_PAGE)
		*(volatile char *)(addr + at);
	leaves = vram_leaves(vram, addr, shape->size, &nr);
	blocks_of_leaves(buffer, leaves, nr);
	free(leaves);
	vram_unmap(addr, shape->size);
}

void bench_buffer_free(struct bench_buffer *buffer)
{
	if (buffer->bo.handle)
		vram_bo_destroy(buffer->vram, &buffer->bo);
	else
		free(buffer->bo.blocks);
}

/* The largest leaf that maps va to pa and ends before both ends. */
static unsigned int best_shift(uint64_t va, uint64_t pa, uint64_t left)
{
	if (!((va | pa) % VRAM_PUD) && left >= VRAM_PUD)
		return 30;
	if (!((va | pa) % VRAM_PMD) && left >= VRAM_PMD)
		return 21;
	return 12;
}

/**
 * bench_min_leaves - the fewest leaves that can map part of a buffer
 * @buffer: the buffer
 * @from: where the part begins
 * @to: where it ends
 *
 * The spans of larger leaves hold those of smaller ones whole: the largest that
 * fits is the best, wherever one is.
 */
unsigned long bench_min_leaves(const struct bench_buffer *buffer,
			       uint64_t from, uint64_t to)
{
	const struct vram_test_block *blocks = buffer->bo.blocks;
	uint64_t base = buffer->vram->base_pfn * VRAM_PAGE;
	uint64_t va0 = base + blocks[0].offset + buffer->shape->off;
	uint64_t start = 0, end, at;
	unsigned long leaves = 0;
	unsigned int i;

	for (i = 0; i < buffer->bo.nr_blocks; i++, start = end) {
		end = start + blocks[i].len;
		for (at = from > start ? from : start;
		     at < end && at < to; leaves++)
			at += 1ull << best_shift(va0 + at, base +
						 blocks[i].offset + at - start,
						 (end < to ? end : to) - at);
	}
	return leaves;
}

/* The memory type of a leaf, from its PWT, PCD and PAT bits as Linux sets PAT. */
static const char *cache_mode(const struct vram_test_leaf *leaf)
{
	static const char * const modes[8] = {
		"WB", "WC", "UC-", "UC", "WB", "WP", "UC-", "WT",
	};
	unsigned int pat = leaf->shift == 12 ? 7 : 12;

	return modes[(leaf->prot >> 3 & 3) | (leaf->prot >> pat & 1) << 2];
}

/* Each leaf must map what the buffer has there; leaves come in order. */
static void check_leaves(const struct bench_buffer *buffer, const char *addr,
			 const struct vram_test_leaf *leaves, unsigned int nr)
{
	const struct vram_test_block *block = buffer->bo.blocks;
	uint64_t base = buffer->vram->base_pfn * VRAM_PAGE;
	uint64_t start = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		uint64_t at = leaves[i].addr - (uintptr_t)addr;

		for (; at - start >= block->len; block++)
			start += block->len;
		if (leaves[i].pfn * VRAM_PAGE != base + block->offset + at - start)
			vram_fail("%s: byte %#llx of the buffer maps PFN %#llx\n",
				  buffer->shape->name, (unsigned long long)at,
				  (unsigned long long)leaves[i].pfn);
	}
}

/* Add what maps [from, to); no leaf reaches beyond it. */
static void count_piece(struct bench_leaves *sum,
			const struct bench_buffer *buffer, const char *addr,
			uint64_t from, uint64_t to)
{
	const uint64_t start = (uintptr_t)addr;
	struct vram_test_leaf *leaves;
	unsigned int i, nr;
	uint64_t end = from;

	leaves = vram_leaves(buffer->vram, (char *)from, to - from, &nr);
	check_leaves(buffer, addr, leaves, nr);
	for (i = 0; i < nr; i++) {
		sum->pud += leaves[i].shift == 30;
		sum->pmd += leaves[i].shift == 21;
		sum->pte += leaves[i].shift == 12;
		if (leaves[i].addr != end) {
			sum->min += bench_min_leaves(buffer, from - start,
						     end - start);
			from = leaves[i].addr;
		}
		end = leaves[i].addr + (1ull << leaves[i].shift);
	}
	sum->min += bench_min_leaves(buffer, from - start, end - start);
	if (nr && !sum->cache)
		sum->cache = cache_mode(&leaves[0]);
	free(leaves);
}

/**
 * bench_count_leaves - what maps a buffer now; it must be the buffer's memory
 * @buffer: the buffer
 * @addr: where it is mapped
 *
 * A GiB at a time: a list of all leaves of 64 GiB would be larger than the guest.
 */
struct bench_leaves bench_count_leaves(const struct bench_buffer *buffer,
				       const char *addr)
{
	uint64_t at = (uintptr_t)addr, end = at + buffer->bytes, next;
	struct bench_leaves sum = {};

	for (; at < end; at = next) {
		next = at - at % VRAM_PUD + VRAM_PUD;
		if (next > end)
			next = end;
		count_piece(&sum, buffer, addr, at, next);
	}
	if (!sum.cache)
		sum.cache = "none";
	return sum;
}
