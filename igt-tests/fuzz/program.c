// SPDX-License-Identifier: MIT
/*
 * Programs: made from seeds, printed, and run in a process of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cover.h"
#include "fuzz.h"

/* splitmix64: any state is a good one. */
uint64_t fuzz_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint32_t below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)(fuzz_random(state) >> 32) % limit;
}

static unsigned int weight_of(unsigned int op, bool is_long)
{
	return is_long ? fuzz_ops[op].weight_long : fuzz_ops[op].weight;
}

static void make_op(struct fuzz_op *op, uint64_t *state, bool is_long)
{
	unsigned int sum = 0, i;
	uint32_t at;

	for (i = 0; i < fuzz_nr_ops; i++)
		sum += weight_of(i, is_long);
	at = below(state, sum);
	for (i = 0; at >= weight_of(i, is_long); i++)
		at -= weight_of(i, is_long);
	op->op = i;
	for (i = 0; i < FUZZ_ARGS; i++)
		op->arg[i] = (uint32_t)fuzz_random(state);
}

static void make_program(struct fuzz_program *p, uint64_t seed)
{
	bool is_long = seed % 2;
	unsigned int most = is_long ? FUZZ_OPS_LONG : FUZZ_OPS_MAX, i, thread;

	memset(p, 0, sizeof(*p));
	p->end = below(&seed, 2) ? FUZZ_END_CLEAN : below(&seed, FUZZ_ENDS);
	p->kill_us = 1 + below(&seed, 200 * 1000);
	if (is_long)
		p->kill_us *= 4;
	p->nr_threads = 1 + below(&seed, FUZZ_THREADS_MAX);
	for (thread = 0; thread < p->nr_threads; thread++) {
		p->nr[thread] = most / 6 + below(&seed, most - most / 6);
		for (i = 0; i < p->nr[thread]; i++)
			make_op(&p->ops[thread][i], &seed, is_long);
		/* Most others have nothing to do without. */
		p->ops[thread][0].op = FUZZ_OP_CREATE;
		p->ops[thread][1].op = FUZZ_OP_MAP;
	}
}

static void change_program(struct fuzz_program *p, uint64_t seed)
{
	unsigned int changes = 1 + below(&seed, 6);

	while (changes--) {
		unsigned int thread = below(&seed, p->nr_threads);
		struct fuzz_op *ops = p->ops[thread];
		unsigned int nr = p->nr[thread], at = below(&seed, nr);

		switch (below(&seed, 6)) {
		case 0:		/* another operation */
			make_op(&ops[at], &seed, false);
			break;
		case 1:		/* one more, or one again */
			if (nr >= FUZZ_OPS_MAX)
				break;
			memmove(&ops[at + 1], &ops[at], (nr - at) * sizeof(*ops));
			if (below(&seed, 2))
				make_op(&ops[at], &seed, false);
			p->nr[thread]++;
			break;
		case 2:		/* one less */
			if (nr == 1)
				break;
			memmove(&ops[at], &ops[at + 1],
				(nr - at - 1) * sizeof(*ops));
			p->nr[thread]--;
			break;
		default:	/* the same with another argument */
			ops[at].arg[below(&seed, FUZZ_ARGS)] =
				(uint32_t)fuzz_random(&seed);
			break;
		}
	}
}

void fuzz_program_make(struct fuzz_program *p, const struct fuzz_seeds *seeds)
{
	unsigned int i;

	make_program(p, seeds->seed[0]);
	for (i = 1; i < seeds->nr; i++)
		change_program(p, seeds->seed[i]);
}

void fuzz_program_print(const struct fuzz_program *p)
{
	static const char * const ends[] = { "clean", "exit", "kill" };
	unsigned int thread, i, a;

	printf("end: %s\n", ends[p->end]);
	for (thread = 0; thread < p->nr_threads; thread++) {
		for (i = 0; i < p->nr[thread]; i++) {
			const struct fuzz_op *op = &p->ops[thread][i];

			printf("thread %u: %-12s", thread, fuzz_ops[op->op].name);
			for (a = 0; a < FUZZ_ARGS; a++)
				printf(" %#x", op->arg[a]);
			putchar('\n');
		}
	}
}

/* Running one ------------------------------------------------------------- */

/* Big, and all of it zero in every new process. */
static struct fuzz_process process;
static struct fuzz_thread threads[FUZZ_THREADS_MAX];
static char stacks[FUZZ_THREADS_MAX][256 * 1024] __attribute__((aligned(4096)));

