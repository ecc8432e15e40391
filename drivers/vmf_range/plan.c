// SPDX-License-Identifier: GPL-2.0-only
/*
 * The planner: which leaves map what is around a fault.
 *
 * Leaves. A page gets the largest leaf whose whole span lies inside one extent
 * and inside the bounds, and whose virtual and physical address agree modulo its
 * size. Spans of the levels nest, so this choice for each page alone is also the
 * smallest possible number of leaves for all of them.
 *
 *	extent         |<------------------------------------------->|
 *	PMD spans  |         |         |         |         |         |    |
 *	leaves         |ppppp|   PMD   |   PMD   |   PMD   |   PMD   |
 *	                head                                     (no tail)
 *
 * Growth. Huge leaves are cheap and PTEs are not. The fill starts at the fault:
 * the leaf that holds it or, if that is a PTE, the part of its page table that
 * the budget can pay for. From there it grows upwards, then downwards. It goes
 * on through huge leaves without limit. It goes on through a page table's span
 * of PTEs only next to huge leaves, as the head or tail of a huge run, and only
 * while the budget can pay for the whole span; a caller who knows that what
 * follows will be touched has it go on through PTEs alone (eager). It ends at a
 * hole and at the bounds.
 *
 * So a fault in 1 GiB of huge leaves maps all of them with their ragged edges;
 * a fault in 1 GiB that no huge leaf fits maps one page table's worth, in pieces
 * that tile.
 *
 * The page tables have a say: where the walker finds a table in the way of a
 * leaf it denies that span, and the planner goes on with smaller leaves.
 */
#include <linux/errno.h>

#include "plan.h"

#define NOT_A_SPAN	(~0UL)

static unsigned long span_pages(const struct vmf_plan *plan,
				enum vmf_level level)
{
	return 1UL << plan->shift[level];
}

static unsigned long span_start(const struct vmf_plan *plan, unsigned long vpn,
				enum vmf_level level)
{
	return vpn & ~(span_pages(plan, level) - 1);
}

/* Pages from the start of the address space to the end of a span may wrap. */
static unsigned long span_last(const struct vmf_plan *plan, unsigned long vpn,
			       enum vmf_level level)
{
	return vpn | (span_pages(plan, level) - 1);
}

static unsigned long min_ul(unsigned long a, unsigned long b)
{
	return a < b ? a : b;
}

static unsigned long max_ul(unsigned long a, unsigned long b)
{
	return a > b ? a : b;
}

/*
 * Can one leaf of this level map vpn, within [start, end) of the extent? Most often it
 * is too long: that is asked first.
 */
static bool leaf_fits(const struct vmf_plan *plan, enum vmf_level level,
		      unsigned long vpn, const struct vmf_extent *extent)
{
	unsigned long mask = span_pages(plan, level) - 1;

	return (vpn | mask) < extent->end &&
	       (vpn & ~mask) >= extent->start &&
	       !((extent->start - extent->pfn) & mask) &&
	       (plan->levels & (1U << level)) &&
	       plan->denied[level] != (vpn & ~mask);
}

static enum vmf_level best_level(const struct vmf_plan *plan, unsigned long vpn,
				 const struct vmf_extent *extent)
{
	enum vmf_level level = VMF_PUD;

	while (level > VMF_PTE && !leaf_fits(plan, level, vpn, extent))
		level--;
	return level;
}

static bool holds(const struct vmf_extent *extent, unsigned long vpn)
{
	return vpn >= extent->start && vpn < extent->end;
}

/* Look up the extent that holds vpn, and clip it to the bounds. */
static bool find_extent(struct vmf_plan *plan, struct vmf_plan_side *side,
			unsigned long vpn)
{
	struct vmf_extent *extent = &side->extent;
	int err;

	err = plan->lookup(plan->priv, vpn, extent);
	if (!err && !holds(extent, vpn))
		err = -EINVAL;
	if (err) {
		if (err != -ENOENT)
			plan->err = err;
		side->stopped = true;
		return false;
	}

	if (extent->start < plan->start) {
		extent->pfn += plan->start - extent->start;
		extent->start = plan->start;
	}
	extent->end = min_ul(extent->end, plan->end);
	return true;
}

