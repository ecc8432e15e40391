// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range surgery
 * Description: Check what is left of a mapping when a part is cut out, at every edge
 *	of every leaf
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: %s-%s
 * Description: %arg[1] of each part of a mapping whose largest leaves are %arg[2], that
 *	begins and ends at an edge of a leaf or a page beside one
 *
 * arg[1]:
 *
 * @munmap:	munmap()
 * @read-only:	mprotect() to PROT_READ
 * @no-access:	mprotect() to PROT_NONE and back
 * @replace:	mmap() with MAP_FIXED on top
 * @move:	mremap() to a free place
 * @onto:	mremap() with MREMAP_FIXED onto another mapping of the same memory
 * @shrink:	mremap() to the part's start, and of the part to its first page
 * @refused:	mremap() to a larger size, with MREMAP_DONTUNMAP, of no length: nothing
 *		changes
 * @advise:	madvise() of each kind that splits a VMA
 * @lock:	mlock(), mlock2(), munlock(): nothing changes
 *
 * arg[2]:
 *
 * @pud:	PUD leaves, with PMD leaves and PTEs at both ends
 * @pmd:	PMD leaves, with PTEs at both ends
 * @pte:	PTEs
 *
 * SUBTEST: madvise
 * Description: each kind of advice has the result that is documented for device
 *	memory, and none changes it
 *
 * SUBTEST: lock-all
 * Description: mlockall(), MAP_LOCKED and MAP_POPULATE are harmless
 *
 * SUBTEST: no-room
 * Description: when the kernel refuses to split a VMA, all is as it was
 *
 * SUBTEST: rlimit
 * Description: RLIMIT_AS limits mappings, and what was mapped goes on to work
 *
 * SUBTEST: dontfork
 * Description: a part that is not for children is not there in them
 *
 * SUBTEST: fork-order
 * Description: parent and child end in either order, while memory is evicted
 *
 * SUBTEST: fork-evict
 * Description: memory that is evicted during fork() is not mapped afterwards, neither
 *	in the parent nor in the child
 *
 * SUBTEST: exec
 * Description: a process with leaves of every level, threads in the middle of faults,
 *	becomes another program
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check what is left of a mapping when a part is cut out");

#define RW		(PROT_READ | PROT_WRITE)
#define PMD_PAGES	512l
#define PUD_PAGES	(512 * PMD_PAGES)

/* In newer headers only. */
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

/* PTEs, two PMD leaves, a PUD leaf, two PMD leaves, PTEs: in one block. */
#define PMD_FIRST	9l
#define PUD_FIRST	(PMD_FIRST + 2 * PMD_PAGES)
#define PUD_END		(PUD_FIRST + PUD_PAGES)
#define PMD_END		(PUD_END + 2 * PMD_PAGES)
#define TOTAL		(PMD_END + 11)
#define SIZE		(TOTAL * VRAM_PAGE)

static const struct vram_test_extent extents[] = {
	{ 0, VRAM_PUD - PUD_FIRST * VRAM_PAGE, TOTAL },
};

/* Where parts begin and end: edges, and their neighbours. */
static const long edges[] = {
	0, 1, PMD_FIRST - 1, PMD_FIRST, PMD_FIRST + 1, PMD_FIRST + PMD_PAGES,
	PUD_FIRST - 1, PUD_FIRST, PUD_FIRST + 1, PUD_FIRST + PMD_PAGES,
	PUD_FIRST + PUD_PAGES / 2 + 77, PUD_END - PMD_PAGES, PUD_END - 1, PUD_END,
	PUD_END + 1, PUD_END + PMD_PAGES, PMD_END, PMD_END + 1, TOTAL - 1, TOTAL,
};

/* How far the address is off the physical one modulo 1 GiB: the largest leaves. */
static const struct level {
	const char *name;
	uint64_t shift;
	unsigned int step;	/* 1: every edge; n: one of n, since each takes long */
} levels[] = {
	{ "pud", 0, 1 },
	{ "pmd", 5 * VRAM_PMD, 2 },
	{ "pte", VRAM_PAGE, 4 },
};

/* Pages of the memory that are one VMA somewhere, and so may share leaves. */
struct part {
	long first;
	long end;
	char *base;	/* where page 0 is or would be */
	int prot;
};

static struct vram vram;
static struct shape shape = { .extents = extents, .nr = ARRAY_SIZE(extents) };

