// SPDX-License-Identifier: MIT
/*
 * A model of what the front-end makes of window requests.
 */
#include <string.h>

#include "front_end.h"
#include "fuzz.h"

void front_end_init(struct front_end *fe, uint64_t size)
{
	memset(fe, 0, sizeof(*fe));
	fe->size = size;
	fe->honest = true;
}

static bool meet(uint64_t a, uint64_t b, uint64_t a_len, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

/* Would a new mapping share a byte of the window, or of the pool, with another? */
static bool taken(const struct front_end *fe, const struct window_range *r,
		  bool pool)
{
	unsigned int i;

	for (i = 0; i < fe->nr; i++) {
		const struct window_range *m = &fe->map[i];

		if (pool ? meet(m->pool, r->pool, m->len, r->len) :
			   meet(m->offset, r->offset, m->len, r->len))
			return true;
	}
	return false;
}

void front_end_request(struct front_end *fe, enum window_op op,
		       const struct window_range *range)
{
	MUST(fe->op == WINDOW_IDLE);
	MUST(op == WINDOW_MAP || op == WINDOW_UNMAP);
	MUST(range->len && !(range->len % POOL_PAGE));
	MUST(!(range->offset % POOL_PAGE) && !(range->pool % POOL_PAGE));
	MUST(range->offset < fe->size && range->len <= fe->size - range->offset);
	MUST(range->pool < fe->size && range->len <= fe->size - range->pool);
	if (op == WINDOW_MAP && fe->honest) {
		MUST(!taken(fe, range, false));
		MUST(!taken(fe, range, true));
	}
	fe->op = op;
	fe->range = *range;
	fe->done = false;
}

static bool carry_out(struct front_end *fe)
{
	const struct window_range *r = &fe->range;
	unsigned int i;

	if (fe->op == WINDOW_MAP) {
		if (taken(fe, r, false) || fe->nr == FRONT_END_MAPS_MAX)
			return false;
		fe->map[fe->nr++] = *r;
		return true;
	}
	for (i = 0; i < fe->nr; i++) {
		if (fe->map[i].offset != r->offset || fe->map[i].len != r->len)
			continue;
		fe->map[i] = fe->map[--fe->nr];
		return true;
	}
	return false;
}

bool front_end_answer(struct front_end *fe, bool refuse)
{
	MUST(fe->op != WINDOW_IDLE);
	if (!fe->done)
		fe->ok = !refuse && carry_out(fe);
	fe->op = WINDOW_IDLE;
	return fe->ok;
}

void front_end_reset(struct front_end *fe, bool request_first)
{
	if (request_first && fe->op != WINDOW_IDLE && !fe->done) {
		fe->ok = carry_out(fe);
		fe->done = true;
	}
	fe->nr = 0;
}
