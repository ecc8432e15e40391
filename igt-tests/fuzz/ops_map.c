// SPDX-License-Identifier: MIT
/*
 * Operations on mappings.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ops.h"

/* In newer headers only. */
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

/*
 * An address in the thread's arena: in step with the memory modulo 1 GiB, so that
 * all leaves fit, or more or less out of step.
 */
static uint64_t place(struct fuzz_thread *t, uint32_t arg, uint64_t pa)
{
	uint64_t va = t->arena + arg % 6 * VRAM_PUD;
	uint64_t phase = pa % VRAM_PUD;

	switch (arg / 8 % 8) {
	case 0:
		phase += VRAM_PAGE;
		break;
	case 1:
		phase += VRAM_PMD;
		break;
	case 2:
		phase = fuzz_below(t, VRAM_PUD / VRAM_PAGE) * VRAM_PAGE;
		break;
	case 3:
		phase = fuzz_below(t, VRAM_PUD / VRAM_PMD) * VRAM_PMD;
		break;
	}
	return va + phase % VRAM_PUD;
}

static int some_prot(uint32_t arg)
{
	static const int prots[] = { RW, RW, RW, PROT_READ, PROT_WRITE, PROT_NONE };

	return prots[arg % 6];
}

static bool unmap(struct fuzz_thread *t, uint64_t va, uint64_t len)
{
	if (munmap((void *)va, len))
		return false;
	fuzz_seg_remove(t, va, len);
	return true;
}

/* Map seg->len bytes, and enter them. seg has all but the address. */
static bool map_seg(struct fuzz_thread *t, struct fuzz_seg *seg, int fd,
		    uint64_t offset, uint64_t pa, const uint32_t *arg)
{
	static const int extras[] = { 0, 0, 0, MAP_POPULATE, MAP_LOCKED,
				      MAP_NORESERVE };
	int flags = MAP_SHARED | extras[arg[4] % 6];
	uint64_t va = 0;
	void *addr;

	seg->prot = some_prot(arg[2]);
	if (arg[3] % 8) {
		va = place(t, arg[3] / 8, pa);
		flags |= arg[4] / 8 % 4 ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	}
	if (!va)
		t->process->strayed = true;
	addr = mmap((void *)va, seg->len, seg->prot, flags, fd, (off_t)offset);
	if (addr == MAP_FAILED) {
		/* What was there may be gone all the same. */
		if (flags & MAP_FIXED)
			unmap(t, va, seg->len);
		return false;
	}
	seg->va = (uintptr_t)addr;
	fuzz_seg_remove(t, seg->va, seg->len);
	fuzz_seg_add(t, seg);
	return true;
}

OP(map)
{
	struct fuzz_process *p = t->process;
	struct fuzz_seg seg = { .kind = FUZZ_SEG_BO };
	bool done = false;

	pthread_rwlock_rdlock(&p->names);
	seg.bo = fuzz_bo_pick(t, arg[0]);
	if (seg.bo) {
		seg.len = seg.bo->size;
		if (arg[1] % 4 == 0)
			seg.len = (1 + arg[1] / 4 % (seg.len / VRAM_PAGE)) * VRAM_PAGE;
		done = map_seg(t, &seg, p->vram.drm, seg.bo->offset, seg.bo->pa, arg);
	}
	pthread_rwlock_unlock(&p->names);
	return done;
}

/* What must never work. */
OP(map_bad)
{
	struct fuzz_process *p = t->process;
	void *addr = MAP_FAILED;
	struct fuzz_bo *bo;
	uint64_t len = 0, offset = 0;
	int flags = MAP_SHARED, fd = p->vram.drm;

	pthread_rwlock_rdlock(&p->names);
	bo = fuzz_bo_pick(t, arg[0]);
	if (bo) {
		len = bo->size;
		offset = bo->offset;
		switch (arg[1] % 6) {
		case 0:		/* a copy on write */
			flags = MAP_PRIVATE;
			break;
		case 1:		/* beyond its end */
			len += VRAM_PAGE * (1 + arg[2] % 4);
			break;
		case 2:		/* far beyond */
			len += VRAM_PUD;
			break;
		case 3:		/* what no buffer has */
			offset = VRAM_PAGE * (arg[2] % 1024);
			break;
		case 4:		/* the window and more */
			fd = p->vram.test;
			offset = p->vram.size - VRAM_PAGE * (arg[2] % 8);
			len = VRAM_PAGE * (1 + arg[2] % 8 + arg[3] % 600);
			break;
		case 5:		/* a copy of the window */
			fd = p->vram.test;
			flags = MAP_PRIVATE;
			offset = 0;
			break;
		}
		addr = mmap(NULL, len, RW, flags, fd, (off_t)offset);
	}
	pthread_rwlock_unlock(&p->names);
	if (addr != MAP_FAILED)
		fuzz_wrong(t, "mmap() of %#llx bytes at offset %#llx, flags %#x, works for a buffer of %#llx\n",
			   (unsigned long long)len, (unsigned long long)offset,
			   flags, (unsigned long long)bo->size);
	return bo;
}

