// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range neighbours
 * Description: Check that what the kernel does to memory of its own leaves mappings of
 *	device memory alone
 * Category: Core
 * Functionality: mmap
 *
 * Each subtest sees the kernel do its work on ordinary memory beside, and finds the
 * leaves, the content and the reference counts of the mappings as they were.
 *
 * SUBTEST: userfaultfd
 * Description: a mapping cannot be registered, in no mode, and nothing can be copied
 *	into it
 *
 * SUBTEST: ksm
 * Description: KSM merges pages beside, and none of the mapping
 *
 * SUBTEST: khugepaged
 * Description: khugepaged collapses pages beside, and none of the mapping
 *
 * SUBTEST: numa
 * Description: NUMA balancing, move_pages(), mbind() and migrate_pages()
 *
 * SUBTEST: compaction
 * Description: compaction, and dropped caches
 *
 * SUBTEST: swap
 * Description: under a limit of memory, with swap, pages beside are swapped out
 *
 * SUBTEST: page-tables
 * Description: page tables are charged to the memory cgroup, and come back to it when
 *	the memory is unmapped, when a leaf takes their place, when the process ends
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "shape.h"
#include "sysfs.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check that the kernel's own work leaves device memory alone");

#define RW		(PROT_READ | PROT_WRITE)
#define PMD_PAGES	512ul

/* Around a PUD leaf there are PMD leaves, and around those PTEs. */
#define HEAD		(PMD_PAGES + 9)
static const struct vram_test_extent window[] = {
	{ 0, VRAM_PUD - HEAD * VRAM_PAGE, 2 * HEAD + PMD_PAGES * PMD_PAGES },
};

static const struct vram_test_extent piece[] = {
	{ 0, VRAM_PUD - HEAD * VRAM_PAGE, 3 * PMD_PAGES },
};

static const struct vram_test_extent ram[] = { { 0, 0, 700 } };

/* A mapping that must not change. */
struct still {
	int fd;
	char *map;
	size_t len;
	struct vram_test_leaf *leaves;
	unsigned int nr;
	uint64_t refs;
};

#define STILLS	4

static struct vram vram;

static uint64_t refs_of(const struct still *s)
{
	struct vram_test_refs refs = {};

	do_ioctl(s->fd, VRAM_TEST_REFS, &refs);
	return refs.refs;
}

static void still_init(struct still *s, const struct vram_test_extent *extent,
		       enum vram_test_iter iter, uint64_t phase)
{
	struct vram_test_shape shape = {
		.extents = (uintptr_t)extent,
		.nr = 1,
		.iter = iter,
	};
	size_t at;

	s->fd = open(VRAM_TEST_NODE, O_RDWR | O_CLOEXEC);
	igt_assert_fd(s->fd);
	do_ioctl(s->fd, VRAM_TEST_SHAPE, &shape);
	s->len = extent->nr_pages * VRAM_PAGE;
	s->map = vram_map_fd(s->fd, 0, s->len, phase, RW);
	igt_assert(s->map != MAP_FAILED);
	for (at = 0; at < s->len; at += 97 * VRAM_PAGE)
		*(volatile uint64_t *)(s->map + at) = vram_stamp(at, 1);
	s->leaves = vram_leaves(&vram, s->map, s->len, &s->nr);
	igt_assert(s->nr);
	s->refs = iter == VRAM_TEST_ITER_PAGES ? refs_of(s) : 0;
}

/* By leaves of all sizes, and system memory. The same memory has the same stamps. */
static void stills_init(struct still *s)
{
	uint64_t pa = vram.base_pfn * VRAM_PAGE + window[0].offset;

	igt_require(vram.size >= 3 * VRAM_PUD);
	still_init(&s[0], window, VRAM_TEST_ITER_CALLBACK, pa);
	still_init(&s[1], window, VRAM_TEST_ITER_CALLBACK, pa + VRAM_PMD);
	still_init(&s[2], piece, VRAM_TEST_ITER_CALLBACK, pa + VRAM_PAGE);
	still_init(&s[3], ram, VRAM_TEST_ITER_PAGES, 0);
}

