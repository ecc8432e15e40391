// SPDX-License-Identifier: MIT
/*
 * What it costs to map device memory, by everybody who can: each way (bench_way.c)
 * maps buffers of each shape, and each work (bench_work.c) is done with them. One row
 * for each, a line of JSON, on standard output. Meant for -icount, see count.h, and for
 * one processor, see bench_locks.c.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "count.h"

/* What a fault costs when there is but one page to map. */
static const char * const one_page[] = {
	"touch-one", "refault-one", "populate", NULL
};

static const char * const moves[] = {
	"touch-read", "moved", "moved-twice", NULL
};

/* Neighbours that differ in nothing but their offset share a buffer. */
static const struct bench_shape shapes[] = {
	{ .name = "aligned", .size = GIB, .block_size = GIB },
	{ .name = "misaligned-4k", .size = GIB, .block_size = GIB,
	  .off = VRAM_PAGE },
	{ .name = "blocks-4m", .size = GIB, .block_size = 4 * MIB },
	{ .name = "blocks-64k", .size = GIB, .block_size = 65536 },
	{ .name = "blocks-random", .size = GIB, .fragmented = true },
	{ .name = "odd-size", .size = GIB + 0xf0f * VRAM_PAGE },
	{ .name = "one-page", .size = VRAM_PAGE, .works = one_page },
	{ .name = "blocks-2m", .size = 64 * MIB, .block_size = 2 * MIB,
	  .works = moves },
};

#define NR_SHAPES	(sizeof(shapes) / sizeof(shapes[0]))

/* All of it for instructions, then for locks: where probes are, these cost some. */
static void count_both(void (*works)(struct bench_buffer *buffer),
		       struct bench_buffer *buffer)
{
	works(buffer);
	bench_locks_begin();
	works(buffer);
	bench_locks_end();
}

static void all_ways(struct bench_buffer *buffer)
{
	unsigned int i;

	for (i = 0; i < bench_nr_ways; i++)
		bench_works(&bench_ways[i], buffer);
}

static bool same_buffer(const struct bench_shape *a, const struct bench_shape *b)
{
	return a->size == b->size && a->block_size == b->block_size &&
	       a->fragmented == b->fragmented;
}

static void bench_shapes(struct vram *vram)
{
	struct bench_buffer buffer;
	unsigned int i;

	for (i = 0; i < NR_SHAPES; i++) {
		if (i && same_buffer(&shapes[i], &shapes[i - 1])) {
			buffer.shape = &shapes[i];
		} else {
			if (i)
				bench_buffer_free(&buffer);
			bench_buffer_make(vram, &buffer, &shapes[i]);
		}
		count_both(all_ways, &buffer);
	}
	bench_buffer_free(&buffer);
}

static void scaling_ways(struct bench_buffer *buffer)
{
	bench_work(bench_way("vmf_range"), buffer, "touch-each-2m");
	if (buffer->shape->size > GIB)
		bench_work(bench_way("vmf_range_populate"), buffer, "populate");
	if (buffer->shape->off)
		return;
	bench_work(bench_way("vmf_range_no_pud"), buffer, "touch-each-2m");
	bench_work(bench_way("vmf_insert_pfn_pmd_pud"), buffer, "touch-each-2m");
	bench_work(bench_way("apply_to_page_range"), buffer, "touch-each-2m");
	if (buffer->shape->size > GIB)
		bench_work(bench_way("remap_pfn_range"), buffer, "populate");
}

/*
 * From 1 GiB to the whole window: does a GiB cost the same? Of what maps all at mmap()
 * there is a GiB already.
 */
static void bench_scaling(struct vram *vram)
{
	struct bench_shape shape = { .name = "aligned" };
	struct bench_buffer buffer;

	for (shape.size = GIB; shape.size <= vram->size; shape.size *= 4) {
		shape.name = "aligned";
		shape.off = 0;
		bench_buffer_make(vram, &buffer, &shape);
		count_both(scaling_ways, &buffer);
		shape.name = "misaligned-4k";
		shape.off = VRAM_PAGE;
		count_both(scaling_ways, &buffer);
		bench_buffer_free(&buffer);
	}
}

static void vfio_ways(struct bench_buffer *buffer)
{
	bench_works(&bench_vfio, buffer);
}

