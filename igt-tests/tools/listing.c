// SPDX-License-Identifier: MIT
/*
 * What /sys/kernel/debug/vmf_range/leaves says, and the drawing of it as text.
 *
 * A line of a VMA begins in the first column, the lines about it are indented:
 *
 *	PID COMM START-END FILE
 *	  now: ...
 *	  so far: faults N ...
 *	  START-END shift SHIFT pfn PFN rw
 */
#include <ctype.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "listing.h"

static const char letters[] = "PMG";

static unsigned int level_of(unsigned int shift)
{
	return (shift - 12) / 9 % 3;
}

/* A name may have blanks in it: it ends where the addresses begin. */
static bool read_header(struct mapping *map, const char *line)
{
	unsigned long long start, end;
	const char *at = line, *name;
	int len;

	memset(map, 0, sizeof(*map));
	if (sscanf(line, "%d %n", &map->pid, &len) != 1)
		return false;
	name = line + len;
	while ((at = strchr(at, ' '))) {
		at++;
		if (sscanf(at, "%llx-%llx %63[^\n]", &start, &end, map->file) != 3)
			continue;
		map->start = start;
		map->end = end;
		snprintf(map->comm, sizeof(map->comm), "%.*s",
			 (int)(at - name - 1), name);
		return map->start < map->end;
	}
	return false;
}

/* Room for one more. */
static void *grow(void *array, unsigned int nr, size_t size)
{
	void *more = realloc(array, (nr + 1) * size);

	if (!more)
		err(1, "memory");
	return more;
}

static void add_run(struct mapping *map, const struct svg_run *run, bool rw)
{
	map->runs = grow(map->runs, map->nr, sizeof(*map->runs));
	map->runs[map->nr++] = *run;
	if (rw)
		map->writable += run->len;
}

static void read_line(struct mapping *map, const char *line)
{
	unsigned long long start, end, pfn;
	unsigned int shift;
	char rw[3];

	if (sscanf(line, " so far: faults %llu", &pfn) == 1)
		map->faults = pfn;
	else if (sscanf(line, " %llx-%llx shift %u pfn %llx %2s", &start, &end,
			&shift, &pfn, rw) == 5)
		add_run(map, &(struct svg_run){ start, end - start, pfn, shift },
			rw[1] == 'w');
}

/**
 * listing_read - read all VMAs
 * @list: filled in
 * @in: where from
 */
void listing_read(struct listing *list, FILE *in)
{
	char line[512];
	struct mapping map;

	memset(list, 0, sizeof(*list));
	while (fgets(line, sizeof(line), in)) {
		if (isspace((unsigned char)line[0])) {
			if (list->nr)
				read_line(&list->maps[list->nr - 1], line);
			continue;
		}
		if (!read_header(&map, line))
			errx(1, "this is no line of a listing: %s", line);
		list->maps = grow(list->maps, list->nr, sizeof(*list->maps));
		list->maps[list->nr++] = map;
	}
}

/**
 * listing_free - give the memory back
 * @list: from listing_read()
 */
void listing_free(struct listing *list)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		free(list->maps[i].runs);
	free(list->maps);
}

/**
 * mapping_begins_block - is a run not the continuation of the one before
 * @map: the VMA
 * @run: index of the run
 *
 * Return: true if address or PFN jump there.
 */
bool mapping_begins_block(const struct mapping *map, unsigned int run)
{
	const struct svg_run *this = &map->runs[run], *last = this - 1;

	return !run || last->addr + last->len != this->addr ||
	       last->pfn + (last->len >> 12) != this->pfn;
}

/**
 * mapping_add_up - count what is mapped
 * @map: the VMA
 * @sum: filled in
 */
void mapping_add_up(const struct mapping *map, struct totals *sum)
{
	unsigned int i;

	memset(sum, 0, sizeof(*sum));
	sum->writable = map->writable;
	for (i = 0; i < map->nr; i++) {
		const struct svg_run *run = &map->runs[i];

		sum->leaves[level_of(run->shift)] += run->len >> run->shift;
		sum->bytes += run->len;
		sum->blocks += mapping_begins_block(map, i);
	}
}

