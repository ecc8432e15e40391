// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which buffer is where in the window.
 *
 * The kernel's buddy allocator gives blocks. What a buffer is made of, though,
 * is runs: the same memory in the order that the buffer's creator asked for.
 * With a block size, pieces of that size are dealt out so that no piece goes on
 * where the one before it ended.
 */
#include <linux/bsearch.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "virtio_vram.h"

/* A piece of the window on its way to becoming part of a run. */
struct virtio_vram_piece {
	pgoff_t wpage;
	pgoff_t nr;
};

static struct virtio_vram_mgr *to_virtio_vram_mgr(struct ttm_resource_manager *man)
{
	return container_of(man, struct virtio_vram_mgr, base);
}

static int virtio_vram_run_cmp(const void *key, const void *elt)
{
	const struct virtio_vram_run *run = elt;
	pgoff_t page = *(const pgoff_t *)key;

	if (page < run[0].page)
		return -1;
	return page >= run[1].page;
}

/**
 * virtio_vram_run_find - find the run that a page of a buffer belongs to
 * @res: where the buffer is
 * @page: page in the buffer
 *
 * Context: any; @res must stay (the buffer's reservation).
 * Return: the run; it ends where the next one begins. %NULL beyond the end.
 */
const struct virtio_vram_run *
virtio_vram_run_find(const struct virtio_vram_resource *res, pgoff_t page)
{
	/* Inline: a comparison is an instruction or two, and an indirect call is not. */
	return __inline_bsearch(&page, res->runs, res->nr, sizeof(*res->runs),
				virtio_vram_run_cmp);
}

/* Get blocks of @size bytes in total, each at least @min big. */
static int virtio_vram_mgr_get(struct virtio_vram_mgr *mgr, u64 size, u64 min,
			       struct list_head *blocks, unsigned long flags)
{
	int ret = gpu_buddy_alloc_blocks(&mgr->mm, 0, mgr->mm.size, size, min,
					 blocks, flags);

	/* It says so when the window is too small even if it were empty. */
	return ret == -EINVAL ? -ENOSPC : ret;
}

/* For ttm_range_place(). */
static int virtio_vram_mgr_place(void *mgr, u64 size, u64 min, bool contiguous,
				 struct list_head *blocks)
{
	return virtio_vram_mgr_get(mgr, size, min, blocks,
				   contiguous ? GPU_BUDDY_CONTIGUOUS_ALLOCATION : 0);
}

/*
 * Get the window memory for one resource.
 *
 * Pieces of equal size come from blocks as big as there are, and are cut later
 * (virtio_vram_cut()): as the allocator aligns blocks to their size, this keeps
 * the pieces aligned, and needs few blocks.
 */
static int virtio_vram_mgr_take(struct virtio_vram_mgr *mgr,
				const struct virtio_vram_bo *vbo, u64 size,
				struct list_head *blocks,
				struct list_head *tail)
{
	u64 block_size = vbo->block_size;
	u64 rest = size;
	int ret;

	lockdep_assert_held(&mgr->lock);

	if (!block_size)
		return ttm_range_place(virtio_vram_mgr_place, mgr, size,
				       vbo->large ? PMD_SIZE : PAGE_SIZE, blocks);

	while (vbo->mix && rest) {
		unsigned int orders = ilog2(min(block_size, rest)) - PAGE_SHIFT + 1;
		u64 want = PAGE_SIZE << get_random_u32_below(orders);

		/* An odd size left over, or a full window: take what fits. */
		while ((ret = virtio_vram_mgr_get(mgr, want, want, blocks, 0))) {
			if (ret != -ENOSPC || want == PAGE_SIZE)
				return ret;
			want >>= 1;
		}
		rest -= want;
	}

	if (rest >= block_size) {
		u64 whole = rest & ~(block_size - 1);

		ret = virtio_vram_mgr_get(mgr, whole, block_size, blocks, 0);
		if (ret)
			return ret;
		rest -= whole;
	}

	/* From the other end, so that it does not go on after the last piece. */
	if (rest)
		return virtio_vram_mgr_get(mgr, rest, PAGE_SIZE, tail,
					   GPU_BUDDY_CONTIGUOUS_ALLOCATION |
					   GPU_BUDDY_TOPDOWN_ALLOCATION);
	return 0;
}

