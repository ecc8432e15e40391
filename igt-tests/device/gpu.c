// SPDX-License-Identifier: MIT
/*
 * The virtio-gpu device: dispatch, fences, features, configuration.
 *
 * Error codes follow the virtio specification (5.7, GPU device) where it names
 * one. Where it leaves the choice open:
 *  - ERR_UNSPEC: a command that does not exist, that stands on the wrong queue,
 *    or whose feature was not negotiated (as QEMU's own device answers), and
 *    what the state of a resource forbids for no better reason;
 *  - ERR_INVALID_PARAMETER: a request shorter than its structure, room for the
 *    header but not for the response, a value out of range.
 * A command that is refused changes nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_priv.h"

#define F(name)	(1ULL << VIRTIO_GPU_F_##name)

struct gpu_command {
	uint32_t type;
	const char *name;
	enum gpu_queue queue;
	uint64_t features;	/* all of them must have been negotiated */
	size_t req;		/* the fixed part of the request */
	size_t resp;		/* the response, if the command succeeds */
	gpu_cmd_fn fn;
};

#define COMMAND(cmd, q, feat, request, response, func)		\
	{							\
		.type = VIRTIO_GPU_CMD_##cmd,			\
		.name = #cmd,					\
		.queue = q,					\
		.features = feat,				\
		.req = sizeof(struct virtio_gpu_##request),	\
		.resp = sizeof(struct virtio_gpu_##response),	\
		.fn = func,					\
	}

#define CONTROL(cmd, feat, request, response, func)		\
	COMMAND(cmd, GPU_CONTROLQ, feat, request, response, func)
#define CURSOR(cmd, func)					\
	COMMAND(cmd, GPU_CURSORQ, 0, update_cursor, ctrl_hdr, func)

static const struct gpu_command commands[] = {
	CONTROL(GET_DISPLAY_INFO, 0, ctrl_hdr, resp_display_info,
		cmd_get_display_info),
	CONTROL(RESOURCE_CREATE_2D, 0, resource_create_2d, ctrl_hdr,
		cmd_resource_create_2d),
	CONTROL(RESOURCE_UNREF, 0, resource_unref, ctrl_hdr,
		cmd_resource_unref),
	CONTROL(SET_SCANOUT, 0, set_scanout, ctrl_hdr, cmd_set_scanout),
	CONTROL(RESOURCE_FLUSH, 0, resource_flush, ctrl_hdr,
		cmd_resource_flush),
	CONTROL(TRANSFER_TO_HOST_2D, 0, transfer_to_host_2d, ctrl_hdr,
		cmd_transfer_to_host_2d),
	CONTROL(RESOURCE_ATTACH_BACKING, 0, resource_attach_backing, ctrl_hdr,
		cmd_attach_backing),
	CONTROL(RESOURCE_DETACH_BACKING, 0, resource_detach_backing, ctrl_hdr,
		cmd_detach_backing),
	CONTROL(GET_CAPSET_INFO, 0, get_capset_info, resp_capset_info,
		cmd_get_capset_info),
	CONTROL(GET_CAPSET, 0, get_capset, resp_capset, cmd_get_capset),
	CONTROL(GET_EDID, F(EDID), cmd_get_edid, resp_edid, cmd_get_edid),
	CONTROL(RESOURCE_ASSIGN_UUID, F(RESOURCE_UUID), resource_assign_uuid,
		resp_resource_uuid, cmd_assign_uuid),
	CONTROL(RESOURCE_CREATE_BLOB, F(RESOURCE_BLOB), resource_create_blob,
		ctrl_hdr, cmd_create_blob),
	CONTROL(SET_SCANOUT_BLOB, F(RESOURCE_BLOB), set_scanout_blob, ctrl_hdr,
		cmd_set_scanout_blob),

	CONTROL(CTX_CREATE, F(VIRGL), ctx_create, ctrl_hdr, cmd_ctx_create),
	CONTROL(CTX_DESTROY, F(VIRGL), ctx_destroy, ctrl_hdr, cmd_ctx_destroy),
	CONTROL(CTX_ATTACH_RESOURCE, F(VIRGL), ctx_resource, ctrl_hdr,
		cmd_ctx_attach_resource),
	CONTROL(CTX_DETACH_RESOURCE, F(VIRGL), ctx_resource, ctrl_hdr,
		cmd_ctx_detach_resource),
	CONTROL(RESOURCE_CREATE_3D, F(VIRGL), resource_create_3d, ctrl_hdr,
		cmd_resource_create_3d),
	CONTROL(TRANSFER_TO_HOST_3D, F(VIRGL), transfer_host_3d, ctrl_hdr,
		cmd_transfer_3d),
	CONTROL(TRANSFER_FROM_HOST_3D, F(VIRGL), transfer_host_3d, ctrl_hdr,
		cmd_transfer_3d),
	CONTROL(SUBMIT_3D, F(VIRGL), cmd_submit, ctrl_hdr, cmd_submit_3d),
	CONTROL(RESOURCE_MAP_BLOB, F(RESOURCE_BLOB), resource_map_blob,
		resp_map_info, cmd_map_blob),
	CONTROL(RESOURCE_UNMAP_BLOB, F(RESOURCE_BLOB), resource_unmap_blob,
		ctrl_hdr, cmd_unmap_blob),

	CURSOR(UPDATE_CURSOR, cmd_update_cursor),
	CURSOR(MOVE_CURSOR, cmd_move_cursor),
};

static const struct gpu_command *find_command(uint32_t type)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].type == type)
			return &commands[i];
	return NULL;
}