/* A child's leaves may be clean. */
static void check_leaf(const struct vram_test_leaf *is,
		       const struct vram_test_leaf *was)
{
	igt_assert_f(is->addr == was->addr && is->pfn == was->pfn &&
		     is->shift == was->shift && is->flags == was->flags,
		     "leaf at %#llx: level %u, pfn %#llx, flags %#x; was at %#llx: level %u, pfn %#llx, flags %#x\n",
		     (unsigned long long)is->addr, is->shift,
		     (unsigned long long)is->pfn, is->flags,
		     (unsigned long long)was->addr, was->shift,
		     (unsigned long long)was->pfn, was->flags);
}

static void still_check(const struct still *s)
{
	struct vram_test_leaf *leaves;
	unsigned int nr, i;
	size_t at;

	leaves = vram_leaves(&vram, s->map, s->len, &nr);
	igt_assert_eq(nr, s->nr);
	for (i = 0; i < nr; i++)
		check_leaf(&leaves[i], &s->leaves[i]);
	free(leaves);
	for (at = 0; at < s->len; at += 97 * VRAM_PAGE)
		igt_assert_eq_u64(*(volatile uint64_t *)(s->map + at),
				  vram_stamp(at, 1));
	if (s->refs)
		igt_assert_eq_u64(refs_of(s), s->refs);
}

static void stills_check(const struct still *s)
{
	unsigned int i;

	for (i = 0; i < STILLS; i++)
		still_check(&s[i]);
}

/* fork() takes PMD leaves from the parent, and gives the child none. */
static void stills_touch(const struct still *s)
{
	unsigned int i;
	size_t at;

	for (i = 0; i < STILLS; i++)
		for (at = 0; at < s[i].len; at += VRAM_PAGE)
			(void)*(volatile char *)(s[i].map + at);
}

static void stills_fini(struct still *s)
{
	unsigned int i;

	for (i = 0; i < STILLS; i++) {
		vram_unmap(s[i].map, s[i].len);
		free(s[i].leaves);
		close(s[i].fd);
	}
}

static uint64_t read_number(const char *path)
{
	unsigned long long value;
	FILE *file = fopen(path, "r");

	igt_assert_f(file, "no %s\n", path);
	igt_assert_eq(fscanf(file, "%llu", &value), 1);
	fclose(file);
	return value;
}

/* A line "name value" of a file. */
static uint64_t read_field(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	unsigned long long value = 0;
	char word[64];
	bool found = false;

	igt_assert_f(file, "no %s\n", path);
	while (!found && fscanf(file, "%63s %llu", word, &value) == 2)
		found = !strcmp(word, name);
	fclose(file);
	igt_assert_f(found, "no %s in %s\n", name, path);
	return value;
}

static void write_number(const char *path, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	igt_assert_f(!vram_write_file(path, text), "cannot write to %s\n", path);
}

/* Settings that a subtest changes, and the fixture restores though it fails. */
static struct setting {
	char path[96];
	uint64_t before;
} settings[8];
static unsigned int nr_settings;

static void set(const char *path, uint64_t value)
{
	struct setting *s = &settings[nr_settings++];

	igt_assert(nr_settings <= ARRAY_SIZE(settings));
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->before = read_number(path);
	write_number(path, value);
}

static void restore_settings(void)
{
	while (nr_settings) {
		nr_settings--;
		write_number(settings[nr_settings].path,
			     settings[nr_settings].before);
	}
}

