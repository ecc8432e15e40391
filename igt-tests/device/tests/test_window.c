// SPDX-License-Identifier: MIT
#include <errno.h>

#include "../window.h"
#include "unit.h"

#define SIZE	(256ULL << 20)

/* What was sent last, and how often anything was. */
static enum window_op sent_op;
static struct window_range sent;
static unsigned int sends;
static int send_error;

static int record(void *priv, enum window_op op, const struct window_range *range)
{
	(void)priv;
	if (send_error)
		return send_error;
	sent_op = op;
	sent = *range;
	sends++;
	return 0;
}

static void setup(struct window *w, enum window_mode mode)
{
	sent_op = WINDOW_IDLE;
	sends = 0;
	send_error = 0;
	window_init(w, mode, SIZE, record, NULL);
}

static void whole_at_start(void)
{
	struct window w;

	setup(&w, WINDOW_WHOLE);
	CHECK(!window_busy(&w));
	CHECK_EQ(window_start(&w), 0);
	CHECK_EQ(sent_op, WINDOW_MAP);
	CHECK_EQ(sent.offset, 0);
	CHECK_EQ(sent.pool, 0);
	CHECK_EQ(sent.len, SIZE);
	CHECK(window_busy(&w));
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK(!window_busy(&w));

	/* A pause changes nothing; a reset does. */
	window_stop(&w);
	CHECK_EQ(window_start(&w), 0);
	CHECK_EQ(sends, 1);
	CHECK(!window_busy(&w));
	window_stop(&w);
	window_reset(&w);
	CHECK_EQ(window_start(&w), 0);
	CHECK_EQ(sends, 2);
	CHECK(window_busy(&w));
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK(!window_busy(&w));
}

static void whole_still_mapped(void)
{
	struct window w;

	setup(&w, WINDOW_WHOLE);
	CHECK_EQ(window_start(&w), 0);
	CHECK_EQ(window_ack(&w, false), WINDOW_NOTHING);
	CHECK_EQ(sent_op, WINDOW_UNMAP);
	CHECK_EQ(sent.len, SIZE);
	CHECK(window_busy(&w));
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK_EQ(sent_op, WINDOW_MAP);
	CHECK(window_busy(&w));
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK(!window_busy(&w));
	CHECK_EQ(sends, 3);
}

static void whole_refused_for_good(void)
{
	struct window w;

	setup(&w, WINDOW_WHOLE);
	CHECK_EQ(window_start(&w), 0);
	CHECK_EQ(window_ack(&w, false), WINDOW_NOTHING);
	CHECK_EQ(window_ack(&w, false), WINDOW_NOTHING);
	CHECK_EQ(window_ack(&w, false), WINDOW_LOST);
	CHECK_EQ(sends, 3);
}

static void whole_without_channel(void)
{
	struct window w;

	setup(&w, WINDOW_WHOLE);
	send_error = -ENOTCONN;
	CHECK_EQ(window_start(&w), -ENOTCONN);
}

/* The answer to a first start arrives after a reset and a second start. */
static void whole_reset_before_answer(void)
{
	struct window w;

	setup(&w, WINDOW_WHOLE);
	CHECK_EQ(window_start(&w), 0);
	window_stop(&w);
	window_reset(&w);
	CHECK_EQ(window_start(&w), 0);
	CHECK_EQ(sends, 1);
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK_EQ(sent_op, WINDOW_UNMAP);
	/* Whether the reset had taken it away or not: */
	CHECK_EQ(window_ack(&w, false), WINDOW_NOTHING);
	CHECK_EQ(sent_op, WINDOW_MAP);
	CHECK(window_busy(&w));
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK(!window_busy(&w));
	CHECK_EQ(sends, 3);
}

static void whole_stopped_before_answer(void)
{
	struct window w;

	setup(&w, WINDOW_WHOLE);
	CHECK_EQ(window_start(&w), 0);
	window_stop(&w);
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK_EQ(sent_op, WINDOW_UNMAP);
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK(!window_busy(&w));
	CHECK_EQ(window_start(&w), 0);
	CHECK_EQ(sent_op, WINDOW_MAP);
	CHECK_EQ(sends, 3);
}

static void blob_requests(void)
{
	const struct window_range range = { 0x1000, 0x8000, 0x2000 };
	struct window w;

	setup(&w, WINDOW_BLOB);
	CHECK_EQ(window_start(&w), 0);
	CHECK_EQ(sends, 0);
	CHECK_EQ(window_map(&w, &range), 0);
	CHECK_EQ(sent_op, WINDOW_MAP);
	CHECK_EQ(sent.pool, 0x8000);
	CHECK(window_busy(&w));
	CHECK_EQ(window_ack(&w, true), WINDOW_OK);
	CHECK(!window_busy(&w));
	CHECK_EQ(window_unmap(&w, &range), 0);
	CHECK_EQ(window_ack(&w, false), WINDOW_REFUSED);
	send_error = -ENOTCONN;
	CHECK_EQ(window_map(&w, &range), -ENOTCONN);
	CHECK(!window_busy(&w));
}

static void blob_reset_before_answer(void)
{
	const struct window_range range = { 0x1000, 0x8000, 0x2000 };
	struct window w;

	setup(&w, WINDOW_BLOB);
	CHECK_EQ(window_map(&w, &range), 0);
	window_reset(&w);
	CHECK(window_busy(&w));
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK_EQ(sent_op, WINDOW_UNMAP);
	CHECK_EQ(sent.offset, 0x1000);
	CHECK_EQ(sent.len, 0x2000);
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK(!window_busy(&w));

	/* Nothing to take away if it never got there, or was being removed. */
	CHECK_EQ(window_map(&w, &range), 0);
	window_reset(&w);
	CHECK_EQ(window_ack(&w, false), WINDOW_NOTHING);
	CHECK_EQ(window_unmap(&w, &range), 0);
	window_reset(&w);
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK_EQ(sends, 4);
	CHECK(!window_busy(&w));
}

static void answer_to_nothing(void)
{
	struct window w;

	setup(&w, WINDOW_BLOB);
	CHECK_EQ(window_ack(&w, true), WINDOW_NOTHING);
	CHECK_EQ(sends, 0);
}

const struct test window_tests[] = {
	{ "window: whole at start", whole_at_start },
	{ "window: whole is still mapped", whole_still_mapped },
	{ "window: whole is refused for good", whole_refused_for_good },
	{ "window: whole without a channel", whole_without_channel },
	{ "window: whole, reset before the answer", whole_reset_before_answer },
	{ "window: whole, stop before the answer", whole_stopped_before_answer },
	{ "window: blob requests", blob_requests },
	{ "window: blob, reset before the answer", blob_reset_before_answer },
	{ "window: answer to nothing", answer_to_nothing },
	{ 0 }
};
