// SPDX-License-Identifier: MIT
/*
 * vram-device: a virtio-gpu with a host-visible window of real memory, as a
 * vhost-user backend for QEMU. README says how to use it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "backend.h"
#include "log.h"

#define WINDOW_MIN	(256ULL << 20)
#define WINDOW_MAX	(256ULL << 30)

struct options {
	const char *socket;
	int fd;
	uint64_t window;
	const char *pool;
	bool keep;
	struct backend_config config;
};

static const char usage[] =
"Usage: vram-device (--socket PATH | --fd N) [OPTION]...\n"
"Be a virtio-gpu with a host-visible window for QEMU's vhost-user-test-device.\n"
"\n"
"  --socket PATH   listen there, and take a connection\n"
"  --fd N          use this open socket, connected or listening\n"
"  --window SIZE   a power of two from 256M to 256G (default 4G)\n"
"  --mode MODE     whole: the whole window is memory from the start (default);\n"
"                  blob: it is empty until the guest maps blobs into it\n"
"  --pool FILE     the memory behind the window (default: anonymous)\n"
"  --mem-slots     let QEMU know each blob by itself: it takes hundreds without\n"
"                  complaint, but QEMU 11.1 dies when the guest is reset while\n"
"                  any is mapped\n"
"  --keep          serve the next connection when one ends\n"
"  --verbose       tell each message and each command on stderr\n"
"  --help          print this\n"
"\n"
"Ends with status 0 when the front-end hangs up, or on SIGINT and SIGTERM;\n"
"with 1 when something fails; with 2 on wrong usage.\n";

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

__attribute__((noreturn))
static void bad_usage(const char *what, const char *arg)
{
	fprintf(stderr, "vram-device: %s%s%s\nTry 'vram-device --help'.\n",
		what, arg ? ": " : "", arg ? arg : "");
	exit(2);
}

/* A number with an optional M or G; 0 if it is none. */
static uint64_t parse_size(const char *s)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno || end == s || *s == '-')
		return 0;
	if (*end == 'M' || *end == 'G') {
		unsigned int shift = *end == 'M' ? 20 : 30;

		if (n > UINT64_MAX >> shift)
			return 0;
		n <<= shift;
		end++;
	}
	return *end ? 0 : n;
}

static int parse_fd(const char *s)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	if (errno || end == s || *end || n < 0 || n > INT32_MAX)
		bad_usage("--fd wants the number of a descriptor", s);
	return (int)n;
}

static void parse_option(struct options *o, int c, const char *arg)
{
	switch (c) {
	case 's':
		o->socket = arg;
		break;
	case 'f':
		o->fd = parse_fd(arg);
		break;
	case 'w':
		o->window = parse_size(arg);
		if (o->window < WINDOW_MIN || o->window > WINDOW_MAX ||
		    o->window & (o->window - 1))
			bad_usage("--window wants a power of two from 256M to 256G",
				  arg);
		break;
	case 'm':
		if (strcmp(arg, "whole") && strcmp(arg, "blob"))
			bad_usage("--mode wants whole or blob", arg);
		o->config.mode = !strcmp(arg, "whole") ? WINDOW_WHOLE : WINDOW_BLOB;
		break;
	case 'p':
		o->pool = arg;
		break;
	case 'b':
		o->config.mem_slots = true;
		break;
	case 'k':
		o->keep = true;
		break;
	case 'v':
		log_level = LOG_EVERYTHING;
		break;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		/* getopt has said what is wrong. */
		exit(2);
	}
}

static void parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "fd", required_argument, NULL, 'f' },
		{ "window", required_argument, NULL, 'w' },
		{ "mode", required_argument, NULL, 'm' },
		{ "pool", required_argument, NULL, 'p' },
		{ "mem-slots", no_argument, NULL, 'b' },
		{ "keep", no_argument, NULL, 'k' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		parse_option(o, c, optarg);
	if (optind < argc)
		bad_usage("too many arguments", argv[optind]);
	if (!o->socket == (o->fd < 0))
		bad_usage("one of --socket and --fd is needed", NULL);
}

/*
 * Bind under another name and rename once it listens, so that whoever waits for
 * the name to appear can connect as soon as it is there.
 */
static int listen_at(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int sock;

	if (strlen(path) + sizeof(".new") > sizeof(addr.sun_path))
		bad_usage("the path of the socket is too long", path);
	if (!lstat(path, &st) && !S_ISSOCK(st.st_mode)) {
		complain("%s exists, and is no socket", path);
		return -1;
	}
	sprintf(addr.sun_path, "%s.new", path);
	unlink(addr.sun_path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock >= 0 &&
	    !bind(sock, (struct sockaddr *)&addr, sizeof(addr)) &&
	    !listen(sock, 1) && !rename(addr.sun_path, path))
		return sock;
	complain("%s: %s", path, strerror(errno));
	unlink(addr.sun_path);
	if (sock >= 0)
		close(sock);
	return -1;
}

static bool listens(int sock)
{
	socklen_t len = sizeof(int);
	int yes = 0;

	return !getsockopt(sock, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) && yes;
}

/* Signals are blocked outside of ppoll(), so none is missed before it. */
static bool wait_for_peer(int sock, const sigset_t *sigmask)
{
	struct pollfd pfd = { .fd = sock, .events = POLLIN };

	while (!stop) {
		if (ppoll(&pfd, 1, NULL, sigmask) > 0)
			return true;
	}
	return false;
}

static enum backend_end serve(const struct options *o, struct pool *pool,
			      int sock, const sigset_t *sigmask)
{
	struct backend *be = backend_new(sock, &o->config, pool);
	enum backend_end end;

	if (!be) {
		complain("out of memory");
		return BACKEND_FAILED;
	}
	end = backend_run(be, sigmask, &stop);
	backend_free(be);
	return end;
}

static enum backend_end serve_all(const struct options *o, struct pool *pool,
				  int sock, const sigset_t *sigmask)
{
	enum backend_end end;

	if (!listens(sock))
		return serve(o, pool, sock, sigmask);
	do {
		int peer;

		if (!wait_for_peer(sock, sigmask))
			return BACKEND_STOPPED;
		peer = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
		if (peer < 0) {
			complain("accept: %s", strerror(errno));
			return BACKEND_FAILED;
		}
		end = serve(o, pool, peer, sigmask);
		close(peer);
	} while (o->keep && end == BACKEND_CLOSED);
	return end;
}

static void catch_signals(sigset_t *sigmask)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, sigmask);
	sigdelset(sigmask, SIGINT);
	sigdelset(sigmask, SIGTERM);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

int main(int argc, char **argv)
{
	struct options o = { .fd = -1, .window = 4ULL << 30 };
	enum backend_end end = BACKEND_FAILED;
	struct pool pool;
	sigset_t sigmask;
	int sock, err;

	parse_options(&o, argc, argv);
	catch_signals(&sigmask);
	err = pool_open(&pool, o.pool, o.window);
	if (err) {
		complain("%s: %s", o.pool ? o.pool : "memory", strerror(-err));
		return 1;
	}
	sock = o.socket ? listen_at(o.socket) : o.fd;
	if (sock >= 0) {
		end = serve_all(&o, &pool, sock, &sigmask);
		close(sock);
	}
	if (o.socket && sock >= 0)
		unlink(o.socket);
	pool_close(&pool);
	return end == BACKEND_FAILED;
}
