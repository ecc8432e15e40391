/* SPDX-License-Identifier: MIT */
/*
 * The operations, in files by what they are about; the table of all is in ops.c.
 * Each takes its arguments as random numbers.
 */
#ifndef VRAM_FUZZ_OPS_H
#define VRAM_FUZZ_OPS_H

#include "fuzz.h"

/* Not each of them has a use for both. */
#define OP(name)							\
	bool op_##name(struct fuzz_thread *t __attribute__((unused)),	\
		       const uint32_t *arg __attribute__((unused)))

/* ops_bo.c: buffers */
OP(create);
OP(create_bad);
OP(dumb);
OP(close);
OP(ioctls_bad);
OP(export);
OP(import);
OP(flink);
OP(zap);
OP(way);
OP(move);

/* ops_map.c: what is mapped */
OP(map);
OP(map_bad);
OP(map_dmabuf);
OP(map_window);
OP(map_shape);
OP(map_other);
OP(unmap);
OP(unmap_any);
OP(protect);
OP(remap);
OP(advise);
OP(lock);
OP(shape_act);

/* ops_use.c: what is done with it */
OP(touch);
OP(touch_any);
OP(touch_foreign);
OP(blind_map);
OP(fork);
OP(gup);
OP(vm_readv);
OP(proc_mem);
OP(copy);
OP(sync);
OP(leaves);
OP(look);
OP(numa);
OP(tracking);
OP(pages_file);
OP(disturb);

/* A buffer that exists, or NULL. With names held for reading, it stays open. */
struct fuzz_bo *fuzz_bo_pick(struct fuzz_thread *t, uint32_t arg);
/* Give it a dma-buf, unless it has one. */
bool fuzz_bo_export(struct fuzz_process *p, struct fuzz_bo *bo);
/* A small random number of this operation. */
uint32_t fuzz_below(struct fuzz_thread *t, uint32_t limit);

#endif
