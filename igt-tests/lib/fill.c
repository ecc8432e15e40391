// SPDX-License-Identifier: MIT
/*
 * What is mapped now, by brute force.
 *
 * A page that is touched and not mapped costs one fault, which maps
 *  - the largest leaf that the model has for the page and that no page table is in
 *    the way of, unless that is an empty PTE table; or, if that is a PTE, an aligned
 *    piece of its 2 MiB, of as many pages as the budget pays for, up to holes;
 *  - upwards from there, then downwards: huge leaves, up to the first that is
 *    there already; the PTEs of a 2 MiB slot (all up to a hole) beside huge leaves,
 *    or within the window of sequential reading, if what is left of the budget
 *    pays for all pages of the slot that lie ahead.
 *
 * A zap takes leaves away and leaves tables in place, and so does fork() with PMD
 * leaves. A write to a tracked page
 * makes it writable, with small leaves all around if only pages are tracked.
 *
 * Where the library cannot make page tables, it cannot replace them either, and a side
 * also ends at a leaf that needs a table which no fault has brought.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fill.h"

#define SLOT_PAGES	(VRAM_PMD / VRAM_PAGE)

/* A fault that is being served; pages are counted from the mapping's start. */
struct fault {
	struct fill *f;
	unsigned long page;
	bool small;		/* the page itself gets a PTE */
	unsigned long budget;
	unsigned long eager;	/* PTEs alone are written up to this page */
};

/* Pages count from here where alignment matters. */
static unsigned long vpn_of(const struct model *m, unsigned long page)
{
	return m->va / VRAM_PAGE + page;
}

static unsigned long slot_of(const struct model *m, unsigned long page)
{
	return vpn_of(m, page) / SLOT_PAGES - m->va / VRAM_PMD;
}

static unsigned long gib_of(const struct model *m, unsigned long page)
{
	return vpn_of(m, page) / (VRAM_PUD / VRAM_PAGE) - m->va / VRAM_PUD;
}

/* The part of the mapping in the aligned span of 2^shift bytes around a page. */
static unsigned long span_first(const struct model *m, unsigned long page,
				unsigned int shift)
{
	unsigned long into = vpn_of(m, page) & ((1ul << (shift - 12)) - 1);

	return page < into ? 0 : page - into;
}

static unsigned long span_end(const struct model *m, unsigned long page,
			      unsigned int shift)
{
	unsigned long vpn = vpn_of(m, page) | ((1ul << (shift - 12)) - 1);
	unsigned long end = vpn + 1 - vpn_of(m, 0);

	return end < m->nr_pages ? end : m->nr_pages;
}

/* log2 of the leaf that a fault can give to a page, 0 for a hole. */
static unsigned int leaf_for(const struct fault *t, unsigned long page)
{
	const struct fill *f = t->f;
	const struct model *m = f->m;
	unsigned long slot = slot_of(m, page), gib = gib_of(m, page);
	unsigned int shift = m->shift[page];

	if (f->one_block && m->block[page] != m->block[t->page])
		return 0;
	if (shift == 30 && (f->pmd_table[gib] ||
			    (t->small && gib == gib_of(m, t->page))))
		shift = 21;
	if (shift == 21 && ((vram_makes_tables ? !!f->ptes[slot] :
			     f->pte_table[slot]) ||
			    (t->small && slot == slot_of(m, t->page))))
		shift = 12;
	return shift;
}

static void map_leaf(struct fill *f, unsigned long page, unsigned int shift)
{
	unsigned long nr = 1ul << (shift - 12);

	memset(f->now + page, shift, nr);
	memset(f->writable + page, !f->track && !f->read_only, nr);
	if (shift < 30)
		f->pmd_table[gib_of(f->m, page)] = true;
	if (shift < 21) {
		f->pte_table[slot_of(f->m, page)] = true;
		f->ptes[slot_of(f->m, page)]++;
	}
	f->pud += shift == 30;
	f->pmd += shift == 21;
	f->pte += shift == 12;
}

