// SPDX-License-Identifier: MIT
/**
 * TEST: ttm range info
 * Description: Check what is said about buffers
 * Category: Core
 * Functionality: debugging
 *
 * SUBTEST: fdinfo
 * Description: the file's fdinfo has the memory of its buffers by where they are, of
 *	which what is resident, and what is shared
 *
 * SUBTEST: buffers
 * Description: debugfs has each buffer with its place, the leaves that it allows, how
 *	many mappings it has and which leaves they have now
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"
#include "model.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check what is said about buffers");

#define MIB	(1ull << 20)
#define RW	(PROT_READ | PROT_WRITE)

static struct vram vram;

/* Bytes behind a key of a file's fdinfo. */
static uint64_t bytes_of(int fd, const char *key)
{
	char path[64], line[256], name[64], unit[8];
	unsigned long long value = 0, n;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	igt_assert(f);
	while (fgets(line, sizeof(line), f)) {
		*unit = '\0';
		if (sscanf(line, "%63[^:]: %llu %7s", name, &n, unit) < 2 ||
		    strcmp(name, key))
			continue;
		found = true;
		value = n * (*unit == 'K' ? 1024 : *unit == 'M' ? MIB :
			     *unit == 'G' ? 1024 * MIB : 1);
	}
	fclose(f);
	igt_assert_f(found, "no %s in fdinfo\n", key);
	return value;
}

struct memory {
	uint64_t vram, vram_resident, vram_shared;
	uint64_t system, system_resident, system_shared;
};

static void expect(int fd, struct memory want)
{
	igt_assert_eq_u64(bytes_of(fd, "drm-total-vram"), want.vram);
	igt_assert_eq_u64(bytes_of(fd, "drm-resident-vram"), want.vram_resident);
	igt_assert_eq_u64(bytes_of(fd, "drm-shared-vram"), want.vram_shared);
	igt_assert_eq_u64(bytes_of(fd, "drm-total-system"), want.system);
	igt_assert_eq_u64(bytes_of(fd, "drm-resident-system"),
			  want.system_resident);
	igt_assert_eq_u64(bytes_of(fd, "drm-shared-system"), want.system_shared);
}

