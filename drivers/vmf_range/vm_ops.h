/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_VM_OPS_H_
#define _VMF_RANGE_VM_OPS_H_

#include <linux/mm_types.h>

bool vmf_range_allows_pud(const struct vm_area_struct *vma);

#endif
