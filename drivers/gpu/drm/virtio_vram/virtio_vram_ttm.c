// SPDX-License-Identifier: GPL-2.0-only
/*
 * What TTM asks a driver: moving, clearing and mapping buffers.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/ttm/ttm_pool.h>
#include <drm/ttm/ttm_tt.h>

#include "virtio_vram.h"

/* Pages to clear or copy before others get a chance to run: 2 MiB */
#define VIRTIO_VRAM_BATCH	512

static struct ttm_tt *virtio_vram_tt_create(struct ttm_buffer_object *tbo,
					    u32 page_flags)
{
	struct ttm_tt *tt = kzalloc(sizeof(*tt), GFP_KERNEL);
	int ret;

	if (!tt)
		return NULL;

	if (tbo->type == ttm_bo_type_sg)
		ret = ttm_sg_tt_init(tt, tbo, page_flags, ttm_cached);
	else
		ret = ttm_tt_init(tt, tbo, page_flags, ttm_cached, 0);
	if (ret) {
		kfree(tt);
		return NULL;
	}
	return tt;
}

static void virtio_vram_tt_destroy(struct ttm_device *bdev, struct ttm_tt *tt)
{
	ttm_tt_fini(tt);
	kfree(tt);
}

/* Nobody but their exporter touches the pages of an imported buffer. */
static int virtio_vram_tt_populate(struct ttm_device *bdev, struct ttm_tt *tt,
				   struct ttm_operation_ctx *ctx)
{
	if (tt->page_flags & TTM_TT_FLAG_EXTERNAL)
		return 0;
	return ttm_pool_alloc(&bdev->pool, tt, ctx);
}

static void virtio_vram_tt_unpopulate(struct ttm_device *bdev, struct ttm_tt *tt)
{
	if (!(tt->page_flags & TTM_TT_FLAG_EXTERNAL))
		ttm_pool_free(&bdev->pool, tt);
}

static const struct ttm_place virtio_vram_system_place = {
	.mem_type = TTM_PL_SYSTEM,
};

static const struct ttm_placement virtio_vram_system = {
	.num_placement = 1,
	.placement = &virtio_vram_system_place,
};

static void virtio_vram_evict_flags(struct ttm_buffer_object *tbo,
				    struct ttm_placement *placement)
{
	*placement = virtio_vram_system;
}

/**
 * virtio_vram_to_system - move a buffer to system memory
 * @tbo: the buffer, reserved
 * @interruptible: whether a signal may end the wait
 *
 * Return: 0 or a negative errno.
 */
int virtio_vram_to_system(struct ttm_buffer_object *tbo, bool interruptible)
{
	struct ttm_operation_ctx ctx = { .interruptible = interruptible };
	struct ttm_placement placement = virtio_vram_system;

	return ttm_bo_validate(tbo, &placement, &ctx);
}

/**
 * virtio_vram_to_window - move a buffer into the window
 * @tbo: the buffer, reserved
 * @interruptible: whether a signal may end the wait
 *
 * Return: 0 or a negative errno.
 */
int virtio_vram_to_window(struct ttm_buffer_object *tbo, bool interruptible)
{
	static const struct ttm_place window = { .mem_type = TTM_PL_VRAM };
	struct ttm_operation_ctx ctx = { .interruptible = interruptible };
	struct ttm_placement placement = {
		.num_placement = 1,
		.placement = &window,
	};

	return ttm_bo_validate(tbo, &placement, &ctx);
}

static void __iomem *virtio_vram_page_addr(struct virtio_vram *vram,
					   const struct virtio_vram_run *run,
					   pgoff_t page)
{
	return vram->win + ((run->wpage + (page - run->page)) << PAGE_SHIFT);
}

/*
 * memset_io() is a string instruction on x86, byte by byte in an emulator: this
 * loop is twice as fast there, and no slower elsewhere.
 */
static void virtio_vram_zero(void __iomem *to, size_t len)
{
	u64 __iomem *p = to, *end = to + len;

	for (; p < end; p += 4) {
		__raw_writeq(0, p);
		__raw_writeq(0, p + 1);
		__raw_writeq(0, p + 2);
		__raw_writeq(0, p + 3);
	}
}

/*
 * What a client left in the window must not reach the next one: every way into
 * the window either clears or overwrites all of the new place.
 */
