// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "ring.h"
#include "unit.h"

#define NEXT	VRING_DESC_F_NEXT
#define WRITE	VRING_DESC_F_WRITE
#define INDIR	VRING_DESC_F_INDIRECT

/* A queue on fresh memory; broken() in the tests below tells why it broke. */
static struct guest_mem mem;
static struct virtq vq;
static struct ring ring;
static struct chain chain;

static void setup(void)
{
	uint8_t *ram = calloc(1, RAM_SIZE);

	memset(&mem, 0, sizeof(mem));
	guest_mem_add(&mem, RAM_GPA, RAM_SIZE, RAM_UADDR, ram);
	ring_init(&ring, ram, 0);
	vq = (struct virtq) {
		.size = RING_SIZE,
		.desc = ring.desc,
		.avail = ring.avail,
		.used = ring.used,
		.indirect = true,
	};
}

static void teardown(void)
{
	free(ring.ram);
}

static bool broke(const char *why)
{
	int got = virtq_pop(&vq, &mem, &chain);

	if (got != -1 || !vq.broken || !strstr(vq.broken, why)) {
		test_fail(__FILE__, __LINE__, "got %d, broken: %s, wanted: %s",
			  got, vq.broken ? vq.broken : "no", why);
		return false;
	}
	/* For good. */
	ring.avail->idx = vq.last_avail;
	if (virtq_pop(&vq, &mem, &chain) != -1) {
		test_fail(__FILE__, __LINE__, "broken queue went on");
		return false;
	}
	return true;
}

static void plain_chain(void)
{
	char buf[16] = { 0 };

	CHECK_EQ(virtq_pop(&vq, &mem, &chain), 0);
	memcpy(ring.ram + DATA_AT, "request!", 8);
	ring_desc(&ring, 5, DATA_AT, 3, NEXT, 9);
	ring_desc(&ring, 9, DATA_AT + 3, 5, NEXT, 2);
	ring_desc(&ring, 2, DATA_AT + 0x100, 2, NEXT | WRITE, 3);
	ring_desc(&ring, 3, DATA_AT + 0x200, 6, WRITE, 0);
	ring_offer(&ring, 5);
	CHECK_EQ(virtq_pop(&vq, &mem, &chain), 1);
	CHECK_EQ(chain.head, 5);
	CHECK_EQ(chain.nr_out, 2);
	CHECK_EQ(chain.nr, 4);
	CHECK_EQ(chain.out_len, 8);
	CHECK_EQ(chain.in_len, 8);
	CHECK_EQ(chain_read(&chain, &mem, buf, sizeof(buf)), 8);
	CHECK(!memcmp(buf, "request!", 9));
	CHECK_EQ(chain_write(&chain, &mem, "answer", 6), 6);
	CHECK(!memcmp(ring.ram + DATA_AT + 0x100, "an\0", 3));
	CHECK(!memcmp(ring.ram + DATA_AT + 0x200, "swer\0", 5));
	CHECK_EQ(chain_write(&chain, &mem, "more than room", 14), 8);
	CHECK_EQ(ring.used->idx, 0);
	virtq_push(&vq, &chain, 6);
	CHECK_EQ(ring.used->idx, 1);
	CHECK_EQ(ring.used->ring[0].id, 5);
	CHECK_EQ(ring.used->ring[0].len, 6);
	CHECK_EQ(virtq_pop(&vq, &mem, &chain), 0);
}

static void indices_wrap(void)
{
	unsigned int i;

	vq.last_avail = 65530;
	vq.used_idx = 65530;
	ring.avail->idx = 65530;
	ring_desc(&ring, 1, DATA_AT, 1, 0, 0);
	for (i = 0; i < 12; i++)
		ring_offer(&ring, 1);
	for (i = 0; i < 12; i++) {
		CHECK_EQ(virtq_pop(&vq, &mem, &chain), 1);
		virtq_push(&vq, &chain, i);
	}
	CHECK_EQ(virtq_pop(&vq, &mem, &chain), 0);
	CHECK_EQ(ring.used->idx, 6);
	CHECK_EQ(ring.used->ring[5].len, 11);
}

