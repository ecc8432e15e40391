// SPDX-License-Identifier: MIT
/**
 * TEST: ttm range mock
 * Description: Check ttm_range with a second driver, which does all in another way
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: map-%s
 * Description: a buffer in %arg[1] shows its content, both ways, and has the leaves
 *	that its pages allow, though the driver tells of single pages
 *
 * arg[1]:
 *
 * @vram:	VRAM, by chunks of 2 MiB that do not adjoin
 * @scatter:	VRAM, each page from another place
 * @system:	system memory
 *
 * SUBTEST: dirty-%s
 * Description: of a buffer in %arg[1], just the pages that were written to are
 *	reported, once for each harvest, whatever leaf held them
 *
 * arg[1]:
 *
 * @vram:	VRAM, by chunks of 2 MiB that do not adjoin
 * @scatter:	VRAM, each page from another place
 * @system:	system memory
 *
 * SUBTEST: dirty-move
 * Description: reports survive moves, and pages that came to another place are
 *	watched there
 *
 * SUBTEST: evict
 * Description: buffers for three times the VRAM keep their content, and those that
 *	return have the leaves that they had
 *
 * SUBTEST: swap
 * Description: what was swapped out comes back at a touch
 *
 * SUBTEST: cleaner
 * Description: while threads write and the buffer moves, a cleaner that harvests and
 *	copies has the last value of every page in the end
 *
 * SUBTEST: prepare-moves
 * Description: a buffer where no process may see it is moved by the first fault, and
 *	again by the next one after each return; it has its content and the leaves that
 *	its new place allows
 *
 * SUBTEST: prepare-evicts
 * Description: such a fault evicts others for it, which keep their content
 *
 * SUBTEST: prepare-waits
 * Description: what the driver leaves to wait for is waited for before it is seen
 *
 * SUBTEST: prepare-fails
 * Description: a buffer that the driver cannot bring to where it may be seen gets
 *	SIGBUS and no leaf, until it is moved; a debugger reads it all the while
 *
 * SUBTEST: unplug
 * Description: mappings of a device that is gone show zeroes
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "fill.h"
#include "igt.h"
#include "mock.h"
#include "model.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check ttm_range with a second driver");

#define MIB	(1ull << 20)
#define RW	(PROT_READ | PROT_WRITE)
/* Three chunks, and a ragged tail. */
#define SIZE	(6 * MIB + 5 * VRAM_PAGE)
#define PAGES	(SIZE / VRAM_PAGE)
/* VRAM of the mock. */
#define TOTAL	(32 * MIB)

static const struct kind {
	const char *name;
	enum mock_place place;
	uint32_t flags;
} kinds[] = {
	{ "vram", MOCK_VRAM, 0 },
	{ "scatter", MOCK_VRAM, MOCK_CREATE_SCATTER },
	{ "system", MOCK_SYSTEM, 0 },
};

static const struct kind hidden = { "hidden", MOCK_HIDDEN, 0 };
static const struct kind late = { "late", MOCK_HIDDEN, MOCK_CREATE_LATE };
static const struct kind stays = { "stays", MOCK_HIDDEN, MOCK_CREATE_STAY };

static struct vram vram;
static int mock;

/* A mapped buffer and what is known of its page tables. */
struct subject {
	struct mock_bo bo;
	char *map;
	struct model m;
	struct fill f;
};

/* The buffer is somewhere else now, and will be seen there. */
static void expect_here(struct subject *s)
{
	mock_bo_model(&s->bo, &s->m, s->map);
	fill_init(&s->f, &s->m);
	s->f.track = FILL_TRACK_PAGES;
}

/* Nothing is mapped; the tables that were there do no harm. */
static void expect_nothing(struct subject *s)
{
	expect_here(s);
	fill_check(&s->f, &vram);
}

static void subject_init(struct subject *s, const struct kind *kind)
{
	mock_bo_create(mock, &s->bo, SIZE, kind->place, kind->flags);
	s->map = mock_bo_map(&s->bo, RW);
	expect_nothing(s);
}

