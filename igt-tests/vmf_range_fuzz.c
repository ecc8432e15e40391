// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range fuzz
 * Description: Check that no sequence of system calls shows wrong memory, or harms
 *	the kernel
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: random
 * Description: random programs of ioctls, mappings, accesses and forks; several at a
 *	time, with threads. With kcov, those that reach new code are kept and changed
 *
 * SUBTEST: long
 * Description: 50,000 operations in long programs, mostly of what splits, moves,
 *	protects, evicts and looks at mappings
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "fuzz/cover.h"
#include "fuzz/fuzz.h"
#include "igt.h"

IGT_TEST_DESCRIPTION("Check that no sequence of system calls shows wrong memory, or harms the kernel");

/*
 * In the environment, for those who run this by hand: how long; which program, by
 * what is printed after "seeds" when one fails, to run it again and again; whether
 * to print what it does.
 */
#define SECONDS_ENV	"VMF_RANGE_FUZZ_SECONDS"
#define SEEDS_ENV	"VMF_RANGE_FUZZ_SEEDS"
#define TRACE_ENV	"VMF_RANGE_FUZZ_TRACE"

#define SECONDS_DEFAULT	10
#define LONG_STEPS	50000
#define RUNNING		2
#define CORPUS_MAX	4096
/* A program takes a fraction of a second, where the host is not too busy. */
#define HANGS_AFTER	120

struct running {
	pid_t pid;
	time_t since;
	struct fuzz_seeds seeds;
};

static struct vram vram;

static struct {
	struct fuzz_shared *shared;
	bool is_long;
	struct running running[RUNNING];
	struct fuzz_seeds corpus[CORPUS_MAX];
	unsigned int nr_corpus;
	unsigned long programs;
	struct running slowest;
	time_t slowest_time;
	uint64_t random;
	char drm_path[64];
	char taint[32];
	int kmsg;
} f;

static const char *seeds_text(const struct fuzz_seeds *seeds)
{
	static char text[FUZZ_SEEDS_MAX * 20];
	unsigned int i;
	int at = 0;

	for (i = 0; i < seeds->nr; i++)
		at += snprintf(text + at, sizeof(text) - at, "%s%#llx",
			       i ? "," : "", (unsigned long long)seeds->seed[i]);
	return text;
}

/* Programs that are given, separated by a slash: one each for those that run. */
static unsigned int seeds_given(struct fuzz_seeds *seeds)
{
	const char *text = getenv(SEEDS_ENV);
	unsigned int nr = 0;
	char *end;

	while (text && *text && nr < RUNNING) {
		struct fuzz_seeds *s = &seeds[nr];

		igt_assert(s->nr < FUZZ_SEEDS_MAX);
		s->seed[s->nr++] = strtoull(text, &end, 0);
		igt_assert_f(strchr(",/", *end), "bad " SEEDS_ENV "\n");
		nr += *end != ',';
		text = *end ? end + 1 : end;
	}
	return nr;
}

/* A new program, or a change of one that found something. */
static void choose(struct fuzz_seeds *seeds)
{
	unsigned int at = fuzz_random(&f.random) % (f.nr_corpus + 1);

	seeds->nr = 0;
	if (at < f.nr_corpus && fuzz_random(&f.random) % 4)
		*seeds = f.corpus[at];
	if (seeds->nr == FUZZ_SEEDS_MAX)
		seeds->nr = 0;
	seeds->seed[seeds->nr++] = fuzz_random(&f.random);
	if (seeds->nr == 1)
		seeds->seed[0] = (seeds->seed[0] & -2ull) | f.is_long;
}

static void read_line(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	close(fd);
}

static void tell(const struct running *r, const char *what)
{
	static struct fuzz_program p;

	printf("%s: seeds %s\n", what, seeds_text(&r->seeds));
	fuzz_program_make(&p, &r->seeds);
	fuzz_program_print(&p);
	fflush(stdout);
}

