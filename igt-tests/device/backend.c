// SPDX-License-Identifier: MIT
/*
 * One vhost-user connection: the front-end's messages, and the poll loop.
 *
 * Everything happens in one poll loop, and nothing in it waits for an answer:
 * while QEMU owes the answer to SHMEM_MAP it may send messages that need an
 * answer from here first.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_config.h>

#include "backend.h"
#include "channel.h"
#include "gpu.h"
#include "log.h"
#include "queue.h"

#define BIT(n)	(1ULL << (n))

#define FEATURES							\
	(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |	\
	 BIT(VHOST_USER_F_PROTOCOL_FEATURES))

#define PROTOCOL_FEATURES				\
	(BIT(VHOST_USER_PROTOCOL_F_MQ) |		\
	 BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |		\
	 BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) |	\
	 BIT(VHOST_USER_PROTOCOL_F_CONFIG) |		\
	 BIT(VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD) |	\
	 BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |	\
	 BIT(VHOST_USER_PROTOCOL_F_SHMEM))

struct backend {
	int sock;
	int request_fd;		/* our requests to the front-end, or -1 */
	uint64_t offered;	/* protocol features */
	uint64_t protocol;	/* of those, what the front-end speaks too */
	struct pool *pool;
	struct guest_mem mem;
	struct gpu *gpu;
	struct queue queue[GPU_QUEUES];
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* window_send_fn */
static int send_window(void *priv, enum window_op op,
		       const struct window_range *range)
{
	struct backend *be = priv;
	struct message msg = {
		.hdr = {
			.request = op == WINDOW_MAP ?
				   VHOST_USER_BACKEND_SHMEM_MAP :
				   VHOST_USER_BACKEND_SHMEM_UNMAP,
			.flags = VHOST_USER_VERSION | VHOST_USER_NEED_REPLY,
			.size = sizeof(msg.payload.mmap),
		},
		.payload.mmap = {
			.shmid = VIRTIO_GPU_SHM_ID_HOST_VISIBLE,
			.fd_offset = range->pool,
			.shm_offset = range->offset,
			.len = range->len,
			.flags = VHOST_USER_MAP_RW,
		},
	};

	note("window: %s %#llx+%#llx", op == WINDOW_MAP ? "map" : "unmap",
	     (unsigned long long)range->offset,
	     (unsigned long long)range->len);
	if (be->request_fd < 0)
		return -ENOTCONN;
	return channel_send(be->request_fd, &msg,
			    op == WINDOW_MAP ? be->pool->fd : -1);
}

/* Messages ---------------------------------------------------------------- */

/*
 * Handlers give 0, or an error that is told to the front-end if it asked; after
 * -EPROTO the connection cannot go on.
 */

static struct queue *queue_nr(struct backend *be, uint64_t nr)
{
	return nr < GPU_QUEUES ? &be->queue[nr] : NULL;
}

static int set_features(struct backend *be, uint64_t features)
{
	unsigned int i;

	if (features & ~(FEATURES | gpu_features(be->gpu)))
		return -EINVAL;
	gpu_set_features(be->gpu, features);
	for (i = 0; i < GPU_QUEUES; i++)
		be->queue[i].vq.indirect =
			features & BIT(VIRTIO_RING_F_INDIRECT_DESC);
	return 0;
}

static void remap_queues(struct backend *be)
{
	unsigned int i;

	for (i = 0; i < GPU_QUEUES; i++)
		if (be->queue[i].enabled && !be->queue[i].vq.broken)
			queue_map(&be->queue[i]);
}

static int add_region(struct backend *be, const struct vhost_user_region *r,
		      int fd)
{
	int err = guest_mem_add_file(&be->mem, r->gpa, r->size, r->uaddr, fd,
				     r->offset);

	note("memory %#llx+%#llx: %s", (unsigned long long)r->gpa,
	     (unsigned long long)r->size, strerror(-err));
	return err;
}

static int set_mem_table(struct backend *be, struct message *msg)
{
	const struct vhost_user_table *t = &msg->payload.table;
	unsigned int i;
	int err = 0;

	if (msg->hdr.size < offsetof(struct vhost_user_table, region) ||
	    t->nr != msg->nr_fds ||
	    msg->hdr.size < offsetof(struct vhost_user_table, region[t->nr]))
		return -EPROTO;
	guest_mem_clear(&be->mem);
	for (i = 0; i < t->nr && !err; i++)
		err = add_region(be, &t->region[i], msg->fd[i]);
	remap_queues(be);
	return err;
}

static int add_mem_reg(struct backend *be, struct message *msg)
{
	int err;

	if (msg->nr_fds != 1)
		return -EPROTO;
	err = add_region(be, &msg->payload.reg.region, msg->fd[0]);
	remap_queues(be);
	return err;
}

