// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty bitmaps: which pages are told of, how often, and that a page is unmapped
 * before it is clean.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/vmf_range.h>
#include <linux/workqueue.h>

#include "draw.h"
#include "space.h"

/* The object: no multiple of a word of the bitmap, at an odd place in the file. */
#define FIRST		0x123UL
#define NR		(2 * PMD_PAGES + 77)
#define END		(FIRST + NR)

/**
 * struct dirty_test - one test
 * @space: an address space, in which the object may be mapped
 * @dirty: what is tested
 * @mapped: the object is mapped: harvested pages are not
 */
struct dirty_test {
	struct space space;
	struct vmf_range_dirty dirty;
	bool mapped;
};

static vm_fault_t dirty_test_fault(struct vm_fault *vmf)
{
	struct vmf_range_block block = { FIRST, SPACE_PFN, NR };

	return vmf_insert_blocks(vmf, vmf_range_block_of_block, &block,
				 vmf->vma->vm_page_prot);
}

static void dirty_test_report(struct vm_area_struct *vma, pgoff_t pgoff,
			      unsigned long nr_pages)
{
	struct dirty_test *dt = container_of(space_of(vma), struct dirty_test,
					     space);

	vmf_range_dirty_mark(&dt->dirty, pgoff, nr_pages);
}

static const struct vmf_range_ops pages_ops = {
	.vm_ops = VMF_RANGE_VM_OPS_DIRTY,
	.fault = dirty_test_fault,
	.dirty = dirty_test_report,
};

static const struct vmf_range_ops leaves_ops = {
	.vm_ops = VMF_RANGE_VM_OPS_DIRTY,
	.fault = dirty_test_fault,
	.dirty = dirty_test_report,
	.flags = VMF_RANGE_DIRTY_LEAVES,
};

KUNIT_DEFINE_ACTION_WRAPPER(free_dirty, vmf_range_dirty_fini,
			    struct vmf_range_dirty *);

static int dirty_init(struct kunit *test)
{
	struct dirty_test *dt = kunit_kzalloc(test, sizeof(*dt), GFP_KERNEL);
	int err;

	if (!dt)
		return -ENOMEM;
	test->priv = dt;
	err = vmf_range_dirty_init(&dt->dirty, FIRST, NR);
	if (err)
		return err;
	err = kunit_add_action_or_reset(test, free_dirty, &dt->dirty);
	if (err)
		return err;
	return space_init(&dt->space, test, &pages_ops.vm_ops);
}

static void mark(struct dirty_test *dt, pgoff_t pgoff, unsigned long nr)
{
	vmf_range_dirty_mark(&dt->dirty, pgoff, nr);
}

static unsigned long harvest(struct dirty_test *dt, pgoff_t *pgoff, pgoff_t end)
{
	return vmf_range_dirty_harvest(&dt->dirty, dt->space.file->f_mapping,
				       pgoff, end);
}

/* The next harvest of [from, end) is these pages, or none if @nr is 0. */
static void expect_run(struct dirty_test *dt, pgoff_t from, pgoff_t end,
		       pgoff_t pgoff, unsigned long nr)
{
	pgoff_t at = from;

	KUNIT_EXPECT_EQ(dt->space.test, harvest(dt, &at, end), nr);
	if (!nr)
		return;
	KUNIT_EXPECT_EQ(dt->space.test, at, pgoff);
	if (dt->mapped)
		space_expect_none(&dt->space, at - FIRST, nr);
}

static void expect_clean(struct dirty_test *dt)
{
	expect_run(dt, 0, ULONG_MAX, 0, 0);
}

static void dirty_begins_clean(struct kunit *test)
{
	struct dirty_test *dt = test->priv;

	KUNIT_EXPECT_EQ(test, dt->dirty.pgoff, FIRST);
	KUNIT_EXPECT_EQ(test, dt->dirty.nr_pages, NR);
	expect_clean(dt);
}

