// SPDX-License-Identifier: MIT
/**
 * TEST: ttm range wait
 * Description: Check faults that must wait for a buffer
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: %s-%s
 * Description: a fault %arg[2] for a buffer %arg[1] waits, with no lock that others of
 *	its process need, runs signal handlers meanwhile, and then maps
 *
 * arg[1]:
 *
 * @reserved:	that somebody has reserved
 * @moving:	that is being moved
 *
 * arg[2]:
 *
 * @huge:	by way of huge_fault, under the lock of its VMA
 * @small:	by way of fault, under mmap_lock
 *
 * SUBTEST: killed-%s
 * Description: a process that waits for a buffer %arg[1] can be killed
 *
 * arg[1]:
 *
 * @reserved:	that somebody has reserved
 * @moving:	that is being moved
 *
 * SUBTEST: in-kernel
 * Description: a system call that faults waits as well; GUP, which is refused, does not
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "igt.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check faults that must wait for a buffer");

#define MIB	(1ull << 20)
#define RW	(PROT_READ | PROT_WRITE)
#define SIZE	(4 * MIB)
/* How long the buffer is busy; what must not wait has all of this to happen. */
#define BUSY_MS	1000

static struct vram vram;
static atomic_bool handled;

struct busy {
	struct vram_bo bo;
	char *map;
	unsigned long request;
	pthread_t thread;
	pthread_t toucher;
	struct timespec start;
	atomic_bool over;	/* soon after the buffer is free again */
	atomic_bool touched;
};

static void *be_busy(void *arg)
{
	struct busy *b = arg;

	vram_bo_act(&vram, &b->bo, b->request, BUSY_MS);
	atomic_store(&b->over, true);
	return NULL;
}

static void *touch(void *arg)
{
	struct busy *b = arg;

	*(volatile char *)(b->map + VRAM_PMD) = 42;
	atomic_store(&b->touched, true);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
	atomic_store(&handled, true);
}

/* Nothing that needs the buffer can be done before this is true. */
static bool was_busy(const struct busy *b)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - b->start.tv_sec) * 1000 +
	       (now.tv_nsec - b->start.tv_nsec) / 1000000 >= BUSY_MS;
}

static void busy_init(struct busy *b, unsigned long request, bool small)
{
	*b = (struct busy){ .request = request };
	vram_bo_create(&vram, &b->bo, SIZE, VRAM_PMD, 0);
	/* Off by a page there are PTEs, whose table the zap leaves. */
	b->map = vram_map(&vram, &b->bo, 0, SIZE, small ? VRAM_PAGE : 0, RW);
	*(volatile char *)(b->map + VRAM_PMD) = 1;
	vram_bo_act(&vram, &b->bo, VRAM_TEST_ZAP, 0);
	clock_gettime(CLOCK_MONOTONIC, &b->start);
	igt_assert_eq(pthread_create(&b->thread, NULL, be_busy, b), 0);
	usleep(50 * 1000);
}

static void busy_fini(struct busy *b)
{
	pthread_join(b->thread, NULL);
	vram_unmap(b->map, SIZE);
	vram_bo_destroy(&vram, &b->bo);
}

static void check_wait(unsigned long request, bool small)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct sigaction old;
	struct busy b;
	void *other;

	atomic_store(&handled, false);
	sigaction(SIGUSR1, &act, &old);
	busy_init(&b, request, small);
	igt_assert_eq(pthread_create(&b.toucher, NULL, touch, &b), 0);
	usleep(100 * 1000);

	/* Takes mmap_lock for writing, and write-locks the VMA that waits. */
	other = mmap(NULL, MIB, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(other != MAP_FAILED);
	igt_assert_eq(mprotect(b.map, VRAM_PAGE, PROT_READ), 0);
	igt_assert_eq(munmap(other, MIB), 0);
	igt_assert_f(!atomic_load(&b.over), "mmap() waited for the buffer\n");
	igt_assert(!atomic_load(&b.touched));

	igt_assert_eq(pthread_kill(b.toucher, SIGUSR1), 0);
	usleep(200 * 1000);
	igt_assert_f(atomic_load(&b.over) || atomic_load(&handled),
		     "the signal waited for the buffer\n");

	pthread_join(b.toucher, NULL);
	igt_assert_f(was_busy(&b), "the fault did not wait\n");
	igt_assert_eq(*(volatile char *)(b.map + VRAM_PMD), 42);
	sigaction(SIGUSR1, &old, NULL);
	busy_fini(&b);
}

static void check_killed(unsigned long request)
{
	struct busy b;
	int status;
	pid_t pid;

	busy_init(&b, request, false);
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		touch(&b);
		_exit(0);
	}
	usleep(100 * 1000);
	igt_assert_eq(kill(pid, SIGKILL), 0);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFSIGNALED(status));
	igt_assert_f(!atomic_load(&b.over), "it died when the buffer was free\n");
	busy_fini(&b);
}

static void check_in_kernel(void)
{
	struct busy b;
	int fds[2];

	igt_assert_eq(pipe(fds), 0);
	busy_init(&b, VRAM_TEST_BUSY, false);
	igt_assert_eq(vram_gup(&vram, b.map, 1, VRAM_TEST_GUP_FAST, 1), -EFAULT);
	igt_assert(!atomic_load(&b.over));
	igt_assert_eq(write(fds[1], b.map + VRAM_PMD, 1), 1);
	igt_assert(was_busy(&b));
	close(fds[0]);
	close(fds[1]);
	busy_fini(&b);
}

static const struct {
	const char *name;
	unsigned long request;
} ways[] = {
	{ "reserved", VRAM_TEST_BUSY },
	{ "moving", VRAM_TEST_FENCE },
};

igt_main()
{
	unsigned int i;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		igt_describe("Check a wait under the lock of the VMA");
		igt_subtest_f("%s-huge", ways[i].name)
			check_wait(ways[i].request, false);
		igt_describe("Check a wait under mmap_lock");
		igt_subtest_f("%s-small", ways[i].name)
			check_wait(ways[i].request, true);
		igt_describe("Check that a process that waits can be killed");
		igt_subtest_f("killed-%s", ways[i].name)
			check_killed(ways[i].request);
	}
	igt_describe("Check faults from inside of the kernel");
	igt_subtest("in-kernel")
		check_in_kernel();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
