// SPDX-License-Identifier: MIT
/*
 * Operations on buffers, and on the driver's ioctls.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>

#include "ops.h"

#define MIB		(1ull << 20)
#define IN_VRAM		DRM_VIRTIO_VRAM_PLACE_VRAM
#define IN_RAM		DRM_VIRTIO_VRAM_PLACE_SYSTEM
/* What is moved to system memory must have room there. */
#define MOVE_MAX	(16 * MIB)

struct fuzz_bo *fuzz_bo_pick(struct fuzz_thread *t, uint32_t arg)
{
	struct fuzz_process *p = t->process;
	unsigned int nr = atomic_load(&p->nr_bos), i;

	/* Those that are being made come last, and have no handle yet. */
	for (i = 0; i < nr; i++) {
		struct fuzz_bo *bo = &p->bos[(arg + i) % nr];

		if (bo->handle)
			return bo;
	}
	return NULL;
}

/* Bytes for a new buffer, out of the budget of the process; 0: there is none. */
static uint64_t take_size(struct fuzz_thread *t, uint32_t kind, uint32_t detail)
{
	uint64_t size;

	switch (kind % 1024) {
	case 0:		/* once in a while: to clear it takes seconds */
		size = VRAM_PUD;
		break;
	case 1 ... 7:
		size = 64 * MIB + detail % 3 * VRAM_PAGE;
		break;
	case 8 ... 240:
		size = (1 + detail % 4) * VRAM_PMD;
		break;
	case 241 ... 400:
		size = (1 + detail % 2000) * VRAM_PAGE;
		break;
	default:
		size = (1 + detail % 600) * VRAM_PAGE;
		break;
	}
	if (atomic_fetch_sub(&t->process->budget, size) >= (long long)size)
		return size;
	atomic_fetch_add(&t->process->budget, size);
	return 0;
}

static uint64_t first_pa(const struct fuzz_process *p, uint32_t handle)
{
	struct vram_test_block block;
	struct vram_test_blocks query = {
		.drm_fd = p->vram.drm,
		.handle = handle,
		.blocks = (uintptr_t)&block,
		.nr = 1,
	};

	if (ioctl(p->vram.test, VRAM_TEST_BLOCKS, &query) || !query.nr)
		return 0;
	return p->vram.base_pfn * VRAM_PAGE + block.offset;
}

/* Make a record of a new handle. */
static bool add_bo(struct fuzz_thread *t, uint32_t handle, uint64_t size,
		   bool in_vram)
{
	struct fuzz_process *p = t->process;
	struct drm_virtio_vram_gem_mmap_offset where = { .handle = handle };
	unsigned int nr = atomic_load(&p->nr_bos);
	struct fuzz_bo *bo;

	do {
		if (nr == FUZZ_BOS) {
			vram_gem_close(p->vram.drm, handle);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&p->nr_bos, &nr, nr + 1));

	bo = &p->bos[nr];
	bo->id = ++p->shared->bo_id & 0xffffff;
	bo->size = size;
	bo->dmabuf = -1;
	bo->outside = !in_vram;
	if (ioctl(p->vram.drm, DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, &where))
		fuzz_wrong(t, "no offset for a new buffer: %s\n", strerror(errno));
	bo->offset = where.offset;
	bo->pa = in_vram ? first_pa(p, handle) : 0;
	__atomic_store_n(&bo->handle, handle, __ATOMIC_RELEASE);
	return true;
}

static void fill_create(struct drm_virtio_vram_gem_create *create,
			const uint32_t *arg)
{
	create->placement = arg[2] % 4 ? IN_VRAM : 1 + arg[2] / 4 % 3;
	if (create->placement & IN_VRAM && arg[3] % 4) {
		create->block_size = VRAM_PAGE << arg[3] / 4 % 19;
		/* Very many blocks take very long. */
		while (create->size / create->block_size > 16384)
			create->block_size *= 8;
		if (arg[4] % 4 == 0)
			create->flags = DRM_VIRTIO_VRAM_GEM_MIX;
	}
	if (create->flags && create->size > 64 * MIB)
		create->flags = 0;
}

OP(create)
{
	struct drm_virtio_vram_gem_create create = {
		.size = take_size(t, arg[0], arg[1]),
	};
	struct fuzz_process *p = t->process;
	bool made;

	if (!create.size)
		return false;
	fill_create(&create, arg);
	pthread_rwlock_rdlock(&p->names);
	made = !vram_gem_create(p->vram.drm, &create) &&
	       add_bo(t, create.handle, create.size, create.placement & IN_VRAM);
	pthread_rwlock_unlock(&p->names);
	return made;
}

