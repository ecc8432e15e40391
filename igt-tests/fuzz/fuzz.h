/* SPDX-License-Identifier: MIT */
/*
 * Random programs against virtio_vram and vmf_range, in three layers: a program is
 * a list of operations with arguments (program.c); an operation is system calls
 * (ops.c); and what the process has mapped where is known page by page (segments.c),
 * so that each access has one right outcome.
 */
#ifndef VRAM_FUZZ_H
#define VRAM_FUZZ_H

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include "vram.h"

#define RW	(PROT_READ | PROT_WRITE)

/* Programs ---------------------------------------------------------------- */

#define FUZZ_THREADS_MAX	2
#define FUZZ_OPS_MAX		48	/* of a short program */
#define FUZZ_OPS_LONG		600	/* of a long one */
#define FUZZ_ARGS		6

struct fuzz_op {
	unsigned int op;		/* index in fuzz_ops[] */
	uint32_t arg[FUZZ_ARGS];
};

enum fuzz_end {
	FUZZ_END_CLEAN,		/* unmap all, look whether all is as it was */
	FUZZ_END_EXIT,		/* exit with all mapped */
	FUZZ_END_KILL,		/* be killed at any time */
	FUZZ_ENDS,
};

struct fuzz_program {
	enum fuzz_end end;
	unsigned int kill_us;
	unsigned int nr_threads;
	unsigned int nr[FUZZ_THREADS_MAX];
	struct fuzz_op ops[FUZZ_THREADS_MAX][FUZZ_OPS_LONG];
};

/*
 * A program is told by its seeds: the first makes it, each other one changes it. An odd
 * first one makes a long program, of what is done to mappings rather than to buffers.
 */
#define FUZZ_SEEDS_MAX		8

struct fuzz_seeds {
	unsigned int nr;
	uint64_t seed[FUZZ_SEEDS_MAX];
};

uint64_t fuzz_random(uint64_t *state);
void fuzz_program_make(struct fuzz_program *p, const struct fuzz_seeds *seeds);
void fuzz_program_print(const struct fuzz_program *p);

/* What processes share ---------------------------------------------------- */

#define FUZZ_COVER_WORDS	(1u << 14)
#define FUZZ_OPS_KINDS		64

struct fuzz_shared {
	bool trace;				/* print what is done */
	atomic_uint bo_id;
	atomic_ulong touches;
	atomic_ulong steps;			/* operations begun */
	atomic_ulong done[FUZZ_OPS_KINDS];	/* operations that worked */
	atomic_ulong tried[FUZZ_OPS_KINDS];
	/* Places in the code that were reached, by a hash of each. */
	atomic_uint cover[FUZZ_COVER_WORDS];
	atomic_uint covered;
	char report[4096];			/* of the first violation */
	atomic_bool reported;
};

/* How a process that runs a program ends. */
enum fuzz_exit {
	FUZZ_EXIT_OK,
	FUZZ_EXIT_WRONG = 3,
	FUZZ_EXIT_NEW,		/* it reached code that none before it had */
};

/* A process and its threads ------------------------------------------------ */

#define FUZZ_BOS	32
/* Pages of a buffer for which it is known whether they have been written. */
#define FUZZ_TRACKED	8192

/* A buffer. Records are not used twice in a process. */
struct fuzz_bo {
	uint32_t id;
	uint32_t handle;		/* 0: closed */
	uint64_t size;
	uint64_t offset;
	uint64_t pa;			/* of its first page when it was made, or 0 */
	int dmabuf;			/* -1: not exported */
	/* It is not in the window, unless one more move begins. */
	atomic_bool outside;
	atomic_uint moves_in;
	atomic_uchar written[FUZZ_TRACKED / 8];
};

enum fuzz_kind {
	FUZZ_SEG_BO,		/* a buffer: page N has its stamp or is zero */
	FUZZ_SEG_WINDOW,	/* the window: any buffer's stamp */
	FUZZ_SEG_SHAPE,		/* the same, with holes */
	FUZZ_SEG_RAM,		/* a shape of system memory, its pages numbered */
	FUZZ_SEG_OTHER,		/* anonymous memory */
};

/* A run of mapped pages. */
struct fuzz_seg {
	uint64_t va;
	uint64_t len;
	enum fuzz_kind kind;
	struct fuzz_bo *bo;
	uint64_t page;		/* of what is mapped, at va */
	int prot;
	bool dontfork;
};

