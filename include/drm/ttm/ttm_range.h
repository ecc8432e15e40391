/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ttm_range: map TTM buffers from one fault, at the best page sizes.
 */
#ifndef _DRM_TTM_RANGE_H_
#define _DRM_TTM_RANGE_H_

#include <linux/vmf_range.h>

#include <drm/ttm/ttm_bo.h>

struct drm_gem_object;
struct drm_printer;

/**
 * struct ttm_range_ops - how a driver's TTM buffers are mapped
 * @base: TTM_RANGE_BASE() or TTM_RANGE_BASE_DIRTY(); &drm_gem_object_funcs.vm_ops points
 *	to &vmf_range_ops.vm_ops in it
 * @block: optional: say which block of I/O memory backs one page of a buffer.
 *	Here &vmf_range_block.pgoff counts from the start of the buffer. Without
 *	it, &ttm_device_funcs.io_mem_pfn is asked page by page around the fault
 *	(which finds runs up to PMD_SIZE), or, where a driver has neither, the
 *	resource is one block from &ttm_bus_placement.offset on.
 *
 *	Context: the buffer is reserved; a page-table lock may be held: must not
 *	sleep. Return: 0, or -ENOENT if nothing backs the page.
 * @prepare: optional: what has to be done to a buffer before the CPU can use it, such
 *	as moving it out of VRAM that the CPU cannot reach, by ttm_bo_validate(). The
 *	fault_reserve_notify() functions of TTM drivers fit as they are. Called at
 *	each fault in a buffer that is not imported, before its memory is looked at:
 *	there may be no &ttm_buffer_object.resource, or one that nothing can map.
 *	There is no argument for the page that was touched, as the fault may map all
 *	of the buffer.
 *
 *	No %DMA_RESV_USAGE_KERNEL fence is pending when it is called. One that it
 *	leaves, as a move does that goes on by itself, is waited for before anything
 *	is mapped: without the locks of the fault where these can be dropped, after
 *	which the fault, and so the call, comes again. What it did the first time must
 *	satisfy it then.
 *
 *	It is called in process context, and may sleep. mmap_lock or the per-VMA lock
 *	is held, the buffer is reserved, the device is there (drm_dev_enter()): it must
 *	drop none of these, nor access memory of user space. Return: 0 to go on;
 *	%VM_FAULT_NOPAGE to have the fault come again, as for -EBUSY or -ERESTARTSYS
 *	from ttm_bo_validate(); %VM_FAULT_SIGBUS. Never %VM_FAULT_RETRY, which would
 *	mean that the lock of the fault was dropped.
 *
 * A driver keeps one constant instance. Buffers in system memory need no help
 * from the driver.
 */
struct ttm_range_ops {
	struct vmf_range_ops base;
	int (*block)(struct ttm_buffer_object *bo, pgoff_t page,
		     struct vmf_range_block *block);
	vm_fault_t (*prepare)(struct ttm_buffer_object *bo);
};

#define __TTM_RANGE_BASE(_flags)			\
	.fault = ttm_range_fault,			\
	.open = ttm_bo_vm_open,				\
	.close = ttm_bo_vm_close,			\
	.access = ttm_range_access,			\
	.flags = (_flags)

/**
 * TTM_RANGE_BASE - initialiser of &struct ttm_range_ops.base
 * @_flags: VMF_RANGE_PUD or 0
 */
#define TTM_RANGE_BASE(_flags) {			\
	.vm_ops = VMF_RANGE_VM_OPS,			\
	__TTM_RANGE_BASE(_flags),			\
}

/**
 * TTM_RANGE_BASE_DIRTY - the same for a driver that wants to hear of writes
 * @_flags: VMF_RANGE_PUD, VMF_RANGE_DIRTY_LEAVES, both or 0
 * @_dirty: &vmf_range_ops.dirty; the buffer is &vm_area_struct.vm_private_data
 */
#define TTM_RANGE_BASE_DIRTY(_flags, _dirty) {		\
	.vm_ops = VMF_RANGE_VM_OPS_DIRTY,		\
	.dirty = (_dirty),				\
	__TTM_RANGE_BASE(_flags),			\
}

/**
 * struct ttm_range_buddy - a list of the GPU buddy allocator's blocks as blocks
 * @pgoff: page offset in the mapped file of the first block's first page
 * @blocks: the list, in the order of the mapping
 * @chunk_size: &gpu_buddy.chunk_size of the allocator, a multiple of PAGE_SIZE
 * @base_pfn: page frame number of the allocator's offset 0
 * @at: block asked for last; begins as NULL
 * @at_pgoff: page offset of @at
 *
 * For ttm_range_block_of_buddy(). On the stack of the caller of vmf_insert_blocks(), one
 * for each fault: it remembers where it is.
 */
struct ttm_range_buddy {
	pgoff_t pgoff;
	const struct list_head *blocks;
	u64 chunk_size;
	unsigned long base_pfn;
	const struct list_head *at;
	pgoff_t at_pgoff;
};

int ttm_range_block_of_buddy(void *buddy, pgoff_t pgoff,
			     struct vmf_range_block *block);

/**
 * typedef ttm_range_take_fn - take memory from a driver's allocator
 * @priv: what was passed to ttm_range_place()
 * @size: bytes, a multiple of @min_block unless all must be in one piece
 * @min_block: no block may be smaller, nor begin elsewhere than at a multiple of this;
 *	a power of two
 * @contiguous: all in one piece
 * @blocks: where to add the blocks, in the order of the buffer
 *
 * With the GPU buddy allocator: gpu_buddy_alloc_blocks(), and for @contiguous its
 * GPU_BUDDY_CONTIGUOUS_ALLOCATION.
 *
 * Return: 0; -ENOSPC if there is no such memory now, with @blocks as before; or another
 * errno.
 */
typedef int (*ttm_range_take_fn)(void *priv, u64 size, u64 min_block,
				 bool contiguous, struct list_head *blocks);

int ttm_range_place(ttm_range_take_fn take, void *priv, u64 size, u64 least,
		    struct list_head *blocks);
int ttm_range_potential(struct ttm_buffer_object *bo,
			struct vmf_range_leaves *leaves);
void ttm_range_print(struct ttm_buffer_object *bo, struct drm_printer *p);

vm_fault_t ttm_range_fault(struct vm_fault *vmf);
int ttm_range_access(struct vm_area_struct *vma, unsigned long addr, void *buf,
		     int len, int write);
int ttm_range_mmap(struct drm_gem_object *gem, struct vm_area_struct *vma);
unsigned long ttm_range_get_unmapped_area(struct file *file, unsigned long addr,
					  unsigned long len, unsigned long pgoff,
					  unsigned long flags);

#endif
