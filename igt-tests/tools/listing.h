/* SPDX-License-Identifier: MIT */
/* What /sys/kernel/debug/vmf_range/leaves says, and the drawing of it as text. */
#ifndef VIEW_LISTING_H
#define VIEW_LISTING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "svg.h"

#define LISTING		"/sys/kernel/debug/vmf_range/leaves"

/**
 * struct mapping - one VMA
 * @pid: whose it is
 * @comm: its name when the VMA had its first fault
 * @file: name of what is mapped
 * @start: first address
 * @end: address after the last
 * @faults: how many there were so far
 * @runs: what is mapped, in order of address
 * @nr: how many runs
 * @writable: bytes that can be written without a fault
 */
struct mapping {
	int pid;
	char comm[16];
	char file[64];
	uint64_t start;
	uint64_t end;
	uint64_t faults;
	struct svg_run *runs;
	unsigned int nr;
	uint64_t writable;
};

/**
 * struct listing - all VMAs
 * @maps: the VMAs
 * @nr: how many
 */
struct listing {
	struct mapping *maps;
	unsigned int nr;
};

/**
 * struct totals - what is mapped in one VMA
 * @leaves: how many, by level: PTE, PMD, PUD
 * @bytes: mapped
 * @blocks: contiguous runs of device memory
 * @writable: bytes that can be written without a fault
 */
struct totals {
	unsigned long long leaves[3];
	uint64_t bytes;
	uint64_t writable;
	unsigned int blocks;
};

void listing_read(struct listing *list, FILE *in);
void listing_free(struct listing *list);
bool mapping_begins_block(const struct mapping *map, unsigned int run);
void mapping_add_up(const struct mapping *map, struct totals *sum);
void mapping_describe(const struct mapping *map, char *text, size_t room);
void mapping_print(const struct mapping *map, unsigned int width, bool colour);

#endif
