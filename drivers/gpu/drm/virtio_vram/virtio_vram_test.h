/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The test node of virtio_vram: /dev/virtio_vram_test, mode 0600, opened with
 * CAP_SYS_ADMIN only, present with the module parameter test_node=1.
 *
 * It shows what no user space may rely on (page-table levels, physical
 * addresses) and does what no user space may ask for. It is not uAPI: kernel
 * and tests come from one tree, and it changes with them.
 *
 * pread() and pwrite() at offset X reach byte X of the host-visible window
 * through a kernel mapping of its own: the second path by which tests write
 * stamps and check them. mmap() at offset X maps the window from byte X on, the
 * way that VRAM_TEST_MMAP_WAY chose for this file (default: range); or, after
 * VRAM_TEST_SHAPE, memory in blocks that the test has made up.
 */
#ifndef _VIRTIO_VRAM_TEST_H_
#define _VIRTIO_VRAM_TEST_H_

#include <linux/ioctl.h>
#include <linux/types.h>

#define VRAM_TEST_NODE	"/dev/virtio_vram_test"

/* How a mapping is filled. */
enum vram_test_way {
	VRAM_TEST_WAY_RANGE,	/* vmf_range */
	VRAM_TEST_WAY_STOCK,	/* buffers: ttm_bo_vm_fault(); node: io_remap_pfn_range() */
	VRAM_TEST_WAY_BUDDY,	/* as RANGE, by the allocator's list; no block size */
};

/* VRAM_TEST_INFO: where the window is. */
struct vram_test_info {
	__u64 base_pfn;		/* out: first PFN of the window */
	__u64 size;		/* out: bytes */
	__u64 flags;		/* out: VRAM_TEST_INFO_* */
};

/* On this kernel a module cannot make page tables, only the core can. */
#define VRAM_TEST_INFO_NO_TABLES	(1U << 0)
/* This kernel has no huge leaves of device memory. */
#define VRAM_TEST_INFO_NO_HUGE		(1U << 1)

#define VRAM_TEST_LEAF_WRITE	(1U << 0)	/* entry is writable */
#define VRAM_TEST_LEAF_SPECIAL	(1U << 1)	/* entry has the special bit */

/* One present page-table leaf, as follow_pfnmap_start() and a level walk see it. */
struct vram_test_leaf {
	__u64 addr;		/* first address that the leaf maps */
	__u64 pfn;		/* PFN mapped at addr */
	__u64 prot;		/* raw protection and cache bits of the entry */
	__u32 shift;		/* 12: PTE, 21: PMD, 30: PUD */
	__u32 flags;		/* VRAM_TEST_LEAF_* */
};

/*
 * VRAM_TEST_LEAVES: the leaves of this process in [addr, addr + len), in order.
 * A leaf that begins before addr is reported whole. Stops when the array is
 * full and says in next where to go on. Only VM_PFNMAP and VM_IO VMAs are looked
 * at.
 */
struct vram_test_leaves {
	__u64 addr;		/* in: page aligned */
	__u64 len;		/* in: bytes, page aligned */
	__u64 leaves;		/* in: pointer to struct vram_test_leaf[nr] */
	__u32 nr;		/* in: room; out: leaves written */
	__u32 pad;		/* must be zero */
	__u64 next;		/* out: first address not looked at */
};

/* One run of contiguous window memory in a buffer. */
struct vram_test_block {
	__u64 offset;		/* bytes from the start of the window */
	__u64 len;		/* bytes */
};

/*
 * VRAM_TEST_BLOCKS: the blocks of a buffer in VRAM, in buffer order; none for a
 * buffer in system memory. Of what is contiguous, each block has all.
 */
struct vram_test_blocks {
	__s32 drm_fd;		/* in: DRM file */
	__u32 handle;		/* in: GEM handle on it */
	__u64 blocks;		/* in: pointer to struct vram_test_block[nr] */
	__u32 nr;		/* in: room; out: blocks of the buffer, even if more */
	__u32 pad;		/* must be zero */
};

