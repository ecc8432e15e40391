// SPDX-License-Identifier: MIT
/*
 * A front-end that says anything, over real sockets, with rings in memory that it
 * shares.
 *
 * Beside what sanitizers see: answers have the form that the protocol wants,
 * requests about the window stay inside it, and no descriptor is left open.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "../backend.h"
#include "../channel.h"
#include "front_end.h"
#include "fuzz.h"
#include "fuzz_backend.h"

#define POOL_SIZE	(64 * POOL_PAGE)
/* One more than the device takes. */
#define FDS_MAX		(VHOST_USER_TABLE_MAX + 1)

static struct {
	/* for all runs */
	struct pool pool;
	int ram_fd;
	int null_fd;
	int event_fd;
	uint8_t *ram;

	struct backend *be;
	struct front_end fe;
	int sock;		/* the front-end's ends */
	int requests;
	int peer;		/* the device's end of the second, to give away */
	bool over;
} f;

static void read_replies(void)
{
	struct message msg;
	char byte;

	while (recv(f.sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
		MUST(channel_recv(f.sock, &msg) == 1);
		MUST(msg.hdr.flags == (VHOST_USER_VERSION | VHOST_USER_REPLY));
		MUST(!msg.nr_fds);
	}
}

/* Let the device do what there is to do: a message, an answer, a queue. */
static void settle(void)
{
	unsigned int i;

	for (i = 0; i < 3 && !f.over; i++)
		f.over = backend_step(f.be, 0, NULL) != BACKEND_GOES_ON;
	read_replies();
}

/*
 * The socket only where it belongs: bytes that are read from it as a kick would
 * leave half an answer, and the device waits for the other half.
 */
static int fd_of(enum fuzz_fd kind, uint32_t request)
{
	if (kind == FUZZ_FD_SOCKET && request != VHOST_USER_SET_BACKEND_REQ_FD)
		kind = FUZZ_FD_EVENT;
	switch (kind) {
	case FUZZ_FD_RAM:
		return f.ram_fd;
	case FUZZ_FD_EVENT:
		return f.event_fd;
	case FUZZ_FD_SOCKET:
		return f.peer;
	default:
		return f.null_fd;
	}
}

static void send_message(const struct vhost_user_header *hdr, const void *data,
			 size_t len, unsigned int nr_fds, int fd)
{
	struct iovec iov[2] = {
		{ .iov_base = (void *)hdr, .iov_len = sizeof(*hdr) },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *cm;
	unsigned int i;

	if (nr_fds) {
		mh.msg_control = control.buf;
		mh.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		for (i = 0; i < nr_fds; i++)
			memcpy(CMSG_DATA(cm) + i * sizeof(fd), &fd, sizeof(fd));
	}
	MUST(sendmsg(f.sock, &mh, MSG_NOSIGNAL) >= 0);
}

/* Is a payload shorter than the protocol has it? */
static bool too_short(uint32_t request, size_t len)
{
	switch (request) {
	case VHOST_USER_SET_FEATURES:
	case VHOST_USER_SET_PROTOCOL_FEATURES:
	case VHOST_USER_SET_MEM_TABLE:
	case VHOST_USER_SET_VRING_NUM:
	case VHOST_USER_SET_VRING_BASE:
	case VHOST_USER_GET_VRING_BASE:
	case VHOST_USER_SET_VRING_ENABLE:
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
	case VHOST_USER_SET_VRING_ERR:
		return len < 8;
	case VHOST_USER_GET_CONFIG:
	case VHOST_USER_SET_CONFIG:
		return len < 12;
	case VHOST_USER_SET_VRING_ADDR:
	case VHOST_USER_ADD_MEM_REG:
	case VHOST_USER_REM_MEM_REG:
		return len < 40;
	default:
		return false;
	}
}

static void step_message(const struct step *s)
{
	const struct fuzz_message *m = (const void *)s->data;
	const uint8_t *data = s->data + sizeof(*m);
	size_t len = s->len - sizeof(*m);
	struct vhost_user_header hdr;

	if (s->len < sizeof(*m))
		return;
	hdr = (struct vhost_user_header) {
		.request = m->request,
		.flags = m->flags,
		.size = (uint32_t)len,
	};
	if (s->arg & FUZZ_LIE && len >= sizeof(hdr.size))
		memcpy(&hdr.size, data, sizeof(hdr.size));
	send_message(&hdr, data, len, (s->arg & 0xf) % (FDS_MAX + 1),
		     fd_of((s->arg >> 4 & 7) % FUZZ_FD_KINDS, hdr.request));
	/* The device may rely on getting all of a message, or none of it. */
	if (hdr.size != len)
		shutdown(f.sock, SHUT_WR);
	settle();
	MUST(f.over || hdr.size != len || !too_short(hdr.request, len));
}

static void step_write(const struct step *s)
{
	uint32_t at;
	size_t len;

	if (s->len < sizeof(at))
		return;
	memcpy(&at, s->data, sizeof(at));
	at %= FUZZ_RAM_SIZE;
	len = s->len - sizeof(at);
	if (len > FUZZ_RAM_SIZE - at)
		len = FUZZ_RAM_SIZE - at;
	memcpy(f.ram + at, s->data + sizeof(at), len);
}

/* All queues have one descriptor for kicks: which is kicked is not told. */
static void step_kick(void)
{
	uint64_t one = 1;

	MUST(write(f.event_fd, &one, sizeof(one)) == sizeof(one));
	settle();
}

static void step_answer(enum fuzz_answer how)
{
	struct message msg;
	char byte;

	if (how == FUZZ_ANSWER_HANG_UP) {
		shutdown(f.requests, SHUT_RDWR);
		settle();
		return;
	}
	if (recv(f.requests, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
		return;
	if (channel_recv(f.requests, &msg) != 1)
		return;
	message_drop_fds(&msg);
	if (msg.hdr.request == VHOST_USER_BACKEND_SHMEM_MAP ||
	    msg.hdr.request == VHOST_USER_BACKEND_SHMEM_UNMAP) {
		struct window_range range = {
			.offset = msg.payload.mmap.shm_offset,
			.pool = msg.payload.mmap.fd_offset,
			.len = msg.payload.mmap.len,
		};

		MUST(msg.hdr.size == sizeof(msg.payload.mmap));
		front_end_request(&f.fe, msg.hdr.request ==
				  VHOST_USER_BACKEND_SHMEM_MAP ?
				  WINDOW_MAP : WINDOW_UNMAP, &range);
		if (!front_end_answer(&f.fe, how == FUZZ_ANSWER_REFUSE))
			how = FUZZ_ANSWER_REFUSE;
	}
	msg.hdr.flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
	msg.hdr.size = how == FUZZ_ANSWER_SHORT ? 4 : 8;
	msg.payload.u64 = how == FUZZ_ANSWER_REFUSE;
	channel_send(f.requests, &msg, -1);
	settle();
}

static void do_step(const struct step *s)
{
	switch (s->op) {
	case FUZZ_MESSAGE:
		step_message(s);
		break;
	case FUZZ_WRITE:
		step_write(s);
		break;
	case FUZZ_KICK:
		step_kick();
		break;
	case FUZZ_ANSWER:
		step_answer(s->arg % FUZZ_ANSWERS);
		break;
	}
}

static void setup_once(void)
{
	if (f.ram)
		return;
	MUST(!pool_open(&f.pool, NULL, POOL_SIZE));
	f.ram_fd = memfd_create("ram", MFD_CLOEXEC);
	f.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	MUST(f.ram_fd >= 0 && f.null_fd >= 0);
	MUST(!ftruncate(f.ram_fd, FUZZ_RAM_SIZE));
	f.ram = mmap(NULL, FUZZ_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		     f.ram_fd, 0);
	MUST(f.ram != MAP_FAILED);
}

static unsigned int open_fds(void)
{
	struct pollfd pfd[64];
	unsigned int i, nr = 0;

	for (i = 0; i < 64; i++)
		pfd[i] = (struct pollfd) { .fd = (int)i };
	MUST(poll(pfd, 64, 0) >= 0);
	for (i = 0; i < 64; i++)
		nr += !(pfd[i].revents & POLLNVAL);
	return nr;
}

static void run(struct input *in, const struct backend_config *config)
{
	int front[2], requests[2];
	struct step step;

	MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, front));
	MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, requests));
	f.sock = front[0];
	f.requests = requests[0];
	f.peer = requests[1];
	f.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f.over = false;
	memset(f.ram, 0, FUZZ_RAM_SIZE);
	/* It breaks its promises all the time. */
	front_end_init(&f.fe, POOL_SIZE);
	f.fe.honest = false;
	f.be = backend_new(front[1], config, &f.pool);
	while (!f.over && input_next(in, FUZZ_BACKEND_OPS, &step))
		do_step(&step);
	backend_free(f.be);
	MUST(!f.pool.used);
	close(front[0]);
	close(front[1]);
	close(requests[0]);
	close(requests[1]);
	close(f.event_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .at = data, .left = size };
	struct backend_config config;
	struct step step;
	unsigned int fds;

	/* The first record says what device it is. */
	if (!input_next(&in, FUZZ_BACKEND_OPS, &step))
		return 0;
	config = (struct backend_config) {
		.mode = step.arg & FUZZ_BLOB ? WINDOW_BLOB : WINDOW_WHOLE,
		.mem_slots = step.arg & FUZZ_MEM_SLOTS,
	};
	setup_once();
	fds = open_fds();
	run(&in, &config);
	MUST(open_fds() == fds);
	return 0;
}
