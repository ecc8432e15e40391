// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range gup
 * Description: Check that nobody gets a page reference to device memory
 * Category: Core
 * Functionality: get_user_pages
 *
 * SUBTEST: kernel-%s
 * Description: every variant of get_user_pages() refuses an address mapped by
 *	%arg[1]
 *
 * SUBTEST: direct-io-%s
 * Description: O_DIRECT to and from an address mapped by %arg[1] gets EFAULT
 *
 * SUBTEST: zerocopy-%s
 * Description: sending without a copy from an address mapped by %arg[1] gets
 *	EFAULT
 *
 * SUBTEST: io-uring-%s
 * Description: registering an address mapped by %arg[1] as a buffer gets EFAULT
 *
 * SUBTEST: vmsplice-%s
 * Description: vmsplice() of an address mapped by %arg[1] gets EFAULT
 *
 * SUBTEST: process-vm-%s
 * Description: process_vm_readv() and process_vm_writev() of an address mapped by
 *	%arg[1] get EFAULT
 *
 * SUBTEST: futex-%s
 * Description: a futex shared between processes at an address mapped by %arg[1] gets
 *	EFAULT, a private one works
 *
 * SUBTEST: copies-%s
 * Description: what copies instead works with an address mapped by %arg[1]:
 *	read(), write(), ptrace
 *
 * arg[1]:
 *
 * @pte:	a PTE
 * @pmd:	a PMD leaf
 * @pud:	a PUD leaf
 * @none:	nothing yet
 * @ram-pte:	a PTE, of system memory, whose reference counts show what was taken
 * @ram-pmd:	a PMD leaf of system memory
 *
 * SUBTEST: race
 * Description: no variant of get_user_pages() gets a reference while other threads
 *	touch and zap the memory
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <linux/futex.h>
#include <linux/io_uring.h>

#include "igt.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check that nobody gets a page reference to device memory");

#define RAM_DISK	"/dev/ram0"
#define PAGES		4

struct level {
	const char *name;
	unsigned int shift;
	uint64_t size;
	uint64_t off;
	bool ram;
};

static const struct level levels[] = {
	{ "pte", 12, VRAM_PMD, VRAM_PAGE, false },
	{ "pmd", 21, 2 * VRAM_PMD, 0, false },
	{ "pud", 30, VRAM_PUD, 0, false },
	{ "none", 0, 2 * VRAM_PMD, 0, false },
	{ "ram-pte", 12, VRAM_PMD, VRAM_PAGE, true },
	{ "ram-pmd", 21, 2 * VRAM_PMD, 0, true },
};

struct target {
	struct vram_bo bo;
	int fd;		/* of a shape in system memory, or -1 */
	uint64_t refs;	/* of that memory when nobody has any */
	char *map;	/* start of the mapping */
	char *addr;	/* the pages that the tests name, in its middle */
};

static struct vram vram;

static uint64_t refs(const struct target *t)
{
	struct vram_test_refs args;

	do_ioctl(t->fd, VRAM_TEST_REFS, &args);
	return args.refs;
}

/* System memory in one folio, mapped as a driver maps what it holds by pages. */
static void map_ram(struct target *t, const struct level *level)
{
	struct vram_test_extent extent = {
		.nr_pages = level->size / VRAM_PAGE,
	};
	struct vram_test_shape shape = {
		.extents = (uintptr_t)&extent,
		.nr = 1,
		.iter = VRAM_TEST_ITER_PAGES,
	};

	t->fd = open(VRAM_TEST_NODE, O_RDWR | O_CLOEXEC);
	igt_assert_lte(0, t->fd);
	do_ioctl(t->fd, VRAM_TEST_SHAPE, &shape);
	t->map = vram_map_fd(t->fd, 0, level->size, level->off,
			     PROT_READ | PROT_WRITE);
	igt_assert(t->map != MAP_FAILED);
	t->refs = refs(t);
}

