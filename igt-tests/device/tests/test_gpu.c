// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "rig.h"
#include "unit.h"

#define FORMAT	VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM

/* Every command of the header, with what its request and response need. */
static const struct {
	uint32_t type;
	enum gpu_queue queue;
	uint64_t feature;
	size_t req;
	size_t resp;
} all[] = {
#define F(name)	(1ULL << VIRTIO_GPU_F_##name)
#define C(t, f, rq, rs) { VIRTIO_GPU_CMD_##t, GPU_CONTROLQ, f,		\
			  sizeof(struct virtio_gpu_##rq), rs }
	C(GET_DISPLAY_INFO, 0, ctrl_hdr, 408),
	C(RESOURCE_CREATE_2D, 0, resource_create_2d, 24),
	C(RESOURCE_UNREF, 0, resource_unref, 24),
	C(SET_SCANOUT, 0, set_scanout, 24),
	C(RESOURCE_FLUSH, 0, resource_flush, 24),
	C(TRANSFER_TO_HOST_2D, 0, transfer_to_host_2d, 24),
	C(RESOURCE_ATTACH_BACKING, 0, resource_attach_backing, 24),
	C(RESOURCE_DETACH_BACKING, 0, resource_detach_backing, 24),
	C(GET_CAPSET_INFO, 0, get_capset_info, 40),
	C(GET_CAPSET, 0, get_capset, 24),
	C(GET_EDID, F(EDID), cmd_get_edid, 1056),
	C(RESOURCE_ASSIGN_UUID, F(RESOURCE_UUID), resource_assign_uuid, 40),
	C(RESOURCE_CREATE_BLOB, F(RESOURCE_BLOB), resource_create_blob, 24),
	C(SET_SCANOUT_BLOB, F(RESOURCE_BLOB), set_scanout_blob, 24),
	C(CTX_CREATE, F(VIRGL), ctx_create, 24),
	C(CTX_DESTROY, F(VIRGL), ctx_destroy, 24),
	C(CTX_ATTACH_RESOURCE, F(VIRGL), ctx_resource, 24),
	C(CTX_DETACH_RESOURCE, F(VIRGL), ctx_resource, 24),
	C(RESOURCE_CREATE_3D, F(VIRGL), resource_create_3d, 24),
	C(TRANSFER_TO_HOST_3D, F(VIRGL), transfer_host_3d, 24),
	C(TRANSFER_FROM_HOST_3D, F(VIRGL), transfer_host_3d, 24),
	C(SUBMIT_3D, F(VIRGL), cmd_submit, 24),
	C(RESOURCE_MAP_BLOB, F(RESOURCE_BLOB), resource_map_blob, 32),
	C(RESOURCE_UNMAP_BLOB, F(RESOURCE_BLOB), resource_unmap_blob, 24),
	{ VIRTIO_GPU_CMD_UPDATE_CURSOR, GPU_CURSORQ, 0, 56, 24 },
	{ VIRTIO_GPU_CMD_MOVE_CURSOR, GPU_CURSORQ, 0, 56, 24 },
#undef C
};

#define NR_ALL	(sizeof(all) / sizeof(all[0]))

static void features_per_mode(void)
{
	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	CHECK_EQ(gpu_features(rig.gpu), F(EDID) | F(RESOURCE_UUID));
	rig_teardown();
	rig_setup(WINDOW_BLOB, ALL_FEATURES);
	CHECK_EQ(gpu_features(rig.gpu),
		 F(EDID) | F(RESOURCE_UUID) | F(VIRGL) | F(RESOURCE_BLOB) |
		 F(CONTEXT_INIT));
	rig_teardown();
}

/* Whole mode offers no blobs and no 3D, whatever the driver says it accepts. */
static void features_not_negotiated(void)
{
	struct virtio_gpu_ctrl_hdr req[8] = { 0 };
	size_t i;

	for (i = 0; i < NR_ALL; i++) {
		if (!all[i].feature)
			continue;
		req[0].type = all[i].type;
		rig_setup(WINDOW_BLOB, ~all[i].feature);
		CHECK_EQ(rig_exec(all[i].queue, req, sizeof(req), 4096),
			 ERR(UNSPEC));
		rig_teardown();
		rig_setup(WINDOW_BLOB, ALL_FEATURES);
		CHECK(rig_exec(all[i].queue, req, sizeof(req), 4096) !=
		      ERR(UNSPEC));
		rig_teardown();
		if (all[i].feature & (F(EDID) | F(RESOURCE_UUID)))
			continue;
		rig_setup(WINDOW_WHOLE, ALL_FEATURES);
		CHECK_EQ(rig_exec(all[i].queue, req, sizeof(req), 4096),
			 ERR(UNSPEC));
		rig_teardown();
	}
}

static void commands_that_do_not_exist(void)
{
	static const uint32_t types[] = {
		0, 0xff, 0x10e, 0x1ff, 0x20a, 0x302, 0x400,
		VIRTIO_GPU_RESP_OK_NODATA, UINT32_MAX,
	};
	struct virtio_gpu_ctrl_hdr req[8] = { 0 };
	size_t i;

	rig_setup(WINDOW_BLOB, ALL_FEATURES);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		req[0].type = types[i];
		CHECK_EQ(RUN(req), ERR(UNSPEC));
		CHECK_EQ(rig.reply.len, 24);
		CHECK_EQ(RUN_CURSOR(req), ERR(UNSPEC));
	}
	rig_teardown();
}

