// SPDX-License-Identifier: MIT
/*
 * Operations that use what is mapped, or look at it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops.h"

static uint64_t page_in(struct fuzz_thread *t, const struct fuzz_seg *seg)
{
	return seg->va + fuzz_below(t, seg->len / VRAM_PAGE) * VRAM_PAGE;
}

OP(touch)
{
	uint32_t nr = 1 + arg[1] % 24, step = 1 + arg[2] % 3 * arg[3] % 700, i;
	uint64_t pages, page;
	struct fuzz_seg seg;

	if (!fuzz_seg_pick(t, arg[0], &seg))
		return false;
	pages = seg.len / VRAM_PAGE;
	page = arg[3] % pages;
	/* The edges more often. */
	if (arg[4] % 4 == 0)
		page = arg[4] / 4 % 2 ? 0 : pages - 1;
	for (i = 0; i < nr; i++) {
		fuzz_touch(t, seg.va + page * VRAM_PAGE, arg[5] >> i % 16 & 1);
		page = (arg[4] & 64 ? page + step : page + pages - step % pages) %
		       pages;
	}
	return true;
}

/* Where something may be mapped or not. */
OP(touch_any)
{
	uint32_t i;

	for (i = 0; i < 8; i++)
		fuzz_touch(t, t->arena + fuzz_below(t, FUZZ_ARENA_SIZE / VRAM_PAGE) *
			      VRAM_PAGE, false);
	return true;
}

/* Segments of the other thread, while it changes them. */
OP(touch_foreign)
{
	struct fuzz_process *p = t->process;
	uint64_t arena = FUZZ_ARENA(!t->nr);
	uint32_t i;

	if (p->program->nr_threads == 1)
		return false;
	for (i = 0; i < 32; i++) {
		uint64_t at = arena + fuzz_below(t, 6) * VRAM_PUD;
		const struct fuzz_bo *bo = fuzz_bo_pick(t, fuzz_below(t, FUZZ_BOS));

		if (bo)
			at += bo->pa % VRAM_PUD;
		at += fuzz_below(t, 64) * (arg[0] % 2 ? VRAM_PAGE : VRAM_PMD);
		fuzz_touch_foreign(t, at);
	}
	return true;
}

/* Offsets that another thread may just be closing. */
OP(blind_map)
{
	struct fuzz_process *p = t->process;
	const struct fuzz_bo *bo = fuzz_bo_pick(t, arg[0]);
	uint64_t len, value;
	char *map;

	if (!bo)
		return false;
	len = bo->size < 8 * VRAM_PMD ? bo->size : 8 * VRAM_PMD;
	t->process->strayed = true;
	map = mmap(NULL, len, RW, MAP_SHARED, p->vram.drm, (off_t)bo->offset);
	if (map == MAP_FAILED)
		return false;
	fuzz_touch_foreign(t, (uintptr_t)map + arg[1] % (len / VRAM_PAGE) * VRAM_PAGE);
	fuzz_read((uintptr_t)map + len - VRAM_PAGE, &value);
	munmap(map, len);
	return true;
}

static void child(struct fuzz_thread *t, const uint32_t *arg)
{
	struct fuzz_seg seg;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = t->nr_segs; i--;)
		if (t->segs[i].dontfork)
			t->segs[i] = t->segs[--t->nr_segs];
	for (i = 0; i < 1 + arg[1] % 8 && fuzz_seg_pick(t, arg[2] + i, &seg); i++) {
		uint64_t va = page_in(t, &seg);

		fuzz_touch(t, va, arg[3] >> i & 1);
		seg = fuzz_seg_part(&seg, arg[4], arg[5], arg[2] + i);
		if (arg[3] >> i & 256 && fuzz_seg_room(t) &&
		    !munmap((void *)seg.va, seg.len))
			fuzz_seg_remove(t, seg.va, seg.len);
	}
	_exit(FUZZ_EXIT_OK);
}

OP(fork)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return false;
	if (!pid)
		child(t, arg);
	/* Or it goes on beside its parent, which waits for it in the end. */
	if (arg[0] % 4 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) == FUZZ_EXIT_WRONG)
		_exit(FUZZ_EXIT_WRONG);
	return true;
}

/* Nobody gets a reference on memory of the device, by no way. */
OP(gup)
{
	struct fuzz_process *p = t->process;
	struct vram_test_gup gup = {
		.how = arg[4] % (VRAM_TEST_HMM + 1),
		.write = arg[5] % 2,
	};
	struct fuzz_seg seg;

	if (!fuzz_seg_pick(t, arg[0], &seg))
		return false;
	seg = fuzz_seg_part(&seg, arg[1], arg[2], arg[3]);
	gup.addr = seg.va;
	gup.nr = seg.len / VRAM_PAGE < 512 ? seg.len / VRAM_PAGE : 512;
	if (ioctl(p->vram.test, VRAM_TEST_GUP, &gup))
		return false;
	if (gup.ret > 0 && seg.kind != FUZZ_SEG_OTHER)
		fuzz_wrong(t, "variant %u of GUP takes %d pages at %#llx, kind %d\n",
			   gup.how, gup.ret, (unsigned long long)seg.va, seg.kind);
	return true;
}

