/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that ttm_mock builds for.
 */
#ifndef _TTM_MOCK_COMPAT_H_
#define _TTM_MOCK_COMPAT_H_

#include <linux/version.h>

#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_tt.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define MOCK_DRIVER_DATE	.date = "20251121",
#else
#define MOCK_DRIVER_DATE
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
static inline int mock_populate(struct ttm_buffer_object *tbo,
				struct ttm_operation_ctx *ctx)
{
	return ttm_tt_populate(tbo->bdev, tbo->ttm, ctx);
}
#else
#define mock_populate		ttm_bo_populate
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define mock_tbo_fini		ttm_bo_put
#else
#define mock_tbo_fini		ttm_bo_fini
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define mock_ttm_init(bdev, funcs, dev, mapping, offsets) \
	ttm_device_init(bdev, funcs, dev, mapping, offsets, false, false)
#else
#define mock_ttm_init(bdev, funcs, dev, mapping, offsets) \
	ttm_device_init(bdev, funcs, dev, mapping, offsets, 0)
#endif

/* The member of struct dma_buf_attach_ops has another name now. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define mock_invalidate_member	move_notify
/* Where this is off, as by default, the core pins what is mapped. */
#define MOCK_TOLD_OF_MOVES	IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY)
#else
#define mock_invalidate_member	invalidate_mappings
#define MOCK_TOLD_OF_MOVES	1
#endif

#endif
