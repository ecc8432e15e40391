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
 *	read(), write(), /proc/PID/mem
 *
 * SUBTEST: ptrace-%s
 * Description: a debugger reads and writes an address mapped by %arg[1] in another
 *	process, across pages
 *
 * arg[1]:
 *
 * @pte:	a PTE
 * @pmd:	a PMD leaf
 * @pud:	a PUD leaf
 * @none:	nothing yet
 * @ram-pte:	a PTE, of system memory, whose reference counts show what was taken
 * @ram-pmd:	a PMD leaf of system memory
 * @system:	a buffer that was moved to system memory; likewise
 *
 * SUBTEST: race-%s
 * Description: %arg[1] as above, on all of these mappings in turn, while other threads
 *	touch the memory, zap it, and move the buffer out of the window and back
 *
 * arg[1]:
 *
 * @kernel:	get_user_pages() in all variants
 * @direct-io:	O_DIRECT
 * @zerocopy:	sending without a copy
 * @io-uring:	registering a buffer
 * @vmsplice:	vmsplice()
 * @process-vm:	process_vm_readv() and process_vm_writev()
 * @futex:	futexes
 * @copies:	what copies
 * @ptrace:	a debugger
 *
 * SUBTEST: access-crumbs
 * Description: a debugger's access across pages goes to the memory of each, though
 *	it is not contiguous, and none was touched before
 *
 * SUBTEST: access-tracked
 * Description: a debugger's write is told to a driver that tracks writes
 *
 * SUBTEST: share-%s
 * Description: what GUP must not do is done by a dma-buf: another process and another
 *	open file see the memory, whatever size of leaf (%arg[1]) the first maps it by
 *
 * arg[1]:
 *
 * @pte:	PTEs
 * @pmd:	PMD leaves
 * @pud:	a PUD leaf
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include <drm/drm.h>
#include <linux/futex.h>
#include <linux/io_uring.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check that nobody gets a page reference to device memory");

#define PAGES		4

struct level {
	const char *name;
	unsigned int shift;
	uint64_t size;
	uint64_t off;
	enum where {
		IN_WINDOW,
		IN_RAM,		/* a shape */
		MOVED_OUT,	/* a buffer, by leaves of any size */
	} where;
};

static const struct level levels[] = {
	{ "pte", 12, VRAM_PMD, VRAM_PAGE, IN_WINDOW },
	{ "pmd", 21, 2 * VRAM_PMD, 0, IN_WINDOW },
	{ "pud", 30, VRAM_PUD, 0, IN_WINDOW },
	{ "none", 0, 2 * VRAM_PMD, 0, IN_WINDOW },
	{ "ram-pte", 12, VRAM_PMD, VRAM_PAGE, IN_RAM },
	{ "ram-pmd", 21, 2 * VRAM_PMD, 0, IN_RAM },
	{ "system", 12, 2 * VRAM_PMD, 0, MOVED_OUT },
};

struct target {
	const struct level *level;
	struct vram_bo bo;
	int fd;		/* of a shape in system memory, or -1 */
	uint64_t refs;	/* of system memory when nobody has any */
	char *map;	/* start of the mapping */
	char *addr;	/* the pages that the tests name, in its middle */
};

static struct vram vram;

/* Of the system memory behind a target. In the window there is none to count. */
static uint64_t refs(const struct target *t)
{
	struct vram_test_refs args = {};

	if (t->level->where == IN_WINDOW)
		return 0;
	if (t->level->where == MOVED_OUT) {
		args.drm_fd = vram.drm;
		args.handle = t->bo.handle;
	}
	do_ioctl(t->fd < 0 ? vram.test : t->fd, VRAM_TEST_REFS, &args);
	igt_assert_lte_u64(t->level->size / VRAM_PAGE,
			   t->fd < 0 ? args.pages : t->level->size / VRAM_PAGE);
	igt_assert(args.refs);
	return args.refs;
}

/* System memory in one folio, mapped as a driver maps what it holds by pages. */
static void map_ram(struct target *t)
{
	const struct level *level = t->level;
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
}

