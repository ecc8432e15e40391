/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _TTM_RANGE_LOOKUP_H_
#define _TTM_RANGE_LOOKUP_H_

#include <drm/ttm/ttm_range.h>

/**
 * struct ttm_range_walk - a buffer that is being looked at
 * @bo: the buffer
 * @ops: how its driver maps it
 * @start: its page offset in the mapped file
 * @nr_pages: its length
 */
struct ttm_range_walk {
	struct ttm_buffer_object *bo;
	const struct ttm_range_ops *ops;
	pgoff_t start;
	pgoff_t nr_pages;
};

struct ttm_range_walk ttm_range_walk_of(struct ttm_buffer_object *bo,
					const struct vm_operations_struct *vm_ops);
int ttm_range_lookup(const struct ttm_range_walk *walk, pgoff_t page,
		     struct vmf_range_block *block);
int ttm_range_io_reserve(struct ttm_buffer_object *bo);
bool ttm_range_foreign(const struct ttm_buffer_object *bo);
bool ttm_range_mappable(const struct ttm_buffer_object *bo);

/* area.c */
void ttm_range_guess(const struct ttm_range_walk *walk,
		     struct vmf_range_block *block);

#endif
