/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the virtio-gpu device share.
 */
#ifndef GPU_PRIV_H
#define GPU_PRIV_H

#include <endian.h>

#include "gpu.h"

#define GPU_SCANOUTS		1
#define GPU_WIDTH		1024
#define GPU_HEIGHT		768

/* Bounds on what a guest can make the host allocate. */
#define GPU_RESOURCES_MAX	65536
#define GPU_CONTEXTS_MAX	1024
#define GPU_IMAGE_BYTES_MAX	(256ULL << 20)
#define GPU_ENTRIES_MAX		(4U << 20)
/*
 * Every mapped blob takes a slot in the front-end's memory table (GUEST_MEM_SLOTS)
 * and some are the guest's RAM.
 */
#define GPU_BLOBS_MAPPED_MAX	480

/* A piece of guest memory behind a resource. */
struct backing_entry {
	uint64_t gpa;
	uint64_t start;		/* offset in the backing */
	uint32_t len;
};

struct backing {
	bool attached;		/* even if empty */
	struct backing_entry *entry;
	uint32_t nr;
	uint64_t len;
};

/*
 * An image is width x height elements of cpp bytes; a buffer is an image of one
 * row and cpp 1, and so is a blob, whose width is its size.
 */
struct resource {
	struct resource *next;
	uint32_t id;
	bool blob;
	uint64_t width;
	uint32_t height;
	uint32_t cpp;
	uint8_t *host;		/* device side memory, or NULL: guest-only blob */
	struct backing backing;

	uint32_t blob_mem;
	uint32_t blob_flags;
	struct pool_extent *extent;
	bool mapped;
	uint64_t window;	/* offset, while mapped */

	bool has_uuid;
	uint8_t uuid[16];
};

struct context {
	struct context *next;
	uint32_t id;
	uint32_t *attached;	/* resource ids */
	uint32_t nr;
	uint32_t room;
};

#define GPU_BUCKETS	1024

struct gpu {
	struct pool *pool;
	const struct guest_mem *mem;
	struct window window;
	uint64_t features;	/* accepted by the driver */

	struct resource *bucket[GPU_BUCKETS];
	uint32_t nr_resources;
	uint32_t nr_mapped;
	uint64_t image_bytes;
	uint32_t nr_entries;
	struct context *contexts;
	uint32_t nr_contexts;
	uint32_t scanout[GPU_SCANOUTS];		/* resource id or 0 */
	uint32_t cursor[GPU_SCANOUTS];

	/* The command that waits for the window, if pending_res is set. */
	struct resource *pending_res;
	struct virtio_gpu_ctrl_hdr pending_hdr;
};

struct gpu_request {
	const void *data;
	size_t len;
};

/*
 * A command: gives the response type, after filling in the payload if there is
 * one; or PENDING, after setting pending_res.
 */
#define PENDING	0
typedef uint32_t (*gpu_cmd_fn)(struct gpu *gpu, const struct gpu_request *rq,
			       struct gpu_reply *rp);

/* resource.c */
struct resource *resource_find(const struct gpu *gpu, uint32_t id);
/* Also checks that the id is free and there is room: *error says why not. */
struct resource *resource_new(struct gpu *gpu, uint32_t id, uint32_t *error);
/* Gives the resource memory of its own, zeroed; false if there is too little. */
bool resource_alloc_image(struct gpu *gpu, struct resource *res);
void resource_free(struct gpu *gpu, struct resource *res);
/* 0, or the error response: entries short, too many, or outside the memory. */
uint32_t backing_attach(struct gpu *gpu, struct resource *res,
			const void *entries, size_t len, uint32_t nr);
void backing_detach(struct gpu *gpu, struct resource *res);

struct transfer {
	uint64_t x, y, w, h;	/* in elements of the resource */
	uint64_t offset;	/* in the backing */
	uint32_t stride;	/* of the backing, 0: as the resource */
	bool to_host;
};

/* Copies between backing and host memory; gives the response type. */
uint32_t resource_transfer(struct gpu *gpu, struct resource *res,
			   const struct transfer *t);

/* gpu_3d.c */
void context_forget_resource(struct gpu *gpu, uint32_t id);
void contexts_free(struct gpu *gpu);
struct context *context_find(const struct gpu *gpu, uint32_t id);

/* gpu_blob.c */
uint32_t blob_window_done(struct gpu *gpu, struct resource *res, bool ok,
			  struct gpu_reply *rp);

/* gpu_2d.c */
bool format_known(uint32_t format);
/* Not empty, and inside width x height? */
bool rect_inside(const struct virtio_gpu_rect *r, uint64_t width,
		 uint64_t height);

/* The commands, each in the file of its kind. */
uint32_t cmd_get_display_info(struct gpu *gpu, const struct gpu_request *rq,
			      struct gpu_reply *rp);
uint32_t cmd_get_edid(struct gpu *gpu, const struct gpu_request *rq,
		      struct gpu_reply *rp);
uint32_t cmd_resource_create_2d(struct gpu *gpu, const struct gpu_request *rq,
				struct gpu_reply *rp);
uint32_t cmd_resource_unref(struct gpu *gpu, const struct gpu_request *rq,
			    struct gpu_reply *rp);
uint32_t cmd_set_scanout(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp);
uint32_t cmd_resource_flush(struct gpu *gpu, const struct gpu_request *rq,
			    struct gpu_reply *rp);
uint32_t cmd_transfer_to_host_2d(struct gpu *gpu, const struct gpu_request *rq,
				 struct gpu_reply *rp);
uint32_t cmd_attach_backing(struct gpu *gpu, const struct gpu_request *rq,
			    struct gpu_reply *rp);
uint32_t cmd_detach_backing(struct gpu *gpu, const struct gpu_request *rq,
			    struct gpu_reply *rp);
uint32_t cmd_assign_uuid(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp);
uint32_t cmd_update_cursor(struct gpu *gpu, const struct gpu_request *rq,
			   struct gpu_reply *rp);
uint32_t cmd_move_cursor(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp);

uint32_t cmd_get_capset_info(struct gpu *gpu, const struct gpu_request *rq,
			     struct gpu_reply *rp);
uint32_t cmd_get_capset(struct gpu *gpu, const struct gpu_request *rq,
			struct gpu_reply *rp);
uint32_t cmd_ctx_create(struct gpu *gpu, const struct gpu_request *rq,
			struct gpu_reply *rp);
uint32_t cmd_ctx_destroy(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp);
uint32_t cmd_ctx_attach_resource(struct gpu *gpu, const struct gpu_request *rq,
				 struct gpu_reply *rp);
uint32_t cmd_ctx_detach_resource(struct gpu *gpu, const struct gpu_request *rq,
				 struct gpu_reply *rp);
uint32_t cmd_resource_create_3d(struct gpu *gpu, const struct gpu_request *rq,
				struct gpu_reply *rp);
uint32_t cmd_transfer_3d(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp);
uint32_t cmd_submit_3d(struct gpu *gpu, const struct gpu_request *rq,
		       struct gpu_reply *rp);

uint32_t cmd_create_blob(struct gpu *gpu, const struct gpu_request *rq,
			 struct gpu_reply *rp);
uint32_t cmd_set_scanout_blob(struct gpu *gpu, const struct gpu_request *rq,
			      struct gpu_reply *rp);
uint32_t cmd_map_blob(struct gpu *gpu, const struct gpu_request *rq,
		      struct gpu_reply *rp);
uint32_t cmd_unmap_blob(struct gpu *gpu, const struct gpu_request *rq,
			struct gpu_reply *rp);

#endif
