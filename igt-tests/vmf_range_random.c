// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range random
 * Description: Compare mappings of random shapes, treated at random, with the model
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: shapes
 * Description: 2,000 mappings of random blocks are touched, zapped, harvested in
 *	random order; every fault, every signal, the content, the counters and all
 *	leaves are those of the model. A failure is made small and printed;
 *	VMF_RANGE_SEED in the environment repeats it
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Compare mappings of random shapes with the model");

#define RW		(PROT_READ | PROT_WRITE)
#define PMD_PAGES	(VRAM_PMD / VRAM_PAGE)
#define PUD_PAGES	(VRAM_PUD / VRAM_PAGE)

#define WORLDS		2000
#define MAX_EXTENTS	8
#define MAX_OPS		24
#define MAX_RAM		1400	/* pages of system memory in one block */
#define NEAR		(256ul << 20)	/* where most of the memory is */

/* enum vmf_range_stat */
#define STAT_PUD	2
#define STAT_PMD	3
#define STAT_PTE	4
#define STAT_KEPT	5
#define STAT_WRITES	7

enum op_kind {
	OP_READ,
	OP_WRITE,
	OP_SWEEP,		/* read pages upwards */
	OP_ZAP,			/* by file range */
	OP_ZAP_ADDR,		/* by address */
	OP_HARVEST,
	OP_ADVISE,
	OP_CHECK,		/* compare all leaves */
	NR_OPS,
};

static const char * const op_names[] = {
	"read", "write", "sweep", "zap", "zap-addr", "harvest", "advise",
	"check",
};

struct op {
	enum op_kind kind;
	uint64_t page;
	uint64_t nr;
};

/* All that is decided at random, so that it can be cut down. */
struct world {
	uint64_t seed;
	struct shape shape;
	struct vram_test_extent extents[MAX_EXTENTS];
	uint64_t page;
	uint64_t nr_pages;
	uint64_t shift;
	int prot;
	struct op ops[MAX_OPS];
	unsigned int nr_ops;
};

static struct vram vram;
static uint64_t state;
static sigjmp_buf touch_jmp;

/* xorshift64*: the same on every machine. */
static uint64_t rnd(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1dull >> 16) % below;
}

static bool one_in(uint64_t n)
{
	return !rnd(n);
}

static bool is_ram(const struct world *w)
{
	return shape_is_ram(&w->shape);
}

static bool has_holes(const struct world *w)
{
	return w->shape.args.iter != VRAM_TEST_ITER_SG_DMA &&
	       w->shape.args.iter != VRAM_TEST_ITER_SG_PAGES;
}

static uint64_t random_length(const struct world *w)
{
	if (is_ram(w))
		return 1 + rnd(one_in(2) ? 16 : one_in(4) ? MAX_RAM : 200);
	switch (rnd(16)) {
	case 0:
		return PMD_PAGES;
	case 1:
		return PMD_PAGES * (1 + rnd(4));
	case 2:
	case 3:
		return 1 + rnd(5 * PMD_PAGES);
	case 4:
		return one_in(6) ? PUD_PAGES + rnd(PUD_PAGES / 2) : 1;
	case 5:
	case 6:
	case 7:
		return 1 + rnd(8);
	default:
		return 1 + rnd(PMD_PAGES);
	}
}

/* Somewhere; where the last has ended; or in step with the pages of the shape. */
static uint64_t random_offset(const struct vram_test_extent *e,
			      const struct vram_test_extent *before)
{
	uint64_t room = e->nr_pages >= PUD_PAGES / 2 ? vram.size : NEAR;
	uint64_t last = room - e->nr_pages * VRAM_PAGE, at;

	switch (rnd(4)) {
	case 0:
		at = rnd(last / VRAM_PAGE) * VRAM_PAGE;
		break;
	case 1:
		at = before ? before->offset + before->nr_pages * VRAM_PAGE : 0;
		break;
	default:
		at = e->page * VRAM_PAGE % last / VRAM_PMD * VRAM_PMD +
		     rnd(4) * VRAM_PMD + e->page * VRAM_PAGE % VRAM_PMD;
	}
	return at > last ? last : at;
}

