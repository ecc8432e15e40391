// SPDX-License-Identifier: MIT
/*
 * Memory for a TTM buffer from the GPU buddy allocator, where large leaves fit.
 */
#include <linux/module.h>
#include <linux/mutex.h>

#include <drm/drm_buddy.h>
#include <drm/ttm/ttm_range.h>

/* Kernels without <linux/gpu_buddy.h>. */
#ifndef GPU_BUDDY_RANGE_ALLOCATION
#define gpu_buddy			drm_buddy
#define gpu_buddy_alloc_blocks		drm_buddy_alloc_blocks
#define gpu_buddy_free_list		drm_buddy_free_list
#define GPU_BUDDY_CONTIGUOUS_ALLOCATION	DRM_BUDDY_CONTIGUOUS_ALLOCATION
#endif

struct my_vram {
	struct mutex lock;	/* for mm */
	struct gpu_buddy mm;
};

/* begin */
static int my_take(void *priv, u64 size, u64 min_block, bool contiguous,
		   struct list_head *blocks)
{
	struct my_vram *vram = priv;
	int ret;

	ret = gpu_buddy_alloc_blocks(&vram->mm, 0, vram->mm.size, size, min_block,
				     blocks, contiguous ?
				     GPU_BUDDY_CONTIGUOUS_ALLOCATION : 0);
	/* It calls a size invalid that is larger than all of its memory. */
	return ret == -EINVAL ? -ENOSPC : ret;
}

static int my_alloc(struct my_vram *vram, u64 size, struct list_head *blocks)
{
	int ret;

	mutex_lock(&vram->lock);
	ret = ttm_range_place(my_take, vram, size, PMD_SIZE, blocks);
	if (ret)
		gpu_buddy_free_list(&vram->mm, blocks, 0);
	mutex_unlock(&vram->lock);
	return ret;
}

/* end */

/* Somebody calls it. */
int (* const after_place_alloc)(struct my_vram *vram, u64 size,
				struct list_head *blocks) = my_alloc;

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample: ttm_range_place() with the GPU buddy allocator");
MODULE_LICENSE("Dual MIT/GPL");