/* The extent's part in [start, end). */
static struct vmf_extent clip(const struct vmf_extent *extent,
			      unsigned long start, unsigned long end)
{
	struct vmf_extent part = {
		.start = max_ul(extent->start, start),
		.end = min_ul(extent->end, end),
	};

	part.pfn = extent->pfn + (part.start - extent->start);
	return part;
}

/*
 * The aligned piece of the fault's page table that the budget can pay for:
 * aligned so that the pieces of later faults tile, a power of two for the same
 * reason.
 */
static void pay_fault_window(struct vmf_plan *plan)
{
	unsigned long pages = span_pages(plan, VMF_PMD);
	unsigned long first, end;

	while (pages > plan->budget)
		pages >>= 1;
	first = plan->fault & ~(pages - 1);
	end = first + pages;

	plan->down.paid = max_ul(first, plan->start);
	plan->up.paid = (end && end < plan->end) ? end : plan->end;
	plan->budget -= plan->up.paid - plan->down.paid;
}

/* Before anything is written, both sides begin at the same place. */
static bool untouched(const struct vmf_plan *plan)
{
	return plan->up.cursor == plan->down.cursor;
}

/* Put both cursors at the start of the leaf, or of the PTEs, for the fault. */
static void place_cursors(struct vmf_plan *plan)
{
	const struct vmf_extent *extent = &plan->up.extent;
	enum vmf_level level = best_level(plan, plan->fault, extent);
	unsigned long at = span_start(plan, plan->fault, level);

	if (level == VMF_PTE) {
		pay_fault_window(plan);
		at = max_ul(plan->down.paid, extent->start);
	} else {
		plan->up.paid = at;
		plan->down.paid = at;
	}
	plan->level = level;
	plan->up.cursor = at;
	plan->up.huge = level != VMF_PTE;
	plan->down.cursor = at;
	plan->down.huge = level != VMF_PTE;
}

/**
 * vmf_plan_begin - start a plan at its fault
 * @plan: the plan, its input filled in, all else zero
 *
 * Failure, a fault in a hole (-ENOENT) among them, shows at vmf_plan_next().
 */
void vmf_plan_begin(struct vmf_plan *plan)
{
	enum vmf_level level;

	for (level = 0; level < VMF_NR_LEVELS; level++)
		plan->denied[level] = plan->small_fault && level != VMF_PTE ?
				      span_start(plan, plan->fault, level) :
				      NOT_A_SPAN;

	if (!find_extent(plan, &plan->up, plan->fault)) {
		if (!plan->err)
			plan->err = -ENOENT;
		return;
	}
	plan->down.extent = plan->up.extent;
	place_cursors(plan);
}

/* May PTEs be written in the span [first, end)? Pays for them if so. */
static bool pay_edge(struct vmf_plan *plan, bool wanted, unsigned long first,
		     unsigned long end)
{
	if (!wanted || end - first > plan->budget) {
		plan->short_of_budget = true;
		return false;
	}
	plan->budget -= end - first;
	return true;
}

/* Next run upwards: from the cursor to the end of the extent or of the table. */
static bool next_up(struct vmf_plan *plan, struct vmf_run *run)
{
	struct vmf_plan_side *side = &plan->up;
	unsigned long vpn = side->cursor;
	struct vmf_extent part;
	unsigned long last;

	if (vpn >= plan->end ||
	    (!holds(&side->extent, vpn) && !find_extent(plan, side, vpn)))
		return false;

	part = clip(&side->extent, vpn, plan->end);
	run->level = untouched(plan) ? plan->level :
				       best_level(plan, vpn, &part);
	if (run->level == VMF_PTE) {
		last = min_ul(span_last(plan, vpn, VMF_PMD), plan->end - 1);
		if (vpn >= side->paid) {
			if (!pay_edge(plan, side->huge || vpn < plan->eager,
				      vpn, last + 1))
				return false;
			side->paid = last + 1;
		}
		last = min_ul(last, side->paid - 1);
	} else if (run->level == VMF_PMD) {
		last = span_last(plan, vpn, VMF_PUD);
	} else {
		last = plan->end - 1;
	}
	last = min_ul(last, part.end - 1);

	run->vpn = vpn;
	run->pfn = part.pfn;
	run->nr = (last - vpn + 1) >> plan->shift[run->level];
	run->down = false;
	return true;
}

