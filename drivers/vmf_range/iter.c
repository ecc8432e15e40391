// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ready-made block callbacks, one for each way in which drivers keep the places
 * of their memory.
 *
 * What can be searched is searched. Scatter lists are walked from where the last
 * question was: the fill asks upwards from the fault and then downwards from it, so a
 * walk starts again once at most in a fault.
 */
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/scatterlist.h>
#include <linux/vmf_range.h>

/**
 * vmf_range_block_of_block - one block is all there is
 * @block: a &struct vmf_range_block
 * @pgoff: page asked for
 * @found: filled in
 *
 * Context: any.
 * Return: 0, or -ENOENT outside the block.
 */
int vmf_range_block_of_block(void *block, pgoff_t pgoff,
			     struct vmf_range_block *found)
{
	const struct vmf_range_block *only = block;

	if (pgoff < only->pgoff || pgoff - only->pgoff >= only->nr_pages)
		return -ENOENT;
	*found = *only;
	return 0;
}
EXPORT_SYMBOL_GPL(vmf_range_block_of_block);

/**
 * vmf_range_block_of_list - blocks from a sorted array of them, by bisection
 * @list: a &struct vmf_range_list
 * @pgoff: page asked for
 * @block: filled in
 *
 * Context: any.
 * Return: 0, or -ENOENT in a hole, before the first block and after the last.
 */
int vmf_range_block_of_list(void *list, pgoff_t pgoff,
			    struct vmf_range_block *block)
{
	const struct vmf_range_list *l = list;
	unsigned int lo = 0, hi = l->nr;

	if (pgoff < l->pgoff)
		return -ENOENT;
	pgoff -= l->pgoff;
	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;
		const struct vmf_range_block *at = &l->blocks[mid];

		if (pgoff < at->pgoff) {
			hi = mid;
		} else if (pgoff - at->pgoff >= at->nr_pages) {
			lo = mid + 1;
		} else {
			*block = *at;
			block->pgoff += l->pgoff;
			return 0;
		}
	}
	return -ENOENT;
}
EXPORT_SYMBOL_GPL(vmf_range_block_of_list);

static unsigned long sg_pages(const struct vmf_range_sg *s)
{
	return PFN_DOWN(s->dma ? sg_dma_len(s->at) : s->at->length);
}

/* Pages behind an entry that ends inside of one would be at no page offset. */
static bool sg_is_ragged(const struct vmf_range_sg *s)
{
	return s->dma ? !PAGE_ALIGNED(sg_dma_address(s->at) | sg_dma_len(s->at)) :
			!PAGE_ALIGNED(s->at->offset | s->at->length);
}

static void sg_restart(struct vmf_range_sg *s)
{
	s->at = s->sgt->sgl;
	s->left = s->dma ? s->sgt->nents : s->sgt->orig_nents;
	s->at_pgoff = s->pgoff;
}

/**
 * vmf_range_block_of_sg - blocks from a scatter list
 * @sg: a &struct vmf_range_sg
 * @pgoff: page asked for
 * @block: filled in
 *
 * Entries must begin and end at page boundaries, as those of device memory and
 * of whole pages do.
 *
 * Context: any; calls with one @sg must not run at the same time.
 * Return: 0; -ENOENT before the first entry and after the last; -EINVAL for an
 * entry with a ragged edge, and for all pages behind it.
 */
int vmf_range_block_of_sg(void *sg, pgoff_t pgoff,
			  struct vmf_range_block *block)
{
	struct vmf_range_sg *s = sg;

	if (!s->at || pgoff < s->at_pgoff)
		sg_restart(s);
	if (pgoff < s->pgoff)
		return -ENOENT;
	for (; s->left; s->left--, s->at = sg_next(s->at)) {
		if (sg_is_ragged(s))
			return -EINVAL;
		if (pgoff - s->at_pgoff < sg_pages(s))
			break;
		s->at_pgoff += sg_pages(s);
	}
	if (!s->left) {
		s->at = NULL;
		return -ENOENT;
	}