static void check_leaf(const struct target *t)
{
	const struct level *level = t->level;
	struct vram_test_leaf *leaves;
	unsigned int nr;

	leaves = vram_leaves(&vram, t->addr, VRAM_PAGE, &nr);
	igt_assert_eq(nr, level->shift ? 1 : 0);
	if (nr && level->where != MOVED_OUT)
		igt_assert_eq(leaves[0].shift, level->shift);
	if (nr)
		igt_assert_eq(leaves[0].pfn - vram.base_pfn <
			      vram.size / VRAM_PAGE,
			      level->where == IN_WINDOW);
	free(leaves);
}

/* A mapping whose pages the tests name are mapped at the wanted level. */
static void target_init(struct target *t, const struct level *level)
{
	t->level = level;
	t->fd = -1;
	if (level->where == IN_RAM) {
		map_ram(t);
	} else {
		igt_require(vram_avail(&vram) >= level->size);
		vram_bo_create(&vram, &t->bo, level->size, level->size, 0);
		t->map = vram_map(&vram, &t->bo, 0, level->size, level->off,
				  PROT_READ | PROT_WRITE);
	}
	if (level->where == MOVED_OUT)
		vram_bo_act(&vram, &t->bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_OUT);
	t->refs = refs(t);
	t->addr = t->map + level->size / 2;
	if (level->shift)
		memset(t->addr, 0x5a, PAGES * VRAM_PAGE);
	check_leaf(t);
}

static void target_fini(struct target *t)
{
	igt_assert_eq_u64(refs(t), t->refs);
	vram_unmap(t->map, t->level->size);
	if (t->fd >= 0)
		close(t->fd);
	else
		vram_bo_destroy(&vram, &t->bo);
}

/* hmm_range_fault() lets its caller try again when somebody zaps meanwhile. */
static void check_refused(const struct target *t, unsigned int nr,
			  enum vram_test_gup_how how, int write)
{
	int ret = vram_gup(&vram, t->addr, nr, how, write);

	if (how != VRAM_TEST_HMM || ret != -EBUSY)
		igt_assert_eq(ret, -EFAULT);
}

static void check_kernel(const struct target *t)
{
	static const enum vram_test_gup_how hows[] = {
		VRAM_TEST_GUP_FAST,
		VRAM_TEST_PIN_FAST,
		VRAM_TEST_PIN_FAST_LONGTERM,
		VRAM_TEST_GUP_UNLOCKED,
		VRAM_TEST_GUP_LOCKED,
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
			check_refused(t, PAGES, hows[i], write);
			check_refused(t, 1, hows[i], write);
		}
	}
	munmap(plain, VRAM_PAGE);
}

/* Transfers that take references, with a control that must work. */
static void check_direct_io(const struct target *t)
{
	char *plain = mmap(NULL, VRAM_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd;

	/* Writes below destroy what the disk holds: it must be a ram disk. */
	igt_require_f(vram_ram_disk(), "no ram disk\n");
	fd = open(VRAM_RAM_DISK, O_RDWR | O_DIRECT);
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

/* Leaves nothing mapped. */
static void zap(const struct target *t)
{
	struct vram_test_zap_pages pages = {
		.nr_pages = t->level->size / VRAM_PAGE,
	};

	if (t->fd >= 0)
		do_ioctl(t->fd, VRAM_TEST_ZAP_PAGES, &pages);
	else
		vram_bo_act(&vram, &t->bo, VRAM_TEST_ZAP, 0);
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

	/* What is not mapped now is there nevertheless. */
	zap(t);
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

/* What a debugger of another process does. */
static void check_ptrace(const struct target *t)
{
	char *edge = t->addr + VRAM_PAGE - sizeof(long) / 2, path[40];
	long word = 0x1122334455667788, seen = 0;
	int mem, status;
	pid_t pid;

	memcpy(edge, &word, sizeof(word));
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		ptrace(PTRACE_TRACEME);
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFSTOPPED(status));
	errno = 0;
	igt_assert_eq_u64(ptrace(PTRACE_PEEKDATA, pid, edge, NULL), word);
	igt_assert_eq(errno, 0);
	word = ~word;
	igt_assert_eq(ptrace(PTRACE_POKEDATA, pid, edge, word), 0);
	/* It is one memory. */
	igt_assert(!memcmp(edge, &word, sizeof(word)));

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDWR);
	igt_assert_fd(mem);
	igt_assert_eq(pread(mem, &seen, sizeof(seen), (uintptr_t)edge),
		      sizeof(seen));
	igt_assert_eq_u64(seen, word);
	close(mem);
	igt_assert_eq(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFEXITED(status));
}

static int futex(void *addr, int op, uint32_t value)
{
	long ret = syscall(SYS_futex, addr, op, value, NULL, NULL, 0);

	return ret < 0 ? -errno : ret;
}

/* FUTEX_WAKE_OP: add 1 to the word, and wake nobody. */
static int futex_add(void *addr, int flag)
{
	long ret = syscall(SYS_futex, addr, FUTEX_WAKE_OP | flag, 0, 0ul, addr,
			   FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0));

	return ret < 0 ? -errno : ret;
}

