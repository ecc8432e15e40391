/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that virtio_vram builds for.
 */
#ifndef _VIRTIO_VRAM_COMPAT_H_
#define _VIRTIO_VRAM_COMPAT_H_

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/rmap.h>
#include <linux/version.h>

#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>

#include "../ttm_range/compat.h"

/* The lock of a page table is allocated apart, by functions that modules lack. */
#define VIRTIO_VRAM_PTLOCKS_ALLOCATED \
	(IS_ENABLED(CONFIG_SPLIT_PTE_PTLOCKS) && ALLOC_SPLIT_PTLOCKS)

/* struct drm_driver.date: printed, and must not be NULL, while it existed. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define VIRTIO_VRAM_DRIVER_DATE		.date = "20251121",
#else
#define VIRTIO_VRAM_DRIVER_DATE
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define virtio_vram_tbo_fini		ttm_bo_put
#else
#define virtio_vram_tbo_fini		ttm_bo_fini
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define virtio_vram_ttm_init(bdev, funcs, dev, mapping, offsets) \
	ttm_device_init(bdev, funcs, dev, mapping, offsets, false, false)
#else
#define virtio_vram_ttm_init(bdev, funcs, dev, mapping, offsets) \
	ttm_device_init(bdev, funcs, dev, mapping, offsets, 0)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>

#define virtio_vram_insert_mixed(vma, addr, pfn) \
	vmf_insert_mixed(vma, addr, __pfn_to_pfn_t(pfn, PFN_DEV))
#else
#define virtio_vram_insert_mixed	vmf_insert_mixed
#endif

#if !IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)
/* Nobody asks for huge entries then, as with PREEMPT_RT, and nothing inserts them. */
static inline vm_fault_t virtio_vram_insert_pfn_pmd(struct vm_fault *vmf,
						    unsigned long pfn,
						    bool write)
{
	return VM_FAULT_FALLBACK;
}

#define virtio_vram_insert_pfn_pud	virtio_vram_insert_pfn_pmd
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define virtio_vram_insert_pfn_pmd(vmf, pfn, write) \
	vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write)
#define virtio_vram_insert_pfn_pud(vmf, pfn, write) \
	vmf_insert_pfn_pud(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write)
#else
#define virtio_vram_insert_pfn_pmd	vmf_insert_pfn_pmd
#define virtio_vram_insert_pfn_pud	vmf_insert_pfn_pud
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define virtio_vram_move_notify		dma_buf_move_notify
#else
#define virtio_vram_move_notify		dma_buf_invalidate_mappings
#endif

#if !IS_ENABLED(CONFIG_DEVICE_PRIVATE)
static inline struct page *virtio_vram_make_exclusive(struct mm_struct *mm,
						      unsigned long addr,
						      void *owner)
{
	return ERR_PTR(-EOPNOTSUPP);
}
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
static inline struct page *virtio_vram_make_exclusive(struct mm_struct *mm,
						      unsigned long addr,
						      void *owner)
{
	struct page *page = NULL;
	int ret;

	ret = make_device_exclusive_range(mm, addr, addr + PAGE_SIZE, &page,
					  owner);
	if (ret < 0)
		return ERR_PTR(ret);
	/* Somebody else had the page locked. */
	return page ?: ERR_PTR(-EBUSY);
}
#else
static inline struct page *virtio_vram_make_exclusive(struct mm_struct *mm,
						      unsigned long addr,
						      void *owner)
{
	struct folio *folio;

	return make_device_exclusive(mm, addr, owner, &folio);
}
#endif

#endif
