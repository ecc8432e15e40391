// SPDX-License-Identifier: MIT
/*
 * Sequences of requests to the device, and of what may come between them: answers
 * of the front-end, pauses, resets, memory that goes away.
 *
 * Beside what sanitizers see, each response is compared with what the virtio
 * specification says of its command, the front-end with what it may be asked for,
 * and the state of the device with itself.
 */
#include <string.h>

#include "../gpu_priv.h"
#include "front_end.h"
#include "fuzz.h"
#include "fuzz_gpu.h"

#define POOL_SIZE	(64 * POOL_PAGE)

/* Room for the response: around all sizes that a response can have. */
static const uint16_t rooms[] = {
	4096, 0, 1, 23, 24, 25, 31, 32, 39, 40, 407, 408, 1055, 1056, 1057, 64,
};

/* What a successful command answers. */
static const struct expect {
	uint32_t cmd;
	uint32_t type;
	size_t len;
} expects[] = {
	{ VIRTIO_GPU_CMD_GET_DISPLAY_INFO, VIRTIO_GPU_RESP_OK_DISPLAY_INFO, 408 },
	{ VIRTIO_GPU_CMD_GET_CAPSET_INFO, VIRTIO_GPU_RESP_OK_CAPSET_INFO, 40 },
	{ VIRTIO_GPU_CMD_GET_CAPSET, VIRTIO_GPU_RESP_OK_CAPSET, 24 },
	{ VIRTIO_GPU_CMD_GET_EDID, VIRTIO_GPU_RESP_OK_EDID, 1056 },
	{ VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID,
	  VIRTIO_GPU_RESP_OK_RESOURCE_UUID, 40 },
	{ VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, VIRTIO_GPU_RESP_OK_MAP_INFO, 32 },
};

/* All that a refused command must leave alone, but for contents. */
struct sum {
	uint64_t image_bytes;
	uint32_t resources;
	uint32_t mapped;
	uint32_t shown;			/* of those, where the front-end has them */
	uint32_t entries;
	uint32_t contexts;
	uint32_t attached;
	uint32_t scanout;
	uint32_t cursor;
};

static struct {
	struct pool pool;
	uint8_t *ram[2];
	struct guest_mem mem;
	struct gpu *gpu;
	struct front_end fe;
	bool send_fails;
	bool over;			/* the device has given up */
	bool refused;			/* the last step was refused */
	struct sum sum;			/* of the device's state after a step */

	struct virtio_gpu_ctrl_hdr pending;	/* waits for the front-end */
	bool is_pending;
} f;

static int send_window(void *priv, enum window_op op,
		       const struct window_range *range)
{
	(void)priv;
	if (f.send_fails)
		return -1;
	front_end_request(&f.fe, op, range);
	return 0;
}

static void check_ok(uint32_t cmd, const struct gpu_reply *reply)
{
	size_t len = sizeof(struct virtio_gpu_ctrl_hdr), i;
	uint32_t type = VIRTIO_GPU_RESP_OK_NODATA;

	for (i = 0; i < sizeof(expects) / sizeof(expects[0]); i++) {
		if (expects[i].cmd == cmd) {
			type = expects[i].type;
			len = expects[i].len;
		}
	}
	MUST(le32toh(reply->u.hdr.type) == type);
	MUST(reply->len == len);
}

static void check_fence(const struct virtio_gpu_ctrl_hdr *rq,
			const struct virtio_gpu_ctrl_hdr *rp)
{
	uint32_t flags = le32toh(rq->flags);
	uint32_t want = 0;

	if (flags & VIRTIO_GPU_FLAG_FENCE)
		want = flags & VIRTIO_GPU_FLAG_FENCE;
	if (want && flags & VIRTIO_GPU_FLAG_INFO_RING_IDX &&
	    f.gpu->features & 1ULL << VIRTIO_GPU_F_CONTEXT_INIT)
		want |= VIRTIO_GPU_FLAG_INFO_RING_IDX;
	MUST(le32toh(rp->flags) == want);
	MUST(rp->fence_id == (want ? rq->fence_id : 0));
	MUST(rp->ctx_id == (want ? rq->ctx_id : 0));
	MUST(rp->ring_idx ==
	     ((want & VIRTIO_GPU_FLAG_INFO_RING_IDX) ? rq->ring_idx : 0));
	MUST(!rp->padding[0] && !rp->padding[1] && !rp->padding[2]);
}