/* The memory of a device that is vfio-pci's. */
static void bench_vfio_pci(struct vram *vram, const char *address, bool quick)
{
	struct bench_shape shape = { .name = "aligned" };
	struct bench_buffer buffer;

	shape.size = bench_vfio_open(address);
	if (quick)
		shape.size = 8 * MIB;
	bench_buffer_find(vram, &buffer, &shape, &bench_vfio);
	count_both(vfio_ways, &buffer);
	shape.name = "misaligned-4k";
	shape.off = VRAM_PAGE;
	count_both(vfio_ways, &buffer);
	bench_buffer_free(&buffer);
}

static void vgem_ways(struct bench_buffer *buffer)
{
	bench_works(&bench_vgem, buffer);
}

/* Buffers of drm_gem_shmem, if vgem is there. */
static void bench_drm_gem_shmem(struct vram *vram, bool quick)
{
	struct bench_shape shape = { .name = "aligned" };
	struct bench_buffer buffer;

	shape.size = bench_vgem_open(quick ? 8 * MIB : 512 * MIB);
	if (!shape.size)
		return;
	bench_buffer_find(vram, &buffer, &shape, &bench_vgem);
	count_both(vgem_ways, &buffer);
	shape.name = "misaligned-4k";
	shape.off = VRAM_PAGE;
	count_both(vgem_ways, &buffer);
	bench_buffer_free(&buffer);
	bench_vgem_close();
}

/* A row of each kind, in seconds, to see that all of this works. */
static void bench_quick(struct vram *vram)
{
	static const struct bench_shape shape = {
		.name = "misaligned-4k",
		.size = 8 * MIB,
		.block_size = 8 * MIB,
		.off = VRAM_PAGE,
	};
	struct bench_buffer buffer;

	bench_buffer_make(vram, &buffer, &shape);
	count_both(all_ways, &buffer);
	bench_buffer_free(&buffer);
}

static const struct bench_shape *find_shape(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_SHAPES; i++)
		if (!strcmp(shapes[i].name, name))
			return &shapes[i];
	return NULL;
}

/*
 * One work, WAY:SHAPE:WORK, for who traces it by the device behind a PCI resource. What
 * the trace should come to is counted as well.
 */
static void bench_traced(struct vram *vram, char *name, const char *resource)
{
	const struct bench_way *way = bench_way(strsep(&name, ":"));
	const struct bench_shape *shape = find_shape(strsep(&name, ":") ?: "");
	struct bench_sample sample;
	struct bench_buffer buffer;

	if (!way || !shape || !name)
		vram_fail("--trace needs WAY:SHAPE:WORK, as bench.schema.json lists them\n");
	bench_buffer_make(vram, &buffer, shape);
	bench_trace_begin(resource);
	if (!bench_work_traced(way, &buffer, name, &sample))
		vram_fail("%s: no such work for %s, or none that can be traced\n",
			  name, way->name);
	bench_trace_end();
	printf("%llu\n", (unsigned long long)sample.cost + sample.own);
	bench_buffer_free(&buffer);
}

static void bench_everything(struct vram *vram, const char *vfio, bool quick)
{
	if (quick) {
		bench_quick(vram);
	} else {
		bench_shapes(vram);
		bench_scaling(vram);
	}
	if (vfio)
		bench_vfio_pci(vram, vfio, quick);
	bench_drm_gem_shmem(vram, quick);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "trace", required_argument, NULL, 't' },
		{ "vfio", required_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const char *vfio = NULL;
	char *trace = NULL;
	bool quick = false;
	struct vram vram;
	int opt, fd;

	while ((opt = getopt_long(argc, argv, "qt:v:h", options, NULL)) != -1) {
		switch (opt) {
		case 'q':
			quick = true;
			break;
		case 't':
			trace = optarg;
			break;
		case 'v':
			vfio = optarg;
			break;
		default:
			printf("usage: %s [--quick] [--vfio ADDRESS]\n"
			       "       %s --trace WAY:SHAPE:WORK RESOURCE\n"
			       "ADDRESS is that of a PCI device whose BAR 2 is memory, for vfio-pci.\n"
			       "RESOURCE is a file in sysfs, that of pvpanic-pci.\n",
			       argv[0], argv[0]);
			return opt == 'h' ? 0 : 2;
		}
	}
	if (argc - optind != !!trace)
		vram_fail("wrong number of arguments; try --help\n");
	if (!count_is_instructions())
		vram_fail("the time-stamp counter counts no instructions: no -icount shift=0\n");
	fd = vram_open_drm();
	if (fd < 0)
		vram_fail("no " VRAM_DRIVER " device\n");
	vram_open(&vram, fd);
	if (trace)
		bench_traced(&vram, trace, argv[optind]);
	else
		bench_everything(&vram, vfio, quick);
	vram_close(&vram);
	close(fd);
	return 0;
}