static void forget(struct subject *s)
{
	fill_fini(&s->f);
	model_fini(&s->m);
}

static void subject_fini(struct subject *s)
{
	forget(s);
	vram_unmap(s->map, SIZE);
	mock_bo_destroy(&s->bo);
}

static volatile uint64_t *word(const struct subject *s, unsigned long page)
{
	return (volatile uint64_t *)(s->map + page * VRAM_PAGE);
}

/* One access, and the faults that it must take. */
static uint64_t touch(struct subject *s, unsigned long page, bool write,
		      uint64_t value)
{
	unsigned long want = s->f.faults, faults;

	fill_touch(&s->f, page, write);
	want = s->f.faults - want;
	faults = vram_faults();
	if (write)
		*word(s, page) = value;
	else
		value = *word(s, page);
	faults = vram_faults() - faults;
	igt_assert_f(faults == want, "page %#lx: %lu faults and not %lu\n", page,
		     faults, want);
	return value;
}

static uint64_t stamp(unsigned long page, int round)
{
	return vram_stamp(page * VRAM_PAGE, round);
}

static void device_writes_all(const struct subject *s, int round)
{
	unsigned long page;

	for (page = 0; page < PAGES; page++)
		mock_bo_write(&s->bo, page * VRAM_PAGE, stamp(page, round));
}

static void check_map(const struct kind *kind)
{
	/* Begins in the middle of a leaf. */
	static const unsigned long first[] = { 700, 0, PAGES - 1 };
	struct model_sum sum;
	unsigned long page;
	struct subject s;
	unsigned int i;

	subject_init(&s, kind);
	device_writes_all(&s, 1);
	for (i = 0; i < ARRAY_SIZE(first); i++) {
		igt_assert_eq_u64(touch(&s, first[i], false, 0),
				  stamp(first[i], 1));
		fill_check(&s.f, &vram);
	}
	for (page = 0; page < PAGES; page++)
		igt_assert_eq_u64(touch(&s, page, false, 0), stamp(page, 1));
	fill_check(&s.f, &vram);
	sum = model_sum(&s.m);
	igt_info("%lu PMD leaves, %lu PTEs, %lu faults\n", sum.pmd, sum.pte,
		 s.f.faults);
	if (kind->place == MOCK_VRAM)
		igt_assert_eq_u64(sum.pmd, kind->flags ? 0 : SIZE / VRAM_PMD);

	for (page = 0; page < PAGES; page += 7)
		touch(&s, page, true, stamp(page, 2));
	for (page = 0; page < PAGES; page++)
		igt_assert_eq_u64(mock_bo_read(&s.bo, page * VRAM_PAGE),
				  stamp(page, page % 7 ? 1 : 2));
	fill_check(&s.f, &vram);
	subject_fini(&s);
}

/* All that is harvested is what the model has, in the same runs. */
static void check_harvest(struct subject *s)
{
	unsigned long at = 0, nr;
	uint64_t page = 0;

	do {
		nr = fill_harvest(&s->f, &at);
		igt_assert_eq_u64(mock_bo_harvest(&s->bo, &page), nr);
		if (nr)
			igt_assert_eq_u64(page, at);
		page += nr;
		at += nr;
	} while (nr);
}

static const unsigned long writes[] = {
	700, 701, 3, 511, 512, 700, 1023, 1024, PAGES - 1, 0, 1300,
};

/* A debugger's write goes past the mapping. */
static void check_ptrace(struct subject *s, unsigned long page)
{
	const off_t at = (uintptr_t)word(s, page) + VRAM_PAGE - 4;
	uint64_t value = stamp(page, 77), first = 0;
	int fd = open("/proc/self/mem", O_RDWR);

	igt_assert_fd(fd);
	igt_assert_eq(pwrite(fd, &value, sizeof(value), at), sizeof(value));
	close(fd);
	igt_assert_eq_u64(mock_bo_read(&s->bo, (page + 1) * VRAM_PAGE) &
			  0xffffffff, value >> 32);
	igt_assert_eq_u64(mock_bo_harvest(&s->bo, &first), 2);
	igt_assert_eq_u64(first, page);
	fill_zap(&s->f, page, 2);
}

