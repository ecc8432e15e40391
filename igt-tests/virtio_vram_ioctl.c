// SPDX-License-Identifier: MIT
/**
 * TEST: virtio vram ioctl
 * Description: Check the uAPI of virtio_vram
 * Category: Core
 * Functionality: ioctl
 *
 * SUBTEST: info
 * Description: sizes are plausible, and a buffer comes out of what is free
 *
 * SUBTEST: create-bad
 * Description: bad input gets the errno that the header promises
 *
 * SUBTEST: create-blocks
 * Description: a buffer consists of the blocks that its creator asked for
 *
 * SUBTEST: create-full
 * Description: a full window says so, and works again when it is not
 *
 * SUBTEST: mmap-offset-bad
 * Description: unknown handles and nonzero pads are refused
 *
 * SUBTEST: unknown
 * Description: ioctls that the driver does not have are refused
 *
 * SUBTEST: mmap-bad
 * Description: private, overlong and stale mappings are refused
 *
 * SUBTEST: mmap-other-file
 * Description: a file cannot map what another file's handle names
 *
 * SUBTEST: close-mapped
 * Description: a mapping keeps its memory when the handle goes
 *
 * SUBTEST: leftovers
 * Description: a new buffer never shows what an earlier one held
 *
 * SUBTEST: evict
 * Description: a buffer keeps its content when it is moved out of the window
 *
 * SUBTEST: system
 * Description: a buffer in system memory works
 *
 * SUBTEST: dumb
 * Description: dumb buffers can be made, mapped and destroyed
 *
 * SUBTEST: dumb-bad
 * Description: impossible dumb buffers are refused
 *
 * SUBTEST: prime
 * Description: a buffer exported and imported is the same memory, mapped as well
 *
 * SUBTEST: render
 * Description: all of it works on the render node
 *
 * SUBTEST: test-node
 * Description: the test node is for privileged processes only
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>

#include "igt.h"
#include "model.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check the uAPI of virtio_vram");

#define MIB	(1ull << 20)
#define GIB	(1ull << 30)
#define RW	(PROT_READ | PROT_WRITE)
#define IN_VRAM	DRM_VIRTIO_VRAM_PLACE_VRAM
#define IN_RAM	DRM_VIRTIO_VRAM_PLACE_SYSTEM
#define MIX	DRM_VIRTIO_VRAM_GEM_MIX

static struct vram vram;

static void check_info(void)
{
	struct drm_virtio_vram_info info;
	struct vram_bo bo;
	uint64_t before;

	memset(&info, 0xff, sizeof(info));
	do_ioctl(vram.drm, DRM_IOCTL_VIRTIO_VRAM_INFO, &info);
	igt_assert_eq_u64(info.vram_size, vram.size);
	igt_assert_lte_u64(info.vram_avail, info.vram_size);
	igt_assert_eq_u64(info.vram_avail % VRAM_PAGE, 0);

	before = info.vram_avail;
	vram_bo_create(&vram, &bo, 3 * MIB, 4096, 0);
	igt_assert_eq_u64(vram_avail(&vram), before - 3 * MIB);
	vram_bo_destroy(&vram, &bo);
	igt_assert_eq_u64(vram_avail_settles(&vram, before), before);
}

static void check_create_bad(void)
{
	static const struct drm_virtio_vram_gem_create bad[] = {
		{ .size = 0, .placement = IN_VRAM },
		{ .size = 1, .placement = IN_VRAM },
		{ .size = 4097, .placement = IN_VRAM },
		{ .size = -1ull, .placement = IN_VRAM },
		{ .size = MIB, .placement = 0 },
		{ .size = MIB, .placement = 4 },
		{ .size = MIB, .placement = IN_VRAM | 1u << 31 },
		{ .size = MIB, .placement = IN_VRAM, .block_size = 1 },
		{ .size = MIB, .placement = IN_VRAM, .block_size = 2048 },
		{ .size = MIB, .placement = IN_VRAM, .block_size = 3 * 4096 },
		{ .size = MIB, .placement = IN_VRAM, .block_size = 2 * GIB },
		{ .size = MIB, .placement = IN_VRAM, .block_size = 1ull << 63 },
		{ .size = MIB, .placement = IN_VRAM,
		  .block_size = (1ull << 32) + 4096 },
		{ .size = MIB, .placement = IN_RAM, .block_size = 4096 },
		{ .size = MIB, .placement = IN_VRAM, .flags = 2,
		  .block_size = 4096 },
		{ .size = MIB, .placement = IN_VRAM, .flags = 4 },
		{ .size = MIB, .placement = IN_VRAM, .flags = 1u << 31 },
		{ .size = MIB, .placement = IN_VRAM, .pad = 1 },
		{ .size = MIB, .placement = IN_VRAM, .pad = 1u << 31 },
	};
	uint64_t before = vram_avail(&vram);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct drm_virtio_vram_gem_create create = bad[i];
		int ret = vram_gem_create(vram.drm, &create);

		igt_assert_f(ret == -EINVAL, "case %u: %d\n", i, ret);
		igt_assert_eq(create.handle, 0);
	}
	do_ioctl_err(vram.drm, DRM_IOCTL_VIRTIO_VRAM_GEM_CREATE, NULL, EFAULT);
	igt_assert_eq_u64(vram_avail(&vram), before);
}

/* Each block has the size asked for, and none goes on from the one before. */
static void check_create_blocks(void)
{
	static const uint64_t sizes[] = {
		4096, 65536, 2 * MIB, 4 * MIB, 128 * MIB,
	};
	struct vram_bo bo;
	unsigned int i, j;
	bool differ = false;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		vram_bo_create(&vram, &bo, 3 * sizes[i] + 4096, sizes[i], 0);
		igt_assert_eq(bo.nr_blocks, 4);
		for (j = 0; j < 3; j++) {
			igt_assert_eq_u64(bo.blocks[j].len, sizes[i]);
			igt_assert_eq_u64(bo.blocks[j].offset % sizes[i], 0);
			igt_assert(bo.blocks[j].offset + sizes[i] !=
				   bo.blocks[j + 1].offset);
		}
		igt_assert_eq_u64(bo.blocks[3].len, 4096);
		vram_bo_destroy(&vram, &bo);
	}

	vram_bo_create(&vram, &bo, 64 * MIB, MIB, MIX);
	for (j = 0; j < bo.nr_blocks; j++) {
		const struct vram_test_block *b = &bo.blocks[j];

		igt_assert_lte_u64(b->len, MIB);
		igt_assert_eq_u64(b->offset % 4096, 0);
		differ |= b->len != bo.blocks[0].len;
	}
	igt_assert(differ);
	vram_bo_destroy(&vram, &bo);
}

