// SPDX-License-Identifier: MIT
/*
 * Messages on stderr.
 */
#include <stdarg.h>
#include <stdio.h>

#include "log.h"

enum log_level log_level = LOG_ERRORS;

static void say(enum log_level level, const char *fmt, va_list ap)
{
	if (level > log_level)
		return;
	fputs("vram-device: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_ERRORS, fmt, ap);
	va_end(ap);
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_EVERYTHING, fmt, ap);
	va_end(ap);
}