/* Map a page, or keep it as it is. Say whether it was there. */
static bool map_or_keep(struct fill *f, unsigned long page, unsigned int shift)
{
	if (f->now[page]) {
		f->kept++;
		return true;
	}
	map_leaf(f, page, shift);
	return false;
}

/*
 * Is the table there that a leaf beside the fault needs? Where the library cannot make
 * tables, each came with a fault in its own span.
 */
static bool has_table(const struct fill *f, unsigned long page,
		      unsigned int shift)
{
	if (vram_makes_tables || shift == 30)
		return true;
	return shift == 21 ? f->pmd_table[gib_of(f->m, page)] :
			     f->pte_table[slot_of(f->m, page)];
}

/* May PTEs be written in these pages? Pays for them if so. */
static bool pay(struct fault *t, bool wanted, unsigned long pages)
{
	if (!wanted || pages > t->budget)
		return false;
	t->budget -= pages;
	return true;
}

static void grow_up(struct fault *t, unsigned long page, unsigned long paid,
		    bool beside_huge)
{
	const struct model *m = t->f->m;

	while (page < m->nr_pages) {
		unsigned int shift = leaf_for(t, page);

		if (!shift || !has_table(t->f, page, shift))
			return;
		if (shift == 12) {
			unsigned long end = span_end(m, page, 21);

			if (page >= paid) {
				if (!pay(t, beside_huge || page < t->eager,
					 end - page))
					return;
				paid = end;
			}
			map_or_keep(t->f, page++, 12);
		} else {
			if (map_or_keep(t->f, page, shift))
				return;
			page += 1ul << (shift - 12);
		}
		beside_huge = shift != 12;
	}
}

static void grow_down(struct fault *t, unsigned long end, unsigned long paid,
		      bool beside_huge)
{
	const struct model *m = t->f->m;

	while (end) {
		unsigned long page = end - 1;
		unsigned int shift = leaf_for(t, page);
		unsigned long first;

		if (!shift || !has_table(t->f, page, shift))
			return;
		if (shift == 12) {
			first = span_first(m, page, 21);
			if (page < paid) {
				if (!pay(t, beside_huge, end - first))
					return;
				paid = first;
			}
			map_or_keep(t->f, page, 12);
			end = page;
		} else {
			first = span_first(m, page, shift);
			if (map_or_keep(t->f, first, shift))
				return;
			end = first;
		}
		beside_huge = shift != 12;
	}
}

static unsigned long min_ul(unsigned long a, unsigned long b)
{
	return a < b ? a : b;
}

static void set_window(struct fault *t)
{
	const struct fill *f = t->f;
	unsigned long ahead = 0;
	const struct model *m = f->m;

	t->budget = f->max_ptes ? f->max_ptes : FILL_MAX_PTES;
	if (f->advice == MADV_RANDOM) {
		t->budget = min_ul(t->budget, FILL_RANDOM_PTES);
		ahead = t->budget;
	} else if (f->advice == MADV_SEQUENTIAL) {
		if (!f->max_ptes)
			t->budget = FILL_SEQUENTIAL_PTES;
		ahead = t->budget;
	} else if (f->max_ptes > SLOT_PAGES) {
		ahead = t->budget;
	}
	if (ahead) {
		unsigned long vpn = vpn_of(m, t->page) / SLOT_PAGES * SLOT_PAGES +
				    ahead;

		t->eager = vpn > vpn_of(m, 0) ? vpn - vpn_of(m, 0) : 0;
	}
}

static void fault(struct fill *f, unsigned long page, bool small)
{
	struct fault t = { .f = f, .page = page, .small = small };
	const struct model *m = f->m;
	unsigned int shift, window = 21;
	unsigned long first, end, from;

	set_window(&t);
	if (f->fault_only)
		f->pmd_table[gib_of(m, page)] |= f->now[page] < 30;
	shift = leaf_for(&t, page);
	f->pmd_table[gib_of(m, page)] |= shift < 30;
	f->pte_table[slot_of(m, page)] |= shift < 21;
	if (shift > 12) {
		first = span_first(m, page, shift);
		grow_up(&t, first, first, true);
		grow_down(&t, first, first, true);
		return;
	}

	while (1ul << (window - 12) > t.budget)
		window--;
	first = span_first(m, page, window);
	end = span_end(m, page, window);
	t.budget -= end - first;
	for (from = page; from > first && leaf_for(&t, from - 1); from--)
		;
	for (end = from; end < page; end++)
		map_or_keep(f, end, 12);
	grow_up(&t, page, span_end(m, page, window), false);
	grow_down(&t, from, first, false);
}

