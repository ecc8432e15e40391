// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range vma
 * Description: Check that VMAs can be split and moved inside huge leaves
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: %s-%s
 * Description: %arg[1] of %arg[2] leaves the rest of the mapping right
 *
 * arg[1]:
 *
 * @munmap:	munmap()
 * @read-only:	mprotect() to PROT_READ
 * @no-access:	mprotect() to PROT_NONE and back
 * @replace:	mmap() with MAP_FIXED on top
 * @move:	mremap() to another place
 * @advise:	madvise(), which splits the VMA and changes nothing that is mapped
 *
 * arg[2]:
 *
 * @pud-first:	the first page of a 1 GiB leaf
 * @pud-middle:	a page in the middle of a 1 GiB leaf
 * @pud-last:	the last page of a 1 GiB leaf
 * @pud-2m:	2 MiB in the middle of a 1 GiB leaf
 * @pud-edges:	a range from an odd page to an odd page of a 1 GiB leaf
 * @pud-all:	all of a 1 GiB leaf
 * @pmd-middle:	a page in the middle of a 2 MiB leaf
 * @pmd-2m:	a whole 2 MiB leaf
 * @pmd-edges:	a range from an odd page to an odd page over 2 MiB leaves
 * @pmd-all:	all of a mapping by 2 MiB leaves
 *
 * SUBTEST: fork
 * Description: a child has the PUD leaves of its parent, and keeps them when the
 *	parent's go, and the other way round; PMD leaves come back in both
 *
 * SUBTEST: exit
 * Description: a process may exit with leaves of every level mapped
 *
 * SUBTEST: upgrade
 * Description: a read-only mapping that is made writable can be written
 *
 * SUBTEST: soft-dirty
 * Description: in a mapping whose writes the kernel tracks, reads map read-only
 *	leaves, and writes make them writable
 *
 * SUBTEST: resize
 * Description: mremap() can shrink a mapping and cannot make it grow
 *
 * SUBTEST: race-split
 * Description: splits inside a 1 GiB leaf, while other threads touch it, never
 *	show wrong memory
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "igt.h"
#include "model.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check that VMAs can be split and moved inside huge leaves");

#define RW	(PROT_READ | PROT_WRITE)

struct cut {
	const char *name;
	uint64_t block_size;
	uint64_t size;
	uint64_t at;
	uint64_t len;
};

#define PUD_CUT(name, at, len)	{ name, VRAM_PUD, VRAM_PUD, at, len }
#define PMD_SIZE_TOTAL		(16 * VRAM_PMD)
#define PMD_CUT(name, at, len)	{ name, VRAM_PMD, PMD_SIZE_TOTAL, at, len }

static const struct cut cuts[] = {
	PUD_CUT("pud-first", 0, VRAM_PAGE),
	PUD_CUT("pud-middle", VRAM_PUD / 2 + 5 * VRAM_PAGE, VRAM_PAGE),
	PUD_CUT("pud-last", VRAM_PUD - VRAM_PAGE, VRAM_PAGE),
	PUD_CUT("pud-2m", VRAM_PUD / 2, VRAM_PMD),
	PUD_CUT("pud-edges", 77 * VRAM_PAGE, VRAM_PUD / 2 + 3 * VRAM_PAGE),
	PUD_CUT("pud-all", 0, VRAM_PUD),
	PMD_CUT("pmd-middle", 3 * VRAM_PMD + 9 * VRAM_PAGE, VRAM_PAGE),
	PMD_CUT("pmd-2m", 3 * VRAM_PMD, VRAM_PMD),
	PMD_CUT("pmd-edges", 2 * VRAM_PMD + 9 * VRAM_PAGE,
		3 * VRAM_PMD + 7 * VRAM_PAGE),
	PMD_CUT("pmd-all", 0, PMD_SIZE_TOTAL),
};

/* A buffer, fully mapped and stamped, and the piece of it that an op is about. */
struct subject {
	const struct cut *cut;
	struct vram_bo bo;
	char *map;
	char *piece;
};

static struct vram vram;

/* Every page of a part of the buffer, seen at @addr, has its stamp... */
static void check_stamps(const struct subject *s, uint64_t from,
			 const char *addr, size_t len)
{
	uint64_t at;

	for (at = 0; at < len; at += VRAM_PAGE) {
		uint64_t pa = vram_bo_pa(&vram, &s->bo, from + at);

		igt_assert_eq_u64(*(volatile uint64_t *)(addr + at),
				  vram_stamp(pa, 1));
	}
}

/* ... and is mapped by the leaf that a VMA of just this part must have. */
static void check_part(const struct subject *s, uint64_t from, void *addr,
		       size_t len, int prot)
{
	struct model m;

	if (!len)
		return;
	check_stamps(s, from, addr, len);
	model_init(&m, &vram, &s->bo, from, addr, len);
	model_check(&m, &vram, prot);
	model_fini(&m);
}

