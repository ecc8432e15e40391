// SPDX-License-Identifier: MIT
/*
 * The planner against brute force.
 *
 * A world is a small stretch of address space, described page by page: which
 * block backs a page, which spans already have a page table. The expected fill is
 * worked out page by page from the rules, with no runs and no cursors. A world is
 * drawn at random with levels so small (4 or 8 pages to the next level) that
 * every edge is hit all the time; a few have the real geometry.
 *
 * plan_test_main.c runs this in user space, plan_kunit.c in the kernel.
 */
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/sprintf.h>
#include <linux/stdarg.h>
#include <linux/string.h>
#include <linux/types.h>

#include "../plan.h"
#include "plan_test.h"

#define MAX_PAGES	(1u << 20)
#define UNMAPPED	(-1)
#define HOLE		0

struct world {
	unsigned int shift[VMF_NR_LEVELS];
	unsigned long pages;		/* in the address space */
	unsigned long start, end;	/* VMA */
	unsigned long fault;
	unsigned long budget;
	unsigned long eager;
	unsigned int levels;
	bool small;			/* the fault's own page gets a PTE */
	unsigned int lookups;		/* how often the planner asked */
	unsigned long asked;		/* what it asked for last */
	unsigned long *pfn;		/* of each page */
	unsigned int *block;		/* number of each page's block; HOLE: none */
	bool *table[VMF_NR_LEVELS];	/* has the span of the page a table? */
	signed char *want;		/* level of each page's leaf, or UNMAPPED */
	signed char *got;
};

static u64 state;
static unsigned long case_nr;

/* xorshift64*: repeatable everywhere, which rand() is not. */
static unsigned long draw(unsigned long below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 2685821657736338717ull >> 33) % below;
}

static __printf(2, 3)
bool complain(const struct world *w, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pr_info("case %lu: %s (VMA %lu-%lu, fault %lu, budget %lu, eager %lu, levels %#x, shifts %u %u)\n",
		case_nr, text, w->start, w->end, w->fault, w->budget, w->eager,
		w->levels, w->shift[VMF_PMD], w->shift[VMF_PUD]);
	return false;
}

/* The rule for one page, by looking at every page of the span. */
static int level_of(const struct world *w, unsigned long vpn)
{
	int level;

	for (level = VMF_PUD; level > VMF_PTE; level--) {
		unsigned long size = 1ul << w->shift[level];
		unsigned long first = vpn / size * size, i;

		if (!(w->levels & (1u << level)) || w->table[level][first] ||
		    (w->small && w->fault / size * size == first) ||
		    first < w->start || first + size > w->end ||
		    w->pfn[first] % size)
			continue;
		for (i = first; i < first + size; i++)
			if (w->block[i] == HOLE || w->block[i] != w->block[vpn])
				break;
		if (i == first + size)
			return level;
	}
	return VMF_PTE;
}

static bool mappable(const struct world *w, unsigned long vpn)
{
	return vpn >= w->start && vpn < w->end && w->block[vpn] != HOLE;
}

static void want_leaf(struct world *w, unsigned long vpn, int level)
{
	unsigned long size = 1ul << w->shift[level];

	memset(w->want + vpn / size * size, level, size);
}

/*
 * Grow in one direction from the edge, page by page. [lo, hi) is the fault's
 * window of PTEs; it is empty when the fault has a huge leaf.
 */
