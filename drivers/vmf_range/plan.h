/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which page-table leaves should map what is around a fault.
 *
 * Pure: no locks, no page tables, no allocation. Everything is counted in pages
 * of the smallest size; a "vpn" is a virtual address divided by that size.
 */
#ifndef _VMF_RANGE_PLAN_H_
#define _VMF_RANGE_PLAN_H_

#include <linux/types.h>

enum vmf_level {
	VMF_PTE,
	VMF_PMD,
	VMF_PUD,
	VMF_NR_LEVELS,
};

/**
 * struct vmf_extent - a contiguous piece of the mapping
 * @start: first vpn
 * @end: vpn after the last
 * @pfn: page frame number at @start
 */
struct vmf_extent {
	unsigned long start;
	unsigned long end;
	unsigned long pfn;
};

/**
 * struct vmf_run - consecutive leaves of one level in one page table
 * @vpn: first page
 * @pfn: page frame number at @vpn
 * @nr: number of leaves
 * @level: their level
 * @down: written from the last to the first, because the fill grows downwards
 */
struct vmf_run {
	unsigned long vpn;
	unsigned long pfn;
	unsigned long nr;
	enum vmf_level level;
	bool down;
};

/**
 * struct vmf_plan_side - one direction in which a fill grows
 * @extent: the extent last looked up
 * @cursor: edge of what is planned: next vpn upwards, last planned vpn downwards
 * @paid: vpn up to (down to) which the PTE budget has been spent
 * @huge: the last run in this direction had huge leaves
 * @stopped: grows no further
 */
struct vmf_plan_side {
	struct vmf_extent extent;
	unsigned long cursor;
	unsigned long paid;
	bool huge;
	bool stopped;
};

/**
 * struct vmf_plan - the fill around one fault
 * @fault: vpn that must be mapped
 * @start: first vpn that may be mapped
 * @end: vpn after the last that may be mapped
 * @shift: log2 of the pages that a leaf of each level maps; @shift[VMF_PTE] is 0
 * @levels: bit mask of the levels that leaves may have; bit VMF_PTE is set
 * @budget: how many PTEs may be written, at least 1
 * @eager: vpn up to which the fill goes on upwards through PTEs that no huge leaf
 *	adjoins, as long as the budget pays for them; 0 for never
 * @small_fault: the fault's own page gets a PTE, and no larger leaf
 * @lookup: which extent holds a vpn; -ENOENT for a hole, another error ends the
 *	plan
 * @priv: passed to @lookup
 * @err: what went wrong, 0 or -errno; valid when vmf_plan_next() returns false
 * @short_of_budget: there was more to map, in PTEs that the budget or the rule
 *	of growth did not allow
 * @up: growth towards higher addresses
 * @down: growth towards lower addresses
 * @level: of the fault's own leaf
 * @denied: for each level, first vpn of the span last denied
 *
 * The caller fills in everything up to @priv; the rest is progress, and begins as zero.
 */
struct vmf_plan {
	unsigned long fault;
	unsigned long start;
	unsigned long end;
	unsigned int shift[VMF_NR_LEVELS];
	unsigned int levels;
	unsigned long budget;
	unsigned long eager;
	bool small_fault;
	int (*lookup)(void *priv, unsigned long vpn, struct vmf_extent *extent);
	void *priv;

	int err;
	bool short_of_budget;
	struct vmf_plan_side up;
	struct vmf_plan_side down;
	enum vmf_level level;
	unsigned long denied[VMF_NR_LEVELS];
};

void vmf_plan_begin(struct vmf_plan *plan);
bool vmf_plan_next(struct vmf_plan *plan, struct vmf_run *run);
void vmf_plan_wrote(struct vmf_plan *plan, const struct vmf_run *run,
		    unsigned long nr);
void vmf_plan_deny(struct vmf_plan *plan, const struct vmf_run *run);
void vmf_plan_stop(struct vmf_plan *plan, const struct vmf_run *run);

#endif
