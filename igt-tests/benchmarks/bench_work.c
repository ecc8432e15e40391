// SPDX-License-Identifier: MIT
/*
 * Works: what is done with a mapping, and what it takes. Instructions are those of
 * the kernel: what the program itself executes is measured apart, on a mapping that
 * is complete, and taken off.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "count.h"

#define MAX_THREADS	4

/* A mapping to work with. */
struct bench {
	const struct bench_way *way;
	struct bench_buffer *buffer;
	unsigned int threads;
	struct team *team;
	bool look;	/* at the leaves, which takes long */
	long tables;	/* bytes of them before it was mapped */
	char *addr;
};

static void map(struct bench *b)
{
	b->tables = vram_table_bytes();
	b->addr = b->way->ops->map(b->buffer);
	if (b->addr == MAP_FAILED)
		vram_fail("%s: mmap fails\n", b->way->name);
}

static void unmap(struct bench *b)
{
	vram_unmap(b->addr, b->buffer->bytes);
}

static void zap(struct bench *b)
{
	b->way->ops->zap(b->buffer);
}

/* What is mapped now. */
static void look(const struct bench *b, struct bench_sample *s)
{
	if (!b->look)
		return;
	s->tables = vram_table_bytes() - b->tables;
	s->leaves = bench_count_leaves(b->buffer, b->addr);
}

/* Now is a good time to count what is short. */
static void get_ready(void)
{
	if (!bench_locks_counted())
		count_wait_for_tick();
}

/* What is counted now. */
static uint64_t count(void)
{
	return bench_locks_counted() ? bench_locks_now() : count_now();
}

static uint64_t calls(const struct bench *b)
{
	return b->way->ops->calls ? b->way->ops->calls(b->buffer) :
				    vram_faults();
}

static void begin(const struct bench *b, struct bench_sample *s)
{
	get_ready();
	s->calls = -calls(b);
	s->faults = -vram_faults();
	bench_trace_switch();
	s->cost = -count();
}

static void end(const struct bench *b, struct bench_sample *s)
{
	s->cost += count();
	bench_trace_switch();
	s->faults += vram_faults();
	s->calls += calls(b);
}

/* Touch a byte of each page, or of each step, from the first to the last. */
static void __attribute__((noinline)) touch(char *addr, uint64_t bytes,
					    uint64_t step, bool write)
{
	volatile char *at = addr, *last = addr + bytes;

	if (write)
		for (; at < last; at += step)
			*at = 1;
	else
		for (; at < last; at += step)
			*at;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	return b ? gcd(b, a % b) : a;
}

/* Touch each page once, in an order that jumps about. */
static void __attribute__((noinline)) touch_scattered(char *addr,
						      uint64_t bytes, bool write)
{
	uint64_t pages = bytes / VRAM_PAGE, step = pages * 618 / 1000 | 1;
	uint64_t at = 0, i;

	while (gcd(step, pages) != 1)
		step += 2;
	for (i = 0; i < pages; i++) {
		volatile char *byte = addr + at * VRAM_PAGE;

		if (write)
			*byte = 1;
		else
			*byte;
		at += step;
		if (at >= pages)
			at -= pages;
	}
}

/* Everything once more: nothing faults, and what remains is the program's own. */
static void count_twice(struct bench *b, struct bench_sample *s,
			void (*action)(struct bench *b))
{
	begin(b, s);
	action(b);
	end(b, s);
	get_ready();
	s->own = -count();
	action(b);
	s->own += count();
}

static void touch_all(struct bench *b)
{
	touch(b->addr, b->buffer->bytes, VRAM_PAGE, false);
}

static void write_all(struct bench *b)
{
	touch(b->addr, b->buffer->bytes, VRAM_PAGE, true);
}

static void touch_all_scattered(struct bench *b)
{
	touch_scattered(b->addr, b->buffer->bytes, false);
}

static void write_all_scattered(struct bench *b)
{
	touch_scattered(b->addr, b->buffer->bytes, true);
}

/* The last page, too: there may be but one in the last 2 MiB. */
static void touch_each_2m(struct bench *b)
{
	touch(b->addr, b->buffer->bytes, VRAM_PMD, false);
	touch(b->addr + b->buffer->bytes - VRAM_PAGE, 1, VRAM_PAGE, false);
}

