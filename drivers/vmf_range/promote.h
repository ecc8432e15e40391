/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_PROMOTE_H_
#define _VMF_RANGE_PROMOTE_H_

#include <linux/mm.h>

/**
 * enum vmf_promotion - what came of putting a leaf in the place of a table
 * @VMF_PROMOTED: the leaf is there
 * @VMF_PROMOTE_IN_USE: the table maps something, or is gone
 * @VMF_PROMOTE_NOTIFIERS: somebody else may use the table: the mm has notifiers
 * @VMF_PROMOTE_NEVER: not on this kernel or machine, not in this VMA, or no memory
 */
enum vmf_promotion {
	VMF_PROMOTED,
	VMF_PROMOTE_IN_USE,
	VMF_PROMOTE_NOTIFIERS,
	VMF_PROMOTE_NEVER,
};

enum vmf_promotion vmf_promote(struct vm_area_struct *vma, unsigned long addr,
			       pmd_t *pmdp, pmd_t leaf);
pgtable_t vmf_take_retired(struct mm_struct *mm, unsigned long addr);
void vmf_free_retired(struct vm_area_struct *vma);

#endif
