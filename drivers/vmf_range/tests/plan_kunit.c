// SPDX-License-Identifier: GPL-2.0-only
/*
 * The planner's tests in the kernel: its compiler flags, its sanitizers.
 */
#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/module.h>
#include <linux/random.h>

#include "plan_test.h"

/* A copy of the planner: the library exports nothing of it. */
#include "../plan.c"

/* Few, as the machine may be an emulated one under KASAN. */
#define RANDOM_WORLDS	500

void plan_test_report(const char *name, bool ok)
{
	struct kunit *test = kunit_get_current_test();

	KUNIT_EXPECT_TRUE_MSG(test, ok, "%s", name);
}

static int plan_init(struct kunit *test)
{
	test->priv = plan_test_world();
	return test->priv ? 0 : -ENOMEM;
}

static void plan_exit(struct kunit *test)
{
	if (test->priv)
		plan_test_world_free(test->priv);
}

static void plan_describe(const struct plan_test *plan_test, char *text)
{
	strscpy(text, plan_test->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(plan, plan_tests, plan_describe);

static void plan_fixed(struct kunit *test)
{
	const struct plan_test *plan_test = test->param_value;

	plan_test->run(test->priv);
}

static void plan_random(struct kunit *test)
{
	u64 seed = get_random_u64();

	kunit_info(test, "seed %llu\n", seed);
	plan_test_report("random worlds",
			 plan_test_random(test->priv, seed, RANDOM_WORLDS, false));
}

static struct kunit_case plan_cases[] = {
	KUNIT_CASE_PARAM(plan_fixed, plan_gen_params),
	KUNIT_CASE(plan_random),
	{}
};

static struct kunit_suite plan_suite = {
	.name = "vmf_range_plan",
	.init = plan_init,
	.exit = plan_exit,
	.test_cases = plan_cases,
};

kunit_test_suite(plan_suite);

MODULE_DESCRIPTION("Unit tests of vmf_range");
MODULE_LICENSE("GPL");
