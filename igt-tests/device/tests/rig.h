/* SPDX-License-Identifier: MIT */
/*
 * A device without a connection: guest memory, a pool, and a front-end that
 * answers window requests at once, or when told.
 */
#ifndef RIG_H
#define RIG_H

#include "../gpu.h"
#include "ring.h"

#define RIG_POOL	(2ULL << 20)

#define ALL_FEATURES	UINT64_MAX

struct rig {
	uint8_t *ram;		/* RAM_SIZE bytes at RAM_GPA */
	struct guest_mem mem;
	struct pool pool;
	struct gpu *gpu;

	/* window requests */
	enum window_op op;
	struct window_range range;
	unsigned int sends;
	int send_error;
	bool refuse;
	bool hold;		/* answer by hand */

	struct gpu_reply reply;	/* to the last request */
};

extern struct rig rig;

void rig_setup(enum window_mode mode, uint64_t features);
void rig_teardown(void);

/* Run a request, and give the response type; 0 if it is pending. */
uint32_t rig_exec(enum gpu_queue queue, const void *req, size_t len,
		  uint64_t room);
#define RUN(cmd)	rig_exec(GPU_CONTROLQ, &(cmd), sizeof(cmd), 4096)
#define RUN_CURSOR(cmd)	rig_exec(GPU_CURSORQ, &(cmd), sizeof(cmd), 4096)

/* Frequent requests. */
uint32_t rig_create_2d(uint32_t id, uint32_t width, uint32_t height);
uint32_t rig_unref(uint32_t id);
uint32_t rig_attach(uint32_t id, unsigned int nr,
		    const struct virtio_gpu_mem_entry *entries);
uint32_t rig_context(uint32_t ctx);
uint32_t rig_blob(uint32_t id, uint32_t mem, uint64_t size);
uint32_t rig_map(uint32_t id, uint64_t offset);
uint32_t rig_unmap(uint32_t id);

#define OK_NODATA	VIRTIO_GPU_RESP_OK_NODATA
#define ERR(name)	VIRTIO_GPU_RESP_ERR_##name

#endif
