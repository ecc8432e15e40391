/* SPDX-License-Identifier: MIT */
/*
 * One queue of the device: its rings, its descriptors for events, and the way of
 * requests from the driver to the device and back.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <linux/vhost_types.h>

#include "gpu.h"
#include "guest_mem.h"
#include "virtq.h"

struct queue {
	enum gpu_queue nr;
	struct gpu *gpu;
	const struct guest_mem *mem;

	struct virtq vq;
	struct vhost_vring_addr addr;	/* the front-end's addresses */
	int kick;
	int call;
	int err;
	bool enabled;
	bool work;		/* look at the ring without waiting for a kick */
	struct chain chain;	/* being worked on; kept while it is pending */
};

void queue_init(struct queue *q, enum gpu_queue nr, struct gpu *gpu,
		const struct guest_mem *mem);
void queue_close(struct queue *q);

/* Begin to take requests. 0; -EINVAL: broken; -EPROTO: no window to be had. */
int queue_start(struct queue *q);
/* Take no more; nothing is pending afterwards. */
void queue_stop(struct queue *q);
/* Find the rings in the memory there is now; false marks the queue broken. */
bool queue_map(struct queue *q);

/* The driver has kicked: read that, and look. */
void queue_kicked(struct queue *q);
/* Are there requests to look for, and may they be carried out now? */
bool queue_ready(const struct queue *q);
/* Carry out what there is, but not for ever. */
void queue_service(struct queue *q);
/* The reply to the request that was pending. */
void queue_reply(struct queue *q, const struct gpu_reply *reply);

#endif
