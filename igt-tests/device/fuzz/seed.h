/* SPDX-License-Identifier: MIT */
/*
 * A fuzzer's first inputs: good sequences, from which it goes astray. Each
 * program that makes them has a write_seeds().
 */
#ifndef SEED_H
#define SEED_H

#include <stddef.h>

/* Begin an input; the one before ends. */
void seed_begin(const char *name);
/* Add a step, whose payload is in up to two parts. */
void seed_step(unsigned int op, unsigned int arg, const void *data, size_t len);
void seed_step2(unsigned int op, unsigned int arg, const void *head,
		size_t head_len, const void *data, size_t len);
/* A word for the dictionary: mutations insert it as it is. */
void seed_word(const void *word, size_t len);

void write_seeds(void);

#endif
