// SPDX-License-Identifier: MIT
/*
 * The connection, seen from a front-end that does as QEMU does, or worse.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_gpu.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "../backend.h"
#include "../channel.h"
#include "ring.h"
#include "unit.h"

#define POOL		(1ULL << 20)
#define CURSOR_RING	0x20000ULL
#define FEATURES	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << 28 | 1ULL << 30)
#define GPU_FEATURES	0x1fULL
#define NEED_REPLY	VHOST_USER_NEED_REPLY

static struct {
	struct pool pool;
	struct backend *be;
	int sock;		/* the front-end's ends */
	int peer;
	int requests;
	int ram_fd;
	uint8_t *ram;
	struct ring ring[2];
	int kick[2], call[2], err[2];
	enum backend_end end;
} fe;

/* Let the device do all it can. */
static void settle(void)
{
	int i;

	for (i = 0; i < 40 && fe.end == BACKEND_GOES_ON; i++)
		fe.end = backend_step(fe.be, 0, NULL);
}

static void send_fds(uint32_t request, uint32_t flags, const void *payload,
		     uint32_t size, const int *fds, unsigned int nr)
{
	struct vhost_user_header hdr = {
		.request = request,
		.flags = VHOST_USER_VERSION | flags,
		.size = size,
	};
	struct iovec iov[2] = {
		{ .iov_base = &hdr, .iov_len = sizeof(hdr) },
		{ .iov_base = (void *)payload, .iov_len = size },
	};
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(16 * sizeof(int))];
	} control = { 0 };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };

	if (nr) {
		struct cmsghdr *cm;

		mh.msg_control = control.buf;
		mh.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(nr * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, nr * sizeof(int));
	}
	if (sendmsg(fe.sock, &mh, MSG_NOSIGNAL) < 0)
		perror("sendmsg");
	settle();
}

static void send_u64(uint32_t request, uint64_t value)
{
	send_fds(request, 0, &value, sizeof(value), NULL, 0);
}

static void send_state(uint32_t request, unsigned int index, unsigned int num)
{
	struct vhost_vring_state s = { .index = index, .num = num };

	send_fds(request, 0, &s, sizeof(s), NULL, 0);
}

static bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

/* The device's answer to a message; false if there is none or a wrong one. */
static bool answer(uint32_t request, struct message *msg)
{
	return readable(fe.sock) && channel_recv(fe.sock, msg) == 1 &&
	       msg->hdr.request == request &&
	       msg->hdr.flags == (VHOST_USER_VERSION | VHOST_USER_REPLY);
}

static uint64_t ask_u64(uint32_t request)
{
	struct message msg;

	send_fds(request, 0, NULL, 0, NULL, 0);
	if (!answer(request, &msg) || msg.hdr.size != 8)
		return ~0ULL;
	return msg.payload.u64;
}

/* 0 or 1, as the device acknowledges it; 2 if it does not. */
static unsigned int acked(uint32_t request, const void *payload, uint32_t size,
			  const int *fds, unsigned int nr)
{
	struct message msg;

	send_fds(request, NEED_REPLY, payload, size, fds, nr);
	if (!answer(request, &msg) || msg.hdr.size != 8)
		return 2;
	return (unsigned int)msg.payload.u64;
}

/* What the device asks of the front-end; answered by reply_window(). */
static bool window_request(uint32_t request, struct message *msg)
{
	bool ok = readable(fe.requests) && channel_recv(fe.requests, msg) == 1 &&
		  msg->hdr.request == request &&
		  msg->hdr.size == sizeof(msg->payload.mmap) &&
		  msg->hdr.flags == (VHOST_USER_VERSION | NEED_REPLY) &&
		  msg->payload.mmap.shmid == 1 &&
		  msg->nr_fds == (request == VHOST_USER_BACKEND_SHMEM_MAP);

	if (ok)
		message_drop_fds(msg);
	return ok;
}

static void reply_window(uint32_t request, uint64_t error)
{
	struct message msg = {
		.hdr = {
			.request = request,
			.flags = VHOST_USER_VERSION | VHOST_USER_REPLY,
			.size = 8,
		},
		.payload.u64 = error,
	};

	channel_send(fe.requests, &msg, -1);
	settle();
}