static void expect_growth(struct world *w, unsigned long edge, int dir,
			  unsigned long lo, unsigned long hi, bool huge,
			  unsigned long *budget)
{
	unsigned long slot = 1ul << w->shift[VMF_PMD];
	unsigned long paid_lo = lo, paid_hi = hi;

	for (;;) {
		unsigned long vpn = dir > 0 ? edge : edge - 1;
		int level;

		if ((dir < 0 && !edge) || !mappable(w, vpn))
			return;
		level = level_of(w, vpn);
		if (level == VMF_PTE && (vpn < paid_lo || vpn >= paid_hi)) {
			unsigned long first = vpn / slot * slot;
			unsigned long end = first + slot;
			unsigned long cost;

			first = first < w->start ? w->start : first;
			end = end > w->end ? w->end : end;
			cost = dir > 0 ? end - vpn : edge - first;
			if (!huge && (dir < 0 || vpn >= w->eager))
				return;
			if (cost > *budget)
				return;
			*budget -= cost;
			paid_lo = first;
			paid_hi = end;
		}
		want_leaf(w, vpn, level);
		huge = level != VMF_PTE;
		edge = dir > 0 ? vpn / (1ul << w->shift[level]) *
				 (1ul << w->shift[level]) +
				 (1ul << w->shift[level]) :
		       vpn / (1ul << w->shift[level]) * (1ul << w->shift[level]);
	}
}

static void expect(struct world *w)
{
	unsigned long budget = w->budget, lo = 0, hi = 0;
	unsigned long size, first;
	int level;

	memset(w->want, UNMAPPED, w->pages);
	if (!mappable(w, w->fault))
		return;

	level = level_of(w, w->fault);
	size = 1ul << w->shift[level];
	first = w->fault / size * size;
	if (level == VMF_PTE) {
		unsigned long window = 1ul << w->shift[VMF_PMD];

		while (window > w->budget)
			window /= 2;
		lo = w->fault / window * window;
		hi = lo + window;
		lo = lo < w->start ? w->start : lo;
		hi = hi > w->end ? w->end : hi;
		budget -= hi - lo;
	}
	want_leaf(w, w->fault, level);
	expect_growth(w, first + size, 1, lo, hi, level != VMF_PTE, &budget);
	expect_growth(w, first, -1, lo, hi, level != VMF_PTE, &budget);
}

static int lookup(void *priv, unsigned long vpn, struct vmf_extent *extent)
{
	struct world *w = priv;
	unsigned long first = vpn, last = vpn;

	w->lookups++;
	w->asked = vpn;
	if (vpn >= w->pages || w->block[vpn] == HOLE)
		return -ENOENT;
	while (first && w->block[first - 1] == w->block[vpn])
		first--;
	while (last + 1 < w->pages && w->block[last + 1] == w->block[vpn])
		last++;
	extent->start = first;
	extent->end = last + 1;
	extent->pfn = w->pfn[first];
	return 0;
}

/* Everything that must hold for one run, whatever the plan. */
static bool check_run(struct world *w, const struct vmf_run *run, bool first)
{
	unsigned long size = 1ul << w->shift[run->level];
	unsigned long end = run->vpn + run->nr * size;
	unsigned int table = run->level == VMF_PUD ? 0 :
			     w->shift[run->level + 1];

	if (!run->nr)
		return complain(w, "run of no leaves at %lu", run->vpn);
	if (run->vpn < w->start || end > w->end)
		return complain(w, "run %lu-%lu outside the VMA", run->vpn, end);
	if (run->vpn % size || run->pfn % size)
		return complain(w, "run at %lu, pfn %lu is not aligned to %lu",
				run->vpn, run->pfn, size);
	if (table && run->vpn >> table != (end - 1) >> table)
		return complain(w, "run %lu-%lu spans two tables", run->vpn, end);
	if (first && (w->fault < run->vpn || w->fault >= end))
		return complain(w, "first run %lu-%lu misses the fault",
				run->vpn, end);
	return true;
}

/* Write one leaf as a walker would. */
static bool write_leaf(struct world *w, const struct vmf_run *run,
		       unsigned long i)
{
	unsigned long size = 1ul << w->shift[run->level];
	unsigned long vpn = run->vpn + i * size, p;

	for (p = vpn; p < vpn + size; p++) {
		if (w->got[p] != UNMAPPED)
			return complain(w, "page %lu is mapped twice", p);
		if (w->block[p] == HOLE)
			return complain(w, "page %lu is a hole", p);
		if (w->pfn[p] != run->pfn + i * size + (p - vpn))
			return complain(w, "page %lu gets pfn %lu, not %lu", p,
					run->pfn + i * size + (p - vpn),
					w->pfn[p]);
		w->got[p] = run->level;
	}
	return true;
}

