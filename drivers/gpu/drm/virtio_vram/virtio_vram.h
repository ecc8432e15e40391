/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio_vram: the host-visible window of a virtio-gpu device as TTM VRAM.
 */
#ifndef _VIRTIO_VRAM_H_
#define _VIRTIO_VRAM_H_

#include <linux/completion.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/virtio.h>
#include <linux/virtio_gpu.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_range.h>
#include <drm/ttm/ttm_resource.h>

#include "compat.h"

#define VIRTIO_VRAM_CTRL_MAX	4096	/* longest request and response */

/**
 * struct virtio_vram_ctrl - the control queue, one request at a time
 * @lock: protects everything below
 * @vq: the queue
 * @done: the device used a buffer; may be completed without need
 * @dead: the device broke the rules or never answered: no more requests.
 *	It may still own @req and @resp, which live until it has been reset
 * @req: what the device reads
 * @resp: what the device writes
 */
struct virtio_vram_ctrl {
	struct mutex lock;	/* all of this */
	struct virtqueue *vq;
	struct completion done;
	bool dead;
	u8 *req;
	u8 *resp;
};

/**
 * struct virtio_vram_mgr - TTM's view of the window
 * @base: base class
 * @lock: protects @mm
 * @mm: which parts of the window are free
 */
struct virtio_vram_mgr {
	struct ttm_resource_manager base;
	struct mutex lock;	/* mm */
	struct gpu_buddy mm;
};

/**
 * struct virtio_vram_run - contiguous pages of a buffer in the window
 * @page: first page, counted in the buffer
 * @wpage: the same page, counted in the window
 */
struct virtio_vram_run {
	pgoff_t page;
	pgoff_t wpage;
};

/**
 * struct virtio_vram_resource - where a buffer is in the window
 * @base: base class
 * @blocks: what the allocator gave
 * @buddy: @blocks for ttm_range_block_of_buddy(), and where in it the last question
 *	was, for the test node; under the buffer's reservation
 * @runs: @nr runs by page, maximal (no run continues the one before it), and
 *	one more whose page is the buffer's end. Constant once allocated
 * @nr: number of runs
 * @blobs: ids of the blobs behind it, if the window is made of blobs
 * @nr_blobs: number of blobs
 */
struct virtio_vram_resource {
	struct ttm_resource base;
	struct list_head blocks;
	struct ttm_range_buddy buddy;
	struct virtio_vram_run *runs;
	pgoff_t nr;
	u32 *blobs;
	pgoff_t nr_blobs;
};

/**
 * struct virtio_vram - the device
 * @drm: DRM device; everything else here lives as long as it does, unless
 *	stated otherwise
 * @vdev: virtio device, until drm_dev_unplug()
 * @ctrl: control queue, until drm_dev_unplug()
 * @bdev: TTM device
 * @mgr: manager of the window
 * @base: physical address of the window
 * @size: bytes in it
 * @caching: cache type of the window, one for all of it and for every mapping
 * @win: kernel mapping of the whole window; inside drm_dev_enter() only
 * @blob: the window is empty where no blob is mapped
 * @blob_ids: resource ids in use
 * @bo_lock: protects @bos
 * @bos: all buffers
 * @test: the test node, see virtio_vram_test.c
 * @test_lock: protects @test_files
 * @test_files: open files of the test node
 */
struct virtio_vram {
	struct drm_device *drm;
	struct virtio_device *vdev;
	struct virtio_vram_ctrl ctrl;
	struct ttm_device bdev;
	struct virtio_vram_mgr mgr;
	phys_addr_t base;
	u64 size;
	enum ttm_caching caching;
	void __iomem *win;
	bool blob;
	struct ida blob_ids;
	struct mutex bo_lock;	/* bos */
	struct list_head bos;
	struct miscdevice test;
	struct mutex test_lock;	/* test_files */
	struct list_head test_files;
};

