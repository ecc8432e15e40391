// SPDX-License-Identifier: MIT
/*
 * The table of operations, and how often each is wanted: in short programs, and in long
 * ones, where what takes long is rare.
 */
#include <assert.h>

#include "ops.h"

#define TYPE(name, weight, weight_long)	\
	{ #name, weight, weight_long, op_##name }

const struct fuzz_op_type fuzz_ops[] = {
	[FUZZ_OP_CREATE] = TYPE(create, 12, 4),
	[FUZZ_OP_MAP] = TYPE(map, 16, 14),

	TYPE(create_bad, 2, 0),
	TYPE(dumb, 2, 0),
	TYPE(close, 3, 1),
	TYPE(ioctls_bad, 2, 1),
	TYPE(export, 2, 1),
	TYPE(import, 2, 1),
	TYPE(flink, 1, 1),
	TYPE(zap, 6, 12),
	TYPE(way, 1, 1),
	TYPE(move, 7, 1),

	TYPE(map_bad, 2, 1),
	TYPE(map_dmabuf, 6, 4),
	TYPE(map_window, 5, 5),
	TYPE(map_shape, 5, 1),
	TYPE(map_other, 1, 1),
	TYPE(unmap, 6, 8),
	TYPE(unmap_any, 2, 3),
	TYPE(protect, 9, 10),
	TYPE(remap, 9, 16),
	TYPE(advise, 5, 14),
	TYPE(lock, 2, 4),
	TYPE(shape_act, 4, 4),

	TYPE(touch, 30, 12),
	TYPE(touch_any, 5, 2),
	TYPE(touch_foreign, 6, 2),
	TYPE(blind_map, 2, 1),
	TYPE(fork, 3, 1),
	TYPE(gup, 4, 10),
	TYPE(vm_readv, 2, 5),
	TYPE(proc_mem, 4, 5),
	TYPE(copy, 3, 8),
	TYPE(sync, 1, 1),
	TYPE(leaves, 6, 20),
	TYPE(look, 1, 0),
	TYPE(numa, 1, 1),
	TYPE(tracking, 2, 1),
	TYPE(pages_file, 1, 1),
	TYPE(disturb, 1, 0),
};

const unsigned int fuzz_nr_ops = sizeof(fuzz_ops) / sizeof(fuzz_ops[0]);

static_assert(sizeof(fuzz_ops) / sizeof(fuzz_ops[0]) <= FUZZ_OPS_KINDS,
	      "more operations than counters");

uint32_t fuzz_below(struct fuzz_thread *t, uint32_t limit)
{
	return (uint32_t)(fuzz_random(&t->random) >> 32) % limit;
}
