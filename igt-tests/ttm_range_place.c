// SPDX-License-Identifier: MIT
/**
 * TEST: ttm range place
 * Description: Check where buffers are placed, and what that is good for
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: potential
 * Description: the leaves that a buffer is said to allow are those of a mapping for
 *	which the kernel has chosen the address, wherever the buffer lies
 *
 * SUBTEST: one-piece
 * Description: a buffer gets one piece of the window where there is one
 *
 * SUBTEST: parts
 * Description: where there is none, its blocks are as large as leaves all the same
 *
 * SUBTEST: crumbs
 * Description: in a window full of crumbs a buffer gets crumbs, unless it is to be
 *	large: then others go
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "igt.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check where buffers are placed, and what that is good for");

#define MIB	(1ull << 20)
#define RW	(PROT_READ | PROT_WRITE)
#define LARGE	DRM_VIRTIO_VRAM_GEM_LARGE

static struct vram vram;

static void shrink(uint64_t size)
{
	struct vram_test_shrink shrink = { .size = size };

	do_ioctl(vram.test, VRAM_TEST_SHRINK, &shrink);
}

static struct vram_test_potential potential(const struct vram_bo *bo)
{
	struct vram_test_potential p = {
		.bo = { .drm_fd = vram.drm, .handle = bo->handle },
	};

	do_ioctl(vram.test, VRAM_TEST_POTENTIAL, &p);
	return p;
}

/* What is promised is what a mapping gets. Return: how many PMD leaves that is. */
static uint64_t check_promise(const struct vram_bo *bo)
{
	struct vram_test_potential p = potential(bo);
	uint64_t sums[3] = {}, at;
	struct vram_test_leaf *leaves;
	unsigned int nr, i;
	char *map;

	map = mmap(NULL, bo->size, RW, MAP_SHARED, vram.drm, bo->offset);
	igt_assert(map != MAP_FAILED);
	for (at = 0; at < bo->size; at += VRAM_PAGE)
		(void)*(volatile char *)(map + at);
	leaves = vram_leaves(&vram, map, bo->size, &nr);
	for (i = 0; i < nr; i++)
		sums[(leaves[i].shift - 12) / 9]++;
	free(leaves);
	vram_unmap(map, bo->size);
	igt_info("%llu MiB in %u blocks: %llu PUD, %llu PMD leaves, %llu PTEs\n",
		 (unsigned long long)(bo->size / MIB), bo->nr_blocks,
		 (unsigned long long)p.pud, (unsigned long long)p.pmd,
		 (unsigned long long)p.pte);
	igt_assert_eq_u64(p.pud, sums[2]);
	igt_assert_eq_u64(p.pmd, sums[1]);
	igt_assert_eq_u64(p.pte, sums[0]);
	return p.pmd;
}

static void check_potential(void)
{
	static const struct {
		uint64_t size, block_size;
		uint32_t flags;
	} cases[] = {
		{ 10 * MIB + 5 * VRAM_PAGE, 2 * MIB, 0 },
		{ 10 * MIB + 5 * VRAM_PAGE, 4 * MIB, 0 },
		{ 10 * MIB + 5 * VRAM_PAGE, 64 * 1024, 0 },
		{ 10 * MIB + 5 * VRAM_PAGE, 8 * MIB, DRM_VIRTIO_VRAM_GEM_MIX },
		{ 10 * MIB + 5 * VRAM_PAGE, 0, 0 },
		{ 3 * MIB, 0, LARGE },
		{ VRAM_PUD + 4 * MIB + VRAM_PAGE, VRAM_PUD, 0 },
	};
	struct vram_test_potential p = {};
	struct vram_bo bo;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		vram_bo_create(&vram, &bo, cases[i].size, cases[i].block_size,
			       cases[i].flags);
		check_promise(&bo);
		if (cases[i].size > VRAM_PUD)
			igt_assert_eq_u64(potential(&bo).pud, 1);
		vram_bo_destroy(&vram, &bo);
	}

	/* In system memory too, once it has pages. */
	vram_bo_create(&vram, &bo, 6 * MIB, 0, 0);
	vram_bo_act(&vram, &bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_OUT);
	check_promise(&bo);
	vram_bo_destroy(&vram, &bo);
	p.bo.drm_fd = vram.drm;
	p.bo.handle = 0xdead;
	do_ioctl_err(vram.test, VRAM_TEST_POTENTIAL, &p, ENOENT);
}

