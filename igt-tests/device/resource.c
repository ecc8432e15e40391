// SPDX-License-Identifier: MIT
/*
 * Resources: their memory in the host and in the guest, and copies between both.
 */
#include <stdlib.h>
#include <string.h>

#include "gpu_priv.h"

static struct resource **bucket_of(struct gpu *gpu, uint32_t id)
{
	return &gpu->bucket[id % GPU_BUCKETS];
}

struct resource *resource_find(const struct gpu *gpu, uint32_t id)
{
	struct resource *res = gpu->bucket[id % GPU_BUCKETS];

	while (res && res->id != id)
		res = res->next;
	return res;
}

struct resource *resource_new(struct gpu *gpu, uint32_t id, uint32_t *error)
{
	struct resource **bucket = bucket_of(gpu, id);
	struct resource *res;

	/* 0 means "no resource" in SET_SCANOUT and UPDATE_CURSOR. */
	*error = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!id || resource_find(gpu, id))
		return NULL;

	*error = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	if (gpu->nr_resources == GPU_RESOURCES_MAX)
		return NULL;
	res = calloc(1, sizeof(*res));
	if (!res)
		return NULL;
	res->id = id;
	res->next = *bucket;
	*bucket = res;
	gpu->nr_resources++;
	return res;
}

bool resource_alloc_image(struct gpu *gpu, struct resource *res)
{
	uint64_t size = res->width * res->height;

	/* Each factor has at most 32 bits, but not all three together. */
	if (size > GPU_IMAGE_BYTES_MAX)
		return false;
	size *= res->cpp;
	if (size > GPU_IMAGE_BYTES_MAX - gpu->image_bytes)
		return false;
	res->host = calloc(1, size);
	if (!res->host)
		return false;
	gpu->image_bytes += size;
	return true;
}

static void free_host_memory(struct gpu *gpu, struct resource *res)
{
	if (res->extent) {
		pool_free(gpu->pool, res->extent);
	} else if (res->host) {
		gpu->image_bytes -= res->width * res->height * res->cpp;
		free(res->host);
	}
}

void resource_free(struct gpu *gpu, struct resource *res)
{
	struct resource **link = bucket_of(gpu, res->id);
	unsigned int i;

	while (*link != res)
		link = &(*link)->next;
	*link = res->next;
	gpu->nr_resources--;

	for (i = 0; i < GPU_SCANOUTS; i++) {
		if (gpu->scanout[i] == res->id)
			gpu->scanout[i] = 0;
		if (gpu->cursor[i] == res->id)
			gpu->cursor[i] = 0;
	}
	context_forget_resource(gpu, res->id);
	if (res->mapped)
		gpu->nr_mapped--;
	backing_detach(gpu, res);
	free_host_memory(gpu, res);
	free(res);
}

uint32_t backing_attach(struct gpu *gpu, struct resource *res,
			const void *entries, size_t len, uint32_t nr)
{
	const struct virtio_gpu_mem_entry *from = entries;
	struct backing b = { .attached = true, .nr = nr };
	uint32_t i;

	if (len / sizeof(*from) < nr)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (nr > GPU_ENTRIES_MAX - gpu->nr_entries)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	if (nr) {
		b.entry = malloc(nr * sizeof(*b.entry));
		if (!b.entry)
			return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	for (i = 0; i < nr; i++) {
		struct backing_entry *e = &b.entry[i];

		e->gpa = le64toh(from[i].addr);
		e->len = le32toh(from[i].length);
		e->start = b.len;
		b.len += e->len;
		if (!e->len || !guest_mem_covers(gpu->mem, e->gpa, e->len)) {
			free(b.entry);
			return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
		}
	}
	gpu->nr_entries += nr;
	res->backing = b;
	return 0;
}

void backing_detach(struct gpu *gpu, struct resource *res)
{
	gpu->nr_entries -= res->backing.nr;
	free(res->backing.entry);
	memset(&res->backing, 0, sizeof(res->backing));
}

/* Index of the entry that holds offset, which is inside the backing. */
static uint32_t entry_at(const struct backing *b, uint64_t offset)
{
	uint32_t lo = 0, hi = b->nr;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (b->entry[mid].start <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Copy one row. The guest's memory may have gone since it was attached. */
static bool copy_row(const struct gpu *gpu, const struct backing *b,
		     uint64_t offset, uint8_t *host, uint64_t len, bool to_host)
{
	uint32_t i = entry_at(b, offset);

	for (; len; i++) {
		const struct backing_entry *e = &b->entry[i];
		uint64_t skip = offset - e->start;
		uint64_t n = e->len - skip < len ? e->len - skip : len;

		if (!(to_host ?
		      guest_mem_read(gpu->mem, e->gpa + skip, host, n) :
		      guest_mem_write(gpu->mem, e->gpa + skip, host, n)))
			return false;
		offset += n;
		host += n;
		len -= n;
	}
	return true;
}

uint32_t resource_transfer(struct gpu *gpu, struct resource *res,
			   const struct transfer *t)
{
	const struct backing *b = &res->backing;
	uint64_t pitch = res->width * res->cpp;
	uint64_t stride = t->stride ? t->stride : pitch;
	uint64_t row = t->w * res->cpp;
	uint64_t i;

	if (!t->w || !t->h || t->x > res->width || t->w > res->width - t->x ||
	    t->y > res->height || t->h > res->height - t->y)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (!b->attached)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	/* h > 1 only in images, whose pitch and stride have at most 34 bits. */
	if (t->offset > b->len || row > b->len - t->offset ||
	    (t->h - 1) * stride > b->len - t->offset - row)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	/* The memory of a guest-only blob is its backing: nothing to copy. */
	if (!res->host)
		return VIRTIO_GPU_RESP_OK_NODATA;

	for (i = 0; i < t->h; i++)
		if (!copy_row(gpu, b, t->offset + i * stride,
			      res->host + (t->y + i) * pitch + t->x * res->cpp,
			      row, t->to_host))
			return VIRTIO_GPU_RESP_ERR_UNSPEC;
	return VIRTIO_GPU_RESP_OK_NODATA;
}
