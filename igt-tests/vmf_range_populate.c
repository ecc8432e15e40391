// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range populate
 * Description: Check memory that is mapped at mmap() time, and that it can be
 *	unmapped and come back
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: %s-%s
 * Description: memory mapped %arg[1]: %arg[2]
 *
 * arg[1]:
 *
 * @blocks:	by vmf_remap_blocks(), with a fault handler of the driver's
 * @remap:	by vmf_remap_range(), by a driver without one
 *
 * arg[2]:
 *
 * @whole:	has all its leaves before it is touched, and no touch is a fault
 * @part:	the same for a mapping of a part, at several alignments
 * @zap:	is gone after a zap, and comes back with the faults that it must take
 * @munmap:	is right around a hole cut into leaves of each size
 * @read-only:	has read-only leaves in a read-only mapping
 * @execute:	is there in a mapping that is for execution only
 * @no-access:	can be made accessible later when mapped without access
 * @fork:	is there in a child, or comes back, and can be cut and zapped there
 *
 * SUBTEST: hole
 * Description: a hole of 1 GiB in what is mapped at mmap() time costs no faults
 *
 * SUBTEST: own-no-access
 * Description: a mapping without access of a driver that has ->fault, and operations of
 *	its own, has no leaves before it has access
 *
 * SUBTEST: late-error-%s
 * Description: ->mmap fails after all was mapped %arg[1]; nothing is left mapped, no
 *	tables, and no memory of the library
 *
 * arg[1]:
 *
 * @blocks:	by vmf_remap_blocks()
 * @remap:	by vmf_remap_range(), part by part
 *
 * SUBTEST: unwind-%s
 * Description: mmap() fails when %arg[1], and leaves nothing mapped and no tables
 *
 * arg[1]:
 *
 * @error:	the driver's callback fails half-way
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check memory that is mapped at mmap() time");

#define RW		(PROT_READ | PROT_WRITE)
#define PAGES(bytes)	((bytes) / VRAM_PAGE)
#define MIB		(1ull << 20)
#define PUD_PAGES	PAGES(VRAM_PUD)

static struct vram vram;

/* Leaves of all sizes, ragged ends, blocks that disagree, a hole. */
#define FIRST		PAGES(3 * MIB)
static const struct vram_test_extent extents[] = {
	{ 0, VRAM_PUD - 3 * MIB + 7 * VRAM_PAGE, FIRST - 7 },
	{ FIRST - 7, VRAM_PUD, PUD_PAGES + PAGES(4 * MIB) + 9 },
	{ FIRST + PUD_PAGES + PAGES(4 * MIB) + 2, 64 * MIB, 1500 },
	{ FIRST + PUD_PAGES + PAGES(4 * MIB) + 1600, 96 * MIB, 100 },
};

#define HOLE		(FIRST + PUD_PAGES + PAGES(4 * MIB) + 1502)
#define PUD_FIRST	(FIRST - 7)

static void shape_init(struct shape *s, unsigned int flag)
{
	*s = (struct shape){
		.args = { .flags = flag },
		.extents = extents,
		.nr = ARRAY_SIZE(extents),
	};
	igt_require(vram.size >= 2 * VRAM_PUD + 8 * MIB);
	shape_set(&vram, s);
}

/* The second extent is the one that agrees with its address. */
static void whole_init(struct view *w, const struct shape *s, int prot)
{
	view_init(w, &vram, s, 0, s->nr_pages, 0, prot);
	vram_unmap(w->addr, w->len);
	fill_fini(&w->f);
	model_fini(&w->m);
	view_init(w, &vram, s, 0, s->nr_pages,
		  shape_pa(s, PUD_FIRST) - PUD_FIRST * VRAM_PAGE -
		  shape_pa(s, 0), prot);
	igt_assert_eq(w->m.shift[PUD_FIRST + 12345], 30);
	igt_assert_eq(w->m.shift[HOLE], 0);
}

