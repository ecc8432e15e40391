// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range refuse
 * Description: Check that what a driver may not say is refused, and the log says why
 * Category: Core
 * Functionality: mmap
 *
 * The kernel log has an error for each; the names of the subtests excuse it.
 *
 * SUBTEST: refuse-%s
 * Description: of a driver with %arg[1], a touch gets SIGBUS, nothing is mapped and
 *	one message names the mistake
 *
 * arg[1]:
 *
 * @empty:		a block of no pages
 * @misses:		a block that does not hold the page
 * @wraps:		a block whose PFNs wrap around
 * @beyond:		a block beyond what the CPU can address
 * @no-callback:	no block callback
 * @not-pfnmap:		a VMA that is not VM_PFNMAP
 * @half-dirty:		a report function and operations that cannot track
 * @no-dirty:		operations that track, and no report function
 * @no-may-split:	1 GiB leaves asked for, and operations that cannot keep them whole
 * @range-empty:	an empty block for vmf_insert_range()
 * @range-misses:	a block elsewhere for vmf_insert_range()
 * @range-wraps:	a block that wraps for vmf_insert_range()
 * @range-beyond:	a block beyond all memory for vmf_insert_range()
 *
 * SUBTEST: refuse-neighbour-%s
 * Description: memory before a wrong block is mapped, and the block is not
 *
 * arg[1]:
 *
 * @empty:	a block of no pages
 * @beyond:	a block beyond what the CPU can address
 *
 * SUBTEST: refuse-moved-%s
 * Description: memory that moved without a zap is not mapped over %arg[1], and one
 *	message has the address and both PFNs
 *
 * arg[1]:
 *
 * @pte:	PTEs
 * @pmd:	PMD leaves
 *
 * SUBTEST: refuse-populate
 * Description: mmap() fails with a wrong block, and leaves nothing behind
 *
 * SUBTEST: refuse-zap
 * Description: a zap of what is not in a VMA is refused
 *
 * SUBTEST: error
 * Description: an error of the callback is SIGBUS where it is touched, and no message
 *
 * SUBTEST: kept
 * Description: entries that are there with the right PFN are kept, and no message
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check that what a driver may not say is refused");

#define RW		(PROT_READ | PROT_WRITE)
#define PAGES(bytes)	((bytes) / VRAM_PAGE)
#define MIB		(1ull << 20)

/* enum vmf_range_stat */
#define STAT_KEPT	5
#define STAT_REFUSED	9

static struct vram vram;
static int kmsg = -1;

/* Messages from here on. */
static void log_begin(void)
{
	if (kmsg < 0)
		kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	igt_assert_fd(kmsg);
	igt_assert_lte(0, lseek(kmsg, 0, SEEK_END));
}

/* How many the library has left; the last goes to @text. */
static unsigned int log_end(char *text, size_t size)
{
	unsigned int nr = 0;
	char record[2048];
	const char *line;
	ssize_t len;

	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0) {
		record[len] = '\0';
		line = strchr(record, ';');
		if (!line || strncmp(line + 1, "vmf_range: ", 11))
			continue;
		nr++;
		snprintf(text, size, "%s", line + 1);
		text[strcspn(text, "\n")] = '\0';
	}
	igt_assert_eq(errno, EAGAIN);
	return nr;
}

static void log_expect(const char *want)
{
	char text[1024] = "";
	unsigned int nr = log_end(text, sizeof(text));

	igt_info("%s\n", text);
	igt_assert_f(nr == !!want, "%u messages; the last: %s\n", nr, text);
	if (want)
		igt_assert_f(strstr(text, want), "'%s' is not in: %s\n", want,
			     text);
}

static const struct vram_test_extent two[] = {
	{ 0, 32 * MIB, 1024 },
	{ 1024, 64 * MIB, 1024 },
};

