// SPDX-License-Identifier: MIT
/**
 * TEST: ttm range stock
 * Description: Check that buffers behave as they do with TTM's own fault handler
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: behaviour
 * Description: what a process can do with a mapping has the same outcome whether
 *	ttm_range or TTM's own vm_operations serve it, at no more faults; the table of
 *	all of it is printed
 *
 * SUBTEST: unplug
 * Description: mappings show the same when the device is gone, keep what is stored
 *	there, and take no more faults
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "igt.h"
#include "sysfs.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check that buffers behave as with TTM's own fault handler");

#define MIB	(1ull << 20)
#define RW	(PROT_READ | PROT_WRITE)
/* Two PMD leaves and a ragged tail. */
#define SIZE	(4 * MIB + 3 * VRAM_PAGE)
#define PAGES	(SIZE / VRAM_PAGE)

static struct vram vram;

/* A mapped buffer, and what came of an operation on it. */
struct subject {
	struct vram_bo bo;
	char *map;
	char text[160];		/* must be the same for both */
	unsigned long cost;	/* must not be more than with stock TTM */
};

static void __attribute__((format(printf, 2, 3)))
say(struct subject *s, const char *fmt, ...)
{
	size_t len = strlen(s->text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->text + len, sizeof(s->text) - len, fmt, args);
	va_end(args);
}

/* The name of an errno, which says more in a table than its text. */
static const char *outcome(long ret)
{
	return ret >= 0 ? "ok" : strerrorname_np(errno);
}

static const char *signal_name(const void *addr, bool write)
{
	int sig = vram_signal_of((void *)addr, write);

	return sig ? sigabbrev_np(sig) : "ok";
}

static volatile uint64_t *word(const struct subject *s, unsigned long page)
{
	return (volatile uint64_t *)(s->map + page * VRAM_PAGE);
}

static void fill(const struct subject *s, uint64_t seed)
{
	unsigned long page;

	for (page = 0; page < PAGES; page++)
		*word(s, page) = vram_stamp(page * VRAM_PAGE, seed);
}

/* Are pages as fill() left them, seen at an address? Adds the faults to the cost. */
static const char *content(struct subject *s, const char *map,
			   unsigned long first, unsigned long end, uint64_t seed)
{
	unsigned long page, faults = vram_faults();
	bool right = true;

	for (page = first; page < end; page++)
		right &= *(volatile uint64_t *)(map + (page - first) * VRAM_PAGE) ==
			 vram_stamp(page * VRAM_PAGE, seed);
	s->cost += vram_faults() - faults;
	return right ? "right" : "WRONG";
}

static void do_touch(struct subject *s)
{
	say(s, "content %s", content(s, s->map, 0, PAGES, 1));
}

static void do_fork(struct subject *s)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		bool right = !strcmp(content(s, s->map, 0, PAGES, 1), "right");

		*word(s, 5) = 5;
		_exit(!right);
	}
	waitpid(pid, &status, 0);
	say(s, "child %s, parent sees %lu", WEXITSTATUS(status) ? "WRONG" : "right",
	    (unsigned long)*word(s, 5));
}

static void do_ptrace(struct subject *s)
{
	off_t at = (uintptr_t)word(s, 512) - 24, end = (uintptr_t)s->map + SIZE;
	int fd = open("/proc/self/mem", O_RDWR);
	uint64_t words[8] = {};
	ssize_t len;

	len = pread(fd, words, sizeof(words), at);
	say(s, "read %zd %s", len, words[3] == vram_stamp(512 * VRAM_PAGE, 1) ?
	    "right" : "WRONG");
	words[3] = 99;
	len = pwrite(fd, words, sizeof(words), at);
	say(s, ", write %zd %s", len, *word(s, 512) == 99 ? "right" : "WRONG");
	errno = 0;
	len = pread(fd, words, sizeof(words), end - 16);
	say(s, ", over the end %zd %s", len, outcome(len));
	close(fd);
}

