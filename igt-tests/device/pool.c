// SPDX-License-Identifier: MIT
/*
 * The memory behind the window.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>

#include "pool.h"

int pool_open(struct pool *pool, const char *path, uint64_t size)
{
	struct stat st;
	int err;

	pool->size = size;
	pool->used = NULL;
	pool->fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) :
			  memfd_create("vram", MFD_CLOEXEC);
	if (pool->fd < 0)
		return -errno;
	if (fstat(pool->fd, &st))
		goto fail;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		goto fail;
	}
	/* Never shrink: somebody else's bytes may be at the end. */
	if ((uint64_t)st.st_size < size && ftruncate(pool->fd, (off_t)size))
		goto fail;
	pool->map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_NORESERVE, pool->fd, 0);
	if (pool->map == MAP_FAILED)
		goto fail;
	return 0;

fail:
	err = -errno;
	close(pool->fd);
	pool->fd = -1;
	return err;
}

void pool_close(struct pool *pool)
{
	while (pool->used) {
		struct pool_extent *e = pool->used;

		pool->used = e->next;
		free(e);
	}
	if (pool->fd < 0)
		return;
	munmap(pool->map, pool->size);
	close(pool->fd);
	pool->fd = -1;
}

/* Zero a range, and give its memory back where the file system can. */
static int clear(const struct pool *pool, uint64_t offset, uint64_t len)
{
	static const char zeros[64 * 1024];

	if (!fallocate(pool->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       (off_t)offset, (off_t)len))
		return 0;
	if (errno != EOPNOTSUPP)
		return -1;
	while (len) {
		size_t n = len < sizeof(zeros) ? len : sizeof(zeros);
		ssize_t w = pwrite(pool->fd, zeros, n, (off_t)offset);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return -1;
		offset += (uint64_t)w;
		len -= (uint64_t)w;
	}
	return 0;
}

struct pool_extent *pool_alloc(struct pool *pool, uint64_t len)
{
	struct pool_extent **link = &pool->used;
	struct pool_extent *e;
	uint64_t start = 0;

	/* Stop at the first used extent that leaves enough room before it. */
	for (; *link; link = &(*link)->next) {
		if ((*link)->offset - start >= len)
			break;
		start = (*link)->offset + (*link)->len;
	}
	if (len > pool->size - start) {
		errno = ENOSPC;
		return NULL;
	}
	/* A file may hold what another run left: clear now, not at free alone. */
	if (clear(pool, start, len))
		return NULL;

	e = malloc(sizeof(*e));
	if (!e)
		return NULL;
	e->offset = start;
	e->len = len;
	e->next = *link;
	*link = e;
	return e;
}

void pool_free(struct pool *pool, struct pool_extent *extent)
{
	struct pool_extent **link = &pool->used;

	while (*link != extent)
		link = &(*link)->next;
	*link = extent->next;
	/* To be kind to the host; pool_alloc() is what promises zeros. */
	clear(pool, extent->offset, extent->len);
	free(extent);
}
