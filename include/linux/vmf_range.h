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
 * VMF_RANGE_API_VERSION - of what this header promises
 *
 * Goes up when a driver that keeps to the rules has to be changed.
 */
#define VMF_RANGE_API_VERSION	1

/* Of the package; dkms.conf has it, too. */
#define VMF_RANGE_VERSION	"1.0"

/**
 * VMF_RANGE_IMPORT_NS - for the driver, next to its MODULE_LICENSE()
 *
 * All symbols are in this namespace. Says what MODULE_IMPORT_NS() says, whose
 * argument has become a string with Linux 6.13.
 */
#define VMF_RANGE_IMPORT_NS()	MODULE_INFO(import_ns, "VMF_RANGE")

struct scatterlist;
struct sg_table;

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
 * no order that a driver may rely on. vmf_remap_blocks() asks for each page of a hole.
 *
 * Context: atomic. A page-table lock may be held: must not sleep, nor take a
 * lock that is held while page tables are touched. The driver's lock that keeps
 * the blocks where they are is held by its fault handler around
 * vmf_insert_blocks().
 * Return: 0; -ENOENT if nothing backs the page (a hole: the page is left
 * unmapped, and gets SIGBUS when it is touched); or another errno, such as -EIO: the
 * same, and the fill ends there. Neither leaves a message.
 */
typedef int (*vmf_range_block_fn)(void *priv, pgoff_t pgoff,
				  struct vmf_range_block *block);

/**
 * VMF_RANGE_PUD - map 1 GiB blocks (PUD_SIZE) with one entry where possible
 */
#define VMF_RANGE_PUD		BIT(0)
/**
 * VMF_RANGE_DIRTY_LEAVES - with &vmf_range_ops.dirty, a write makes the whole entry
 * writable that holds the page, whatever its size; without, just the page.
 */
#define VMF_RANGE_DIRTY_LEAVES	BIT(1)

/**
 * struct vmf_range_ops - what a driver provides for a kind of mapping
 * @vm_ops: %VMF_RANGE_VM_OPS, or %VMF_RANGE_VM_OPS_DIRTY with @dirty;
 *	&vm_area_struct.vm_ops points here
 * @fault: the one fault handler: called for every fault, of any order. It takes
 *	the driver's lock, calls vmf_insert_range() or vmf_insert_blocks() once,
 *	and returns what that returned. It runs under the per-VMA lock or under
 *	mmap_lock. Only if fault_flag_allow_retry_first() may it return
 *	%VM_FAULT_RETRY, after release_fault_lock(); with %FAULT_FLAG_RETRY_NOWAIT
 *	it keeps the lock.
 * @open: optional, as &vm_operations_struct.open
 * @close: optional, as &vm_operations_struct.close
 * @may_split: optional, as &vm_operations_struct.may_split
 * @access: optional, as &vm_operations_struct.access; without it, ptrace is
 *	served by what is mapped, after a fault if need be: I/O memory by
 *	generic_access_phys(), system memory by a copy
 * @dirty: optional: pages of a writable VMA, from page offset @pgoff in the
 *	mapped file on, were written to for the first time since they were mapped
 *	or zapped. For a write of the process it is called before that can happen,
 *	with the page-table lock held: must not sleep. An @access that writes by
 *	other means than the entries of the VMA calls it after the write, as
 *	ttm_range_access() does, under mmap_lock alone. Calls may come at the same
 *	time, also for the same page: it must serialise what it does itself.
 *	vmf_range_dirty_mark() is made for this.
 * @max_ptes: how many small entries one fault may write; 0 for the default, a
 *	page table's worth and the ragged ends of huge runs
 * @flags: VMF_RANGE_* flags, or 0
 *
 * A driver keeps one constant instance, or one for each kind of mapping, and
 * stores &ops->vm_ops in the VMA.
 */
struct vmf_range_ops {
	struct vm_operations_struct vm_ops;
	vm_fault_t (*fault)(struct vm_fault *vmf);
	void (*open)(struct vm_area_struct *vma);
	void (*close)(struct vm_area_struct *vma);
	int (*may_split)(struct vm_area_struct *vma, unsigned long addr);
	int (*access)(struct vm_area_struct *vma, unsigned long addr,
		      void *buf, int len, int write);
	void (*dirty)(struct vm_area_struct *vma, pgoff_t pgoff,
		      unsigned long nr_pages);
	unsigned long max_ptes;
	unsigned int flags;
};

#define __VMF_RANGE_VM_OPS				\
	.open = vmf_range_vm_open,			\
	.close = vmf_range_vm_close,			\
	.may_split = vmf_range_vm_may_split,		\
	.mprotect = vmf_range_vm_mprotect,		\
	.fault = vmf_range_vm_fault,			\
	.map_pages = vmf_range_vm_map_pages,		\
	.huge_fault = vmf_range_vm_huge_fault,		\
	.access = vmf_range_vm_access