/* VRAM_TEST_ZAP, _MOVE, _BO_WAY, _BO_BLOCK, _PIN: act on one buffer. */
enum vram_test_move {
	VRAM_TEST_MOVE_OUT,	/* to system memory */
	VRAM_TEST_MOVE_IN,	/* to the window */
};

struct vram_test_bo {
	__s32 drm_fd;		/* in: DRM file */
	__u32 handle;		/* in: GEM handle on it */
	__u32 arg;		/* in: as below; VRAM_TEST_ZAP: 0 */
	__u32 pad;		/* must be zero */
};

/* VRAM_TEST_MOVE: arg is enum vram_test_move. */
/* VRAM_TEST_BO_WAY: arg is enum vram_test_way, for later mmap()s. */
/* VRAM_TEST_BO_BLOCK: arg is the block size from the next move to the window on. */
/* VRAM_TEST_PIN: arg 1: keep the buffer where it is, 0: no more. */

/* VRAM_TEST_BUSY: keep the buffer reserved for arg milliseconds. */
/* VRAM_TEST_FENCE: have it moved for arg milliseconds, as far as its fences tell. */
#define VRAM_TEST_BUSY_MAX	10000

/* VRAM_TEST_POTENTIAL: ttm_range_potential() of a buffer. */
struct vram_test_potential {
	struct vram_test_bo bo;	/* in: arg: 0 */
	__u64 pud, pmd, pte;	/* out: leaves */
};

/* VRAM_TEST_SWAP: swap out what is in system memory, as under memory pressure. */
struct vram_test_swap {
	__u64 pages;		/* out: how many pages went */
};

/*
 * VRAM_TEST_SHRINK: leave so many bytes of the window to buffers, for as long as this
 * file is open or until the next call; what buffers have now stays theirs. 0: all.
 */
struct vram_test_shrink {
	__u64 size;		/* in: bytes, page aligned */
};

enum vram_test_gup_how {
	VRAM_TEST_GUP_FAST_ONLY,	/* get_user_pages_fast_only() */
	VRAM_TEST_GUP_FAST,		/* get_user_pages_fast() */
	VRAM_TEST_PIN_FAST,		/* pin_user_pages_fast() */
	VRAM_TEST_PIN_FAST_LONGTERM,	/* the same with FOLL_LONGTERM */
	VRAM_TEST_GUP_UNLOCKED,		/* get_user_pages_unlocked() */
	VRAM_TEST_GUP_LOCKED,		/* get_user_pages(), under mmap_lock */
	VRAM_TEST_PIN_REMOTE,		/* pin_user_pages_remote() */
	VRAM_TEST_HMM,			/* hmm_range_fault(); takes no references */
};

/*
 * VRAM_TEST_GUP: try to take references on nr pages of this process; whatever
 * was taken is dropped at once. ret is what the function returned.
 */
struct vram_test_gup {
	__u64 addr;		/* in: page aligned */
	__u32 nr;		/* in: pages, 1 to 512 */
	__u32 how;		/* in: enum vram_test_gup_how */
	__u32 write;		/* in: 0 or 1 */
	__s32 ret;		/* out: pages or -errno */
};

/*
 * VRAM_TEST_CTRL: send raw bytes on the control queue, to see what the device
 * makes of them. Not both lengths may be 0.
 */
struct vram_test_ctrl {
	__u64 req;		/* in: pointer to the request */
	__u64 resp;		/* in: pointer to room for the response */
	__u32 req_len;		/* in: bytes, 0 to 4096 */
	__u32 resp_len;		/* in: room, 0 to 4096; out: bytes the device wrote */
};