static void dirty_refused(struct kunit *test)
{
	struct vmf_range_dirty dirty = {};

	KUNIT_EXPECT_EQ(test, vmf_range_dirty_init(&dirty, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test,
			vmf_range_dirty_init(&dirty, 0, (unsigned long)UINT_MAX + 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vmf_range_dirty_init(&dirty, 0, ULONG_MAX), -EINVAL);
	KUNIT_EXPECT_NULL(test, dirty.bitmap);
}

/* A page marked twice is dirty once; what was freed may be freed again. */
static void dirty_fini_twice(struct kunit *test)
{
	struct vmf_range_dirty dirty;

	KUNIT_ASSERT_EQ(test, vmf_range_dirty_init(&dirty, 7, 1), 0);
	vmf_range_dirty_mark(&dirty, 7, 1);
	vmf_range_dirty_mark(&dirty, 7, 1);
	KUNIT_EXPECT_TRUE(test, test_bit(0, dirty.bitmap));
	vmf_range_dirty_fini(&dirty);
	KUNIT_EXPECT_NULL(test, dirty.bitmap);
	vmf_range_dirty_fini(&dirty);
}

static unsigned long wrong_bits(const struct vmf_range_dirty *dirty,
				pgoff_t from, unsigned long nr)
{
	unsigned long i, wrong = 0;

	for (i = 0; i < dirty->nr_pages; i++) {
		pgoff_t pgoff = dirty->pgoff + i;
		bool marked = pgoff >= from && pgoff - from < nr;

		wrong += test_bit(i, dirty->bitmap) != marked;
	}
	return wrong;
}

/* Runs that begin and end anywhere in words and outside of the object. */
static void dirty_runs(struct kunit *test)
{
	static const unsigned long lengths[] = {
		0, 1, 2, 63, 64, 65, 127, 128, 129, 200, 300, 301, 1000, ULONG_MAX / 2,
	};
	struct vmf_range_dirty dirty;
	unsigned int i;
	pgoff_t from;

	KUNIT_ASSERT_EQ(test, vmf_range_dirty_init(&dirty, 150, 300), 0);
	for (from = 0; from < 500; from++) {
		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			bitmap_zero(dirty.bitmap, dirty.nr_pages);
			vmf_range_dirty_mark(&dirty, from, lengths[i]);
			KUNIT_EXPECT_EQ(test, wrong_bits(&dirty, from, lengths[i]),
					0);
		}
	}
	vmf_range_dirty_fini(&dirty);
}

static void dirty_edges(struct kunit *test)
{
	struct dirty_test *dt = test->priv;

	mark(dt, FIRST, 1);
	expect_run(dt, 0, ULONG_MAX, FIRST, 1);
	mark(dt, END - 1, 1);
	expect_run(dt, 0, ULONG_MAX, END - 1, 1);
	mark(dt, FIRST, NR);
	expect_run(dt, 0, ULONG_MAX, FIRST, NR);
	mark(dt, FIRST + 5, 0);
	expect_clean(dt);
}

/* What is outside does not count, and does no harm. */
static void dirty_outside(struct kunit *test)
{
	struct dirty_test *dt = test->priv;

	mark(dt, FIRST - 1, 1);
	mark(dt, 0, FIRST);
	mark(dt, END, 1);
	mark(dt, END, 1000);
	mark(dt, ULONG_MAX, 1);
	expect_clean(dt);

	mark(dt, FIRST - 3, 5);
	expect_run(dt, 0, ULONG_MAX, FIRST, 2);
	mark(dt, END - 2, 50);
	expect_run(dt, 0, ULONG_MAX, END - 2, 2);
	mark(dt, FIRST - 20, NR + 40);
	expect_run(dt, 0, ULONG_MAX, FIRST, NR);
	expect_clean(dt);
}

static void dirty_in_order(struct kunit *test)
{
	struct dirty_test *dt = test->priv;
	pgoff_t at = FIRST;

	mark(dt, FIRST + 130, 2);
	mark(dt, FIRST + 60, 10);
	mark(dt, FIRST + 2, 1);
	/* It adjoins: one run. */
	mark(dt, FIRST + 132, 3);

	KUNIT_EXPECT_EQ(test, harvest(dt, &at, END), 1);
	KUNIT_EXPECT_EQ(test, at, FIRST + 2);
	at += 1;
	KUNIT_EXPECT_EQ(test, harvest(dt, &at, END), 10);
	KUNIT_EXPECT_EQ(test, at, FIRST + 60);
	at += 10;
	KUNIT_EXPECT_EQ(test, harvest(dt, &at, END), 5);
	KUNIT_EXPECT_EQ(test, at, FIRST + 130);
	at += 5;
	KUNIT_EXPECT_EQ(test, harvest(dt, &at, END), 0);
	KUNIT_EXPECT_EQ(test, at, FIRST + 135);
}

/* What is not asked for stays dirty. */
static void dirty_clipped(struct kunit *test)
{
	struct dirty_test *dt = test->priv;

	mark(dt, FIRST + 10, 20);
	expect_run(dt, FIRST, FIRST + 10, 0, 0);
	expect_run(dt, FIRST + 30, END, 0, 0);
	expect_run(dt, FIRST + 15, FIRST + 15, 0, 0);
	expect_run(dt, FIRST + 20, FIRST + 10, 0, 0);
	expect_run(dt, 0, FIRST, 0, 0);
	expect_run(dt, 0, 0, 0, 0);
	expect_run(dt, END, ULONG_MAX, 0, 0);
	expect_run(dt, ULONG_MAX, ULONG_MAX, 0, 0);

	expect_run(dt, FIRST + 15, FIRST + 17, FIRST + 15, 2);
	expect_run(dt, 0, FIRST + 12, FIRST + 10, 2);
	expect_run(dt, 0, END, FIRST + 12, 3);
	expect_run(dt, FIRST + 20, END + 100, FIRST + 20, 10);
	expect_run(dt, 0, END, FIRST + 17, 3);
	expect_clean(dt);
}

/**
 * struct harvester - one of several at the same time
 * @work: its thread
 * @dt: the test
 * @got: what it has harvested
 * @twice: it was given a page twice
 */
struct harvester {
	struct work_struct work;
	struct dirty_test *dt;
	DECLARE_BITMAP(got, NR);
	bool twice;
};

static void harvest_all(struct work_struct *work)
{
	struct harvester *h = container_of(work, struct harvester, work);
	pgoff_t at = FIRST;
	unsigned long nr;

	while ((nr = harvest(h->dt, &at, END))) {
		while (nr--)
			h->twice |= test_and_set_bit(at++ - FIRST, h->got);
	}
}

KUNIT_DEFINE_ACTION_WRAPPER(end_workers, destroy_workqueue,
			    struct workqueue_struct *);

static struct workqueue_struct *make_workers(struct kunit *test)
{
	struct workqueue_struct *workers;

	workers = alloc_workqueue("vmf_range_kunit", WQ_UNBOUND, 2);
	KUNIT_ASSERT_NOT_NULL(test, workers);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, end_workers, workers), 0);
	return workers;
}

