// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range promote
 * Description: Check that huge leaves come back where page tables were left
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: regain
 * Description: pages mapped by PTEs are mapped by PMD leaves after a zap, by one
 *	fault, and the page tables they had do not count any more
 *
 * SUBTEST: again
 * Description: between leaves and page tables, a hundred times: a page table is put
 *	back when it is needed, and no more of them are kept than there were
 *
 * SUBTEST: in-use
 * Description: a page table with one page mapped stays
 *
 * SUBTEST: free
 * Description: munmap() gives the page tables back that leaves have replaced
 *
 * SUBTEST: fork
 * Description: parent and child regain their leaves each for itself
 *
 * SUBTEST: buffer
 * Description: a buffer that was in system memory has the leaves of a first fault
 *	when it is back in the window
 *
 * SUBTEST: race
 * Description: readers, writers and zaps at the same time never see wrong memory
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "igt.h"
#include "model.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check that huge leaves come back where page tables were left");

#define RW	(PROT_READ | PROT_WRITE)
#define SLOTS	32ul
#define SIZE	(SLOTS * VRAM_PMD)
#define PAGES	(SIZE / VRAM_PAGE)

/* A mapping of window memory in which a write makes a page table of a leaf. */
struct subject {
	int fd;
	char *map;
	struct model m;
};

static struct vram vram;

static void subject_init(struct subject *s)
{
	struct vram_test_extent extent = { .nr_pages = PAGES };
	struct vram_test_shape shape = {
		.extents = (uintptr_t)&extent,
		.nr = 1,
		.flags = VRAM_TEST_SHAPE_DIRTY,
	};
	unsigned long page;

	s->fd = open(VRAM_TEST_NODE, O_RDWR | O_CLOEXEC);
	igt_assert_lte(0, s->fd);
	do_ioctl(s->fd, VRAM_TEST_SHAPE, &shape);
	s->map = vram_map_fd(s->fd, 0, SIZE, 0, RW);
	igt_assert(s->map != MAP_FAILED);
	model_init_flat(&s->m, vram.base_pfn * VRAM_PAGE, s->map, SIZE);
	for (page = 0; page < PAGES; page++)
		vram_poke(&vram, s->m.pa[page], vram_stamp(s->m.pa[page], 1));
}

static void subject_fini(struct subject *s)
{
	vram_unmap(s->map, SIZE);
	model_fini(&s->m);
	close(s->fd);
}

static volatile uint64_t *word(const struct subject *s, unsigned long page)
{
	return (volatile uint64_t *)(s->map + page * VRAM_PAGE);
}

static unsigned long read_all(const struct subject *s)
{
	unsigned long faults = vram_faults();
	unsigned long page;

	for (page = 0; page < PAGES; page++)
		igt_assert_eq_u64(*word(s, page), vram_stamp(s->m.pa[page], 1));
	return vram_faults() - faults;
}

/* Writes what is there already, to one page of each slot. */
static void write_slots(const struct subject *s)
{
	unsigned long slot, page;

	for (slot = 0; slot < SLOTS; slot++) {
		page = slot * 512 + (slot * 37 & 511);
		*word(s, page) = vram_stamp(s->m.pa[page], 1);
	}
}

static void zap(const struct subject *s, unsigned long page, unsigned long nr)
{
	struct vram_test_zap_pages zap = { .page = page, .nr_pages = nr };

	do_ioctl(s->fd, VRAM_TEST_ZAP_PAGES, &zap);
}

static uint64_t promoted(const struct subject *s)
{
	struct vram_test_stats stats = { .addr = (uintptr_t)s->map };

	do_ioctl(s->fd, VRAM_TEST_STATS, &stats);
	return stats.count[VRAM_TEST_COUNT_PROMOTED];
}

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

