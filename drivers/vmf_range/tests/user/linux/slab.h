/* SPDX-License-Identifier: MIT */
/* What the tests need of the kernel's header of this name, in user space. */
#ifndef _VMF_RANGE_TESTS_LINUX_SLAB_H_
#define _VMF_RANGE_TESTS_LINUX_SLAB_H_

#include <stdlib.h>

#define GFP_KERNEL 0
#define kvcalloc(n, size, gfp) calloc(n, size)
#define kvfree free

#endif
