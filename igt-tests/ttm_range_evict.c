// SPDX-License-Identifier: MIT
/**
 * TEST: ttm range evict
 * Description: Check buffers that take turns in a window that is too small for them
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: overcommit-%s
 * Description: with buffers for %arg[1] the window, each that returns after an eviction
 *	has the leaves, the faults and the page tables of a first touch, and its content
 *
 * arg[1]:
 *
 * @2x:	twice
 * @4x:	four times
 *
 * SUBTEST: moving
 * Description: threads read and write a buffer while it goes to system memory and
 *	comes back, in large blocks and in crumbs: no store is lost, no old page shows
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "fill.h"
#include "igt.h"
#include "model.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check buffers that take turns in a window that is too small");

#define MIB	(1ull << 20)
#define RW	(PROT_READ | PROT_WRITE)
/* What buffers may have of the window. */
#define WINDOW	(32 * MIB)
/* Two PMD leaves and a ragged tail. */
#define SIZE	(4 * MIB + 5 * VRAM_PAGE)
#define PAGES	(SIZE / VRAM_PAGE)
#define SLOTS	3
#define ROUNDS	2

/* A buffer, mapped for as long as it lives, wherever it is. */
struct buffer {
	struct vram_bo bo;
	uint64_t block_size;
	char *map;
	unsigned long faults;	/* that its first touch took */
	struct model_sum sum;	/* what that left */
};

static struct vram vram;

/* Page tables of the whole system, which others may have a few of. */
static long table_pages(void)
{
	char line[128];
	long pages = -1;
	FILE *f = fopen("/proc/vmstat", "r");

	igt_assert(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "nr_page_table_pages %ld", &pages);
	fclose(f);
	igt_assert_lte(0, pages);
	return pages;
}

static void shrink(uint64_t size)
{
	struct vram_test_shrink shrink = { .size = size };

	do_ioctl(vram.test, VRAM_TEST_SHRINK, &shrink);
	if (size)
		igt_assert_eq_u64(vram_avail(&vram), size);
}

static volatile uint64_t *word(const struct buffer *b, unsigned long page)
{
	return (volatile uint64_t *)(b->map + page * VRAM_PAGE);
}

/* What a page holds after a number of rounds. */
static uint64_t stamp(const struct buffer *b, unsigned long page, int round)
{
	return vram_stamp(b->bo.offset + page * VRAM_PAGE, round);
}

/* Return: the faults that it takes. */
static unsigned long read_all(const struct buffer *b, int round)
{
	unsigned long faults = vram_faults(), page;

	for (page = 0; page < PAGES; page++)
		igt_assert_eq_u64(*word(b, page), stamp(b, page, round));
	return vram_faults() - faults;
}

static void write_all(const struct buffer *b, int round)
{
	unsigned long page;

	for (page = 0; page < PAGES; page++)
		*word(b, page) = stamp(b, page, round);
}

static void move_out(const struct buffer *b)
{
	vram_bo_act(&vram, &b->bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_OUT);
}

/* Into the window, where others have to make room. */
static void move_in(struct buffer *b, uint64_t block_size)
{
	vram_bo_act(&vram, &b->bo, VRAM_TEST_BO_BLOCK, block_size);
	vram_bo_act(&vram, &b->bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_IN);
	vram_bo_update(&vram, &b->bo);
	igt_assert(b->bo.nr_blocks);
}

/*
 * Touch all of a buffer that nothing maps yet: faults, leaves and tables must be those
 * of a mapping that never was anywhere else. Return: the leaves.
 */
static struct model_sum touch(struct buffer *b, int round)
{
	unsigned long faults = read_all(b, round);
	struct model_sum sum;
	struct model m;

	model_init(&m, &vram, &b->bo, 0, b->map, SIZE);
	igt_assert_eq_u64(faults, fill_faults(&m));
	model_check(&m, &vram, RW);
	sum = model_sum(&m);
	model_fini(&m);
	b->faults = b->faults ?: faults;
	igt_assert_eq_u64(faults, b->faults);
	return sum;
}

static void buffer_init(struct buffer *b, uint64_t block_size)
{
	unsigned long faults = 0;
	struct model m;
	long bytes;

	*b = (struct buffer){ .block_size = block_size };
	vram_bo_create(&vram, &b->bo, SIZE, block_size, 0);
	b->map = vram_map(&vram, &b->bo, 0, SIZE, 0, RW);
	model_init(&m, &vram, &b->bo, 0, b->map, SIZE);
	b->sum = model_sum(&m);
	bytes = vram_table_bytes();
	faults = vram_faults();
	write_all(b, 0);
	b->faults = vram_faults() - faults;
	igt_assert_eq_u64(b->faults, fill_faults(&m));
	igt_assert_eq_u64(vram_table_bytes() - bytes, b->sum.table_bytes);
	model_check(&m, &vram, RW);
	model_fini(&m);
}

