// SPDX-License-Identifier: MIT
/*
 * Descriptor chains in hostile guest memory.
 *
 * Beside what sanitizers see: a chain is what its descriptors say, read by a second
 * reader, and nothing of the guest's memory changes but the writable part of the
 * chain and the used ring.
 */
#include <endian.h>
#include <string.h>

#include "../virtq.h"
#include "fuzz.h"
#include "fuzz_virtq.h"

static struct {
	uint8_t *ram[FUZZ_REGIONS];
	struct guest_mem mem;
	struct virtq vq;
	struct chain chain;
} f;

/* Guest memory as it must be. */
static uint8_t expected[FUZZ_REGIONS][FUZZ_RAM_SIZE];

static void snapshot(void)
{
	unsigned int i;

	for (i = 0; i < FUZZ_REGIONS; i++)
		memcpy(expected[i], f.ram[i], FUZZ_RAM_SIZE);
}

static void check_snapshot(void)
{
	unsigned int i;

	for (i = 0; i < FUZZ_REGIONS; i++)
		MUST(!memcmp(expected[i], f.ram[i], FUZZ_RAM_SIZE));
}

/* Guest memory by address, in the expectation; NULL outside. */
static uint8_t *expected_at(uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < FUZZ_REGIONS; i++)
		if (gpa >= FUZZ_REGION_AT(i) &&
		    gpa - FUZZ_REGION_AT(i) < FUZZ_RAM_SIZE)
			return &expected[i][gpa - FUZZ_REGION_AT(i)];
	return NULL;
}

/* Write a response to the expectation, byte by byte. */
static void expect_write(const struct chain *c, const uint8_t *buf, size_t len)
{
	unsigned int i;
	uint32_t at;

	for (i = c->nr_out; i < c->nr && len; i++) {
		for (at = 0; at < c->seg[i].len && len; at++, len--) {
			uint8_t *to = expected_at(c->seg[i].gpa + at);

			MUST(to);
			*to = *buf++;
		}
	}
}

static void expect_used(uint32_t len)
{
	uint8_t *used = &expected[0][FUZZ_USED];
	struct vring_used_elem elem = {
		.id = htole32(f.chain.head),
		.len = htole32(len),
	};
	uint16_t slot = (uint16_t)(f.vq.used_idx - 1) % f.vq.size;
	uint16_t idx = htole16(f.vq.used_idx);

	memcpy(used + offsetof(struct vring_used, ring) + slot * sizeof(elem),
	       &elem, sizeof(elem));
	memcpy(used + offsetof(struct vring_used, idx), &idx, sizeof(idx));
}

static bool add_segment(struct chain *c, const struct vring_desc *d)
{
	uint64_t gpa = le64toh(d->addr);
	uint32_t len = le32toh(d->len);

	if (c->nr == CHAIN_MAX || !guest_mem_covers(&f.mem, gpa, len))
		return false;
	if (le16toh(d->flags) & VRING_DESC_F_WRITE)
		c->in_len += len;
	else if (c->nr_out++ == c->nr)
		c->out_len += len;
	else
		return false;
	c->seg[c->nr++] = (struct segment) { .gpa = gpa, .len = len };
	return true;
}

/* The chain from a head on, as memory has it; false if it breaks a rule. */
static bool read_chain(struct chain *c)
{
	uint64_t table = FUZZ_RAM + FUZZ_DESC;
	uint32_t nr = f.vq.size, left = nr, i = c->head;
	bool indirect = false;
	struct vring_desc d;

	while (i < nr && left-- && guest_mem_read(&f.mem, table + i * sizeof(d),
						  &d, sizeof(d))) {
		uint16_t flags = le16toh(d.flags);

		i = le16toh(d.next);
		if (flags & VRING_DESC_F_INDIRECT) {
			nr = le32toh(d.len) / sizeof(d);
			if (indirect || !f.vq.indirect ||
			    flags & VRING_DESC_F_NEXT ||
			    le32toh(d.len) % sizeof(d))
				return false;
			indirect = true;
			table = le64toh(d.addr);
			left = nr;
			i = 0;
			continue;
		}
		if (!add_segment(c, &d))
			return false;
		if (!(flags & VRING_DESC_F_NEXT))
			return true;
	}
	return false;
}

/* What virtq_pop() must give, and the chain. */
static int expect_pop(struct chain *c)
{
	uint16_t ready = le16toh(f.vq.avail->idx) - f.vq.last_avail;

	memset(c, 0, sizeof(*c));
	if (f.vq.broken)
		return -1;
	if (!ready)
		return 0;
	c->head = le16toh(f.vq.avail->ring[f.vq.last_avail % f.vq.size]);
	return ready <= f.vq.size && read_chain(c) ? 1 : -1;
}

static void check_chain(const struct chain *c, const struct chain *want)
{
	unsigned int i;

	MUST(c->head == want->head && c->nr == want->nr);
	MUST(c->nr_out == want->nr_out);
	MUST(c->out_len == want->out_len && c->in_len == want->in_len);
	for (i = 0; i < c->nr; i++)
		MUST(c->seg[i].gpa == want->seg[i].gpa &&
		     c->seg[i].len == want->seg[i].len);
}

