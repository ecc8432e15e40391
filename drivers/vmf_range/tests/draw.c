// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lots for tests that draw them: the seed is printed, and repeats them.
 */
#include <kunit/test.h>
#include <linux/moduleparam.h>
#include <linux/random.h>

#include "draw.h"

static ulong seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed,
		 "Repeat what a test drew with this seed (default: 0, a new one for each)");

/**
 * draw_begin - choose a seed and print it
 * @rnd: filled in
 * @test: the test that draws
 */
void draw_begin(struct rnd_state *rnd, struct kunit *test)
{
	u64 chosen = seed ?: get_random_u64();

	kunit_info(test, "seed %llu\n", chosen);
	prandom_seed_state(rnd, chosen);
}
