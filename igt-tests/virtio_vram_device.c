// SPDX-License-Identifier: MIT
/**
 * TEST: virtio vram device
 * Description: Check the device's answers on the control queue
 * Category: Infrastructure
 * Functionality: virtio-gpu
 *
 * SUBTEST: display
 * Description: display information and EDID are well formed
 *
 * SUBTEST: capsets
 * Description: no capability set exists, and asking for one says so
 *
 * SUBTEST: resource-2d
 * Description: an image goes through its life, and every misuse is refused
 *
 * SUBTEST: backing
 * Description: backing pages are attached, copied from and detached
 *
 * SUBTEST: uuid
 * Description: a resource gets a UUID and keeps it
 *
 * SUBTEST: blob
 * Description: blobs are created, mapped and unmapped, and misuse is refused
 *
 * SUBTEST: context
 * Description: contexts are created and destroyed once
 *
 * SUBTEST: unknown
 * Description: what is no control command is refused
 *
 * SUBTEST: short
 * Description: requests and responses that are cut short do no harm
 *
 * SUBTEST: fence
 * Description: a fence comes back with the answer
 *
 * SUBTEST: fuzz
 * Description: whatever is sent is answered, and the device goes on working
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/virtio_gpu.h>

#include "igt.h"
#include "sysfs.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check the device's answers on the control queue");

/* Far from the identifiers that a driver counts up from 1. */
#define ID		0x70000001u
#define OTHER_ID	0x70000002u
#define CTX		0x7001u

#define OK		VIRTIO_GPU_RESP_OK_NODATA
#define UNSPEC		VIRTIO_GPU_RESP_ERR_UNSPEC
#define NO_MEMORY	VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
#define BAD_SCANOUT	VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID
#define BAD_RESOURCE	VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define BAD_CONTEXT	VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID
#define BAD_PARAMETER	VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER

static struct vram vram;

/* Send bytes, get bytes. Return: how many the device wrote. */
static unsigned int send_raw(const void *req, unsigned int req_len, void *resp,
			     unsigned int room)
{
	struct vram_test_ctrl ctrl = {
		.req = (uintptr_t)req,
		.resp = (uintptr_t)resp,
		.req_len = req_len,
		.resp_len = room,
	};

	memset(resp, 0xee, room);
	do_ioctl(vram.test, VRAM_TEST_CTRL, &ctrl);
	igt_assert_lte(ctrl.resp_len, room);
	return ctrl.resp_len;
}

/* Send a command. Return: the type of the answer. */
static uint32_t send_sized(void *req, unsigned int len, uint32_t type,
			   void *resp, unsigned int room)
{
	struct virtio_gpu_ctrl_hdr *hdr = req;
	struct virtio_gpu_ctrl_hdr *answer = resp;
	unsigned int got;

	hdr->type = type;
	got = send_raw(req, len, resp, room);
	igt_assert_lte(sizeof(*answer), got);
	if (answer->type >= VIRTIO_GPU_RESP_ERR_UNSPEC)
		igt_assert_eq(got, sizeof(*answer));
	return answer->type;
}

#define send(req, cmd) ({						\
	char __resp[512];						\
									\
	send_sized(&(req), sizeof(req), VIRTIO_GPU_CMD_##cmd, __resp,	\
		   sizeof(__resp));					\
})

static bool has(unsigned int feature)
{
	return vram_sysfs_feature(feature);
}

