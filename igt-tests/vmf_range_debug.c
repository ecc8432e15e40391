// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range debug
 * Description: Check what only a debug kernel can show or do
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: ptdump-%s
 * Description: the kernel's own dump of the page tables shows the levels, the rights
 *	and the cache bits that a buffer must have, mapped by %arg[1]
 *
 * arg[1]:
 *
 * @pte:	PTEs
 * @pmd:	PMD leaves
 * @pud:	a PUD leaf
 *
 * SUBTEST: fail-page-%s
 * Description: %arg[1], again and again, with one allocation of a page failing each
 *	time until there is none left to fail, gives clean errors, and works afterwards
 *
 * arg[1]:
 *
 * @buffer:	creating, mapping and touching a buffer
 * @window:	mapping and touching the window, by leaves of every level
 *
 * SUBTEST: fail-slab-%s
 * Description: the same with each single allocation of a kernel object
 *
 * arg[1]:
 *
 * @buffer:	creating, mapping and touching a buffer
 * @window:	mapping and touching the window, by leaves of every level
 * @split:	mprotect(), mremap(), munmap() inside of a PUD leaf
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "igt.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check what only a debug kernel can show or do");

#define MIB	(1ull << 20)
#define RW	(PROT_READ | PROT_WRITE)
#define DEBUGFS	"/sys/kernel/debug/"

static struct vram vram;

/* ---- The kernel's dump of the page tables ---- */

/* What a stretch of the address space looks like in the dump. */
struct dump {
	char level[8];
	char caching[16];
	unsigned long pages;
	bool writable;
	bool user;
};

/*
 * A line is "0xSTART-0xEND SIZE UNIT FLAG... LEVEL"; without flags nothing is mapped
 * there. PSE says no more than the level does, and NX depends on the mapping.
 */
static bool parse_line(char *line, uint64_t *start, uint64_t *end,
		       struct dump *dump)
{
	char *word, *save;
	int at;

	*dump = (struct dump) {};
	if (sscanf(line, "0x%lx-0x%lx %*s%n", start, end, &at) < 2)
		return false;
	for (word = strtok_r(line + at, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save)) {
		if (!strcmp(word, "USR"))
			dump->user = true;
		else if (!strcmp(word, "RW"))
			dump->writable = true;
		else if (!strcmp(word, "PWT") || !strcmp(word, "PCD") ||
			 !strcmp(word, "PAT"))
			strcat(dump->caching, word);
		snprintf(dump->level, sizeof(dump->level), "%s", word);
	}
	return dump->user;
}

/* The one look that all that is mapped in a range has. */
static struct dump dump_range(const void *addr, size_t len)
{
	uint64_t from = (uintptr_t)addr, to = from + len, start, end;
	FILE *file = fopen(DEBUGFS "page_tables/current_kernel", "r");
	struct dump look = {}, dump;
	char line[256];

	igt_assert_f(file, "the kernel has no dump of page tables\n");
	while (fgets(line, sizeof(line), file)) {
		if (!parse_line(line, &start, &end, &dump) || start >= to ||
		    end <= from)
			continue;
		start = start < from ? from : start;
		end = end > to ? to : end;
		dump.pages = (end - start) / VRAM_PAGE;
		if (look.pages) {
			igt_assert(!strcmp(look.level, dump.level));
			igt_assert(!strcmp(look.caching, dump.caching));
			igt_assert_eq(look.writable, dump.writable);
			dump.pages += look.pages;
		}
		look = dump;
	}
	fclose(file);
	return look;
}

static void expect_dump(const char *addr, size_t len, const char *level,
			bool writable, const char *caching)
{
	struct dump dump = dump_range(addr, len);

	igt_info("%s: %lu pages, %s, caching '%s'\n", dump.level, dump.pages,
		 dump.writable ? "writable" : "read-only", dump.caching);
	igt_assert_eq_u64(dump.pages, len / VRAM_PAGE);
	igt_assert_f(!strcmp(dump.level, level), "level %s, not %s\n",
		     dump.level, level);
	igt_assert_eq(dump.writable, writable);
	igt_assert_f(!strcmp(dump.caching, caching),
		     "caching '%s' where the kernel's own mapping has '%s'\n",
		     dump.caching, caching);
}

