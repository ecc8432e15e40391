// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range map
 * Description: Check content, leaves and faults of mapped buffers
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: %s-%s
 * Description: every page of a buffer in %arg[1], mapped %arg[2], shows its own
 *	stamp, and the leaves, the faults and the page tables are the expected ones
 *
 * arg[1]:
 *
 * @4k:		blocks of 4 KiB
 * @64k:	blocks of 64 KiB
 * @2m:		blocks of 2 MiB
 * @4m:		blocks of 4 MiB
 * @1g:		one block of 1 GiB
 * @mix:	blocks of random size
 * @odd:	as few blocks as there can be, a quarter of the window and 3840 pages
 *
 * arg[2]:
 *
 * @aligned:	with addresses that agree modulo 1 GiB
 * @off-4k:	4 KiB off that
 * @off-64k:	64 KiB off that
 * @off-1m:	1 MiB off that
 * @off-2m:	2 MiB off that
 * @part:	from an odd page to an odd page of it
 *
 * SUBTEST: touch-%s
 * Description: touching single pages in any order of a buffer in %arg[1] takes
 *	the expected faults, and each maps what it must and no more
 *
 * arg[1]:
 *
 * @4k:		blocks of 4 KiB
 * @64k:	blocks of 64 KiB
 * @2m:		blocks of 2 MiB
 * @4m:		blocks of 4 MiB
 * @1g:		one block of 1 GiB
 * @mix:	blocks of random size
 * @odd:	as few blocks as there can be, a quarter of the window and 3840 pages
 *
 * SUBTEST: one-byte
 * Description: one byte of a misaligned 1 GiB block costs one page table
 *
 * SUBTEST: address-%s
 * Description: where the kernel chooses the address of a mapping of %arg[1], or is
 *	given a hint, the largest leaves fit
 *
 * arg[1]:
 *
 * @2m:		blocks of 2 MiB
 * @4m:		blocks of 4 MiB
 * @1g:		one block of 1 GiB
 *
 * SUBTEST: read-only
 * Description: a read-only mapping has read-only leaves and refuses writes
 *
 * SUBTEST: write-touch
 * Description: first touches that write do what first touches that read do
 *
 * SUBTEST: two-views
 * Description: two mappings of one buffer at different alignments show the same
 *
 * SUBTEST: zap
 * Description: a zap leaves nothing mapped, and a touch brings the leaves back
 *
 * SUBTEST: aperture
 * Description: the window itself, one block, maps like a buffer
 *
 * SUBTEST: buddy
 * Description: a buffer whose driver shows the allocator's list maps like any other
 *
 * SUBTEST: buddy-moved
 * Description: the same when the buffer leaves and comes back to another place
 *
 * SUBTEST: stock
 * Description: the test's own eyes: TTM's fault handler makes nothing but PTEs
 */
#include <signal.h>
#include <sys/mman.h>

#include "fill.h"
#include "igt.h"
#include "model.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check content, leaves and faults of mapped buffers");

#define MIB	(1ull << 20)
#define GIB	(1ull << 30)

struct shape {
	const char *name;
	uint64_t size;
	uint64_t block_size;
	uint32_t flags;
};

struct place {
	const char *name;
	uint64_t shift;
	uint64_t from;
	uint64_t cut;
};

/* Sizes that end in the middle of a block and of a page table. */
static const struct shape shapes[] = {
	{ "4k", 8 * MIB + 5 * VRAM_PAGE, VRAM_PAGE, 0 },
	{ "64k", 32 * MIB + 21 * VRAM_PAGE, 64 * 1024, 0 },
	{ "2m", 96 * MIB + 300 * VRAM_PAGE, 2 * MIB, 0 },
	{ "4m", 128 * MIB + 700 * VRAM_PAGE, 4 * MIB, 0 },
	{ "1g", GIB, GIB, 0 },
	{ "mix", 128 * MIB + 11 * VRAM_PAGE, 8 * MIB, DRM_VIRTIO_VRAM_GEM_MIX },
	{ "odd", 0, 0, 0 },
};

static const struct place places[] = {
	{ "aligned", 0, 0, 0 },
	{ "off-4k", VRAM_PAGE, 0, 0 },
	{ "off-64k", 64 * 1024, 0, 0 },
	{ "off-1m", MIB, 0, 0 },
	{ "off-2m", 2 * MIB, 0, 0 },
	{ "part", 0, 0x137 * VRAM_PAGE, 0x35 * VRAM_PAGE },
};

static struct vram vram;

