/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_WALK_H_
#define _VMF_RANGE_WALK_H_

#include <linux/mm.h>

#include "compat.h"
#include "plan.h"
#include "vm_ops.h"

struct vmf_tally;

/**
 * struct vmf_walk - what the walker knows for the length of one fault
 * @vmf: the fault
 * @pud_table: first entry of the PUD table that holds the fault
 * @prot: protection and cache bits for PTEs
 * @large_prot: the same for PMD and PUD leaves
 * @tracking: if writes are tracked, leaves are written read-only
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
void vmf_walk_make_writable(struct vmf_walk *walk, unsigned long addr);

#endif