static bool is_no_room(int ret)
{
	return ret == -ENOSPC || ret == -ENOMEM;
}

static void check_create_full(void)
{
	struct drm_virtio_vram_gem_create create = { .placement = IN_VRAM };
	uint64_t before = vram_avail(&vram);
	struct vram_bo bo;

	create.size = vram.size + 4096;
	igt_assert(is_no_room(vram_gem_create(vram.drm, &create)));
	create.size = 1ull << 60;
	igt_assert(is_no_room(vram_gem_create(vram.drm, &create)));
	create.size = -4096ull;
	igt_assert(is_no_room(vram_gem_create(vram.drm, &create)));
	create.placement = IN_RAM;
	igt_assert(is_no_room(vram_gem_create(vram.drm, &create)));
	igt_assert_eq_u64(vram_avail(&vram), before);

	vram_bo_create(&vram, &bo, 8 * MIB, 0, 0);
	vram_bo_destroy(&vram, &bo);
}

static void check_mmap_offset_bad(void)
{
	struct drm_virtio_vram_gem_mmap_offset args = {};
	struct vram_bo bo;

	do_ioctl_err(vram.drm, DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, &args,
		     ENOENT);
	args.handle = 0xdead;
	do_ioctl_err(vram.drm, DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, &args,
		     ENOENT);
	vram_bo_create(&vram, &bo, MIB, 0, 0);
	args.handle = bo.handle;
	args.pad = 1;
	do_ioctl_err(vram.drm, DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, &args,
		     EINVAL);
	vram_bo_destroy(&vram, &bo);
}

