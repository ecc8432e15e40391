// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test node as a device that shares the address space of a process: it hears
 * of what is unmapped, and works atomically on memory that it has for itself.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "virtio_vram.h"
#include "virtio_vram_test.h"

/* How often somebody may come in between before the device gives up. */
#define VRAM_WATCH_TRIES	1000

struct vram_watch {
	struct mmu_interval_notifier notifier;
	struct mutex lock;	/* what the device does; and the rest */
	struct vram_test_events events;
};

static bool vram_watch_invalidate(struct mmu_interval_notifier *notifier,
				  const struct mmu_notifier_range *range,
				  unsigned long seq)
{
	struct vram_watch *watch = container_of(notifier, struct vram_watch,
						notifier);
	struct vram_test_events *events = &watch->events;

	/* Our own doing, from vram_watch_atomic(). */
	if (range->event == MMU_NOTIFY_EXCLUSIVE && range->owner == watch)
		return true;

	if (mmu_notifier_range_blockable(range))
		mutex_lock(&watch->lock);
	else if (!mutex_trylock(&watch->lock))
		return false;

	mmu_interval_set_seq(notifier, seq);
	if (!events->nr || range->start < events->start)
		events->start = range->start;
	events->end = max_t(u64, events->end, range->end);
	events->nr++;
	mutex_unlock(&watch->lock);
	return true;
}

static const struct mmu_interval_notifier_ops vram_watch_ops = {
	.invalidate = vram_watch_invalidate,
};

/**
 * vram_watch_set - watch another range, or none
 * @watchp: the watch, replaced; NULL for none
 * @args: what VRAM_TEST_WATCH came with
 *
 * Context: process context; the caller serialises.
 * Return: 0 or a negative errno, with nothing watched.
 */
int vram_watch_set(struct vram_watch **watchp,
		   const struct vram_test_watch *args)
{
	struct vram_watch *watch = *watchp;
	int ret;

	*watchp = NULL;
	if (watch) {
		mmu_interval_notifier_remove(&watch->notifier);
		kfree(watch);
	}
	if (!args->len)
		return 0;
	if (!PAGE_ALIGNED(args->addr | args->len))
		return -EINVAL;

	watch = kzalloc(sizeof(*watch), GFP_KERNEL);
	if (!watch)
		return -ENOMEM;
	mutex_init(&watch->lock);
	ret = mmu_interval_notifier_insert(&watch->notifier, current->mm,
					   args->addr, args->len,
					   &vram_watch_ops);
	if (ret) {
		kfree(watch);
		return ret;
	}
	*watchp = watch;
	return 0;
}

/**
 * vram_watch_events - tell and forget what was heard
 * @watch: the watch, or NULL
 * @args: filled in
 *
 * Return: 0, or -EINVAL if nothing is watched.
 */
int vram_watch_events(struct vram_watch *watch, struct vram_test_events *args)
{
	if (!watch)
		return -EINVAL;
	mutex_lock(&watch->lock);
	*args = watch->events;
	watch->events = (struct vram_test_events){};
	mutex_unlock(&watch->lock);
	return 0;
}

/* Add under the lock that vram_watch_invalidate() takes. */
static int vram_watch_add(struct vram_watch *watch, struct page *page,
			  unsigned long seq, struct vram_test_atomic *args)
{
	int ret = -EAGAIN;
	char *kaddr;

	mutex_lock(&watch->lock);
	if (!mmu_interval_read_retry(&watch->notifier, seq)) {
		kaddr = kmap_local_page(page);
		args->value = atomic64_add_return(args->value,
						  (atomic64_t *)(kaddr +
						  offset_in_page(args->addr)));
		kunmap_local(kaddr);
		ret = 0;
	}
	mutex_unlock(&watch->lock);
	return ret;
}

/*
 * The page comes locked, which keeps the CPU's faults waiting, and mmap_lock keeps
 * munmap(), mprotect() and fork() away until the work is done. The sequence is read
 * only then: taking the page from the CPU, or from a device that had it, is an
 * invalidation as well. What comes in between is a zap under mmap_lock held for
 * reading (MADV_DONTNEED), as if it had come after us.
 *
 * Return: 0; -EAGAIN if somebody came in between; or another errno.
 */
static int vram_watch_try_add(struct vram_watch *watch,
			      struct vram_test_atomic *args)
{
	struct mm_struct *mm = watch->notifier.mm;
	struct page *page;
	int ret;

	mmap_read_lock(mm);
	page = virtio_vram_make_exclusive(mm, args->addr & PAGE_MASK, watch);
	if (IS_ERR(page)) {
		mmap_read_unlock(mm);
		return PTR_ERR(page) == -EBUSY ? -EAGAIN : PTR_ERR(page);
	}
	ret = vram_watch_add(watch, page,
			     mmu_interval_read_begin(&watch->notifier), args);
	mmap_read_unlock(mm);

	folio_unlock(page_folio(page));
	folio_put(page_folio(page));
	return ret;
}

/**
 * vram_watch_atomic - add to a word of user memory
 * @watch: the watch, or NULL
 * @args: what VRAM_TEST_ATOMIC_ADD came with
 *
 * Return: 0; -EINVAL for an address that is not watched, or by another process;
 * -EBUSY if somebody always came in between; or what the kernel says of the page.
 */
int vram_watch_atomic(struct vram_watch *watch, struct vram_test_atomic *args)
{
	int ret = -EAGAIN;

	if (!watch || watch->notifier.mm != current->mm ||
	    !IS_ALIGNED(args->addr, sizeof(u64)) ||
	    args->addr < watch->notifier.interval_tree.start ||
	    args->addr > watch->notifier.interval_tree.last)
		return -EINVAL;

	for (args->retries = 0; args->retries < VRAM_WATCH_TRIES; args->retries++) {
		ret = vram_watch_try_add(watch, args);
		if (ret != -EAGAIN)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return -EBUSY;
}
