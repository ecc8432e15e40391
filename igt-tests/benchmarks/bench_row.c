// SPDX-License-Identifier: MIT
/*
 * Rows: a sample as a line of JSON. The fields are in bench.schema.json.
 *
 * What is done with a buffer is done twice: for instructions, and, in the same order,
 * for locks. A row is printed when both are known.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct row {
	const struct bench_way *way;
	const char *shape;
	const char *work;
	uint64_t bytes;
	struct bench_sample sample;
};

static struct {
	struct row *rows;
	unsigned int nr;
	unsigned int printed;
} waiting;

static double per(uint64_t insns, uint64_t nr)
{
	return nr ? (double)insns / nr : 0;
}

static void field(const char *name, uint64_t value)
{
	printf(",\"%s\":%llu", name, (unsigned long long)value);
}

static void print(const struct row *row, uint64_t locks)
{
	const struct bench_sample *s = &row->sample;
	const struct bench_leaves *l = &s->leaves;
	unsigned long leaves = l->pud + l->pmd + l->pte;
	uint64_t pages = (uint64_t)l->pud << 18 | (uint64_t)l->pmd << 9;

	pages += l->pte;
	printf("{\"way\":\"%s\",\"shape\":\"%s\",\"work\":\"%s\"",
	       row->way->name, row->shape, row->work);
	field("bytes", row->bytes);
	field("faults", s->faults);
	field("callbacks", s->calls);
	field("insns", s->cost);
	printf(",\"insns_per_page\":%.3f,\"insns_per_leaf\":%.1f",
	       per(s->cost, pages), per(s->cost, leaves));
	field("locks", locks);
	printf(",\"leaves\":{\"pud\":%lu,\"pmd\":%lu,\"pte\":%lu}", l->pud,
	       l->pmd, l->pte);
	field("min_leaves", l->min);
	field("pgtable_bytes", s->tables);
	field("tlb_entries", leaves);
	printf(",\"cache\":\"%s\"}\n", l->cache);
	fflush(stdout);
}

/* It waits for its locks. */
static void add(const struct row *row)
{
	struct row *rows = realloc(waiting.rows,
				   (waiting.nr + 1) * sizeof(*rows));

	if (!rows)
		vram_fail("no memory\n");
	rows[waiting.nr++] = *row;
	waiting.rows = rows;
}

/* The first one that waits must be of the same name. */
static void add_locks(const struct row *locks)
{
	const struct row *row = &waiting.rows[waiting.printed++];

	if (waiting.printed > waiting.nr || row->way != locks->way ||
	    strcmp(row->shape, locks->shape) ||
	    strcmp(row->work, locks->work) || row->bytes != locks->bytes)
		vram_fail("locks of %s %s %s, for which there is no row\n",
			  locks->way->name, locks->shape, locks->work);
	if (row->sample.faults != locks->sample.faults)
		vram_fail("%s %s %s: %llu faults, and %llu when locks were counted\n",
			  row->way->name, row->shape, row->work,
			  (unsigned long long)row->sample.faults,
			  (unsigned long long)locks->sample.faults);
	print(row, locks->sample.cost);
	if (waiting.printed < waiting.nr)
		return;
	waiting.printed = 0;
	waiting.nr = 0;
}

/**
 * bench_row - report a sample
 * @way: who maps
 * @buffer: what is mapped
 * @work: what was done
 * @sample: what it took, in instructions or, if these are counted now, in locks
 */
void bench_row(const struct bench_way *way, const struct bench_buffer *buffer,
	       const char *work, const struct bench_sample *sample)
{
	const struct row row = {
		.way = way,
		.shape = buffer->shape->name,
		.work = work,
		.bytes = buffer->bytes,
		.sample = *sample,
	};

	if (bench_locks_counted())
		add_locks(&row);
	else
		add(&row);
}