static void connect_to(enum window_mode mode)
{
	struct backend_config config = { .mode = mode };
	int sv[2], i;

	memset(&fe, 0, sizeof(fe));
	fe.requests = -1;
	pool_open(&fe.pool, NULL, POOL);
	fe.ram_fd = memfd_create("ram", MFD_CLOEXEC);
	if (ftruncate(fe.ram_fd, RAM_SIZE) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, sv)) {
		perror("setup");
		exit(1);
	}
	fe.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      fe.ram_fd, 0);
	for (i = 0; i < 2; i++) {
		fe.kick[i] = eventfd(0, EFD_NONBLOCK);
		fe.call[i] = eventfd(0, EFD_NONBLOCK);
		fe.err[i] = eventfd(0, EFD_NONBLOCK);
		ring_init(&fe.ring[i], fe.ram, i ? CURSOR_RING : 0);
	}
	fe.sock = sv[0];
	fe.peer = sv[1];
	fe.be = backend_new(fe.peer, &config, &fe.pool);
	fe.end = BACKEND_GOES_ON;
}

static void hang_up(void)
{
	int i;

	backend_free(fe.be);
	for (i = 0; i < 2; i++) {
		close(fe.kick[i]);
		close(fe.call[i]);
		close(fe.err[i]);
	}
	if (fe.sock >= 0)
		close(fe.sock);
	close(fe.peer);
	if (fe.requests >= 0)
		close(fe.requests);
	munmap(fe.ram, RAM_SIZE);
	close(fe.ram_fd);
	pool_close(&fe.pool);
}

static struct vhost_user_table ram_table(void)
{
	return (struct vhost_user_table) {
		.nr = 1,
		.region = {
			{ .gpa = RAM_GPA, .size = RAM_SIZE, .uaddr = RAM_UADDR },
		},
	};
}

static void set_ram(void)
{
	struct vhost_user_table t = ram_table();

	send_fds(VHOST_USER_SET_MEM_TABLE, 0, &t, 8 + sizeof(t.region[0]),
		 &fe.ram_fd, 1);
}

static void set_vring(unsigned int i, unsigned int base)
{
	uint64_t at = RAM_UADDR + (i ? CURSOR_RING : 0);
	struct vhost_vring_addr addr = {
		.index = i,
		.desc_user_addr = at + DESC_AT,
		.avail_user_addr = at + AVAIL_AT,
		.used_user_addr = at + USED_AT,
	};
	uint64_t index = i;

	send_state(VHOST_USER_SET_VRING_NUM, i, RING_SIZE);
	send_state(VHOST_USER_SET_VRING_BASE, i, base);
	send_fds(VHOST_USER_SET_VRING_ADDR, 0, &addr, sizeof(addr), NULL, 0);
	send_fds(VHOST_USER_SET_VRING_KICK, 0, &index, 8, &fe.kick[i], 1);
	send_fds(VHOST_USER_SET_VRING_CALL, 0, &index, 8, &fe.call[i], 1);
	send_fds(VHOST_USER_SET_VRING_ERR, 0, &index, 8, &fe.err[i], 1);
}

/* All up to the point where the queues start. */
static void negotiate(enum window_mode mode)
{
	int sv[2];

	connect_to(mode);
	send_u64(VHOST_USER_SET_PROTOCOL_FEATURES,
		 ask_u64(VHOST_USER_GET_PROTOCOL_FEATURES));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv))
		return;
	fe.requests = sv[0];
	send_fds(VHOST_USER_SET_BACKEND_REQ_FD, 0, NULL, 0, &sv[1], 1);
	close(sv[1]);
	send_u64(VHOST_USER_SET_FEATURES,
		 FEATURES | (mode == WINDOW_BLOB ? GPU_FEATURES : 6));
	set_ram();
	set_vring(0, 0);
	set_vring(1, 0);
}

static void enable(void)
{
	send_state(VHOST_USER_SET_VRING_ENABLE, 0, 1);
	send_state(VHOST_USER_SET_VRING_ENABLE, 1, 1);
}

static bool whole_is_mapped(void)
{
	struct message msg;

	if (!window_request(VHOST_USER_BACKEND_SHMEM_MAP, &msg) ||
	    msg.payload.mmap.len != POOL || msg.payload.mmap.shm_offset)
		return false;
	reply_window(VHOST_USER_BACKEND_SHMEM_MAP, 0);
	return true;
}

static void kick(unsigned int i)
{
	uint64_t one = 1;

	if (write(fe.kick[i], &one, 8) != 8)
		perror("kick");
	settle();
}

