// SPDX-License-Identifier: MIT
/*
 * 3D commands, without a renderer: contexts that own blobs and resources, plain
 * buffers and 2D textures that can be copied both ways. No capability set is
 * offered, so no context understands any command stream.
 */
#include <stdlib.h>
#include <string.h>

#include "gpu_priv.h"

/* The targets of gallium, which virgl uses, that need no renderer. */
#define TARGET_BUFFER		0
#define TARGET_TEXTURE_2D	2

/* num_capsets is 0: every index and every id is out of range. */
uint32_t cmd_get_capset_info(struct gpu *gpu, const struct gpu_request *rq,
			     struct gpu_reply *rp)
{
	(void)gpu;
	(void)rq;
	(void)rp;
	return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
}

uint32_t cmd_get_capset(struct gpu *gpu, const struct gpu_request *rq,
			struct gpu_reply *rp)
{
	(void)gpu;
	(void)rq;
	(void)rp;
	return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
}

struct context *context_find(const struct gpu *gpu, uint32_t id)
{
	struct context *ctx = gpu->contexts;

	while (ctx && ctx->id != id)
		ctx = ctx->next;
	return ctx;
}

static struct context *context_of(const struct gpu *gpu,
				  const struct gpu_request *rq)
{
	const struct virtio_gpu_ctrl_hdr *hdr = rq->data;

	return context_find(gpu, le32toh(hdr->ctx_id));
}

/* Index in attached[], or nr if the resource is not attached. */
static uint32_t attached_at(const struct context *ctx, uint32_t id)
{
	uint32_t i = 0;

	while (i < ctx->nr && ctx->attached[i] != id)
		i++;
	return i;
}

static void detach(struct context *ctx, uint32_t id)
{
	uint32_t i = attached_at(ctx, id);

	if (i < ctx->nr)
		ctx->attached[i] = ctx->attached[--ctx->nr];
}

void context_forget_resource(struct gpu *gpu, uint32_t id)
{
	struct context *ctx;

	for (ctx = gpu->contexts; ctx; ctx = ctx->next)
		detach(ctx, id);
}

static void context_free(struct gpu *gpu, struct context *ctx)
{
	struct context **link = &gpu->contexts;

	while (*link != ctx)
		link = &(*link)->next;
	*link = ctx->next;
	gpu->nr_contexts--;
	free(ctx->attached);
	free(ctx);
}

void contexts_free(struct gpu *gpu)
{
	while (gpu->contexts)
		context_free(gpu, gpu->contexts);
}

uint32_t cmd_ctx_create(struct gpu *gpu, const struct gpu_request *rq,
			struct gpu_reply *rp)
{
	const struct virtio_gpu_ctx_create *cmd = rq->data;
	uint32_t id = le32toh(cmd->hdr.ctx_id);
	struct context *ctx;

	(void)rp;
	if (!id || context_find(gpu, id))
		return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
	if (le32toh(cmd->nlen) > sizeof(cmd->debug_name))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	/* The field has a meaning with this feature only. */
	if (gpu->features & 1ULL << VIRTIO_GPU_F_CONTEXT_INIT &&
	    le32toh(cmd->context_init) & VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (gpu->nr_contexts == GPU_CONTEXTS_MAX)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	ctx->id = id;
	ctx->next = gpu->contexts;
	gpu->contexts = ctx;
	gpu->nr_contexts++;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t cmd_ctx_destroy(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp)
{
	struct context *ctx = context_of(gpu, rq);

	(void)rp;
	if (!ctx)
		return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
	context_free(gpu, ctx);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Attaching twice and detaching what is not attached are harmless: allowed. */
uint32_t cmd_ctx_attach_resource(struct gpu *gpu, const struct gpu_request *rq,
				 struct gpu_reply *rp)
{
	const struct virtio_gpu_ctx_resource *cmd = rq->data;
	uint32_t id = le32toh(cmd->resource_id);
	struct context *ctx = context_of(gpu, rq);

	(void)rp;
	if (!ctx)
		return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
	if (!resource_find(gpu, id))
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (attached_at(ctx, id) < ctx->nr)
		return VIRTIO_GPU_RESP_OK_NODATA;
	if (ctx->nr == ctx->room) {
		uint32_t room = ctx->room ? 2 * ctx->room : 16;
		uint32_t *more = realloc(ctx->attached, room * sizeof(*more));

		if (!more)
			return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
		ctx->attached = more;
		ctx->room = room;
	}
	ctx->attached[ctx->nr++] = id;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t cmd_ctx_detach_resource(struct gpu *gpu, const struct gpu_request *rq,
				 struct gpu_reply *rp)
{
	const struct virtio_gpu_ctx_resource *cmd = rq->data;
	uint32_t id = le32toh(cmd->resource_id);
	struct context *ctx = context_of(gpu, rq);

	(void)rp;
	if (!ctx)
		return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
	if (!resource_find(gpu, id))
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	detach(ctx, id);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static bool create_3d_valid(const struct virtio_gpu_resource_create_3d *cmd)
{
	if (!cmd->width || le32toh(cmd->depth) != 1 ||
	    le32toh(cmd->array_size) != 1 || cmd->last_level ||
	    le32toh(cmd->nr_samples) > 1)
		return false;
	switch (le32toh(cmd->target)) {
	case TARGET_BUFFER:
		return le32toh(cmd->height) == 1;
	case TARGET_TEXTURE_2D:
		return cmd->height && format_known(le32toh(cmd->format));
	default:
		return false;
	}
}

uint32_t cmd_resource_create_3d(struct gpu *gpu, const struct gpu_request *rq,
				struct gpu_reply *rp)
{
	const struct virtio_gpu_resource_create_3d *cmd = rq->data;
	struct resource *res;
	uint32_t error;

	(void)rp;
	if (!create_3d_valid(cmd))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	res = resource_new(gpu, le32toh(cmd->resource_id), &error);
	if (!res)
		return error;
	res->width = le32toh(cmd->width);
	res->height = le32toh(cmd->height);
	res->cpp = le32toh(cmd->target) == TARGET_BUFFER ? 1 : 4;
	if (!resource_alloc_image(gpu, res)) {
		resource_free(gpu, res);
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Both directions. A context reaches only what is attached to it. */
uint32_t cmd_transfer_3d(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp)
{
	const struct virtio_gpu_transfer_host_3d *cmd = rq->data;
	uint32_t id = le32toh(cmd->resource_id);
	struct resource *res = resource_find(gpu, id);
	struct context *ctx = context_of(gpu, rq);
	struct transfer t = {
		.x = le32toh(cmd->box.x),
		.y = le32toh(cmd->box.y),
		.w = le32toh(cmd->box.w),
		.h = le32toh(cmd->box.h),
		.offset = le64toh(cmd->offset),
		.stride = le32toh(cmd->stride),
		.to_host = le32toh(cmd->hdr.type) ==
			   VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D,
	};

	(void)rp;
	if (!ctx)
		return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
	if (!res || attached_at(ctx, id) == ctx->nr)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (cmd->level || cmd->box.z || le32toh(cmd->box.d) != 1)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	return resource_transfer(gpu, res, &t);
}

/* An empty stream is a bare fence; any command in it is one too many. */
uint32_t cmd_submit_3d(struct gpu *gpu, const struct gpu_request *rq,
		       struct gpu_reply *rp)
{
	const struct virtio_gpu_cmd_submit *cmd = rq->data;

	(void)rp;
	if (!context_of(gpu, rq))
		return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
	if (cmd->size)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	return VIRTIO_GPU_RESP_OK_NODATA;
}