static void make_writable(struct fill *f, unsigned long page)
{
	unsigned int shift = f->now[page];
	unsigned long first = span_first(f->m, page, shift);
	unsigned long nr = 1ul << (shift - 12);

	if (f->writable[page])
		return;
	memset(f->writable + first, true, nr);
	memset(f->dirty + first, true, nr);
	f->writes++;
}

/**
 * fill_init - nothing is mapped
 * @f: filled in; ended by fill_fini()
 * @m: the model of the mapping, which must live as long
 */
void fill_init(struct fill *f, const struct model *m)
{
	size_t slots = slot_of(m, m->nr_pages - 1) + 1;

	*f = (struct fill){ .m = m, .advice = MADV_NORMAL };
	f->now = calloc(m->nr_pages, sizeof(*f->now));
	f->writable = calloc(m->nr_pages, sizeof(*f->writable));
	f->dirty = calloc(m->nr_pages, sizeof(*f->dirty));
	f->ptes = calloc(slots, sizeof(*f->ptes));
	f->pte_table = calloc(slots, sizeof(*f->pte_table));
	f->pmd_table = calloc(slots, sizeof(*f->pmd_table));
	if (!f->now || !f->writable || !f->dirty || !f->ptes ||
	    !f->pte_table || !f->pmd_table)
		vram_fail("no memory for a model\n");
}

void fill_fini(struct fill *f)
{
	free(f->now);
	free(f->writable);
	free(f->dirty);
	free(f->ptes);
	free(f->pte_table);
	free(f->pmd_table);
}

/**
 * fill_touch - a page that is no hole is read or written
 * @f: the state; @f->faults grows by the faults that this takes
 * @page: the page
 * @write: whether it is written
 */
void fill_touch(struct fill *f, unsigned long page, bool write)
{
	bool small = write && f->track == FILL_TRACK_PAGES;

	if (f->now[page] && (!write || f->writable[page]))
		return;

	f->faults++;
	if (small && f->now[page] > 12)
		fill_zap(f, page, 1);
	/* The core asks to have a PTE made writable, and wants nothing mapped. */
	if (f->now[page] != 12)
		fault(f, page, small);
	if (write && f->track)
		make_writable(f, page);
}

/*
 * Pages had PTEs that are gone, or a fault that ended in a signal. The page tables stay,
 * unless the library made them.
 */
void fill_core_tables(struct fill *f, unsigned long first, unsigned long nr)
{
	unsigned long page;

	if (vram_makes_tables)
		return;
	for (page = first; page < first + nr; page++) {
		f->pmd_table[gib_of(f->m, page)] = true;
		f->pte_table[slot_of(f->m, page)] = true;
	}
}

/* Every page is touched once, upwards. */
void fill_all(struct fill *f)
{
	unsigned long page;

	for (page = 0; page < f->m->nr_pages; page++) {
		if (f->m->shift[page])
			fill_touch(f, page, false);
	}
}

/* All is mapped without a fault. */
void fill_populate(struct fill *f)
{
	const struct model *m = f->m;
	unsigned long page = 0;

	while (page < m->nr_pages) {
		unsigned int shift = m->shift[page];

		if (shift)
			map_leaf(f, page, shift);
		page += shift ? 1ul << (shift - 12) : 1;
	}
}

/**
 * fill_zap - pages are unmapped
 * @f: the state
 * @first: first page
 * @nr: how many; leaves that they are part of go as a whole
 */
