// SPDX-License-Identifier: MIT
/*
 * Run the unit tests: all of them, or those whose names contain the argument.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../log.h"
#include "unit.h"

static bool failed;

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	failed = true;
	printf("  %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

int main(int argc, char **argv)
{
	static const struct test *const groups[] = {
		guest_mem_tests, virtq_tests, pool_tests, window_tests,
		gpu_tests, blob_tests, backend_tests, random_tests,
	};
	unsigned int good = 0, bad = 0;
	const struct test *t;
	size_t i;

	log_level = LOG_NOTHING;
	/* What hangs has failed. */
	alarm(300);
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		for (t = groups[i]; t->fn; t++) {
			if (argc > 1 && !strstr(t->name, argv[1]))
				continue;
			failed = false;
			t->fn();
			printf("%s %s\n", failed ? "FAIL" : "ok  ", t->name);
			fflush(stdout);
			if (failed)
				bad++;
			else
				good++;
		}
	}
	printf("%u passed, %u failed\n", good, bad);
	return bad || !good;
}