/* The device answers as it did at first. */
static void check_alive(void)
{
	struct virtio_gpu_resp_display_info info;
	struct virtio_gpu_ctrl_hdr req = {};

	igt_assert_eq(send_sized(&req, sizeof(req),
				 VIRTIO_GPU_CMD_GET_DISPLAY_INFO, &info,
				 sizeof(info)),
		      VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	igt_assert(info.pmodes[0].enabled);
}

static void check_edid(void)
{
	static const uint8_t magic[] = { 0, 255, 255, 255, 255, 255, 255, 0 };
	struct virtio_gpu_cmd_get_edid req = {};
	struct virtio_gpu_resp_edid resp;
	uint8_t sum = 0;
	unsigned int i;

	if (!has(VIRTIO_GPU_F_EDID)) {
		igt_assert_eq(send(req, GET_EDID), UNSPEC);
		return;
	}
	igt_assert_eq(send_sized(&req, sizeof(req), VIRTIO_GPU_CMD_GET_EDID,
				 &resp, sizeof(resp)),
		      VIRTIO_GPU_RESP_OK_EDID);
	igt_assert_lte(128, resp.size);
	igt_assert_lte(resp.size, sizeof(resp.edid));
	igt_assert(!memcmp(resp.edid, magic, sizeof(magic)));
	for (i = 0; i < 128; i++)
		sum += resp.edid[i];
	igt_assert_eq(sum, 0);
	req.scanout = 16;
	igt_assert_eq(send(req, GET_EDID), BAD_SCANOUT);
}

static void check_display(void)
{
	struct virtio_gpu_resp_display_info info;
	struct virtio_gpu_ctrl_hdr req = {};

	igt_assert_eq(send_sized(&req, sizeof(req),
				 VIRTIO_GPU_CMD_GET_DISPLAY_INFO, &info,
				 sizeof(info)),
		      VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	igt_assert(info.pmodes[0].enabled);
	igt_assert(info.pmodes[0].r.width && info.pmodes[0].r.height);
	check_edid();
}

static void check_capsets(void)
{
	struct virtio_gpu_get_capset_info info = {};
	struct virtio_gpu_get_capset capset = { .capset_id = 1 };

	igt_assert_eq(send(info, GET_CAPSET_INFO), BAD_PARAMETER);
	igt_assert_eq(send(capset, GET_CAPSET), BAD_PARAMETER);
}

static uint32_t create_2d(uint32_t id, uint32_t format, uint32_t width,
			  uint32_t height)
{
	struct virtio_gpu_resource_create_2d req = {
		.resource_id = id,
		.format = format,
		.width = width,
		.height = height,
	};

	return send(req, RESOURCE_CREATE_2D);
}

static uint32_t unref(uint32_t id)
{
	struct virtio_gpu_resource_unref req = { .resource_id = id };

	return send(req, RESOURCE_UNREF);
}

static uint32_t scanout(uint32_t scanout_id, uint32_t id, uint32_t width)
{
	struct virtio_gpu_set_scanout req = {
		.r = { .width = width, .height = 16 },
		.scanout_id = scanout_id,
		.resource_id = id,
	};

	return send(req, SET_SCANOUT);
}

static uint32_t flush(uint32_t id, uint32_t x, uint32_t width)
{
	struct virtio_gpu_resource_flush req = {
		.r = { .x = x, .width = width, .height = 16 },
		.resource_id = id,
	};

	return send(req, RESOURCE_FLUSH);
}

static void check_resource_2d(void)
{
	const uint32_t format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM;

	igt_assert_eq(create_2d(0, format, 16, 16), BAD_RESOURCE);
	igt_assert_eq(create_2d(ID, 0, 16, 16), BAD_PARAMETER);
	igt_assert_eq(create_2d(ID, 999, 16, 16), BAD_PARAMETER);
	igt_assert_eq(create_2d(ID, format, 0, 16), BAD_PARAMETER);
	igt_assert_eq(create_2d(ID, format, -1, -1), NO_MEMORY);
	igt_assert_eq(unref(ID), BAD_RESOURCE);

	igt_assert_eq(create_2d(ID, format, 32, 16), OK);
	igt_assert_eq(create_2d(ID, format, 32, 16), BAD_RESOURCE);
	igt_assert_eq(scanout(0, ID, 32), OK);
	igt_assert_eq(scanout(0, ID, 33), BAD_PARAMETER);
	igt_assert_eq(scanout(0, OTHER_ID, 32), BAD_RESOURCE);
	igt_assert_eq(scanout(99, ID, 32), BAD_SCANOUT);
	igt_assert_eq(flush(ID, 0, 32), OK);
	igt_assert_eq(flush(ID, 1, 32), BAD_PARAMETER);
	igt_assert_eq(flush(ID, -1, 2), BAD_PARAMETER);
	igt_assert_eq(flush(OTHER_ID, 0, 32), BAD_RESOURCE);
	igt_assert_eq(scanout(0, 0, 0), OK);
	igt_assert_eq(unref(ID), OK);
	igt_assert_eq(unref(ID), BAD_RESOURCE);
	igt_assert_eq(unref(0), BAD_RESOURCE);
}

/* Guest-physical address of a locked page. */
static uint64_t physical(const void *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	igt_assert_fd(fd);
	igt_assert_eq(pread(fd, &entry, 8, (uintptr_t)page / VRAM_PAGE * 8), 8);
	close(fd);
	igt_assert(entry >> 63);
	return (entry & ((1ull << 55) - 1)) * VRAM_PAGE;
}

static uint32_t attach(uint32_t id, uint32_t nr, uint64_t addr, uint32_t len)
{
	struct {
		struct virtio_gpu_resource_attach_backing head;
		struct virtio_gpu_mem_entry entry;
	} req = {
		.head = { .resource_id = id, .nr_entries = nr },
		.entry = { .addr = addr, .length = len },
	};

	return send(req, RESOURCE_ATTACH_BACKING);
}

static uint32_t detach(uint32_t id)
{
	struct virtio_gpu_resource_detach_backing req = { .resource_id = id };

	return send(req, RESOURCE_DETACH_BACKING);
}

static uint32_t transfer(uint32_t id, uint32_t width, uint64_t offset)
{
	struct virtio_gpu_transfer_to_host_2d req = {
		.r = { .width = width, .height = 16 },
		.offset = offset,
		.resource_id = id,
	};

	return send(req, TRANSFER_TO_HOST_2D);
}

static void check_backing(void)
{
	void *page = mmap(NULL, VRAM_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	uint64_t addr;

	igt_assert(page != MAP_FAILED);
	memset(page, 1, VRAM_PAGE);
	addr = physical(page);
	igt_assert_eq(create_2d(ID, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 32, 16),
		      OK);
	igt_assert_eq(transfer(ID, 32, 0), UNSPEC);
	igt_assert_eq(detach(ID), UNSPEC);
	igt_assert_eq(attach(OTHER_ID, 1, addr, VRAM_PAGE), BAD_RESOURCE);
	igt_assert_eq(attach(ID, 1, 1ull << 60, VRAM_PAGE), BAD_PARAMETER);
	igt_assert_eq(attach(ID, 1, -4096ull, 8192), BAD_PARAMETER);
	igt_assert_eq(attach(ID, 1, addr, 0), BAD_PARAMETER);
	igt_assert_eq(attach(ID, 2, addr, VRAM_PAGE), BAD_PARAMETER);
	igt_assert_eq(attach(ID, -1, addr, VRAM_PAGE), BAD_PARAMETER);

	igt_assert_eq(attach(ID, 1, addr, VRAM_PAGE), OK);
	igt_assert_eq(attach(ID, 1, addr, VRAM_PAGE), UNSPEC);
	igt_assert_eq(transfer(ID, 32, 0), OK);
	igt_assert_eq(transfer(ID, 33, 0), BAD_PARAMETER);
	igt_assert_eq(transfer(ID, 32, VRAM_PAGE), BAD_PARAMETER);
	igt_assert_eq(transfer(ID, 32, -1ull), BAD_PARAMETER);
	igt_assert_eq(transfer(OTHER_ID, 32, 0), BAD_RESOURCE);
	igt_assert_eq(detach(ID), OK);
	igt_assert_eq(detach(ID), UNSPEC);
	igt_assert_eq(unref(ID), OK);
	munmap(page, VRAM_PAGE);
}

static void check_uuid(void)
{
	struct virtio_gpu_resource_assign_uuid req = { .resource_id = ID };
	struct virtio_gpu_resp_resource_uuid one, two;

	if (!has(VIRTIO_GPU_F_RESOURCE_UUID)) {
		igt_assert_eq(send(req, RESOURCE_ASSIGN_UUID), UNSPEC);
		return;
	}
	igt_assert_eq(send(req, RESOURCE_ASSIGN_UUID), BAD_RESOURCE);
	igt_assert_eq(create_2d(ID, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 1, 1),
		      OK);
	igt_assert_eq(send_sized(&req, sizeof(req),
				 VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, &one,
				 sizeof(one)),
		      VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
	igt_assert_eq(send_sized(&req, sizeof(req),
				 VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, &two,
				 sizeof(two)),
		      VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
	igt_assert(!memcmp(one.uuid, two.uuid, sizeof(one.uuid)));
	igt_assert_eq(unref(ID), OK);
}

static uint32_t create_blob(uint32_t ctx, uint32_t id, uint32_t mem,
			    uint32_t flags, uint64_t size)
{
	struct virtio_gpu_resource_create_blob req = {
		.hdr = { .ctx_id = ctx },
		.resource_id = id,
		.blob_mem = mem,
		.blob_flags = flags,
		.size = size,
	};

	return send(req, RESOURCE_CREATE_BLOB);
}

static uint32_t map_blob(uint32_t id, uint64_t offset)
{
	struct virtio_gpu_resource_map_blob req = {
		.resource_id = id,
		.offset = offset,
	};

	return send(req, RESOURCE_MAP_BLOB);
}

static uint32_t unmap_blob(uint32_t id)
{
	struct virtio_gpu_resource_unmap_blob req = { .resource_id = id };

	return send(req, RESOURCE_UNMAP_BLOB);
}

static uint32_t create_ctx(uint32_t id)
{
	struct virtio_gpu_ctx_create req = { .hdr = { .ctx_id = id } };

	return send(req, CTX_CREATE);
}

static uint32_t destroy_ctx(uint32_t id)
{
	struct virtio_gpu_ctx_destroy req = { .hdr = { .ctx_id = id } };

	return send(req, CTX_DESTROY);
}

static void check_blob(void)
{
	const uint32_t mem = VIRTIO_GPU_BLOB_MEM_HOST3D;
	const uint32_t mappable = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE;
	uint64_t last = vram.size - VRAM_PAGE;

	if (!has(VIRTIO_GPU_F_RESOURCE_BLOB)) {
		igt_assert_eq(create_blob(CTX, ID, mem, mappable, VRAM_PAGE),
			      UNSPEC);
		igt_assert_eq(map_blob(ID, last), UNSPEC);
		igt_assert_eq(unmap_blob(ID), UNSPEC);
		return;
	}
	igt_require_f(vram_avail(&vram) == vram.size, "the window is in use\n");
	igt_assert_eq(create_ctx(CTX), OK);
	igt_assert_eq(create_blob(CTX + 1, ID, mem, mappable, VRAM_PAGE),
		      BAD_CONTEXT);
	igt_assert_eq(create_blob(CTX, 0, mem, mappable, VRAM_PAGE),
		      BAD_RESOURCE);
	igt_assert_eq(create_blob(CTX, ID, mem, mappable, 0), BAD_PARAMETER);
	igt_assert_eq(create_blob(CTX, ID, 99, mappable, VRAM_PAGE),
		      BAD_PARAMETER);
	igt_assert_eq(create_blob(CTX, ID, mem, 1u << 31, VRAM_PAGE),
		      BAD_PARAMETER);
	igt_assert_eq(create_blob(CTX, ID, mem, mappable, 1ull << 62),
		      NO_MEMORY);

	igt_assert_eq(create_blob(CTX, ID, mem, mappable, VRAM_PAGE), OK);
	igt_assert_eq(create_blob(CTX, ID, mem, mappable, VRAM_PAGE),
		      BAD_RESOURCE);
	igt_assert_eq(unmap_blob(ID), BAD_PARAMETER);
	igt_assert_eq(map_blob(OTHER_ID, last), BAD_RESOURCE);
	igt_assert_eq(map_blob(ID, vram.size), BAD_PARAMETER);
	igt_assert_eq(map_blob(ID, -4096ull), BAD_PARAMETER);
	igt_assert_eq(map_blob(ID, last + 1), BAD_PARAMETER);
	igt_assert_eq(map_blob(ID, last), VIRTIO_GPU_RESP_OK_MAP_INFO);
	igt_assert_eq(map_blob(ID, last - VRAM_PAGE), BAD_PARAMETER);
	igt_assert_eq(create_blob(CTX, OTHER_ID, mem, mappable, VRAM_PAGE), OK);
	igt_assert_eq(map_blob(OTHER_ID, last), BAD_PARAMETER);
	igt_assert_eq(unref(OTHER_ID), OK);
	igt_assert_eq(unref(ID), BAD_PARAMETER);
	igt_assert_eq(unmap_blob(ID), OK);
	igt_assert_eq(unref(ID), OK);
	igt_assert_eq(destroy_ctx(CTX), OK);
}

static void check_context(void)
{
	if (!has(VIRTIO_GPU_F_VIRGL)) {
		igt_assert_eq(create_ctx(CTX), UNSPEC);
		igt_assert_eq(destroy_ctx(CTX), UNSPEC);
		return;
	}
	igt_assert_eq(create_ctx(0), BAD_CONTEXT);
	igt_assert_eq(destroy_ctx(CTX), BAD_CONTEXT);
	igt_assert_eq(create_ctx(CTX), OK);
	igt_assert_eq(create_ctx(CTX), BAD_CONTEXT);
	igt_assert_eq(destroy_ctx(CTX), OK);
	igt_assert_eq(destroy_ctx(CTX), BAD_CONTEXT);
}

static void check_unknown(void)
{
	static const uint32_t types[] = {
		0, 1, 0xff, 0x1ff, 0x2ff, 0x300, 0x3ff, 0xffff, -1u,
		VIRTIO_GPU_RESP_OK_NODATA, VIRTIO_GPU_RESP_ERR_UNSPEC,
		/* These have a queue of their own. */
		VIRTIO_GPU_CMD_UPDATE_CURSOR, VIRTIO_GPU_CMD_MOVE_CURSOR,
	};
	char req[256] = {}, resp[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		igt_assert_eq(send_sized(req, sizeof(req), types[i], resp,
					 sizeof(resp)), UNSPEC);
}

static void check_short(void)
{
	struct virtio_gpu_resource_create_2d create = {
		.hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D },
		.resource_id = ID,
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		.width = 16,
		.height = 16,
	};
	struct virtio_gpu_ctrl_hdr info = {
		.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO,
	};
	struct virtio_gpu_ctrl_hdr resp;
	unsigned int len;

	/* What is not all there is refused, and nothing is made of it. */
	for (len = 0; len < sizeof(create); len++) {
		igt_assert_eq(send_raw(&create, len, &resp, sizeof(resp)),
			      sizeof(resp));
		igt_assert_eq(resp.type, len < sizeof(create.hdr) ?
			      UNSPEC : BAD_PARAMETER);
	}
	igt_assert_eq(unref(ID), BAD_RESOURCE);

	/* Room for the header alone gets an error, less room nothing. */
	igt_assert_eq(send_raw(&info, sizeof(info), &resp, sizeof(resp)),
		      sizeof(resp));
	igt_assert_eq(resp.type, BAD_PARAMETER);
	for (len = 0; len < sizeof(resp); len++)
		igt_assert_eq(send_raw(&info, sizeof(info), &resp, len), 0);
}

static void check_fence(void)
{
	struct virtio_gpu_ctrl_hdr req = {
		.flags = VIRTIO_GPU_FLAG_FENCE,
		.fence_id = 0x123456789abcdef0ull,
		.ctx_id = 0x55,
	};
	struct virtio_gpu_resp_display_info info;

	igt_assert_eq(send_sized(&req, sizeof(req),
				 VIRTIO_GPU_CMD_GET_DISPLAY_INFO, &info,
				 sizeof(info)),
		      VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	igt_assert(info.hdr.flags & VIRTIO_GPU_FLAG_FENCE);
	igt_assert_eq_u64(info.hdr.fence_id, req.fence_id);
	igt_assert_eq(info.hdr.ctx_id, 0x55);

	/* Also with a refusal, and not without having been asked for. */
	igt_assert_eq(send_sized(&req, sizeof(req), 0xffff, &info,
				 sizeof(info)), UNSPEC);
	igt_assert_eq_u64(info.hdr.fence_id, req.fence_id);
	req.flags = 0;
	igt_assert_eq(send_sized(&req, sizeof(req),
				 VIRTIO_GPU_CMD_GET_DISPLAY_INFO, &info,
				 sizeof(info)),
		      VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	igt_assert(!(info.hdr.flags & VIRTIO_GPU_FLAG_FENCE));
}

static void check_fuzz(void)
{
	static const uint32_t bases[] = { 0x100, 0x200, 0x300 };
	uint32_t req[128], resp[128];
	unsigned int i, j, len, got;

	for (i = 0; i < 3000; i++) {
		for (j = 0; j < ARRAY_SIZE(req); j++)
			req[j] = random() % 4 ? random() % 64 : random() << 1;
		req[0] = bases[random() % 3] + random() % 16;
		/* Not the driver's context, not its resources. */
		req[4] |= CTX;
		req[6] |= ID;
		req[10] |= ID;
		req[12] |= ID;
		len = random() % 2 ? sizeof(req) : random() % sizeof(req);
		got = send_raw(req, len, resp, sizeof(resp));
		igt_assert_lte(sizeof(struct virtio_gpu_ctrl_hdr), got);
		igt_assert_f(resp[0] >= VIRTIO_GPU_RESP_OK_NODATA &&
			     resp[0] <= VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
			     "answer of type %#x\n", resp[0]);
	}
}

static const struct {
	const char *name;
	const char *what;
	void (*run)(void);
} checks[] = {
	{ "display", "Check display information and EDID", check_display },
	{ "capsets", "Check that there are no capability sets",
	  check_capsets },
	{ "resource-2d", "Check the life of an image", check_resource_2d },
	{ "backing", "Check backing pages", check_backing },
	{ "uuid", "Check that a resource keeps its UUID", check_uuid },
	{ "blob", "Check the life of a blob", check_blob },
	{ "context", "Check the life of a context", check_context },
	{ "unknown", "Check that what is no control command is refused",
	  check_unknown },
	{ "short", "Check requests and responses that are cut short",
	  check_short },
	{ "fence", "Check that a fence comes back", check_fence },
	{ "fuzz", "Check that the device survives anything", check_fuzz },
};

igt_main()
{
	unsigned int i;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		igt_describe(checks[i].what);
		igt_subtest(checks[i].name) {
			checks[i].run();
			check_alive();
		}
	}

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