/*
 * Cut blocks into pieces of @cut pages; 0 leaves them whole. Only counts them
 * when @pieces is NULL.
 */
static pgoff_t virtio_vram_cut(struct virtio_vram_mgr *mgr,
			       struct list_head *blocks, pgoff_t cut,
			       struct virtio_vram_piece *pieces)
{
	struct gpu_buddy_block *block;
	pgoff_t n = 0;

	list_for_each_entry(block, blocks, link) {
		pgoff_t wpage = gpu_buddy_block_offset(block) >> PAGE_SHIFT;
		pgoff_t nr = gpu_buddy_block_size(&mgr->mm, block) >> PAGE_SHIFT;
		pgoff_t step = cut ?: nr;

		for (; nr; nr -= step, wpage += step, n++)
			if (pieces)
				pieces[n] = (struct virtio_vram_piece){ wpage, step };
	}
	return n;
}

static int virtio_vram_piece_cmp(const void *a, const void *b)
{
	const struct virtio_vram_piece *pa = a, *pb = b;

	return pa->wpage < pb->wpage ? -1 : pa->wpage > pb->wpage;
}

/* Append a piece to the runs, or to the last run if it goes on after that. */
static void virtio_vram_append(struct virtio_vram_resource *res, pgoff_t *page,
			       const struct virtio_vram_piece *piece)
{
	struct virtio_vram_run *run = &res->runs[res->nr];

	if (!res->nr || run[-1].wpage + (*page - run[-1].page) != piece->wpage) {
		*run = (struct virtio_vram_run){ *page, piece->wpage };
		res->nr++;
	}
	*page += piece->nr;
}

/*
 * Order the pieces. Of those sorted by place, only direct neighbours can go on
 * one after the other: first every second one, then the others, and none does.
 */
static void virtio_vram_deal(struct virtio_vram_resource *res, pgoff_t *page,
			     struct virtio_vram_piece *pieces, pgoff_t n)
{
	pgoff_t i;

	/* An empty window gives them in order, and sort() does not profit. */
	for (i = 1; i < n && pieces[i - 1].wpage < pieces[i].wpage; i++)
		;
	if (i < n)
		sort(pieces, n, sizeof(*pieces), virtio_vram_piece_cmp, NULL);

	for (i = 1; i < n; i += 2)
		virtio_vram_append(res, page, &pieces[i]);
	for (i = 0; i < n; i += 2)
		virtio_vram_append(res, page, &pieces[i]);
}

static int virtio_vram_mgr_map(struct virtio_vram_mgr *mgr,
			       const struct virtio_vram_bo *vbo,
			       struct virtio_vram_resource *res,
			       struct list_head *tail)
{
	pgoff_t cut = vbo->mix ? 0 : vbo->block_size >> PAGE_SHIFT;
	struct virtio_vram_piece *pieces;
	pgoff_t n, n_tail, i, page = 0;

	n = virtio_vram_cut(mgr, &res->blocks, cut, NULL);
	n_tail = virtio_vram_cut(mgr, tail, 0, NULL);

	pieces = kvmalloc_array(n + n_tail, sizeof(*pieces), GFP_KERNEL);
	res->runs = kvmalloc_array(n + n_tail + 1, sizeof(*res->runs),
				   GFP_KERNEL_ACCOUNT);
	if (!pieces || !res->runs) {
		kvfree(pieces);
		return -ENOMEM;
	}

	virtio_vram_cut(mgr, &res->blocks, cut, pieces);
	if (vbo->block_size)
		virtio_vram_deal(res, &page, pieces, n);
	else
		for (i = 0; i < n; i++)
			virtio_vram_append(res, &page, &pieces[i]);

	virtio_vram_cut(mgr, tail, 0, pieces);
	for (i = 0; i < n_tail; i++)
		virtio_vram_append(res, &page, &pieces[i]);

	res->runs[res->nr].page = page;
	kvfree(pieces);
	return 0;
}

/*
 * Have the device put memory behind the blocks: one blob for blocks that adjoin
 * in the window, as devices cannot map very many.
 */
