// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walker in a real address space: each test has one of its own, maps a file
 * whose fault handler writes the run that the test asks for, and looks at the page
 * tables. The PFNs are of no memory at all; nobody reads through the mapping.
 */
#include <kunit/test.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/vmf_range.h>

#include "../compat.h"
#include "../stats.h"
#include "../tables.h"
#include "../walk.h"
#include "space.h"

#define READ_ONLY	(VM_READ | VM_SHARED)
#define READ_WRITE	(READ_ONLY | VM_WRITE)

/**
 * struct walk_test - one test
 * @test: its KUnit side
 * @space: its address space
 * @run: what the next fault writes
 * @prot: with which protection
 * @tracking: whether writes are tracked
 * @tally: what the last call of vmf_walk_write() counted
 * @faults: how often the handler was called
 * @ret: what vmf_walk_write() returned last
 * @nr: how many leaves it wrote
 */
struct walk_test {
	struct kunit *test;
	struct space space;
	struct vmf_run run;
	pgprot_t prot;
	enum vmf_tracking tracking;
	struct vmf_tally tally;
	unsigned int faults;
	int ret;
	unsigned long nr;
};

/* In ->fault, after which the core offers nothing, a PTE table is there or ready. */
static bool in_last_resort(const struct vm_fault *vmf)
{
	return vmf->prealloc_pte || (vmf->pmd && !pmd_none(*vmf->pmd));
}

static vm_fault_t walk_test_fault(struct vm_fault *vmf)
{
	struct walk_test *wt = container_of(space_of(vmf->vma), struct walk_test,
					    space);
	struct vmf_tally tally = {};
	struct vmf_walk walk;

	wt->faults++;
	vmf_walk_begin(&walk, vmf, wt->prot, wt->tracking, &tally);
	wt->ret = vmf_walk_write(&walk, &wt->run, &wt->nr);
	vmf_walk_unlock(&walk);
	wt->tally = tally;
	if (wt->ret == -EOPNOTSUPP && !in_last_resort(vmf))
		return VM_FAULT_FALLBACK;
	return VM_FAULT_NOPAGE;
}

static const struct vmf_range_ops walk_test_ops = {
	.vm_ops = VMF_RANGE_VM_OPS,
	.fault = walk_test_fault,
	.flags = VMF_RANGE_PUD,
};

static int walk_init(struct kunit *test)
{
	struct walk_test *wt = kunit_kzalloc(test, sizeof(*wt), GFP_KERNEL);
	int err;

	if (!wt)
		return -ENOMEM;
	test->priv = wt;
	wt->test = test;
	wt->prot = vm_get_page_prot(READ_WRITE);
	err = space_init(&wt->space, test, &walk_test_ops.vm_ops);
	if (err)
		return err;
	space_map(&wt->space, 0, 4 * PUD_PAGES, 0);
	return 0;
}

static struct vmf_run run_of(enum vmf_level level, unsigned long page,
			     unsigned long nr)
{
	return (struct vmf_run) {
		.vpn = PHYS_PFN(SPACE_ADDR) + page,
		.pfn = SPACE_PFN + page,
		.nr = nr,
		.level = level,
	};
}

/*
 * Write a run in a fault at a page, counted from the start of the mapping. The page
 * must not be mapped, or no fault handler is called.
 */
static int write_at(struct walk_test *wt, unsigned long page,
		    const struct vmf_run *run, unsigned int flags)
{
	wt->run = *run;
	wt->ret = 1000;
	wt->nr = 1000;
	wt->faults = 0;
	space_touch(page, flags);
	KUNIT_ASSERT_GT(wt->test, wt->faults, 0);
	return wt->ret;
}

/* The same with the fault at the run's first page. */
static int write(struct walk_test *wt, const struct vmf_run *run)
{
	return write_at(wt, run->vpn - PHYS_PFN(SPACE_ADDR), run, FAULT_FLAG_USER);
}

/* Pages [page, page + nr) are mapped at this level, each leaf as a run has it. */
static void expect_mapped(struct walk_test *wt, enum vmf_level level,
			  unsigned long page, unsigned long nr, bool write)
{
	space_expect_mapped(&wt->space, level, page, nr, SPACE_PFN + page, write);
}

