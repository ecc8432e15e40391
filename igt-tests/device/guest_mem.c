// SPDX-License-Identifier: MIT
/*
 * The guest's memory, as the front-end lends it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>

#include "guest_mem.h"

static bool overlaps(uint64_t a, uint64_t b, uint64_t a_len, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

static int check_new(const struct guest_mem *mem, uint64_t gpa, uint64_t size,
		     uint64_t uaddr)
{
	unsigned int i;

	if (!size || gpa + size < gpa || uaddr + size < uaddr ||
	    size > SIZE_MAX / 2)
		return -EINVAL;
	if (mem->nr == GUEST_MEM_SLOTS)
		return -ENOSPC;
	for (i = 0; i < mem->nr; i++) {
		const struct guest_region *r = &mem->region[i];

		if (overlaps(gpa, r->gpa, size, r->size))
			return -EINVAL;
	}
	return 0;
}

int guest_mem_add(struct guest_mem *mem, uint64_t gpa, uint64_t size,
		  uint64_t uaddr, void *host)
{
	int err = check_new(mem, gpa, size, uaddr);

	if (err)
		return err;
	mem->region[mem->nr++] = (struct guest_region) {
		.gpa = gpa,
		.size = size,
		.uaddr = uaddr,
		.host = host,
	};
	return 0;
}

/*
 * Memory beyond the end of its file is memory until it is touched. What is no
 * file has no end to look for.
 */
static bool file_ends_before(int fd, uint64_t offset, uint64_t size)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	return offset > (uint64_t)st.st_size ||
	       size > (uint64_t)st.st_size - offset;
}

int guest_mem_add_file(struct guest_mem *mem, uint64_t gpa, uint64_t size,
		       uint64_t uaddr, int fd, uint64_t offset)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t skip = offset & (page - 1);
	struct guest_region *r;
	void *map;
	int err;

	err = check_new(mem, gpa, size, uaddr);
	if (err)
		return err;
	if (file_ends_before(fd, offset, size))
		return -EINVAL;
	/* The region of a window is mostly holes: reserve nothing for it. */
	map = mmap(NULL, size + skip, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_NORESERVE, fd, (off_t)(offset - skip));
	if (map == MAP_FAILED)
		return -errno;

	err = guest_mem_add(mem, gpa, size, uaddr, (uint8_t *)map + skip);
	if (err) {
		munmap(map, size + skip);
		return err;
	}
	r = &mem->region[mem->nr - 1];
	r->map = map;
	r->map_len = size + skip;
	return 0;
}

static void unmap_region(struct guest_region *r)
{
	if (r->map)
		munmap(r->map, r->map_len);
}

int guest_mem_remove(struct guest_mem *mem, uint64_t gpa, uint64_t size,
		     uint64_t uaddr)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		struct guest_region *r = &mem->region[i];

		if (r->gpa != gpa || r->size != size || r->uaddr != uaddr)
			continue;
		unmap_region(r);
		*r = mem->region[--mem->nr];
		return 0;
	}
	return -ENOENT;
}

void guest_mem_clear(struct guest_mem *mem)
{
	while (mem->nr)
		unmap_region(&mem->region[--mem->nr]);
}

void *guest_mem_at_uaddr(const struct guest_mem *mem, uint64_t uaddr,
			 uint64_t len)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		const struct guest_region *r = &mem->region[i];
		uint64_t skip = uaddr - r->uaddr;

		if (uaddr >= r->uaddr && skip < r->size && len <= r->size - skip)
			return r->host + skip;
	}
	return NULL;
}

/* The longest run from gpa on that lies in one region; NULL if there is none. */
static uint8_t *run_at(const struct guest_mem *mem, uint64_t gpa, uint64_t *len)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		const struct guest_region *r = &mem->region[i];
		uint64_t skip = gpa - r->gpa;

		if (gpa < r->gpa || skip >= r->size)
			continue;
		if (*len > r->size - skip)
			*len = r->size - skip;
		return r->host + skip;
	}
	return NULL;
}

bool guest_mem_covers(const struct guest_mem *mem, uint64_t gpa, uint64_t len)
{
	uint64_t run;

	/* Each round leaves a region for good: at most GUEST_MEM_SLOTS rounds. */
	for (; len; gpa += run, len -= run) {
		run = len;
		if (!run_at(mem, gpa, &run))
			return false;
	}
	return true;
}

bool guest_mem_read(const struct guest_mem *mem, uint64_t gpa, void *buf,
		    size_t len)
{
	uint8_t *to = buf;
	uint64_t run;

	if (!guest_mem_covers(mem, gpa, len))
		return false;
	for (; len; gpa += run, to += run, len -= run) {
		const uint8_t *from;

		run = len;
		from = run_at(mem, gpa, &run);
		memcpy(to, from, run);
	}
	return true;
}

bool guest_mem_write(const struct guest_mem *mem, uint64_t gpa, const void *buf,
		     size_t len)
{
	const uint8_t *from = buf;
	uint64_t run;

	if (!guest_mem_covers(mem, gpa, len))
		return false;
	for (; len; gpa += run, from += run, len -= run) {
		uint8_t *to;

		run = len;
		to = run_at(mem, gpa, &run);
		memcpy(to, from, run);
	}
	return true;
}