/* A page goes to one harvest. The pages lie so that there is a run for each. */
static void dirty_two_harvesters(struct kunit *test)
{
	struct harvester *h = kunit_kcalloc(test, 2, sizeof(*h), GFP_KERNEL);
	struct workqueue_struct *workers = make_workers(test);
	struct dirty_test *dt = test->priv;
	unsigned long i;
	int round;

	KUNIT_ASSERT_NOT_NULL(test, h);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 2; i++) {
			h[i].dt = dt;
			bitmap_zero(h[i].got, NR);
			INIT_WORK(&h[i].work, harvest_all);
		}
		for (i = 0; i < NR; i += 2)
			mark(dt, FIRST + i, 1);
		queue_work(workers, &h[0].work);
		queue_work(workers, &h[1].work);
		flush_work(&h[0].work);
		flush_work(&h[1].work);

		KUNIT_EXPECT_FALSE(test, h[0].twice || h[1].twice);
		KUNIT_EXPECT_FALSE(test, bitmap_intersects(h[0].got, h[1].got, NR));
		bitmap_or(h[0].got, h[0].got, h[1].got, NR);
		for (i = 0; i < NR; i++)
			KUNIT_ASSERT_EQ(test, test_bit(i, h[0].got), !(i % 2));
	}
}

/* What the harvest of [from, end) should be. Takes it from the model. */
static unsigned long model_harvest(unsigned long *model, pgoff_t *at, pgoff_t end)
{
	unsigned long nr = 0;

	for (; *at < end; ++*at) {
		if (*at >= FIRST && *at < END && test_bit(*at - FIRST, model))
			break;
	}
	while (*at + nr < end && *at + nr < END &&
	       test_and_clear_bit(*at + nr - FIRST, model))
		nr++;
	return nr;
}

static void dirty_random(struct kunit *test)
{
	unsigned long *model = kunit_kcalloc(test, BITS_TO_LONGS(NR),
					     sizeof(long), GFP_KERNEL);
	struct dirty_test *dt = test->priv;
	struct rnd_state rnd;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, model);
	draw_begin(&rnd, test);
	for (i = 0; i < 3000; i++) {
		pgoff_t from = FIRST - 20 + draw(&rnd, NR + 40), want = from;
		unsigned long nr = draw(&rnd, draw(&rnd, 2) ? 10 : 200), got;
		pgoff_t page;

		if (draw(&rnd, 3)) {
			mark(dt, from, nr);
			for (page = max(from, FIRST); page < min(from + nr, END);
			     page++)
				__set_bit(page - FIRST, model);
			continue;
		}
		got = harvest(dt, &from, from + nr);
		KUNIT_ASSERT_EQ(test, got, model_harvest(model, &want, want + nr));
		if (got)
			KUNIT_ASSERT_EQ(test, from, want);
		KUNIT_ASSERT_TRUE(test, bitmap_equal(model, dt->dirty.bitmap, NR));
	}
}

static void map_object(struct dirty_test *dt, const struct vmf_range_ops *ops)
{
	dt->space.vm_ops = &ops->vm_ops;
	space_map(&dt->space, 0, NR, FIRST);
	dt->mapped = true;
}

/* Write, as a processor does: again after each fault, until the entry lets it. */
static void write_page(struct dirty_test *dt, unsigned long page)
{
	int tries = 5;

	while (!space_look(page).write && tries--)
		space_touch(page, FAULT_FLAG_USER | FAULT_FLAG_WRITE);
	KUNIT_EXPECT_TRUE(dt->space.test, space_look(page).write);
}

