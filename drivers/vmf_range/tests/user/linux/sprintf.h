/* SPDX-License-Identifier: MIT */
/* What the tests need of the kernel's header of this name, in user space. */
#ifndef _VMF_RANGE_TESTS_LINUX_SPRINTF_H_
#define _VMF_RANGE_TESTS_LINUX_SPRINTF_H_

#include <stdio.h>

#define __printf(fmt, args) __attribute__((format(printf, fmt, args)))

#endif