static void buffer_fini(struct buffer *b)
{
	vram_unmap(b->map, SIZE);
	vram_bo_destroy(&vram, &b->bo);
}

static bool evicted(struct buffer *b)
{
	vram_bo_update(&vram, &b->bo);
	return !b->bo.nr_blocks;
}

/*
 * The buffer's turn: mapped by PTEs for a while, as the window is full of crumbs, then
 * in system memory; back again, all is as it was in the beginning. Return: how many
 * bytes of page tables it has more than before its turn.
 */
static long take_turn(struct buffer *b, int round)
{
	long bytes = vram_table_bytes();
	struct model_sum sum;

	read_all(b, round);
	move_out(b);
	move_in(b, VRAM_PAGE);
	read_all(b, round);
	move_out(b);
	read_all(b, round);
	move_in(b, b->block_size);
	sum = touch(b, round);
	if (b->block_size == VRAM_PMD) {
		igt_assert_eq_u64(sum.pmd, SLOTS - 1);
		igt_assert_eq_u64(sum.pmd, b->sum.pmd);
		igt_assert_eq_u64(sum.pte, b->sum.pte);
	}
	write_all(b, round + 1);
	bytes = sum.table_bytes - b->sum.table_bytes - (vram_table_bytes() - bytes);
	b->sum = sum;
	return bytes;
}

static uint64_t promoted(void)
{
	struct vram_test_stats stats = {};

	do_ioctl(vram.test, VRAM_TEST_STATS, &stats);
	return stats.count[VRAM_TEST_COUNT_PROMOTED];
}

static void check_overcommit(unsigned int times)
{
	static const uint64_t block_sizes[] = { VRAM_PMD, 64 * 1024, VRAM_PMD, 0 };
	unsigned int nr = times * WINDOW / SIZE + 1, away = 0, i;
	struct buffer *buffers = calloc(nr, sizeof(*buffers));
	uint64_t before, regained;
	long bytes, pages, want;
	int round;

	igt_assert(buffers);
	shrink(WINDOW);
	igt_assert_lte_u64(times * WINDOW, nr * SIZE);
	/* Once to have all memory of this program that it takes. */
	buffer_init(&buffers[0], VRAM_PMD);
	take_turn(&buffers[0], 0);
	buffer_fini(&buffers[0]);
	before = promoted();
	bytes = vram_table_bytes();
	pages = table_pages();
	for (i = 0; i < nr; i++)
		buffer_init(&buffers[i], block_sizes[i % ARRAY_SIZE(block_sizes)]);

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < nr; i++) {
			away += evicted(&buffers[i]);
			igt_assert_eq_u64(take_turn(&buffers[i], round), 0);
		}
	}
	regained = promoted() - before;
	igt_info("%u buffers, %u returns, %u of them after evictions by others; %llu leaves took the place of a page table\n",
		 nr, nr * ROUNDS, away, (unsigned long long)regained);
	/* Each return found somebody in its place, and pushed out the next one. */
	igt_assert_eq(away, nr * ROUNDS);
	/* Half of them have two leaves to regain. */
	igt_assert_lte_u64(2ull * ROUNDS * (nr / 2), regained);

	/* Exactly the tables of the leaves count for the process... */
	for (i = 0, want = 0; i < nr; i++)
		want += buffers[i].sum.table_bytes;
	igt_assert_eq_u64(vram_table_bytes() - bytes, want);
	/* ... and at most one more for each slot is kept; counts of CPUs lag behind. */
	pages = table_pages() - pages;
	igt_assert_f(pages <= want / (long)VRAM_PAGE + nr * SLOTS + 64,
		     "%ld page tables more, of which %ld are in use\n", pages,
		     want / (long)VRAM_PAGE);

	for (i = 0; i < nr; i++)
		buffer_fini(&buffers[i]);
	igt_assert_eq_u64(vram_table_bytes(), bytes);
	free(buffers);
	shrink(0);
	igt_assert_eq_u64(vram_avail_settles(&vram, vram.size), vram.size);
}

#define WRITERS	2

/* Each writer has one word of each page, and knows what it wrote last. */
struct moving {
	struct buffer b;
	atomic_bool stop;
	atomic_ulong wrong;
	uint64_t last[WRITERS][PAGES];
	unsigned long writes[WRITERS];
	unsigned long reads;
};

struct writer {
	struct moving *moving;
	unsigned int nr;
};

static unsigned long draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ull >> 33;
}