/* How the blocks of a shape are kept, and so how vmf_range comes to know them. */
enum vram_test_iter {
	VRAM_TEST_ITER_CALLBACK,	/* one of the test node */
	VRAM_TEST_ITER_RANGE,		/* none: vmf_insert_range() with the fault's block */
	VRAM_TEST_ITER_LIST,		/* vmf_range_block_of_list() */
	VRAM_TEST_ITER_SG_DMA,		/* vmf_range_block_of_sg(), DMA view; no holes */
	VRAM_TEST_ITER_SG_PAGES,	/* the same, page view, of system memory; no holes */
	VRAM_TEST_ITER_PAGES,		/* vmf_range_block_of_pages() of system memory */
	VRAM_TEST_NR_ITERS,
};

enum vram_test_cache {
	VRAM_TEST_CACHE_DEFAULT,	/* that of the window */
	VRAM_TEST_CACHE_WB,
	VRAM_TEST_CACHE_WC,
	VRAM_TEST_CACHE_UC,
	VRAM_TEST_NR_CACHES,
};

/* What is wrong with a shape's driver, from page lie_page of the shape on. */
enum vram_test_lie {
	VRAM_TEST_LIE_NONE,
	VRAM_TEST_LIE_EMPTY,		/* blocks of no pages */
	VRAM_TEST_LIE_MISSES,		/* blocks that do not hold the page asked for */
	VRAM_TEST_LIE_WRAPS,		/* blocks whose PFNs wrap around */
	VRAM_TEST_LIE_BEYOND,		/* blocks beyond what the CPU can address */
	VRAM_TEST_LIE_MOVED,		/* from one zap to the next, memory one page off */
	VRAM_TEST_LIE_CRUMBS,		/* no lie: after a zap, each page is a block */
	VRAM_TEST_LIE_NO_CALLBACK,
	VRAM_TEST_LIE_NOT_PFNMAP,	/* a VMA that is not VM_PFNMAP */
	VRAM_TEST_LIE_HALF_DIRTY,	/* ->dirty, but not VMF_RANGE_VM_OPS_DIRTY */
	VRAM_TEST_LIE_NO_DIRTY,		/* the other way round */
	VRAM_TEST_LIE_NO_MAY_SPLIT,	/* VMF_RANGE_PUD without ->may_split */
	VRAM_TEST_LIE_ERROR,		/* the callback fails with -EIO */
	VRAM_TEST_LIE_LATE_ERROR,	/* ->mmap does, after all is mapped */
	VRAM_TEST_NR_LIES,
};

/* Who maps a shape: the library, or what the kernel offers without it. */
enum vram_test_peer {
	VRAM_TEST_PEER_NONE,		/* vmf_range */
	VRAM_TEST_PEER_INSERT_PFN,	/* vmf_insert_pfn(), a page per fault */
	VRAM_TEST_PEER_INSERT_MIXED,	/* vmf_insert_mixed(), likewise */
	VRAM_TEST_PEER_INSERT_HUGE,	/* likewise, or vmf_insert_pfn_pmd/pud() */
	VRAM_TEST_PEER_APPLY,		/* apply_to_page_range(), all at the first fault */
	VRAM_TEST_PEER_REMAP,		/* remap_pfn_range() at mmap() */
	VRAM_TEST_PEER_IO_REMAP,	/* io_remap_pfn_range() at mmap() */
	VRAM_TEST_NR_PEERS,
};

#define VRAM_TEST_SHAPE_NO_PUD		(1U << 0)
#define VRAM_TEST_SHAPE_DIRTY		(1U << 1)	/* track writes to pages */
#define VRAM_TEST_SHAPE_DIRTY_LEAVES	(1U << 2)	/* or, with both, to leaves */
#define VRAM_TEST_SHAPE_POPULATE	(1U << 3)	/* vmf_remap_blocks() at mmap() */
#define VRAM_TEST_SHAPE_REMAP		(1U << 4)	/* vmf_remap_range(), no vm_ops */
#define VRAM_TEST_SHAPE_SINGLE		(1U << 5)	/* RAM in pages, not folios */
#define VRAM_TEST_SHAPE_OWN_OPS		(1U << 6)	/* not the library's: ->fault */
#define VRAM_TEST_SHAPE_OWN_HUGE	(1U << 7)	/* and ->huge_fault */
#define VRAM_TEST_SHAPE_OWN_MKWRITE	(1U << 8)	/* and ->pfn_mkwrite */
#define VRAM_TEST_SHAPE_FLAGS		((1U << 9) - 1)

