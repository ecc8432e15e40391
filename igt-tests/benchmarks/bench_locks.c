// SPDX-License-Identifier: MIT
/*
 * Counting locks: stock kernels have no lock statistics, but they can count how often
 * a function is called. One event of perf has a kprobe on each function that takes a
 * lock; what interrupts and other processes take on the one processor is left out.
 *
 * A probe costs instructions, so there is none but between bench_locks_begin() and
 * bench_locks_end().
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "count.h"

#define TRACING		"/sys/kernel/tracing/"
#define COMM		"vmf_range_bench"

/* The flags are those of hard and soft interrupts. Threads and children keep a name. */
#define FILTER		"comm == \"" COMM "\" && !(common_flags & 24)"

/*
 * Each acquisition calls one of these: mutex_lock_io() calls one, semaphores have a
 * spinlock, and what ww_mutex_trylock() has of mutex_trylock() is inlined. A kernel that
 * has not got the first ones takes its locks elsewhere.
 */
#define NR_NEEDED	15

static const char * const functions[] = {
	"_raw_spin_lock", "_raw_spin_lock_bh", "_raw_spin_lock_irq",
	"_raw_spin_lock_irqsave", "_raw_spin_trylock",
	"down_read", "down_read_killable", "down_read_trylock",
	"down_write", "down_write_killable",
	"mutex_lock", "mutex_trylock",
	"ww_mutex_lock", "ww_mutex_lock_interruptible", "ww_mutex_trylock",

	"_raw_spin_trylock_bh",
	"_raw_read_lock", "_raw_read_lock_bh", "_raw_read_lock_irq",
	"_raw_read_lock_irqsave", "_raw_read_trylock",
	"_raw_write_lock", "_raw_write_lock_bh", "_raw_write_lock_irq",
	"_raw_write_lock_irqsave", "_raw_write_lock_nested", "_raw_write_trylock",
	"down_read_interruptible", "down_write_trylock",
	"mutex_lock_interruptible", "mutex_lock_killable",
};

static struct {
	int fd;
	bool on;
	uint64_t per_read;	/* locks that reading the counter takes */
	uint64_t reads;
	uint64_t insns;		/* what some system calls cost without probes */
} counter = { .fd = -1 };

/* One event has them all. */
static void make_probes(void)
{
	char probe[128];
	unsigned int i;
	int fd, len;

	fd = open(TRACING "kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		vram_fail("kprobe_events: %s\n", strerror(errno));
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		len = snprintf(probe, sizeof(probe), "p:bench/locks %s\n",
			       functions[i]);
		if (write(fd, probe, len) != len && errno != EEXIST &&
		    i < NR_NEEDED)
			vram_fail("locks cannot be counted: no kprobe on %s: %s\n",
				  functions[i], strerror(errno));
	}
	close(fd);
}

static int event_id(void)
{
	FILE *file = fopen(TRACING "events/bench/locks/id", "re");
	int id = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &id) != 1)
		id = -1;
	fclose(file);
	return id;
}

static uint64_t read_counter(void)
{
	uint64_t value;

	if (read(counter.fd, &value, sizeof(value)) != sizeof(value))
		vram_fail("cannot read how many locks were taken: %s\n",
			  strerror(errno));
	return value;
}

/**
 * bench_locks_now - locks that were taken so far; a difference is of use
 *
 * A child that is forked may go on counting.
 */
uint64_t bench_locks_now(void)
{
	counter.reads++;
	return read_counter() - counter.reads * counter.per_read;
}

/*
 * What so many writes to an eventfd take, at least, which is without interrupts. Each
 * takes its one spinlock.
 */
#define WRITES		1000

static uint64_t cost_of_writes(uint64_t (*now)(void))
{
	uint64_t best = -1, took, one = 1;
	int fd = eventfd(0, EFD_CLOEXEC);
	int i, n;

	for (n = 0; n < 5; n++) {
		took = -now();
		for (i = 0; i < WRITES; i++)
			if (write(fd, &one, sizeof(one)) != sizeof(one))
				vram_fail("eventfd: %s\n", strerror(errno));
		took += now();
		if (took < best)
			best = took;
	}
	close(fd);
	return best;
}

/* All at once: to add or remove one after the other takes a billion instructions. */
static void switch_probes(bool on)
{
	int fd = open("/proc/sys/kernel/ftrace_enabled", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, on ? "1" : "0", 1) != 1 ||
	    ioctl(counter.fd, on ? PERF_EVENT_IOC_ENABLE :
				   PERF_EVENT_IOC_DISABLE, 0))
		vram_fail("probes cannot be switched: %s\n", strerror(errno));
	close(fd);
	counter.on = on;
}

/* The kernel warns about probes that are removed while they are switched off. */
static void close_event(void)
{
	switch_probes(true);
	close(counter.fd);
}

/*
 * The event belongs to the processor, of which there is one: an event of a process
 * would have more to do, under locks, for each thread that starts.
 */
static void open_event(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.disabled = 1,
	};

	make_probes();
	attr.config = event_id();
	counter.fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1,
			     PERF_FLAG_FD_CLOEXEC);
	if (counter.fd < 0 || prctl(PR_SET_NAME, COMM) ||
	    ioctl(counter.fd, PERF_EVENT_IOC_SET_FILTER, FILTER))
		vram_fail("perf cannot count locks: %s\n", strerror(errno));
	if (atexit(close_event))
		vram_fail("no memory\n");
}

/* From here on, locks are counted in place of instructions. */
void bench_locks_begin(void)
{
	uint64_t locks;

	if (counter.fd < 0) {
		counter.insns = cost_of_writes(count_now);
		open_event();
	}
	switch_probes(true);
	counter.reads = 0;
	counter.per_read = -read_counter();
	counter.per_read += read_counter();
	locks = cost_of_writes(bench_locks_now);
	if (locks != WRITES)
		vram_fail("%d locks were taken, and %llu counted\n", WRITES,
			  (unsigned long long)locks);
}

/* When this returns, everything costs what it did before there were probes. */
void bench_locks_end(void)
{
	uint64_t insns;

	switch_probes(false);
	insns = cost_of_writes(count_now);
	if (insns != counter.insns)
		vram_fail("without probes, %llu instructions are %llu now\n",
			  (unsigned long long)counter.insns,
			  (unsigned long long)insns);
}

bool bench_locks_counted(void)
{
	return counter.on;
}