static int rem_mem_reg(struct backend *be, const struct message *msg)
{
	const struct vhost_user_region *r = &msg->payload.reg.region;
	int err = guest_mem_remove(&be->mem, r->gpa, r->size, r->uaddr);

	note("memory gone %#llx+%#llx: %s", (unsigned long long)r->gpa,
	     (unsigned long long)r->size, strerror(-err));
	remap_queues(be);
	return err;
}

static int set_vring_num(struct backend *be, const struct message *msg)
{
	struct queue *q = queue_nr(be, msg->payload.state.index);
	unsigned int num = msg->payload.state.num;

	if (!q || q->enabled || !num || num > VIRTQ_SIZE_MAX || num & (num - 1))
		return -EINVAL;
	q->vq.size = num;
	return 0;
}

static int set_vring_addr(struct backend *be, const struct message *msg)
{
	struct queue *q = queue_nr(be, msg->payload.addr.index);

	if (!q)
		return -EINVAL;
	q->addr = msg->payload.addr;
	return q->enabled && !queue_map(q) ? -EINVAL : 0;
}

static int set_vring_base(struct backend *be, const struct message *msg)
{
	struct queue *q = queue_nr(be, msg->payload.state.index);

	if (!q || q->enabled || msg->payload.state.num > UINT16_MAX)
		return -EINVAL;
	q->vq.last_avail = (uint16_t)msg->payload.state.num;
	return 0;
}

static int get_vring_base(struct backend *be, struct message *answer)
{
	struct queue *q = queue_nr(be, answer->payload.state.index);

	if (!q)
		return -EPROTO;
	queue_stop(q);
	answer->payload.state.num = q->vq.last_avail;
	close_fd(&q->kick);
	close_fd(&q->call);
	return 0;
}

static int set_vring_fd(struct backend *be, struct message *msg)
{
	uint64_t arg = msg->payload.u64;
	struct queue *q = queue_nr(be, arg & VHOST_USER_VRING_IDX_MASK);
	int *fd;

	if (!q)
		return -EINVAL;
	if (msg->nr_fds != ((arg & VHOST_USER_VRING_NOFD) ? 0 : 1))
		return -EPROTO;
	switch (msg->hdr.request) {
	case VHOST_USER_SET_VRING_KICK:
		fd = &q->kick;
		break;
	case VHOST_USER_SET_VRING_CALL:
		fd = &q->call;
		break;
	default:
		fd = &q->err;
		break;
	}
	close_fd(fd);
	if (msg->nr_fds) {
		*fd = msg->fd[0];
		msg->fd[0] = -1;
	}
	return 0;
}

static int set_vring_enable(struct backend *be, const struct message *msg)
{
	struct queue *q = queue_nr(be, msg->payload.state.index);

	if (!q)
		return -EINVAL;
	if (!msg->payload.state.num)
		queue_stop(q);
	else if (!q->enabled)
		return queue_start(q);
	return 0;
}

static int set_backend_fd(struct backend *be, struct message *msg)
{
	if (msg->nr_fds != 1)
		return -EPROTO;
	close_fd(&be->request_fd);
	be->request_fd = msg->fd[0];
	msg->fd[0] = -1;
	return 0;
}

static void reset_device(struct backend *be)
{
	unsigned int i;

	for (i = 0; i < GPU_QUEUES; i++) {
		be->queue[i].enabled = false;
		be->queue[i].work = false;
		be->queue[i].vq.last_avail = 0;
	}
	gpu_reset(be->gpu);
}

/* An answer without payload tells the front-end that there is no such field. */
static void get_config(struct message *answer)
{
	struct vhost_user_config *c = &answer->payload.config;

	if (c->size > sizeof(c->data) ||
	    gpu_config_read(c->offset, c->data, c->size))
		answer->hdr.size = 0;
	else
		answer->hdr.size = offsetof(struct vhost_user_config, data) +
				   c->size;
}

static int set_config(const struct message *msg)
{
	const struct vhost_user_config *c = &msg->payload.config;

	if (c->size > sizeof(c->data) ||
	    msg->hdr.size < offsetof(struct vhost_user_config, data) + c->size)
		return -EPROTO;
	return gpu_config_write(c->offset, c->data, c->size);
}

static void get_shmem_config(struct backend *be, struct message *answer)
{
	struct vhost_user_shmem_config *c = &answer->payload.shmem;

	memset(c, 0, sizeof(*c));
	c->nr = 1;
	c->size[VIRTIO_GPU_SHM_ID_HOST_VISIBLE] = be->pool->size;
	answer->hdr.size = sizeof(*c);
}

