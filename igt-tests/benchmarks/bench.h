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
 * @fragmented: it is got while others have left nothing but fragments
 * @works: what it is for, up to NULL; NULL: all that is not for some shapes only
 */
struct bench_shape {
	const char *name;
	uint64_t size;
	uint64_t block_size;
	uint32_t flags;
	uint64_t off;
	bool fragmented;
	const char * const *works;
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
 * @move: move it out of the window, or back into it in blocks of a size; NULL: nobody can
 * @calls: how often the driver's fault handler was called; NULL: once for a fault
 */
struct bench_way_ops {
	void (*begin)(const struct bench_way *way, struct bench_buffer *buffer);
	void *(*map)(struct bench_buffer *buffer);
	void (*zap)(struct bench_buffer *buffer);
	void (*move)(struct bench_buffer *buffer, enum vram_test_move to,
		     uint64_t block_size);
	uint64_t (*calls)(const struct bench_buffer *buffer);
};

/**
 * struct bench_way - who maps
 * @name: in the rows
 * @ops: how to ask for it
 * @arg: for @ops
 * @flags: for @ops
 * @at_mmap: maps all at mmap(), and serves no fault
 * @small: never maps anything but single pages
 */
struct bench_way {
	const char *name;
	const struct bench_way_ops *ops;
	uint32_t arg;
	uint32_t flags;
	bool at_mmap;
	bool small;
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
void bench_fragments_make(struct vram *vram, struct vram_bo *bo, uint64_t size);
unsigned long bench_min_leaves(const struct bench_buffer *buffer,
			       uint64_t from, uint64_t to);
struct bench_leaves bench_count_leaves(const struct bench_buffer *buffer,
				       const char *addr);

/**
 * struct bench_sample - what a work took
 * @cost: instructions, or locks where these are counted; while a work runs, with those
 *	of the program itself
 * @own: those of the program itself
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

void bench_trace_begin(const char *resource);
void bench_trace_end(void);
void bench_trace_switch(void);

void bench_row(const struct bench_way *way, const struct bench_buffer *buffer,
	       const char *work, const struct bench_sample *sample);

void bench_works(const struct bench_way *way, struct bench_buffer *buffer);
void bench_work(const struct bench_way *way, struct bench_buffer *buffer,
		const char *name);
bool bench_work_traced(const struct bench_way *way, struct bench_buffer *buffer,
		       const char *name, struct bench_sample *sample);

#endif
