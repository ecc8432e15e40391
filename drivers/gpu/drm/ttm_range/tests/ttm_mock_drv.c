// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock as user space sees it: device, buffers, ioctls.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_prime.h>
#include <drm/drm_vma_manager.h>
#include <drm/ttm/ttm_range.h>
#include <drm/ttm/ttm_tt.h>

#include "ttm_mock.h"

/* Called with a page-table lock held. */
static void mock_dirty(struct vm_area_struct *vma, pgoff_t pgoff,
		       unsigned long nr_pages)
{
	struct mock_bo *bo = to_mock_bo(vma->vm_private_data);

	vmf_range_dirty_mark(&bo->dirty, pgoff, nr_pages);
}

/* No .block: where memory is, mock_io_mem_pfn() says. */
static const struct ttm_range_ops mock_range_ops = {
	.base = TTM_RANGE_BASE_DIRTY(0, mock_dirty),
	.prepare = mock_prepare,
};

static void mock_bo_destroy(struct ttm_buffer_object *tbo)
{
	struct mock_bo *bo = to_mock_bo(tbo);

	if (tbo->base.import_attach)
		mock_prime_release(bo);
	drm_gem_object_release(&tbo->base);
	vmf_range_dirty_fini(&bo->dirty);
	kfree(bo);
}

static void mock_gem_free(struct drm_gem_object *gem)
{
	mock_tbo_fini(&gem_to_mock_bo(gem)->tbo);
}

/* For devices that import a buffer, which cannot reach VRAM. */
static int mock_gem_pin(struct drm_gem_object *gem)
{
	struct ttm_buffer_object *tbo = &gem_to_mock_bo(gem)->tbo;
	int ret;

	if (!tbo->pin_count) {
		ret = mock_move_to(tbo, MOCK_SYSTEM);
		if (ret)
			return ret;
	}
	ttm_bo_pin(tbo);
	return 0;
}

static void mock_gem_unpin(struct drm_gem_object *gem)
{
	ttm_bo_unpin(&gem_to_mock_bo(gem)->tbo);
}

static struct sg_table *mock_gem_get_sg_table(struct drm_gem_object *gem)
{
	struct ttm_buffer_object *tbo = &gem_to_mock_bo(gem)->tbo;
	struct ttm_operation_ctx ctx = { .interruptible = true };
	int ret;

	ret = mock_populate(tbo, &ctx);
	if (ret)
		return ERR_PTR(ret);
	return drm_prime_pages_to_sg(gem->dev, tbo->ttm->pages,
				     tbo->ttm->num_pages);
}

static int mock_gem_mmap(struct drm_gem_object *gem, struct vm_area_struct *vma)
{
	unsigned long pgoff = vma->vm_pgoff - drm_vma_node_start(&gem->vma_node);
	int ret;

	if (!gem->import_attach)
		return ttm_range_mmap(gem, vma);

	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;
	ret = dma_buf_mmap(gem->import_attach->dmabuf, vma, pgoff);
	/* The mapping holds the exporter's file. */
	if (!ret)
		drm_gem_object_put(gem);
	return ret;
}

static const struct drm_gem_object_funcs mock_gem_funcs = {
	.free = mock_gem_free,
	.pin = mock_gem_pin,
	.unpin = mock_gem_unpin,
	.get_sg_table = mock_gem_get_sg_table,
	.mmap = mock_gem_mmap,
	.vm_ops = &mock_range_ops.base.vm_ops,
};

/**
 * mock_bo_make - make a buffer
 * @mock: the device
 * @size: bytes, page aligned
 * @type: ttm_bo_type_sg for an imported one
 * @place: where
 * @flags: as in &struct mock_bo
 * @resv: of an imported one: its reservation, held
 *
 * Return: the buffer, or an error pointer.
 */
struct mock_bo *mock_bo_make(struct mock *mock, u64 size, enum ttm_bo_type type,
			     enum mock_place place, u32 flags,
			     struct dma_resv *resv)
{
	struct ttm_place where = mock_ttm_place(mock, place);
	struct ttm_placement placement = {
		.num_placement = 1, .placement = &where,
	};
	struct mock_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL);
	int ret;

	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->flags = flags;
	ret = vmf_range_dirty_init(&bo->dirty, 0, PFN_UP(size));
	if (ret) {
		kfree(bo);
		return ERR_PTR(ret);
	}
	bo->tbo.base.funcs = &mock_gem_funcs;
	drm_gem_private_object_init(&mock->drm, &bo->tbo.base, size);

	/* Frees it when it fails. */
	if (resv) {
		struct ttm_operation_ctx ctx = {};

		ret = ttm_bo_init_reserved(&mock->bdev, &bo->tbo, type, &placement,
					   0, &ctx, NULL, resv, mock_bo_destroy);
	} else {
		ret = ttm_bo_init_validate(&mock->bdev, &bo->tbo, type, &placement,
					   0, true, NULL, NULL, mock_bo_destroy);
	}
	if (ret)
		return ERR_PTR(ret);
	/* Where mappings begin is known now; there is none yet. */
	bo->dirty.pgoff = drm_vma_node_start(&bo->tbo.base.vma_node);
	return bo;
}