static void check_unknown(void)
{
	char buf[256] = {};

	do_ioctl_err(vram.drm, DRM_IOWR(DRM_COMMAND_BASE + 3, char[64]), buf,
		     EINVAL);
	do_ioctl_err(vram.drm, DRM_IOWR(DRM_COMMAND_BASE + 0x3f, char[64]),
		     buf, EINVAL);
	do_ioctl_err(vram.test, _IO('v', 0x7f), NULL, ENOTTY);
}

static void check_mmap_fails(uint64_t offset, size_t len, int prot, int flags,
			     int err)
{
	void *addr;

	errno = 0;
	addr = mmap(NULL, len, prot, flags, vram.drm, offset);
	igt_assert_f(addr == MAP_FAILED && errno == err,
		     "mmap of %#zx at %#llx, prot %d, flags %#x: %p, errno %d, not %d\n",
		     len, (unsigned long long)offset, prot, flags, addr, errno,
		     err);
}

static void check_mmap_bad(void)
{
	struct vram_bo bo;

	vram_bo_create(&vram, &bo, MIB, 4096, 0);
	check_mmap_fails(bo.offset, MIB, RW, MAP_PRIVATE, EINVAL);
	check_mmap_fails(bo.offset, MIB + 4096, RW, MAP_SHARED, EINVAL);
	check_mmap_fails(bo.offset + 4096, MIB, RW, MAP_SHARED, EINVAL);
	check_mmap_fails(bo.offset + MIB, 4096, RW, MAP_SHARED, EINVAL);
	check_mmap_fails(0, 4096, RW, MAP_SHARED, EINVAL);
	check_mmap_fails(1ull << 62, 4096, RW, MAP_SHARED, EINVAL);
	vram_bo_destroy(&vram, &bo);
	check_mmap_fails(bo.offset, MIB, RW, MAP_SHARED, EINVAL);
}

static void check_mmap_other_file(void)
{
	struct vram_bo bo;
	void *addr;
	int other;

	other = drm_open_driver(DRIVER_ANY);
	vram_bo_create(&vram, &bo, MIB, 4096, 0);
	errno = 0;
	addr = mmap(NULL, MIB, RW, MAP_SHARED, other, bo.offset);
	igt_assert(addr == MAP_FAILED);
	igt_assert_eq(errno, EACCES);
	addr = vram_map(&vram, &bo, 0, MIB, 0, RW);
	vram_unmap(addr, MIB);
	vram_bo_destroy(&vram, &bo);
	drm_close_driver(other);
}

static void check_close_mapped(void)
{
	uint64_t before = vram_avail(&vram);
	struct vram_bo bo;
	uint64_t pa, *addr;

	vram_bo_create(&vram, &bo, MIB, 4096, 0);
	pa = vram_bo_pa(&vram, &bo, MIB / 2);
	addr = vram_map(&vram, &bo, 0, MIB, 0, RW);
	addr[MIB / 2 / sizeof(*addr)] = 99;
	vram_bo_destroy(&vram, &bo);

	igt_assert_eq_u64(vram_peek(&vram, pa), 99);
	vram_poke(&vram, pa, 100);
	igt_assert_eq_u64(addr[MIB / 2 / sizeof(*addr)], 100);
	igt_assert_eq_u64(vram_avail(&vram), before - MIB);
	vram_unmap(addr, MIB);
	igt_assert_eq_u64(vram_avail_settles(&vram, before), before);
}

static void expect_zeroes(const struct vram_bo *bo)
{
	uint64_t *addr = vram_map(&vram, bo, 0, bo->size, 0, PROT_READ);
	uint64_t i;

	for (i = 0; i < bo->size / sizeof(*addr); i++)
		if (addr[i])
			break;
	igt_assert_f(i == bo->size / sizeof(*addr),
		     "byte %#llx of a new buffer shows %#llx\n",
		     (unsigned long long)(i * sizeof(*addr)),
		     (unsigned long long)addr[i]);
	vram_unmap(addr, bo->size);
}

