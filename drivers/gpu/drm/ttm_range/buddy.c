// SPDX-License-Identifier: GPL-2.0-only
/*
 * A block callback for drivers whose memory comes from the GPU buddy allocator.
 */
#include <linux/export.h>
#include <linux/list.h>
#include <linux/mm.h>

#include <drm/ttm/ttm_range.h>

#include "compat.h"

/*
 * How long the run is that begins with block @at: blocks that go on where the one
 * before ended. Return: the block after it.
 */
static const struct list_head *ttm_range_run(const struct ttm_range_buddy *buddy,
					     const struct list_head *at,
					     u64 *len)
{
	struct gpu_buddy_block *block = list_entry(at, struct gpu_buddy_block,
						   link);
	u64 start = gpu_buddy_block_offset(block);

	*len = 0;
	do {
		*len += buddy->chunk_size << gpu_buddy_block_order(block);
		at = at->next;
		block = list_entry(at, struct gpu_buddy_block, link);
	} while (at != buddy->blocks &&
		 gpu_buddy_block_offset(block) == start + *len);
	return at;
}

/**
 * ttm_range_block_of_buddy - blocks from a list of the GPU buddy allocator
 * @buddy: a &struct ttm_range_buddy
 * @pgoff: page asked for
 * @block: filled in
 *
 * For vmf_insert_blocks() and vmf_remap_blocks(), whose caller has @buddy on its stack.
 * Not for &ttm_range_ops.block, which has nothing that lasts for a fault and no more: a
 * driver that fills it in keeps what it can search, such as a sorted array of its blocks.
 *
 * Neighbours in the list that adjoin in memory are one block.
 *
 * Context: any; the list does not change, and calls with one @buddy do not run at the
 * same time.
 * Return: 0, or -ENOENT before the first block and after the last.
 */
int ttm_range_block_of_buddy(void *buddy, pgoff_t pgoff,
			     struct vmf_range_block *block)
{
	struct ttm_range_buddy *b = buddy;
	struct gpu_buddy_block *first;
	const struct list_head *next;
	u64 len;

	if (!b->at || pgoff < b->at_pgoff) {
		b->at = b->blocks->next;
		b->at_pgoff = b->pgoff;
	}
	if (pgoff < b->pgoff)
		return -ENOENT;
	for (; b->at != b->blocks; b->at = next, b->at_pgoff += PHYS_PFN(len)) {
		next = ttm_range_run(b, b->at, &len);
		if (pgoff - b->at_pgoff >= PHYS_PFN(len))
			continue;
		first = list_entry(b->at, struct gpu_buddy_block, link);
		block->pgoff = b->at_pgoff;
		block->pfn = b->base_pfn + PHYS_PFN(gpu_buddy_block_offset(first));
		block->nr_pages = PHYS_PFN(len);
		return 0;
	}
	b->at = NULL;
	return -ENOENT;
}
EXPORT_SYMBOL_GPL(ttm_range_block_of_buddy);
