/* SPDX-License-Identifier: MIT */
/*
 * vhost-user messages on a socket, with the descriptors that come along.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "vhost_user.h"

struct message {
	struct vhost_user_header hdr;
	union vhost_user_payload payload;
	int fd[VHOST_USER_TABLE_MAX];
	unsigned int nr_fds;
};

/*
 * Read one message. 1: done, descriptors now belong to the caller; 0: the peer
 * hung up between messages; -errno. A message of another protocol version, with
 * too long a payload or too many descriptors, is -EPROTO.
 */
int channel_recv(int sock, struct message *msg);
/* Close the descriptors that nobody took; fd[i] = -1 marks a taken one. */
void message_drop_fds(struct message *msg);
/* Write header and payload, with a descriptor unless fd is -1. 0 or -errno. */
int channel_send(int sock, const struct message *msg, int fd);

#endif
