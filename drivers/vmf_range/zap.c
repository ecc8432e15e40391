// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmap, so that the next access faults.
 *
 * The core's own unmap_mapping_range() will do where a whole object is unmapped.
 * These functions also know what the core does not:
 *
 * - An edge inside a huge leaf. The core splits that leaf, which comes to a zap of
 *   it, with a notification of its own; and to split a PUD leaf it wants mmap_lock,
 *   which nobody holds who zaps by file range. Here the leaf goes as a whole with
 *   the rest, and the next fault brings back what should have stayed.
 * - A range with nothing mapped. The core would tell every mmu notifier (KVM, RDMA,
 *   another GPU) to drop what it never had.
 * - A PUD leaf that a fault writes meanwhile. zap_pud_range() reads an entry twice
 *   without a lock: is it a leaf, and, if not, is it none or a table? A leaf that comes
 *   in between it takes for a bad table, says "bad pud", and clears it without a flush.
 *   Here the core is not shown an entry that is none; what comes there, comes after the
 *   zap. Of two zaps of one leaf at once, vmf_zap_huge() among them, one could still meet
 *   the next leaf: only the driver's lock, if the fault handler holds it too, rules that
 *   out.
 *
 * Locks: i_mmap_rwsem of the mapping for reading, which keeps its VMAs and their
 * tables (they leave the mapping before tables are freed or moved, for which the
 * core takes it for writing); page-table locks inside. It nests inside the
 * driver's lock (dma_resv), as ever with unmap_mapping_range().
 */
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/vmf_range.h>

#include "compat.h"
#include "i_mmap.h"
#include "query.h"
#include "stats.h"
#include "trace.h"
#include "zap.h"

static void zap_run(struct vm_area_struct *vma, unsigned long start,
		    unsigned long end)
{
	vmf_compat_zap(vma, start, end - start);
	trace_vmf_range_zap(vma, start, end - start);
	vmf_stats_add_one(vma, VMF_STAT_ZAPS);
}

/*
 * How far the PUD entries from start on hold something. A leaf that is in the range in
 * part only came after its edges were looked for, and so after the zap.
 */
static unsigned long end_of_run(struct mm_struct *mm, unsigned long start,
				unsigned long end)
{
	unsigned long next;

	for (; start < end; start = next) {
		next = pud_addr_end(start, end);
		if (!vmf_has_pmd_table(mm, start) &&
		    !(next - start == PUD_SIZE && vmf_has_pud_leaf(mm, start)))
			break;
	}
	return start;
}

/*
 * Zap [start, end) of a VMA whose tables stay, and all of the huge leaves at its
 * edges. The core would do so for PMD leaves by itself, and tell notifiers twice.
 */
static void zap(struct vm_area_struct *vma, unsigned long start,
		unsigned long end)
{
	struct vmf_range_leaf leaf;
	unsigned long run;

	if (!vmf_find_leaf(vma, start, end, &leaf))
		return;
	start = min(start, leaf.addr);
	if (vmf_find_leaf(vma, end - PAGE_SIZE, end, &leaf))
		end = max(end, leaf.addr + BIT(leaf.shift));

	for (; start < end; start = pud_addr_end(run, end)) {
		run = end_of_run(vma->vm_mm, start, end);
		if (run > start)
			zap_run(vma, start, run);
	}
}

/* Zap the pages of a file from pgoff to last that are in a VMA, which has some. */
static void zap_pages(struct vm_area_struct *vma, pgoff_t pgoff, pgoff_t last)
{
	pgoff_t from = max(pgoff, vma_first(vma)) - vma->vm_pgoff;
	pgoff_t to = min(last, vma_last(vma)) - vma->vm_pgoff + 1;

	zap(vma, vma->vm_start + (from << PAGE_SHIFT),
	    vma->vm_start + (to << PAGE_SHIFT));
}

/**
 * vmf_zap_moving - unmap what mremap() is about to move
 * @vma: the VMA that is being made for it
 *
 * The VMA that is moved from is among those of the process that map the same pages
 * in the same way: which of them is not said. What others have stays mapped.
 *
 * Context: mmap_lock of @vma's process is held for writing.
 */
void vmf_zap_moving(struct vm_area_struct *vma)
{
	struct address_space *mapping = vma->vm_file->f_mapping;
	pgoff_t pgoff = vma->vm_pgoff, last = pgoff + vma_pages(vma) - 1;
	struct vm_area_struct *old;

	i_mmap_lock_read(mapping);
	for (old = vmf_i_mmap_iter_first(&mapping->i_mmap, pgoff, last); old;
	     old = vmf_i_mmap_iter_next(old, pgoff, last)) {
		if (old->vm_mm == vma->vm_mm && old->vm_ops == vma->vm_ops)
			zap_pages(old, pgoff, last);
	}
	i_mmap_unlock_read(mapping);
}