/* A good request with one field gone bad; if it is good even so, all right. */
OP(create_bad)
{
	static const uint64_t values[] = {
		0, 1, 4095, 4097, 1ull << 31, 1ull << 32, 1ull << 63, -1ull,
		-4096ull, 3, 4, 8192, 1ull << 40, (1ull << 32) + 4096,
	};
	uint64_t value = values[arg[0] % (sizeof(values) / sizeof(values[0]))];
	struct drm_virtio_vram_gem_create create = {
		.size = (1 + arg[1] % 64) * VRAM_PAGE,
	};
	struct fuzz_process *p = t->process;
	int ret;

	fill_create(&create, arg);
	switch (arg[5] % 5) {
	case 0:
		create.size = value;
		break;
	case 1:
		create.block_size = value;
		break;
	case 2:
		create.placement = (uint32_t)value;
		break;
	case 3:
		create.flags = (uint32_t)value;
		break;
	case 4:
		create.pad = (uint32_t)value;
		break;
	}
	/* Such a one would throw all others out, into memory that is not there. */
	if (create.size > 64 * MIB && create.size <= p->vram.size)
		return false;
	ret = vram_gem_create(p->vram.drm, &create);
	if (create.pad || !create.size || create.size % VRAM_PAGE ||
	    !create.placement || create.placement & ~3u || create.flags & ~1u) {
		if (ret != -EINVAL)
			fuzz_wrong(t, "a bad request to create gives %d\n", ret);
	}
	if (!ret)
		vram_gem_close(p->vram.drm, create.handle);
	return ret;
}

OP(dumb)
{
	static const uint32_t bpps[] = { 32, 8, 16, 24, 1, 0, 31, 64, -1u };
	struct drm_mode_create_dumb dumb = {
		.width = 1 + arg[0] % 700,
		.height = 1 + arg[1] % 700,
		.bpp = bpps[arg[2] % (sizeof(bpps) / sizeof(bpps[0]))],
		.flags = arg[3] % 16 ? 0 : arg[3],
	};
	struct fuzz_process *p = t->process;
	bool made;

	if (arg[4] % 8 == 0)
		dumb.width = arg[5] | 1u << 31;
	pthread_rwlock_rdlock(&p->names);
	made = !ioctl(p->vram.drm, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) &&
	       add_bo(t, dumb.handle, dumb.size, true);
	pthread_rwlock_unlock(&p->names);
	return made;
}

OP(close)
{
	struct fuzz_process *p = t->process;
	struct fuzz_bo *bo;

	pthread_rwlock_wrlock(&p->names);
	bo = fuzz_bo_pick(t, arg[0]);
	if (bo) {
		if (vram_gem_close(p->vram.drm, bo->handle))
			fuzz_wrong(t, "cannot close a handle\n");
		bo->handle = 0;
		if (bo->dmabuf >= 0)
			close(bo->dmabuf);
		bo->dmabuf = -1;
	}
	pthread_rwlock_unlock(&p->names);
	return bo;
}

OP(ioctls_bad)
{
	union {
		struct drm_virtio_vram_gem_mmap_offset offset;
		struct drm_gem_close close;
		struct drm_prime_handle prime;
		struct drm_mode_map_dumb map;
		struct vram_test_bo act;
		struct vram_test_blocks blocks;
		struct vram_test_leaves leaves;
		struct vram_test_gup gup;
		uint32_t words[32];
	} u = { 0 };
	static const unsigned long drm[] = {
		DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, DRM_IOCTL_GEM_CLOSE,
		DRM_IOCTL_PRIME_HANDLE_TO_FD, DRM_IOCTL_PRIME_FD_TO_HANDLE,
		DRM_IOCTL_MODE_MAP_DUMB,
	};
	static const unsigned long test[] = {
		VRAM_TEST_ZAP, VRAM_TEST_MOVE, VRAM_TEST_BO_WAY,
		VRAM_TEST_BLOCKS, VRAM_TEST_LEAVES, VRAM_TEST_GUP,
	};
	struct fuzz_process *p = t->process;
	unsigned int i;

	/* Handles and descriptors that nobody has. */
	for (i = 0; i < 32; i++)
		u.words[i] = fuzz_random(&t->random) | 1u << 30;
	if (arg[1] % 2)
		return ioctl(p->vram.drm, drm[arg[2] % 5], &u) && errno != EFAULT;
	return ioctl(p->vram.test, test[arg[2] % 6], &u);
}

