/* SPDX-License-Identifier: MIT */
/*
 * The virtio-gpu device: features, configuration, and what each command does.
 *
 * Knows neither sockets nor queues: requests and responses are plain buffers, so
 * that tests and fuzzers can call it directly. Two things are asked of the
 * outside: guest memory, and a window_send_fn through which the window is
 * changed.
 */
#ifndef GPU_H
#define GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_gpu.h>

#include "guest_mem.h"
#include "pool.h"
#include "window.h"

enum gpu_queue {
	GPU_CONTROLQ,
	GPU_CURSORQ,
	GPU_QUEUES,
};

/*
 * virtio_gpu_config without blob_alignment, which newer headers have and which
 * is there only with a feature that is not offered.
 */
#define GPU_CONFIG_SIZE	16

/* Longer requests are answered with VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY. */
#define GPU_REQUEST_MAX	(16U << 20)

struct gpu_reply {
	size_t len;	/* bytes of u to return; 0: the driver left no room */
	union {
		struct virtio_gpu_ctrl_hdr hdr;
		struct virtio_gpu_resp_display_info display;
		struct virtio_gpu_resp_edid edid;
		struct virtio_gpu_resp_capset_info capset_info;
		struct virtio_gpu_resp_resource_uuid uuid;
		struct virtio_gpu_resp_map_info map;
	} u;
};

enum gpu_result {
	GPU_DONE,	/* the reply is ready */
	GPU_PENDING,	/* it comes from gpu_window_ack() or gpu_stop() */
};

struct gpu;

/* pool and mem stay with the caller, and must outlive the device. */
struct gpu *gpu_new(enum window_mode mode, struct pool *pool,
		    const struct guest_mem *mem, window_send_fn send,
		    void *priv);
void gpu_free(struct gpu *gpu);

/* Device-specific feature bits: offered, and accepted by the driver. */
uint64_t gpu_features(const struct gpu *gpu);
void gpu_set_features(struct gpu *gpu, uint64_t accepted);

/* [offset, offset + len) of the configuration space; 0 or -EINVAL. */
int gpu_config_read(uint32_t offset, void *buf, uint32_t len);
int gpu_config_write(uint32_t offset, const void *buf, uint32_t len);

/*
 * The queues start; -errno from the window. They stop, perhaps to go on later:
 * true if a pending command is answered by that, in *reply. The device is reset:
 * nothing of the guest's remains but the features, which are set anew anyway.
 */
int gpu_start(struct gpu *gpu);
bool gpu_stop(struct gpu *gpu, struct gpu_reply *reply);
void gpu_reset(struct gpu *gpu);

/* While true, no command may be given to gpu_exec() for the control queue. */
bool gpu_busy(const struct gpu *gpu);

/*
 * Carry out one request of len bytes (the first GPU_REQUEST_MAX are there); the
 * driver has left room bytes for the response.
 */
enum gpu_result gpu_exec(struct gpu *gpu, enum gpu_queue queue, const void *req,
			 uint64_t len, uint64_t room, struct gpu_reply *reply);

enum gpu_ack {
	GPU_ACK_REPLY,	/* *reply answers the pending command */
	GPU_ACK_NONE,	/* no command was waiting for it */
	GPU_ACK_LOST,	/* the window cannot be mapped: give up */
};

/* The front-end has answered the window request under way. */
enum gpu_ack gpu_window_ack(struct gpu *gpu, bool ok, struct gpu_reply *reply);

/* Names for messages. */
const char *gpu_type_name(uint32_t type);

#endif
