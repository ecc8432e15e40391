// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

#include "../guest_mem.h"
#include "unit.h"

static void regions_that_are_refused(void)
{
	static struct guest_mem mem;
	uint8_t ram[64];

	CHECK_EQ(guest_mem_add(&mem, 0x1000, 0, 0, ram), -EINVAL);
	CHECK_EQ(guest_mem_add(&mem, UINT64_MAX - 8, 16, 0, ram), -EINVAL);
	CHECK_EQ(guest_mem_add(&mem, 0x1000, 64, UINT64_MAX - 8, ram), -EINVAL);
	CHECK_EQ(guest_mem_add(&mem, 0x1000, 64, 0, ram), 0);
	CHECK_EQ(guest_mem_add(&mem, 0x103f, 64, 0x100, ram), -EINVAL);
	CHECK_EQ(guest_mem_add(&mem, 0xfff, 2, 0x100, ram), -EINVAL);
	CHECK_EQ(guest_mem_add(&mem, 0x1040, 64, 0x100, ram), 0);
	CHECK_EQ(guest_mem_remove(&mem, 0x1000, 65, 0), -ENOENT);
	CHECK_EQ(guest_mem_remove(&mem, 0x1000, 64, 1), -ENOENT);
	CHECK_EQ(guest_mem_remove(&mem, 0x1000, 64, 0), 0);
	CHECK(!guest_mem_covers(&mem, 0x1000, 1));
	CHECK(guest_mem_covers(&mem, 0x1040, 64));
	guest_mem_clear(&mem);
	CHECK(!guest_mem_covers(&mem, 0x1040, 1));
}

static void table_has_an_end(void)
{
	static struct guest_mem mem;
	uint8_t ram;
	unsigned int i;

	for (i = 0; i < GUEST_MEM_SLOTS; i++)
		CHECK_EQ(guest_mem_add(&mem, i, 1, i, &ram), 0);
	CHECK_EQ(guest_mem_add(&mem, i, 1, i, &ram), -ENOSPC);
	guest_mem_clear(&mem);
}

static void access_across_regions(void)
{
	static struct guest_mem mem;
	uint8_t low[16], high[16], buf[32];
	unsigned int i;

	for (i = 0; i < 16; i++) {
		low[i] = (uint8_t)i;
		high[i] = (uint8_t)(16 + i);
	}
	/* In the table in the order in which nobody walks it. */
	CHECK_EQ(guest_mem_add(&mem, 0x110, 16, 0x7000, high), 0);
	CHECK_EQ(guest_mem_add(&mem, 0x100, 16, 0x9000, low), 0);

	CHECK(guest_mem_read(&mem, 0x108, buf, 16));
	for (i = 0; i < 16; i++)
		CHECK_EQ(buf[i], 8 + i);
	CHECK(guest_mem_write(&mem, 0x10f, "ab", 2));
	CHECK_EQ(low[15], 'a');
	CHECK_EQ(high[0], 'b');

	/* One byte too many, at either end, and nothing is touched. */
	memset(buf, 0xee, sizeof(buf));
	CHECK(!guest_mem_read(&mem, 0x111, buf, 16));
	CHECK_EQ(buf[0], 0xee);
	CHECK(!guest_mem_read(&mem, 0xff, buf, 2));
	CHECK(!guest_mem_write(&mem, 0x11f, "xy", 2));
	CHECK_EQ(high[15], 31);
	CHECK(!guest_mem_covers(&mem, 0x100, UINT64_MAX));
	CHECK(!guest_mem_covers(&mem, UINT64_MAX, 2));
	CHECK(guest_mem_covers(&mem, 0xdead, 0));
	CHECK(guest_mem_covers(&mem, 0x100, 32));
	guest_mem_clear(&mem);
}

static void front_end_addresses(void)
{
	static struct guest_mem mem;
	uint8_t ram[64];

	CHECK_EQ(guest_mem_add(&mem, 0, 64, 0x7000, ram), 0);
	CHECK(guest_mem_at_uaddr(&mem, 0x7010, 48) == ram + 16);
	CHECK(!guest_mem_at_uaddr(&mem, 0x7010, 49));
	CHECK(!guest_mem_at_uaddr(&mem, 0x6fff, 1));
	CHECK(!guest_mem_at_uaddr(&mem, 0x7040, 0));
	CHECK(!guest_mem_at_uaddr(&mem, 0x7000, UINT64_MAX));
	guest_mem_clear(&mem);
}

static void regions_from_files(void)
{
	static struct guest_mem mem;
	int fd = memfd_create("ram", MFD_CLOEXEC);
	char buf[4] = { 0 };

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, 0x4000), 0);
	/* An offset that is not on a page. */
	CHECK_EQ(guest_mem_add_file(&mem, 0x5000, 0x1000, 0, fd, 0x1234), 0);
	CHECK_EQ(pwrite(fd, "here", 4, 0x1234 + 0x10), 4);
	CHECK(guest_mem_read(&mem, 0x5010, buf, 4));
	CHECK(!memcmp(buf, "here", 4));
	CHECK(guest_mem_write(&mem, 0x5ffc, "back", 4));
	CHECK_EQ(pread(fd, buf, 4, 0x1234 + 0xffc), 4);
	CHECK(!memcmp(buf, "back", 4));
	CHECK_EQ(guest_mem_add_file(&mem, 0, 0x1000, 0, -1, 0), -EBADF);
	/* Beyond its end: a touch of that would be the end of the device. */
	CHECK_EQ(guest_mem_add_file(&mem, 0, 0x1001, 0, fd, 0x3000), -EINVAL);
	CHECK_EQ(guest_mem_add_file(&mem, 0, 1, 0, fd, UINT64_MAX), -EINVAL);
	CHECK_EQ(mem.nr, 1);
	guest_mem_clear(&mem);
	close(fd);
}

const struct test guest_mem_tests[] = {
	{ "memory: regions that are refused", regions_that_are_refused },
	{ "memory: table has an end", table_has_an_end },
	{ "memory: access across regions", access_across_regions },
	{ "memory: front-end addresses", front_end_addresses },
	{ "memory: regions from files", regions_from_files },
	{ 0 }
};