bool fuzz_bo_export(struct fuzz_process *p, struct fuzz_bo *bo)
{
	struct drm_prime_handle prime = {
		.handle = bo->handle,
		.flags = DRM_CLOEXEC | DRM_RDWR,
	};
	int none = -1;

	if (bo->dmabuf >= 0)
		return true;
	if (ioctl(p->vram.drm, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime))
		return false;
	/* Two threads may do that at a time. */
	if (!__atomic_compare_exchange_n(&bo->dmabuf, &none, prime.fd, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		close(prime.fd);
	return true;
}

OP(export)
{
	struct fuzz_process *p = t->process;
	struct fuzz_bo *bo;
	bool done;

	pthread_rwlock_rdlock(&p->names);
	bo = fuzz_bo_pick(t, arg[0]);
	done = bo && fuzz_bo_export(p, bo);
	pthread_rwlock_unlock(&p->names);
	return done;
}

/* Into another file, where it gets a handle, an offset and an end of its own. */
OP(import)
{
	struct fuzz_process *p = t->process;
	struct drm_prime_handle prime = { .fd = -1 };
	struct drm_virtio_vram_gem_mmap_offset where = { 0 };
	struct fuzz_bo *bo;
	char path[32];
	int drm, ret = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->vram.drm);
	drm = open(path, O_RDWR | O_CLOEXEC);
	if (drm < 0)
		return false;
	pthread_rwlock_rdlock(&p->names);
	bo = fuzz_bo_pick(t, arg[0]);
	if (bo && fuzz_bo_export(p, bo)) {
		prime.fd = bo->dmabuf;
		ret = ioctl(drm, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	}
	pthread_rwlock_unlock(&p->names);
	where.handle = prime.handle;
	if (!ret && arg[1] % 2)
		ret = ioctl(drm, DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, &where);
	if (!ret && arg[1] % 4)
		ret = vram_gem_close(drm, prime.handle);
	close(drm);
	return !ret;
}

OP(flink)
{
	struct fuzz_process *p = t->process;
	struct drm_gem_flink flink = { 0 };
	struct drm_gem_open again = { 0 };
	struct fuzz_bo *bo;
	bool done = false;

	pthread_rwlock_wrlock(&p->names);
	bo = fuzz_bo_pick(t, arg[0]);
	if (bo) {
		flink.handle = bo->handle;
		if (!ioctl(p->vram.drm, DRM_IOCTL_GEM_FLINK, &flink)) {
			again.name = flink.name;
			done = !ioctl(p->vram.drm, DRM_IOCTL_GEM_OPEN, &again) &&
			       !vram_gem_close(p->vram.drm, again.handle);
		}
	}
	pthread_rwlock_unlock(&p->names);
	return done;
}

static bool act_on(struct fuzz_thread *t, const struct fuzz_bo *bo,
		   unsigned long request, uint32_t arg)
{
	struct vram_test_bo act = {
		.drm_fd = t->process->vram.drm,
		.handle = bo->handle,
		.arg = arg,
	};

	return !ioctl(t->process->vram.test, request, &act);
}

OP(zap)
{
	struct fuzz_process *p = t->process;
	const struct fuzz_bo *bo;
	bool done;

	pthread_rwlock_rdlock(&p->names);
	bo = fuzz_bo_pick(t, arg[0]);
	done = bo && act_on(t, bo, VRAM_TEST_ZAP, 0);
	pthread_rwlock_unlock(&p->names);
	return done;
}

OP(way)
{
	struct fuzz_process *p = t->process;
	const struct fuzz_bo *bo;
	bool done;

	pthread_rwlock_rdlock(&p->names);
	bo = fuzz_bo_pick(t, arg[0]);
	done = bo && act_on(t, bo, VRAM_TEST_BO_WAY, arg[1] % 2);
	pthread_rwlock_unlock(&p->names);
	return done;
}

/* Out of the window, or into it. One at a time, so that the result is known. */
OP(move)
{
	struct fuzz_process *p = t->process;
	uint32_t to = arg[1] % 3 ? VRAM_TEST_MOVE_OUT : VRAM_TEST_MOVE_IN;
	struct fuzz_bo *bo;
	bool done = false;

	pthread_rwlock_rdlock(&p->names);
	bo = fuzz_bo_pick(t, arg[0]);
	if (bo && bo->size <= MOVE_MAX) {
		pthread_mutex_lock(&p->moving);
		if (to == VRAM_TEST_MOVE_IN)
			atomic_fetch_add(&bo->moves_in, 1);
		done = act_on(t, bo, VRAM_TEST_MOVE, to);
		if (done)
			atomic_store(&bo->outside, to == VRAM_TEST_MOVE_OUT);
		pthread_mutex_unlock(&p->moving);
	}
	pthread_rwlock_unlock(&p->names);
	return done;
}
