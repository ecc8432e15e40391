/* SPDX-License-Identifier: MIT */
/*
 * What a mapping must look like: a second opinion on the planner, by brute
 * force, with nothing of its code.
 */
#ifndef VRAM_MODEL_H
#define VRAM_MODEL_H

#include <stdbool.h>

#include "vram.h"

/**
 * struct model - the leaves of one mapping, page by page
 * @va: start of the mapping
 * @nr_pages: its length
 * @pa: physical address of each page
 * @shift: log2 of the size of the leaf that each page must be part of; 0: a hole
 * @block: which block each page is in
 * @nr_blocks: how many there are
 * @max_shift: log2 of the largest leaf that there may be
 */
struct model {
	uint64_t va;
	unsigned long nr_pages;
	uint64_t *pa;
	unsigned char *shift;
	unsigned int *block;
	unsigned int nr_blocks;
	unsigned int max_shift;
};

/* Contiguous memory behind pages of a mapped file. */
struct model_block {
	uint64_t page;
	uint64_t pfn;
	uint64_t nr_pages;
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
void model_init_blocks(struct model *m, const struct model_block *blocks,
		       unsigned int nr, unsigned int max_shift, uint64_t from,
		       const void *addr, size_t len);
void model_fini(struct model *m);

struct model_sum model_sum(const struct model *m);
void model_check(const struct model *m, const struct vram *v, int prot);

#endif
