// SPDX-License-Identifier: MIT
/*
 * One queue of the device.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "queue.h"

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, so the other side has been told. */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		complain("eventfd: %s", strerror(errno));
}

void queue_init(struct queue *q, enum gpu_queue nr, struct gpu *gpu,
		const struct guest_mem *mem)
{
	memset(q, 0, sizeof(*q));
	q->nr = nr;
	q->gpu = gpu;
	q->mem = mem;
	q->kick = -1;
	q->call = -1;
	q->err = -1;
}

void queue_close(struct queue *q)
{
	q->enabled = false;
	close_fd(&q->kick);
	close_fd(&q->call);
	close_fd(&q->err);
}

static void queue_broken(struct queue *q)
{
	complain("queue %d is broken: %s", q->nr, q->vq.broken);
	q->work = false;
	signal_fd(q->err);
}

static void *ring_at(const struct queue *q, uint64_t uaddr, uint64_t len,
		     uint64_t align)
{
	void *p = guest_mem_at_uaddr(q->mem, uaddr, len);

	return ((uintptr_t)p % align) ? NULL : p;
}

bool queue_map(struct queue *q)
{
	uint64_t n = q->vq.size;

	q->vq.desc = ring_at(q, q->addr.desc_user_addr,
			     n * sizeof(struct vring_desc), 16);
	q->vq.avail = ring_at(q, q->addr.avail_user_addr,
			      sizeof(struct vring_avail) + n * 2, 2);
	q->vq.used = ring_at(q, q->addr.used_user_addr,
			     sizeof(struct vring_used) +
			     n * sizeof(struct vring_used_elem), 4);
	if (n && q->vq.desc && q->vq.avail && q->vq.used)
		return true;
	q->vq.broken = "its rings are not in guest memory";
	queue_broken(q);
	return false;
}

/* The interrupt is up to the caller. */
static void push(struct queue *q, const struct gpu_reply *reply)
{
	size_t len;

	/* The memory of the rings may have gone while the reply was pending. */
	if (q->vq.broken)
		return;
	len = chain_write(&q->chain, q->mem, &reply->u, reply->len);
	note("  %s", reply->len ? gpu_type_name(le32toh(reply->u.hdr.type)) :
				  "no room for a response");
	virtq_push(&q->vq, &q->chain, (uint32_t)len);
}

int queue_start(struct queue *q)
{
	q->vq.broken = NULL;
	q->enabled = true;
	if (!queue_map(q))
		return -EINVAL;
	q->vq.used_idx = le16toh(q->vq.used->idx);
	/* A kick may have been given before anybody listened. */
	q->work = true;
	if (q->nr != GPU_CONTROLQ)
		return 0;
	/*
	 * QEMU tells nobody of a virtio reset. But rings go on where they were
	 * after a pause, and begin at 0 after a reset.
	 */
	if (!q->vq.last_avail)
		gpu_reset(q->gpu);
	if (!gpu_start(q->gpu))
		return 0;
	complain("the front-end takes no request to map the window");
	return -EPROTO;
}

void queue_reply(struct queue *q, const struct gpu_reply *reply)
{
	push(q, reply);
	signal_fd(q->call);
}

void queue_stop(struct queue *q)
{
	struct gpu_reply reply;

	if (!q->enabled)
		return;
	if (q->nr == GPU_CONTROLQ && gpu_stop(q->gpu, &reply))
		queue_reply(q, &reply);
	q->enabled = false;
	q->work = false;
}

/* Run the request in q->chain. False: it is pending. */
static bool exec(struct queue *q)
{
	uint64_t len = q->chain.out_len;
	struct gpu_reply reply;
	enum gpu_result result;
	struct virtio_gpu_ctrl_hdr *req;
	size_t n = len < GPU_REQUEST_MAX ? len : GPU_REQUEST_MAX;

	/*
	 * A copy, so that nothing changes once it was checked; of the right
	 * size, so that a sanitizer sees every byte that is read beyond it.
	 */
	req = malloc(n ? n : 1);
	if (!req) {
		virtq_push(&q->vq, &q->chain, 0);
		return true;
	}
	if (chain_read(&q->chain, q->mem, req, n) != n)
		len = 0;
	if (len >= sizeof(*req))
		note("queue %d: %s, %llu bytes", q->nr,
		     gpu_type_name(le32toh(req->type)),
		     (unsigned long long)len);
	result = gpu_exec(q->gpu, q->nr, req, len, q->chain.in_len, &reply);
	free(req);
	if (result == GPU_PENDING)
		return false;
	push(q, &reply);
	return true;
}

/* Nothing is taken from the control queue while the window changes. */
static bool may_run(const struct queue *q)
{
	return q->nr != GPU_CONTROLQ || !gpu_busy(q->gpu);
}

/*
 * At most as many chains as the ring holds, so that a driver that never stops
 * adding cannot keep messages from being read.
 */
void queue_service(struct queue *q)
{
	unsigned int left = q->vq.size;
	bool pushed = false;
	int got = 1;

	while (left-- && may_run(q)) {
		got = virtq_pop(&q->vq, q->mem, &q->chain);
		if (got <= 0)
			break;
		pushed |= exec(q);
	}
	q->work = got > 0;
	if (got < 0)
		queue_broken(q);
	if (pushed && virtq_wants_interrupt(&q->vq))
		signal_fd(q->call);
}

bool queue_ready(const struct queue *q)
{
	return q->enabled && q->work && !q->vq.broken && may_run(q);
}

void queue_kicked(struct queue *q)
{
	uint64_t n;

	if (read(q->kick, &n, sizeof(n)) != sizeof(n) && errno != EAGAIN)
		close_fd(&q->kick);
	q->work = true;
}
