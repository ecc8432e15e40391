// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's entry points for a VMA, so that a driver writes one fault handler
 * and nothing else.
 *
 * Three of them are there to keep PUD leaves out of the core's way, which handles
 * PMD leaves in nearly every corner and PUD leaves in most:
 *
 * - Splitting a VMA inside a PUD leaf. vma_adjust_trans_huge() splits PMD leaves
 *   only, and mm_find_pmd() then takes the PUD leaf for a table: an oops that any
 *   process can cause with munmap() of one page. ->may_split runs before, and
 *   zaps the leaf.
 * - mremap(). move_page_tables() has no case for a special PUD leaf, takes the
 *   entry for a bad one, clears it and says so, without a TLB flush. ->open of
 *   the new VMA runs before, and zaps.
 * - mprotect(PROT_NONE). It leaves a PUD leaf that is there and not present, of
 *   which x86 has a notion for PMD leaves only: pud_present() denies it, and
 *   pudp_invalidate() warns (DEBUG_VM) when access is given back. ->mprotect runs
 *   before, and zaps.
 *
 * And one for PMD leaves:
 *
 * - fork(). copy_huge_pmd() may copy a leaf that was zapped meanwhile, by whoever moves
 *   the memory. ->open of the child's VMA runs before, and zaps: see vmf_zap_forking().
 *
 * In all, whoever touches the range next takes a fault and gets the leaves that
 * the new VMAs have room for.
 */
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/sched/signal.h>
#include <linux/vmf_range.h>

#include "compat.h"
#include "promote.h"
#include "query.h"
#include "stats.h"
#include "vm_ops.h"
#include "walk.h"
#include "zap.h"

/**
 * vmf_range_is_ours - does a VMA have &struct vmf_range_ops
 * @vma: a VMA with operations
 *
 * Return: true if it does.
 */
bool vmf_range_is_ours(const struct vm_area_struct *vma)
{
	return vma->vm_ops->fault == vmf_range_vm_fault;
}

/**
 * vmf_range_ops_of - the operations of a VMA
 * @vma: a VMA that is ours
 *
 * Return: what the driver gave.
 */
const struct vmf_range_ops *vmf_range_ops_of(const struct vm_area_struct *vma)
{
	return container_of(vma->vm_ops, struct vmf_range_ops, vm_ops);
}

/**
 * vmf_range_tracking - are writes to a VMA tracked
 * @vma: a VMA with operations
 *
 * Return: an enum vmf_tracking.
 */
enum vmf_tracking vmf_range_tracking(const struct vm_area_struct *vma)
{
	const struct vmf_range_ops *ops = vmf_range_ops_of(vma);
	bool core_knows = vma->vm_ops->pfn_mkwrite == vmf_range_vm_pfn_mkwrite;

	if (!vmf_range_is_ours(vma))
		return core_knows ? VMF_TRACK_BROKEN : VMF_TRACK_NONE;
	if (core_knows != !!ops->dirty)
		return VMF_TRACK_BROKEN;
	if (!ops->dirty)
		return VMF_TRACK_NONE;
	return ops->flags & VMF_RANGE_DIRTY_LEAVES ? VMF_TRACK_LEAVES :
						     VMF_TRACK_PAGES;
}

/**
 * vmf_range_allows_huge - may a VMA have leaves above PTEs
 * @vm_ops: its operations, or NULL
 *
 * A huge leaf that must become writable, the core makes so through ->huge_fault, and
 * without one it splits it: ->fault would put it back, read-only, for ever. A driver's
 * own ->pfn_mkwrite hears of PTEs alone.
 *
 * Return: true for operations with which a write to such a leaf ends well.
 */
bool vmf_range_allows_huge(const struct vm_operations_struct *vm_ops)
{
	return vm_ops && vm_ops->fault && vm_ops->huge_fault &&
	       (!vm_ops->pfn_mkwrite ||
		vm_ops->pfn_mkwrite == vmf_range_vm_pfn_mkwrite);
}