static void walk_ptes(struct kunit *test)
{
	struct walk_test *wt = test->priv;
	struct vmf_run run = run_of(VMF_PTE, 10, 290);

	KUNIT_EXPECT_EQ(test, write(wt, &run), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, wt->nr, 290);
	space_expect_none(&wt->space, 0, 10);
	expect_mapped(wt, VMF_PTE, 10, 290, true);
	space_expect_none(&wt->space, 300, PMD_PAGES - 300);
	/* A PUD table is the core's; a PMD table and a PTE table hang from it. */
	KUNIT_EXPECT_GE(test, mm_pgtables_bytes(current->mm),
			wt->space.tables + 3 * PAGE_SIZE);
	space_expect_no_leak(&wt->space);
}

static void walk_pmds(struct kunit *test)
{
	struct walk_test *wt = test->priv;
	struct vmf_run run = run_of(VMF_PMD, 3 * PMD_PAGES, 20);

	KUNIT_EXPECT_EQ(test, write(wt, &run), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, wt->nr, 20);
	space_expect_none(&wt->space, 0, 3 * PMD_PAGES);
	expect_mapped(wt, VMF_PMD, 3 * PMD_PAGES, 20 * PMD_PAGES, true);
	space_expect_none(&wt->space, 23 * PMD_PAGES, PMD_PAGES);
	space_expect_no_leak(&wt->space);
}

static void walk_puds(struct kunit *test)
{
	struct walk_test *wt = test->priv;
	struct vmf_run run = run_of(VMF_PUD, PUD_PAGES, 2);

	space_require_puds(test);
	KUNIT_EXPECT_EQ(test, write(wt, &run), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, wt->nr, 2);
	space_expect_none(&wt->space, 0, 1);
	expect_mapped(wt, VMF_PUD, PUD_PAGES, 2 * PUD_PAGES, true);
	space_expect_none(&wt->space, 3 * PUD_PAGES, 1);

	space_expect_no_leak(&wt->space);
}

/* A table in the way of a run of huge leaves ends it there, from both sides. */
static void walk_table_in_the_way(struct kunit *test)
{
	struct walk_test *wt = test->priv;
	struct vmf_run table = run_of(VMF_PTE, 5 * PMD_PAGES, 1);
	struct vmf_run up = run_of(VMF_PMD, 2 * PMD_PAGES, 8);
	struct vmf_run down = up;

	KUNIT_EXPECT_EQ(test, write(wt, &table), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, write(wt, &up), VMF_WALK_TABLE);
	KUNIT_EXPECT_EQ(test, wt->nr, 3);
	expect_mapped(wt, VMF_PMD, 2 * PMD_PAGES, 3 * PMD_PAGES, true);
	expect_mapped(wt, VMF_PTE, 5 * PMD_PAGES, 1, true);
	space_expect_none(&wt->space, 5 * PMD_PAGES + 1, 5 * PMD_PAGES - 1);

	down.down = true;
	KUNIT_EXPECT_EQ(test, write_at(wt, 9 * PMD_PAGES, &down, 0),
			VMF_WALK_TABLE);
	KUNIT_EXPECT_EQ(test, wt->nr, 4);
	expect_mapped(wt, VMF_PTE, 5 * PMD_PAGES, 1, true);
	space_expect_none(&wt->space, 5 * PMD_PAGES + 1, PMD_PAGES - 1);
	expect_mapped(wt, VMF_PMD, 6 * PMD_PAGES, 4 * PMD_PAGES, true);
	space_expect_none(&wt->space, 10 * PMD_PAGES, PMD_PAGES);
	space_expect_no_leak(&wt->space);
}