static void touch_middle(struct bench *b)
{
	char *byte = b->addr + b->buffer->bytes / 2 / VRAM_PAGE * VRAM_PAGE;

	touch(byte, 1, VRAM_PAGE, false);
}

static void work_touch_read(struct bench *b, struct bench_sample *s)
{
	map(b);
	count_twice(b, s, touch_all);
	look(b, s);
	unmap(b);
}

static void work_touch_write(struct bench *b, struct bench_sample *s)
{
	map(b);
	count_twice(b, s, write_all);
	look(b, s);
	unmap(b);
}

static void work_touch_read_random(struct bench *b, struct bench_sample *s)
{
	map(b);
	count_twice(b, s, touch_all_scattered);
	look(b, s);
	unmap(b);
}

static void work_touch_write_random(struct bench *b, struct bench_sample *s)
{
	map(b);
	count_twice(b, s, write_all_scattered);
	look(b, s);
	unmap(b);
}

/* All of a large window, without memory of the host behind each of its pages. */
static void work_touch_each_2m(struct bench *b, struct bench_sample *s)
{
	map(b);
	count_twice(b, s, touch_each_2m);
	look(b, s);
	unmap(b);
}

static void work_touch_one(struct bench *b, struct bench_sample *s)
{
	map(b);
	count_twice(b, s, touch_middle);
	look(b, s);
	unmap(b);
}

static void work_refault_one(struct bench *b, struct bench_sample *s)
{
	map(b);
	touch_middle(b);
	zap(b);
	count_twice(b, s, touch_middle);
	look(b, s);
	unmap(b);
}

/* What there is to do with nothing mapped is none of its cost. */
static void work_evict(struct bench *b, struct bench_sample *s)
{
	map(b);
	get_ready();
	s->own = -count();
	zap(b);
	s->own += count();
	touch_all(b);
	look(b, s);
	begin(b, s);
	zap(b);
	end(b, s);
	unmap(b);
}

static void work_refault(struct bench *b, struct bench_sample *s)
{
	map(b);
	touch_all(b);
	zap(b);
	count_twice(b, s, touch_all);
	look(b, s);
	unmap(b);
}

static void move(struct bench *b, enum vram_test_move to, uint64_t block_size)
{
	b->way->ops->move(b->buffer, to, block_size);
}

/* It was in system memory meanwhile. */
static void work_moved(struct bench *b, struct bench_sample *s)
{
	uint64_t block_size = b->buffer->shape->block_size;

	map(b);
	touch_all(b);
	move(b, VRAM_TEST_MOVE_OUT, block_size);
	touch_all(b);
	move(b, VRAM_TEST_MOVE_IN, block_size);
	count_twice(b, s, touch_all);
	look(b, s);
	unmap(b);
}

/* And it was back, but in single pages. */
static void work_moved_twice(struct bench *b, struct bench_sample *s)
{
	uint64_t block_size = b->buffer->shape->block_size;

	map(b);
	touch_all(b);
	move(b, VRAM_TEST_MOVE_OUT, VRAM_PAGE);
	touch_all(b);
	move(b, VRAM_TEST_MOVE_IN, VRAM_PAGE);
	touch_all(b);
	move(b, VRAM_TEST_MOVE_OUT, block_size);
	move(b, VRAM_TEST_MOVE_IN, block_size);
	count_twice(b, s, touch_all);
	look(b, s);
	unmap(b);
}

static void work_munmap(struct bench *b, struct bench_sample *s)
{
	map(b);
	if (!b->way->at_mmap)
		touch_all(b);
	look(b, s);
	begin(b, s);
	unmap(b);
	end(b, s);
}

static void work_populate(struct bench *b, struct bench_sample *s)
{
	b->tables = vram_table_bytes();
	begin(b, s);
	b->addr = b->way->ops->map(b->buffer);
	end(b, s);
	if (b->addr == MAP_FAILED)
		vram_fail("%s: mmap fails\n", b->way->name);
	look(b, s);
	unmap(b);
}

