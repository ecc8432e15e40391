// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range api
 * Description: Check what a driver can ask for: blocks in any form, the window of a
 *	fault, cache types
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: blocks-%s
 * Description: blocks that come %arg[1] are mapped with the right content, leaves
 *	and faults, at several alignments, whole and in part
 *
 * arg[1]:
 *
 * @callback:	from a callback of the driver
 * @range:	one by one, by vmf_insert_range()
 * @list:	from a sorted array of blocks
 * @sg-dma:	from the DMA addresses of a scatter list
 * @sg-pages:	from the pages of a scatter list
 * @pages:	from an array of pages
 *
 * SUBTEST: holes-%s
 * Description: holes in blocks that come %arg[1] get SIGBUS, before and after their
 *	neighbours are touched, and the neighbours are mapped as ever
 *
 * arg[1]:
 *
 * @callback:	from a callback of the driver
 * @range:	one by one, by vmf_insert_range()
 * @list:	from a sorted array of blocks
 * @pages:	from an array of pages
 *
 * SUBTEST: window-%s
 * Description: a fault in memory that no huge leaf fits maps as many PTEs as
 *	%arg[1]; faults tile
 *
 * arg[1]:
 *
 * @default:	a page table has
 * @1:		a driver allows, one
 * @16:		a driver allows, 16
 * @512:	a driver allows, a page table's worth
 * @1024:	a driver allows, two page tables' worth
 * @4096:	a driver allows, eight page tables' worth
 * @random:	are of use after MADV_RANDOM
 * @sequential:	are of use after MADV_SEQUENTIAL
 * @both:	the smaller of what the driver and MADV_RANDOM say
 *
 * SUBTEST: cache-%s
 * Description: leaves of each size have the cache type %arg[1]
 *
 * arg[1]:
 *
 * @wb:		write-back
 * @wc:		write-combining
 * @uc:		uncached
 *
 * SUBTEST: no-thp
 * Description: a process that has switched huge pages off gets the same leaves, but
 *	for a 1 GiB leaf where it faults
 *
 * SUBTEST: nohugepage
 * Description: the same for a mapping after MADV_NOHUGEPAGE
 *
 * SUBTEST: own-ops-%s
 * Description: a driver with operations of its own, %arg[1], has no larger leaves than
 *	the core can have made writable; a first write that somebody wants to hear of
 *	does that
 *
 * arg[1]:
 *
 * @fault:	->fault alone
 * @huge:	->fault and ->huge_fault
 * @mkwrite:	->pfn_mkwrite besides
 *
 * SUBTEST: crumbs-%s
 * Description: a write, of which the kernel wants to hear, to a leaf of %arg[1] that is
 *	mapped read-only, after the driver has begun to tell of the same memory page by
 *	page, makes the leaf writable
 *
 * arg[1]:
 *
 * @pmd:	2 MiB
 * @pud:	1 GiB
 */
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check what a driver can ask vmf_range for");

#define RW		(PROT_READ | PROT_WRITE)
#define PAGES(bytes)	((bytes) / VRAM_PAGE)
#define MIB		(1ull << 20)
#define PMD_PAGES	PAGES(VRAM_PMD)
#define PUD_PAGES	PAGES(VRAM_PUD)

static struct vram vram;

static const struct {
	const char *name;
	enum vram_test_iter iter;
	bool holes;
} iters[] = {
	{ "callback", VRAM_TEST_ITER_CALLBACK, true },
	{ "range", VRAM_TEST_ITER_RANGE, true },
	{ "list", VRAM_TEST_ITER_LIST, true },
	{ "sg-dma", VRAM_TEST_ITER_SG_DMA, false },
	{ "sg-pages", VRAM_TEST_ITER_SG_PAGES, false },
	{ "pages", VRAM_TEST_ITER_PAGES, true },
};

/* A ragged block, single pages, out of order in memory, aligned 2 MiB and more. */
static const struct vram_test_extent ragged[] = {
	{ 0, 64 * MIB + 5 * VRAM_PAGE, 3 * 512 + 100 },
	{ 1636, 32 * MIB, 1 },
	{ 1637, 16 * MIB + 7 * VRAM_PAGE, 1 },
	{ 1638, 128 * MIB + 1638 * VRAM_PAGE, 2000 },
	{ 3638, 8 * MIB, 512 },
	{ 4150, 256 * MIB + 3 * VRAM_PAGE, 1024 },
	{ 5174, 6 * MIB, 3 },
};