	block->pgoff = s->at_pgoff;
	block->pfn = s->dma ? PHYS_PFN(sg_dma_address(s->at)) :
			      page_to_pfn(sg_page(s->at)) +
			      PHYS_PFN(s->at->offset);
	block->nr_pages = sg_pages(s);
	return 0;
}
EXPORT_SYMBOL_GPL(vmf_range_block_of_sg);

/*
 * How many steps to look on either side of the page asked for, each a page or what
 * is left of a folio. Any PMD leaf around that page lies within.
 */
#define PMD_PAGES	(PMD_SIZE >> PAGE_SHIFT)
#define PAGES_STEPS	PMD_PAGES

/* How many entries from @i on continue @pfn, as far as one look can tell. */
static unsigned long step_up(const struct vmf_range_pages *p, unsigned long i,
			     unsigned long pfn)
{
	struct folio *folio;
	unsigned long nr;

	if (i >= p->nr || !p->pages[i] || page_to_pfn(p->pages[i]) != pfn)
		return 0;

	/* Nobody keeps the pages of a folio in another order. */
	folio = page_folio(p->pages[i]);
	nr = folio_nr_pages(folio) - folio_page_idx(folio, p->pages[i]);
	if (nr <= p->nr - i && p->pages[i + nr - 1] &&
	    page_to_pfn(p->pages[i + nr - 1]) == pfn + nr - 1)
		return nr;
	return 1;
}

/* How many entries up to and without @i lead up to @pfn. */
static unsigned long step_down(const struct vmf_range_pages *p, unsigned long i,
			       unsigned long pfn)
{
	struct folio *folio;
	unsigned long nr;

	if (!i || !p->pages[i - 1] || page_to_pfn(p->pages[i - 1]) != pfn - 1)
		return 0;

	folio = page_folio(p->pages[i - 1]);
	nr = folio_page_idx(folio, p->pages[i - 1]) + 1;
	if (nr <= i && p->pages[i - nr] &&
	    page_to_pfn(p->pages[i - nr]) == pfn - nr)
		return nr;
	return 1;
}

/**
 * vmf_range_block_of_pages - blocks from an array of pages
 * @pages: a &struct vmf_range_pages
 * @pgoff: page asked for
 * @block: filled in
 *
 * Finds what is contiguous around the page, at the cost of one look for each page
 * or for each folio. A run longer than 512 such looks is found in pieces, each of
 * which begins and ends where a PMD leaf may.
 *
 * Of a folio, just the ends are looked at: where they are as far apart in the array as
 * in memory, the pages between are taken to be there, and are mapped. There must be no
 * hole in the middle of a folio.
 *
 * Context: any.
 * Return: 0, or -ENOENT outside the array and for a page that is NULL.
 */
int vmf_range_block_of_pages(void *pages, pgoff_t pgoff,
			     struct vmf_range_block *block)
{
	const struct vmf_range_pages *p = pages;
	unsigned long i = pgoff - p->pgoff, first = i, end = i, pfn, nr;
	unsigned int steps;

	if (pgoff < p->pgoff || i >= p->nr || !p->pages[i])
		return -ENOENT;

	pfn = page_to_pfn(p->pages[i]);
	for (steps = 0; steps < PAGES_STEPS; steps++) {
		nr = step_up(p, end, pfn + (end - i));
		if (!nr)
			break;
		end += nr;
	}
	/* An end that is none must not cut a leaf in two. */
	if (steps == PAGES_STEPS)
		end -= (pfn + (end - i)) & (PMD_PAGES - 1);

	for (steps = 0; steps < PAGES_STEPS; steps++) {
		nr = step_down(p, first, pfn - (i - first));
		if (!nr)
			break;
		first -= nr;
	}
	if (steps == PAGES_STEPS)
		first += -(pfn - (i - first)) & (PMD_PAGES - 1);

	block->pgoff = p->pgoff + first;
	block->pfn = pfn - (i - first);
	block->nr_pages = end - first;
	return 0;
}
EXPORT_SYMBOL_GPL(vmf_range_block_of_pages);
