/* SPDX-License-Identifier: MIT */
/* The planner's tests, and what they want from the harness that runs them. */
#ifndef _VMF_RANGE_TESTS_PLAN_TEST_H_
#define _VMF_RANGE_TESTS_PLAN_TEST_H_

#include <linux/types.h>

struct world;

struct world *plan_test_world(void);
void plan_test_world_free(struct world *w);

/* Tests that need no seed. */
struct plan_test {
	const char *name;
	void (*run)(struct world *w);
};

#define PLAN_TESTS	3
extern const struct plan_test plan_tests[PLAN_TESTS];

bool plan_test_random(struct world *w, u64 seed, unsigned long cases,
		      bool real);

/* By the harness: takes one verdict. */
void plan_test_report(const char *name, bool ok);

#endif
