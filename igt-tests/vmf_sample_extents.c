// SPDX-License-Identifier: MIT
/**
 * TEST: vmf sample extents
 * Description: Check the sample of a file whose extents lie anywhere in device memory
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: layout
 * Description: extents of 4 KiB to 1 GiB, aligned or not, are mapped by the largest
 *	leaves that each allows
 *
 * SUBTEST: holes
 * Description: a hole gets SIGBUS, until it is filled; a page whose memory is taken
 *	away gets SIGBUS, and no other does
 *
 * SUBTEST: cut
 * Description: new memory for a page in the middle of a huge leaf
 *
 * SUBTEST: move
 * Description: an extent moves, its content with it, and has the leaves that its new
 *	place allows; the old place and the new one may overlap
 *
 * SUBTEST: move-used
 * Description: no write is lost while extents move
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"
#include "model.h"
#include "sample.h"
#include "vmf_sample_extents.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check the sample of a file of extents of device memory");

#define RW		(PROT_READ | PROT_WRITE)
#define PAGES(bytes)	((bytes) / VRAM_PAGE)
#define KIB		1024ul
#define MIB		(1024 * KIB)
#define MOVES		16

static struct vram vram;
static struct sample sample;
static int file;

static int try_set(unsigned long request, uint64_t page, uint64_t nr_pages,
		   uint64_t at)
{
	struct vmf_sample_extent extent = { page, nr_pages, at };

	return ioctl(file, request, &extent) ? -errno : 0;
}

static void set(uint64_t page, uint64_t nr_pages, uint64_t at)
{
	igt_assert_eq(try_set(VMF_SAMPLE_SET, page, nr_pages, at), 0);
}

static void move(uint64_t page, uint64_t nr_pages, uint64_t at)
{
	igt_assert_eq(try_set(VMF_SAMPLE_MOVE, page, nr_pages, at), 0);
}

static volatile uint64_t *word_of(char *addr, uint64_t page)
{
	return (void *)(addr + page * VRAM_PAGE);
}

static char *map(uint64_t pages)
{
	return sample_mmap(file, pages * VRAM_PAGE);
}

/* All that is not a hole has been touched. */
static void check_leaves(char *addr, uint64_t pages,
			 const struct vmf_sample_extent *extents, unsigned int nr)
{
	struct model_block blocks[16];
	struct model m;
	unsigned int i;

	igt_assert_lte(nr, ARRAY_SIZE(blocks));
	for (i = 0; i < nr; i++) {
		blocks[i] = (struct model_block){
			extents[i].page, sample.base_pfn + extents[i].at,
			extents[i].nr_pages,
		};
	}
	model_init_blocks(&m, blocks, nr, 30, 0, addr, pages * VRAM_PAGE);
	model_check(&m, &vram, RW);
	model_fini(&m);
}

static uint64_t stamp_of(uint64_t page, uint64_t seed)
{
	return vram_stamp(page * VRAM_PAGE, seed);
}

/* Each page of small extents, some of large ones, the last one among them. */
static void check_content(char *addr, const struct vmf_sample_extent *e)
{
	uint64_t i, step = 1 + e->nr_pages / 128;

	for (i = e->nr_pages - 1; i < e->nr_pages; i -= step) {
		sample_poke(&sample, e->at + i, stamp_of(e->page + i, 1));
		igt_assert_eq_u64(*word_of(addr, e->page + i),
				  stamp_of(e->page + i, 1));
	}
	/* Where the core makes the page tables, each takes a touch of its own. */
	for (i = 0; i < e->nr_pages && !vram_makes_tables; i++)
		(void)*word_of(addr, e->page + i);
}

/* What a file system might leave, the longest extent in the middle. */
static const struct vmf_sample_extent layout[] = {
	{ 0, 1, 77 },
	{ 1, 3, 1000 },
	{ 4, 16, 4093 },
	/* A hole to page 100. */
	{ 100, PAGES(2 * MIB), 512 * 5 + 100 },
	{ 612, PAGES(3 * MIB), 512 * 20 + 17 },
	{ 1380, PAGES(VRAM_PUD), PAGES(VRAM_PUD) - 20 },
	{ 1380 + PAGES(VRAM_PUD), 700, 20000 },
};

