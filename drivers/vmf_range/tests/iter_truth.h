/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a block callback should say, page by page.
 */
#ifndef _VMF_RANGE_TESTS_ITER_TRUTH_H_
#define _VMF_RANGE_TESTS_ITER_TRUTH_H_

#include <linux/vmf_range.h>

struct kunit;
struct rnd_state;

#define TRUTH_MAX	4096

/**
 * struct truth - about one object
 * @test: whose
 * @pgoff: page offset in the file of its first page
 * @nr: how many pages
 * @blocks: how many blocks
 * @pfn: what backs each page
 * @block: the number of the block of each page, counted from 1; 0 for a hole
 */
struct truth {
	struct kunit *test;
	pgoff_t pgoff;
	unsigned long nr;
	unsigned int blocks;
	unsigned long pfn[TRUTH_MAX];
	unsigned int block[TRUTH_MAX];
};

void truth_begin(struct truth *truth, pgoff_t pgoff);
void truth_add(struct truth *truth, unsigned long pfn, unsigned long nr);
void truth_go_on(struct truth *truth, unsigned long pfn);
void truth_add_hole(struct truth *truth, unsigned long nr);
void truth_ask_all(struct truth *truth, vmf_range_block_fn fn, void *priv);
void truth_ask_randomly(struct truth *truth, vmf_range_block_fn fn, void *priv,
			struct rnd_state *rnd);

#endif