static int virtio_vram_mgr_back(struct virtio_vram *vram,
				struct virtio_vram_resource *res)
{
	struct virtio_vram_piece *pieces, *piece, *end;
	pgoff_t n = virtio_vram_cut(&vram->mgr, &res->blocks, 0, NULL);
	int id = 0;

	pieces = kvmalloc_array(n, sizeof(*pieces), GFP_KERNEL);
	res->blobs = kvmalloc_array(n, sizeof(*res->blobs), GFP_KERNEL_ACCOUNT);
	if (!pieces || !res->blobs) {
		kvfree(pieces);
		return -ENOMEM;
	}
	end = pieces + virtio_vram_cut(&vram->mgr, &res->blocks, 0, pieces);
	sort(pieces, n, sizeof(*pieces), virtio_vram_piece_cmp, NULL);

	for (piece = pieces; piece < end; ) {
		pgoff_t first = piece->wpage, next = first;

		for (; piece < end && piece->wpage == next; piece++)
			next += piece->nr;
		id = virtio_vram_blob_map(vram, (u64)first << PAGE_SHIFT,
					  (u64)(next - first) << PAGE_SHIFT);
		if (id < 0)
			break;
		res->blobs[res->nr_blobs++] = id;
	}
	kvfree(pieces);
	return min(id, 0);
}

static void virtio_vram_mgr_drop(struct virtio_vram_mgr *mgr,
				 struct virtio_vram_resource *res)
{
	struct virtio_vram *vram = container_of(mgr, struct virtio_vram, mgr);

	while (res->nr_blobs)
		virtio_vram_blob_unmap(vram, res->blobs[--res->nr_blobs]);
	kvfree(res->blobs);

	mutex_lock(&mgr->lock);
	gpu_buddy_free_list(&mgr->mm, &res->blocks, 0);
	mutex_unlock(&mgr->lock);
	kvfree(res->runs);
}

static int virtio_vram_mgr_alloc(struct ttm_resource_manager *man,
				 struct ttm_buffer_object *tbo,
				 const struct ttm_place *place,
				 struct ttm_resource **out)
{
	struct virtio_vram_mgr *mgr = to_virtio_vram_mgr(man);
	struct virtio_vram *vram = container_of(mgr, struct virtio_vram, mgr);
	struct virtio_vram_bo *vbo = to_virtio_vram_bo(tbo);
	struct virtio_vram_resource *res;
	LIST_HEAD(tail);
	int ret;

	res = kzalloc(sizeof(*res), GFP_KERNEL_ACCOUNT);
	if (!res)
		return -ENOMEM;
	INIT_LIST_HEAD(&res->blocks);
	res->buddy.blocks = &res->blocks;
	res->buddy.chunk_size = mgr->mm.chunk_size;
	res->buddy.base_pfn = PHYS_PFN(vram->base);
	ttm_resource_init(tbo, place, &res->base);

	mutex_lock(&mgr->lock);
	ret = virtio_vram_mgr_take(mgr, vbo, tbo->base.size, &res->blocks, &tail);
	if (!ret)
		ret = virtio_vram_mgr_map(mgr, vbo, res, &tail);
	list_splice_tail(&tail, &res->blocks);
	mutex_unlock(&mgr->lock);

	if (!ret && vram->blob)
		ret = virtio_vram_mgr_back(vram, res);
	if (ret)
		goto err_drop;

	res->base.start = res->runs[0].wpage;
	*out = &res->base;
	return 0;

err_drop:
	virtio_vram_mgr_drop(mgr, res);
	ttm_resource_fini(man, &res->base);
	kfree(res);
	return ret;
}

static void virtio_vram_mgr_free(struct ttm_resource_manager *man,
				 struct ttm_resource *res)
{
	struct virtio_vram_resource *vres = to_virtio_vram_resource(res);

	virtio_vram_mgr_drop(to_virtio_vram_mgr(man), vres);
	ttm_resource_fini(man, res);
	kfree(vres);
}

/* No part of the window is special: any buffer there is worth evicting... */
static bool virtio_vram_mgr_intersects(struct ttm_resource_manager *man,
				       struct ttm_resource *res,
				       const struct ttm_place *place, size_t size)
{
	return true;
}

