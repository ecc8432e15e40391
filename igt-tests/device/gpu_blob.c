// SPDX-License-Identifier: MIT
/*
 * Blobs: memory of a size, in the guest, in the pool, or both; and where those
 * of the pool appear in the window.
 *
 * blob_id names an object that the context's renderer made. There is none, so
 * any id stands for fresh, zeroed memory, as id 0 does for Venus.
 */
#include <errno.h>
#include <string.h>

#include "gpu_priv.h"

#define BLOB_FLAGS	(VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE |	\
			 VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE |	\
			 VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE)

static uint32_t check_create(const struct gpu *gpu,
			     const struct virtio_gpu_resource_create_blob *cmd)
{
	uint64_t size = le64toh(cmd->size);

	if (!size || le32toh(cmd->blob_flags) & ~BLOB_FLAGS)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	switch (le32toh(cmd->blob_mem)) {
	case VIRTIO_GPU_BLOB_MEM_GUEST:
		return 0;
	case VIRTIO_GPU_BLOB_MEM_HOST3D:
		if (cmd->nr_entries)
			return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
		break;
	case VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST:
		break;
	default:
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	}
	/* Host memory needs VIRGL, a context, and is dealt out in pages. */
	if (!(gpu->features & 1ULL << VIRTIO_GPU_F_VIRGL))
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	if (!context_find(gpu, le32toh(cmd->hdr.ctx_id)))
		return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
	if (size % POOL_PAGE)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	return 0;
}

uint32_t cmd_create_blob(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp)
{
	const struct virtio_gpu_resource_create_blob *cmd = rq->data;
	struct resource *res;
	uint32_t error;

	(void)rp;
	error = check_create(gpu, cmd);
	if (error)
		return error;
	res = resource_new(gpu, le32toh(cmd->resource_id), &error);
	if (!res)
		return error;
	res->blob = true;
	res->blob_mem = le32toh(cmd->blob_mem);
	res->blob_flags = le32toh(cmd->blob_flags);
	res->width = le64toh(cmd->size);
	res->height = 1;
	res->cpp = 1;
	/* Without entries the backing may be attached later. */
	if (cmd->nr_entries) {
		error = backing_attach(gpu, res, cmd + 1,
				       rq->len - sizeof(*cmd),
				       le32toh(cmd->nr_entries));
		if (error)
			goto fail;
	}
	if (res->blob_mem != VIRTIO_GPU_BLOB_MEM_GUEST) {
		error = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
		res->extent = pool_alloc(gpu->pool, res->width);
		if (!res->extent)
			goto fail;
		res->host = gpu->pool->map + res->extent->offset;
	}
	return VIRTIO_GPU_RESP_OK_NODATA;

fail:
	resource_free(gpu, res);
	return error;
}

uint32_t cmd_set_scanout_blob(struct gpu *gpu, const struct gpu_request *rq,
			      struct gpu_reply *rp)
{
	const struct virtio_gpu_set_scanout_blob *cmd = rq->data;
	uint32_t scanout = le32toh(cmd->scanout_id);
	uint32_t id = le32toh(cmd->resource_id);
	uint64_t width = le32toh(cmd->width), height = le32toh(cmd->height);
	uint64_t offset = le32toh(cmd->offsets[0]);
	uint64_t stride = le32toh(cmd->strides[0]);
	const struct resource *res;

	(void)rp;
	if (scanout >= GPU_SCANOUTS)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	if (!id) {
		gpu->scanout[scanout] = 0;
		return VIRTIO_GPU_RESP_OK_NODATA;
	}
	res = resource_find(gpu, id);
	if (!res)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!res->blob || !format_known(le32toh(cmd->format)) || !width ||
	    !height || stride < width * 4)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	/* 32-bit factors and terms: no overflow in 64 bits. */
	if (offset + (height - 1) * stride + width * 4 > res->width)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (!rect_inside(&cmd->r, width, height))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	gpu->scanout[scanout] = id;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static bool window_taken(const struct gpu *gpu, uint64_t offset, uint64_t len)
{
	const struct resource *res;
	unsigned int i;

	for (i = 0; i < GPU_BUCKETS; i++)
		for (res = gpu->bucket[i]; res; res = res->next)
			if (res->mapped && res->window < offset + len &&
			    offset < res->window + res->width)
				return true;
	return false;
}

static struct window_range range_of(const struct resource *res)
{
	return (struct window_range) {
		.offset = res->window,
		.pool = res->extent->offset,
		.len = res->width,
	};
}

uint32_t cmd_map_blob(struct gpu *gpu, const struct gpu_request *rq,
		      struct gpu_reply *rp)
{
	const struct virtio_gpu_resource_map_blob *cmd = rq->data;
	struct resource *res = resource_find(gpu, le32toh(cmd->resource_id));
	uint64_t offset = le64toh(cmd->offset);
	struct window_range range;

	(void)rp;
	if (!res)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!res->blob || res->blob_mem != VIRTIO_GPU_BLOB_MEM_HOST3D ||
	    !(res->blob_flags & VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE) ||
	    res->mapped || offset % POOL_PAGE ||
	    offset > gpu->window.size ||
	    res->width > gpu->window.size - offset ||
	    window_taken(gpu, offset, res->width))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (gpu->nr_mapped == GPU_BLOBS_MAPPED_MAX)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;

	res->window = offset;
	range = range_of(res);
	if (window_map(&gpu->window, &range))
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	gpu->pending_res = res;
	return PENDING;
}

uint32_t cmd_unmap_blob(struct gpu *gpu, const struct gpu_request *rq,
			struct gpu_reply *rp)
{
	const struct virtio_gpu_resource_unmap_blob *cmd = rq->data;
	struct resource *res = resource_find(gpu, le32toh(cmd->resource_id));
	struct window_range range;

	(void)rp;
	if (!res)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!res->mapped)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	range = range_of(res);
	if (window_unmap(&gpu->window, &range))
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	gpu->pending_res = res;
	return PENDING;
}

/* A refusal leaves the blob as it was. */
uint32_t blob_window_done(struct gpu *gpu, struct resource *res, bool ok,
			  struct gpu_reply *rp)
{
	if (!ok)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	res->mapped = !res->mapped;
	if (!res->mapped) {
		gpu->nr_mapped--;
		return VIRTIO_GPU_RESP_OK_NODATA;
	}
	gpu->nr_mapped++;
	rp->u.map.map_info = htole32(VIRTIO_GPU_MAP_CACHE_CACHED);
	return VIRTIO_GPU_RESP_OK_MAP_INFO;
}
