// SPDX-License-Identifier: MIT
/*
 * Random requests and random rings, the same in every run. What they must not
 * do is crash, leak, or leave the device in a state where good requests fail.
 */
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "unit.h"

static uint64_t seed;

/* xorshift64*: good enough to pick numbers. */
static uint32_t rnd(uint32_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

/* Small numbers mostly, so that ids and sizes meet; now and then anything. */
static uint32_t word(void)
{
	switch (rnd(8)) {
	case 0:
		return 0;
	case 1:
		return rnd(UINT32_MAX);
	case 2:
		return 4096 * rnd(16);
	case 3:
		return UINT32_MAX - rnd(3);
	default:
		return rnd(6);
	}
}

static uint32_t type(void)
{
	switch (rnd(16)) {
	case 0:
		return rnd(0x2000);
	case 1:
		return 0x300 + rnd(3);
	case 2 ... 8:
		return 0x200 + rnd(11);
	default:
		return 0x100 + rnd(15);
	}
}

static size_t make_request(uint32_t *req, size_t words)
{
	size_t i, len = 24 + rnd(80);

	for (i = 0; i < words; i++)
		req[i] = word();
	req[0] = type();
	req[1] = rnd(4);
	req[4] = rnd(3);
	/* Often an entry that is all right follows. */
	if (rnd(2)) {
		uint64_t gpa = RAM_GPA + 4096 * rnd(64);
		size_t at = rnd(2) ? 8 : 14;

		memcpy(&req[at], &gpa, sizeof(gpa));
		req[at + 2] = 4096;
	}
	return len;
}

static void random_requests(void)
{
	uint32_t req[64];
	unsigned int i, mode;

	for (mode = 0; mode < 2; mode++) {
		seed = 0x1234567 + mode;
		rig_setup(mode ? WINDOW_BLOB : WINDOW_WHOLE, ALL_FEATURES);
		for (i = 0; i < 100000; i++) {
			size_t len = make_request(req, 64);
			uint32_t t;

			rig.refuse = !rnd(10);
			t = rig_exec(rnd(20) ? GPU_CONTROLQ : GPU_CURSORQ, req,
				     len, rnd(10) ? 4096 : rnd(64));
			CHECK(!t || (t >= VIRTIO_GPU_RESP_OK_NODATA &&
				     t <= ERR(INVALID_PARAMETER)));
			CHECK(!gpu_busy(rig.gpu));
			if (!rnd(5000))
				gpu_reset(rig.gpu);
		}
		gpu_reset(rig.gpu);
		CHECK_EQ(rig_create_2d(1, 8192, 8192), OK_NODATA);
		if (mode) {
			CHECK_EQ(rig_context(1), OK_NODATA);
			CHECK_EQ(rig_blob(2, 2, RIG_POOL), OK_NODATA);
			rig.refuse = false;
			CHECK_EQ(rig_map(2, 0), VIRTIO_GPU_RESP_OK_MAP_INFO);
		}
		rig_teardown();
	}
}

/* A page of descriptors in which some make sense. */
static void random_descriptors(struct ring *r)
{
	unsigned int i;

	for (i = 0; i < RING_SIZE; i++)
		ring_desc(r, i, 4096 * rnd(80), rnd(4) ? 16 * rnd(8) : word(),
			  rnd(10) ? rnd(4) : rnd(8), rnd(RING_SIZE + 2));
}

static void random_rings(void)
{
	static struct guest_mem mem;
	static struct chain chain;
	uint8_t *ram = calloc(1, RAM_SIZE), buf[4096];
	struct ring r;
	unsigned int i, popped = 0, broke = 0;

	seed = 99;
	guest_mem_clear(&mem);
	guest_mem_add(&mem, RAM_GPA, RAM_SIZE, RAM_UADDR, ram);
	ring_init(&r, ram, 0);
	for (i = 0; i < 50000; i++) {
		struct virtq vq = {
			.size = RING_SIZE,
			.desc = r.desc,
			.avail = r.avail,
			.used = r.used,
			.indirect = true,
			.last_avail = (uint16_t)rnd(65536),
		};
		int got;

		random_descriptors(&r);
		r.avail->idx = vq.last_avail + (uint16_t)rnd(3);
		r.avail->ring[vq.last_avail % RING_SIZE] =
			(uint16_t)rnd(RING_SIZE + 1);
		got = virtq_pop(&vq, &mem, &chain);
		CHECK(got < 0 || !vq.broken);
		if (got == 1) {
			size_t n = chain_read(&chain, &mem, buf, sizeof(buf));

			CHECK(n <= chain.out_len);
			chain_write(&chain, &mem, buf, sizeof(buf));
			virtq_push(&vq, &chain, (uint32_t)n);
			popped++;
		}
		broke += got < 0;
	}
	free(ram);
	/* Both happen, or the numbers above pick badly. */
	CHECK(popped > 1000);
	CHECK(broke > 1000);
}

const struct test random_tests[] = {
	{ "random: requests", random_requests },
	{ "random: rings", random_rings },
	{ 0 }
};
