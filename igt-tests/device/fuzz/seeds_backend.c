// SPDX-License-Identifier: MIT
/*
 * Seeds of fuzz_backend.c: what QEMU says from connection to reset.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/virtio_gpu.h>
#include <linux/virtio_ring.h>

#include "../vhost_user.h"
#include "fuzz_backend.h"
#include "seed.h"

#define QUEUE_SIZE	16
/* Where queue q has its rings, and its data. */
#define RINGS(q)	((q) * 0x2000u)
#define DESC(q)		(RINGS(q))
#define AVAIL(q)	(RINGS(q) + 0x400)
#define USED(q)		(RINGS(q) + 0x800)
#define DATA(q)		(RINGS(q) + 0x1000)

#define FEATURES	(1ULL << 32 | 1ULL << 28 | 1ULL << 30 | 0x1f)

static void message(unsigned int request, unsigned int fds, const void *data,
		    size_t len)
{
	struct fuzz_message m = {
		.request = (uint8_t)request,
		.flags = VHOST_USER_VERSION | VHOST_USER_NEED_REPLY,
	};

	seed_step2(FUZZ_MESSAGE, fds, &m, sizeof(m), data, len);
}

static void message_u64(unsigned int request, unsigned int fds, uint64_t value)
{
	message(request, fds, &value, sizeof(value));
}

static void message_state(unsigned int request, unsigned int queue,
			  unsigned int num)
{
	struct vhost_vring_state s = { .index = queue, .num = num };

	message(request, 0, &s, sizeof(s));
}

static void write_ram(uint32_t at, const void *data, size_t len)
{
	seed_step2(FUZZ_WRITE, 0, &at, sizeof(at), data, len);
}

static void negotiate(unsigned int features)
{
	message(VHOST_USER_GET_FEATURES, 0, "", 0);
	message(VHOST_USER_GET_PROTOCOL_FEATURES, 0, "", 0);
	message_u64(VHOST_USER_SET_PROTOCOL_FEATURES, 0,
		    1ULL << VHOST_USER_PROTOCOL_F_MQ |
		    1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK |
		    1ULL << VHOST_USER_PROTOCOL_F_BACKEND_REQ |
		    1ULL << VHOST_USER_PROTOCOL_F_CONFIG |
		    1ULL << VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD |
		    1ULL << VHOST_USER_PROTOCOL_F_SHMEM);
	message(VHOST_USER_GET_QUEUE_NUM, 0, "", 0);
	message(VHOST_USER_GET_SHMEM_CONFIG, 0, "", 0);
	message(VHOST_USER_SET_BACKEND_REQ_FD, FUZZ_FDS(1, FUZZ_FD_SOCKET), "", 0);
	message(VHOST_USER_SET_OWNER, 0, "", 0);
	message_u64(VHOST_USER_SET_FEATURES, 0, FEATURES & ~(uint64_t)features);
}

static void memory(void)
{
	struct vhost_user_table t = {
		.nr = 1,
		.region[0] = {
			.gpa = FUZZ_RAM,
			.size = FUZZ_RAM_SIZE,
			.uaddr = FUZZ_UADDR,
		},
	};

	message(VHOST_USER_SET_MEM_TABLE, FUZZ_FDS(1, FUZZ_FD_RAM), &t,
		offsetof(struct vhost_user_table, region[1]));
}

static void start_queue(unsigned int q)
{
	struct vhost_vring_addr addr = {
		.index = q,
		.desc_user_addr = FUZZ_UADDR + DESC(q),
		.avail_user_addr = FUZZ_UADDR + AVAIL(q),
		.used_user_addr = FUZZ_UADDR + USED(q),
	};

	message_state(VHOST_USER_SET_VRING_NUM, q, QUEUE_SIZE);
	message_state(VHOST_USER_SET_VRING_BASE, q, 0);
	message(VHOST_USER_SET_VRING_ADDR, 0, &addr, sizeof(addr));
	message_u64(VHOST_USER_SET_VRING_KICK, FUZZ_FDS(1, FUZZ_FD_EVENT), q);
	message_u64(VHOST_USER_SET_VRING_CALL, FUZZ_FDS(1, FUZZ_FD_EVENT), q);
	message_u64(VHOST_USER_SET_VRING_ERR, 0, q | VHOST_USER_VRING_NOFD);
	message_state(VHOST_USER_SET_VRING_ENABLE, q, 1);
}

/* Request number nr of a queue, in descriptors of its own. */
static void request(unsigned int q, unsigned int nr, const void *rq, size_t len)
{
	uint32_t data = DATA(q) + nr % 4 * 0x400;
	uint16_t head = (uint16_t)(nr * 2 % QUEUE_SIZE), idx = (uint16_t)(nr + 1);
	struct vring_desc desc[2] = {
		{ FUZZ_RAM + data, (uint32_t)len, VRING_DESC_F_NEXT,
		  (uint16_t)(head + 1) },
		{ FUZZ_RAM + data + 0x200, 0x200, VRING_DESC_F_WRITE, 0 },
	};

	write_ram(data, rq, len);
	write_ram(DESC(q) + head * (uint32_t)sizeof(desc[0]), desc, sizeof(desc));
	write_ram(AVAIL(q) + 4 + nr % QUEUE_SIZE * 2, &head, sizeof(head));
	write_ram(AVAIL(q) + 2, &idx, sizeof(idx));
	seed_step(FUZZ_KICK, q, "", 0);
}

