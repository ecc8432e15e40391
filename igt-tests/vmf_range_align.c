// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range align
 * Description: Check the addresses that mmap() chooses: large leaves must fit
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: window
 * Description: without an address, a mapping of the window, of any length and from
 *	any page, agrees with the memory modulo the largest leaf that it can have
 *
 * SUBTEST: shape
 * Description: the same for a mapping of many blocks, by the longest
 *
 * SUBTEST: buffer
 * Description: the same for buffers of a DRM driver
 *
 * SUBTEST: hint
 * Description: an address that is asked for is taken if it agrees, and else the next
 *	one that does; where that is not free, another one is found
 *
 * SUBTEST: fixed
 * Description: MAP_FIXED and MAP_FIXED_NOREPLACE are obeyed, and the leaves are the
 *	best for that address
 *
 * SUBTEST: tight
 * Description: where the address space has no room for the largest leaf, smaller
 *	ones fit, or none; mmap() fails only when there is no room at all
 *
 * SUBTEST: limit
 * Description: a limit of the address space counts the mapping and nothing more
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check the addresses that mmap() chooses");

#define RW		(PROT_READ | PROT_WRITE)
#define PAGES(bytes)	((bytes) / VRAM_PAGE)
#define MIB		(1ull << 20)

static struct vram vram;

static uint64_t window_pa(uint64_t offset)
{
	return vram.base_pfn * VRAM_PAGE + offset;
}

/* The largest leaf for which [pa, pa + len) has room, by trying. */
static uint64_t largest_leaf(uint64_t pa, uint64_t len)
{
	static const uint64_t sizes[] = { VRAM_PUD, VRAM_PMD };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t at = (pa + sizes[i] - 1) / sizes[i] * sizes[i];

		if (at + sizes[i] <= pa + len)
			return sizes[i];
	}
	return VRAM_PAGE;
}

static char *map_at(char *addr, int fd, uint64_t offset, size_t len, int flags)
{
	return mmap(addr, len, RW, MAP_SHARED | flags, fd, offset);
}

static void check_phase(const char *addr, uint64_t pa, uint64_t leaf)
{
	igt_assert_f(((uintptr_t)addr - pa) % leaf == 0,
		     "address %p, memory at %#llx: not the same modulo %#llx\n",
		     addr, (unsigned long long)pa, (unsigned long long)leaf);
}

static const uint64_t lengths[] = {
	VRAM_PAGE, VRAM_PMD - VRAM_PAGE, VRAM_PMD, VRAM_PMD + VRAM_PAGE,
	2 * VRAM_PMD - VRAM_PAGE, 37 * MIB, VRAM_PUD - VRAM_PAGE, VRAM_PUD,
	VRAM_PUD + 5 * MIB, 2 * VRAM_PUD - VRAM_PAGE,
};

static const uint64_t offsets[] = {
	0, VRAM_PAGE, VRAM_PMD - VRAM_PAGE, VRAM_PMD, 3 * MIB + 5 * VRAM_PAGE,
	VRAM_PUD - VRAM_PAGE, VRAM_PUD, VRAM_PUD + 77 * VRAM_PAGE,
};

static void check_window(void)
{
	unsigned int i, j;
	struct model m;
	char *addr;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			uint64_t pa = window_pa(offsets[i]), len = lengths[j];

			igt_require(offsets[i] + len <= vram.size);
			addr = map_at(NULL, vram.test, offsets[i], len, 0);
			igt_assert(addr != MAP_FAILED);
			check_phase(addr, pa, largest_leaf(pa, len));
			/* It is what the address is good for. */
			model_init_flat(&m, pa, addr, len);
			igt_assert_eq_u64(model_sum(&m).pud != 0,
					  largest_leaf(pa, len) == VRAM_PUD);
			model_fini(&m);
			vram_unmap(addr, len);
		}
	}
}

static void check_shape(void)
{
	static const struct vram_test_extent blocks[] = {
		{ 0, 5 * VRAM_PAGE, 100 },
		{ 100, 64 * MIB + 3 * VRAM_PAGE, 5000 },
		{ 5100, 512 * MIB, 700 },
	};
	static const struct { uint64_t page, nr; } parts[] = {
		{ 0, 5800 }, { 50, 5000 }, { 101, 4999 }, { 3000, 2800 },
	};
	struct shape s = { .extents = blocks, .nr = ARRAY_SIZE(blocks) };
	unsigned int i;
	char *addr;

	shape_set(&vram, &s);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		uint64_t first = parts[i].page > 100 ? parts[i].page : 100;

		addr = map_at(NULL, vram.test, parts[i].page * VRAM_PAGE,
			      parts[i].nr * VRAM_PAGE, 0);
		igt_assert(addr != MAP_FAILED);
		check_phase(addr + (first - parts[i].page) * VRAM_PAGE,
			    shape_pa(&s, first), VRAM_PMD);
		vram_unmap(addr, parts[i].nr * VRAM_PAGE);
	}
	shape_fini(&vram, &s);
}

