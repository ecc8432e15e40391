/* SPDX-License-Identifier: MIT */
/* Pictures of mappings: which level maps which part of the address range. */
#ifndef SVG_H
#define SVG_H

#include <stdint.h>

/**
 * struct svg_run - leaves of one size, contiguous in addresses and in memory
 * @addr: first address
 * @len: bytes
 * @pfn: page frame number at @addr
 * @shift: log2 of the size of each leaf
 */
struct svg_run {
	uint64_t addr;
	uint64_t len;
	uint64_t pfn;
	unsigned int shift;
};

/**
 * struct svg_view - one mapping to be drawn
 * @name: who made it
 * @text: its numbers, in one line
 * @va: start
 * @size: bytes
 * @runs: its leaves, in order
 * @nr: how many runs
 */
struct svg_view {
	const char *name;
	const char *text;
	uint64_t va;
	uint64_t size;
	const struct svg_run *runs;
	unsigned int nr;
};

/**
 * struct svg_curve - something that grew
 * @name: what
 * @values: equidistant in time
 * @nr: how many
 * @span: what the whole width stands for, such as "20 s"
 */
struct svg_curve {
	const char *name;
	const uint64_t *values;
	unsigned int nr;
	const char *span;
};

void svg_write_pair(const char *path, const char *title, const char *subtitle,
		    const struct svg_view views[2]);
void svg_write_views(const char *path, const char *title, const char *subtitle,
		     const struct svg_view *views, unsigned int nr,
		     const struct svg_curve *curve);

#endif
