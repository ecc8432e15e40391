/* SPDX-License-Identifier: MIT */
/* The steps of fuzz_virtq.c, for it and for the seeds. */
#ifndef FUZZ_VIRTQ_H
#define FUZZ_VIRTQ_H

#include <stdint.h>

/*
 * Guest memory: regions that adjoin for the guest and lie apart in the host, with
 * a hole before the last. The rings are in the first.
 */
#define FUZZ_RAM		0x100000ULL
#define FUZZ_RAM_SIZE		0x8000ULL
#define FUZZ_REGIONS		3
#define FUZZ_REGION_AT(i)	(FUZZ_RAM + ((i) + (i) / 2) * FUZZ_RAM_SIZE)

#define FUZZ_DESC		0x0000		/* up to 1024 of them */
#define FUZZ_AVAIL		0x4000
#define FUZZ_USED		0x5000

enum fuzz_virtq_op {
	FUZZ_POP,	/* take, answer and return a chain; arg: length, see there */
	FUZZ_DESCRIBE,	/* payload: descriptors from index arg on */
	FUZZ_OFFER,	/* payload: heads, each made available */
	FUZZ_INDEX,	/* payload: what the available index becomes */
	FUZZ_WRITE,	/* payload: offset from FUZZ_RAM in 4 bytes, then data */
	FUZZ_MEMORY,	/* arg: which region goes away or comes back */
	FUZZ_VIRTQ_OPS,
};

/* Payload of the first record; its arg is log2 of the queue's size. */
struct fuzz_virtq_setup {
	uint8_t last_avail[2];
	uint8_t indirect;
};

#endif