/* Offer a request at DATA_AT, with room for the answer 4 KiB on. */
static void offer(unsigned int i, const void *req, uint32_t len)
{
	uint64_t data = (i ? CURSOR_RING : 0) + DATA_AT;

	memcpy(fe.ram + data, req, len);
	memset(fe.ram + data + 0x1000, 0, 0x1000);
	ring_desc(&fe.ring[i], 0, data, len, VRING_DESC_F_NEXT, 1);
	ring_desc(&fe.ring[i], 1, data + 0x1000, 0x1000, VRING_DESC_F_WRITE, 0);
	ring_offer(&fe.ring[i], 0);
}

static uint32_t response(unsigned int i)
{
	return *(uint32_t *)(fe.ram + (i ? CURSOR_RING : 0) + DATA_AT + 0x1000);
}

static uint32_t run(const void *req, uint32_t len)
{
	uint16_t before = fe.ring[0].used->idx;

	offer(0, req, len);
	kick(0);
	return fe.ring[0].used->idx == before ? 0 : response(0);
}

static const struct virtio_gpu_ctrl_hdr display_info = {
	.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO,
};

static bool display_info_works(void)
{
	return run(&display_info, sizeof(display_info)) ==
	       VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
}

static void handshake(void)
{
	struct message msg;
	struct vhost_user_config c = { .size = 16 };

	connect_to(WINDOW_WHOLE);
	CHECK_EQ(ask_u64(VHOST_USER_GET_FEATURES), FEATURES | 6);
	/* MQ, REPLY_ACK, BACKEND_REQ, CONFIG, SEND_FD, RESET_DEVICE, SHMEM */
	CHECK_EQ(ask_u64(VHOST_USER_GET_PROTOCOL_FEATURES), 0x402629);
	CHECK_EQ(ask_u64(VHOST_USER_GET_QUEUE_NUM), 2);
	CHECK_EQ(ask_u64(VHOST_USER_GET_MAX_MEM_SLOTS), 512);
	send_fds(VHOST_USER_GET_SHMEM_CONFIG, 0, NULL, 0, NULL, 0);
	CHECK(answer(VHOST_USER_GET_SHMEM_CONFIG, &msg));
	CHECK_EQ(msg.hdr.size, 8 + 256 * 8);
	CHECK_EQ(msg.payload.shmem.nr, 1);
	CHECK_EQ(msg.payload.shmem.size[0], 0);
	CHECK_EQ(msg.payload.shmem.size[1], POOL);
	send_fds(VHOST_USER_GET_CONFIG, 0, &c, 12 + 16, NULL, 0);
	CHECK(answer(VHOST_USER_GET_CONFIG, &msg));
	CHECK_EQ(msg.hdr.size, 12 + 16);
	CHECK_EQ(msg.payload.config.data[8], 1);
	/* More than there is: an answer without payload. */
	c.size = 17;
	send_fds(VHOST_USER_GET_CONFIG, 0, &c, 12 + 17, NULL, 0);
	CHECK(answer(VHOST_USER_GET_CONFIG, &msg));
	CHECK_EQ(msg.hdr.size, 0);
	CHECK_EQ(fe.end, BACKEND_GOES_ON);
	hang_up();
}

static void acknowledgements(void)
{
	struct vhost_user_config c = { .size = 16, .data[8] = 1 };
	uint64_t bad = 1ULL << 40, good = FEATURES;

	negotiate(WINDOW_WHOLE);
	CHECK_EQ(acked(VHOST_USER_SET_FEATURES, &good, 8, NULL, 0), 0);
	CHECK_EQ(acked(VHOST_USER_SET_FEATURES, &bad, 8, NULL, 0), 1);
	CHECK_EQ(acked(VHOST_USER_SET_CONFIG, &c, 12 + 16, NULL, 0), 0);
	c.data[8] = 2;
	CHECK_EQ(acked(VHOST_USER_SET_CONFIG, &c, 12 + 16, NULL, 0), 1);
	CHECK_EQ(acked(999, NULL, 0, NULL, 0), 1);
	CHECK_EQ(fe.end, BACKEND_GOES_ON);
	hang_up();
}

