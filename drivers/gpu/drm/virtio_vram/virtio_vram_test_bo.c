// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tests ask of buffers: where they are, how many references their pages have,
 * and to move, map, pin, keep busy in ways that no user space may choose.
 */
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_gem.h>
#include <drm/drm_vma_manager.h>

#include "virtio_vram.h"
#include "virtio_vram_test.h"

/* Look up a buffer of this device by another file's handle. */
static struct virtio_vram_bo *vram_test_bo_get(struct virtio_vram *vram, int fd,
					       u32 handle)
{
	struct drm_gem_object *gem = NULL;
	struct file *file = fget(fd);
	struct drm_file *drm_file;

	if (!file)
		return ERR_PTR(-EBADF);

	if (file->f_op == &virtio_vram_fops) {
		drm_file = file->private_data;
		if (drm_file->minor->dev == vram->drm)
			gem = drm_gem_object_lookup(drm_file, handle);
	}
	fput(file);
	if (!gem)
		return ERR_PTR(-ENOENT);

	/* Somebody else's pages have no place in the window. */
	if (gem->import_attach) {
		drm_gem_object_put(gem);
		return ERR_PTR(-EINVAL);
	}
	return gem_to_virtio_vram_bo(gem);
}

/* Copy the places of a reserved buffer. Return: an array of @nr, or ERR_PTR. */
static struct vram_test_block *vram_test_blocks_of(struct ttm_buffer_object *tbo,
						   u32 room, u32 *nr)
{
	const struct virtio_vram_resource *res;
	struct vram_test_block *blocks;
	u32 i;

	*nr = 0;
	if (!tbo->resource || tbo->resource->mem_type != TTM_PL_VRAM)
		return NULL;

	res = to_virtio_vram_resource(tbo->resource);
	*nr = res->nr;
	room = min(room, *nr);
	if (!room)
		return NULL;

	blocks = kvmalloc_array(room, sizeof(*blocks), GFP_KERNEL);
	if (!blocks)
		return ERR_PTR(-ENOMEM);

	for (i = 0; i < room; i++) {
		const struct virtio_vram_run *run = &res->runs[i];

		blocks[i].offset = (u64)run->wpage << PAGE_SHIFT;
		blocks[i].len = (u64)(run[1].page - run->page) << PAGE_SHIFT;
	}
	return blocks;
}

int vram_test_blocks(struct virtio_vram *vram, struct vram_test_blocks *args)
{
	struct vram_test_block *blocks;
	struct virtio_vram_bo *vbo;
	u32 nr, room = args->nr;
	int ret;

	if (args->pad)
		return -EINVAL;
	vbo = vram_test_bo_get(vram, args->drm_fd, args->handle);
	if (IS_ERR(vbo))
		return PTR_ERR(vbo);

	/* Not copied out with the reservation: the copy can fault and want it. */
	ret = ttm_bo_reserve(&vbo->tbo, true, false, NULL);
	if (ret)
		goto put;
	blocks = vram_test_blocks_of(&vbo->tbo, room, &nr);
	ttm_bo_unreserve(&vbo->tbo);

	if (IS_ERR(blocks)) {
		ret = PTR_ERR(blocks);
		goto put;
	}
	if (copy_to_user(u64_to_user_ptr(args->blocks), blocks,
			 min(room, nr) * sizeof(*blocks)))
		ret = -EFAULT;
	kvfree(blocks);
	args->nr = nr;
put:
	drm_gem_object_put(&vbo->tbo.base);
	return ret;
}

/* Buffers mapped the way that every TTM driver does it today. */
static const struct vm_operations_struct vram_test_stock_vm_ops = {
	.fault = ttm_bo_vm_fault,
	.open = ttm_bo_vm_open,
	.close = ttm_bo_vm_close,
	.access = ttm_bo_vm_access,
};

