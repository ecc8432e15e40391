// SPDX-License-Identifier: MIT
/*
 * What a thread has mapped where, and accesses to it. No two threads of a process
 * map at the same addresses, so that each knows its own part by heart.
 */
#include <signal.h>
#include <string.h>

#include "fuzz.h"

/* The list --------------------------------------------------------------- */

static uint64_t seg_end(const struct fuzz_seg *seg)
{
	return seg->va + seg->len;
}

bool fuzz_seg_room(const struct fuzz_thread *t)
{
	/* A move cuts two ranges at both ends, and adds one. */
	return t->nr_segs + 5 <= FUZZ_SEGS;
}

void fuzz_seg_add(struct fuzz_thread *t, const struct fuzz_seg *seg)
{
	if (t->nr_segs == FUZZ_SEGS)
		fuzz_wrong(t, "too many segments\n");
	t->segs[t->nr_segs++] = *seg;
}

/* Make va a border between segments, if it lies inside one. */
static void cut(struct fuzz_thread *t, uint64_t va)
{
	unsigned int i;

	for (i = 0; i < t->nr_segs; i++) {
		struct fuzz_seg *seg = &t->segs[i], upper = *seg;

		if (va <= seg->va || va >= seg_end(seg))
			continue;
		upper.va = va;
		upper.len = seg_end(seg) - va;
		upper.page += (va - seg->va) / VRAM_PAGE;
		seg->len = va - seg->va;
		fuzz_seg_add(t, &upper);
		return;
	}
}

void fuzz_seg_change(struct fuzz_thread *t, uint64_t va, uint64_t len,
		     void (*f)(struct fuzz_seg *seg, uint32_t arg), uint32_t arg)
{
	unsigned int i;

	cut(t, va);
	cut(t, va + len);
	for (i = 0; i < t->nr_segs; i++)
		if (t->segs[i].va >= va && seg_end(&t->segs[i]) <= va + len)
			f(&t->segs[i], arg);
}

static void set_empty(struct fuzz_seg *seg, uint32_t arg)
{
	(void)arg;
	seg->len = 0;
}

void fuzz_seg_remove(struct fuzz_thread *t, uint64_t va, uint64_t len)
{
	unsigned int i = 0;

	fuzz_seg_change(t, va, len, set_empty, 0);
	while (i < t->nr_segs) {
		if (t->segs[i].len)
			i++;
		else
			t->segs[i] = t->segs[--t->nr_segs];
	}
}

const struct fuzz_seg *fuzz_seg_find(const struct fuzz_thread *t, uint64_t va)
{
	unsigned int i;

	for (i = 0; i < t->nr_segs; i++)
		if (va >= t->segs[i].va && va < seg_end(&t->segs[i]))
			return &t->segs[i];
	return NULL;
}

bool fuzz_seg_pick(const struct fuzz_thread *t, uint32_t arg,
		   struct fuzz_seg *seg)
{
	if (!t->nr_segs)
		return false;
	*seg = t->segs[arg % t->nr_segs];
	return true;
}

struct fuzz_seg fuzz_seg_part(const struct fuzz_seg *seg, uint32_t shape,
			      uint32_t where, uint32_t length)
{
	uint64_t pages = seg->len / VRAM_PAGE, first = where % pages;
	uint64_t nr = 1 + length % (pages - first), size = 0;
	struct fuzz_seg part = *seg;

	switch (shape % 8) {
	case 0:		/* all */
		return part;
	case 1:		/* a page */
		nr = 1;
		break;
	case 2:		/* from the start on */
		nr = 1 + where % pages;
		first = 0;
		break;
	case 3:		/* up to the end */
		nr = pages - first;
		break;
	case 4:		/* a slot, as far as it is there */
		size = VRAM_PMD;
		break;
	case 5:
		size = VRAM_PUD;
		break;
	}
	part.va += first * VRAM_PAGE;
	part.len = nr * VRAM_PAGE;
	if (size) {
		uint64_t from = part.va / size * size, to = from + size;

		part.va = from < seg->va ? seg->va : from;
		part.len = (to < seg_end(seg) ? to : seg_end(seg)) - part.va;
	}
	part.page += (part.va - seg->va) / VRAM_PAGE;
	return part;
}

/* Accesses ---------------------------------------------------------------- */

static __thread sigjmp_buf on_fault;
static __thread volatile sig_atomic_t may_fault;

static void catch(int sig)
{
	if (may_fault)
		siglongjmp(on_fault, sig);
	/* Elsewhere it is a mistake of the fuzzer, and ends it. */
	signal(sig, SIG_DFL);
}

