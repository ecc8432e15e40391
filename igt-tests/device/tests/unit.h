/* SPDX-License-Identifier: MIT */
/*
 * A small harness: a test is a function; the first CHECK that fails ends it.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test {
	const char *name;
	void (*fn)(void);
};

void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			test_fail(__FILE__, __LINE__, "%s", #cond);	\
			return;						\
		}							\
	} while (0)

#define CHECK_EQ(a, b)							\
	do {								\
		unsigned long long _a = (unsigned long long)(a);	\
		unsigned long long _b = (unsigned long long)(b);	\
									\
		if (_a != _b) {						\
			test_fail(__FILE__, __LINE__,			\
				  "%s is %#llx, not %s (%#llx)", #a,	\
				  _a, #b, _b);				\
			return;						\
		}							\
	} while (0)

/* For helpers that have failed already: leave the test. */
#define CHECK_OK(call)							\
	do {								\
		if (!(call))						\
			return;						\
	} while (0)

extern const struct test guest_mem_tests[];
extern const struct test virtq_tests[];
extern const struct test pool_tests[];
extern const struct test window_tests[];
extern const struct test gpu_tests[];
extern const struct test blob_tests[];
extern const struct test backend_tests[];
extern const struct test random_tests[];

#endif
