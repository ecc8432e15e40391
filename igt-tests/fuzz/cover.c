// SPDX-License-Identifier: MIT
/*
 * Coverage by kcov.
 */
#include <fcntl.h>
#include <linux/kcov.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cover.h"

#define KCOV		"/sys/kernel/debug/kcov"
/* Enough for an operation; what is more is not recorded. */
#define COVER_PCS	(1ul << 16)

/* The first entry counts the others. */
static struct {
	int fd;
	unsigned long *pcs;
} cover[FUZZ_THREADS_MAX];

bool cover_possible(void)
{
	return !access(KCOV, R_OK | W_OK);
}

void cover_open(void)
{
	unsigned int i;

	for (i = 0; i < FUZZ_THREADS_MAX; i++) {
		cover[i].pcs = NULL;
		cover[i].fd = open(KCOV, O_RDWR | O_CLOEXEC);
		if (cover[i].fd < 0 ||
		    ioctl(cover[i].fd, KCOV_INIT_TRACE, COVER_PCS))
			continue;
		cover[i].pcs = mmap(NULL, COVER_PCS * sizeof(*cover[i].pcs), RW,
				    MAP_SHARED | MAP_POPULATE, cover[i].fd, 0);
		if (cover[i].pcs == MAP_FAILED)
			cover[i].pcs = NULL;
	}
}

void cover_begin(unsigned int thread)
{
	if (!cover[thread].pcs)
		return;
	if (ioctl(cover[thread].fd, KCOV_ENABLE, KCOV_TRACE_PC))
		cover[thread].pcs = NULL;
	else
		__atomic_store_n(&cover[thread].pcs[0], 0, __ATOMIC_RELAXED);
}

void cover_end(unsigned int thread)
{
	if (cover[thread].pcs)
		ioctl(cover[thread].fd, KCOV_DISABLE, 0);
}

static void enter(struct fuzz_shared *shared, unsigned long pc)
{
	uint64_t bit = (pc * 0x9e3779b97f4a7c15ull) >> 40;
	atomic_uint *word = &shared->cover[bit / 32 % FUZZ_COVER_WORDS];
	unsigned int mask = 1u << bit % 32;

	/* Most have been there before: look before writing. */
	if (!(*word & mask) && !(atomic_fetch_or(word, mask) & mask))
		shared->covered++;
}

void cover_collect(unsigned int thread, struct fuzz_shared *shared)
{
	unsigned long *pcs = cover[thread].pcs, i, nr;

	if (!pcs)
		return;
	nr = __atomic_load_n(&pcs[0], __ATOMIC_RELAXED);
	for (i = 1; i <= nr && i < COVER_PCS; i++)
		enter(shared, pcs[i]);
	__atomic_store_n(&pcs[0], 0, __ATOMIC_RELAXED);
}