static void answer_u64(struct message *answer, uint64_t value)
{
	answer->payload.u64 = value;
	answer->hdr.size = sizeof(value);
}

/* How long the payload must be at least. */
static size_t payload_min(uint32_t request)
{
	switch (request) {
	case VHOST_USER_SET_FEATURES:
	case VHOST_USER_SET_PROTOCOL_FEATURES:
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
	case VHOST_USER_SET_VRING_ERR:
		return sizeof(uint64_t);
	case VHOST_USER_SET_VRING_NUM:
	case VHOST_USER_SET_VRING_BASE:
	case VHOST_USER_GET_VRING_BASE:
	case VHOST_USER_SET_VRING_ENABLE:
		return sizeof(struct vhost_vring_state);
	case VHOST_USER_SET_VRING_ADDR:
		return sizeof(struct vhost_vring_addr);
	case VHOST_USER_ADD_MEM_REG:
	case VHOST_USER_REM_MEM_REG:
		return sizeof(struct vhost_user_mem_reg);
	case VHOST_USER_GET_CONFIG:
	case VHOST_USER_SET_CONFIG:
		return offsetof(struct vhost_user_config, data);
	default:
		return 0;
	}
}

/* Messages that are answered by a payload of their own. */
static bool handle_get(struct backend *be, struct message *msg, int *err)
{
	*err = 0;
	switch (msg->hdr.request) {
	case VHOST_USER_GET_FEATURES:
		answer_u64(msg, FEATURES | gpu_features(be->gpu));
		return true;
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		answer_u64(msg, be->offered);
		return true;
	case VHOST_USER_GET_QUEUE_NUM:
		answer_u64(msg, GPU_QUEUES);
		return true;
	case VHOST_USER_GET_MAX_MEM_SLOTS:
		answer_u64(msg, GUEST_MEM_SLOTS);
		return true;
	case VHOST_USER_GET_VRING_BASE:
		*err = get_vring_base(be, msg);
		return true;
	case VHOST_USER_GET_CONFIG:
		get_config(msg);
		return true;
	case VHOST_USER_GET_SHMEM_CONFIG:
		get_shmem_config(be, msg);
		return true;
	default:
		return false;
	}
}

