// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock's VRAM: memory of the machine, in chunks that do not adjoin, of which each
 * buffer has single pages or whole chunks.
 */
#include <linux/bitmap.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include <drm/drm_managed.h>
#include <drm/drm_vma_manager.h>
#include <drm/ttm/ttm_tt.h>

#include "ttm_mock.h"

static unsigned int vram_mib = 32;
module_param(vram_mib, uint, 0444);
MODULE_PARM_DESC(vram_mib, "MiB of VRAM, an even number (default: 32)");

static unsigned int hidden_mib = 8;
module_param(hidden_mib, uint, 0444);
MODULE_PARM_DESC(hidden_mib, "MiB that no process may see, an even number (default: 8)");

/* Has no divisor in common with a power of two, and leaps over chunks. */
#define MOCK_STRIDE	2057

static struct mock *man_to_mock(struct ttm_resource_manager *man)
{
	return container_of(man, struct mock, man);
}

static struct mock_resource *to_mock_resource(struct ttm_resource *res)
{
	return container_of(res, struct mock_resource, base);
}

static struct page *mock_vram_page(struct mock *mock, u32 vpage)
{
	return mock->chunks[vpage / MOCK_CHUNK_PAGES] + vpage % MOCK_CHUNK_PAGES;
}

static unsigned long mock_nr_free(const struct mock *mock,
				  const struct ttm_place *place)
{
	unsigned long nr = place->lpfn - place->fpfn;

	return nr - bitmap_weight(mock->used + BIT_WORD(place->fpfn), nr);
}

/* A whole chunk for the buffer's pages from @at on, if there is one. */
static bool mock_take_chunk(struct mock *mock, const struct ttm_place *place,
			    u32 *vpages)
{
	unsigned long i, first;

	first = bitmap_find_next_zero_area(mock->used, place->lpfn, place->fpfn,
					   MOCK_CHUNK_PAGES, MOCK_CHUNK_PAGES - 1);
	if (first >= place->lpfn)
		return false;
	bitmap_set(mock->used, first, MOCK_CHUNK_PAGES);
	for (i = 0; i < MOCK_CHUNK_PAGES; i++)
		vpages[i] = first + i;
	return true;
}

/* Some page, next to the last one or far from it. The caller knows that there is one. */
static u32 mock_take_page(struct mock *mock, const struct ttm_place *place,
			  bool scatter)
{
	unsigned long nr = place->lpfn - place->fpfn;
	unsigned long vpage = place->lpfn;

	if (scatter) {
		mock->next = (mock->next + MOCK_STRIDE) % nr;
		vpage = find_next_zero_bit(mock->used, place->lpfn,
					   place->fpfn + mock->next);
	}
	if (vpage >= place->lpfn)
		vpage = find_next_zero_bit(mock->used, place->lpfn, place->fpfn);
	__set_bit(vpage, mock->used);
	return vpage;
}

static int mock_take(struct mock *mock, const struct ttm_place *place,
		     struct mock_resource *res, unsigned long nr_pages,
		     bool scatter)
{
	unsigned long page = 0;
	int ret = -ENOSPC;

	mutex_lock(&mock->lock);
	if (mock_nr_free(mock, place) >= nr_pages) {
		ret = 0;
		while (page < nr_pages) {
			if (!scatter && nr_pages - page >= MOCK_CHUNK_PAGES &&
			    mock_take_chunk(mock, place, &res->vpages[page]))
				page += MOCK_CHUNK_PAGES;
			else
				res->vpages[page++] =
					mock_take_page(mock, place, scatter);
		}
	}
	mutex_unlock(&mock->lock);
	return ret;
}

static int mock_man_alloc(struct ttm_resource_manager *man,
			  struct ttm_buffer_object *tbo,
			  const struct ttm_place *place, struct ttm_resource **out)
{
	unsigned long nr_pages = PFN_UP(tbo->base.size);
	struct mock_resource *res;
	int ret;

	res = kvzalloc(struct_size(res, vpages, nr_pages), GFP_KERNEL);
	if (!res)
		return -ENOMEM;
	ttm_resource_init(tbo, place, &res->base);
	ret = mock_take(man_to_mock(man), place, res, nr_pages,
			to_mock_bo(tbo)->flags & MOCK_CREATE_SCATTER);
	if (ret) {
		ttm_resource_fini(man, &res->base);
		kvfree(res);
		return ret;
	}
	*out = &res->base;
	return 0;
}

static void mock_man_free(struct ttm_resource_manager *man,
			  struct ttm_resource *base)
{
	struct mock_resource *res = to_mock_resource(base);
	struct mock *mock = man_to_mock(man);
	unsigned long page;

	mutex_lock(&mock->lock);
	for (page = 0; page < PFN_UP(base->size); page++)
		__clear_bit(res->vpages[page], mock->used);
	mutex_unlock(&mock->lock);
	ttm_resource_fini(man, base);
	kvfree(res);
}

