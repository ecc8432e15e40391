/* SPDX-License-Identifier: MIT */
/* What the tests need of the kernel's header of this name, in user space. */
#ifndef _VMF_RANGE_TESTS_LINUX_STDARG_H_
#define _VMF_RANGE_TESTS_LINUX_STDARG_H_

#include <stdarg.h>

#endif
