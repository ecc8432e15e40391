// SPDX-License-Identifier: MIT
/*
 * The host-visible window: what the front-end was asked to map into it.
 */
#include <string.h>

#include "window.h"

void window_init(struct window *w, enum window_mode mode, uint64_t size,
		 window_send_fn send, void *priv)
{
	memset(w, 0, sizeof(*w));
	w->mode = mode;
	w->size = size;
	w->send = send;
	w->priv = priv;
}

static int request(struct window *w, enum window_op op,
		   const struct window_range *range)
{
	int err = w->send(w->priv, op, range);

	if (err)
		return err;
	w->op = op;
	w->range = *range;
	w->stale = false;
	return 0;
}

static int request_whole(struct window *w, enum window_op op)
{
	struct window_range whole = { .len = w->size };

	return request(w, op, &whole);
}

int window_start(struct window *w)
{
	if (w->mode != WINDOW_WHOLE || w->whole_mapped || w->whole_wanted)
		return 0;
	w->whole_wanted = true;
	w->whole_retried = false;
	/* Otherwise the answer that is due starts it. */
	return w->op == WINDOW_IDLE ? request_whole(w, WINDOW_MAP) : 0;
}

void window_stop(struct window *w)
{
	/* Nobody waits any more, but an answer may still come: keep op. */
	if (w->whole_wanted && w->op != WINDOW_IDLE)
		w->stale = true;
	w->whole_wanted = false;
}

void window_reset(struct window *w)
{
	w->whole_wanted = false;
	w->whole_mapped = false;
	if (w->op != WINDOW_IDLE)
		w->stale = true;
}

bool window_busy(const struct window *w)
{
	return w->op != WINDOW_IDLE || w->whole_wanted;
}

int window_map(struct window *w, const struct window_range *range)
{
	return request(w, WINDOW_MAP, range);
}

int window_unmap(struct window *w, const struct window_range *range)
{
	return request(w, WINDOW_UNMAP, range);
}

static enum window_event ack_stale(struct window *w, enum window_op op, bool ok)
{
	if (op == WINDOW_MAP && ok) {
		struct window_range range = w->range;

		/* Refused if the reset came second: that is fine too. */
		if (request(w, WINDOW_UNMAP, &range))
			return WINDOW_LOST;
		w->stale = true;
		return WINDOW_NOTHING;
	}
	if (w->whole_wanted && request_whole(w, WINDOW_MAP))
		return WINDOW_LOST;
	return WINDOW_NOTHING;
}

/*
 * A refusal means that the window is still mapped from an earlier start, which
 * happens when the front-end stops the rings without a reset: take that mapping
 * away, and try once more.
 */
static enum window_event ack_whole(struct window *w, enum window_op op, bool ok)
{
	if (op == WINDOW_MAP && ok) {
		w->whole_wanted = false;
		w->whole_mapped = true;
		return WINDOW_NOTHING;
	}
	if (op == WINDOW_MAP && w->whole_retried)
		return WINDOW_LOST;
	w->whole_retried = true;
	if (request_whole(w, op == WINDOW_MAP ? WINDOW_UNMAP : WINDOW_MAP))
		return WINDOW_LOST;
	return WINDOW_NOTHING;
}

enum window_event window_ack(struct window *w, bool ok)
{
	enum window_op op = w->op;

	w->op = WINDOW_IDLE;
	if (op == WINDOW_IDLE)
		return WINDOW_NOTHING;
	if (w->stale)
		return ack_stale(w, op, ok);
	if (w->whole_wanted)
		return ack_whole(w, op, ok);
	return ok ? WINDOW_OK : WINDOW_REFUSED;
}