static void walk_pmd_table_in_the_way(struct kunit *test)
{
	struct walk_test *wt = test->priv;
	struct vmf_run table = run_of(VMF_PMD, PUD_PAGES, 1);
	struct vmf_run run = run_of(VMF_PUD, 0, 3);

	space_require_puds(test);
	KUNIT_EXPECT_EQ(test, write(wt, &table), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, write(wt, &run), VMF_WALK_TABLE);
	KUNIT_EXPECT_EQ(test, wt->nr, 1);
	expect_mapped(wt, VMF_PUD, 0, PUD_PAGES, true);
	expect_mapped(wt, VMF_PMD, PUD_PAGES, PMD_PAGES, true);
	space_expect_none(&wt->space, PUD_PAGES + PMD_PAGES, 1);
	space_expect_none(&wt->space, 2 * PUD_PAGES, 1);
	space_expect_no_leak(&wt->space);
}

/* What is there and right is kept, whatever the level of the run. */
static void walk_kept(struct kunit *test)
{
	struct walk_test *wt = test->priv;
	struct vmf_run leaf = run_of(VMF_PMD, 2 * PMD_PAGES, 1);
	struct vmf_run inside = run_of(VMF_PTE, 2 * PMD_PAGES + 7, 9);
	struct vmf_run some = run_of(VMF_PTE, 20, 5);
	struct vmf_run all = run_of(VMF_PTE, 0, PMD_PAGES);

	KUNIT_EXPECT_EQ(test, write(wt, &leaf), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, write_at(wt, 3 * PMD_PAGES, &leaf, 0),
			VMF_WALK_MAPPED);
	KUNIT_EXPECT_EQ(test, wt->nr, 0);
	KUNIT_EXPECT_EQ(test, write_at(wt, 3 * PMD_PAGES, &inside, 0),
			VMF_WALK_MAPPED);
	KUNIT_EXPECT_EQ(test, wt->nr, 0);
	expect_mapped(wt, VMF_PMD, 2 * PMD_PAGES, PMD_PAGES, true);

	KUNIT_EXPECT_EQ(test, write(wt, &some), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, write(wt, &all), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, wt->nr, PMD_PAGES);
	expect_mapped(wt, VMF_PTE, 0, PMD_PAGES, true);
	space_expect_no_leak(&wt->space);
}

/* An entry with another PFN is left alone, and the walker says so. */
static void walk_other_pfn(struct kunit *test)
{
	struct walk_test *wt = test->priv;
	struct vmf_run pmd = run_of(VMF_PMD, 2 * PMD_PAGES, 1);
	struct vmf_run pte = run_of(VMF_PTE, 20, 5);
	struct vmf_run run;

	KUNIT_EXPECT_EQ(test, write(wt, &pmd), VMF_WALK_DONE);
	run = pmd;
	run.pfn += PMD_PAGES;
	KUNIT_EXPECT_EQ(test, write_at(wt, 3 * PMD_PAGES, &run, 0), -EEXIST);
	run = run_of(VMF_PTE, 2 * PMD_PAGES + 3, 1);
	run.pfn++;
	KUNIT_EXPECT_EQ(test, write_at(wt, 3 * PMD_PAGES, &run, 0), -EEXIST);
	expect_mapped(wt, VMF_PMD, 2 * PMD_PAGES, PMD_PAGES, true);

	KUNIT_EXPECT_EQ(test, write(wt, &pte), VMF_WALK_DONE);
	run = run_of(VMF_PTE, 0, PMD_PAGES);
	run.pfn++;
	KUNIT_EXPECT_EQ(test, write(wt, &run), -EEXIST);
	expect_mapped(wt, VMF_PTE, 20, 5, true);
	space_expect_none(&wt->space, 25, PMD_PAGES - 25);
	space_expect_no_leak(&wt->space);
}

static void walk_other_pfn_pud(struct kunit *test)
{
	struct walk_test *wt = test->priv;
	struct vmf_run pud = run_of(VMF_PUD, 0, 1);
	struct vmf_run run;

	space_require_puds(test);
	KUNIT_EXPECT_EQ(test, write(wt, &pud), VMF_WALK_DONE);
	run = pud;
	run.pfn += PUD_PAGES;
	KUNIT_EXPECT_EQ(test, write_at(wt, PUD_PAGES, &run, 0), -EEXIST);
	run = run_of(VMF_PMD, 7 * PMD_PAGES, 1);
	KUNIT_EXPECT_EQ(test, write_at(wt, PUD_PAGES, &run, 0),
			VMF_WALK_MAPPED);
	run.pfn += PMD_PAGES;
	KUNIT_EXPECT_EQ(test, write_at(wt, PUD_PAGES, &run, 0), -EEXIST);
	expect_mapped(wt, VMF_PUD, 0, PUD_PAGES, true);
	space_expect_no_leak(&wt->space);
}

