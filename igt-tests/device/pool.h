/* SPDX-License-Identifier: MIT */
/*
 * The memory behind the window: a sparse file, or an anonymous one.
 *
 * In whole mode the window shows all of it, offset for offset, and nothing here
 * is ever cleared: it is VRAM, and what survives in it is the driver's affair.
 * In blob mode it is handed out in extents, and an extent is cleared before it
 * gets a new owner.
 */
#ifndef POOL_H
#define POOL_H

#include <stdint.h>

#define POOL_PAGE	4096ULL

struct pool_extent {
	uint64_t offset;
	uint64_t len;
	struct pool_extent *next;
};

struct pool {
	int fd;
	uint64_t size;
	uint8_t *map;			/* all of it */
	struct pool_extent *used;	/* sorted by offset */
};

/* With a path, the file is created or grown to size. 0 or -errno. */
int pool_open(struct pool *pool, const char *path, uint64_t size);
void pool_close(struct pool *pool);

/*
 * A zeroed extent, first fit; len is a nonzero multiple of POOL_PAGE. NULL with
 * errno set: ENOSPC, ENOMEM, or what the file system said.
 */
struct pool_extent *pool_alloc(struct pool *pool, uint64_t len);
void pool_free(struct pool *pool, struct pool_extent *extent);

#endif
