/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters, for the whole system and for each VMA.
 */
#ifndef _VMF_RANGE_STATS_H_
#define _VMF_RANGE_STATS_H_

#include <linux/vmf_range.h>

struct seq_file;
struct vmf_vma;

/**
 * struct vmf_tally - what one call of the library did
 * @count: how much of what
 * @seen: bit mask of those that were counted, which are few
 */
struct vmf_tally {
	u64 count[VMF_NR_STATS];
	unsigned long seen;
};

static inline void vmf_tally_add(struct vmf_tally *tally,
				 enum vmf_range_stat stat, u64 nr)
{
	tally->count[stat] += nr;
	tally->seen |= BIT(stat);
}

struct vmf_vma *vmf_stats_begin(struct vm_area_struct *vma);
void vmf_stats_add(struct vmf_vma *record, const struct vmf_tally *tally);
void vmf_stats_add_one(struct vm_area_struct *vma, enum vmf_range_stat stat);
void vmf_stats_forget(struct vm_area_struct *vma);
int vmf_stats_show_vmas(struct seq_file *m, bool all);

extern const char * const vmf_stat_names[VMF_NR_STATS];

#endif
