// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range stats
 * Description: Check what the library says about itself
 * Category: Core
 * Functionality: debugging
 *
 * SUBTEST: counters
 * Description: the counters of a VMA and the leaves counted in any part of it are
 *	those that another walker sees, and the system's counters grow by the same
 *
 * SUBTEST: vma-lock
 * Description: no fault takes mmap_lock, whether it maps huge leaves or small ones, and
 *	whether it reads or writes
 *
 * SUBTEST: debugfs
 * Description: debugfs has all counters by name, and a VMA with its process, its
 *	addresses and its leaves, as long as it lives
 *
 * SUBTEST: leaves
 * Description: debugfs has a line for each run of leaves, from the first to the last,
 *	with level, PFN and rights as another walker sees them
 *
 * SUBTEST: trace
 * Description: faults, first writes, zaps and failures leave trace events with
 *	their addresses and counts
 *
 * SUBTEST: refuse-trace
 * Description: so does a driver's mistake, besides a message
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check what the library says about itself");

#define RW		(PROT_READ | PROT_WRITE)
#define PAGES(bytes)	((bytes) / VRAM_PAGE)
#define MIB		(1ull << 20)
#define PUD_PAGES	PAGES(VRAM_PUD)
#define DEBUGFS		"/sys/kernel/debug/vmf_range/"
#define TRACING		"/sys/kernel/tracing/"

/* enum vmf_range_stat, by the names in debugfs */
static const char * const names[] = {
	"faults", "populates", "pud-leaves", "pmd-leaves", "pte-leaves", "kept",
	"budget-stops", "tracked-writes", "retries", "refused", "zaps",
};

static struct vram vram;

#define NR_PAGES	(PUD_PAGES + PAGES(8 * MIB) + 20)

/* The second, where a test has it, is contiguous in the shape and not in memory. */
static const struct vram_test_extent extents[] = {
	{ 0, VRAM_PUD - (4 * MIB + 9 * VRAM_PAGE), NR_PAGES },
	{ NR_PAGES, 0, 16 },
};

static void shape_init_extents(struct shape *s, unsigned int flags,
			       unsigned int nr)
{
	*s = (struct shape){
		.args = { .flags = flags }, .extents = extents, .nr = nr,
	};
	igt_require(vram.size >= 2 * VRAM_PUD + 8 * MIB);
	shape_set(&vram, s);
}

static void shape_init(struct shape *s, unsigned int flags)
{
	shape_init_extents(s, flags, 1);
}

static void check_part(const struct view *w, unsigned long page,
		       unsigned long nr)
{
	struct vram_test_stats stats;
	unsigned long sums[3] = {};
	struct vram_test_leaf *leaves;
	unsigned int count, i;

	leaves = vram_leaves(&vram, w->addr + page * VRAM_PAGE, nr * VRAM_PAGE,
			     &count);
	for (i = 0; i < count; i++)
		sums[(leaves[i].shift - 12) / 9]++;
	free(leaves);
	shape_stats(&vram, w->addr + page * VRAM_PAGE, nr * VRAM_PAGE, &stats);
	igt_assert_eq_u64(stats.pte, sums[0]);
	igt_assert_eq_u64(stats.pmd, sums[1]);
	igt_assert_eq_u64(stats.pud, sums[2]);
}

static void check_counters(void)
{
	struct vram_test_stats before, all, own;
	struct shape s;
	unsigned int i;
	struct view w;

	shape_init(&s, 0);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	shape_stats(&vram, NULL, 0, &before);
	view_touch(&w, 0, true);
	igt_assert_eq(shape_zap(&vram, 0, 500), 0);
	fill_zap(&w.f, 0, 500);
	view_touch(&w, 0, false);
	shape_stats(&vram, w.addr, w.len, &own);
	shape_stats(&vram, NULL, 0, &all);

	igt_assert_eq_u64(own.count[0] - own.count[8], 2);
	igt_assert_eq_u64(own.count[2], w.f.pud);
	igt_assert_eq_u64(own.count[3], w.f.pmd);
	igt_assert_eq_u64(own.count[4], w.f.pte);
	igt_assert_eq_u64(own.count[5], w.f.kept);
	igt_assert_eq_u64(own.count[9], 0);
	igt_assert_eq_u64(own.count[10], 1);
	igt_assert_eq_u64(w.f.pud, 1);
	/* Nobody else uses the library now. */
	for (i = 0; i < ARRAY_SIZE(names); i++)
		igt_assert_f(all.count[i] - before.count[i] == own.count[i],
			     "%s: %llu of all, %llu here\n", names[i],
			     (unsigned long long)(all.count[i] - before.count[i]),
			     (unsigned long long)own.count[i]);

	check_part(&w, 0, s.nr_pages);
	check_part(&w, 0, 1);
	check_part(&w, 5, 2000);
	check_part(&w, 100000, 1);
	check_part(&w, s.nr_pages - 1, 1);
	view_fini(&w);

	/* The kernel uses the memory of a VMA again: counters begin anew. */
	for (i = 0; i < 64; i++) {
		view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
		view_touch(&w, 0, false);
		shape_stats(&vram, w.addr, w.len, &own);
		igt_assert_eq_u64(own.count[0] - own.count[8], 1);
		view_fini(&w);
	}
	shape_fini(&vram, &s);
}