static void full_ring_is_fine(void)
{
	unsigned int i;

	ring_desc(&ring, 0, DATA_AT, 1, 0, 0);
	for (i = 0; i < RING_SIZE; i++)
		ring_offer(&ring, 0);
	for (i = 0; i < RING_SIZE; i++)
		CHECK_EQ(virtq_pop(&vq, &mem, &chain), 1);
	CHECK_EQ(virtq_pop(&vq, &mem, &chain), 0);
}

static void available_index_jumps(void)
{
	ring.avail->idx = RING_SIZE + 1;
	CHECK_OK(broke("jumped"));
}

static void head_out_of_range(void)
{
	ring_offer(&ring, RING_SIZE);
	CHECK_OK(broke("head beyond"));
}

static void next_out_of_range(void)
{
	ring_desc(&ring, 0, DATA_AT, 1, NEXT, RING_SIZE);
	ring_offer(&ring, 0);
	CHECK_OK(broke("next beyond the descriptor"));
}

static void loop(void)
{
	ring_desc(&ring, 0, DATA_AT, 1, NEXT, 1);
	ring_desc(&ring, 1, DATA_AT, 1, NEXT, 0);
	ring_offer(&ring, 0);
	CHECK_OK(broke("loop"));
}

static void loop_of_one(void)
{
	ring_desc(&ring, 7, DATA_AT, 1, NEXT, 7);
	ring_offer(&ring, 7);
	CHECK_OK(broke("loop"));
}

static void longest_chain(void)
{
	unsigned int i;

	for (i = 0; i < RING_SIZE; i++)
		ring_desc(&ring, i, DATA_AT, 1, i < RING_SIZE - 1 ? NEXT : 0,
			  i + 1);
	ring_offer(&ring, 0);
	CHECK_EQ(virtq_pop(&vq, &mem, &chain), 1);
	CHECK_EQ(chain.nr, RING_SIZE);
}

static void outside_memory(void)
{
	ring_desc(&ring, 0, RAM_SIZE - 4, 5, 0, 0);
	ring_offer(&ring, 0);
	CHECK_OK(broke("outside guest memory"));
}

static void address_wraps(void)
{
	ring_desc(&ring, 0, 0, 64, WRITE, 0);
	ring.desc[0].addr = UINT64_MAX - 8;
	ring_offer(&ring, 0);
	CHECK_OK(broke("outside guest memory"));
}

static void empty_descriptors(void)
{
	ring_desc(&ring, 0, DATA_AT, 0, NEXT, 1);
	ring_desc(&ring, 1, DATA_AT, 0, WRITE, 0);
	ring_offer(&ring, 0);
	CHECK_EQ(virtq_pop(&vq, &mem, &chain), 1);
	CHECK_EQ(chain.out_len, 0);
	CHECK_EQ(chain_write(&chain, &mem, "x", 1), 0);
}

static void wrong_order(void)
{
	ring_desc(&ring, 0, DATA_AT, 4, NEXT | WRITE, 1);
	ring_desc(&ring, 1, DATA_AT, 4, 0, 0);
	ring_offer(&ring, 0);
	CHECK_OK(broke("readable descriptor after"));
}

/* Entry i of an indirect table at DATA_AT. */
static void table_desc(unsigned int i, uint64_t at, uint32_t len,
		       unsigned int flags, unsigned int next)
{
	struct ring table = { .desc = (void *)(ring.ram + DATA_AT) };

	ring_desc(&table, i, at, len, flags, next);
}

