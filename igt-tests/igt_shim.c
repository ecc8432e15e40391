// SPDX-License-Identifier: MIT
/**
 * TEST: igt shim
 * Description: Check that libigt behaves as lib/igt-shim/igt.h declares it
 * Category: Infrastructure
 *
 * SUBTEST: version
 * Description: the library is of the series that the header was written for
 *
 * SUBTEST: fixtures
 * Description: a fixture runs once, and outside of subtests
 *
 * SUBTEST: exit-codes
 * Description: pass, skip, fail and an unknown subtest give the codes of IGT
 *
 * SUBTEST: asserts
 * Description: each assertion passes when it must and fails when it must
 *
 * SUBTEST: group-skip
 * Description: a requirement missed in a group skips that group alone
 *
 * SUBTEST: fork
 * Description: children run, and a failing child fails the subtest
 *
 * SUBTEST: log
 * Description: a message reaches the log at the levels that are printed
 *
 * SUBTEST: describe
 * Description: descriptions are printed on request
 *
 * SUBTEST: ioctl
 * Description: the thread-local ioctl pointer works
 *
 * SUBTEST: open-driver
 * Description: IGT_FORCE_DRIVER chooses the device under test
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <drm/drm.h>

#include "igt.h"

IGT_TEST_DESCRIPTION("Check that libigt behaves as the header declares it");

/* What a child does, named in its environment: see run_self(). */
#define CHILD_ENV	"IGT_SHIM_CHILD"

static int fixture_runs;

/*
 * Become this program again, where neither the runner nor its eyes on the kernel
 * log take what happens for a test of theirs.
 */
static void exec_self(const char *role, const char *option, const char *name,
		      int out)
{
	setenv(CHILD_ENV, role, 1);
	unsetenv("IGT_RUNNER_SOCKET_FD");
	unsetenv("IGT_SENTINEL_ON_STDERR");
	/* Fails for an ordinary user, who may not write to the log either. */
	if (!unshare(CLONE_NEWNS) &&
	    !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		mount("/dev/null", "/dev/kmsg", NULL, MS_BIND, NULL);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execl("/proc/self/exe", "igt_shim", option, name, NULL);
	_exit(IGT_EXIT_ABORT);
}

/* Run this program with an option. Return: its exit code, and its output. */
static int run_self(const char *role, const char *option, const char *name,
		    char *out, size_t size)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	igt_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid)
		exec_self(role, option, name, fds[1]);
	close(fds[1]);

	/* Read on to the end, or the child could not end; drop what is too much. */
	do {
		if (len == size - 1)
			len /= 2;
		got = read(fds[0], out + len, size - 1 - len);
		len += got > 0 ? got : 0;
	} while (got > 0);
	out[len] = '\0';
	close(fds[0]);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_exit(const char *role, int code)
{
	char out[4096];
	int status = run_self(role, "--run-subtest", "child", out,
			      sizeof(out));

	igt_assert_f(status == code, "%s: exit code %d, not %d\n%s", role,
		     status, code, out);
}

static void check_version(void)
{
	int major = 0, minor = 0;
	char out[4096], *text;

	igt_assert_eq(run_self("none", "--version", NULL, out, sizeof(out)), 0);
	text = strstr(out, "IGT-Version:");
	igt_assert(text);
	igt_assert_eq(sscanf(text, "IGT-Version: %d.%d", &major, &minor), 2);
	igt_info("libigt %d.%d\n", major, minor);
	igt_assert_f(major == 2 && minor >= 5,
		     "written for IGT 2.5, found %d.%d\n", major, minor);
}

static void check_log(void)
{
	char out[4096];

	run_self("log", "--run-subtest", "child", out, sizeof(out));
	igt_assert(strstr(out, "an info 1"));
	igt_assert(strstr(out, "a warning 2"));
	igt_assert(!strstr(out, "a debug 3"));
	run_self("log", "--debug", "--run-subtest=child", out, sizeof(out));
	igt_assert(strstr(out, "a debug 3"));
}

static void check_describe(void)
{
	char out[4096];

	igt_assert_eq(run_self("none", "--describe=version", NULL, out,
			       sizeof(out)), 0);
	igt_assert(strstr(out, "the series that the header"));
	igt_assert_eq(run_self("none", "--help-description", NULL, out,
			       sizeof(out)), 0);
	igt_assert(strstr(out, __igt_test_description));
}

static void check_fork(void)
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	igt_assert(shared != MAP_FAILED);
	igt_fork(child, 3)
		shared[child] = child + 1;
	igt_waitchildren();
	igt_assert_eq(shared[0], 1);
	igt_assert_eq(shared[1], 2);
	igt_assert_eq(shared[2], 3);
	igt_assert_eq(shared[3], 0);
	munmap(shared, 4096);

	check_exit("fork-fail", IGT_EXIT_FAILURE);
}

static void check_ioctl(void)
{
	int bytes = -1, fds[2];

	igt_assert_eq(pipe(fds), 0);
	igt_assert_eq(write(fds[1], "abc", 3), 3);
	do_ioctl(fds[0], FIONREAD, &bytes);
	igt_assert_eq(bytes, 3);
	do_ioctl_err(fds[0], DRM_IOCTL_VERSION, &bytes, ENOTTY);
	close(fds[0]);
	close(fds[1]);
}

static void check_driver_name(int fd, const char *want)
{
	char name[32] = "";
	struct drm_version version = {
		.name = name,
		.name_len = sizeof(name) - 1,
	};

	igt_assert_fd(fd);
	do_ioctl(fd, DRM_IOCTL_VERSION, &version);
	igt_assert_f(!strcmp(name, want), "opened %s instead of %s\n", name,
		     want);
}