static void random_extents(struct world *w)
{
	uint64_t next = 0;
	unsigned int i;

	w->shape.nr = 1 + rnd(MAX_EXTENTS);
	for (i = 0; i < w->shape.nr; i++) {
		struct vram_test_extent *e = &w->extents[i];

		if (has_holes(w) && one_in(3))
			next += 1 + rnd(one_in(2) ? 3 : PMD_PAGES);
		e->page = next;
		e->nr_pages = random_length(w);
		e->offset = is_ram(w) ? 0 : random_offset(e, i ? e - 1 : NULL);
		next += e->nr_pages;
	}
	w->shape.nr_pages = next;
}

static void random_view(struct world *w)
{
	static const uint64_t shifts[] = {
		0, 0, 0, 0, VRAM_PAGE, 64 << 10, 1 << 20, VRAM_PMD,
	};
	uint64_t total = w->shape.nr_pages;

	w->page = one_in(2) ? 0 : rnd(total);
	w->nr_pages = total - w->page;
	if (one_in(3))
		w->nr_pages = 1 + rnd(w->nr_pages);
	w->shift = one_in(8) ? rnd(PUD_PAGES) * VRAM_PAGE : shifts[rnd(8)];
	w->prot = one_in(6) ? PROT_READ : RW;
}

static void random_ops(struct world *w)
{
	static const unsigned char odds[] = {
		OP_READ, OP_READ, OP_READ, OP_WRITE, OP_WRITE, OP_WRITE,
		OP_SWEEP, OP_ZAP, OP_ZAP, OP_ZAP_ADDR, OP_HARVEST, OP_HARVEST,
		OP_ADVISE, OP_CHECK,
	};
	unsigned int i;

	w->nr_ops = 4 + rnd(MAX_OPS - 3);
	for (i = 0; i < w->nr_ops; i++) {
		struct op *op = &w->ops[i];

		op->kind = odds[rnd(sizeof(odds))];
		op->page = rnd(w->nr_pages);
		op->nr = 1 + rnd(one_in(2) ? 4 : one_in(2) ? 700 : w->nr_pages);
	}
}

static void world_init(struct world *w, uint64_t seed)
{
	static const uint64_t budgets[] = {
		0, 0, 0, 0, 0, 1, 2, 3, 16, 100, 511, 512, 513, 700, 1024, 4096,
	};
	struct vram_test_shape *args = &w->shape.args;

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	/* Not 0, and different soon for seeds that hardly differ. */
	state = vram_stamp(seed * VRAM_PAGE, 3) | 1;
	args->iter = one_in(3) ? rnd(VRAM_TEST_NR_ITERS) : VRAM_TEST_ITER_CALLBACK;
	args->max_ptes = budgets[rnd(16)];
	if (one_in(4))
		args->flags |= VRAM_TEST_SHAPE_NO_PUD;
	if (one_in(3))
		args->flags |= VRAM_TEST_SHAPE_DIRTY;
	if (one_in(2))
		args->flags |= VRAM_TEST_SHAPE_DIRTY_LEAVES;
	if (one_in(6))
		args->flags |= VRAM_TEST_SHAPE_POPULATE;
	if (is_ram(w) && one_in(2))
		args->flags |= VRAM_TEST_SHAPE_SINGLE;
	random_extents(w);
	random_view(w);
	random_ops(w);
}

static void on_signal(int sig)
{
	siglongjmp(touch_jmp, sig);
}

static int touch(volatile uint64_t *word, bool write, uint64_t value)
{
	int sig = sigsetjmp(touch_jmp, 0);

	if (sig)
		return sig;
	if (write)
		*word = value;
	else
		*word;
	return 0;
}

/* A difference between the kernel and the model. */
static bool differs(char *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool differs(char *text, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, 256, fmt, args);
	va_end(args);
	return true;
}

static bool do_touch(struct view *v, uint64_t page, bool write, char *text)
{
	unsigned long want = v->f.faults, faults;
	uint64_t value = view_value(v, page);
	int sig, must = 0;

	if (write && !(v->prot & PROT_WRITE))
		must = SIGSEGV;
	else if (!v->m.shift[page])
		must = SIGBUS;
	else
		fill_touch(&v->f, page, write);
	want = v->f.faults - want;

	if (write && !must && !shape_is_ram(v->shape))
		vram_poke(&vram, v->m.pa[page], ~value);
	faults = vram_faults();
	sig = touch(view_word(v, page), write, value);
	faults = vram_faults() - faults;
	if (sig != must)
		return differs(text, "page %#lx: signal %d and not %d",
			       (unsigned long)page, sig, must);
	if (sig)
		return false;
	if (faults != want)
		return differs(text, "page %#lx: %lu faults and not %lu",
			       (unsigned long)page, faults, want);
	if (!view_word_is_right(v, &vram, page, write))
		return differs(text, "page %#lx: wrong content",
			       (unsigned long)page);
	return false;
}

