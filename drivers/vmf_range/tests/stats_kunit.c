// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters, of a VMA and of the whole system. Nobody else may use the library while
 * these run.
 */
#include <kunit/test.h>
#include <linux/vmf_range.h>

#include "object.h"

/**
 * struct stats_test - one test
 * @space: its address space
 * @before: the whole system's counters when the test began
 */
struct stats_test {
	struct space space;
	struct vmf_range_stats before;
};

static int stats_init(struct kunit *test)
{
	struct stats_test *st = kunit_kzalloc(test, sizeof(*st), GFP_KERNEL);
	int err;

	if (!st)
		return -ENOMEM;
	test->priv = st;
	err = space_init(&st->space, test, &object_ops.vm_ops);
	if (err)
		return err;
	object_map(&st->space);
	vmf_range_get_stats(NULL, &st->before);
	return 0;
}

/* A counter of the VMA of a page. */
static u64 get(unsigned long page, enum vmf_range_stat stat)
{
	struct vmf_range_stats stats;

	vmf_range_get_stats(space_vma(page), &stats);
	return stats.count[stat];
}

/* What the whole system has counted since the test began. */
static u64 get_total(struct stats_test *st, enum vmf_range_stat stat)
{
	struct vmf_range_stats stats;

	vmf_range_get_stats(NULL, &stats);
	return stats.count[stat] - st->before.count[stat];
}

static void expect_zero(struct kunit *test, unsigned long page)
{
	int i;

	for (i = 0; i < VMF_NR_STATS; i++)
		KUNIT_EXPECT_EQ_MSG(test, get(page, i), 0, "counter %d", i);
}

static void expect_totals(struct stats_test *st, unsigned long page)
{
	int i;

	for (i = 0; i < VMF_NR_STATS; i++)
		KUNIT_EXPECT_EQ_MSG(st->space.test, get_total(st, i),
				    get(page, i), "counter %d", i);
}

static void stats_begin_at_zero(struct kunit *test)
{
	struct stats_test *st = test->priv;

	expect_zero(test, 0);
	expect_totals(st, 0);
	space_touch(OBJECT_PTES, 0);
	KUNIT_EXPECT_GT(test, get(0, VMF_STAT_FAULTS), 0);
	expect_totals(st, 0);
	space_expect_no_leak(&st->space);
}

/* Leaves that were written are leaves that are there. */
static void stats_leaves(struct kunit *test)
{
	struct stats_test *st = test->priv;
	struct vmf_range_leaves leaves;

	object_touch_all(&st->space);
	mmap_read_lock(current->mm);
	vmf_range_count_leaves(find_vma(current->mm, SPACE_ADDR), SPACE_ADDR,
			       space_addr(OBJECT_PAGES), &leaves);
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_GE(test, leaves.pte, PMD_PAGES);
	KUNIT_EXPECT_EQ(test, get(0, VMF_STAT_PUD), leaves.pud);
	KUNIT_EXPECT_EQ(test, get(0, VMF_STAT_PMD), leaves.pmd);
	KUNIT_EXPECT_EQ(test, get(0, VMF_STAT_PTE), leaves.pte);
	expect_totals(st, 0);
	space_expect_no_leak(&st->space);
}

/* A zap counts once if it finds something. */
static void stats_zaps(struct kunit *test)
{
	struct stats_test *st = test->priv;
	struct address_space *mapping = st->space.file->f_mapping;

	vmf_range_zap(mapping, 0, 0);
	KUNIT_EXPECT_EQ(test, get_total(st, VMF_STAT_ZAPS), 0);
	object_touch_all(&st->space);
	vmf_range_zap(mapping, OBJECT_PGOFF + OBJECT_PTES, 3);
	KUNIT_EXPECT_EQ(test, get(0, VMF_STAT_ZAPS), 1);
	vmf_range_zap(mapping, OBJECT_PGOFF + OBJECT_PTES, 3);
	KUNIT_EXPECT_EQ(test, get(0, VMF_STAT_ZAPS), 1);
	vmf_range_zap(mapping, 0, 0);
	KUNIT_EXPECT_EQ(test, get(0, VMF_STAT_ZAPS), 2);
	expect_totals(st, 0);
	space_expect_no_leak(&st->space);
}

static void stats_refused(struct kunit *test)
{
	struct stats_test *st = test->priv;

	KUNIT_EXPECT_TRUE(test, space_touch(OBJECT_HOLE + 5, 0) & VM_FAULT_SIGBUS);
	KUNIT_EXPECT_EQ(test, get(0, VMF_STAT_REFUSED), 1);
	KUNIT_EXPECT_EQ(test, get(0, VMF_STAT_PTE), 0);
	expect_totals(st, 0);
	space_expect_no_leak(&st->space);
}

