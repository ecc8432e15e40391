// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range nomem
 * Description: Check faults for which there is no memory for a page table
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: fault-%s
 * Description: a fault in %arg[1], again and again, with one page table failing each
 *	time until there is none left to fail: it maps its page or says that it could
 *	not, nothing is lost, and the next fault maps all
 *
 * arg[1]:
 *
 * @pud:	a PUD leaf, which takes no table
 * @pmd:	PMD leaves
 * @pte:	PTEs
 * @ragged:	leaves of every level
 * @write:	a PMD leaf of which a tracked write makes PTEs
 *
 * SUBTEST: populate
 * Description: the same with a mapping that is made by mmap()
 *
 * SUBTEST: buffer
 * Description: the same with a buffer of TTM's that comes back in crumbs
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check faults for which there is no memory for a page table");

#define RW		(PROT_READ | PROT_WRITE)
#define PAGES(bytes)	((bytes) / VRAM_PAGE)
#define MIB		(1ull << 20)

static struct vram vram;
static int fail_fd;

/* The nth table from now on fails; 0: none. */
static void fail_table(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	igt_assert_eq(pwrite(fail_fd, text, len, 0), len);
}

/* No more failures. Return: whether there was one. */
static bool table_failed(unsigned int nth)
{
	char text[16] = "";

	igt_assert_lte(1, pread(fail_fd, text, sizeof(text) - 1, 0));
	fail_table(0);
	return nth && !strtoul(text, NULL, 10);
}

/*
 * A touch from inside the kernel: a fault that finds no memory makes the system call
 * fail, where user space would only try again. It writes. Return: 0 or errno.
 */
static int touch_in_kernel(void *addr)
{
	return syscall(SYS_rt_sigpending, addr, 8) ? errno : 0;
}

static uint64_t refused(const void *addr)
{
	struct vram_test_stats stats;

	shape_stats(&vram, addr, VRAM_PAGE, &stats);
	return stats.count[VRAM_TEST_COUNT_REFUSED];
}

struct victim {
	const char *name;
	struct vram_test_extent extent;
	unsigned int flags;
	uint64_t shift;		/* off the alignment of the memory */
	unsigned long page;	/* that is touched */
	unsigned int tables;	/* that the library makes for that */
	unsigned int fatal;	/* of these, without which the touch fails */
};

/* A ragged head, a PUD leaf, PMD leaves and a ragged tail: three slots with PTEs. */
#define RAGGED	(PAGES(VRAM_PUD) + PAGES(6 * MIB) + 700)

static const struct victim victims[] = {
	{ "pud", { 0, 0, PAGES(VRAM_PUD) }, 0, 0, 5000, 0, 0 },
	/* The core makes the tables of the fault itself where it asks for PMDs. */
	{ "pmd", { 0, 0, PAGES(8 * MIB) }, VRAM_TEST_SHAPE_NO_PUD, 0, 700, 1, 1 },
	{ "pte", { 0, 0, PAGES(2 * MIB) }, 0, VRAM_PAGE, 100, 2, 2 },
	{ "ragged", { 0, VRAM_PUD - 2 * MIB - 300 * VRAM_PAGE, RAGGED + 300 },
	  0, 0, PAGES(512 * MIB), 4, 0 },
	{ "write", { 0, 0, PAGES(8 * MIB) },
	  VRAM_TEST_SHAPE_NO_PUD | VRAM_TEST_SHAPE_DIRTY, 0, 700, 2, 2 },
};

/* Whatever is there now, everything is in the end, as without a failure. */
static void check_whole(struct view *w)
{
	struct model_sum sum = model_sum(&w->m);
	struct vram_test_leaf *leaves;
	unsigned int nr, i, large = 0;
	unsigned long page;

	for (page = 0; page < w->m.nr_pages; page += 512)
		view_check_word(w, &vram, page);
	view_check_word(w, &vram, w->m.nr_pages - 1);
	leaves = vram_leaves(&vram, w->addr, w->len, &nr);
	for (i = 0; i < nr; i++)
		large += leaves[i].shift > 12;
	free(leaves);
	/* A tracked write has made PTEs of one. */
	if (w->f.track)
		igt_assert_eq_u64(large, sum.pmd - 1);
	else
		igt_assert_eq_u64(large, sum.pud + sum.pmd);
}

/* Return: whether there was a table to fail. */
static bool try_fault(const struct victim *v, const struct shape *s,
		      unsigned int nth)
{
	uint64_t errors;
	struct view w;
	bool failed;
	int err;

	view_init(&w, &vram, s, 0, s->nr_pages, v->shift, RW);
	fail_table(nth);
	err = touch_in_kernel(w.addr + v->page * VRAM_PAGE);
	failed = table_failed(nth);
	errors = refused(w.addr);

	/* Without memory for what lies around it, the page is mapped all the same. */
	igt_assert_eq(failed, nth && nth <= v->tables);
	igt_assert_eq(err, nth && nth <= v->fatal ? EFAULT : 0);
	igt_assert_eq_u64(errors, err ? 1 : 0);
	igt_assert_eq(touch_in_kernel(w.addr + v->page * VRAM_PAGE), 0);
	igt_assert_eq_u64(refused(w.addr), errors);
	check_whole(&w);
	view_fini(&w);
	return failed;
}

