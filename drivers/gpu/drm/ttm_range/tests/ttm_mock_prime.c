// SPDX-License-Identifier: GPL-2.0-only
/*
 * Imported buffers of the mock. Its device maps one when it needs the pages; until the
 * exporter wants to move them, they stay mapped. Where exporters cannot move what is
 * mapped, it is unmapped after each use.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/scatterlist.h>

#include <drm/drm_prime.h>

#include "ttm_mock.h"

static void mock_prime_unmap(struct mock_bo *bo)
{
	if (bo->sgt)
		dma_buf_unmap_attachment(bo->tbo.base.import_attach, bo->sgt,
					 DMA_BIDIRECTIONAL);
	bo->sgt = NULL;
}

/* The exporter has the reservation. What the device does is over by then. */
static void mock_prime_invalidate(struct dma_buf_attachment *attach)
{
	struct mock_bo *bo = gem_to_mock_bo(attach->importer_priv);

	dma_resv_assert_held(attach->dmabuf->resv);
	bo->notifies++;
	mock_prime_unmap(bo);
}

static const struct dma_buf_attach_ops mock_attach_ops = {
	.mock_invalidate_member = mock_prime_invalidate,
};

/**
 * mock_prime_page - the memory behind a page of an imported buffer
 * @bo: the buffer, reserved; its exporter brings it to where the device can reach it
 * @page: which
 *
 * Return: the page, for as long as the reservation is held, or an error pointer.
 */
struct page *mock_prime_page(struct mock_bo *bo, unsigned long page)
{
	struct sg_dma_page_iter iter;
	struct sg_table *sgt;

	if (!bo->sgt) {
		sgt = dma_buf_map_attachment(bo->tbo.base.import_attach,
					     DMA_BIDIRECTIONAL);
		if (IS_ERR(sgt))
			return ERR_CAST(sgt);
		bo->sgt = sgt;
		bo->maps++;
	}
	/*
	 * The pages of the list are the exporter's own affair, and DMABUF_DEBUG hides them.
	 * DMA addresses are those of the CPU: no IOMMU has this device.
	 */
	for_each_sgtable_dma_page(bo->sgt, &iter, page)
		return pfn_to_page(PHYS_PFN(sg_page_iter_dma_address(&iter)));
	return ERR_PTR(-EFAULT);
}

/**
 * mock_prime_done - the device has done what it wanted with a page
 * @bo: the buffer, reserved
 */
void mock_prime_done(struct mock_bo *bo)
{
	if (!MOCK_TOLD_OF_MOVES)
		mock_prime_unmap(bo);
}

/**
 * mock_prime_release - let go of an imported buffer
 * @bo: the buffer, which nobody uses any more
 */
void mock_prime_release(struct mock_bo *bo)
{
	struct dma_buf_attachment *attach = bo->tbo.base.import_attach;

	/* The exporter may be about to move it. */
	dma_resv_lock(attach->dmabuf->resv, NULL);
	mock_prime_unmap(bo);
	dma_resv_unlock(attach->dmabuf->resv);
	drm_prime_gem_destroy(&bo->tbo.base, NULL);
}

/**
 * mock_prime_import - for &drm_driver.gem_prime_import
 * @drm: the device
 * @dma_buf: the buffer, of any device's
 *
 * Return: a GEM object or an error pointer.
 */
struct drm_gem_object *mock_prime_import(struct drm_device *drm,
					 struct dma_buf *dma_buf)
{
	struct dma_buf_attachment *attach;
	struct mock_bo *bo;

	dma_resv_lock(dma_buf->resv, NULL);
	bo = mock_bo_make(to_mock(drm), dma_buf->size, ttm_bo_type_sg, MOCK_SYSTEM,
			  0, dma_buf->resv);
	dma_resv_unlock(dma_buf->resv);
	if (IS_ERR(bo))
		return ERR_CAST(bo);

	attach = dma_buf_dynamic_attach(dma_buf, drm->dev, &mock_attach_ops,
					&bo->tbo.base);
	if (IS_ERR(attach)) {
		drm_gem_object_put(&bo->tbo.base);
		return ERR_CAST(attach);
	}
	get_dma_buf(dma_buf);
	bo->tbo.base.import_attach = attach;
	return &bo->tbo.base;
}
