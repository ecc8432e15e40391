/* SPDX-License-Identifier: MIT */
/*
 * Which code of the modules each thread reaches, by kcov; on a kernel without, none.
 */
#ifndef VRAM_FUZZ_COVER_H
#define VRAM_FUZZ_COVER_H

#include "fuzz.h"

bool cover_possible(void);
/* Before threads are made; then in each of them. */
void cover_open(void);
void cover_begin(unsigned int thread);
void cover_end(unsigned int thread);
/* Enter what was reached since the last time. */
void cover_collect(unsigned int thread, struct fuzz_shared *shared);

#endif
