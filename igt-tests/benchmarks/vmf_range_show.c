// SPDX-License-Identifier: MIT
/*
 * What vmf_range does, at a glance: buffers of several shapes are mapped, every
 * page is touched once, every page's stamp is verified; then the same buffer
 * again by stock TTM's ttm_bo_vm_fault(). One row of a table and one picture for
 * each.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "count.h"
#include "svg.h"
#include "vram.h"

#define MIB	(1ull << 20)
#define GIB	(1ull << 30)

struct shape {
	const char *file;
	const char *name;
	const char *block;
	const char *title;
	uint64_t size;		/* 0: a quarter of the window and 3840 pages */
	uint64_t block_size;
	uint64_t off;
	uint32_t flags;
};

/* Neighbours that differ in nothing but their offset share a buffer. */
static const struct shape shapes[] = {
	{ "1g-block", "one block, aligned", "1 GiB",
	  "One aligned block of 1 GiB", GIB, GIB, 0, 0 },
	{ "misaligned", "misaligned by 4 KiB", "1 GiB",
	  "One block of 1 GiB, mapped 4 KiB off", GIB, GIB, VRAM_PAGE, 0 },
	{ "4m-blocks", "4 MiB blocks", "4 MiB",
	  "Blocks of 4 MiB, scattered", GIB / 4, 4 * MIB, 0, 0 },
	{ "64k-blocks", "64 KiB blocks", "64 KiB",
	  "Blocks of 64 KiB, scattered", GIB / 8, 65536, 0, 0 },
	{ "random-mix", "random mix", "4K to 8M",
	  "Blocks of random size, 4 KiB to 8 MiB", GIB / 8, 8 * MIB, 0,
	  DRM_VIRTIO_VRAM_GEM_MIX },
	{ "odd-size", "odd size", "largest",
	  "A size that is no power of two", 0, 0, 0, 0 },
};

#define NR_SHAPES	(sizeof(shapes) / sizeof(shapes[0]))

/* What one way of mapping a buffer took and gave. */
struct result {
	unsigned long faults;
	uint64_t instructions;
	long table_bytes;
	unsigned long pud, pmd, pte;
	struct vram_test_leaf *leaves;
	unsigned int nr_leaves;
	uint64_t va;
};

static struct vram vram;

