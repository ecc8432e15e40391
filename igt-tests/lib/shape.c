// SPDX-License-Identifier: MIT
/*
 * Shapes and their mappings.
 *
 * Content is checked through the window's other path: pread() and pwrite() on the
 * test node. The mapping that vram_word() makes will not do here, as a zap by file
 * range takes it along.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "shape.h"

/* Is it made of system memory? */
bool shape_is_ram(const struct shape *s)
{
	return s->args.iter == VRAM_TEST_ITER_SG_PAGES ||
	       s->args.iter == VRAM_TEST_ITER_PAGES;
}

/* In the window an extent is a block. */
static void blocks_of_window(const struct vram *v, struct shape *s)
{
	unsigned int i;

	s->blocks = calloc(s->nr, sizeof(*s->blocks));
	if (!s->blocks)
		vram_fail("no memory for %u blocks\n", s->nr);
	for (i = 0; i < s->nr; i++)
		s->blocks[i] = (struct model_block){
			.page = s->extents[i].page,
			.pfn = v->base_pfn + s->extents[i].offset / VRAM_PAGE,
			.nr_pages = s->extents[i].nr_pages,
		};
	s->nr_blocks = s->nr;
}

/* In system memory the allocator decides what is contiguous. */
static void blocks_of_ram(struct shape *s, const uint64_t *pfns)
{
	struct model_block *last = NULL;
	uint64_t page;

	s->blocks = calloc(s->nr_pages, sizeof(*s->blocks));
	if (!s->blocks)
		vram_fail("no memory for blocks\n");
	for (page = 0; page < s->nr_pages; page++) {
		if (!pfns[page]) {
			last = NULL;
		} else if (last && last->pfn + last->nr_pages == pfns[page]) {
			last->nr_pages++;
		} else {
			last = &s->blocks[s->nr_blocks++];
			*last = (struct model_block){ page, pfns[page], 1 };
		}
	}
}

/**
 * shape_try - give a shape to the test node
 * @v: device
 * @s: @args, @extents and @nr filled in; ended by shape_fini()
 *
 * Return: 0 or -errno.
 */
int shape_try(const struct vram *v, struct shape *s)
{
	const struct vram_test_extent *last = &s->extents[s->nr - 1];
	uint64_t *pfns = NULL;
	int ret;

	s->nr_pages = last->page + last->nr_pages;
	s->blocks = NULL;
	s->nr_blocks = 0;
	s->args.extents = (uintptr_t)s->extents;
	s->args.nr = s->nr;
	if (shape_is_ram(s)) {
		pfns = calloc(s->nr_pages, sizeof(*pfns));
		if (!pfns)
			vram_fail("no memory for PFNs\n");
	}
	s->args.pfns = (uintptr_t)pfns;
	ret = ioctl(v->test, VRAM_TEST_SHAPE, &s->args) ? -errno : 0;
	if (!ret && pfns)
		blocks_of_ram(s, pfns);
	else if (!ret)
		blocks_of_window(v, s);
	free(pfns);
	return ret;
}

void shape_set(const struct vram *v, struct shape *s)
{
	int ret = shape_try(v, s);

	if (ret)
		vram_fail("VRAM_TEST_SHAPE: %s\n", strerror(-ret));
}

/* The node maps the window again. Mappings of the shape live on. */
void shape_fini(const struct vram *v, struct shape *s)
{
	struct vram_test_shape none = {};

	if (ioctl(v->test, VRAM_TEST_SHAPE, &none))
		vram_fail("VRAM_TEST_SHAPE: %s\n", strerror(errno));
	free(s->blocks);
	s->blocks = NULL;
}

/* Physical address of a page of the shape; 0 for a hole. */
uint64_t shape_pa(const struct shape *s, uint64_t page)
{
	unsigned int i;

	for (i = 0; i < s->nr_blocks; i++) {
		const struct model_block *b = &s->blocks[i];

		if (page >= b->page && page - b->page < b->nr_pages)
			return (b->pfn + page - b->page) * VRAM_PAGE;
	}
	return 0;
}

