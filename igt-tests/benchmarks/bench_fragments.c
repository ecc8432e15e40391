// SPDX-License-Identifier: MIT
/*
 * A buffer in what an allocator has left after a while of use.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "bench.h"

/* There are so many sizes of other buffers, from 4 KiB up, each twice the one before. */
#define SIZES		11
#define LARGEST		((uint64_t)VRAM_PAGE << (SIZES - 1))

struct other {
	uint32_t handle;
	uint64_t size;
};

/* All of the window that the test node leaves to buffers; more would evict some. */
static unsigned int fill(struct vram *vram, struct other **others)
{
	unsigned int most = vram_avail(vram) / VRAM_PAGE, nr;
	struct other *list = calloc(most, sizeof(*list));

	if (!list)
		vram_fail("no memory\n");
	for (nr = 0; vram_avail(vram) >= LARGEST; nr++) {
		struct drm_virtio_vram_gem_create create = {
			.size = (uint64_t)VRAM_PAGE << random() % SIZES,
			.placement = DRM_VIRTIO_VRAM_PLACE_VRAM,
		};
		int ret = vram_gem_create(vram->drm, &create);

		if (ret)
			vram_fail("buffer %u of %llu bytes: %s\n", nr,
				  (unsigned long long)create.size, strerror(-ret));
		list[nr] = (struct other) { create.handle, create.size };
	}
	*others = list;
	return nr;
}

/* One that is drawn becomes the last of its list. */
static void draw(struct other *others, unsigned int nr)
{
	unsigned int i = random() % nr;
	struct other one = others[i];

	others[i] = others[nr - 1];
	others[nr - 1] = one;
}

static uint64_t drop(struct vram *vram, const struct other *other)
{
	if (vram_gem_close(vram->drm, other->handle))
		vram_fail("GEM_CLOSE: %s\n", strerror(errno));
	return other->size;
}

static void leave(struct vram *vram, uint64_t bytes)
{
	struct vram_test_shrink shrink = { .size = bytes };

	if (ioctl(vram->test, VRAM_TEST_SHRINK, &shrink))
		vram_fail("VRAM_TEST_SHRINK: %s\n", strerror(errno));
}

/**
 * bench_fragments_make - make a buffer of fragments
 * @vram: device, without buffers
 * @bo: filled in
 * @size: bytes
 *
 * A part of the window, half as large again, is filled with small buffers, and some of
 * these make room, the same ones each time.
 */
void bench_fragments_make(struct vram *vram, struct vram_bo *bo, uint64_t size)
{
	struct other *others;
	uint64_t room = 0;
	unsigned int nr;

	srandom(1);
	leave(vram, size + size / 2);
	nr = fill(vram, &others);
	while (room < size) {
		if (!nr)
			vram_fail("others have no room for %llu bytes\n",
				  (unsigned long long)size);
		draw(others, nr);
		room += drop(vram, &others[--nr]);
	}
	vram_avail_settles(vram, room);
	vram_bo_create(vram, bo, size, 0, 0);
	while (nr)
		drop(vram, &others[--nr]);
	free(others);
	leave(vram, 0);
}