/* Part of a buffer, which DRM's own offset does not allow. */
OP(map_dmabuf)
{
	struct fuzz_process *p = t->process;
	struct fuzz_seg seg = { .kind = FUZZ_SEG_BO };
	uint64_t pages, offset;
	bool done = false;

	pthread_rwlock_rdlock(&p->names);
	seg.bo = fuzz_bo_pick(t, arg[0]);
	if (seg.bo && fuzz_bo_export(p, seg.bo)) {
		pages = seg.bo->size / VRAM_PAGE;
		seg.page = arg[1] % pages;
		if (arg[5] % 4 == 0)
			seg.page = seg.page / 512 * 512;
		seg.len = (1 + arg[5] / 4 % (pages - seg.page)) * VRAM_PAGE;
		offset = seg.page * VRAM_PAGE;
		if (mmap(NULL, seg.bo->size, RW, MAP_SHARED, seg.bo->dmabuf,
			 VRAM_PAGE) != MAP_FAILED)
			fuzz_wrong(t, "a page beyond a dma-buf can be mapped\n");
		done = map_seg(t, &seg, seg.bo->dmabuf, offset,
			       seg.bo->pa + offset, arg);
	}
	pthread_rwlock_unlock(&p->names);
	return done;
}

/* The window itself: the cheap way to leaves of 1 GiB. */
OP(map_window)
{
	struct fuzz_process *p = t->process;
	struct fuzz_seg seg = { .kind = FUZZ_SEG_WINDOW };
	uint32_t way = arg[5] % 8 ? VRAM_TEST_WAY_RANGE : VRAM_TEST_WAY_STOCK;
	uint64_t limit = way == VRAM_TEST_WAY_STOCK ? 32 * VRAM_PMD : 2 * VRAM_PUD;
	uint64_t offset = arg[0] % (p->vram.size / VRAM_PAGE) * VRAM_PAGE, left;
	bool done;

	if (arg[1] % 2)
		offset = offset / VRAM_PUD * VRAM_PUD;
	left = p->vram.size - offset;
	seg.len = (1 + arg[1] / 2 % ((limit < left ? limit : left) / VRAM_PAGE)) *
		  VRAM_PAGE;
	if (arg[1] % 4 == 1 && left >= VRAM_PUD)
		seg.len = VRAM_PUD;
	if (seg.len > limit)
		seg.len = limit;
	seg.page = offset / VRAM_PAGE;
	ioctl(p->vram.test, VRAM_TEST_MMAP_WAY, &way);
	done = map_seg(t, &seg, p->vram.test, offset,
		       p->vram.base_pfn * VRAM_PAGE + offset, arg);
	way = VRAM_TEST_WAY_RANGE;
	ioctl(p->vram.test, VRAM_TEST_MMAP_WAY, &way);
	return done;
}

#define EXTENTS	6

/* Extents one after the other, with holes where there may be some. */
static uint64_t make_extents(struct fuzz_thread *t, struct vram_test_extent *e,
			     uint32_t nr, bool holes, bool ram)
{
	static const uint32_t most[] = { 3, 600, 3000, 1 << 18 };
	uint64_t window = t->process->vram.size / VRAM_PAGE, page = 0;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		uint64_t pages = 1 + fuzz_below(t, most[fuzz_below(t, ram ? 3 : 4)]);
		uint64_t at;

		if (pages > window / 2)
			pages = window / 2;
		at = fuzz_below(t, window - pages);
		if (fuzz_below(t, 2))
			at -= at % 512;
		if (!fuzz_below(t, 8) && !ram)
			at -= at % (VRAM_PUD / VRAM_PAGE);
		if (holes && !fuzz_below(t, 3))
			page += fuzz_below(t, 1000);
		e[i] = (struct vram_test_extent) {
			.page = page,
			.offset = ram ? 0 : at * VRAM_PAGE,
			.nr_pages = pages,
		};
		page += pages;
	}
	return page;
}

