// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range track
 * Description: Check that every first write to a tracked mapping is reported
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: %s-%s
 * Description: with %arg[1] tracked, %arg[2]
 *
 * arg[1]:
 *
 * @pages:	pages
 * @leaves:	leaves
 *
 * arg[2]:
 *
 * @read:	reads map read-only leaves as large as ever, and report nothing
 * @write:	a write makes its page or leaf writable, no other, and is reported
 * @again:	what was harvested once is reported once, and again when written again
 * @small:	the same where no huge leaf fits, and with a small budget
 * @populate:	the same for what was mapped at mmap() time
 * @fork:	a child's writes are reported, and cost its parent nothing
 * @mprotect:	taking write access away and giving it back lets no write pass
 * @views:	writes through two mappings are reported, and one harvest covers both
 * @threads:	while threads write, a cleaner that harvests and copies has, at the
 *		end, the last value of every page
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check that first writes to tracked memory are reported");

#define RW		(PROT_READ | PROT_WRITE)
#define PAGES(bytes)	((bytes) / VRAM_PAGE)
#define MIB		(1ull << 20)
#define PUD_PAGES	PAGES(VRAM_PUD)

static struct vram vram;

/* A ragged head, PMD leaves, a PUD leaf, PMD leaves, a ragged tail. */
#define PUD_FIRST	(7 + PAGES(4 * MIB))
static const struct vram_test_extent whole[] = {
	{ 0, VRAM_PUD - 4 * MIB - 7 * VRAM_PAGE,
	  PUD_FIRST + PUD_PAGES + PAGES(6 * MIB) + 9 },
};

static const struct vram_test_extent small[] = {
	{ 0, 64 * MIB + VRAM_PAGE, 700 },
	{ 700, 32 * MIB, 1 },
	{ 701, 96 * MIB + VRAM_PAGE, 3000 },
};

/* Writes, in this order, around the edges of leaves. */
static const unsigned long writes[] = {
	PUD_FIRST + 54321, PUD_FIRST + 54322, 3, PUD_FIRST - 1, PUD_FIRST,
	PUD_FIRST + PUD_PAGES - 1, PUD_FIRST + PUD_PAGES, 7, 6, 900,
	PUD_FIRST + PUD_PAGES + PAGES(6 * MIB) + 8, PUD_FIRST + 54321,
};

static void shape_init(struct shape *s, unsigned int flags)
{
	igt_require(vram.size >= 2 * VRAM_PUD + 8 * MIB);
	*s = (struct shape){
		.args = { .flags = flags },
		.extents = whole,
		.nr = ARRAY_SIZE(whole),
	};
	shape_set(&vram, s);
}

/* All that is harvested is what the model has, in the same runs. */
static void check_harvest(struct view *w)
{
	uint64_t page = w->page, end = w->page + w->m.nr_pages;
	unsigned long at = 0, nr, want;

	for (;;) {
		nr = shape_harvest(&vram, &page, end);
		want = fill_harvest(&w->f, &at);
		igt_assert_eq_u64(nr, want);
		if (!nr)
			return;
		igt_assert_eq_u64(page, w->page + at);
		page += nr;
		at += nr;
	}
}

static void check_read(unsigned int flags)
{
	struct shape s;
	struct view w;

	shape_init(&s, flags);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	view_touch(&w, 0, false);
	igt_assert_eq_u64(w.f.faults, 1);
	igt_assert_eq_u64(w.f.pud, 1);
	fill_check(&w.f, &vram);
	view_touch(&w, PUD_FIRST + 1, false);
	view_check_word(&w, &vram, PUD_FIRST + 1);
	check_harvest(&w);
	fill_check(&w.f, &vram);
	view_fini(&w);
	shape_fini(&vram, &s);
}

/* Write, look at every leaf, and at the content through the other path. */
static void write_page(struct view *w, unsigned long page)
{
	view_touch(w, page, true);
	*view_word(w, page) = page + 1;
	igt_assert_eq_u64(vram_peek(&vram, w->m.pa[page]), page + 1);
}

