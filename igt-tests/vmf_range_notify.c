// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range notify
 * Description: Check what mmu notifiers hear, and atomic work on user memory
 * Category: Core
 * Functionality: mmu notifiers
 *
 * SUBTEST: insert
 * Description: mapping memory, at every level, is no event
 *
 * SUBTEST: zap-nothing
 * Description: a zap where nothing is mapped is no event
 *
 * SUBTEST: zap
 * Description: a zap is one event, of exactly the range or of the huge leaves at
 *	its edges
 *
 * SUBTEST: no-promotion
 * Description: page tables are not replaced under a notifier, and the statistics say
 *	why
 *
 * SUBTEST: atomic-refused
 * Description: a kernel without make_device_exclusive() says so; the others have, in
 *	place of this:
 *
 * SUBTEST: atomic
 * Description: no addition is lost when the device and CPUs add to one word
 *
 * SUBTEST: atomic-race
 * Description: mprotect(), fork() and munmap() of a page that the device works on
 *	are noticed, and do no harm
 *
 * SUBTEST: atomic-neighbours
 * Description: a huge page beside the page that the device works on stays huge and
 *	hears nothing
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "igt.h"
#include "model.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check what mmu notifiers hear, and atomic work on user memory");

#define RW	(PROT_READ | PROT_WRITE)

static struct vram vram;

/* A mapping of window memory by one block; off: so many pages out of step. */
static char *map_window(int *fd, size_t size, unsigned long off, uint32_t flags)
{
	struct vram_test_extent extent = { .nr_pages = size / VRAM_PAGE };
	struct vram_test_shape shape = {
		.extents = (uintptr_t)&extent,
		.nr = 1,
		.flags = flags,
	};
	char *map;

	*fd = open(VRAM_TEST_NODE, O_RDWR | O_CLOEXEC);
	igt_assert_lte(0, *fd);
	do_ioctl(*fd, VRAM_TEST_SHAPE, &shape);
	map = vram_map_fd(*fd, 0, size, off * VRAM_PAGE, RW);
	igt_assert(map != MAP_FAILED);
	return map;
}

static void watch(int fd, const void *addr, size_t len)
{
	struct vram_test_watch args = { .addr = (uintptr_t)addr, .len = len };

	do_ioctl(fd, VRAM_TEST_WATCH, &args);
}

static struct vram_test_events events(int fd)
{
	struct vram_test_events args;

	do_ioctl(fd, VRAM_TEST_EVENTS, &args);
	return args;
}

static void touch(const char *map, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += VRAM_PAGE)
		(void)*(volatile const char *)(map + at);
}

static void zap(int fd, unsigned long page, unsigned long nr)
{
	struct vram_test_zap_pages args = { .page = page, .nr_pages = nr };

	do_ioctl(fd, VRAM_TEST_ZAP_PAGES, &args);
}

static void check_insert(size_t size, unsigned long off)
{
	char *map;
	int fd;

	map = map_window(&fd, size, off, 0);
	watch(fd, map, size);
	touch(map, size);
	igt_assert_eq_u64(events(fd).nr, 0);
	vram_unmap(map, size);
	igt_assert_lte_u64(1, events(fd).nr);
	close(fd);
}

static void check_zap_nothing(size_t size)
{
	char *map;
	int fd;

	map = map_window(&fd, size, 0, 0);
	watch(fd, map, size);
	zap(fd, 0, size / VRAM_PAGE);
	igt_assert_eq_u64(events(fd).nr, 0);
	/* After a first zap there are tables, and still nothing in them. */
	touch(map, size);
	zap(fd, 0, size / VRAM_PAGE);
	igt_assert_eq_u64(events(fd).nr, 1);
	zap(fd, 3, size / VRAM_PAGE - 4);
	igt_assert_eq_u64(events(fd).nr, 0);
	vram_unmap(map, size);
	close(fd);
}

/* A zap of pages makes one event of [start, end), in pages. */
static void check_zap(size_t size, unsigned long off, unsigned long page,
		      unsigned long nr, unsigned long start, unsigned long end)
{
	struct vram_test_events e;
	char *map;
	int fd;

	map = map_window(&fd, size, off, 0);
	touch(map, size);
	watch(fd, map, size);
	zap(fd, page, nr);
	e = events(fd);
	igt_assert_eq_u64(e.nr, 1);
	igt_assert_eq_u64(e.start - (uintptr_t)map, start * VRAM_PAGE);
	igt_assert_eq_u64(e.end - (uintptr_t)map, end * VRAM_PAGE);
	vram_unmap(map, size);
	close(fd);
}