/**
 * vmf_range_allows_puds - may a VMA have PUD leaves
 * @vma: a VMA with operations
 *
 * Return: true for a VMA that has all entry points of this file, and whose
 * driver has set %VMF_RANGE_PUD.
 */
bool vmf_range_allows_puds(const struct vm_area_struct *vma)
{
	const struct vm_operations_struct *vm_ops = vma->vm_ops;

	return vm_ops->huge_fault == vmf_range_vm_huge_fault &&
	       vm_ops->may_split == vmf_range_vm_may_split &&
	       vm_ops->mprotect == vmf_range_vm_mprotect &&
	       vm_ops->open == vmf_range_vm_open &&
	       (vmf_range_ops_of(vma)->flags & VMF_RANGE_PUD);
}

/**
 * vmf_range_wants_puds - would a driver like its VMA to have PUD leaves
 * @vma: a VMA with operations
 *
 * Return: true for a VMA of ours whose driver has set %VMF_RANGE_PUD. It gets none
 * where it has replaced one of the entry points that make them safe.
 */
bool vmf_range_wants_puds(const struct vm_area_struct *vma)
{
	return vmf_range_is_ours(vma) &&
	       (vmf_range_ops_of(vma)->flags & VMF_RANGE_PUD);
}

/**
 * vmf_range_vm_fault - &vm_operations_struct.fault
 * @vmf: the fault
 *
 * Context: under mmap_lock or the per-VMA lock.
 * Return: what the driver's handler returned.
 */
vm_fault_t vmf_range_vm_fault(struct vm_fault *vmf)
{
	return vmf_range_ops_of(vmf->vma)->fault(vmf);
}
EXPORT_SYMBOL_GPL(vmf_range_vm_fault);

/**
 * vmf_range_vm_map_pages - &vm_operations_struct.map_pages
 * @vmf: a read
 * @start: page offset of the first page that the core would like to have mapped
 * @end: page offset of the last one
 *
 * Maps nothing, as the driver's handler may sleep. It is there because the core calls
 * ->fault under the per-VMA lock only of those who have it, and lets all others come
 * again under mmap_lock: vmf_can_call_fault().
 *
 * Context: under mmap_lock or the per-VMA lock, and RCU.
 * Return: 0: the core goes on to ->fault.
 */
vm_fault_t vmf_range_vm_map_pages(struct vm_fault *vmf, pgoff_t start,
				  pgoff_t end)
{
	return 0;
}
EXPORT_SYMBOL_GPL(vmf_range_vm_map_pages);

/**
 * vmf_range_vm_huge_fault - &vm_operations_struct.huge_fault
 * @vmf: the fault
 * @order: of the leaf that the core could take; of no interest, since the block
 *	behind the fault decides
 *
 * Context: under the per-VMA lock or mmap_lock.
 * Return: what the driver's handler returned.
 */
vm_fault_t vmf_range_vm_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	return vmf_range_ops_of(vmf->vma)->fault(vmf);
}
EXPORT_SYMBOL_GPL(vmf_range_vm_huge_fault);

/**
 * vmf_range_vm_pfn_mkwrite - &vm_operations_struct.pfn_mkwrite
 * @vmf: a write to a page that is mapped read-only in a writable VMA
 *
 * Makes the page writable and reports it under one page-table lock, which the core
 * could not do for us: see vmf_range_dirty_harvest(). The driver's fault handler
 * is not needed, as the page stays where it is.
 *
 * Context: under mmap_lock or the per-VMA lock.
 * Return: %VM_FAULT_NOPAGE: all is done; %VM_FAULT_SIGBUS if nobody wants to hear of
 * it: the driver has mapped the page by other means than the library, which refuses.
 */