/* A write to a leaf that is there and read-only makes it writable. */
static void walk_upgrade(struct kunit *test)
{
	struct walk_test *wt = test->priv;
	struct vmf_run pmd = run_of(VMF_PMD, 2 * PMD_PAGES, 2);
	struct vmf_run pud = run_of(VMF_PUD, PUD_PAGES, 1);

	space_require_puds(test);
	wt->prot = vm_get_page_prot(READ_ONLY);
	KUNIT_EXPECT_EQ(test, write(wt, &pmd), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, write(wt, &pud), VMF_WALK_DONE);
	expect_mapped(wt, VMF_PMD, 2 * PMD_PAGES, 2 * PMD_PAGES, false);
	expect_mapped(wt, VMF_PUD, PUD_PAGES, PUD_PAGES, false);

	KUNIT_EXPECT_EQ(test, write_at(wt, 2 * PMD_PAGES, &pmd,
				       FAULT_FLAG_WRITE), VMF_WALK_MAPPED);
	KUNIT_EXPECT_EQ(test, write_at(wt, PUD_PAGES + 5, &pud,
				       FAULT_FLAG_WRITE), VMF_WALK_MAPPED);
	/* The leaf that was written to, and no other. */
	expect_mapped(wt, VMF_PMD, 2 * PMD_PAGES, PMD_PAGES, true);
	expect_mapped(wt, VMF_PMD, 3 * PMD_PAGES, PMD_PAGES, false);
	expect_mapped(wt, VMF_PUD, PUD_PAGES, PUD_PAGES, true);
	space_expect_no_leak(&wt->space);
}

/* Where writes are tracked, leaves of all levels begin read-only. */
static void walk_tracking(struct kunit *test)
{
	struct walk_test *wt = test->priv;
	struct vmf_run pte = run_of(VMF_PTE, 7, 9);
	struct vmf_run pmd = run_of(VMF_PMD, 2 * PMD_PAGES, 2);
	struct vmf_run pud = run_of(VMF_PUD, PUD_PAGES, 1);

	space_require_puds(test);
	wt->tracking = VMF_TRACK_LEAVES;
	KUNIT_EXPECT_EQ(test, write(wt, &pte), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, write(wt, &pmd), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, write(wt, &pud), VMF_WALK_DONE);
	expect_mapped(wt, VMF_PTE, 7, 9, false);
	expect_mapped(wt, VMF_PMD, 2 * PMD_PAGES, 2 * PMD_PAGES, false);
	expect_mapped(wt, VMF_PUD, PUD_PAGES, PUD_PAGES, false);
	space_expect_no_leak(&wt->space);
}

/*
 * An empty table gives way to a leaf, where the walker may do that, and comes back
 * when it is needed again; one that maps something stays.
 */
static void walk_promote(struct kunit *test)
{
	bool can = vmf_can_make_tables() && vmf_compat_can_retire_tables();
	struct walk_test *wt = test->priv;
	struct vmf_run ptes = run_of(VMF_PTE, 0, PMD_PAGES);
	struct vmf_run pmds = run_of(VMF_PMD, 0, 2);
	unsigned long tables;

	KUNIT_EXPECT_EQ(test, write(wt, &ptes), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, write_at(wt, 2 * PMD_PAGES, &pmds, 0),
			VMF_WALK_TABLE);
	KUNIT_EXPECT_EQ(test, wt->nr, 0);
	tables = mm_pgtables_bytes(current->mm);

	unmap_mapping_range(wt->space.file->f_mapping, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, write_at(wt, 3 * PMD_PAGES, &pmds, 0),
			can ? VMF_WALK_DONE : VMF_WALK_TABLE);
	KUNIT_EXPECT_EQ(test, wt->tally.count[VMF_STAT_PROMOTED], can);
	space_expect_none(&wt->space, 2 * PMD_PAGES, PMD_PAGES);
	if (can) {
		expect_mapped(wt, VMF_PMD, 0, 2 * PMD_PAGES, true);
		KUNIT_EXPECT_LT(test, mm_pgtables_bytes(current->mm), tables);
	}

	unmap_mapping_range(wt->space.file->f_mapping, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, write(wt, &ptes), VMF_WALK_DONE);
	expect_mapped(wt, VMF_PTE, 0, PMD_PAGES, true);
	KUNIT_EXPECT_EQ(test, mm_pgtables_bytes(current->mm), tables);
	space_expect_no_leak(&wt->space);
}

