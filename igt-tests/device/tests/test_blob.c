// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "rig.h"
#include "unit.h"

#define GUEST		VIRTIO_GPU_BLOB_MEM_GUEST
#define HOST3D		VIRTIO_GPU_BLOB_MEM_HOST3D
#define BOTH		VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST
#define OK_MAP_INFO	VIRTIO_GPU_RESP_OK_MAP_INFO
#define PAGE		4096ULL

static void setup(void)
{
	rig_setup(WINDOW_BLOB, ALL_FEATURES);
	rig_context(1);
}

static void creation(void)
{
	struct virtio_gpu_resource_create_blob good = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
		.hdr.ctx_id = 1,
		.resource_id = 1,
		.blob_mem = HOST3D,
		.size = PAGE,
		.blob_id = 77,
	};
	struct virtio_gpu_resource_create_blob cmd;

	setup();
#define BAD(field, value, error)		\
	do {					\
		cmd = good;			\
		cmd.field = value;		\
		CHECK_EQ(RUN(cmd), ERR(error));	\
	} while (0)
	BAD(blob_mem, 0, INVALID_PARAMETER);
	BAD(blob_mem, 4, INVALID_PARAMETER);
	BAD(blob_flags, 8, INVALID_PARAMETER);
	BAD(size, 0, INVALID_PARAMETER);
	BAD(size, PAGE - 1, INVALID_PARAMETER);
	BAD(size, PAGE + 1, INVALID_PARAMETER);
	BAD(size, RIG_POOL + PAGE, OUT_OF_MEMORY);
	BAD(size, UINT64_MAX - 4095, OUT_OF_MEMORY);
	BAD(nr_entries, 1, INVALID_PARAMETER);
	BAD(resource_id, 0, INVALID_RESOURCE_ID);
	BAD(hdr.ctx_id, 0, INVALID_CONTEXT_ID);
	BAD(hdr.ctx_id, 2, INVALID_CONTEXT_ID);
#undef BAD
	CHECK_EQ(RUN(good), OK_NODATA);
	CHECK_EQ(RUN(good), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_unref(1), OK_NODATA);
	rig_teardown();

	/* Without VIRGL there is no host memory, but guest memory there is. */
	rig_setup(WINDOW_BLOB, 1ULL << VIRTIO_GPU_F_RESOURCE_BLOB);
	CHECK_EQ(RUN(good), ERR(UNSPEC));
	CHECK_EQ(rig_blob(1, GUEST, 5), OK_NODATA);
	rig_teardown();
}

static void map_and_unmap(void)
{
	struct virtio_gpu_resp_map_info *info = &rig.reply.u.map;

	setup();
	CHECK_EQ(rig_blob(1, HOST3D, 2 * PAGE), OK_NODATA);
	CHECK_EQ(rig_blob(2, HOST3D, PAGE), OK_NODATA);
	CHECK_EQ(rig_map(2, 5 * PAGE), OK_MAP_INFO);
	CHECK_EQ(rig.reply.len, sizeof(*info));
	CHECK_EQ(info->map_info, VIRTIO_GPU_MAP_CACHE_CACHED);
	CHECK_EQ(info->padding, 0);
	CHECK_EQ(rig.op, WINDOW_MAP);
	CHECK_EQ(rig.range.offset, 5 * PAGE);
	CHECK_EQ(rig.range.pool, 2 * PAGE);
	CHECK_EQ(rig.range.len, PAGE);
	CHECK_EQ(rig_unmap(2), OK_NODATA);
	CHECK_EQ(rig.op, WINDOW_UNMAP);
	CHECK_EQ(rig.range.offset, 5 * PAGE);
	CHECK_EQ(rig.range.len, PAGE);
	CHECK_EQ(rig_map(2, 0), OK_MAP_INFO);
	CHECK_EQ(rig_map(1, PAGE), OK_MAP_INFO);
	CHECK_EQ(rig.sends, 4);
	rig_teardown();
}