static void shape_init(struct shape *s, enum vram_test_lie lie,
		       enum vram_test_iter iter, unsigned int flags,
		       uint64_t from)
{
	*s = (struct shape){
		.args = { .lie = lie, .iter = iter, .flags = flags,
			  .lie_page = from },
		.extents = two,
		.nr = ARRAY_SIZE(two),
	};
	shape_set(&vram, s);
}

static unsigned long refused(void)
{
	struct vram_test_stats stats;

	shape_stats(&vram, NULL, 0, &stats);
	return stats.count[STAT_REFUSED];
}

static const struct mistake {
	const char *name;
	enum vram_test_lie lie;
	enum vram_test_iter iter;
	unsigned int flags;
	const char *message;
} mistakes[] = {
	{ "empty", VRAM_TEST_LIE_EMPTY, 0, 0,
	  "block of 0 pages at page offset 0x400, pfn 0x" },
	{ "misses", VRAM_TEST_LIE_MISSES, 0, 0,
	  "does not hold the page (asked for page offset 0x400)" },
	{ "wraps", VRAM_TEST_LIE_WRAPS, 0, 0,
	  "goes beyond what the CPU can address (asked for page offset 0x400)" },
	{ "beyond", VRAM_TEST_LIE_BEYOND, 0, 0,
	  "pfn 0x4000000000000: goes beyond what the CPU can address" },
	{ "no-callback", VRAM_TEST_LIE_NO_CALLBACK, 0, 0,
	  "the driver gave no block callback" },
	{ "not-pfnmap", VRAM_TEST_LIE_NOT_PFNMAP, 0, 0,
	  "the VMA is not VM_PFNMAP" },
	{ "half-dirty", VRAM_TEST_LIE_HALF_DIRTY, 0, VRAM_TEST_SHAPE_DIRTY,
	  "of ->dirty and VMF_RANGE_VM_OPS_DIRTY, the driver has only one" },
	{ "no-dirty", VRAM_TEST_LIE_NO_DIRTY, 0, VRAM_TEST_SHAPE_DIRTY,
	  "of ->dirty and VMF_RANGE_VM_OPS_DIRTY, the driver has only one" },
	{ "no-may-split", VRAM_TEST_LIE_NO_MAY_SPLIT, 0, 0,
	  "VMF_RANGE_PUD needs all of VMF_RANGE_VM_OPS, .may_split" },
	{ "range-empty", VRAM_TEST_LIE_EMPTY, VRAM_TEST_ITER_RANGE, 0,
	  "block of 0 pages at address" },
	{ "range-misses", VRAM_TEST_LIE_MISSES, VRAM_TEST_ITER_RANGE, 0,
	  "cannot back the fault at" },
	{ "range-wraps", VRAM_TEST_LIE_WRAPS, VRAM_TEST_ITER_RANGE, 0,
	  "cannot back the fault at" },
	{ "range-beyond", VRAM_TEST_LIE_BEYOND, VRAM_TEST_ITER_RANGE, 0,
	  "goes beyond what the CPU can address" },
};

static void check_nothing(void *addr, size_t len)
{
	struct vram_test_leaf *leaves;
	unsigned int nr;

	leaves = vram_leaves(&vram, addr, len, &nr);
	free(leaves);
	igt_assert_eq(nr, 0);
}