/* As a driver would that keeps the allocator's list and no other. */
static int vram_test_buddy_block(struct ttm_buffer_object *tbo, pgoff_t page,
				 struct vmf_range_block *block)
{
	dma_resv_assert_held(tbo->base.resv);
	return ttm_range_block_of_buddy(&to_virtio_vram_resource(tbo->resource)->buddy,
					page, block);
}

static const struct ttm_range_ops vram_test_buddy_ops = {
	.base = TTM_RANGE_BASE(VMF_RANGE_PUD),
	.block = vram_test_buddy_block,
};

static int vram_test_bo_way(struct virtio_vram_bo *vbo, u32 way)
{
	const struct vm_operations_struct *vm_ops;

	switch (way) {
	case VRAM_TEST_WAY_RANGE:
		vm_ops = &virtio_vram_range_ops.base.vm_ops;
		break;
	case VRAM_TEST_WAY_STOCK:
		vm_ops = &vram_test_stock_vm_ops;
		break;
	default:
		/* Else the list is not in the buffer's order. */
		if (vbo->block_size)
			return -EINVAL;
		vm_ops = &vram_test_buddy_ops.base.vm_ops;
	}
	WRITE_ONCE(vbo->vm_ops, vm_ops);
	return 0;
}

static u32 vram_test_max_arg(unsigned int cmd)
{
	switch (cmd) {
	case VRAM_TEST_MOVE:
		return VRAM_TEST_MOVE_IN;
	case VRAM_TEST_BO_WAY:
		return VRAM_TEST_WAY_BUDDY;
	case VRAM_TEST_BO_BLOCK:
		return SZ_1G;
	case VRAM_TEST_PIN:
		return 1;
	case VRAM_TEST_BUSY:
	case VRAM_TEST_FENCE:
		return VRAM_TEST_BUSY_MAX;
	default:
		return 0;
	}
}

static int vram_test_bo_block(struct virtio_vram_bo *vbo, u32 size)
{
	if (size && (!is_power_of_2(size) || size < PAGE_SIZE))
		return -EINVAL;
	vbo->block_size = size;
	vbo->mix = false;
	return 0;
}

static int vram_test_pin(struct virtio_vram_bo *vbo, bool pin)
{
	if (pin)
		ttm_bo_pin(&vbo->tbo);
	else if (vbo->tbo.pin_count)
		ttm_bo_unpin(&vbo->tbo);
	else
		return -EINVAL;
	return 0;
}

static const char *vram_test_fence_name(struct dma_fence *fence)
{
	return "vram_test";
}

static const struct dma_fence_ops vram_test_fence_ops = {
	.get_driver_name = vram_test_fence_name,
	.get_timeline_name = vram_test_fence_name,
};

static DEFINE_SPINLOCK(vram_test_fence_lock);

/* A fence as a move leaves it. The caller signals it, whatever happens. */
static struct dma_fence *vram_test_fence(struct virtio_vram_bo *vbo)
{
	struct dma_resv *resv = vbo->tbo.base.resv;
	struct dma_fence *fence;
	int ret;

	ret = dma_resv_reserve_fences(resv, 1);
	if (ret)
		return ERR_PTR(ret);
	fence = kzalloc(sizeof(*fence), GFP_KERNEL);
	if (!fence)
		return ERR_PTR(-ENOMEM);
	dma_fence_init(fence, &vram_test_fence_ops, &vram_test_fence_lock,
		       dma_fence_context_alloc(1), 1);
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_KERNEL);
	return fence;
}

/*
 * So long by the clock that user space reads, or until a signal. Jiffies may lag behind
 * it where the host has let the guest wait, and make up for that while somebody sleeps.
 */
static void vram_test_sleep(unsigned int ms)
{
	ktime_t end = ktime_add_ms(ktime_get(), ms);

	while (ktime_before(ktime_get(), end) && !signal_pending(current))
		msleep_interruptible(ktime_ms_delta(end, ktime_get()) + 1);
}

int vram_test_bo(struct virtio_vram *vram, unsigned int cmd,
		 struct vram_test_bo *args)
{
	struct dma_fence *fence = NULL;
	struct virtio_vram_bo *vbo;
	int ret;