/* The driver hears nothing before the window is there. */
static void whole_window_comes_first(void)
{
	negotiate(WINDOW_WHOLE);
	offer(0, &display_info, sizeof(display_info));
	enable();
	kick(0);
	CHECK_EQ(fe.ring[0].used->idx, 0);
	CHECK(!readable(fe.call[0]));
	CHECK(whole_is_mapped());
	CHECK_EQ(fe.ring[0].used->idx, 1);
	CHECK_EQ(fe.ring[0].used->ring[0].len, 408);
	CHECK_EQ(response(0), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	CHECK(readable(fe.call[0]));
	hang_up();
}

/* QEMU wants an answer to its own message before it gives one. */
static void messages_while_window_is_due(void)
{
	struct vhost_user_table t = ram_table();

	negotiate(WINDOW_WHOLE);
	enable();
	CHECK_EQ(acked(VHOST_USER_SET_MEM_TABLE, &t, 8 + 32, &fe.ram_fd, 1), 0);
	CHECK(whole_is_mapped());
	CHECK(display_info_works());
	hang_up();
}

static void cursor_queue_does_not_wait(void)
{
	struct virtio_gpu_update_cursor move = {
		.hdr.type = VIRTIO_GPU_CMD_MOVE_CURSOR,
	};

	negotiate(WINDOW_WHOLE);
	enable();
	offer(1, &move, sizeof(move));
	kick(1);
	CHECK_EQ(fe.ring[1].used->idx, 1);
	CHECK_EQ(response(1), VIRTIO_GPU_RESP_OK_NODATA);
	CHECK(readable(fe.call[1]));
	hang_up();
}

static void window_is_refused(void)
{
	struct message msg;

	negotiate(WINDOW_WHOLE);
	enable();
	CHECK(window_request(VHOST_USER_BACKEND_SHMEM_MAP, &msg));
	reply_window(VHOST_USER_BACKEND_SHMEM_MAP, 1);
	CHECK(window_request(VHOST_USER_BACKEND_SHMEM_UNMAP, &msg));
	reply_window(VHOST_USER_BACKEND_SHMEM_UNMAP, 1);
	CHECK(window_request(VHOST_USER_BACKEND_SHMEM_MAP, &msg));
	CHECK_EQ(fe.end, BACKEND_GOES_ON);
	reply_window(VHOST_USER_BACKEND_SHMEM_MAP, 1);
	CHECK_EQ(fe.end, BACKEND_FAILED);
	hang_up();
}

static void no_interrupt_unless_wanted(void)
{
	negotiate(WINDOW_WHOLE);
	enable();
	CHECK(whole_is_mapped());
	fe.ring[0].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	CHECK(display_info_works());
	CHECK(!readable(fe.call[0]));
	hang_up();
}

static unsigned int vring_base(unsigned int i)
{
	struct message msg;

	send_state(VHOST_USER_SET_VRING_ENABLE, i, 0);
	send_state(VHOST_USER_GET_VRING_BASE, i, 0);
	if (!answer(VHOST_USER_GET_VRING_BASE, &msg))
		return ~0U;
	return msg.payload.state.num;
}

static uint32_t create_2d(void)
{
	struct virtio_gpu_resource_create_2d cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		.resource_id = 1,
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		.width = 1,
		.height = 1,
	};

	return run(&cmd, sizeof(cmd));
}

static void pause_keeps_reset_forgets(void)
{
	negotiate(WINDOW_WHOLE);
	enable();
	CHECK(whole_is_mapped());
	CHECK_EQ(create_2d(), VIRTIO_GPU_RESP_OK_NODATA);
	CHECK_EQ(create_2d(), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	CHECK_EQ(vring_base(0), 2);
	CHECK_EQ(vring_base(1), 0);
	/* Nothing is done while stopped. */
	offer(0, &display_info, sizeof(display_info));
	kick(0);
	CHECK_EQ(fe.ring[0].used->idx, 2);
	set_vring(0, 2);
	set_vring(1, 0);
	enable();
	CHECK(!readable(fe.requests));
	CHECK_EQ(fe.ring[0].used->idx, 3);
	CHECK_EQ(create_2d(), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);

	/* A virtio reset: rings anew. */
	CHECK_EQ(vring_base(0), 4);
	CHECK_EQ(vring_base(1), 0);
	memset(fe.ram, 0, RAM_SIZE);
	set_vring(0, 0);
	set_vring(1, 0);
	enable();
	CHECK(whole_is_mapped());
	CHECK_EQ(create_2d(), VIRTIO_GPU_RESP_OK_NODATA);

	/* And where the front-end says it. */
	send_fds(VHOST_USER_RESET_DEVICE, 0, NULL, 0, NULL, 0);
	memset(fe.ram, 0, RAM_SIZE);
	set_vring(0, 0);
	enable();
	CHECK(whole_is_mapped());
	CHECK_EQ(create_2d(), VIRTIO_GPU_RESP_OK_NODATA);
	CHECK_EQ(fe.end, BACKEND_GOES_ON);
	hang_up();
}

static const struct virtio_gpu_resource_map_blob map_blob = {
	.hdr.type = VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
	.resource_id = 1,
	.offset = 0x5000,
};

static bool create_blob(void)
{
	struct virtio_gpu_ctx_create ctx = {
		.hdr.type = VIRTIO_GPU_CMD_CTX_CREATE,
		.hdr.ctx_id = 1,
	};
	struct virtio_gpu_resource_create_blob blob = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
		.hdr.ctx_id = 1,
		.resource_id = 1,
		.blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
		.blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
		.size = 0x2000,
	};

	return run(&ctx, sizeof(ctx)) == VIRTIO_GPU_RESP_OK_NODATA &&
	       run(&blob, sizeof(blob)) == VIRTIO_GPU_RESP_OK_NODATA;
}