static void create(const struct shape *shape, struct vram_bo *bo)
{
	uint64_t size = shape->size;

	if (!size)
		size = vram.size / 4 + 0xf00 * VRAM_PAGE;
	igt_require_f(vram_avail(&vram) >= size, "the window is too small\n");
	vram_bo_create(&vram, bo, size, shape->block_size, shape->flags);
}

static volatile uint64_t *page_of(const struct model *m, unsigned long page)
{
	return (volatile uint64_t *)(m->va + page * VRAM_PAGE);
}

static void poke_all(const struct model *m, uint64_t seed)
{
	unsigned long page;

	for (page = 0; page < m->nr_pages; page++)
		*vram_word(&vram, m->pa[page]) =
			vram_stamp(m->pa[page], seed);
}

static void peek_all(const struct model *m, uint64_t seed)
{
	unsigned long page;

	for (page = 0; page < m->nr_pages; page++)
		igt_assert_eq_u64(*vram_word(&vram, m->pa[page]),
				  vram_stamp(m->pa[page], seed));
}

/* Reads each page upwards. Return: the faults that this took. */
static unsigned long read_all(const struct model *m, uint64_t seed)
{
	unsigned long faults = vram_faults();
	unsigned long page;

	for (page = 0; page < m->nr_pages; page++)
		igt_assert_eq_u64(*page_of(m, page),
				  vram_stamp(m->pa[page], seed));
	return vram_faults() - faults;
}

static unsigned long write_all(const struct model *m, uint64_t seed)
{
	unsigned long faults = vram_faults();
	unsigned long page;

	for (page = 0; page < m->nr_pages; page++)
		*page_of(m, page) = vram_stamp(m->pa[page], seed);
	return vram_faults() - faults;
}

static void check_unmap(const struct model *m)
{
	long before = vram_table_bytes();

	vram_unmap((void *)m->va, m->nr_pages * VRAM_PAGE);
	igt_assert_eq_u64(before - vram_table_bytes(),
			  model_sum(m).table_bytes);
}

static void check_whole(const struct shape *shape, const struct place *place)
{
	unsigned long faults;
	struct model_sum sum;
	struct vram_bo bo;
	struct model m;
	void *addr;
	size_t len;
	long bytes;

	create(shape, &bo);
	len = bo.size - place->from - place->cut;
	addr = vram_map(&vram, &bo, place->from, len, place->shift,
			PROT_READ | PROT_WRITE);
	model_init(&m, &vram, &bo, place->from, addr, len);
	sum = model_sum(&m);

	poke_all(&m, 1);
	vram_faults();
	bytes = vram_table_bytes();
	faults = read_all(&m, 1);
	bytes = vram_table_bytes() - bytes;
	igt_info("%lu pages, %u blocks: %lu faults; %lu PUD, %lu PMD, %lu PTE; %ld KiB of tables\n",
		 m.nr_pages, bo.nr_blocks, faults, sum.pud, sum.pmd, sum.pte,
		 bytes / 1024);
	igt_assert_eq_u64(bytes, sum.table_bytes);
	igt_assert_eq_u64(faults, fill_faults(&m));
	model_check(&m, &vram, PROT_READ | PROT_WRITE);

	igt_assert_eq_u64(write_all(&m, 2), 0);
	peek_all(&m, 2);
	check_unmap(&m);
	model_fini(&m);
	vram_bo_destroy(&vram, &bo);
}

/* Touch random pages, and compare every fault and its effect with the model. */
static void touch_random(const struct vram_bo *bo, uint64_t shift)
{
	unsigned long page, faults, was;
	struct model m;
	struct fill f;
	void *addr;
	int i;

	addr = vram_map(&vram, bo, 0, bo->size, shift, PROT_READ | PROT_WRITE);
	model_init(&m, &vram, bo, 0, addr, bo->size);
	fill_init(&f, &m);

	for (i = 0; i < 64; i++) {
		page = random() % m.nr_pages;
		was = f.faults;
		fill_touch(&f, page, false);
		faults = vram_faults();
		*page_of(&m, page);
		faults = vram_faults() - faults;
		igt_assert_f(faults == f.faults - was,
			     "page %#lx took %lu faults\n", page, faults);
		if (i < 4)
			fill_check(&f, &vram);
	}
	fill_check(&f, &vram);
	igt_debug("shift %#llx: %lu faults\n", (unsigned long long)shift,
		  f.faults);

	vram_unmap(addr, bo->size);
	fill_fini(&f);
	model_fini(&m);
}

static void check_touch(const struct shape *shape)
{
	struct vram_bo bo;
	unsigned int i;

	create(shape, &bo);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		touch_random(&bo, places[i].shift);
	vram_bo_destroy(&vram, &bo);
}