static void check_one_piece(void)
{
	static const uint64_t sizes[] = {
		VRAM_PAGE, 3 * VRAM_PAGE, 2 * MIB - VRAM_PAGE, 2 * MIB,
		3 * MIB + VRAM_PAGE, 7 * MIB, 13 * MIB + 3 * VRAM_PAGE,
	};
	struct vram_bo bo;
	unsigned int i;

	shrink(32 * MIB);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		vram_bo_create(&vram, &bo, sizes[i], 0, i % 2 ? LARGE : 0);
		igt_assert_eq(bo.nr_blocks, 1);
		igt_assert_eq_u64(check_promise(&bo), sizes[i] / VRAM_PMD);
		vram_bo_destroy(&vram, &bo);
	}
	shrink(0);
}

/* Fill what is left of the window; each @nth is given back. Return: the others. */
static struct vram_bo *make_holes(uint64_t size, uint64_t block, unsigned int nth,
				  unsigned int *nr)
{
	struct vram_bo *all = calloc(size / block, sizeof(*all));
	unsigned int i;

	igt_assert(all);
	for (i = 0; i < size / block; i++)
		vram_bo_create(&vram, &all[i], block, 0, 0);
	igt_assert_eq_u64(vram_avail(&vram), 0);
	for (i = 0, *nr = 0; i < size / block; i++) {
		if (i % nth)
			all[(*nr)++] = all[i];
		else
			vram_bo_destroy(&vram, &all[i]);
	}
	return all;
}

static unsigned int fini_holes(struct vram_bo *all, unsigned int nr)
{
	unsigned int i, evicted = 0;

	for (i = 0; i < nr; i++) {
		vram_bo_update(&vram, &all[i]);
		evicted += !all[i].nr_blocks;
		vram_bo_destroy(&vram, &all[i]);
	}
	free(all);
	return evicted;
}

static void check_parts(void)
{
	const uint64_t size = 6 * MIB + 9 * VRAM_PAGE;
	struct vram_bo bo, *others;
	unsigned int nr;

	/* Holes of 2 MiB: three of them, and a bit of the fourth. */
	shrink(16 * MIB);
	others = make_holes(16 * MIB, 2 * MIB, 2, &nr);
	igt_assert_eq_u64(vram_avail_settles(&vram, 8 * MIB), 8 * MIB);
	vram_bo_create(&vram, &bo, size, 0, LARGE);
	igt_assert_lte(4, bo.nr_blocks);
	igt_assert_eq_u64(check_promise(&bo), 3);
	igt_assert_eq(fini_holes(others, nr), 0);
	vram_bo_destroy(&vram, &bo);
	shrink(0);
}

static void check_crumbs(void)
{
	const uint64_t size = 4 * MIB + VRAM_PAGE;
	struct vram_bo bo, *others;
	unsigned int nr, flags;

	for (flags = 0; flags <= LARGE; flags += LARGE) {
		shrink(16 * MIB);
		others = make_holes(16 * MIB, 64 * 1024, 2, &nr);
		igt_assert_eq_u64(vram_avail_settles(&vram, 8 * MIB), 8 * MIB);
		vram_bo_create(&vram, &bo, size, 0, flags);
		if (flags) {
			igt_assert_eq_u64(check_promise(&bo), 2);
			igt_assert_lte(1, fini_holes(others, nr));
		} else {
			igt_assert_eq_u64(check_promise(&bo), 0);
			igt_assert_eq(fini_holes(others, nr), 0);
		}
		vram_bo_destroy(&vram, &bo);
		shrink(0);
	}
}

igt_main()
{
	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	igt_describe("Check that mappings have the leaves that were promised");
	igt_subtest("potential")
		check_potential();
	igt_describe("Check that a buffer is in one piece where it can be");
	igt_subtest("one-piece")
		check_one_piece();
	igt_describe("Check that blocks are as large as leaves where it cannot");
	igt_subtest("parts")
		check_parts();
	igt_describe("Check that a buffer that is to be large gets no crumbs");
	igt_subtest("crumbs")
		check_crumbs();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
