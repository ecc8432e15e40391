/* SPDX-License-Identifier: MIT */
/*
 * What is mapped now: which leaves each fault, write and zap leaves behind in a
 * mapping. Page by page, from the rules in docs/concepts.rst, with nothing of the
 * planner's code.
 */
#ifndef VRAM_FILL_H
#define VRAM_FILL_H

#include <stdbool.h>
#include <stddef.h>

#include "model.h"

/* How many PTEs one fault writes by default: a full head and a full tail. */
#define FILL_MAX_PTES		1022u
#define FILL_SEQUENTIAL_PTES	2048u
#define FILL_RANDOM_PTES	16u

enum fill_track {
	FILL_TRACK_NONE,
	FILL_TRACK_PAGES,
	FILL_TRACK_LEAVES,
};

/**
 * struct fill - the state of one mapping
 * @m: which leaves it may have
 * @max_ptes: PTEs that the driver allows one fault, or 0
 * @advice: MADV_NORMAL, MADV_SEQUENTIAL or MADV_RANDOM
 * @track: whether and how writes are tracked
 * @read_only: the mapping is
 * @fault_only: the core never asks for huge leaves
 * @one_block: the driver tells of one block in a fault
 * @now: log2 of the size of the leaf that maps each page; 0: none
 * @writable: whether each page can be written without a fault
 * @dirty: whether each page was reported as written to
 * @ptes: of each 2 MiB, how many PTEs map something
 * @pte_table: of each 2 MiB, whether a PTE table was there at any time
 * @pmd_table: of each 1 GiB, whether a PMD table is there
 * @faults: how many there were so far
 * @pud: PUD leaves written so far
 * @pmd: PMD leaves
 * @pte: PTEs
 * @kept: entries met that were there already
 * @writes: reports of writes
 *
 * The caller sets those up to @one_block after fill_init().
 */
struct fill {
	const struct model *m;
	unsigned long max_ptes;
	int advice;
	enum fill_track track;
	bool read_only;
	bool fault_only;
	bool one_block;

	unsigned char *now;
	bool *writable;
	bool *dirty;
	unsigned short *ptes;
	bool *pte_table;
	bool *pmd_table;
	unsigned long faults;
	unsigned long pud;
	unsigned long pmd;
	unsigned long pte;
	unsigned long kept;
	unsigned long writes;
};

void fill_init(struct fill *f, const struct model *m);
void fill_fini(struct fill *f);
void fill_touch(struct fill *f, unsigned long page, bool write);
void fill_core_tables(struct fill *f, unsigned long first, unsigned long nr);
void fill_all(struct fill *f);
void fill_populate(struct fill *f);
void fill_fork(struct fill *f);
void fill_zap(struct fill *f, unsigned long first, unsigned long nr);
unsigned long fill_harvest(struct fill *f, unsigned long *page);
bool fill_differs(const struct fill *f, const struct vram *v, char *text,
		  size_t size);
void fill_check(const struct fill *f, const struct vram *v);
unsigned long fill_faults(const struct model *m);

#endif