/* All of a buffer is in the part that processes see, or in the other. */
static bool mock_man_within(struct ttm_resource_manager *man,
			    struct ttm_resource *res,
			    const struct ttm_place *place, size_t size)
{
	u32 vpage = to_mock_resource(res)->vpages[0];

	return vpage >= place->fpfn && vpage < place->lpfn;
}

static const struct ttm_resource_manager_func mock_man_func = {
	.alloc = mock_man_alloc,
	.free = mock_man_free,
	.intersects = mock_man_within,
	.compatible = mock_man_within,
};

/**
 * mock_ttm_place - a place as TTM has it
 * @mock: the device
 * @place: the place
 *
 * Return: the same.
 */
struct ttm_place mock_ttm_place(const struct mock *mock, enum mock_place place)
{
	switch (place) {
	case MOCK_VRAM:
		return (struct ttm_place){
			.mem_type = TTM_PL_VRAM,
			.lpfn = mock->nr_visible,
		};
	case MOCK_HIDDEN:
		return (struct ttm_place){
			.mem_type = TTM_PL_VRAM,
			.fpfn = mock->nr_visible,
			.lpfn = mock->nr_pages,
		};
	default:
		return (struct ttm_place){ .mem_type = TTM_PL_SYSTEM };
	}
}

/**
 * mock_place_of - where a buffer is
 * @tbo: the buffer, reserved
 *
 * Return: the place.
 */
enum mock_place mock_place_of(struct ttm_buffer_object *tbo)
{
	struct ttm_resource *res = tbo->resource;

	if (res->mem_type != TTM_PL_VRAM)
		return MOCK_SYSTEM;
	return to_mock_resource(res)->vpages[0] < bdev_to_mock(tbo->bdev)->nr_visible ?
	       MOCK_VRAM : MOCK_HIDDEN;
}

static struct page *mock_res_page(struct ttm_buffer_object *tbo,
				  struct ttm_resource *res, unsigned long page)
{
	if (res->mem_type != TTM_PL_VRAM)
		return tbo->ttm->pages[page];
	return mock_vram_page(bdev_to_mock(tbo->bdev),
			      to_mock_resource(res)->vpages[page]);
}

/**
 * mock_page - the memory behind a page of a buffer
 * @tbo: the buffer, reserved, no import; populated if in system memory
 * @page: which
 *
 * Return: the page.
 */
struct page *mock_page(struct ttm_buffer_object *tbo, unsigned long page)
{
	return mock_res_page(tbo, tbo->resource, page);
}