static void subject_init(struct subject *s, const struct cut *cut)
{
	uint64_t at, pa;

	s->cut = cut;
	igt_require(vram_avail(&vram) >= cut->size);
	vram_bo_create(&vram, &s->bo, cut->size, cut->block_size, 0);
	for (at = 0; at < cut->size; at += VRAM_PAGE) {
		pa = vram_bo_pa(&vram, &s->bo, at);
		*vram_word(&vram, pa) = vram_stamp(pa, 1);
	}
	s->map = vram_map(&vram, &s->bo, 0, cut->size, 0, RW);
	s->piece = s->map + cut->at;
	check_part(s, 0, s->map, cut->size, RW);
}

/* What lies before and after the piece must not have suffered. */
static void check_rest(const struct subject *s)
{
	const struct cut *c = s->cut;
	uint64_t end = c->at + c->len;

	check_part(s, 0, s->map, c->at, RW);
	check_part(s, end, s->map + end, c->size - end, RW);
}

static void subject_fini(struct subject *s)
{
	vram_unmap(s->map, s->cut->size);
	vram_bo_destroy(&vram, &s->bo);
}

static void op_munmap(struct subject *s)
{
	const struct cut *c = s->cut;

	vram_unmap(s->piece, c->len);
	igt_assert_eq(vram_signal_of(s->piece, false), SIGSEGV);
	igt_assert_eq(vram_signal_of(s->piece + c->len - 1, false), SIGSEGV);
	check_rest(s);
}

static void op_read_only(struct subject *s)
{
	const struct cut *c = s->cut;

	igt_assert_eq(mprotect(s->piece, c->len, PROT_READ), 0);
	igt_assert_eq(vram_signal_of(s->piece, true), SIGSEGV);
	igt_assert_eq(vram_signal_of(s->piece + c->len - 1, true), SIGSEGV);
	check_part(s, c->at, s->piece, c->len, PROT_READ);
	check_rest(s);
	igt_assert_eq(vram_signal_of(s->piece, true), SIGSEGV);
	igt_assert_eq(vram_signal_of(s->map + c->size - 1, true),
		      c->at + c->len == c->size ? SIGSEGV : 0);
}

static void op_no_access(struct subject *s)
{
	const struct cut *c = s->cut;
	struct vram_test_leaf *leaves;
	unsigned int nr, i;

	igt_assert_eq(mprotect(s->piece, c->len, PROT_NONE), 0);
	igt_assert_eq(vram_signal_of(s->piece, false), SIGSEGV);
	igt_assert_eq(vram_signal_of(s->piece + c->len - 1, false), SIGSEGV);
	check_rest(s);
	igt_assert_eq(mprotect(s->piece, c->len, RW), 0);
	/*
	 * A PUD leaf without access is one that x86 takes for not present: none may
	 * have lived through it.
	 */
	leaves = vram_leaves(&vram, s->piece, c->len, &nr);
	for (i = 0; i < nr; i++)
		igt_assert_neq(leaves[i].shift, 30);
	free(leaves);
	check_stamps(s, 0, s->map, c->size);
	igt_assert_eq(vram_signal_of(s->piece, true), 0);
}

static void op_replace(struct subject *s)
{
	const struct cut *c = s->cut;
	char *top;

	top = mmap(s->piece, c->len, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		   -1, 0);
	igt_assert(top == s->piece);
	igt_assert_eq(top[0], 0);
	top[c->len - 1] = 1;
	check_rest(s);
}