static void touch(const char *addr, size_t len)
{
	size_t at;

	for (at = 0; at < len; at += VRAM_PAGE)
		*(volatile const char *)(addr + at);
}

/*
 * The caching must be that of TTM's own fault handler, for which the kernel looks up
 * the memory's type.
 */
static void check_ptdump(const char *level, uint64_t size, uint64_t shift)
{
	char caching[16];
	struct vram_bo bo;
	char *addr;

	vram_bo_create(&vram, &bo, size, size, 0);
	vram_bo_act(&vram, &bo, VRAM_TEST_BO_WAY, VRAM_TEST_WAY_STOCK);
	addr = vram_map(&vram, &bo, 0, 4 * VRAM_PAGE, 0, RW);
	touch(addr, 4 * VRAM_PAGE);
	snprintf(caching, sizeof(caching), "%s",
		 dump_range(addr, 4 * VRAM_PAGE).caching);
	expect_dump(addr, 4 * VRAM_PAGE, "pte", true, caching);
	vram_unmap(addr, 4 * VRAM_PAGE);

	vram_bo_act(&vram, &bo, VRAM_TEST_BO_WAY, VRAM_TEST_WAY_RANGE);
	addr = vram_map(&vram, &bo, 0, size, shift, RW);
	igt_assert_eq_u64(dump_range(addr, size).pages, 0);
	touch(addr, size);
	expect_dump(addr, size, level, true, caching);
	vram_unmap(addr, size);

	addr = vram_map(&vram, &bo, 0, size, shift, PROT_READ);
	touch(addr, size);
	expect_dump(addr, size, level, false, caching);
	vram_bo_act(&vram, &bo, VRAM_TEST_ZAP, 0);
	igt_assert_eq_u64(dump_range(addr, size).pages, 0);
	vram_unmap(addr, size);
	vram_bo_destroy(&vram, &bo);
}

/* ---- Allocations that fail ---- */

/* Which kind of allocation counts. */
enum fail_kind { FAIL_PAGE, FAIL_SLAB };

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	igt_assert_f(fd >= 0, "no %s\n", path);
	igt_assert_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* The address of a function of the kernel, and of what follows it. */
static void find_function(const char *name, char *start, char *end)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned long from = 0, to = -1ul, at;
	char line[512], symbol[256];

	igt_assert(file);
	while (!from && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx %*c %255s", &at, symbol) == 2 &&
		    !strcmp(symbol, name))
			from = at;
	}
	igt_assert_f(from, "the kernel has no %s()\n", name);
	igt_assert_eq(fseek(file, 0, SEEK_SET), 0);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx", &at) == 1 && at > from && at < to)
			to = at;
	}
	fclose(file);
	sprintf(start, "%#lx", from);
	sprintf(end, "%#lx", to);
}

/*
 * The kernel's buddy allocator does not survive a failure to split a block: it then
 * frees the block, which is free already (err_undo in alloc_from_freetree(),
 * drivers/gpu/buddy.c of 6.12 and 7.2), and its trees are broken. No failures there.
 */
static void spare_buddy_allocator(void)
{
	char start[32], end[32];

	find_function("gpu_buddy_alloc_blocks", start, end);
	write_text(DEBUGFS "failslab/reject-start", start);
	write_text(DEBUGFS "failslab/reject-end", end);
	write_text(DEBUGFS "failslab/stacktrace-depth", "32");
}

/*
 * By default allocations that may wait do not fail. A failure is announced in the
 * kernel log unless verbose is 0.
 */
