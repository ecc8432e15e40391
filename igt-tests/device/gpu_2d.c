// SPDX-License-Identifier: MIT
/*
 * 2D commands: displays, images, cursors. Nobody sees the picture, but it is
 * kept as a real device would.
 */
#include <string.h>

#include <sys/random.h>

#include "gpu_priv.h"

/* Every format of enum virtio_gpu_formats has four bytes per pixel. */
#define CPP	4

#define CURSOR_SIZE	64

bool format_known(uint32_t format)
{
	switch (format) {
	case VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM:
	case VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM:
	case VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM:
	case VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM:
	case VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM:
	case VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM:
	case VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM:
	case VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM:
		return true;
	default:
		return false;
	}
}

bool rect_inside(const struct virtio_gpu_rect *r, uint64_t width,
		 uint64_t height)
{
	uint32_t x = le32toh(r->x), w = le32toh(r->width);
	uint32_t y = le32toh(r->y), h = le32toh(r->height);

	return w && h && x <= width && w <= width - x && y <= height &&
	       h <= height - y;
}

uint32_t cmd_get_display_info(struct gpu *gpu, const struct gpu_request *rq,
			      struct gpu_reply *rp)
{
	struct virtio_gpu_display_one *mode = &rp->u.display.pmodes[0];

	(void)gpu;
	(void)rq;
	mode->r.width = htole32(GPU_WIDTH);
	mode->r.height = htole32(GPU_HEIGHT);
	mode->enabled = htole32(1);
	return VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
}

/*
 * An EDID 1.4 block for one display of 1024x768 at 60 Hz (VESA DMT 10h); the
 * last byte, which makes the sum zero, is filled in by its user.
 */
static const uint8_t edid_block[128] = {
	0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,	/* header */
	0x5a, 0x4d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,	/* "VRM", product 1 */
	0x01, 0x23, 0x01, 0x04,		/* made in 2025, EDID 1.4 */
	0xa5, 0x20, 0x18, 0x78, 0x06,	/* digital, 32 cm x 24 cm, gamma 2.2 */
	0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54,	/* sRGB */
	0x00, 0x08, 0x00,		/* established: 1024x768 at 60 Hz */
	0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,	/* no standard */
	0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,	/* timings */
	/* 65 MHz, 1024 + 320 by 768 + 38, sync 24/136 and 3/6, 320 x 240 mm */
	0x64, 0x19, 0x00, 0x40, 0x41, 0x00, 0x26, 0x30, 0x18,
	0x88, 0x36, 0x00, 0x40, 0xf0, 0x10, 0x00, 0x00, 0x18,
	/* name */
	0x00, 0x00, 0x00, 0xfc, 0x00, 'v', 'r', 'a', 'm', '-',
	'd', 'e', 'v', 'i', 'c', 'e', '\n', ' ',
	/* two dummy descriptors */
	0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00,				/* no extension */
};

uint32_t cmd_get_edid(struct gpu *gpu, const struct gpu_request *rq,
		      struct gpu_reply *rp)
{
	const struct virtio_gpu_cmd_get_edid *cmd = rq->data;
	uint8_t *edid = rp->u.edid.edid;
	unsigned int i;

	(void)gpu;
	if (le32toh(cmd->scanout) >= GPU_SCANOUTS)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	rp->u.edid.size = htole32(sizeof(edid_block));
	memcpy(edid, edid_block, sizeof(edid_block));
	for (i = 0; i < sizeof(edid_block) - 1; i++)
		edid[sizeof(edid_block) - 1] -= edid[i];
	return VIRTIO_GPU_RESP_OK_EDID;
}

uint32_t cmd_resource_create_2d(struct gpu *gpu, const struct gpu_request *rq,
				struct gpu_reply *rp)
{
	const struct virtio_gpu_resource_create_2d *cmd = rq->data;
	struct resource *res;
	uint32_t error;