/* Nobody has touched the buffer: in system memory it has no page yet. */
static void do_ptrace_untouched(struct subject *s)
{
	struct drm_virtio_vram_gem_create create = {
		.size = SIZE, .placement = DRM_VIRTIO_VRAM_PLACE_SYSTEM,
	};
	struct drm_virtio_vram_gem_mmap_offset offset = {};
	int fd = open("/proc/self/mem", O_RDWR);
	uint64_t value = 1;
	ssize_t len;
	char *map;

	igt_assert_eq(vram_gem_create(vram.drm, &create), 0);
	offset.handle = create.handle;
	do_ioctl(vram.drm, DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, &offset);
	map = vram_map_fd(vram.drm, offset.offset, SIZE, 0, RW);
	igt_assert(map != MAP_FAILED);
	errno = 0;
	len = pread(fd, &value, sizeof(value), (uintptr_t)map + VRAM_PMD);
	say(s, "%s", len == sizeof(value) && !value ? "zero" : outcome(len));
	vram_unmap(map, SIZE);
	close(fd);
	vram_gem_close(vram.drm, create.handle);
}

static void do_mremap(struct subject *s)
{
	char *to = s->map - 64 * VRAM_PUD;
	void *grown;

	grown = mremap(s->map, SIZE, SIZE + VRAM_PAGE, MREMAP_MAYMOVE);
	say(s, "grow %s", grown == MAP_FAILED ? outcome(-1) : "ok");
	igt_assert(mremap(s->map, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			  to) == to);
	say(s, ", old %s", signal_name(s->map, false));
	s->map = to;
	say(s, ", new %s", content(s, to, 0, PAGES, 1));
	igt_assert(mremap(to, SIZE, SIZE - VRAM_PAGE, 0) == to);
	say(s, ", shrunk %s", signal_name(to + SIZE - VRAM_PAGE, false));
}

static void do_mprotect(struct subject *s)
{
	char *page = s->map + 600 * VRAM_PAGE;

	igt_assert_eq(mprotect(page, VRAM_PAGE, PROT_READ), 0);
	say(s, "read-only: read %s,", signal_name(page, false));
	say(s, " write %s", signal_name(page, true));
	igt_assert_eq(mprotect(s->map, SIZE, PROT_NONE), 0);
	say(s, "; none: %s", signal_name(page, false));
	igt_assert_eq(mprotect(s->map, SIZE, RW), 0);
	say(s, "; back: write %s", signal_name(page, true));
	say(s, ", %s", content(s, s->map, 0, PAGES, 1));
}

static void do_munmap(struct subject *s)
{
	char *hole = s->map + 600 * VRAM_PAGE;

	vram_unmap(hole, 5 * VRAM_PAGE);
	say(s, "hole %s", signal_name(hole, false));
	say(s, ", before %s", content(s, s->map, 0, 600, 1));
	say(s, ", after %s", content(s, hole + 5 * VRAM_PAGE, 605, PAGES, 1));
}

static void do_private(struct subject *s)
{
	void *map;

	map = mmap(NULL, SIZE, RW, MAP_PRIVATE, vram.drm, s->bo.offset);
	say(s, "writable %s", map == MAP_FAILED ? outcome(-1) : "ok");
	map = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, vram.drm, s->bo.offset);
	say(s, ", read-only %s", map == MAP_FAILED ? outcome(-1) :
	    content(s, map, 0, PAGES, 1));
	if (map != MAP_FAILED)
		vram_unmap(map, SIZE);
}