static void check_one_byte(void)
{
	const struct shape shape = { "1g", GIB, GIB, 0 };
	struct vram_test_leaf *leaves;
	unsigned int nr, i;
	struct vram_bo bo;
	char *addr;
	long bytes;

	create(&shape, &bo);
	addr = vram_map(&vram, &bo, 0, bo.size, VRAM_PAGE, PROT_READ);
	bytes = vram_table_bytes();
	*(volatile char *)(addr + GIB / 3);
	bytes = vram_table_bytes() - bytes;
	leaves = vram_leaves(&vram, addr, bo.size, &nr);
	igt_assert_eq(nr, 512);
	for (i = 0; i < nr; i++)
		igt_assert_eq(leaves[i].shift, 12);
	igt_assert_eq_u64(bytes, 3 * VRAM_PAGE);
	free(leaves);
	vram_unmap(addr, bo.size);
	vram_bo_destroy(&vram, &bo);
}

/* All whole blocks of a buffer must be huge leaves at an address nobody chose. */
static void check_address(const struct shape *shape)
{
	uint64_t leaf = shape->block_size < VRAM_PUD ? VRAM_PMD : VRAM_PUD;
	char *const hints[] = { NULL, (char *)0x100000000000 + 5 * VRAM_PAGE };
	struct model_sum sum;
	struct vram_bo bo;
	struct model m;
	unsigned int i;

	create(shape, &bo);
	for (i = 0; i < ARRAY_SIZE(hints); i++) {
		char *addr = mmap(hints[i], bo.size, PROT_READ, MAP_SHARED,
				  vram.drm, bo.offset);

		igt_assert_f(addr != MAP_FAILED, "mmap: %m\n");
		if (hints[i])
			igt_assert_f(addr >= hints[i] &&
				     addr < hints[i] + VRAM_PUD,
				     "%p is far from the hint %p\n", addr,
				     hints[i]);
		model_init(&m, &vram, &bo, 0, addr, bo.size);
		sum = model_sum(&m);
		igt_assert_eq_u64(leaf == VRAM_PUD ? sum.pud : sum.pmd,
				  bo.size / leaf);
		poke_all(&m, 3);
		read_all(&m, 3);
		model_check(&m, &vram, PROT_READ);
		model_fini(&m);
		munmap(addr, bo.size);
	}
	vram_bo_destroy(&vram, &bo);
}

static void check_read_only(const struct shape *shape, uint64_t shift)
{
	struct vram_bo bo;
	struct model m;
	void *addr;

	create(shape, &bo);
	addr = vram_map(&vram, &bo, 0, bo.size, shift, PROT_READ);
	model_init(&m, &vram, &bo, 0, addr, bo.size);
	poke_all(&m, 3);

	igt_assert_eq(vram_signal_of(page_of(&m, 7), true), SIGSEGV);
	igt_assert_eq_u64(read_all(&m, 3) <= fill_faults(&m), true);
	model_check(&m, &vram, PROT_READ);
	igt_assert_eq(vram_signal_of(page_of(&m, 7), true), SIGSEGV);
	igt_assert_eq(vram_signal_of(page_of(&m, m.nr_pages - 1), true),
		      SIGSEGV);
	peek_all(&m, 3);
	model_check(&m, &vram, PROT_READ);

	check_unmap(&m);
	model_fini(&m);
	vram_bo_destroy(&vram, &bo);
}

static void check_write_touch(const struct shape *shape, uint64_t shift)
{
	struct vram_bo bo;
	struct model m;
	void *addr;

	create(shape, &bo);
	addr = vram_map(&vram, &bo, 0, bo.size, shift, PROT_READ | PROT_WRITE);
	model_init(&m, &vram, &bo, 0, addr, bo.size);
	vram_faults();
	igt_assert_eq_u64(write_all(&m, 4), fill_faults(&m));
	model_check(&m, &vram, PROT_READ | PROT_WRITE);
	peek_all(&m, 4);
	check_unmap(&m);
	model_fini(&m);
	vram_bo_destroy(&vram, &bo);
}

static void check_two_views(const struct shape *shape)
{
	struct vram_bo bo;
	struct model a, b;
	void *addr;

	create(shape, &bo);
	addr = vram_map(&vram, &bo, 0, bo.size, 0, PROT_READ | PROT_WRITE);
	model_init(&a, &vram, &bo, 0, addr, bo.size);
	addr = vram_map(&vram, &bo, 0, bo.size, 3 * VRAM_PAGE, PROT_READ);
	model_init(&b, &vram, &bo, 0, addr, bo.size);

	write_all(&a, 5);
	read_all(&b, 5);
	model_check(&a, &vram, PROT_READ | PROT_WRITE);
	model_check(&b, &vram, PROT_READ);
	check_unmap(&a);
	read_all(&b, 5);
	check_unmap(&b);
	model_fini(&a);
	model_fini(&b);
	vram_bo_destroy(&vram, &bo);
}