static void check_buffer(uint64_t size, uint64_t block)
{
	struct vram_bo bo;
	char *addr;

	igt_require(vram_avail(&vram) >= size);
	vram_bo_create(&vram, &bo, size, block, 0);
	addr = map_at(NULL, vram.drm, bo.offset, bo.size, 0);
	igt_assert(addr != MAP_FAILED);
	check_phase(addr, vram_bo_pa(&vram, &bo, 0),
		    block < VRAM_PMD ? VRAM_PAGE :
		    block < VRAM_PUD ? VRAM_PMD : VRAM_PUD);
	vram_unmap(addr, bo.size);
	vram_bo_destroy(&vram, &bo);
}

/* Room at an address whose phase is that of the window plus @shift. */
static char *free_place(size_t len, uint64_t shift)
{
	char *addr = vram_map_fd(vram.test, 0, len, window_pa(0) + shift, RW);

	igt_assert(addr != MAP_FAILED);
	vram_unmap(addr, len);
	return addr;
}

static void check_hint(size_t len)
{
	uint64_t leaf = largest_leaf(window_pa(0), len);
	char *place = free_place(len + 2 * VRAM_PUD, 0), *addr, *other;

	addr = map_at(place, vram.test, 0, len, 0);
	igt_assert(addr == place);
	/* Taken: another one. */
	other = map_at(place, vram.test, 0, len, 0);
	igt_assert(other != MAP_FAILED && other != place);
	check_phase(other, window_pa(0), leaf);
	vram_unmap(other, len);
	vram_unmap(addr, len);

	/* Room for the mapping, and for nothing more. */
	other = mmap(place + len, VRAM_PAGE, PROT_NONE, MAP_PRIVATE |
		     MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	igt_assert(other == place + len);
	addr = map_at(place, vram.test, 0, len, 0);
	igt_assert(addr == place);
	vram_unmap(addr, len + VRAM_PAGE);

	addr = map_at(place + VRAM_PAGE, vram.test, 0, len, 0);
	igt_assert(addr == place + leaf || leaf == VRAM_PAGE);
	check_phase(addr, window_pa(0), leaf);
	vram_unmap(addr, len);

	/* The kernel takes a hint for that of its page. */
	addr = map_at(place + leaf + 5, vram.test, 0, len, 0);
	igt_assert(addr == place + leaf);
	vram_unmap(addr, len);
}

/* Long enough for a 1 GiB leaf, but none lies in it: 2 MiB are what counts. */
static void check_hint_smaller(void)
{
	const uint64_t offset = 5 * VRAM_PAGE;
	const size_t len = VRAM_PUD + MIB;
	char *hint, *addr;

	igt_assert_eq_u64(largest_leaf(window_pa(offset), len), VRAM_PMD);
	hint = free_place(3 * VRAM_PUD, 3 * VRAM_PMD) + offset;
	addr = map_at(hint, vram.test, offset, len, 0);
	igt_assert(addr == hint);
	vram_unmap(addr, len);
}

static void check_leaves(char *addr, size_t len)
{
	struct model m;
	size_t at;

	model_init_flat(&m, window_pa(0), addr, len);
	for (at = 0; at < len; at += VRAM_PAGE)
		*(volatile char *)(addr + at);
	model_check(&m, &vram, RW);
	model_fini(&m);
}

static void check_fixed(void)
{
	static const uint64_t shifts[] = { 0, VRAM_PAGE, VRAM_PMD };
	const size_t len = 8 * MIB + 5 * VRAM_PAGE;
	char *place, *addr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		place = free_place(len, shifts[i]);
		addr = map_at(place, vram.test, 0, len, MAP_FIXED_NOREPLACE);
		igt_assert(addr == place);
		check_leaves(addr, len);
		errno = 0;
		igt_assert(map_at(place + VRAM_PAGE, vram.test, 0, len,
				  MAP_FIXED_NOREPLACE) == MAP_FAILED);
		igt_assert_eq(errno, EEXIST);
		addr = map_at(place, vram.test, 0, len, MAP_FIXED);
		igt_assert(addr == place);
		check_leaves(addr, len);
		vram_unmap(addr, len);
	}
	errno = 0;
	igt_assert(map_at(place + 5, vram.test, 0, len, MAP_FIXED) == MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
	/* Below mmap_min_addr, and beyond what there is. */
	igt_assert(map_at(NULL, vram.test, 0, ~0ull << 12, 0) == MAP_FAILED);
	igt_assert_eq(errno, ENOMEM);
}

/* Reserve all of the address space but holes smaller than @hole. */
static void fill_space(size_t hole)
{
	size_t len;

	for (len = 1ull << 46; len >= hole; len /= 2) {
		while (mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			    MAP_NORESERVE, -1, 0) != MAP_FAILED)
			;
	}
}