static void fail(const struct running *r, const char *why)
{
	unsigned int i;

	/*
	 * The runner sends it as soon as the kernel is tainted. Its handler prints, too,
	 * and would wait for ever for what this has locked.
	 */
	signal(SIGQUIT, SIG_IGN);
	tell(r, "this program");
	for (i = 0; i < RUNNING; i++)
		if (f.running[i].pid && &f.running[i] != r)
			tell(&f.running[i], "beside it");
	for (i = 0; i < RUNNING; i++)
		if (f.running[i].pid)
			kill(f.running[i].pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	igt_assert_f(false, "seeds %s: %s\n", seeds_text(&r->seeds), why);
}

/* A busy host makes the guest's clocks late, and the kernel says so. */
static bool is_harmless(const char *line)
{
	return strstr(line, "clocksource") || strstr(line, "interrupt took");
}

/* What the kernel has said since the last time, and whether it is tainted. */
static void check_kernel(const struct running *r)
{
	char line[1024], taint[32];
	ssize_t n;

	while ((n = read(f.kmsg, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		if (n <= 0)	/* more than its buffer holds */
			continue;
		line[n] = '\0';
		/* Facility and level, then what; 4 is a warning. */
		if (strtoul(line, NULL, 10) % 8 <= 4 && !is_harmless(line))
			fail(r, line);
	}
	read_line("/proc/sys/kernel/tainted", taint, sizeof(taint));
	if (strcmp(taint, f.taint))
		fail(r, "the kernel is tainted\n");
}

static void start(struct running *r, const struct fuzz_seeds *seeds)
{
	static struct fuzz_program p;
	char line[256];
	int n;

	r->seeds = *seeds;
	r->since = time(NULL);
	fuzz_program_make(&p, seeds);
	/* If the kernel dies of it, this is all that is left. */
	n = snprintf(line, sizeof(line), "<6>vmf_range_fuzz: seeds %s\n",
		     seeds_text(seeds));
	if (write(f.kmsg, line, n) < 0)
		igt_debug("cannot write to the kernel log\n");
	if (f.shared->trace)
		tell(r, "program");
	r->pid = fork();
	igt_assert_lte(0, r->pid);
	if (!r->pid)
		fuzz_run(f.shared, &p, f.drm_path, vram.size / 4);
}

static void judge(struct running *r, int status)
{
	f.programs++;
	if (time(NULL) - r->since > f.slowest_time) {
		f.slowest_time = time(NULL) - r->since;
		f.slowest = *r;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == FUZZ_EXIT_WRONG)
		fail(r, f.shared->report);
	if (WIFEXITED(status) && WEXITSTATUS(status) == FUZZ_EXIT_NEW &&
	    f.nr_corpus < CORPUS_MAX)
		f.corpus[f.nr_corpus++] = r->seeds;
	else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM)
		fail(r, strsignal(WTERMSIG(status)));
	check_kernel(r);
}

/* See who has ended; complain of who does not. */
static void look_after(struct running *r)
{
	char path[64], stack[2048];
	int status;

	if (!r->pid)
		return;
	if (waitpid(r->pid, &status, WNOHANG) == r->pid) {
		r->pid = 0;
		judge(r, status);
	} else if (time(NULL) - r->since > HANGS_AFTER) {
		snprintf(path, sizeof(path), "/proc/%d/stack", r->pid);
		read_line(path, stack, sizeof(stack));
		printf("%s", stack);
		fail(r, "it does not end\n");
	}
}

/* For so long, or until so much has been done. */
static bool is_over(time_t end)
{
	if (end)
		return time(NULL) >= end;
	return f.shared->steps >= LONG_STEPS;
}

static void run_until(time_t end)
{
	struct fuzz_seeds given[RUNNING] = { 0 }, seeds;
	unsigned int i, running, nr_given = seeds_given(given);

	do {
		running = 0;
		for (i = 0; i < RUNNING; i++) {
			struct running *r = &f.running[i];

			look_after(r);
			if (!r->pid && !is_over(end)) {
				if (nr_given)
					seeds = given[i % nr_given];
				else
					choose(&seeds);
				start(r, &seeds);
			}
			running += r->pid != 0;
		}
		usleep(1000);
	} while (running);
}

static void print_result(void)
{
	unsigned int i;

	for (i = 0; i < fuzz_nr_ops; i++)
		printf("%-14s %8lu of %8lu\n", fuzz_ops[i].name,
		       f.shared->done[i], f.shared->tried[i]);
	if (f.slowest_time)
		printf("%lld seconds for seeds %s\n", (long long)f.slowest_time,
		       seeds_text(&f.slowest.seeds));
	igt_info("%lu programs, %lu operations, %lu accesses, %u places reached in the modules by %u programs that were kept\n",
		 f.programs, f.shared->steps, f.shared->touches, f.shared->covered,
		 f.nr_corpus);
}

static void check_random(bool is_long)
{
	const char *text = getenv(SECONDS_ENV);
	int seconds = text ? atoi(text) : SECONDS_DEFAULT;
	uint64_t avail = vram_avail(&vram);

	f.shared = mmap(NULL, sizeof(*f.shared), RW, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	igt_assert(f.shared != MAP_FAILED);
	f.shared->trace = getenv(TRACE_ENV);
	f.is_long = is_long;
	snprintf(f.drm_path, sizeof(f.drm_path), "/proc/%d/fd/%d", getpid(),
		 vram.drm);
	f.kmsg = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	igt_assert_lte(0, f.kmsg);
	lseek(f.kmsg, 0, SEEK_END);
	read_line("/proc/sys/kernel/tainted", f.taint, sizeof(f.taint));
	f.random = (uint64_t)time(NULL) << 32 | getpid();
	/* Programs count their page tables. */
	vram_keep_heap();
	igt_info("%s\n", cover_possible() ? "guided by kcov" : "without kcov");

	run_until(is_long && !text ? 0 : time(NULL) + seconds);
	print_result();
	igt_assert(f.programs && f.shared->touches);
	/* With the last processes gone, all is as it was. */
	igt_assert_eq_u64(vram_avail_settles(&vram, avail), avail);
	munmap(f.shared, sizeof(*f.shared));
	close(f.kmsg);
}

igt_main()
{
	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	igt_describe("Check that random programs see nothing wrong and leave nothing behind");
	igt_subtest("random")
		check_random(false);

	igt_describe("Check the same for many operations on a mapping");
	igt_subtest("long")
		check_random(true);

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
