/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_WALK_H_
#define _VMF_RANGE_WALK_H_

#include <linux/mm.h>

#include "compat.h"
#include "plan.h"

struct vmf_tally;

/**
 * enum vmf_tracking - what a write does to a read-only leaf
 * @VMF_TRACK_NONE: writes are not tracked: leaves are as writable as the VMA
 * @VMF_TRACK_PAGES: one page becomes writable, and is reported
 * @VMF_TRACK_LEAVES: the whole leaf does
 * @VMF_TRACK_BROKEN: the driver wants to hear of writes and the core does not know, or
 *	the other way round
 */
enum vmf_tracking {
	VMF_TRACK_NONE,
	VMF_TRACK_PAGES,
	VMF_TRACK_LEAVES,
	VMF_TRACK_BROKEN,
};

/**
 * typedef vmf_dirty_fn - hear of pages that are being written to
 * @vma: the VMA
 * @pgoff: page offset in the mapped file of the first page
 * @nr_pages: how many
 *
 * Context: the page-table lock is held; see &vmf_range_ops.dirty.
 */
typedef void (*vmf_dirty_fn)(struct vm_area_struct *vma, pgoff_t pgoff,
			     unsigned long nr_pages);

/**
 * struct vmf_walk - what the walker knows for the length of one fault
 * @vmf: the fault
 * @pud_table: first entry of the PUD table that holds the fault
 * @prot: protection and cache bits for PTEs
 * @large_prot: the same for PMD and PUD leaves
 * @tracking: if writes are tracked, leaves are written read-only
 * @dirty: hears of writes, while vmf_walk_make_writable() lets one through
 * @tally: counts what is written
 * @ptes: first entry of the PTE table that is locked, or NULL
 * @ptes_addr: what that maps
 * @ptl: its lock
 */
struct vmf_walk {
	struct vm_fault *vmf;
	pud_t *pud_table;
	pgprot_t prot;
	pgprot_t large_prot;
	enum vmf_tracking tracking;
	vmf_dirty_fn dirty;
	struct vmf_tally *tally;
	pte_t *ptes;
	unsigned long ptes_addr;
	spinlock_t *ptl;
};

/**
 * enum vmf_walk_result - how far vmf_walk_write() came
 * @VMF_WALK_DONE: all leaves of the run are in place
 * @VMF_WALK_TABLE: a page table is in the way of the next leaf
 * @VMF_WALK_MAPPED: the next leaf is in place already, as it should be
 */
enum vmf_walk_result {
	VMF_WALK_DONE,
	VMF_WALK_TABLE,
	VMF_WALK_MAPPED,
};

void vmf_walk_begin(struct vmf_walk *walk, struct vm_fault *vmf,
		    pgprot_t prot, enum vmf_tracking tracking,
		    struct vmf_tally *tally);
unsigned int vmf_walk_levels(void);
int vmf_walk_write(struct vmf_walk *walk, const struct vmf_run *run,
		   unsigned long *nr);
void vmf_walk_unlock(struct vmf_walk *walk);
void vmf_walk_make_writable(struct vmf_walk *walk, unsigned long addr,
			    vmf_dirty_fn dirty);

#endif
