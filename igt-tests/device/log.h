/* SPDX-License-Identifier: MIT */
/*
 * Messages on stderr.
 */
#ifndef LOG_H
#define LOG_H

enum log_level {
	LOG_NOTHING,	/* unit tests: errors are what they are after */
	LOG_ERRORS,
	LOG_EVERYTHING,
};

extern enum log_level log_level;

/* Something went wrong. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What goes on. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