/* Leaves a MAP_BLOB waiting for the front-end. */
static bool start_map_blob(void)
{
	return create_blob() && run(&map_blob, sizeof(map_blob)) == 0;
}

static void blob_answer_waits(void)
{
	struct message msg;

	negotiate(WINDOW_BLOB);
	enable();
	CHECK(!readable(fe.requests));
	CHECK(create_blob());
	offer(0, &map_blob, sizeof(map_blob));
	/* What comes behind it waits as well. */
	ring_desc(&fe.ring[0], 2, DATA_AT + 0x8000, 24, VRING_DESC_F_NEXT, 3);
	ring_desc(&fe.ring[0], 3, DATA_AT + 0x9000, 408, VRING_DESC_F_WRITE, 0);
	memcpy(fe.ram + DATA_AT + 0x8000, &display_info, 24);
	ring_offer(&fe.ring[0], 2);
	kick(0);
	CHECK_EQ(fe.ring[0].used->idx, 2);
	CHECK(window_request(VHOST_USER_BACKEND_SHMEM_MAP, &msg));
	CHECK_EQ(msg.payload.mmap.shm_offset, 0x5000);
	CHECK_EQ(msg.payload.mmap.len, 0x2000);
	CHECK_EQ(msg.payload.mmap.flags, 1);
	reply_window(VHOST_USER_BACKEND_SHMEM_MAP, 0);
	CHECK_EQ(fe.ring[0].used->idx, 4);
	CHECK_EQ(fe.ring[0].used->ring[2].id, 0);
	CHECK_EQ(fe.ring[0].used->ring[2].len, 32);
	CHECK_EQ(fe.ring[0].used->ring[3].id, 2);
	CHECK_EQ(response(0), VIRTIO_GPU_RESP_OK_MAP_INFO);
	hang_up();
}

/* A stop must be answered at once, and nothing may be answered twice. */
static void stop_while_blob_answer_waits(void)
{
	struct message msg;

	negotiate(WINDOW_BLOB);
	enable();
	CHECK(start_map_blob());
	CHECK_EQ(vring_base(0), 3);
	CHECK_EQ(fe.ring[0].used->idx, 3);
	CHECK_EQ(response(0), VIRTIO_GPU_RESP_OK_MAP_INFO);
	set_vring(0, 3);
	enable();
	offer(0, &display_info, sizeof(display_info));
	kick(0);
	CHECK_EQ(fe.ring[0].used->idx, 3);
	CHECK(window_request(VHOST_USER_BACKEND_SHMEM_MAP, &msg));
	reply_window(VHOST_USER_BACKEND_SHMEM_MAP, 0);
	CHECK_EQ(fe.ring[0].used->idx, 4);
	CHECK_EQ(fe.end, BACKEND_GOES_ON);
	hang_up();
}

static void memory_goes_while_blob_answer_waits(void)
{
	struct vhost_user_mem_reg reg = {
		.region = ram_table().region[0],
	};

	negotiate(WINDOW_BLOB);
	enable();
	CHECK(start_map_blob());
	CHECK_EQ(acked(VHOST_USER_REM_MEM_REG, &reg, sizeof(reg), NULL, 0), 0);
	reply_window(VHOST_USER_BACKEND_SHMEM_MAP, 0);
	CHECK_EQ(fe.ring[0].used->idx, 2);
	CHECK_EQ(vring_base(0), 3);
	CHECK_EQ(fe.end, BACKEND_GOES_ON);
	hang_up();
}

static void front_end_drops_the_channel(void)
{
	negotiate(WINDOW_BLOB);
	enable();
	CHECK(start_map_blob());
	close(fe.requests);
	fe.requests = -1;
	settle();
	CHECK_EQ(fe.end, BACKEND_GOES_ON);
	/* Messages are still answered. */
	CHECK_EQ(ask_u64(VHOST_USER_GET_QUEUE_NUM), 2);
	hang_up();
}