static void check_fault(const struct victim *v)
{
	struct shape s = {
		.args = { .flags = v->flags }, .extents = &v->extent, .nr = 1,
	};
	unsigned int nth = 0;
	bool failed;
	long bytes;

	igt_require(vram.size >= 2 * VRAM_PUD + 8 * MIB);
	shape_set(&vram, &s);
	/* Once to have all memory of this program that it takes. */
	try_fault(v, &s, 0);
	bytes = vram_table_bytes();
	do {
		igt_assert_lte(++nth, v->tables + 1);
		failed = try_fault(v, &s, nth);
		igt_assert_eq_u64(vram_table_bytes(), bytes);
	} while (failed);
	igt_info("%u tables failed, one in each run\n", nth - 1);
	shape_fini(&vram, &s);
}

/* Here the mapping is there as a whole or not at all. */
static void check_populate(void)
{
	const struct vram_test_extent extent = { 0, VRAM_PAGE, 3 * 512 };
	struct shape s = {
		.args = { .flags = VRAM_TEST_SHAPE_POPULATE },
		.extents = &extent, .nr = 1,
	};
	unsigned int nth, refusals = 0;
	long bytes = 0;
	bool failed;

	shape_set(&vram, &s);
	for (nth = 0, failed = true; failed; nth++) {
		uint64_t pa = shape_pa(&s, 0);
		struct view w;
		char *addr;

		igt_assert_lte(nth, 16);
		fail_table(nth);
		addr = shape_mmap(&vram, 0, s.nr_pages, pa, RW);
		failed = table_failed(nth) || !nth;
		if (addr == MAP_FAILED) {
			igt_assert_eq(errno, ENOMEM);
			igt_assert(nth && failed);
			refusals++;
		} else {
			view_at(&w, &s, 0, addr, s.nr_pages * VRAM_PAGE, RW);
			fill_check(&w.f, &vram);
			view_read_all(&w, &vram);
			view_fini(&w);
		}
		bytes = nth ? bytes : vram_table_bytes();
		igt_assert_eq_u64(vram_table_bytes(), bytes);
	}
	igt_info("%u tables failed, and %u calls of mmap()\n", nth - 2, refusals);
	igt_assert_lte(4, nth);
	igt_assert(refusals);
	shape_fini(&vram, &s);
}

static bool try_buffer(struct vram_bo *bo, unsigned int nth)
{
	const size_t at = bo->size / 2;
	struct model m;
	unsigned long page;
	bool failed;
	char *addr;
	int err;

	addr = vram_map(&vram, bo, 0, bo->size, VRAM_PAGE, RW);
	fail_table(nth);
	err = touch_in_kernel(addr + at);
	vram_bo_act(&vram, bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_OUT);
	err = err ?: touch_in_kernel(addr + at);
	vram_bo_act(&vram, bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_IN);
	vram_bo_update(&vram, bo);
	err = err ?: touch_in_kernel(addr + at);
	failed = table_failed(nth);
	igt_assert(!err || (failed && err == EFAULT));

	model_init(&m, &vram, bo, 0, addr, bo->size);
	igt_assert_eq(touch_in_kernel(addr + at), 0);
	for (page = 0; page < m.nr_pages; page++)
		(void)*(volatile char *)(addr + page * VRAM_PAGE);
	model_check(&m, &vram, RW);
	model_fini(&m);
	vram_unmap(addr, bo->size);
	return failed;
}

static void check_buffer(void)
{
	unsigned int nth = 0;
	struct vram_bo bo;
	bool failed;
	long bytes;

	vram_bo_create(&vram, &bo, 4 * MIB + 3 * VRAM_PAGE, 4 * MIB, 0);
	igt_assert(!try_buffer(&bo, 0));
	bytes = vram_table_bytes();
	do {
		igt_assert_lte(++nth, 16);
		failed = try_buffer(&bo, nth);
		igt_assert_eq_u64(vram_table_bytes(), bytes);
	} while (failed);
	igt_info("%u tables failed, one in each run\n", nth - 1);
	igt_assert_lte(3, nth);
	vram_bo_destroy(&vram, &bo);
}

igt_main()
{
	unsigned int i;

	igt_fixture() {
		vram_open(&vram, drm_open_driver(DRIVER_ANY));
		igt_require_f(vram_makes_tables, "the core makes all tables here\n");
		fail_fd = open("/sys/module/vmf_range/parameters/fail_table", O_RDWR);
		igt_assert_fd(fail_fd);
	}

	for (i = 0; i < ARRAY_SIZE(victims); i++) {
		igt_describe("Check that each failed page table gives a clean error or none");
		igt_subtest_f("fault-%s", victims[i].name)
			check_fault(&victims[i]);
	}
	igt_describe("Check that mmap() maps all or nothing when a page table fails");
	igt_subtest("populate")
		check_populate();
	igt_describe("Check buffers that move while page tables fail");
	igt_subtest("buffer")
		check_buffer();

	igt_fixture() {
		fail_table(0);
		close(fail_fd);
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