static void do_prime(struct subject *s)
{
	struct drm_prime_handle prime = {
		.handle = s->bo.handle, .flags = DRM_CLOEXEC | DRM_RDWR,
	};
	char *map;

	do_ioctl(vram.drm, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	map = mmap(NULL, SIZE - 7 * VRAM_PAGE, RW, MAP_SHARED, prime.fd,
		   7 * VRAM_PAGE);
	igt_assert(map != MAP_FAILED);
	say(s, "part %s", content(s, map, 7, PAGES, 1));
	vram_unmap(map, SIZE - 7 * VRAM_PAGE);
	map = mmap(NULL, SIZE, RW, MAP_SHARED, prime.fd, 7 * VRAM_PAGE);
	say(s, ", over the end %s", map == MAP_FAILED ? outcome(-1) : "ok");
	close(prime.fd);
	map = mmap(NULL, SIZE + VRAM_PAGE, RW, MAP_SHARED, vram.drm, s->bo.offset);
	say(s, ", too long %s", map == MAP_FAILED ? outcome(-1) : "ok");
}

/* The last user of a buffer is a process that is killed while it faults. */
static void do_dying(struct subject *s)
{
	struct vram_test_bo zap = { .drm_fd = vram.drm };
	struct vram_bo bo;
	uint64_t avail;
	pid_t pid;

	vram_bo_create(&vram, &bo, SIZE, VRAM_PMD, 0);
	zap.handle = bo.handle;
	avail = vram_avail(&vram) + SIZE;
	pid = fork();
	if (!pid) {
		char *map = vram_map(&vram, &bo, 0, SIZE, 0, RW);
		unsigned long page;

		for (;;) {
			for (page = 0; page < PAGES; page += 16)
				map[page * VRAM_PAGE] = 1;
			/* In vain once the handle is closed. */
			ioctl(vram.test, VRAM_TEST_ZAP, &zap);
		}
	}
	usleep(50 * 1000);
	vram_bo_destroy(&vram, &bo);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	say(s, "memory %s", vram_avail_settles(&vram, avail) == avail ? "freed" :
	    "LOST");
}

/* The mapping alone keeps it. */
static void do_closed(struct subject *s)
{
	struct vram_bo bo;
	char *map;

	vram_bo_create(&vram, &bo, SIZE, VRAM_PMD, 0);
	map = vram_map(&vram, &bo, 0, SIZE, 0, RW);
	*(volatile uint64_t *)(map + VRAM_PMD) = 7;
	vram_bo_destroy(&vram, &bo);
	say(s, "still %lu", (unsigned long)*(volatile uint64_t *)(map + VRAM_PMD));
	vram_unmap(map, SIZE);
}

static void smaps_line(const struct subject *s, const char *key, char *text,
		       size_t size)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool found = false;
	char line[512];

	igt_assert(f);
	*text = '\0';
	while (!*text && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			found = start == (uintptr_t)s->map;
		else if (found && !strncmp(line, key, strlen(key)))
			snprintf(text, size, "%.*s",
				 (int)strcspn(line + strlen(key), "\n"),
				 line + strlen(key));
	}
	fclose(f);
}

static void do_smaps(struct subject *s)
{
	char text[128];

	content(s, s->map, 0, PAGES, 1);
	s->cost = 0;
	smaps_line(s, "VmFlags: ", text, sizeof(text));
	say(s, "%s", text);
	smaps_line(s, "Rss:", text, sizeof(text));
	say(s, "rss%s", text + strspn(text, " ") - 1);
}

static void do_madvise(struct subject *s)
{
	static const struct {
		const char *name;
		int advice;
	} hints[] = {
		{ "dodump", MADV_DODUMP }, { "dontneed", MADV_DONTNEED },
		{ "free", MADV_FREE }, { "cold", MADV_COLD },
		{ "populate", MADV_POPULATE_READ }, { "hugepage", MADV_HUGEPAGE },
		{ "random", MADV_RANDOM }, { "dofork", MADV_DOFORK },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hints); i++)
		say(s, "%s%s %s", i ? ", " : "", hints[i].name,
		    outcome(madvise(s->map, SIZE, hints[i].advice)));
	igt_assert(!strcmp(content(s, s->map, 0, PAGES, 1), "right"));
	s->cost = 0;
}

static void do_lock(struct subject *s)
{
	unsigned char there[PAGES];

	say(s, "mlock %s", outcome(mlock(s->map, SIZE)));
	say(s, ", msync %s", outcome(msync(s->map, SIZE, MS_SYNC)));
	content(s, s->map, 0, PAGES, 1);
	s->cost = 0;
	say(s, ", mincore %s", outcome(mincore(s->map, SIZE, there)));
	munlock(s->map, SIZE);
}

/* The kernel copies, or is to take pages. */
static void do_syscalls(struct subject *s)
{
	struct iovec from = { s->map + VRAM_PMD, 64 };
	char there[64], back[64];
	struct iovec to = { there, 64 };
	int fds[2];

	igt_assert_eq(pipe(fds), 0);
	say(s, "write %s", outcome(write(fds[1], s->map + VRAM_PMD, 64)));
	say(s, ", read %s", outcome(read(fds[0], s->map, 64)));
	say(s, " %s", memcmp(s->map, s->map + VRAM_PMD, 64) ? "WRONG" : "right");
	say(s, ", process_vm_readv %s",
	    outcome(process_vm_readv(getpid(), &to, 1, &from, 1, 0)));
	say(s, ", vmsplice %s",
	    outcome(vmsplice(fds[1], &from, 1, SPLICE_F_NONBLOCK)));
	close(fds[0]);
	close(fds[1]);
	memcpy(back, s->map, 64);
}

