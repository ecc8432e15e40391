// SPDX-License-Identifier: MIT
/**
 * TEST: ttm range prime
 * Description: Check buffers that another device imports
 * Category: Core
 * Functionality: prime
 *
 * SUBTEST: dynamic
 * Description: a buffer stays in the window until its importer needs it; when it goes
 *	back there the importer is told, and never sees old content (6.12 as Debian
 *	configures it lets exporters move only what importers have unmapped)
 *
 * SUBTEST: dynamic-mmap
 * Description: the importer's mapping is the exporter's, with large leaves in the window
 *
 * SUBTEST: dynamic-evict
 * Description: importers hear of evictions and of swapping as well
 *
 * SUBTEST: dynamic-close
 * Description: exporter and importer let go in any order, and nothing is lost
 *
 * SUBTEST: static
 * Description: for an importer that cannot be told, the buffer stays in system memory
 *
 * SUBTEST: race
 * Description: a mapping, an importing device and moves at the same time lose nothing
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "igt.h"
#include "mock.h"
#include "model.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check buffers that another device imports");

#define MIB	(1ull << 20)
#define RW	(PROT_READ | PROT_WRITE)
#define SIZE	(4 * MIB + 3 * VRAM_PAGE)
#define PAGES	(SIZE / VRAM_PAGE)

static struct vram vram;
static int mock;

/* A buffer of virtio_vram, and what the mock has of it. */
struct subject {
	struct vram_bo bo;
	char *map;
	struct mock_bo import;
};

