// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range zap
 * Description: Check that a zap unmaps its pages, in all mappings, and no others
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: file-%s
 * Description: a zap of pages of the file at the edges of %arg[1] is exact, and all
 *	comes back with the right content
 *
 * arg[1]:
 *
 * @pte:	PTEs
 * @pmd:	PMD leaves
 * @pud:	a PUD leaf
 *
 * SUBTEST: vma-%s
 * Description: the same for a zap of one mapping, of which others see nothing
 *
 * arg[1]:
 *
 * @pte:	PTEs
 * @pmd:	PMD leaves
 * @pud:	a PUD leaf
 *
 * SUBTEST: everywhere
 * Description: a zap of pages of the file finds all mappings, in all processes, at
 *	all offsets
 *
 * SUBTEST: elsewhere
 * Description: a process that maps other pages of the file is left alone
 *
 * SUBTEST: moved
 * Description: a process that moves its mapping leaves alone those of others
 *
 * SUBTEST: nothing
 * Description: a zap where nothing is mapped does nothing
 *
 * SUBTEST: race
 * Description: while others zap, threads see the right content on every page, and
 *	no zap meets half of a 1 GiB leaf, or one that comes while it looks
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check that a zap unmaps its pages and no others");

#define RW		(PROT_READ | PROT_WRITE)
#define PAGES(bytes)	((bytes) / VRAM_PAGE)
#define MIB		(1ull << 20)
#define PUD_PAGES	PAGES(VRAM_PUD)

/* enum vmf_range_stat */
#define STAT_ZAPS	10

static struct vram vram;

/* PTEs, two PMD leaves, a PUD leaf, PMD leaves, PTEs: in one block. */
#define PMD_FIRST	9
#define PUD_FIRST	(PMD_FIRST + PAGES(4 * MIB))
#define PUD_END		(PUD_FIRST + PUD_PAGES)
static const struct vram_test_extent extents[] = {
	{ 0, VRAM_PUD - (4 * MIB + 9 * VRAM_PAGE),
	  PUD_END + PAGES(4 * MIB) + 11 },
};

struct range {
	unsigned long first;
	unsigned long nr;
};

static const struct range pte_ranges[] = {
	{ 0, 1 }, { 3, 2 }, { 8, 1 }, { 0, 9 }, { 1, 7 },
	{ PUD_END + PAGES(4 * MIB), 11 }, { PUD_END + PAGES(4 * MIB) + 10, 1 },
};

static const struct range pmd_ranges[] = {
	{ PMD_FIRST, 512 }, { PMD_FIRST, 1 }, { PMD_FIRST + 511, 1 },
	{ PMD_FIRST + 511, 2 }, { 8, 2 }, { PMD_FIRST + 77, 300 },
	{ PUD_END + 511, 1 }, { PMD_FIRST + 512, 512 }, { 7, 1025 },
};

static const struct range pud_ranges[] = {
	{ PUD_FIRST, PUD_PAGES }, { PUD_FIRST, 1 }, { PUD_END - 1, 1 },
	{ PUD_FIRST + 123456, 1 }, { PUD_FIRST + 512, 512 },
	{ PUD_FIRST - 1, 2 }, { PUD_END - 1, 2 }, { 0, PUD_FIRST + 1 },
	{ 2, PUD_END + PAGES(4 * MIB) },
};

static const struct {
	const char *name;
	const struct range *ranges;
	unsigned int nr;
} levels[] = {
	{ "pte", pte_ranges, ARRAY_SIZE(pte_ranges) },
	{ "pmd", pmd_ranges, ARRAY_SIZE(pmd_ranges) },
	{ "pud", pud_ranges, ARRAY_SIZE(pud_ranges) },
};

static void shape_init(struct shape *s)
{
	*s = (struct shape){ .extents = extents, .nr = 1 };
	igt_require(vram.size >= 2 * VRAM_PUD + 8 * MIB);
	shape_set(&vram, s);
}

/* Pages around the edges of a range, of leaves, and of the mapping. */
static void touch_around(struct view *w, const struct range *r)
{
	const unsigned long at[] = {
		r->first, r->first + r->nr - 1, r->first + r->nr,
		r->first ? r->first - 1 : 0, 0, PMD_FIRST, PUD_FIRST - 1,
		PUD_FIRST, PUD_END - 1, PUD_END, w->m.nr_pages - 1,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		if (at[i] >= w->m.nr_pages)
			continue;
		view_touch(w, at[i], i & 1);
		view_check_word(w, &vram, at[i]);
	}
}

