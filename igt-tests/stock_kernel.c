// SPDX-License-Identifier: MIT
/**
 * TEST: stock kernel
 * Description: Do what the kernel does not bear from drivers without vmf_range
 * Category: Core
 * Functionality: mmap
 *
 * Not in any list of tests: they end with a broken kernel, each in a guest of its own
 * (igt-tests/vm/stock, docs/stock-kernel.rst). The memory is mapped by
 * vmf_insert_pfn_pud() and its kin from a ->huge_fault, as several drivers of the
 * kernel do it, without a line of the library.
 *
 * SUBTEST: split
 * Description: munmap() of a page inside a PUD leaf
 *
 * SUBTEST: move
 * Description: mremap() of a PUD leaf
 *
 * SUBTEST: zap
 * Description: unmap_mapping_pages() with an edge inside a PUD leaf
 *
 * SUBTEST: race
 * Description: unmap_mapping_pages() of a PUD leaf that a fault is about to bring back
 *
 * SUBTEST: no-access
 * Description: mprotect() of a PUD leaf to PROT_NONE and back
 *
 * SUBTEST: access
 * Description: a debugger reads across the end of a mapping, into the next one
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "igt.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Do what the kernel does not bear from drivers without vmf_range");

#define RW	(PROT_READ | PROT_WRITE)

static struct vram vram;

/* A mapping by a PUD leaf that the kernel itself has made. */
static char *map_pud(size_t len)
{
	struct vram_test_extent extent = { .nr_pages = len / VRAM_PAGE };
	struct vram_test_shape shape = {
		.extents = (uintptr_t)&extent,
		.nr = 1,
		.peer = VRAM_TEST_PEER_INSERT_HUGE,
	};
	struct vram_test_leaf *leaves;
	unsigned int nr;
	char *map;

	do_ioctl(vram.test, VRAM_TEST_SHAPE, &shape);
	map = vram_map_fd(vram.test, 0, len, vram.base_pfn * VRAM_PAGE, RW);
	igt_assert(map != MAP_FAILED);
	map[0] = 'a';
	map[VRAM_PUD / 2] = 'b';
	leaves = vram_leaves(&vram, map, VRAM_PAGE, &nr);
	igt_assert_eq(nr, 1);
	igt_assert_eq(leaves[0].shift, 30);
	free(leaves);
	return map;
}

static void do_split(void)
{
	char *map = map_pud(VRAM_PUD);

	igt_assert_eq(munmap(map + 5 * VRAM_PAGE, VRAM_PAGE), 0);
	igt_assert_eq(map[VRAM_PUD / 2], 'b');
}

static void do_move(void)
{
	char *map = map_pud(VRAM_PUD), *to = map + 10 * VRAM_PUD;

	igt_assert(mremap(map, VRAM_PUD, VRAM_PUD, MREMAP_MAYMOVE | MREMAP_FIXED,
			  to) == to);
	igt_assert_eq(to[VRAM_PUD / 2], 'b');
}

static void do_zap(void)
{
	struct vram_test_zap_pages zap = { .page = 5, .nr_pages = 1 };
	char *map = map_pud(VRAM_PUD);

	do_ioctl(vram.test, VRAM_TEST_ZAP_PAGES, &zap);
	igt_assert_eq(map[VRAM_PUD / 2], 'b');
}

static atomic_bool stop;

static void *touch(void *map)
{
	while (!stop)
		*(volatile char *)map;
	return NULL;
}

static void do_race(void)
{
	struct vram_test_zap_pages zap = { .nr_pages = VRAM_PUD / VRAM_PAGE };
	char *map = map_pud(VRAM_PUD);
	time_t end = time(NULL) + 10;
	pthread_t thread;

	igt_assert_eq(pthread_create(&thread, NULL, touch, map), 0);
	while (time(NULL) < end)
		do_ioctl(vram.test, VRAM_TEST_ZAP_PAGES, &zap);
	stop = true;
	pthread_join(thread, NULL);
}

static void do_no_access(void)
{
	char *map = map_pud(VRAM_PUD);

	igt_assert_eq(mprotect(map, VRAM_PUD, PROT_NONE), 0);
	igt_assert_eq(mprotect(map, VRAM_PUD, RW), 0);
	igt_assert_eq(map[VRAM_PUD / 2], 'b');
}

/* Pages 0 and 8 of the memory in two mappings side by side. */
static void do_access(void)
{
	char *map = map_pud(VRAM_PUD), *at = map - VRAM_PUD, text[2];
	int mem = open("/proc/self/mem", O_RDONLY);

	igt_assert_fd(mem);
	map[VRAM_PAGE - 1] = '0';
	map[VRAM_PAGE] = '1';
	map[8 * VRAM_PAGE] = '8';
	igt_assert(mmap(at, VRAM_PAGE, RW, MAP_SHARED | MAP_FIXED, vram.test,
			0) == at);
	igt_assert(mmap(at + VRAM_PAGE, VRAM_PAGE, RW, MAP_SHARED | MAP_FIXED,
			vram.test, 8 * VRAM_PAGE) == at + VRAM_PAGE);
	igt_assert_eq(at[VRAM_PAGE - 1], '0');
	igt_assert_eq(at[VRAM_PAGE], '8');
	igt_assert_eq(pread(mem, text, 2, (uintptr_t)at + VRAM_PAGE - 1), 2);
	close(mem);
	igt_info("a debugger reads %.2s\n", text);
	igt_assert_eq(text[1], '8');
}

static const struct {
	const char *name;
	const char *what;
	void (*run)(void);
} cases[] = {
	{ "split", "Split a VMA inside a PUD leaf", do_split },
	{ "move", "Move a PUD leaf", do_move },
	{ "zap", "Zap a part of a PUD leaf", do_zap },
	{ "race", "Zap a PUD leaf while it comes back", do_race },
	{ "no-access", "Make a PUD leaf inaccessible and back", do_no_access },
	{ "access", "Read across two mappings as a debugger", do_access },
};

igt_main()
{
	unsigned int i;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		igt_describe(cases[i].what);
		igt_subtest(cases[i].name)
			cases[i].run();
	}

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