	if (args->pad || args->arg > vram_test_max_arg(cmd))
		return -EINVAL;
	vbo = vram_test_bo_get(vram, args->drm_fd, args->handle);
	if (IS_ERR(vbo))
		return PTR_ERR(vbo);

	ret = ttm_bo_reserve(&vbo->tbo, true, false, NULL);
	if (ret)
		goto put;

	switch (cmd) {
	case VRAM_TEST_ZAP:
		ttm_bo_unmap_virtual(&vbo->tbo);
		break;
	case VRAM_TEST_MOVE:
		ret = args->arg == VRAM_TEST_MOVE_OUT ?
		      virtio_vram_to_system(&vbo->tbo, true) :
		      virtio_vram_to_window(&vbo->tbo, true);
		break;
	case VRAM_TEST_BO_WAY:
		ret = vram_test_bo_way(vbo, args->arg);
		break;
	case VRAM_TEST_BO_BLOCK:
		ret = vram_test_bo_block(vbo, args->arg);
		break;
	case VRAM_TEST_PIN:
		ret = vram_test_pin(vbo, args->arg);
		break;
	case VRAM_TEST_BUSY:
		vram_test_sleep(args->arg);
		break;
	case VRAM_TEST_FENCE:
		fence = vram_test_fence(vbo);
		ret = PTR_ERR_OR_ZERO(fence);
		break;
	}
	ttm_bo_unreserve(&vbo->tbo);
	if (!IS_ERR_OR_NULL(fence)) {
		vram_test_sleep(args->arg);
		dma_fence_signal(fence);
		dma_fence_put(fence);
	}
put:
	drm_gem_object_put(&vbo->tbo.base);
	return ret;
}

/* TTM's pages of higher orders are not compound: each counts for itself. */
int vram_test_bo_refs(struct virtio_vram *vram, struct vram_test_refs *args)
{
	struct virtio_vram_bo *vbo;
	struct ttm_tt *tt;
	int ret;
	u32 i;

	vbo = vram_test_bo_get(vram, args->drm_fd, args->handle);
	if (IS_ERR(vbo))
		return PTR_ERR(vbo);
	ret = ttm_bo_reserve(&vbo->tbo, true, false, NULL);
	if (ret)
		goto put;

	args->refs = 0;
	args->pages = 0;
	tt = vbo->tbo.ttm;
	if (tt && ttm_tt_is_populated(tt)) {
		args->pages = tt->num_pages;
		for (i = 0; i < tt->num_pages; i++)
			args->refs += page_ref_count(tt->pages[i]);
	}
	ttm_bo_unreserve(&vbo->tbo);
put:
	drm_gem_object_put(&vbo->tbo.base);
	return ret;
}

int vram_test_potential(struct virtio_vram *vram,
			struct vram_test_potential *args)
{
	struct vmf_range_leaves leaves;
	struct virtio_vram_bo *vbo;
	int ret;

	if (args->bo.arg || args->bo.pad)
		return -EINVAL;
	vbo = vram_test_bo_get(vram, args->bo.drm_fd, args->bo.handle);
	if (IS_ERR(vbo))
		return PTR_ERR(vbo);
	ret = ttm_bo_reserve(&vbo->tbo, true, false, NULL);
	if (!ret) {
		ret = ttm_range_potential(&vbo->tbo, &leaves);
		ttm_bo_unreserve(&vbo->tbo);
	}
	drm_gem_object_put(&vbo->tbo.base);
	if (ret)
		return ret;
	args->pud = leaves.pud;
	args->pmd = leaves.pmd;
	args->pte = leaves.pte;
	return 0;
}

int vram_test_swap(struct virtio_vram *vram, struct vram_test_swap *args)
{
	struct ttm_operation_ctx ctx = { .interruptible = true };
	int ret;

	while ((ret = ttm_device_swapout(&vram->bdev, &ctx, GFP_KERNEL)) > 0)
		args->pages += ret;
	return ret;
}
