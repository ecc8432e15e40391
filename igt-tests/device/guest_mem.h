/* SPDX-License-Identifier: MIT */
/*
 * The guest's memory, as the front-end lends it: a table of regions.
 *
 * Nothing the guest says about an address is believed: every access names its
 * length, and is refused unless the table covers all of it.
 */
#ifndef GUEST_MEM_H
#define GUEST_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* QEMU never uses more than 512 slots; blobs in the window take one each. */
#define GUEST_MEM_SLOTS	512

struct guest_region {
	uint64_t gpa;
	uint64_t size;
	uint64_t uaddr;
	uint8_t *host;		/* where gpa is mapped here */
	void *map;		/* what to unmap, or NULL: memory of the caller */
	size_t map_len;
};

struct guest_mem {
	unsigned int nr;
	struct guest_region region[GUEST_MEM_SLOTS];
};

/*
 * Add a region: memory of the caller, or [offset, offset + size) of a file.
 * Both give 0, or -EINVAL (empty, wraps around, overlaps another, beyond the end
 * of the file), -ENOSPC (table full) or, for a file, what mmap() said. The file may
 * be closed afterwards.
 */
int guest_mem_add(struct guest_mem *mem, uint64_t gpa, uint64_t size,
		  uint64_t uaddr, void *host);
int guest_mem_add_file(struct guest_mem *mem, uint64_t gpa, uint64_t size,
		       uint64_t uaddr, int fd, uint64_t offset);
/* Give back one region; -ENOENT if the table has none like that. */
int guest_mem_remove(struct guest_mem *mem, uint64_t gpa, uint64_t size,
		     uint64_t uaddr);
void guest_mem_clear(struct guest_mem *mem);

/* Host address of memory inside one region, or NULL. */
void *guest_mem_at_uaddr(const struct guest_mem *mem, uint64_t uaddr,
			 uint64_t len);

/* Does the table cover [gpa, gpa + len)? True for nothing at all. */
bool guest_mem_covers(const struct guest_mem *mem, uint64_t gpa, uint64_t len);
/* Copy; false, and then nothing is copied, unless all of it is covered. */
bool guest_mem_read(const struct guest_mem *mem, uint64_t gpa, void *buf,
		    size_t len);
bool guest_mem_write(const struct guest_mem *mem, uint64_t gpa, const void *buf,
		     size_t len);

#endif
