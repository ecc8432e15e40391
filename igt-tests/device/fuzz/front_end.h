/* SPDX-License-Identifier: MIT */
/*
 * A model of what the front-end makes of window requests, as QEMU does it: a
 * mapping over another is refused, so is taking away one that is not there, and
 * a reset drops all of them without a word.
 */
#ifndef FRONT_END_H
#define FRONT_END_H

#include <stdbool.h>

#include "../window.h"

#define FRONT_END_MAPS_MAX	512

struct front_end {
	uint64_t size;			/* of window and pool */
	enum window_op op;		/* asked for and not answered yet */
	bool done;			/* carried out already */
	bool ok;			/* and that was the result */
	struct window_range range;
	struct window_range map[FRONT_END_MAPS_MAX];
	unsigned int nr;
	/* It did what the protocol lets the device count on. */
	bool honest;
};

void front_end_init(struct front_end *fe, uint64_t size);
/* A request arrives; stops the fuzzer if it makes no sense. */
void front_end_request(struct front_end *fe, enum window_op op,
		       const struct window_range *range);
/* Carry it out, unless that was done; the answer to it. */
bool front_end_answer(struct front_end *fe, bool refuse);
/* A reset of the device: before or after a request under way is carried out. */
void front_end_reset(struct front_end *fe, bool request_first);

#endif
