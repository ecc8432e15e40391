/* SPDX-License-Identifier: MIT */
/*
 * The parts of vmf_range_bench: buffers (what is mapped), ways (who maps it), works
 * (what is done with it), rows (what that took, in instructions and in locks).
 */
#ifndef VRAM_BENCH_H
#define VRAM_BENCH_H

#include "vram.h"

#define MIB	(1ull << 20)
#define GIB	(1ull << 30)

/**
 * struct bench_shape - how the memory of a buffer lies
 * @name: in the rows
 * @size: bytes
 * @block_size: as in &struct drm_virtio_vram_gem_create
 * @flags: likewise
 * @off: how far the address is from agreeing with the memory modulo 1 GiB
 */
struct bench_shape {
	const char *name;
	uint64_t size;
	uint64_t block_size;
	uint32_t flags;
	uint64_t off;
};

/**
 * struct bench_buffer - device memory that is mapped as one
 * @vram: the device
 * @shape: how it lies
 * @bo: the same memory as a TTM buffer; of the largest ones there is none, only
 *	@bo.blocks
 * @bytes: how much of it is mapped, from its start
 */
struct bench_buffer {
	struct vram *vram;
	const struct bench_shape *shape;
	struct vram_bo bo;
	uint64_t bytes;
};

struct bench_way;

/**
 * struct bench_way_ops - a kind of way
 * @begin: get ready to map a buffer
 * @map: map it; returns MAP_FAILED if that cannot be
 * @zap: take the memory away, as an eviction does; NULL: nobody can
 * @calls: how often the driver's fault handler was called; NULL: once for a fault
 */
struct bench_way_ops {
	void (*begin)(const struct bench_way *way, struct bench_buffer *buffer);
	void *(*map)(struct bench_buffer *buffer);
	void (*zap)(struct bench_buffer *buffer);
	uint64_t (*calls)(struct bench_buffer *buffer);
};

/**
 * struct bench_way - who maps
 * @name: in the rows
 * @ops: how to ask for it
 * @arg: for @ops
 * @flags: for @ops
 * @at_mmap: maps all at mmap(), and serves no fault
 * @small: never maps anything but single pages
 * @most: a fault of it writes so many pages at most; 0: no such limit
 * @huge: but @most entries of any size
 */
struct bench_way {
	const char *name;
	const struct bench_way_ops *ops;
	uint32_t arg;
	uint32_t flags;
	bool at_mmap;
	bool small;
	unsigned int most;
	bool huge;
};

extern const struct bench_way bench_ways[];
extern const unsigned int bench_nr_ways;
const struct bench_way *bench_way(const char *name);

/* Memory of others. */
extern const struct bench_way bench_vfio;
uint64_t bench_vfio_open(const char *address);
extern const struct bench_way bench_vgem;
uint64_t bench_vgem_open(uint64_t bytes);
void bench_vgem_close(void);

/**
 * struct bench_leaves - what maps a range
 * @pud: leaves of 1 GiB
 * @pmd: leaves of 2 MiB
 * @pte: leaves of 4 KiB
 * @min: the fewest leaves that can map what these map
 * @cache: cache mode of the first one
 */
struct bench_leaves {
	unsigned long pud;
	unsigned long pmd;
	unsigned long pte;
	unsigned long min;
	const char *cache;
};

void bench_buffer_make(struct vram *vram, struct bench_buffer *buffer,
		       const struct bench_shape *shape);
void bench_buffer_find(struct vram *vram, struct bench_buffer *buffer,
		       const struct bench_shape *shape,
		       const struct bench_way *way);
void bench_buffer_free(struct bench_buffer *buffer);
unsigned long bench_min_leaves(const struct bench_buffer *buffer,
			       uint64_t from, uint64_t to);
struct bench_leaves bench_count_leaves(const struct bench_buffer *buffer,
				       const char *addr);

/**
 * struct bench_sample - what a work took
 * @cost: instructions, or locks where these are counted
 * @own: those of the program itself among them
 * @faults: page faults
 * @calls: of the driver's fault handler
 * @tables: bytes of page tables that it added
 * @leaves: what was mapped after it, or, if it unmaps, before
 */
struct bench_sample {
	uint64_t cost;
	uint64_t own;
	uint64_t faults;
	uint64_t calls;
	long tables;
	struct bench_leaves leaves;
};

void bench_locks_begin(void);
void bench_locks_end(void);
bool bench_locks_counted(void);
uint64_t bench_locks_now(void);

void bench_row(const struct bench_way *way, const struct bench_buffer *buffer,
	       const char *work, const struct bench_sample *sample);

void bench_works(const struct bench_way *way, struct bench_buffer *buffer);
void bench_work(const struct bench_way *way, struct bench_buffer *buffer,
		const char *name);

#endif