#define FUZZ_SEGS	128

struct fuzz_process {
	struct fuzz_shared *shared;
	const struct fuzz_program *program;
	struct vram vram;
	atomic_llong budget;		/* bytes that may still be allocated */
	/* It did something to mappings that are not a thread's own. */
	bool strayed;
	atomic_uint nr_bos;
	struct fuzz_bo bos[FUZZ_BOS];
	/*
	 * Handles and offsets are given out again: who closes one holds this for
	 * writing, who uses one and cares which buffer it is, for reading.
	 */
	pthread_rwlock_t names;
	pthread_mutex_t moving;
};

struct fuzz_thread {
	struct fuzz_process *process;
	unsigned int nr;
	uint64_t arena;			/* where it maps at fixed addresses */
	unsigned int nr_segs;
	struct fuzz_seg segs[FUZZ_SEGS];
	int shape_fd;			/* -1, or the test node with its shape */
	uint64_t random;		/* for many small choices in an operation */
};

/* Nothing else is near, and so no page table is shared. */
#define FUZZ_ARENA(nr)		((80ul << 40) + (uint64_t)(nr) * (1ul << 40))
#define FUZZ_ARENA_SIZE		(6 * VRAM_PUD)

/* Does not return: the process ends, and the fuzzer with it. */
void fuzz_wrong(struct fuzz_thread *t, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* Runs a program in this process, which ends with it. */
void fuzz_run(struct fuzz_shared *shared, const struct fuzz_program *p,
	      const char *drm_path, uint64_t budget) __attribute__((noreturn));

/* Operations --------------------------------------------------------------- */

struct fuzz_op_type {
	const char *name;
	unsigned int weight;
	unsigned int weight_long;	/* in long programs */
	/* Whether it did something; that it cannot is no failure. */
	bool (*run)(struct fuzz_thread *t, const uint32_t *arg);
};

/* The first two of all. */
#define FUZZ_OP_CREATE	0
#define FUZZ_OP_MAP	1

extern const struct fuzz_op_type fuzz_ops[];
extern const unsigned int fuzz_nr_ops;

void fuzz_unmap_all(struct fuzz_thread *t);

/* Segments ----------------------------------------------------------------- */

void fuzz_seg_add(struct fuzz_thread *t, const struct fuzz_seg *seg);
void fuzz_seg_remove(struct fuzz_thread *t, uint64_t va, uint64_t len);
/* The segments of a range, cut at its ends, for f to change. */
void fuzz_seg_change(struct fuzz_thread *t, uint64_t va, uint64_t len,
		     void (*f)(struct fuzz_seg *seg, uint32_t arg), uint32_t arg);
const struct fuzz_seg *fuzz_seg_find(const struct fuzz_thread *t, uint64_t va);
/* Is there room to cut segments in an operation? */
bool fuzz_seg_room(const struct fuzz_thread *t);

/* Any of them; false if there is none. It is a copy: others change. */
bool fuzz_seg_pick(const struct fuzz_thread *t, uint32_t arg,
		   struct fuzz_seg *seg);
/* Part of a segment, by preference one with an edge of interest. */
struct fuzz_seg fuzz_seg_part(const struct fuzz_seg *seg, uint32_t shape,
			      uint32_t where, uint32_t length);

/* An access to memory, which may fail. Gives the signal or 0. */
int fuzz_read(uint64_t va, uint64_t *value);
int fuzz_write(uint64_t va, uint64_t value);
/* The same, with everything checked that is known of the page. */
void fuzz_touch(struct fuzz_thread *t, uint64_t va, bool write);
/* Of what another thread may be changing, little is known. */
void fuzz_touch_foreign(struct fuzz_thread *t, uint64_t va);
/* What a page of a buffer must hold once it was written. */
uint64_t fuzz_stamp(const struct fuzz_bo *bo, uint64_t page);
void fuzz_check_value(struct fuzz_thread *t, const struct fuzz_seg *seg,
		      uint64_t va, uint64_t value, bool was_written);
bool fuzz_was_written(const struct fuzz_seg *seg, uint64_t va);
void fuzz_set_written(const struct fuzz_seg *seg, uint64_t va);

void fuzz_catch_signals(void);

#endif