static void whole_without_channel(void)
{
	connect_to(WINDOW_WHOLE);
	send_u64(VHOST_USER_SET_FEATURES, FEATURES);
	set_ram();
	set_vring(0, 0);
	send_state(VHOST_USER_SET_VRING_ENABLE, 0, 1);
	CHECK_EQ(fe.end, BACKEND_FAILED);
	hang_up();
}

/* A queue that breaks says so, and the rest of the device lives on. */
static void broken_queue(void)
{
	struct virtio_gpu_update_cursor move = {
		.hdr.type = VIRTIO_GPU_CMD_MOVE_CURSOR,
	};

	negotiate(WINDOW_WHOLE);
	enable();
	CHECK(whole_is_mapped());
	ring_desc(&fe.ring[0], 0, DATA_AT, 24, VRING_DESC_F_NEXT, 0);
	ring_offer(&fe.ring[0], 0);
	kick(0);
	CHECK_EQ(fe.ring[0].used->idx, 0);
	CHECK(readable(fe.err[0]));
	CHECK_EQ(run(&display_info, sizeof(display_info)), 0);
	offer(1, &move, sizeof(move));
	kick(1);
	CHECK_EQ(fe.ring[1].used->idx, 1);

	/* Until the driver starts over. */
	CHECK_EQ(vring_base(0), 0);
	memset(fe.ram, 0, 0x4000);
	set_vring(0, 0);
	send_state(VHOST_USER_SET_VRING_ENABLE, 0, 1);
	CHECK(whole_is_mapped());
	CHECK(display_info_works());
	hang_up();
}

static void rings_outside_memory(void)
{
	struct vhost_vring_addr addr = {
		.desc_user_addr = RAM_UADDR + RAM_SIZE - 16,
		.avail_user_addr = RAM_UADDR + AVAIL_AT,
		.used_user_addr = RAM_UADDR + USED_AT,
	};
	struct vhost_vring_state on = { .num = 1 };

	negotiate(WINDOW_WHOLE);
	CHECK_EQ(acked(VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0),
		 0);
	CHECK_EQ(acked(VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on), NULL, 0),
		 1);
	CHECK(readable(fe.err[0]));
	/* Not aligned: the front-end must not make the device trap. */
	addr.desc_user_addr = RAM_UADDR + 8;
	CHECK_EQ(acked(VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0),
		 1);
	kick(0);
	CHECK_EQ(fe.end, BACKEND_GOES_ON);
	hang_up();
}

static void memory_goes_under_the_rings(void)
{
	struct vhost_user_mem_reg reg = {
		.region = ram_table().region[0],
	};

	negotiate(WINDOW_WHOLE);
	enable();
	CHECK(whole_is_mapped());
	CHECK_EQ(acked(VHOST_USER_REM_MEM_REG, &reg, sizeof(reg), NULL, 0), 0);
	CHECK(readable(fe.err[0]));
	kick(0);
	CHECK_EQ(acked(VHOST_USER_REM_MEM_REG, &reg, sizeof(reg), NULL, 0), 1);
	CHECK_EQ(acked(VHOST_USER_ADD_MEM_REG, &reg, sizeof(reg), &fe.ram_fd, 1),
		 0);
	CHECK_EQ(acked(VHOST_USER_ADD_MEM_REG, &reg, sizeof(reg), &fe.ram_fd, 1),
		 1);
	CHECK_EQ(vring_base(0), 0);
	set_vring(0, 0);
	send_state(VHOST_USER_SET_VRING_ENABLE, 0, 1);
	CHECK(whole_is_mapped());
	CHECK(display_info_works());
	hang_up();
}

static void bad_queue_parameters(void)
{
	static const unsigned int sizes[] = { 0, 3, 2048, 0x80000000 };
	struct vhost_vring_state s = { .index = 0 };
	struct vhost_vring_addr addr = { .index = 2 };
	uint64_t index = 2;
	unsigned int i;

	negotiate(WINDOW_WHOLE);
	for (i = 0; i < 4; i++) {
		s.num = sizes[i];
		CHECK_EQ(acked(VHOST_USER_SET_VRING_NUM, &s, 8, NULL, 0), 1);
	}
	s.num = 65536;
	CHECK_EQ(acked(VHOST_USER_SET_VRING_BASE, &s, 8, NULL, 0), 1);
	s = (struct vhost_vring_state) { .index = 2, .num = 64 };
	CHECK_EQ(acked(VHOST_USER_SET_VRING_NUM, &s, 8, NULL, 0), 1);
	CHECK_EQ(acked(VHOST_USER_SET_VRING_BASE, &s, 8, NULL, 0), 1);
	CHECK_EQ(acked(VHOST_USER_SET_VRING_ENABLE, &s, 8, NULL, 0), 1);
	CHECK_EQ(acked(VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0),
		 1);
	CHECK_EQ(acked(VHOST_USER_SET_VRING_KICK, &index, 8, &fe.kick[0], 1), 1);
	/* Not while it runs. */
	enable();
	s = (struct vhost_vring_state) { .index = 0, .num = 32 };
	CHECK_EQ(acked(VHOST_USER_SET_VRING_NUM, &s, 8, NULL, 0), 1);
	CHECK_EQ(acked(VHOST_USER_SET_VRING_BASE, &s, 8, NULL, 0), 1);
	CHECK(whole_is_mapped());
	CHECK(display_info_works());
	hang_up();
}