/* One entry is enough for a table to stay, be it the first, the last or between. */
static void walk_promote_in_use(struct kunit *test)
{
	static const unsigned long pages[] = { 0, 1, 300, PMD_PAGES - 1 };
	struct vmf_run pmd = run_of(VMF_PMD, 0, 1);
	struct walk_test *wt = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		struct vmf_run pte = run_of(VMF_PTE, pages[i], 1);

		KUNIT_EXPECT_EQ(test, write(wt, &pte), VMF_WALK_DONE);
		KUNIT_EXPECT_EQ(test, write_at(wt, 2 * PMD_PAGES, &pmd, 0),
				VMF_WALK_TABLE);
		KUNIT_EXPECT_EQ(test, wt->nr, 0);
		KUNIT_EXPECT_EQ(test, wt->tally.count[VMF_STAT_PROMOTED], 0);
		expect_mapped(wt, VMF_PTE, pages[i], 1, true);
		unmap_mapping_range(wt->space.file->f_mapping, 0, 0, 1);
	}
	space_expect_no_leak(&wt->space);
}

/* Leaves away from the fault need tables that the walker makes, where it can. */
static void walk_far_tables(struct kunit *test)
{
	struct walk_test *wt = test->priv;
	struct vmf_run near = run_of(VMF_PMD, 0, 1);
	struct vmf_run pmds = run_of(VMF_PMD, 2 * PUD_PAGES, 3);
	struct vmf_run ptes = run_of(VMF_PTE, 4 * PMD_PAGES + 1, 3);
	int ret = vmf_can_make_tables() ? VMF_WALK_DONE : -EOPNOTSUPP;

	/* So that the fault brings no table of its own but a PTE table. */
	KUNIT_EXPECT_EQ(test, write(wt, &near), VMF_WALK_DONE);
	KUNIT_EXPECT_EQ(test, write_at(wt, PMD_PAGES, &pmds, 0), ret);
	KUNIT_EXPECT_EQ(test, write_at(wt, PMD_PAGES, &ptes, 0), ret);
	if (!ret) {
		expect_mapped(wt, VMF_PMD, 2 * PUD_PAGES, 3 * PMD_PAGES, true);
		expect_mapped(wt, VMF_PTE, 4 * PMD_PAGES + 1, 3, true);
	} else {
		space_expect_none(&wt->space, 2 * PUD_PAGES, 3 * PMD_PAGES);
		space_expect_none(&wt->space, 4 * PMD_PAGES, PMD_PAGES);
	}
	space_expect_no_leak(&wt->space);
}

static struct kunit_case walk_cases[] = {
	KUNIT_CASE(walk_ptes),
	KUNIT_CASE(walk_pmds),
	KUNIT_CASE(walk_puds),
	KUNIT_CASE(walk_table_in_the_way),
	KUNIT_CASE(walk_pmd_table_in_the_way),
	KUNIT_CASE(walk_kept),
	KUNIT_CASE(walk_other_pfn),
	KUNIT_CASE(walk_other_pfn_pud),
	KUNIT_CASE(walk_upgrade),
	KUNIT_CASE(walk_tracking),
	KUNIT_CASE(walk_promote),
	KUNIT_CASE(walk_promote_in_use),
	KUNIT_CASE(walk_far_tables),
	{}
};

static struct kunit_suite walk_suite = {
	.name = "vmf_range_walk",
	.init = walk_init,
	.test_cases = walk_cases,
};

kunit_test_suite(walk_suite);

MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
VMF_RANGE_IMPORT_NS();
