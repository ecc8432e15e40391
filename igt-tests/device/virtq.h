/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues, seen from the device.
 *
 * The driver writes descriptors while the device reads them, and may write
 * nonsense. Whatever breaks the rules of the virtio specification (2.7, split
 * virtqueues) marks the queue broken: the device then leaves it alone until the
 * driver resets, because nothing that it says from there on can be trusted.
 */
#ifndef VIRTQ_H
#define VIRTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_ring.h>

#include "guest_mem.h"

#define VIRTQ_SIZE_MAX	1024
/*
 * Linux puts longer chains than the queue's size into indirect tables. The bound
 * is the one of QEMU, which every driver has to live with.
 */
#define CHAIN_MAX	1024

struct virtq {
	unsigned int size;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t last_avail;	/* next entry of the available ring to look at */
	uint16_t used_idx;	/* next entry of the used ring to fill */
	bool indirect;		/* VIRTIO_RING_F_INDIRECT_DESC was negotiated */
	const char *broken;	/* why the device gave up, or NULL */
};

struct segment {
	uint64_t gpa;
	uint32_t len;
};

/* One request: nr_out segments to read, then nr - nr_out to write. */
struct chain {
	uint16_t head;
	unsigned int nr_out;
	unsigned int nr;
	uint64_t out_len;
	uint64_t in_len;
	struct segment seg[CHAIN_MAX];
};

/*
 * Take the next chain. 1: here it is, every segment inside guest memory. 0: the
 * driver has offered none. -1: the queue is broken, now or before.
 */
int virtq_pop(struct virtq *vq, const struct guest_mem *mem, struct chain *c);
/* Return a chain of which len bytes were written. */
void virtq_push(struct virtq *vq, const struct chain *c, uint32_t len);
/* Does the driver want an interrupt for what was pushed? */
bool virtq_wants_interrupt(const struct virtq *vq);

/* Copy from the readable, to the writable part. Gives the bytes copied. */
size_t chain_read(const struct chain *c, const struct guest_mem *mem, void *buf,
		  size_t len);
size_t chain_write(const struct chain *c, const struct guest_mem *mem,
		   const void *buf, size_t len);

#endif
