// SPDX-License-Identifier: GPL-2.0-only
/*
 * ttm_range: map TTM buffers from one fault, at the best page sizes.
 */
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/vmf_range.h>

#include <drm/drm_drv.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_range.h>
#include <drm/ttm/ttm_resource.h>
#include <drm/ttm/ttm_tt.h>

#include "compat.h"
#include "lookup.h"

/**
 * DOC: overview
 *
 * A TTM driver replaces the &vm_operations_struct of its buffers::
 *
 *	static const struct ttm_range_ops my_ops = {
 *		.base = TTM_RANGE_BASE(VMF_RANGE_PUD),
 *		.block = my_block,	// optional, faster than io_mem_pfn()
 *		.prepare = my_prepare,	// optional, where the CPU cannot reach all VRAM
 *	};
 *
 *	static const struct drm_gem_object_funcs my_gem_funcs = {
 *		.vm_ops = &my_ops.base.vm_ops,
 *		.mmap = ttm_range_mmap,
 *		...
 *	};
 *
 * sets &file_operations.get_unmapped_area to ttm_range_get_unmapped_area(), and
 * keeps everything else. Moves and evictions zap the mapping as ever
 * (ttm_bo_unmap_virtual()), under the reservation that the fault handler also
 * holds while it looks up and writes entries: no entry can outlive a move.
 */

/* From the page offsets of the mapped file to those of the buffer and back. */
static int ttm_range_block(void *priv, pgoff_t pgoff,
			   struct vmf_range_block *block)
{
	const struct ttm_range_walk *walk = priv;
	pgoff_t page = pgoff - walk->start;
	int ret;

	if (pgoff < walk->start || page >= walk->nr_pages)
		return -ENOENT;

	ret = ttm_range_lookup(walk, page, block);
	if (!ret)
		block->pgoff += walk->start;
	return ret;
}

/*
 * Wait with neither mmap_lock nor the per-VMA lock held, then have the fault
 * tried again. The reference keeps the buffer once the lock that protects the
 * VMA is gone; neither @vmf->vma nor what it points to may be used after that.
 */
static vm_fault_t ttm_range_wait_unlocked(struct ttm_buffer_object *bo,
					  struct vm_fault *vmf)
{
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	ttm_range_bo_get(bo);
	release_fault_lock(vmf);
	if (!dma_resv_lock_interruptible(bo->base.resv, NULL)) {
		dma_resv_wait_timeout(bo->base.resv, DMA_RESV_USAGE_KERNEL,
				      true, MAX_SCHEDULE_TIMEOUT);
		dma_resv_unlock(bo->base.resv);
	}
	ttm_range_bo_put(bo);
	return VM_FAULT_RETRY;
}

/*
 * Wait until nothing moves in a reserved buffer any more.
 *
 * The reservation nests inside mmap_lock (dma_resv_lockdep() says so), so that
 * waiting here would not deadlock, but whoever has it may wait for the device
 * for long, and the whole address space would wait along. So the wait happens
 * without the lock as long as the fault can be tried again.
 *
 * Return: 0 with the buffer still reserved, or a fault code with it not reserved.
 */
static vm_fault_t ttm_range_wait(struct ttm_buffer_object *bo,
				 struct vm_fault *vmf)
{
	long ret;

	if (dma_resv_test_signaled(bo->base.resv, DMA_RESV_USAGE_KERNEL))
		return 0;

	if (fault_flag_allow_retry_first(vmf->flags)) {
		dma_resv_unlock(bo->base.resv);
		return ttm_range_wait_unlocked(bo, vmf);
	}

	ret = dma_resv_wait_timeout(bo->base.resv, DMA_RESV_USAGE_KERNEL, true,
				    MAX_SCHEDULE_TIMEOUT);
	if (ret >= 0)
		return 0;

	dma_resv_unlock(bo->base.resv);
	return ret == -ERESTARTSYS ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
}

