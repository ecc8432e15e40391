/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that ttm_range builds for, and virtio_vram with it.
 */
#ifndef _TTM_RANGE_COMPAT_H_
#define _TTM_RANGE_COMPAT_H_

#include <linux/version.h>

#include <drm/drm_buddy.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_tt.h>

/* The allocator moved out of DRM; stable kernels got the move at some point. */
#ifndef GPU_BUDDY_RANGE_ALLOCATION
#define gpu_buddy			drm_buddy
#define gpu_buddy_block			drm_buddy_block
#define gpu_buddy_init			drm_buddy_init
#define gpu_buddy_fini			drm_buddy_fini
#define gpu_buddy_alloc_blocks		drm_buddy_alloc_blocks
#define gpu_buddy_free_list		drm_buddy_free_list
#define gpu_buddy_block_offset		drm_buddy_block_offset
#define gpu_buddy_block_order		drm_buddy_block_order
#define gpu_buddy_block_size		drm_buddy_block_size
#define GPU_BUDDY_CONTIGUOUS_ALLOCATION	DRM_BUDDY_CONTIGUOUS_ALLOCATION
#define GPU_BUDDY_TOPDOWN_ALLOCATION	DRM_BUDDY_TOPDOWN_ALLOCATION
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
static inline int ttm_range_populate(struct ttm_buffer_object *bo,
				     struct ttm_operation_ctx *ctx)
{
	return ttm_tt_populate(bo->bdev, bo->ttm, ctx);
}
#else
#define ttm_range_populate	ttm_bo_populate
#endif

/*
 * Which of the two reference counts a mapping holds: TTM's own one used to
 * outlive the GEM object's; since that is gone, there is only the GEM object's.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define ttm_range_bo_get(bo)	ttm_bo_get(bo)
#define ttm_range_bo_put(bo)	ttm_bo_put(bo)
#else
#define ttm_range_bo_get(bo)	drm_gem_object_get(&(bo)->base)
#define ttm_range_bo_put(bo)	drm_gem_object_put(&(bo)->base)
#endif

#endif
