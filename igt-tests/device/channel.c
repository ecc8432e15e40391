// SPDX-License-Identifier: MIT
/*
 * vhost-user messages on a socket.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "channel.h"

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int) * VHOST_USER_TABLE_MAX)];
};

static void take_fds(struct msghdr *mh, struct message *msg)
{
	struct cmsghdr *cm;

	for (cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		msg->nr_fds = (unsigned int)((cm->cmsg_len - CMSG_LEN(0)) /
					     sizeof(int));
		memcpy(msg->fd, CMSG_DATA(cm), msg->nr_fds * sizeof(int));
	}
}

/* All of a buffer. The peer writes a message at once, so this is not long. */
static int recv_all(int sock, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = recv(sock, (char *)buf + done, len - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EPROTO;
		done += (size_t)n;
	}
	return 0;
}

int channel_recv(int sock, struct message *msg)
{
	struct iovec iov = { .iov_base = &msg->hdr,
			     .iov_len = sizeof(msg->hdr) };
	union control control;
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n;
	int err;

	memset(msg, 0, sizeof(*msg));
	do {
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 0;
	if (n < 0)
		return -errno;
	take_fds(&mh, msg);

	/* The descriptors come with the first byte; the rest may lag behind. */
	err = recv_all(sock, (char *)&msg->hdr + n, sizeof(msg->hdr) - (size_t)n);
	if (!err && (mh.msg_flags & MSG_CTRUNC ||
		     (msg->hdr.flags & VHOST_USER_VERSION_MASK) !=
		     VHOST_USER_VERSION ||
		     msg->hdr.size > sizeof(msg->payload)))
		err = -EPROTO;
	if (!err)
		err = recv_all(sock, &msg->payload, msg->hdr.size);
	if (err) {
		message_drop_fds(msg);
		return err;
	}
	return 1;
}

void message_drop_fds(struct message *msg)
{
	unsigned int i;

	for (i = 0; i < msg->nr_fds; i++)
		if (msg->fd[i] >= 0)
			close(msg->fd[i]);
	msg->nr_fds = 0;
}

int channel_send(int sock, const struct message *msg, int fd)
{
	size_t len = sizeof(msg->hdr) + msg->hdr.size;
	struct iovec iov[2] = {
		{ .iov_base = (void *)&msg->hdr,
		  .iov_len = sizeof(msg->hdr) },
		{ .iov_base = (void *)&msg->payload,
		  .iov_len = msg->hdr.size },
	};
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	union control control;
	struct cmsghdr *cm;
	ssize_t n;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		mh.msg_control = control.buf;
		mh.msg_controllen = CMSG_SPACE(sizeof(fd));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	do {
		n = sendmsg(sock, &mh, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* A blocking stream socket takes all of so little, or fails. */
	return (size_t)n == len ? 0 : -EIO;
}