	(void)rp;
	if (!format_known(le32toh(cmd->format)) || !cmd->width || !cmd->height)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	res = resource_new(gpu, le32toh(cmd->resource_id), &error);
	if (!res)
		return error;
	res->width = le32toh(cmd->width);
	res->height = le32toh(cmd->height);
	res->cpp = CPP;
	if (!resource_alloc_image(gpu, res)) {
		resource_free(gpu, res);
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t cmd_resource_unref(struct gpu *gpu, const struct gpu_request *rq,
			    struct gpu_reply *rp)
{
	const struct virtio_gpu_resource_unref *cmd = rq->data;
	struct resource *res = resource_find(gpu, le32toh(cmd->resource_id));

	(void)rp;
	if (!res)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	/* Its memory would be given to somebody else while the guest sees it. */
	if (res->mapped)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	resource_free(gpu, res);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t cmd_set_scanout(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp)
{
	const struct virtio_gpu_set_scanout *cmd = rq->data;
	uint32_t scanout = le32toh(cmd->scanout_id);
	uint32_t id = le32toh(cmd->resource_id);
	const struct resource *res;

	(void)rp;
	if (scanout >= GPU_SCANOUTS)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	if (id) {
		res = resource_find(gpu, id);
		if (!res)
			return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
		if (res->cpp != CPP ||
		    !rect_inside(&cmd->r, res->width, res->height))
			return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	}
	gpu->scanout[scanout] = id;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t cmd_resource_flush(struct gpu *gpu, const struct gpu_request *rq,
			    struct gpu_reply *rp)
{
	const struct virtio_gpu_resource_flush *cmd = rq->data;
	const struct resource *res;

	(void)rp;
	res = resource_find(gpu, le32toh(cmd->resource_id));
	if (!res)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	/* A blob has no width and height of its own. */
	if (!res->blob && !rect_inside(&cmd->r, res->width, res->height))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t cmd_transfer_to_host_2d(struct gpu *gpu, const struct gpu_request *rq,
				 struct gpu_reply *rp)
{
	const struct virtio_gpu_transfer_to_host_2d *cmd = rq->data;
	struct resource *res = resource_find(gpu, le32toh(cmd->resource_id));
	struct transfer t = {
		.x = le32toh(cmd->r.x),
		.y = le32toh(cmd->r.y),
		.w = le32toh(cmd->r.width),
		.h = le32toh(cmd->r.height),
		.offset = le64toh(cmd->offset),
		.to_host = true,
	};

	(void)rp;
	if (!res)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (res->cpp != CPP)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	return resource_transfer(gpu, res, &t);
}

uint32_t cmd_attach_backing(struct gpu *gpu, const struct gpu_request *rq,
			    struct gpu_reply *rp)
{
	const struct virtio_gpu_resource_attach_backing *cmd = rq->data;
	struct resource *res = resource_find(gpu, le32toh(cmd->resource_id));
	uint32_t error;

	(void)rp;
	if (!res)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (res->blob && res->blob_mem == VIRTIO_GPU_BLOB_MEM_HOST3D)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (res->backing.attached)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	error = backing_attach(gpu, res, cmd + 1, rq->len - sizeof(*cmd),
			       le32toh(cmd->nr_entries));
	return error ? error : VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t cmd_detach_backing(struct gpu *gpu, const struct gpu_request *rq,
			    struct gpu_reply *rp)
{
	const struct virtio_gpu_resource_detach_backing *cmd = rq->data;
	struct resource *res = resource_find(gpu, le32toh(cmd->resource_id));

	(void)rp;
	if (!res)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!res->backing.attached)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	backing_detach(gpu, res);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t cmd_assign_uuid(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp)
{
	const struct virtio_gpu_resource_assign_uuid *cmd = rq->data;
	struct resource *res = resource_find(gpu, le32toh(cmd->resource_id));

	if (!res)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	/* One resource is one exported object: it keeps the name it has. */
	if (!res->has_uuid) {
		if (getrandom(res->uuid, sizeof(res->uuid), 0) !=
		    sizeof(res->uuid))
			return VIRTIO_GPU_RESP_ERR_UNSPEC;
		/* RFC 9562: version 4, random */
		res->uuid[6] = (res->uuid[6] & 0x0f) | 0x40;
		res->uuid[8] = (res->uuid[8] & 0x3f) | 0x80;
		res->has_uuid = true;
	}
	memcpy(rp->u.uuid.uuid, res->uuid, sizeof(res->uuid));
	return VIRTIO_GPU_RESP_OK_RESOURCE_UUID;
}

/* May this be shown as a cursor? */
static bool cursor_sized(const struct resource *res)
{
	if (res->blob)
		return res->width >= CURSOR_SIZE * CURSOR_SIZE * CPP;
	return res->cpp == CPP && res->width == CURSOR_SIZE &&
	       res->height == CURSOR_SIZE;
}

uint32_t cmd_update_cursor(struct gpu *gpu, const struct gpu_request *rq,
			   struct gpu_reply *rp)
{
	const struct virtio_gpu_update_cursor *cmd = rq->data;
	uint32_t scanout = le32toh(cmd->pos.scanout_id);
	uint32_t id = le32toh(cmd->resource_id);
	const struct resource *res;

	(void)rp;
	if (scanout >= GPU_SCANOUTS)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	if (id) {
		res = resource_find(gpu, id);
		if (!res)
			return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
		if (!cursor_sized(res))
			return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	}
	gpu->cursor[scanout] = id;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Positions off the screen are fine: part of the cursor may show. */
uint32_t cmd_move_cursor(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp)
{
	const struct virtio_gpu_update_cursor *cmd = rq->data;

	(void)gpu;
	(void)rp;
	if (le32toh(cmd->pos.scanout_id) >= GPU_SCANOUTS)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	return VIRTIO_GPU_RESP_OK_NODATA;
}
