/* SPDX-License-Identifier: MIT */
/*
 * The part of IGT's igt.h that these tests use, for libigt.so.0 of IGT 2.5.
 *
 * Debian packages libigt and the runner but no headers. This header has the
 * names and the behaviour of the real one, so that the tests compile unchanged
 * inside an IGT tree, where the real one is found instead of it. libigt keeps
 * its soname while its interface changes, so nothing is declared here that
 * igt_shim.c does not run.
 */
#ifndef IGT_H
#define IGT_H

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define IGT_EXIT_SUCCESS	0
#define IGT_EXIT_SKIP		77
#define IGT_EXIT_INVALID	79
#define IGT_EXIT_FAILURE	98
#define IGT_EXIT_ABORT		112

#define ARRAY_SIZE(arr)		(sizeof(arr) / sizeof((arr)[0]))

#define __igt_noreturn		__attribute__((noreturn))
#define __igt_printf(fmt, args)	__attribute__((format(printf, fmt, args)))

/* A name that is new on every line. */
#define __igt_paste2(a, b)	a##b
#define __igt_paste(a, b)	__igt_paste2(a, b)
#define igt_unique(prefix)	__igt_paste(prefix, __LINE__)

/* What libigt looks up in the program, and where a failure jumps to. */
extern const char *__igt_test_description;
extern jmp_buf igt_subtest_jmpbuf;

#define IGT_TEST_DESCRIPTION(str) const char *__igt_test_description = (str)

/* Logging. */
enum igt_log_level {
	IGT_LOG_DEBUG,
	IGT_LOG_INFO,
	IGT_LOG_WARN,
	IGT_LOG_CRITICAL,
	IGT_LOG_NONE,
};

void igt_log(const char *domain, enum igt_log_level level, const char *format,
	     ...) __igt_printf(3, 4);

#define igt_debug(f...)		igt_log(NULL, IGT_LOG_DEBUG, f)
#define igt_info(f...)		igt_log(NULL, IGT_LOG_INFO, f)
#define igt_warn(f...)		igt_log(NULL, IGT_LOG_WARN, f)

/* The frame of a test program. */
typedef int (*igt_opt_handler_t)(int opt, int opt_index, void *data);
struct option;

int igt_subtest_init_parse_opts(int *argc, char **argv,
				const char *extra_short_opts,
				const struct option *extra_long_opts,
				const char *help_str,
				igt_opt_handler_t extra_opt_handler,
				void *handler_data);
void igt_exit(void) __igt_noreturn;

#define igt_main()							\
	static void igt_unique(__igt_body)(void);			\
	int main(int argc, char **argv)					\
	{								\
		igt_subtest_init_parse_opts(&argc, argv, NULL, NULL,	\
					    NULL, NULL, NULL);		\
		igt_unique(__igt_body)();				\
		igt_exit();						\
	}								\
	static void igt_unique(__igt_body)(void)

bool __igt_fixture(void);
void __igt_fixture_complete(void);

/* Runs once, unless the program only lists its subtests. */
#define igt_fixture()							\
	for (volatile int igt_unique(__igt_once) = 1;			\
	     igt_unique(__igt_once) && __igt_fixture() &&		\
	     !sigsetjmp(igt_subtest_jmpbuf, 1);				\
	     igt_unique(__igt_once) = 0, __igt_fixture_complete())

bool __igt_run_subtest(const char *name, const char *file, const int line);
void igt_success(void);

#define igt_subtest(name)						\
	for (; __igt_run_subtest((name), __FILE__, __LINE__) &&		\
	       !sigsetjmp(igt_subtest_jmpbuf, 1);			\
	     igt_success())

#define igt_subtest_f(f...)						\
	for (char igt_unique(__igt_name)[256];				\
	     snprintf(igt_unique(__igt_name),				\
		      sizeof(igt_unique(__igt_name)), f) >= 0 &&	\
	     __igt_run_subtest(igt_unique(__igt_name), __FILE__,	\
			       __LINE__) &&				\
	     !sigsetjmp(igt_subtest_jmpbuf, 1);				\
	     igt_success())

void __igt_subtest_group_save(int *save, int *desc);
void __igt_subtest_group_restore(int save, int desc);