static bool carry_out(struct world *w, struct vmf_plan *plan)
{
	struct vmf_run run;
	bool first = true;

	memset(w->got, UNMAPPED, w->pages);
	vmf_plan_begin(plan);
	while (vmf_plan_next(plan, &run)) {
		unsigned long nr;

		if (!check_run(w, &run, first))
			return false;
		for (nr = 0; nr < run.nr; nr++) {
			unsigned long i = run.down ? run.nr - 1 - nr : nr;

			if (w->table[run.level][run.vpn +
						(i << w->shift[run.level])])
				break;
			if (!write_leaf(w, &run, i))
				return false;
		}
		vmf_plan_wrote(plan, &run, nr);
		if (nr < run.nr)
			vmf_plan_deny(plan, &run);
		first &= !nr;
	}
	return true;
}

/* The smallest number of leaves for what was mapped, by dynamic programming. */
static bool check_minimum(struct world *w)
{
	static unsigned int best[MAX_PAGES + 1];
	unsigned long lo = 0, hi = w->pages, vpn, leaves = 0;

	while (lo < hi && w->got[lo] == UNMAPPED)
		lo++;
	while (hi > lo && w->got[hi - 1] == UNMAPPED)
		hi--;

	best[lo] = 0;
	for (vpn = lo; vpn < hi; vpn++) {
		int level;

		best[vpn + 1] = best[vpn] + 1;
		for (level = VMF_PMD; level <= VMF_PUD; level++) {
			unsigned long size = 1ul << w->shift[level];

			if ((vpn + 1) % size || vpn + 1 - size < lo ||
			    vpn + 1 < size || level_of(w, vpn) < level)
				continue;
			if (best[vpn + 1 - size] + 1 < best[vpn + 1])
				best[vpn + 1] = best[vpn + 1 - size] + 1;
		}
	}
	for (vpn = lo; vpn < hi; vpn += 1ul << w->shift[(int)w->got[vpn]])
		leaves++;
	if (hi > lo && leaves != best[hi])
		return complain(w, "%lu leaves where %u would do", leaves,
				best[hi]);
	return true;
}

static void fill_in_plan(struct world *w, struct vmf_plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->fault = w->fault;
	plan->start = w->start;
	plan->end = w->end;
	memcpy(plan->shift, w->shift, sizeof(plan->shift));
	plan->levels = w->levels;
	plan->budget = w->budget;
	plan->eager = w->eager;
	plan->small_fault = w->small;
	plan->lookup = lookup;
	plan->priv = w;
}

static bool run_world(struct world *w)
{
	unsigned long vpn, ptes = 0, blocks = 1, edges[2] = { w->fault, w->fault };
	struct vmf_plan plan;

	fill_in_plan(w, &plan);
	w->lookups = 0;
	expect(w);
	if (!carry_out(w, &plan))
		return false;

	for (vpn = 0; vpn < w->pages; vpn++) {
		if (w->got[vpn] != w->want[vpn])
			return complain(w, "page %lu: level %d, not %d", vpn,
					w->got[vpn], w->want[vpn]);
		ptes += w->got[vpn] == VMF_PTE;
		if (w->got[vpn] == UNMAPPED)
			continue;
		edges[0] = vpn < edges[0] ? vpn : edges[0];
		edges[1] = vpn;
	}
	if (ptes > w->budget)
		return complain(w, "%lu PTEs", ptes);
	if (!mappable(w, w->fault))
		return plan.err == -ENOENT ? true :
			complain(w, "fault in a hole: err %d", plan.err);
	if (plan.err)
		return complain(w, "err %d", plan.err);

	/* Once per block, and once beyond each end to see that it is the end. */
	for (vpn = edges[0]; vpn < edges[1]; vpn++)
		blocks += w->block[vpn] != w->block[vpn + 1];
	if (w->lookups > blocks + 2)
		return complain(w, "%u lookups for %lu blocks", w->lookups,
				blocks);
	return check_minimum(w);
}

