/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_VM_OPS_H_
#define _VMF_RANGE_VM_OPS_H_

#include <linux/vmf_range.h>

#include "walk.h"

bool vmf_range_is_ours(const struct vm_area_struct *vma);
const struct vmf_range_ops *vmf_range_ops_of(const struct vm_area_struct *vma);
bool vmf_range_allows_huge(const struct vm_operations_struct *vm_ops);
bool vmf_range_allows_puds(const struct vm_area_struct *vma);
bool vmf_range_wants_puds(const struct vm_area_struct *vma);
enum vmf_tracking vmf_range_tracking(const struct vm_area_struct *vma);

#endif
