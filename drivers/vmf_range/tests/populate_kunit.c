// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmf_remap_range() in ->mmap: all is mapped when it returns, by the leaves that fit,
 * and no fault was needed.
 */
#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/vmf_range.h>

#include "../compat.h"
#include "object.h"

/**
 * struct populate_test - one test
 * @space: its address space
 * @nr_parts: how many calls the next ->mmap makes
 * @parts: of what: pages, and the first one's PFN
 * @err: what the last call returned
 */
struct populate_test {
	struct space space;
	unsigned int nr_parts;
	struct part {
		unsigned long page;
		unsigned long nr;
		unsigned long pfn;
	} parts[3];
	int err;
};

static int populate_mmap(struct space *space, struct vm_area_struct *vma)
{
	struct populate_test *pt = container_of(space, struct populate_test, space);
	unsigned int i;

	for (i = 0; i < pt->nr_parts; i++) {
		struct part *part = &pt->parts[i];

		pt->err = vmf_remap_range(vma, space_addr(part->page), part->pfn,
					  part->nr << PAGE_SHIFT,
					  vma->vm_page_prot);
		if (pt->err)
			return pt->err;
	}
	return 0;
}

static int populate_init(struct kunit *test)
{
	struct populate_test *pt = kunit_kzalloc(test, sizeof(*pt), GFP_KERNEL);
	int err;

	if (!pt)
		return -ENOMEM;
	test->priv = pt;
	err = space_init(&pt->space, test, NULL);
	pt->space.mmap = populate_mmap;
	return err;
}

/* Map pages as one part, at their place in the object. */
static void map_pages(struct populate_test *pt, unsigned long page,
		      unsigned long nr, unsigned long pfn)
{
	pt->parts[0] = (struct part){ page, nr, pfn };
	pt->nr_parts = 1;
	space_map(&pt->space, page, nr, OBJECT_PGOFF + page);
}

/* Map a part of the object, whose driver can take faults as well. */
static void map_object(struct populate_test *pt, unsigned long page,
		       unsigned long nr)
{
	pt->space.vm_ops = &object_ops.vm_ops;
	map_pages(pt, page, nr, object_pfn(page));
}

static void expect_object(struct populate_test *pt, enum vmf_level level,
			  unsigned long page, unsigned long nr)
{
	space_expect_mapped(&pt->space, level, page, nr, object_pfn(page), true);
}

static void populate_pud(struct kunit *test)
{
	struct populate_test *pt = test->priv;

	space_require_puds(test);
	map_object(pt, OBJECT_PUD, PUD_PAGES);
	expect_object(pt, VMF_PUD, OBJECT_PUD, PUD_PAGES);
	space_expect_no_leak(&pt->space);
}

/* A whole table of them, beside the edge of which the mapping ends. */
static void populate_pmds(struct kunit *test)
{
	struct populate_test *pt = test->priv;

	map_object(pt, OBJECT_PMDS, PUD_PAGES);
	expect_object(pt, VMF_PMD, OBJECT_PMDS, PUD_PAGES);
	space_expect_none(&pt->space, OBJECT_PTES, 1);
	space_expect_no_leak(&pt->space);
}

/* From one table to the next. */
static void populate_ptes(struct kunit *test)
{
	struct populate_test *pt = test->priv;
	unsigned long page = OBJECT_PTES + 100;

	map_object(pt, page, 2 * PMD_PAGES + 50);
	expect_object(pt, VMF_PTE, page, 2 * PMD_PAGES + 50);
	space_expect_none(&pt->space, OBJECT_PTES, 100);
	space_expect_none(&pt->space, page + 2 * PMD_PAGES + 50, 100);
	space_expect_no_leak(&pt->space);
}

static void populate_one_page(struct kunit *test)
{
	struct populate_test *pt = test->priv;

	map_object(pt, OBJECT_PMDS + 7, 1);
	expect_object(pt, VMF_PTE, OBJECT_PMDS + 7, 1);
	space_expect_none(&pt->space, OBJECT_PMDS, 7);
	space_expect_none(&pt->space, OBJECT_PMDS + 8, 1);
	space_expect_no_leak(&pt->space);
}