static void check_layout(void)
{
	const struct vmf_sample_extent *last = &layout[ARRAY_SIZE(layout) - 1];
	uint64_t pages = last->page + last->nr_pages;
	struct vmf_sample_extent e;
	unsigned int i;
	char *addr;

	for (i = 0; i < ARRAY_SIZE(layout); i++)
		set(layout[i].page, layout[i].nr_pages, layout[i].at);
	addr = map(pages);
	/* The longest extent agrees with its address, up to the largest leaf in it. */
	igt_assert_eq_u64(((uintptr_t)word_of(addr, layout[5].page) -
			   (sample.base_pfn + layout[5].at) * VRAM_PAGE) %
			  VRAM_PMD, 0);
	for (i = 0; i < ARRAY_SIZE(layout); i++)
		check_content(addr, &layout[i]);
	check_leaves(addr, pages, layout, ARRAY_SIZE(layout));
	vram_unmap(addr, pages * VRAM_PAGE);

	/* The same memory where a 1 GiB leaf fits. */
	e = (struct vmf_sample_extent){ 9, PAGES(VRAM_PUD) + 8, PAGES(VRAM_PUD) - 8 };
	set(e.page, e.nr_pages, e.at);
	set(0, 9, VMF_SAMPLE_HOLE);
	addr = map(e.page + e.nr_pages);
	check_content(addr, &e);
	check_leaves(addr, e.page + e.nr_pages, &e, 1);
	vram_unmap(addr, (e.page + e.nr_pages) * VRAM_PAGE);
}

static void check_holes(void)
{
	char *addr = map(2048);
	unsigned int i;

	for (i = 0; i < 2048; i += 97)
		igt_assert_eq(vram_signal_of((void *)word_of(addr, i), false),
			      SIGBUS);
	set(0, 2048, 512);
	for (i = 0; i < 2048; i += 97)
		igt_assert_eq(vram_signal_of((void *)word_of(addr, i), true), 0);
	set(1000, 3, VMF_SAMPLE_HOLE);
	for (i = 990; i < 1010; i++)
		igt_assert_eq(vram_signal_of((void *)word_of(addr, i), true),
			      i < 1000 || i > 1002 ? 0 : SIGBUS);
	set(1001, 1, 5000);
	sample_poke(&sample, 5000, 55);
	igt_assert_eq_u64(*word_of(addr, 1001), 55);
	igt_assert_eq(vram_signal_of((void *)word_of(addr, 1000), false), SIGBUS);

	igt_assert_eq(try_set(VMF_SAMPLE_SET, 0, 0, 0), -EINVAL);
	igt_assert_eq(try_set(VMF_SAMPLE_SET, 0, 2, PAGES(sample.size) - 1),
		      -EINVAL);
	igt_assert_eq(try_set(VMF_SAMPLE_SET, ~0ull, 2, 0), -EINVAL);
	igt_assert_eq(try_set(VMF_SAMPLE_MOVE, 1000, 1, 0), -EINVAL);
	igt_assert_eq(try_set(VMF_SAMPLE_MOVE, 999, 3, 0), -EINVAL);
	vram_unmap(addr, 2048 * VRAM_PAGE);
}

static void check_cut(void)
{
	const struct vmf_sample_extent after[] = {
		{ 0, 700, 512 }, { 700, 1, 9000 }, { 701, 1347, 512 + 701 },
	};
	char *addr;
	unsigned int i;

	set(0, 2048, 512);
	addr = map(2048);
	check_content(addr, &(struct vmf_sample_extent){ 0, 2048, 512 });
	check_leaves(addr, 2048, &(struct vmf_sample_extent){ 0, 2048, 512 }, 1);
	set(700, 1, 9000);
	for (i = 0; i < ARRAY_SIZE(after); i++)
		check_content(addr, &after[i]);
	check_leaves(addr, 2048, after, ARRAY_SIZE(after));
	vram_unmap(addr, 2048 * VRAM_PAGE);
}