static void check_dirty(const struct kind *kind)
{
	struct subject s;
	unsigned int round, i;

	subject_init(&s, kind);
	touch(&s, 600, false, 0);
	check_harvest(&s);
	for (round = 0; round < 3; round++) {
		for (i = round; i < ARRAY_SIZE(writes); i++) {
			touch(&s, writes[i], true, stamp(writes[i], round));
			fill_check(&s.f, &vram);
		}
		check_harvest(&s);
		fill_check(&s.f, &vram);
		check_harvest(&s);
		check_ptrace(&s, 900 + round);
		for (i = round; i < ARRAY_SIZE(writes); i++)
			igt_assert_eq_u64(touch(&s, writes[i], false, 0),
					  stamp(writes[i], round));
	}
	subject_fini(&s);
}

/* What was written before the move must be reported after it, and again if written. */
static void check_dirty_move(void)
{
	static const enum mock_place to[] = { MOCK_SYSTEM, MOCK_VRAM };
	struct subject s;
	uint64_t page;
	unsigned int i;

	subject_init(&s, &kinds[0]);
	for (i = 0; i < 6; i++) {
		touch(&s, 700 + i, true, stamp(0, i));
		igt_assert_eq(mock_bo_move(&s.bo, to[i % 2]), 0);
		forget(&s);
		expect_nothing(&s);
		fill_core_tables(&s.f, 700, 1);
		if (i)
			fill_core_tables(&s.f, 100, 1);
		igt_assert_eq_u64(touch(&s, 700 + i, false, 0), stamp(0, i));
		/* A page where it was written is watched where it is now. */
		touch(&s, 100 + i, true, i);
		fill_check(&s.f, &vram);

		page = 0;
		igt_assert_eq_u64(mock_bo_harvest(&s.bo, &page), 1);
		igt_assert_eq_u64(page++, 100 + i);
		igt_assert_eq_u64(mock_bo_harvest(&s.bo, &page), 1);
		igt_assert_eq_u64(page++, 700 + i);
		igt_assert_eq_u64(mock_bo_harvest(&s.bo, &page), 0);
		fill_zap(&s.f, 100 + i, 1);
		fill_zap(&s.f, 700 + i, 1);
		fill_check(&s.f, &vram);
	}
	subject_fini(&s);
}

static enum mock_place place_of(const struct subject *s)
{
	uint64_t pfns[PAGES];

	return mock_bo_place(&s->bo, pfns);
}

static bool evicted(const struct subject *s)
{
	return place_of(s) == MOCK_SYSTEM;
}

static unsigned int prepares(const struct subject *s)
{
	return mock_bo_access(&s->bo, 0, 0, 0).prepares;
}

#define EVICT	(3 * TOTAL / SIZE + 1)

static void check_evict(void)
{
	struct subject s[EVICT];
	unsigned int i, round, away = 0;
	unsigned long page;
	struct model_sum sum;

	for (i = 0; i < EVICT; i++) {
		subject_init(&s[i], &kinds[0]);
		for (page = 0; page < PAGES; page++)
			*word(&s[i], page) = stamp(page, i);
	}
	for (round = 0; round < 2; round++) {
		for (i = 0; i < EVICT; i++) {
			away += evicted(&s[i]);
			for (page = 0; page < PAGES; page++)
				igt_assert_eq_u64(*word(&s[i], page),
						  stamp(page, i + round));
			igt_assert_eq(mock_bo_move(&s[i].bo, MOCK_VRAM), 0);
			forget(&s[i]);
			expect_nothing(&s[i]);
			fill_core_tables(&s[i].f, 0, PAGES);
			for (page = 0; page < PAGES; page++)
				igt_assert_eq_u64(touch(&s[i], page, false, 0),
						  stamp(page, i + round));
			fill_check(&s[i].f, &vram);
			sum = model_sum(&s[i].m);
			/* At least; ragged tails have broken some chunks. */
			igt_assert_lte_u64(1, sum.pmd);
			for (page = 0; page < PAGES; page++)
				*word(&s[i], page) = stamp(page, i + round + 1);
		}
	}
	igt_info("%u of %u buffers had been evicted\n", away, 2 * (unsigned int)EVICT);
	igt_assert_eq(away, 2 * EVICT);
	for (i = 0; i < EVICT; i++)
		subject_fini(&s[i]);
}