/* How many bytes of a buffer lie in window memory that was used before. */
static uint64_t overlap(const struct vram_bo *bo, const struct vram_bo *old)
{
	uint64_t sum = 0;
	unsigned int i, j;

	for (i = 0; i < bo->nr_blocks; i++) {
		for (j = 0; j < old->nr_blocks; j++) {
			const struct vram_test_block *a = &bo->blocks[i];
			const struct vram_test_block *b = &old->blocks[j];
			uint64_t from = a->offset > b->offset ?
				a->offset : b->offset;
			uint64_t to = a->offset + a->len < b->offset + b->len ?
				a->offset + a->len : b->offset + b->len;

			sum += to > from ? to - from : 0;
		}
	}
	return sum;
}

/*
 * Dirty a piece of the window, give it back, and allocate until that piece has
 * been seen again.
 */
static void check_leftovers_in(uint64_t block_size, uint32_t flags)
{
	const uint64_t size = 64 * MIB;
	struct vram_bo old, bo[64];
	uint64_t seen = 0;
	unsigned int n = 0;
	void *addr;

	vram_bo_create(&vram, &old, size, 0, 0);
	addr = vram_map(&vram, &old, 0, size, 0, RW);
	memset(addr, 0xa5, size);
	vram_unmap(addr, size);
	igt_assert_eq(vram_gem_close(vram.drm, old.handle), 0);

	while (seen < size / 2 && n < ARRAY_SIZE(bo) &&
	       vram_avail(&vram) >= size) {
		vram_bo_create(&vram, &bo[n], size, block_size, flags);
		expect_zeroes(&bo[n]);
		seen += overlap(&bo[n++], &old);
	}
	igt_info("%llu MiB of dirty memory seen again in %u buffers\n",
		 (unsigned long long)(seen / MIB), n);
	igt_assert(seen);
	while (n)
		vram_bo_destroy(&vram, &bo[--n]);
	free(old.blocks);
}

static void check_evict(uint64_t block_size)
{
	struct vram_test_leaf *leaves;
	uint64_t *addr, before, i;
	struct vram_bo bo;
	unsigned int nr, j;

	before = vram_avail(&vram);
	vram_bo_create(&vram, &bo, 8 * MIB, block_size, 0);
	addr = vram_map(&vram, &bo, 0, bo.size, 0, RW);
	for (i = 0; i < bo.size; i += VRAM_PAGE)
		addr[i / 8] = vram_stamp(i, 1);

	vram_bo_act(&vram, &bo, VRAM_TEST_MOVE, 0);
	leaves = vram_leaves(&vram, addr, bo.size, &nr);
	igt_assert_eq(nr, 0);
	free(leaves);
	igt_assert_eq_u64(vram_avail_settles(&vram, before), before);

	for (i = 0; i < bo.size; i += VRAM_PAGE)
		igt_assert_eq_u64(addr[i / 8], vram_stamp(i, 1));
	leaves = vram_leaves(&vram, addr, bo.size, &nr);
	igt_assert(nr);
	for (j = 0; j < nr; j++)
		igt_assert(leaves[j].pfn < vram.base_pfn ||
			   leaves[j].pfn >= vram.base_pfn +
					    vram.size / VRAM_PAGE);
	free(leaves);
	vram_unmap(addr, bo.size);
	vram_bo_destroy(&vram, &bo);
}

static void check_system(void)
{
	struct drm_virtio_vram_gem_create create = {
		.size = 4 * MIB + 4096,
		.placement = IN_RAM,
	};
	struct drm_virtio_vram_gem_mmap_offset args = {};
	uint64_t before = vram_avail(&vram), *addr, i;

	igt_assert_eq(vram_gem_create(vram.drm, &create), 0);
	igt_assert_eq_u64(vram_avail(&vram), before);
	args.handle = create.handle;
	do_ioctl(vram.drm, DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, &args);
	addr = vram_map_fd(vram.drm, args.offset, create.size, 0, RW);
	igt_assert(addr != MAP_FAILED);
	for (i = 0; i < create.size / 8; i++)
		igt_assert_eq_u64(addr[i], 0);
	for (i = 0; i < create.size; i += VRAM_PAGE)
		addr[i / 8] = vram_stamp(i, 2);
	for (i = 0; i < create.size; i += VRAM_PAGE)
		igt_assert_eq_u64(addr[i / 8], vram_stamp(i, 2));
	vram_unmap(addr, create.size);
	igt_assert_eq(vram_gem_close(vram.drm, create.handle), 0);
}