static void check_mistake(const struct mistake *mistake)
{
	unsigned long before;
	struct shape s;
	struct view w;

	shape_init(&s, mistake->lie, mistake->iter, mistake->flags, 0);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	before = refused();
	log_begin();
	igt_assert_eq(vram_signal_of(view_word(&w, 1024), false), SIGBUS);
	log_expect(mistake->message);
	igt_assert_eq_u64(refused(), before + 1);
	check_nothing(w.addr, w.len);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_neighbour(const struct mistake *mistake)
{
	struct shape s;
	struct view w;

	shape_init(&s, mistake->lie, VRAM_TEST_ITER_CALLBACK, 0, 1024);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	log_begin();
	igt_assert_eq(vram_signal_of(view_word(&w, 5), true), 0);
	log_expect(mistake->message);
	/* All that the model would have, but for what lies beyond. */
	fill_touch(&w.f, 5, true);
	fill_zap(&w.f, 1024, 1024);
	fill_check(&w.f, &vram);
	log_begin();
	igt_assert_eq(vram_signal_of(view_word(&w, 1024), true), SIGBUS);
	log_expect(mistake->message);
	view_touch(&w, 1023, true);
	fill_check(&w.f, &vram);
	view_fini(&w);
	shape_fini(&vram, &s);
}

/*
 * After the first zap, the driver's memory is one page further on. Around a page that
 * was zapped, what is there is right, and the fault is not served. After the second,
 * it is back.
 */
static void check_moved(unsigned long max_ptes, uint64_t shift,
			unsigned long page, unsigned long nr,
			unsigned long meets)
{
	struct shape s = {
		.args = { .lie = VRAM_TEST_LIE_MOVED, .max_ptes = max_ptes },
		.extents = two,
		.nr = 1,
	};
	char text[256];
	struct view w;

	shape_set(&vram, &s);
	view_init(&w, &vram, &s, 0, s.nr_pages, shift, RW);
	view_touch(&w, page, false);
	fill_check(&w.f, &vram);
	igt_assert_eq(shape_zap(&vram, page, nr), 0);

	snprintf(text, sizeof(text), "address %llx maps pfn %llx and the driver now says %llx",
		 (unsigned long long)(uintptr_t)(w.addr + meets * VRAM_PAGE),
		 (unsigned long long)w.m.pa[meets] / VRAM_PAGE,
		 (unsigned long long)w.m.pa[meets] / VRAM_PAGE + 1);
	log_begin();
	igt_assert_eq(vram_signal_of(view_word(&w, page), false), SIGBUS);
	fill_core_tables(&w.f, page, 1);
	log_expect(text);
	/* Whatever the driver said of the rest: gone, as it should have been. */
	igt_assert_eq(shape_zap(&vram, page, nr), 0);
	fill_zap(&w.f, page, nr);
	fill_check(&w.f, &vram);
	view_touch(&w, page, true);
	fill_check(&w.f, &vram);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_populate(const struct mistake *mistake)
{
	static const uint64_t from[] = { 0, 1024 };
	unsigned int i;
	struct shape s;
	long bytes;

	for (i = 0; i < ARRAY_SIZE(from); i++) {
		shape_init(&s, mistake->lie, VRAM_TEST_ITER_CALLBACK,
			   VRAM_TEST_SHAPE_POPULATE, from[i]);
		vram_table_bytes();
		bytes = vram_table_bytes();
		log_begin();
		errno = 0;
		igt_assert(shape_mmap(&vram, 0, s.nr_pages, VRAM_PAGE, RW) ==
			   MAP_FAILED);
		igt_assert_eq(errno, EINVAL);
		log_expect("vmf_range: ");
		igt_assert_eq_u64(vram_table_bytes(), bytes);
		shape_fini(&vram, &s);
	}
}

static void check_zap(void)
{
	struct shape s;
	struct view w;

	shape_init(&s, VRAM_TEST_LIE_NONE, VRAM_TEST_ITER_CALLBACK, 0, 0);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	view_touch(&w, 0, false);
	log_begin();
	igt_assert_eq(shape_zap_addr(&vram, w.addr, s.nr_pages + 1), -EINVAL);
	log_expect("cannot zap 0x801000 bytes at");
	log_begin();
	igt_assert_eq(shape_zap_addr(&vram, w.addr, 0), -EINVAL);
	log_expect("cannot zap 0x0 bytes at");
	log_begin();
	igt_assert_eq(shape_zap_addr(&vram, w.addr + 8, 1), -EINVAL);
	log_expect("cannot zap 0x1000 bytes at");
	log_begin();
	igt_assert_eq(shape_zap_addr(&vram, w.addr + VRAM_PAGE, ~0ull >> 12),
		      -EINVAL);
	log_expect("cannot zap");
	fill_check(&w.f, &vram);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_error(void)
{
	struct shape s;
	struct view w;

	shape_init(&s, VRAM_TEST_LIE_ERROR, VRAM_TEST_ITER_CALLBACK, 0, 1024);
	view_init(&w, &vram, &s, 0, s.nr_pages, 0, RW);
	log_begin();
	igt_assert_eq(vram_signal_of(view_word(&w, 1024), false), SIGBUS);
	check_nothing(w.addr, w.len);
	igt_assert_eq(vram_signal_of(view_word(&w, 1023), true), 0);
	igt_assert_eq(vram_signal_of(view_word(&w, 2047), true), SIGBUS);
	view_touch(&w, 0, true);
	fill_zap(&w.f, 1024, 1024);
	view_check_word(&w, &vram, 1000);
	log_expect(NULL);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static void check_kept(void)
{
	struct vram_test_stats stats;
	struct shape s;
	struct view w;

	shape_init(&s, VRAM_TEST_LIE_NONE, VRAM_TEST_ITER_CALLBACK, 0, 0);
	view_init(&w, &vram, &s, 0, s.nr_pages, VRAM_PAGE, RW);
	log_begin();
	view_touch(&w, 0, true);
	igt_assert_eq(shape_zap(&vram, 5, 3), 0);
	fill_zap(&w.f, 5, 3);
	fill_check(&w.f, &vram);
	view_touch(&w, 6, true);
	view_check_word(&w, &vram, 7);
	fill_check(&w.f, &vram);
	igt_assert_lte_u64(1, w.f.kept);
	shape_stats(&vram, w.addr, w.len, &stats);
	igt_assert_eq_u64(stats.count[STAT_KEPT], w.f.kept);
	log_expect(NULL);
	view_fini(&w);
	shape_fini(&vram, &s);
}

static const struct mistake *mistake_named(const char *name)
{
	unsigned int i;

	for (i = 0; strcmp(mistakes[i].name, name); i++)
		;
	return &mistakes[i];
}

igt_main()
{
	static const char * const neighbours[] = { "empty", "beyond" };
	static const char * const populates[] = { "empty", "misses", "beyond" };
	unsigned int i;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		igt_describe("Check that a driver's mistake is refused and named");
		igt_subtest_f("refuse-%s", mistakes[i].name)
			check_mistake(&mistakes[i]);
	}

	for (i = 0; i < ARRAY_SIZE(neighbours); i++) {
		igt_describe("Check that memory beside a wrong block is mapped");
		igt_subtest_f("refuse-neighbour-%s", neighbours[i])
			check_neighbour(mistake_named(neighbours[i]));
	}

	igt_describe("Check that PTEs stay when memory moves without a zap");
	igt_subtest("refuse-moved-pte") {
		check_moved(16, VRAM_PAGE, 3, 1, 0);
		check_moved(0, VRAM_PAGE, 600, 100, 511);
	}
	igt_describe("Check that PMD leaves stay when memory moves without a zap");
	igt_subtest("refuse-moved-pmd")
		check_moved(1024, 0, 0, 512, 512);

	igt_describe("Check that mmap() fails with a wrong block");
	igt_subtest("refuse-populate") {
		/* 10 messages in 5 seconds is what a printk() may leave. */
		sleep(5);
		for (i = 0; i < ARRAY_SIZE(populates); i++)
			check_populate(mistake_named(populates[i]));
	}

	igt_describe("Check that a zap outside of a VMA is refused");
	igt_subtest("refuse-zap")
		check_zap();

	igt_describe("Check that an error of the callback stays where it is");
	igt_subtest("error")
		check_error();

	igt_describe("Check that entries with the right PFN are kept");
	igt_subtest("kept")
		check_kept();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