/* The same with what must not be mapped in between. */
static const struct vram_test_extent holed[] = {
	{ 3, 64 * MIB + 3 * VRAM_PAGE, 700 },
	{ 704, 64 * MIB + 704 * VRAM_PAGE, 320 },
	{ 1024, 64 * MIB + 1024 * VRAM_PAGE, 1024 },
	{ 2049, 32 * MIB + VRAM_PAGE, 1 },
	{ 2051, 96 * MIB + 3 * VRAM_PAGE, 1700 },
	{ 6144, 128 * MIB, 1024 },
};

static const uint64_t shifts[] = { 0, VRAM_PAGE, 64 * 1024, VRAM_PMD };

static void check_part(const struct shape *s, uint64_t page, uint64_t nr,
		       uint64_t shift, int prot)
{
	struct view w;

	view_init(&w, &vram, s, page, nr, shift, prot);
	view_read_all(&w, &vram);
	view_fini(&w);
}

static void check_blocks(enum vram_test_iter iter, unsigned int flags)
{
	struct shape s = {
		.args = { .iter = iter, .flags = flags },
		.extents = ragged,
		.nr = ARRAY_SIZE(ragged),
	};
	unsigned int i;

	shape_set(&vram, &s);
	for (i = 0; i < ARRAY_SIZE(shifts); i++)
		check_part(&s, 0, s.nr_pages, shifts[i], RW);
	check_part(&s, 17, s.nr_pages - 18, 0, PROT_READ);
	check_part(&s, 1637, 1, 0, RW);
	check_part(&s, 1600, 1100, VRAM_PMD, RW);
	shape_fini(&vram, &s);
}

/* Touched from the end, so that the iterators have to go back. */
static void check_blocks_down(enum vram_test_iter iter)
{
	struct shape s = {
		.args = { .iter = iter, .max_ptes = 64 },
		.extents = ragged,
		.nr = ARRAY_SIZE(ragged),
	};
	unsigned long page;
	struct view w;

	shape_set(&vram, &s);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	for (page = s.nr_pages; page--;) {
		view_touch(&w, page, true);
		if (page % 64 == 0)
			view_check_word(&w, &vram, page);
	}
	fill_check(&w.f, &vram);
	view_fini(&w);
	shape_fini(&vram, &s);
}

/* One block of 2 GiB and what hangs on to it: leaves of all three sizes. */
static void check_blocks_huge(enum vram_test_iter iter)
{
	const struct vram_test_extent huge[] = {
		{ 0, 7 * MIB, PAGES(9 * MIB) },
		{ PAGES(9 * MIB), VRAM_PUD - 5 * MIB, PUD_PAGES + PAGES(11 * MIB) },
	};
	struct shape s = {
		.args = { .iter = iter },
		.extents = huge,
		.nr = ARRAY_SIZE(huge),
	};
	unsigned long page;
	struct view w;

	igt_require(vram.size > 2 * VRAM_PUD);
	shape_set(&vram, &s);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	for (page = 0; page < s.nr_pages; page += 509)
		view_touch(&w, page, page & 1);
	fill_check(&w.f, &vram);
	view_fini(&w);

	/* The second block agrees with its address: its middle is one leaf. */
	view_init(&w, &vram, &s, PAGES(9 * MIB), s.nr_pages - PAGES(9 * MIB), 0,
		  RW);
	view_touch(&w, PUD_PAGES / 2, true);
	igt_assert_eq_u64(w.f.pud, 1);
	fill_check(&w.f, &vram);
	view_check_word(&w, &vram, PUD_PAGES / 3);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_sigbus(const struct view *w, unsigned long page)
{
	igt_assert_eq(vram_signal_of(view_word(w, page), false), SIGBUS);
	igt_assert_eq(vram_signal_of(view_word(w, page), true), SIGBUS);
}

static void check_holes(enum vram_test_iter iter)
{
	struct shape s = {
		.args = { .iter = iter },
		.extents = holed,
		.nr = ARRAY_SIZE(holed),
	};
	static const unsigned long holes[] = { 0, 2, 703, 2048, 2050, 3751, 5000, 6143 };
	unsigned int i, j;
	struct view w;

	shape_set(&vram, &s);
	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		view_init(&w, &vram, &s, 0, s.nr_pages, shifts[i], RW);
		for (j = 0; j < ARRAY_SIZE(holes); j++) {
			igt_assert(!w.m.shift[holes[j]]);
			check_sigbus(&w, holes[j]);
		}
		/* A hole that was touched leaves nothing behind. */
		fill_check(&w.f, &vram);
		view_read_all(&w, &vram);
		for (j = 0; j < ARRAY_SIZE(holes); j++)
			check_sigbus(&w, holes[j]);
		fill_check(&w.f, &vram);
		view_fini(&w);
	}
	shape_fini(&vram, &s);
}

