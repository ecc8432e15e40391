// SPDX-License-Identifier: MIT
/*
 * Seeds of fuzz_gpu.c: every command, in sequences that make sense.
 */
#include <endian.h>
#include <stdint.h>

#include <linux/virtio_gpu.h>

#include "fuzz_gpu.h"
#include "seed.h"

#define HDR(cmd)							\
	.hdr = {							\
		.type = htole32(VIRTIO_GPU_CMD_##cmd),			\
		.flags = htole32(VIRTIO_GPU_FLAG_FENCE),		\
		.fence_id = 7,						\
		.ctx_id = htole32(1),					\
	}
#define REQUEST(type, cmd, ...)						\
	do {								\
		struct virtio_gpu_##type _rq = { HDR(cmd), __VA_ARGS__ };	\
									\
		seed_step(FUZZ_REQUEST, 0, &_rq, sizeof(_rq));		\
	} while (0)
#define BARE(cmd)							\
	do {								\
		struct { struct virtio_gpu_ctrl_hdr hdr; } _rq = { HDR(cmd) };	\
									\
		seed_step(FUZZ_REQUEST, 0, &_rq, sizeof(_rq));		\
	} while (0)

static const struct virtio_gpu_rect rect = { .width = 16, .height = 16 };

static const struct virtio_gpu_mem_entry entries[] = {
	{ .addr = FUZZ_RAM, .length = 0x1000 },
	{ .addr = FUZZ_RAM + FUZZ_RAM_SIZE - 0x100, .length = 0x200 },
};

static void with_entries(const void *rq, size_t len)
{
	seed_step2(FUZZ_REQUEST, 0, rq, len, entries, sizeof(entries));
}

static void attach(uint32_t id)
{
	struct virtio_gpu_resource_attach_backing rq = {
		HDR(RESOURCE_ATTACH_BACKING),
		.resource_id = id,
		.nr_entries = 2,
	};

	with_entries(&rq, sizeof(rq));
}

static void create_2d(uint32_t id, uint32_t side)
{
	REQUEST(resource_create_2d, RESOURCE_CREATE_2D, .resource_id = id,
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, .width = side,
		.height = side);
}

static void images(void)
{
	seed_begin("images");
	seed_step(FUZZ_REQUEST, 0, "", 0);
	seed_step(FUZZ_START, 0, "", 0);
	seed_step(FUZZ_ANSWER, 0, "", 0);
	BARE(GET_DISPLAY_INFO);
	REQUEST(cmd_get_edid, GET_EDID, .scanout = 0);
	create_2d(1, 16);
	attach(1);
	REQUEST(transfer_to_host_2d, TRANSFER_TO_HOST_2D, .resource_id = 1,
		.r = rect);
	REQUEST(set_scanout, SET_SCANOUT, .resource_id = 1, .r = rect);
	REQUEST(resource_flush, RESOURCE_FLUSH, .resource_id = 1, .r = rect);
	REQUEST(resource_assign_uuid, RESOURCE_ASSIGN_UUID, .resource_id = 1);
	REQUEST(resource_detach_backing, RESOURCE_DETACH_BACKING,
		.resource_id = 1);
	REQUEST(resource_unref, RESOURCE_UNREF, .resource_id = 1);
}

static void cursor(uint32_t type, uint32_t id)
{
	struct virtio_gpu_update_cursor rq = {
		.hdr.type = htole32(type),
		.resource_id = id,
	};

	seed_step(FUZZ_REQUEST, FUZZ_CURSOR, &rq, sizeof(rq));
}

static void cursors(void)
{
	seed_begin("cursors");
	seed_step(FUZZ_REQUEST, 0, "", 0);
	create_2d(2, 64);
	cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 2);
	cursor(VIRTIO_GPU_CMD_MOVE_CURSOR, 0);
	seed_step(FUZZ_MEMORY, 1, "", 0);
	REQUEST(resource_unref, RESOURCE_UNREF, .resource_id = 2);
	seed_step(FUZZ_RESET, 0, "", 0);
}

static void contexts(void)
{
	struct virtio_gpu_box box = { .w = 16, .h = 16, .d = 1 };

	seed_begin("contexts");
	seed_step(FUZZ_REQUEST, FUZZ_BLOB, "", 0);
	REQUEST(get_capset_info, GET_CAPSET_INFO, .capset_index = 0);
	REQUEST(get_capset, GET_CAPSET, .capset_id = 1);
	REQUEST(ctx_create, CTX_CREATE, .nlen = 4, .debug_name = "fuzz");
	REQUEST(resource_create_3d, RESOURCE_CREATE_3D, .resource_id = 3,
		.target = 2, .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		.width = 16, .height = 16, .depth = 1, .array_size = 1);
	attach(3);
	REQUEST(ctx_resource, CTX_ATTACH_RESOURCE, .resource_id = 3);
	REQUEST(transfer_host_3d, TRANSFER_TO_HOST_3D, .box = box,
		.resource_id = 3, .stride = 64);
	REQUEST(transfer_host_3d, TRANSFER_FROM_HOST_3D, .box = box,
		.resource_id = 3, .offset = 0x100);
	REQUEST(cmd_submit, SUBMIT_3D, .size = 0);
	REQUEST(ctx_resource, CTX_DETACH_RESOURCE, .resource_id = 3);
	REQUEST(resource_unref, RESOURCE_UNREF, .resource_id = 3);
	BARE(CTX_DESTROY);
}