/* Cut the address space into blocks of random length, alignment and PFN. */
static void draw_blocks(struct world *w, unsigned long mean)
{
	unsigned long top = 1ul << w->shift[VMF_PUD];
	unsigned long vpn = 0, next_pfn = 0;
	unsigned int number = 0;

	while (vpn < w->pages) {
		unsigned long len = 1 + draw(2 * mean), i;
		bool hole = !draw(12);
		unsigned long pfn;

		switch (draw(3)) {
		case 0:		/* congruent with the address at every level */
			pfn = next_pfn + (vpn - next_pfn) % top;
			break;
		case 1:		/* congruent at some level */
			pfn = next_pfn + draw(top);
			pfn += (vpn - pfn) % (1ul << w->shift[VMF_PMD]);
			break;
		default:
			pfn = next_pfn + draw(top);
		}
		number++;
		for (i = 0; i < len && vpn < w->pages; i++, vpn++) {
			w->block[vpn] = hole ? HOLE : number;
			w->pfn[vpn] = pfn + i;
		}
		next_pfn = pfn + len + 1;
	}
}

static void draw_tables(struct world *w)
{
	unsigned long vpn, i;
	int level;

	for (level = VMF_PTE; level < VMF_NR_LEVELS; level++) {
		unsigned long size = 1ul << w->shift[level];
		unsigned long one_in = 1 + draw(8);

		for (vpn = 0; vpn < w->pages; vpn += size) {
			bool table = level > VMF_PTE && one_in > 1 &&
				     !draw(one_in);

			for (i = vpn; i < vpn + size; i++)
				w->table[level][i] = table;
		}
	}
}

static void draw_world(struct world *w, bool real)
{
	static const unsigned int shifts[][VMF_NR_LEVELS] = {
		{ 0, 2, 4 }, { 0, 3, 6 }, { 0, 2, 5 }, { 0, 1, 2 },
	};
	unsigned long a, b;

	memcpy(w->shift, shifts[draw(4)], sizeof(w->shift));
	if (real) {
		w->shift[VMF_PMD] = 9;
		w->shift[VMF_PUD] = 18;
	}
	w->pages = 4ul << w->shift[VMF_PUD];
	draw_blocks(w, 1 + draw(draw(2) ? w->pages : 1ul << w->shift[VMF_PMD]));
	draw_tables(w);

	a = draw(w->pages);
	b = draw(w->pages);
	if (!draw(3)) {
		a = 0;
		b = w->pages - 1;
	}
	w->start = a < b ? a : b;
	w->end = (a < b ? b : a) + 1;
	w->fault = w->start + draw(w->end - w->start);
	if (!draw(4))
		w->fault = draw(2) ? w->start : w->end - 1;
	w->budget = 1 + draw(draw(2) ? 2ul << w->shift[VMF_PMD] :
			     4ul << w->shift[VMF_PUD]);
	w->eager = draw(3) ? 0 : draw(w->pages + 1);
	w->levels = 1 | draw(8);
	w->small = !draw(4);
}

static void report(const char *name, bool ok)
{
	plan_test_report(name, ok);
}

/**
 * plan_test_random - random worlds, each against brute force
 * @w: the world
 * @seed: the same seed draws the same worlds
 * @cases: how many
 * @real: with 4 KiB, 2 MiB and 1 GiB leaves
 *
 * Return: whether all were right; the first one that is not is described.
 */
bool plan_test_random(struct world *w, u64 seed, unsigned long cases, bool real)
{
	for (case_nr = 0; case_nr < cases; case_nr++) {
		state = (seed + case_nr * 2 + real) * 0x9e3779b97f4a7c15ull | 1;
		draw(2);
		draw_world(w, real);
		if (!run_world(w))
			return false;
	}
	return true;
}

#define GIB_PAGES	(1ul << 18)