static const struct window {
	const char *name;
	unsigned long max_ptes;
	int advice;
	unsigned long per_fault;
} windows[] = {
	{ "default", 0, MADV_NORMAL, 512 },
	{ "1", 1, MADV_NORMAL, 1 },
	{ "16", 16, MADV_NORMAL, 16 },
	{ "512", 512, MADV_NORMAL, 512 },
	{ "1024", 1024, MADV_NORMAL, 1024 },
	{ "4096", 4096, MADV_NORMAL, 4096 },
	{ "random", 0, MADV_RANDOM, 16 },
	{ "sequential", 0, MADV_SEQUENTIAL, 2048 },
	{ "both", 4, MADV_RANDOM, 4 },
};

static void stat_of(const struct view *w, struct vram_test_stats *stats)
{
	shape_stats(&vram, w->addr, w->len, stats);
}

static void view_advise(struct view *w, int advice)
{
	igt_assert_eq(madvise(w->addr, w->len, advice), 0);
	w->f.advice = advice;
}

/* 64 MiB, one page off: every page needs a PTE. Any order, then upwards. */
static void check_window(const struct window *win)
{
	const struct vram_test_extent one = { 0, 128 * MIB, PAGES(64 * MIB) };
	struct shape s = {
		.args = { .max_ptes = win->max_ptes },
		.extents = &one,
		.nr = 1,
	};
	struct vram_test_stats stats;
	unsigned long page;
	struct view w;
	int i;

	shape_set(&vram, &s);
	view_init(&w, &vram, &s, 0, s.nr_pages, VRAM_PAGE, RW);
	view_advise(&w, win->advice);
	view_touch(&w, 12345, false);
	fill_check(&w.f, &vram);
	igt_assert_lte_u64(w.f.pte, win->per_fault);
	igt_assert_lte_u64(1, w.f.pte);
	for (i = 0; i < 8; i++)
		view_touch(&w, random() % s.nr_pages, i & 1);
	fill_check(&w.f, &vram);
	view_fini(&w);

	view_init(&w, &vram, &s, 0, s.nr_pages, VRAM_PAGE, RW);
	view_advise(&w, win->advice);
	for (page = 0; page < s.nr_pages; page++)
		view_touch(&w, page, false);
	fill_check(&w.f, &vram);
	/* At most one fault for each budget, and one for a ragged first piece. */
	if (vram_makes_tables)
		igt_assert_lte_u64(w.f.faults, s.nr_pages / win->per_fault + 2);
	stat_of(&w, &stats);
	/* Some calls end with the core making a table, and calling again. */
	igt_assert_eq_u64(stats.count[0] - stats.count[8], w.f.faults);
	igt_assert_eq_u64(stats.count[4], s.nr_pages);
	igt_assert_eq_u64(stats.count[5], 0);
	view_fini(&w);
	shape_fini(&vram, &s);
}

/* Budgets where huge leaves have ragged ends: no smaller budget, no more faults. */
static void check_window_edges(const struct window *win)
{
	const struct vram_test_extent one = {
		0, 64 * MIB + 100 * VRAM_PAGE, PAGES(16 * MIB) + 300,
	};
	struct shape s = {
		.args = { .max_ptes = win->max_ptes },
		.extents = &one,
		.nr = 1,
	};
	static const unsigned long starts[] = { 0, 411, 412, 2000, 4300, 4395 };
	unsigned int i;
	struct view w;

	shape_set(&vram, &s);
	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
		view_advise(&w, win->advice);
		view_touch(&w, starts[i], false);
		fill_check(&w.f, &vram);
		view_read_all(&w, &vram);
		view_fini(&w);
	}
	shape_fini(&vram, &s);
}

/* Where x86 keeps the cache type. */
#define X86_PWT		(1ull << 3)
#define X86_PCD		(1ull << 4)
#define X86_PAT_4K	(1ull << 7)
#define X86_PAT_LARGE	(1ull << 12)

