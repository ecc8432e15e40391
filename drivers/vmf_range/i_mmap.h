/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_I_MMAP_H_
#define _VMF_RANGE_I_MMAP_H_

#include <linux/fs.h>
#include <linux/interval_tree_generic.h>
#include <linux/mm.h>

static inline pgoff_t vma_first(struct vm_area_struct *vma)
{
	return vma->vm_pgoff;
}

static inline pgoff_t vma_last(struct vm_area_struct *vma)
{
	return vma->vm_pgoff + vma_pages(vma) - 1;
}

/* The core's functions that look into &address_space.i_mmap are not exported. */
INTERVAL_TREE_DEFINE(struct vm_area_struct, shared.rb, pgoff_t,
		     shared.rb_subtree_last, vma_first, vma_last,
		     static __maybe_unused, vmf_i_mmap)

#endif
