// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a block callback should say, and all the orders in which it may be asked.
 */
#include <kunit/test.h>

#include "draw.h"
#include "iter_truth.h"

/* How far beyond the object to ask. */
#define BESIDE	3UL

/**
 * truth_begin - no page yet
 * @truth: of the test
 * @pgoff: page offset of the object in its file
 */
void truth_begin(struct truth *truth, pgoff_t pgoff)
{
	truth->pgoff = pgoff;
	truth->nr = 0;
	truth->blocks = 0;
}

static void add_page(struct truth *truth, unsigned long pfn, unsigned int block)
{
	KUNIT_ASSERT_LT(truth->test, truth->nr, TRUTH_MAX);
	truth->pfn[truth->nr] = pfn;
	truth->block[truth->nr++] = block;
}

/**
 * truth_add - a block behind what there is
 * @truth: of the object
 * @pfn: of the first page
 * @nr: how many pages
 */
void truth_add(struct truth *truth, unsigned long pfn, unsigned long nr)
{
	truth->blocks++;
	while (nr--)
		add_page(truth, pfn++, truth->blocks);
}

/**
 * truth_go_on - a page that belongs to the block before it if it goes on in memory
 * @truth: of the object
 * @pfn: of the page
 */
void truth_go_on(struct truth *truth, unsigned long pfn)
{
	unsigned long last = truth->nr - 1;

	if (!truth->nr || !truth->block[last] || truth->pfn[last] + 1 != pfn)
		truth->blocks++;
	add_page(truth, pfn, truth->blocks);
}

/**
 * truth_add_hole - pages that nothing backs
 * @truth: of the object
 * @nr: how many pages
 */
void truth_add_hole(struct truth *truth, unsigned long nr)
{
	while (nr--)
		add_page(truth, 0, 0);
}

/* The block around a page, found by going from page to page. False for a hole. */
static bool block_of(const struct truth *truth, pgoff_t pgoff,
		     struct vmf_range_block *block)
{
	unsigned long at = pgoff - truth->pgoff, first = at, end = at + 1;

	if (pgoff < truth->pgoff || at >= truth->nr || !truth->block[at])
		return false;
	while (first && truth->block[first - 1] == truth->block[at])
		first--;
	while (end < truth->nr && truth->block[end] == truth->block[at])
		end++;
	block->pgoff = truth->pgoff + first;
	block->pfn = truth->pfn[first];
	block->nr_pages = end - first;
	return true;
}

/* Ask about one page. False if the answer is wrong. */
static bool ask(struct truth *truth, vmf_range_block_fn fn, void *priv,
		pgoff_t pgoff)
{
	struct vmf_range_block is = {}, want = {};
	int want_err = block_of(truth, pgoff, &want) ? 0 : -ENOENT;
	int err = fn(priv, pgoff, &is);

	if (err == want_err && (err || !memcmp(&is, &want, sizeof(is))))
		return true;
	KUNIT_FAIL(truth->test,
		   "page offset %#lx: %d, %#lx pfn %#lx %lu pages; not %d, %#lx pfn %#lx %lu pages",
		   pgoff, err, is.pgoff, is.pfn, is.nr_pages, want_err,
		   want.pgoff, want.pfn, want.nr_pages);
	return false;
}

/* Ask about [from, to) upwards or downwards. */
static bool ask_range(struct truth *truth, vmf_range_block_fn fn, void *priv,
		      pgoff_t from, pgoff_t to, bool down)
{
	unsigned long i;

	for (i = 0; i < to - from; i++) {
		if (!ask(truth, fn, priv, down ? to - 1 - i : from + i))
			return false;
	}
	return true;
}

/**
 * truth_ask_all - about every page, and those beside the object
 * @truth: of the object
 * @fn: the callback
 * @priv: passed to it
 *
 * Upwards, downwards and upwards again; then from the middle as a fault does it, up,
 * down, and once more; then from either end in turns.
 */
void truth_ask_all(struct truth *truth, vmf_range_block_fn fn, void *priv)
{
	pgoff_t from = truth->pgoff - min(truth->pgoff, BESIDE);
	pgoff_t to = truth->pgoff + truth->nr + BESIDE;
	pgoff_t middle = from + (to - from) / 2;
	unsigned long i;

	if (!ask_range(truth, fn, priv, from, to, false) ||
	    !ask_range(truth, fn, priv, from, to, true) ||
	    !ask_range(truth, fn, priv, from, to, false) ||
	    !ask_range(truth, fn, priv, middle, to, false) ||
	    !ask_range(truth, fn, priv, from, middle, true) ||
	    !ask_range(truth, fn, priv, middle, to, false))
		return;
	for (i = 0; i < to - from; i++) {
		if (!ask(truth, fn, priv, from + i) ||
		    !ask(truth, fn, priv, to - 1 - i))
			return;
	}
	ask(truth, fn, priv, ULONG_MAX);
	ask(truth, fn, priv, 0);
}

/**
 * truth_ask_randomly - about pages here and there
 * @truth: of the object
 * @fn: the callback
 * @priv: passed to it
 * @rnd: for the choice
 */
void truth_ask_randomly(struct truth *truth, vmf_range_block_fn fn, void *priv,
			struct rnd_state *rnd)
{
	pgoff_t from = truth->pgoff - min(truth->pgoff, BESIDE);
	unsigned long i, nr = truth->pgoff + truth->nr + BESIDE - from;

	for (i = 0; i < nr; i++) {
		if (!ask(truth, fn, priv, from + draw(rnd, nr)))
			return;
	}
}