static const struct cache {
	const char *name;
	enum vram_test_cache cache;
	uint64_t bits;		/* as Linux sets up the PAT: WC is 1, UC- is 2 */
} caches[] = {
	{ "wb", VRAM_TEST_CACHE_WB, 0 },
	{ "wc", VRAM_TEST_CACHE_WC, X86_PWT },
	{ "uc", VRAM_TEST_CACHE_UC, X86_PCD },
};

static uint64_t cache_bits(const struct vram_test_leaf *leaf)
{
	uint64_t bits = leaf->prot & (X86_PWT | X86_PCD);

	/* In a PTE bit 7 is PAT; in a leaf above it says that this is a leaf. */
	if (leaf->shift == 12)
		return bits | (leaf->prot & X86_PAT_4K);
	return bits | ((leaf->prot & X86_PAT_LARGE) ? X86_PAT_4K : 0);
}

static void check_cache(const struct cache *c)
{
	const struct vram_test_extent one = {
		0, VRAM_PUD - 3 * MIB, PUD_PAGES + PAGES(6 * MIB),
	};
	struct shape s = {
		.args = { .cache = c->cache },
		.extents = &one,
		.nr = 1,
	};
	unsigned int nr, i, seen[3] = {};
	struct vram_test_leaf *leaves;
	struct view w;

	igt_require(vram.size >= 2 * VRAM_PUD + 4 * MIB);
	shape_set(&vram, &s);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	view_touch(&w, PUD_PAGES / 2, true);
	view_touch(&w, 5, true);
	view_touch(&w, s.nr_pages - 1, true);
	view_touch(&w, s.nr_pages - 600, true);
	leaves = vram_leaves(&vram, w.addr, w.len, &nr);
	for (i = 0; i < nr; i++) {
		igt_assert_eq_u64(cache_bits(&leaves[i]), c->bits);
		seen[(leaves[i].shift - 12) / 9]++;
	}
	free(leaves);
	fill_check(&w.f, &vram);
	for (i = 0; i < 3; i++)
		igt_assert_lte(1, seen[i]);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_fault_only(bool by_advice)
{
	const struct vram_test_extent one = {
		0, 16 * MIB + 9 * VRAM_PAGE, PUD_PAGES + PAGES(VRAM_PUD / 2),
	};
	struct shape s = { .extents = &one, .nr = 1 };
	unsigned int i;
	struct view w;

	igt_require(vram.size >= 2 * VRAM_PUD);
	shape_set(&vram, &s);
	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		view_init(&w, &vram, &s, 0, s.nr_pages, shifts[i], RW);
		if (by_advice)
			igt_assert_eq(madvise(w.addr, w.len, MADV_NOHUGEPAGE), 0);
		w.f.fault_only = true;
		view_touch(&w, PUD_PAGES / 2, i & 1);
		fill_check(&w.f, &vram);
		view_touch(&w, 0, false);
		view_touch(&w, s.nr_pages - 1, true);
		view_check_word(&w, &vram, s.nr_pages - 1);
		fill_check(&w.f, &vram);
		view_fini(&w);
	}
	shape_fini(&vram, &s);
}