static uint64_t pa_of(long page)
{
	return shape_pa(&shape, page);
}

/* The pages beside each edge are looked at. */
static long probe(unsigned int i)
{
	long page = edges[i / 2] - i % 2;

	return page < 0 ? 0 : page == TOTAL ? TOTAL - 1 : page;
}

#define PROBES	(2 * ARRAY_SIZE(edges))

static char *addr_of(const struct part *p, long page)
{
	return p->base + page * VRAM_PAGE;
}

/* The largest leaf around a page that lies in the part and in step with the memory. */
static unsigned int ideal_shift(const struct part *p, long page)
{
	uint64_t va = (uintptr_t)addr_of(p, page), pa = pa_of(page);
	uint64_t start = (uintptr_t)addr_of(p, p->first);
	uint64_t end = (uintptr_t)addr_of(p, p->end);
	unsigned int shift;

	for (shift = vram_max_shift; shift > 12; shift -= 9) {
		uint64_t size = 1ull << shift, from = va & -size;

		if ((va - pa) % size == 0 && from >= start && from + size <= end)
			break;
	}
	return shift;
}

static void check_leaf(const struct part *p, const struct vram_test_leaf *leaf)
{
	long page = ((long)leaf->addr - (long)p->base) / (long)VRAM_PAGE;
	unsigned int flags = VRAM_TEST_LEAF_SPECIAL |
			     ((p->prot & PROT_WRITE) ? VRAM_TEST_LEAF_WRITE : 0);

	igt_assert_f(page >= p->first && page < p->end &&
		     leaf->shift == ideal_shift(p, page) &&
		     leaf->pfn == pa_of(page) / VRAM_PAGE && leaf->flags == flags,
		     "leaf at page %ld of a part %ld to %ld: level %u, pfn %#llx, flags %#x; must be level %u, pfn %#llx, flags %#x\n",
		     page, p->first, p->end, leaf->shift,
		     (unsigned long long)leaf->pfn, leaf->flags,
		     ideal_shift(p, page),
		     (unsigned long long)(pa_of(page) / VRAM_PAGE), flags);
}

static void check_leaves(const struct part *p)
{
	struct vram_test_leaf *leaves;
	unsigned int nr, i;

	leaves = vram_leaves(&vram, addr_of(p, p->first),
			     (p->end - p->first) * VRAM_PAGE, &nr);
	igt_assert(nr);
	for (i = 0; i < nr; i++)
		check_leaf(p, &leaves[i]);
	free(leaves);
}

/* The content of the part, and that it can be written if and only if it may be. */
static void check_content(const struct part *p)
{
	unsigned int i;

	for (i = 0; i < PROBES; i++) {
		long page = probe(i);

		if (page < p->first || page >= p->end)
			continue;
		igt_assert_eq_u64(*(volatile uint64_t *)addr_of(p, page),
				  vram_stamp(pa_of(page), 3));
	}
	igt_assert_eq(vram_signal_of(addr_of(p, p->first), true),
		      (p->prot & PROT_WRITE) ? 0 : SIGSEGV);
	igt_assert_eq(vram_signal_of(addr_of(p, p->end - 1), true),
		      (p->prot & PROT_WRITE) ? 0 : SIGSEGV);
}

static void check_part(const struct part *p)
{
	if (p->first == p->end)
		return;
	check_content(p);
	check_leaves(p);
}

static void check_no_access(const struct part *p)
{
	igt_assert_eq(vram_signal_of(addr_of(p, p->first), false), SIGSEGV);
	igt_assert_eq(vram_signal_of(addr_of(p, p->end - 1), false), SIGSEGV);
}

/* What lies before and after a part of a mapping. */
static void check_rest(const struct part *all, const struct part *cut)
{
	struct part before = *all, after = *all;

	before.end = cut->first;
	after.first = cut->end;
	check_part(&before);
	check_part(&after);
}

static struct part map_all(uint64_t shift)
{
	struct part all = { .end = TOTAL, .prot = RW };

	all.base = shape_mmap(&vram, 0, TOTAL, pa_of(0) + shift, RW);
	igt_assert(all.base != MAP_FAILED);
	check_part(&all);
	return all;
}

static void unmap(const struct part *p)
{
	vram_unmap(addr_of(p, p->first), (p->end - p->first) * VRAM_PAGE);
}

static size_t size_of(const struct part *p)
{
	return (p->end - p->first) * VRAM_PAGE;
}