static void create_blob(uint32_t id, uint32_t mem, uint64_t size)
{
	REQUEST(resource_create_blob, RESOURCE_CREATE_BLOB, .resource_id = id,
		.blob_mem = mem, .size = size,
		.blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE);
}

static void blobs(void)
{
	seed_begin("blobs");
	seed_step(FUZZ_REQUEST, FUZZ_BLOB, "", 0);
	seed_step(FUZZ_START, 0, "", 0);
	REQUEST(ctx_create, CTX_CREATE, .nlen = 0);
	create_blob(4, VIRTIO_GPU_BLOB_MEM_HOST3D, 0x2000);
	create_blob(5, VIRTIO_GPU_BLOB_MEM_HOST3D, 0x1000);
	REQUEST(resource_map_blob, RESOURCE_MAP_BLOB, .resource_id = 4,
		.offset = 0x3000);
	seed_step(FUZZ_ANSWER, 0, "", 0);
	REQUEST(resource_map_blob, RESOURCE_MAP_BLOB, .resource_id = 5,
		.offset = 0x5000);
	seed_step(FUZZ_ANSWER, FUZZ_REFUSE, "", 0);
	REQUEST(resource_map_blob, RESOURCE_MAP_BLOB, .resource_id = 5,
		.offset = 0x2000);
	seed_step(FUZZ_STOP, 0, "", 0);
	seed_step(FUZZ_ANSWER, 0, "", 0);
	seed_step(FUZZ_START, 0, "", 0);
	REQUEST(resource_unmap_blob, RESOURCE_UNMAP_BLOB, .resource_id = 4);
	seed_step(FUZZ_ANSWER, 0, "", 0);
	REQUEST(resource_unref, RESOURCE_UNREF, .resource_id = 4);
	create_blob(4, VIRTIO_GPU_BLOB_MEM_HOST3D, 0x2000);
	REQUEST(resource_map_blob, RESOURCE_MAP_BLOB, .resource_id = 4,
		.offset = 0);
	seed_step(FUZZ_RESET, FUZZ_REQUEST_FIRST, "", 0);
	seed_step(FUZZ_ANSWER, 0, "", 0);
}

static void guest_blobs(void)
{
	struct virtio_gpu_resource_create_blob both = {
		HDR(RESOURCE_CREATE_BLOB),
		.resource_id = 6,
		.blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST,
		.nr_entries = 2,
		.size = 0x1000,
	};

	seed_begin("guest-blobs");
	seed_step(FUZZ_REQUEST, FUZZ_BLOB, "", 0);
	REQUEST(ctx_create, CTX_CREATE, .nlen = 0);
	with_entries(&both, sizeof(both));
	REQUEST(ctx_resource, CTX_ATTACH_RESOURCE, .resource_id = 6);
	REQUEST(transfer_host_3d, TRANSFER_TO_HOST_3D, .resource_id = 6,
		.box = { .w = 0x1000, .h = 1, .d = 1 });
	create_blob(7, VIRTIO_GPU_BLOB_MEM_GUEST, 0x4000);
	REQUEST(set_scanout_blob, SET_SCANOUT_BLOB, .resource_id = 7, .r = rect,
		.width = 16, .height = 16, .strides = { 64 },
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
	cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 7);
	REQUEST(resource_flush, RESOURCE_FLUSH, .resource_id = 7, .r = rect);
	REQUEST(resource_unref, RESOURCE_UNREF, .resource_id = 7);
}

/* The front-end pauses and resets while the window is on its way. */
static void whole(void)
{
	seed_begin("whole");
	seed_step(FUZZ_REQUEST, 0, "", 0);
	seed_step(FUZZ_START, 0, "", 0);
	seed_step(FUZZ_RESET, 0, "", 0);
	seed_step(FUZZ_START, 0, "", 0);
	seed_step(FUZZ_ANSWER, 0, "", 0);
	seed_step(FUZZ_ANSWER, 0, "", 0);
	seed_step(FUZZ_ANSWER, 0, "", 0);
	seed_step(FUZZ_STOP, 0, "", 0);
	seed_step(FUZZ_START, 0, "", 0);
	seed_step(FUZZ_RESET, FUZZ_KEEP_MAPPED, "", 0);
	seed_step(FUZZ_START, 0, "", 0);
	seed_step(FUZZ_ANSWER, 0, "", 0);
	seed_step(FUZZ_ANSWER, 0, "", 0);
	seed_step(FUZZ_SEND_FAILS, 1, "", 0);
	seed_step(FUZZ_RESET, 0, "", 0);
	seed_step(FUZZ_START, 0, "", 0);
}

static void words(void)
{
	static const uint64_t numbers[] = {
		FUZZ_RAM, FUZZ_RAM + FUZZ_RAM_SIZE, 0x1000, 0x40000,
	};
	uint32_t type;
	size_t i;

	for (type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO;
	     type <= VIRTIO_GPU_CMD_SET_SCANOUT_BLOB; type++)
		seed_word(&type, sizeof(type));
	for (type = VIRTIO_GPU_CMD_CTX_CREATE;
	     type <= VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB; type++)
		seed_word(&type, sizeof(type));
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		seed_word(&numbers[i], sizeof(numbers[i]));
}

void write_seeds(void)
{
	images();
	cursors();
	contexts();
	blobs();
	guest_blobs();
	whole();
	words();
}