static const char *commas(uint64_t n)
{
	static char texts[16][32];
	static unsigned int next;
	char *text = texts[next++ % 16], digits[24];
	int len, i, at = 0;

	len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

static void __attribute__((noinline)) touch(const char *addr, size_t len)
{
	const char *end = addr + len;

	for (; addr < end; addr += VRAM_PAGE)
		*(volatile const char *)addr;
}

static void stamp(const struct vram_bo *bo)
{
	uint64_t at, pa;
	unsigned int i;

	for (i = 0; i < bo->nr_blocks; i++) {
		pa = vram.base_pfn * VRAM_PAGE + bo->blocks[i].offset;
		for (at = 0; at < bo->blocks[i].len; at += VRAM_PAGE)
			*vram_word(&vram, pa + at) = vram_stamp(pa + at, 1);
	}
}

static void verify(const struct vram_bo *bo, const char *addr)
{
	uint64_t at, pa;
	unsigned int i;

	for (i = 0; i < bo->nr_blocks; i++) {
		pa = vram.base_pfn * VRAM_PAGE + bo->blocks[i].offset;
		for (at = 0; at < bo->blocks[i].len; at += VRAM_PAGE)
			if (*(volatile uint64_t *)(addr + at) !=
			    vram_stamp(pa + at, 1))
				vram_fail("wrong stamp at %p\n", addr + at);
		addr += bo->blocks[i].len;
	}
}

static void count_leaves(struct result *r)
{
	unsigned int i;

	for (i = 0; i < r->nr_leaves; i++) {
		r->pud += r->leaves[i].shift == 30;
		r->pmd += r->leaves[i].shift == 21;
		r->pte += r->leaves[i].shift == 12;
	}
}

/* Map the buffer and touch each of its pages, and take the counts. */
static char *map_and_touch(const struct vram_bo *bo, uint64_t off,
			   struct result *r)
{
	uint64_t begin;
	char *addr;

	memset(r, 0, sizeof(*r));
	addr = vram_map(&vram, bo, 0, bo->size, off, PROT_READ | PROT_WRITE);
	r->va = (uintptr_t)addr;
	r->table_bytes = -vram_table_bytes();
	r->faults = -vram_faults();

	count_wait_for_tick();
	r->instructions = -count_now();
	touch(addr, bo->size);
	r->instructions += count_now();
	r->faults += vram_faults();
	r->table_bytes += vram_table_bytes();

	/* What is the loop's alone: nothing faults any more. */
	count_wait_for_tick();
	begin = count_now();
	touch(addr, bo->size);
	r->instructions -= count_now() - begin;
	return addr;
}

static void measure(const struct vram_bo *bo, uint64_t off,
		    enum vram_test_way way, struct result *r)
{
	struct result again;
	char *addr;
	int i;

	vram_bo_act(&vram, bo, VRAM_TEST_BO_WAY, way);
	addr = map_and_touch(bo, off, r);
	/* One interrupt outweighs a short loop: the least of three is it. */
	for (i = 0; i < 2 && r->faults < 1000; i++) {
		vram_unmap(addr, bo->size);
		addr = map_and_touch(bo, off, &again);
		if (again.instructions < r->instructions)
			*r = again;
	}
	r->va = (uintptr_t)addr;
	verify(bo, addr);
	r->leaves = vram_leaves(&vram, addr, bo->size, &r->nr_leaves);
	count_leaves(r);
	vram_unmap(addr, bo->size);
}

/* The memory type of a leaf, from its PWT, PCD and PAT bits as Linux sets PAT. */
static const char *cache_mode(const struct vram_test_leaf *leaf)
{
	static const char * const modes[8] = {
		"WB", "WC", "UC-", "UC", "WB", "WP", "UC-", "WT",
	};
	unsigned int pat = leaf->shift == 12 ? 7 : 12;

	return modes[(leaf->prot >> 3 & 3) | (leaf->prot >> pat & 1) << 2];
}

static double ratio(uint64_t more, uint64_t less)
{
	return less ? (double)more / less : 0;
}

static const char *times(uint64_t more, uint64_t less)
{
	static char texts[4][32];
	static unsigned int next;
	char *text = texts[next++ % 4];
	double r = ratio(more, less);

	if (r < 100)
		snprintf(text, 32, "%.1fx", r);
	else
		snprintf(text, 32, "%sx", commas(r));
	return text;
}

static void print_head(bool counting)
{
	printf("%-19s %8s %5s  %20s  %16s  %11s  %22s\n", "", "", "",
	       "------ faults ------", "---- leaves ----", "tables, KiB",
	       counting ? "instructions, thousand" : "-- ticks, thousand ---");
	printf("%-19s %8s %5s  %5s %6s %7s  %3s %4s %7s  %5s %5s  %6s %7s %7s  %s\n",
	       "buffer", "block", "MiB", "range", "stock", "fewer", "PUD", "PMD",
	       "PTE", "range", "stock", "range", "stock", "fewer", "cache");
}

static void print_row(const struct shape *s, uint64_t size,
		      const struct result *range, const struct result *stock)
{
	printf("%-19s %8s %5.5g  %5s %6s %7s  %3lu %4lu %7s  %5s %5s  %6s %7s %7s  %s\n",
	       s->name, s->block, (double)size / MIB, commas(range->faults),
	       commas(stock->faults), times(stock->faults, range->faults),
	       range->pud, range->pmd, commas(range->pte),
	       commas(range->table_bytes / 1024),
	       commas(stock->table_bytes / 1024),
	       commas((range->instructions + 500) / 1000),
	       commas((stock->instructions + 500) / 1000),
	       times(stock->instructions, range->instructions),
	       cache_mode(&range->leaves[0]));
	fflush(stdout);
}

static void describe(char *text, size_t room, const struct result *r,
		     bool counting)
{
	size_t len = snprintf(text, room, "%s fault%s, ", commas(r->faults),
			      r->faults == 1 ? "" : "s");

	if (r->pud)
		len += snprintf(text + len, room - len, "%lu PUD + ", r->pud);
	if (r->pmd)
		len += snprintf(text + len, room - len, "%lu PMD + ", r->pmd);
	if (r->pte || !(r->pud || r->pmd))
		len += snprintf(text + len, room - len, "%s PTE",
				commas(r->pte));
	else
		len -= strlen(" + ");
	snprintf(text + len, room - len,
		 " leaves, %s KiB of page tables, %s %s",
		 commas(r->table_bytes / 1024), commas(r->instructions),
		 counting ? "instructions" : "ticks");
}

/* The same leaves as runs, one to each. */
static struct svg_run *runs_of(const struct result *r)
{
	struct svg_run *runs = calloc(r->nr_leaves, sizeof(*runs));
	unsigned int i;

	if (!runs)
		vram_fail("no memory\n");
	for (i = 0; i < r->nr_leaves; i++)
		runs[i] = (struct svg_run){
			.addr = r->leaves[i].addr,
			.len = 1ull << r->leaves[i].shift,
			.pfn = r->leaves[i].pfn,
			.shift = r->leaves[i].shift,
		};
	return runs;
}

static void draw(const char *dir, const struct shape *s, uint64_t size,
		 const struct result *range, const struct result *stock,
		 bool counting)
{
	struct svg_run *runs[2] = { runs_of(range), runs_of(stock) };
	char path[PATH_MAX], title[128], texts[2][256];
	const struct svg_view views[2] = {
		{ "vmf_range", texts[0], range->va, size, runs[0],
		  range->nr_leaves },
		{ "stock TTM", texts[1], stock->va, size, runs[1],
		  stock->nr_leaves },
	};

	snprintf(path, sizeof(path), "%s/%s.svg", dir, s->file);
	snprintf(title, sizeof(title), "%s (%.6g MiB in all)", s->title,
		 (double)size / MIB);
	describe(texts[0], sizeof(texts[0]), range, counting);
	describe(texts[1], sizeof(texts[1]), stock, counting);
	svg_write_pair(path, title,
		       "The same buffer mapped twice; every page touched once, in order of address.",
		       views);
	free(runs[0]);
	free(runs[1]);
}

static void show_shape(const struct shape *s, const struct vram_bo *bo,
		       const char *dir, bool counting, struct result sum[2])
{
	struct result range, stock;

	measure(bo, s->off, VRAM_TEST_WAY_RANGE, &range);
	measure(bo, s->off, VRAM_TEST_WAY_STOCK, &stock);
	print_row(s, bo->size, &range, &stock);
	if (dir)
		draw(dir, s, bo->size, &range, &stock, counting);
	sum[0].faults += range.faults;
	sum[0].instructions += range.instructions;
	sum[1].faults += stock.faults;
	sum[1].instructions += stock.instructions;
	free(range.leaves);
	free(stock.leaves);
}

static bool same_buffer(const struct shape *a, const struct shape *b)
{
	return a->size == b->size && a->block_size == b->block_size &&
	       a->flags == b->flags;
}

static void show(const char *dir, bool counting)
{
	struct result sum[2] = {};
	struct vram_bo bo = {};
	unsigned int i;

	print_head(counting);
	for (i = 0; i < NR_SHAPES; i++) {
		const struct shape *s = &shapes[i];

		if (!i || !same_buffer(s, s - 1)) {
			if (i)
				vram_bo_destroy(&vram, &bo);
			vram_bo_create(&vram, &bo, s->size ? s->size :
				       vram.size / 4 + 0xf00 * VRAM_PAGE,
				       s->block_size, s->flags);
			stamp(&bo);
		}
		show_shape(s, &bo, dir, counting, sum);
	}
	vram_bo_destroy(&vram, &bo);
	printf("\nIn all: %s faults instead of %s, %s fewer; %s million %s instead of %s, %s fewer.\n",
	       commas(sum[0].faults), commas(sum[1].faults),
	       times(sum[1].faults, sum[0].faults),
	       commas((sum[0].instructions + 500000) / 1000000),
	       counting ? "instructions" : "ticks",
	       commas((sum[1].instructions + 500000) / 1000000),
	       times(sum[1].instructions, sum[0].instructions));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "out", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const char *dir = NULL;
	struct utsname uts;
	bool counting;
	int opt, fd;

	while ((opt = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		if (opt != 'o') {
			printf("usage: %s [--out DIR]\nDIR gets a picture of each mapping.\n",
			       argv[0]);
			return opt == 'h' ? 0 : 2;
		}
		dir = optarg;
	}

	fd = vram_open_drm();
	if (fd < 0)
		vram_fail("no " VRAM_DRIVER " device\n");
	vram_open(&vram, fd);
	counting = count_is_instructions();
	uname(&uts);
	printf("Linux %s: the same buffers mapped by vmf_range and by stock TTM's ttm_bo_vm_fault().\n"
	       "Every page is touched once and its stamp is verified. The touching loop itself and\n"
	       "the verifying are not counted. %s\n\n",
	       uts.release, counting ?
	       "The TSC counts guest instructions here (checked)." :
	       "No -icount shift=0: TSC ticks are shown.");
	show(dir, counting);
	vram_close(&vram);
	close(fd);
	return 0;
}