OP(map_shape)
{
	struct vram_test_extent extents[EXTENTS];
	struct vram_test_shape shape = {
		.extents = (uintptr_t)extents,
		.max_ptes = arg[1] % 2 ? 0 : arg[1] / 2 % 3000,
		.nr = 1 + fuzz_below(t, EXTENTS),
		.iter = arg[0] % VRAM_TEST_NR_ITERS,
		.cache = fuzz_below(t, VRAM_TEST_NR_CACHES),
		.flags = arg[5] % 4 ? arg[5] / 4 & VRAM_TEST_SHAPE_FLAGS : 0,
	};
	bool ram = shape.iter == VRAM_TEST_ITER_SG_PAGES ||
		   shape.iter == VRAM_TEST_ITER_PAGES;
	bool holes = shape.iter == VRAM_TEST_ITER_CALLBACK ||
		     shape.iter == VRAM_TEST_ITER_LIST;
	struct fuzz_seg seg = { .kind = ram ? FUZZ_SEG_RAM : FUZZ_SEG_SHAPE };
	uint64_t pages = make_extents(t, extents, shape.nr, holes, ram);

	if (t->shape_fd >= 0)
		close(t->shape_fd);
	t->shape_fd = open(VRAM_TEST_NODE, O_RDWR | O_CLOEXEC);
	if (ioctl(t->shape_fd, VRAM_TEST_SHAPE, &shape))
		return false;
	seg.page = fuzz_below(t, 4) ? 0 : fuzz_below(t, pages);
	/* What lies beyond the last extent is a hole, too. */
	seg.len = (pages - seg.page + (ram ? 0 : fuzz_below(t, 2))) * VRAM_PAGE;
	return map_seg(t, &seg, t->shape_fd, seg.page * VRAM_PAGE,
		       t->process->vram.base_pfn * VRAM_PAGE + extents[0].offset,
		       arg);
}

