/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_VM_OPS_H_
#define _VMF_RANGE_VM_OPS_H_

#include <linux/vmf_range.h>

/**
 * enum vmf_tracking - what a write does to a read-only leaf
 * @VMF_TRACK_NONE: writes are not tracked: leaves are as writable as the VMA
 * @VMF_TRACK_PAGES: one page becomes writable, and is reported
 * @VMF_TRACK_LEAVES: the whole leaf does
 * @VMF_TRACK_BROKEN: the driver wants to track, but the core does not know
 */
enum vmf_tracking {
	VMF_TRACK_NONE,
	VMF_TRACK_PAGES,
	VMF_TRACK_LEAVES,
	VMF_TRACK_BROKEN,
};

bool vmf_range_is_ours(const struct vm_area_struct *vma);
const struct vmf_range_ops *vmf_range_ops_of(const struct vm_area_struct *vma);
bool vmf_range_allows_pud(const struct vm_area_struct *vma);
bool vmf_range_lacks_entry_points(const struct vm_area_struct *vma);
enum vmf_tracking vmf_range_tracking(const struct vm_area_struct *vma);

#endif
