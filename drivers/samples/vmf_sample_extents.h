/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What the node /dev/vmf_sample_extents-ADDRESS of vmf_sample_extents can do.
 */
#ifndef _VMF_SAMPLE_EXTENTS_H_
#define _VMF_SAMPLE_EXTENTS_H_

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct vmf_sample_extent - pages of the file, and the memory behind them
 * @page: first page of the file
 * @nr_pages: how many
 * @at: first page of device memory, or VMF_SAMPLE_HOLE
 */
struct vmf_sample_extent {
	__u64 page;
	__u64 nr_pages;
	__u64 at;
};

#define VMF_SAMPLE_HOLE		(~0ULL)

/* Pages of the file have this memory behind them from now on. */
#define VMF_SAMPLE_SET		_IOW('v', 0x60, struct vmf_sample_extent)
/*
 * The same, and the content moves along; the pages are part of one extent. Where they
 * were and where they go to may overlap.
 */
#define VMF_SAMPLE_MOVE		_IOW('v', 0x61, struct vmf_sample_extent)

#endif
