// SPDX-License-Identifier: MIT
/**
 * TEST: vmf range storm
 * Description: Check what happens when everything happens at once
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: all
 * Description: while threads of two processes fault, write, map, protect, zap, harvest,
 *	move and look, each page has the right content
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"
#include "shape.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check what happens when everything happens at once");

#define RW		(PROT_READ | PROT_WRITE)
#define NR_THREADS	3
#define NR_ACTS		200
#define NR_PAGES	4096ul
/* Of a mapping that a thread has for itself. */
#define NR_OWN		1500ul
#define BO_SIZE		(4 * VRAM_PMD)

/* The library's counters, and a listing of all leaves. */
#define DEBUGFS		"/sys/kernel/debug/vmf_range/"

static struct vram vram;
static struct vram_bo bo;

struct player {
	char *map;		/* of the shape; its pages begin with their number */
	char *bo_map;
	unsigned int seed;
	atomic_ulong *wrong;
};

static unsigned long draw(struct player *p, unsigned long below)
{
	return rand_r(&p->seed) % below;
}

/* Read or write the page number that a page begins with. */
static void touch(struct player *p, char *map, unsigned long first,
		  unsigned long page)
{
	volatile uint64_t *word = (volatile uint64_t *)(map + page * VRAM_PAGE);

	if (draw(p, 2))
		*word = first + page;
	else if (*word != first + page)
		atomic_fetch_add(p->wrong, 1);
}

static void touch_shape(struct player *p)
{
	int i;

	for (i = 0; i < 8; i++)
		touch(p, p->map, 0, draw(p, NR_PAGES));
}

static void touch_buffer(struct player *p)
{
	volatile char *at;
	int i;

	for (i = 0; i < 8; i++) {
		at = p->bo_map + draw(p, BO_SIZE);
		if (draw(p, 2))
			*at = 1;
		else
			(void)*at;
	}
}

/* A mapping that comes, is cut in pieces, and goes. */
static void map_own(struct player *p)
{
	unsigned long first = draw(p, NR_PAGES - NR_OWN);
	unsigned long cut = 1 + draw(p, NR_OWN - 1);
	size_t len = NR_OWN * VRAM_PAGE;
	char *map;
	int i;

	map = mmap(NULL, len, RW, MAP_SHARED, vram.test, first * VRAM_PAGE);
	if (map == MAP_FAILED) {
		atomic_fetch_add(p->wrong, 1);
		return;
	}
	for (i = 0; i < 4; i++)
		touch(p, map, first, draw(p, NR_OWN));
	mprotect(map, cut * VRAM_PAGE, PROT_READ);
	touch(p, map, first, cut);
	munmap(map + cut * VRAM_PAGE, len - cut * VRAM_PAGE);
	munmap(map, cut * VRAM_PAGE);
}

static void zap(struct player *p)
{
	unsigned long page = draw(p, NR_PAGES - 600);

	if (draw(p, 2))
		shape_zap(&vram, page, 1 + draw(p, 600));
	else
		shape_zap_addr(&vram, p->map + page * VRAM_PAGE, 1 + draw(p, 600));
}

static void harvest(struct player *p)
{
	uint64_t page = draw(p, NR_PAGES), end = page + 300, nr;

	while ((nr = shape_harvest(&vram, &page, end)))
		page += nr;
}

static void move(struct player *p)
{
	vram_bo_act(&vram, &bo, VRAM_TEST_MOVE,
		    draw(p, 2) ? VRAM_TEST_MOVE_IN : VRAM_TEST_MOVE_OUT);
}

static void read_file(const char *name)
{
	char text[4096];
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		return;
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

static void look(struct player *p)
{
	struct vram_test_stats stats;
	char name[64];

	switch (draw(p, 4)) {
	case 0:
		shape_stats(&vram, NULL, 0, &stats);
		break;
	case 1:
		shape_stats(&vram, p->map, NR_PAGES * VRAM_PAGE, &stats);
		break;
	case 2:
		read_file(draw(p, 2) ? DEBUGFS "stats" : DEBUGFS "vmas");
		break;
	default:
		snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", vram.drm);
		read_file(name);
	}
}

/* A touch needs a fault where somebody has just zapped: as many of these. */
static void (*const acts[])(struct player *p) = {
	touch_shape, touch_shape, touch_shape, touch_buffer, touch_buffer, map_own,
	map_own, zap, zap, harvest, move, look,
};

static void *play(void *data)
{
	struct player *p = data;
	int i;

	for (i = 0; i < NR_ACTS; i++)
		acts[draw(p, ARRAY_SIZE(acts))](p);
	return NULL;
}

static void play_all(const struct player *like, unsigned int seed)
{
	struct player players[NR_THREADS];
	pthread_t threads[NR_THREADS];
	unsigned int i;

	for (i = 0; i < NR_THREADS; i++) {
		players[i] = *like;
		players[i].seed = seed + i;
		igt_assert_eq(pthread_create(&threads[i], NULL, play, &players[i]),
			      0);
	}
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* System memory, so that buffers in the window have nothing to do with it. */
static void check_storm(void)
{
	static const struct vram_test_extent extent = { .nr_pages = NR_PAGES };
	struct shape s = { .extents = &extent, .nr = 1 };
	struct player like = {};

	s.args.iter = VRAM_TEST_ITER_PAGES;
	s.args.flags = VRAM_TEST_SHAPE_DIRTY;
	shape_set(&vram, &s);
	vram_bo_create(&vram, &bo, BO_SIZE, 0, 0);
	like.map = shape_mmap(&vram, 0, NR_PAGES, 0, RW);
	like.bo_map = vram_map(&vram, &bo, 0, BO_SIZE, 0, RW);
	like.wrong = mmap(NULL, VRAM_PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(like.wrong != MAP_FAILED);

	igt_fork(child, 1)
		play_all(&like, 1000);
	play_all(&like, 1);
	igt_waitchildren();

	igt_assert_eq_u64(atomic_load(like.wrong), 0);
	munmap(like.wrong, VRAM_PAGE);
	vram_unmap(like.bo_map, BO_SIZE);
	vram_unmap(like.map, NR_PAGES * VRAM_PAGE);
	vram_bo_destroy(&vram, &bo);
	shape_fini(&vram, &s);
}

igt_main()
{
	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	igt_describe("Check everything at once");
	igt_subtest("all")
		check_storm();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