/* Contiguous memory behind pages of a shape. */
struct vram_test_extent {
	__u64 page;		/* first page of the shape */
	__u64 offset;		/* bytes from the start of the window; system memory: 0 */
	__u64 nr_pages;
};

/*
 * VRAM_TEST_SHAPE: a mapping made up by the test, in place of the window: later
 * mmap()s of this file map the shape, their offset counting its pages. nr 0: the
 * window again. System memory is zeroed, its page N begins with N as a __u64, and
 * an extent of it is contiguous up to 4 MiB blocks.
 */
struct vram_test_shape {
	__u64 extents;		/* in: pointer to struct vram_test_extent[nr], sorted by page */
	__u64 pfns;		/* in: 0, or pointer to __u64[pages up to the last]: out: PFNs */
	__u64 max_ptes;		/* in: as in struct vmf_range_ops */
	__u64 lie_page;		/* in */
	__u32 nr;		/* in: up to 65536 */
	__u32 iter;		/* in: enum vram_test_iter */
	__u32 cache;		/* in: enum vram_test_cache */
	__u32 lie;		/* in: enum vram_test_lie */
	__u32 flags;		/* in: VRAM_TEST_SHAPE_* */
	__u32 peer;		/* in: enum vram_test_peer; window memory without holes */
};

/*
 * VRAM_TEST_ZAP_PAGES: vmf_range_zap() of pages of this file's mappings, or
 * unmap_mapping_pages() of a peer's; with an address, vmf_range_zap_vma() of as
 * many pages there.
 */
struct vram_test_zap_pages {
	__u64 addr;		/* in: 0 or page aligned */
	__u64 page;		/* in: page offset, unless there is an address */
	__u64 nr_pages;		/* in */
};

/* VRAM_TEST_HARVEST: vmf_range_dirty_harvest() of this file's shape. */
struct vram_test_harvest {
	__u64 page;		/* in: where to begin; out: first page of the run */
	__u64 end;		/* in: page after the last of interest */
	__u64 nr_pages;		/* out: length of the run, 0: none */
};

/*
 * VRAM_TEST_REFS: references and pins of system memory: of this file's shape or, with a
 * handle, of a buffer, whose pages are 0 while it is in the window.
 */
struct vram_test_refs {
	__s32 drm_fd;		/* in: DRM file, if there is a handle */
	__u32 handle;		/* in: GEM handle on it, or 0: the shape */
	__u64 refs;		/* out: sum over its folios, a buffer's: its pages */
	__u64 pages;		/* out: pages of a buffer that are there now */
};

/* VRAM_TEST_CALLS: how often the fault handler of this file's shape was called. */
struct vram_test_calls {
	__u64 calls;		/* out */
	__u64 vma_locked;	/* out: those of them without mmap_lock */
};

#define VRAM_TEST_NR_COUNTERS	16

/* Some of enum vmf_range_stat, which user space does not see. */
#define VRAM_TEST_COUNT_FAULTS		0
#define VRAM_TEST_COUNT_POPULATES	1
#define VRAM_TEST_COUNT_KEPT		5
#define VRAM_TEST_COUNT_REFUSED		9
#define VRAM_TEST_COUNT_PROMOTED	11
#define VRAM_TEST_COUNT_NOTIFIERS	12

