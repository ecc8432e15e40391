// SPDX-License-Identifier: MIT
/*
 * Split virtqueues, seen from the device.
 */
#include <endian.h>

#include "virtq.h"

static int broken(struct virtq *vq, const char *why)
{
	vq->broken = why;
	return -1;
}

static int add_segment(struct virtq *vq, const struct guest_mem *mem,
		       struct chain *c, const struct vring_desc *d)
{
	bool in = le16toh(d->flags) & VRING_DESC_F_WRITE;
	uint64_t gpa = le64toh(d->addr);
	uint32_t len = le32toh(d->len);

	if (c->nr == CHAIN_MAX)
		return broken(vq, "chain too long, or a loop");
	if (!in && c->nr > c->nr_out)
		return broken(vq, "readable descriptor after a writable one");
	if (!guest_mem_covers(mem, gpa, len))
		return broken(vq, "descriptor outside guest memory");

	c->seg[c->nr++] = (struct segment) { .gpa = gpa, .len = len };
	if (in) {
		c->in_len += len;
	} else {
		c->nr_out++;
		c->out_len += len;
	}
	return 0;
}

/* Follow the chain that a table, itself in guest memory, holds from entry 0 on. */
static int walk_indirect(struct virtq *vq, const struct guest_mem *mem,
			 struct chain *c, const struct vring_desc *table)
{
	uint64_t gpa = le64toh(table->addr);
	uint32_t len = le32toh(table->len);
	uint32_t nr = len / sizeof(*table);
	uint32_t i = 0, steps;
	struct vring_desc d;

	if (!vq->indirect)
		return broken(vq, "indirect descriptors were not negotiated");
	if (le16toh(table->flags) & VRING_DESC_F_NEXT)
		return broken(vq, "indirect descriptor that is not the last");
	if (!nr || len % sizeof(*table))
		return broken(vq, "indirect table of odd length");

	for (steps = 0; steps < nr; steps++) {
		/* Read once: the driver may change it while it is checked. */
		if (!guest_mem_read(mem, gpa + (uint64_t)i * sizeof(d), &d,
				    sizeof(d)))
			return broken(vq, "indirect table outside guest memory");
		if (le16toh(d.flags) & VRING_DESC_F_INDIRECT)
			return broken(vq, "indirect table inside another");
		if (add_segment(vq, mem, c, &d))
			return -1;
		if (!(le16toh(d.flags) & VRING_DESC_F_NEXT))
			return 0;
		i = le16toh(d.next);
		if (i >= nr)
			return broken(vq, "next beyond the indirect table");
	}
	return broken(vq, "loop in an indirect table");
}

static int walk(struct virtq *vq, const struct guest_mem *mem, struct chain *c)
{
	unsigned int steps, i = c->head;
	struct vring_desc d;

	/* A chain without a loop visits no descriptor twice. */
	for (steps = 0; steps < vq->size; steps++) {
		d = *(volatile struct vring_desc *)&vq->desc[i];
		if (le16toh(d.flags) & VRING_DESC_F_INDIRECT)
			return walk_indirect(vq, mem, c, &d);
		if (add_segment(vq, mem, c, &d))
			return -1;
		if (!(le16toh(d.flags) & VRING_DESC_F_NEXT))
			return 0;
		i = le16toh(d.next);
		if (i >= vq->size)
			return broken(vq, "next beyond the descriptor table");
	}
	return broken(vq, "loop in the descriptor table");
}

int virtq_pop(struct virtq *vq, const struct guest_mem *mem, struct chain *c)
{
	uint16_t idx, ready;

	if (vq->broken)
		return -1;

	/* Pairs with the driver's barrier between filling entries and idx. */
	idx = le16toh(__atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE));
	ready = idx - vq->last_avail;
	if (!ready)
		return 0;
	if (ready > vq->size)
		return broken(vq, "available index jumped");

	c->head = le16toh(__atomic_load_n(&vq->avail->ring[vq->last_avail %
							   vq->size],
					  __ATOMIC_RELAXED));
	if (c->head >= vq->size)
		return broken(vq, "head beyond the descriptor table");
	c->nr = 0;
	c->nr_out = 0;
	c->out_len = 0;
	c->in_len = 0;
	if (walk(vq, mem, c))
		return -1;
	vq->last_avail++;
	return 1;
}

void virtq_push(struct virtq *vq, const struct chain *c, uint32_t len)
{
	struct vring_used_elem *e = &vq->used->ring[vq->used_idx % vq->size];

	e->id = htole32(c->head);
	e->len = htole32(len);
	vq->used_idx++;
	/* The entry and the response must be there before the driver sees idx. */
	__atomic_store_n(&vq->used->idx, htole16(vq->used_idx),
			 __ATOMIC_RELEASE);
}

bool virtq_wants_interrupt(const struct virtq *vq)
{
	/* idx must be out before flags are read, or both sides may sleep. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !(le16toh(__atomic_load_n(&vq->avail->flags, __ATOMIC_RELAXED)) &
		 VRING_AVAIL_F_NO_INTERRUPT);
}

size_t chain_read(const struct chain *c, const struct guest_mem *mem, void *buf,
		  size_t len)
{
	size_t done = 0;
	unsigned int i;

	for (i = 0; i < c->nr_out && done < len; i++) {
		size_t n = c->seg[i].len;

		if (n > len - done)
			n = len - done;
		if (!guest_mem_read(mem, c->seg[i].gpa, (char *)buf + done, n))
			break;
		done += n;
	}
	return done;
}

size_t chain_write(const struct chain *c, const struct guest_mem *mem,
		   const void *buf, size_t len)
{
	size_t done = 0;
	unsigned int i;

	for (i = c->nr_out; i < c->nr && done < len; i++) {
		size_t n = c->seg[i].len;

		if (n > len - done)
			n = len - done;
		if (!guest_mem_write(mem, c->seg[i].gpa,
				     (const char *)buf + done, n))
			break;
		done += n;
	}
	return done;
}