static bool do_sweep(struct view *v, const struct op *op, char *text)
{
	uint64_t page, end = op->page + op->nr, step;

	if (end > v->m.nr_pages)
		end = v->m.nr_pages;
	/* A step that is odd comes to every part of a page table. */
	step = 1 + (end - op->page) / 64;
	for (page = op->page; page < end; page += step) {
		if (do_touch(v, page, false, text))
			return true;
	}
	return false;
}

static bool do_zap(struct view *v, const struct op *op, char *text)
{
	uint64_t left = v->m.nr_pages - op->page;
	uint64_t nr = op->nr < left ? op->nr : left;
	int ret;

	if (op->kind == OP_ZAP)
		ret = shape_zap(&vram, v->page + op->page, nr);
	else
		ret = shape_zap_addr(&vram, v->addr + op->page * VRAM_PAGE, nr);
	if (ret)
		return differs(text, "zap: %s", strerror(-ret));
	fill_zap(&v->f, op->page, nr);
	return false;
}

static bool do_harvest(struct view *v, char *text)
{
	uint64_t page = v->page, end = v->page + v->m.nr_pages;
	unsigned long at = 0, nr, want;

	if (!v->f.track)
		return false;
	do {
		nr = shape_harvest(&vram, &page, end);
		want = fill_harvest(&v->f, &at);
		if (nr != want || (nr && page != v->page + at))
			return differs(text, "%lu dirty pages at %#lx and not %lu at %#lx",
				       nr, (unsigned long)page, want,
				       (unsigned long)v->page + at);
		page += nr;
		at += nr;
	} while (nr);
	return false;
}

static bool do_advise(struct view *v, const struct op *op, char *text)
{
	static const int choices[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL,
	};

	v->f.advice = choices[op->page % 3];
	if (madvise(v->addr, v->len, v->f.advice))
		return differs(text, "madvise: %s", strerror(errno));
	return false;
}

static bool do_op(struct view *v, const struct op *op, char *text)
{
	switch (op->kind) {
	case OP_READ:
	case OP_WRITE:
		return do_touch(v, op->page, op->kind == OP_WRITE, text);
	case OP_SWEEP:
		return do_sweep(v, op, text);
	case OP_ZAP:
	case OP_ZAP_ADDR:
		return do_zap(v, op, text);
	case OP_HARVEST:
		return do_harvest(v, text);
	case OP_ADVISE:
		return do_advise(v, op, text);
	default:
		return fill_differs(&v->f, &vram, text, 256);
	}
}

static bool stats_differ(const struct view *v, const struct fill *before,
			 char *text)
{
	const struct fill *f = &v->f;
	const struct {
		const char *name;
		unsigned int stat;
		unsigned long want;
	} wants[] = {
		{ "PUD leaves", STAT_PUD, f->pud - before->pud },
		{ "PMD leaves", STAT_PMD, f->pmd - before->pmd },
		{ "PTEs", STAT_PTE, f->pte - before->pte },
		{ "kept", STAT_KEPT, f->kept },
		{ "tracked writes", STAT_WRITES, f->writes },
	};
	struct vram_test_stats stats;
	unsigned int i;

	shape_stats(&vram, v->addr, v->len, &stats);
	for (i = 0; i < ARRAY_SIZE(wants); i++) {
		if (stats.count[wants[i].stat] != wants[i].want)
			return differs(text, "counter of %s: %llu and not %lu",
				       wants[i].name,
				       (unsigned long long)stats.count[wants[i].stat],
				       wants[i].want);
	}
	return false;
}