/* Small leaves one by one, of huge ones the first and the last page. */
static unsigned long next_sample(const struct view *w, unsigned long page)
{
	unsigned int shift = w->m.shift[page];
	uint64_t size = shift ? 1ull << shift : VRAM_PAGE;
	uint64_t into = (w->m.va + page * VRAM_PAGE) % size;

	return page + (into + VRAM_PAGE < size && !into ? PAGES(size) - 1 : 1);
}

static void check_samples(const struct view *w)
{
	unsigned long page;

	for (page = 0; page < w->m.nr_pages; page = next_sample(w, page)) {
		if (w->m.shift[page])
			view_check_word(w, &vram, page);
	}
}

static void touch_samples(struct view *w, bool write)
{
	unsigned long page;

	for (page = 0; page < w->m.nr_pages; page = next_sample(w, page)) {
		if (w->m.shift[page])
			view_touch(w, page, write);
	}
}

/* @view_touch knows that no page may cost a fault. */
static void check_whole(unsigned int flag)
{
	struct shape s;
	struct view w;

	shape_init(&s, flag);
	whole_init(&w, &s, RW);
	fill_check(&w.f, &vram);
	touch_samples(&w, true);
	touch_samples(&w, false);
	igt_assert_eq_u64(w.f.faults, 0);
	check_samples(&w);
	igt_assert_eq(vram_signal_of(view_word(&w, HOLE), false), SIGBUS);
	fill_check(&w.f, &vram);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_part(unsigned int flag)
{
	static const uint64_t shifts[] = { 0, VRAM_PAGE, VRAM_PMD };
	static const unsigned long cuts[][2] = {
		{ 0, 1 }, { 5, 700 }, { 500, PAGES(20 * MIB) },
		{ PUD_FIRST + 512, PAGES(2 * MIB) },
		{ PUD_FIRST + PUD_PAGES - 3, PAGES(7 * MIB) },
		{ HOLE - 3, 7 },
	};
	struct shape s;
	struct view w;
	unsigned int i, j;

	shape_init(&s, flag);
	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		for (j = 0; j < ARRAY_SIZE(cuts); j++) {
			view_init(&w, &vram, &s, cuts[j][0], cuts[j][1],
				  shifts[i], RW);
			fill_check(&w.f, &vram);
			touch_samples(&w, true);
			check_samples(&w);
			view_fini(&w);
		}
	}
	shape_fini(&vram, &s);
}

static void check_zap(unsigned int flag)
{
	struct shape s;
	struct view w;

	shape_init(&s, flag);
	whole_init(&w, &s, RW);
	igt_assert_eq(shape_zap(&vram, PUD_FIRST + 777, 1), 0);
	fill_zap(&w.f, PUD_FIRST + 777, 1);
	fill_check(&w.f, &vram);
	view_touch(&w, PUD_FIRST + 5, true);
	fill_check(&w.f, &vram);
	igt_assert_eq(shape_zap(&vram, 0, 0), 0);
	fill_zap(&w.f, 0, s.nr_pages);
	fill_check(&w.f, &vram);
	touch_samples(&w, true);
	check_samples(&w);
	fill_check(&w.f, &vram);
	view_fini(&w);
	shape_fini(&vram, &s);
}

/* What is left of a mapping has the leaves of a mapping of just that. */
static void check_rest(const struct shape *s, const struct view *w,
		       unsigned long first, unsigned long end)
{
	struct view rest;

	view_at(&rest, s, first, w->addr + first * VRAM_PAGE,
		(end - first) * VRAM_PAGE, RW);
	check_samples(&rest);
	model_check(&rest.m, &vram, RW);
	fill_fini(&rest.f);
	model_fini(&rest.m);
}