/* The only room is this. */
static void make_room(char *at, size_t len)
{
	vram_unmap(at, len);
}

static void check_tight_in(char *room)
{
	const size_t pud = 2 * VRAM_PUD - VRAM_PMD;
	char *addr;

	fill_space(VRAM_PMD);
	errno = 0;
	igt_assert(map_at(NULL, vram.test, 0, VRAM_PUD, 0) == MAP_FAILED);
	igt_assert_eq(errno, ENOMEM);

	/* Room for the length, and to agree modulo 2 MiB but not 1 GiB. */
	make_room(room + 3 * VRAM_PAGE, VRAM_PUD + VRAM_PMD);
	addr = map_at(NULL, vram.test, 0, VRAM_PUD, 0);
	igt_assert(addr != MAP_FAILED);
	check_phase(addr, window_pa(0), VRAM_PMD);
	vram_unmap(addr, VRAM_PUD);

	/* Room for the length alone. */
	addr = map_at(NULL, vram.test, 0, VRAM_PUD + VRAM_PMD, 0);
	igt_assert(addr == room + 3 * VRAM_PAGE);
	vram_unmap(addr, VRAM_PUD + VRAM_PMD);

	/* More room: the larger leaf again. */
	make_room(room + VRAM_PUD, pud);
	addr = map_at(NULL, vram.test, 0, VRAM_PUD, 0);
	igt_assert(addr != MAP_FAILED);
	check_phase(addr, window_pa(0), VRAM_PUD);
}

static void check_tight(void)
{
	char *room = free_place(4 * VRAM_PUD, 0);

	igt_fork(child, 1) {
		igt_assert(mmap(room, 4 * VRAM_PUD, PROT_NONE, MAP_PRIVATE |
				MAP_ANONYMOUS | MAP_NORESERVE |
				MAP_FIXED_NOREPLACE, -1, 0) == room);
		check_tight_in(room);
	}
	igt_waitchildren();
}

static unsigned long vm_size(void)
{
	unsigned long pages;
	FILE *file = fopen("/proc/self/statm", "r");

	igt_assert(file && fscanf(file, "%lu", &pages) == 1);
	fclose(file);
	return pages * VRAM_PAGE;
}

static void check_limit(void)
{
	igt_fork(child, 1) {
		struct rlimit limit;
		char *addr;

		vm_size();
		limit.rlim_cur = vm_size() + VRAM_PUD + 16 * VRAM_PAGE;
		limit.rlim_max = RLIM_INFINITY;
		igt_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
		addr = map_at(NULL, vram.test, 0, VRAM_PUD, 0);
		igt_assert(addr != MAP_FAILED);
		check_phase(addr, window_pa(0), VRAM_PUD);
		igt_assert(map_at(NULL, vram.test, 0, VRAM_PUD, 0) == MAP_FAILED);
		igt_assert_eq(errno, ENOMEM);
	}
	igt_waitchildren();
}

igt_main()
{
	igt_fixture() {
		vram_open(&vram, drm_open_driver(DRIVER_ANY));
		igt_require(vram.size >= 4 * VRAM_PUD);
	}

	igt_describe("Check mappings of the window");
	igt_subtest("window")
		check_window();
	igt_describe("Check mappings of many blocks");
	igt_subtest("shape")
		check_shape();
	igt_describe("Check mappings of buffers");
	igt_subtest("buffer") {
		check_buffer(VRAM_PUD, VRAM_PUD);
		check_buffer(64 * MIB, 4 * MIB);
		check_buffer(64 * MIB, VRAM_PMD);
		check_buffer(MIB, VRAM_PAGE);
	}
	igt_describe("Check addresses that are asked for");
	igt_subtest("hint") {
		check_hint(VRAM_PUD);
		check_hint(37 * MIB);
		check_hint(VRAM_PMD - VRAM_PAGE);
		check_hint_smaller();
	}
	igt_describe("Check addresses that are demanded");
	igt_subtest("fixed")
		check_fixed();
	igt_describe("Check that a mapping finds the room that there is");
	igt_subtest("tight")
		check_tight();
	igt_describe("Check that the limit of the address space is not used up");
	igt_subtest("limit")
		check_limit();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
