// SPDX-License-Identifier: MIT
/*
 * drm_gem_shmem's own fault handler: a buffer of vgem, in system memory, of huge
 * pages as far as the kernel finds some.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>

#include "bench.h"

#define WIDTH		8192u
#define BYTES_PER_PIXEL	4u

static struct {
	int drm;
	uint64_t offset;
	uint64_t size;
	void *hold;
} vgem = { .drm = -1 };

static bool want_huge_pages(void)
{
	int fd = open("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
		      O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "force", 5) == 5;

	if (fd >= 0)
		close(fd);
	return done;
}

/**
 * bench_vgem_open - make a buffer
 * @bytes: its size
 *
 * Return: the same; 0 if there is no vgem here.
 */
uint64_t bench_vgem_open(uint64_t bytes)
{
	struct drm_mode_create_dumb create = {
		.width = WIDTH,
		.height = bytes / WIDTH / BYTES_PER_PIXEL,
		.bpp = 8 * BYTES_PER_PIXEL,
	};
	struct drm_mode_map_dumb map = {};

	vgem.drm = vram_open_drm_of("vgem");
	if (vgem.drm < 0 || !want_huge_pages())
		return 0;
	if (ioctl(vgem.drm, DRM_IOCTL_MODE_CREATE_DUMB, &create))
		vram_fail("vgem: MODE_CREATE_DUMB: %s\n", strerror(errno));
	map.handle = create.handle;
	if (ioctl(vgem.drm, DRM_IOCTL_MODE_MAP_DUMB, &map))
		vram_fail("vgem: MODE_MAP_DUMB: %s\n", strerror(errno));
	vgem.offset = map.offset;
	vgem.size = create.size;
	/* The pages of a buffer that nobody maps are anybody's. */
	vgem.hold = mmap(NULL, vgem.size, PROT_READ, MAP_SHARED, vgem.drm,
			 vgem.offset);
	if (vgem.hold == MAP_FAILED)
		vram_fail("vgem: mmap: %s\n", strerror(errno));
	return vgem.size;
}

/* Frees the buffer. */
void bench_vgem_close(void)
{
	vram_unmap(vgem.hold, vgem.size);
	close(vgem.drm);
}

static void vgem_begin(const struct bench_way *way, struct bench_buffer *buffer)
{
	(void)way;
	(void)buffer;
}

static void *vgem_map(struct bench_buffer *buffer)
{
	return vram_map_fd(vgem.drm, vgem.offset, buffer->bytes,
			   vram_bo_pa(buffer->vram, &buffer->bo, 0) +
			   buffer->shape->off, PROT_READ | PROT_WRITE);
}

/* Nobody but the kernel takes this memory away. */
static const struct bench_way_ops vgem_ops = {
	.begin = vgem_begin,
	.map = vgem_map,
};

const struct bench_way bench_vgem = {
	.name = "drm_gem_shmem",
	.ops = &vgem_ops,
};