static char *map_plain(size_t len)
{
	char *map = mmap(NULL, len, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(map != MAP_FAILED);
	return map;
}

/* Features -------------------------------------------------------------------- */

static int uffd_register(int fd, void *addr, size_t len, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)addr, len },
		.mode = mode,
	};

	return ioctl(fd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

static void check_userfaultfd(const struct still *s)
{
	static const uint64_t modes[] = {
		UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP,
		UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
	};
	char *plain = map_plain(VRAM_PMD), *source = map_plain(VRAM_PAGE);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_copy copy = { .src = (uintptr_t)source, .len = VRAM_PAGE };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	unsigned int i, j;

	igt_assert_fd(fd);
	do_ioctl(fd, UFFDIO_API, &api);
	source[0] = 1;
	for (i = 0; i < STILLS; i++) {
		for (j = 0; j < ARRAY_SIZE(modes); j++)
			igt_assert_eq(uffd_register(fd, s[i].map, s[i].len,
						    modes[j]), -EINVAL);
		copy.dst = (uintptr_t)s[i].map;
		igt_assert_eq(ioctl(fd, UFFDIO_COPY, &copy), -1);
		igt_assert_eq(errno, ENOENT);
	}
	igt_assert_eq(uffd_register(fd, plain, VRAM_PMD, modes[0]), 0);
	copy.dst = (uintptr_t)plain;
	copy.copy = 0;
	do_ioctl(fd, UFFDIO_COPY, &copy);
	igt_assert_eq(plain[0], 1);
	close(fd);
	munmap(plain, VRAM_PMD);
	munmap(source, VRAM_PAGE);
}

#define KSM	"/sys/kernel/mm/ksm/"

static void check_ksm(const struct still *s)
{
	char *plain = map_plain(64 * VRAM_PAGE);
	unsigned int i, tries = 0;

	for (i = 0; i < STILLS; i++)
		igt_assert_eq(madvise(s[i].map, s[i].len, MADV_MERGEABLE), 0);
	igt_assert_eq(madvise(plain, 64 * VRAM_PAGE, MADV_NOHUGEPAGE), 0);
	igt_assert_eq(madvise(plain, 64 * VRAM_PAGE, MADV_MERGEABLE), 0);
	memset(plain, 0x17, 64 * VRAM_PAGE);
	set(KSM "sleep_millisecs", 1);
	set(KSM "pages_to_scan", 1000);
	set(KSM "run", 1);
	while (read_number(KSM "pages_sharing") < 60 && tries++ < 500)
		usleep(10 * 1000);
	igt_assert_lte(60, read_number(KSM "pages_sharing"));
	stills_check(s);
	for (i = 0; i < STILLS; i++)
		igt_assert_eq(madvise(s[i].map, s[i].len, MADV_UNMERGEABLE), 0);
	munmap(plain, 64 * VRAM_PAGE);
}

#define KHUGEPAGED	"/sys/kernel/mm/transparent_hugepage/khugepaged/"

static void check_khugepaged(const struct still *s)
{
	char *plain = map_plain(3 * VRAM_PMD);
	char *aligned = (char *)(((uintptr_t)plain + VRAM_PMD - 1) & -VRAM_PMD);
	uint64_t before = read_number(KHUGEPAGED "pages_collapsed");
	unsigned int i, tries = 0;

	for (i = 0; i < STILLS; i++)
		igt_assert_eq(madvise(s[i].map, s[i].len, MADV_HUGEPAGE), 0);
	igt_assert_eq(madvise(plain, 3 * VRAM_PMD, MADV_NOHUGEPAGE), 0);
	memset(plain, 0x18, 3 * VRAM_PMD);
	igt_assert_eq(madvise(plain, 3 * VRAM_PMD, MADV_HUGEPAGE), 0);
	set(KHUGEPAGED "pages_to_scan", 4096);
	set(KHUGEPAGED "alloc_sleep_millisecs", 1);
	set(KHUGEPAGED "scan_sleep_millisecs", 1);
	while (read_number(KHUGEPAGED "pages_collapsed") == before &&
	       tries++ < 500)
		usleep(10 * 1000);
	igt_assert_lte_u64(before + 1,
			   read_number(KHUGEPAGED "pages_collapsed"));
	igt_assert_eq(aligned[VRAM_PMD - 1], 0x18);
	munmap(plain, 3 * VRAM_PMD);
}

static void check_numa(const struct still *s)
{
	unsigned long nodes = 1;
	unsigned int i, round;
	int status;

	set("/proc/sys/kernel/numa_balancing", 1);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < STILLS; i++) {
			void *page = s[i].map;

			status = 0;
			igt_assert_eq(syscall(SYS_move_pages, 0, 1ul, &page,
					      NULL, &status, 0), 0);
			igt_assert_lte(status, -1);
			status = 0;
			igt_assert_lte(0, syscall(SYS_move_pages, 0, 1ul, &page,
						  &status, &status,
						  MPOL_MF_MOVE));
			igt_assert_lte(status, -1);
			igt_assert_eq(syscall(SYS_mbind, s[i].map, s[i].len,
					      MPOL_BIND, &nodes, 64,
					      MPOL_MF_MOVE), 0);
			igt_assert_eq(syscall(SYS_mbind, s[i].map, s[i].len,
					      MPOL_DEFAULT, NULL, 0, 0), 0);
		}
		igt_assert_lte(0, syscall(SYS_migrate_pages, 0, 64, &nodes,
					  &nodes));
		stills_check(s);
		usleep(20 * 1000);
	}
}