const char *gpu_type_name(uint32_t type)
{
	const struct gpu_command *cmd = find_command(type);

	if (cmd)
		return cmd->name;
	switch (type) {
	case VIRTIO_GPU_RESP_OK_NODATA:
	case VIRTIO_GPU_RESP_OK_DISPLAY_INFO:
	case VIRTIO_GPU_RESP_OK_CAPSET_INFO:
	case VIRTIO_GPU_RESP_OK_CAPSET:
	case VIRTIO_GPU_RESP_OK_EDID:
	case VIRTIO_GPU_RESP_OK_RESOURCE_UUID:
	case VIRTIO_GPU_RESP_OK_MAP_INFO:
		return "OK";
	case VIRTIO_GPU_RESP_ERR_UNSPEC:
		return "ERR_UNSPEC";
	case VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY:
		return "ERR_OUT_OF_MEMORY";
	case VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID:
		return "ERR_INVALID_SCANOUT_ID";
	case VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID:
		return "ERR_INVALID_RESOURCE_ID";
	case VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID:
		return "ERR_INVALID_CONTEXT_ID";
	case VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER:
		return "ERR_INVALID_PARAMETER";
	default:
		return "unknown";
	}
}

/* The header of the response; the payload, if any, is in place. */
static void finish(const struct gpu *gpu, const struct virtio_gpu_ctrl_hdr *rq,
		   uint32_t type, struct gpu_reply *rp)
{
	const struct gpu_command *cmd = find_command(le32toh(rq->type));
	struct virtio_gpu_ctrl_hdr *hdr = &rp->u.hdr;
	uint32_t flags = le32toh(rq->flags);

	memset(hdr, 0, sizeof(*hdr));
	hdr->type = htole32(type);
	if (flags & VIRTIO_GPU_FLAG_FENCE) {
		hdr->flags = htole32(VIRTIO_GPU_FLAG_FENCE);
		hdr->fence_id = rq->fence_id;
		hdr->ctx_id = rq->ctx_id;
		if (flags & VIRTIO_GPU_FLAG_INFO_RING_IDX &&
		    gpu->features & F(CONTEXT_INIT)) {
			hdr->flags |= htole32(VIRTIO_GPU_FLAG_INFO_RING_IDX);
			hdr->ring_idx = rq->ring_idx;
		}
	}
	rp->len = type < VIRTIO_GPU_RESP_ERR_UNSPEC ? cmd->resp : sizeof(*hdr);
}

/* What can be said against a request before anything of it is carried out. */
static uint32_t check(const struct gpu *gpu, enum gpu_queue queue,
		      const struct gpu_command *cmd,
		      const struct virtio_gpu_ctrl_hdr *hdr, uint64_t len,
		      uint64_t room)
{
	if (!cmd || cmd->queue != queue ||
	    (gpu->features & cmd->features) != cmd->features)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	if (len > GPU_REQUEST_MAX)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	if (len < cmd->req)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (queue == GPU_CONTROLQ && room < cmd->resp)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (gpu->features & F(CONTEXT_INIT) && hdr->ring_idx > 63 &&
	    le32toh(hdr->flags) & VIRTIO_GPU_FLAG_INFO_RING_IDX)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	return 0;
}

enum gpu_result gpu_exec(struct gpu *gpu, enum gpu_queue queue, const void *req,
			 uint64_t len, uint64_t room, struct gpu_reply *reply)
{
	struct gpu_request rq = { .data = req, .len = len };
	struct virtio_gpu_ctrl_hdr hdr = { 0 };
	const struct gpu_command *cmd;
	uint32_t type;

	memset(reply, 0, sizeof(*reply));
	memcpy(&hdr, req, len < sizeof(hdr) ? len : sizeof(hdr));
	/* What is not all there names no command. */
	cmd = len < sizeof(hdr) ? NULL : find_command(le32toh(hdr.type));
	type = check(gpu, queue, cmd, &hdr, len, room);
	if (!type) {
		type = cmd->fn(gpu, &rq, reply);
		if (type == PENDING) {
			gpu->pending_hdr = hdr;
			return GPU_PENDING;
		}
	}
	finish(gpu, &hdr, type, reply);
	/*
	 * Drivers leave no room on the cursor queue: they want no answer. On the
	 * control queue it means that the command was refused.
	 */
	if (room < reply->len)
		reply->len = 0;
	return GPU_DONE;
}