vm_fault_t vmf_range_vm_pfn_mkwrite(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	enum vmf_tracking tracking = vmf_range_tracking(vma);
	struct vmf_tally tally = {};
	struct vmf_walk walk;

	if (tracking == VMF_TRACK_NONE || tracking == VMF_TRACK_BROKEN)
		return VM_FAULT_SIGBUS;
	vmf_walk_begin(&walk, vmf, vma->vm_page_prot, tracking, &tally);
	vmf_walk_make_writable(&walk, vmf->address,
			       vmf_range_ops_of(vma)->dirty);
	vmf_stats_add(vmf_stats_begin(vma), &tally);
	return VM_FAULT_NOPAGE;
}
EXPORT_SYMBOL_GPL(vmf_range_vm_pfn_mkwrite);

/**
 * vmf_range_vm_may_split - &vm_operations_struct.may_split
 * @vma: the VMA
 * @addr: where it is about to be split
 *
 * Zaps the PUD leaf that @addr lies in, if there is one. Checking for a multiple
 * of PMD_SIZE would not do: a leaf that straddles two VMAs is as dangerous.
 *
 * Context: mmap_lock held for writing. Write-locks the VMA, so that a fault
 * under its lock cannot put the leaf back before the split.
 * Return: 0, or what the driver's own may_split said.
 */
int vmf_range_vm_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	const struct vmf_range_ops *ops = vmf_range_ops_of(vma);
	unsigned long start = ALIGN_DOWN(addr, PUD_SIZE);

	if (ops->may_split) {
		int err = ops->may_split(vma, addr);

		if (err)
			return err;
	}
	if (start == addr || !vmf_range_allows_puds(vma))
		return 0;

	vma_start_write(vma);
	if (vmf_has_pud_leaf(vma->vm_mm, addr))
		vmf_compat_zap(vma, start, PUD_SIZE);
	return 0;
}
EXPORT_SYMBOL_GPL(vmf_range_vm_may_split);

/**
 * vmf_range_vm_mprotect - &vm_operations_struct.mprotect
 * @vma: the VMA
 * @start: first address that changes
 * @end: address after the last
 * @newflags: VM_* flags to come
 *
 * Zaps the PUD leaves that would become inaccessible.
 *
 * Context: mmap_lock held for writing. Write-locks the VMA, so that no leaf comes
 * back before the protection has changed.
 * Return: 0.
 */