static void check_swap(void)
{
	struct subject s;
	unsigned long page;
	int round;

	subject_init(&s, &kinds[2]);
	for (page = 0; page < PAGES; page++)
		*word(&s, page) = stamp(page, 0);
	for (round = 0; round < 2; round++) {
		struct vram_test_leaf *leaves;
		unsigned int nr;

		igt_assert_lte_u64(PAGES, mock_swap(mock));
		leaves = vram_leaves(&vram, s.map, SIZE, &nr);
		igt_assert_eq(nr, 0);
		free(leaves);
		for (page = 0; page < PAGES; page++)
			igt_assert_eq_u64(*word(&s, page), stamp(page, round));
		forget(&s);
		mock_bo_model(&s.bo, &s.m, s.map);
		/* Writes have brought page tables, which the library may replace. */
		if (!vram_makes_tables)
			memset(s.m.shift, 12, s.m.nr_pages);
		model_check(&s.m, &vram, PROT_READ);
		fill_init(&s.f, &s.m);
		for (page = 0; page < PAGES; page++)
			*word(&s, page) = stamp(page, round + 1);
	}
	/* From swap straight into VRAM. */
	igt_assert_lte_u64(PAGES, mock_swap(mock));
	igt_assert_eq(mock_bo_move(&s.bo, MOCK_VRAM), 0);
	for (page = 0; page < PAGES; page++)
		igt_assert_eq_u64(*word(&s, page), stamp(page, 2));
	subject_fini(&s);
}

/* One fault moves the buffer and maps what there is then. */
static void reveal(struct subject *s, unsigned long page, uint64_t want, bool again)
{
	unsigned int asked = prepares(s);
	unsigned long faults;

	igt_assert_eq(place_of(s), MOCK_HIDDEN);
	faults = vram_faults();
	igt_assert_eq_u64(*word(s, page), want);
	igt_assert_eq_u64(vram_faults() - faults, 1);
	igt_assert_eq(place_of(s), MOCK_VRAM);
	igt_assert_lte(asked + 1, prepares(s));
	forget(s);
	expect_here(s);
	/* Those of the page that is written, and of the ragged tail. */
	if (again) {
		fill_core_tables(&s->f, 3, 1);
		fill_core_tables(&s->f, PAGES - 1, 1);
	}
	fill_touch(&s->f, page, false);
	fill_check(&s->f, &vram);
}

static void check_prepare_moves(void)
{
	struct subject s;
	unsigned long page;
	int round;

	subject_init(&s, &hidden);
	device_writes_all(&s, 0);
	for (round = 0; round < 3; round++) {
		reveal(&s, 700, stamp(700, 0), round);
		for (page = 0; page < PAGES; page++)
			igt_assert_eq_u64(touch(&s, page, false, 0),
					  stamp(page, page == 3 ? round : 0));
		fill_check(&s.f, &vram);
		igt_assert_eq_u64(model_sum(&s.m).pmd, SIZE / VRAM_PMD);
		touch(&s, 3, true, stamp(3, round + 1));
		fill_check(&s.f, &vram);
		igt_assert_eq(mock_bo_move(&s.bo, MOCK_HIDDEN), 0);
		forget(&s);
		expect_nothing(&s);
	}
	subject_fini(&s);
}

#define FULL	(TOTAL / SIZE)