static void check_dumb(void)
{
	struct drm_mode_create_dumb create = {
		.width = 1001, .height = 601, .bpp = 32,
	};
	struct drm_mode_destroy_dumb destroy = {};
	struct drm_mode_map_dumb map = {};
	uint64_t i;
	char *addr;

	do_ioctl(vram.drm, DRM_IOCTL_MODE_CREATE_DUMB, &create);
	igt_assert(create.handle);
	igt_assert_lte_u64(create.width * 4, create.pitch);
	igt_assert_lte_u64(create.pitch * create.height, create.size);
	map.handle = create.handle;
	do_ioctl(vram.drm, DRM_IOCTL_MODE_MAP_DUMB, &map);
	addr = vram_map_fd(vram.drm, map.offset, create.size, 0, RW);
	igt_assert(addr != MAP_FAILED);
	for (i = 0; i < create.size; i++)
		igt_assert_eq(addr[i], 0);
	memset(addr, 0x77, create.size);
	vram_unmap(addr, create.size);
	destroy.handle = create.handle;
	do_ioctl(vram.drm, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
	do_ioctl_err(vram.drm, DRM_IOCTL_MODE_MAP_DUMB, &map, ENOENT);
}

static void check_dumb_bad(void)
{
	static const struct drm_mode_create_dumb bad[] = {
		{ .width = 0, .height = 1, .bpp = 32 },
		{ .width = 1, .height = 0, .bpp = 32 },
		{ .width = 1, .height = 1, .bpp = 0 },
		{ .width = -1, .height = -1, .bpp = 32 },
		{ .width = 1, .height = 1, .bpp = -1 },
	};
	struct drm_mode_map_dumb map = { .handle = 0xdead };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct drm_mode_create_dumb create = bad[i];

		do_ioctl_err(vram.drm, DRM_IOCTL_MODE_CREATE_DUMB, &create,
			     EINVAL);
	}
	do_ioctl_err(vram.drm, DRM_IOCTL_MODE_MAP_DUMB, &map, ENOENT);
}

/* A view of the buffer through another file must be the same memory. */
static void check_view(const struct vram_bo *bo, int fd, uint64_t offset,
		       uint64_t seed)
{
	uint64_t pa = vram_bo_pa(&vram, bo, 0), at;
	struct model m;
	void *addr;

	addr = vram_map_fd(fd, offset, bo->size, pa, RW);
	igt_assert(addr != MAP_FAILED);
	for (at = 0; at < bo->size; at += VRAM_PAGE) {
		pa = vram_bo_pa(&vram, bo, at);
		*(volatile uint64_t *)(addr + at) = vram_stamp(pa, seed);
		igt_assert_eq_u64(vram_peek(&vram, pa), vram_stamp(pa, seed));
	}
	model_init(&m, &vram, bo, 0, addr, bo->size);
	model_check(&m, &vram, RW);
	model_fini(&m);
	vram_unmap(addr, bo->size);
}