static void check_reply(const struct virtio_gpu_ctrl_hdr *rq, size_t room,
			const struct gpu_reply *reply)
{
	uint32_t type = le32toh(reply->u.hdr.type);

	MUST(reply->len <= room && reply->len <= sizeof(reply->u));
	if (!reply->len)
		return;
	if (type >= VIRTIO_GPU_RESP_ERR_UNSPEC) {
		MUST(type <= VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
		MUST(reply->len == sizeof(*rq));
	} else {
		check_ok(le32toh(rq->type), reply);
	}
	check_fence(rq, &reply->u.hdr);
}

/* The state ---------------------------------------------------------------- */

static void count_mapping(struct sum *sum, const struct resource *res)
{
	unsigned int i;

	MUST(res->extent && res->blob_mem == VIRTIO_GPU_BLOB_MEM_HOST3D &&
	     res->blob_flags & VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE);
	sum->mapped++;
	for (i = 0; i < f.fe.nr; i++)
		sum->shown += f.fe.map[i].offset == res->window &&
			      f.fe.map[i].len == res->width &&
			      f.fe.map[i].pool == res->extent->offset;
}

static void count_resource(struct sum *sum, const struct resource *res)
{
	const struct backing *b = &res->backing;
	uint64_t len = 0;
	uint32_t i;

	sum->resources++;
	sum->entries += b->nr;
	if (res->host && !res->extent)
		sum->image_bytes += res->width * res->height * res->cpp;
	if (res->mapped)
		count_mapping(sum, res);
	MUST(res->id && res->width && res->height);
	MUST(b->attached || !b->nr);
	for (i = 0; i < b->nr; i++) {
		MUST(b->entry[i].start == len);
		len += b->entry[i].len;
	}
	MUST(b->len == len);
	if (res->extent)
		MUST(res->blob && res->extent->len == res->width &&
		     res->host == f.pool.map + res->extent->offset);
}

static void count_contexts(struct sum *sum)
{
	const struct context *ctx;
	uint32_t i;

	for (ctx = f.gpu->contexts; ctx; ctx = ctx->next) {
		sum->contexts++;
		sum->attached += ctx->nr;
		MUST(ctx->id && ctx->nr <= ctx->room);
		for (i = 0; i < ctx->nr; i++)
			MUST(resource_find(f.gpu, ctx->attached[i]));
	}
}

static struct sum count(void)
{
	const struct gpu *gpu = f.gpu;
	struct sum sum = { 0 };
	const struct resource *res;
	unsigned int i;

	for (i = 0; i < GPU_BUCKETS; i++)
		for (res = gpu->bucket[i]; res; res = res->next)
			count_resource(&sum, res);
	count_contexts(&sum);
	sum.scanout = gpu->scanout[0];
	sum.cursor = gpu->cursor[0];
	MUST(sum.resources == gpu->nr_resources);
	MUST(sum.mapped == gpu->nr_mapped);
	MUST(sum.entries == gpu->nr_entries);
	MUST(sum.contexts == gpu->nr_contexts);
	MUST(sum.image_bytes == gpu->image_bytes);
	MUST(!sum.scanout || resource_find(gpu, sum.scanout));
	MUST(!sum.cursor || resource_find(gpu, sum.cursor));
	return sum;
}

/* Each byte of the pool has one owner, and the list is in order. */
static void check_pool(void)
{
	const struct pool_extent *e;
	uint64_t end = 0;

	for (e = f.pool.used; e; e = e->next) {
		MUST(e->len && e->offset >= end);
		end = e->offset + e->len;
		MUST(end <= f.pool.size);
	}
}

/* With nothing under way, device and front-end agree on what is mapped. */
static void check_window(const struct sum *sum)
{
	if (!f.fe.honest || f.over || f.gpu->window.op != WINDOW_IDLE)
		return;
	if (f.gpu->window.mode == WINDOW_WHOLE)
		MUST(f.fe.nr == f.gpu->window.whole_mapped);
	else
		MUST(sum->shown == sum->mapped && sum->shown == f.fe.nr);
}

/* A new blob shows nothing of its predecessor; leave something for the next. */
static void check_new_blob(const void *request)
{
	const struct virtio_gpu_resource_create_blob *cmd = request;
	struct resource *res = resource_find(f.gpu, le32toh(cmd->resource_id));
	uint64_t i;

	MUST(res && res->blob);
	if (!res->extent)
		return;
	for (i = 0; i < res->width; i += POOL_PAGE) {
		MUST(!*(uint64_t *)(res->host + i));
		*(uint64_t *)(res->host + i) = 0x5eed;
	}
}

/* The steps ---------------------------------------------------------------- */

static void answer(bool refuse)
{
	struct gpu_reply reply;
	bool ok;

	if (f.fe.op == WINDOW_IDLE)
		return;
	/* Where nobody waits any more, the device has to take it for done. */
	if (refuse && !f.is_pending)
		f.fe.honest = false;
	ok = front_end_answer(&f.fe, refuse);
	switch (gpu_window_ack(f.gpu, ok, &reply)) {
	case GPU_ACK_REPLY:
		MUST(f.is_pending);
		f.is_pending = false;
		check_reply(&f.pending, sizeof(reply.u), &reply);
		MUST(reply.len);
		break;
	case GPU_ACK_LOST:
		f.over = true;
		break;
	case GPU_ACK_NONE:
		break;
	}
}

static void run(enum gpu_queue queue, const void *req, size_t len, size_t room)
{
	struct virtio_gpu_ctrl_hdr hdr = { 0 };
	struct gpu_reply reply;

	memcpy(&hdr, req, len < sizeof(hdr) ? len : sizeof(hdr));
	if (gpu_exec(f.gpu, queue, req, len, room, &reply) == GPU_PENDING) {
		MUST(queue == GPU_CONTROLQ && !f.is_pending);
		MUST(le32toh(hdr.type) == VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB ||
		     le32toh(hdr.type) == VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB);
		MUST(f.fe.op != WINDOW_IDLE && gpu_busy(f.gpu));
		f.pending = hdr;
		f.is_pending = true;
		return;
	}
	check_reply(&hdr, room, &reply);
	/* The one way to say nothing is to have been left no room. */
	MUST(reply.len || room < sizeof(hdr));
	if (queue != GPU_CONTROLQ)
		return;
	f.refused = !reply.len || le32toh(reply.u.hdr.type) >=
				  VIRTIO_GPU_RESP_ERR_UNSPEC;
	if (!f.refused &&
	    le32toh(hdr.type) == VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB)
		check_new_blob(req);
}

static void step_request(const struct step *s)
{
	enum gpu_queue queue = s->arg & FUZZ_CURSOR ? GPU_CURSORQ : GPU_CONTROLQ;
	/* Exactly as long as it is, for the sanitizer. */
	void *req = malloc(s->len ? s->len : 1);

	memcpy(req, s->data, s->len);
	while (queue == GPU_CONTROLQ && gpu_busy(f.gpu) && !f.over) {
		/* A start that could not be passed on has ended the connection. */
		f.over = f.fe.op == WINDOW_IDLE;
		answer(false);
		f.sum = count();
	}
	if (!f.over)
		run(queue, req, s->len, rooms[s->arg % 16]);
	free(req);
}

static void step_stop(void)
{
	struct gpu_reply reply;

	if (gpu_stop(f.gpu, &reply)) {
		MUST(f.is_pending);
		check_reply(&f.pending, sizeof(reply.u), &reply);
		MUST(reply.len);
	} else {
		MUST(!f.is_pending);
	}
	f.is_pending = false;
}

static void step_reset(unsigned int arg)
{
	gpu_reset(f.gpu);
	f.is_pending = false;
	MUST(!f.gpu->nr_resources && !f.gpu->nr_contexts && !f.pool.used);
	if (arg & FUZZ_KEEP_MAPPED)
		f.fe.honest = false;
	else
		front_end_reset(&f.fe, arg & FUZZ_REQUEST_FIRST);
}

/* Memory goes away and comes back, as when the front-end changes its table. */
static void step_memory(unsigned int arg)
{
	unsigned int i = arg & 1;
	uint64_t gpa = FUZZ_RAM + i * FUZZ_RAM_SIZE;

	if (guest_mem_remove(&f.mem, gpa, FUZZ_RAM_SIZE, gpa))
		MUST(!guest_mem_add(&f.mem, gpa, FUZZ_RAM_SIZE, gpa, f.ram[i]));
}

static void do_step(const struct step *s)
{
	struct sum sum;

	f.refused = false;
	switch (s->op) {
	case FUZZ_REQUEST:
		step_request(s);
		break;
	case FUZZ_ANSWER:
		answer(s->arg & FUZZ_REFUSE);
		break;
	case FUZZ_STOP:
		step_stop();
		break;
	case FUZZ_START:
		f.over |= gpu_start(f.gpu) != 0;
		break;
	case FUZZ_RESET:
		step_reset(s->arg);
		break;
	case FUZZ_SEND_FAILS:
		f.send_fails = s->arg & 1;
		break;
	case FUZZ_MEMORY:
		step_memory(s->arg);
		break;
	}
	sum = count();
	MUST(!f.refused || !memcmp(&f.sum, &sum, sizeof(sum)));
	f.sum = sum;
	check_pool();
	check_window(&sum);
}

static void setup(const struct step *s)
{
	unsigned int i;

	/* Once: making files would take most of the time. */
	if (!f.pool.size)
		MUST(!pool_open(&f.pool, NULL, POOL_SIZE));
	guest_mem_clear(&f.mem);
	for (i = 0; i < 2; i++) {
		f.ram[i] = calloc(1, FUZZ_RAM_SIZE);
		MUST(!guest_mem_add(&f.mem, FUZZ_RAM + i * FUZZ_RAM_SIZE,
				    FUZZ_RAM_SIZE, FUZZ_RAM + i * FUZZ_RAM_SIZE,
				    f.ram[i]));
	}
	front_end_init(&f.fe, POOL_SIZE);
	f.send_fails = false;
	f.over = false;
	f.is_pending = false;
	memset(&f.sum, 0, sizeof(f.sum));
	f.gpu = gpu_new(s->arg & FUZZ_BLOB ? WINDOW_BLOB : WINDOW_WHOLE,
			&f.pool, &f.mem, send_window, NULL);
	gpu_set_features(f.gpu, s->arg >> 1 ^ UINT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .at = data, .left = size };
	struct step step;

	/* The first record says what device it is. */
	if (!input_next(&in, FUZZ_GPU_OPS, &step))
		return 0;
	setup(&step);
	while (!f.over && input_next(&in, FUZZ_GPU_OPS, &step))
		do_step(&step);
	gpu_free(f.gpu);
	MUST(!f.pool.used);
	free(f.ram[0]);
	free(f.ram[1]);
	return 0;
}