static void indirect_chain(void)
{
	char buf[8] = { 0 };

	memcpy(ring.ram + 0x8000, "ab", 2);
	memcpy(ring.ram + 0x9000, "cd", 2);
	table_desc(0, 0x8000, 2, NEXT, 2);
	table_desc(2, 0x9000, 2, NEXT, 1);
	table_desc(1, 0xa000, 9, WRITE, 0);
	ring_desc(&ring, 4, DATA_AT, 3 * 16, INDIR, 0);
	ring_offer(&ring, 4);
	CHECK_EQ(virtq_pop(&vq, &mem, &chain), 1);
	CHECK_EQ(chain.head, 4);
	CHECK_EQ(chain.in_len, 9);
	CHECK_EQ(chain_read(&chain, &mem, buf, 8), 4);
	CHECK(!strcmp(buf, "abcd"));
}

static void indirect_after_direct(void)
{
	table_desc(0, 0xa000, 9, WRITE, 0);
	ring_desc(&ring, 0, 0x8000, 5, NEXT, 1);
	ring_desc(&ring, 1, DATA_AT, 16, INDIR, 0);
	ring_offer(&ring, 0);
	CHECK_EQ(virtq_pop(&vq, &mem, &chain), 1);
	CHECK_EQ(chain.out_len, 5);
	CHECK_EQ(chain.in_len, 9);
}

static void indirect_not_negotiated(void)
{
	vq.indirect = false;
	table_desc(0, 0x8000, 2, 0, 0);
	ring_desc(&ring, 0, DATA_AT, 16, INDIR, 0);
	ring_offer(&ring, 0);
	CHECK_OK(broke("negotiated"));
}

static void indirect_with_next(void)
{
	table_desc(0, 0x8000, 2, 0, 0);
	ring_desc(&ring, 0, DATA_AT, 16, INDIR | NEXT, 1);
	ring_offer(&ring, 0);
	CHECK_OK(broke("not the last"));
}

static void indirect_empty(void)
{
	ring_desc(&ring, 0, DATA_AT, 0, INDIR, 0);
	ring_offer(&ring, 0);
	CHECK_OK(broke("odd length"));
}

static void indirect_odd(void)
{
	ring_desc(&ring, 0, DATA_AT, 24, INDIR, 0);
	ring_offer(&ring, 0);
	CHECK_OK(broke("odd length"));
}

static void indirect_nested(void)
{
	table_desc(0, 0x8000, 16, INDIR, 0);
	ring_desc(&ring, 0, DATA_AT, 16, INDIR, 0);
	ring_offer(&ring, 0);
	CHECK_OK(broke("inside another"));
}

static void indirect_loop(void)
{
	table_desc(0, 0x8000, 2, NEXT, 1);
	table_desc(1, 0x8000, 2, NEXT, 0);
	ring_desc(&ring, 0, DATA_AT, 32, INDIR, 0);
	ring_offer(&ring, 0);
	CHECK_OK(broke("loop in an indirect"));
}

static void indirect_next_out_of_range(void)
{
	table_desc(0, 0x8000, 2, NEXT, 1);
	ring_desc(&ring, 0, DATA_AT, 16, INDIR, 0);
	ring_offer(&ring, 0);
	CHECK_OK(broke("next beyond the indirect"));
}

static void indirect_outside_memory(void)
{
	ring_desc(&ring, 0, RAM_SIZE - 8, 16, INDIR, 0);
	ring_offer(&ring, 0);
	CHECK_OK(broke("table outside"));
}

static void indirect_too_long(void)
{
	unsigned int i;

	for (i = 0; i <= CHAIN_MAX; i++)
		table_desc(i, 0x3000, 1, i < CHAIN_MAX ? NEXT : 0, i + 1);
	ring_desc(&ring, 0, DATA_AT, (CHAIN_MAX + 1) * 16, INDIR, 0);
	ring_offer(&ring, 0);
	CHECK_OK(broke("too long"));
}

static void indirect_longest(void)
{
	unsigned int i;

	for (i = 0; i < CHAIN_MAX; i++)
		table_desc(i, 0x3000, 1, i < CHAIN_MAX - 1 ? NEXT : 0, i + 1);
	ring_desc(&ring, 0, DATA_AT, CHAIN_MAX * 16, INDIR, 0);
	ring_offer(&ring, 0);
	CHECK_EQ(virtq_pop(&vq, &mem, &chain), 1);
	CHECK_EQ(chain.nr, CHAIN_MAX);
}