OP(vm_readv)
{
	static __thread char buf[VRAM_PAGE];
	struct iovec local = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct iovec remote = { .iov_len = sizeof(buf) };
	struct fuzz_seg seg;
	ssize_t n;

	if (!fuzz_seg_pick(t, arg[0], &seg) || seg.kind == FUZZ_SEG_OTHER)
		return false;
	remote.iov_base = (void *)page_in(t, &seg);
	if (arg[1] % 2)
		n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	else
		n = process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
	if (n > 0)
		fuzz_wrong(t, "process_vm_readv/writev takes %zd bytes\n", n);
	return true;
}

/* As a debugger would, by ->access. */
OP(proc_mem)
{
	struct fuzz_seg seg;
	bool written, done = false;
	uint64_t va, value;
	int fd;

	if (!fuzz_seg_pick(t, arg[0], &seg))
		return false;
	fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	va = page_in(t, &seg);
	written = fuzz_was_written(&seg, va);
	if (arg[1] % 2) {
		done = pread(fd, &value, sizeof(value), (off_t)va) == sizeof(value);
		if (done)
			fuzz_check_value(t, &seg, va, value, written);
	} else if (seg.kind == FUZZ_SEG_BO) {
		value = fuzz_stamp(seg.bo, seg.page + (va - seg.va) / VRAM_PAGE);
		done = pwrite(fd, &value, sizeof(value), (off_t)va) == sizeof(value);
		if (done)
			fuzz_set_written(&seg, va);
	}
	close(fd);
	return done;
}

/* The kernel's own copies from and to user memory. */
OP(copy)
{
	struct fuzz_seg seg;
	uint64_t va, value;
	bool written, done;
	int fds[2];

	if (!fuzz_seg_pick(t, arg[0], &seg) || pipe2(fds, O_CLOEXEC))
		return false;
	va = page_in(t, &seg);
	written = fuzz_was_written(&seg, va);
	if (arg[1] % 2 || seg.kind != FUZZ_SEG_BO) {
		done = write(fds[1], (void *)va, sizeof(value)) == sizeof(value) &&
		       read(fds[0], &value, sizeof(value)) == sizeof(value);
		if (done)
			fuzz_check_value(t, &seg, va, value, written);
	} else {
		value = fuzz_stamp(seg.bo, seg.page + (va - seg.va) / VRAM_PAGE);
		done = write(fds[1], &value, sizeof(value)) == sizeof(value) &&
		       read(fds[0], (void *)va, sizeof(value)) == sizeof(value);
		if (done)
			fuzz_set_written(&seg, va);
	}
	if (done && !seg.prot)
		fuzz_wrong(t, "a copy works without any access\n");
	close(fds[0]);
	close(fds[1]);
	return done;
}

OP(sync)
{
	static __thread unsigned char core[4096];
	struct fuzz_seg seg;

	if (!fuzz_seg_pick(t, arg[0], &seg))
		return false;
	seg = fuzz_seg_part(&seg, arg[1], arg[2], arg[3]);
	if (seg.len > sizeof(core) * VRAM_PAGE)
		return false;
	msync((void *)seg.va, seg.len, 1 << arg[4] % 3);
	return !mincore((void *)seg.va, seg.len, core);
}

/* What a leaf may be, by what is known of the addresses that it maps. */
static void check_leaf(struct fuzz_thread *t, const struct vram_test_leaf *leaf,
		       const struct fuzz_seg *seg, bool outside)
{
	const struct vram *v = &t->process->vram;
	const struct fuzz_seg *at = fuzz_seg_find(t, leaf->addr);
	uint64_t size = 1ull << leaf->shift, first = leaf->addr;
	bool in_window = leaf->pfn >= v->base_pfn &&
			 leaf->pfn - v->base_pfn < v->size / VRAM_PAGE;
	const char *what = NULL;

	if (first < seg->va || first + size > seg->va + seg->len)
		what = "is not inside its mapping";
	else if (leaf->flags & VRAM_TEST_LEAF_WRITE && !(seg->prot & PROT_WRITE))
		what = "is writable, and must not be";
	else if (!(leaf->flags & VRAM_TEST_LEAF_SPECIAL))
		what = "is not special";
	else if (in_window && outside)
		what = "still maps the window";
	else if (at && at->kind == FUZZ_SEG_WINDOW &&
		 leaf->pfn != v->base_pfn + at->page + (first - at->va) / VRAM_PAGE)
		what = "maps another page";
	if (what)
		fuzz_wrong(t, "the leaf at %#llx, level %u, pfn %#llx, flags %#x %s (%#llx+%#llx, protection %d)\n",
			   (unsigned long long)first, leaf->shift,
			   (unsigned long long)leaf->pfn, leaf->flags, what,
			   (unsigned long long)seg->va,
			   (unsigned long long)seg->len, seg->prot);
}