/*
 * Huge leaves, small ones, and those that only ->fault is asked for: in a page table that
 * is there already, and in a VMA in which no huge leaf would fit.
 */
static void check_vma_lock(void)
{
	static const struct {
		uint64_t shift;
		uint64_t nr_pages;
	} maps[] = {
		{ 0, NR_PAGES }, { VRAM_PMD, NR_PAGES }, { VRAM_PAGE, NR_PAGES },
		{ VRAM_PAGE, 100 },
	};
	struct vram_test_calls calls;
	struct shape s;
	unsigned int i;
	struct view w;

	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		shape_init(&s, 0);
		view_init(&w, &vram, &s, 0, maps[i].nr_pages, maps[i].shift, RW);
		view_touch(&w, 0, false);
		view_touch(&w, maps[i].nr_pages - 1, true);
		igt_assert_eq(shape_zap(&vram, 0, 50), 0);
		fill_zap(&w.f, 0, 50);
		view_touch(&w, 10, false);
		igt_assert_eq(shape_zap(&vram, 0, 50), 0);
		fill_zap(&w.f, 0, 50);
		view_touch(&w, 10, true);
		calls = shape_calls(&vram);
		igt_assert_lte(3, calls.calls);
		igt_assert_eq_u64(calls.vma_locked, calls.calls);
		view_fini(&w);
		shape_fini(&vram, &s);
	}
}

static char *read_all(const char *path)
{
	size_t room = 1 << 20, len = 0;
	char *text = malloc(room);
	ssize_t ret;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	igt_assert_f(fd >= 0 && text, "open %s: %s\n", path, strerror(errno));
	while (len < room - 1 && (ret = read(fd, text + len, room - 1 - len)) > 0)
		len += ret;
	close(fd);
	text[len] = '\0';
	return text;
}

static void expect_text(const char *path, const char *want, bool there)
{
	char *text = read_all(path);

	igt_assert_f(!!strstr(text, want) == there, "'%s' is %sin %s:\n%s\n", want,
		     there ? "not " : "", path, text);
	free(text);
}

static void check_debugfs(void)
{
	char want[256], *text, *line;
	struct vram_test_stats all, own;
	struct shape s;
	struct view w;
	unsigned int i;

	shape_init(&s, 0);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	view_touch(&w, 0, true);

	shape_stats(&vram, w.addr, w.len, &own);
	shape_stats(&vram, NULL, 0, &all);
	text = read_all(DEBUGFS "stats");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		line = strstr(text, names[i]);
		igt_assert_f(line, "no %s in:\n%s\n", names[i], text);
		igt_assert_eq_u64(strtoull(line + strlen(names[i]), NULL, 10),
				  all.count[i]);
	}
	free(text);

	snprintf(want, sizeof(want), "%d vmf_range_stats %lx-%lx virtio_vram_test\n  now: 1 PUD, %lu PMD, %lu PTE leaves\n  so far: faults %llu ",
		 getpid(), (unsigned long)w.addr, (unsigned long)(w.addr + w.len),
		 w.f.pmd, w.f.pte, (unsigned long long)own.count[0]);
	expect_text(DEBUGFS "vmas", want, true);
	view_fini(&w);
	snprintf(want, sizeof(want), "%d vmf_range_stats ", getpid());
	expect_text(DEBUGFS "vmas", want, false);
	shape_fini(&vram, &s);
}

/* The lines of a mapping, from the leaves that the test node has found. */
static char *lines_of(const struct view *w, unsigned int *nr_lines)
{
	struct vram_test_leaf *leaves, *leaf, *first;
	char *text = NULL;
	unsigned int nr;
	uint64_t end;
	size_t len;
	FILE *out;

	leaves = vram_leaves(&vram, w->addr, w->len, &nr);
	igt_assert(nr);
	out = open_memstream(&text, &len);
	igt_assert(out);
	*nr_lines = 0;
	for (leaf = leaves; leaf < leaves + nr;) {
		first = leaf;
		do {
			end = leaf->addr + (1ull << leaf->shift);
			leaf++;
		} while (leaf < leaves + nr && leaf->addr == end &&
			 leaf->shift == first->shift &&
			 !((leaf->flags ^ first->flags) & VRAM_TEST_LEAF_WRITE) &&
			 leaf->pfn == first->pfn + PAGES(end - first->addr));
		fprintf(out, "  %llx-%llx shift %u pfn %llx %s\n",
			(unsigned long long)first->addr, (unsigned long long)end,
			first->shift, (unsigned long long)first->pfn,
			first->flags & VRAM_TEST_LEAF_WRITE ? "rw" : "r-");
		++*nr_lines;
	}
	fclose(out);
	free(leaves);
	return text;
}

