/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * virtio_vram: buffers in the host-visible window of a virtio-gpu device.
 *
 * All sizes and offsets are in bytes. Every pad and every unknown flag must be
 * zero: the kernel answers -EINVAL otherwise, so that they can get a meaning
 * later.
 */
#ifndef _UAPI_VIRTIO_VRAM_DRM_H_
#define _UAPI_VIRTIO_VRAM_DRM_H_

#include <drm/drm.h>

#if defined(__cplusplus)
extern "C" {
#endif

#define DRM_VIRTIO_VRAM_INFO		0x00
#define DRM_VIRTIO_VRAM_GEM_CREATE	0x01
#define DRM_VIRTIO_VRAM_GEM_MMAP_OFFSET	0x02

/**
 * struct drm_virtio_vram_info - what the device has
 */
struct drm_virtio_vram_info {
	/** @vram_size: size of the host-visible window, out. */
	__u64 vram_size;
	/** @vram_avail: bytes of it that no buffer occupies now, out. */
	__u64 vram_avail;
};

/** Place the buffer in the host-visible window. */
#define DRM_VIRTIO_VRAM_PLACE_VRAM	(1U << 0)
/** Place the buffer in system memory. */
#define DRM_VIRTIO_VRAM_PLACE_SYSTEM	(1U << 1)

/** Draw each block's size at random from 4 KiB up to @block_size, not 0. */
#define DRM_VIRTIO_VRAM_GEM_MIX		(1U << 0)
/** Rather evict others than have blocks that a 2 MiB page cannot map. @block_size is 0. */
#define DRM_VIRTIO_VRAM_GEM_LARGE	(1U << 1)

/**
 * struct drm_virtio_vram_gem_create - make a cleared buffer
 *
 * A buffer in the window consists of blocks: runs of contiguous window memory,
 * each aligned to its own size. With a @block_size, no block goes on in the
 * window where the one before it in the buffer ended, which gives each buffer
 * the fragmentation that its creator asks for; only the last block, which is
 * shorter where @size is not a multiple, may do so in a window that is full.
 *
 * Errors: EINVAL (zero size, size not a multiple of 4096, bad block size,
 * unknown placement or flag, nonzero pad), ENOSPC (larger than any place asked
 * for ever has room), ENOMEM (no room left, and nothing to evict).
 */
struct drm_virtio_vram_gem_create {
	/** @size: bytes, a nonzero multiple of 4096, in. */
	__u64 size;
	/**
	 * @block_size: bytes, a power of two from 4096 to 1 GiB, or 0 for as
	 * few blocks as the allocator can find; must be 0 without
	 * DRM_VIRTIO_VRAM_PLACE_VRAM, in.
	 */
	__u64 block_size;
	/**
	 * @placement: one or more of DRM_VIRTIO_VRAM_PLACE_*, preferred in
	 * that order, in.
	 */
	__u32 placement;
	/** @flags: DRM_VIRTIO_VRAM_GEM_*, in. */
	__u32 flags;
	/** @handle: GEM handle of the new buffer, out. */
	__u32 handle;
	/** @pad: must be zero. */
	__u32 pad;
};

/**
 * struct drm_virtio_vram_gem_mmap_offset - where to mmap() a buffer
 *
 * Errors: EINVAL (nonzero pad), ENOENT (no such handle).
 */
struct drm_virtio_vram_gem_mmap_offset {
	/** @handle: GEM handle, in. */
	__u32 handle;
	/** @pad: must be zero. */
	__u32 pad;
	/** @offset: the offset for mmap() on this DRM file, out. */
	__u64 offset;
};

#define DRM_IOCTL_VIRTIO_VRAM_INFO \
	DRM_IOR(DRM_COMMAND_BASE + DRM_VIRTIO_VRAM_INFO, \
		struct drm_virtio_vram_info)
#define DRM_IOCTL_VIRTIO_VRAM_GEM_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VIRTIO_VRAM_GEM_CREATE, \
		 struct drm_virtio_vram_gem_create)
#define DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VIRTIO_VRAM_GEM_MMAP_OFFSET, \
		 struct drm_virtio_vram_gem_mmap_offset)

#if defined(__cplusplus)
}
#endif

#endif