void fuzz_wrong(struct fuzz_thread *t, const char *fmt, ...)
{
	struct fuzz_shared *shared = t->process->shared;
	va_list args;

	if (!atomic_exchange(&shared->reported, true)) {
		int n = snprintf(shared->report, sizeof(shared->report),
				 "thread %u: ", t->nr);

		va_start(args, fmt);
		vsnprintf(shared->report + n, sizeof(shared->report) - n, fmt,
			  args);
		va_end(args);
	}
	_exit(FUZZ_EXIT_WRONG);
}

static void *run_thread(void *data)
{
	struct fuzz_shared *shared = process.shared;
	struct fuzz_thread *t = data;
	const struct fuzz_program *p = process.program;
	unsigned int i;
	bool did;

	cover_begin(t->nr);
	for (i = 0; i < p->nr[t->nr]; i++) {
		const struct fuzz_op *op = &p->ops[t->nr][i];

		if (!fuzz_seg_room(t))
			fuzz_unmap_all(t);
		shared->steps++;
		t->random = op->arg[0];
		shared->tried[op->op]++;
		did = fuzz_ops[op->op].run(t, op->arg);
		shared->done[op->op] += did;
		if (shared->trace)
			fprintf(stderr, "%d: thread %u: %s%s\n", getpid(), t->nr,
				fuzz_ops[op->op].name, did ? "" : ": no");
		cover_collect(t->nr, shared);
	}
	if (p->end == FUZZ_END_CLEAN)
		fuzz_unmap_all(t);
	cover_collect(t->nr, shared);
	cover_end(t->nr);
	return NULL;
}

static void run_threads(const struct fuzz_program *p)
{
	pthread_t ids[FUZZ_THREADS_MAX];
	pthread_attr_t attr;
	unsigned int i;

	process.program = p;
	for (i = 0; i < p->nr_threads; i++) {
		pthread_attr_init(&attr);
		pthread_attr_setstack(&attr, stacks[i], sizeof(stacks[i]));
		if (pthread_create(&ids[i], &attr, run_thread, &threads[i]))
			fuzz_wrong(&threads[i], "cannot make a thread\n");
		pthread_attr_destroy(&attr);
	}
	for (i = 0; i < p->nr_threads; i++)
		pthread_join(ids[i], NULL);
}

static void open_device(const char *drm_path)
{
	int drm = open(drm_path, O_RDWR | O_CLOEXEC);

	if (drm < 0)
		fuzz_wrong(&threads[0], "open %s: %s\n", drm_path,
			   strerror(errno));
	vram_open(&process.vram, drm);
}

static void reap_all(void)
{
	int status;

	while (wait(&status) > 0)
		if (WIFEXITED(status) && WEXITSTATUS(status) == FUZZ_EXIT_WRONG)
			_exit(FUZZ_EXIT_WRONG);
}

static void die_later(unsigned int us)
{
	struct itimerval timer = { .it_value.tv_usec = us };

	signal(SIGALRM, SIG_DFL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/*
 * Page tables must be as they were once everything is unmapped. What is mapped
 * beside a mapping that has not been touched yet leaves it a table.
 */
static void check_tables(long before)
{
	long after = vram_table_bytes();

	if (process.strayed ? after <= before + 64 * 1024 : after == before)
		return;
	fuzz_wrong(&threads[0], "%ld bytes of page tables at first, %ld after everything was unmapped\n",
		   before, after);
}

void fuzz_run(struct fuzz_shared *shared, const struct fuzz_program *p,
	      const char *drm_path, uint64_t budget)
{
	struct fuzz_program nothing = *p;
	unsigned int i, covered;
	long tables;

	/* Touched before page tables are counted. */
	memset(&process, 0, sizeof(process));
	memset(stacks, 0, sizeof(stacks));
	process.shared = shared;
	process.budget = budget;
	pthread_rwlock_init(&process.names, NULL);
	pthread_mutex_init(&process.moving, NULL);
	for (i = 0; i < FUZZ_THREADS_MAX; i++) {
		threads[i].process = &process;
		threads[i].nr = i;
		threads[i].arena = FUZZ_ARENA(i);
		threads[i].shape_fd = -1;
	}
	open_device(drm_path);
	fuzz_catch_signals();
	cover_open();

	memset(nothing.nr, 0, sizeof(nothing.nr));
	run_threads(&nothing);
	tables = vram_table_bytes();
	covered = shared->covered;
	if (p->end == FUZZ_END_KILL)
		die_later(p->kill_us);
	run_threads(p);
	reap_all();
	if (p->end == FUZZ_END_CLEAN)
		check_tables(tables);
	_exit(shared->covered != covered ? FUZZ_EXIT_NEW : FUZZ_EXIT_OK);
}