/* All levels, a hole from a zap, a page that was written to, a jump in memory. */
static void check_leaves(void)
{
	char head[128], *text, *want, *at;
	unsigned int nr_lines, i;
	struct shape s;
	struct view w;

	shape_init_extents(&s, VRAM_TEST_SHAPE_DIRTY, 2);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	view_touch(&w, 0, false);
	view_touch(&w, s.nr_pages - 1, false);
	view_touch(&w, 3, true);
	igt_assert_eq(shape_zap(&vram, 5, 2), 0);

	text = read_all(DEBUGFS "leaves");
	want = lines_of(&w, &nr_lines);
	/* Four parts of the head, PMD, PUD and PMD leaves, two parts of the tail. */
	igt_assert_eq(nr_lines, 9);
	snprintf(head, sizeof(head), "%d vmf_range_stats %lx-%lx virtio_vram_test\n",
		 getpid(), (unsigned long)w.addr, (unsigned long)(w.addr + w.len));
	at = strstr(text, head);
	for (i = 0; at && i < 3; i++)
		at = strchr(at, '\n') + 1;
	igt_assert_f(at && !strncmp(at, want, strlen(want)) &&
		     at[strlen(want)] != ' ', "no\n%s%sin\n%s\n", head, want, text);
	free(want);
	free(text);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	igt_assert_f(fd >= 0, "open %s: %s\n", path, strerror(errno));
	igt_assert_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* What happened since the last call of this. */
static void expect_event(const char *want)
{
	expect_text(TRACING "trace", want, true);
	write_text(TRACING "trace", "\n");
}

static void check_trace(void)
{
	unsigned long start, end;
	char want[256], vma[64];
	struct shape s;
	struct view w;

	shape_init(&s, VRAM_TEST_SHAPE_DIRTY);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	start = (unsigned long)w.addr;
	end = start + w.len;
	snprintf(vma, sizeof(vma), "vma=%lx-%lx", start, end);
	write_text(TRACING "trace", "\n");
	write_text(TRACING "events/vmf_range/enable", "1");

	view_touch(&w, 100000, false);
	snprintf(want, sizeof(want), "vmf_range_insert: %s addr=%lx fault=", vma,
		 start + 100000 * VRAM_PAGE);
	expect_text(TRACING "trace", want, true);
	snprintf(want, sizeof(want), " pud=1 pmd=%lu pte=%lu kept=0", w.f.pmd,
		 w.f.pte);
	expect_event(want);

	view_touch(&w, 3, true);
	snprintf(want, sizeof(want), "vmf_range_dirty: %s addr=%lx size=0x1000\n", vma,
		 start + 3 * VRAM_PAGE);
	expect_event(want);

	igt_assert_eq(shape_zap(&vram, 2, 5), 0);
	snprintf(want, sizeof(want), "vmf_range_zap: %s addr=%lx size=0x5000\n",
		 vma, start + 2 * VRAM_PAGE);
	expect_event(want);
	view_fini(&w);
	shape_fini(&vram, &s);

	s.args.lie = VRAM_TEST_LIE_ERROR;
	shape_set(&vram, &s);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	igt_assert_eq(vram_signal_of(w.addr, false), SIGBUS);
	snprintf(want, sizeof(want), "addr=%lx fault=", (unsigned long)w.addr);
	expect_text(TRACING "trace", want, true);
	expect_event("err=-5\n");
	write_text(TRACING "events/vmf_range/enable", "0");
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_refuse_trace(void)
{
	char want[256];
	struct shape s;
	struct view w;

	shape_init(&s, 0);
	s.args.lie = VRAM_TEST_LIE_NO_CALLBACK;
	free(s.blocks);
	shape_set(&vram, &s);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	write_text(TRACING "trace", "\n");
	write_text(TRACING "events/vmf_range/enable", "1");
	igt_assert_eq(vram_signal_of(w.addr, false), SIGBUS);
	write_text(TRACING "events/vmf_range/enable", "0");
	snprintf(want, sizeof(want), "vmf_range_refuse: vma=%lx-%lx addr=%lx err=-22\n",
		 (unsigned long)w.addr, (unsigned long)(w.addr + w.len),
		 (unsigned long)w.addr);
	expect_event(want);
	view_fini(&w);
	shape_fini(&vram, &s);
}

igt_main()
{
	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	igt_describe("Check counters against another walker");
	igt_subtest("counters")
		check_counters();
	igt_describe("Check that faults do without mmap_lock");
	igt_subtest("vma-lock")
		check_vma_lock();
	igt_describe("Check that a person can read it in debugfs");
	igt_subtest("debugfs")
		check_debugfs();
	igt_describe("Check the list of leaves in debugfs");
	igt_subtest("leaves")
		check_leaves();
	igt_describe("Check the trace events");
	igt_subtest("trace")
		check_trace();
	igt_describe("Check the trace event of a mistake");
	igt_subtest("refuse-trace")
		check_refuse_trace();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