static void *futex_waiter(void *addr)
{
	int ret;

	do {
		ret = futex(addr, FUTEX_WAIT_PRIVATE, 1);
	} while (!ret || ret == -EINTR);
	return (void *)(intptr_t)ret;
}

/* A private one is told by its address. */
static void check_futex_private(const struct target *t)
{
	uint32_t *word = (void *)t->addr;
	int woken, tries = 0;
	pthread_t thread;
	void *ret;

	*word = 1;
	igt_assert_eq(futex(word, FUTEX_WAIT_PRIVATE, 0), -EAGAIN);
	igt_assert_eq(futex(word, FUTEX_WAKE_PRIVATE, 1), 0);
	igt_assert_eq(futex_add(word, FUTEX_PRIVATE_FLAG), 0);
	igt_assert_eq(*word, 2);

	*word = 1;
	igt_assert_eq(pthread_create(&thread, NULL, futex_waiter, word), 0);
	do {
		usleep(1000);
		woken = futex(word, FUTEX_WAKE_PRIVATE, 1);
	} while (!woken && tries++ < 5000);
	igt_assert_eq(woken, 1);
	*word = 0;
	igt_assert_lte(0, futex(word, FUTEX_WAKE_PRIVATE, 1));
	igt_assert_eq(pthread_join(thread, &ret), 0);
	igt_assert_eq((intptr_t)ret, -EAGAIN);

	*word = 0;
	igt_assert_eq(futex(word, FUTEX_LOCK_PI_PRIVATE, 0), 0);
	igt_assert_eq(*word, syscall(SYS_gettid));
	igt_assert_eq(futex(word, FUTEX_UNLOCK_PI_PRIVATE, 0), 0);
	igt_assert_eq(*word, 0);
}