static int virtio_vram_clear(struct virtio_vram *vram,
			     const struct virtio_vram_resource *res)
{
	const struct virtio_vram_run *run = res->runs;
	pgoff_t page, n;

	for (; run < res->runs + res->nr; run++) {
		for (page = run[0].page; page < run[1].page; page += n) {
			n = min_t(pgoff_t, run[1].page - page, VIRTIO_VRAM_BATCH);
			virtio_vram_zero(virtio_vram_page_addr(vram, run, page),
					 n << PAGE_SHIFT);
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	return 0;
}

/* Lets ttm_move_memcpy() go through a buffer in the window page by page. */
struct virtio_vram_kmap_iter {
	struct ttm_kmap_iter base;
	struct virtio_vram *vram;
	const struct virtio_vram_resource *res;
};

static void virtio_vram_map_local(struct ttm_kmap_iter *base,
				  struct iosys_map *map, pgoff_t page)
{
	struct virtio_vram_kmap_iter *iter =
		container_of(base, struct virtio_vram_kmap_iter, base);
	const struct virtio_vram_run *run =
		virtio_vram_run_find(iter->res, page);

	/* A buffer can be as big as the window: a long way in one loop. */
	if (!(page % VIRTIO_VRAM_BATCH))
		cond_resched();
	iosys_map_set_vaddr_iomem(map, virtio_vram_page_addr(iter->vram, run, page));
}

static const struct ttm_kmap_iter_ops virtio_vram_kmap_ops = {
	.map_local = virtio_vram_map_local,
};

static void virtio_vram_kmap_init(struct virtio_vram_kmap_iter *iter,
				  struct virtio_vram *vram,
				  struct ttm_resource *res)
{
	iter->base.ops = &virtio_vram_kmap_ops;
	iter->vram = vram;
	iter->res = to_virtio_vram_resource(res);
}

static int virtio_vram_move_in(struct virtio_vram *vram,
			       struct ttm_buffer_object *tbo,
			       struct ttm_operation_ctx *ctx,
			       struct ttm_resource *dst)
{
	struct virtio_vram_kmap_iter win;
	struct ttm_kmap_iter_tt sys;
	int ret, idx;

	if (!drm_dev_enter(vram->drm, &idx))
		return -ENODEV;

	if (!tbo->ttm || (!ttm_tt_is_populated(tbo->ttm) &&
			  !(tbo->ttm->page_flags & TTM_TT_FLAG_SWAPPED))) {
		/* Nothing was ever written to it. */
		ret = virtio_vram_clear(vram, to_virtio_vram_resource(dst));
	} else {
		ret = ttm_range_populate(tbo, ctx);
		if (!ret) {
			virtio_vram_kmap_init(&win, vram, dst);
			ttm_move_memcpy(false, PFN_UP(dst->size), &win.base,
					ttm_kmap_iter_tt_init(&sys, tbo->ttm));
		}
	}

	drm_dev_exit(idx);
	return ret;
}

static int virtio_vram_move_out(struct virtio_vram *vram,
				struct ttm_buffer_object *tbo,
				struct ttm_operation_ctx *ctx)
{
	struct virtio_vram_kmap_iter win;
	struct ttm_kmap_iter_tt sys;
	bool alive;
	int ret, idx;

	ret = ttm_range_populate(tbo, ctx);
	if (ret)
		return ret;

	/* An unplugged window has no content; the pages have somebody's. */
	alive = drm_dev_enter(vram->drm, &idx);
	virtio_vram_kmap_init(&win, vram, tbo->resource);
	ttm_move_memcpy(!alive, PFN_UP(tbo->resource->size),
			ttm_kmap_iter_tt_init(&sys, tbo->ttm), &win.base);
	if (alive)
		drm_dev_exit(idx);
	return 0;
}

static int virtio_vram_move(struct ttm_buffer_object *tbo, bool evict,
			    struct ttm_operation_ctx *ctx,
			    struct ttm_resource *dst, struct ttm_place *hop)
{
	struct virtio_vram *vram = bdev_to_virtio_vram(tbo->bdev);
	struct ttm_resource *src = tbo->resource;
	bool from_win = src && src->mem_type == TTM_PL_VRAM;
	bool to_win = dst->mem_type == TTM_PL_VRAM;
	int ret;

	ret = ttm_bo_wait_ctx(tbo, ctx);
	if (ret)
		return ret;

	if (to_win && from_win)	/* one window, no reason to move within it */
		return -EINVAL;
	if (src)
		virtio_vram_prime_moves(to_virtio_vram_bo(tbo));
	if (to_win)
		ret = virtio_vram_move_in(vram, tbo, ctx, dst);
	else if (from_win)
		ret = virtio_vram_move_out(vram, tbo, ctx);
	if (ret)
		return ret;

	if (src)
		ttm_bo_move_sync_cleanup(tbo, dst);
	else
		ttm_bo_move_null(tbo, dst);
	return 0;
}

/* Its pages are about to go. */
static void virtio_vram_swap_notify(struct ttm_buffer_object *tbo)
{
	virtio_vram_prime_moves(to_virtio_vram_bo(tbo));
}

static int virtio_vram_io_mem_reserve(struct ttm_device *bdev,
				      struct ttm_resource *res)
{
	struct virtio_vram *vram = bdev_to_virtio_vram(bdev);

	if (res->mem_type != TTM_PL_VRAM)
		return 0;

	/* Where the first run is; io_mem_pfn() knows the others. */
	res->bus.offset = vram->base + ((phys_addr_t)res->start << PAGE_SHIFT);
	res->bus.is_iomem = true;
	res->bus.caching = vram->caching;
	return 0;
}

static unsigned long virtio_vram_run_pfn(struct virtio_vram *vram,
					 const struct virtio_vram_run *run)
{
	return PHYS_PFN(vram->base) + run->wpage;
}

static unsigned long virtio_vram_io_mem_pfn(struct ttm_buffer_object *tbo,
					    unsigned long page)
{
	const struct virtio_vram_run *run =
		virtio_vram_run_find(to_virtio_vram_resource(tbo->resource), page);

	return virtio_vram_run_pfn(bdev_to_virtio_vram(tbo->bdev), run) +
	       page - run->page;
}

/* For &ttm_range_ops.block: O(log n), and nothing that sleeps. */
static int virtio_vram_block(struct ttm_buffer_object *tbo, pgoff_t page,
			     struct vmf_range_block *block)
{
	const struct virtio_vram_run *run =
		virtio_vram_run_find(to_virtio_vram_resource(tbo->resource), page);

	if (!run)
		return -ENOENT;

	block->pgoff = run[0].page;
	block->pfn = virtio_vram_run_pfn(bdev_to_virtio_vram(tbo->bdev), run);
	block->nr_pages = run[1].page - run[0].page;
	return 0;
}

const struct ttm_range_ops virtio_vram_range_ops = {
	.base = TTM_RANGE_BASE(VMF_RANGE_PUD),
	.block = virtio_vram_block,
};

/* ptrace and /proc/PID/mem; TTM checked the bounds and has the reservation. */
static int virtio_vram_access_memory(struct ttm_buffer_object *tbo,
				     unsigned long offset, void *buf, int len,
				     int write)
{
	struct virtio_vram *vram = bdev_to_virtio_vram(tbo->bdev);
	int done, n, idx;

	if (!drm_dev_enter(vram->drm, &idx))
		return -EIO;

	for (done = 0; done < len; done += n) {
		pgoff_t page = (offset + done) >> PAGE_SHIFT;
		unsigned int in_page = offset_in_page(offset + done);
		const struct virtio_vram_run *run =
			virtio_vram_run_find(to_virtio_vram_resource(tbo->resource),
					     page);
		void __iomem *p = virtio_vram_page_addr(vram, run, page) + in_page;

		n = min_t(int, len - done, PAGE_SIZE - in_page);
		if (write)
			memcpy_toio(p, buf + done, n);
		else
			memcpy_fromio(buf + done, p, n);
	}

	drm_dev_exit(idx);
	return len;
}

static const struct ttm_device_funcs virtio_vram_ttm_funcs = {
	.ttm_tt_create = virtio_vram_tt_create,
	.ttm_tt_destroy = virtio_vram_tt_destroy,
	.ttm_tt_populate = virtio_vram_tt_populate,
	.ttm_tt_unpopulate = virtio_vram_tt_unpopulate,
	.eviction_valuable = ttm_bo_eviction_valuable,
	.evict_flags = virtio_vram_evict_flags,
	.move = virtio_vram_move,
	.swap_notify = virtio_vram_swap_notify,
	.io_mem_reserve = virtio_vram_io_mem_reserve,
	.io_mem_pfn = virtio_vram_io_mem_pfn,
	.access_memory = virtio_vram_access_memory,
};

static void virtio_vram_ttm_release(struct drm_device *drm, void *data)
{
	struct virtio_vram *vram = data;

	virtio_vram_mgr_fini(vram);
	ttm_device_fini(&vram->bdev);
}

/**
 * virtio_vram_ttm_setup - set up TTM and the window's manager
 * @vram: the device, with base and size known
 *
 * Both stay until the DRM device goes, which every file, mapping and dma-buf
 * keeps: buffers outlive the unbinding of the device.
 *
 * Return: 0 or a negative errno.
 */
int virtio_vram_ttm_setup(struct virtio_vram *vram)
{
	struct drm_device *drm = vram->drm;
	int ret;

	ret = virtio_vram_ttm_init(&vram->bdev, &virtio_vram_ttm_funcs, drm->dev,
				   drm->anon_inode->i_mapping,
				   drm->vma_offset_manager);
	if (ret)
		return ret;

	ret = virtio_vram_mgr_init(vram);
	if (ret) {
		ttm_device_fini(&vram->bdev);
		return ret;
	}

	return drmm_add_action_or_reset(drm, virtio_vram_ttm_release, vram);
}