/* A requirement that a fixture in a group misses skips that group alone. */
#define igt_subtest_group()						\
	for (int igt_unique(__igt_once) = 1,				\
	     igt_unique(__igt_save) = 0, igt_unique(__igt_desc) = 0;	\
	     igt_unique(__igt_once) &&					\
	     (__igt_subtest_group_save(&igt_unique(__igt_save),		\
				       &igt_unique(__igt_desc)), true);	\
	     igt_unique(__igt_once) = 0,				\
	     __igt_subtest_group_restore(igt_unique(__igt_save),	\
					 igt_unique(__igt_desc)))

void igt_describe_f(const char *fmt, ...) __igt_printf(1, 2);

#define igt_describe(dsc)	igt_describe_f("%s", dsc)

/* Verdicts. */
void igt_skip(const char *f, ...) __igt_noreturn __igt_printf(1, 2);
void __igt_skip_check(const char *file, const int line, const char *func,
		      const char *check, const char *format, ...)
	__igt_noreturn __igt_printf(5, 6);
void __igt_fail_assert(const char *domain, const char *file, const int line,
		       const char *func, const char *assertion,
		       const char *format, ...)
	__igt_noreturn __igt_printf(6, 7);

#define igt_require_f(expr, f...) do {					\
	if (!(expr))							\
		__igt_skip_check(__FILE__, __LINE__, __func__, #expr, f); \
} while (0)
#define igt_require(expr)	igt_require_f(expr, NULL)

#define igt_assert_f(expr, f...) do {					\
	if (!(expr))							\
		__igt_fail_assert(NULL, __FILE__, __LINE__, __func__,	\
				  #expr, f);				\
} while (0)
#define igt_assert(expr)	igt_assert_f(expr, NULL)

#define __igt_assert_cmp(type, spec, n1, cmp, n2) do {			\
	type __n1 = (n1), __n2 = (n2);					\
	if (!(__n1 cmp __n2))						\
		__igt_fail_assert(NULL, __FILE__, __LINE__, __func__,	\
				  #n1 " " #cmp " " #n2,			\
				  "error: !(" spec " " #cmp " " spec ")\n", \
				  __n1, __n2);				\
} while (0)

#define igt_assert_eq(n1, n2)	  __igt_assert_cmp(int, "%d", n1, ==, n2)
#define igt_assert_neq(n1, n2)	  __igt_assert_cmp(int, "%d", n1, !=, n2)
#define igt_assert_lte(n1, n2)	  __igt_assert_cmp(int, "%d", n1, <=, n2)
#define igt_assert_eq_u64(n1, n2) \
	__igt_assert_cmp(unsigned long long, "%#llx", n1, ==, n2)
#define igt_assert_lte_u64(n1, n2) \
	__igt_assert_cmp(unsigned long long, "%#llx", n1, <=, n2)

#define igt_assert_fd(fd)						\
	igt_assert_f((fd) >= 0, "file descriptor " #fd " failed\n")

/* Child processes: a failure in one of them fails the subtest. */
bool __igt_fork(void);
void igt_waitchildren(void);

#define igt_fork(child, num_children)					\
	for (int child = 0; child < (num_children); child++)		\
		for (; __igt_fork(); exit(0))

/* Devices. IGT_FORCE_DRIVER in the environment chooses one by driver name. */
#define DRIVER_VGEM		(1 << 2)
#define DRIVER_VKMS		(1 << 9)
#define DRIVER_VIRTIO		(1 << 10)
#define DRIVER_ANY		~(DRIVER_VGEM | DRIVER_VKMS | DRIVER_VIRTIO)

int drm_open_driver(int chipset);
int drm_open_driver_render(int chipset);
int drm_close_driver(int fd);

extern __thread int (*igt_ioctl)(int fd, unsigned long request, void *arg);

#define do_ioctl(fd, ioc, ioc_data) do {				\
	igt_assert_eq(igt_ioctl((fd), (ioc), (ioc_data)), 0);		\
	errno = 0;							\
} while (0)

#define do_ioctl_err(fd, ioc, ioc_data, err) do {			\
	igt_assert_eq(igt_ioctl((fd), (ioc), (ioc_data)), -1);		\
	igt_assert_eq(errno, err);					\
	errno = 0;							\
} while (0)

#endif