static void check_no_promotion(void)
{
	struct vram_test_stats stats = {};
	size_t size = 4 * VRAM_PMD;
	unsigned int nr;
	char *map;
	int fd;

	map = map_window(&fd, size, 0, VRAM_TEST_SHAPE_DIRTY);
	map[0] = 1;
	zap(fd, 0, size / VRAM_PAGE);
	watch(fd, map, size);
	touch(map, size);
	igt_assert_eq_u64(events(fd).nr, 0);

	stats.addr = (uintptr_t)map;
	do_ioctl(fd, VRAM_TEST_STATS, &stats);
	igt_assert_eq_u64(stats.count[VRAM_TEST_COUNT_PROMOTED], 0);
	igt_assert_lte_u64(1, stats.count[VRAM_TEST_COUNT_NOTIFIERS]);
	free(vram_leaves(&vram, map, size, &nr));
	igt_assert_eq(nr, 512 + 3);
	vram_unmap(map, size);
	close(fd);
}

/* Debian's 6.12 is built without. */
static bool kernel_has_exclusive(void)
{
	bool found = false;
	char line[256];
	FILE *f = fopen("/proc/kallsyms", "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " make_device_exclusive");
	if (f)
		fclose(f);
	return found;
}

/* Anonymous memory that the device watches. */
static uint64_t *map_anon(int *fd, size_t size)
{
	uint64_t *map = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(map != MAP_FAILED);
	*fd = open(VRAM_TEST_NODE, O_RDWR | O_CLOEXEC);
	igt_assert_lte(0, *fd);
	watch(*fd, map, size);
	return map;
}

static int device_add(int fd, uint64_t *word, uint64_t value, uint64_t *retries)
{
	struct vram_test_atomic add = {
		.addr = (uintptr_t)word,
		.value = value,
	};

	if (ioctl(fd, VRAM_TEST_ATOMIC_ADD, &add))
		return -errno;
	*retries += add.retries;
	return 0;
}

static void check_atomic_refused(void)
{
	uint64_t retries = 0, *word;
	int fd;

	word = map_anon(&fd, VRAM_PAGE);
	igt_assert_eq(device_add(fd, word, 1, &retries), -EOPNOTSUPP);
	igt_assert_eq_u64(*word, 0);
	munmap(word, VRAM_PAGE);
	close(fd);
}

struct adder {
	uint64_t *word;
	unsigned long nr;
};

static void *cpu_adder(void *arg)
{
	struct adder *a = arg;
	unsigned long i;

	for (i = 0; i < a->nr; i++)
		__atomic_fetch_add(a->word, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void check_atomic(void)
{
	struct adder a = { .nr = 20000 };
	unsigned long device = 2000, i;
	uint64_t retries = 0;
	pthread_t threads[2];
	int fd;

	a.word = map_anon(&fd, 16 * VRAM_PAGE) + 5;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, cpu_adder, &a);
	for (i = 0; i < device; i++)
		igt_assert_eq(device_add(fd, a.word, 1, &retries), 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	igt_info("%llu retries\n", (unsigned long long)retries);
	igt_assert_eq_u64(*a.word, device + ARRAY_SIZE(threads) * a.nr);
	close(fd);
}

struct disturber {
	uint64_t *map;
	atomic_bool stop;
};

/* What other threads of a program do to its memory. */
static void *disturb(void *arg)
{
	struct disturber *d = arg;

	while (!atomic_load(&d->stop)) {
		pid_t pid;

		mprotect(d->map, VRAM_PAGE, PROT_READ);
		mprotect(d->map, VRAM_PAGE, RW);
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		madvise(d->map + 512, VRAM_PAGE, MADV_DONTNEED);
	}
	return NULL;
}

static void check_atomic_race(void)
{
	struct disturber d = {};
	uint64_t retries = 0, added = 0;
	pthread_t thread;
	int fd, i, ret;

	d.map = map_anon(&fd, 4 * VRAM_PAGE);
	pthread_create(&thread, NULL, disturb, &d);
	for (i = 0; i < 500; i++) {
		ret = device_add(fd, d.map, 3, &retries);
		/* Not while the page is read-only. */
		igt_assert(!ret || ret == -EFAULT || ret == -EBUSY);
		added += ret ? 0 : 3;
		device_add(fd, d.map + 512, 1, &retries);
	}
	atomic_store(&d.stop, true);
	pthread_join(thread, NULL);
	igt_info("%llu added, %llu retries\n", (unsigned long long)added,
		 (unsigned long long)retries);
	igt_assert_eq_u64(d.map[0], added);
	igt_assert_lte_u64(1, added);

	munmap(d.map, 4 * VRAM_PAGE);
	igt_assert_eq(device_add(fd, d.map, 1, &retries), -EFAULT);
	close(fd);
}

static unsigned long anon_huge_kib(const void *addr)
{
	unsigned long start, end, kib = 0;
	bool here = false;
	char line[256];
	FILE *f = fopen("/proc/self/smaps", "r");

	igt_assert(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = (uintptr_t)addr >= start && (uintptr_t)addr < end;
		else if (here)
			sscanf(line, "AnonHugePages: %lu", &kib);
	}
	fclose(f);
	return kib;
}

static void check_atomic_neighbours(void)
{
	struct vram_test_events e;
	uint64_t retries = 0;
	char *map, *huge;
	int fd;

	map = (char *)map_anon(&fd, 8 * VRAM_PMD);
	huge = (char *)(((uintptr_t)map + VRAM_PMD) & ~(VRAM_PMD - 1));
	igt_assert_eq(madvise(huge, 4 * VRAM_PMD, MADV_HUGEPAGE), 0);
	memset(huge, 0, 4 * VRAM_PMD);
	igt_require_f(anon_huge_kib(huge) == 4 * 2048, "no huge pages to be had\n");

	watch(fd, huge, 4 * VRAM_PMD);
	events(fd);
	igt_assert_eq(device_add(fd, (uint64_t *)(huge + VRAM_PMD + 5 * VRAM_PAGE),
				 7, &retries), 0);
	igt_assert_eq_u64(anon_huge_kib(huge), 3 * 2048);
	igt_assert_eq_u64(*(uint64_t *)(huge + VRAM_PMD + 5 * VRAM_PAGE), 7);
	e = events(fd);
	igt_assert_lte_u64((uintptr_t)huge + VRAM_PMD, e.start);
	igt_assert_lte_u64(e.end, (uintptr_t)huge + 2 * VRAM_PMD);
	munmap(map, 8 * VRAM_PMD);
	close(fd);
}

igt_main()
{
	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	igt_describe("Check that mapping memory is no event");
	igt_subtest("insert") {
		check_insert(VRAM_PUD, 0);
		check_insert(16 * VRAM_PMD + 3 * VRAM_PAGE, 0);
		check_insert(16 * VRAM_PMD, 1);
	}
	igt_describe("Check that a zap of nothing is no event");
	igt_subtest("zap-nothing") {
		check_zap_nothing(VRAM_PUD);
		check_zap_nothing(16 * VRAM_PMD);
		check_zap_nothing(5 * VRAM_PAGE);
	}
	igt_describe("Check that a zap is one event of the right range");
	igt_subtest("zap") {
		check_zap(8 * VRAM_PMD, 1, 700, 900, 700, 1600);
		check_zap(8 * VRAM_PMD, 0, 1024, 512, 1024, 1536);
		check_zap(8 * VRAM_PMD, 0, 700, 900, 512, 2048);
		check_zap(VRAM_PUD, 0, 700, 1, 0, VRAM_PUD / VRAM_PAGE);
	}
	igt_describe("Check that there is no promotion under a notifier");
	igt_subtest("no-promotion")
		check_no_promotion();

	if (kernel_has_exclusive()) {
		igt_describe("Check that no addition of device and CPUs is lost");
		igt_subtest("atomic")
			check_atomic();
		igt_describe("Check that changes of a page that the device has are noticed");
		igt_subtest("atomic-race")
			check_atomic_race();
		igt_describe("Check that huge pages beside the device's page stay");
		igt_subtest("atomic-neighbours")
			check_atomic_neighbours();
	} else {
		igt_describe("Check that a kernel which cannot says so");
		igt_subtest("atomic-refused")
			check_atomic_refused();
	}

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