static void complete(struct gpu *gpu, bool ok, struct gpu_reply *reply)
{
	struct resource *res = gpu->pending_res;
	uint32_t type;

	memset(reply, 0, sizeof(*reply));
	gpu->pending_res = NULL;
	type = blob_window_done(gpu, res, ok, reply);
	/* The room was checked before the command began. */
	finish(gpu, &gpu->pending_hdr, type, reply);
}

enum gpu_ack gpu_window_ack(struct gpu *gpu, bool ok, struct gpu_reply *reply)
{
	switch (window_ack(&gpu->window, ok)) {
	case WINDOW_OK:
	case WINDOW_REFUSED:
		if (!gpu->pending_res)
			return GPU_ACK_NONE;
		complete(gpu, ok, reply);
		return GPU_ACK_REPLY;
	case WINDOW_LOST:
		return GPU_ACK_LOST;
	default:
		return GPU_ACK_NONE;
	}
}

int gpu_start(struct gpu *gpu)
{
	return window_start(&gpu->window);
}

/*
 * The front-end wants to know how far the queue got, and cannot answer for the
 * window until it has heard: so a command that waits for the window is taken as
 * done. The request is on its way, and a driver cannot look at the window before
 * the front-end comes round to it.
 */
bool gpu_stop(struct gpu *gpu, struct gpu_reply *reply)
{
	window_stop(&gpu->window);
	if (!gpu->pending_res)
		return false;
	complete(gpu, true, reply);
	return true;
}

void gpu_reset(struct gpu *gpu)
{
	unsigned int i;

	window_reset(&gpu->window);
	gpu->pending_res = NULL;
	contexts_free(gpu);
	for (i = 0; i < GPU_BUCKETS; i++)
		while (gpu->bucket[i])
			resource_free(gpu, gpu->bucket[i]);
	memset(gpu->scanout, 0, sizeof(gpu->scanout));
	memset(gpu->cursor, 0, sizeof(gpu->cursor));
}

bool gpu_busy(const struct gpu *gpu)
{
	return window_busy(&gpu->window);
}

struct gpu *gpu_new(enum window_mode mode, struct pool *pool,
		    const struct guest_mem *mem, window_send_fn send,
		    void *priv)
{
	struct gpu *gpu = calloc(1, sizeof(*gpu));

	if (!gpu)
		return NULL;
	gpu->pool = pool;
	gpu->mem = mem;
	window_init(&gpu->window, mode, pool->size, send, priv);
	return gpu;
}

void gpu_free(struct gpu *gpu)
{
	if (!gpu)
		return;
	gpu_reset(gpu);
	free(gpu);
}

/*
 * Blobs of host memory belong to contexts, hence VIRGL. In whole mode the window
 * is taken, and there is nothing to map blobs into.
 */
uint64_t gpu_features(const struct gpu *gpu)
{
	uint64_t features = F(EDID) | F(RESOURCE_UUID);

	if (gpu->window.mode == WINDOW_BLOB)
		features |= F(VIRGL) | F(RESOURCE_BLOB) | F(CONTEXT_INIT);
	return features;
}

void gpu_set_features(struct gpu *gpu, uint64_t accepted)
{
	gpu->features = accepted & gpu_features(gpu);
}

static void fill_config(uint32_t config[4])
{
	config[0] = 0;				/* events_read: none ever */
	config[1] = 0;				/* events_clear */
	config[2] = htole32(GPU_SCANOUTS);	/* num_scanouts */
	config[3] = 0;				/* num_capsets */
}

int gpu_config_read(uint32_t offset, void *buf, uint32_t len)
{
	uint32_t config[4];

	if (offset > GPU_CONFIG_SIZE || len > GPU_CONFIG_SIZE - offset)
		return -EINVAL;
	fill_config(config);
	memcpy(buf, (char *)config + offset, len);
	return 0;
}

/*
 * QEMU writes back all of the space when the guest wrote one field: fields that
 * a driver must not write are fine as long as they keep their value. What may be
 * written is events_clear, and there is nothing to clear.
 */
int gpu_config_write(uint32_t offset, const void *buf, uint32_t len)
{
	uint32_t now[4], new[4];

	if (offset > GPU_CONFIG_SIZE || len > GPU_CONFIG_SIZE - offset)
		return -EINVAL;
	fill_config(now);
	memcpy(new, now, sizeof(new));
	memcpy((char *)new + offset, buf, len);
	if (new[0] != now[0] || new[2] != now[2] || new[3] != now[3])
		return -EINVAL;
	return 0;
}
