// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way in which the kernel takes pages of a process, for tests: what they get
 * is given back, and only counted.
 */
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pagemap.h>
#include <linux/slab.h>

#include "virtio_vram.h"
#include "virtio_vram_test.h"

static long vram_test_pin_remote(unsigned long addr, unsigned long nr,
				 unsigned int flags, struct page **pages)
{
	struct mm_struct *mm = current->mm;
	long ret;

	mmap_read_lock(mm);
	ret = pin_user_pages_remote(mm, addr, nr, flags, pages, NULL);
	mmap_read_unlock(mm);
	return ret;
}

static long vram_test_gup_locked(unsigned long addr, unsigned long nr,
				 unsigned int flags, struct page **pages)
{
	struct mm_struct *mm = current->mm;
	long ret;

	mmap_read_lock(mm);
	ret = get_user_pages(addr, nr, flags, pages);
	mmap_read_unlock(mm);
	return ret;
}

static bool vram_test_hmm_invalidate(struct mmu_interval_notifier *notifier,
				     const struct mmu_notifier_range *range,
				     unsigned long seq)
{
	mmu_interval_set_seq(notifier, seq);
	return true;
}

/* What a device with a copy of the page tables asks, once. */
static long vram_test_hmm(unsigned long addr, unsigned long nr,
			  unsigned int flags)
{
	static const struct mmu_interval_notifier_ops ops = {
		.invalidate = vram_test_hmm_invalidate,
	};
	struct mmu_interval_notifier notifier = {};
	struct mm_struct *mm = current->mm;
	struct hmm_range range = {
		.notifier = &notifier,
		.start = addr,
		.end = addr + (nr << PAGE_SHIFT),
		.default_flags = HMM_PFN_REQ_FAULT |
				 (flags & FOLL_WRITE ? HMM_PFN_REQ_WRITE : 0),
	};
	long ret;

	range.hmm_pfns = kcalloc(nr, sizeof(*range.hmm_pfns), GFP_KERNEL);
	if (!range.hmm_pfns)
		return -ENOMEM;
	ret = mmu_interval_notifier_insert(&notifier, mm, addr, nr << PAGE_SHIFT,
					   &ops);
	if (ret)
		goto free;

	range.notifier_seq = mmu_interval_read_begin(&notifier);
	mmap_read_lock(mm);
	ret = hmm_range_fault(&range);
	mmap_read_unlock(mm);
	mmu_interval_notifier_remove(&notifier);
free:
	kfree(range.hmm_pfns);
	return ret ?: nr;
}

static long vram_test_take(const struct vram_test_gup *args, struct page **pages)
{
	unsigned int flags = args->write ? FOLL_WRITE : 0;

	switch (args->how) {
	case VRAM_TEST_GUP_FAST_ONLY:
		return get_user_pages_fast_only(args->addr, args->nr, flags, pages);
	case VRAM_TEST_GUP_FAST:
		return get_user_pages_fast(args->addr, args->nr, flags, pages);
	case VRAM_TEST_PIN_FAST_LONGTERM:
		return pin_user_pages_fast(args->addr, args->nr,
					   flags | FOLL_LONGTERM, pages);
	case VRAM_TEST_PIN_FAST:
		return pin_user_pages_fast(args->addr, args->nr, flags, pages);
	case VRAM_TEST_GUP_UNLOCKED:
		return get_user_pages_unlocked(args->addr, args->nr, pages, flags);
	case VRAM_TEST_GUP_LOCKED:
		return vram_test_gup_locked(args->addr, args->nr, flags, pages);
	case VRAM_TEST_PIN_REMOTE:
		return vram_test_pin_remote(args->addr, args->nr, flags, pages);
	default:
		return vram_test_hmm(args->addr, args->nr, flags);
	}
}

int vram_test_gup(struct vram_test_gup *args)
{
	struct page **pages;

	if (!args->nr || args->nr > 512 || args->write > 1 ||
	    args->how > VRAM_TEST_HMM || !PAGE_ALIGNED(args->addr))
		return -EINVAL;

	pages = kcalloc(args->nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;

	args->ret = vram_test_take(args, pages);
	if (args->ret > 0) {
		switch (args->how) {
		case VRAM_TEST_PIN_FAST_LONGTERM:
		case VRAM_TEST_PIN_FAST:
		case VRAM_TEST_PIN_REMOTE:
			unpin_user_pages(pages, args->ret);
			break;
		case VRAM_TEST_HMM:
			break;
		default:
			release_pages(pages, args->ret);
		}
	}
	kfree(pages);
	return 0;
}