/* One block from vpn 0 to the end of the world, pfn = vpn + skew. */
static void one_block(struct world *w, unsigned long skew, unsigned long pages)
{
	unsigned long vpn;
	int level;

	memset(w, 0, offsetof(struct world, pfn));
	w->shift[VMF_PMD] = 9;
	w->shift[VMF_PUD] = 18;
	w->pages = pages;
	w->end = pages;
	w->levels = 7;
	w->budget = 1022;
	for (vpn = 0; vpn < w->pages; vpn++) {
		w->block[vpn] = 1;
		w->pfn[vpn] = vpn + skew;
		for (level = 0; level < VMF_NR_LEVELS; level++)
			w->table[level][vpn] = false;
	}
}

/* Faults until everything is mapped, each a fill of its own. */
static unsigned long count_faults(struct world *w)
{
	static bool done[MAX_PAGES];
	unsigned long faults = 0, vpn, i;
	struct vmf_plan plan;

	memset(done, 0, sizeof(done));
	for (vpn = w->start; vpn < w->end; vpn++) {
		if (done[vpn])
			continue;
		w->fault = vpn;
		fill_in_plan(w, &plan);
		if (!carry_out(w, &plan) || w->got[vpn] == UNMAPPED)
			return 0;
		faults++;
		/* A fill has no gaps. A look at all pages would take minutes with KASAN. */
		for (i = vpn; i < w->end && w->got[i] != UNMAPPED; i++)
			done[i] = true;
		for (i = vpn; i > w->start && w->got[i - 1] != UNMAPPED; i--)
			done[i - 1] = true;
	}
	return faults;
}

static void known_shapes(struct world *w)
{
	struct vmf_plan plan;

	case_nr = 0;
	one_block(w, 0, GIB_PAGES);
	report("1 GiB aligned is one fault", count_faults(w) == 1);
	report("1 GiB aligned is one PUD leaf", w->got[77] == VMF_PUD);
	w->levels = 3;
	report("without PUD leaves it is one fault", count_faults(w) == 1);
	report("and PMD leaves", w->got[77] == VMF_PMD);

	one_block(w, 1, GIB_PAGES);
	report("1 GiB misaligned by a page is one fault per 2 MiB",
	       count_faults(w) == 512);

	one_block(w, 0, GIB_PAGES + 511);
	w->start = 1;
	report("full head and full tail ride along", count_faults(w) == 1);
	w->budget = 1021;
	report("and not with a budget one too small", count_faults(w) == 2);

	one_block(w, 0, 512);
	w->start = 511;
	report("one page", count_faults(w) == 1 && w->got[511] == VMF_PTE);

	one_block(w, 7, 2048);
	w->budget = 1;
	report("budget of one page: a fault per page", count_faults(w) == 2048);

	one_block(w, 7, GIB_PAGES);
	w->budget = 2048;
	w->eager = ~0ul;
	report("eager: a fault per budget", count_faults(w) == 128);
	w->budget = ~0ul;
	report("eager without a budget: one fault", count_faults(w) == 1);

	one_block(w, 0, GIB_PAGES);
	w->fault = 1000;
	w->small = true;
	fill_in_plan(w, &plan);
	report("a small fault in huge leaves",
	       carry_out(w, &plan) && w->got[1000] == VMF_PTE &&
	       w->got[1023] == VMF_PTE && w->got[1024] == VMF_PMD &&
	       w->got[511] == VMF_PMD && w->got[0] == VMF_PMD);
}

static int refuse(void *priv, unsigned long vpn, struct vmf_extent *extent)
{
	(void)priv;
	(void)vpn;
	(void)extent;
	return -EIO;
}

static int lie(void *priv, unsigned long vpn, struct vmf_extent *extent)
{
	(void)priv;
	extent->start = vpn + 1;
	extent->end = vpn + 2;
	extent->pfn = 0;
	return 0;
}

/* The first block is right, the one above it is not. */
static int lie_later(void *priv, unsigned long vpn, struct vmf_extent *extent)
{
	if (vpn >= 100)
		return lie(priv, vpn, extent);
	extent->start = 0;
	extent->end = 100;
	extent->pfn = 5;
	return 0;
}

