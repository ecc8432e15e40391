/* SPDX-License-Identifier: MIT */
/*
 * A driver's side of a split virtqueue, in memory of the test.
 */
#ifndef RING_H
#define RING_H

#include "../guest_mem.h"
#include "../virtq.h"

#define RAM_GPA		0x100000ULL
#define RAM_UADDR	0x7f0000000000ULL
#define RAM_SIZE	0x40000ULL

/* Where things lie in the guest's RAM. */
#define RING_SIZE	64
#define DESC_AT		0x0000ULL
#define AVAIL_AT	0x1000ULL
#define USED_AT		0x2000ULL
#define DATA_AT		0x4000ULL

struct ring {
	uint8_t *ram;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
};

/* ram: RAM_SIZE bytes; base: where the rings of this queue begin in it. */
void ring_init(struct ring *r, uint8_t *ram, uint64_t base);
/* Fill descriptor i. at: offset in RAM. */
void ring_desc(struct ring *r, unsigned int i, uint64_t at, uint32_t len,
	       unsigned int flags, unsigned int next);
void ring_offer(struct ring *r, unsigned int head);

#endif