/* Return: the address; MAP_FAILED with errno when mmap() refuses. */
void *shape_mmap(const struct vram *v, uint64_t page, uint64_t nr_pages,
		 uint64_t phase, int prot)
{
	return vram_map_fd(v->test, page * VRAM_PAGE, nr_pages * VRAM_PAGE,
			   phase, prot);
}

/* log2 of the largest leaf that a driver with such operations can have. */
static unsigned int max_shift_of(const struct shape *s)
{
	uint32_t flags = s->args.flags;

	if (!(flags & VRAM_TEST_SHAPE_OWN_OPS))
		return (flags & VRAM_TEST_SHAPE_NO_PUD) ? 21 : 30;
	if (flags & VRAM_TEST_SHAPE_OWN_MKWRITE)
		return 12;
	return (flags & VRAM_TEST_SHAPE_OWN_HUGE) ? 21 : 12;
}

/* The view of a mapping that is there; the caller unmaps it. */
void view_at(struct view *w, const struct shape *s, uint64_t page, void *addr,
	     size_t len, int prot)
{
	*w = (struct view){ .shape = s, .page = page, .prot = prot,
			    .addr = addr, .len = len };
	model_init_blocks(&w->m, s->blocks, s->nr_blocks, max_shift_of(s), page,
			  addr, len);
	fill_init(&w->f, &w->m);
	w->f.max_ptes = s->args.max_ptes;
	w->f.read_only = !(prot & PROT_WRITE);
	w->f.one_block = s->args.iter == VRAM_TEST_ITER_RANGE ||
			 s->args.flags & VRAM_TEST_SHAPE_REMAP;
	if (s->args.flags & VRAM_TEST_SHAPE_DIRTY)
		w->f.track = (s->args.flags & VRAM_TEST_SHAPE_DIRTY_LEAVES) ?
			     FILL_TRACK_LEAVES : FILL_TRACK_PAGES;
	if (s->args.flags & (VRAM_TEST_SHAPE_POPULATE | VRAM_TEST_SHAPE_REMAP))
		fill_populate(&w->f);
}

/**
 * view_init - map part of a shape
 * @w: filled in; ended by view_fini()
 * @v: device
 * @s: the shape, as the test node has it
 * @page: first page
 * @nr_pages: how many
 * @shift: how far the address is from agreeing with the physical address of the
 *	first page that has one, modulo 1 GiB
 * @prot: PROT_*
 */
void view_init(struct view *w, const struct vram *v, const struct shape *s,
	       uint64_t page, uint64_t nr_pages, uint64_t shift, int prot)
{
	uint64_t first = page, pa = 0;
	void *addr;

	while (first < page + nr_pages && !(pa = shape_pa(s, first)))
		first++;
	pa -= (first - page) * VRAM_PAGE;
	addr = shape_mmap(v, page, nr_pages, pa + shift, prot);
	if (addr == MAP_FAILED)
		vram_fail("mmap of %#llx pages: %s\n",
			  (unsigned long long)nr_pages, strerror(errno));
	view_at(w, s, page, addr, nr_pages * VRAM_PAGE, prot);
}

void view_fini(struct view *w)
{
	vram_unmap(w->addr, w->len);
	fill_fini(&w->f);
	model_fini(&w->m);
}

/* The first word of a page of the view. */
volatile uint64_t *view_word(const struct view *w, unsigned long page)
{
	return (volatile uint64_t *)(w->addr + page * VRAM_PAGE);
}

/* What a page of the view must read as; of system memory, its number. */
uint64_t view_value(const struct view *w, unsigned long page)
{
	return shape_is_ram(w->shape) ? w->page + page :
					vram_stamp(w->m.pa[page], 9);
}