/*
 * The driver adds requests as fast as they are done: messages get through.
 *
 * The used ring lies on the available ring, so that the index which the device
 * increments after each request is also the one that offers it the next. What it
 * writes into the used ring becomes heads: 0, and 24, the length of a response.
 */
static void endless_requests(void)
{
	struct vhost_vring_addr addr = {
		.desc_user_addr = RAM_UADDR + DESC_AT,
		.avail_user_addr = RAM_UADDR + AVAIL_AT,
		.used_user_addr = RAM_UADDR + AVAIL_AT,
	};
	struct virtio_gpu_ctrl_hdr nonsense = { 0 };
	uint64_t one = 1;
	unsigned int i;

	negotiate(WINDOW_WHOLE);
	send_fds(VHOST_USER_SET_VRING_ADDR, 0, &addr, sizeof(addr), NULL, 0);
	memcpy(fe.ram + DATA_AT, &nonsense, sizeof(nonsense));
	for (i = 0; i < RING_SIZE - 1; i++)
		ring_desc(&fe.ring[0], i, DATA_AT, 24, VRING_DESC_F_NEXT,
			  RING_SIZE - 1);
	ring_desc(&fe.ring[0], i, DATA_AT + 0x1000, 24, VRING_DESC_F_WRITE, 0);
	ring_offer(&fe.ring[0], 0);
	enable();
	CHECK(whole_is_mapped());
	CHECK_EQ(write(fe.kick[0], &one, 8), 8);
	for (i = 0; i < 10; i++) {
		uint16_t before = fe.ring[0].avail->idx;

		fe.end = backend_step(fe.be, 0, NULL);
		CHECK_EQ((uint16_t)(fe.ring[0].avail->idx - before), RING_SIZE);
	}
	CHECK_EQ(ask_u64(VHOST_USER_GET_QUEUE_NUM), 2);
	CHECK_EQ(fe.end, BACKEND_GOES_ON);
	CHECK(!readable(fe.err[0]));
	hang_up();
}

static void hangs_up(void)
{
	negotiate(WINDOW_WHOLE);
	enable();
	close(fe.sock);
	fe.sock = -1;
	settle();
	CHECK_EQ(fe.end, BACKEND_CLOSED);
	hang_up();
}

static void hangs_up_within_a_message(void)
{
	struct vhost_user_header hdr = {
		.request = VHOST_USER_SET_FEATURES,
		.flags = VHOST_USER_VERSION,
		.size = 8,
	};

	connect_to(WINDOW_WHOLE);
	CHECK_EQ(write(fe.sock, &hdr, sizeof(hdr)), sizeof(hdr));
	close(fe.sock);
	fe.sock = -1;
	settle();
	CHECK_EQ(fe.end, BACKEND_FAILED);
	hang_up();
}