/* Adjoining segments may be one mapping, and a leaf lie in both. */
static struct fuzz_seg whole_mapping(const struct fuzz_thread *t, uint64_t va)
{
	struct fuzz_seg all = *fuzz_seg_find(t, va);
	const struct fuzz_seg *seg;

	while ((seg = fuzz_seg_find(t, all.va + all.len)) &&
	       seg->prot == all.prot)
		all.len += seg->len;
	while ((seg = fuzz_seg_find(t, all.va - 1)) && seg->prot == all.prot) {
		all.va -= seg->len;
		all.len += seg->len;
	}
	return all;
}

OP(leaves)
{
	static __thread struct vram_test_leaf leaves[256];
	struct vram_test_leaves query = {
		.leaves = (uintptr_t)leaves,
		.nr = sizeof(leaves) / sizeof(leaves[0]),
	};
	unsigned int moves_in = 0;
	bool outside = false;
	struct fuzz_seg seg;
	uint32_t i;

	if (!fuzz_seg_pick(t, arg[0], &seg) || seg.kind == FUZZ_SEG_OTHER)
		return false;
	if (seg.kind == FUZZ_SEG_BO) {
		pthread_mutex_lock(&t->process->moving);
		moves_in = seg.bo->moves_in;
		outside = seg.bo->outside;
		pthread_mutex_unlock(&t->process->moving);
	}
	query.addr = seg.va;
	query.len = seg.len;
	if (ioctl(t->process->vram.test, VRAM_TEST_LEAVES, &query))
		return false;
	/* A move into the window that began meanwhile may be over. */
	outside = outside && seg.bo->moves_in == moves_in;
	for (i = 0; i < query.nr; i++) {
		struct fuzz_seg all = whole_mapping(t, seg.va);

		check_leaf(t, &leaves[i], &all, outside);
	}
	return query.nr;
}

static bool read_file(const char *path)
{
	static __thread char buf[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, sum = 0;

	while (fd >= 0 && sum < 1 << 16 && (n = read(fd, buf, sizeof(buf))) > 0)
		sum += n;
	close(fd);
	return sum > 0;
}

/* Whoever walks page tables to tell about them. */
OP(look)
{
	static const char * const files[] = {
		"/proc/self/smaps", "/proc/self/smaps_rollup",
		"/proc/self/numa_maps", "/proc/self/maps", "/proc/self/status",
	};
	char path[40];

	if (arg[0] % 6 < 5)
		return read_file(files[arg[0] % 6]);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", t->process->vram.drm);
	return read_file(path);
}

OP(pages_file)
{
	uint64_t entries[64];
	struct fuzz_seg seg;
	bool done;
	int fd;

	if (!fuzz_seg_pick(t, arg[0], &seg))
		return false;
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	done = pread(fd, entries, sizeof(entries),
		     (off_t)(page_in(t, &seg) / VRAM_PAGE * 8)) > 0;
	close(fd);
	return done;
}

OP(numa)
{
	unsigned long nodes = 1;
	struct fuzz_seg seg;
	int status = 0;
	void *page;

	if (!fuzz_seg_pick(t, arg[0], &seg))
		return false;
	page = (void *)page_in(t, &seg);
	if (arg[1] % 2)
		return !syscall(SYS_move_pages, 0, 1ul, &page, NULL, &status, 0);
	return !syscall(SYS_mbind, seg.va, seg.len, MPOL_BIND, &nodes,
			sizeof(nodes) * 8, MPOL_MF_MOVE);
}

/* What changes how faults are served from then on, for all of a process. */
OP(tracking)
{
	char what = (char)('1' + arg[1] % 5);
	bool done;
	int fd;

	if (arg[0] % 4 == 0)
		return !prctl(PR_SET_THP_DISABLE, arg[1] % 2, 0, 0, 0);
	fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	done = write(fd, &what, 1) == 1;
	close(fd);
	return done;
}

OP(disturb)
{
	const char *file = arg[0] % 2 ? "/proc/sys/vm/compact_memory" :
					"/proc/sys/vm/drop_caches";
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	bool done = write(fd, "1", 1) == 1;

	close(fd);
	return done;
}