/* Touch a page that is no hole, and see that it took the faults that it must. */
void view_touch(struct view *w, unsigned long page, bool write)
{
	volatile uint64_t *word = view_word(w, page);
	unsigned long want = w->f.faults, faults;
	uint64_t value = view_value(w, page);

	fill_touch(&w->f, page, write);
	want = w->f.faults - want;
	faults = vram_faults();
	if (write)
		*word = value;
	else
		*word;
	faults = vram_faults() - faults;
	if (faults != want)
		vram_fail("page %#lx: %lu faults and not %lu\n", page, faults,
			  want);
}

/**
 * view_word_is_right - check the content of a page by the window's other path
 * @w: the view
 * @v: device
 * @page: a page that is mapped
 * @written: the page has just been written through the view: look for that by the
 *	other path. Else write there and look through the view.
 *
 * Return: true if it is.
 */
bool view_word_is_right(const struct view *w, const struct vram *v,
			unsigned long page, bool written)
{
	uint64_t want = view_value(w, page);

	if (!shape_is_ram(w->shape)) {
		if (written)
			return vram_peek(v, w->m.pa[page]) == want;
		vram_poke(v, w->m.pa[page], want);
	}
	return *view_word(w, page) == want;
}

/* The same for those that need not go on. */
void view_check_word(const struct view *w, const struct vram *v,
		     unsigned long page)
{
	if (!view_word_is_right(w, v, page, false))
		vram_fail("page %#lx reads as %#llx and not %#llx\n", page,
			  (unsigned long long)*view_word(w, page),
			  (unsigned long long)view_value(w, page));
}

/*
 * Read every page upwards: its content, and the faults that it takes. Then compare
 * the page tables.
 */
void view_read_all(struct view *w, const struct vram *v)
{
	unsigned long page;

	for (page = 0; page < w->m.nr_pages; page++) {
		if (!w->m.shift[page])
			continue;
		view_touch(w, page, false);
		view_check_word(w, v, page);
	}
	fill_check(&w->f, v);
}

static int zap(const struct vram *v, void *addr, uint64_t page,
	       uint64_t nr_pages)
{
	struct vram_test_zap_pages zap = {
		.addr = (uintptr_t)addr,
		.page = page,
		.nr_pages = nr_pages,
	};

	return ioctl(v->test, VRAM_TEST_ZAP_PAGES, &zap) ? -errno : 0;
}

/* vmf_range_zap() of pages of the file. */
int shape_zap(const struct vram *v, uint64_t page, uint64_t nr_pages)
{
	return zap(v, NULL, page, nr_pages);
}

/* vmf_range_zap_vma() at an address. Return: 0 or -errno. */
int shape_zap_addr(const struct vram *v, void *addr, uint64_t nr_pages)
{
	return zap(v, addr, 0, nr_pages);
}

/* VRAM_TEST_HARVEST. Return: length of the run of dirty pages at *page. */
unsigned long shape_harvest(const struct vram *v, uint64_t *page, uint64_t end)
{
	struct vram_test_harvest harvest = { .page = *page, .end = end };

	if (ioctl(v->test, VRAM_TEST_HARVEST, &harvest))
		vram_fail("VRAM_TEST_HARVEST: %s\n", strerror(errno));
	*page = harvest.page;
	return harvest.nr_pages;
}

/* VRAM_TEST_STATS; of all VMAs without an address. */
void shape_stats(const struct vram *v, const void *addr, size_t len,
		 struct vram_test_stats *stats)
{
	*stats = (struct vram_test_stats){ .addr = (uintptr_t)addr, .len = len };
	if (ioctl(v->test, VRAM_TEST_STATS, stats))
		vram_fail("VRAM_TEST_STATS: %s\n", strerror(errno));
}

/* VRAM_TEST_CALLS */
struct vram_test_calls shape_calls(const struct vram *v)
{
	struct vram_test_calls calls;

	if (ioctl(v->test, VRAM_TEST_CALLS, &calls))
		vram_fail("VRAM_TEST_CALLS: %s\n", strerror(errno));
	return calls;
}