int vmf_range_vm_mprotect(struct vm_area_struct *vma, unsigned long start,
			  unsigned long end, unsigned long newflags)
{
	unsigned long addr;

	if ((newflags & VM_ACCESS_FLAGS) || !vmf_range_allows_puds(vma))
		return 0;

	vma_start_write(vma);
	for (addr = ALIGN_DOWN(start, PUD_SIZE); addr < end; addr += PUD_SIZE) {
		if (vmf_has_pud_leaf(vma->vm_mm, addr))
			vmf_compat_zap(vma, addr, PUD_SIZE);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vmf_range_vm_mprotect);

/*
 * The core opens a new VMA in three cases. Fork: it belongs to another mm.
 * Split: it is not in the tree yet, and the VMA that it is cut from still covers
 * its addresses. mremap: it is not in the tree either, and its new addresses are
 * free.
 */
static bool opened_by_fork(const struct vm_area_struct *vma)
{
	return vma->vm_mm != current->mm;
}

static bool opened_by_mremap(struct vm_area_struct *vma)
{
	mmap_assert_write_locked(vma->vm_mm);
	return !find_vma_intersection(vma->vm_mm, vma->vm_start, vma->vm_end);
}

/**
 * vmf_range_vm_open - &vm_operations_struct.open
 * @vma: the new VMA
 *
 * On mremap, zaps the pages that are to be moved: the core would drop PUD leaves with
 * a complaint (get_old_pud() in mm/mremap.c). On fork, zaps the PMD leaves that are to be
 * copied: the core might copy one that an eviction has just zapped. They fault again.
 *
 * Context: mmap_lock held for writing.
 */
void vmf_range_vm_open(struct vm_area_struct *vma)
{
	const struct vmf_range_ops *ops = vmf_range_ops_of(vma);

	if (ops->open)
		ops->open(vma);
	if (opened_by_fork(vma))
		vmf_zap_forking(vma);
	else if (vma->vm_end - vma->vm_start >= PUD_SIZE &&
		 vmf_range_allows_puds(vma) && opened_by_mremap(vma))
		vmf_zap_moving(vma);
}
EXPORT_SYMBOL_GPL(vmf_range_vm_open);

/**
 * vmf_range_vm_close - &vm_operations_struct.close
 * @vma: the VMA
 *
 * Context: mmap_lock held.
 */
void vmf_range_vm_close(struct vm_area_struct *vma)
{
	const struct vmf_range_ops *ops = vmf_range_ops_of(vma);

	vmf_free_retired(vma);
	vmf_stats_forget(vma);
	if (ops->close)
		ops->close(vma);
}
EXPORT_SYMBOL_GPL(vmf_range_vm_close);

/*
 * generic_access_phys() reads through ioremap(), which warns of system memory.
 * Return: bytes copied, 0 if it is not system memory, or -errno.
 */
static int access_ram(struct vm_area_struct *vma, unsigned long addr, void *buf,
		      int len, int write)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int n = len;
	void *page;

	if (follow_pfnmap_start(&args))
		return -EINVAL;
	if (!page_is_ram(args.pfn)) {
		n = 0;
	} else if (write && !args.writable) {
		n = -EINVAL;
	} else {
		page = kmap_local_page(pfn_to_page(args.pfn));
		if (write)
			memcpy(page + offset_in_page(addr), buf, n);
		else
			memcpy(buf, page + offset_in_page(addr), n);
		kunmap_local(page);
	}
	follow_pfnmap_end(&args);
	return n;
}

/* Return: bytes copied, or -errno; -EINVAL for a page that is not mapped so. */
static int access_mapped(struct vm_area_struct *vma, unsigned long addr,
			 void *buf, int len, int write)
{
	int n = access_ram(vma, addr, buf, len, write);

	return n ?: generic_access_phys(vma, addr, buf, len, write);
}

/**
 * vmf_range_vm_access - &vm_operations_struct.access
 * @vma: the VMA
 * @addr: user address
 * @buf: kernel buffer
 * @len: bytes
 * @write: from @buf to the VMA
 *
 * Serves ptrace and /proc/PID/mem, which cannot get at pages of a %VM_PFNMAP VMA
 * in another way.
 *
 * A page that nobody has touched yet, that was zapped, or whose first write the
 * driver wants to hear of, is faulted in, as the process itself would: for a
 * debugger its memory is there. No more than the rest of the page is copied, as
 * what comes next in memory may be another buffer's; the core asks again.
 *
 * Context: mmap_lock held for reading.
 * Return: bytes copied, or -errno.
 */
int vmf_range_vm_access(struct vm_area_struct *vma, unsigned long addr,
			void *buf, int len, int write)
{
	const struct vmf_range_ops *ops = vmf_range_ops_of(vma);
	unsigned int flags = FAULT_FLAG_REMOTE | (write ? FAULT_FLAG_WRITE : 0);
	int n, err;

	if (ops->access)
		return ops->access(vma, addr, buf, len, write);
	len = min_t(unsigned long, len, PAGE_SIZE - offset_in_page(addr));
	for (;;) {
		n = access_mapped(vma, addr, buf, len, write);
		if (n != -EINVAL)
			return n;
		/* Without a place for the answer it does not drop mmap_lock. */
		err = fixup_user_fault(vma->vm_mm, addr, flags, NULL);
		if (err)
			return err;
		/* An eviction may always be faster. */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}
EXPORT_SYMBOL_GPL(vmf_range_vm_access);