/* Operations on a part of a mapping ----------------------------------------- */

static void do_munmap(const struct part *all, const struct part *cut)
{
	unmap(cut);
	check_no_access(cut);
	check_rest(all, cut);
	igt_assert_eq(shape_zap(&vram, 0, TOTAL), 0);
	check_rest(all, cut);
}

static void do_read_only(const struct part *all, const struct part *cut)
{
	struct part read_only = *cut;

	igt_assert_eq(mprotect(addr_of(cut, cut->first), size_of(cut), PROT_READ),
		      0);
	read_only.prot = PROT_READ;
	check_part(&read_only);
	check_rest(all, cut);
	igt_assert_eq(mprotect(addr_of(cut, cut->first), size_of(cut), RW), 0);
	check_content(all);
}

static void do_no_access(const struct part *all, const struct part *cut)
{
	igt_assert_eq(mprotect(addr_of(cut, cut->first), size_of(cut), PROT_NONE),
		      0);
	check_no_access(cut);
	check_rest(all, cut);
	igt_assert_eq(mprotect(addr_of(cut, cut->first), size_of(cut), RW), 0);
	check_content(all);
}

static void do_replace(const struct part *all, const struct part *cut)
{
	char *at = addr_of(cut, cut->first);

	igt_assert(mmap(at, size_of(cut), RW,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
	igt_assert_eq(at[0], 0);
	at[size_of(cut) - 1] = 1;
	check_rest(all, cut);
}

static struct part moved(const struct part *cut, char *to)
{
	struct part p = *cut;

	igt_assert(mremap(addr_of(cut, cut->first), size_of(cut), size_of(cut),
			  MREMAP_MAYMOVE | MREMAP_FIXED,
			  to + cut->first * VRAM_PAGE) ==
		   to + cut->first * VRAM_PAGE);
	p.base = to;
	return p;
}

static void do_move(const struct part *all, const struct part *cut)
{
	/* Nothing is mapped there; and it is out of step by two PMD leaves more. */
	struct part there = moved(cut, all->base + 500 * VRAM_PUD + 2 * VRAM_PMD);

	check_no_access(cut);
	check_part(&there);
	check_rest(all, cut);
	igt_assert_eq(shape_zap(&vram, 0, TOTAL), 0);
	check_part(&there);
	check_rest(all, cut);
	unmap(&there);
}

static void do_onto(const struct part *all, const struct part *cut)
{
	struct part other = map_all(VRAM_PMD), there = moved(cut, other.base);

	check_no_access(cut);
	/* What is beside it is the same memory, but is another VMA or the same. */
	check_content(&other);
	check_rest(all, cut);
	igt_assert_eq(shape_zap(&vram, 0, TOTAL), 0);
	check_content(&there);
	check_content(&other);
	check_rest(all, cut);
	unmap(&other);
}

static void do_shrink(const struct part *all, const struct part *cut)
{
	struct part left = *all, first = *cut;

	first.end = first.first + 1;
	if (size_of(cut) > VRAM_PAGE)
		igt_assert(mremap(addr_of(cut, cut->first), size_of(cut),
				  VRAM_PAGE, 0) == addr_of(cut, cut->first));
	igt_assert_eq(vram_signal_of(addr_of(&first, first.end), false),
		      size_of(cut) == VRAM_PAGE && cut->end < TOTAL ? 0 : SIGSEGV);
	check_content(&first);

	left.end = cut->first;
	if (size_of(&left))
		igt_assert(mremap(left.base, SIZE, size_of(&left), 0) == left.base);
	igt_assert_eq(vram_signal_of(addr_of(cut, cut->first), false),
		      size_of(&left) ? SIGSEGV : 0);
	check_part(&left);
}

static void expect_no_mremap(const struct part *cut, size_t old, size_t new,
			     int flags, int err)
{
	errno = 0;
	igt_assert(mremap(addr_of(cut, cut->first), old, new,
			  flags | MREMAP_MAYMOVE) == MAP_FAILED);
	igt_assert_eq(errno, err);
}

static void do_refused(const struct part *all, const struct part *cut)
{
	size_t size = size_of(cut);

	expect_no_mremap(cut, size, size + VRAM_PAGE, 0, EFAULT);
	expect_no_mremap(cut, 0, size, 0, EFAULT);
	expect_no_mremap(cut, size, size, MREMAP_DONTUNMAP, EINVAL);
	check_part(all);
}

/* No leaf may lie across two VMAs: the next split would meet it. */
static void do_advise(const struct part *all, const struct part *cut)
{
	static const int advice[] = {
		MADV_RANDOM, MADV_HUGEPAGE, MADV_DONTFORK,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		igt_assert_eq(madvise(addr_of(cut, cut->first), size_of(cut),
				      advice[i]), 0);
		check_part(cut);
		check_rest(all, cut);
	}
	igt_assert_eq(shape_zap(&vram, 0, TOTAL), 0);
	check_part(cut);
	check_rest(all, cut);
}

static void do_lock(const struct part *all, const struct part *cut)
{
	char *at = addr_of(cut, cut->first);

	igt_assert_eq(mlock(at, size_of(cut)), 0);
	check_part(all);
	igt_assert_eq(mlock2(at, size_of(cut), MLOCK_ONFAULT), 0);
	igt_assert_eq(shape_zap(&vram, 0, TOTAL), 0);
	check_part(all);
	igt_assert_eq(munlock(at, size_of(cut)), 0);
	check_part(all);
}

static const struct {
	const char *name;
	const char *what;
	void (*run)(const struct part *all, const struct part *cut);
} ops[] = {
	{ "munmap", "Check that any part can be unmapped", do_munmap },
	{ "read-only", "Check that any part can be made read-only",
	  do_read_only },
	{ "no-access", "Check that any part can be made inaccessible and back",
	  do_no_access },
	{ "replace", "Check that any part can be covered by another mapping",
	  do_replace },
	{ "move", "Check that any part can be moved", do_move },
	{ "onto", "Check that any part can be moved onto another mapping",
	  do_onto },
	{ "shrink", "Check that a mapping can shrink to any size", do_shrink },
	{ "refused", "Check that what mremap() must refuse changes nothing",
	  do_refused },
	{ "advise", "Check that no leaf is left across two VMAs", do_advise },
	{ "lock", "Check that locking any part changes nothing", do_lock },
};

static void check_all_parts(void (*run)(const struct part *all,
					const struct part *cut),
			    const struct level *level)
{
	unsigned int from, to, cuts = 0;
	long tables = 0;

	for (from = 0; from < ARRAY_SIZE(edges); from += level->step) {
		for (to = from + 1; to < ARRAY_SIZE(edges); to += level->step) {
			struct part all = map_all(level->shift), cut = all;

			cut.first = edges[from];
			cut.end = edges[to];
			run(&all, &cut);
			unmap(&all);
			cuts++;
		}
		/* The first of them have touched all that the test needs itself. */
		if (!from)
			tables = vram_table_bytes();
	}
	igt_assert_eq(vram_table_bytes(), tables);
	igt_info("%u parts\n", cuts);
}

/* Other system calls --------------------------------------------------------- */

static void check_madvise(uint64_t shift)
{
	/* Where the kernel can give pages up, it looks for one first. */
	const int poison = access("/proc/sys/vm/memory_failure_recovery", F_OK) ?
			   EINVAL : EFAULT;
	const struct {
		const char *name;
		int advice;
		int err;
	} kinds[] = {
#define KIND(name, err)	{ #name, MADV_##name, err }
		KIND(NORMAL, 0), KIND(RANDOM, 0), KIND(SEQUENTIAL, 0),
		KIND(WILLNEED, 0), KIND(KEEPONFORK, 0), KIND(DONTDUMP, 0),
		KIND(MERGEABLE, 0), KIND(UNMERGEABLE, 0),
		KIND(HUGEPAGE, 0), KIND(NOHUGEPAGE, 0),
		KIND(DONTNEED, EINVAL), KIND(DONTNEED_LOCKED, EINVAL),
		KIND(FREE, EINVAL), KIND(COLD, EINVAL), KIND(PAGEOUT, EINVAL),
		KIND(POPULATE_READ, EINVAL), KIND(POPULATE_WRITE, EINVAL),
		KIND(COLLAPSE, EINVAL), KIND(DODUMP, EINVAL),
		KIND(WIPEONFORK, EINVAL), KIND(DOFORK, EINVAL),
		KIND(REMOVE, ENODEV),
		KIND(HWPOISON, poison), KIND(SOFT_OFFLINE, poison),
#undef KIND
		/* MADV_GUARD_INSTALL, where the kernel has it; and nonsense. */
		{ "GUARD_INSTALL", 102, EINVAL }, { "1000", 1000, EINVAL },
	};
	struct part all = map_all(shift);
	unsigned int i, round;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		/* Of what is mapped, and of what is not. */
		for (round = 0; round < 2; round++) {
			int ret, err;

			errno = 0;
			ret = madvise(all.base, SIZE, kinds[i].advice);
			err = ret ? errno : 0;
			igt_assert_f(err == kinds[i].err, "MADV_%s: %s\n",
				     kinds[i].name, strerror(err));
			check_content(&all);
			igt_assert_eq(shape_zap(&vram, 0, TOTAL), 0);
		}
	}
	check_content(&all);
	unmap(&all);
}

static void check_lock_all(void)
{
	struct part all = map_all(0), more;
	char *map;

	igt_assert_eq(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	more = map_all(VRAM_PAGE);
	check_part(&all);
	igt_assert_eq(mlockall(MCL_CURRENT | MCL_ONFAULT), 0);
	check_part(&all);
	igt_assert_eq(munlockall(), 0);
	check_part(&more);
	unmap(&more);

	map = mmap(NULL, SIZE, RW, MAP_SHARED | MAP_POPULATE | MAP_LOCKED,
		   vram.test, 0);
	igt_assert(map != MAP_FAILED);
	more = all;
	more.base = map;
	check_content(&more);
	unmap(&more);
	unmap(&all);
}

#define MAP_COUNT	"/proc/sys/vm/max_map_count"

static int map_count(int value)
{
	FILE *file = fopen(MAP_COUNT, value ? "w" : "r");
	int now = value;

	igt_assert(file);
	if (value)
		igt_assert_lte(1, fprintf(file, "%d\n", value));
	else
		igt_assert_eq(fscanf(file, "%d", &now), 1);
	igt_assert_eq(fclose(file), 0);
	return now;
}

/*
 * The library has zapped the PUD leaf when the core finds that it cannot split.
 * Nothing may be asserted before there is room again, for the whole system.
 */
static void check_no_room(void)
{
	struct part all = map_all(0);
	char *at = addr_of(&all, PUD_FIRST + 5000), *to;
	int limit = map_count(0), unmapped, err, protected, advised;

	map_count(1);
	unmapped = munmap(at, VRAM_PAGE);
	err = errno;
	protected = mprotect(at, VRAM_PAGE, PROT_READ);
	advised = madvise(at, VRAM_PAGE, MADV_RANDOM);
	to = mremap(at, VRAM_PAGE, VRAM_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    all.base + 500 * VRAM_PUD);
	map_count(limit);

	igt_assert_eq(unmapped, -1);
	igt_assert_eq(err, ENOMEM);
	igt_assert_eq(protected, -1);
	igt_assert_eq(advised, -1);
	igt_assert(to == MAP_FAILED);
	check_part(&all);
	igt_assert_eq(munmap(at, VRAM_PAGE), 0);
	unmap(&all);
}

static long vm_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages;

	igt_assert(file);
	igt_assert_eq(fscanf(file, "%ld", &pages), 1);
	fclose(file);
	return pages;
}

/* Runs in a child. */
static void check_rlimit(void)
{
	struct part all = map_all(0), cut = all;
	struct rlimit limit;

	limit.rlim_max = (vm_pages() + 64) * VRAM_PAGE;
	limit.rlim_cur = limit.rlim_max;
	igt_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	errno = 0;
	igt_assert(shape_mmap(&vram, 0, TOTAL, pa_of(0), RW) == MAP_FAILED);
	igt_assert_eq(errno, ENOMEM);
	igt_assert_eq(shape_zap(&vram, 0, TOTAL), 0);
	cut.first = PUD_FIRST + 7;
	cut.end = cut.first + 9;
	check_content(&all);
	do_munmap(&all, &cut);
	/* Now there is room for what was unmapped. */
	igt_assert(mmap(addr_of(&cut, cut.first), size_of(&cut), RW,
			MAP_SHARED | MAP_FIXED, vram.test,
			cut.first * VRAM_PAGE) == addr_of(&cut, cut.first));
	check_content(&all);
	unmap(&all);
}

/* VM_DONTCOPY: the child has what lies beside, by leaves of its own. */
static void check_dontfork(const struct level *level)
{
	struct part all = map_all(level->shift), cut = all;

	cut.first = PUD_FIRST + PMD_PAGES + 3;
	cut.end = cut.first + PMD_PAGES;
	igt_assert_eq(madvise(addr_of(&cut, cut.first), size_of(&cut),
			      MADV_DONTFORK), 0);
	igt_fork(child, 1) {
		check_no_access(&cut);
		check_rest(&all, &cut);
		igt_assert_eq(shape_zap(&vram, 0, TOTAL), 0);
		check_rest(&all, &cut);
	}
	igt_waitchildren();
	check_part(&cut);
	check_rest(&all, &cut);
	unmap(&all);
}

/* Parent, child and grandchild --------------------------------------------------- */

#define BO_SIZE		(4 * VRAM_PMD)

struct family {
	struct vram_bo bo;
	char *map;
};

static void write_family(const struct family *f, uint64_t seed)
{
	uint64_t at;

	for (at = 0; at < BO_SIZE; at += VRAM_PAGE)
		*(volatile uint64_t *)(f->map + at) = vram_stamp(at, seed);
}

static void check_family(const struct family *f, uint64_t seed)
{
	uint64_t at;

	for (at = 0; at < BO_SIZE; at += VRAM_PAGE)
		igt_assert_eq_u64(*(volatile uint64_t *)(f->map + at),
				  vram_stamp(at, seed));
}

/* No process may keep a leaf of memory that the buffer has left. */
static void check_outside(const struct family *f)
{
	struct vram_test_leaf *leaves;
	unsigned int nr, i;

	leaves = vram_leaves(&vram, f->map, BO_SIZE, &nr);
	for (i = 0; i < nr; i++)
		igt_assert(leaves[i].pfn - vram.base_pfn >=
			   vram.size / VRAM_PAGE);
	free(leaves);
}

static void evict(const struct family *f)
{
	vram_bo_act(&vram, &f->bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_OUT);
	check_outside(f);
}

static void bring_back(const struct family *f)
{
	vram_bo_act(&vram, &f->bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_IN);
}

/*
 * A word from one process to the other that it is its turn. Whoever dies closes its
 * end, and the other gets no word and fails.
 */
static void tell(int fd)
{
	igt_assert_eq(write(fd, "!", 1), 1);
}

static void hear(int fd)
{
	char c;

	igt_assert_eq(read(fd, &c, 1), 1);
}

static int wait_for(pid_t pid)
{
	int status;

	igt_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The middle process ends before the last, to which it has given its mapping. */
static void check_parent_first(const struct family *f)
{
	int down[2], up[2];
	pid_t pid;

	igt_assert(!pipe(down) && !pipe(up));
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		if (fork())
			_exit(0);
		hear(down[0]);		/* the parent is gone */
		check_outside(f);
		check_family(f, 5);
		evict(f);
		write_family(f, 6);
		tell(up[1]);
		_exit(0);
	}
	igt_assert_eq(wait_for(pid), 0);
	evict(f);
	tell(down[1]);
	hear(up[0]);
	check_family(f, 6);
	close(down[0]);
	close(down[1]);
	close(up[0]);
	close(up[1]);
}

static void check_child_first(const struct family *f)
{
	int down[2], up[2];
	pid_t pid;

	igt_assert(!pipe(down) && !pipe(up));
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		check_family(f, 4);
		tell(up[1]);
		hear(down[0]);		/* evicted by the parent */
		check_outside(f);
		check_family(f, 4);
		bring_back(f);
		write_family(f, 5);
		_exit(0);
	}
	hear(up[0]);
	evict(f);
	check_family(f, 4);
	tell(down[1]);
	igt_assert_eq(wait_for(pid), 0);
	check_family(f, 5);
	close(down[0]);
	close(down[1]);
	close(up[0]);
	close(up[1]);
}

