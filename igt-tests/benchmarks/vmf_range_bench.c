// SPDX-License-Identifier: MIT
/*
 * What it costs to map device memory, by everybody who can: each way (bench_way.c)
 * maps buffers of each shape, and each work (bench_work.c) is done with them. One row
 * for each, a line of JSON, on standard output. Meant for -icount, see count.h, and for
 * one processor, see bench_locks.c.
 */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "count.h"

/* Neighbours that differ in nothing but their offset share a buffer. */
static const struct bench_shape shapes[] = {
	{ .name = "aligned", .size = GIB, .block_size = GIB },
	{ .name = "misaligned-4k", .size = GIB, .block_size = GIB,
	  .off = VRAM_PAGE },
	{ .name = "blocks-4m", .size = GIB, .block_size = 4 * MIB },
	{ .name = "blocks-64k", .size = GIB, .block_size = 65536 },
	{ .name = "blocks-random", .size = GIB, .block_size = 8 * MIB,
	  .flags = DRM_VIRTIO_VRAM_GEM_MIX },
	{ .name = "odd-size", .size = GIB + 0xf0f * VRAM_PAGE },
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

static void shape_ways(struct bench_buffer *buffer)
{
	all_ways(buffer);
	/* Elsewhere these get less than all, as they take long. */
	if (buffer->shape->off) {
		bench_work(bench_way("ttm_bo_vm_fault"), buffer, "touch-read");
		bench_work(bench_way("vmf_insert_pfn_pmd_pud"), buffer,
			   "touch-read");
	}
}

static bool same_buffer(const struct bench_shape *a, const struct bench_shape *b)
{
	return a->size == b->size && a->block_size == b->block_size &&
	       a->flags == b->flags;
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
		count_both(shape_ways, &buffer);
	}
	bench_buffer_free(&buffer);
}

static void scaling_ways(struct bench_buffer *buffer)
{
	bench_work(bench_way("vmf_range"), buffer, "touch-each-2m");
	if (buffer->shape->off)
		return;
	bench_work(bench_way("vmf_range_no_pud"), buffer, "touch-each-2m");
	bench_work(bench_way("vmf_insert_pfn_pmd_pud"), buffer, "touch-each-2m");
}

/* From 1 GiB to the whole window: does a GiB cost the same? */
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
	if (buffer->shape->off)
		bench_work(&bench_vfio, buffer, "touch-read");
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

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "vfio", required_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const char *vfio = NULL;
	bool quick = false;
	struct vram vram;
	int opt, fd;

	while ((opt = getopt_long(argc, argv, "qv:h", options, NULL)) != -1) {
		switch (opt) {
		case 'q':
			quick = true;
			break;
		case 'v':
			vfio = optarg;
			break;
		default:
			printf("usage: %s [--quick] [--vfio ADDRESS]\n"
			       "ADDRESS is that of a PCI device whose BAR 2 is memory, for vfio-pci.\n",
			       argv[0]);
			return opt == 'h' ? 0 : 2;
		}
	}
	if (!count_is_instructions())
		vram_fail("the time-stamp counter counts no instructions: no -icount shift=0\n");
	fd = vram_open_drm();
	if (fd < 0)
		vram_fail("no " VRAM_DRIVER " device\n");
	vram_open(&vram, fd);
	if (quick) {
		bench_quick(&vram);
	} else {
		bench_shapes(&vram);
		bench_scaling(&vram);
	}
	if (vfio)
		bench_vfio_pci(&vram, vfio, quick);
	bench_drm_gem_shmem(&vram, quick);
	vram_close(&vram);
	close(fd);
	return 0;
}