static void check_write(unsigned int flags)
{
	struct shape s;
	struct view w;
	unsigned int i;

	/* First writes to what is not mapped... */
	shape_init(&s, flags);
	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
		write_page(&w, writes[i]);
		igt_assert_eq_u64(w.f.faults, 1);
		fill_check(&w.f, &vram);
		check_harvest(&w);
		view_fini(&w);
	}

	/* ... and to what is, read-only. */
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	view_touch(&w, 0, false);
	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		write_page(&w, writes[i]);
		fill_check(&w.f, &vram);
	}
	check_harvest(&w);
	fill_check(&w.f, &vram);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_again_in(struct view *w)
{
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		for (i = round; i < ARRAY_SIZE(writes); i++)
			write_page(w, writes[i] % w->m.nr_pages);
		check_harvest(w);
		fill_check(&w->f, &vram);
		check_harvest(w);
		for (i = 0; i < ARRAY_SIZE(writes); i++) {
			view_touch(w, writes[i] % w->m.nr_pages, false);
			view_check_word(w, &vram, writes[i] % w->m.nr_pages);
		}
		fill_check(&w->f, &vram);
		check_harvest(w);
	}
}

static void check_again(unsigned int flags)
{
	struct shape s;
	struct view w;

	shape_init(&s, flags);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	check_again_in(&w);
	view_fini(&w);
	/* A mapping that begins in the middle of the object. */
	view_init(&w, &vram, &s, PUD_FIRST - 100, PUD_PAGES / 4, 0, RW);
	check_again_in(&w);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_small(unsigned int flags)
{
	static const unsigned long budgets[] = { 0, 1, 16, 1024 };
	struct shape s;
	struct view w;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(budgets); i++) {
		s = (struct shape){
			.args = { .flags = flags, .max_ptes = budgets[i] },
			.extents = small,
			.nr = ARRAY_SIZE(small),
		};
		shape_set(&vram, &s);
		view_init(&w, &vram, &s, 0, s.nr_pages, VRAM_PAGE, RW);
		check_again_in(&w);
		view_fini(&w);
		shape_fini(&vram, &s);
	}
}

