// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the mock does to a buffer before a process can see it: bring it to where that is
 * allowed. Nothing but this keeps the rest from being mapped, for tests to notice.
 */
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/highmem.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "ttm_mock.h"

/* Longer than the way from the move to the access. */
#define MOCK_LATE_MS	200

/**
 * struct mock_late - a word that arrives late
 * @fence: until then; at the start, where the core frees it
 * @lock: for @fence
 * @work: brings it
 * @page: where to, at the start of it
 * @word: the word
 */
struct mock_late {
	struct dma_fence fence;
	spinlock_t lock;	/* for the fence */
	struct work_struct work;
	struct page *page;
	u64 word;
};

static const char *mock_late_name(struct dma_fence *fence)
{
	return "ttm_mock";
}

static const struct dma_fence_ops mock_late_ops = {
	.get_driver_name = mock_late_name,
	.get_timeline_name = mock_late_name,
};

/* Put a word at the start of a page. Return: what was there. */
static u64 mock_exchange(struct page *page, u64 word)
{
	u64 *at = kmap_local_page(page);
	u64 old = READ_ONCE(*at);

	WRITE_ONCE(*at, word);
	kunmap_local(at);
	return old;
}

/* The page stays the buffer's until the fence is signaled. */
static void mock_late_work(struct work_struct *work)
{
	struct mock_late *late = container_of(work, struct mock_late, work);

	msleep(MOCK_LATE_MS);
	mock_exchange(late->page, late->word);
	dma_fence_signal(&late->fence);
	dma_fence_put(&late->fence);
}

/* As if the move was not over yet. */
static int mock_be_late(struct ttm_buffer_object *tbo)
{
	struct mock_late *late;
	int ret;

	ret = dma_resv_reserve_fences(tbo->base.resv, 1);
	if (ret)
		return ret;
	late = kzalloc(sizeof(*late), GFP_KERNEL);
	if (!late)
		return -ENOMEM;
	spin_lock_init(&late->lock);
	dma_fence_init(&late->fence, &mock_late_ops, &late->lock,
		       dma_fence_context_alloc(1), 1);
	dma_resv_add_fence(tbo->base.resv, &late->fence, DMA_RESV_USAGE_KERNEL);
	late->page = mock_page(tbo, 0);
	late->word = mock_exchange(late->page, 0);
	INIT_WORK(&late->work, mock_late_work);
	queue_work(tbo->bdev->wq, &late->work);
	return 0;
}

static int mock_reveal(struct ttm_buffer_object *tbo)
{
	struct mock_bo *bo = to_mock_bo(tbo);
	int ret;

	bo->prepares++;
	if (mock_place_of(tbo) != MOCK_HIDDEN)
		return 0;
	if (bo->flags & MOCK_CREATE_STAY)
		return -EINVAL;
	ret = mock_move_to(tbo, MOCK_VRAM);
	if (!ret && (bo->flags & MOCK_CREATE_LATE))
		ret = mock_be_late(tbo);
	return ret;
}

/**
 * mock_prepare - for &ttm_range_ops.prepare
 * @tbo: the buffer, reserved
 *
 * Return: 0 or a fault code.
 */
vm_fault_t mock_prepare(struct ttm_buffer_object *tbo)
{
	switch (mock_reveal(tbo)) {
	case 0:
		return 0;
	case -EBUSY:
	case -EINTR:
	case -ERESTARTSYS:
		return VM_FAULT_NOPAGE;
	default:
		return VM_FAULT_SIGBUS;
	}
}