void fill_zap(struct fill *f, unsigned long first, unsigned long nr)
{
	unsigned long page = first, from;

	while (page < first + nr && page < f->m->nr_pages) {
		unsigned int shift = f->now[page];
		unsigned long leaf = shift ? 1ul << (shift - 12) : 1;

		from = shift ? span_first(f->m, page, shift) : page;
		if (shift == 12)
			f->ptes[slot_of(f->m, page)]--;
		memset(f->now + from, 0, leaf);
		memset(f->writable + from, false, leaf);
		page = from + leaf;
	}
}

/* The process forks: PMD leaves are gone, of parent and child. Tables stay in both. */
void fill_fork(struct fill *f)
{
	unsigned long page;

	for (page = 0; page < f->m->nr_pages; page++) {
		if (f->now[page] == 21)
			fill_zap(f, page, 1);
	}
}

/**
 * fill_harvest - the next run of dirty pages is cleaned, and so unmapped
 * @f: the state
 * @page: in: where to begin; out: first page of the run
 *
 * Return: length of the run.
 */
unsigned long fill_harvest(struct fill *f, unsigned long *page)
{
	unsigned long at = *page, nr = 0;

	while (at < f->m->nr_pages && !f->dirty[at])
		at++;
	for (; at + nr < f->m->nr_pages && f->dirty[at + nr]; nr++)
		f->dirty[at + nr] = false;
	*page = at;
	fill_zap(f, at, nr);
	return nr;
}

/* The next page from @page on that is mapped, or the end. */
static unsigned long next_mapped(const struct fill *f, unsigned long page)
{
	const unsigned char *now = f->now;

	while (page < f->m->nr_pages && !now[page])
		page++;
	return page;
}

/**
 * fill_differs - compare the page tables with the model
 * @f: the state
 * @v: device
 * @text: room for the first difference
 * @size: size of @text
 *
 * Return: true if they differ.
 */
bool fill_differs(const struct fill *f, const struct vram *v, char *text,
		  size_t size)
{
	const struct model *m = f->m;
	unsigned long page = next_mapped(f, 0);
	struct vram_test_leaf *leaves, *l;
	unsigned int nr, i;
	bool differs = true;

	leaves = vram_leaves(v, (void *)m->va, m->nr_pages * VRAM_PAGE, &nr);
	for (i = 0; i < nr && page < m->nr_pages; i++) {
		unsigned int flags = VRAM_TEST_LEAF_SPECIAL;

		if (f->writable[page])
			flags |= VRAM_TEST_LEAF_WRITE;
		l = &leaves[i];
		if (l->addr != m->va + page * VRAM_PAGE ||
		    l->shift != f->now[page] || l->flags != flags ||
		    l->pfn != m->pa[page] / VRAM_PAGE) {
			snprintf(text, size, "leaf at page %#llx: level %u, pfn %#llx, flags %#x; the next must be at page %#lx: level %u, pfn %#llx, flags %#x",
				 (unsigned long long)(l->addr - m->va) / VRAM_PAGE,
				 l->shift,
				 (unsigned long long)l->pfn, l->flags, page,
				 f->now[page],
				 (unsigned long long)m->pa[page] / VRAM_PAGE,
				 flags);
			goto out;
		}
		page = next_mapped(f, page + (1ul << (f->now[page] - 12)));
	}
	differs = i < nr || page < m->nr_pages;
	if (i < nr)
		snprintf(text, size, "leaf at page %#llx, level %u, and no more must be there",
			 (unsigned long long)(leaves[i].addr - m->va) / VRAM_PAGE,
			 leaves[i].shift);
	else if (differs)
		snprintf(text, size, "no leaf at page %#lx, where level %u must be",
			 page, f->now[page]);
out:
	free(leaves);
	return differs;
}

/* The same for those that need not go on after a difference. */
void fill_check(const struct fill *f, const struct vram *v)
{
	char text[256];

	if (fill_differs(f, v, text, sizeof(text)))
		vram_fail("%s\n", text);
}

/* How many faults it takes to touch every page once, upwards, by default. */
unsigned long fill_faults(const struct model *m)
{
	unsigned long faults;
	struct fill f;

	fill_init(&f, m);
	fill_all(&f);
	faults = f.faults;
	fill_fini(&f);
	return faults;
}
