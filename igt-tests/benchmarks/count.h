/* SPDX-License-Identifier: MIT */
/*
 * Counting guest instructions: under QEMU's -icount shift=0 an instruction takes
 * one nanosecond of the guest's time, and its time-stamp counter counts just
 * those.
 */
#ifndef VRAM_COUNT_H
#define VRAM_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include <x86intrin.h>

static inline uint64_t count_now(void)
{
	uint64_t now;

	_mm_lfence();
	now = __rdtsc();
	_mm_lfence();
	return now;
}

/* This takes twice as many instructions, and nothing else. */
static inline void count_loop(uint64_t loops)
{
	asm volatile("1: dec %0; jnz 1b" : "+r" (loops));
}

/*
 * Wait until there was an interrupt, which most often is the timer's: the next one is as
 * far away as can be.
 */
static inline void count_wait_for_tick(void)
{
	const uint64_t most = 20 * 1000 * 1000, loops = 1000;
	uint64_t start = count_now(), last, now = start;

	do {
		last = now;
		count_loop(loops);
		now = count_now();
	} while (now - last < 3 * loops && now - start < most);
}

/* Is that so here? A loop of known length tells. */
static inline bool count_is_instructions(void)
{
	const uint64_t loops = 100 * 1000;
	uint64_t best = -1, took;
	int i;

	for (i = 0; i < 5; i++) {
		took = count_now();
		count_loop(loops);
		took = count_now() - took;
		if (took < best)
			best = took;
	}
	return best >= 2 * loops && best < 2 * loops + 100;
}

#endif
