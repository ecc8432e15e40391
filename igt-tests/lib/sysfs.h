/* SPDX-License-Identifier: MIT */
/* The virtio device behind virtio_vram, by way of sysfs. */
#ifndef VRAM_SYSFS_H
#define VRAM_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

#define VRAM_SYSFS_DRIVER	"/sys/bus/virtio/drivers/virtio_vram"

bool vram_sysfs_bound(char *name, size_t size);
bool vram_sysfs_feature(unsigned int bit);
int vram_write_file(const char *path, const char *text);
int vram_sysfs_write(const char *file, const char *text);

#endif