/* A mapping whose pages the tests name are mapped at the wanted level. */
static void target_init(struct target *t, const struct level *level)
{
	struct vram_test_leaf *leaves;
	unsigned int nr;

	t->fd = -1;
	if (level->ram) {
		map_ram(t, level);
	} else {
		igt_require(vram_avail(&vram) >= level->size);
		vram_bo_create(&vram, &t->bo, level->size, level->size, 0);
		t->map = vram_map(&vram, &t->bo, 0, level->size, level->off,
				  PROT_READ | PROT_WRITE);
	}
	t->addr = t->map + level->size / 2;
	if (level->shift)
		memset(t->addr, 0x5a, PAGES * VRAM_PAGE);

	leaves = vram_leaves(&vram, t->addr, VRAM_PAGE, &nr);
	igt_assert_eq(nr, level->shift ? 1 : 0);
	if (nr)
		igt_assert_eq(leaves[0].shift, level->shift);
	free(leaves);
}

static void target_fini(struct target *t, const struct level *level)
{
	if (t->fd >= 0)
		igt_assert_eq_u64(refs(t), t->refs);
	vram_unmap(t->map, level->size);
	if (t->fd >= 0)
		close(t->fd);
	else
		vram_bo_destroy(&vram, &t->bo);
}

static void check_kernel(const struct target *t)
{
	static const enum vram_test_gup_how hows[] = {
		VRAM_TEST_GUP_FAST,
		VRAM_TEST_PIN_FAST,
		VRAM_TEST_PIN_FAST_LONGTERM,
		VRAM_TEST_GUP_UNLOCKED,
		VRAM_TEST_PIN_REMOTE,
		VRAM_TEST_HMM,
	};
	char *plain = mmap(NULL, VRAM_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;
	int write;

	igt_assert(plain != MAP_FAILED);
	plain[0] = 1;
	for (write = 0; write < 2; write++) {
		/* The probe itself: it can take what may be taken. */
		igt_assert_eq(vram_gup(&vram, plain, 1, VRAM_TEST_GUP_FAST_ONLY,
				       write), 1);
		igt_assert_eq(vram_gup(&vram, t->addr, PAGES,
				       VRAM_TEST_GUP_FAST_ONLY, write), 0);
		for (i = 0; i < ARRAY_SIZE(hows); i++) {
			igt_assert_eq(vram_gup(&vram, plain, 1, hows[i], write),
				      1);
			igt_assert_eq(vram_gup(&vram, t->addr, PAGES, hows[i],
					       write), -EFAULT);
			igt_assert_eq(vram_gup(&vram, t->addr, 1, hows[i],
					       write), -EFAULT);
		}
	}
	munmap(plain, VRAM_PAGE);
}

/* Transfers that take references, with a control that must work. */
static void check_direct_io(const struct target *t)
{
	char *plain = mmap(NULL, VRAM_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stat st;
	int fd;

	/* Writes below destroy what the disk holds: it must be a ram disk. */
	if (stat(RAM_DISK, &st))
		igt_require_f(!system("modprobe brd rd_nr=1 rd_size=1024"),
			      "no ram disk\n");
	fd = open(RAM_DISK, O_RDWR | O_DIRECT);
	igt_require_f(fd >= 0, "no ram disk\n");

	memset(plain, 0x21, VRAM_PAGE);
	igt_assert_eq(pwrite(fd, plain, VRAM_PAGE, 0), VRAM_PAGE);
	memset(plain, 0, VRAM_PAGE);
	igt_assert_eq(pread(fd, plain, VRAM_PAGE, 0), VRAM_PAGE);
	igt_assert_eq(plain[VRAM_PAGE - 1], 0x21);

	errno = 0;
	igt_assert_eq(pwrite(fd, t->addr, VRAM_PAGE, 0), -1);
	igt_assert_eq(errno, EFAULT);
	errno = 0;
	igt_assert_eq(pread(fd, t->addr, VRAM_PAGE, 0), -1);
	igt_assert_eq(errno, EFAULT);

	/* The refused write wrote nothing. */
	igt_assert_eq(pread(fd, plain, VRAM_PAGE, 0), VRAM_PAGE);
	igt_assert_eq(plain[0], 0x21);
	close(fd);
	munmap(plain, VRAM_PAGE);
}

/* A TCP connection to ourselves. Return: the sending end. */
static int connect_loopback(int *receiver)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int listener, sender;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	sender = socket(AF_INET, SOCK_STREAM, 0);
	igt_assert(listener >= 0 && sender >= 0);
	igt_assert_eq(bind(listener, (void *)&addr, sizeof(addr)), 0);
	igt_assert_eq(listen(listener, 1), 0);
	igt_assert_eq(getsockname(listener, (void *)&addr, &len), 0);
	igt_assert_eq(connect(sender, (void *)&addr, sizeof(addr)), 0);
	*receiver = accept(listener, NULL, NULL);
	igt_assert_fd(*receiver);
	close(listener);
	return sender;
}

static void check_zerocopy(const struct target *t)
{
	char *plain = mmap(NULL, VRAM_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int sender, receiver, one = 1;

	sender = connect_loopback(&receiver);
	igt_assert_eq(setsockopt(sender, SOL_SOCKET, SO_ZEROCOPY, &one,
				 sizeof(one)), 0);
	memset(plain, 1, VRAM_PAGE);
	igt_assert_eq(send(sender, plain, VRAM_PAGE, MSG_ZEROCOPY), VRAM_PAGE);
	errno = 0;
	igt_assert_eq(send(sender, t->addr, VRAM_PAGE, MSG_ZEROCOPY), -1);
	igt_assert_eq(errno, EFAULT);
	close(sender);
	close(receiver);
	munmap(plain, VRAM_PAGE);
}

static int register_buffer(int ring, void *addr)
{
	struct iovec iov = { .iov_base = addr, .iov_len = VRAM_PAGE };
	long ret = syscall(SYS_io_uring_register, ring,
			   IORING_REGISTER_BUFFERS, &iov, 1);

	return ret < 0 ? -errno : ret;
}

static void check_io_uring(const struct target *t)
{
	struct io_uring_params params = {};
	char *plain = mmap(NULL, VRAM_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ring = syscall(SYS_io_uring_setup, 1, &params);

	igt_assert_fd(ring);
	igt_assert_eq(register_buffer(ring, plain), 0);
	igt_assert_eq(syscall(SYS_io_uring_register, ring,
			      IORING_UNREGISTER_BUFFERS, NULL, 0), 0);
	igt_assert_eq(register_buffer(ring, t->addr), -EFAULT);
	close(ring);
	munmap(plain, VRAM_PAGE);
}

static void check_vmsplice(const struct target *t)
{
	char plain[64] = "plain";
	struct iovec iov = { .iov_base = plain, .iov_len = sizeof(plain) };
	int fds[2];

	igt_assert_eq(pipe(fds), 0);
	igt_assert_eq(vmsplice(fds[1], &iov, 1, 0), sizeof(plain));

	iov.iov_base = t->addr;
	errno = 0;
	igt_assert_eq(vmsplice(fds[1], &iov, 1, 0), -1);
	igt_assert_eq(errno, EFAULT);
	close(fds[0]);
	close(fds[1]);
}

static void check_process_vm(const struct target *t)
{
	char plain[64] = "plain", copy[64] = "";
	struct iovec local = { .iov_base = copy, .iov_len = sizeof(copy) };
	struct iovec remote = { .iov_base = plain, .iov_len = sizeof(plain) };

	igt_assert_eq(process_vm_readv(getpid(), &local, 1, &remote, 1, 0),
		      sizeof(plain));
	igt_assert(!strcmp(copy, "plain"));

	remote.iov_base = t->addr;
	errno = 0;
	igt_assert_eq(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), -1);
	igt_assert_eq(errno, EFAULT);
	errno = 0;
	igt_assert_eq(process_vm_writev(getpid(), &local, 1, &remote, 1, 0),
		      -1);
	igt_assert_eq(errno, EFAULT);
}

static void check_copies(const struct target *t)
{
	char text[64] = "";
	int fds[2], mem;

	memcpy(t->addr, "from the window", 16);
	igt_assert_eq(pipe(fds), 0);
	igt_assert_eq(write(fds[1], t->addr, 16), 16);
	igt_assert_eq(read(fds[0], text, sizeof(text)), 16);
	igt_assert(!strcmp(text, "from the window"));
	igt_assert_eq(write(fds[1], "to the window", 14), 14);
	igt_assert_eq(read(fds[0], t->addr + VRAM_PAGE - 5, 14), 14);
	igt_assert(!strcmp(t->addr + VRAM_PAGE - 5, "to the window"));
	close(fds[0]);
	close(fds[1]);

	mem = open("/proc/self/mem", O_RDWR);
	igt_assert_fd(mem);
	igt_assert_eq(pread(mem, text, 14, (uintptr_t)t->addr + VRAM_PAGE - 5),
		      14);
	igt_assert(!strcmp(text, "to the window"));
	igt_assert_eq(pwrite(mem, "by ptrace", 10,
			     (uintptr_t)t->addr + 2 * VRAM_PAGE - 5), 10);
	igt_assert(!strcmp(t->addr + 2 * VRAM_PAGE - 5, "by ptrace"));
	close(mem);
}

static int futex_wait(void *addr, int op)
{
	/* Never waits: the word has another value. */
	return syscall(SYS_futex, addr, op, ~*(int *)addr, NULL, NULL, 0) ?
	       -errno : 0;
}

static void check_futex(const struct target *t)
{
	int *plain = mmap(NULL, VRAM_PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	igt_assert(plain != MAP_FAILED);
	igt_assert_eq(futex_wait(plain, FUTEX_WAIT), -EAGAIN);
	igt_assert_eq(futex_wait(t->addr, FUTEX_WAIT), -EFAULT);
	igt_assert_eq(futex_wait(t->addr, FUTEX_WAIT | FUTEX_PRIVATE_FLAG),
		      -EAGAIN);
	munmap(plain, VRAM_PAGE);
}

struct race {
	struct target t;
	size_t size;
	atomic_bool stop;
};

static void *toucher(void *arg)
{
	struct race *r = arg;
	size_t at;

	while (!atomic_load(&r->stop)) {
		for (at = 0; at < r->size; at += 7 * VRAM_PAGE)
			(void)*(volatile char *)(r->t.map + at);
	}
	return NULL;
}

static void *zapper(void *arg)
{
	struct vram_test_zap_pages zap = {};
	struct race *r = arg;

	while (!atomic_load(&r->stop)) {
		zap.page = (zap.page + 301) % (r->size / VRAM_PAGE - 600);
		zap.nr_pages = 1 + zap.page;
		do_ioctl(r->t.fd, VRAM_TEST_ZAP_PAGES, &zap);
	}
	return NULL;
}

static void check_race(const struct level *level)
{
	struct race r = { .size = level->size };
	enum vram_test_gup_how how;
	pthread_t threads[2];
	unsigned int i;

	target_init(&r.t, level);
	pthread_create(&threads[0], NULL, toucher, &r);
	pthread_create(&threads[1], NULL, zapper, &r);
	for (i = 0; i < 3000; i++) {
		char *addr = r.t.map + i * 37 % 500 * VRAM_PAGE;

		how = i % (VRAM_TEST_PIN_REMOTE + 1);
		igt_assert_eq(vram_gup(&vram, addr, 3, how, i & 1),
			      how == VRAM_TEST_GUP_FAST_ONLY ? 0 : -EFAULT);
	}
	atomic_store(&r.stop, true);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	target_fini(&r.t, level);
}

static const struct {
	const char *name;
	const char *what;
	void (*check)(const struct target *t);
} checks[] = {
	{ "kernel", "Check that get_user_pages() in all variants refuses",
	  check_kernel },
	{ "direct-io", "Check that O_DIRECT is refused", check_direct_io },
	{ "zerocopy", "Check that sending without a copy is refused",
	  check_zerocopy },
	{ "io-uring", "Check that fixed buffers of io_uring are refused",
	  check_io_uring },
	{ "vmsplice", "Check that vmsplice() is refused", check_vmsplice },
	{ "process-vm", "Check that process_vm_readv() and its kin are refused",
	  check_process_vm },
	{ "futex", "Check that a shared futex is refused", check_futex },
	{ "copies", "Check that transfers which copy work", check_copies },
};

igt_main()
{
	struct target target;
	unsigned int i, j;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		for (j = 0; j < ARRAY_SIZE(levels); j++) {
			igt_describe(checks[i].what);
			igt_subtest_f("%s-%s", checks[i].name, levels[j].name) {
				target_init(&target, &levels[j]);
				checks[i].check(&target);
				target_fini(&target, &levels[j]);
			}
		}
	}

	igt_describe("Check that nobody gets a reference while others touch and zap");
	igt_subtest("race") {
		for (j = 0; j < ARRAY_SIZE(levels); j++) {
			if (levels[j].ram)
				check_race(&levels[j]);
		}
	}

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
