// SPDX-License-Identifier: MIT
/*
 * Buffers of ttm_mock, and the module itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mock.h"

static void call(int fd, unsigned long request, void *args, const char *name)
{
	if (ioctl(fd, request, args))
		vram_fail("%s: %s\n", name, strerror(errno));
}

#define CALL(fd, request, args)	call(fd, request, args, #request)

/* Return: 0 or another status of modprobe. */
int mock_load(void)
{
	return system("modprobe ttm_mock");
}

/* Return: 0 or -errno. */
int mock_unload(void)
{
	return syscall(SYS_delete_module, "ttm_mock", O_NONBLOCK) ? -errno : 0;
}

/* Return: a file, or -1. */
int mock_open(void)
{
	char path[32], name[32];
	int fd, i;

	for (i = 0; i < 16; i++) {
		struct drm_version version = {
			.name = name,
			.name_len = sizeof(name) - 1,
		};

		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		memset(name, 0, sizeof(name));
		if (!ioctl(fd, DRM_IOCTL_VERSION, &version) &&
		    !strcmp(name, "ttm_mock"))
			return fd;
		close(fd);
	}
	return -1;
}

void mock_bo_create(int fd, struct mock_bo *bo, uint64_t size,
		    enum mock_place place, uint32_t flags)
{
	struct mock_create create = {
		.size = size, .place = place, .flags = flags,
	};

	CALL(fd, MOCK_CREATE, &create);
	*bo = (struct mock_bo){ fd, create.handle, size, create.offset };
}

void mock_bo_destroy(const struct mock_bo *bo)
{
	struct drm_gem_close close_args = { .handle = bo->handle };

	CALL(bo->fd, DRM_IOCTL_GEM_CLOSE, &close_args);
}

/* Return: 0 or -errno. */
int mock_bo_move(const struct mock_bo *bo, enum mock_place place)
{
	struct mock_move move = { .handle = bo->handle, .place = place };

	return ioctl(bo->fd, MOCK_MOVE, &move) ? -errno : 0;
}

/* Where it is; in @pfns, its pages. */
enum mock_place mock_bo_place(const struct mock_bo *bo, uint64_t *pfns)
{
	struct mock_pages pages = {
		.handle = bo->handle,
		.pfns = (uintptr_t)pfns,
	};

	CALL(bo->fd, MOCK_PAGES, &pages);
	return pages.place;
}

/**
 * mock_bo_model - what a mapping of a whole buffer must look like
 * @bo: the buffer, as it lies now
 * @m: filled in; ended by model_fini()
 * @addr: where it is mapped
 */
void mock_bo_model(const struct mock_bo *bo, struct model *m, const void *addr)
{
	unsigned long nr = bo->size / VRAM_PAGE, page, n = 0;
	struct model_block *blocks = calloc(nr, sizeof(*blocks));
	uint64_t *pfns = calloc(nr, sizeof(*pfns));

	if (!pfns || !blocks)
		vram_fail("no memory for %lu pages\n", nr);
	mock_bo_place(bo, pfns);
	for (page = 0; page < nr; page++) {
		if (page && pfns[page] == pfns[page - 1] + 1)
			blocks[n - 1].nr_pages++;
		else
			blocks[n++] = (struct model_block){ page, pfns[page], 1 };
	}
	model_init_blocks(m, blocks, n, 21, 0, addr, bo->size);
	free(pfns);
	free(blocks);
}

void *mock_bo_map(const struct mock_bo *bo, int prot)
{
	void *addr = vram_map_fd(bo->fd, bo->offset, bo->size, 0, prot);

	if (addr == MAP_FAILED)
		vram_fail("mmap: %s\n", strerror(errno));
	return addr;
}

/* Return: length of the run of dirty pages at *page. */
uint64_t mock_bo_harvest(const struct mock_bo *bo, uint64_t *page)
{
	struct mock_harvest harvest = { .handle = bo->handle, .page = *page };

	CALL(bo->fd, MOCK_HARVEST, &harvest);
	*page = harvest.page;
	return harvest.nr_pages;
}

/* As the device would. Return: what the kernel answered. */
struct mock_access mock_bo_access(const struct mock_bo *bo, uint64_t at,
				  int write, uint64_t value)
{
	struct mock_access access = {
		.handle = bo->handle, .write = write, .at = at, .value = value,
	};

	CALL(bo->fd, MOCK_ACCESS, &access);
	return access;
}

uint64_t mock_bo_read(const struct mock_bo *bo, uint64_t at)
{
	return mock_bo_access(bo, at, 0, 0).value;
}

void mock_bo_write(const struct mock_bo *bo, uint64_t at, uint64_t value)
{
	mock_bo_access(bo, at, 1, value);
}

/* Return: how many pages were swapped out. */
uint64_t mock_swap(int fd)
{
	struct mock_swap swap = {};

	CALL(fd, MOCK_SWAP, &swap);
	return swap.pages;
}