static void check_no_thp(void)
{
	igt_fork(child, 1) {
		igt_assert_eq(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
		check_fault_only(false);
	}
	igt_waitchildren();
}

static const struct own {
	const char *name;
	unsigned int flags;
} owns[] = {
	{ "fault", VRAM_TEST_SHAPE_OWN_OPS },
	{ "huge", VRAM_TEST_SHAPE_OWN_OPS | VRAM_TEST_SHAPE_OWN_HUGE },
	{ "mkwrite", VRAM_TEST_SHAPE_OWN_OPS | VRAM_TEST_SHAPE_OWN_HUGE |
		     VRAM_TEST_SHAPE_OWN_MKWRITE },
};

/* The kernel wants to hear of writes of this process. */
static void watch_writes(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");

	igt_assert(file && fputs("4", file) >= 0 && !fclose(file));
}

/* The leaf of a page that was mapped read-only is writable now. */
static void write_first(struct view *w, unsigned long page)
{
	unsigned long nr = PAGES(1ull << w->f.now[page]);

	*view_word(w, page) = view_value(w, page);
	memset(w->f.writable + page / nr * nr, true, nr);
	fill_check(&w->f, &vram);
}

/* A write that is not let through faults for ever. */
static void check_own(const struct own *own)
{
	const struct vram_test_extent one = { 0, 64 * MIB, PAGES(6 * MIB) };
	struct shape s = { .args = { .flags = own->flags }, .extents = &one, .nr = 1 };
	struct view w;

	alarm(60);
	shape_set(&vram, &s);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	w.f.fault_only = !(own->flags & VRAM_TEST_SHAPE_OWN_HUGE);
	watch_writes();
	/* Read-only leaves, as the kernel or the driver wants to hear of writes. */
	w.f.read_only = true;
	fill_touch(&w.f, 3, false);
	write_first(&w, 3);
	fill_touch(&w.f, PMD_PAGES + 8, false);
	view_check_word(&w, &vram, PMD_PAGES + 8);
	fill_check(&w.f, &vram);
	write_first(&w, PMD_PAGES + 8);
	write_first(&w, PMD_PAGES + 7);
	view_fini(&w);
	shape_fini(&vram, &s);
	alarm(0);
}

/* What the driver says when the leaf is written to, could not have made it. */
static void check_crumbs(uint64_t size)
{
	const struct vram_test_extent one = { 0, size, PAGES(size) };
	struct shape s = {
		.args = { .lie = VRAM_TEST_LIE_CRUMBS },
		.extents = &one,
		.nr = 1,
	};
	struct view w;

	alarm(60);
	shape_set(&vram, &s);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	watch_writes();
	w.f.read_only = true;
	fill_touch(&w.f, 5, false);
	view_check_word(&w, &vram, 5);
	fill_check(&w.f, &vram);
	/* Where nothing is mapped. */
	igt_assert_eq(shape_zap(&vram, s.nr_pages + 1, 1), 0);
	write_first(&w, 3);
	view_check_word(&w, &vram, s.nr_pages - 1);
	view_fini(&w);
	shape_fini(&vram, &s);
	alarm(0);
}

static const struct {
	const char *name;
	uint64_t size;
} crumbs[] = {
	{ "pmd", VRAM_PMD },
	{ "pud", VRAM_PUD },
};

igt_main()
{
	unsigned int i;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(iters); i++) {
		igt_describe("Check that blocks in this form are mapped");
		igt_subtest_f("blocks-%s", iters[i].name) {
			check_blocks(iters[i].iter, 0);
			if (iters[i].iter >= VRAM_TEST_ITER_SG_PAGES)
				check_blocks(iters[i].iter,
					     VRAM_TEST_SHAPE_SINGLE);
			check_blocks_down(iters[i].iter);
			if (iters[i].iter < VRAM_TEST_ITER_SG_PAGES)
				check_blocks_huge(iters[i].iter);
		}
	}

	for (i = 0; i < ARRAY_SIZE(iters); i++) {
		if (!iters[i].holes)
			continue;
		igt_describe("Check that holes get SIGBUS, and only holes");
		igt_subtest_f("holes-%s", iters[i].name)
			check_holes(iters[i].iter);
	}

	for (i = 0; i < ARRAY_SIZE(windows); i++) {
		igt_describe("Check how many PTEs a fault maps");
		igt_subtest_f("window-%s", windows[i].name) {
			check_window(&windows[i]);
			check_window_edges(&windows[i]);
		}
	}

	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		igt_describe("Check the cache bits of leaves of each size");
		igt_subtest_f("cache-%s", caches[i].name)
			check_cache(&caches[i]);
	}

	igt_describe("Check the leaves where the core asks for pages only");
	igt_subtest("no-thp")
		check_no_thp();
	igt_describe("Check the leaves where the core asks for pages only, by madvise()");
	igt_subtest("nohugepage")
		check_fault_only(true);

	for (i = 0; i < ARRAY_SIZE(owns); i++) {
		igt_describe("Check a driver with operations of its own");
		igt_subtest_f("own-ops-%s", owns[i].name) {
			/* Soft-dirty tracking is switched on for a process. */
			igt_fork(child, 1)
				check_own(&owns[i]);
			igt_waitchildren();
		}
	}

	for (i = 0; i < ARRAY_SIZE(crumbs); i++) {
		igt_describe("Check a write to a leaf larger than blocks are now");
		igt_subtest_f("crumbs-%s", crumbs[i].name) {
			igt_require(vram.size >= 2 * crumbs[i].size);
			igt_fork(child, 1)
				check_crumbs(crumbs[i].size);
			igt_waitchildren();
		}
	}

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
