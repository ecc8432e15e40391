/* SPDX-License-Identifier: MIT */
/*
 * One vhost-user connection: the front-end's messages, and the poll loop.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include <signal.h>
#include <stdbool.h>

#include "pool.h"
#include "window.h"

struct backend;

struct backend_config {
	enum window_mode mode;
	bool mem_slots;		/* offer VHOST_USER_PROTOCOL_F_MEM_SLOTS */
};

/* Serve a connected socket, which stays the caller's. NULL without memory. */
struct backend *backend_new(int sock, const struct backend_config *config,
			    struct pool *pool);
void backend_free(struct backend *be);

enum backend_end {
	BACKEND_GOES_ON,
	BACKEND_CLOSED,		/* the front-end hung up */
	BACKEND_FAILED,		/* said on stderr why */
	BACKEND_STOPPED,	/* *stop became true */
};

/* Wait up to timeout ms (-1: for ever) for something, and deal with it. */
enum backend_end backend_step(struct backend *be, int timeout,
			      const sigset_t *sigmask);
/* Until the end; signals of sigmask's complement arrive only while waiting. */
enum backend_end backend_run(struct backend *be, const sigset_t *sigmask,
			     volatile sig_atomic_t *stop);

#endif