static void check_prepare_evicts(void)
{
	struct subject s[FULL + 1];
	unsigned int i, away = 0;
	unsigned long page;

	for (i = 0; i < FULL; i++) {
		subject_init(&s[i], &kinds[0]);
		for (page = 0; page < PAGES; page++)
			*word(&s[i], page) = stamp(page, i);
	}
	subject_init(&s[FULL], &hidden);
	device_writes_all(&s[FULL], FULL);
	reveal(&s[FULL], 700, stamp(700, FULL), false);
	for (i = 0; i <= FULL; i++) {
		away += evicted(&s[i]);
		for (page = 0; page < PAGES; page++)
			igt_assert_eq_u64(*word(&s[i], page), stamp(page, i));
	}
	igt_assert_eq(away, 1);
	for (i = 0; i <= FULL; i++)
		subject_fini(&s[i]);
}

static void check_prepare_waits(void)
{
	struct subject s;
	unsigned int asked;
	int round;

	subject_init(&s, &late);
	device_writes_all(&s, 1);
	for (round = 0; round < 2; round++) {
		asked = prepares(&s);
		igt_assert_eq_u64(*word(&s, 0), stamp(0, 1));
		igt_assert_eq(place_of(&s), MOCK_VRAM);
		/* Once to move it, and once after the wait without the lock. */
		igt_assert_lte(asked + 2, prepares(&s));
		igt_assert_eq(mock_bo_move(&s.bo, MOCK_HIDDEN), 0);
	}
	subject_fini(&s);
}

static void expect_refusal(const struct subject *s)
{
	const unsigned long page = 700;
	int fd = open("/proc/self/mem", O_RDONLY);
	uint64_t value;

	igt_assert_eq(vram_signal_of(word(s, page), false), SIGBUS);
	igt_assert_eq(vram_signal_of(word(s, page), true), SIGBUS);
	igt_assert_eq(place_of(s), MOCK_HIDDEN);
	fill_check(&s->f, &vram);

	igt_assert_fd(fd);
	igt_assert_eq(pread(fd, &value, sizeof(value), (uintptr_t)word(s, page)),
		      sizeof(value));
	close(fd);
	igt_assert_eq_u64(value, stamp(page, 1));
	igt_assert_eq(place_of(s), MOCK_HIDDEN);
}

static void check_prepare_fails(void)
{
	struct subject s;
	int round;

	subject_init(&s, &stays);
	device_writes_all(&s, 1);
	for (round = 0; round < 2; round++) {
		expect_refusal(&s);
		igt_assert_eq(mock_bo_move(&s.bo, MOCK_VRAM), 0);
		forget(&s);
		expect_nothing(&s);
		igt_assert_eq_u64(touch(&s, 700, false, 0), stamp(700, 1));
		fill_check(&s.f, &vram);
		igt_assert_eq(mock_bo_move(&s.bo, MOCK_HIDDEN), 0);
		forget(&s);
		expect_nothing(&s);
	}
	subject_fini(&s);
}

struct cleaner {
	struct subject s;
	atomic_bool stop;
	uint64_t last[2][PAGES];
	uint64_t copy[2][PAGES];
};

struct writer {
	struct cleaner *cleaner;
	unsigned int nr;
};

/* Each has a word of each page. */
static void *write_random(void *arg)
{
	const struct writer *w = arg;
	unsigned int seed = w->nr + 1;

	while (!atomic_load(&w->cleaner->stop)) {
		unsigned long page = rand_r(&seed) % PAGES;

		word(&w->cleaner->s, page)[w->nr] = ++w->cleaner->last[w->nr][page];
	}
	return NULL;
}

static unsigned long clean(struct cleaner *c)
{
	unsigned long sum = 0;
	uint64_t page, nr;

	for (page = 0; (nr = mock_bo_harvest(&c->s.bo, &page)); sum += nr) {
		for (; nr; nr--, sum++, page++) {
			c->copy[0][page] = mock_bo_read(&c->s.bo, page * VRAM_PAGE);
			c->copy[1][page] = mock_bo_read(&c->s.bo,
							page * VRAM_PAGE + 8);
		}
	}
	return sum;
}

