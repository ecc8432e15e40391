/* SPDX-License-Identifier: MIT */
/*
 * The device that drivers/samples are for, and its twin with the same memory, which
 * has no driver and lets tests look behind the other's back.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdint.h>

#define SAMPLE_SYSFS	"/sys/bus/pci/devices"

/**
 * struct sample - the device, with a driver
 * @driver: one of drivers/samples
 * @name: of the device, as "0000:01:00.0"
 * @node: its node
 * @base_pfn: first PFN of its BAR
 * @size: bytes of it
 * @mirror: the twin's BAR, mapped by the PCI core when it is needed
 */
struct sample {
	const char *driver;
	char name[32];
	char node[64];
	uint64_t base_pfn;
	uint64_t size;
	int mirror;
};

void sample_load(struct sample *s, const char *driver);
void sample_unload(struct sample *s);
int sample_open(const struct sample *s);
char *sample_mmap(int fd, uint64_t len);

int sample_sysfs_write(const char *dir, const char *file, const char *text);

void sample_poke(const struct sample *s, uint64_t page, uint64_t value);
uint64_t sample_peek(const struct sample *s, uint64_t page);

#endif
