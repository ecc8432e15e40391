/* SPDX-License-Identifier: MIT */
/*
 * Shapes: mappings of the test node whose blocks a test makes up, with what they
 * must look like. See VRAM_TEST_SHAPE.
 */
#ifndef VRAM_SHAPE_H
#define VRAM_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fill.h"
#include "model.h"
#include "vram.h"

/**
 * struct shape - what the test node maps
 * @args: given to the test node; shape_set() fills in pointers and lengths
 * @extents: the blocks, sorted by page
 * @nr: how many
 * @nr_pages: up to the end of the last
 * @blocks: the same with PFNs, as the kernel has said; what is contiguous is one
 * @nr_blocks: how many
 */
struct shape {
	struct vram_test_shape args;
	const struct vram_test_extent *extents;
	unsigned int nr;
	uint64_t nr_pages;
	struct model_block *blocks;
	unsigned int nr_blocks;
};

/**
 * struct view - a mapping of a shape, and what it must look like
 * @shape: what is mapped
 * @page: page of the shape with which it begins
 * @prot: PROT_*
 * @addr: where
 * @len: its length in bytes
 * @m: which leaves it may have
 * @f: which it has
 */
struct view {
	const struct shape *shape;
	uint64_t page;
	int prot;
	char *addr;
	size_t len;
	struct model m;
	struct fill f;
};

bool shape_is_ram(const struct shape *s);
int shape_try(const struct vram *v, struct shape *s);
void shape_set(const struct vram *v, struct shape *s);
void shape_fini(const struct vram *v, struct shape *s);
uint64_t shape_pa(const struct shape *s, uint64_t page);

void *shape_mmap(const struct vram *v, uint64_t page, uint64_t nr_pages,
		 uint64_t phase, int prot);
void view_init(struct view *w, const struct vram *v, const struct shape *s,
	       uint64_t page, uint64_t nr_pages, uint64_t shift, int prot);
void view_at(struct view *w, const struct shape *s, uint64_t page, void *addr,
	     size_t len, int prot);
void view_fini(struct view *w);

volatile uint64_t *view_word(const struct view *w, unsigned long page);
void view_touch(struct view *w, unsigned long page, bool write);
uint64_t view_value(const struct view *w, unsigned long page);
bool view_word_is_right(const struct view *w, const struct vram *v,
			unsigned long page, bool written);
void view_check_word(const struct view *w, const struct vram *v,
		     unsigned long page);
void view_read_all(struct view *w, const struct vram *v);
int shape_zap(const struct vram *v, uint64_t page, uint64_t nr_pages);
int shape_zap_addr(const struct vram *v, void *addr, uint64_t nr_pages);
unsigned long shape_harvest(const struct vram *v, uint64_t *page, uint64_t end);
void shape_stats(const struct vram *v, const void *addr, size_t len,
		 struct vram_test_stats *stats);
struct vram_test_calls shape_calls(const struct vram *v);

#endif