static void check_cleaner(void)
{
	struct cleaner *c = calloc(1, sizeof(*c));
	struct writer writers[2];
	unsigned long cleaned = 0, moves = 0;
	pthread_t threads[2];
	time_t end = time(NULL) + 3;
	unsigned int i;

	igt_assert(c);
	subject_init(&c->s, &kinds[0]);
	for (i = 0; i < 2; i++) {
		writers[i] = (struct writer){ c, i };
		igt_assert_eq(pthread_create(&threads[i], NULL, write_random,
					     &writers[i]), 0);
	}
	/* On a slow kernel, until enough has happened. */
	while (time(NULL) < end || !cleaned || moves < 4) {
		cleaned += clean(c);
		if (!mock_bo_move(&c->s.bo, moves % 2 ? MOCK_VRAM : MOCK_SYSTEM))
			moves++;
	}
	atomic_store(&c->stop, true);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cleaned += clean(c);
	igt_info("%lu pages cleaned, %lu moves\n", cleaned, moves);
	igt_assert(cleaned && moves > 3);
	igt_assert_eq(memcmp(c->last, c->copy, sizeof(c->last)), 0);
	subject_fini(&c->s);
	free(c);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	igt_assert_fd(fd);
	igt_assert_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

#define PLATFORM	"/sys/bus/platform/drivers/ttm_mock/"

static void check_unplug(void)
{
	struct subject s[2];
	unsigned long page;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		subject_init(&s[i], &kinds[i ? 2 : 0]);
		for (page = 0; page < PAGES; page += 100)
			*word(&s[i], page) = stamp(page, 1);
	}
	write_file(PLATFORM "unbind", "ttm_mock");
	igt_assert_eq(mock_open(), -1);
	for (i = 0; i < 2; i++) {
		for (page = 0; page < PAGES; page++)
			igt_assert_eq_u64(*word(&s[i], page), 0);
		*word(&s[i], 700) = 5;
		igt_assert_eq_u64(*word(&s[i], 700), 5);
		vram_unmap(s[i].map, SIZE);
		forget(&s[i]);
	}
	close(mock);
	write_file(PLATFORM "bind", "ttm_mock");
	mock = mock_open();
	igt_assert_fd(mock);
	check_map(&kinds[0]);
}

igt_main()
{
	unsigned int i;

	igt_fixture() {
		vram_open(&vram, drm_open_driver(DRIVER_ANY));
		igt_assert_eq(mock_load(), 0);
		mock = mock_open();
		igt_assert_fd(mock);
	}

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		igt_describe("Check content, leaves and faults where single pages are told of");
		igt_subtest_f("map-%s", kinds[i].name)
			check_map(&kinds[i]);
		igt_describe("Check that the pages that were written to are reported");
		igt_subtest_f("dirty-%s", kinds[i].name)
			check_dirty(&kinds[i]);
	}
	igt_describe("Check that no report is lost when a buffer moves");
	igt_subtest("dirty-move")
		check_dirty_move();
	igt_describe("Check buffers for three times the VRAM");
	igt_subtest("evict")
		check_evict();
	igt_describe("Check buffers that were swapped out");
	igt_subtest("swap")
		check_swap();
	igt_describe("Check that a cleaner misses no write");
	igt_subtest("cleaner")
		check_cleaner();
	igt_describe("Check that a fault moves a buffer to where it may be seen");
	igt_subtest("prepare-moves")
		check_prepare_moves();
	igt_describe("Check that a fault that moves a buffer evicts others");
	igt_subtest("prepare-evicts")
		check_prepare_evicts();
	igt_describe("Check that a fault waits for what the driver has begun");
	igt_subtest("prepare-waits")
		check_prepare_waits();
	igt_describe("Check a buffer that must not be seen where it is");
	igt_subtest("prepare-fails")
		check_prepare_fails();
	igt_describe("Check mappings of a device that is gone");
	igt_subtest("unplug")
		check_unplug();

	/* Fails where a subtest has failed, and left a mapping. */
	igt_fixture() {
		close(mock);
		mock_unload();
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
