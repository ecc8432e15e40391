// SPDX-License-Identifier: MIT
/* vram_fail() for tests: fails the subtest. */
#include <stdarg.h>

#include "igt.h"
#include "vram.h"

void vram_fail(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	igt_assert_f(false, "%s", text);
	__builtin_unreachable();
}