static void check_zap(const struct range *r, unsigned int nr, bool by_vma)
{
	struct view w, other;
	struct shape s;
	unsigned int i;

	shape_init(&s);
	view_init(&other, &vram, &s, 0, s.nr_pages, VRAM_PMD, RW);
	for (i = 0; i < nr; i++, r++) {
		view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
		touch_around(&w, r);
		touch_around(&other, r);
		igt_assert_eq(w.f.now[PUD_FIRST], 30);
		if (by_vma) {
			igt_assert_eq(shape_zap_addr(&vram, w.addr +
						     r->first * VRAM_PAGE,
						     r->nr), 0);
		} else {
			igt_assert_eq(shape_zap(&vram, r->first, r->nr), 0);
			fill_zap(&other.f, r->first, r->nr);
		}
		fill_zap(&w.f, r->first, r->nr);
		fill_check(&w.f, &vram);
		fill_check(&other.f, &vram);
		touch_around(&w, r);
		fill_check(&w.f, &vram);
		view_fini(&w);
	}
	view_fini(&other);
	shape_fini(&vram, &s);
}

/* Runs in a child with mappings of its own, told by bytes when to go on. */
static void check_processes(unsigned long page, const struct range *zap)
{
	int to[2], from[2];
	struct shape s;
	struct view w;
	char c = 0;

	igt_assert_eq(pipe(to), 0);
	igt_assert_eq(pipe(from), 0);
	shape_init(&s);
	igt_fork(child, 1) {
		view_init(&w, &vram, &s, page, 4000, 0, RW);
		view_touch(&w, 10, true);
		fill_check(&w.f, &vram);
		igt_assert_eq(write(from[1], &c, 1), 1);
		igt_assert_eq(read(to[0], &c, 1), 1);
		if (zap->first < page + 4000 && zap->first + zap->nr > page) {
			unsigned long first = zap->first > page ?
					      zap->first - page : 0;

			fill_zap(&w.f, first, zap->first + zap->nr - page - first);
			igt_assert_eq_u64(w.f.now[first], 0);
		}
		fill_check(&w.f, &vram);
		view_touch(&w, 2000, true);
		view_check_word(&w, &vram, 2000);
		fill_check(&w.f, &vram);
	}
	igt_assert_eq(read(from[0], &c, 1), 1);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	view_touch(&w, PUD_FIRST, true);
	igt_assert_eq(shape_zap(&vram, zap->first, zap->nr), 0);
	fill_zap(&w.f, zap->first, zap->nr);
	fill_check(&w.f, &vram);
	igt_assert_eq(write(to[1], &c, 1), 1);
	igt_waitchildren();
	view_fini(&w);
	shape_fini(&vram, &s);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(from[1]);
}

