/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ttm_mock: a TTM driver of another kind than virtio_vram, to see what ttm_range takes
 * for granted.
 *
 * A platform device, without a bus; VRAM in pieces that do not adjoin, and that the
 * driver describes page by page, io_mem_pfn(), and a part of it that no process may see;
 * buffers whose pages are watched for writes; imported buffers that are mapped while they
 * are used, and move.
 */
#ifndef _TTM_MOCK_H_
#define _TTM_MOCK_H_

#include <linux/mutex.h>
#include <linux/vmf_range.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_resource.h>

#include "compat.h"
#include "ttm_mock_ioctl.h"

/* VRAM is made of chunks of 2 MiB, which lie anywhere in memory. */
#define MOCK_CHUNK_ORDER	9
#define MOCK_CHUNK_PAGES	BIT(MOCK_CHUNK_ORDER)

/**
 * struct mock - the device
 * @drm: DRM device
 * @bdev: TTM device
 * @man: manager of VRAM
 * @lock: protects @used and @next
 * @chunks: memory that is VRAM, @nr_pages / MOCK_CHUNK_PAGES of them
 * @used: which pages of it buffers have
 * @next: where the search for a page that is to be far from the last begins
 * @nr_pages: pages of VRAM
 * @nr_visible: those that a process may see, the first
 */
struct mock {
	struct drm_device drm;
	struct ttm_device bdev;
	struct ttm_resource_manager man;
	struct mutex lock;	/* used, next */
	struct page **chunks;
	unsigned long *used;
	unsigned long next;
	unsigned long nr_pages;
	unsigned long nr_visible;
};

/**
 * struct mock_resource - which pages of VRAM a buffer has
 * @base: base class
 * @vpages: the pages, counted in VRAM, in the order of the buffer
 */
struct mock_resource {
	struct ttm_resource base;
	u32 vpages[];
};

/**
 * struct mock_bo - a buffer
 * @tbo: base class
 * @flags: MOCK_CREATE_*
 * @prepares: how often a fault has asked to have it prepared
 * @dirty: pages that were written to through a mapping; not of an import
 * @sgt: of an import: its pages, for as long as the exporter leaves them there
 * @maps: of an import: how often it was mapped
 * @notifies: of an import: how often it was about to move
 *
 * The reservation protects all but @dirty, which needs no lock.
 */
struct mock_bo {
	struct ttm_buffer_object tbo;
	u32 flags;
	u32 prepares;
	struct vmf_range_dirty dirty;
	struct sg_table *sgt;
	u32 maps;
	u32 notifies;
};

static inline struct mock *to_mock(struct drm_device *drm)
{
	return container_of(drm, struct mock, drm);
}

static inline struct mock *bdev_to_mock(struct ttm_device *bdev)
{
	return container_of(bdev, struct mock, bdev);
}

static inline struct mock_bo *to_mock_bo(struct ttm_buffer_object *tbo)
{
	return container_of(tbo, struct mock_bo, tbo);
}

static inline struct mock_bo *gem_to_mock_bo(struct drm_gem_object *gem)
{
	return container_of(gem, struct mock_bo, tbo.base);
}

/* ttm_mock_drv.c */
struct mock_bo *mock_bo_make(struct mock *mock, u64 size, enum ttm_bo_type type,
			     enum mock_place place, u32 flags,
			     struct dma_resv *resv);

/* ttm_mock_vram.c */
int mock_vram_setup(struct mock *mock);
struct ttm_place mock_ttm_place(const struct mock *mock, enum mock_place place);
enum mock_place mock_place_of(struct ttm_buffer_object *tbo);
int mock_move_to(struct ttm_buffer_object *tbo, enum mock_place place);
struct page *mock_page(struct ttm_buffer_object *tbo, unsigned long page);

/* ttm_mock_prepare.c */
vm_fault_t mock_prepare(struct ttm_buffer_object *tbo);

/* ttm_mock_prime.c */
struct drm_gem_object *mock_prime_import(struct drm_device *drm,
					 struct dma_buf *dma_buf);
void mock_prime_done(struct mock_bo *bo);
void mock_prime_release(struct mock_bo *bo);
struct page *mock_prime_page(struct mock_bo *bo, unsigned long page);

#endif
