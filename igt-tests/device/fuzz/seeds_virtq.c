// SPDX-License-Identifier: MIT
/*
 * Seeds of fuzz_virtq.c: chains of all shapes.
 */
#include <endian.h>

#include <linux/virtio_ring.h>

#include "fuzz_virtq.h"
#include "seed.h"

#define NEXT		VRING_DESC_F_NEXT
#define WRITE		VRING_DESC_F_WRITE
#define INDIRECT	VRING_DESC_F_INDIRECT

#define TABLE		(FUZZ_RAM + FUZZ_RAM_SIZE)
/* Across the seam of two regions, and up to the end of the last. */
#define SEAM		(FUZZ_REGION_AT(1) - 64)
#define END		(FUZZ_REGION_AT(2) + FUZZ_RAM_SIZE)

static void begin(const char *name, unsigned int log_size, unsigned int at)
{
	struct fuzz_virtq_setup setup = {
		.last_avail = { (uint8_t)at, (uint8_t)(at >> 8) },
		.indirect = 1,
	};

	seed_begin(name);
	seed_step(FUZZ_POP, log_size, &setup, sizeof(setup));
}

static void describe(unsigned int at, const struct vring_desc *desc, size_t len)
{
	seed_step(FUZZ_DESCRIBE, at, desc, len);
}

static void offer(unsigned int head)
{
	uint16_t le = htole16((uint16_t)head);

	seed_step(FUZZ_OFFER, 0, &le, sizeof(le));
}

static void direct(void)
{
	static const struct vring_desc desc[] = {
		{ SEAM, 128, NEXT, 1 },
		{ END - 24, 24, NEXT, 2 },
		{ SEAM, 100, NEXT | WRITE, 3 },
		{ END - 8, 8, WRITE, 0 },
	};

	begin("direct", 2, 0xfffe);
	describe(0, desc, sizeof(desc));
	offer(0);
	offer(2);
	seed_step(FUZZ_POP, 5, "", 0);
	seed_step(FUZZ_POP, 255, "", 0);
	seed_step(FUZZ_POP, 0, "", 0);
	offer(1);
	seed_step(FUZZ_MEMORY, 2, "", 0);
	seed_step(FUZZ_POP, 5, "", 0);
}

static void indirect(void)
{
	static const struct vring_desc desc[] = {
		{ TABLE, 3 * sizeof(struct vring_desc), INDIRECT, 0 },
	};
	static const struct vring_desc table[] = {
		{ SEAM, 128, NEXT, 2 },
		{ END - 1, 1, WRITE, 0 },
		{ SEAM, 0, NEXT | WRITE, 1 },
	};
	uint32_t at = htole32(TABLE - FUZZ_RAM);

	begin("indirect", 8, 3);
	describe(7, desc, sizeof(desc));
	seed_step2(FUZZ_WRITE, 0, &at, sizeof(at), table, sizeof(table));
	offer(7);
	seed_step(FUZZ_POP, 1, "", 0);
}

/* An indirect table of as many as there may be, and one more. */
static void longest(unsigned int nr)
{
	struct vring_desc desc[] = {
		{ TABLE, nr * sizeof(struct vring_desc), INDIRECT, 0 },
	};
	struct vring_desc table[1025];
	uint32_t at = htole32(TABLE - FUZZ_RAM);
	unsigned int i;

	for (i = 0; i < nr; i++)
		table[i] = (struct vring_desc) {
			SEAM, 1, NEXT, (uint16_t)(i + 1)
		};
	table[nr - 1].flags = 0;
	begin(nr == 1024 ? "longest" : "too-long", 0, 0);
	describe(0, desc, sizeof(desc));
	seed_step2(FUZZ_WRITE, 0, &at, sizeof(at), table, nr * sizeof(*table));
	offer(0);
	seed_step(FUZZ_POP, 0, "", 0);
}

static void hostile(void)
{
	static const struct vring_desc loop[] = {
		{ SEAM, 1, NEXT, 1 },
		{ SEAM, 1, NEXT, 0 },
	};
	/* A response on top of the rings. */
	static const struct vring_desc rings[] = {
		{ FUZZ_RAM + FUZZ_USED, 64, WRITE, 0 },
	};
	uint16_t jump = htole16(200);

	begin("loop", 1, 0);
	describe(0, loop, sizeof(loop));
	offer(1);
	seed_step(FUZZ_POP, 0, "", 0);

	begin("rings", 3, 0);
	describe(4, rings, sizeof(rings));
	offer(4);
	seed_step(FUZZ_POP, 12, "", 0);
	offer(4);
	seed_step(FUZZ_POP, 12, "", 0);

	begin("jump", 3, 0);
	seed_step(FUZZ_INDEX, 0, &jump, sizeof(jump));
	seed_step(FUZZ_POP, 0, "", 0);
}

void write_seeds(void)
{
	static const uint64_t numbers[] = {
		SEAM, TABLE, END, FUZZ_REGION_AT(1), FUZZ_REGION_AT(2),
		FUZZ_RAM + FUZZ_AVAIL, FUZZ_RAM + FUZZ_USED,
	};
	size_t i;

	direct();
	indirect();
	longest(1024);
	longest(1025);
	hostile();
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		seed_word(&numbers[i], sizeof(numbers[i]));
}
