// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "../pool.h"
#include "unit.h"

#define PAGES(n)	((n) * POOL_PAGE)

static void first_fit(void)
{
	struct pool_extent *a, *b, *c, *d;
	struct pool pool;

	CHECK_EQ(pool_open(&pool, NULL, PAGES(10)), 0);
	a = pool_alloc(&pool, PAGES(2));
	b = pool_alloc(&pool, PAGES(3));
	c = pool_alloc(&pool, PAGES(5));
	CHECK(a && b && c);
	CHECK_EQ(a->offset, 0);
	CHECK_EQ(b->offset, PAGES(2));
	CHECK_EQ(c->offset, PAGES(5));
	errno = 0;
	CHECK(!pool_alloc(&pool, PAGES(1)));
	CHECK_EQ(errno, ENOSPC);

	pool_free(&pool, b);
	CHECK(!pool_alloc(&pool, PAGES(4)));
	b = pool_alloc(&pool, PAGES(1));
	d = pool_alloc(&pool, PAGES(2));
	CHECK(b && d);
	CHECK_EQ(b->offset, PAGES(2));
	CHECK_EQ(d->offset, PAGES(3));
	pool_free(&pool, c);
	pool_free(&pool, a);
	a = pool_alloc(&pool, PAGES(5));
	CHECK(a);
	CHECK_EQ(a->offset, PAGES(5));
	CHECK(!pool_alloc(&pool, UINT64_MAX - 4095));
	pool_close(&pool);
}

static bool all_zero(const uint8_t *p, uint64_t len)
{
	while (len && !*p) {
		p++;
		len--;
	}
	return !len;
}

static void memory_is_cleared(void)
{
	struct pool_extent *e;
	struct pool pool;

	CHECK_EQ(pool_open(&pool, NULL, PAGES(4)), 0);
	e = pool_alloc(&pool, PAGES(4));
	CHECK(e);
	memset(pool.map, 0x5a, PAGES(4));
	pool_free(&pool, e);
	/* Somebody who still has it mapped writes after it was given back. */
	pool.map[PAGES(2)] = 1;
	e = pool_alloc(&pool, PAGES(4));
	CHECK(e);
	CHECK(all_zero(pool.map, PAGES(4)));
	pool_close(&pool);
}

static void file_keeps_its_contents(void)
{
	char path[] = "/tmp/vram-pool-XXXXXX";
	int fd = mkstemp(path);
	struct pool_extent *e;
	struct pool pool;
	struct stat st;

	CHECK(fd >= 0);
	CHECK_EQ(pwrite(fd, "old", 3, 0), 3);
	CHECK_EQ(pool_open(&pool, path, PAGES(2)), 0);
	CHECK(!memcmp(pool.map, "old", 3));
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, PAGES(2));
	/* But whoever gets memory of it does not see that. */
	e = pool_alloc(&pool, PAGES(1));
	CHECK(e);
	CHECK(all_zero(pool.map, PAGES(1)));
	memcpy(pool.map + PAGES(1), "new", 3);
	pool_close(&pool);

	/* A smaller window leaves a bigger file alone. */
	CHECK_EQ(pool_open(&pool, path, PAGES(1)), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, PAGES(2));
	pool_close(&pool);
	CHECK_EQ(pool_open(&pool, path, PAGES(2)), 0);
	CHECK(!memcmp(pool.map + PAGES(1), "new", 3));
	pool_close(&pool);
	close(fd);
	unlink(path);
}

static void what_is_no_file(void)
{
	struct pool pool;

	CHECK_EQ(pool_open(&pool, "/", PAGES(1)), -EISDIR);
	CHECK_EQ(pool_open(&pool, "/dev/null", PAGES(1)), -EINVAL);
	CHECK_EQ(pool_open(&pool, "/nonexistent/pool", PAGES(1)), -ENOENT);
	pool_close(&pool);
}

const struct test pool_tests[] = {
	{ "pool: first fit", first_fit },
	{ "pool: memory is cleared for a new owner", memory_is_cleared },
	{ "pool: a file keeps its contents", file_keeps_its_contents },
	{ "pool: what is no file", what_is_no_file },
	{ 0 }
};