/* Neighbours of another kind, and tables that others share. */
OP(map_other)
{
	struct fuzz_seg seg = {
		.kind = FUZZ_SEG_OTHER,
		.len = (1 + arg[0] % 1024) * VRAM_PAGE,
		.va = place(t, arg[3], 0),
		.prot = some_prot(arg[2]),
	};

	if (mmap((void *)seg.va, seg.len, seg.prot,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return false;
	fuzz_seg_remove(t, seg.va, seg.len);
	fuzz_seg_add(t, &seg);
	return true;
}

OP(unmap)
{
	struct fuzz_seg seg;

	if (!fuzz_seg_pick(t, arg[0], &seg))
		return false;
	seg = fuzz_seg_part(&seg, arg[1], arg[2], arg[3]);
	return unmap(t, seg.va, seg.len);
}

/* Whatever is there. */
OP(unmap_any)
{
	uint64_t va = place(t, arg[0], 0);

	return unmap(t, va, (1 + arg[1] % 1024) *
		     (arg[2] % 2 ? VRAM_PAGE : VRAM_PMD));
}

void fuzz_unmap_all(struct fuzz_thread *t)
{
	while (t->nr_segs)
		if (!unmap(t, t->segs[0].va, t->segs[0].len))
			fuzz_wrong(t, "munmap: %s\n", strerror(errno));
	if (t->shape_fd >= 0)
		close(t->shape_fd);
	t->shape_fd = -1;
}

static void set_prot(struct fuzz_seg *seg, uint32_t arg)
{
	seg->prot = (int)arg;
}

OP(protect)
{
	int prot = some_prot(arg[4]);
	struct fuzz_seg seg;

	if (!fuzz_seg_pick(t, arg[0], &seg))
		return false;
	seg = fuzz_seg_part(&seg, arg[1], arg[2], arg[3]);
	if (mprotect((void *)seg.va, seg.len, prot))
		fuzz_wrong(t, "mprotect %#llx+%#llx: %s\n",
			   (unsigned long long)seg.va,
			   (unsigned long long)seg.len, strerror(errno));
	fuzz_seg_change(t, seg.va, seg.len, set_prot, (uint32_t)prot);
	return true;
}

/* mremap() to a fixed address takes away what was there, even if it fails then. */
static bool move_to(struct fuzz_thread *t, const struct fuzz_seg *from,
		    uint64_t to, uint64_t len, int flags)
{
	struct fuzz_seg moved = *from;

	moved.va = to;
	moved.len = len;
	if (to < from->va + from->len && from->va < to + len)
		return false;
	if (mremap((void *)from->va, from->len, len, flags | MREMAP_FIXED, to) ==
	    MAP_FAILED) {
		unmap(t, to, len);
		unmap(t, from->va, from->len);
		return false;
	}
	if (!(flags & MREMAP_DONTUNMAP))
		fuzz_seg_remove(t, from->va, from->len);
	fuzz_seg_remove(t, to, len);
	fuzz_seg_add(t, &moved);
	return true;
}

static bool cannot_grow(struct fuzz_thread *t, const struct fuzz_seg *seg,
			uint64_t old_len, uint32_t pages)
{
	if (seg->kind == FUZZ_SEG_OTHER)
		return false;
	if (mremap((void *)seg->va, old_len, seg->len + pages * VRAM_PAGE,
		   MREMAP_MAYMOVE) != MAP_FAILED)
		fuzz_wrong(t, "a mapping can grow\n");
	return true;
}

OP(remap)
{
	uint64_t to = place(t, arg[5], 0), keep;
	struct fuzz_seg seg;
	bool done;

	if (!fuzz_seg_pick(t, arg[0], &seg))
		return false;
	seg = fuzz_seg_part(&seg, arg[1], arg[2], arg[3]);
	/* In step as before, half of the time. */
	if (arg[4] / 16 % 2)
		to = t->arena + arg[5] % 6 * VRAM_PUD + seg.va % VRAM_PUD;
	keep = 1 + arg[5] % (seg.len / VRAM_PAGE);
	switch (arg[4] % 8) {
	case 0:
		done = mremap((void *)seg.va, seg.len, keep * VRAM_PAGE, 0) ==
		       (void *)seg.va;
		if (done)
			fuzz_seg_remove(t, seg.va + keep * VRAM_PAGE,
					seg.len - keep * VRAM_PAGE);
		return done;
	case 1:
		return cannot_grow(t, &seg, seg.len, 1 + arg[5] % 600);
	case 2:
		return cannot_grow(t, &seg, 0, 0);
	case 3:
		return move_to(t, &seg, to, seg.len,
			       MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	case 4:
		return move_to(t, &seg, to, keep * VRAM_PAGE, MREMAP_MAYMOVE);
	default:
		return move_to(t, &seg, to, seg.len, MREMAP_MAYMOVE);
	}
}

static void set_dontfork(struct fuzz_seg *seg, uint32_t arg)
{
	seg->dontfork = arg;
}

OP(advise)
{
	/* Not MADV_REMOVE and what damages memory for good. */
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTNEED, MADV_FREE, MADV_DONTFORK, MADV_DONTFORK,
		MADV_DOFORK, MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK,
		MADV_KEEPONFORK, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE, MADV_COLLAPSE, 24, 102, 103, 1000, -1,
	};
	int what = advice[arg[4] % (sizeof(advice) / sizeof(advice[0]))];
	struct fuzz_seg seg;

	if (!fuzz_seg_pick(t, arg[0], &seg) || seg.kind == FUZZ_SEG_OTHER)
		return false;
	seg = fuzz_seg_part(&seg, arg[1], arg[2], arg[3]);
	if (madvise((void *)seg.va, seg.len, what))
		return false;
	if (what == MADV_DONTFORK || what == MADV_DOFORK)
		fuzz_seg_change(t, seg.va, seg.len, set_dontfork,
				what == MADV_DONTFORK);
	return true;
}

OP(lock)
{
	struct fuzz_seg seg;

	switch (arg[4] % 8) {
	case 0:
		/* Fills what has not been touched before, all over the process. */
		t->process->strayed = true;
		return !mlockall(1 + arg[5] % 7);
	case 1:
	case 2:
		return !munlockall();
	}
	if (!fuzz_seg_pick(t, arg[0], &seg))
		return false;
	seg = fuzz_seg_part(&seg, arg[1], arg[2], arg[3]);
	switch (arg[4] % 8) {
	case 3:
		return !munlock((void *)seg.va, seg.len);
	case 4:
		return !mlock2((void *)seg.va, seg.len, MLOCK_ONFAULT);
	default:
		return !mlock((void *)seg.va, seg.len);
	}
}

/* On the last shape that this thread has mapped. */
OP(shape_act)
{
	struct vram_test_zap_pages zap = {
		.page = arg[1] % 4000,
		.nr_pages = arg[2] % 3000,
	};
	struct vram_test_harvest harvest = {
		.page = arg[1] % 4000,
		.end = arg[1] % 4000 + arg[2] % 5000,
	};
	struct vram_test_stats stats = { 0 };
	struct fuzz_seg seg;

	if (!fuzz_seg_pick(t, arg[3], &seg))
		return false;
	stats.addr = seg.va;
	stats.len = seg.len;
	switch (arg[0] % 4) {
	case 0:
		/* Of one VMA, into which advice may have cut the mapping. */
		seg = fuzz_seg_part(&seg, arg[4], arg[1], arg[2]);
		zap.addr = seg.va;
		zap.nr_pages = 1;
		return !ioctl(t->shape_fd, VRAM_TEST_ZAP_PAGES, &zap);
	case 1:
		return !ioctl(t->shape_fd, VRAM_TEST_ZAP_PAGES, &zap);
	case 2:
		return !ioctl(t->shape_fd, VRAM_TEST_HARVEST, &harvest);
	default:
		return !ioctl(t->process->vram.test, VRAM_TEST_STATS, &stats);
	}
}