/* Act it out. Return: true, and a text, if the model and the kernel disagree. */
static bool world_fails(struct world *w, char *text)
{
	struct fill before;
	struct view v;
	unsigned int i;
	bool failed = false;

	w->shape.extents = w->extents;
	shape_set(&vram, &w->shape);
	view_init(&v, &vram, &w->shape, w->page, w->nr_pages, w->shift, w->prot);
	before = v.f;
	for (i = 0; i < w->nr_ops && !failed; i++)
		failed = do_op(&v, &w->ops[i], text);
	if (!failed)
		failed = fill_differs(&v.f, &vram, text, 256) ||
			 stats_differ(&v, &before, text);
	view_fini(&v);
	shape_fini(&vram, &w->shape);
	return failed;
}

static void drop_op(struct world *w, unsigned int i)
{
	memmove(&w->ops[i], &w->ops[i + 1],
		(--w->nr_ops - i) * sizeof(*w->ops));
}

/* Where the blocks may leave no hole, those behind move up. */
static void drop_extent(struct world *w, unsigned int i)
{
	uint64_t gap = has_holes(w) ? 0 : w->extents[i].nr_pages;

	memmove(&w->extents[i], &w->extents[i + 1],
		(--w->shape.nr - i) * sizeof(*w->extents));
	for (; i < w->shape.nr; i++)
		w->extents[i].page -= gap;
}

/* Drop whatever is not needed for it to fail. */
static void shrink(struct world *w, char *text)
{
	struct world try;
	char other[256];
	bool smaller;
	unsigned int i;

	do {
		smaller = false;
		for (i = 0; i < w->nr_ops; i++) {
			try = *w;
			drop_op(&try, i);
			if (!world_fails(&try, other))
				continue;
			*w = try;
			memcpy(text, other, sizeof(other));
			smaller = true;
			i--;
		}
		for (i = 0; w->shape.nr > 1 && i < w->shape.nr; i++) {
			try = *w;
			drop_extent(&try, i);
			if (!world_fails(&try, other))
				continue;
			*w = try;
			memcpy(text, other, sizeof(other));
			smaller = true;
			i--;
		}
	} while (smaller);
}

static void world_print(const struct world *w)
{
	const struct vram_test_shape *args = &w->shape.args;
	unsigned int i;

	igt_info("iterator %u, flags %#x, max_ptes %llu; pages %#llx+%#llx at shift %#llx, prot %d\n",
		 args->iter, args->flags, (unsigned long long)args->max_ptes,
		 (unsigned long long)w->page, (unsigned long long)w->nr_pages,
		 (unsigned long long)w->shift, w->prot);
	for (i = 0; i < w->shape.nr; i++)
		igt_info("  block: page %#llx, offset %#llx, %#llx pages\n",
			 (unsigned long long)w->extents[i].page,
			 (unsigned long long)w->extents[i].offset,
			 (unsigned long long)w->extents[i].nr_pages);
	for (i = 0; i < w->nr_ops; i++)
		igt_info("  %s: page %#llx, nr %#llx\n",
			 op_names[w->ops[i].kind],
			 (unsigned long long)w->ops[i].page,
			 (unsigned long long)w->ops[i].nr);
}

static void check_world(uint64_t seed)
{
	struct world w;
	char text[256];

	world_init(&w, seed);
	if (!world_fails(&w, text))
		return;
	igt_info("seed %llu: %s\n", (unsigned long long)seed, text);
	shrink(&w, text);
	world_print(&w);
	igt_assert_f(false, "VMF_RANGE_SEED=%llu: %s\n",
		     (unsigned long long)seed, text);
}

static void check_shapes(void)
{
	struct sigaction act = {
		.sa_handler = on_signal, .sa_flags = SA_NODEFER,
	};
	const char *fixed = getenv("VMF_RANGE_SEED");
	uint64_t seed = time(NULL) * 1000003ull + getpid();
	unsigned int i;

	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
	if (fixed) {
		check_world(strtoull(fixed, NULL, 0));
		return;
	}
	igt_info("seeds %llu to %llu\n", (unsigned long long)seed,
		 (unsigned long long)seed + WORLDS - 1);
	for (i = 0; i < WORLDS; i++)
		check_world(seed + i);
}

igt_main()
{
	igt_fixture() {
		vram_open(&vram, drm_open_driver(DRIVER_ANY));
		igt_require(vram.size >= 2 * VRAM_PUD);
	}

	igt_describe("Check random mappings against the model");
	igt_subtest("shapes")
		check_shapes();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