/* Leaves of all levels in one call, from the middle of a PTE table on. */
static void populate_all_levels(struct kunit *test)
{
	struct populate_test *pt = test->priv;
	unsigned long head = PUD_PAGES - PMD_PAGES - 3, tail = 2 * PUD_PAGES;

	space_require_puds(test);
	map_pages(pt, head, tail + PMD_PAGES + 5 - head, SPACE_PFN + head);
	space_expect_mapped(&pt->space, VMF_PTE, head, 3, SPACE_PFN + head, true);
	space_expect_mapped(&pt->space, VMF_PMD, head + 3, PMD_PAGES,
			    SPACE_PFN + head + 3, true);
	space_expect_mapped(&pt->space, VMF_PUD, PUD_PAGES, PUD_PAGES,
			    SPACE_PFN + PUD_PAGES, true);
	space_expect_mapped(&pt->space, VMF_PMD, tail, PMD_PAGES,
			    SPACE_PFN + tail, true);
	space_expect_mapped(&pt->space, VMF_PTE, tail + PMD_PAGES, 5,
			    SPACE_PFN + tail + PMD_PAGES, true);
	space_expect_none(&pt->space, tail + PMD_PAGES + 5, 20);
	space_expect_no_leak(&pt->space);
}

/* Memory and address differ by a PMD leaf: none of PUD_SIZE fits. */
static void populate_across_puds(struct kunit *test)
{
	struct populate_test *pt = test->priv;
	unsigned long page = PUD_PAGES - 3 * PMD_PAGES;
	unsigned long nr = PUD_PAGES + 6 * PMD_PAGES;

	map_pages(pt, page, nr, SPACE_PFN + page + PMD_PAGES);
	space_expect_mapped(&pt->space, VMF_PMD, page, nr,
			    SPACE_PFN + page + PMD_PAGES, true);
	space_expect_no_leak(&pt->space);
}

/* Several calls for one VMA, out of order, with a hole between; all fault again. */
static void populate_parts(struct kunit *test)
{
	static const struct part parts[] = {
		{ 2 * PMD_PAGES, PMD_PAGES, SPACE_PFN + 9 * PMD_PAGES },
		{ 10, 20, SPACE_PFN + 3 },
		{ 30, 7, SPACE_PFN + 777 },
	};
	struct populate_test *pt = test->priv;
	int round, i;

	memcpy(pt->parts, parts, sizeof(parts));
	pt->nr_parts = ARRAY_SIZE(parts);
	space_map(&pt->space, 0, 3 * PMD_PAGES, OBJECT_PGOFF);
	for (round = 0; round < 2; round++) {
		space_expect_none(&pt->space, 0, 10);
		for (i = 0; i < ARRAY_SIZE(parts); i++)
			space_expect_mapped(&pt->space, i ? VMF_PTE : VMF_PMD,
					    parts[i].page, parts[i].nr,
					    parts[i].pfn, true);
		space_expect_none(&pt->space, 37, 2 * PMD_PAGES - 37);

		vmf_range_zap(pt->space.file->f_mapping, 0, 0);
		space_expect_none(&pt->space, 0, 3 * PMD_PAGES);
		for (i = 0; i < ARRAY_SIZE(parts); i++)
			space_touch(parts[i].page, 0);
	}
	KUNIT_EXPECT_TRUE(test, space_touch(5, 0) & VM_FAULT_SIGBUS);
	KUNIT_EXPECT_TRUE(test, space_touch(37, 0) & VM_FAULT_SIGBUS);
	space_expect_no_leak(&pt->space);
}

static const struct vm_operations_struct no_fault_ops = {
	.access = generic_access_phys,
};

/* What could not come back after a part of a leaf has gone has no such leaves. */
static void populate_without_fault(struct kunit *test)
{
	struct populate_test *pt = test->priv;

	pt->space.vm_ops = &no_fault_ops;
	map_pages(pt, 0, PMD_PAGES + 3, SPACE_PFN);
	space_expect_mapped(&pt->space, VMF_PTE, 0, PMD_PAGES + 3, SPACE_PFN, true);
	KUNIT_EXPECT_PTR_EQ(test, space_vma(0)->vm_ops, &no_fault_ops);
	space_expect_no_leak(&pt->space);
}

