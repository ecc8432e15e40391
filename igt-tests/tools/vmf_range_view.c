// SPDX-License-Identifier: MIT
/*
 * How are device mappings built? A strip of letters for each VMA of a vmf_range
 * user, once or again and again, or a picture. For root, in any process or in this
 * one, which can map a device and touch it.
 */
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "listing.h"

#define MAX_TICKS	1200

/* What the command line says. */
struct options {
	int pid;
	unsigned int watch;
	unsigned int ticks;
	unsigned int width;
	bool colour;
	const char *input;
	const char *svg;
	const char *map;
	const char *touch;
	uint64_t size;
	uint64_t offset;
	uint64_t shift;
};

/* How faults became more, in all mappings that are shown. */
static uint64_t history[MAX_TICKS];
static unsigned int nr_ticks;

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: vmf_range_view [OPTION]...\n"
		"\n"
		"Draw how the device mappings of vmf_range's users are built.\n"
		"\n"
		"  -p, --pid PID      of this process only\n"
		"  -w, --watch SECS   again and again\n"
		"  -n, --ticks N      that many times\n"
		"  -s, --svg FILE     leave a picture there as well\n"
		"  -i, --input FILE   read FILE in place of\n"
		"                     " LISTING "\n"
		"  -W, --width N      columns of a strip (default: what fits)\n"
		"  -m, --map DEVICE   map DEVICE, touch it, and draw that after each touch\n"
		"  -l, --size BYTES   how much of it (K, M, G are understood)\n"
		"  -o, --offset BYTES from where on\n"
		"  -x, --shift BYTES  at an address so far off from where large leaves fit\n"
		"  -t, --touch LIST   where: offsets with commas between, or 'all' for\n"
		"                     each page in turn; default: the middle, then all\n"
		"\n"
		"leaves  G: a PUD leaf (1 GiB), M: a PMD leaf (2 MiB), P: PTEs (4 KiB) map most\n"
		"        of these addresses; small: not all of them are mapped; '.': none is\n"
		"blocks  '|': a contiguous run of device memory begins; '#': several do\n"
		"faults  with --watch: how many in each interval; '.': none, 1: one, 2: 2 or 3,\n"
		"        3: 4 to 7, and so on\n");
}

static uint64_t read_size(const char *text, char **end)
{
	uint64_t size = strtoull(text, end, 0);

	if (**end == 'K')
		size <<= 10;
	else if (**end == 'M')
		size <<= 20;
	else if (**end == 'G')
		size <<= 30;
	if (**end && strchr("KMG", **end))
		++*end;
	if (*end == text || (**end && **end != ','))
		errx(2, "'%s' is no size", text);
	return size;
}

static void read_listing(const struct options *opt, struct listing *list)
{
	const char *path = opt->input ? opt->input : LISTING;
	unsigned int i, nr = 0;
	FILE *in;

	in = fopen(path, "re");
	if (!in)
		err(1, "%s (is vmf_range loaded, debugfs mounted, and are you root?)",
		    path);
	listing_read(list, in);
	fclose(in);
	for (i = 0; i < list->nr; i++) {
		if (opt->pid && list->maps[i].pid != opt->pid)
			free(list->maps[i].runs);
		else
			list->maps[nr++] = list->maps[i];
	}
	list->nr = nr;
}

static void remember(const struct listing *list)
{
	unsigned int i;

	if (nr_ticks == MAX_TICKS) {
		memmove(history, history + 1, sizeof(history) - sizeof(*history));
		nr_ticks--;
	}
	history[nr_ticks] = 0;
	for (i = 0; i < list->nr; i++)
		history[nr_ticks] += list->maps[i].faults;
	nr_ticks++;
}

/* A digit for each interval, of which there is one less than ticks. */
static void print_history(unsigned int width)
{
	unsigned int i = nr_ticks > width ? nr_ticks - width : 1;

	printf("faults   ");
	for (; i < nr_ticks; i++) {
		/* Fewer than before: a mapping has gone. */
		uint64_t more = history[i] > history[i - 1] ?
				history[i] - history[i - 1] : 0;
		int digit = 0;

		for (; more; more >>= 1)
			digit++;
		putchar(digit ? '0' + (digit > 9 ? 9 : digit) : '.');
	}
	putchar('\n');
}

static void draw_svg(const struct options *opt, const struct listing *list)
{
	struct svg_view *views = calloc(list->nr + 1, sizeof(*views));
	char (*texts)[2][256] = calloc(list->nr + 1, sizeof(*texts));
	struct svg_curve curve = {
		.name = "faults so far", .values = history, .nr = nr_ticks,
	};
	char span[32];
	unsigned int i;

	if (!views || !texts)
		err(1, "pictures");
	for (i = 0; i < list->nr; i++) {
		const struct mapping *map = &list->maps[i];

		snprintf(texts[i][0], sizeof(texts[i][0]), "%d %s: %s", map->pid,
			 map->comm, map->file);
		mapping_describe(map, texts[i][1], sizeof(texts[i][1]));
		views[i] = (struct svg_view){
			texts[i][0], texts[i][1], map->start,
			map->end - map->start, map->runs, map->nr,
		};
	}
	if (opt->watch)
		snprintf(span, sizeof(span), "%u s", (nr_ticks - 1) * opt->watch);
	else
		snprintf(span, sizeof(span), "%u touches", nr_ticks - 1);
	curve.span = span;
	svg_write_views(opt->svg, "Device mappings of vmf_range's users",
			"Grey: memory is contiguous where the shade does not change.",
			views, list->nr, nr_ticks > 1 ? &curve : NULL);
	free(texts);
	free(views);
}