static void check_zap(const struct shape *shape)
{
	struct vram_test_leaf *leaves;
	struct vram_bo bo;
	unsigned int nr;
	struct model m;
	void *addr;

	create(shape, &bo);
	addr = vram_map(&vram, &bo, 0, bo.size, 0, PROT_READ | PROT_WRITE);
	model_init(&m, &vram, &bo, 0, addr, bo.size);
	poke_all(&m, 6);
	read_all(&m, 6);

	vram_bo_act(&vram, &bo, VRAM_TEST_ZAP, 0);
	leaves = vram_leaves(&vram, addr, bo.size, &nr);
	free(leaves);
	igt_assert_eq(nr, 0);

	read_all(&m, 6);
	model_check(&m, &vram, PROT_READ | PROT_WRITE);
	check_unmap(&m);
	model_fini(&m);
	vram_bo_destroy(&vram, &bo);
}

/* Here the other way is the kernel's own mapping, by pwrite() and pread(). */
static void check_aperture(uint64_t from, size_t len, uint64_t shift)
{
	uint64_t pa = vram.base_pfn * VRAM_PAGE + from;
	unsigned long faults, page;
	struct model m;
	void *addr;

	igt_require(from + len <= vram.size);
	addr = vram_map_fd(vram.test, from, len, pa + shift,
			   PROT_READ | PROT_WRITE);
	igt_assert(addr != MAP_FAILED);
	model_init_flat(&m, pa, addr, len);
	for (page = 0; page < m.nr_pages; page++)
		vram_poke(&vram, m.pa[page], vram_stamp(m.pa[page], 7));
	vram_faults();
	faults = read_all(&m, 7);
	igt_assert_eq_u64(faults, fill_faults(&m));
	model_check(&m, &vram, PROT_READ | PROT_WRITE);
	write_all(&m, 8);
	for (page = 0; page < m.nr_pages; page++)
		igt_assert_eq_u64(vram_peek(&vram, m.pa[page]),
				  vram_stamp(m.pa[page], 8));
	check_unmap(&m);
	model_fini(&m);
}

/* The list of an odd size has blocks of many sizes, some of which adjoin. */
static void check_buddy(const struct shape *shape, uint64_t shift)
{
	struct vram_bo bo;
	struct model m;
	void *addr;

	create(shape, &bo);
	vram_bo_act(&vram, &bo, VRAM_TEST_BO_WAY, VRAM_TEST_WAY_BUDDY);
	addr = vram_map(&vram, &bo, 0, bo.size, shift, PROT_READ);
	model_init(&m, &vram, &bo, 0, addr, bo.size);
	poke_all(&m, 5);
	/* From the end first: the list is walked both ways. */
	igt_assert_eq_u64(*page_of(&m, m.nr_pages - 1),
			  vram_stamp(m.pa[m.nr_pages - 1], 5));
	read_all(&m, 5);
	model_check(&m, &vram, PROT_READ);
	model_fini(&m);
	vram_unmap(addr, bo.size);
	vram_bo_destroy(&vram, &bo);
}

static void stamp_bo(char *addr, uint64_t size, uint64_t seed)
{
	uint64_t at;

	for (at = 0; at < size; at += VRAM_PAGE)
		*(volatile uint64_t *)(addr + at) = vram_stamp(at, seed);
}

/* Two buffers swap their places, again and again; the list of one is asked. */
static void check_buddy_moved(void)
{
	uint64_t size = 4 * MIB + 5 * VRAM_PAGE, at;
	struct vram_bo bo[2];
	unsigned int i, round;
	char *addr[2];

	for (i = 0; i < 2; i++) {
		vram_bo_create(&vram, &bo[i], size, 0, 0);
		vram_bo_act(&vram, &bo[i], VRAM_TEST_BO_WAY,
			    i ? VRAM_TEST_WAY_RANGE : VRAM_TEST_WAY_BUDDY);
		addr[i] = vram_map(&vram, &bo[i], 0, size, 0,
				   PROT_READ | PROT_WRITE);
		stamp_bo(addr[i], size, i);
	}
	for (round = 0; round < 8; round++) {
		for (i = 0; i < 2; i++)
			vram_bo_act(&vram, &bo[i], VRAM_TEST_MOVE,
				    VRAM_TEST_MOVE_OUT);
		while (i--)
			vram_bo_act(&vram, &bo[i], VRAM_TEST_MOVE,
				    VRAM_TEST_MOVE_IN);
		for (at = size; at; at -= VRAM_PAGE)
			igt_assert_eq_u64(*(volatile uint64_t *)
					  (addr[0] + at - VRAM_PAGE),
					  vram_stamp(at - VRAM_PAGE, 0));
	}
	for (i = 0; i < 2; i++) {
		vram_unmap(addr[i], size);
		vram_bo_destroy(&vram, &bo[i]);
	}
}

