// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which memory is behind a page of a buffer, and how far it runs.
 */
#include <linux/mm.h>

#include <drm/drm_vma_manager.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_resource.h>
#include <drm/ttm/ttm_tt.h>

#include "lookup.h"

/*
 * A run that must be put together page by page is followed within this many pages of
 * memory, aligned: all that one PMD leaf can hold. To look further would be wasted on a
 * fault that ends before, and a run that ended elsewhere would cut a leaf in two.
 */
#define TTM_RANGE_SCAN	(PMD_SIZE >> PAGE_SHIFT)

/* Of a page that is not there; continues no run and is continued by none. */
#define TTM_RANGE_NO_PFN	ULONG_MAX

static unsigned long ttm_range_io_pfn(struct ttm_buffer_object *bo, pgoff_t page)
{
	return bo->bdev->funcs->io_mem_pfn(bo, page);
}

static unsigned long ttm_range_tt_pfn(struct ttm_buffer_object *bo, pgoff_t page)
{
	struct page *p = bo->ttm->pages[page];

	return p ? page_to_pfn(p) : TTM_RANGE_NO_PFN;
}

/* Put together the run around @page from what @pfn_of says of single pages. */
static int ttm_range_scan(const struct ttm_range_walk *walk, pgoff_t page,
			  unsigned long (*pfn_of)(struct ttm_buffer_object *bo,
						  pgoff_t page),
			  struct vmf_range_block *block)
{
	unsigned long pfn = pfn_of(walk->bo, page);
	unsigned long into = pfn % TTM_RANGE_SCAN;
	pgoff_t lo = page > into ? page - into : 0;
	pgoff_t hi = min(walk->nr_pages, page - into + TTM_RANGE_SCAN);
	pgoff_t first = page, end = page + 1;

	if (pfn == TTM_RANGE_NO_PFN)
		return -ENOENT;
	while (first > lo && pfn_of(walk->bo, first - 1) == pfn - (page - first) - 1)
		first--;
	while (end < hi && pfn_of(walk->bo, end) == pfn + (end - page))
		end++;

	block->pgoff = first;
	block->pfn = pfn - (page - first);
	block->nr_pages = end - first;
	return 0;
}

static int ttm_range_ask(const struct ttm_range_walk *walk, pgoff_t page,
			 struct vmf_range_block *block)
{
	struct ttm_buffer_object *bo = walk->bo;

	if (!bo->resource->bus.is_iomem)
		return ttm_range_scan(walk, page, ttm_range_tt_pfn, block);
	if (walk->ops->block)
		return walk->ops->block(bo, page, block);
	if (bo->bdev->funcs->io_mem_pfn)
		return ttm_range_scan(walk, page, ttm_range_io_pfn, block);

	block->pgoff = 0;
	block->pfn = PHYS_PFN(bo->resource->bus.offset);
	block->nr_pages = walk->nr_pages;
	return 0;
}

/**
 * ttm_range_walk_of - begin to look up pages of a buffer
 * @bo: the buffer, reserved
 * @vm_ops: that of a &struct ttm_range_ops
 *
 * Return: what ttm_range_lookup() wants.
 */
struct ttm_range_walk ttm_range_walk_of(struct ttm_buffer_object *bo,
					const struct vm_operations_struct *vm_ops)
{
	return (struct ttm_range_walk){
		.bo = bo,
		.ops = container_of(vm_ops, struct ttm_range_ops, base.vm_ops),
		.start = drm_vma_node_start(&bo->base.vma_node),
		.nr_pages = PFN_UP(bo->base.size),
	};
}

/**
 * ttm_range_lookup - the block that a page of a buffer is in
 * @walk: the buffer, with memory: ttm_range_io_reserve() was called, and it is populated
 *	if it is in system memory
 * @page: the page
 * @block: filled in, counted in pages of the buffer
 *
 * Context: any that a block callback may have.
 * Return: 0, or -ENOENT if nothing backs the page.
 */
int ttm_range_lookup(const struct ttm_range_walk *walk, pgoff_t page,
		     struct vmf_range_block *block)
{
	int ret = ttm_range_ask(walk, page, block);

	/* What lies beyond the buffer is another buffer's. */
	if (!ret)
		block->nr_pages = min_t(unsigned long, block->nr_pages,
					walk->nr_pages - block->pgoff);
	return ret;
}

/**
 * ttm_range_io_reserve - have the driver say where a buffer's I/O memory is
 * @bo: the buffer, reserved, with a resource
 *
 * TTM does not export ttm_mem_io_reserve(). Its counterpart runs by itself:
 * ttm_bo_unmap_virtual() and the buffer's release undo the reservation.
 *
 * Return: 0 or a negative errno.
 */
int ttm_range_io_reserve(struct ttm_buffer_object *bo)
{
	struct ttm_resource *res = bo->resource;

	if (res->bus.offset || res->bus.addr)
		return 0;

	res->bus.is_iomem = false;
	if (!bo->bdev->funcs->io_mem_reserve)
		return 0;
	return bo->bdev->funcs->io_mem_reserve(bo->bdev, res);
}

/**
 * ttm_range_foreign - are the pages of a buffer another driver's
 * @bo: the buffer, reserved
 *
 * Return: true if they are: their exporter maps them, and nobody else.
 */
bool ttm_range_foreign(const struct ttm_buffer_object *bo)
{
	u32 flags = bo->ttm ? bo->ttm->page_flags : 0;

	return (flags & TTM_TT_FLAG_EXTERNAL) &&
	       !(flags & TTM_TT_FLAG_EXTERNAL_MAPPABLE);
}

/**
 * ttm_range_mappable - is there anything to map
 * @bo: the buffer, reserved
 *
 * Return: true if there is.
 */
bool ttm_range_mappable(const struct ttm_buffer_object *bo)
{
	return !ttm_range_foreign(bo) && bo->resource;
}