/* Each VMA has counters of its own; the sum is the system's. */
static void stats_two_vmas(struct kunit *test)
{
	unsigned long second = OBJECT_PAGES;
	struct stats_test *st = test->priv;
	int i;

	space_map(&st->space, second, PUD_PAGES, OBJECT_PGOFF + OBJECT_PTES);
	object_touch_all(&st->space);
	expect_zero(test, second);
	space_touch(second, 0);
	KUNIT_EXPECT_GE(test, get(second, VMF_STAT_PTE), PMD_PAGES);
	KUNIT_EXPECT_EQ(test, get(second, VMF_STAT_PMD), 0);
	for (i = 0; i < VMF_NR_STATS; i++)
		KUNIT_EXPECT_EQ_MSG(test, get_total(st, i),
				    get(0, i) + get(second, i), "counter %d", i);
	space_expect_no_leak(&st->space);
}

/*
 * Which part of a split VMA keeps its figures is up to the core, and it may be the one
 * that is unmapped: the others begin again, and nothing counts twice.
 */
static void stats_split(struct kunit *test)
{
	struct stats_test *st = test->priv;
	struct vmf_range_stats old;
	u64 faults;
	int i;

	object_touch_all(&st->space);
	vmf_range_get_stats(space_vma(0), &old);
	space_unmap(&st->space, OBJECT_PMDS, PMD_PAGES);
	KUNIT_EXPECT_PTR_NE(test, space_vma(0), space_vma(OBJECT_PTES));
	for (i = 0; i < VMF_NR_STATS; i++) {
		KUNIT_EXPECT_LE(test, get(0, i) + get(OBJECT_PTES, i),
				old.count[i]);
		KUNIT_EXPECT_EQ(test, get_total(st, i), old.count[i]);
	}
	faults = get(OBJECT_PTES, VMF_STAT_FAULTS);
	space_touch(OBJECT_PTES + 7 * PMD_PAGES, 0);
	KUNIT_EXPECT_GT(test, get(OBJECT_PTES, VMF_STAT_FAULTS), faults);
	space_expect_no_leak(&st->space);
}

/* What has gone still counts for the system, and not for the VMA that comes after. */
static void stats_unmapped(struct kunit *test)
{
	struct stats_test *st = test->priv;
	struct vmf_range_stats old;
	int i;

	object_touch_all(&st->space);
	vmf_range_get_stats(space_vma(0), &old);
	space_unmap(&st->space, 0, OBJECT_PAGES);
	for (i = 0; i < VMF_NR_STATS; i++)
		KUNIT_EXPECT_EQ_MSG(test, get_total(st, i), old.count[i],
				    "counter %d", i);
	object_map(&st->space);
	expect_zero(test, 0);
	space_expect_no_leak(&st->space);
}

static int remap(struct space *space, struct vm_area_struct *vma)
{
	return vmf_remap_range(vma, vma->vm_start, SPACE_PFN, 3 * PAGE_SIZE,
			       vma->vm_page_prot);
}

/* What is mapped without a fault counts for the system alone. */
static void stats_populates(struct kunit *test)
{
	struct stats_test *st = test->priv;

	space_unmap(&st->space, 0, OBJECT_PAGES);
	st->space.mmap = remap;
	space_map(&st->space, 0, 3, OBJECT_PGOFF);
	expect_zero(test, 0);
	KUNIT_EXPECT_GT(test, get_total(st, VMF_STAT_POPULATES), 0);
	KUNIT_EXPECT_EQ(test, get_total(st, VMF_STAT_FAULTS), 0);
	KUNIT_EXPECT_EQ(test, get_total(st, VMF_STAT_PTE), 3);
	space_expect_no_leak(&st->space);
}

static struct kunit_case stats_cases[] = {
	KUNIT_CASE(stats_begin_at_zero),
	KUNIT_CASE(stats_leaves),
	KUNIT_CASE(stats_zaps),
	KUNIT_CASE(stats_refused),
	KUNIT_CASE(stats_two_vmas),
	KUNIT_CASE(stats_split),
	KUNIT_CASE(stats_unmapped),
	KUNIT_CASE(stats_populates),
	{}
};

static struct kunit_suite stats_suite = {
	.name = "vmf_range_stats",
	.init = stats_init,
	.test_cases = stats_cases,
};

kunit_test_suite(stats_suite);