static void check_stock(const struct shape *shape)
{
	unsigned long faults;
	struct vram_bo bo;
	struct model m;
	void *addr;

	create(shape, &bo);
	vram_bo_act(&vram, &bo, VRAM_TEST_BO_WAY, VRAM_TEST_WAY_STOCK);
	addr = vram_map(&vram, &bo, 0, bo.size, 0, PROT_READ | PROT_WRITE);
	model_init(&m, &vram, &bo, 0, addr, bo.size);
	memset(m.shift, 12, m.nr_pages);
	poke_all(&m, 8);
	vram_faults();
	faults = read_all(&m, 8);
	igt_assert_eq_u64(faults, (m.nr_pages + 15) / 16);
	model_check(&m, &vram, PROT_READ | PROT_WRITE);
	check_unmap(&m);
	model_fini(&m);
	vram_bo_destroy(&vram, &bo);
}

static const struct shape *shape_named(const char *name)
{
	unsigned int i;

	for (i = 0; strcmp(shapes[i].name, name); i++)
		;
	return &shapes[i];
}

igt_main()
{
	unsigned int i, j;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (j = 0; j < ARRAY_SIZE(places); j++) {
			igt_describe("Check each page's stamp both ways, the leaves, the faults and the page tables");
			igt_subtest_f("%s-%s", shapes[i].name, places[j].name)
				check_whole(&shapes[i], &places[j]);
		}
	}

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		igt_describe("Check what each fault of touches in any order maps");
		igt_subtest_f("touch-%s", shapes[i].name)
			check_touch(&shapes[i]);
	}

	igt_describe("Check that one byte of a misaligned 1 GiB block costs one page table");
	igt_subtest("one-byte")
		check_one_byte();

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (shapes[i].block_size < VRAM_PMD || shapes[i].flags)
			continue;
		igt_describe("Check that large leaves fit where the kernel puts a mapping");
		igt_subtest_f("address-%s", shapes[i].name)
			check_address(&shapes[i]);
	}

	igt_describe("Check that a read-only mapping has read-only leaves and refuses writes");
	igt_subtest("read-only") {
		check_read_only(shape_named("1g"), 0);
		check_read_only(shape_named("4m"), 0);
		check_read_only(shape_named("4m"), VRAM_PAGE);
	}

	igt_describe("Check that writing first touches map like reading ones");
	igt_subtest("write-touch") {
		check_write_touch(shape_named("1g"), 0);
		check_write_touch(shape_named("mix"), 0);
		check_write_touch(shape_named("4m"), VRAM_PAGE);
	}

	igt_describe("Check that two mappings at different alignments show the same memory");
	igt_subtest("two-views") {
		check_two_views(shape_named("4m"));
		check_two_views(shape_named("mix"));
	}

	igt_describe("Check that a zap leaves nothing and a touch brings back the leaves");
	igt_subtest("zap") {
		check_zap(shape_named("1g"));
		check_zap(shape_named("4m"));
		check_zap(shape_named("64k"));
	}

	igt_describe("Check that the window itself, one block, maps like a buffer");
	igt_subtest("aperture") {
		check_aperture(0, 256 * MIB, 0);
		check_aperture(4 * VRAM_PMD, GIB / 8 + 9 * VRAM_PAGE, VRAM_PMD);
		check_aperture(0, 64 * MIB + 5 * VRAM_PAGE, 0);
		check_aperture(7 * VRAM_PAGE, 32 * MIB + 3 * VRAM_PAGE, 0);
		check_aperture(MIB, 32 * MIB, VRAM_PAGE);
	}

	igt_describe("Check a mapping made from the buddy allocator's list");
	igt_subtest("buddy") {
		check_buddy(shape_named("odd"), 0);
		check_buddy(shape_named("odd"), VRAM_PMD);
		check_buddy(shape_named("odd"), VRAM_PAGE);
	}

	igt_describe("Check that the list is that of the place where the buffer is now");
	igt_subtest("buddy-moved")
		check_buddy_moved();

	igt_describe("Check that the test sees the PTEs of TTM's own fault handler");
	igt_subtest("stock")
		check_stock(shape_named("4m"));

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
