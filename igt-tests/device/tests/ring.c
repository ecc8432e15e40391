// SPDX-License-Identifier: MIT
#include "ring.h"

void ring_init(struct ring *r, uint8_t *ram, uint64_t base)
{
	r->ram = ram;
	r->desc = (void *)(ram + base + DESC_AT);
	r->avail = (void *)(ram + base + AVAIL_AT);
	r->used = (void *)(ram + base + USED_AT);
}

void ring_desc(struct ring *r, unsigned int i, uint64_t at, uint32_t len,
	       unsigned int flags, unsigned int next)
{
	r->desc[i] = (struct vring_desc) {
		.addr = RAM_GPA + at,
		.len = len,
		.flags = (uint16_t)flags,
		.next = (uint16_t)next,
	};
}

void ring_offer(struct ring *r, unsigned int head)
{
	r->avail->ring[r->avail->idx % RING_SIZE] = (uint16_t)head;
	r->avail->idx++;
}