/* A shared one by its page, of which nobody gets hold. */
static void check_futex(const struct target *t)
{
	uint32_t *plain = mmap(NULL, VRAM_PAGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	igt_assert(plain != MAP_FAILED);
	igt_assert_eq(futex(plain, FUTEX_WAIT, 1), -EAGAIN);
	igt_assert_eq(futex(plain, FUTEX_WAKE, 1), 0);
	igt_assert_eq(futex_add(plain, 0), 0);
	igt_assert_eq(futex(t->addr, FUTEX_WAIT, 1), -EFAULT);
	igt_assert_eq(futex(t->addr, FUTEX_WAKE, 1), -EFAULT);
	igt_assert_eq(futex_add(t->addr, 0), -EFAULT);
	igt_assert_eq(futex(t->addr, FUTEX_LOCK_PI, 0), -EFAULT);
	check_futex_private(t);
	munmap(plain, VRAM_PAGE);
}

/* The other threads of a race. */
struct race {
	struct target *t;
	atomic_bool stop;
	atomic_ulong touches;
	atomic_ulong zaps;
};

static void *toucher(void *arg)
{
	struct race *r = arg;
	size_t at;

	while (!atomic_load(&r->stop)) {
		for (at = 0; at < r->t->level->size && at < 4 * VRAM_PMD;
		     at += 7 * VRAM_PAGE) {
			(void)*(volatile char *)(r->t->map + at);
			r->touches++;
		}
	}
	return NULL;
}

static void disturb(struct target *t, unsigned long step)
{
	uint64_t pages = t->level->size / VRAM_PAGE;
	struct vram_test_zap_pages range = {
		.page = step * 301 % pages,
		.nr_pages = 1 + step * 177 % pages,
	};

	if (t->fd >= 0)
		do_ioctl(t->fd, VRAM_TEST_ZAP_PAGES, &range);
	else if (t->level->where == IN_WINDOW && pages * VRAM_PAGE < VRAM_PUD &&
		 step % 8 == 0)
		vram_bo_act(&vram, &t->bo, VRAM_TEST_MOVE, step / 8 % 2 ?
			    VRAM_TEST_MOVE_IN : VRAM_TEST_MOVE_OUT);
	else
		vram_bo_act(&vram, &t->bo, VRAM_TEST_ZAP, 0);
}

static void *disturber(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->stop))
		disturb(r->t, r->zaps++);
	return NULL;
}

#define RACE_MS		100

static unsigned long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void check_race(void (*check)(const struct target *t),
		       const struct level *level)
{
	unsigned long end;
	pthread_t threads[2];
	/* Still there for the threads when an assertion has failed. */
	static struct target t;
	static struct race r = { .t = &t };
	unsigned int i;

	r.stop = false;
	r.touches = 0;
	r.zaps = 0;
	target_init(&t, level);
	igt_assert_eq(pthread_create(&threads[0], NULL, toucher, &r), 0);
	igt_assert_eq(pthread_create(&threads[1], NULL, disturber, &r), 0);
	end = now_ms() + RACE_MS;
	do {
		check(&t);
	} while (now_ms() < end || !r.touches || !r.zaps);
	atomic_store(&r.stop, true);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	igt_debug("%s: %lu touches, %lu zaps\n", level->name, r.touches, r.zaps);
	target_fini(&t);
}