static void bad_lookups(struct world *w)
{
	struct vmf_plan plan;
	struct vmf_run run;

	one_block(w, 0, 1024);
	fill_in_plan(w, &plan);
	plan.lookup = refuse;
	vmf_plan_begin(&plan);
	report("an error of the driver ends the plan",
	       !vmf_plan_next(&plan, &run) && plan.err == -EIO);

	fill_in_plan(w, &plan);
	plan.lookup = lie;
	vmf_plan_begin(&plan);
	report("a block without the page asked for is refused",
	       !vmf_plan_next(&plan, &run) && plan.err == -EINVAL);

	fill_in_plan(w, &plan);
	plan.lookup = lie_later;
	vmf_plan_begin(&plan);
	while (vmf_plan_next(&plan, &run))
		vmf_plan_wrote(&plan, &run, run.nr);
	report("so is one met later", plan.err == -EINVAL &&
	       plan.up.cursor == 100);
}

/* What was mapped before bounds the growth, on its own side only. */
static void stopped(struct world *w)
{
	struct vmf_plan plan;
	struct vmf_run run;
	bool up = false, down = false;

	one_block(w, 0, 2 * GIB_PAGES);
	w->levels = 3;
	w->fault = 3 * GIB_PAGES / 2;
	fill_in_plan(w, &plan);
	vmf_plan_begin(&plan);
	while (vmf_plan_next(&plan, &run)) {
		up |= !run.down && run.vpn > w->fault;
		down |= run.down;
		vmf_plan_wrote(&plan, &run, run.down ? run.nr : 1);
		if (!run.down)
			vmf_plan_stop(&plan, &run);
	}
	report("growth stopped upwards goes on downwards",
	       !plan.err && !up && down && !plan.down.cursor);

	one_block(w, 0, GIB_PAGES + 511);
	w->start = 1;
	w->budget = 511;
	w->fault = GIB_PAGES / 2;
	fill_in_plan(w, &plan);
	vmf_plan_begin(&plan);
	while (vmf_plan_next(&plan, &run)) {
		up = !run.down && run.level == VMF_PTE;
		vmf_plan_wrote(&plan, &run, up ? 0 : run.nr);
		if (up)
			vmf_plan_stop(&plan, &run);
	}
	report("PTEs that were not written cost nothing",
	       !plan.err && !plan.budget && plan.down.cursor == 1 &&
	       plan.up.cursor == GIB_PAGES);
}

const struct plan_test plan_tests[PLAN_TESTS] = {
	{ "known_shapes", known_shapes },
	{ "bad_lookups", bad_lookups },
	{ "stopped", stopped },
};

/* Return: a world with room for every test, or NULL. */
struct world *plan_test_world(void)
{
	struct world *w = kvcalloc(1, sizeof(*w), GFP_KERNEL);
	bool ok;
	int level;

	if (!w)
		return NULL;
	w->pfn = kvcalloc(MAX_PAGES, sizeof(*w->pfn), GFP_KERNEL);
	w->block = kvcalloc(MAX_PAGES, sizeof(*w->block), GFP_KERNEL);
	w->want = kvcalloc(MAX_PAGES, 1, GFP_KERNEL);
	w->got = kvcalloc(MAX_PAGES, 1, GFP_KERNEL);
	ok = w->pfn && w->block && w->want && w->got;
	for (level = 0; level < VMF_NR_LEVELS; level++) {
		w->table[level] = kvcalloc(MAX_PAGES, sizeof(bool), GFP_KERNEL);
		ok &= !!w->table[level];
	}
	if (ok)
		return w;
	plan_test_world_free(w);
	return NULL;
}

void plan_test_world_free(struct world *w)
{
	int level;

	for (level = 0; level < VMF_NR_LEVELS; level++)
		kvfree(w->table[level]);
	kvfree(w->got);
	kvfree(w->want);
	kvfree(w->block);
	kvfree(w->pfn);
	kvfree(w);
}