static void *writer(void *arg)
{
	const struct writer *w = arg;
	struct moving *moving = w->moving;
	uint64_t state = w->nr + 1;

	while (!atomic_load(&moving->stop)) {
		unsigned long page = draw(&state) % PAGES;
		volatile uint64_t *at = word(&moving->b, page) + w->nr;

		if (*at != moving->last[w->nr][page])
			atomic_fetch_add(&moving->wrong, 1);
		*at = ++moving->last[w->nr][page];
		moving->writes[w->nr]++;
	}
	return NULL;
}

/* What was seen once is there or newer. */
static void *reader(void *arg)
{
	static uint64_t seen[WRITERS][PAGES];
	struct moving *moving = arg;
	uint64_t state = 99;

	while (!atomic_load(&moving->stop)) {
		unsigned long page = draw(&state) % PAGES;
		unsigned int nr = draw(&state) % WRITERS;
		uint64_t now = word(&moving->b, page)[nr];

		if (now < seen[nr][page])
			atomic_fetch_add(&moving->wrong, 1);
		seen[nr][page] = now;
		moving->reads++;
	}
	return NULL;
}

/*
 * As move_in(). TTM does not wait for a buffer in the way that somebody has locked, be
 * it for a fault, and says that there is no memory.
 */
static void push_in(struct buffer *b, uint64_t block_size)
{
	struct vram_test_bo act = {
		.drm_fd = vram.drm,
		.handle = b->bo.handle,
		.arg = VRAM_TEST_MOVE_IN,
	};
	int tries = 1000;

	vram_bo_act(&vram, &b->bo, VRAM_TEST_BO_BLOCK, block_size);
	while (ioctl(vram.test, VRAM_TEST_MOVE, &act) && tries--)
		igt_assert_eq(errno, ENOMEM);
	igt_assert(tries);
}

static unsigned int move_about(struct moving *moving, struct buffer *other,
			       time_t seconds)
{
	static const uint64_t block_sizes[] = { VRAM_PMD, VRAM_PAGE, 0 };
	time_t end = time(NULL) + seconds;
	unsigned int moves = 0;

	while (time(NULL) < end) {
		push_in(&moving->b, block_sizes[moves % ARRAY_SIZE(block_sizes)]);
		usleep(2000);
		/* Out by its own, or to make room for another. */
		if (moves++ % 2)
			move_out(&moving->b);
		else
			push_in(other, VRAM_PMD);
		usleep(2000);
		move_out(other);
	}
	return moves;
}

static void check_moving(void)
{
	struct moving *moving = calloc(1, sizeof(*moving));
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS + 1];
	struct buffer other;
	unsigned int i, moves;
	unsigned long page;

	igt_assert(moving);
	/* Room for one of the two at a time. */
	shrink(SIZE + MIB);
	buffer_init(&other, VRAM_PMD);
	move_out(&other);
	buffer_init(&moving->b, VRAM_PMD);
	for (page = 0; page < PAGES; page++)
		*word(&moving->b, page) = 0;

	for (i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ moving, i };
		igt_assert_eq(pthread_create(&threads[i], NULL, writer,
					     &writers[i]), 0);
	}
	igt_assert_eq(pthread_create(&threads[i], NULL, reader, moving), 0);
	moves = move_about(moving, &other, 3);
	atomic_store(&moving->stop, true);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);

	igt_info("%u moves in and out, %lu and %lu writes, %lu reads\n", moves,
		 moving->writes[0], moving->writes[1], moving->reads);
	igt_assert_eq_u64(atomic_load(&moving->wrong), 0);
	igt_assert_lte(4, moves);
	igt_assert(moving->writes[0] && moving->writes[1] && moving->reads);
	move_in(&moving->b, VRAM_PMD);
	for (page = 0; page < PAGES; page++) {
		uint64_t pa = vram_bo_pa(&vram, &moving->b.bo, page * VRAM_PAGE);

		for (i = 0; i < WRITERS; i++)
			igt_assert_eq_u64(vram_word(&vram, pa)[i],
					  moving->last[i][page]);
	}
	buffer_fini(&moving->b);
	buffer_fini(&other);
	free(moving);
	shrink(0);
}

igt_main()
{
	igt_fixture() {
		vram_open(&vram, drm_open_driver(DRIVER_ANY));
	}

	igt_describe("Check buffers for twice the window");
	igt_subtest("overcommit-2x")
		check_overcommit(2);
	igt_describe("Check buffers for four times the window");
	igt_subtest("overcommit-4x")
		check_overcommit(4);
	igt_describe("Check that threads lose nothing while a buffer moves");
	igt_subtest("moving")
		check_moving();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
