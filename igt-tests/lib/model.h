/* SPDX-License-Identifier: MIT */
/*
 * What a mapping must look like: a second opinion on the planner, by brute
 * force, with nothing of its code.
 */
#ifndef VRAM_MODEL_H
#define VRAM_MODEL_H

#include <stdbool.h>

#include "vram.h"

/* How many PTEs one fault may write: a full head and a full tail. */
#define MODEL_PTE_BUDGET	1022u

/**
 * struct model - the leaves of one mapping, page by page
 * @va: start of the mapping
 * @nr_pages: its length
 * @pa: physical address of each page
 * @shift: log2 of the size of the leaf that each page must be part of
 */
struct model {
	uint64_t va;
	unsigned long nr_pages;
	uint64_t *pa;
	unsigned char *shift;
};

/* What a set of leaves amounts to. */
struct model_sum {
	unsigned long pud;
	unsigned long pmd;
	unsigned long pte;
	long table_bytes;
};

void model_init(struct model *m, const struct vram *v,
		const struct vram_bo *bo, uint64_t from, const void *addr,
		size_t len);
void model_init_flat(struct model *m, uint64_t pa, const void *addr,
		     size_t len);
void model_fini(struct model *m);

struct model_sum model_sum(const struct model *m);
unsigned long model_fault_fill(const struct model *m, bool *mapped,
			       unsigned long page);
unsigned long model_faults(const struct model *m);

void model_check(const struct model *m, const struct vram *v, int prot);
void model_check_mapped(const struct model *m, const struct vram *v, int prot,
			const bool *mapped);

#endif