static struct ttm_tt *mock_tt_create(struct ttm_buffer_object *tbo,
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

static void mock_tt_destroy(struct ttm_device *bdev, struct ttm_tt *tt)
{
	ttm_tt_fini(tt);
	kfree(tt);
}

static void mock_evict_flags(struct ttm_buffer_object *tbo,
			     struct ttm_placement *placement)
{
	static const struct ttm_place system = { .mem_type = TTM_PL_SYSTEM };

	*placement = (struct ttm_placement){
		.num_placement = 1, .placement = &system,
	};
}

/**
 * mock_move_to - move a buffer
 * @tbo: the buffer, reserved
 * @place: where to
 *
 * Return: 0 or a negative errno.
 */
int mock_move_to(struct ttm_buffer_object *tbo, enum mock_place place)
{
	struct ttm_operation_ctx ctx = { .interruptible = true };
	struct ttm_place to = mock_ttm_place(bdev_to_mock(tbo->bdev), place);
	struct ttm_placement placement = {
		.num_placement = 1, .placement = &to,
	};

	return ttm_bo_validate(tbo, &placement, &ctx);
}

/* Is there anything in it that a move must keep? */
static bool mock_has_content(struct ttm_buffer_object *tbo)
{
	if (!tbo->resource)
		return false;
	return tbo->resource->mem_type == TTM_PL_VRAM ||
	       (tbo->ttm && (ttm_tt_is_populated(tbo->ttm) ||
			     (tbo->ttm->page_flags & TTM_TT_FLAG_SWAPPED)));
}

static int mock_move(struct ttm_buffer_object *tbo, bool evict,
		     struct ttm_operation_ctx *ctx, struct ttm_resource *dst,
		     struct ttm_place *hop)
{
	bool from_vram = tbo->resource && tbo->resource->mem_type == TTM_PL_VRAM;
	bool to_vram = dst->mem_type == TTM_PL_VRAM;
	bool content = mock_has_content(tbo);
	unsigned long page;
	int ret;

	ret = ttm_bo_wait_ctx(tbo, ctx);
	if (!ret && content && from_vram != to_vram)
		ret = mock_populate(tbo, ctx);
	if (ret)
		return ret;

	for (page = 0; page < PFN_UP(dst->size); page++) {
		if (content && (from_vram || to_vram))
			copy_highpage(mock_res_page(tbo, dst, page),
				      mock_page(tbo, page));
		else if (to_vram)
			clear_highpage(mock_res_page(tbo, dst, page));
		if (!(page % MOCK_CHUNK_PAGES))
			cond_resched();
	}

	if (tbo->resource)
		ttm_bo_move_sync_cleanup(tbo, dst);
	else
		ttm_bo_move_null(tbo, dst);
	return 0;
}

static int mock_io_mem_reserve(struct ttm_device *bdev, struct ttm_resource *res)
{
	if (res->mem_type != TTM_PL_VRAM)
		return 0;
	res->bus.offset = page_to_phys(mock_vram_page(bdev_to_mock(bdev),
						      to_mock_resource(res)->vpages[0]));
	res->bus.is_iomem = true;
	res->bus.caching = ttm_cached;
	return 0;
}

static unsigned long mock_io_mem_pfn(struct ttm_buffer_object *tbo,
				     unsigned long page)
{
	return page_to_pfn(mock_page(tbo, page));
}

/* ptrace and /proc/PID/mem, of a buffer in VRAM. */
static int mock_access_memory(struct ttm_buffer_object *tbo, unsigned long offset,
			      void *buf, int len, int write)
{
	int done, n;

	for (done = 0; done < len; done += n) {
		struct page *page = mock_page(tbo, (offset + done) >> PAGE_SHIFT);
		unsigned int in_page = offset_in_page(offset + done);

		n = min_t(int, len - done, PAGE_SIZE - in_page);
		if (write)
			memcpy_to_page(page, in_page, buf + done, n);
		else
			memcpy_from_page(buf + done, page, in_page, n);
	}
	return len;
}

static const struct ttm_device_funcs mock_ttm_funcs = {
	.ttm_tt_create = mock_tt_create,
	.ttm_tt_destroy = mock_tt_destroy,
	.eviction_valuable = ttm_bo_eviction_valuable,
	.evict_flags = mock_evict_flags,
	.move = mock_move,
	.io_mem_reserve = mock_io_mem_reserve,
	.io_mem_pfn = mock_io_mem_pfn,
	.access_memory = mock_access_memory,
};

static void mock_free_chunks(struct mock *mock)
{
	unsigned long i;

	for (i = 0; i < mock->nr_pages / MOCK_CHUNK_PAGES; i++) {
		if (mock->chunks[i])
			__free_pages(mock->chunks[i], MOCK_CHUNK_ORDER);
	}
	kfree(mock->chunks);
	bitmap_free(mock->used);
}

static int mock_alloc_chunks(struct mock *mock)
{
	unsigned long i, nr = vram_mib / 2 + hidden_mib / 2;

	if (vram_mib < 2 || hidden_mib < 2)
		return -EINVAL;
	mock->used = bitmap_zalloc(nr * MOCK_CHUNK_PAGES, GFP_KERNEL);
	mock->chunks = kcalloc(nr, sizeof(*mock->chunks), GFP_KERNEL);
	if (!mock->used || !mock->chunks)
		goto err_free;
	mock->nr_pages = nr * MOCK_CHUNK_PAGES;
	mock->nr_visible = vram_mib / 2 * MOCK_CHUNK_PAGES;
	/* The allocator gives neighbours; every other one goes to the other end. */
	for (i = 0; i < nr; i++) {
		unsigned long to = i % 2 ? nr - 1 - i / 2 : i / 2;

		mock->chunks[to] = alloc_pages(GFP_KERNEL, MOCK_CHUNK_ORDER);
		if (!mock->chunks[to])
			goto err_free;
	}
	return 0;

err_free:
	mock_free_chunks(mock);
	return -ENOMEM;
}

static void mock_vram_release(struct drm_device *drm, void *data)
{
	struct mock *mock = data;

	flush_workqueue(mock->bdev.wq);
	ttm_resource_manager_set_used(&mock->man, false);
	ttm_resource_manager_cleanup(&mock->man);
	ttm_set_driver_manager(&mock->bdev, TTM_PL_VRAM, NULL);
	ttm_device_fini(&mock->bdev);
	mock_free_chunks(mock);
}

/**
 * mock_vram_setup - set up TTM, and memory for it to manage
 * @mock: the device; all stays until its last user is gone
 *
 * Return: 0 or a negative errno.
 */
int mock_vram_setup(struct mock *mock)
{
	struct drm_device *drm = &mock->drm;
	int ret;

	mutex_init(&mock->lock);
	ret = mock_alloc_chunks(mock);
	if (ret)
		return ret;
	ret = mock_ttm_init(&mock->bdev, &mock_ttm_funcs, drm->dev,
			    drm->anon_inode->i_mapping, drm->vma_offset_manager);
	if (ret) {
		mock_free_chunks(mock);
		return ret;
	}
	mock->man.func = &mock_man_func;
	ttm_resource_manager_init(&mock->man, &mock->bdev,
				  (u64)mock->nr_pages << PAGE_SHIFT);
	ttm_set_driver_manager(&mock->bdev, TTM_PL_VRAM, &mock->man);
	ttm_resource_manager_set_used(&mock->man, true);
	return drmm_add_action_or_reset(drm, mock_vram_release, mock);
}
