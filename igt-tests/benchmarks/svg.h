/* SPDX-License-Identifier: MIT */
/* Pictures of mappings: which level maps which part of the address range. */
#ifndef VRAM_SVG_H
#define VRAM_SVG_H

#include "vram.h"

/**
 * struct svg_view - one mapping to be drawn
 * @name: who made it
 * @text: its numbers, in one line
 * @va: start
 * @leaves: its leaves, in order
 * @nr: how many
 */
struct svg_view {
	const char *name;
	const char *text;
	uint64_t va;
	struct vram_test_leaf *leaves;
	unsigned int nr;
};

void svg_write(const char *path, const char *title, const char *subtitle,
	       uint64_t size, const struct svg_view views[2]);

#endif
