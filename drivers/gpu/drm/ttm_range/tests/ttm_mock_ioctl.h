/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What tests ask of ttm_mock. It is not uAPI: kernel and tests come from one tree, and
 * it changes with them.
 */
#ifndef _TTM_MOCK_IOCTL_H_
#define _TTM_MOCK_IOCTL_H_

#include <drm/drm.h>

#define MOCK_PAGE_SIZE	4096

enum mock_place {
	MOCK_SYSTEM,
	MOCK_VRAM,
	MOCK_HIDDEN,	/* VRAM from which a fault moves it to MOCK_VRAM */
	MOCK_NR_PLACES,
};

/** Each page of the buffer from another place in VRAM; else runs of up to 2 MiB. */
#define MOCK_CREATE_SCATTER	(1U << 0)
/** A fault cannot move it out of MOCK_HIDDEN. */
#define MOCK_CREATE_STAY	(1U << 1)
/** When a fault moves it, the first word arrives late, with a fence. */
#define MOCK_CREATE_LATE	(1U << 2)
#define MOCK_CREATE_FLAGS	(MOCK_CREATE_SCATTER | MOCK_CREATE_STAY | \
				 MOCK_CREATE_LATE)

/* MOCK_CREATE: a cleared buffer. */
struct mock_create {
	__u64 size;		/* in: bytes, page aligned */
	__u32 place;		/* in: enum mock_place */
	__u32 flags;		/* in: MOCK_CREATE_* */
	__u32 handle;		/* out */
	__u32 pad;
	__u64 offset;		/* out: where to mmap() it */
};

/* MOCK_MOVE: to another place, where others may have to go. */
struct mock_move {
	__u32 handle;		/* in */
	__u32 place;		/* in: enum mock_place */
};

/* MOCK_PAGES: where a buffer is, and what it consists of. */
struct mock_pages {
	__u32 handle;		/* in */
	__u32 place;		/* out: enum mock_place */
	__u64 pfns;		/* in: pointer to __u64[pages of the buffer] */
};

/* MOCK_HARVEST: the next run of pages that were written to since the last harvest. */
struct mock_harvest {
	__u32 handle;		/* in */
	__u32 nr_pages;		/* out: 0: none */
	__u64 page;		/* in: where to begin; out: first page of the run */
};

/* MOCK_ACCESS: what the device would do: read or write a word. */
struct mock_access {
	__u32 handle;		/* in */
	__u32 write;		/* in: 0 or 1 */
	__u64 at;		/* in: offset in the buffer, a multiple of 8 */
	__u64 value;		/* in or out */
	__u32 maps;		/* out: how often an imported buffer was mapped so far */
	__u32 notifies;		/* out: how often its exporter said that it moves */
	__u32 told;		/* out: 1: mapped until the exporter says so; 0: unmapped now */
	__u32 prepares;		/* out: how often a fault had it prepared */
};

/* MOCK_SWAP: swap out what is in system memory, as under memory pressure. */
struct mock_swap {
	__u64 pages;		/* out: how many pages went */
};

#define MOCK_CREATE	DRM_IOWR(DRM_COMMAND_BASE + 0, struct mock_create)
#define MOCK_MOVE	DRM_IOW(DRM_COMMAND_BASE + 1, struct mock_move)
#define MOCK_PAGES	DRM_IOWR(DRM_COMMAND_BASE + 2, struct mock_pages)
#define MOCK_HARVEST	DRM_IOWR(DRM_COMMAND_BASE + 3, struct mock_harvest)
#define MOCK_ACCESS	DRM_IOWR(DRM_COMMAND_BASE + 4, struct mock_access)
#define MOCK_SWAP	DRM_IOR(DRM_COMMAND_BASE + 5, struct mock_swap)

#endif
