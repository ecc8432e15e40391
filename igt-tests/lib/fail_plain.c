// SPDX-License-Identifier: MIT
/* vram_fail() for programs without libigt: says so and exits. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "vram.h"

void vram_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	exit(EXIT_FAILURE);
}