static void check_compaction(const struct still *s)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		igt_assert_eq(vram_write_file("/proc/sys/vm/compact_memory", "1"),
			      0);
		igt_assert_eq(vram_write_file("/proc/sys/vm/drop_caches", "3"),
			      0);
		stills_check(s);
	}
}

/* A memory cgroup ---------------------------------------------------------------- */

#define CGROUPS	"/tmp/vmf_range_cgroups"
#define CGROUP	CGROUPS "/test"

static void cgroup_init(void)
{
	mkdir(CGROUPS, 0755);
	if (mount("none", CGROUPS, "cgroup2", 0, NULL))
		igt_assert_eq(errno, EBUSY);
	igt_assert_eq(vram_write_file(CGROUPS "/cgroup.subtree_control",
				      "+memory"), 0);
	igt_assert(!mkdir(CGROUP, 0755) || errno == EEXIST);
}

/* With what it still holds; the processes have gone. */
static void cgroup_fini(void)
{
	unsigned int tries = 0;

	while (rmdir(CGROUP) && tries++ < 100)
		usleep(10 * 1000);
	umount2(CGROUPS, MNT_DETACH);
}

static void cgroup_enter(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	igt_assert_eq(vram_write_file(CGROUP "/cgroup.procs", pid), 0);
}

static uint64_t cgroup_stat(const char *name)
{
	return read_field(CGROUP "/memory.stat", name);
}

/* The kernel adds up what its CPUs have counted every two seconds. */
static void cgroup_settles(const char *name, uint64_t most)
{
	unsigned int tries = 0;

	while (cgroup_stat(name) > most && tries++ < 60)
		usleep(100 * 1000);
	igt_assert_lte_u64(cgroup_stat(name), most);
}

static void cgroup_grows(const char *name, uint64_t least)
{
	unsigned int tries = 0;

	while (cgroup_stat(name) < least && tries++ < 60)
		usleep(100 * 1000);
	igt_assert_lte_u64(least, cgroup_stat(name));
}

/* A third of what is written, the rest of which the ram disk must hold. */
#define LIMIT		(24ul << 20)

static void check_swap_inside(const struct still *s)
{
	char *plain = map_plain(3 * LIMIT);
	size_t at;

	for (at = 0; at < 3 * LIMIT; at += VRAM_PAGE)
		*(volatile uint64_t *)(plain + at) = vram_stamp(at, 2);
	stills_check(s);
	for (at = 0; at < 3 * LIMIT; at += VRAM_PAGE)
		igt_assert_eq_u64(*(volatile uint64_t *)(plain + at),
				  vram_stamp(at, 2));
	stills_check(s);
	munmap(plain, 3 * LIMIT);
}

static void check_swap(const struct still *s)
{
	uint64_t before = read_field("/proc/vmstat", "pswpout");

	igt_require_f(vram_ram_disk(), "no ram disk\n");
	igt_assert_eq(system("mkswap " VRAM_RAM_DISK " >/dev/null"), 0);
	igt_assert_eq(swapon(VRAM_RAM_DISK, 0), 0);
	cgroup_init();
	/* Above this it must reclaim; above memory.max it may also be killed. */
	write_number(CGROUP "/memory.high", LIMIT);
	igt_fork(child, 1) {
		stills_touch(s);
		cgroup_enter();
		check_swap_inside(s);
	}
	stills_touch(s);
	igt_waitchildren();
	igt_assert_lte_u64(before + LIMIT / VRAM_PAGE,
			   read_field("/proc/vmstat", "pswpout"));
	igt_assert_eq(swapoff(VRAM_RAM_DISK), 0);
	cgroup_fini();
}

/* Page tables of a mapping that is all PTEs, and of one that needs none. */
/* Page tables of a process that maps nothing of this. */
#define MOST_OWN	(20 * VRAM_PAGE)