static void set_scheduler(int policy)
{
	const struct sched_param param = {
		.sched_priority = policy != SCHED_OTHER,
	};

	if (sched_setscheduler(0, policy, &param))
		vram_fail("sched_setscheduler fails\n");
}

/*
 * Nobody else runs, a child neither, until the caller waits: no slice ends, and what the
 * kernel's threads want to do comes later.
 */
static void stay_on_cpu(bool stay)
{
	set_scheduler(stay ? SCHED_FIFO | SCHED_RESET_ON_FORK : SCHED_OTHER);
}

/* The same, but a thread that is started runs next. */
static void take_turns(bool take)
{
	set_scheduler(take ? SCHED_FIFO : SCHED_OTHER);
}

/*
 * Fork, and measure the parent's fork() or all of the child's exit. Of a mapping, fork()
 * may leave leaves out, so the child has it complete before it ends.
 */
static uint64_t fork_cost(struct bench *mapped, bool exits)
{
	static volatile uint64_t *exit_began;
	uint64_t began, took;
	pid_t pid;

	if (!exit_began)
		exit_began = mmap(NULL, VRAM_PAGE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (exit_began == MAP_FAILED)
		vram_fail("no memory\n");
	*exit_began = 0;

	stay_on_cpu(true);
	get_ready();
	began = count();
	pid = fork();
	if (!pid) {
		if (mapped && exits)
			touch_all(mapped);
		/* What fork() has left to be done later is over. */
		if (exits)
			get_ready();
		*exit_began = count();
		_exit(0);
	}
	took = count() - began;
	stay_on_cpu(false);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		vram_fail("fork or waitpid fails\n");
	return exits ? count() - *exit_began : took;
}

/* What a process without the mapping has to do is none of its cost. */
static void count_fork(struct bench *b, struct bench_sample *s, bool exits)
{
	s->own = fork_cost(NULL, exits);
	map(b);
	if (!b->way->at_mmap)
		touch_all(b);
	look(b, s);
	s->cost = fork_cost(b, exits);
	unmap(b);
}

static void work_fork(struct bench *b, struct bench_sample *s)
{
	count_fork(b, s, false);
}

static void work_exit(struct bench *b, struct bench_sample *s)
{
	count_fork(b, s, true);
}

/*
 * Threads that touch all pages, each from a place of its own on. They take turns, the
 * same ones each time, so that what starts and switches them can be taken off: it
 * outweighs a fault.
 */
struct toucher {
	pthread_t thread;
	struct team *team;
	uint64_t from;
};

struct team {
	const struct bench *bench;
	struct toucher touchers[MAX_THREADS];
	pthread_barrier_t barrier;	/* before they begin, and when all are done */
	bool over;
};

#define TURNS	64

static void touch_in_turns(const struct bench *b, uint64_t from, uint64_t to)
{
	uint64_t turn = (b->buffer->bytes / TURNS / VRAM_PAGE + 1) * VRAM_PAGE;
	uint64_t next;

	for (; from < to; from = next) {
		next = to - from < turn ? to : from + turn;
		touch(b->addr + from, next - from, VRAM_PAGE, false);
		sched_yield();
	}
}

static void *toucher_main(void *arg)
{
	struct toucher *t = arg;
	struct team *team = t->team;
	const struct bench *b = team->bench;

	for (;;) {
		pthread_barrier_wait(&team->barrier);
		if (team->over)
			return NULL;
		touch_in_turns(b, t->from, b->buffer->bytes);
		touch_in_turns(b, 0, t->from);
		pthread_barrier_wait(&team->barrier);
	}
}

/* When it returns, the threads wait for the next time. */
static void touch_by_team(struct bench *b)
{
	pthread_barrier_wait(&b->team->barrier);
	pthread_barrier_wait(&b->team->barrier);
	sched_yield();
}

static void start_team(struct team *team, struct bench *b)
{
	uint64_t pages = b->buffer->bytes / VRAM_PAGE;
	struct toucher *t = team->touchers;
	unsigned int i;

	*team = (struct team) { .bench = b };
	b->team = team;
	take_turns(true);
	pthread_barrier_init(&team->barrier, NULL, b->threads + 1);
	for (i = 0; i < b->threads; i++, t++) {
		t->team = team;
		t->from = pages * i / b->threads * VRAM_PAGE;
		if (pthread_create(&t->thread, NULL, toucher_main, t))
			vram_fail("cannot start a thread\n");
	}
	sched_yield();
}

static void end_team(struct team *team)
{
	unsigned int i;

	team->over = true;
	pthread_barrier_wait(&team->barrier);
	for (i = 0; i < team->bench->threads; i++)
		pthread_join(team->touchers[i].thread, NULL);
	pthread_barrier_destroy(&team->barrier);
	take_turns(false);
}

static void work_threads(struct bench *b, struct bench_sample *s)
{
	struct team team;

	map(b);
	start_team(&team, b);
	count_twice(b, s, touch_by_team);
	end_team(&team);
	look(b, s);
	unmap(b);
}

enum when { BY_FAULT, BY_ZAP, BY_MOVE, AT_MMAP, ALWAYS };

/**
 * struct work - what is done
 * @name: in the rows
 * @run: do it once
 * @when: for which ways
 * @whole: on all of the buffer, however many leaves that has
 * @named: only on shapes that name it
 * @threads: by so many
 */
static const struct work {
	const char *name;
	void (*run)(struct bench *b, struct bench_sample *s);
	enum when when;
	bool whole;
	bool named;
	unsigned int threads;
} works[] = {
	{ .name = "touch-one", .run = work_touch_one,
	  .when = BY_FAULT, .whole = true },
	{ .name = "refault-one", .run = work_refault_one,
	  .when = BY_ZAP, .whole = true },
	{ .name = "touch-read", .run = work_touch_read,
	  .when = BY_FAULT, .whole = true },
	{ .name = "touch-write", .run = work_touch_write, .when = BY_FAULT },
	{ .name = "touch-read-random", .run = work_touch_read_random,
	  .when = BY_FAULT },
	{ .name = "touch-write-random", .run = work_touch_write_random,
	  .when = BY_FAULT },
	{ .name = "touch-each-2m", .run = work_touch_each_2m,
	  .when = BY_FAULT, .named = true },
	{ .name = "populate", .run = work_populate,
	  .when = AT_MMAP, .whole = true },
	{ .name = "evict", .run = work_evict, .when = BY_ZAP },
	{ .name = "refault", .run = work_refault, .when = BY_ZAP },
	{ .name = "moved", .run = work_moved, .when = BY_MOVE, .named = true },
	{ .name = "moved-twice", .run = work_moved_twice,
	  .when = BY_MOVE, .named = true },
	{ .name = "munmap", .run = work_munmap, .when = ALWAYS },
	{ .name = "fork", .run = work_fork, .when = ALWAYS },
	{ .name = "exit", .run = work_exit, .when = ALWAYS },
	{ .name = "threads-1", .run = work_threads, .when = BY_FAULT,
	  .threads = 1 },
	{ .name = "threads-2", .run = work_threads, .when = BY_FAULT,
	  .threads = 2 },
	{ .name = "threads-3", .run = work_threads, .when = BY_FAULT,
	  .threads = 3 },
	{ .name = "threads-4", .run = work_threads, .when = BY_FAULT,
	  .threads = 4 },
};

/* Who has more leaves than this maps a part, where only the cost per page is of interest. */
#define MANY_LEAVES	65536
#define PART		(64 * MIB)

static uint64_t bytes_for(const struct work *work, const struct bench_way *way,
			  const struct bench_buffer *buffer)
{
	uint64_t bytes = buffer->shape->size;
	bool many = way->small ||
		    bench_min_leaves(buffer, 0, bytes) > MANY_LEAVES;

	return !work->whole && many && bytes > PART ? PART : bytes;
}

/*
 * One interrupt outweighs what is short: that is done again until the least was seen
 * twice, of the work and of the program's own part, each for itself. After the last time
 * it is the least of what was seen twice: what was seen once is chance.
 */
#define SHORT_INSNS	5000000
#define SHORT_LOCKS	1000
#define SHORT_TIMES	20

struct counts {
	uint64_t values[SHORT_TIMES];
	unsigned int nr;
};

static unsigned int times_seen(const struct counts *c, uint64_t value)
{
	unsigned int i, times = 0;

	for (i = 0; i < c->nr; i++)
		times += c->values[i] == value;
	return times;
}

/* UINT64_MAX if none was seen so often. */
static uint64_t least_seen(const struct counts *c, unsigned int times)
{
	uint64_t least = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		if (c->values[i] < least &&
		    times_seen(c, c->values[i]) >= times)
			least = c->values[i];
	}
	return least;
}