/* The request, read into exactly the room that it takes. */
static void check_read(const struct chain *c)
{
	size_t len = c->out_len < 4096 ? c->out_len : 4096;
	uint8_t *buf = malloc(len ? len : 1);
	size_t i, at = 0;

	MUST(chain_read(c, &f.mem, buf, len) == len);
	for (i = 0; i < c->nr_out && at < len; i++) {
		if (!c->seg[i].len)
			continue;
		MUST(buf[at] == *expected_at(c->seg[i].gpa));
		at += c->seg[i].len;
	}
	free(buf);
}

static void pop(unsigned int arg)
{
	uint16_t used_idx = f.vq.used_idx, last_avail = f.vq.last_avail;
	static struct chain want;
	uint8_t response[1024];
	size_t len = arg * 4, n, i;
	int must, got;

	must = expect_pop(&want);
	snapshot();
	got = virtq_pop(&f.vq, &f.mem, &f.chain);
	check_snapshot();
	MUST(got == must && (got < 0) == !!f.vq.broken);
	MUST(f.vq.last_avail == (uint16_t)(last_avail + (got == 1)));
	if (got != 1)
		return;
	check_chain(&f.chain, &want);
	check_read(&f.chain);
	for (i = 0; i < len; i++)
		response[i] = (uint8_t)(arg + i * 7);
	expect_write(&f.chain, response, len);
	n = chain_write(&f.chain, &f.mem, response, len);
	MUST(n == (len < f.chain.in_len ? len : f.chain.in_len));
	virtq_push(&f.vq, &f.chain, (uint32_t)n);
	MUST(f.vq.used_idx == (uint16_t)(used_idx + 1));
	expect_used((uint32_t)n);
	check_snapshot();
	virtq_wants_interrupt(&f.vq);
}

static void write_ram(uint64_t at, const void *data, size_t len)
{
	guest_mem_write(&f.mem, FUZZ_RAM + at, data, len);
}

static void offer(const struct step *s)
{
	uint16_t idx = le16toh(f.vq.avail->idx);
	size_t i;

	for (i = 0; i + 2 <= s->len; i += 2, idx++)
		memcpy(&f.vq.avail->ring[idx % f.vq.size], s->data + i, 2);
	f.vq.avail->idx = htole16(idx);
}

static void do_step(const struct step *s)
{
	uint64_t gpa = FUZZ_REGION_AT(s->arg % FUZZ_REGIONS);
	uint32_t at;

	switch (s->op) {
	case FUZZ_POP:
		pop(s->arg);
		break;
	case FUZZ_DESCRIBE:
		at = FUZZ_DESC + s->arg * (uint32_t)sizeof(struct vring_desc);
		write_ram(at, s->data, s->len);
		break;
	case FUZZ_OFFER:
		offer(s);
		break;
	case FUZZ_INDEX:
		if (s->len >= 2)
			memcpy(&f.vq.avail->idx, s->data, 2);
		break;
	case FUZZ_WRITE:
		if (s->len < sizeof(at))
			break;
		memcpy(&at, s->data, sizeof(at));
		write_ram(at % (4 * FUZZ_RAM_SIZE), s->data + sizeof(at),
			  s->len - sizeof(at));
		break;
	case FUZZ_MEMORY:
		/* The rings' own stays: the front-end stops queues first. */
		if (s->arg % FUZZ_REGIONS == 0)
			break;
		if (guest_mem_remove(&f.mem, gpa, FUZZ_RAM_SIZE, gpa))
			guest_mem_add(&f.mem, gpa, FUZZ_RAM_SIZE, gpa,
				      f.ram[s->arg % FUZZ_REGIONS]);
		break;
	}
}

static void setup(const struct step *s)
{
	struct fuzz_virtq_setup args = { 0 };
	unsigned int i;

	memcpy(&args, s->data, s->len < sizeof(args) ? s->len : sizeof(args));
	guest_mem_clear(&f.mem);
	for (i = 0; i < FUZZ_REGIONS; i++) {
		f.ram[i] = calloc(1, FUZZ_RAM_SIZE);
		guest_mem_add(&f.mem, FUZZ_REGION_AT(i), FUZZ_RAM_SIZE,
			      FUZZ_REGION_AT(i), f.ram[i]);
	}
	f.vq = (struct virtq) {
		.size = 1u << s->arg % 11,
		.desc = (void *)(f.ram[0] + FUZZ_DESC),
		.avail = (void *)(f.ram[0] + FUZZ_AVAIL),
		.used = (void *)(f.ram[0] + FUZZ_USED),
		.last_avail = args.last_avail[0] | (uint16_t)(args.last_avail[1] << 8),
		.indirect = args.indirect & 1,
	};
	f.vq.avail->idx = htole16(f.vq.last_avail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .at = data, .left = size };
	struct step step;
	unsigned int i;

	/* The first record says what queue it is. */
	if (!input_next(&in, FUZZ_VIRTQ_OPS, &step))
		return 0;
	setup(&step);
	while (input_next(&in, FUZZ_VIRTQ_OPS, &step))
		do_step(&step);
	for (i = 0; i < FUZZ_REGIONS; i++)
		free(f.ram[i]);
	return 0;
}
