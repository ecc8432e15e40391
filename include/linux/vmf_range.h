/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmf_range: map device memory from a fault handler, at the best page sizes.
 *
 * A driver names the device-contiguous block behind a fault, or many blocks;
 * the library fills the VMA with the fewest special PUD, PMD and PTE entries
 * that can hold them, in one call.
 */
#ifndef _LINUX_VMF_RANGE_H
#define _LINUX_VMF_RANGE_H

#include <linux/mm.h>

/**
 * struct vmf_range_block - a run of contiguous device memory behind a mapping
 * @pgoff: page offset in the mapped file of the first page (counted as
 *	&vm_area_struct.vm_pgoff is)
 * @pfn: page frame number of that page
 * @nr_pages: length in pages of PAGE_SIZE, not zero
 *
 * A block needs no alignment. It may begin before the VMA and reach beyond it.
 */
struct vmf_range_block {
	pgoff_t pgoff;
	unsigned long pfn;
	unsigned long nr_pages;
};

/**
 * typedef vmf_range_block_fn - say which block backs one page of a mapping
 * @priv: what the driver passed to vmf_insert_blocks()
 * @pgoff: page offset in the mapped file of the page asked for
 * @block: filled in by the function; must cover @pgoff
 *
 * Called once per block, not once per page, for the pages around the fault in
 * no order that a driver may rely on.
 *
 * Context: atomic. A page-table lock may be held: must not sleep, nor take a
 * lock that is held while page tables are touched. The driver's lock that keeps
 * the blocks where they are is held by its fault handler around
 * vmf_insert_blocks().
 * Return: 0; -ENOENT if nothing backs the page (a hole: the page is left
 * unmapped, and gets SIGBUS when it is touched).
 */
typedef int (*vmf_range_block_fn)(void *priv, pgoff_t pgoff,
				  struct vmf_range_block *block);

/** VMF_RANGE_PUD: map 1 GiB blocks (PUD_SIZE) with one entry where possible. */
#define VMF_RANGE_PUD	BIT(0)

/**
 * struct vmf_range_ops - what a driver provides for a kind of mapping
 * @vm_ops: always %VMF_RANGE_VM_OPS; &vm_area_struct.vm_ops points here
 * @fault: the one fault handler: called for every fault, of any order. It takes
 *	the driver's lock, calls vmf_insert_range() or vmf_insert_blocks() once,
 *	and returns what that returned. It runs under the per-VMA lock or under
 *	mmap_lock, and must use release_fault_lock() before it returns
 *	%VM_FAULT_RETRY.
 * @open: optional, as &vm_operations_struct.open
 * @close: optional, as &vm_operations_struct.close
 * @may_split: optional, as &vm_operations_struct.may_split
 * @access: optional, as &vm_operations_struct.access; without it,
 *	generic_access_phys() serves ptrace, which is right for I/O memory
 * @flags: VMF_RANGE_PUD or 0
 *
 * A driver keeps one constant instance and stores &ops->vm_ops in the VMA.
 */
struct vmf_range_ops {
	struct vm_operations_struct vm_ops;
	vm_fault_t (*fault)(struct vm_fault *vmf);
	void (*open)(struct vm_area_struct *vma);
	void (*close)(struct vm_area_struct *vma);
	int (*may_split)(struct vm_area_struct *vma, unsigned long addr);
	int (*access)(struct vm_area_struct *vma, unsigned long addr,
		      void *buf, int len, int write);
	unsigned int flags;
};

/** VMF_RANGE_VM_OPS - initialiser of &struct vmf_range_ops.vm_ops */
#define VMF_RANGE_VM_OPS {				\
	.open = vmf_range_vm_open,			\
	.close = vmf_range_vm_close,			\
	.may_split = vmf_range_vm_may_split,		\
	.mprotect = vmf_range_vm_mprotect,		\
	.fault = vmf_range_vm_fault,			\
	.huge_fault = vmf_range_vm_huge_fault,		\
	.access = vmf_range_vm_access,			\
}

vm_fault_t vmf_insert_range(struct vm_fault *vmf, unsigned long addr,
			    unsigned long pfn, unsigned long nr_pages,
			    pgprot_t prot);
vm_fault_t vmf_insert_blocks(struct vm_fault *vmf, vmf_range_block_fn block_fn,
			     void *priv, pgprot_t prot);

void vmf_range_vm_open(struct vm_area_struct *vma);
void vmf_range_vm_close(struct vm_area_struct *vma);
int vmf_range_vm_may_split(struct vm_area_struct *vma, unsigned long addr);
int vmf_range_vm_mprotect(struct vm_area_struct *vma, unsigned long start,
			  unsigned long end, unsigned long newflags);
vm_fault_t vmf_range_vm_fault(struct vm_fault *vmf);
vm_fault_t vmf_range_vm_huge_fault(struct vm_fault *vmf, unsigned int order);
int vmf_range_vm_access(struct vm_area_struct *vma, unsigned long addr,
			void *buf, int len, int write);

#endif