/* One look at all mappings. */
static void look(const struct options *opt)
{
	struct listing list;
	unsigned int i;

	read_listing(opt, &list);
	remember(&list);
	for (i = 0; i < list.nr; i++)
		mapping_print(&list.maps[i], opt->width, opt->colour);
	if (!list.nr)
		printf("Nothing is mapped by a user of vmf_range%s.\n",
		       opt->pid ? " in this process" : "");
	if (opt->watch && nr_ticks > 1)
		print_history(opt->width);
	if (opt->svg)
		draw_svg(opt, &list);
	listing_free(&list);
	fflush(stdout);
}

static void watch(const struct options *opt)
{
	unsigned int i;

	for (i = 0; !opt->ticks || i < opt->ticks; i++) {
		if (i)
			sleep(opt->watch);
		if (opt->colour)
			printf("\033[H\033[2J");
		look(opt);
	}
}

static void touch(const volatile char *addr, uint64_t from, uint64_t to)
{
	for (; from < to; from += 4096)
		(void)addr[from];
}

/*
 * Where the driver would have it; or off from there by less than a huge leaf, below,
 * as there is room.
 */
static char *map_device(const struct options *opt, int fd)
{
	char *addr;

	addr = mmap(NULL, opt->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    opt->offset);
	if (addr != MAP_FAILED && opt->shift) {
		munmap(addr, opt->size);
		addr = mmap(addr - (1 << 30) + opt->shift, opt->size,
			    PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED_NOREPLACE, fd, opt->offset);
	}
	if (addr == MAP_FAILED)
		err(1, "mmap of %s", opt->map);
	return addr;
}

/* Map a device and touch it, with a look at it after each touch. */
static void map_and_touch(struct options *opt)
{
	const char *list = opt->touch, *next;
	char *addr, *end;
	uint64_t at;
	int fd;

	fd = open(opt->map, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", opt->map);
	addr = map_device(opt, fd);
	opt->pid = getpid();

	nr_ticks = 1;	/* before the first touch: none */
	for (; *list; list = next + (*next == ',')) {
		if (!strncmp(list, "all", 3)) {
			next = list + 3;
			printf("touched: each page\n");
			touch(addr, 0, opt->size);
		} else {
			at = read_size(list, &end);
			next = end;
			if (at >= opt->size)
				errx(2, "%#llx is not in the mapping",
				     (unsigned long long)at);
			printf("touched: %#llx\n", (unsigned long long)at);
			touch(addr, at, at + 1);
		}
		look(opt);
	}
	munmap(addr, opt->size);
	close(fd);
}

static unsigned int terminal_width(bool *colour)
{
	struct winsize size;

	*colour = isatty(STDOUT_FILENO);
	if (*colour && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) &&
	    size.ws_col > 20)
		return size.ws_col - 10;
	return 70;
}

static void read_options(int argc, char **argv, struct options *opt)
{
	static const struct option names[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "watch", required_argument, NULL, 'w' },
		{ "ticks", required_argument, NULL, 'n' },
		{ "svg", required_argument, NULL, 's' },
		{ "input", required_argument, NULL, 'i' },
		{ "width", required_argument, NULL, 'W' },
		{ "map", required_argument, NULL, 'm' },
		{ "size", required_argument, NULL, 'l' },
		{ "offset", required_argument, NULL, 'o' },
		{ "shift", required_argument, NULL, 'x' },
		{ "touch", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "p:w:n:s:i:W:m:l:o:x:t:h", names,
				NULL)) != -1) {
		switch (c) {
		case 'p':
			opt->pid = atoi(optarg);
			break;
		case 'w':
			opt->watch = atoi(optarg);
			break;
		case 'n':
			opt->ticks = atoi(optarg);
			break;
		case 's':
			opt->svg = optarg;
			break;
		case 'i':
			opt->input = optarg;
			break;
		case 'W':
			opt->width = atoi(optarg);
			break;
		case 'm':
			opt->map = optarg;
			break;
		case 'l':
			opt->size = read_size(optarg, &end);
			break;
		case 'o':
			opt->offset = read_size(optarg, &end);
			break;
		case 'x':
			opt->shift = read_size(optarg, &end);
			break;
		case 't':
			opt->touch = optarg;
			break;
		case 'h':
			print_usage(stdout);
			exit(0);
		default:
			print_usage(stderr);
			exit(2);
		}
	}
	if (optind < argc || (opt->map && !opt->size) || !opt->width) {
		print_usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options opt = {};
	char middle[64];

	opt.width = terminal_width(&opt.colour);
	read_options(argc, argv, &opt);
	if (opt.map && !opt.touch) {
		snprintf(middle, sizeof(middle), "%llu,all",
			 (unsigned long long)opt.size / 2);
		opt.touch = middle;
	}
	if (opt.map)
		map_and_touch(&opt);
	else if (opt.watch)
		watch(&opt);
	else
		look(&opt);
	return 0;
}
