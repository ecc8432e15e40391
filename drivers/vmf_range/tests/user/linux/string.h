/* SPDX-License-Identifier: MIT */
/* What the tests need of the kernel's header of this name, in user space. */
#ifndef _VMF_RANGE_TESTS_LINUX_STRING_H_
#define _VMF_RANGE_TESTS_LINUX_STRING_H_

#include <string.h>

#endif
