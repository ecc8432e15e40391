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

void bench_row(const struct bench_way *way, const struct bench_buffer *buffer,
	       const char *work, const struct bench_sample *s)
{
	const struct bench_leaves *l = &s->leaves;
	unsigned long leaves = l->pud + l->pmd + l->pte;
	uint64_t pages = (uint64_t)l->pud << 18 | (uint64_t)l->pmd << 9;

	pages += l->pte;
	printf("{\"way\":\"%s\",\"shape\":\"%s\",\"work\":\"%s\",\"bytes\":%llu,"
	       "\"faults\":%llu,\"callbacks\":%llu,\"insns\":%llu,"
	       "\"insns_per_page\":%.3f,\"insns_per_leaf\":%.1f,"
	       "\"leaves\":{\"pud\":%lu,\"pmd\":%lu,\"pte\":%lu},"
	       "\"min_leaves\":%lu,\"pgtable_bytes\":%ld,"
	       "\"tlb_entries\":%lu,\"cache\":\"%s\"}\n",
	       way->name, buffer->shape->name, work,
	       (unsigned long long)buffer->bytes, (unsigned long long)s->faults,
	       (unsigned long long)s->calls, (unsigned long long)s->insns,
	       per(s->insns, pages), per(s->insns, leaves), l->pud, l->pmd,
	       l->pte, l->min, s->tables, leaves, l->cache);
	fflush(stdout);
}