static int mock_create_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file)
{
	struct mock_create *args = data;
	struct mock_bo *bo;
	int ret;

	if (!args->size || !PAGE_ALIGNED(args->size) || args->size > SZ_1G ||
	    args->place >= MOCK_NR_PLACES || args->flags & ~MOCK_CREATE_FLAGS)
		return -EINVAL;
	bo = mock_bo_make(to_mock(drm), args->size, ttm_bo_type_device,
			  args->place, args->flags, NULL);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	args->offset = drm_vma_node_offset_addr(&bo->tbo.base.vma_node);
	ret = drm_gem_handle_create(file, &bo->tbo.base, &args->handle);
	drm_gem_object_put(&bo->tbo.base);
	return ret;
}

/* Find a buffer and reserve it; mock_unlock() is the end of it. */
static struct mock_bo *mock_lock(struct drm_file *file, u32 handle)
{
	struct drm_gem_object *gem = drm_gem_object_lookup(file, handle);
	int ret;

	if (!gem)
		return ERR_PTR(-ENOENT);
	ret = ttm_bo_reserve(&gem_to_mock_bo(gem)->tbo, true, false, NULL);
	if (ret) {
		drm_gem_object_put(gem);
		return ERR_PTR(ret);
	}
	return gem_to_mock_bo(gem);
}

static void mock_unlock(struct mock_bo *bo)
{
	ttm_bo_unreserve(&bo->tbo);
	drm_gem_object_put(&bo->tbo.base);
}

static int mock_move_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file)
{
	struct mock_move *args = data;
	struct mock_bo *bo;
	int ret;

	if (args->place >= MOCK_NR_PLACES)
		return -EINVAL;
	bo = mock_lock(file, args->handle);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	ret = bo->tbo.base.import_attach ? -EINVAL :
	      mock_move_to(&bo->tbo, args->place);
	mock_unlock(bo);
	return ret;
}

/* Have memory behind a buffer that was never touched, or was swapped out. */
static int mock_fill(struct mock_bo *bo)
{
	struct ttm_operation_ctx ctx = { .interruptible = true };

	if (bo->tbo.resource->mem_type == TTM_PL_VRAM)
		return 0;
	return mock_populate(&bo->tbo, &ctx);
}

static int mock_pages_ioctl(struct drm_device *drm, void *data,
			    struct drm_file *file)
{
	struct mock_pages *args = data;
	struct mock_bo *bo = mock_lock(file, args->handle);
	unsigned long page, nr;
	u64 *pfns = NULL;
	int ret;

	if (IS_ERR(bo))
		return PTR_ERR(bo);
	nr = PFN_UP(bo->tbo.base.size);
	ret = -EINVAL;
	if (bo->tbo.base.import_attach)
		goto unlock;
	args->place = mock_place_of(&bo->tbo);
	ret = mock_fill(bo);
	if (ret)
		goto unlock;
	pfns = kvmalloc_array(nr, sizeof(*pfns), GFP_KERNEL);
	for (page = 0; pfns && page < nr; page++)
		pfns[page] = page_to_pfn(mock_page(&bo->tbo, page));
	ret = pfns ? 0 : -ENOMEM;
unlock:
	mock_unlock(bo);
	/* Not copied out under the reservation: the copy can fault and want it. */
	if (!ret && copy_to_user(u64_to_user_ptr(args->pfns), pfns,
				 nr * sizeof(*pfns)))
		ret = -EFAULT;
	kvfree(pfns);
	return ret;
}

static int mock_harvest_ioctl(struct drm_device *drm, void *data,
			      struct drm_file *file)
{
	struct mock_harvest *args = data;
	struct drm_gem_object *gem = drm_gem_object_lookup(file, args->handle);
	struct vmf_range_dirty *dirty;
	pgoff_t at;

	if (!gem)
		return -ENOENT;
	dirty = &gem_to_mock_bo(gem)->dirty;
	if (args->page < dirty->nr_pages) {
		at = dirty->pgoff + args->page;
		args->nr_pages =
			vmf_range_dirty_harvest(dirty, drm->anon_inode->i_mapping,
						&at, dirty->pgoff + dirty->nr_pages);
		args->page = at - dirty->pgoff;
	}
	drm_gem_object_put(gem);
	return 0;
}

