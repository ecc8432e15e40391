// SPDX-License-Identifier: MIT
/*
 * Files of seeds, and the dictionary: seeds-NAME DIRECTORY DICTIONARY
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "seed.h"

static const char *directory;
static FILE *dictionary;
static FILE *file;

static FILE *create(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	return f;
}

static void finish(FILE *f)
{
	if (f && fclose(f)) {
		perror("write");
		exit(EXIT_FAILURE);
	}
}

void seed_begin(const char *name)
{
	char path[4096];

	finish(file);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = create(path);
}

void seed_step2(unsigned int op, unsigned int arg, const void *head,
		size_t head_len, const void *data, size_t len)
{
	struct record r = {
		.op = (uint8_t)op,
		.arg = (uint8_t)arg,
		.len = { (uint8_t)(head_len + len),
			 (uint8_t)((head_len + len) >> 8) },
	};

	fwrite(&r, sizeof(r), 1, file);
	fwrite(head, head_len, 1, file);
	fwrite(data, len, 1, file);
}

void seed_step(unsigned int op, unsigned int arg, const void *data, size_t len)
{
	seed_step2(op, arg, "", 0, data, len);
}

void seed_word(const void *word, size_t len)
{
	const uint8_t *byte = word;

	fputc('"', dictionary);
	while (len--)
		fprintf(dictionary, "\\x%02x", *byte++);
	fputs("\"\n", dictionary);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s DIRECTORY DICTIONARY\n", argv[0]);
		return EXIT_FAILURE;
	}
	directory = argv[1];
	dictionary = create(argv[2]);
	write_seeds();
	finish(file);
	finish(dictionary);
	return EXIT_SUCCESS;
}