static void bad_maps(void)
{
	struct virtio_gpu_resource_create_blob hidden = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
		.hdr.ctx_id = 1,
		.resource_id = 9,
		.blob_mem = HOST3D,
		.size = PAGE,
	};

	setup();
	CHECK_EQ(rig_blob(1, HOST3D, 4 * PAGE), OK_NODATA);
	CHECK_EQ(rig_blob(2, HOST3D, PAGE), OK_NODATA);
	CHECK_EQ(rig_create_2d(3, 4, 4), OK_NODATA);
	CHECK_EQ(rig_blob(4, GUEST, PAGE), OK_NODATA);
	CHECK_EQ(rig_blob(5, BOTH, PAGE), OK_NODATA);
	CHECK_EQ(RUN(hidden), OK_NODATA);
	CHECK_EQ(rig_map(1, 8 * PAGE), OK_MAP_INFO);

	CHECK_EQ(rig_map(7, 0), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_map(0, 0), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_map(3, 0), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_map(4, 0), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_map(5, 0), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_map(9, 0), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_map(1, 0), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_map(2, 1), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_map(2, RIG_POOL), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_map(2, UINT64_MAX - 4095), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_map(2, 8 * PAGE), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_map(2, 11 * PAGE), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig.sends, 1);
	CHECK_EQ(rig_map(2, 12 * PAGE), OK_MAP_INFO);
	CHECK_EQ(rig_unmap(2), OK_NODATA);
	CHECK_EQ(rig_map(2, 7 * PAGE), OK_MAP_INFO);
	CHECK_EQ(rig_unmap(2), OK_NODATA);
	CHECK_EQ(rig_map(2, RIG_POOL - PAGE), OK_MAP_INFO);

	CHECK_EQ(rig_unmap(7), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_unmap(4), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_unmap(1), OK_NODATA);
	CHECK_EQ(rig_unmap(1), ERR(INVALID_PARAMETER));
	rig_teardown();
}

static void unref_while_mapped(void)
{
	setup();
	CHECK_EQ(rig_blob(1, HOST3D, PAGE), OK_NODATA);
	CHECK_EQ(rig_map(1, 0), OK_MAP_INFO);
	CHECK_EQ(rig_unref(1), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_unmap(1), OK_NODATA);
	CHECK_EQ(rig_unref(1), OK_NODATA);
	rig_teardown();
}

static void front_end_refuses(void)
{
	setup();
	CHECK_EQ(rig_blob(1, HOST3D, PAGE), OK_NODATA);
	rig.refuse = true;
	CHECK_EQ(rig_map(1, 0), ERR(UNSPEC));
	rig.refuse = false;
	CHECK_EQ(rig_map(1, 0), OK_MAP_INFO);
	rig.refuse = true;
	CHECK_EQ(rig_unmap(1), ERR(UNSPEC));
	CHECK_EQ(rig_unref(1), ERR(INVALID_PARAMETER));
	rig.refuse = false;
	rig.send_error = -ENOTCONN;
	CHECK_EQ(rig_unmap(1), ERR(UNSPEC));
	rig.send_error = 0;
	CHECK_EQ(rig_unmap(1), OK_NODATA);
	rig.send_error = -ENOTCONN;
	CHECK_EQ(rig_map(1, 0), ERR(UNSPEC));
	rig_teardown();
}

/* The response waits, with its fence, until the mapping is there. */
static void answer_is_held(void)
{
	struct virtio_gpu_resource_map_blob cmd = {
		.hdr = {
			.type = VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
			.flags = VIRTIO_GPU_FLAG_FENCE,
			.fence_id = 42,
			.ctx_id = 1,
		},
		.resource_id = 1,
	};
	struct gpu_reply reply;

	setup();
	CHECK_EQ(rig_blob(1, HOST3D, PAGE), OK_NODATA);
	rig.hold = true;
	CHECK(!gpu_busy(rig.gpu));
	CHECK_EQ(RUN(cmd), 0);
	CHECK(gpu_busy(rig.gpu));
	CHECK_EQ(gpu_window_ack(rig.gpu, true, &reply), GPU_ACK_REPLY);
	CHECK(!gpu_busy(rig.gpu));
	CHECK_EQ(reply.len, sizeof(reply.u.map));
	CHECK_EQ(reply.u.hdr.type, OK_MAP_INFO);
	CHECK_EQ(reply.u.hdr.flags, VIRTIO_GPU_FLAG_FENCE);
	CHECK_EQ(reply.u.hdr.fence_id, 42);
	CHECK_EQ(reply.u.hdr.ctx_id, 1);
	CHECK_EQ(gpu_window_ack(rig.gpu, true, &reply), GPU_ACK_NONE);
	rig_teardown();
}