static void malformed_messages(void)
{
	struct vhost_user_table t = ram_table();
	uint8_t long_payload[sizeof(union vhost_user_payload) + 1] = { 0 };
	uint64_t u64 = 0;
	const int fds[9] = { 0 };

#define MALFORMED(...)					\
	do {						\
		connect_to(WINDOW_WHOLE);		\
		send_fds(__VA_ARGS__);			\
		CHECK_EQ(fe.end, BACKEND_FAILED);	\
		hang_up();				\
	} while (0)
	MALFORMED(VHOST_USER_SET_FEATURES, 0, &u64, 7, NULL, 0);
	MALFORMED(VHOST_USER_SET_FEATURES, 2, &u64, 8, NULL, 0);
	MALFORMED(VHOST_USER_SET_FEATURES, 0, long_payload,
		  sizeof(long_payload), NULL, 0);
	MALFORMED(VHOST_USER_SET_VRING_NUM, 0, &u64, 4, NULL, 0);
	MALFORMED(VHOST_USER_SET_VRING_ADDR, 0, &u64, 8, NULL, 0);
	MALFORMED(VHOST_USER_GET_CONFIG, 0, &u64, 8, NULL, 0);
	MALFORMED(VHOST_USER_SET_MEM_TABLE, 0, &t, 4, NULL, 0);
	MALFORMED(VHOST_USER_SET_MEM_TABLE, 0, &t, 8 + 31, fds, 1);
	MALFORMED(VHOST_USER_SET_MEM_TABLE, 0, &t, 8 + 32, NULL, 0);
	MALFORMED(VHOST_USER_SET_MEM_TABLE, 0, &t, 8 + 32, fds, 2);
	t.nr = 8;
	MALFORMED(VHOST_USER_SET_MEM_TABLE, 0, &t, sizeof(t), fds, 9);
	t.nr = 9;
	MALFORMED(VHOST_USER_SET_MEM_TABLE, 0, &t, sizeof(t), fds, 8);
	MALFORMED(VHOST_USER_ADD_MEM_REG, 0, &t, 40, NULL, 0);
	MALFORMED(VHOST_USER_SET_VRING_KICK, 0, &u64, 8, NULL, 0);
	u64 = VHOST_USER_VRING_NOFD;
	MALFORMED(VHOST_USER_SET_VRING_KICK, 0, &u64, 8, fds, 1);
	MALFORMED(VHOST_USER_SET_BACKEND_REQ_FD, 0, NULL, 0, NULL, 0);
	u64 = 1ULL << 21;
	MALFORMED(VHOST_USER_SET_PROTOCOL_FEATURES, 0, &u64, 8, NULL, 0);
	MALFORMED(VHOST_USER_SET_CONFIG, 0, long_payload, 11, NULL, 0);
	long_payload[4] = 200;
	MALFORMED(VHOST_USER_SET_CONFIG, 0, long_payload, 12 + 16, NULL, 0);
#undef MALFORMED
}

static void regions_that_cannot_be(void)
{
	struct vhost_user_table t = ram_table();

	negotiate(WINDOW_WHOLE);
	t.region[0].size = 0;
	CHECK_EQ(acked(VHOST_USER_SET_MEM_TABLE, &t, 8 + 32, &fe.ram_fd, 1), 1);
	t.region[0].size = UINT64_MAX;
	CHECK_EQ(acked(VHOST_USER_SET_MEM_TABLE, &t, 8 + 32, &fe.ram_fd, 1), 1);
	t.region[0].size = RAM_SIZE;
	CHECK_EQ(acked(VHOST_USER_SET_MEM_TABLE, &t, 8 + 32, &fe.kick[0], 1), 1);
	CHECK_EQ(acked(VHOST_USER_SET_MEM_TABLE, &t, 8 + 32, &fe.ram_fd, 1), 0);
	enable();
	CHECK(whole_is_mapped());
	CHECK(display_info_works());
	hang_up();
}

const struct test backend_tests[] = {
	{ "backend: handshake", handshake },
	{ "backend: acknowledgements", acknowledgements },
	{ "backend: whole window comes first", whole_window_comes_first },
	{ "backend: messages while the window is due",
	  messages_while_window_is_due },
	{ "backend: cursor queue does not wait", cursor_queue_does_not_wait },
	{ "backend: window is refused", window_is_refused },
	{ "backend: no interrupt unless wanted", no_interrupt_unless_wanted },
	{ "backend: pause keeps, reset forgets", pause_keeps_reset_forgets },
	{ "backend: blob answer waits", blob_answer_waits },
	{ "backend: stop while a blob answer waits",
	  stop_while_blob_answer_waits },
	{ "backend: memory goes while a blob answer waits",
	  memory_goes_while_blob_answer_waits },
	{ "backend: front-end drops the channel", front_end_drops_the_channel },
	{ "backend: whole window without a channel", whole_without_channel },
	{ "backend: broken queue", broken_queue },
	{ "backend: rings outside memory", rings_outside_memory },
	{ "backend: memory goes under the rings", memory_goes_under_the_rings },
	{ "backend: bad queue parameters", bad_queue_parameters },
	{ "backend: endless requests", endless_requests },
	{ "backend: front-end hangs up", hangs_up },
	{ "backend: front-end hangs up within a message",
	  hangs_up_within_a_message },
	{ "backend: malformed messages", malformed_messages },
	{ "backend: regions that cannot be", regions_that_cannot_be },
	{ 0 }
};
