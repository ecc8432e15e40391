/* SPDX-License-Identifier: MIT */
/* The steps of fuzz_backend.c, for it and for the seeds. */
#ifndef FUZZ_BACKEND_H
#define FUZZ_BACKEND_H

#include <stdint.h>

/* Guest memory: one file. The front-end's addresses for it are FUZZ_UADDR on. */
#define FUZZ_RAM	0x100000ULL
#define FUZZ_RAM_SIZE	0x8000ULL
#define FUZZ_UADDR	0x7f0000000000ULL

enum fuzz_backend_op {
	FUZZ_MESSAGE,	/* payload: struct fuzz_message, then that of the message */
	FUZZ_WRITE,	/* payload: offset in RAM in 4 bytes, then data */
	FUZZ_KICK,	/* arg: queue */
	FUZZ_ANSWER,	/* to a request about the window; arg: how */
	FUZZ_BACKEND_OPS,
};

struct fuzz_message {
	uint8_t request;
	uint8_t flags;
	uint8_t pad[2];		/* so that words are where mutations look for them */
};

/* arg of FUZZ_MESSAGE: how many descriptors of which kind come along */
#define FUZZ_FDS(nr, kind)	((nr) | (kind) << 4)
/* The length in the header is not that of what follows: it is its first word. */
#define FUZZ_LIE		0x80

enum fuzz_fd {
	FUZZ_FD_RAM,
	FUZZ_FD_EVENT,
	FUZZ_FD_SOCKET,		/* for requests about the window */
	FUZZ_FD_NULL,
	FUZZ_FD_KINDS,
};

/* arg of FUZZ_ANSWER */
enum fuzz_answer {
	FUZZ_ANSWER_OK,
	FUZZ_ANSWER_REFUSE,
	FUZZ_ANSWER_SHORT,
	FUZZ_ANSWER_HANG_UP,
	FUZZ_ANSWERS,
};

/* arg of the first record */
#define FUZZ_BLOB		1
#define FUZZ_MEM_SLOTS		2

#endif