/* The driver's operations are back afterwards, and serve faults. */
static void populate_faults_again(struct kunit *test)
{
	struct populate_test *pt = test->priv;

	map_object(pt, OBJECT_PMDS, 4 * PMD_PAGES);
	KUNIT_EXPECT_PTR_EQ(test, space_vma(OBJECT_PMDS)->vm_ops,
			    &object_ops.vm_ops);
	vmf_range_zap(pt->space.file->f_mapping, OBJECT_PGOFF + OBJECT_PMDS + 5, 1);
	space_expect_none(&pt->space, OBJECT_PMDS, PMD_PAGES);
	expect_object(pt, VMF_PMD, OBJECT_PMDS + PMD_PAGES, 3 * PMD_PAGES);
	space_touch(OBJECT_PMDS + 9, 0);
	expect_object(pt, VMF_PMD, OBJECT_PMDS, 4 * PMD_PAGES);
	space_expect_no_leak(&pt->space);
}

static void populate_read_only(struct kunit *test)
{
	struct populate_test *pt = test->priv;

	pt->parts[0] = (struct part){ 0, PMD_PAGES + 1, SPACE_PFN };
	pt->nr_parts = 1;
	KUNIT_ASSERT_EQ(test, vm_mmap(pt->space.file, SPACE_ADDR,
				      PMD_SIZE + PAGE_SIZE, PROT_READ,
				      MAP_SHARED | MAP_FIXED, 0), SPACE_ADDR);
	space_expect_mapped(&pt->space, VMF_PMD, 0, PMD_PAGES, SPACE_PFN, false);
	space_expect_mapped(&pt->space, VMF_PTE, PMD_PAGES, 1,
			    SPACE_PFN + PMD_PAGES, false);
	space_expect_no_leak(&pt->space);
}

/* The second part cannot be: the first must not stay. */
static void expect_refused(struct populate_test *pt, unsigned long page,
			   unsigned long nr, unsigned long pfn)
{
	unsigned long addr;

	pt->parts[0] = (struct part){ 0, PMD_PAGES, SPACE_PFN };
	pt->parts[1] = (struct part){ page, nr, pfn };
	pt->nr_parts = 2;
	pt->err = 0;
	addr = vm_mmap(pt->space.file, SPACE_ADDR, 2 * PMD_SIZE,
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, 0);
	KUNIT_EXPECT_EQ_MSG(pt->space.test, (long)addr, -EINVAL,
			    "%lu pages at %#lx", nr, page);
	KUNIT_EXPECT_EQ(pt->space.test, pt->err, -EINVAL);
	space_expect_none(&pt->space, 0, 4 * PMD_PAGES);
	space_unmap(&pt->space, 0, 2 * PMD_PAGES);
	KUNIT_EXPECT_EQ(pt->space.test, mm_pgtables_bytes(current->mm),
			pt->space.tables);
}

static void populate_refused(struct kunit *test)
{
	struct populate_test *pt = test->priv;

	expect_refused(pt, PMD_PAGES, 0, SPACE_PFN);
	expect_refused(pt, 2 * PMD_PAGES, 1, SPACE_PFN);
	expect_refused(pt, PMD_PAGES, PMD_PAGES + 1, SPACE_PFN);
	expect_refused(pt, -1UL, 2, SPACE_PFN);
	expect_refused(pt, PMD_PAGES, -1UL >> PAGE_SHIFT, SPACE_PFN);
	/* Beyond what the processor can address. */
	expect_refused(pt, PMD_PAGES, 7, vmf_compat_end_pfn() - 6);
	expect_refused(pt, PMD_PAGES, 2, -1UL);
}

static struct kunit_case populate_cases[] = {
	KUNIT_CASE(populate_pud),
	KUNIT_CASE(populate_pmds),
	KUNIT_CASE(populate_ptes),
	KUNIT_CASE(populate_one_page),
	KUNIT_CASE(populate_all_levels),
	KUNIT_CASE(populate_across_puds),
	KUNIT_CASE(populate_parts),
	KUNIT_CASE(populate_without_fault),
	KUNIT_CASE(populate_faults_again),
	KUNIT_CASE(populate_read_only),
	KUNIT_CASE(populate_refused),
	{}
};

static struct kunit_suite populate_suite = {
	.name = "vmf_range_populate",
	.init = populate_init,
	.test_cases = populate_cases,
};

kunit_test_suite(populate_suite);