static void check_fdinfo(void)
{
	struct drm_virtio_vram_gem_create create = {
		.size = 3 * MIB, .placement = DRM_VIRTIO_VRAM_PLACE_SYSTEM,
	};
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct vram_bo bo;
	int other;

	expect(vram.drm, (struct memory){});
	vram_bo_create(&vram, &bo, 8 * MIB, 0, 0);
	expect(vram.drm, (struct memory){
		.vram = 8 * MIB, .vram_resident = 8 * MIB,
	});
	/* Nobody has touched it: it has no pages. */
	igt_assert_eq(vram_gem_create(vram.drm, &create), 0);
	expect(vram.drm, (struct memory){
		.vram = 8 * MIB, .vram_resident = 8 * MIB, .system = 3 * MIB,
	});
	vram_bo_act(&vram, &bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_OUT);
	expect(vram.drm, (struct memory){
		.system = 11 * MIB, .system_resident = 8 * MIB,
	});
	vram_bo_act(&vram, &bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_IN);

	prime.handle = bo.handle;
	do_ioctl(vram.drm, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	other = drm_open_driver(DRIVER_ANY);
	do_ioctl(other, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	close(prime.fd);
	expect(other, (struct memory){
		.vram = 8 * MIB, .vram_resident = 8 * MIB, .vram_shared = 8 * MIB,
	});
	expect(vram.drm, (struct memory){
		.vram = 8 * MIB, .vram_resident = 8 * MIB, .vram_shared = 8 * MIB,
		.system = 3 * MIB,
	});
	drm_close_driver(other);

	igt_assert_eq(vram_gem_close(vram.drm, create.handle), 0);
	vram_bo_destroy(&vram, &bo);
	expect(vram.drm, (struct memory){});
}

struct line {
	unsigned long kib, mappings;
	int type;
	unsigned long may[3], now[3];	/* PUD, PMD, PTE */
};

/* The line about a buffer. Return: false if there is none. */
static bool find_line(const struct vram_bo *bo, struct line *l)
{
	unsigned long long offset;
	bool found = false;
	char text[512];
	glob_t paths;
	size_t i;

	igt_assert_eq(glob("/sys/kernel/debug/dri/*/buffers", 0, NULL, &paths), 0);
	for (i = 0; i < paths.gl_pathc && !found; i++) {
		FILE *f = fopen(paths.gl_pathv[i], "r");

		igt_assert(f);
		while (!found && fgets(text, sizeof(text), f))
			found = sscanf(text, "offset %llx: %lu KiB, type %d, allows %lu PUD, %lu PMD, %lu PTE, %lu mappings: %lu PUD, %lu PMD, %lu PTE",
				       &offset, &l->kib, &l->type, &l->may[0],
				       &l->may[1], &l->may[2], &l->mappings,
				       &l->now[0], &l->now[1], &l->now[2]) == 10 &&
				offset == bo->offset;
		fclose(f);
	}
	globfree(&paths);
	return found;
}

static void check_buffers(void)
{
	const uint64_t size = 4 * MIB + 3 * VRAM_PAGE;
	struct vram_bo bo, other;
	struct line l;
	char *map[2];
	uint64_t at;

	vram_bo_create(&vram, &other, size, 0, 0);
	vram_bo_create(&vram, &bo, size, VRAM_PMD, 0);
	igt_assert(find_line(&bo, &l));
	igt_assert_eq_u64(l.kib, size / 1024);
	igt_assert_eq(l.type, 2);
	igt_assert_eq_u64(l.may[1], 2);
	igt_assert_eq_u64(l.may[2], 3);
	igt_assert_eq_u64(l.mappings, 0);

	/* One mapping by large leaves, another off by a page; and a child's. */
	map[0] = vram_map(&vram, &bo, 0, size, 0, RW);
	map[1] = vram_map(&vram, &bo, 0, size, VRAM_PAGE, RW);
	for (at = 0; at < size; at += VRAM_PAGE) {
		(void)*(volatile char *)(map[0] + at);
		(void)*(volatile char *)(map[1] + at);
	}
	igt_assert(find_line(&bo, &l));
	igt_assert_eq_u64(l.mappings, 2);
	igt_assert_eq_u64(l.now[0], 0);
	igt_assert_eq_u64(l.now[1], 2);
	igt_assert_eq_u64(l.now[2], 3 + size / VRAM_PAGE);
	igt_fork(child, 1) {
		/* fork() leaves PMD leaves out, and takes them from the parent. */
		(void)*(volatile char *)map[0];
		igt_assert(find_line(&bo, &l));
		igt_assert_eq_u64(l.mappings, 4);
		igt_assert_eq_u64(l.now[1], 2);
		igt_assert_eq_u64(l.now[2], 2 * (3 + size / VRAM_PAGE));
	}
	igt_waitchildren();

	/* Nothing of that is the other's. */
	igt_assert(find_line(&other, &l));
	igt_assert_eq_u64(l.mappings + l.now[0] + l.now[1] + l.now[2], 0);
	vram_bo_act(&vram, &bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_OUT);
	igt_assert(find_line(&bo, &l));
	igt_assert_eq(l.type, 0);
	igt_assert_eq_u64(l.mappings, 2);
	igt_assert_eq_u64(l.now[0] + l.now[1] + l.now[2], 0);

	vram_unmap(map[0], size);
	vram_unmap(map[1], size);
	vram_bo_destroy(&vram, &bo);
	igt_assert(!find_line(&bo, &l));
	vram_bo_destroy(&vram, &other);
}

igt_main()
{
	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	igt_describe("Check what fdinfo says about memory");
	igt_subtest("fdinfo")
		check_fdinfo();
	igt_describe("Check what debugfs says about buffers");
	igt_subtest("buffers")
		check_buffers();

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
