// SPDX-License-Identifier: MIT
/**
 * TEST: vmf sample remap
 * Description: Check the sample of a driver that maps at mmap() time, in its two forms
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: same
 * Description: both forms show the same memory without a fault; one has PTEs, the
 *	other the fewest leaves and tables that there can be
 *
 * SUBTEST: cut
 * Description: parts of a mapping are unmapped, and the rest is as before in both
 *
 * SUBTEST: refused
 * Description: both refuse the same
 */
#include <signal.h>
#include <sys/mman.h>

#include "igt.h"
#include "model.h"
#include "sample.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check the sample that maps at mmap() time, in its two forms");

#define RW		(PROT_READ | PROT_WRITE)
#define MIB		(1ul << 20)
#define FORMS		2
#define STEP		4099	/* pages from one that is looked at to the next */

/* From an odd page to the end of the BAR: PTEs, PMD leaves, a PUD leaf. */
#define OFFSET		(VRAM_PUD - 6 * MIB - 3 * VRAM_PAGE)
#define LEN		(2 * VRAM_PUD - OFFSET)

static struct vram vram;
static struct sample sample;

/* 0: vmf_remap_range(), 1: io_remap_pfn_range() */
static char *map_form(int fd, int form, uint64_t offset, size_t len)
{
	char *addr;

	igt_assert_eq(sample_sysfs_write("/sys/module/vmf_sample_remap/parameters",
					 "stock", form ? "1" : "0"), 0);
	addr = vram_map_fd(fd, offset, len, offset, RW);
	igt_assert(addr != MAP_FAILED);
	return addr;
}

static volatile uint64_t *word_of(char *addr, uint64_t at)
{
	return (void *)(addr + at);
}

static void check_content(char *addr, uint64_t from, uint64_t to, uint64_t seed)
{
	uint64_t at;

	for (at = from; at < to; at += STEP * VRAM_PAGE) {
		uint64_t page = (OFFSET + at) / VRAM_PAGE;

		sample_poke(&sample, page, vram_stamp(page * VRAM_PAGE, seed));
		igt_assert_eq_u64(*word_of(addr, at),
				  vram_stamp(page * VRAM_PAGE, seed));
		*word_of(addr, at) = ~seed;
		igt_assert_eq_u64(sample_peek(&sample, page), ~seed);
	}
}

static void check_leaves(char *addr, int form, long bytes)
{
	struct model_block block = {
		OFFSET / VRAM_PAGE,
		sample.base_pfn + OFFSET / VRAM_PAGE,
		LEN / VRAM_PAGE,
	};
	struct model_sum sum;
	struct model m;

	model_init_blocks(&m, &block, 1, form ? 12 : 30, block.page, addr, LEN);
	model_check(&m, &vram, RW);
	sum = model_sum(&m);
	model_fini(&m);
	igt_info("%s: %lu PUD, %lu PMD, %lu PTE leaves, %ld KiB of tables\n",
		 form ? "io_remap_pfn_range()" : "vmf_remap_range()", sum.pud,
		 sum.pmd, sum.pte, bytes / 1024);
	igt_assert_eq(bytes, sum.table_bytes);
	igt_assert_eq(sum.pud, form ? 0 : 1);
}

static void check_same(void)
{
	int form, fd = sample_open(&sample);

	for (form = 0; form < FORMS; form++) {
		long tables = vram_table_bytes(), bytes;
		unsigned long faults;
		char *addr;

		addr = map_form(fd, form, OFFSET, LEN);
		bytes = vram_table_bytes() - tables;
		check_leaves(addr, form, bytes);
		faults = vram_faults();
		*word_of(addr, 0) = 1;
		*word_of(addr, VRAM_PUD / 2) = 1;
		*word_of(addr, LEN - VRAM_PAGE) = 1;
		igt_assert_eq(vram_faults() - faults, 0);
		check_content(addr, 0, LEN, form);
		tables = vram_table_bytes();
		vram_unmap(addr, LEN);
		igt_assert_eq(tables - vram_table_bytes(), bytes);
	}
	close(fd);
}

static void check_cut(void)
{
	/* Inside the 1 GiB leaf, and inside one of 2 MiB. */
	static const uint64_t cuts[] = {
		VRAM_PUD / 2 + 5 * VRAM_PAGE, 3 * MIB + 7 * VRAM_PAGE,
	};
	int form, fd = sample_open(&sample);
	unsigned int i;

	for (form = 0; form < FORMS; form++) {
		char *addr = map_form(fd, form, OFFSET, LEN);

		for (i = 0; i < ARRAY_SIZE(cuts); i++) {
			vram_unmap(addr + cuts[i], VRAM_PAGE);
			igt_assert_eq(vram_signal_of(addr + cuts[i], false),
				      SIGSEGV);
		}
		check_content(addr, 0, cuts[1], form);
		check_content(addr, cuts[1] + VRAM_PAGE, cuts[0], form);
		check_content(addr, cuts[0] + VRAM_PAGE, LEN, form);
		vram_unmap(addr, LEN);
	}
	close(fd);
}

static void check_refused(void)
{
	int form, fd = sample_open(&sample);

	for (form = 0; form < FORMS; form++) {
		vram_unmap(map_form(fd, form, 0, VRAM_PAGE), VRAM_PAGE);
		igt_assert(mmap(NULL, VRAM_PAGE, RW, MAP_SHARED, fd,
				sample.size) == MAP_FAILED);
		igt_assert_eq(errno, EINVAL);
		igt_assert(mmap(NULL, VRAM_PAGE, RW, MAP_PRIVATE, fd, 0) ==
			   MAP_FAILED);
		igt_assert_eq(errno, EINVAL);
	}
	close(fd);
}

static const struct {
	const char *name;
	const char *what;
	void (*run)(void);
} checks[] = {
	{ "same", "Check that both forms show the same memory", check_same },
	{ "cut", "Check that the rest of a mapping stays in both", check_cut },
	{ "refused", "Check that both refuse the same", check_refused },
};

igt_main()
{
	unsigned int i;

	igt_fixture() {
		vram_open(&vram, drm_open_driver(DRIVER_ANY));
		sample_load(&sample, "vmf_sample_remap");
		igt_assert_eq_u64(sample.size, OFFSET + LEN);
	}

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		igt_describe(checks[i].what);
		igt_subtest(checks[i].name)
			checks[i].run();
	}

	igt_fixture() {
		sample_unload(&sample);
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
