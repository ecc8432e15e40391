// SPDX-License-Identifier: MIT
/*
 * The table of operations, and how often each is wanted.
 */
#include <assert.h>

#include "ops.h"

#define TYPE(name, weight)	{ #name, weight, op_##name }

const struct fuzz_op_type fuzz_ops[] = {
	[FUZZ_OP_CREATE] = TYPE(create, 12),
	[FUZZ_OP_MAP] = TYPE(map, 16),

	TYPE(create_bad, 2),
	TYPE(dumb, 2),
	TYPE(close, 3),
	TYPE(ioctls_bad, 2),
	TYPE(export, 2),
	TYPE(import, 2),
	TYPE(flink, 1),
	TYPE(zap, 6),
	TYPE(way, 1),
	TYPE(move, 7),

	TYPE(map_bad, 2),
	TYPE(map_dmabuf, 6),
	TYPE(map_window, 5),
	TYPE(map_shape, 5),
	TYPE(map_other, 1),
	TYPE(unmap, 6),
	TYPE(unmap_any, 2),
	TYPE(protect, 9),
	TYPE(remap, 9),
	TYPE(advise, 5),
	TYPE(lock, 2),
	TYPE(shape_act, 4),

	TYPE(touch, 30),
	TYPE(touch_any, 5),
	TYPE(touch_foreign, 6),
	TYPE(blind_map, 2),
	TYPE(fork, 3),
	TYPE(gup, 4),
	TYPE(vm_readv, 2),
	TYPE(proc_mem, 4),
	TYPE(copy, 3),
	TYPE(sync, 1),
	TYPE(leaves, 6),
	TYPE(look, 1),
	TYPE(numa, 1),
	TYPE(tracking, 2),
	TYPE(pages_file, 1),
	TYPE(disturb, 1),
};

const unsigned int fuzz_nr_ops = sizeof(fuzz_ops) / sizeof(fuzz_ops[0]);

static_assert(sizeof(fuzz_ops) / sizeof(fuzz_ops[0]) <= FUZZ_OPS_KINDS,
	      "more operations than counters");

uint32_t fuzz_below(struct fuzz_thread *t, uint32_t limit)
{
	return (uint32_t)(fuzz_random(&t->random) >> 32) % limit;
}