static void check_populate(unsigned int flags)
{
	struct shape s;
	struct view w;

	shape_init(&s, flags | VRAM_TEST_SHAPE_POPULATE);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	fill_check(&w.f, &vram);
	check_harvest(&w);
	check_again_in(&w);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_fork(unsigned int flags)
{
	struct shape s;
	struct view w;
	unsigned long at = 0;
	uint64_t page = 0;

	shape_init(&s, flags);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	view_touch(&w, 0, false);
	write_page(&w, PUD_FIRST + 700);
	check_harvest(&w);
	write_page(&w, 700);
	fill_fork(&w.f);
	igt_fork(child, 1) {
		/* It begins with all that its parent has kept. */
		fill_check(&w.f, &vram);
		vram_faults();
		write_page(&w, 700);
		write_page(&w, 2);
		write_page(&w, 3000);
		fill_check(&w.f, &vram);
	}
	igt_waitchildren();
	fill_check(&w.f, &vram);
	igt_assert_lte_u64(1, shape_harvest(&vram, &page, s.nr_pages));
	igt_assert_eq_u64(page, 2);
	while (shape_harvest(&vram, &page, s.nr_pages))
		page++;
	fill_harvest(&w.f, &at);
	igt_assert_eq_u64(*view_word(&w, 3000), 3001);
	igt_assert_eq_u64(*view_word(&w, 2), 3);
	view_fini(&w);
	shape_fini(&vram, &s);
}

/* Pages that are harvested now; the rest of the model is no longer kept. */
static bool is_dirty(uint64_t page)
{
	uint64_t at = page;

	return shape_harvest(&vram, &at, page + 1) == 1 && at == page;
}

static void check_mprotect(unsigned int flags)
{
	static const unsigned long pages[] = { 3, 900, PUD_FIRST + 99 };
	struct shape s;
	struct view w;
	unsigned int i;

	shape_init(&s, flags);
	/* Read only at first. */
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, PROT_READ);
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		view_touch(&w, pages[i], false);
	fill_check(&w.f, &vram);
	igt_assert_eq(mprotect(w.addr, w.len, RW), 0);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		igt_assert(!is_dirty(pages[i]));
		*view_word(&w, pages[i]) = i;
		igt_assert(is_dirty(pages[i]));
	}
	view_fini(&w);

	/* Writable, written, harvested, read, and the access taken and given. */
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		*view_word(&w, pages[i]) = i;
		igt_assert(is_dirty(pages[i]));
		*view_word(&w, pages[i]);
		igt_assert_eq(mprotect(w.addr, w.len, PROT_READ), 0);
		igt_assert_eq(vram_signal_of(view_word(&w, pages[i]), true),
			      SIGSEGV);
		igt_assert_eq(mprotect(w.addr, w.len, RW), 0);
		igt_assert(!is_dirty(pages[i]));
		*view_word(&w, pages[i]) = i + 1;
		igt_assert(is_dirty(pages[i]));
		igt_assert(!is_dirty(pages[i]));
	}

	/* Written and not harvested yet: it may stay writable, and is dirty. */
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		*view_word(&w, pages[i]) = i;
		igt_assert_eq(mprotect(w.addr, w.len, PROT_READ), 0);
		igt_assert_eq(mprotect(w.addr, w.len, RW), 0);
		*view_word(&w, pages[i]) = i + 1;
		igt_assert(is_dirty(pages[i]));
		*view_word(&w, pages[i]) = i + 2;
		igt_assert(is_dirty(pages[i]));
	}
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_views(unsigned int flags)
{
	static const unsigned long pages[] = { 3, 900, PUD_FIRST + 99 };
	struct view a, b;
	struct shape s;
	unsigned int i;

	shape_init(&s, flags);
	view_init(&a, &vram, &s, 0, s.nr_pages, 0, RW);
	view_init(&b, &vram, &s, 0, s.nr_pages, VRAM_PAGE, RW);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		*view_word(&a, pages[i]) = 1;
		*view_word(&b, pages[i]) = 2;
		igt_assert(is_dirty(pages[i]));
		igt_assert(!is_dirty(pages[i]));
		*view_word(&b, pages[i]) = 3;
		igt_assert(is_dirty(pages[i]));
		*view_word(&a, pages[i]) = 4;
		igt_assert(is_dirty(pages[i]));
		igt_assert_eq_u64(*view_word(&b, pages[i]), 4);
	}
	view_fini(&a);
	view_fini(&b);
	shape_fini(&vram, &s);
}

#define RACE_THREADS	3
#define RACE_PAGES	(PAGES(6 * MIB))
#define RACE_SECONDS	4

/*
 * The word of a page that a thread writes is its own; what the cleaner copies is a
 * page. A harvest first cleans the page, so a write that is not in the copy must
 * be reported again.
 */
struct race {
	struct view w;
	atomic_bool stop;
	uint64_t last[RACE_THREADS][RACE_PAGES];
	uint64_t copy[RACE_THREADS][RACE_PAGES];
	unsigned long harvested;
};

struct writer {
	struct race *race;
	unsigned int nr;
	unsigned long writes;
	pthread_t thread;
};

static void *race_write(void *data)
{
	struct writer *me = data;
	struct race *race = me->race;
	unsigned int seed = me->nr;
	uint64_t value = 0;

	while (!race->stop) {
		/* Bursts on few pages: a page is written while it is harvested. */
		unsigned long page = rand_r(&seed) % RACE_PAGES;
		int i;

		if (rand_r(&seed) & 3)
			page %= 8;
		for (i = rand_r(&seed) % 64; i >= 0; i--) {
			value++;
			view_word(&race->w, page)[me->nr] = value;
			race->last[me->nr][page] = value;
			me->writes++;
		}
	}
	return NULL;
}