/* Next run downwards: from the start of the extent or table to the cursor. */
static bool next_down(struct vmf_plan *plan, struct vmf_run *run)
{
	struct vmf_plan_side *side = &plan->down;
	unsigned long end = side->cursor;
	unsigned long vpn = end - 1;
	struct vmf_extent part;
	unsigned long first, pages;

	if (end <= plan->start ||
	    (!holds(&side->extent, vpn) && !find_extent(plan, side, vpn)))
		return false;

	part = clip(&side->extent, plan->start, end);
	run->level = best_level(plan, vpn, &part);
	if (run->level == VMF_PTE) {
		first = max_ul(span_start(plan, vpn, VMF_PMD), plan->start);
		if (vpn < side->paid) {
			if (!pay_edge(plan, side->huge, first, end))
				return false;
			side->paid = first;
		}
		first = max_ul(first, side->paid);
	} else if (run->level == VMF_PMD) {
		first = span_start(plan, vpn, VMF_PUD);
	} else {
		first = plan->start;
	}
	first = max_ul(first, part.start);

	pages = span_pages(plan, run->level);
	run->nr = (end - first) >> plan->shift[run->level];
	run->vpn = end - run->nr * pages;
	run->pfn = part.pfn + (run->vpn - part.start);
	run->down = true;
	return true;
}

/**
 * vmf_plan_next - the next leaves to write
 * @plan: a plan that was begun
 * @run: filled in
 *
 * The first run holds the fault. The caller answers each run with
 * vmf_plan_wrote(), and where it did not write all of it, with vmf_plan_deny()
 * or vmf_plan_stop().
 *
 * Return: false when the plan is complete or, with @plan->err set, has failed.
 */
bool vmf_plan_next(struct vmf_plan *plan, struct vmf_run *run)
{
	if (!plan->up.stopped) {
		if (next_up(plan, run))
			return true;
		plan->up.stopped = true;
	}
	if (plan->err)
		return false;
	if (!plan->down.stopped) {
		if (next_down(plan, run))
			return true;
		plan->down.stopped = true;
	}
	return false;
}

/**
 * vmf_plan_wrote - leaves of a run are in place
 * @plan: the plan
 * @run: what vmf_plan_next() gave
 * @nr: how many of its leaves, counted in the run's own direction
 */
void vmf_plan_wrote(struct vmf_plan *plan, const struct vmf_run *run,
		    unsigned long nr)
{
	struct vmf_plan_side *side = run->down ? &plan->down : &plan->up;
	unsigned long pages = nr << plan->shift[run->level];

	if (!nr)
		return;
	side->cursor = run->down ? side->cursor - pages : side->cursor + pages;
	side->huge = run->level != VMF_PTE;
}

/**
 * vmf_plan_deny - a page table is in the way of the next leaf of a run
 * @plan: the plan
 * @run: what vmf_plan_next() gave, its level above %VMF_PTE; vmf_plan_wrote()
 *	was told of the leaves before
 *
 * The next run covers the same place with smaller leaves.
 */
void vmf_plan_deny(struct vmf_plan *plan, const struct vmf_run *run)
{
	if (run->down)
		plan->denied[run->level] = span_start(plan,
						      plan->down.cursor - 1,
						      run->level);
	else
		plan->denied[run->level] = span_start(plan, plan->up.cursor,
						      run->level);
	/* The fault itself: its smaller leaf need not start where this one did. */
	if (untouched(plan))
		place_cursors(plan);
}

/**
 * vmf_plan_stop - do not grow beyond a run
 * @plan: the plan
 * @run: what vmf_plan_next() gave; vmf_plan_wrote() was told of the leaves before
 *
 * What was paid for the PTEs that stay away is there for the other side.
 */
void vmf_plan_stop(struct vmf_plan *plan, const struct vmf_run *run)
{
	struct vmf_plan_side *side = run->down ? &plan->down : &plan->up;

	side->stopped = true;
	if (run->level == VMF_PTE)
		plan->budget += run->down ? side->cursor - side->paid :
					    side->paid - side->cursor;
}
