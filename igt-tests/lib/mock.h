/* SPDX-License-Identifier: MIT */
/*
 * Buffers of ttm_mock, which has no test node of its own: leaves are read through the
 * one of virtio_vram.
 */
#ifndef MOCK_H
#define MOCK_H

#include <stddef.h>
#include <stdint.h>

#include "model.h"
#include "ttm_mock_ioctl.h"

/**
 * struct mock_bo - a buffer
 * @fd: of the device
 * @handle: GEM handle
 * @size: bytes
 * @offset: where to mmap() it
 */
struct mock_bo {
	int fd;
	uint32_t handle;
	uint64_t size;
	uint64_t offset;
};

int mock_load(void);
int mock_open(void);
int mock_unload(void);

void mock_bo_create(int fd, struct mock_bo *bo, uint64_t size,
		    enum mock_place place, uint32_t flags);
void mock_bo_destroy(const struct mock_bo *bo);
int mock_bo_move(const struct mock_bo *bo, enum mock_place place);
enum mock_place mock_bo_place(const struct mock_bo *bo, uint64_t *pfns);
void mock_bo_model(const struct mock_bo *bo, struct model *m, const void *addr);
void *mock_bo_map(const struct mock_bo *bo, int prot);
uint64_t mock_bo_harvest(const struct mock_bo *bo, uint64_t *page);
struct mock_access mock_bo_access(const struct mock_bo *bo, uint64_t at,
				  int write, uint64_t value);
uint64_t mock_bo_read(const struct mock_bo *bo, uint64_t at);
void mock_bo_write(const struct mock_bo *bo, uint64_t at, uint64_t value);
uint64_t mock_swap(int fd);

#endif