static void check_move(void)
{
	/* Pages of memory: agrees with the file, does not, each overlaps the last one. */
	static const uint64_t places[] = {
		512 * 9, 512 * 30 + 5, 512 * 30 + 77, 512 * 30 + 3, 512 * 31,
	};
	char *addr;
	unsigned int i, p;

	set(0, 2048, 0);
	addr = map(2048);
	for (i = 0; i < 2048; i++)
		*word_of(addr, i) = stamp_of(i, 2);
	for (p = 0; p < ARRAY_SIZE(places); p++) {
		struct vmf_sample_extent e = { 0, 2048, places[p] };

		move(0, 2048, places[p]);
		for (i = 0; i < 2048; i++) {
			igt_assert_eq_u64(*word_of(addr, i), stamp_of(i, 2));
			if (i % 64)
				continue;
			igt_assert_eq_u64(sample_peek(&sample, places[p] + i),
					  stamp_of(i, 2));
		}
		/* Page tables that are in the way of leaves stay if only the core makes any. */
		if (vram_makes_tables || places[p] % 512 || !p)
			check_leaves(addr, 2048, &e, 1);
	}
	vram_unmap(addr, 2048 * VRAM_PAGE);
}

struct writer {
	atomic_bool stop;
	atomic_ulong writes[2];
};

/* It is the only one to write to its word: what it has written is what it reads. */
static void count_up(volatile uint64_t *word, struct writer *w, int who)
{
	uint64_t n;

	for (n = 0; !w->stop; n++) {
		igt_assert_eq_u64(*word, n);
		*word = n + 1;
		w->writes[who]++;
	}
}

/* A writer that has failed does not go on. */
static void await_writes(struct writer *w, int who, unsigned long nr)
{
	atomic_ulong *writes = &w->writes[who];
	unsigned long enough = atomic_load(writes) + nr;
	int i;

	for (i = 0; i < 100000 && atomic_load(writes) < enough; i++)
		usleep(100);
	igt_assert_lte_u64(enough, atomic_load(writes));
}

static void check_move_used(void)
{
	struct writer *w = mmap(NULL, sizeof(*w), RW, MAP_SHARED | MAP_ANONYMOUS,
				-1, 0);
	unsigned int i;
	char *addr;

	igt_assert(w != MAP_FAILED);
	set(0, 600, 0);
	addr = map(600);
	*word_of(addr, 3) = 0;
	*word_of(addr, 590) = 0;
	igt_fork(child, 2)
		count_up(word_of(addr, child ? 590 : 3), w, child);

	for (i = 1; i <= MOVES; i++) {
		move(0, 600, i % 4 * 2048 + i % 3);
		await_writes(w, i & 1, 100);
	}
	w->stop = true;
	igt_waitchildren();
	igt_assert_eq_u64(*word_of(addr, 3), w->writes[0]);
	igt_assert_eq_u64(*word_of(addr, 590), w->writes[1]);
	vram_unmap(addr, 600 * VRAM_PAGE);
	munmap(w, sizeof(*w));
}

static const struct {
	const char *name;
	const char *what;
	void (*run)(void);
} checks[] = {
	{ "layout", "Check extents of many sizes", check_layout },
	{ "holes", "Check that holes come and go", check_holes },
	{ "cut", "Check new memory inside a huge leaf", check_cut },
	{ "move", "Check that content moves along", check_move },
	{ "move-used", "Check that no write is lost", check_move_used },
};

igt_main()
{
	unsigned int i;

	igt_fixture() {
		vram_open(&vram, drm_open_driver(DRIVER_ANY));
		sample_load(&sample, "vmf_sample_extents");
		file = sample_open(&sample);
	}

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		igt_describe(checks[i].what);
		igt_subtest(checks[i].name) {
			/* Whatever the subtest before has left. */
			set(0, PAGES(4 * VRAM_PUD), VMF_SAMPLE_HOLE);
			checks[i].run();
		}
	}

	igt_fixture() {
		close(file);
		sample_unload(&sample);
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