/**
 * VMF_RANGE_VM_OPS - initialiser of &struct vmf_range_ops.vm_ops
 */
#define VMF_RANGE_VM_OPS { __VMF_RANGE_VM_OPS }

/**
 * VMF_RANGE_VM_OPS_DIRTY - the same for a driver that has &vmf_range_ops.dirty
 *
 * Having ->pfn_mkwrite is what makes the core keep a VMA's entries read-only.
 */
#define VMF_RANGE_VM_OPS_DIRTY {			\
	__VMF_RANGE_VM_OPS,				\
	.pfn_mkwrite = vmf_range_vm_pfn_mkwrite,	\
}

/* Map from a fault handler. */
vm_fault_t vmf_insert_range(struct vm_fault *vmf, unsigned long addr,
			    unsigned long pfn, unsigned long nr_pages,
			    pgprot_t prot);
vm_fault_t vmf_insert_blocks(struct vm_fault *vmf, vmf_range_block_fn block_fn,
			     void *priv, pgprot_t prot);

/* Map at mmap() time. */
int vmf_remap_range(struct vm_area_struct *vma, unsigned long addr,
		    unsigned long pfn, unsigned long size, pgprot_t prot);
int vmf_remap_blocks(struct vm_area_struct *vma, vmf_range_block_fn block_fn,
		     void *priv, pgprot_t prot);
void vmf_remap_undo(struct vm_area_struct *vma);

/* Unmap. */
void vmf_range_zap(struct address_space *mapping, pgoff_t pgoff,
		   unsigned long nr_pages);
int vmf_range_zap_vma(struct vm_area_struct *vma, unsigned long addr,
		      unsigned long size);

/* Choose an address. */
unsigned long vmf_range_get_unmapped_area(struct file *file, unsigned long addr,
					  unsigned long len, unsigned long pgoff,
					  unsigned long flags,
					  const struct vmf_range_block *block);

/**
 * struct vmf_range_list - a sorted array of blocks
 * @pgoff: page offset in the mapped file from which those of @blocks count: that of
 *	the object, or 0
 * @blocks: the blocks, by their page offsets, none of which overlap; there may be
 *	holes between them
 * @nr: how many
 *
 * For vmf_range_block_of_list(), which bisects it. What a driver makes once, when it
 * gets the memory, serves every fault.
 */
struct vmf_range_list {
	pgoff_t pgoff;
	const struct vmf_range_block *blocks;
	unsigned int nr;
};

/**
 * struct vmf_range_sg - a scatter list as blocks
 * @pgoff: page offset in the mapped file of the first page of the list
 * @sgt: the list
 * @dma: true for the addresses that the device uses, which must be those of the
 *	CPU too (&sg_dma_address); false for the pages
 * @at: entry asked for last; NULL at first, and again when the list has changed
 * @left: entries from @at to the end
 * @at_pgoff: page offset of @at
 *
 * For vmf_range_block_of_sg(), which walks the list and remembers where it is. On the
 * caller's stack, each fault walks from the first entry to its own; kept with the
 * object, under the lock that keeps the memory in place, from where the last fault was.
 */
struct vmf_range_sg {
	pgoff_t pgoff;
	const struct sg_table *sgt;
	bool dma;
	struct scatterlist *at;
	unsigned int left;
	pgoff_t at_pgoff;
};

/**
 * struct vmf_range_pages - an array of pages as blocks
 * @pgoff: page offset in the mapped file of the first of @pages
 * @pages: the pages; NULL for a hole
 * @nr: how many
 *
 * For vmf_range_block_of_pages(), which finds out what is contiguous.
 */
struct vmf_range_pages {
	pgoff_t pgoff;
	struct page **pages;
	unsigned long nr;
};

int vmf_range_block_of_block(void *block, pgoff_t pgoff,
			     struct vmf_range_block *found);
int vmf_range_block_of_list(void *list, pgoff_t pgoff,
			    struct vmf_range_block *block);
int vmf_range_block_of_sg(void *sg, pgoff_t pgoff,
			  struct vmf_range_block *block);
int vmf_range_block_of_pages(void *pages, pgoff_t pgoff,
			     struct vmf_range_block *block);

/**
 * struct vmf_range_dirty - which pages of an object were written to
 * @pgoff: page offset in the mapped file of the object
 * @nr_pages: its length
 * @bitmap: a bit for each page, set when it is dirty
 */
struct vmf_range_dirty {
	pgoff_t pgoff;
	unsigned long nr_pages;
	unsigned long *bitmap;
};

