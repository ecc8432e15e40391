/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_INSERT_H_
#define _VMF_RANGE_INSERT_H_

#include <linux/vmf_range.h>

/**
 * struct vmf_insert_args - one call of vmf_insert()
 * @block_fn: says which block backs a page
 * @priv: passed to @block_fn
 * @prot: protection and cache bits, in the form for a PTE
 * @levels: mask of the levels that leaves may have
 * @populate: map all there is from the fault upwards, whatever the number of PTEs
 * @end: out: address up to which growth upwards has come
 * @err: out: what went wrong, 0 or -errno
 */
struct vmf_insert_args {
	vmf_range_block_fn block_fn;
	void *priv;
	pgprot_t prot;
	unsigned int levels;
	bool populate;
	unsigned long end;
	int err;
};

vm_fault_t vmf_insert(struct vm_fault *vmf, struct vmf_insert_args *args);

#endif