static void commands_on_the_wrong_queue(void)
{
	struct virtio_gpu_ctrl_hdr req[8] = { 0 };
	size_t i;

	rig_setup(WINDOW_BLOB, ALL_FEATURES);
	for (i = 0; i < NR_ALL; i++) {
		req[0].type = all[i].type;
		CHECK_EQ(rig_exec((enum gpu_queue)!all[i].queue, req,
				  sizeof(req), 4096), ERR(UNSPEC));
	}
	rig_teardown();
}

static void short_requests(void)
{
	struct virtio_gpu_ctrl_hdr req[8] = { 0 };
	size_t i, len;

	rig_setup(WINDOW_BLOB, ALL_FEATURES);
	for (i = 0; i < NR_ALL; i++) {
		req[0].type = all[i].type;
		for (len = 0; len < all[i].req; len++)
			CHECK_EQ(rig_exec(all[i].queue, req, len, 4096),
				 len < 24 ? ERR(UNSPEC) :
					    ERR(INVALID_PARAMETER));
	}
	rig_teardown();
}

/* Without room for its response a command is not carried out. */
static void little_room(void)
{
	struct virtio_gpu_ctrl_hdr req[8] = { 0 };
	size_t i;

	rig_setup(WINDOW_BLOB, ALL_FEATURES);
	for (i = 0; i < NR_ALL; i++) {
		if (all[i].queue != GPU_CONTROLQ)
			continue;
		req[0].type = all[i].type;
		CHECK_EQ(rig_exec(GPU_CONTROLQ, req, sizeof(req), 0), 0);
		CHECK_EQ(rig_exec(GPU_CONTROLQ, req, sizeof(req), 23), 0);
		CHECK_EQ(rig.reply.len, 0);
		if (all[i].resp == 24)
			continue;
		CHECK_EQ(rig_exec(GPU_CONTROLQ, req, sizeof(req),
				  all[i].resp - 1), ERR(INVALID_PARAMETER));
		CHECK_EQ(rig.reply.len, 24);
	}
	rig_teardown();
}

static void no_room_no_effect(void)
{
	struct virtio_gpu_resource_create_2d cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		.resource_id = 1,
		.format = FORMAT,
		.width = 1,
		.height = 1,
	};

	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	CHECK_EQ(rig_exec(GPU_CONTROLQ, &cmd, sizeof(cmd), 8), 0);
	CHECK_EQ(rig_unref(1), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_exec(GPU_CONTROLQ, &cmd, sizeof(cmd), 24), OK_NODATA);
	CHECK_EQ(rig_unref(1), OK_NODATA);
	rig_teardown();
}

static void too_long_a_request(void)
{
	struct virtio_gpu_ctrl_hdr req = {
		.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO,
	};

	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	CHECK_EQ(gpu_exec(rig.gpu, GPU_CONTROLQ, &req, GPU_REQUEST_MAX + 1ULL,
			  4096, &rig.reply), GPU_DONE);
	CHECK_EQ(rig.reply.u.hdr.type, ERR(OUT_OF_MEMORY));
	rig_teardown();
}