static void check_fork_order(uint64_t block_size)
{
	struct family f;

	vram_bo_create(&vram, &f.bo, BO_SIZE, block_size, 0);
	f.map = vram_map(&vram, &f.bo, 0, BO_SIZE, 0, RW);
	write_family(&f, 4);
	check_child_first(&f);
	check_parent_first(&f);
	bring_back(&f);
	check_family(&f, 6);
	vram_unmap(f.map, BO_SIZE);
	vram_bo_destroy(&vram, &f.bo);
}

/* The buffer leaves the window while its mapping is copied. */
static void *evict_aside(void *data)
{
	const struct family *f = data;

	vram_bo_act(&vram, &f->bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_OUT);
	return NULL;
}

static void fork_and_evict(const struct family *f)
{
	pthread_t thread;
	int down[2];
	pid_t pid;

	igt_assert(!pipe(down));
	igt_assert_eq(pthread_create(&thread, NULL, evict_aside, (void *)f), 0);
	usleep(random() % 300);
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		hear(down[0]);		/* evicted */
		check_outside(f);
		check_family(f, 7);
		_exit(0);
	}
	igt_assert_eq(pthread_join(thread, NULL), 0);
	check_outside(f);
	tell(down[1]);
	igt_assert_eq(wait_for(pid), 0);
	close(down[0]);
	close(down[1]);
}