static void check_regain(void)
{
	struct subject s;
	long bytes;

	subject_init(&s);
	igt_assert_eq_u64(read_all(&s), 1);
	model_check(&s.m, &vram, PROT_READ);
	bytes = vram_table_bytes();

	write_slots(&s);
	igt_assert_eq_u64(vram_table_bytes() - bytes, SLOTS * VRAM_PAGE);
	zap(&s, 0, PAGES);
	igt_assert_eq_u64(vram_table_bytes() - bytes, SLOTS * VRAM_PAGE);

	igt_assert_eq_u64(read_all(&s), 1);
	model_check(&s.m, &vram, PROT_READ);
	igt_assert_eq_u64(vram_table_bytes(), bytes);
	igt_assert_eq_u64(promoted(&s), SLOTS);
	subject_fini(&s);
}

static void check_again(void)
{
	struct subject s;
	long bytes, pages;
	int round;

	subject_init(&s);
	read_all(&s);
	bytes = vram_table_bytes();
	pages = table_pages();
	for (round = 0; round < 100; round++) {
		write_slots(&s);
		igt_assert_eq_u64(vram_table_bytes() - bytes, SLOTS * VRAM_PAGE);
		zap(&s, 0, PAGES);
		*word(&s, 5 * 512 + round);
		igt_assert_eq_u64(vram_table_bytes(), bytes);
	}
	igt_assert_eq_u64(promoted(&s), 100 * SLOTS);
	/* A hundred times as many would be a leak; per-CPU counts lag behind. */
	igt_assert_f(table_pages() - pages < 4 * (long)SLOTS,
		     "%ld page tables more\n", table_pages() - pages);
	read_all(&s);
	model_check(&s.m, &vram, PROT_READ);
	subject_fini(&s);
}

static void check_in_use(void)
{
	unsigned long page = 7 * 512 + 100;
	struct vram_test_leaf *leaves;
	struct subject s;
	unsigned int nr, i;

	subject_init(&s);
	*word(&s, page) = vram_stamp(s.m.pa[page], 1);
	zap(&s, 0, page);
	zap(&s, page + 1, PAGES - page - 1);
	read_all(&s);

	/* The one page is writable: it was written to. */
	leaves = vram_leaves(&vram, s.map, SIZE, &nr);
	igt_assert_eq(nr, SLOTS - 1 + 512);
	for (i = 0; i < nr; i++)
		igt_assert_eq(!!(leaves[i].flags & VRAM_TEST_LEAF_WRITE),
			      leaves[i].addr == (uintptr_t)word(&s, page));
	free(leaves);
	igt_assert_eq_u64(promoted(&s), 0);
	subject_fini(&s);
}

static void check_free(void)
{
	long before = table_pages(), after = 0;
	struct subject s;
	int i, tries;

	for (i = 0; i < 16; i++) {
		subject_init(&s);
		write_slots(&s);
		zap(&s, 0, PAGES);
		*word(&s, 0);
		igt_assert_eq_u64(promoted(&s), SLOTS);
		subject_fini(&s);
	}
	/* They are freed after a grace period. */
	for (tries = 0; tries < 50; tries++) {
		after = table_pages();
		if (after - before < (long)SLOTS * 4)
			break;
		usleep(100 * 1000);
	}
	igt_assert_f(after - before < (long)SLOTS * 4,
		     "%ld page tables of %ld are left\n", after - before,
		     16 * SLOTS);
}

static void check_fork(void)
{
	struct subject s;
	int round;

	subject_init(&s);
	write_slots(&s);
	igt_fork(child, 1) {
		for (round = 0; round < 20; round++) {
			write_slots(&s);
			zap(&s, 0, PAGES);
			read_all(&s);
		}
	}
	for (round = 0; round < 20; round++) {
		write_slots(&s);
		zap(&s, 0, PAGES);
		read_all(&s);
	}
	igt_waitchildren();
	zap(&s, 0, PAGES);
	read_all(&s);
	model_check(&s.m, &vram, PROT_READ);
	subject_fini(&s);
}

static unsigned long touch(volatile char *map, unsigned long nr_pages)
{
	unsigned long faults = vram_faults();
	unsigned long page;

	for (page = 0; page < nr_pages; page++)
		(void)map[page * VRAM_PAGE];
	return vram_faults() - faults;
}

