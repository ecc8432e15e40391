// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

struct rig rig;

static int rig_send(void *priv, enum window_op op,
		    const struct window_range *range)
{
	(void)priv;
	if (rig.send_error)
		return rig.send_error;
	rig.op = op;
	rig.range = *range;
	rig.sends++;
	return 0;
}

void rig_setup(enum window_mode mode, uint64_t features)
{
	memset(&rig, 0, sizeof(rig));
	rig.ram = calloc(1, RAM_SIZE);
	guest_mem_add(&rig.mem, RAM_GPA, RAM_SIZE, RAM_UADDR, rig.ram);
	if (pool_open(&rig.pool, NULL, RIG_POOL)) {
		perror("pool");
		exit(1);
	}
	rig.gpu = gpu_new(mode, &rig.pool, &rig.mem, rig_send, NULL);
	gpu_set_features(rig.gpu, features);
}

void rig_teardown(void)
{
	gpu_free(rig.gpu);
	pool_close(&rig.pool);
	free(rig.ram);
}

uint32_t rig_exec(enum gpu_queue queue, const void *req, size_t len,
		  uint64_t room)
{
	/* Exactly as long as it is, for the sanitizer. */
	void *copy = malloc(len ? len : 1);
	enum gpu_result result;

	memcpy(copy, req, len);
	/* The device must not count on it being empty. */
	memset(&rig.reply, 0xa5, sizeof(rig.reply));
	result = gpu_exec(rig.gpu, queue, copy, len, room, &rig.reply);
	free(copy);
	if (result == GPU_PENDING) {
		if (rig.hold)
			return 0;
		if (gpu_window_ack(rig.gpu, !rig.refuse, &rig.reply) !=
		    GPU_ACK_REPLY)
			return 0;
	}
	return rig.reply.len ? rig.reply.u.hdr.type : 0;
}

uint32_t rig_create_2d(uint32_t id, uint32_t width, uint32_t height)
{
	struct virtio_gpu_resource_create_2d cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		.resource_id = id,
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		.width = width,
		.height = height,
	};

	return RUN(cmd);
}

uint32_t rig_unref(uint32_t id)
{
	struct virtio_gpu_resource_unref cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
		.resource_id = id,
	};

	return RUN(cmd);
}

uint32_t rig_attach(uint32_t id, unsigned int nr,
		    const struct virtio_gpu_mem_entry *entries)
{
	struct {
		struct virtio_gpu_resource_attach_backing cmd;
		struct virtio_gpu_mem_entry entry[8];
	} req = {
		.cmd.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.cmd.resource_id = id,
		.cmd.nr_entries = nr,
	};

	memcpy(req.entry, entries, nr * sizeof(*entries));
	return rig_exec(GPU_CONTROLQ, &req,
			sizeof(req.cmd) + nr * sizeof(*entries), 4096);
}

uint32_t rig_context(uint32_t ctx)
{
	struct virtio_gpu_ctx_create cmd = {
		.hdr.type = VIRTIO_GPU_CMD_CTX_CREATE,
		.hdr.ctx_id = ctx,
	};

	return RUN(cmd);
}

uint32_t rig_blob(uint32_t id, uint32_t mem, uint64_t size)
{
	struct virtio_gpu_resource_create_blob cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
		.hdr.ctx_id = 1,
		.resource_id = id,
		.blob_mem = mem,
		.blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
		.size = size,
	};

	return RUN(cmd);
}

uint32_t rig_map(uint32_t id, uint64_t offset)
{
	struct virtio_gpu_resource_map_blob cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
		.resource_id = id,
		.offset = offset,
	};

	return RUN(cmd);
}

uint32_t rig_unmap(uint32_t id)
{
	struct virtio_gpu_resource_unmap_blob cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,
		.resource_id = id,
	};

	return RUN(cmd);
}
