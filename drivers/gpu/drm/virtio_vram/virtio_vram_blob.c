// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices whose window is empty until blobs are mapped into it.
 *
 * The guest picks the place: what the window's allocator gives for a buffer is
 * backed by blobs for as long as the buffer is there.
 */
#include <linux/virtio_config.h>

#include <drm/drm_print.h>

#include "virtio_vram.h"

/* Blobs of host memory belong to a context; one is enough. */
#define VIRTIO_VRAM_CTX		1

/* Send a request whose answer is a header, or more, of type @want. */
static int virtio_vram_cmd(struct virtio_vram *vram, u32 cmd, void *req,
			   size_t req_len, void *resp, size_t resp_len, u32 want)
{
	struct virtio_gpu_ctrl_hdr *hdr = req, *answer = resp;
	int ret;

	hdr->type = cpu_to_le32(cmd);
	hdr->ctx_id = cpu_to_le32(VIRTIO_VRAM_CTX);
	ret = virtio_vram_ctrl_send(vram, req, req_len, resp, resp_len);
	if (ret < 0)
		return ret;

	/* Not an error here: TTM makes room and tries again. */
	if (answer->type == cpu_to_le32(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY))
		return -ENOSPC;
	if (answer->type != cpu_to_le32(want) || ret < resp_len) {
		drm_err_ratelimited(vram->drm, "request %#x answered by %#x, %d bytes\n",
				    cmd, le32_to_cpu(answer->type), ret);
		return -EIO;
	}
	return 0;
}

static int virtio_vram_cmd_nodata(struct virtio_vram *vram, u32 cmd, void *req,
				  size_t req_len)
{
	struct virtio_gpu_ctrl_hdr resp;

	return virtio_vram_cmd(vram, cmd, req, req_len, &resp, sizeof(resp),
			       VIRTIO_GPU_RESP_OK_NODATA);
}

static int virtio_vram_blob_create(struct virtio_vram *vram, u32 id, u64 size)
{
	struct virtio_gpu_resource_create_blob req = {
		.resource_id = cpu_to_le32(id),
		.blob_mem = cpu_to_le32(VIRTIO_GPU_BLOB_MEM_HOST3D),
		.blob_flags = cpu_to_le32(VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE),
		.size = cpu_to_le64(size),
	};

	return virtio_vram_cmd_nodata(vram, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
				      &req, sizeof(req));
}

static int virtio_vram_blob_destroy(struct virtio_vram *vram, u32 id)
{
	struct virtio_gpu_resource_unref req = {
		.resource_id = cpu_to_le32(id),
	};

	return virtio_vram_cmd_nodata(vram, VIRTIO_GPU_CMD_RESOURCE_UNREF, &req,
				      sizeof(req));
}

static int virtio_vram_blob_place(struct virtio_vram *vram, u32 id, u64 offset,
				  enum ttm_caching *caching)
{
	struct virtio_gpu_resource_map_blob req = {
		.resource_id = cpu_to_le32(id),
		.offset = cpu_to_le64(offset),
	};
	struct virtio_gpu_resp_map_info resp;
	int ret;

	ret = virtio_vram_cmd(vram, VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, &req,
			      sizeof(req), &resp, sizeof(resp),
			      VIRTIO_GPU_RESP_OK_MAP_INFO);
	if (ret)
		return ret;

	/* The header says __u32; the device, as all of virtio, little endian. */
	switch (le32_to_cpu((__force __le32)resp.map_info) & VIRTIO_GPU_MAP_CACHE_MASK) {
	case VIRTIO_GPU_MAP_CACHE_CACHED:
		*caching = ttm_cached;
		break;
	case VIRTIO_GPU_MAP_CACHE_UNCACHED:
		*caching = ttm_uncached;
		break;
	default:
		*caching = ttm_write_combined;
		break;
	}
	return 0;
}

static int virtio_vram_blob_unplace(struct virtio_vram *vram, u32 id)
{
	struct virtio_gpu_resource_unmap_blob req = {
		.resource_id = cpu_to_le32(id),
	};

	return virtio_vram_cmd_nodata(vram, VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,
				      &req, sizeof(req));
}

/**
 * virtio_vram_blob_unmap - take host memory away from a part of the window
 * @vram: the device
 * @id: what virtio_vram_blob_map() returned
 *
 * An id that the device did not give up is not used again.
 */
void virtio_vram_blob_unmap(struct virtio_vram *vram, u32 id)
{
	if (!virtio_vram_blob_unplace(vram, id) &&
	    !virtio_vram_blob_destroy(vram, id))
		ida_free(&vram->blob_ids, id);
}

static int virtio_vram_blob_try(struct virtio_vram *vram, u64 offset, u64 size,
				enum ttm_caching *caching)
{
	int id, ret;

	id = ida_alloc_min(&vram->blob_ids, 1, GFP_KERNEL);
	if (id < 0)
		return id;

	ret = virtio_vram_blob_create(vram, id, size);
	if (ret)
		goto err_id;

	ret = virtio_vram_blob_place(vram, id, offset, caching);
	if (ret)
		goto err_destroy;
	return id;

err_destroy:
	if (virtio_vram_blob_destroy(vram, id))
		return ret;
err_id:
	ida_free(&vram->blob_ids, id);
	return ret;
}

/**
 * virtio_vram_blob_map - put host memory behind a part of the window
 * @vram: the device
 * @offset: bytes from the start of the window
 * @size: bytes
 *
 * Context: process context, sleeps.
 * Return: an id for virtio_vram_blob_unmap(), or a negative errno: -ENOSPC when
 * the device has no more, -EIO when it refuses.
 */
int virtio_vram_blob_map(struct virtio_vram *vram, u64 offset, u64 size)
{
	enum ttm_caching caching;
	int id;

	id = virtio_vram_blob_try(vram, offset, size, &caching);
	if (id < 0 || caching == vram->caching)
		return id;

	/* The window's type is reserved: no page may be mapped in two ways. */
	drm_err_ratelimited(vram->drm, "blob with another cache type\n");
	virtio_vram_blob_unmap(vram, id);
	return -EIO;
}

/**
 * virtio_vram_blob_start - after a reset, make the context that blobs belong to
 * @vram: the device, with its control queue running
 *
 * Return: 0 or a negative errno.
 */
int virtio_vram_blob_start(struct virtio_vram *vram)
{
	struct virtio_gpu_ctx_create req = {};

	if (!vram->blob)
		return 0;
	return virtio_vram_cmd_nodata(vram, VIRTIO_GPU_CMD_CTX_CREATE, &req,
				      sizeof(req));
}

/**
 * virtio_vram_blob_setup - find out what the window consists of
 * @vram: the device, with its control queue running
 *
 * Sets vram->blob and vram->caching. A window that is there as a whole says
 * nothing about its cache type; like any other VRAM it is write-combined then.
 *
 * Return: 0 or a negative errno.
 */
int virtio_vram_blob_setup(struct virtio_vram *vram)
{
	int ret;

	ida_init(&vram->blob_ids);
	vram->caching = ttm_write_combined;
	vram->blob = virtio_has_feature(vram->vdev, VIRTIO_GPU_F_RESOURCE_BLOB) &&
		     virtio_has_feature(vram->vdev, VIRTIO_GPU_F_VIRGL);
	if (!vram->blob)
		return 0;

	ret = virtio_vram_blob_start(vram);
	if (ret)
		return ret;

	ret = virtio_vram_blob_try(vram, 0, PAGE_SIZE, &vram->caching);
	if (ret < 0)
		return ret;
	virtio_vram_blob_unmap(vram, ret);
	return 0;
}
