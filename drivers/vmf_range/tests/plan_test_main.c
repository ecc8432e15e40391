// SPDX-License-Identifier: MIT
/* The planner's tests in user space: plan_test [CASES [SEED]] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "plan_test.h"

static int passed, failed;

void plan_test_report(const char *name, bool ok)
{
	printf("%s %s\n", ok ? "PASS" : "FAIL", name);
	if (ok)
		passed++;
	else
		failed++;
}

int main(int argc, char **argv)
{
	unsigned long cases = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (u64)time(NULL);
	struct world *w = plan_test_world();
	char name[80];
	int i;

	printf("plan_test: %lu cases, seed %llu\n", cases, seed);
	if (!w) {
		fprintf(stderr, "plan_test: no memory\n");
		return 1;
	}

	for (i = 0; i < PLAN_TESTS; i++)
		plan_tests[i].run(w);
	snprintf(name, sizeof(name), "%lu random worlds", cases);
	plan_test_report(name, plan_test_random(w, seed, cases, false));
	plan_test_report("20 random worlds of real size",
			 plan_test_random(w, seed, 20, true));
	plan_test_world_free(w);

	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}