/* ... and any place in it will do. */
static bool virtio_vram_mgr_compatible(struct ttm_resource_manager *man,
				       struct ttm_resource *res,
				       const struct ttm_place *place, size_t size)
{
	return true;
}

static void virtio_vram_mgr_debug(struct ttm_resource_manager *man,
				  struct drm_printer *p)
{
	struct virtio_vram_mgr *mgr = to_virtio_vram_mgr(man);

	mutex_lock(&mgr->lock);
	drm_buddy_print(&mgr->mm, p);
	mutex_unlock(&mgr->lock);
}

static const struct ttm_resource_manager_func virtio_vram_mgr_func = {
	.alloc = virtio_vram_mgr_alloc,
	.free = virtio_vram_mgr_free,
	.intersects = virtio_vram_mgr_intersects,
	.compatible = virtio_vram_mgr_compatible,
	.debug = virtio_vram_mgr_debug,
};

/**
 * virtio_vram_mgr_avail - how much of the window is free
 * @vram: the device
 *
 * Return: bytes.
 */
u64 virtio_vram_mgr_avail(struct virtio_vram *vram)
{
	u64 avail;

	mutex_lock(&vram->mgr.lock);
	avail = vram->mgr.mm.avail;
	mutex_unlock(&vram->mgr.lock);
	return avail;
}

/**
 * virtio_vram_mgr_hold - keep part of the window from buffers
 * @vram: the device
 * @leave: how much to leave free, bytes
 * @blocks: what was taken, empty before
 *
 * Return: 0 or a negative errno, with nothing taken.
 */
int virtio_vram_mgr_hold(struct virtio_vram *vram, u64 leave,
			 struct list_head *blocks)
{
	struct virtio_vram_mgr *mgr = &vram->mgr;
	int ret = 0;

	if (!PAGE_ALIGNED(leave))
		return -EINVAL;
	mutex_lock(&mgr->lock);
	if (leave < mgr->mm.avail)
		ret = virtio_vram_mgr_get(mgr, mgr->mm.avail - leave, PAGE_SIZE,
					  blocks, GPU_BUDDY_TOPDOWN_ALLOCATION);
	mutex_unlock(&mgr->lock);
	return ret;
}

/**
 * virtio_vram_mgr_give_back - the end of virtio_vram_mgr_hold()
 * @vram: the device
 * @blocks: what was taken; empty afterwards
 */
void virtio_vram_mgr_give_back(struct virtio_vram *vram,
			       struct list_head *blocks)
{
	mutex_lock(&vram->mgr.lock);
	gpu_buddy_free_list(&vram->mgr.mm, blocks, 0);
	mutex_unlock(&vram->mgr.lock);
}

/**
 * virtio_vram_mgr_init - hand the window to TTM
 * @vram: the device, with its TTM device set up
 *
 * Return: 0 or a negative errno.
 */
int virtio_vram_mgr_init(struct virtio_vram *vram)
{
	struct virtio_vram_mgr *mgr = &vram->mgr;
	int ret;

	mutex_init(&mgr->lock);
	ret = gpu_buddy_init(&mgr->mm, vram->size, PAGE_SIZE);
	if (ret)
		return ret;

	mgr->base.func = &virtio_vram_mgr_func;
	ttm_resource_manager_init(&mgr->base, &vram->bdev, vram->size);
	ttm_set_driver_manager(&vram->bdev, TTM_PL_VRAM, &mgr->base);
	ttm_resource_manager_set_used(&mgr->base, true);
	return 0;
}

/**
 * virtio_vram_mgr_fini - take the window back
 * @vram: the device; no buffer may be alive, but TTM may not have released the
 *	memory of the last ones yet
 */
void virtio_vram_mgr_fini(struct virtio_vram *vram)
{
	struct virtio_vram_mgr *mgr = &vram->mgr;

	flush_workqueue(vram->bdev.wq);
	ttm_resource_manager_set_used(&mgr->base, false);
	ttm_resource_manager_cleanup(&mgr->base);
	ttm_set_driver_manager(&vram->bdev, TTM_PL_VRAM, NULL);
	gpu_buddy_fini(&mgr->mm);
	/* An unplugged device took no id back. */
	ida_destroy(&vram->blob_ids);
	mutex_destroy(&mgr->lock);
}
