/* SPDX-License-Identifier: MIT */
/* What the planner and its tests need of the kernel's header of this name, in user space. */
#ifndef _VMF_RANGE_TESTS_LINUX_TYPES_H_
#define _VMF_RANGE_TESTS_LINUX_TYPES_H_

#include <stdbool.h>
#include <stddef.h>

typedef unsigned long long u64;

#endif