void fuzz_catch_signals(void)
{
	/* Not blocked in the handler, so that leaving it needs no system call. */
	struct sigaction act = { .sa_handler = catch, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
}

int fuzz_read(uint64_t va, uint64_t *value)
{
	int sig = sigsetjmp(on_fault, 0);

	if (!sig) {
		may_fault = 1;
		*value = *(volatile uint64_t *)va;
	}
	may_fault = 0;
	return sig;
}

int fuzz_write(uint64_t va, uint64_t value)
{
	int sig = sigsetjmp(on_fault, 0);

	if (!sig) {
		may_fault = 1;
		*(volatile uint64_t *)va = value;
	}
	may_fault = 0;
	return sig;
}

/* A write that changes nothing, whatever is there. */
static int write_same(uint64_t va)
{
	int sig = sigsetjmp(on_fault, 0);

	if (!sig) {
		may_fault = 1;
		__atomic_fetch_add((uint64_t *)va, 0, __ATOMIC_SEQ_CST);
	}
	may_fault = 0;
	return sig;
}

/* What is in a page --------------------------------------------------------- */

#define STAMP_MAGIC	0x5eedull

uint64_t fuzz_stamp(const struct fuzz_bo *bo, uint64_t page)
{
	return STAMP_MAGIC << 48 | (uint64_t)bo->id << 24 | page;
}

static uint64_t page_of(const struct fuzz_seg *seg, uint64_t va)
{
	return seg->page + (va - seg->va) / VRAM_PAGE;
}

bool fuzz_was_written(const struct fuzz_seg *seg, uint64_t va)
{
	uint64_t page = page_of(seg, va);

	return seg->kind == FUZZ_SEG_BO && page < FUZZ_TRACKED &&
	       atomic_load(&seg->bo->written[page / 8]) & 1 << page % 8;
}

void fuzz_set_written(const struct fuzz_seg *seg, uint64_t va)
{
	uint64_t page = page_of(seg, va);

	if (seg->kind == FUZZ_SEG_BO && page < FUZZ_TRACKED)
		atomic_fetch_or(&seg->bo->written[page / 8], 1 << page % 8);
}

/*
 * was_written: asked before the value was read, since another thread may write the
 * page for the first time.
 */
void fuzz_check_value(struct fuzz_thread *t, const struct fuzz_seg *seg,
		      uint64_t va, uint64_t value, bool was_written)
{
	uint64_t page = page_of(seg, va), want;

	switch (seg->kind) {
	case FUZZ_SEG_BO:
		want = fuzz_stamp(seg->bo, page);
		if (value == want || (!value && !was_written))
			return;
		fuzz_wrong(t, "%#llx, page %#llx of buffer %u, holds %#llx, must hold %#llx%s\n",
			   (unsigned long long)va, (unsigned long long)page,
			   seg->bo->id, (unsigned long long)value,
			   (unsigned long long)want,
			   was_written ? "" : " or 0");
	case FUZZ_SEG_RAM:
		if (value == page)
			return;
		break;
	default:
		if (!value || value >> 48 == STAMP_MAGIC)
			return;
	}
	fuzz_wrong(t, "%#llx, page %#llx of a mapping of kind %d, holds %#llx\n",
		   (unsigned long long)va, (unsigned long long)page, seg->kind,
		   (unsigned long long)value);
}

static int access_page(const struct fuzz_seg *seg, uint64_t va, bool write)
{
	int sig;

	if (!write)
		return 0;
	if (seg->kind != FUZZ_SEG_BO)
		return write_same(va);
	sig = fuzz_write(va, fuzz_stamp(seg->bo, page_of(seg, va)));
	if (!sig)
		fuzz_set_written(seg, va);
	return sig;
}

void fuzz_touch(struct fuzz_thread *t, uint64_t va, bool write)
{
	const struct fuzz_seg *seg = fuzz_seg_find(t, va);
	bool was_written = seg && fuzz_was_written(seg, va);
	int want = 0, sig = 0;
	uint64_t value = 0;

	if (!seg || !seg->prot || (write && !(seg->prot & PROT_WRITE)))
		want = SIGSEGV;
	if (seg)
		sig = access_page(seg, va, write);
	else if (write)
		sig = fuzz_write(va, 0);
	if (!sig && !(want && write))
		sig = fuzz_read(va, &value);
	t->process->shared->touches++;
	/* A shape has holes; what is mapped at mmap() does not come back. */
	if (sig == SIGBUS && seg && (seg->kind == FUZZ_SEG_SHAPE ||
				     seg->kind == FUZZ_SEG_WINDOW))
		return;
	if (sig != want)
		fuzz_wrong(t, "%s %#llx (%s, protection %d): signal %d, must be %d\n",
			   write ? "write to" : "read of", (unsigned long long)va,
			   seg ? "mapped" : "not mapped", seg ? seg->prot : 0,
			   sig, want);
	if (!sig)
		fuzz_check_value(t, seg, va, value, was_written || write);
}

void fuzz_touch_foreign(struct fuzz_thread *t, uint64_t va)
{
	uint64_t value;

	if (fuzz_read(va, &value) || !value || value >> 48 == STAMP_MAGIC)
		return;
	/* The number of a page of system memory, or what a hole was filled with. */
	if (value < 1 << 20)
		return;
	fuzz_wrong(t, "%#llx, of another thread, holds %#llx\n",
		   (unsigned long long)va, (unsigned long long)value);
}