static void check_fork_evict(uint64_t block_size)
{
	struct family f;
	int round;

	vram_bo_create(&vram, &f.bo, BO_SIZE, block_size, 0);
	f.map = vram_map(&vram, &f.bo, 0, BO_SIZE, 0, RW);
	write_family(&f, 7);
	for (round = 0; round < 20; round++) {
		fork_and_evict(&f);
		bring_back(&f);
		check_family(&f, 7);
	}
	vram_unmap(f.map, BO_SIZE);
	vram_bo_destroy(&vram, &f.bo);
}

/* A program instead of this one --------------------------------------------------- */

static void *touch_for_ever(void *data)
{
	const struct part *all = data;
	unsigned int i;

	for (i = 0;; i++)
		*(volatile char *)addr_of(all, probe(i % PROBES));
	return NULL;
}

static void *zap_for_ever(void *data)
{
	(void)data;
	for (;;)
		shape_zap(&vram, 0, TOTAL);
	return NULL;
}

static void check_exec(void)
{
	static struct part all;
	pthread_t threads[2];
	pid_t pid = fork();

	igt_assert_lte(0, pid);
	if (!pid) {
		all = map_all(0);
		if (pthread_create(&threads[0], NULL, touch_for_ever, &all) ||
		    pthread_create(&threads[1], NULL, zap_for_ever, NULL))
			_exit(1);
		usleep(20 * 1000);
		execl("/proc/self/exe", "vmf_range_surgery", "--list-subtests",
		      NULL);
		_exit(2);
	}
	igt_assert_eq(wait_for(pid), 0);
}