static void check_munmap(unsigned int flag)
{
	static const unsigned long holes[][2] = {
		{ PUD_FIRST + 12345, 1 },
		{ PUD_FIRST, 512 },
		{ PUD_FIRST - 1, PUD_PAGES + 2 },
		{ PUD_FIRST + PUD_PAGES + 700, 1 },
		{ FIRST + PUD_PAGES + PAGES(4 * MIB) + 1000, 20 },
	};
	struct shape s;
	unsigned int i;
	struct view w;

	shape_init(&s, flag);
	for (i = 0; i < ARRAY_SIZE(holes); i++) {
		unsigned long end = holes[i][0] + holes[i][1];

		whole_init(&w, &s, RW);
		vram_unmap(w.addr + holes[i][0] * VRAM_PAGE,
			   holes[i][1] * VRAM_PAGE);
		check_rest(&s, &w, 0, holes[i][0]);
		check_rest(&s, &w, end, s.nr_pages);
		view_fini(&w);
	}
	shape_fini(&vram, &s);
}

static void check_read_only(unsigned int flag)
{
	struct shape s;
	struct view w;

	shape_init(&s, flag);
	whole_init(&w, &s, PROT_READ);
	fill_check(&w.f, &vram);
	check_samples(&w);
	igt_assert_eq(vram_signal_of(view_word(&w, PUD_FIRST + 9), true),
		      SIGSEGV);
	fill_check(&w.f, &vram);
	igt_assert_eq(mprotect(w.addr, w.len, RW), 0);
	*view_word(&w, PUD_FIRST + 9) = 1;
	*view_word(&w, 9) = 1;
	check_samples(&w);
	view_fini(&w);

	/* What comes back has the access of now and not that of mmap(). */
	whole_init(&w, &s, RW);
	igt_assert_eq(mprotect(w.addr, w.len, PROT_READ), 0);
	igt_assert_eq(shape_zap(&vram, 0, 0), 0);
	check_samples(&w);
	model_check(&w.m, &vram, PROT_READ);
	igt_assert_eq(vram_signal_of(view_word(&w, PUD_FIRST + 9), true),
		      SIGSEGV);
	igt_assert_eq(vram_signal_of(view_word(&w, 9), true), SIGSEGV);
	view_fini(&w);
	shape_fini(&vram, &s);
}

/* Where the CPU has protection keys, the process itself cannot read this. */
static void check_execute(unsigned int flag)
{
	struct shape s;
	struct view w;

	shape_init(&s, flag);
	whole_init(&w, &s, PROT_EXEC);
	fill_check(&w.f, &vram);
	igt_assert_eq(mprotect(w.addr, w.len, PROT_READ), 0);
	check_samples(&w);
	fill_check(&w.f, &vram);
	view_fini(&w);
	shape_fini(&vram, &s);
}

/* x86 takes a 1 GiB leaf without access for not present: there must be none. */
static void check_no_access(unsigned int flag)
{
	struct vram_test_leaf *leaves;
	struct shape s;
	unsigned int nr;
	struct view w;

	shape_init(&s, flag);
	whole_init(&w, &s, PROT_NONE);
	leaves = vram_leaves(&vram, w.addr, w.len, &nr);
	free(leaves);
	igt_assert_eq(nr, 0);
	igt_assert_eq(vram_signal_of(view_word(&w, PUD_FIRST), false), SIGSEGV);
	igt_assert_eq(mprotect(w.addr, w.len, RW), 0);
	check_samples(&w);
	igt_assert_eq(vram_signal_of(view_word(&w, HOLE), false), SIGBUS);
	view_fini(&w);
	shape_fini(&vram, &s);
}