static void op_move(struct subject *s)
{
	const struct cut *c = s->cut;
	/* 2 MiB further into the 1 GiB than before: other leaves fit there. */
	char *to = s->map - 256 * VRAM_PUD + c->at + VRAM_PMD;

	igt_assert(mremap(s->piece, c->len, c->len,
			  MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	igt_assert_eq(vram_signal_of(s->piece, false), SIGSEGV);
	check_stamps(s, c->at, to, c->len);
	check_rest(s);
	/* A touch after a zap: what is mapped now came from faults here. */
	vram_bo_act(&vram, &s->bo, VRAM_TEST_ZAP, 0);
	check_stamps(s, c->at, to, c->len);
	check_stamps(s, 0, s->map, c->at);
	vram_unmap(to, c->len);
}

/* No leaf may lie across two VMAs: the next split would meet it. */
static void op_advise(struct subject *s)
{
	const struct cut *c = s->cut;

	igt_assert_eq(madvise(s->piece, c->len, MADV_RANDOM), 0);
	check_part(s, c->at, s->piece, c->len, RW);
	check_rest(s);
	igt_assert_eq(madvise(s->piece, c->len, MADV_NORMAL), 0);
	check_stamps(s, 0, s->map, c->size);
}

static const struct {
	const char *name;
	const char *what;
	void (*run)(struct subject *s);
} ops[] = {
	{ "munmap", "Check that a part can be unmapped", op_munmap },
	{ "read-only", "Check that a part can be made read-only",
	  op_read_only },
	{ "no-access", "Check that a part can be made inaccessible and back",
	  op_no_access },
	{ "replace", "Check that a part can be covered by another mapping",
	  op_replace },
	{ "move", "Check that a part can be moved", op_move },
	{ "advise", "Check that no leaf is left across two VMAs", op_advise },
};

static const struct cut *cut_named(const char *name)
{
	unsigned int i;

	for (i = 0; strcmp(cuts[i].name, name); i++)
		;
	return &cuts[i];
}

static int wait_for(pid_t pid)
{
	int status;

	igt_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* Before either has touched a page. What the core cannot copy safely, nobody has. */
static void check_forked(const struct subject *s, const struct model *m)
{
	struct vram_test_leaf *leaves;
	unsigned int nr;

	if (m->shift[0] != 21) {
		model_check(m, &vram, RW);
		return;
	}
	leaves = vram_leaves(&vram, s->map, s->cut->size, &nr);
	free(leaves);
	igt_assert_eq(nr, 0);
}

static void check_fork(const struct cut *cut)
{
	struct subject s;
	struct model m;

	subject_init(&s, cut);
	model_init(&m, &vram, &s.bo, 0, s.map, cut->size);
	igt_fork(child, 1) {
		check_forked(&s, &m);
		check_part(&s, 0, s.map, cut->size, RW);
		vram_unmap(s.piece, cut->len);
		check_rest(&s);
	}
	igt_waitchildren();
	check_forked(&s, &m);
	check_part(&s, 0, s.map, cut->size, RW);

	/* A write by one is seen by the other: it is shared memory. */
	igt_fork(child, 1)
		*(volatile uint64_t *)s.map = 42;
	igt_waitchildren();
	igt_assert_eq_u64(*(volatile uint64_t *)s.map, 42);
	model_fini(&m);
	subject_fini(&s);
}

static void check_exit(void)
{
	struct subject s;
	pid_t pid;

	subject_init(&s, cut_named("pud-all"));
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		char *b = vram_map(&vram, &s.bo, 0, VRAM_PUD, VRAM_PMD, RW);
		char *c = vram_map(&vram, &s.bo, 0, VRAM_PUD, VRAM_PAGE, RW);

		*(volatile char *)b;
		*(volatile char *)c;
		munmap(s.map + 5 * VRAM_PAGE, VRAM_PAGE);
		*(volatile char *)s.map;
		_exit(*(volatile uint64_t *)b == *(volatile uint64_t *)c);
	}
	igt_assert_eq(WEXITSTATUS(wait_for(pid)), 1);

	/* And one that is killed in the middle of touching. */
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		for (;;) {
			vram_bo_act(&vram, &s.bo, VRAM_TEST_ZAP, 0);
			*(volatile char *)s.map;
		}
	}
	usleep(100 * 1000);
	kill(pid, SIGKILL);
	igt_assert(WIFSIGNALED(wait_for(pid)));

	check_stamps(&s, 0, s.map, s.cut->size);
	subject_fini(&s);
}

static void check_upgrade(const char *name, uint64_t shift)
{
	const struct cut *cut = cut_named(name);
	struct subject s;
	char *view;

	subject_init(&s, cut);
	view = vram_map(&vram, &s.bo, 0, cut->size, shift, PROT_READ);
	check_part(&s, 0, view, cut->size, PROT_READ);
	igt_assert_eq(mprotect(view, cut->size, RW), 0);
	igt_assert_eq(vram_signal_of(view + cut->size / 2, true), 0);
	igt_assert_eq(vram_signal_of(view, true), 0);
	check_stamps(&s, 0, view, cut->size);
	view[cut->size - 1] = 17;
	igt_assert_eq(s.map[cut->size - 1], 17);
	vram_unmap(view, cut->size);
	subject_fini(&s);
}

/*
 * Soft-dirty tracking makes the kernel ask to hear of first writes. Runs in a
 * child: it is switched on for all of a process.
 */
static void check_soft_dirty(const char *name, uint64_t shift)
{
	const struct cut *cut = cut_named(name);
	struct subject s;
	uint64_t at;
	char *view;
	FILE *file;

	subject_init(&s, cut);
	view = vram_map(&vram, &s.bo, 0, cut->size, shift, RW);
	file = fopen("/proc/self/clear_refs", "w");
	igt_assert(file);
	igt_assert_lte(0, fputs("4", file));
	igt_assert_eq(fclose(file), 0);

	check_part(&s, 0, view, cut->size, PROT_READ);
	for (at = 0; at < cut->size; at += VRAM_PAGE)
		*(volatile uint64_t *)(view + at) += 1;
	for (at = 0; at < cut->size; at += VRAM_PAGE)
		*(volatile uint64_t *)(view + at) -= 1;
	check_part(&s, 0, view, cut->size, RW);
	check_stamps(&s, 0, s.map, cut->size);
	vram_unmap(view, cut->size);
	subject_fini(&s);
}

static void check_resize(void)
{
	struct subject s;

	subject_init(&s, cut_named("pud-all"));
	errno = 0;
	igt_assert(mremap(s.map, VRAM_PUD, 2 * VRAM_PUD, MREMAP_MAYMOVE) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EFAULT);
	igt_assert(mremap(s.map, VRAM_PUD, VRAM_PUD / 2 + VRAM_PAGE, 0) ==
		   s.map);
	check_part(&s, 0, s.map, VRAM_PUD / 2 + VRAM_PAGE, RW);
	igt_assert_eq(vram_signal_of(s.map + VRAM_PUD / 2 + VRAM_PAGE, false),
		      SIGSEGV);
	subject_fini(&s);
}

struct race {
	const struct subject *subject;
	atomic_bool stop;
	atomic_ulong touches;
	atomic_ulong wrong;
};

static void *race_touch(void *data)
{
	struct race *race = data;
	const struct subject *s = race->subject;
	unsigned int seed = (uintptr_t)&seed;

	while (!race->stop) {
		uint64_t at = rand_r(&seed) % (s->cut->size / VRAM_PAGE) *
			      VRAM_PAGE;
		uint64_t pa = vram_bo_pa(&vram, &s->bo, at);

		if (*(volatile uint64_t *)(s->map + at) != vram_stamp(pa, 1))
			race->wrong++;
		race->touches++;
	}
	return NULL;
}

/* Splits and merges of the VMA, by a protection that lets reads through. */
static void race_split(const struct subject *s, time_t seconds)
{
	time_t end = time(NULL) + seconds;
	size_t pages = s->cut->size / VRAM_PAGE;

	while (time(NULL) < end) {
		size_t first = random() % pages;
		size_t len = 1 + random() % (pages - first);
		char *at = s->map + first * VRAM_PAGE;

		igt_assert_eq(mprotect(at, len * VRAM_PAGE, PROT_READ), 0);
		igt_assert_eq(mprotect(s->map, s->cut->size, RW), 0);
		if (random() % 16 == 0)
			vram_bo_act(&vram, &s->bo, VRAM_TEST_ZAP, 0);
	}
}

static void check_race_split(void)
{
	struct race race = {};
	pthread_t threads[2];
	struct subject s;
	unsigned int i;

	subject_init(&s, cut_named("pud-all"));
	race.subject = &s;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		igt_assert_eq(pthread_create(&threads[i], NULL, race_touch,
					     &race), 0);
	race_split(&s, 3);
	race.stop = true;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	igt_info("%lu touches\n", race.touches);
	igt_assert_eq_u64(race.wrong, 0);
	igt_assert(race.touches);
	check_stamps(&s, 0, s.map, s.cut->size);
	subject_fini(&s);
}

igt_main()
{
	struct subject s;
	unsigned int i, j;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		for (j = 0; j < ARRAY_SIZE(cuts); j++) {
			igt_describe(ops[i].what);
			igt_subtest_f("%s-%s", ops[i].name, cuts[j].name) {
				subject_init(&s, &cuts[j]);
				ops[i].run(&s);
				subject_fini(&s);
			}
		}
	}

	igt_describe("Check that parent and child have leaves and lose them separately");
	igt_subtest("fork") {
		check_fork(cut_named("pud-middle"));
		check_fork(cut_named("pmd-middle"));
	}

	igt_describe("Check that a process may end with leaves of every level mapped");
	igt_subtest("exit")
		check_exit();

	igt_describe("Check that a read-only mapping can be made writable");
	igt_subtest("upgrade") {
		check_upgrade("pud-all", 0);
		check_upgrade("pmd-all", 0);
		check_upgrade("pmd-all", VRAM_PAGE);
	}

	igt_describe("Check mappings whose writes the kernel tracks");
	igt_subtest("soft-dirty") {
		igt_fork(child, 1) {
			check_soft_dirty("pud-all", 0);
			check_soft_dirty("pmd-all", 0);
			check_soft_dirty("pmd-all", VRAM_PAGE);
		}
		igt_waitchildren();
	}

	igt_describe("Check that a mapping can shrink and cannot grow");
	igt_subtest("resize")
		check_resize();

	igt_describe("Check that splits while others touch never show wrong memory");
	igt_subtest("race-split")
		check_race_split();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