static void interrupts(void)
{
	CHECK(virtq_wants_interrupt(&vq));
	ring.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	CHECK(!virtq_wants_interrupt(&vq));
}

/* The front-end takes memory back while a chain is held. */
static void memory_goes_away(void)
{
	char buf[4];

	ring_desc(&ring, 0, DATA_AT, 4, NEXT, 1);
	ring_desc(&ring, 1, DATA_AT, 4, WRITE, 0);
	ring_offer(&ring, 0);
	CHECK_EQ(virtq_pop(&vq, &mem, &chain), 1);
	guest_mem_clear(&mem);
	CHECK_EQ(chain_read(&chain, &mem, buf, 4), 0);
	CHECK_EQ(chain_write(&chain, &mem, "abcd", 4), 0);
}

#define VIRTQ_TEST(fn)			\
	static void run_##fn(void)	\
	{				\
		setup();		\
		fn();			\
		teardown();		\
	}

VIRTQ_TEST(plain_chain)
VIRTQ_TEST(indices_wrap)
VIRTQ_TEST(full_ring_is_fine)
VIRTQ_TEST(available_index_jumps)
VIRTQ_TEST(head_out_of_range)
VIRTQ_TEST(next_out_of_range)
VIRTQ_TEST(loop)
VIRTQ_TEST(loop_of_one)
VIRTQ_TEST(longest_chain)
VIRTQ_TEST(outside_memory)
VIRTQ_TEST(address_wraps)
VIRTQ_TEST(empty_descriptors)
VIRTQ_TEST(wrong_order)
VIRTQ_TEST(indirect_chain)
VIRTQ_TEST(indirect_after_direct)
VIRTQ_TEST(indirect_not_negotiated)
VIRTQ_TEST(indirect_with_next)
VIRTQ_TEST(indirect_empty)
VIRTQ_TEST(indirect_odd)
VIRTQ_TEST(indirect_nested)
VIRTQ_TEST(indirect_loop)
VIRTQ_TEST(indirect_next_out_of_range)
VIRTQ_TEST(indirect_outside_memory)
VIRTQ_TEST(indirect_too_long)
VIRTQ_TEST(indirect_longest)
VIRTQ_TEST(interrupts)
VIRTQ_TEST(memory_goes_away)

const struct test virtq_tests[] = {
	{ "queue: plain chain", run_plain_chain },
	{ "queue: indices wrap", run_indices_wrap },
	{ "queue: full ring is fine", run_full_ring_is_fine },
	{ "queue: available index jumps", run_available_index_jumps },
	{ "queue: head out of range", run_head_out_of_range },
	{ "queue: next out of range", run_next_out_of_range },
	{ "queue: loop", run_loop },
	{ "queue: loop of one", run_loop_of_one },
	{ "queue: longest chain", run_longest_chain },
	{ "queue: descriptor outside memory", run_outside_memory },
	{ "queue: descriptor address wraps", run_address_wraps },
	{ "queue: empty descriptors", run_empty_descriptors },
	{ "queue: readable after writable", run_wrong_order },
	{ "queue: indirect chain", run_indirect_chain },
	{ "queue: indirect after direct", run_indirect_after_direct },
	{ "queue: indirect not negotiated", run_indirect_not_negotiated },
	{ "queue: indirect with next", run_indirect_with_next },
	{ "queue: indirect table empty", run_indirect_empty },
	{ "queue: indirect table of odd length", run_indirect_odd },
	{ "queue: indirect in indirect", run_indirect_nested },
	{ "queue: indirect loop", run_indirect_loop },
	{ "queue: indirect next out of range", run_indirect_next_out_of_range },
	{ "queue: indirect table outside memory", run_indirect_outside_memory },
	{ "queue: indirect too long", run_indirect_too_long },
	{ "queue: indirect longest", run_indirect_longest },
	{ "queue: interrupts on and off", run_interrupts },
	{ "queue: memory goes away", run_memory_goes_away },
	{ 0 }
};