static int export_fd(int drm, uint32_t handle)
{
	struct drm_prime_handle prime = {
		.handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR,
	};

	do_ioctl(drm, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	return prime.fd;
}

static uint32_t import_fd(int drm, int fd)
{
	struct drm_prime_handle prime = { .fd = fd };

	do_ioctl(drm, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	return prime.handle;
}

static volatile uint64_t *word(const struct subject *s, unsigned long page)
{
	return (volatile uint64_t *)(s->map + page * VRAM_PAGE);
}

static void subject_init(struct subject *s)
{
	int fd;

	vram_bo_create(&vram, &s->bo, SIZE, VRAM_PMD, 0);
	s->map = vram_map(&vram, &s->bo, 0, SIZE, 0, RW);
	fd = export_fd(vram.drm, s->bo.handle);
	s->import = (struct mock_bo){ mock, import_fd(mock, fd), SIZE, 0 };
	close(fd);
}

static void subject_fini(struct subject *s)
{
	mock_bo_destroy(&s->import);
	vram_unmap(s->map, SIZE);
	vram_bo_destroy(&vram, &s->bo);
}

/* How often it was mapped, after so many uses, in so many places. */
static void expect_maps(const struct mock_access *access, unsigned int uses,
			unsigned int places)
{
	igt_assert_eq(access->maps, access->told ? places : uses);
}

static bool in_window(struct subject *s)
{
	vram_bo_update(&vram, &s->bo);
	return s->bo.nr_blocks;
}

static void move(const struct subject *s, enum vram_test_move to)
{
	vram_bo_act(&vram, &s->bo, VRAM_TEST_MOVE, to);
}

static void check_dynamic(void)
{
	struct mock_access access;
	struct subject s;
	uint64_t i;

	subject_init(&s);
	*word(&s, 9) = 1000;
	igt_assert(in_window(&s));
	for (i = 0; i < 5; i++) {
		/* The device needs it... */
		access = mock_bo_access(&s.import, 9 * VRAM_PAGE, 0, 0);
		igt_assert_eq_u64(access.value, 1000 + 2 * i);
		expect_maps(&access, 2 * i + 1, i + 1);
		igt_assert_eq(access.notifies, 2 * i + 1);
		igt_assert(!in_window(&s));
		/* ... and keeps it while nobody else wants it. */
		access = mock_bo_access(&s.import, 9 * VRAM_PAGE, 1, 1001 + 2 * i);
		expect_maps(&access, 2 * i + 2, i + 1);
		igt_assert_eq_u64(*word(&s, 9), 1001 + 2 * i);

		move(&s, VRAM_TEST_MOVE_IN);
		igt_assert(in_window(&s));
		igt_assert_eq_u64(*word(&s, 9), 1001 + 2 * i);
		*word(&s, 9) = 1002 + 2 * i;
	}
	subject_fini(&s);
}

static void check_mmap(void)
{
	unsigned long page;
	struct subject s;
	struct model m;
	int fd, round;
	char *map;

	subject_init(&s);
	fd = export_fd(mock, s.import.handle);
	map = vram_map_fd(fd, 0, SIZE, vram_bo_pa(&vram, &s.bo, 0), RW);
	igt_assert(map != MAP_FAILED);
	close(fd);
	for (round = 0; round < 2; round++) {
		for (page = 0; page < PAGES; page++)
			*word(&s, page) = vram_stamp(page * VRAM_PAGE, round);
		for (page = 0; page < PAGES; page++)
			igt_assert_eq_u64(*(uint64_t *)(map + page * VRAM_PAGE),
					  vram_stamp(page * VRAM_PAGE, round));
		igt_assert(in_window(&s));
		model_init(&m, &vram, &s.bo, 0, map, SIZE);
		igt_assert_eq_u64(model_sum(&m).pmd, SIZE / VRAM_PMD);
		model_check(&m, &vram, RW);
		model_fini(&m);

		mock_bo_write(&s.import, 600 * VRAM_PAGE, 5);
		igt_assert_eq_u64(*(uint64_t *)(map + 600 * VRAM_PAGE), 5);
		move(&s, VRAM_TEST_MOVE_IN);
		igt_assert_eq_u64(*(uint64_t *)(map + 600 * VRAM_PAGE), 5);
	}
	vram_unmap(map, SIZE);
	subject_fini(&s);
}

static void check_evict(void)
{
	struct vram_test_shrink shrink = { .size = 6 * MIB };
	struct vram_test_swap swap = {};
	struct mock_access access;
	struct vram_bo other;
	struct subject s;

	/* What earlier buffers still have would come on top. */
	vram_avail_settles(&vram, vram.size);
	do_ioctl(vram.test, VRAM_TEST_SHRINK, &shrink);
	subject_init(&s);
	*word(&s, 3) = 17;
	vram_bo_create(&vram, &other, SIZE, 0, 0);
	igt_assert(!in_window(&s));
	access = mock_bo_access(&s.import, 3 * VRAM_PAGE, 0, 0);
	igt_assert_eq_u64(access.value, 17);
	expect_maps(&access, 1, 1);
	igt_assert_eq(access.notifies, 1);

	/* The importer must let go of pages that are about to be swapped out. */
	do_ioctl(vram.test, VRAM_TEST_SWAP, &swap);
	igt_assert_lte_u64(PAGES, swap.pages);
	access = mock_bo_access(&s.import, 3 * VRAM_PAGE, 1, 18);
	expect_maps(&access, 2, 2);
	igt_assert_eq(access.notifies, 2);
	igt_assert_eq_u64(*word(&s, 3), 18);
	vram_bo_destroy(&vram, &other);
	subject_fini(&s);
	shrink.size = 0;
	do_ioctl(vram.test, VRAM_TEST_SHRINK, &shrink);
}

static void check_close(void)
{
	uint64_t avail = vram_avail(&vram);
	struct vram_test_swap swap = {};
	struct mock_access access;
	struct subject s;

	/* The importer is the last. */
	subject_init(&s);
	*word(&s, 3) = 21;
	vram_unmap(s.map, SIZE);
	vram_bo_destroy(&vram, &s.bo);
	igt_assert_eq_u64(mock_bo_read(&s.import, 3 * VRAM_PAGE), 21);
	mock_bo_destroy(&s.import);
	igt_assert_eq_u64(vram_avail_settles(&vram, avail), avail);

	/* The exporter is, with the importer's pages mapped or not. */
	subject_init(&s);
	*word(&s, 3) = 22;
	mock_bo_read(&s.import, 0);
	mock_bo_destroy(&s.import);
	igt_assert_eq_u64(*word(&s, 3), 22);
	move(&s, VRAM_TEST_MOVE_IN);
	igt_assert_eq_u64(*word(&s, 3), 22);
	vram_unmap(s.map, SIZE);
	vram_bo_destroy(&vram, &s.bo);

	/* Without a handle DRM forgets that there is a dma-buf. Its importer must hear. */
	subject_init(&s);
	mock_bo_read(&s.import, 0);
	vram_bo_destroy(&vram, &s.bo);
	do_ioctl(vram.test, VRAM_TEST_SWAP, &swap);
	igt_assert_lte_u64(PAGES, swap.pages);
	*word(&s, 3) = 24;
	access = mock_bo_access(&s.import, 3 * VRAM_PAGE, 0, 0);
	igt_assert_eq_u64(access.value, 24);
	expect_maps(&access, 2, 2);
	vram_unmap(s.map, SIZE);
	mock_bo_destroy(&s.import);
	igt_assert_eq_u64(vram_avail_settles(&vram, avail), avail);
}

/* virtio_vram imports what the mock exports. */
static void check_static(void)
{
	struct drm_virtio_vram_gem_mmap_offset offset = {};
	struct mock_bo bo;
	uint64_t *map;
	int fd, tries = 100;

	mock_bo_create(mock, &bo, SIZE, MOCK_VRAM, 0);
	mock_bo_write(&bo, 7 * VRAM_PAGE, 31);
	fd = export_fd(mock, bo.handle);
	offset.handle = import_fd(vram.drm, fd);
	close(fd);
	do_ioctl(vram.drm, DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, &offset);
	map = vram_map_fd(vram.drm, offset.offset, SIZE, 0, RW);
	igt_assert(map != MAP_FAILED);
	igt_assert_eq_u64(map[7 * 512], 31);
	map[7 * 512] = 32;
	igt_assert_eq_u64(mock_bo_read(&bo, 7 * VRAM_PAGE), 32);
	igt_assert_eq(mock_bo_move(&bo, MOCK_VRAM), -EINVAL);
	vram_unmap(map, SIZE);
	igt_assert_eq(vram_gem_close(vram.drm, offset.handle), 0);
	/* A worker of TTM's lets go of it. */
	while (mock_bo_move(&bo, MOCK_VRAM) && tries--)
		usleep(10 * 1000);
	igt_assert(tries > 0);
	igt_assert_eq_u64(mock_bo_read(&bo, 7 * VRAM_PAGE), 32);
	mock_bo_destroy(&bo);
}

struct race {
	struct subject s;
	atomic_bool stop;
	atomic_ulong wrong;
	unsigned long done[2];
};

/* Each counts up in a word of its own, and finds what it left there. */
static void *race_map(void *arg)
{
	struct race *r = arg;
	uint64_t last = 0;

	*word(&r->s, 700) = 0;
	for (; !atomic_load(&r->stop); r->done[0]++) {
		if (*word(&r->s, 700) != last)
			atomic_fetch_add(&r->wrong, 1);
		*word(&r->s, 700) = ++last;
	}
	return NULL;
}

static void *race_device(void *arg)
{
	const uint64_t at = 700 * VRAM_PAGE + 8;
	struct race *r = arg;
	uint64_t last = 0;

	mock_bo_write(&r->s.import, at, 0);
	for (; !atomic_load(&r->stop); r->done[1]++) {
		if (mock_bo_read(&r->s.import, at) != last)
			atomic_fetch_add(&r->wrong, 1);
		mock_bo_write(&r->s.import, at, ++last);
	}
	return NULL;
}

static void check_race(void)
{
	struct race r = {};
	pthread_t threads[2];
	unsigned int moves = 0;
	time_t end;

	subject_init(&r.s);
	pthread_create(&threads[0], NULL, race_map, &r);
	pthread_create(&threads[1], NULL, race_device, &r);
	for (end = time(NULL) + 3; time(NULL) < end; moves++) {
		struct vram_test_swap swap = {};

		move(&r.s, VRAM_TEST_MOVE_IN);
		usleep(1000);
		if (moves % 3 == 2)
			do_ioctl(vram.test, VRAM_TEST_SWAP, &swap);
	}
	atomic_store(&r.stop, true);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	igt_info("%u moves, %lu accesses by the mapping, %lu by the device\n",
		 moves, r.done[0], r.done[1]);
	igt_assert(moves > 3 && r.done[0] && r.done[1]);
	igt_assert_eq_u64(atomic_load(&r.wrong), 0);
	subject_fini(&r.s);
}

static const struct {
	const char *name;
	const char *what;
	void (*run)(void);
} checks[] = {
	{ "dynamic", "Check an importer that is told of moves", check_dynamic },
	{ "dynamic-mmap", "Check mappings of an imported buffer", check_mmap },
	{ "dynamic-evict", "Check that importers hear of evictions", check_evict },
	{ "dynamic-close", "Check that all is freed in any order", check_close },
	{ "static", "Check an importer that is told of nothing", check_static },
	{ "race", "Check mapping, importer and moves at the same time",
	  check_race },
};

igt_main()
{
	unsigned int i;

	igt_fixture() {
		vram_open(&vram, drm_open_driver(DRIVER_ANY));
		igt_assert_eq(mock_load(), 0);
		mock = mock_open();
		igt_assert_fd(mock);
	}

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		igt_describe(checks[i].what);
		igt_subtest(checks[i].name)
			checks[i].run();
	}

	igt_fixture() {
		close(mock);
		mock_unload();
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