static bool is_certain(const struct counts *c)
{
	return c->nr && least_seen(c, 1) == least_seen(c, 2);
}

static uint64_t result_of(const struct counts *c)
{
	uint64_t twice = least_seen(c, 2);

	return twice == UINT64_MAX ? least_seen(c, 1) : twice;
}

static struct bench_sample measure(const struct work *work,
				   const struct bench_way *way,
				   struct bench_buffer *buffer)
{
	uint64_t is_short = bench_locks_counted() ? SHORT_LOCKS : SHORT_INSNS;
	struct bench b = {
		.way = way,
		.buffer = buffer,
		.threads = work->threads,
		/* Leaves are those of when instructions were counted. */
		.look = !bench_locks_counted(),
	};
	struct counts cost = {}, own = {};
	struct bench_sample sample = {};

	way->ops->begin(way, buffer);
	while (cost.nr < SHORT_TIMES && !(is_certain(&cost) && is_certain(&own))) {
		/* Others cannot be kept out of what is long; that is done once. */
		stay_on_cpu(cost.nr);
		work->run(&b, &sample);
		stay_on_cpu(false);
		usleep(1000);
		cost.values[cost.nr++] = sample.cost;
		own.values[own.nr++] = sample.own;
		b.look = false;
		if (least_seen(&cost, 1) >= least_seen(&own, 1) + is_short)
			break;
	}
	sample.own = result_of(&own);
	sample.cost = result_of(&cost);
	sample.cost = sample.cost > sample.own ? sample.cost - sample.own : 0;
	return sample;
}