static int handle_set(struct backend *be, struct message *msg)
{
	switch (msg->hdr.request) {
	case VHOST_USER_SET_FEATURES:
		return set_features(be, msg->payload.u64);
	case VHOST_USER_SET_PROTOCOL_FEATURES:
		be->protocol = msg->payload.u64;
		return (be->protocol & ~be->offered) ? -EPROTO : 0;
	case VHOST_USER_SET_OWNER:
	case VHOST_USER_RESET_OWNER:
		return 0;
	case VHOST_USER_SET_MEM_TABLE:
		return set_mem_table(be, msg);
	case VHOST_USER_ADD_MEM_REG:
		return add_mem_reg(be, msg);
	case VHOST_USER_REM_MEM_REG:
		return rem_mem_reg(be, msg);
	case VHOST_USER_SET_VRING_NUM:
		return set_vring_num(be, msg);
	case VHOST_USER_SET_VRING_ADDR:
		return set_vring_addr(be, msg);
	case VHOST_USER_SET_VRING_BASE:
		return set_vring_base(be, msg);
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
	case VHOST_USER_SET_VRING_ERR:
		return set_vring_fd(be, msg);
	case VHOST_USER_SET_VRING_ENABLE:
		return set_vring_enable(be, msg);
	case VHOST_USER_SET_BACKEND_REQ_FD:
		return set_backend_fd(be, msg);
	case VHOST_USER_SET_CONFIG:
		return set_config(msg);
	case VHOST_USER_RESET_DEVICE:
		reset_device(be);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int handle_message(struct backend *be, struct message *msg)
{
	bool need_reply = msg->hdr.flags & VHOST_USER_NEED_REPLY &&
			  be->protocol & BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK);
	bool answered;
	int err;

	if (msg->hdr.size < payload_min(msg->hdr.request))
		return -EPROTO;
	answered = handle_get(be, msg, &err);
	if (!answered) {
		err = handle_set(be, msg);
		if (err)
			complain("message %u: %s", msg->hdr.request,
				 strerror(-err));
	}
	if (err == -EPROTO)
		return err;
	if (!answered && !need_reply)
		return 0;
	if (!answered)
		answer_u64(msg, err ? 1 : 0);
	msg->hdr.flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
	return channel_send(be->sock, msg, -1);
}

static enum backend_end read_message(struct backend *be)
{
	struct message msg;
	int err = channel_recv(be->sock, &msg);

	if (!err)
		return BACKEND_CLOSED;
	if (err > 0) {
		note("message %u, %u bytes, %u descriptors",
		     msg.hdr.request, msg.hdr.size, msg.nr_fds);
		err = handle_message(be, &msg);
		message_drop_fds(&msg);
	}
	if (!err)
		return BACKEND_GOES_ON;
	if (err == -EPIPE || err == -ECONNRESET)
		return BACKEND_CLOSED;
	complain("connection: %s", strerror(-err));
	return BACKEND_FAILED;
}

/* An answer to what send_window() asked for. */
static enum backend_end read_answer(struct backend *be)
{
	struct gpu_reply reply;
	struct message msg;
	int err = channel_recv(be->request_fd, &msg);
	bool ok;

	if (err <= 0) {
		/* The front-end is about to hang up, or will soon be missed. */
		close_fd(&be->request_fd);
		return BACKEND_GOES_ON;
	}
	message_drop_fds(&msg);
	ok = msg.hdr.size == sizeof(msg.payload.u64) && !msg.payload.u64;
	note("window: %s", ok ? "done" : "refused");
	switch (gpu_window_ack(be->gpu, ok, &reply)) {
	case GPU_ACK_REPLY:
		queue_reply(&be->queue[GPU_CONTROLQ], &reply);
		return BACKEND_GOES_ON;
	case GPU_ACK_LOST:
		complain("the front-end cannot map the window");
		return BACKEND_FAILED;
	default:
		return BACKEND_GOES_ON;
	}
}

/* The loop ---------------------------------------------------------------- */

enum backend_end backend_step(struct backend *be, int timeout,
			      const sigset_t *sigmask)
{
	struct pollfd pfd[2 + GPU_QUEUES] = {
		{ .fd = be->sock, .events = POLLIN },
		{ .fd = be->request_fd, .events = POLLIN },
	};
	struct timespec ts = { .tv_sec = timeout / 1000,
			       .tv_nsec = timeout % 1000 * 1000000L };
	enum backend_end end = BACKEND_GOES_ON;
	unsigned int i;

	for (i = 0; i < GPU_QUEUES; i++) {
		struct queue *q = &be->queue[i];

		pfd[2 + i].fd = q->enabled ? q->kick : -1;
		pfd[2 + i].events = POLLIN;
		if (queue_ready(q)) {
			timeout = 0;
			ts.tv_sec = 0;
			ts.tv_nsec = 0;
		}
	}
	if (ppoll(pfd, 2 + GPU_QUEUES, timeout < 0 ? NULL : &ts, sigmask) < 0) {
		if (errno == EINTR)
			return BACKEND_GOES_ON;
		complain("poll: %s", strerror(errno));
		return BACKEND_FAILED;
	}

	/* Kicks first: a message may close the descriptor that was polled. */
	for (i = 0; i < GPU_QUEUES; i++)
		if (pfd[2 + i].revents)
			queue_kicked(&be->queue[i]);
	if (pfd[1].revents)
		end = read_answer(be);
	if (end == BACKEND_GOES_ON && pfd[0].revents)
		end = read_message(be);
	for (i = 0; i < GPU_QUEUES && end == BACKEND_GOES_ON; i++)
		if (queue_ready(&be->queue[i]))
			queue_service(&be->queue[i]);
	return end;
}

enum backend_end backend_run(struct backend *be, const sigset_t *sigmask,
			     volatile sig_atomic_t *stop)
{
	enum backend_end end = BACKEND_GOES_ON;

	while (end == BACKEND_GOES_ON && !*stop)
		end = backend_step(be, -1, sigmask);
	return end == BACKEND_GOES_ON ? BACKEND_STOPPED : end;
}

struct backend *backend_new(int sock, const struct backend_config *config,
			    struct pool *pool)
{
	struct backend *be = calloc(1, sizeof(*be));
	unsigned int i;

	if (!be)
		return NULL;
	be->sock = sock;
	be->request_fd = -1;
	be->offered = PROTOCOL_FEATURES;
	if (config->mem_slots)
		be->offered |= BIT(VHOST_USER_PROTOCOL_F_MEM_SLOTS);
	be->pool = pool;
	be->gpu = gpu_new(config->mode, pool, &be->mem, send_window, be);
	if (!be->gpu) {
		free(be);
		return NULL;
	}
	for (i = 0; i < GPU_QUEUES; i++)
		queue_init(&be->queue[i], (enum gpu_queue)i, be->gpu, &be->mem);
	return be;
}

void backend_free(struct backend *be)
{
	unsigned int i;

	for (i = 0; i < GPU_QUEUES; i++)
		queue_close(&be->queue[i]);
	close_fd(&be->request_fd);
	gpu_free(be->gpu);
	guest_mem_clear(&be->mem);
	free(be);
}