/**
 * vmf_zap_forking - unmap what fork() cannot copy while memory moves
 * @vma: the child's VMA
 *
 * copy_huge_pmd() reads the parent's PMD leaf without a lock, and does not look at it
 * again under the locks under which it writes the child's. A zap by file range, which
 * takes no mmap_lock, may come in between, clear the parent's and pass the child: the
 * child would keep a leaf of memory that has moved. So it must find none. PTEs and PUD
 * leaves the core looks at again.
 *
 * Context: the ->open of @vma in dup_mmap(): mmap_lock of current's mm is held for
 * writing and the parent's VMA write-locked, so that no fault can put a leaf back before
 * it is copied.
 */
void vmf_zap_forking(struct vm_area_struct *vma)
{
	struct vm_area_struct *parent;
	unsigned long first, end;

	mmap_assert_write_locked(current->mm);
	parent = vma_lookup(current->mm, vma->vm_start);
	if (!parent || parent->vm_ops != vma->vm_ops)
		return;
	end = parent->vm_start;
	while ((end = vmf_find_pmds(parent, end, parent->vm_end, &first)))
		zap_run(parent, first, end);
}

/**
 * vmf_zap_huge - make way for small leaves
 * @vma: the VMA
 * @addr: if a huge leaf maps this, it is zapped
 *
 * Context: as vmf_range_zap_vma().
 */
void vmf_zap_huge(struct vm_area_struct *vma, unsigned long addr)
{
	struct vmf_range_leaf leaf;

	if (vmf_find_leaf(vma, addr, addr + PAGE_SIZE, &leaf) &&
	    leaf.shift != PAGE_SHIFT)
		zap(vma, leaf.addr, leaf.addr + BIT(leaf.shift));
}

/**
 * vmf_range_zap - unmap pages of a file wherever they are mapped
 * @mapping: of the file (&file.f_mapping)
 * @pgoff: first page offset
 * @nr_pages: how many; 0 for all up to the end of the file
 *
 * To be called before memory moves or goes away, under the lock that the fault
 * handler takes before it looks memory up. Pages outside the range stay mapped,
 * except that a huge entry across its edge goes as a whole; they fault again.
 * A process that has nothing mapped there is not disturbed, nor its mmu notifiers.
 *
 * What io_remap_pfn_range() has mapped goes, too, and does not fault again. 6.12 warns
 * (get_pat_info() in arch/x86/mm/pat/memtype.c) of such a VMA that is unmapped at the
 * same time. Do not map memory in that way that moves.
 *
 * Context: process context, may sleep. Takes i_mmap_rwsem of @mapping.
 */
void vmf_range_zap(struct address_space *mapping, pgoff_t pgoff,
		   unsigned long nr_pages)
{
	pgoff_t last = pgoff + nr_pages - 1;
	struct vm_area_struct *vma;

	if (!nr_pages || last < pgoff)
		last = ULONG_MAX;

	i_mmap_lock_read(mapping);
	for (vma = vmf_i_mmap_iter_first(&mapping->i_mmap, pgoff, last); vma;
	     vma = vmf_i_mmap_iter_next(vma, pgoff, last)) {
		/* mprotect() and others may change the flags beside this one. */
		if (READ_ONCE(vma->vm_flags) & VM_PFNMAP)
			zap_pages(vma, pgoff, last);
	}
	i_mmap_unlock_read(mapping);
}
EXPORT_SYMBOL_GPL(vmf_range_zap);

/**
 * vmf_range_zap_vma - unmap a part of one VMA
 * @vma: the VMA
 * @addr: first address, page aligned
 * @size: bytes, page aligned
 *
 * As vmf_range_zap(), for one mapping alone.
 *
 * Context: process context, may sleep. mmap_lock or the per-VMA lock is held.
 * Return: 0, or -EINVAL for a range that is empty, not aligned or not in @vma, or
 * a VMA that is not %VM_PFNMAP (reported).
 */
int vmf_range_zap_vma(struct vm_area_struct *vma, unsigned long addr,
		      unsigned long size)
{
	unsigned long end = addr + size;

	if (!PAGE_ALIGNED(addr | size) || end <= addr ||
	    addr < vma->vm_start || end > vma->vm_end ||
	    !(vma->vm_flags & VM_PFNMAP)) {
		pr_err_ratelimited("vmf_range: %pD: cannot zap %#lx bytes at %lx of VMA %lx-%lx%s\n",
				   vma->vm_file, size, addr, vma->vm_start,
				   vma->vm_end, vma->vm_flags & VM_PFNMAP ? "" :
				   ", which is not VM_PFNMAP");
		return -EINVAL;
	}
	zap(vma, addr, end);
	return 0;
}
EXPORT_SYMBOL_GPL(vmf_range_zap_vma);
