// SPDX-License-Identifier: MIT
/*
 * What one fill costs: instructions per leaf, at each level, beside stock TTM's
 * fault handler. Meant for -icount; see count.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "count.h"
#include "vram.h"

#define GIB	(1ull << 30)

static struct vram vram;

/* What one touch of a page costs, fault and all. */
static uint64_t touch_cost(const char *addr)
{
	uint64_t start = count_now();

	*(volatile const char *)addr;
	return count_now() - start;
}

/* Touch all pages. Return: what that cost above touching them once more. */
static uint64_t touch_all_cost(const char *addr, size_t len)
{
	uint64_t start, mid, end;
	size_t at;

	start = count_now();
	for (at = 0; at < len; at += VRAM_PAGE)
		*(volatile const char *)(addr + at);
	mid = count_now();
	for (at = 0; at < len; at += VRAM_PAGE)
		*(volatile const char *)(addr + at);
	end = count_now();
	return (mid - start) - (end - mid);
}

/*
 * One fault that fills the whole buffer, first into nothing, then again after a
 * zap, which leaves the tables.
 */
static void one_fill(const struct vram_bo *bo, const char *name, uint64_t off,
		     unsigned long leaves)
{
	unsigned long faults;
	uint64_t first, again;
	char *addr;

	addr = vram_map(&vram, bo, 0, bo->size, off, PROT_READ | PROT_WRITE);
	faults = -vram_faults();
	first = touch_cost(addr + bo->size / 2);
	faults += vram_faults();
	vram_bo_act(&vram, bo, VRAM_TEST_ZAP, 0);
	again = touch_cost(addr + bo->size / 2);
	printf("%-44s %7lu %9lu %12llu %12llu %9.1f\n", name, faults, leaves,
	       (unsigned long long)first, (unsigned long long)again,
	       (double)again / leaves);
	vram_unmap(addr, bo->size);
}

static void all_pages(const struct vram_bo *bo, const char *name, uint64_t off,
		      enum vram_test_way way)
{
	unsigned long faults, pages = bo->size / VRAM_PAGE;
	uint64_t first, again;
	char *addr;

	vram_bo_act(&vram, bo, VRAM_TEST_BO_WAY, way);
	addr = vram_map(&vram, bo, 0, bo->size, off, PROT_READ | PROT_WRITE);
	faults = -vram_faults();
	first = touch_all_cost(addr, bo->size);
	faults += vram_faults();
	vram_bo_act(&vram, bo, VRAM_TEST_ZAP, 0);
	again = touch_all_cost(addr, bo->size);
	printf("%-44s %7lu %9lu %12llu %12llu %9.1f\n", name, faults, pages,
	       (unsigned long long)first, (unsigned long long)again,
	       (double)again / pages);
	vram_unmap(addr, bo->size);
	vram_bo_act(&vram, bo, VRAM_TEST_BO_WAY, VRAM_TEST_WAY_RANGE);
}

static void one_touch(const struct vram_bo *bo, const char *name, uint64_t off,
		      enum vram_test_way way, unsigned long leaves)
{
	vram_bo_act(&vram, bo, VRAM_TEST_BO_WAY, way);
	one_fill(bo, name, off, leaves);
	vram_bo_act(&vram, bo, VRAM_TEST_BO_WAY, VRAM_TEST_WAY_RANGE);
}

static unsigned int count_leaves(const void *addr, size_t len, unsigned int shift)
{
	unsigned int nr, i, n = 0;
	struct vram_test_leaf *leaves = vram_leaves(&vram, addr, len, &nr);

	for (i = 0; i < nr; i++)
		n += leaves[i].shift == shift;
	free(leaves);
	return n;
}

static void show_touch(const struct vram_bo *bo, const char *name,
		       const char *addr)
{
	unsigned long faults = -vram_faults();
	uint64_t cost = touch_all_cost(addr, bo->size);

	faults += vram_faults();
	printf("%-44s %7lu %9u %12u %12llu\n", name, faults,
	       count_leaves(addr, bo->size, 21), count_leaves(addr, bo->size, 12),
	       (unsigned long long)cost);
}

static void move(const struct vram_bo *bo, enum vram_test_move to,
		 uint32_t block_size)
{
	vram_bo_act(&vram, bo, VRAM_TEST_BO_BLOCK, block_size);
	vram_bo_act(&vram, bo, VRAM_TEST_MOVE, to);
}

/*
 * A buffer that was evicted, came back in crumbs, was evicted once more, and is now where
 * it was in the beginning. It was touched everywhere, so page tables are left.
 */
static void refault(const char *first, const char *again, enum vram_test_way way)
{
	struct vram_bo bo;
	char *addr;

	vram_bo_create(&vram, &bo, GIB / 16, VRAM_PMD, 0);
	vram_bo_act(&vram, &bo, VRAM_TEST_BO_WAY, way);
	addr = vram_map(&vram, &bo, 0, bo.size, 0, PROT_READ | PROT_WRITE);
	show_touch(&bo, first, addr);
	move(&bo, VRAM_TEST_MOVE_OUT, VRAM_PMD);
	touch_all_cost(addr, bo.size);
	move(&bo, VRAM_TEST_MOVE_IN, VRAM_PAGE);
	touch_all_cost(addr, bo.size);
	move(&bo, VRAM_TEST_MOVE_OUT, VRAM_PAGE);
	touch_all_cost(addr, bo.size);
	move(&bo, VRAM_TEST_MOVE_IN, VRAM_PMD);
	show_touch(&bo, again, addr);
	vram_unmap(addr, bo.size);
	vram_bo_destroy(&vram, &bo);
}

int main(void)
{
	struct vram_bo bo;
	int fd;

	fd = vram_open_drm();
	if (fd < 0)
		vram_fail("no " VRAM_DRIVER " device\n");
	vram_open(&vram, fd);
	vram_bo_create(&vram, &bo, GIB, GIB, 0);

	printf("Cost in %s, from the touch to the next instruction.\n"
	       "first: tables are made as well; again: after a zap, tables are there.\n\n",
	       count_is_instructions() ? "guest instructions (checked)" :
	       "TSC ticks (no -icount shift=0 here)");
	printf("%-44s %7s %9s %12s %12s %9s\n", "1 GiB block", "faults",
	       "leaves", "first", "again", "per leaf");
	one_fill(&bo, "one touch: 1 PUD leaf", 0, 1);
	one_fill(&bo, "one touch: 512 PMD leaves", VRAM_PMD, 512);
	one_touch(&bo, "one touch: 512 PTEs (off by 4 KiB)", VRAM_PAGE,
		  VRAM_TEST_WAY_RANGE, 512);
	one_touch(&bo, "one touch: stock TTM, 16 PTEs", VRAM_PAGE,
		  VRAM_TEST_WAY_STOCK, 16);
	all_pages(&bo, "every page: PTEs (off by 4 KiB)", VRAM_PAGE,
		  VRAM_TEST_WAY_RANGE);
	all_pages(&bo, "every page: stock TTM", VRAM_PAGE, VRAM_TEST_WAY_STOCK);

	vram_bo_destroy(&vram, &bo);

	printf("\n%-44s %7s %9s %12s %12s\n", "64 MiB in 2 MiB blocks, every page",
	       "faults", "PMD", "PTE", "cost");
	refault("range: first touch", "range: after evictions", VRAM_TEST_WAY_RANGE);
	refault("stock TTM: first touch", "stock TTM: after evictions",
		VRAM_TEST_WAY_STOCK);

	vram_close(&vram);
	close(fd);
	return 0;
}