/* A driver's own ->fault will do to have nothing mapped before there is access. */
static void check_no_access_own(void)
{
	struct vram_test_leaf *leaves;
	struct shape s;
	unsigned int nr;
	struct view w;

	shape_init(&s, VRAM_TEST_SHAPE_POPULATE | VRAM_TEST_SHAPE_OWN_OPS);
	view_init(&w, &vram, &s, 0, FIRST, 0, PROT_NONE);
	leaves = vram_leaves(&vram, w.addr, w.len, &nr);
	free(leaves);
	igt_assert_eq(nr, 0);
	igt_assert_eq(mprotect(w.addr, w.len, RW), 0);
	check_samples(&w);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static unsigned long populates(void)
{
	struct vram_test_stats stats;

	shape_stats(&vram, NULL, 0, &stats);
	return stats.count[VRAM_TEST_COUNT_POPULATES];
}

/* Leaves on both sides, and 1 GiB of nothing. */
static void check_hole(void)
{
	static const struct vram_test_extent sides[] = {
		{ 0, 64 * MIB, 600 },
		{ PUD_PAGES, 96 * MIB, 600 },
	};
	struct shape s = {
		.args = { .flags = VRAM_TEST_SHAPE_POPULATE },
		.extents = sides,
		.nr = ARRAY_SIZE(sides),
	};
	unsigned long before;
	struct view w;

	shape_set(&vram, &s);
	before = populates();
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	/* Where the core makes the tables, it asks for each. */
	igt_assert_lte_u64(populates() - before, vram_makes_tables ? 2 : 16);
	fill_check(&w.f, &vram);
	touch_samples(&w, true);
	igt_assert_eq_u64(w.f.faults, 0);
	check_samples(&w);
	igt_assert_eq(vram_signal_of(view_word(&w, 600), false), SIGBUS);
	igt_assert_eq(vram_signal_of(view_word(&w, PUD_PAGES - 1), false), SIGBUS);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_fork(unsigned int flag)
{
	struct shape s;
	struct view w;

	shape_init(&s, flag);
	whole_init(&w, &s, RW);
	fill_fork(&w.f);
	igt_fork(child, 1) {
		fill_check(&w.f, &vram);
		vram_unmap(w.addr + (PUD_FIRST + 5) * VRAM_PAGE, VRAM_PAGE);
		check_rest(&s, &w, 0, PUD_FIRST + 5);
		check_rest(&s, &w, PUD_FIRST + 6, s.nr_pages);
	}
	igt_waitchildren();
	fill_check(&w.f, &vram);
	/* The parent goes first: the memory of what is mapped must live on. */
	igt_fork(child, 1) {
		igt_assert_eq(shape_zap(&vram, 0, 0), 0);
		fill_zap(&w.f, 0, s.nr_pages);
		fill_check(&w.f, &vram);
		check_samples(&w);
		model_check(&w.m, &vram, RW);
	}
	view_fini(&w);
	igt_waitchildren();
	shape_fini(&vram, &s);
}

static void check_unwind(enum vram_test_lie lie, int err)
{
	static const uint64_t from[] = { 0, 100, PUD_FIRST + 1, HOLE - 2 };
	struct vram_test_leaf *leaves;
	unsigned int nr, i;
	struct shape s;
	void *addr;
	long bytes;

	for (i = 0; i < ARRAY_SIZE(from); i++) {
		/* No extent lies on both sides of a lie: it begins with its own. */
		s = (struct shape){
			.args = { .flags = VRAM_TEST_SHAPE_POPULATE,
				  .lie = lie, .lie_page = from[i] },
			.extents = extents,
			.nr = ARRAY_SIZE(extents),
		};
		shape_set(&vram, &s);
		vram_table_bytes();
		bytes = vram_table_bytes();
		errno = 0;
		addr = shape_mmap(&vram, 0, s.nr_pages,
				  -(uint64_t)PUD_FIRST * VRAM_PAGE, RW);
		igt_assert(addr == MAP_FAILED);
		igt_assert_eq(errno, err);
		igt_assert_eq_u64(vram_table_bytes(), bytes);
		/* The same place can be mapped when the driver is well. */
		s.args.lie = VRAM_TEST_LIE_NONE;
		free(s.blocks);
		shape_set(&vram, &s);
		addr = shape_mmap(&vram, 0, s.nr_pages,
				  -(uint64_t)PUD_FIRST * VRAM_PAGE, RW);
		igt_assert(addr != MAP_FAILED);
		leaves = vram_leaves(&vram, addr, s.nr_pages * VRAM_PAGE, &nr);
		igt_assert_lte(1, nr);
		free(leaves);
		vram_unmap(addr, s.nr_pages * VRAM_PAGE);
		shape_fini(&vram, &s);
	}
}

/* KiB of the kernel's memory that it cannot reclaim. */
static long kernel_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	igt_assert(file);
	while (kib < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "SUnreclaim: %ld", &kib);
	fclose(file);
	igt_assert_lte(0, kib);
	return kib;
}

/* What is remembered of so many blocks is 125 KiB. */
#define LATE_BLOCKS	4000
#define LATE_KIB	125
#define LATE_TRIES	20

static void check_late_error(unsigned int flag)
{
	static struct vram_test_extent blocks[LATE_BLOCKS];
	struct shape s = {
		.args = { .flags = flag, .lie = VRAM_TEST_LIE_LATE_ERROR },
		.extents = blocks,
		.nr = LATE_BLOCKS,
	};
	long bytes, before, after;
	unsigned int i;

	for (i = 0; i < LATE_BLOCKS; i++)
		blocks[i] = (struct vram_test_extent){ i, i % 7 * MIB, 1 };
	shape_set(&vram, &s);
	vram_table_bytes();
	bytes = vram_table_bytes();
	before = kernel_memory();
	for (i = 0; i < LATE_TRIES; i++) {
		errno = 0;
		igt_assert(shape_mmap(&vram, 0, s.nr_pages, 0, RW) == MAP_FAILED);
		igt_assert_eq(errno, EIO);
	}
	igt_assert_eq_u64(vram_table_bytes(), bytes);
	after = kernel_memory();
	igt_info("%ld KiB, then %ld KiB\n", before, after);
	igt_assert_lte(after - before, LATE_TRIES * LATE_KIB / 2);
	shape_fini(&vram, &s);
}

static const struct {
	const char *name;
	unsigned int flag;
} ways[] = {
	{ "blocks", VRAM_TEST_SHAPE_POPULATE },
	{ "remap", VRAM_TEST_SHAPE_REMAP },
};

static const struct {
	const char *name;
	const char *what;
	void (*run)(unsigned int flag);
} checks[] = {
	{ "whole", "Check that no touch is a fault", check_whole },
	{ "part", "Check mappings of a part", check_part },
	{ "zap", "Check that it can go and come back", check_zap },
	{ "munmap", "Check that what is around a hole stays", check_munmap },
	{ "read-only", "Check that read-only leaves are", check_read_only },
	{ "execute", "Check a mapping for execution only", check_execute },
	{ "no-access", "Check that access can be given later", check_no_access },
	{ "fork", "Check that a child can do with it what its parent can",
	  check_fork },
};

igt_main()
{
	unsigned int i, j;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		for (j = 0; j < ARRAY_SIZE(checks); j++) {
			igt_describe(checks[j].what);
			igt_subtest_f("%s-%s", ways[i].name, checks[j].name)
				checks[j].run(ways[i].flag);
		}
	}

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		igt_describe("Check that a failure in the end leaves nothing behind");
		igt_subtest_f("late-error-%s", ways[i].name)
			check_late_error(ways[i].flag);
	}

	igt_describe("Check that mmap() passes over a hole at once");
	igt_subtest("hole")
		check_hole();

	igt_describe("Check that access can be given later by a fault handler of any kind");
	igt_subtest("own-no-access")
		check_no_access_own();

	igt_describe("Check that a failure half-way leaves nothing behind");
	igt_subtest("unwind-error")
		check_unwind(VRAM_TEST_LIE_ERROR, EIO);

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