static void run(const struct work *work, const struct bench_way *way,
		struct bench_buffer *buffer)
{
	struct bench_sample sample = measure(work, way, buffer);

	bench_row(way, buffer, work->name, &sample);
}

static bool makes_sense(const struct work *work, const struct bench_way *way)
{
	switch (work->when) {
	case BY_FAULT:
		return !way->at_mmap;
	case BY_ZAP:
		return !way->at_mmap && way->ops->zap;
	case BY_MOVE:
		return way->ops->move;
	case AT_MMAP:
		return way->at_mmap;
	default:
		return true;
	}
}

static bool wanted(const struct work *work, const struct bench_shape *shape)
{
	const char * const *name = shape->works;

	if (!name)
		return !work->named;
	while (*name && strcmp(*name, work->name))
		name++;
	return *name;
}

/* All works that a buffer's shape is for, by one way. */
void bench_works(const struct bench_way *way, struct bench_buffer *buffer)
{
	unsigned int i;

	for (i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		if (!makes_sense(&works[i], way) ||
		    !wanted(&works[i], buffer->shape))
			continue;
		buffer->bytes = bytes_for(&works[i], way, buffer);
		run(&works[i], way, buffer);
	}
}

static const struct work *find(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (!strcmp(works[i].name, name))
			return &works[i];
	return NULL;
}

/* One of them, which must be there, on all of the buffer, if the way can do it. */
void bench_work(const struct bench_way *way, struct bench_buffer *buffer,
		const char *name)
{
	const struct work *work = find(name);

	buffer->bytes = buffer->shape->size;
	if (makes_sense(work, way))
		run(work, way, buffer);
}

/*
 * One of them, measured while it is traced. False if there is none of that name, or none
 * for this way that can be traced.
 */
bool bench_work_traced(const struct bench_way *way, struct bench_buffer *buffer,
		       const char *name, struct bench_sample *sample)
{
	const struct work *work = find(name);

	if (!work || !makes_sense(work, way) || work->threads)
		return false;
	buffer->bytes = bytes_for(work, way, buffer);
	*sample = measure(work, way, buffer);
	return true;
}
