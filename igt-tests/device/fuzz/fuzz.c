// SPDX-License-Identifier: MIT
/*
 * Reading and mutating sequences of records.
 */
#include <stdio.h>
#include <string.h>

#include <linux/virtio_gpu.h>

#include "../log.h"
#include "fuzz.h"

#define HEAD		sizeof(struct record)
/* More steps than this teach nothing that fewer do not. */
#define RECORDS_MAX	256

/* Length of the record at the start of an input that has at least one byte. */
static size_t record_len(const uint8_t *at, size_t left)
{
	size_t len;

	if (left < HEAD)
		return left;
	len = HEAD + (at[2] | (size_t)at[3] << 8);
	return len < left ? len : left;
}

int input_next(struct input *in, unsigned int nr_ops, struct step *step)
{
	size_t len;

	if (in->left < HEAD)
		return 0;
	len = record_len(in->at, in->left);
	*step = (struct step) {
		.op = in->at[0] % nr_ops,
		.arg = in->at[1],
		.data = in->at + HEAD,
		.len = len - HEAD,
	};
	in->at += len;
	in->left -= len;
	return 1;
}

void fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: violated: %s\n", file, line, what);
	abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_level = LOG_NOTHING;
	return 0;
}

/* Where records begin, and where the last one ends. Gives their number. */
static unsigned int split(const uint8_t *data, size_t size, size_t *start)
{
	unsigned int nr = 0;
	size_t at = 0;

	while (at < size && nr < RECORDS_MAX) {
		start[nr++] = at;
		at += record_len(data + at, size - at);
	}
	start[nr] = at;
	return nr;
}

/* Replace old bytes at an offset by others, which may lie in the same buffer. */
static size_t splice(uint8_t *data, size_t size, size_t room, size_t at,
		     size_t old, const uint8_t *new, size_t len)
{
	uint8_t *copy;

	if (size - old + len > room)
		return size;
	copy = malloc(len + 1);
	if (!copy)
		return size;
	memcpy(copy, new, len);
	memmove(data + at + len, data + at + old, size - at - old);
	memcpy(data + at, copy, len);
	free(copy);
	return size - old + len;
}

/* Most fields are words, and most mistakes are at bounds or about ids. */
static uint32_t other_word(uint32_t word, uint32_t other)
{
	switch (rand() % 16) {
	case 0:
		return word + 0x1000;
	case 1:
		return word - 0x1000;
	case 2:
		return 0;
	case 3:
		return word ^ 1u << rand() % 32;
	case 4:
		return -(word & 1);
	case 5:
	case 6:
		return other;
	case 7:		/* one of two fields in a word */
	case 8:
		return word + (1u << 16);
	case 9:
	case 10:
		return word - (1u << 16);
	default:
		return rand() % 2 ? word + 1 : word - 1;
	}
}

static void mutate_word(uint8_t *data, size_t size, size_t at, size_t len)
{
	size_t words = len < HEAD ? 0 : (len - HEAD) / sizeof(uint32_t);
	size_t first = 0, head = sizeof(struct virtio_gpu_ctrl_hdr) / sizeof(uint32_t);
	uint32_t word, other = 0;
	uint8_t *to;

	if (!words)
		return;
	/* Commands begin with a header, in which little is of interest. */
	if (words > head && rand() % 4)
		first = head;
	to = data + at + HEAD +
	     (first + (size_t)rand() % (words - first)) * sizeof(word);
	memcpy(&word, to, sizeof(word));
	if (size > sizeof(other))
		memcpy(&other, data + (size_t)rand() % (size - sizeof(other)),
		       sizeof(other));
	word = other_word(word, other);
	memcpy(to, &word, sizeof(word));
}

static size_t mutate_payload(uint8_t *data, size_t size, size_t room,
			     size_t at, size_t len)
{
	uint8_t buf[1024];
	size_t old = len - HEAD, new;

	if (len < HEAD || old > sizeof(buf))
		return LLVMFuzzerMutate(data, size, room);
	memcpy(buf, data + at + HEAD, old);
	/* Mostly of the same length: what follows in the payload keeps its place. */
	new = LLVMFuzzerMutate(buf, old, rand() % 4 && old ? old : sizeof(buf));
	if (size - old + new > room)
		return size;
	size = splice(data, size, room, at + HEAD, old, buf, new);
	data[at + 2] = (uint8_t)new;
	data[at + 3] = (uint8_t)(new >> 8);
	return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room,
			       unsigned int seed)
{
	size_t start[RECORDS_MAX + 1], at, len;
	unsigned int nr, other;

	srand(seed);
	nr = split(data, size, start);
	if (!nr || !(rand() % 16))
		return LLVMFuzzerMutate(data, size, room);
	other = (unsigned int)rand() % nr;
	at = start[other];
	len = start[other + 1] - at;
	other = (unsigned int)rand() % nr;
	switch (rand() % 12) {
	case 0:		/* again, elsewhere */
		return splice(data, size, room, start[other], 0, data + at, len);
	case 1:		/* not at all */
		return nr > 1 ? splice(data, size, room, at, len, data, 0) : size;
	case 2:		/* in place of another */
		return splice(data, size, room, start[other],
			      start[other + 1] - start[other], data + at, len);
	case 3:
		data[at] = (uint8_t)(rand() % RECORD_OPS_MAX);
		return size;
	case 4:
		if (len > 1)
			data[at + 1] = (uint8_t)rand();
		return size;
	case 5:
	case 6:
		return mutate_payload(data, size, room, at, len);
	default:
		mutate_word(data, size, at, len);
		return size;
	}
}

/* The beginning of one sequence, then some steps of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len,
				 const uint8_t *b, size_t b_len, uint8_t *out,
				 size_t room, unsigned int seed)
{
	size_t start[RECORDS_MAX + 1], first, len;
	unsigned int nr, from;

	srand(seed);
	nr = split(a, a_len, start);
	first = start[(unsigned int)rand() % (nr + 1)];
	nr = split(b, b_len, start);
	from = (unsigned int)rand() % (nr + 1);
	b += start[from];
	len = start[from + (unsigned int)rand() % (nr + 1 - from)] - start[from];
	if (first > room)
		first = room;
	if (len > room - first)
		len = room - first;
	memcpy(out, a, first);
	memcpy(out + first, b, len);
	return first + len;
}