/* A process may have it mapped, and write at the same time. */
static void mock_access_word(struct page *page, struct mock_access *args)
{
	u64 *word = kmap_local_page(page) + offset_in_page(args->at);

	if (args->write)
		WRITE_ONCE(*word, args->value);
	else
		args->value = READ_ONCE(*word);
	kunmap_local(word);
}

static int mock_access_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file)
{
	struct mock_access *args = data;
	struct mock_bo *bo = mock_lock(file, args->handle);
	struct page *page;
	int ret = -EINVAL;

	if (IS_ERR(bo))
		return PTR_ERR(bo);
	if (args->at >= bo->tbo.base.size || !IS_ALIGNED(args->at, sizeof(u64)))
		goto unlock;
	if (bo->tbo.base.import_attach) {
		page = mock_prime_page(bo, args->at >> PAGE_SHIFT);
		ret = PTR_ERR_OR_ZERO(page);
	} else {
		ret = mock_fill(bo);
		page = ret ? NULL : mock_page(&bo->tbo, args->at >> PAGE_SHIFT);
	}
	if (!ret)
		mock_access_word(page, args);
	if (bo->tbo.base.import_attach)
		mock_prime_done(bo);
	args->maps = bo->maps;
	args->told = MOCK_TOLD_OF_MOVES;
	args->notifies = bo->notifies;
	args->prepares = bo->prepares;
unlock:
	mock_unlock(bo);
	return ret;
}

static int mock_swap_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file)
{
	struct ttm_operation_ctx ctx = { .interruptible = true };
	struct mock_swap *args = data;
	int ret;

	while ((ret = ttm_device_swapout(&to_mock(drm)->bdev, &ctx,
					 GFP_KERNEL)) > 0)
		args->pages += ret;
	return ret;
}

static const struct file_operations mock_fops = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = drm_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = drm_gem_mmap,
	.get_unmapped_area = ttm_range_get_unmapped_area,
	.show_fdinfo = drm_show_fdinfo,
	.fop_flags = FOP_UNSIGNED_OFFSET,
};

static const struct drm_ioctl_desc mock_ioctls[] = {
	{ .cmd = MOCK_CREATE, .func = mock_create_ioctl, .name = "create" },
	{ .cmd = MOCK_MOVE, .func = mock_move_ioctl, .name = "move" },
	{ .cmd = MOCK_PAGES, .func = mock_pages_ioctl, .name = "pages" },
	{ .cmd = MOCK_HARVEST, .func = mock_harvest_ioctl, .name = "harvest" },
	{ .cmd = MOCK_ACCESS, .func = mock_access_ioctl, .name = "access" },
	{ .cmd = MOCK_SWAP, .func = mock_swap_ioctl, .name = "swap" },
};

static const struct drm_driver mock_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER,
	.fops = &mock_fops,
	.ioctls = mock_ioctls,
	.num_ioctls = ARRAY_SIZE(mock_ioctls),
	.gem_prime_import = mock_prime_import,
	.show_fdinfo = drm_show_memory_stats,
	.name = "ttm_mock",
	.desc = "TTM driver without a device",
	MOCK_DRIVER_DATE
	.major = 1,
};

static int mock_probe(struct platform_device *pdev)
{
	struct mock *mock;
	int ret;

	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	mock = devm_drm_dev_alloc(&pdev->dev, &mock_driver, struct mock, drm);
	if (IS_ERR(mock))
		return PTR_ERR(mock);
	platform_set_drvdata(pdev, mock);
	ret = mock_vram_setup(mock);
	if (ret)
		return ret;
	return drm_dev_register(&mock->drm, 0);
}

static void mock_remove(struct platform_device *pdev)
{
	struct mock *mock = platform_get_drvdata(pdev);

	drm_dev_unplug(&mock->drm);
}

static struct platform_driver mock_platform_driver = {
	.probe = mock_probe,
	.remove = mock_remove,
	.driver.name = "ttm_mock",
};

static struct platform_device *mock_pdev;

static int __init mock_init(void)
{
	int ret = platform_driver_register(&mock_platform_driver);

	if (ret)
		return ret;
	mock_pdev = platform_device_register_simple("ttm_mock", -1, NULL, 0);
	if (IS_ERR(mock_pdev)) {
		platform_driver_unregister(&mock_platform_driver);
		return PTR_ERR(mock_pdev);
	}
	return 0;
}
module_init(mock_init);

static void __exit mock_exit(void)
{
	platform_device_unregister(mock_pdev);
	platform_driver_unregister(&mock_platform_driver);
}
module_exit(mock_exit);

VMF_RANGE_IMPORT_NS();
MODULE_INFO(import_ns, "DMA_BUF");
MODULE_DESCRIPTION("TTM driver without a device, for tests of ttm_range");
MODULE_AUTHOR("The vmf_range developers");
MODULE_VERSION(VMF_RANGE_VERSION);
MODULE_LICENSE("GPL");