igt_main()
{
	unsigned int i, j;

	igt_fixture() {
		vram_open(&vram, drm_open_driver(DRIVER_ANY));
		igt_require(vram.size >= 3 * VRAM_PUD);
		shape_set(&vram, &shape);
		for (i = 0; i < PROBES; i++)
			vram_poke(&vram, pa_of(probe(i)),
				  vram_stamp(pa_of(probe(i)), 3));
	}

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		for (j = 0; j < ARRAY_SIZE(levels); j++) {
			igt_describe(ops[i].what);
			igt_subtest_f("%s-%s", ops[i].name, levels[j].name)
				check_all_parts(ops[i].run, &levels[j]);
		}
	}

	igt_describe("Check the result of each kind of advice");
	igt_subtest("madvise") {
		for (j = 0; j < ARRAY_SIZE(levels); j++)
			check_madvise(levels[j].shift);
	}

	igt_describe("Check that locked memory and device memory do not mix");
	igt_subtest("lock-all")
		check_lock_all();

	igt_describe("Check that a split that fails leaves all as it was");
	igt_subtest("no-room")
		check_no_room();

	igt_describe("Check mappings at the limit of the address space");
	igt_subtest("rlimit") {
		igt_fork(child, 1)
			check_rlimit();
		igt_waitchildren();
	}

	igt_describe("Check that a child has no part that is not for it");
	igt_subtest("dontfork") {
		for (j = 0; j < ARRAY_SIZE(levels); j++)
			check_dontfork(&levels[j]);
	}

	igt_describe("Check that parent and child may end in either order");
	igt_subtest("fork-order") {
		check_fork_order(VRAM_PMD);
		check_fork_order(VRAM_PAGE);
	}

	igt_describe("Check that no leaf lives through an eviction during fork()");
	igt_subtest("fork-evict") {
		check_fork_evict(VRAM_PMD);
		check_fork_evict(VRAM_PAGE);
	}

	igt_describe("Check that a process may become another program in the middle of faults");
	igt_subtest("exec") {
		for (i = 0; i < 5; i++)
			check_exec();
	}

	igt_fixture() {
		shape_fini(&vram, &shape);
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