static void read_page(struct dirty_test *dt, unsigned long page)
{
	space_touch(page, FAULT_FLAG_USER);
	KUNIT_EXPECT_TRUE(dt->space.test, space_look(page).present);
	KUNIT_EXPECT_FALSE(dt->space.test, space_look(page).write);
}

/* Only writes count; after a harvest, the next one does again. */
static void dirty_written_again(struct kunit *test)
{
	struct dirty_test *dt = test->priv;

	map_object(dt, &pages_ops);
	read_page(dt, 10);
	read_page(dt, PMD_PAGES + 5);
	expect_clean(dt);

	write_page(dt, 10);
	write_page(dt, 11);
	write_page(dt, NR - 1);
	/* A second write takes no fault, and is no news. */
	write_page(dt, 10);
	expect_run(dt, FIRST, END, FIRST + 10, 2);
	expect_run(dt, FIRST, END, END - 1, 1);
	expect_clean(dt);

	read_page(dt, 10);
	expect_clean(dt);
	write_page(dt, 10);
	expect_run(dt, FIRST, END, FIRST + 10, 1);
	expect_clean(dt);
	space_expect_no_leak(&dt->space);
}

/* Pages outside the run that is harvested stay as they are. */
static void dirty_others_stay(struct kunit *test)
{
	struct dirty_test *dt = test->priv;

	map_object(dt, &pages_ops);
	write_page(dt, 20);
	write_page(dt, 22);
	read_page(dt, 19);
	read_page(dt, 21);
	expect_run(dt, FIRST, FIRST + 21, FIRST + 20, 1);
	space_expect_mapped(&dt->space, VMF_PTE, 19, 1, SPACE_PFN + 19, false);
	space_expect_mapped(&dt->space, VMF_PTE, 21, 1, SPACE_PFN + 21, false);
	space_expect_mapped(&dt->space, VMF_PTE, 22, 1, SPACE_PFN + 22, true);
	expect_run(dt, FIRST, END, FIRST + 22, 1);
	space_expect_no_leak(&dt->space);
}

/* A write makes a leaf writable, and all of it is reported; each time. */
static void dirty_leaf_written_again(struct kunit *test)
{
	struct dirty_test *dt = test->priv;
	int round;

	map_object(dt, &leaves_ops);
	read_page(dt, PMD_PAGES + 7);
	space_expect_mapped(&dt->space, VMF_PMD, PMD_PAGES, PMD_PAGES,
			    SPACE_PFN + PMD_PAGES, false);
	for (round = 0; round < 2; round++) {
		read_page(dt, 5);
		expect_clean(dt);
		write_page(dt, 5);
		space_expect_mapped(&dt->space, VMF_PMD, 0, PMD_PAGES, SPACE_PFN,
				    true);
		expect_run(dt, FIRST, END, FIRST, PMD_PAGES);
		expect_clean(dt);
	}
	/* The other leaf was neither written to nor harvested. */
	space_expect_mapped(&dt->space, VMF_PMD, PMD_PAGES, PMD_PAGES,
			    SPACE_PFN + PMD_PAGES, false);
	space_expect_no_leak(&dt->space);
}

/* A leaf of which a part is harvested goes as a whole; the rest stays dirty. */
static void dirty_part_of_leaf(struct kunit *test)
{
	struct dirty_test *dt = test->priv;

	map_object(dt, &leaves_ops);
	write_page(dt, 5);
	expect_run(dt, FIRST + 100, FIRST + 103, FIRST + 100, 3);
	space_expect_none(&dt->space, 0, PMD_PAGES);
	write_page(dt, 5);
	expect_run(dt, FIRST, END, FIRST, PMD_PAGES);
	expect_clean(dt);
	space_expect_no_leak(&dt->space);
}

static struct kunit_case dirty_cases[] = {
	KUNIT_CASE(dirty_begins_clean),
	KUNIT_CASE(dirty_refused),
	KUNIT_CASE(dirty_fini_twice),
	KUNIT_CASE(dirty_runs),
	KUNIT_CASE(dirty_edges),
	KUNIT_CASE(dirty_outside),
	KUNIT_CASE(dirty_in_order),
	KUNIT_CASE(dirty_clipped),
	KUNIT_CASE(dirty_two_harvesters),
	KUNIT_CASE(dirty_random),
	KUNIT_CASE(dirty_written_again),
	KUNIT_CASE(dirty_others_stay),
	KUNIT_CASE(dirty_leaf_written_again),
	KUNIT_CASE(dirty_part_of_leaf),
	{}
};

static struct kunit_suite dirty_suite = {
	.name = "vmf_range_dirty",
	.init = dirty_init,
	.test_cases = dirty_cases,
};

kunit_test_suite(dirty_suite);
