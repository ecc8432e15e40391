// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choose an address for a mapping so that large leaves fit: a leaf needs virtual
 * and physical address to agree modulo its size.
 */
#include <linux/align.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/vmf_range.h>

#include "compat.h"
#include "walk.h"

/* Where the mapping must begin, modulo the size of a leaf. */
static unsigned long phase_of(const struct vmf_range_block *block,
			      unsigned long pgoff, unsigned long leaf)
{
	return ((block->pfn - block->pgoff + pgoff) << PAGE_SHIFT) & (leaf - 1);
}

/* Is a leaf of this size part of the block, and of the mapping? */
static bool has_leaf(const struct vmf_range_block *block, unsigned long pgoff,
		     unsigned long len, unsigned long leaf)
{
	unsigned long pages = PHYS_PFN(leaf), skip = 0, nr, first;

	if (pgoff > block->pgoff)
		skip = pgoff - block->pgoff;
	if (skip >= block->nr_pages)
		return false;
	first = block->pgoff + skip;
	if (first - pgoff >= PHYS_PFN(len))
		return false;
	nr = min(block->nr_pages - skip, PHYS_PFN(len) - (first - pgoff));
	skip = -(block->pfn + skip) & (pages - 1);
	return nr >= pages && nr - pages >= skip;
}

/* The lowest address from addr on that has the phase; 0 if there is none. */
static unsigned long with_phase(unsigned long addr, unsigned long phase,
				unsigned long leaf)
{
	unsigned long at = addr + ((phase - addr) & (leaf - 1));

	return at < addr ? 0 : at;
}

/*
 * Ask for more than needed and take the part that has the phase. A hint is tried
 * first, moved up to the phase: the core returns it as it is if it is free.
 */
static unsigned long try_leaf(struct file *file, unsigned long addr,
			      unsigned long len, unsigned long pgoff,
			      unsigned long flags, unsigned long phase,
			      unsigned long leaf)
{
	unsigned long at;

	if (addr) {
		unsigned long hint = with_phase(PAGE_ALIGN(addr), phase, leaf);

		at = hint ? vmf_compat_get_unmapped_area(file, hint, len, pgoff,
							 flags) : -ENOMEM;
		if (at == hint && hint)
			return at;
	}
	if (len + leaf < len)
		return -ENOMEM;
	/* The hint also says that the upper half of 57 bits is welcome. */
	at = vmf_compat_get_unmapped_area(file, addr, len + leaf, pgoff, flags);
	if (IS_ERR_VALUE(at))
		return at;
	return with_phase(at, phase, leaf);
}

/**
 * vmf_range_get_unmapped_area - an address at which large leaves fit
 * @file: the file to be mapped
 * @addr: what user space asked for, or 0
 * @len: length of the mapping in bytes
 * @pgoff: page offset of the mapping in the file
 * @flags: MAP_* flags
 * @block: the block that decides, the longest for instance; NULL if none is known
 *
 * For &file_operations.get_unmapped_area. Aims at the largest leaf that @block
 * offers to the mapping, and at smaller ones where the address space is too full
 * for that. %MAP_FIXED is obeyed, a hint is followed as near as alignment allows,
 * and whatever else the core looks at (limits, the 47-bit default, mmap_min_addr)
 * is left to the core. The kernel checks the answer as it does every one.
 *
 * Context: process context, mmap_lock of the current mm held for writing.
 * Return: an address, or a negative errno as an unsigned long.
 */
unsigned long vmf_range_get_unmapped_area(struct file *file, unsigned long addr,
					  unsigned long len, unsigned long pgoff,
					  unsigned long flags,
					  const struct vmf_range_block *block)
{
	static const struct {
		enum vmf_level level;
		unsigned long size;
	} leaves[] = {
		{ VMF_PUD, PUD_SIZE },
		{ VMF_PMD, PMD_SIZE },
	};
	unsigned int levels = vmf_walk_levels();
	unsigned long at;
	int i;

	if (!block || (flags & MAP_FIXED))
		return vmf_compat_get_unmapped_area(file, addr, len, pgoff, flags);

	for (i = 0; i < ARRAY_SIZE(leaves); i++) {
		unsigned long leaf = leaves[i].size;

		if (!(levels & BIT(leaves[i].level)) ||
		    !has_leaf(block, pgoff, len, leaf))
			continue;
		at = try_leaf(file, addr, len, pgoff, flags,
			      phase_of(block, pgoff, leaf), leaf);
		if (!IS_ERR_VALUE(at))
			return at;
	}
	return vmf_compat_get_unmapped_area(file, addr, len, pgoff, flags);
}
EXPORT_SYMBOL_GPL(vmf_range_get_unmapped_area);
