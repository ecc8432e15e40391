// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a buffer should lie so that large leaves can map it, and how well it lies.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_range.h>
#include <drm/ttm/ttm_resource.h>
#include <drm/ttm/ttm_tt.h>

#include "lookup.h"

/* Blocks of at least the size of a leaf, for what such leaves can map of the rest. */
static int ttm_range_take_part(ttm_range_take_fn take, void *priv, u64 *rest,
			       u64 leaf, struct list_head *blocks)
{
	u64 part = ALIGN_DOWN(*rest, leaf);
	int ret;

	if (!part)
		return 0;
	ret = take(priv, part, leaf, false, blocks);
	if (!ret)
		*rest -= part;
	return ret;
}

/**
 * ttm_range_place - find a place where large leaves can map a buffer
 * @take: takes memory from the driver's allocator
 * @priv: passed to @take
 * @size: of the buffer in bytes, a multiple of PAGE_SIZE
 * @least: PAGE_SIZE, PMD_SIZE or PUD_SIZE: no part of the buffer that could fill a leaf
 *	of this size gets a smaller block
 * @blocks: what was taken is added here, in the order of the buffer
 *
 * For &ttm_resource_manager_func.alloc. Asks for all in one piece; if there is none, for
 * blocks of at least PUD_SIZE, then PMD_SIZE, for what these can map; then for the rest.
 * With an allocator that aligns blocks to their size, as the GPU buddy allocator, each
 * block is congruent with the address of those before it.
 *
 * @least above PAGE_SIZE has TTM evict others where there is room in small fragments only:
 * for buffers that the CPU uses much.
 *
 * Context: as @take.
 * Return: 0; -ENOSPC if there is no such place now; -EINVAL for a @size that is 0 or no
 * multiple of PAGE_SIZE; or an error of @take. After an error the caller gives back
 * what is in @blocks.
 */
int ttm_range_place(ttm_range_take_fn take, void *priv, u64 size, u64 least,
		    struct list_head *blocks)
{
	const u64 leaves[] = { PUD_SIZE, PMD_SIZE, PAGE_SIZE };
	u64 rest = size;
	int ret, i;

	if (!size || !IS_ALIGNED(size, PAGE_SIZE))
		return -EINVAL;

	/* In one piece, and aligned as the largest leaf that fits in. */
	for (i = 0; leaves[i] > size; i++)
		;
	ret = take(priv, size, leaves[i], true, blocks);
	if (ret != -ENOSPC)
		return ret;

	for (i = 0; i < ARRAY_SIZE(leaves); i++) {
		ret = ttm_range_take_part(take, priv, &rest, leaves[i], blocks);
		if (ret && (ret != -ENOSPC || leaves[i] <= least))
			return ret;
	}
	return ret;
}
EXPORT_SYMBOL_GPL(ttm_range_place);

/* How many aligned spans of @unit pages there are in [pfn, end). */
static unsigned long ttm_range_spans(unsigned long pfn, unsigned long end,
				     unsigned long unit)
{
	unsigned long first = ALIGN(pfn, unit), last = ALIGN_DOWN(end, unit);

	return first < last ? (last - first) / unit : 0;
}

/* Leaves of a block. @off: how far it is from the address, counted in pages. */
static void ttm_range_count(const struct vmf_range_block *block, unsigned long off,
			    bool may_pud, struct vmf_range_leaves *leaves)
{
	unsigned long pmd = PHYS_PFN(PMD_SIZE), pud = PHYS_PFN(PUD_SIZE);
	unsigned long end = block->pfn + block->nr_pages;
	unsigned long nr_pmd = 0, nr_pud = 0;

	if (may_pud && !(off % pud))
		nr_pud = ttm_range_spans(block->pfn, end, pud);
	if (!(off % pmd))
		nr_pmd = ttm_range_spans(block->pfn, end, pmd) - nr_pud * (pud / pmd);
	leaves->pud += nr_pud;
	leaves->pmd += nr_pmd;
	leaves->pte += block->nr_pages - nr_pud * pud - nr_pmd * pmd;
}

/**
 * ttm_range_potential - which leaves a mapping of a buffer can have
 * @bo: the buffer, whose &drm_gem_object_funcs.vm_ops is that of a &struct
 *	ttm_range_ops; reserved, and populated if in system memory
 * @leaves: filled in, for the whole buffer as it lies now, at an address that
 *	ttm_range_get_unmapped_area() has chosen
 *
 * Context: process context, may sleep.
 * Return: 0; -EINVAL for a buffer without memory, in memory that the driver says the
 * CPU cannot reach, or that is somebody else's, and for a block that does not hold the
 * page asked for; -ENOENT if nothing backs one of the pages; or an error of
 * &ttm_range_ops.block.
 */
int ttm_range_potential(struct ttm_buffer_object *bo,
			struct vmf_range_leaves *leaves)
{
	struct ttm_range_walk walk = ttm_range_walk_of(bo, bo->base.funcs->vm_ops);
	struct vmf_range_block block, best;
	bool may_pud;
	pgoff_t page;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	memset(leaves, 0, sizeof(*leaves));
	if (!ttm_range_mappable(bo) || ttm_range_io_reserve(bo))
		return -EINVAL;
	if (!bo->resource->bus.is_iomem &&
	    (!bo->ttm || !ttm_tt_is_populated(bo->ttm)))
		return -EINVAL;

	may_pud = walk.ops->base.flags & VMF_RANGE_PUD;
	ttm_range_guess(&walk, &best);
	for (page = 0; page < walk.nr_pages; page = block.pgoff + block.nr_pages) {
		ret = ttm_range_lookup(&walk, page, &block);
		if (ret)
			return ret;
		/* No way on from there. */
		if (page < block.pgoff || page - block.pgoff >= block.nr_pages)
			return -EINVAL;
		ttm_range_count(&block,
				block.pfn - block.pgoff - (best.pfn - best.pgoff),
				may_pud, leaves);
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(ttm_range_potential);

/**
 * ttm_range_print - a line about a buffer and its mappings, for debugfs
 * @bo: the buffer, as for ttm_range_potential()
 * @p: where to
 *
 * Size, place, the leaves that it allows there, how many mappings it has, and the
 * leaves that are there now.
 *
 * Context: process context, may sleep.
 */
void ttm_range_print(struct ttm_buffer_object *bo, struct drm_printer *p)
{
	struct vmf_range_leaves may = {}, now;
	unsigned long nr;

	dma_resv_assert_held(bo->base.resv);
	nr = vmf_range_count_mapped(bo->bdev->dev_mapping,
				    drm_vma_node_start(&bo->base.vma_node),
				    PFN_UP(bo->base.size), &now);
	drm_printf(p, "%zu KiB, type %d", bo->base.size >> 10,
		   bo->resource ? (int)bo->resource->mem_type : -1);
	if (!ttm_range_potential(bo, &may))
		drm_printf(p, ", allows %lu PUD, %lu PMD, %lu PTE", may.pud, may.pmd,
			   may.pte);
	drm_printf(p, ", %lu mappings: %lu PUD, %lu PMD, %lu PTE\n", nr, now.pud,
		   now.pmd, now.pte);
}
EXPORT_SYMBOL_GPL(ttm_range_print);