/* In another process: the memory by another mapping, and by another handle. */
static void use_dmabuf(int dmabuf, const struct level *level)
{
	int drm = vram_open_drm();
	struct drm_prime_handle prime = { .fd = dmabuf };
	char *map;

	map = mmap(NULL, level->size, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf,
		   0);
	igt_assert(map != MAP_FAILED);
	igt_assert_eq(map[level->size / 2], 0x5a);
	map[level->size / 2 + 1] = 0x77;
	vram_unmap(map, level->size);
	igt_assert_fd(drm);
	do_ioctl(drm, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	igt_assert(prime.handle);
	close(drm);
}

static void check_share(const struct level *level)
{
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct target t;

	target_init(&t, level);
	prime.handle = t.bo.handle;
	do_ioctl(vram.drm, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	igt_fork(child, 1) {
		vram_unmap(t.map, level->size);
		use_dmabuf(prime.fd, level);
	}
	igt_waitchildren();
	igt_assert_eq(t.addr[1], 0x77);
	close(prime.fd);
	target_fini(&t);
}

/*
 * Pages of the window in the reverse order: behind each lies memory that the next
 * page does not map. Nothing has been touched before.
 */
static void check_access_crumbs(uint32_t flags)
{
	static struct vram_test_extent crumbs[8];
	struct shape shape = {
		.args.flags = flags,
		.extents = crumbs,
		.nr = ARRAY_SIZE(crumbs),
		.nr_pages = ARRAY_SIZE(crumbs),
	};
	char text[64], *map;
	unsigned int i;
	int mem;

	for (i = 0; i < shape.nr; i++) {
		crumbs[i].page = i;
		crumbs[i].offset = VRAM_PMD + 2 * (shape.nr - i) * VRAM_PAGE;
		crumbs[i].nr_pages = 1;
	}
	shape_set(&vram, &shape);
	for (i = 0; i < shape.nr; i++)
		vram_poke(&vram, shape_pa(&shape, i) + VRAM_PAGE, 0);
	map = shape_mmap(&vram, 0, shape.nr, 0, PROT_READ | PROT_WRITE);
	mem = open("/proc/self/mem", O_RDWR);
	igt_assert_fd(mem);
	for (i = 1; i < shape.nr; i++) {
		char *edge = map + i * VRAM_PAGE - sizeof(text) / 2;

		memset(text, i, sizeof(text));
		igt_assert_eq(pwrite(mem, text, sizeof(text), (uintptr_t)edge),
			      sizeof(text));
		memset(text, 0, sizeof(text));
		igt_assert_eq(pread(mem, text, sizeof(text), (uintptr_t)edge),
			      sizeof(text));
		igt_assert_eq(text[sizeof(text) - 1], i);
		igt_assert(!memcmp(text, edge, sizeof(text)));
		igt_assert_eq_u64(vram_peek(&vram, shape_pa(&shape, i - 1) +
					    VRAM_PAGE), 0);
	}
	/* And not beyond the end. */
	igt_assert_eq(pread(mem, text, sizeof(text), (uintptr_t)map +
			    shape.nr * VRAM_PAGE - 5), 5);
	close(mem);
	vram_unmap(map, shape.nr * VRAM_PAGE);
	shape_fini(&vram, &shape);
}

/* A debugger's writes are writes, for who tracks them. */
static void check_access_tracked(void)
{
	struct vram_test_extent extent = { .nr_pages = 8 };
	struct shape shape = {
		.args.flags = VRAM_TEST_SHAPE_DIRTY,
		.extents = &extent,
		.nr = 1,
		.nr_pages = extent.nr_pages,
	};
	uint64_t page = 0;
	char *map;
	int mem;

	shape_set(&vram, &shape);
	map = shape_mmap(&vram, 0, shape.nr_pages, 0, PROT_READ | PROT_WRITE);
	mem = open("/proc/self/mem", O_RDWR);
	igt_assert_fd(mem);
	(void)*(volatile char *)map;
	igt_assert_eq(pread(mem, &page, 1, (uintptr_t)map + 3 * VRAM_PAGE), 1);
	page = 0;
	igt_assert_eq(shape_harvest(&vram, &page, shape.nr_pages), 0);
	igt_assert_eq(pwrite(mem, "x", 1, (uintptr_t)map + 5 * VRAM_PAGE), 1);
	page = 0;
	igt_assert_eq(shape_harvest(&vram, &page, shape.nr_pages), 1);
	igt_assert_eq_u64(page, 5);
	igt_assert_eq(map[5 * VRAM_PAGE], 'x');
	close(mem);
	vram_unmap(map, shape.nr_pages * VRAM_PAGE);
	shape_fini(&vram, &shape);
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
	{ "ptrace", "Check that a debugger can read and write", check_ptrace },
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
				target_fini(&target);
			}
		}
	}

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		igt_describe("Check the same while others touch, zap and move the memory");
		igt_subtest_f("race-%s", checks[i].name) {
			for (j = 0; j < ARRAY_SIZE(levels); j++)
				check_race(checks[i].check, &levels[j]);
		}
	}

	igt_describe("Check that a debugger sees each page's memory, and no other");
	igt_subtest("access-crumbs") {
		check_access_crumbs(0);
		check_access_crumbs(VRAM_TEST_SHAPE_POPULATE);
	}

	igt_describe("Check that a debugger's writes are tracked");
	igt_subtest("access-tracked")
		check_access_tracked();

	for (j = 0; levels[j].shift; j++) {
		igt_describe("Check that a dma-buf does what GUP must not do");
		igt_subtest_f("share-%s", levels[j].name)
			check_share(&levels[j]);
	}

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