static void stop(void)
{
	message_state(VHOST_USER_GET_VRING_BASE, 0, 0);
	message_state(VHOST_USER_GET_VRING_BASE, 1, 0);
	message(VHOST_USER_RESET_DEVICE, 0, "", 0);
}

static void whole(void)
{
	struct virtio_gpu_ctrl_hdr info = {
		.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO,
	};
	struct virtio_gpu_update_cursor cursor = {
		.hdr.type = VIRTIO_GPU_CMD_MOVE_CURSOR,
	};
	struct vhost_user_config config = { .size = 16 };

	seed_begin("whole");
	seed_step(FUZZ_MESSAGE, 0, "", 0);
	negotiate(0x19);
	message(VHOST_USER_GET_CONFIG, 0, &config,
		offsetof(struct vhost_user_config, data[16]));
	message(VHOST_USER_SET_CONFIG, 0, &config,
		offsetof(struct vhost_user_config, data[16]));
	memory();
	start_queue(0);
	start_queue(1);
	seed_step(FUZZ_ANSWER, FUZZ_ANSWER_OK, "", 0);
	request(0, 0, &info, sizeof(info));
	request(1, 0, &cursor, sizeof(cursor));
	request(0, 1, &info, sizeof(info));
	stop();
	start_queue(0);
	seed_step(FUZZ_ANSWER, FUZZ_ANSWER_OK, "", 0);
	seed_step(FUZZ_ANSWER, FUZZ_ANSWER_OK, "", 0);
}

/* Up to a request that waits for the window. */
static void blob_mapped(const char *name)
{
	struct virtio_gpu_ctx_create ctx = {
		.hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = 1 },
	};
	struct virtio_gpu_resource_create_blob create = {
		.hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
			 .ctx_id = 1 },
		.resource_id = 1,
		.blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
		.blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
		.size = 0x2000,
	};
	struct virtio_gpu_resource_map_blob map = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
		.resource_id = 1,
		.offset = 0x4000,
	};

	seed_begin(name);
	seed_step(FUZZ_MESSAGE, FUZZ_BLOB | FUZZ_MEM_SLOTS, "", 0);
	negotiate(0);
	message(VHOST_USER_GET_MAX_MEM_SLOTS, 0, "", 0);
	memory();
	start_queue(0);
	request(0, 0, &ctx, sizeof(ctx));
	request(0, 1, &create, sizeof(create));
	request(0, 2, &map, sizeof(map));
}

static void blob(void)
{
	struct virtio_gpu_resource_unmap_blob unmap = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,
		.resource_id = 1,
	};

	blob_mapped("blob");
	seed_step(FUZZ_ANSWER, FUZZ_ANSWER_OK, "", 0);
	request(0, 3, &unmap, sizeof(unmap));
	stop();
	seed_step(FUZZ_ANSWER, FUZZ_ANSWER_OK, "", 0);
}

static const struct vhost_user_mem_reg ram = {
	.region = {
		.gpa = FUZZ_RAM,
		.size = FUZZ_RAM_SIZE,
		.uaddr = FUZZ_UADDR,
	},
};

/* Memory that goes away while a request waits for the window. */
static void pending(void)
{
	blob_mapped("pending");
	message(VHOST_USER_REM_MEM_REG, 0, &ram, sizeof(ram));
	seed_step(FUZZ_ANSWER, FUZZ_ANSWER_OK, "", 0);
}

/* Memory that comes and goes while a queue runs. */
static void regions(void)
{
	seed_begin("regions");
	seed_step(FUZZ_MESSAGE, FUZZ_BLOB | FUZZ_MEM_SLOTS, "", 0);
	negotiate(0);
	message(VHOST_USER_ADD_MEM_REG, FUZZ_FDS(1, FUZZ_FD_RAM), &ram,
		sizeof(ram));
	start_queue(1);
	message(VHOST_USER_REM_MEM_REG, 0, &ram, sizeof(ram));
	message(VHOST_USER_ADD_MEM_REG, FUZZ_FDS(1, FUZZ_FD_RAM), &ram,
		sizeof(ram));
	start_queue(1);
	seed_step(FUZZ_ANSWER, FUZZ_ANSWER_HANG_UP, "", 0);
}

void write_seeds(void)
{
	static const uint64_t numbers[] = {
		FUZZ_RAM, FUZZ_RAM_SIZE, FUZZ_UADDR, FUZZ_UADDR + FUZZ_RAM_SIZE,
		0x1000, FEATURES,
	};
	size_t i;

	whole();
	blob();
	pending();
	regions();
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		seed_word(&numbers[i], sizeof(numbers[i]));
}