/**
 * struct virtio_vram_bo - a buffer
 * @tbo: base class
 * @block_size: as in &struct drm_virtio_vram_gem_create; protected by the reservation
 * @mix: %DRM_VIRTIO_VRAM_GEM_MIX; likewise
 * @large: %DRM_VIRTIO_VRAM_GEM_LARGE
 * @vm_ops: for mappings made from now on; protected by the reservation
 * @importers: devices that have a dma-buf of it; likewise
 * @link: in &virtio_vram.bos
 */
struct virtio_vram_bo {
	struct ttm_buffer_object tbo;
	u64 block_size;
	bool mix;
	bool large;
	const struct vm_operations_struct *vm_ops;
	struct list_head importers;
	struct list_head link;
};

static inline struct virtio_vram *to_virtio_vram(struct drm_device *drm)
{
	return drm->dev_private;
}

static inline struct virtio_vram *bdev_to_virtio_vram(struct ttm_device *bdev)
{
	return container_of(bdev, struct virtio_vram, bdev);
}

static inline struct virtio_vram_bo *to_virtio_vram_bo(struct ttm_buffer_object *tbo)
{
	return container_of(tbo, struct virtio_vram_bo, tbo);
}

static inline struct virtio_vram_bo *gem_to_virtio_vram_bo(struct drm_gem_object *gem)
{
	return container_of(gem, struct virtio_vram_bo, tbo.base);
}

static inline struct virtio_vram_resource *
to_virtio_vram_resource(struct ttm_resource *res)
{
	return container_of(res, struct virtio_vram_resource, base);
}

/* virtio_vram_drv.c */
extern const struct file_operations virtio_vram_fops;

/* virtio_vram_ctrl.c */
int virtio_vram_ctrl_init(struct virtio_vram *vram);
int virtio_vram_ctrl_start(struct virtio_vram *vram);
void virtio_vram_ctrl_stop(struct virtio_vram *vram);
void virtio_vram_ctrl_fini(struct virtio_vram *vram);
int virtio_vram_ctrl_send(struct virtio_vram *vram, const void *req,
			  size_t req_len, void *resp, size_t resp_room);
int virtio_vram_ctrl_hello(struct virtio_vram *vram);

/* virtio_vram_blob.c */
int virtio_vram_blob_setup(struct virtio_vram *vram);
int virtio_vram_blob_start(struct virtio_vram *vram);
int virtio_vram_blob_map(struct virtio_vram *vram, u64 offset, u64 size);
void virtio_vram_blob_unmap(struct virtio_vram *vram, u32 id);

/* virtio_vram_mgr.c */
int virtio_vram_mgr_init(struct virtio_vram *vram);
void virtio_vram_mgr_fini(struct virtio_vram *vram);
u64 virtio_vram_mgr_avail(struct virtio_vram *vram);
int virtio_vram_mgr_hold(struct virtio_vram *vram, u64 leave,
			 struct list_head *blocks);
void virtio_vram_mgr_give_back(struct virtio_vram *vram,
			       struct list_head *blocks);
const struct virtio_vram_run *
virtio_vram_run_find(const struct virtio_vram_resource *res, pgoff_t page);

/* virtio_vram_ttm.c */
extern const struct ttm_range_ops virtio_vram_range_ops;
int virtio_vram_ttm_setup(struct virtio_vram *vram);
int virtio_vram_to_system(struct ttm_buffer_object *tbo, bool interruptible);
int virtio_vram_to_window(struct ttm_buffer_object *tbo, bool interruptible);

/* virtio_vram_gem.c */
int virtio_vram_info_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);
int virtio_vram_gem_create_ioctl(struct drm_device *drm, void *data,
				 struct drm_file *file);
int virtio_vram_gem_mmap_offset_ioctl(struct drm_device *drm, void *data,
				      struct drm_file *file);
int virtio_vram_dumb_create(struct drm_file *file, struct drm_device *drm,
			    struct drm_mode_create_dumb *args);