/* Reserve the buffer with nothing moving in it. Return: as ttm_range_wait(). */
static vm_fault_t ttm_range_reserve(struct ttm_buffer_object *bo,
				    struct vm_fault *vmf)
{
	if (!dma_resv_trylock(bo->base.resv)) {
		if (fault_flag_allow_retry_first(vmf->flags))
			return ttm_range_wait_unlocked(bo, vmf);
		if (dma_resv_lock_interruptible(bo->base.resv, NULL))
			return VM_FAULT_NOPAGE;
	}
	return ttm_range_wait(bo, vmf);
}

/*
 * Have the driver do what it must to a reserved buffer first. What that has set in motion
 * is waited for outside of drm_dev_enter(): an unplug need not wait along.
 *
 * Return: as ttm_range_wait().
 */
static vm_fault_t ttm_range_prepare(struct ttm_buffer_object *bo,
				    struct vm_fault *vmf)
{
	const struct ttm_range_ops *ops =
		container_of(vmf->vma->vm_ops, struct ttm_range_ops, base.vm_ops);
	vm_fault_t ret;
	int idx;

	if (!ops->prepare || ttm_range_foreign(bo) ||
	    !drm_dev_enter(bo->base.dev, &idx))
		return 0;

	ret = ops->prepare(bo);
	drm_dev_exit(idx);
	if (ret) {
		dma_resv_unlock(bo->base.resv);
		return ret;
	}
	return ttm_range_wait(bo, vmf);
}

static vm_fault_t ttm_range_populate_fault(struct ttm_buffer_object *bo)
{
	struct ttm_operation_ctx ctx = { .interruptible = true };

	switch (ttm_range_populate(bo, &ctx)) {
	case 0:
		return 0;
	case -EINTR:
	case -ERESTARTSYS:
	case -EAGAIN:
		return VM_FAULT_NOPAGE;
	default:
		/* Not VM_FAULT_OOM, after which the fault would be tried for ever. */
		return VM_FAULT_SIGBUS;
	}
}

static vm_fault_t ttm_range_fault_reserved(struct ttm_buffer_object *bo,
					   struct vm_fault *vmf)
{
	struct ttm_range_walk walk = ttm_range_walk_of(bo, vmf->vma->vm_ops);
	pgprot_t prot;
	vm_fault_t ret;

	if (!ttm_range_mappable(bo) || ttm_range_io_reserve(bo))
		return VM_FAULT_SIGBUS;

	prot = ttm_io_prot(bo, bo->resource, vmf->vma->vm_page_prot);
	if (bo->resource->bus.is_iomem) {
		/* Encryption ends where the memory controller does. */
		prot = pgprot_decrypted(prot);
	} else {
		ret = ttm_range_populate_fault(bo);
		if (ret)
			return ret;
	}

	return vmf_insert_blocks(vmf, ttm_range_block, &walk, prot);
}

/*
 * The device is gone: a page of zeroes for the whole VMA.
 *
 * drm_dev_unplug() may not have come to its zap yet, and the dummy page's PTEs must not
 * meet a huge leaf. No new one can come: faults take the reservation first. The
 * buffer's other VMAs keep their dummy pages, which live as long as the DRM device.
 */
static vm_fault_t ttm_range_fault_unplugged(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct vmf_range_leaf leaf;

	/* Another thread's fault had the reservation before. */
	if (vmf_range_query(vma, vmf->address, vmf->address + PAGE_SIZE, &leaf) &&
	    leaf.shift == PAGE_SHIFT)
		return VM_FAULT_NOPAGE;

	if (vmf_range_zap_vma(vma, vma->vm_start, vma->vm_end - vma->vm_start))
		return VM_FAULT_SIGBUS;
	return ttm_bo_vm_dummy_page(vmf, vma->vm_page_prot);
}