static void reset_while_held(void)
{
	struct gpu_reply reply;

	setup();
	CHECK_EQ(rig_blob(1, HOST3D, PAGE), OK_NODATA);
	rig.hold = true;
	CHECK_EQ(rig_map(1, 3 * PAGE), 0);
	gpu_reset(rig.gpu);
	CHECK(gpu_busy(rig.gpu));
	/* The mapping may have outlived the reset: it is taken away. */
	CHECK_EQ(gpu_window_ack(rig.gpu, true, &reply), GPU_ACK_NONE);
	CHECK_EQ(rig.op, WINDOW_UNMAP);
	CHECK_EQ(rig.range.offset, 3 * PAGE);
	CHECK_EQ(gpu_window_ack(rig.gpu, false, &reply), GPU_ACK_NONE);
	CHECK(!gpu_busy(rig.gpu));
	rig_teardown();
}

static void pause_while_held(void)
{
	struct gpu_reply reply;

	setup();
	CHECK_EQ(rig_blob(1, HOST3D, PAGE), OK_NODATA);
	rig.hold = true;
	CHECK_EQ(rig_map(1, 0), 0);
	CHECK(gpu_stop(rig.gpu, &reply));
	CHECK_EQ(reply.u.hdr.type, OK_MAP_INFO);
	CHECK_EQ(gpu_start(rig.gpu), 0);
	CHECK_EQ(gpu_window_ack(rig.gpu, true, &reply), GPU_ACK_NONE);
	CHECK(!gpu_busy(rig.gpu));
	CHECK(!gpu_stop(rig.gpu, &reply));
	CHECK_EQ(gpu_start(rig.gpu), 0);
	rig.hold = false;
	CHECK_EQ(rig_map(1, 0), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_unmap(1), OK_NODATA);
	rig_teardown();
}

/* A blob never shows what another one held, mapped or copied. */
static void no_leftovers(void)
{
	uint64_t i;

	setup();
	CHECK_EQ(rig_blob(1, HOST3D, RIG_POOL), OK_NODATA);
	CHECK_EQ(rig_blob(2, HOST3D, PAGE), ERR(OUT_OF_MEMORY));
	memset(rig.pool.map, 0x77, RIG_POOL);
	CHECK_EQ(rig_unref(1), OK_NODATA);
	CHECK_EQ(rig_blob(2, HOST3D, RIG_POOL / 2), OK_NODATA);
	CHECK_EQ(rig_blob(3, HOST3D, RIG_POOL / 2), OK_NODATA);
	for (i = 0; i < RIG_POOL; i++)
		CHECK_EQ(rig.pool.map[i], 0);
	memset(rig.pool.map, 0x77, RIG_POOL);
	gpu_reset(rig.gpu);
	CHECK_EQ(rig_context(1), OK_NODATA);
	CHECK_EQ(rig_blob(1, HOST3D, RIG_POOL), OK_NODATA);
	for (i = 0; i < RIG_POOL; i++)
		CHECK_EQ(rig.pool.map[i], 0);
	rig_teardown();
}

/* 480 mappings: QEMU has no room for many more. */
static void mappings_are_bounded(void)
{
	uint32_t i;

	setup();
	for (i = 1; i <= 481; i++)
		CHECK_EQ(rig_blob(i, HOST3D, PAGE), OK_NODATA);
	for (i = 1; i <= 480; i++)
		CHECK_EQ(rig_map(i, i * PAGE), OK_MAP_INFO);
	CHECK_EQ(rig_map(i, 0), ERR(OUT_OF_MEMORY));
	CHECK_EQ(rig_unmap(9), OK_NODATA);
	CHECK_EQ(rig_map(i, 0), OK_MAP_INFO);
	/* A reset unmaps all. */
	gpu_reset(rig.gpu);
	CHECK_EQ(rig_context(1), OK_NODATA);
	for (i = 1; i <= 480; i++) {
		CHECK_EQ(rig_blob(i, HOST3D, PAGE), OK_NODATA);
		CHECK_EQ(rig_map(i, i * PAGE), OK_MAP_INFO);
	}
	rig_teardown();
}

