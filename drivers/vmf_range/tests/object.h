/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver for tests, and its only object: made-up memory, of which one GiB
 * (PUD_SIZE) can have a PUD leaf, the next PMD leaves, the next PTEs, and a hole.
 */
#ifndef _VMF_RANGE_TESTS_OBJECT_H_
#define _VMF_RANGE_TESTS_OBJECT_H_

#include <linux/vmf_range.h>

#include "space.h"

/* Where it begins in the file; odd, so that nobody takes it for 0. */
#define OBJECT_PGOFF	0x321

/* Pages of the object. */
#define OBJECT_PUD	0UL
#define OBJECT_PMDS	PUD_PAGES
#define OBJECT_PTES	(2 * PUD_PAGES)
#define OBJECT_HOLE	(3 * PUD_PAGES)
#define OBJECT_PAGES	(4 * PUD_PAGES)

extern const struct vmf_range_ops object_ops;

int object_block(void *unused, pgoff_t pgoff, struct vmf_range_block *block);
unsigned long object_pfn(unsigned long page);
void object_map(struct space *space);
void object_touch_all(struct space *space);

#endif