static void move(const struct subject *s, enum vram_test_move to)
{
	vram_bo_act(&vram, &s->bo, VRAM_TEST_MOVE, to);
}

/* There and back; then everything is touched again. */
static void do_evict(struct subject *s)
{
	content(s, s->map, 0, PAGES, 1);
	s->cost = 0;
	move(s, VRAM_TEST_MOVE_OUT);
	say(s, "system memory %s", content(s, s->map, 0, PAGES, 1));
	fill(s, 2);
	move(s, VRAM_TEST_MOVE_IN);
	say(s, ", window %s", content(s, s->map, 0, PAGES, 2));
}

static void do_swap(struct subject *s)
{
	struct vram_test_swap swap = {};

	move(s, VRAM_TEST_MOVE_OUT);
	fill(s, 3);
	do_ioctl(vram.test, VRAM_TEST_SWAP, &swap);
	say(s, "%s", swap.pages >= PAGES ? "swapped out" : "NOT swapped out");
	say(s, ", then %s", content(s, s->map, 0, PAGES, 3));
	do_ioctl(vram.test, VRAM_TEST_SWAP, &swap);
	move(s, VRAM_TEST_MOVE_IN);
	say(s, ", in the window %s", content(s, s->map, 0, PAGES, 3));
}

static void do_pin(struct subject *s)
{
	struct vram_test_bo out = {
		.drm_fd = vram.drm, .handle = s->bo.handle,
		.arg = VRAM_TEST_MOVE_OUT,
	};
	struct vram_test_swap swap = {};

	vram_bo_act(&vram, &s->bo, VRAM_TEST_PIN, 1);
	say(s, "moves %s", outcome(ioctl(vram.test, VRAM_TEST_MOVE, &out)));
	say(s, ", %s", content(s, s->map, 0, PAGES, 1));
	vram_bo_act(&vram, &s->bo, VRAM_TEST_PIN, 0);
	move(s, VRAM_TEST_MOVE_OUT);
	fill(s, 4);
	vram_bo_act(&vram, &s->bo, VRAM_TEST_PIN, 1);
	do_ioctl(vram.test, VRAM_TEST_SWAP, &swap);
	say(s, "; %s", swap.pages ? "SWAPPED OUT" : "not swapped out");
	say(s, ", %s", content(s, s->map, 0, PAGES, 4));
	vram_bo_act(&vram, &s->bo, VRAM_TEST_PIN, 0);
}

static const struct {
	const char *name;
	void (*run)(struct subject *s);
	bool costs;	/* counts its faults */
} ops[] = {
	{ "touch every page", do_touch, true },
	{ "fork", do_fork, false },
	{ "ptrace", do_ptrace, false },
	{ "ptrace, untouched", do_ptrace_untouched, false },
	{ "mremap", do_mremap, true },
	{ "mprotect", do_mprotect, true },
	{ "munmap of a part", do_munmap, true },
	{ "private mapping", do_private, true },
	{ "mmap of a dma-buf", do_prime, true },
	{ "user killed", do_dying, false },
	{ "handle closed", do_closed, false },
	{ "smaps", do_smaps, false },
	{ "madvise", do_madvise, false },
	{ "mlock and others", do_lock, false },
	{ "system calls", do_syscalls, false },
	{ "out and back in", do_evict, true },
	{ "swapped out", do_swap, true },
	{ "pinned", do_pin, true },
};

static void subject_init(struct subject *s, enum vram_test_way way)
{
	*s = (struct subject){};
	vram_bo_create(&vram, &s->bo, SIZE, VRAM_PMD, 0);
	vram_bo_act(&vram, &s->bo, VRAM_TEST_BO_WAY, way);
	s->map = vram_map(&vram, &s->bo, 0, SIZE, 0, RW);
	fill(s, 1);
	vram_bo_act(&vram, &s->bo, VRAM_TEST_ZAP, 0);
}