static void check_prime(void)
{
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct drm_virtio_vram_gem_mmap_offset args = {};
	uint64_t before = vram_avail(&vram);
	struct vram_bo bo;
	uint64_t pa;
	int other;

	vram_bo_create(&vram, &bo, 8 * MIB, 4 * MIB, 0);
	pa = vram_bo_pa(&vram, &bo, 0);
	prime.handle = bo.handle;
	do_ioctl(vram.drm, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	check_view(&bo, prime.fd, 0, 1);

	/* Into the same file: the same handle. Into another: its own. */
	prime.handle = 0;
	do_ioctl(vram.drm, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	igt_assert_eq(prime.handle, bo.handle);
	other = drm_open_driver(DRIVER_ANY);
	do_ioctl(other, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	args.handle = prime.handle;
	do_ioctl(other, DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, &args);
	check_view(&bo, other, args.offset, 2);

	/* The import keeps the buffer when the exporter's handle goes. */
	vram_bo_destroy(&vram, &bo);
	igt_assert_eq_u64(vram_peek(&vram, pa), vram_stamp(pa, 2));
	igt_assert_eq_u64(vram_avail(&vram), before - 8 * MIB);
	igt_assert_eq(vram_gem_close(other, prime.handle), 0);
	close(prime.fd);
	drm_close_driver(other);
	igt_assert_eq_u64(vram_avail_settles(&vram, before), before);

	prime.fd = 0xdead;
	do_ioctl_err(vram.drm, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime, EBADF);
	prime.handle = 0xdead;
	do_ioctl_err(vram.drm, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime, ENOENT);
}

static void check_render(void)
{
	struct vram render;
	struct vram_bo bo;

	vram_open(&render, drm_open_driver_render(DRIVER_ANY));
	vram_bo_create(&render, &bo, 4 * MIB, 2 * MIB, 0);
	check_view(&bo, render.drm, bo.offset, 3);
	vram_bo_destroy(&render, &bo);
	vram_close(&render);
	drm_close_driver(render.drm);
}

/* Give up CAP_SYS_ADMIN, and nothing else. */
static void drop_admin(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	igt_assert_eq(syscall(SYS_capget, &header, data), 0);
	data[0].effective &= ~(1u << CAP_SYS_ADMIN);
	igt_assert_eq(syscall(SYS_capset, &header, data), 0);
}

static void check_test_node(void)
{
	struct stat st;

	igt_assert_eq(stat(VRAM_TEST_NODE, &st), 0);
	igt_assert_eq(st.st_mode, S_IFCHR | 0600);
	igt_assert_eq(st.st_uid, 0);
	igt_fork(child, 1) {
		drop_admin();
		igt_assert_eq(open(VRAM_TEST_NODE, O_RDWR), -1);
		igt_assert_eq(errno, EPERM);
	}
	igt_waitchildren();
}

static const struct {
	const char *name;
	const char *what;
	void (*run)(void);
} checks[] = {
	{ "info", "Check the sizes that the driver tells", check_info },
	{ "create-bad", "Check that bad buffers are refused",
	  check_create_bad },
	{ "create-blocks", "Check that a buffer has the blocks it was to have",
	  check_create_blocks },
	{ "create-full", "Check that a full window says so",
	  check_create_full },
	{ "mmap-offset-bad", "Check that unknown handles are refused",
	  check_mmap_offset_bad },
	{ "unknown", "Check that unknown ioctls are refused", check_unknown },
	{ "mmap-bad", "Check that impossible mappings are refused",
	  check_mmap_bad },
	{ "mmap-other-file", "Check that a file cannot map another's buffer",
	  check_mmap_other_file },
	{ "close-mapped", "Check that a mapping outlives the handle",
	  check_close_mapped },
	{ "system", "Check buffers in system memory", check_system },
	{ "dumb", "Check dumb buffers", check_dumb },
	{ "dumb-bad", "Check that impossible dumb buffers are refused",
	  check_dumb_bad },
	{ "prime", "Check that exported and imported buffers are one",
	  check_prime },
	{ "render", "Check the render node", check_render },
	{ "test-node", "Check that the test node is for privileged processes",
	  check_test_node },
};

igt_main()
{
	unsigned int i;

	igt_fixture()
		vram_open(&vram, drm_open_driver(DRIVER_ANY));

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		igt_describe(checks[i].what);
		igt_subtest(checks[i].name)
			checks[i].run();
	}

	igt_describe("Check that a new buffer never shows what an earlier one held");
	igt_subtest("leftovers") {
		check_leftovers_in(0, 0);
		check_leftovers_in(4096, 0);
		check_leftovers_in(4 * MIB, MIX);
	}

	igt_describe("Check that a buffer keeps its content on its way out of the window");
	igt_subtest("evict") {
		check_evict(2 * MIB);
		check_evict(4096);
	}

	igt_fixture() {
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
