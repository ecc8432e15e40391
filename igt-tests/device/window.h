/* SPDX-License-Identifier: MIT */
/*
 * The host-visible window: what the front-end was asked to map into it.
 *
 * A request to map or unmap is acknowledged later, through the poll loop: QEMU
 * may send messages of its own before it answers, so waiting for the answer on
 * the spot deadlocks. At most one request is under way at a time. While
 * window_busy() the control queue rests, so that commands stay in order and no
 * driver hears of a mapping that is not there yet.
 *
 * A virtio reset drops the mappings in QEMU without a word. An answer that
 * arrives after a reset is stale: whether its mapping survived cannot be known,
 * so it is taken away again before anything else is mapped.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "pool.h"

enum window_mode {
	WINDOW_WHOLE,	/* mapped at once, offset for offset, when rings start */
	WINDOW_BLOB,	/* empty until blobs are mapped */
};

struct window_range {
	uint64_t offset;	/* in the window */
	uint64_t pool;		/* in the pool */
	uint64_t len;
};

enum window_op {
	WINDOW_IDLE,
	WINDOW_MAP,
	WINDOW_UNMAP,
};

/* Passes one request on to the front-end; 0 or -errno. */
typedef int (*window_send_fn)(void *priv, enum window_op op,
			      const struct window_range *range);

struct window {
	enum window_mode mode;
	uint64_t size;
	window_send_fn send;
	void *priv;

	enum window_op op;		/* under way */
	struct window_range range;	/* what it is about */
	bool stale;			/* a reset came in between */
	bool whole_wanted;
	bool whole_mapped;
	bool whole_retried;
};

enum window_event {
	WINDOW_NOTHING,		/* an answer of no concern to a command */
	WINDOW_OK,		/* the request of window_map/_unmap worked */
	WINDOW_REFUSED,		/* the front-end refused it */
	WINDOW_LOST,		/* whole mode cannot work: give up */
};

void window_init(struct window *w, enum window_mode mode, uint64_t size,
		 window_send_fn send, void *priv);

/* The rings start, stop; the device is reset. -errno from send. */
int window_start(struct window *w);
void window_stop(struct window *w);
void window_reset(struct window *w);

bool window_busy(const struct window *w);
/* For blobs; not while busy. -errno from send. */
int window_map(struct window *w, const struct window_range *range);
int window_unmap(struct window *w, const struct window_range *range);
/* The answer to the request under way. */
enum window_event window_ack(struct window *w, bool ok);

#endif