static const char *size_text(unsigned long long bytes)
{
	static char texts[4][32];
	static unsigned int next;
	char *text = texts[next++ % 4];

	if (bytes && bytes % (1 << 30) == 0)
		snprintf(text, 32, "%llu GiB", bytes >> 30);
	else if (bytes && bytes % (1 << 20) == 0)
		snprintf(text, 32, "%llu MiB", bytes >> 20);
	else
		snprintf(text, 32, "%llu KiB", bytes >> 10);
	return text;
}

/**
 * mapping_describe - what is mapped, in a line
 * @map: the VMA
 * @text: filled in
 * @room: bytes there
 */
void mapping_describe(const struct mapping *map, char *text, size_t room)
{
	const char *writable = "nothing";
	struct totals sum;

	mapping_add_up(map, &sum);
	if (sum.writable && sum.writable == sum.bytes)
		writable = "all";
	else if (sum.writable)
		writable = size_text(sum.writable);
	snprintf(text, room,
		 "%llu PUD, %llu PMD, %llu PTE leaves map %s of %s (%s writable), in %u block%s; faults: %llu",
		 sum.leaves[2], sum.leaves[1], sum.leaves[0],
		 size_text(sum.bytes), size_text(map->end - map->start),
		 writable, sum.blocks, sum.blocks == 1 ? "" : "s",
		 (unsigned long long)map->faults);
}

/* Bytes of each level, and blocks that begin, in one column. */
struct column {
	uint64_t bytes[3];
	unsigned int begins;
};

/* Runs before *next are left of the column. */
static void measure(const struct mapping *map, uint64_t lo, uint64_t hi,
		    unsigned int *next, struct column *c)
{
	unsigned int i;

	memset(c, 0, sizeof(*c));
	while (*next < map->nr &&
	       map->runs[*next].addr + map->runs[*next].len <= lo)
		++*next;
	for (i = *next; i < map->nr && map->runs[i].addr < hi; i++) {
		const struct svg_run *run = &map->runs[i];
		uint64_t from = run->addr > lo ? run->addr : lo;
		uint64_t to = run->addr + run->len;

		to = to < hi ? to : hi;
		c->bytes[level_of(run->shift)] += to - from;
		if (run->addr >= lo && mapping_begins_block(map, i))
			c->begins++;
	}
}

/* The level that maps most of a column; small where part of it is not mapped. */
static char letter_of(const struct column *c, uint64_t len)
{
	unsigned int level, most = 0;
	uint64_t sum = 0;

	for (level = 0; level < 3; level++) {
		sum += c->bytes[level];
		if (c->bytes[level] > c->bytes[most])
			most = level;
	}
	if (!sum)
		return '.';
	return sum == len ? letters[most] : tolower(letters[most]);
}

static char block_of(const struct column *c)
{
	if (c->begins > 1)
		return '#';
	if (c->begins)
		return '|';
	return c->bytes[0] || c->bytes[1] || c->bytes[2] ? '-' : ' ';
}

static void put_letter(char letter, bool colour)
{
	static const int backgrounds[] = { 43, 46, 44 };
	const char *at = strchr(letters, toupper(letter));

	if (colour && at)
		printf("\033[30;%dm%c\033[0m", backgrounds[at - letters], letter);
	else
		putchar(letter);
}

/**
 * mapping_print - draw a VMA as text
 * @map: the VMA
 * @width: columns for its addresses
 * @colour: for a terminal
 */
void mapping_print(const struct mapping *map, unsigned int width, bool colour)
{
	uint64_t len = map->end - map->start, lo, hi;
	unsigned int next = 0, i;
	struct column c;
	char text[256];
	char *blocks;

	if (width > len >> 12)
		width = len >> 12;
	blocks = calloc(1, width + 1);
	if (!blocks)
		err(1, "columns");
	printf("%d %s: %s at %llx\n  leaves ", map->pid, map->comm, map->file,
	       (unsigned long long)map->start);
	/* Columns begin with a page. */
	for (i = 0; i < width; i++) {
		lo = map->start + ((len >> 12) * i / width << 12);
		hi = map->start + ((len >> 12) * (i + 1) / width << 12);
		measure(map, lo, hi, &next, &c);
		put_letter(letter_of(&c, hi - lo), colour);
		blocks[i] = block_of(&c);
	}
	while (i && blocks[i - 1] == ' ')
		blocks[--i] = '\0';
	mapping_describe(map, text, sizeof(text));
	printf("\n  blocks %s\n  %s\n", blocks, text);
	free(blocks);
}