static void check_buffer(void)
{
	unsigned long first, again;
	struct vram_bo bo;
	struct model m;
	char *map;
	int round;

	vram_bo_create(&vram, &bo, SIZE, VRAM_PMD, 0);
	map = vram_map(&vram, &bo, 0, SIZE, 0, RW);
	model_init(&m, &vram, &bo, 0, map, SIZE);
	first = touch(map, PAGES);
	model_check(&m, &vram, RW);
	model_fini(&m);

	for (round = 0; round < 3; round++) {
		vram_bo_act(&vram, &bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_OUT);
		touch(map, PAGES);
		vram_bo_act(&vram, &bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_IN);
		vram_bo_update(&vram, &bo);
		model_init(&m, &vram, &bo, 0, map, SIZE);
		again = touch(map, PAGES);
		igt_assert_eq_u64(again, first);
		model_check(&m, &vram, RW);
		model_fini(&m);
	}
	vram_unmap(map, SIZE);
	vram_bo_destroy(&vram, &bo);
}

struct race {
	struct subject s;
	atomic_bool stop;
	atomic_ulong wrong;
	atomic_ulong done;
};

static unsigned long draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ull >> 33;
}

static void *reader(void *arg)
{
	uint64_t state = (uintptr_t)&state | 1;
	struct race *r = arg;

	while (!atomic_load(&r->stop)) {
		unsigned long page = draw(&state) % PAGES;

		if (*word(&r->s, page) != vram_stamp(r->s.m.pa[page], 1))
			atomic_fetch_add(&r->wrong, 1);
		atomic_fetch_add(&r->done, 1);
	}
	return NULL;
}

static void *writer(void *arg)
{
	uint64_t state = (uintptr_t)&state | 1;
	struct race *r = arg;

	while (!atomic_load(&r->stop)) {
		unsigned long page = draw(&state) % PAGES;

		*word(&r->s, page) = vram_stamp(r->s.m.pa[page], 1);
		atomic_fetch_add(&r->done, 1);
	}
	return NULL;
}

static void check_race(void)
{
	uint64_t state = 4711;
	struct race r = {};
	pthread_t threads[3];
	unsigned int i;
	time_t end;

	subject_init(&r.s);
	pthread_create(&threads[0], NULL, reader, &r);
	pthread_create(&threads[1], NULL, reader, &r);
	pthread_create(&threads[2], NULL, writer, &r);
	/* On a slow kernel, until a leaf has come back. */
	for (end = time(NULL) + 5; time(NULL) < end || !promoted(&r.s);) {
		unsigned long slot = draw(&state) % SLOTS;

		zap(&r.s, slot * 512, (1 + draw(&state) % 4) * 512);
	}
	atomic_store(&r.stop, true);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);

	igt_info("%lu accesses, %llu leaves regained\n", atomic_load(&r.done),
		 (unsigned long long)promoted(&r.s));
	igt_assert_eq_u64(atomic_load(&r.wrong), 0);
	igt_assert_f(promoted(&r.s), "no leaf was regained\n");
	zap(&r.s, 0, PAGES);
	read_all(&r.s);
	model_check(&r.s.m, &vram, PROT_READ);
	subject_fini(&r.s);
}

igt_main()
{
	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	igt_describe("Check that PMD leaves come back after a zap, by one fault");
	igt_subtest("regain")
		check_regain();
	igt_describe("Check that page tables go and come back, and are not piled up");
	igt_subtest("again")
		check_again();
	igt_describe("Check that a page table that maps something stays");
	igt_subtest("in-use")
		check_in_use();
	igt_describe("Check that munmap() gives back the replaced page tables");
	igt_subtest("free")
		check_free();
	igt_describe("Check that parent and child do not disturb each other");
	igt_subtest("fork")
		check_fork();
	igt_describe("Check a buffer that leaves the window and comes back");
	igt_subtest("buffer")
		check_buffer();
	igt_describe("Check readers, writers and zaps at the same time");
	igt_subtest("race")
		check_race();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