struct drm_gem_object *
virtio_vram_import_sg_table(struct drm_device *drm,
			    struct dma_buf_attachment *attach,
			    struct sg_table *sgt);

void virtio_vram_show_fdinfo(struct drm_printer *p, struct drm_file *file);
int virtio_vram_show_buffers(struct seq_file *m, void *unused);
int virtio_vram_gem_pin(struct drm_gem_object *gem);
void virtio_vram_gem_unpin(struct drm_gem_object *gem);

/* virtio_vram_prime.c */
struct dma_buf *virtio_vram_prime_export(struct drm_gem_object *gem, int flags);
struct drm_gem_object *virtio_vram_prime_import(struct drm_device *drm,
						struct dma_buf *dma_buf);
void virtio_vram_prime_moves(struct virtio_vram_bo *vbo);

/* virtio_vram_test.c */
int virtio_vram_test_init(struct virtio_vram *vram);
void virtio_vram_test_fini(struct virtio_vram *vram);
pgprot_t virtio_vram_test_prot(enum ttm_caching caching, pgprot_t prot);

/* virtio_vram_test_leaves.c */
struct vram_test_leaves;

int vram_test_leaves(struct vram_test_leaves *args);

/* virtio_vram_test_bo.c */
struct vram_test_blocks;
struct vram_test_bo;
struct vram_test_potential;
struct vram_test_refs;
struct vram_test_swap;

int vram_test_blocks(struct virtio_vram *vram, struct vram_test_blocks *args);
int vram_test_bo(struct virtio_vram *vram, unsigned int cmd,
		 struct vram_test_bo *args);
int vram_test_bo_refs(struct virtio_vram *vram, struct vram_test_refs *args);
int vram_test_potential(struct virtio_vram *vram,
			struct vram_test_potential *args);
int vram_test_swap(struct virtio_vram *vram, struct vram_test_swap *args);

/* virtio_vram_test_gup.c */
struct vram_test_gup;

int vram_test_gup(struct vram_test_gup *args);

/* virtio_vram_watch.c */
struct vram_watch;
struct vram_test_watch;
struct vram_test_events;
struct vram_test_atomic;

int vram_watch_set(struct vram_watch **watchp,
		   const struct vram_test_watch *args);
int vram_watch_events(struct vram_watch *watch, struct vram_test_events *args);
int vram_watch_atomic(struct vram_watch *watch, struct vram_test_atomic *args);

/* virtio_vram_shape.c */
struct vram_shape;
struct vram_test_calls;
struct vram_test_shape;
struct vram_test_harvest;
struct vmf_range_block;

struct vram_shape *vram_shape_make(struct virtio_vram *vram,
				   const struct vram_test_shape *args);
void vram_shape_get(struct vram_shape *shape);
void vram_shape_put(struct vram_shape *shape);
int vram_shape_mmap(struct vram_shape *shape, struct vm_area_struct *vma);
unsigned long vram_shape_area(struct vram_shape *shape, struct file *file,
			      unsigned long addr, unsigned long len,
			      unsigned long pgoff, unsigned long flags);
u64 vram_shape_refs(const struct vram_shape *shape);
void vram_shape_calls(struct vram_shape *shape, struct vram_test_calls *calls);
void vram_shape_zap(struct vram_shape *shape, struct address_space *mapping,
		    pgoff_t page, unsigned long nr_pages);
int vram_shape_block(void *shape, pgoff_t pgoff, struct vmf_range_block *block);
int vram_shape_harvest(struct vram_shape *shape, struct address_space *mapping,
		       struct vram_test_harvest *args);

/* virtio_vram_peer.c */
vm_fault_t vram_peer_huge_fault(struct vm_fault *vmf, unsigned int order,
				void *priv);
vm_fault_t vram_peer_fault(struct vm_fault *vmf, u32 peer, void *priv);
int vram_peer_remap(struct vm_area_struct *vma, u32 peer, void *priv);

#endif