/* All that it takes to move a PUD leaf is done to the child's own mapping. */
static void check_moved(void)
{
	struct view w, moved;
	struct shape s;
	char *to;

	shape_init(&s);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	view_touch(&w, PUD_FIRST, true);
	fill_fork(&w.f);
	igt_fork(child, 1) {
		to = w.addr - 256 * VRAM_PUD;
		igt_assert(mremap(w.addr, w.len, w.len,
				  MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
		view_at(&moved, &s, 0, to, w.len, RW);
		fill_check(&moved.f, &vram);
		view_touch(&moved, PUD_FIRST, true);
		view_check_word(&moved, &vram, PUD_FIRST);
		fill_check(&moved.f, &vram);
		view_fini(&moved);
	}
	igt_waitchildren();
	fill_check(&w.f, &vram);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static unsigned long zaps(void)
{
	struct vram_test_stats stats;

	shape_stats(&vram, NULL, 0, &stats);
	return stats.count[STAT_ZAPS];
}

static void check_nothing(void)
{
	unsigned long before;
	struct shape s;
	struct view w;

	shape_init(&s);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	before = zaps();
	igt_assert_eq(shape_zap(&vram, 0, s.nr_pages), 0);
	igt_assert_eq(shape_zap(&vram, s.nr_pages, 100), 0);
	igt_assert_eq(shape_zap_addr(&vram, w.addr, s.nr_pages), 0);
	igt_assert_eq_u64(zaps(), before);
	view_touch(&w, 0, true);
	igt_assert_eq(shape_zap(&vram, 5, 1), 0);
	igt_assert_eq_u64(zaps(), before + 1);
	igt_assert_eq(shape_zap(&vram, 5, 1), 0);
	igt_assert_eq_u64(zaps(), before + 1);
	view_fini(&w);
	shape_fini(&vram, &s);
}

struct race {
	struct view w;
	atomic_bool stop;
	atomic_ulong first;	/* the pages that are touched */
	atomic_ulong nr;
	atomic_ulong touches;
	atomic_ulong wrong;
};

static void *race_touch(void *data)
{
	struct race *race = data;
	unsigned int seed = (uintptr_t)&seed;

	while (!race->stop) {
		unsigned long page = race->first + rand_r(&seed) % race->nr;

		if (*view_word(&race->w, page) != view_value(&race->w, page))
			race->wrong++;
		race->touches++;
	}
	return NULL;
}

/* What lies beside a 1 GiB leaf is zapped, and the leaf comes back at once. */
static void race_edge(struct race *race)
{
	time_t end = time(NULL) + 2;

	race->nr = 1;
	race->first = PUD_FIRST;
	while (time(NULL) < end) {
		*view_word(&race->w, PUD_FIRST - 1);
		igt_assert_eq(shape_zap(&vram, PUD_FIRST, 1), 0);
		igt_assert_eq(shape_zap(&vram, PUD_FIRST - 1, 2), 0);
	}
}

/*
 * All is zapped while it comes, and the 1 GiB leaf first or after the others. The core,
 * if it is shown an empty entry that is a leaf at its second look, says "bad pud".
 */
static void race_whole(struct race *race)
{
	time_t end = time(NULL) + 2;

	race->first = PUD_FIRST - 256;
	race->nr = 512;
	while (time(NULL) < end)
		igt_assert_eq(shape_zap(&vram, 0, race->w.m.nr_pages), 0);
}

static void check_race(void)
{
	time_t end = time(NULL) + 2;
	struct race race = { .nr = 4096 };
	pthread_t threads[2];
	unsigned long page;
	struct shape s;
	unsigned int i;

	shape_init(&s);
	view_init(&race.w, &vram, &s, 0, s.nr_pages, 0, RW);
	for (page = 0; page < 4096; page++)
		vram_poke(&vram, race.w.m.pa[page], view_value(&race.w, page));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		igt_assert_eq(pthread_create(&threads[i], NULL, race_touch,
					     &race), 0);
	while (time(NULL) < end) {
		igt_assert_eq(shape_zap(&vram, random() % 4096,
					1 + random() % 600), 0);
		igt_assert_eq(shape_zap_addr(&vram, race.w.addr +
					     random() % 4096 * VRAM_PAGE, 1), 0);
	}
	race_edge(&race);
	race_whole(&race);
	race.stop = true;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	igt_info("%lu touches\n", race.touches);
	igt_assert_eq_u64(race.wrong, 0);
	igt_assert(race.touches);
	view_fini(&race.w);
	shape_fini(&vram, &s);
}

igt_main()
{
	static const struct range near = { 100, 700 };
	unsigned int i;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		igt_describe("Check that a zap by file range is exact");
		igt_subtest_f("file-%s", levels[i].name)
			check_zap(levels[i].ranges, levels[i].nr, false);
		igt_describe("Check that a zap of one mapping is exact");
		igt_subtest_f("vma-%s", levels[i].name)
			check_zap(levels[i].ranges, levels[i].nr, true);
	}

	igt_describe("Check that a zap by file range finds all mappings");
	igt_subtest("everywhere") {
		check_processes(0, &near);
		check_processes(99, &near);
		check_processes(101, &near);
		check_processes(799, &near);
	}
	igt_describe("Check that a process that maps other pages is left alone");
	igt_subtest("elsewhere") {
		check_processes(800, &near);
		check_processes(PUD_END - 2000, &near);
	}
	igt_describe("Check that who moves a mapping disturbs no others");
	igt_subtest("moved")
		check_moved();
	igt_describe("Check that a zap of nothing does nothing");
	igt_subtest("nothing")
		check_nothing();
	igt_describe("Check that who is zapped never sees wrong memory");
	igt_subtest("race")
		check_race();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