static void check_tables_inside(void)
{
	const uint64_t pages = 64 * PMD_PAGES, most = MOST_OWN;
	uint64_t none = cgroup_stat("pagetables"), page;
	struct vram_test_extent extent = { .nr_pages = pages };
	struct shape shape = { .extents = &extent, .nr = 1 };
	uint64_t pa = vram.base_pfn * VRAM_PAGE;
	unsigned int i;
	char *map;

	shape_set(&vram, &shape);
	for (i = 0; i < 3; i++) {
		/* In step with the memory in the last round: no table at all. */
		map = shape_mmap(&vram, 0, pages, pa + (i < 2 ? VRAM_PAGE : 0), RW);
		igt_assert(map != MAP_FAILED);
		for (page = 0; page < pages; page += PMD_PAGES / 2)
			(void)*(volatile char *)(map + page * VRAM_PAGE);
		if (i < 2)
			cgroup_grows("pagetables", none + 64 * VRAM_PAGE - most);
		else
			cgroup_settles("pagetables", none + most);
		vram_unmap(map, pages * VRAM_PAGE);
		cgroup_settles("pagetables", none + most);
	}
	/* And some to be left by the end of the process. */
	map = shape_mmap(&vram, 0, pages, pa + VRAM_PAGE, RW);
	for (page = 0; page < pages; page += PMD_PAGES / 2)
		(void)*(volatile char *)(map + page * VRAM_PAGE);
}

/*
 * Tables that a leaf has replaced, and that wait for the end of the mapping. A tracked
 * write makes PTEs; after a zap, a read makes a PMD leaf.
 */
static void check_retired_inside(void)
{
	const uint64_t pages = 64 * PMD_PAGES, most = MOST_OWN;
	uint64_t none = cgroup_stat("pagetables"), page;
	struct vram_test_extent extent = { .nr_pages = pages };
	struct shape shape = {
		.args.flags = VRAM_TEST_SHAPE_DIRTY,
		.extents = &extent,
		.nr = 1,
	};
	struct vram_test_stats stats = {};
	char *map;

	shape_set(&vram, &shape);
	map = shape_mmap(&vram, 0, pages, vram.base_pfn * VRAM_PAGE, RW);
	igt_assert(map != MAP_FAILED);
	for (page = 0; page < pages; page += PMD_PAGES)
		map[page * VRAM_PAGE] = 1;
	igt_assert_eq(shape_zap_addr(&vram, map, pages), 0);
	(void)*(volatile char *)map;
	shape_stats(&vram, map, pages * VRAM_PAGE, &stats);
	igt_assert_eq_u64(stats.count[VRAM_TEST_COUNT_PROMOTED],
			  vram_makes_tables ? 64 : 0);
	cgroup_grows("pagetables", none + 64 * VRAM_PAGE - most);
	vram_unmap(map, pages * VRAM_PAGE);
	cgroup_settles("pagetables", none + most);
	shape_fini(&vram, &shape);
}

static void check_page_tables(const struct still *s)
{
	cgroup_init();
	/* Many tables, so that what the kernel has not added up yet is little. */
	igt_fork(child, 1) {
		cgroup_enter();
		check_tables_inside();
	}
	igt_waitchildren();
	cgroup_settles("pagetables", MOST_OWN);
	igt_fork(child, 1) {
		cgroup_enter();
		check_retired_inside();
	}
	igt_waitchildren();
	stills_touch(s);
	cgroup_settles("pagetables", 0);
	cgroup_fini();
}

static const struct {
	const char *name;
	const char *what;
	void (*run)(const struct still *s);
} checks[] = {
	{ "userfaultfd", "Check that userfaultfd refuses", check_userfaultfd },
	{ "ksm", "Check that KSM passes by", check_ksm },
	{ "khugepaged", "Check that khugepaged passes by", check_khugepaged },
	{ "numa", "Check that nothing moves between nodes", check_numa },
	{ "compaction", "Check that compaction passes by", check_compaction },
	{ "swap", "Check that reclaim passes by", check_swap },
	{ "page-tables", "Check that the cgroup gets its page tables back",
	  check_page_tables },
};

igt_main()
{
	struct still s[STILLS];
	unsigned int i;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		igt_describe(checks[i].what);
		igt_subtest(checks[i].name) {
			stills_init(s);
			checks[i].run(s);
			stills_check(s);
			stills_fini(s);
		}
	}

	igt_fixture() {
		restore_settings();
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