static void check_open_driver(void)
{
	const char *want = getenv("IGT_FORCE_DRIVER");
	int fd;

	igt_require_f(want, "IGT_FORCE_DRIVER is not set\n");
	fd = drm_open_driver(DRIVER_ANY);
	check_driver_name(fd, want);
	igt_assert_eq(drm_close_driver(fd), 0);
	fd = drm_open_driver_render(DRIVER_ANY);
	check_driver_name(fd, want);
	igt_assert_eq(drm_close_driver(fd), 0);
}

static void child_asserts(const char *role)
{
	if (!strcmp(role, "assert"))
		igt_assert(fixture_runs == -1);
	else if (!strcmp(role, "assert-f"))
		igt_assert_f(fixture_runs == -1, "%d\n", fixture_runs);
	else if (!strcmp(role, "assert-eq"))
		igt_assert_eq(1, 2);
	else if (!strcmp(role, "assert-neq"))
		igt_assert_neq(2, 2);
	else if (!strcmp(role, "assert-lte"))
		igt_assert_lte(3, 2);
	else if (!strcmp(role, "assert-eq-u64"))
		igt_assert_eq_u64(1ull << 32, 0);
	else if (!strcmp(role, "assert-lte-u64"))
		igt_assert_lte_u64(1ull << 63, 0);
	else if (!strcmp(role, "assert-fd"))
		igt_assert_fd(-1);
	else if (!strcmp(role, "do-ioctl"))
		do_ioctl(-1, FIONREAD, NULL);
	else if (!strcmp(role, "do-ioctl-err"))
		do_ioctl_err(-1, FIONREAD, NULL, EINVAL);
}

static void child(const char *role)
{
	child_asserts(role);
	if (!strcmp(role, "skip")) {
		igt_skip("as asked: %d\n", 1);
	} else if (!strcmp(role, "require")) {
		igt_require(fixture_runs == -1);
	} else if (!strcmp(role, "require-f")) {
		igt_require_f(fixture_runs == -1, "%d\n", fixture_runs);
	} else if (!strcmp(role, "fork-fail")) {
		igt_fork(nr, 2)
			igt_assert_eq(nr, 0);
		igt_waitchildren();
	} else if (!strcmp(role, "log")) {
		igt_info("an info %d\n", 1);
		igt_warn("a warning %d\n", 2);
		igt_debug("a debug %d\n", 3);
	}
}

igt_main()
{
	static const char * const failing[] = {
		"assert", "assert-f", "assert-eq", "assert-neq", "assert-lte",
		"assert-eq-u64", "assert-lte-u64", "assert-fd", "do-ioctl",
		"do-ioctl-err",
	};
	const char *role = getenv(CHILD_ENV);
	char out[4096];
	unsigned int i;

	igt_fixture()
		fixture_runs++;

	/* Not for the list: only a child of this program sees them. */
	if (role) {
		igt_subtest("child")
			child(role);
		igt_subtest_group() {
			igt_fixture()
				igt_require(!strcmp(role, "no-group"));
			igt_subtest_f("child-%s", "grouped")
				igt_assert(false);
		}
		igt_subtest("child-after")
			igt_assert_eq(fixture_runs, 1);
	}

	igt_describe("Check that the library is of the series that the header was written for");
	igt_subtest("version")
		check_version();

	igt_describe("Check that a fixture runs once");
	igt_subtest("fixtures")
		igt_assert_eq(fixture_runs, 1);

	igt_describe("Check the exit codes of pass, skip, fail and an unknown subtest");
	igt_subtest("exit-codes") {
		check_exit("pass", IGT_EXIT_SUCCESS);
		check_exit("skip", IGT_EXIT_SKIP);
		check_exit("require", IGT_EXIT_SKIP);
		check_exit("require-f", IGT_EXIT_SKIP);
		igt_assert_eq(run_self("pass", "--run-subtest", "no-such",
				       out, sizeof(out)), IGT_EXIT_INVALID);
	}

	igt_describe("Check that each assertion can pass and can fail");
	igt_subtest("asserts") {
		igt_assert(true);
		igt_assert_f(true, "never printed\n");
		igt_assert_eq(2, 2);
		igt_assert_neq(1, 2);
		igt_assert_lte(2, 2);
		igt_assert_eq_u64(1ull << 32, 1ull << 32);
		igt_assert_lte_u64(0, 1ull << 63);
		igt_assert_fd(0);
		igt_require(true);
		for (i = 0; i < ARRAY_SIZE(failing); i++)
			check_exit(failing[i], IGT_EXIT_FAILURE);
	}

	igt_describe("Check that a requirement missed in a group skips that group alone");
	igt_subtest("group-skip") {
		igt_assert_eq(run_self("pass", "--run-subtest",
				       "child-grouped", out, sizeof(out)), IGT_EXIT_SKIP);
		igt_assert_eq(run_self("pass", "--run-subtest", "child-after",
				       out, sizeof(out)), IGT_EXIT_SUCCESS);
		igt_assert_eq(run_self("no-group", "--run-subtest",
				       "child-grouped", out, sizeof(out)), IGT_EXIT_FAILURE);
	}

	igt_describe("Check that children run and that their failure counts");
	igt_subtest("fork")
		check_fork();

	igt_describe("Check which messages reach the log");
	igt_subtest("log")
		check_log();

	igt_describe("Check that descriptions are printed on request");
	igt_subtest("describe")
		check_describe();

	igt_describe("Check the thread-local ioctl pointer");
	igt_subtest("ioctl")
		check_ioctl();

	igt_describe("Check that IGT_FORCE_DRIVER chooses the device under test");
	igt_subtest("open-driver")
		check_open_driver();
}
