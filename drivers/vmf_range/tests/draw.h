/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_TESTS_DRAW_H_
#define _VMF_RANGE_TESTS_DRAW_H_

#include <linux/prandom.h>

struct kunit;

void draw_begin(struct rnd_state *rnd, struct kunit *test);

/* A number below @below, which is not 0. */
static inline unsigned long draw(struct rnd_state *rnd, unsigned long below)
{
	return prandom_u32_state(rnd) % below;
}

#endif