int vmf_range_dirty_init(struct vmf_range_dirty *dirty, pgoff_t pgoff,
			 unsigned long nr_pages);
void vmf_range_dirty_fini(struct vmf_range_dirty *dirty);
void vmf_range_dirty_mark(struct vmf_range_dirty *dirty, pgoff_t pgoff,
			  unsigned long nr_pages);
unsigned long vmf_range_dirty_harvest(struct vmf_range_dirty *dirty,
				      struct address_space *mapping,
				      pgoff_t *pgoff, pgoff_t end);

/**
 * enum vmf_range_stat - what is counted
 * @VMF_STAT_FAULTS: calls of vmf_insert_range() and vmf_insert_blocks()
 * @VMF_STAT_POPULATES: faults that vmf_remap_range() and vmf_remap_blocks() made
 * @VMF_STAT_PUD: PUD leaves written
 * @VMF_STAT_PMD: PMD leaves written
 * @VMF_STAT_PTE: PTEs written
 * @VMF_STAT_KEPT: entries met that were there already, with the same PFN
 * @VMF_STAT_SHORT: calls that left device memory unmapped to save PTEs
 * @VMF_STAT_WRITES: pages or leaves that became writable and were reported
 * @VMF_STAT_RETRIES: faults handed back for the kernel to make a page table
 * @VMF_STAT_REFUSED: calls that failed
 * @VMF_STAT_ZAPS: zaps of something mapped
 * @VMF_STAT_PROMOTED: PMD leaves that took the place of an empty PTE table
 * @VMF_STAT_NOTIFIERS: those that could not, as the mm has mmu notifiers
 * @VMF_NR_STATS: how many counters there are
 */
enum vmf_range_stat {
	VMF_STAT_FAULTS,
	VMF_STAT_POPULATES,
	VMF_STAT_PUD,
	VMF_STAT_PMD,
	VMF_STAT_PTE,
	VMF_STAT_KEPT,
	VMF_STAT_SHORT,
	VMF_STAT_WRITES,
	VMF_STAT_RETRIES,
	VMF_STAT_REFUSED,
	VMF_STAT_ZAPS,
	VMF_STAT_PROMOTED,
	VMF_STAT_NOTIFIERS,
	VMF_NR_STATS,
};

/**
 * struct vmf_range_stats - the counters
 * @count: indexed by &enum vmf_range_stat
 */
struct vmf_range_stats {
	u64 count[VMF_NR_STATS];
};

/**
 * struct vmf_range_leaf - how an address is mapped
 * @addr: first address of the leaf
 * @pfn: page frame number there
 * @shift: log2 of the leaf's size: PAGE_SHIFT, PMD_SHIFT or PUD_SHIFT
 * @writable: can be written to without a fault
 * @special: cannot be pinned
 * @prot: raw protection and cache bits of the entry
 */
struct vmf_range_leaf {
	unsigned long addr;
	unsigned long pfn;
	unsigned int shift;
	bool writable;
	bool special;
	pgprot_t prot;
};

/**
 * struct vmf_range_leaves - how many leaves
 * @pud: of PUD_SIZE
 * @pmd: of PMD_SIZE
 * @pte: of PAGE_SIZE
 */
struct vmf_range_leaves {
	unsigned long pud;
	unsigned long pmd;
	unsigned long pte;
};

void vmf_range_get_stats(struct vm_area_struct *vma,
			 struct vmf_range_stats *stats);
unsigned long vmf_range_query(struct vm_area_struct *vma, unsigned long addr,
			      unsigned long end, struct vmf_range_leaf *leaf);
void vmf_range_count_leaves(struct vm_area_struct *vma, unsigned long addr,
			    unsigned long end, struct vmf_range_leaves *leaves);
unsigned long vmf_range_count_mapped(struct address_space *mapping, pgoff_t pgoff,
				     unsigned long nr_pages,
				     struct vmf_range_leaves *leaves);

void vmf_range_vm_open(struct vm_area_struct *vma);
void vmf_range_vm_close(struct vm_area_struct *vma);
int vmf_range_vm_may_split(struct vm_area_struct *vma, unsigned long addr);
int vmf_range_vm_mprotect(struct vm_area_struct *vma, unsigned long start,
			  unsigned long end, unsigned long newflags);
vm_fault_t vmf_range_vm_fault(struct vm_fault *vmf);
vm_fault_t vmf_range_vm_map_pages(struct vm_fault *vmf, pgoff_t start,
				  pgoff_t end);
vm_fault_t vmf_range_vm_huge_fault(struct vm_fault *vmf, unsigned int order);
vm_fault_t vmf_range_vm_pfn_mkwrite(struct vm_fault *vmf);
int vmf_range_vm_access(struct vm_area_struct *vma, unsigned long addr,
			void *buf, int len, int write);

#endif
