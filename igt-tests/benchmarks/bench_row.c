// SPDX-License-Identifier: MIT
/*
 * Rows: a sample as a line of JSON. The fields are in bench.schema.json.
 */
#include <stdio.h>

#include "bench.h"

static double per(uint64_t insns, uint64_t nr)
{
	return nr ? (double)insns / nr : 0;
}

static void field(const char *name, uint64_t value)
{
	printf(",\"%s\":%llu", name, (unsigned long long)value);
}

void bench_row(const struct bench_way *way, const struct bench_buffer *buffer,
	       const char *work, const struct bench_sample *s)
{
	const struct bench_leaves *l = &s->leaves;
	unsigned long leaves = l->pud + l->pmd + l->pte;
	uint64_t pages = (uint64_t)l->pud << 18 | (uint64_t)l->pmd << 9;

	pages += l->pte;
	printf("{\"way\":\"%s\",\"shape\":\"%s\",\"work\":\"%s\"", way->name,
	       buffer->shape->name, work);
	field("bytes", buffer->bytes);
	field("faults", s->faults);
	field("callbacks", s->calls);
	field("insns", s->insns);
	printf(",\"insns_per_page\":%.3f,\"insns_per_leaf\":%.1f",
	       per(s->insns, pages), per(s->insns, leaves));
	printf(",\"leaves\":{\"pud\":%lu,\"pmd\":%lu,\"pte\":%lu}", l->pud,
	       l->pmd, l->pte);
	field("min_leaves", l->min);
	field("pgtable_bytes", s->tables);
	field("tlb_entries", leaves);
	printf(",\"cache\":\"%s\"}\n", l->cache);
	fflush(stdout);
}