static void fences(void)
{
	struct virtio_gpu_ctrl_hdr req = {
		.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO,
		.fence_id = 0x1122334455667788,
		.ctx_id = 7,
		.ring_idx = 63,
	};
	struct virtio_gpu_ctrl_hdr *hdr = &rig.reply.u.hdr;

	rig_setup(WINDOW_BLOB, ALL_FEATURES);
	/* Not asked for: nothing comes back. */
	CHECK_EQ(RUN(req), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	CHECK_EQ(hdr->flags, 0);
	CHECK_EQ(hdr->fence_id, 0);
	CHECK_EQ(hdr->ctx_id, 0);
	CHECK_EQ(hdr->ring_idx, 0);

	req.flags = VIRTIO_GPU_FLAG_FENCE;
	CHECK_EQ(RUN(req), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	CHECK_EQ(hdr->flags, VIRTIO_GPU_FLAG_FENCE);
	CHECK_EQ(hdr->fence_id, req.fence_id);
	CHECK_EQ(hdr->ctx_id, 7);
	CHECK_EQ(hdr->ring_idx, 0);

	req.flags |= VIRTIO_GPU_FLAG_INFO_RING_IDX;
	CHECK_EQ(RUN(req), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	CHECK_EQ(hdr->flags, req.flags);
	CHECK_EQ(hdr->ring_idx, 63);

	/* An error is the end of a command, too. */
	req.type = 0x999;
	CHECK_EQ(RUN(req), ERR(UNSPEC));
	CHECK_EQ(hdr->fence_id, req.fence_id);

	req.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO;
	req.ring_idx = 64;
	CHECK_EQ(RUN(req), ERR(INVALID_PARAMETER));
	CHECK_EQ(hdr->fence_id, req.fence_id);
	rig_teardown();

	/* Without CONTEXT_INIT the flag has no meaning. */
	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	CHECK_EQ(RUN(req), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	CHECK_EQ(hdr->flags, VIRTIO_GPU_FLAG_FENCE);
	CHECK_EQ(hdr->ring_idx, 0);
	rig_teardown();
}

static void config_space(void)
{
	uint32_t c[4] = { 1, 1, 1, 1 };
	uint8_t byte;

	CHECK_EQ(gpu_config_read(0, c, 16), 0);
	CHECK_EQ(c[0], 0);
	CHECK_EQ(c[1], 0);
	CHECK_EQ(c[2], 1);
	CHECK_EQ(c[3], 0);
	CHECK_EQ(gpu_config_read(8, &byte, 1), 0);
	CHECK_EQ(byte, 1);
	CHECK_EQ(gpu_config_read(16, &byte, 0), 0);
	CHECK_EQ(gpu_config_read(16, &byte, 1), -EINVAL);
	CHECK_EQ(gpu_config_read(0, c, 17), -EINVAL);
	CHECK_EQ(gpu_config_read(UINT32_MAX, c, 2), -EINVAL);

	/* As QEMU does when the guest writes events_clear: all of it. */
	c[1] = 1;
	CHECK_EQ(gpu_config_write(0, c, 16), 0);
	CHECK_EQ(gpu_config_write(4, &c[1], 4), 0);
	CHECK_EQ(gpu_config_read(0, c, 16), 0);
	CHECK_EQ(c[1], 0);
	c[2] = 2;
	CHECK_EQ(gpu_config_write(0, c, 16), -EINVAL);
	CHECK_EQ(gpu_config_write(8, &c[2], 4), -EINVAL);
	CHECK_EQ(gpu_config_write(12, &c[2], 4), -EINVAL);
	CHECK_EQ(gpu_config_write(0, &c[2], 4), -EINVAL);
	CHECK_EQ(gpu_config_write(13, c, 4), -EINVAL);
	CHECK_EQ(gpu_config_read(0, c, 16), 0);
	CHECK_EQ(c[2], 1);
}

static void display_info(void)
{
	struct virtio_gpu_ctrl_hdr req = {
		.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO,
	};
	struct virtio_gpu_resp_display_info *d = &rig.reply.u.display;
	size_t i;

	rig_setup(WINDOW_WHOLE, 0);
	CHECK_EQ(RUN(req), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	CHECK_EQ(rig.reply.len, sizeof(*d));
	CHECK_EQ(d->pmodes[0].enabled, 1);
	CHECK_EQ(d->pmodes[0].r.width, 1024);
	CHECK_EQ(d->pmodes[0].r.height, 768);
	for (i = 1; i < VIRTIO_GPU_MAX_SCANOUTS; i++)
		CHECK_EQ(d->pmodes[i].enabled, 0);
	rig_teardown();
}

static void edid(void)
{
	struct virtio_gpu_cmd_get_edid req = {
		.hdr.type = VIRTIO_GPU_CMD_GET_EDID,
	};
	const uint8_t *e = rig.reply.u.edid.edid;
	uint8_t sum = 0;
	size_t i;

	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	CHECK_EQ(RUN(req), VIRTIO_GPU_RESP_OK_EDID);
	CHECK_EQ(rig.reply.len, sizeof(rig.reply.u.edid));
	CHECK_EQ(rig.reply.u.edid.size, 128);
	for (i = 0; i < 128; i++)
		sum += e[i];
	CHECK_EQ(sum, 0);
	CHECK_EQ(e[0] | e[1] << 8 | e[7] << 16, 0xff00);
	/* Active size of the preferred timing. */
	CHECK_EQ(e[56] | (e[58] & 0xf0) << 4, 1024);
	CHECK_EQ(e[59] | (e[61] & 0xf0) << 4, 768);
	req.scanout = 1;
	CHECK_EQ(RUN(req), ERR(INVALID_SCANOUT_ID));
	rig_teardown();
}

static void capsets(void)
{
	struct virtio_gpu_get_capset_info info = {
		.hdr.type = VIRTIO_GPU_CMD_GET_CAPSET_INFO,
	};
	struct virtio_gpu_get_capset get = {
		.hdr.type = VIRTIO_GPU_CMD_GET_CAPSET,
		.capset_id = 1,
	};

	rig_setup(WINDOW_BLOB, ALL_FEATURES);
	CHECK_EQ(RUN(info), ERR(INVALID_PARAMETER));
	CHECK_EQ(RUN(get), ERR(INVALID_PARAMETER));
	rig_teardown();
}

static void create_and_unref(void)
{
	struct virtio_gpu_resource_create_2d bad = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		.resource_id = 2,
		.width = 1,
		.height = 1,
	};

	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	CHECK_EQ(rig_create_2d(0, 4, 4), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_create_2d(1, 4, 4), OK_NODATA);
	CHECK_EQ(rig_create_2d(1, 4, 4), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_create_2d(1025, 4, 4), OK_NODATA);
	CHECK_EQ(rig_create_2d(2, 0, 4), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_create_2d(2, 4, 0), ERR(INVALID_PARAMETER));
	CHECK_EQ(RUN(bad), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_create_2d(2, UINT32_MAX, UINT32_MAX), ERR(OUT_OF_MEMORY));
	CHECK_EQ(rig_create_2d(2, 0x40000001, 1), ERR(OUT_OF_MEMORY));
	/* Four bytes each make 2^64. */
	CHECK_EQ(rig_create_2d(2, 1U << 31, 1U << 31), ERR(OUT_OF_MEMORY));
	CHECK_EQ(rig_unref(2), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_unref(1), OK_NODATA);
	CHECK_EQ(rig_unref(1), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_unref(1025), OK_NODATA);
	CHECK_EQ(rig_unref(0), ERR(INVALID_RESOURCE_ID));
	rig_teardown();
}

/* 256 MiB in all, and what is given back can be had again. */
static void image_memory_is_bounded(void)
{
	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	CHECK_EQ(rig_create_2d(1, 8192, 8192), OK_NODATA);
	CHECK_EQ(rig_create_2d(2, 1, 1), ERR(OUT_OF_MEMORY));
	CHECK_EQ(rig_unref(1), OK_NODATA);
	CHECK_EQ(rig_create_2d(2, 8192, 8192), OK_NODATA);
	gpu_reset(rig.gpu);
	CHECK_EQ(rig_create_2d(2, 8192, 8192), OK_NODATA);
	rig_teardown();
}

static void resources_are_bounded(void)
{
	uint32_t i;

	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	for (i = 1; i <= 65536; i++)
		CHECK_EQ(rig_create_2d(i, 1, 1), OK_NODATA);
	CHECK_EQ(rig_create_2d(i, 1, 1), ERR(OUT_OF_MEMORY));
	CHECK_EQ(rig_unref(77), OK_NODATA);
	CHECK_EQ(rig_create_2d(i, 1, 1), OK_NODATA);
	rig_teardown();
}

static void backing(void)
{
	const struct virtio_gpu_mem_entry good[2] = {
		{ .addr = RAM_GPA, .length = 4096 },
		{ .addr = RAM_GPA + RAM_SIZE - 4096, .length = 4096 },
	};
	struct virtio_gpu_mem_entry outside = {
		.addr = RAM_GPA + RAM_SIZE - 4096, .length = 4097,
	};
	struct virtio_gpu_mem_entry empty = { .addr = RAM_GPA };
	struct virtio_gpu_resource_attach_backing many = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = 1,
		.nr_entries = 1,
	};
	struct virtio_gpu_resource_detach_backing detach = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
		.resource_id = 1,
	};

	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	CHECK_EQ(rig_attach(1, 2, good), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(RUN(detach), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_create_2d(1, 4, 4), OK_NODATA);
	CHECK_EQ(RUN(detach), ERR(UNSPEC));
	CHECK_EQ(rig_attach(1, 1, &outside), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_attach(1, 1, &empty), ERR(INVALID_PARAMETER));
	/* More entries are said to follow than do. */
	CHECK_EQ(RUN(many), ERR(INVALID_PARAMETER));
	many.nr_entries = UINT32_MAX;
	CHECK_EQ(RUN(many), ERR(INVALID_PARAMETER));
	CHECK_EQ(rig_attach(1, 2, good), OK_NODATA);
	CHECK_EQ(rig_attach(1, 2, good), ERR(UNSPEC));
	CHECK_EQ(RUN(detach), OK_NODATA);
	CHECK_EQ(RUN(detach), ERR(UNSPEC));
	CHECK_EQ(rig_attach(1, 0, good), OK_NODATA);
	CHECK_EQ(RUN(detach), OK_NODATA);
	rig_teardown();
}

static void scanout(void)
{
	struct virtio_gpu_set_scanout set = {
		.hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
		.r = { .x = 8, .y = 8, .width = 56, .height = 24 },
		.resource_id = 1,
	};
	struct virtio_gpu_resource_flush flush = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
		.r = { .width = 64, .height = 32 },
		.resource_id = 1,
	};

	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	CHECK_EQ(RUN(set), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(RUN(flush), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_create_2d(1, 64, 32), OK_NODATA);
	CHECK_EQ(RUN(set), OK_NODATA);
	CHECK_EQ(RUN(flush), OK_NODATA);
	set.r.x = 9;
	CHECK_EQ(RUN(set), ERR(INVALID_PARAMETER));
	set.r.x = UINT32_MAX - 54;
	CHECK_EQ(RUN(set), ERR(INVALID_PARAMETER));
	set.r.x = 8;
	set.r.height = 25;
	CHECK_EQ(RUN(set), ERR(INVALID_PARAMETER));
	set.r.height = 0;
	CHECK_EQ(RUN(set), ERR(INVALID_PARAMETER));
	set.resource_id = 0;
	CHECK_EQ(RUN(set), OK_NODATA);
	set.scanout_id = 1;
	CHECK_EQ(RUN(set), ERR(INVALID_SCANOUT_ID));
	flush.r.y = 1;
	CHECK_EQ(RUN(flush), ERR(INVALID_PARAMETER));
	flush.r.y = 0;
	/* Shown, and gone. */
	set = (struct virtio_gpu_set_scanout) {
		.hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
		.r = { .width = 64, .height = 32 },
		.resource_id = 1,
	};
	CHECK_EQ(RUN(set), OK_NODATA);
	CHECK_EQ(rig_unref(1), OK_NODATA);
	CHECK_EQ(RUN(flush), ERR(INVALID_RESOURCE_ID));
	rig_teardown();
}

static void cursor(void)
{
	struct virtio_gpu_update_cursor cmd = {
		.hdr.type = VIRTIO_GPU_CMD_UPDATE_CURSOR,
		.resource_id = 1,
	};

	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	CHECK_EQ(rig_create_2d(1, 64, 64), OK_NODATA);
	CHECK_EQ(rig_create_2d(2, 64, 63), OK_NODATA);
	CHECK_EQ(RUN_CURSOR(cmd), OK_NODATA);
	/* Drivers leave no room for an answer; it works all the same. */
	CHECK_EQ(rig_exec(GPU_CURSORQ, &cmd, sizeof(cmd), 0), 0);
	CHECK_EQ(rig.reply.len, 0);
	cmd.resource_id = 2;
	CHECK_EQ(RUN_CURSOR(cmd), ERR(INVALID_PARAMETER));
	cmd.resource_id = 3;
	CHECK_EQ(RUN_CURSOR(cmd), ERR(INVALID_RESOURCE_ID));
	cmd.resource_id = 0;
	CHECK_EQ(RUN_CURSOR(cmd), OK_NODATA);
	cmd.pos.scanout_id = 1;
	CHECK_EQ(RUN_CURSOR(cmd), ERR(INVALID_SCANOUT_ID));
	cmd.hdr.type = VIRTIO_GPU_CMD_MOVE_CURSOR;
	CHECK_EQ(RUN_CURSOR(cmd), ERR(INVALID_SCANOUT_ID));
	cmd.pos.scanout_id = 0;
	cmd.pos.x = UINT32_MAX;
	cmd.resource_id = 3;
	CHECK_EQ(RUN_CURSOR(cmd), OK_NODATA);
	rig_teardown();
}

static void uuids(void)
{
	struct virtio_gpu_resource_assign_uuid cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID,
		.resource_id = 1,
	};
	uint8_t first[16];

	rig_setup(WINDOW_WHOLE, ALL_FEATURES);
	CHECK_EQ(RUN(cmd), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_create_2d(1, 1, 1), OK_NODATA);
	CHECK_EQ(rig_create_2d(2, 1, 1), OK_NODATA);
	CHECK_EQ(RUN(cmd), VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
	CHECK_EQ(rig.reply.len, 40);
	memcpy(first, rig.reply.u.uuid.uuid, 16);
	CHECK_EQ(first[6] >> 4, 4);
	CHECK_EQ(RUN(cmd), VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
	CHECK(!memcmp(first, rig.reply.u.uuid.uuid, 16));
	cmd.resource_id = 2;
	CHECK_EQ(RUN(cmd), VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
	CHECK(memcmp(first, rig.reply.u.uuid.uuid, 16));
	rig_teardown();
}

/* Image 8 x 4 with bytes that tell where they came from. */
#define IMG_W		8
#define IMG_H		4
#define IMG_BYTES	(IMG_W * IMG_H * 4)

static bool setup_3d(void)
{
	struct virtio_gpu_resource_create_3d create = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
		.hdr.ctx_id = 1,
		.resource_id = 1,
		.target = 2,
		.format = FORMAT,
		.width = IMG_W,
		.height = IMG_H,
		.depth = 1,
		.array_size = 1,
	};
	struct virtio_gpu_ctx_resource attach = {
		.hdr.type = VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
		.hdr.ctx_id = 1,
		.resource_id = 1,
	};
	/* In pieces, and not in order. */
	const struct virtio_gpu_mem_entry entries[3] = {
		{ .addr = RAM_GPA + 0x8000, .length = 10 },
		{ .addr = RAM_GPA + 0x4000, .length = 50 },
		{ .addr = RAM_GPA + 0x6000, .length = IMG_BYTES - 60 },
	};
	size_t i;

	rig_setup(WINDOW_BLOB, ALL_FEATURES);
	for (i = 0; i < IMG_BYTES; i++)
		rig.ram[i < 10 ? 0x8000 + i : i < 60 ? 0x4000 + i - 10 :
			0x6000 + i - 60] = (uint8_t)i;
	return rig_context(1) == OK_NODATA && RUN(create) == OK_NODATA &&
	       RUN(attach) == OK_NODATA && rig_attach(1, 3, entries) == OK_NODATA;
}

static uint8_t guest_byte(size_t i)
{
	return rig.ram[i < 10 ? 0x8000 + i : i < 60 ? 0x4000 + i - 10 :
		       0x6000 + i - 60];
}

static struct virtio_gpu_transfer_host_3d transfer_cmd(uint32_t type)
{
	return (struct virtio_gpu_transfer_host_3d) {
		.hdr.type = type,
		.hdr.ctx_id = 1,
		.resource_id = 1,
		.box = { .w = IMG_W, .h = IMG_H, .d = 1 },
	};
}

static void copies_both_ways(void)
{
	struct virtio_gpu_transfer_host_3d to =
		transfer_cmd(VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D);
	struct virtio_gpu_transfer_host_3d from =
		transfer_cmd(VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D);
	size_t i;

	CHECK(setup_3d());
	CHECK_EQ(RUN(to), OK_NODATA);
	memset(rig.ram, 0, RAM_SIZE);
	CHECK_EQ(RUN(from), OK_NODATA);
	for (i = 0; i < IMG_BYTES; i++)
		CHECK_EQ(guest_byte(i), i);

	/* The part from (2, 1), 3 x 2, to offset 5 with rows 20 bytes apart. */
	memset(rig.ram, 0, RAM_SIZE);
	from.box.x = 2;
	from.box.y = 1;
	from.box.w = 3;
	from.box.h = 2;
	from.offset = 5;
	from.stride = 20;
	CHECK_EQ(RUN(from), OK_NODATA);
	for (i = 0; i < IMG_BYTES; i++) {
		size_t row = i < 5 ? 9 : (i - 5) / 20, col = (i - 5) % 20;

		CHECK_EQ(guest_byte(i), row < 2 && col < 12 ?
			 (row + 1) * 32 + 8 + col : 0);
	}
	rig_teardown();
}

static void transfer_2d(void)
{
	struct virtio_gpu_transfer_to_host_2d cmd = {
		.hdr.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
		.resource_id = 1,
		.r = { .x = 1, .y = 1, .width = 2, .height = 2 },
		.offset = 4,
	};
	struct virtio_gpu_transfer_host_3d from =
		transfer_cmd(VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D);
	size_t i;

	CHECK(setup_3d());
	CHECK_EQ(RUN(cmd), OK_NODATA);
	CHECK_EQ(RUN(from), OK_NODATA);
	for (i = 0; i < IMG_BYTES; i++) {
		size_t y = i / 32, x = i % 32 / 4;
		bool in = x >= 1 && x < 3 && y >= 1 && y < 3;

		CHECK_EQ(guest_byte(i), in ? 4 + (y - 1) * 32 + i % 32 - 4 : 0);
	}
	cmd.resource_id = 2;
	CHECK_EQ(RUN(cmd), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_create_2d(2, 4, 4), OK_NODATA);
	CHECK_EQ(RUN(cmd), ERR(UNSPEC));
	rig_teardown();
}

static void transfers_out_of_range(void)
{
	struct virtio_gpu_transfer_host_3d good =
		transfer_cmd(VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D);
	struct virtio_gpu_transfer_host_3d bad;

	CHECK(setup_3d());
#define BAD(field, value, error)		\
	do {					\
		bad = good;			\
		bad.field = value;		\
		CHECK_EQ(RUN(bad), ERR(error));	\
	} while (0)
	BAD(box.x, 1, INVALID_PARAMETER);
	BAD(box.x, UINT32_MAX, INVALID_PARAMETER);
	BAD(box.y, 1, INVALID_PARAMETER);
	BAD(box.z, 1, INVALID_PARAMETER);
	BAD(box.w, IMG_W + 1, INVALID_PARAMETER);
	BAD(box.w, 0, INVALID_PARAMETER);
	BAD(box.h, IMG_H + 1, INVALID_PARAMETER);
	BAD(box.h, 0, INVALID_PARAMETER);
	BAD(box.d, 2, INVALID_PARAMETER);
	BAD(level, 1, INVALID_PARAMETER);
	BAD(offset, 1, INVALID_PARAMETER);
	BAD(offset, UINT64_MAX, INVALID_PARAMETER);
	good.box.h = 1;
	BAD(offset, IMG_BYTES - 31, INVALID_PARAMETER);
	good.box.h = IMG_H;
	BAD(stride, 33, INVALID_PARAMETER);
	BAD(stride, UINT32_MAX, INVALID_PARAMETER);
	BAD(resource_id, 2, INVALID_RESOURCE_ID);
	BAD(hdr.ctx_id, 2, INVALID_CONTEXT_ID);
	BAD(hdr.ctx_id, 0, INVALID_CONTEXT_ID);
#undef BAD
	CHECK_EQ(RUN(good), OK_NODATA);
	/* The guest's memory goes away under the backing. */
	guest_mem_clear(&rig.mem);
	CHECK_EQ(RUN(good), ERR(UNSPEC));
	rig_teardown();
}

static void create_3d_limits(void)
{
	struct virtio_gpu_resource_create_3d good = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
		.resource_id = 1,
		.target = 2,
		.format = FORMAT,
		.width = 4,
		.height = 4,
		.depth = 1,
		.array_size = 1,
	};
	struct virtio_gpu_resource_create_3d cmd;

	rig_setup(WINDOW_BLOB, ALL_FEATURES);
#define BAD(field, value)					\
	do {							\
		cmd = good;					\
		cmd.field = value;				\
		CHECK_EQ(RUN(cmd), ERR(INVALID_PARAMETER));	\
	} while (0)
	BAD(target, 3);
	BAD(target, 0);
	BAD(format, 0);
	BAD(width, 0);
	BAD(height, 0);
	BAD(depth, 2);
	BAD(array_size, 0);
	BAD(last_level, 1);
	BAD(nr_samples, 4);
#undef BAD
	cmd = good;
	cmd.target = 0;
	cmd.height = 1;
	cmd.format = 64;
	CHECK_EQ(RUN(cmd), OK_NODATA);
	CHECK_EQ(RUN(good), ERR(INVALID_RESOURCE_ID));
	cmd.resource_id = 2;
	cmd.width = UINT32_MAX;
	CHECK_EQ(RUN(cmd), ERR(OUT_OF_MEMORY));
	CHECK_EQ(rig_unref(2), ERR(INVALID_RESOURCE_ID));
	rig_teardown();
}

static void contexts(void)
{
	struct virtio_gpu_ctx_create create = {
		.hdr.type = VIRTIO_GPU_CMD_CTX_CREATE,
		.hdr.ctx_id = 1,
		.nlen = 64,
	};
	struct virtio_gpu_ctx_destroy destroy = {
		.hdr.type = VIRTIO_GPU_CMD_CTX_DESTROY,
		.hdr.ctx_id = 1,
	};
	struct virtio_gpu_cmd_submit submit = {
		.hdr.type = VIRTIO_GPU_CMD_SUBMIT_3D,
		.hdr.ctx_id = 1,
	};
	uint32_t i;

	rig_setup(WINDOW_BLOB, ALL_FEATURES);
	CHECK_EQ(RUN(destroy), ERR(INVALID_CONTEXT_ID));
	CHECK_EQ(RUN(submit), ERR(INVALID_CONTEXT_ID));
	CHECK_EQ(RUN(create), OK_NODATA);
	CHECK_EQ(RUN(create), ERR(INVALID_CONTEXT_ID));
	CHECK_EQ(RUN(submit), OK_NODATA);
	submit.size = 4;
	CHECK_EQ(RUN(submit), ERR(INVALID_PARAMETER));
	create.hdr.ctx_id = 0;
	CHECK_EQ(RUN(create), ERR(INVALID_CONTEXT_ID));
	create.hdr.ctx_id = 2;
	create.nlen = 65;
	CHECK_EQ(RUN(create), ERR(INVALID_PARAMETER));
	create.nlen = 0;
	create.context_init = 4;
	CHECK_EQ(RUN(create), ERR(INVALID_PARAMETER));
	CHECK_EQ(RUN(destroy), OK_NODATA);
	CHECK_EQ(RUN(destroy), ERR(INVALID_CONTEXT_ID));
	for (i = 1; i <= 1024; i++)
		CHECK_EQ(rig_context(i), OK_NODATA);
	CHECK_EQ(rig_context(i), ERR(OUT_OF_MEMORY));
	rig_teardown();

	/* context_init is no field of a driver without the feature. */
	rig_setup(WINDOW_BLOB, F(VIRGL));
	CHECK_EQ(RUN(create), OK_NODATA);
	rig_teardown();
}

static void attaching(void)
{
	struct virtio_gpu_ctx_resource attach = {
		.hdr.type = VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
		.hdr.ctx_id = 1,
		.resource_id = 1,
	};
	struct virtio_gpu_ctx_resource detach = attach;
	struct virtio_gpu_transfer_host_3d to =
		transfer_cmd(VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D);
	uint32_t i;

	detach.hdr.type = VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE;
	CHECK(setup_3d());
	CHECK_EQ(RUN(to), OK_NODATA);
	CHECK_EQ(RUN(attach), OK_NODATA);
	CHECK_EQ(RUN(detach), OK_NODATA);
	CHECK_EQ(RUN(to), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(RUN(detach), OK_NODATA);
	CHECK_EQ(RUN(attach), OK_NODATA);
	/* A resource of the same id is not attached because the old one was. */
	CHECK_EQ(rig_unref(1), OK_NODATA);
	CHECK_EQ(rig_create_2d(1, IMG_W, IMG_H), OK_NODATA);
	CHECK_EQ(RUN(to), ERR(INVALID_RESOURCE_ID));
	/* More than the list has room for at first. */
	for (i = 2; i < 100; i++) {
		CHECK_EQ(rig_create_2d(i, 1, 1), OK_NODATA);
		attach.resource_id = i;
		CHECK_EQ(RUN(attach), OK_NODATA);
	}
	for (i = 2; i < 100; i++)
		CHECK_EQ(rig_unref(i), OK_NODATA);
	attach.resource_id = 2;
	CHECK_EQ(RUN(attach), ERR(INVALID_RESOURCE_ID));
	detach.resource_id = 2;
	CHECK_EQ(RUN(detach), ERR(INVALID_RESOURCE_ID));
	attach.hdr.ctx_id = 2;
	detach.hdr.ctx_id = 2;
	CHECK_EQ(RUN(attach), ERR(INVALID_CONTEXT_ID));
	CHECK_EQ(RUN(detach), ERR(INVALID_CONTEXT_ID));
	rig_teardown();
}

static void reset_forgets_everything(void)
{
	CHECK(setup_3d());
	CHECK_EQ(rig_create_2d(2, 1, 1), OK_NODATA);
	gpu_reset(rig.gpu);
	CHECK_EQ(rig_unref(1), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_unref(2), ERR(INVALID_RESOURCE_ID));
	CHECK_EQ(rig_context(1), OK_NODATA);
	CHECK_EQ(rig_create_2d(2, 1, 1), OK_NODATA);
	rig_teardown();
}

const struct test gpu_tests[] = {
	{ "gpu: features per mode", features_per_mode },
	{ "gpu: features not negotiated", features_not_negotiated },
	{ "gpu: commands that do not exist", commands_that_do_not_exist },
	{ "gpu: commands on the wrong queue", commands_on_the_wrong_queue },
	{ "gpu: short requests", short_requests },
	{ "gpu: little room for the response", little_room },
	{ "gpu: no room, no effect", no_room_no_effect },
	{ "gpu: too long a request", too_long_a_request },
	{ "gpu: fences", fences },
	{ "gpu: configuration space", config_space },
	{ "gpu: display info", display_info },
	{ "gpu: EDID", edid },
	{ "gpu: capability sets", capsets },
	{ "gpu: create and unref", create_and_unref },
	{ "gpu: image memory is bounded", image_memory_is_bounded },
	{ "gpu: resources are bounded", resources_are_bounded },
	{ "gpu: backing", backing },
	{ "gpu: scanout and flush", scanout },
	{ "gpu: cursor", cursor },
	{ "gpu: UUIDs", uuids },
	{ "gpu: 3D copies both ways", copies_both_ways },
	{ "gpu: 2D transfer", transfer_2d },
	{ "gpu: transfers out of range", transfers_out_of_range },
	{ "gpu: limits of 3D resources", create_3d_limits },
	{ "gpu: contexts", contexts },
	{ "gpu: attaching to contexts", attaching },
	{ "gpu: reset forgets everything", reset_forgets_everything },
	{ 0 }
};