static void fail_setup(enum fail_kind kind)
{
	const char *page = kind == FAIL_PAGE ? "N" : "Y";
	const char *slab = kind == FAIL_SLAB ? "N" : "Y";

	write_text(DEBUGFS "fail_page_alloc/verbose", "0");
	write_text(DEBUGFS "fail_page_alloc/min-order",
		   kind == FAIL_PAGE ? "0" : "10");
	write_text(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", page);
	write_text(DEBUGFS "fail_page_alloc/ignore-gfp-wait", page);
	write_text(DEBUGFS "failslab/verbose", "0");
	write_text(DEBUGFS "failslab/ignore-gfp-wait", slab);
	write_text(DEBUGFS "fail_usercopy/verbose", "0");
	spare_buddy_allocator();
}

/* Opened while nothing can fail. */
static int fail_fd;

/* The nth allocation of this thread from now on fails; 0: none. */
static void fail_nth(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	/* The last failure may hit this very call, but not twice. */
	if (pwrite(fail_fd, text, len, 0) != len)
		igt_assert_eq(pwrite(fail_fd, text, len, 0), len);
}

/* No more failures. Return: whether there was the one that was wanted. */
static bool fail_happened(unsigned int nth)
{
	char text[16] = "";
	ssize_t len = pread(fail_fd, text, sizeof(text) - 1, 0);

	/* The failure may hit this very call: then there was none before it. */
	igt_assert(len > 0 || errno == EFAULT);
	fail_nth(0);
	return nth && len > 0 && !strtoul(text, NULL, 10);
}

/* A call may fail in no other way than an injected failure explains. */
static void expect_error(int err, bool injected)
{
	if (!err)
		return;
	igt_assert_f(injected, "%s without a failure\n", strerror(err));
	igt_assert_f(err == ENOMEM || err == EFAULT || err == EAGAIN,
		     "wrong error: %s\n", strerror(err));
}

/*
 * A touch from inside the kernel: a fault that finds no memory makes the system call
 * fail, where user space would only try again. Return: 0 or errno.
 */
static int touch_in_kernel(void *addr)
{
	return syscall(SYS_rt_sigpending, addr, 8) ? errno : 0;
}

/* What was mapped works, whatever failed before. */
static void expect_works(char *addr, size_t len)
{
	size_t at;

	for (at = 0; at < len; at += VRAM_PMD / 2) {
		*(volatile char *)(addr + at) = at / VRAM_PAGE;
		igt_assert_eq(*(volatile unsigned char *)(addr + at),
			      (at / VRAM_PAGE) & 0xff);
	}
}

/* A buffer of mixed blocks, of odd length. */
#define BUFFER_SIZE	(10 * MIB + 3 * VRAM_PAGE)

/* A file of its own: it knows the handle of a buffer whose ioctl failed late. */
static bool try_buffer(unsigned int nth)
{
	struct drm_virtio_vram_gem_create create = {
		.size = BUFFER_SIZE,
		.block_size = 4 * MIB,
		.placement = DRM_VIRTIO_VRAM_PLACE_VRAM,
		.flags = DRM_VIRTIO_VRAM_GEM_MIX,
	};
	struct drm_virtio_vram_gem_mmap_offset offset = {};
	int err, drm = vram_open_drm();
	char *addr = MAP_FAILED;
	bool injected;

	igt_assert_fd(drm);
	fail_nth(nth);
	err = -vram_gem_create(drm, &create);
	offset.handle = create.handle;
	if (!err && ioctl(drm, DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, &offset))
		err = errno;
	if (!err) {
		addr = vram_map_fd(drm, offset.offset, BUFFER_SIZE, 0, RW);
		err = addr == MAP_FAILED ? errno :
			touch_in_kernel(addr + BUFFER_SIZE / 2);
	}
	injected = fail_happened(nth);
	expect_error(err, injected);

	if (addr != MAP_FAILED) {
		expect_works(addr, BUFFER_SIZE);
		vram_unmap(addr, BUFFER_SIZE);
	}
	close(drm);
	return injected;
}

/* Leaves of all levels, each in a PUD table of its own. */
static bool try_window(unsigned int nth)
{
	static const struct {
		size_t len;
		uint64_t shift;
	} maps[] = {
		{ VRAM_PUD, 0 },
		{ 8 * MIB + VRAM_PAGE, 0 },
		{ 4 * MIB, VRAM_PAGE },
	};
	uint64_t pa = vram.base_pfn * VRAM_PAGE;
	char *addr[ARRAY_SIZE(maps)];
	unsigned int i;
	bool injected;
	int err = 0;

	fail_nth(nth);
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		addr[i] = vram_map_fd(vram.test, 0, maps[i].len,
				      pa + maps[i].shift, RW);
		err = err ?: addr[i] == MAP_FAILED ? errno :
			touch_in_kernel(addr[i] + maps[i].len / 2);
	}
	injected = fail_happened(nth);
	expect_error(err, injected);

	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		if (addr[i] == MAP_FAILED)
			continue;
		expect_works(addr[i], 4 * MIB);
		vram_unmap(addr[i], maps[i].len);
	}
	return injected;
}