static void try_op(struct subject *s, enum vram_test_way way, unsigned int op)
{
	subject_init(s, way);
	ops[op].run(s);
	/* Some leave less of the mapping, or none. */
	munmap(s->map, SIZE);
	vram_bo_destroy(&vram, &s->bo);
	if (!ops[op].costs)
		s->cost = 0;
}

static const char *verdict(const struct subject *range, const struct subject *stock)
{
	if (strcmp(range->text, stock->text))
		return "DIFFERENT";
	if (range->cost > stock->cost)
		return "WORSE";
	return range->cost < stock->cost ? "better" : "same";
}

static void check_behaviour(void)
{
	struct subject range, stock;
	unsigned int i, bad = 0;

	igt_info("%-20s %6s %6s  %-9s %s\n", "operation", "range", "stock",
		 "verdict", "outcome");
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		const char *how;

		try_op(&stock, VRAM_TEST_WAY_STOCK, i);
		try_op(&range, VRAM_TEST_WAY_RANGE, i);
		how = verdict(&range, &stock);
		igt_info("%-20s %6lu %6lu  %-9s %s\n", ops[i].name, range.cost,
			 stock.cost, how, range.text);
		if (strcmp(range.text, stock.text))
			igt_info("%46s %s\n", "stock:", stock.text);
		/* Capitals are for what must not be, whoever does it. */
		bad += strcmp(how, "same") && strcmp(how, "better");
		igt_assert_f(!strstr(range.text, "WRONG") &&
			     !strstr(range.text, "LOST"), "%s: %s\n",
			     ops[i].name, range.text);
	}
	igt_assert_eq(bad, 0);
}

/* The device is gone: touch both mappings of a buffer in turns. */
static void touch_unplugged(struct subject *s, char *other)
{
	volatile uint64_t *word_of[] = { word(s, 0), (void *)other };
	unsigned long step = VRAM_PAGE / sizeof(uint64_t);
	unsigned long faults = vram_faults(), zeroes = 0;
	unsigned long page, i, kept = 0;

	for (page = 0; page < PAGES; page++) {
		for (i = 0; i < 2; i++)
			zeroes += !word_of[i][page * step];
	}
	for (i = 0; i < 2; i++)
		word_of[i][3 * step] = 33 + i;
	for (page = 0; page < PAGES; page++) {
		for (i = 0; i < 2; i++)
			kept += word_of[i][page * step] == 33 + i;
	}
	s->cost = vram_faults() - faults;
	say(s, "%lu pages of zeroes, then %lu that share what is stored", zeroes, kept);
	igt_info("%lu faults, %s\n", s->cost, s->text);
}

static void check_unplug(void)
{
	static const enum vram_test_way ways[] = {
		VRAM_TEST_WAY_RANGE, VRAM_TEST_WAY_STOCK,
	};
	struct subject s[2];
	char device[64], *other[2];
	unsigned int i;

	igt_require(vram_sysfs_bound(device, sizeof(device)));
	for (i = 0; i < 2; i++) {
		subject_init(&s[i], ways[i]);
		other[i] = vram_map(&vram, &s[i].bo, 0, SIZE, VRAM_PAGE, RW);
		content(&s[i], s[i].map, 0, PAGES, 1);
		content(&s[i], other[i], 0, PAGES, 1);
	}
	igt_assert_eq(vram_sysfs_write("unbind", device), 0);
	for (i = 0; i < 2; i++) {
		touch_unplugged(&s[i], other[i]);
		vram_unmap(s[i].map, SIZE);
		vram_unmap(other[i], SIZE);
		free(s[i].bo.blocks);
	}
	igt_assert_eq(vram_sysfs_write("bind", device), 0);
	igt_assert(!strcmp(s[0].text, s[1].text));
	igt_assert_lte_u64(s[0].cost, s[1].cost);
}

igt_main()
{
	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	igt_describe("Check that operations have the outcome that they have with stock TTM");
	igt_subtest("behaviour")
		check_behaviour();
	igt_describe("Check that mappings of a lost device look as with stock TTM");
	igt_subtest("unplug")
		check_unplug();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
