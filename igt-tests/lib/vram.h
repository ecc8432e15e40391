/* SPDX-License-Identifier: MIT */
/*
 * Buffers of virtio_vram, mappings of them at chosen addresses, and what the
 * test node says about both. A helper that cannot do its work calls
 * vram_fail(), which fails the subtest or ends the benchmark.
 */
#ifndef VRAM_H
#define VRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drm/virtio_vram_drm.h>
#include "virtio_vram_test.h"

#define VRAM_PAGE	4096ul
#define VRAM_PMD	(1ul << 21)
#define VRAM_PUD	(1ul << 30)
#define VRAM_DRIVER	"virtio_vram"

/**
 * struct vram - an open device
 * @drm: DRM file
 * @test: test node
 * @base_pfn: first PFN of the window
 * @size: bytes of window
 * @aperture: for vram_word()
 */
struct vram {
	int drm;
	int test;
	uint64_t base_pfn;
	uint64_t size;
	char **aperture;
};

/**
 * struct vram_bo - a buffer in the window
 * @handle: GEM handle
 * @size: bytes
 * @offset: where to mmap() it
 * @blocks: the runs of window memory it consists of, in buffer order
 * @nr_blocks: how many
 */
struct vram_bo {
	uint32_t handle;
	uint64_t size;
	uint64_t offset;
	struct vram_test_block *blocks;
	unsigned int nr_blocks;
};

/* Can the library make page tables on this kernel? Known once a device is open. */
extern bool vram_makes_tables;
/* log2 of the largest leaf of device memory that this kernel has; likewise. */
extern unsigned int vram_max_shift;

/* A line for the log, then the end of this subtest or program. */
void vram_fail(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

int vram_open_drm_of(const char *driver);
int vram_open_drm(void);
void vram_open(struct vram *v, int drm);
void vram_close(struct vram *v);
uint64_t vram_avail(const struct vram *v);
uint64_t vram_avail_settles(const struct vram *v, uint64_t want);

int vram_gem_create(int drm, struct drm_virtio_vram_gem_create *create);
int vram_gem_close(int drm, uint32_t handle);
void vram_bo_create(const struct vram *v, struct vram_bo *bo, uint64_t size,
		    uint64_t block_size, uint32_t flags);
void vram_bo_update(const struct vram *v, struct vram_bo *bo);
void vram_bo_destroy(const struct vram *v, struct vram_bo *bo);
void vram_bo_act(const struct vram *v, const struct vram_bo *bo,
		 unsigned long request, uint32_t arg);
uint64_t vram_bo_pa(const struct vram *v, const struct vram_bo *bo,
		    uint64_t at);

void *vram_map_fd(int fd, uint64_t offset, size_t len, uint64_t phase,
		  int prot);
void *vram_map(const struct vram *v, const struct vram_bo *bo, uint64_t from,
	       size_t len, uint64_t shift, int prot);
void vram_unmap(void *addr, size_t len);

struct vram_test_leaf *vram_leaves(const struct vram *v, const void *addr,
				   size_t len, unsigned int *nr);
int vram_gup(const struct vram *v, const void *addr, unsigned int nr,
	     enum vram_test_gup_how how, int write);

uint64_t vram_stamp(uint64_t pa, uint64_t seed);
volatile uint64_t *vram_word(const struct vram *v, uint64_t pa);
void vram_poke(const struct vram *v, uint64_t pa, uint64_t value);
uint64_t vram_peek(const struct vram *v, uint64_t pa);

int vram_signal_of(volatile void *addr, bool write);
unsigned long vram_faults(void);
void vram_keep_heap(void);
long vram_table_bytes(void);

/* A disk in memory, of 64 MiB: what is on it is anybody's. */
#define VRAM_RAM_DISK	"/dev/ram0"
bool vram_ram_disk(void);

#endif