/**
 * ttm_range_fault - serve a fault of any order in a TTM buffer's mapping
 * @vmf: the fault, as it came to &vmf_range_ops.fault
 *
 * &vm_area_struct.vm_private_data must be the &struct ttm_buffer_object and
 * &vm_area_struct.vm_ops that of a &struct ttm_range_ops. Reserves the buffer,
 * waits until a pending move is over, calls &ttm_range_ops.prepare, populates
 * system memory, and maps the blocks around the fault with ttm_io_prot(). After
 * drm_dev_unplug() the whole VMA gets a zeroed page instead, as with
 * ttm_bo_vm_fault().
 *
 * Context: process context, under mmap_lock or the per-VMA lock. Takes and
 * drops the buffer's reservation; drops the lock that the fault came with when
 * it returns %VM_FAULT_RETRY (except with FAULT_FLAG_RETRY_NOWAIT).
 * Return: what vmf_insert_blocks() returns; %VM_FAULT_RETRY after a wait;
 * %VM_FAULT_NOPAGE when a signal ended the wait; %VM_FAULT_SIGBUS for a buffer
 * that cannot be mapped, or has no memory and gets none; or what
 * &ttm_range_ops.prepare returned.
 */
vm_fault_t ttm_range_fault(struct vm_fault *vmf)
{
	struct ttm_buffer_object *bo = vmf->vma->vm_private_data;
	vm_fault_t ret;
	int idx;

	ret = ttm_range_reserve(bo, vmf);
	if (!ret)
		ret = ttm_range_prepare(bo, vmf);
	if (ret)
		return ret;

	if (drm_dev_enter(bo->base.dev, &idx)) {
		ret = ttm_range_fault_reserved(bo, vmf);
		drm_dev_exit(idx);
	} else {
		ret = ttm_range_fault_unplugged(vmf);
	}

	dma_resv_unlock(bo->base.resv);
	return ret;
}
EXPORT_SYMBOL_GPL(ttm_range_fault);

/**
 * ttm_range_access - &vmf_range_ops.access of TTM buffers
 * @vma: the mapping
 * @addr: user address
 * @buf: kernel buffer
 * @len: bytes
 * @write: from @buf to the mapping
 *
 * What ttm_bo_vm_access() does, which goes past the mapping: a driver that tracks
 * writes is told of this one here. &ttm_range_ops.prepare is not called, as there is
 * nothing to map: &ttm_device_funcs.access_memory reaches what the CPU cannot.
 *
 * Context: process context, mmap_lock held for reading.
 * Return: bytes copied, or -errno.
 */
int ttm_range_access(struct vm_area_struct *vma, unsigned long addr, void *buf,
		     int len, int write)
{
	const struct ttm_range_ops *ops =
		container_of(vma->vm_ops, struct ttm_range_ops, base.vm_ops);
	int n = ttm_bo_vm_access(vma, addr, buf, len, write);

	/* After the write: a harvest before that has not seen it. */
	if (write && n > 0 && ops->base.dirty)
		ops->base.dirty(vma, linear_page_index(vma, addr),
				PFN_UP(offset_in_page(addr) + n));
	return n;
}
EXPORT_SYMBOL_GPL(ttm_range_access);

/**
 * ttm_range_mmap - map a TTM buffer
 * @gem: the &ttm_buffer_object.base of the buffer
 * @vma: the mapping; its vm_ops is that of a &struct ttm_range_ops already, as
 *	drm_gem_mmap() and drm_gem_prime_mmap() see to
 *
 * For &drm_gem_object_funcs.mmap. Sets VM_PFNMAP, VM_IO, VM_DONTEXPAND and
 * VM_DONTDUMP. The reference that DRM took on @gem for the mapping becomes the
 * one that ttm_bo_vm_close() drops.
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0, or -EINVAL for a private writable mapping: a copy on write would
 * not be what the device sees.
 */
int ttm_range_mmap(struct drm_gem_object *gem, struct vm_area_struct *vma)
{
	struct ttm_buffer_object *bo =
		container_of(gem, struct ttm_buffer_object, base);
	int ret;

	if (WARN_ON_ONCE(!vma->vm_ops || vma->vm_ops->fault != vmf_range_vm_fault))
		return -EINVAL;

	ret = ttm_bo_mmap_obj(vma, bo);
	if (ret)
		return ret;

	/* ttm_bo_mmap_obj() took its own. */
	drm_gem_object_put(gem);
	return 0;
}
EXPORT_SYMBOL_GPL(ttm_range_mmap);

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("TTM buffers mapped at the best page sizes");
MODULE_AUTHOR("The vmf_range developers");
MODULE_VERSION(VMF_RANGE_VERSION);
MODULE_LICENSE("GPL");