static void race_copy(struct race *race, uint64_t page, unsigned long nr)
{
	uint64_t words[RACE_THREADS];
	unsigned int i;

	for (; nr; nr--, page++) {
		off_t at = race->w.m.pa[page] - vram.base_pfn * VRAM_PAGE;

		igt_assert_eq(pread(vram.test, words, sizeof(words), at),
			      sizeof(words));
		for (i = 0; i < RACE_THREADS; i++)
			race->copy[i][page] = words[i];
		race->harvested++;
	}
}

static void race_clean(struct race *race)
{
	unsigned long nr;
	uint64_t page;

	for (page = 0; (nr = shape_harvest(&vram, &page, RACE_PAGES)); page += nr)
		race_copy(race, page, nr);
}

static void race_check(const struct race *race)
{
	unsigned long i, page;

	for (i = 0; i < RACE_THREADS; i++) {
		for (page = 0; page < RACE_PAGES; page++)
			igt_assert_f(race->copy[i][page] == race->last[i][page],
				     "page %#lx: copy has %#lx, thread %lu wrote %#lx\n",
				     page, race->copy[i][page], i,
				     race->last[i][page]);
	}
}

static void check_threads(unsigned int flags)
{
	const struct vram_test_extent one = { 0, 64 * MIB, RACE_PAGES };
	struct shape s = {
		.args = { .flags = flags }, .extents = &one, .nr = 1,
	};
	struct writer writers[RACE_THREADS];
	struct race *race = calloc(1, sizeof(*race));
	time_t end = time(NULL) + RACE_SECONDS;
	unsigned long i, sum = 0;

	igt_assert(race);
	shape_set(&vram, &s);
	view_init(&race->w, &vram, &s, 0, s.nr_pages, 0, RW);
	memset(race->w.addr, 0, race->w.len);
	for (i = 0; i < RACE_THREADS; i++) {
		writers[i] = (struct writer){ .race = race, .nr = i };
		igt_assert_eq(pthread_create(&writers[i].thread, NULL, race_write,
					     &writers[i]), 0);
	}
	/* However slow the kernel, until a page has been written to again. */
	while (time(NULL) < end || race->harvested <= RACE_PAGES)
		race_clean(race);
	race->stop = true;
	for (i = 0; i < RACE_THREADS; i++) {
		pthread_join(writers[i].thread, NULL);
		sum += writers[i].writes;
	}
	race_clean(race);
	igt_info("%lu writes, %lu pages harvested\n", sum, race->harvested);
	igt_assert_lte_u64(RACE_PAGES + 1, race->harvested);
	race_check(race);
	view_fini(&race->w);
	shape_fini(&vram, &s);
	free(race);
}

static const struct {
	const char *name;
	unsigned int flags;
} tracks[] = {
	{ "pages", VRAM_TEST_SHAPE_DIRTY },
	{ "leaves", VRAM_TEST_SHAPE_DIRTY | VRAM_TEST_SHAPE_DIRTY_LEAVES },
};

static const struct {
	const char *name;
	const char *what;
	void (*run)(unsigned int flags);
} checks[] = {
	{ "read", "Check that reads map read-only leaves", check_read },
	{ "write", "Check what a write makes writable", check_write },
	{ "again", "Check that a write after a harvest is reported", check_again },
	{ "small", "Check tracking where no huge leaf fits", check_small },
	{ "populate", "Check tracking of memory mapped early", check_populate },
	{ "fork", "Check that a child's writes are reported", check_fork },
	{ "mprotect", "Check that mprotect() lets no write pass", check_mprotect },
	{ "views", "Check that one harvest covers all mappings", check_views },
	{ "threads", "Check that no write is lost in a race", check_threads },
};

igt_main()
{
	unsigned int i, j;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(tracks); i++) {
		for (j = 0; j < ARRAY_SIZE(checks); j++) {
			igt_describe(checks[j].what);
			igt_subtest_f("%s-%s", tracks[i].name, checks[j].name)
				checks[j].run(tracks[i].flags);
		}
	}

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