/* VRAM_TEST_STATS: what vmf_range says about a VMA of this process, or of all. */
struct vram_test_stats {
	__u64 addr;		/* in: an address in the VMA, or 0 */
	__u64 len;		/* in: bytes to count leaves in */
	__u64 pud, pmd, pte;	/* out: leaves in [addr, addr + len) now */
	__u64 count[VRAM_TEST_NR_COUNTERS];	/* out: by enum vmf_range_stat */
};

/*
 * VRAM_TEST_WATCH: an mmu interval notifier of this file on a range of this process,
 * in place of the one before; len 0: none. A process with notifiers keeps its page
 * tables as they are: no promotion.
 */
struct vram_test_watch {
	__u64 addr;		/* in: page aligned */
	__u64 len;		/* in: bytes, page aligned */
};

/* VRAM_TEST_EVENTS: what the notifier has heard since it was asked last. */
struct vram_test_events {
	__u64 nr;		/* out: invalidations that touched the range */
	__u64 start;		/* out: lowest address of them all */
	__u64 end;		/* out: highest, exclusive */
};

/*
 * VRAM_TEST_ATOMIC_ADD: add to a __u64 of this process's anonymous memory as a
 * device would that has it for itself, make_device_exclusive(). The range must be
 * watched. EOPNOTSUPP on a kernel that does not have that.
 */
struct vram_test_atomic {
	__u64 addr;		/* in: multiple of 8 */
	__u64 value;		/* in: what to add; out: the sum */
	__u64 retries;		/* out: how often somebody came in between */
};

#define VRAM_TEST_INFO		_IOR('v', 0x40, struct vram_test_info)
#define VRAM_TEST_LEAVES	_IOWR('v', 0x41, struct vram_test_leaves)
#define VRAM_TEST_BLOCKS	_IOWR('v', 0x42, struct vram_test_blocks)
#define VRAM_TEST_ZAP		_IOW('v', 0x43, struct vram_test_bo)
#define VRAM_TEST_MOVE		_IOW('v', 0x44, struct vram_test_bo)
#define VRAM_TEST_BO_WAY	_IOW('v', 0x45, struct vram_test_bo)
#define VRAM_TEST_MMAP_WAY	_IOW('v', 0x46, __u32)
#define VRAM_TEST_GUP		_IOWR('v', 0x47, struct vram_test_gup)
#define VRAM_TEST_CTRL		_IOWR('v', 0x48, struct vram_test_ctrl)
#define VRAM_TEST_SHAPE		_IOW('v', 0x49, struct vram_test_shape)
#define VRAM_TEST_ZAP_PAGES	_IOW('v', 0x4a, struct vram_test_zap_pages)
#define VRAM_TEST_HARVEST	_IOWR('v', 0x4b, struct vram_test_harvest)
#define VRAM_TEST_STATS		_IOWR('v', 0x4c, struct vram_test_stats)
#define VRAM_TEST_WATCH		_IOW('v', 0x4d, struct vram_test_watch)
#define VRAM_TEST_EVENTS	_IOR('v', 0x4e, struct vram_test_events)
#define VRAM_TEST_ATOMIC_ADD	_IOWR('v', 0x4f, struct vram_test_atomic)
#define VRAM_TEST_REFS		_IOWR('v', 0x50, struct vram_test_refs)
#define VRAM_TEST_BO_BLOCK	_IOW('v', 0x51, struct vram_test_bo)
#define VRAM_TEST_SHRINK	_IOW('v', 0x52, struct vram_test_shrink)
#define VRAM_TEST_CALLS		_IOR('v', 0x53, struct vram_test_calls)
#define VRAM_TEST_PIN		_IOW('v', 0x54, struct vram_test_bo)
#define VRAM_TEST_SWAP		_IOR('v', 0x55, struct vram_test_swap)
#define VRAM_TEST_POTENTIAL	_IOWR('v', 0x56, struct vram_test_potential)
#define VRAM_TEST_BUSY		_IOW('v', 0x57, struct vram_test_bo)
#define VRAM_TEST_FENCE		_IOW('v', 0x58, struct vram_test_bo)

#endif
