/* SPDX-License-Identifier: MIT */
/* The steps of fuzz_gpu.c, for it and for the seeds. */
#ifndef FUZZ_GPU_H
#define FUZZ_GPU_H

/* Two regions of guest memory, one after the other. */
#define FUZZ_RAM	0x100000ULL
#define FUZZ_RAM_SIZE	0x4000ULL

enum fuzz_gpu_op {
	FUZZ_REQUEST,		/* payload: the request; arg: room, queue */
	FUZZ_ANSWER,		/* the front-end answers */
	FUZZ_STOP,
	FUZZ_START,
	FUZZ_RESET,
	FUZZ_SEND_FAILS,	/* arg: from now on, or not any more */
	FUZZ_MEMORY,		/* arg: which region goes away or comes back */
	FUZZ_GPU_OPS,
};

/* arg of the first record, the rest of which counts for nothing */
#define FUZZ_BLOB		1	/* and five bits of features to leave out */
/* arg of the others */
#define FUZZ_CURSOR		0x80
#define FUZZ_REFUSE		1
#define FUZZ_KEEP_MAPPED	1
#define FUZZ_REQUEST_FIRST	2

#endif