static void backing_of_blobs(void)
{
	struct {
		struct virtio_gpu_resource_create_blob cmd;
		struct virtio_gpu_mem_entry entry;
	} both = {
		.cmd = {
			.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
			.hdr.ctx_id = 1,
			.resource_id = 1,
			.blob_mem = BOTH,
			.nr_entries = 1,
			.size = PAGE,
		},
		.entry = { .addr = RAM_GPA + 0x4000, .length = PAGE },
	};
	struct virtio_gpu_ctx_resource attach = {
		.hdr.type = VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
		.hdr.ctx_id = 1,
		.resource_id = 1,
	};
	struct virtio_gpu_transfer_host_3d copy = {
		.hdr.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D,
		.hdr.ctx_id = 1,
		.resource_id = 1,
		.box = { .x = 16, .w = 5, .h = 1, .d = 1 },
		.offset = 8,
	};

	setup();
	/* Said to have an entry, but too short to hold it. */
	CHECK_EQ(RUN(both.cmd), ERR(INVALID_PARAMETER));
	both.entry.addr = RAM_GPA + RAM_SIZE;
	CHECK_EQ(RUN(both), ERR(INVALID_PARAMETER));
	both.entry.addr = RAM_GPA + 0x4000;
	CHECK_EQ(RUN(both), OK_NODATA);
	CHECK_EQ(RUN(attach), OK_NODATA);
	memcpy(rig.ram + 0x4008, "hello", 5);
	CHECK_EQ(RUN(copy), OK_NODATA);
	CHECK(!memcmp(rig.pool.map + 16, "hello", 6));
	copy.box.x = (uint32_t)PAGE - 4;
	CHECK_EQ(RUN(copy), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_attach(1, 1, &both.entry), ERR(UNSPEC));

	/* Host-only blobs take no backing, guest-only ones have nothing else. */
	CHECK_EQ(rig_blob(2, HOST3D, PAGE), OK_NODATA);
	CHECK_EQ(rig_attach(2, 1, &both.entry), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_blob(3, GUEST, 100), OK_NODATA);
	CHECK_EQ(rig_attach(3, 1, &both.entry), OK_NODATA);
	attach.resource_id = 3;
	CHECK_EQ(RUN(attach), OK_NODATA);
	copy.resource_id = 3;
	copy.box.x = 90;
	CHECK_EQ(RUN(copy), OK_NODATA);
	copy.box.x = 96;
	CHECK_EQ(RUN(copy), ERR(INVALID_PARAMETER));
	rig_teardown();
}

static void scanout_of_blobs(void)
{
	struct virtio_gpu_set_scanout_blob good = {
		.hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,
		.r = { .width = 16, .height = 16 },
		.resource_id = 1,
		.width = 16,
		.height = 16,
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		.strides = { 192 },
		.offsets = { PAGE - 15 * 192 - 64 },
	};
	struct virtio_gpu_set_scanout_blob cmd;
	struct virtio_gpu_resource_flush flush = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
		.r = { .width = 16, .height = 16 },
		.resource_id = 1,
	};

	setup();
	CHECK_EQ(rig_blob(1, HOST3D, PAGE), OK_NODATA);
	CHECK_EQ(rig_create_2d(2, 16, 16), OK_NODATA);
	CHECK_EQ(RUN(good), OK_NODATA);
	CHECK_EQ(RUN(flush), OK_NODATA);
#define BAD(field, value, error)		\
	do {					\
		cmd = good;			\
		cmd.field = value;		\
		CHECK_EQ(RUN(cmd), ERR(error));	\
	} while (0)
	BAD(offsets[0], good.offsets[0] + 1, INVALID_PARAMETER);
	BAD(strides[0], 63, INVALID_PARAMETER);
	BAD(strides[0], UINT32_MAX, INVALID_PARAMETER);
	BAD(width, 0, INVALID_PARAMETER);
	BAD(height, 0, INVALID_PARAMETER);
	BAD(format, 0, INVALID_PARAMETER);
	BAD(r.x, 1, INVALID_PARAMETER);
	BAD(r.width, 17, INVALID_PARAMETER);
	BAD(resource_id, 2, INVALID_PARAMETER);
	BAD(resource_id, 3, INVALID_RESOURCE_ID);
	BAD(scanout_id, 1, INVALID_SCANOUT_ID);
#undef BAD
	cmd = good;
	cmd.resource_id = 0;
	CHECK_EQ(RUN(cmd), OK_NODATA);
	rig_teardown();
}

const struct test blob_tests[] = {
	{ "blob: creation", creation },
	{ "blob: map and unmap", map_and_unmap },
	{ "blob: bad maps", bad_maps },
	{ "blob: unref while mapped", unref_while_mapped },
	{ "blob: front-end refuses", front_end_refuses },
	{ "blob: answer is held", answer_is_held },
	{ "blob: reset while held", reset_while_held },
	{ "blob: pause while held", pause_while_held },
	{ "blob: no leftovers", no_leftovers },
	{ "blob: mappings are bounded", mappings_are_bounded },
	{ "blob: backing", backing_of_blobs },
	{ "blob: scanout", scanout_of_blobs },
	{ 0 }
};
