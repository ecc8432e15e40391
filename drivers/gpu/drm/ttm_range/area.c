// SPDX-License-Identifier: GPL-2.0-only
/*
 * An address for a buffer's mapping at which large leaves fit.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/mm.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_vma_manager.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_range.h>
#include <drm/ttm/ttm_resource.h>

#include "lookup.h"

/* Of a buffer in small fragments, the first few tell enough. */
#define TTM_RANGE_MAX_LOOKS	64

/* The buffer at a fake offset, if this file may map it; with a reference. */
static struct drm_gem_object *ttm_range_find(struct file *file,
					     unsigned long pgoff,
					     unsigned long nr_pages)
{
	struct drm_file *priv = file->private_data;
	struct drm_vma_offset_manager *mgr = priv->minor->dev->vma_offset_manager;
	struct drm_gem_object *gem = NULL;
	struct drm_vma_offset_node *node;

	drm_vma_offset_lock_lookup(mgr);
	node = drm_vma_offset_exact_lookup_locked(mgr, pgoff, nr_pages);
	if (node) {
		gem = container_of(node, struct drm_gem_object, vma_node);
		/* A buffer without references leaves the manager in a moment. */
		if (!kref_get_unless_zero(&gem->refcount))
			gem = NULL;
	}
	drm_vma_offset_unlock_lookup(mgr);

	if (gem && !drm_vma_node_is_allowed(&gem->vma_node, priv)) {
		drm_gem_object_put(gem);
		gem = NULL;
	}
	return gem;
}

/* The longest block of a buffer in I/O memory, in pages of the buffer. */
static void ttm_range_longest(const struct ttm_range_walk *walk,
			      struct vmf_range_block *best)
{
	struct vmf_range_block block = {};
	pgoff_t page = 0;
	int looks;

	best->nr_pages = 0;
	for (looks = 0; looks < TTM_RANGE_MAX_LOOKS; looks++) {
		if (page >= walk->nr_pages ||
		    ttm_range_lookup(walk, page, &block))
			break;
		if (block.nr_pages > best->nr_pages)
			*best = block;
		page = block.pgoff + block.nr_pages;
	}
}

/**
 * ttm_range_guess - what decides on the address of a mapping
 * @walk: the buffer, reserved
 * @block: filled in, counted in pages of the buffer
 *
 * Where a buffer is or goes to is known for the moment only, and a guess will do:
 * memory managers align what is large.
 */
void ttm_range_guess(const struct ttm_range_walk *walk,
		     struct vmf_range_block *block)
{
	struct ttm_buffer_object *bo = walk->bo;

	*block = (struct vmf_range_block){ .nr_pages = walk->nr_pages };
	if (walk->ops->block && bo->resource && !ttm_range_io_reserve(bo) &&
	    bo->resource->bus.is_iomem)
		ttm_range_longest(walk, block);
}

/* The same for a buffer that is not reserved, and may be busy. */
static void ttm_range_guess_now(struct ttm_buffer_object *bo,
				struct vmf_range_block *block)
{
	struct ttm_range_walk walk = ttm_range_walk_of(bo, bo->base.funcs->vm_ops);

	*block = (struct vmf_range_block){ .nr_pages = walk.nr_pages };
	if (!dma_resv_trylock(bo->base.resv))
		return;
	ttm_range_guess(&walk, block);
	dma_resv_unlock(bo->base.resv);
}

/**
 * ttm_range_get_unmapped_area - for &file_operations.get_unmapped_area
 * @file: a DRM file of a driver whose buffers have a &struct ttm_range_ops
 * @addr: what user space asked for, or 0
 * @len: length of the mapping in bytes
 * @pgoff: fake offset of a buffer, in pages
 * @flags: MAP_* flags
 *
 * The choice is that of vmf_range_get_unmapped_area(), for the longest block of the
 * buffer as it lies now, or for a buffer that begins at a large leaf where that is
 * not to be known. Whether the offset is valid is for mmap() to say.
 *
 * Context: process context, mmap_lock of the current mm held for writing.
 * Return: an address, or a negative errno as an unsigned long.
 */
unsigned long ttm_range_get_unmapped_area(struct file *file, unsigned long addr,
					  unsigned long len, unsigned long pgoff,
					  unsigned long flags)
{
	struct drm_gem_object *gem = ttm_range_find(file, pgoff, PHYS_PFN(len));
	struct vmf_range_block *known = NULL;
	struct vmf_range_block block;

	if (gem && !gem->import_attach && gem->funcs->vm_ops &&
	    gem->funcs->vm_ops->fault == vmf_range_vm_fault) {
		ttm_range_guess_now(container_of(gem, struct ttm_buffer_object, base),
				    &block);
		block.pgoff += drm_vma_node_start(&gem->vma_node);
		known = &block;
	}
	if (gem)
		drm_gem_object_put(gem);
	return vmf_range_get_unmapped_area(file, addr, len, pgoff, flags, known);
}
EXPORT_SYMBOL_GPL(ttm_range_get_unmapped_area);
