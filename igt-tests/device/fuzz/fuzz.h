/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers share: an input is a sequence of records, and mutations keep
 * it one, so that what is learned about one step survives a change of another.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct record {
	uint8_t op;		/* what to do, modulo what the fuzzer knows */
	uint8_t arg;
	uint8_t len[2];		/* of the payload that follows, little-endian */
};

#define RECORD_OPS_MAX	16

struct step {
	unsigned int op;
	unsigned int arg;
	const uint8_t *data;
	size_t len;		/* what is there, if the record promises more */
};

struct input {
	const uint8_t *at;
	size_t left;
};

/* Take the next step, op below nr_ops. 0 at the end. */
int input_next(struct input *in, unsigned int nr_ops, struct step *step);

/* The model and the device disagree: as good as a crash. */
#define MUST(cond)							\
	do {								\
		if (!(cond))						\
			fuzz_fail(__FILE__, __LINE__, #cond);		\
	} while (0)

void fuzz_fail(const char *file, int line, const char *what)
	__attribute__((noreturn));

/* libFuzzer calls these, and has that. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room,
			       unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len,
				 const uint8_t *b, size_t b_len, uint8_t *out,
				 size_t room, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);

#endif
