/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_QUERY_H_
#define _VMF_RANGE_QUERY_H_

#include <linux/vmf_range.h>

unsigned long vmf_find_leaf(struct vm_area_struct *vma, unsigned long addr,
			    unsigned long end, struct vmf_range_leaf *leaf);
unsigned long vmf_find_pmds(struct vm_area_struct *vma, unsigned long addr,
			    unsigned long end, unsigned long *first);
bool vmf_has_pud_leaf(struct mm_struct *mm, unsigned long addr);
bool vmf_has_pmd_table(struct mm_struct *mm, unsigned long addr);

#endif