/* VMAs are cut and moved inside of a PUD leaf, which takes no pages. */
static bool try_split(unsigned int nth)
{
	uint64_t pa = vram.base_pfn * VRAM_PAGE;
	char *addr = vram_map_fd(vram.test, 0, VRAM_PUD, pa, RW);
	char *page = addr + VRAM_PUD / 2, *to = addr + 4 * VRAM_PUD;
	bool injected;
	int err = 0;

	igt_assert(addr != MAP_FAILED);
	expect_works(addr, VRAM_PMD);

	fail_nth(nth);
	if (mprotect(page, VRAM_PAGE, PROT_READ))
		err = errno;
	if (mremap(page + 8 * MIB, 4 * MIB, 4 * MIB,
		   MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		err = err ?: errno;
	if (munmap(page + 16 * MIB, VRAM_PAGE))
		err = err ?: errno;
	injected = fail_happened(nth);
	expect_error(err, injected);

	/* What a failed mremap() leaves is the core's business; the rest is ours. */
	expect_works(addr, 16 * MIB);
	igt_assert_eq(vram_signal_of(page, false), 0);
	vram_unmap(addr, 5 * VRAM_PUD);
	return injected;
}

static const struct {
	const char *name;
	bool (*try)(unsigned int nth);
	unsigned int least[2];	/* allocations there must be, of each kind */
} victims[] = {
	{ "buffer", try_buffer, { 4, 10 } },
	{ "window", try_window, { 4, 4 } },
	{ "split", try_split, { 0, 4 } },
};

/* Fail the first allocation, then the second, until there is none to fail. */
static void check_fail(unsigned int victim, enum fail_kind kind)
{
	uint64_t avail = vram_avail(&vram);
	unsigned int nth = 0;
	long bytes;

	fail_setup(kind);
	fail_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	igt_assert_fd(fail_fd);
	igt_assert(!victims[victim].try(0));
	bytes = vram_table_bytes();
	do {
		igt_assert_lte(++nth, 10000);
	} while (victims[victim].try(nth));
	igt_info("%u allocations failed, one in each run\n", nth - 1);
	igt_assert_lte(victims[victim].least[kind], nth - 1);

	close(fail_fd);

	/* Whatever failed, nothing was left behind. */
	igt_assert_eq_u64(vram_avail_settles(&vram, avail), avail);
	igt_assert_eq_u64(vram_table_bytes(), bytes);
}

igt_main()
{
	unsigned int i;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	igt_describe("Check levels, rights and caching in the kernel's own dump of the page tables");
	igt_subtest("ptdump-pte")
		check_ptdump("pte", 4 * MIB, VRAM_PAGE);
	igt_subtest("ptdump-pmd")
		check_ptdump("pmd", 8 * MIB, 0);
	igt_subtest("ptdump-pud")
		check_ptdump("pud", VRAM_PUD, 0);

	for (i = 0; i < ARRAY_SIZE(victims); i++) {
		if (victims[i].least[FAIL_PAGE]) {
			igt_describe("Check that each failed allocation of a page gives a clean error");
			igt_subtest_f("fail-page-%s", victims[i].name)
				check_fail(i, FAIL_PAGE);
		}
		igt_describe("Check that each failed allocation of an object gives a clean error");
		igt_subtest_f("fail-slab-%s", victims[i].name)
			check_fail(i, FAIL_SLAB);
	}

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
