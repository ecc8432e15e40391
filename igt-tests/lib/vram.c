// SPDX-License-Identifier: MIT
/*
 * Buffers, mappings and queries for the tests and benchmarks of virtio_vram.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vram.h"

/*
 * Mappings go to one 512 GiB slot of the address space each, away from where
 * the kernel puts others. So a mapping shares no page table with anything, and
 * the tables that it needs are exactly those of its own leaves.
 */
#define VRAM_VA_FIRST	(32ul << 40)
#define VRAM_VA_STEP	(512ul << 30)
#define VRAM_VA_SLOTS	96u	/* the program itself may lie from 85 TiB on */

bool vram_makes_tables;
unsigned int vram_max_shift;

/**
 * vram_open_drm_of - open the primary node of the first device of a driver
 * @driver: the driver's name
 *
 * For programs without libigt; tests use drm_open_driver().
 *
 * Return: the file, or -1.
 */
int vram_open_drm_of(const char *driver)
{
	char path[32], name[32];
	int fd, i;

	for (i = 0; i < 16; i++) {
		struct drm_version version = {
			.name = name,
			.name_len = sizeof(name) - 1,
		};

		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		memset(name, 0, sizeof(name));
		if (!ioctl(fd, DRM_IOCTL_VERSION, &version) &&
		    !strcmp(name, driver))
			return fd;
		close(fd);
	}
	return -1;
}

/* The first virtio_vram device, likewise. */
int vram_open_drm(void)
{
	return vram_open_drm_of(VRAM_DRIVER);
}

/* What vram_word() maps at once: most tests need little, and each is a process. */
#define CHUNK	(64ul << 20)

static uint64_t chunk_size(const struct vram *v, uint64_t chunk)
{
	uint64_t left = v->size - chunk * CHUNK;

	return left < CHUNK ? left : CHUNK;
}

/* Does the module's parameter let it? */
static bool may_make_tables(void)
{
	int fd = open("/sys/module/vmf_range/parameters/make_tables",
		      O_RDONLY | O_CLOEXEC);
	char answer = 'N';

	if (fd < 0 || read(fd, &answer, 1) != 1)
		vram_fail("cannot read a parameter of vmf_range: %s\n",
			  strerror(errno));
	close(fd);
	return answer == 'Y';
}

/**
 * vram_open - open the test node beside an open DRM file
 * @v: filled in
 * @drm: file that vram_close() will not close
 */
void vram_open(struct vram *v, int drm)
{
	struct vram_test_info info;

	v->drm = drm;
	v->test = open(VRAM_TEST_NODE, O_RDWR | O_CLOEXEC);
	if (v->test < 0)
		vram_fail("open " VRAM_TEST_NODE ": %s\n", strerror(errno));
	if (ioctl(v->test, VRAM_TEST_INFO, &info))
		vram_fail("VRAM_TEST_INFO: %s\n", strerror(errno));
	v->base_pfn = info.base_pfn;
	v->size = info.size;
	vram_max_shift = (info.flags & VRAM_TEST_INFO_NO_HUGE) ? 12 : 30;
	vram_makes_tables = !(info.flags & VRAM_TEST_INFO_NO_TABLES) &&
			    may_make_tables();
	v->aperture = calloc(v->size / CHUNK + 1, sizeof(*v->aperture));
	if (!v->aperture)
		vram_fail("no memory\n");
}

void vram_close(struct vram *v)
{
	uint64_t i;

	for (i = 0; i <= v->size / CHUNK; i++)
		if (v->aperture[i])
			munmap(v->aperture[i], chunk_size(v, i));
	free(v->aperture);
	close(v->test);
	v->test = -1;
}

/* Bytes of the window that are free now. */
uint64_t vram_avail(const struct vram *v)
{
	struct drm_virtio_vram_info info = {};

	if (ioctl(v->drm, DRM_IOCTL_VIRTIO_VRAM_INFO, &info))
		vram_fail("VIRTIO_VRAM_INFO: %s\n", strerror(errno));
	return info.vram_avail;
}

/*
 * The same, after TTM has had a second to get there: where somebody still waits
 * for a buffer, a worker frees it later.
 */
uint64_t vram_avail_settles(const struct vram *v, uint64_t want)
{
	int i;

	for (i = 0; i < 100 && vram_avail(v) != want; i++)
		usleep(10 * 1000);
	return vram_avail(v);
}

/* Return: 0 or -errno */
int vram_gem_create(int drm, struct drm_virtio_vram_gem_create *create)
{
	return ioctl(drm, DRM_IOCTL_VIRTIO_VRAM_GEM_CREATE, create) ?
		-errno : 0;
}

/* Return: 0 or -errno */
int vram_gem_close(int drm, uint32_t handle)
{
	struct drm_gem_close close_args = { .handle = handle };

	return ioctl(drm, DRM_IOCTL_GEM_CLOSE, &close_args) ? -errno : 0;
}

static void get_blocks(const struct vram *v, struct vram_bo *bo)
{
	struct vram_test_blocks query = {
		.drm_fd = v->drm,
		.handle = bo->handle,
	};
	unsigned int room = 0;

	for (;;) {
		query.blocks = (uintptr_t)bo->blocks;
		query.nr = room;
		if (ioctl(v->test, VRAM_TEST_BLOCKS, &query))
			vram_fail("VRAM_TEST_BLOCKS: %s\n", strerror(errno));
		if (query.nr <= room)
			break;
		room = query.nr;
		free(bo->blocks);
		bo->blocks = calloc(room, sizeof(*bo->blocks));
		if (!bo->blocks)
			vram_fail("no memory for %u blocks\n", room);
	}
	bo->nr_blocks = query.nr;
}

/* The blocks must make up the whole buffer, inside the window. */
static void check_blocks(const struct vram *v, const struct vram_bo *bo)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < bo->nr_blocks; i++) {
		const struct vram_test_block *b = &bo->blocks[i];

		if (!b->len || (b->len | b->offset) % VRAM_PAGE ||
		    b->offset >= v->size || b->len > v->size - b->offset)
			vram_fail("block %u: %#llx+%#llx\n", i,
				  (unsigned long long)b->offset,
				  (unsigned long long)b->len);
		sum += b->len;
	}
	if (sum < bo->size)
		vram_fail("blocks of %#llx bytes back a buffer of %#llx\n",
			  (unsigned long long)sum,
			  (unsigned long long)bo->size);
}

/**
 * vram_bo_create - make a buffer in the window
 * @v: device
 * @bo: filled in
 * @size: bytes
 * @block_size: as in &struct drm_virtio_vram_gem_create
 * @flags: likewise
 */
void vram_bo_create(const struct vram *v, struct vram_bo *bo, uint64_t size,
		    uint64_t block_size, uint32_t flags)
{
	struct drm_virtio_vram_gem_create create = {
		.size = size,
		.block_size = block_size,
		.placement = DRM_VIRTIO_VRAM_PLACE_VRAM,
		.flags = flags,
	};
	struct drm_virtio_vram_gem_mmap_offset mmap_offset = {};
	int ret;

	ret = vram_gem_create(v->drm, &create);
	if (ret)
		vram_fail("create %#llx bytes in blocks of %#llx: %s\n",
			  (unsigned long long)size,
			  (unsigned long long)block_size, strerror(-ret));

	mmap_offset.handle = create.handle;
	if (ioctl(v->drm, DRM_IOCTL_VIRTIO_VRAM_GEM_MMAP_OFFSET, &mmap_offset))
		vram_fail("VIRTIO_VRAM_GEM_MMAP_OFFSET: %s\n",
			  strerror(errno));

	*bo = (struct vram_bo) {
		.handle = create.handle,
		.size = size,
		.offset = mmap_offset.offset,
	};
	get_blocks(v, bo);
	check_blocks(v, bo);
}

/* Where a buffer is now, after it was moved. */
void vram_bo_update(const struct vram *v, struct vram_bo *bo)
{
	free(bo->blocks);
	bo->blocks = NULL;
	bo->nr_blocks = 0;
	get_blocks(v, bo);
}

void vram_bo_destroy(const struct vram *v, struct vram_bo *bo)
{
	int ret = vram_gem_close(v->drm, bo->handle);

	if (ret)
		vram_fail("GEM_CLOSE: %s\n", strerror(-ret));
	free(bo->blocks);
	bo->blocks = NULL;
	bo->handle = 0;
}

/* VRAM_TEST_ZAP, VRAM_TEST_MOVE or VRAM_TEST_BO_WAY on one buffer. */
void vram_bo_act(const struct vram *v, const struct vram_bo *bo,
		 unsigned long request, uint32_t arg)
{
	struct vram_test_bo act = {
		.drm_fd = v->drm,
		.handle = bo->handle,
		.arg = arg,
	};

	if (ioctl(v->test, request, &act))
		vram_fail("test node request %#lx: %s\n", request,
			  strerror(errno));
}

/* Physical address of byte @at of a buffer. */
uint64_t vram_bo_pa(const struct vram *v, const struct vram_bo *bo,
		    uint64_t at)
{
	unsigned int i;

	for (i = 0; i < bo->nr_blocks; i++) {
		if (at < bo->blocks[i].len)
			return v->base_pfn * VRAM_PAGE + bo->blocks[i].offset +
			       at;
		at -= bo->blocks[i].len;
	}
	vram_fail("offset beyond the buffer\n");
}

/**
 * vram_map_fd - map part of a file at a chosen place within 1 GiB
 * @fd: file
 * @offset: offset in it
 * @len: bytes
 * @phase: the address modulo 1 GiB
 * @prot: PROT_*
 *
 * Return: the address; MAP_FAILED with errno when mmap() refuses.
 */
void *vram_map_fd(int fd, uint64_t offset, size_t len, uint64_t phase,
		  int prot)
{
	static unsigned int next;
	unsigned int tries;
	void *addr;

	for (tries = 0; tries < VRAM_VA_SLOTS; tries++) {
		uint64_t va = VRAM_VA_FIRST +
			      next++ % VRAM_VA_SLOTS * VRAM_VA_STEP +
			      phase % VRAM_PUD;

		addr = mmap((void *)va, len, prot,
			    MAP_SHARED | MAP_FIXED_NOREPLACE, fd, offset);
		if (addr != MAP_FAILED || errno != EEXIST)
			return addr;
	}
	return MAP_FAILED;
}

/*
 * DRM maps a buffer from its start only. A dma-buf can be mapped from anywhere,
 * by the same code of the driver.
 */
static int export_bo(const struct vram *v, const struct vram_bo *bo)
{
	struct drm_prime_handle prime = {
		.handle = bo->handle,
		.flags = DRM_CLOEXEC | DRM_RDWR,
	};

	if (ioctl(v->drm, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime))
		vram_fail("PRIME_HANDLE_TO_FD: %s\n", strerror(errno));
	return prime.fd;
}

/**
 * vram_map - map part of a buffer, @shift bytes off its natural alignment
 * @v: device
 * @bo: buffer
 * @from: offset in the buffer
 * @len: bytes
 * @shift: how far the address is from agreeing with the physical address of the
 *	first byte modulo 1 GiB
 * @prot: PROT_*
 */
void *vram_map(const struct vram *v, const struct vram_bo *bo, uint64_t from,
	       size_t len, uint64_t shift, int prot)
{
	int fd = from ? export_bo(v, bo) : v->drm;
	void *addr;

	addr = vram_map_fd(fd, from ? from : bo->offset, len,
			   vram_bo_pa(v, bo, from) + shift, prot);
	if (addr == MAP_FAILED)
		vram_fail("mmap of %#zx bytes: %s\n", len, strerror(errno));
	if (from)
		close(fd);
	return addr;
}

void vram_unmap(void *addr, size_t len)
{
	if (munmap(addr, len))
		vram_fail("munmap: %s\n", strerror(errno));
}

/**
 * vram_leaves - all leaves of a range
 * @v: device
 * @addr: start
 * @len: bytes
 * @nr: number of leaves, out
 *
 * Return: the leaves in order of address, to be freed by the caller.
 */
struct vram_test_leaf *vram_leaves(const struct vram *v, const void *addr,
				   size_t len, unsigned int *nr)
{
	uint64_t at = (uintptr_t)addr, end = at + len;
	struct vram_test_leaf *leaves = NULL;
	unsigned int room = 0;

	for (*nr = 0; at < end;) {
		struct vram_test_leaves query = { .addr = at, .len = end - at };

		if (room - *nr < 1024) {
			room = room ? 2 * room : 4096;
			leaves = realloc(leaves, room * sizeof(*leaves));
			if (!leaves)
				vram_fail("no memory for %u leaves\n", room);
		}
		query.leaves = (uintptr_t)(leaves + *nr);
		query.nr = room - *nr;
		if (ioctl(v->test, VRAM_TEST_LEAVES, &query))
			vram_fail("VRAM_TEST_LEAVES: %s\n", strerror(errno));
		if (query.nr > room - *nr || query.next <= at)
			vram_fail("VRAM_TEST_LEAVES does not move on\n");
		*nr += query.nr;
		at = query.next;
	}
	return leaves;
}

/* VRAM_TEST_GUP. Return: pages taken or -errno. */
int vram_gup(const struct vram *v, const void *addr, unsigned int nr,
	     enum vram_test_gup_how how, int write)
{
	struct vram_test_gup gup = {
		.addr = (uintptr_t)addr,
		.nr = nr,
		.how = how,
		.write = write,
	};

	if (ioctl(v->test, VRAM_TEST_GUP, &gup))
		vram_fail("VRAM_TEST_GUP: %s\n", strerror(errno));
	return gup.ret;
}

/* A value that no other page, and no other seed, has. */
uint64_t vram_stamp(uint64_t pa, uint64_t seed)
{
	uint64_t x = (pa / VRAM_PAGE) ^ (seed << 40);

	/* Odd factors: a bijection, so different inputs stay different. */
	x *= 0x9e3779b97f4a7c15ull;
	x ^= x >> 32;
	return x * 0xd6e8feb86659fd93ull;
}

static void *map_chunk(const struct vram *v, uint64_t chunk)
{
	uint32_t way = VRAM_TEST_WAY_STOCK;
	void *addr;

	if (ioctl(v->test, VRAM_TEST_MMAP_WAY, &way))
		vram_fail("VRAM_TEST_MMAP_WAY: %s\n", strerror(errno));
	addr = mmap(NULL, chunk_size(v, chunk), PROT_READ | PROT_WRITE,
		    MAP_SHARED, v->test, chunk * CHUNK);
	if (addr == MAP_FAILED)
		vram_fail("mmap of the aperture: %s\n", strerror(errno));
	way = VRAM_TEST_WAY_RANGE;
	if (ioctl(v->test, VRAM_TEST_MMAP_WAY, &way))
		vram_fail("VRAM_TEST_MMAP_WAY: %s\n", strerror(errno));
	return addr;
}

/**
 * vram_word - the first word of a page of the window, by another way
 * @v: device
 * @pa: physical address
 *
 * For tests that stamp very many pages. The kernel's io_remap_pfn_range() maps
 * the window here, a chunk at a time when it is first needed: plain PTEs, made
 * without vmf_range, and no faults.
 */
volatile uint64_t *vram_word(const struct vram *v, uint64_t pa)
{
	uint64_t at = pa - v->base_pfn * VRAM_PAGE;
	uint64_t chunk = at / CHUNK;

	if (!v->aperture[chunk])
		v->aperture[chunk] = map_chunk(v, chunk);
	return (void *)(v->aperture[chunk] + at % CHUNK);
}

/* Write to the window by a system call, through a mapping of the kernel's. */
void vram_poke(const struct vram *v, uint64_t pa, uint64_t value)
{
	off_t at = pa - v->base_pfn * VRAM_PAGE;

	if (pwrite(v->test, &value, sizeof(value), at) != sizeof(value))
		vram_fail("pwrite to the window at %#llx: %s\n",
			  (unsigned long long)at, strerror(errno));
}

/* Read from the window likewise. */
uint64_t vram_peek(const struct vram *v, uint64_t pa)
{
	off_t at = pa - v->base_pfn * VRAM_PAGE;
	uint64_t value;

	if (pread(v->test, &value, sizeof(value), at) != sizeof(value))
		vram_fail("pread from the window at %#llx: %s\n",
			  (unsigned long long)at, strerror(errno));
	return value;
}

static sigjmp_buf access_jmp;

static void on_access_signal(int sig)
{
	siglongjmp(access_jmp, sig);
}

/**
 * vram_signal_of - which signal an access to one byte gets
 * @addr: the byte
 * @write: write it, with the value that was read
 *
 * Return: SIGSEGV, SIGBUS or 0.
 */
int vram_signal_of(volatile void *addr, bool write)
{
	struct sigaction act = { .sa_handler = on_access_signal };
	struct sigaction old_segv, old_bus;
	volatile char *byte = addr;
	int sig;

	sigaction(SIGSEGV, &act, &old_segv);
	sigaction(SIGBUS, &act, &old_bus);
	sig = sigsetjmp(access_jmp, 1);
	if (!sig) {
		char value = *byte;

		if (write)
			*byte = value;
	}
	sigaction(SIGSEGV, &old_segv, NULL);
	sigaction(SIGBUS, &old_bus, NULL);
	return sig;
}

/* Page faults of this process so far. */
unsigned long vram_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

/* Return: whether there is the disk, built in or by its module. */
bool vram_ram_disk(void)
{
	return !access(VRAM_RAM_DISK, F_OK) ||
	       !system("modprobe brd rd_nr=1 rd_size=65536");
}

static long read_table_bytes(void)
{
	char text[4096], *line;
	ssize_t len;
	int fd;

	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		vram_fail("cannot read /proc/self/status\n");
	text[len] = '\0';
	line = strstr(text, "\nVmPTE:");
	if (!line)
		vram_fail("no VmPTE in /proc/self/status\n");
	return strtol(line + strlen("\nVmPTE:"), NULL, 10) * 1024;
}

/*
 * A page table for each 2 MiB of the files of this program and its libraries, and of the
 * zeroes that follow them (.bss): what is called for the first time from here on, or
 * after a fork, needs none.
 */
static void touch_files(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	unsigned long start, end, at, file_end = 0;
	char line[512], access[5];
	bool named;

	if (!file)
		vram_fail("/proc/self/maps: %s\n", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, access) != 3 ||
		    access[0] != 'r' || access[3] != 'p')
			continue;
		named = strstr(line, " /") && !strstr(line, " /dev/");
		if (!named && (!file_end || start != file_end))
			continue;
		file_end = named ? end : 0;
		for (at = start; at < end; at = (at | (VRAM_PMD - 1)) + 1)
			(void)*(volatile char *)at;
	}
	fclose(file);
}

/*
 * Have the C library keep a heap that is large enough, so that its page tables stay
 * what they are. Who counts page tables in many children calls this first, for all.
 */
void vram_keep_heap(void)
{
	const size_t size = 16 << 20;
	static bool kept;
	char *heap;

	if (kept)
		return;
	kept = true;
	mallopt(M_MMAP_THRESHOLD, 2 * size);
	mallopt(M_TRIM_THRESHOLD, 2 * size);
	/* Of all threads. */
	mallopt(M_ARENA_MAX, 1);
	heap = malloc(size);
	if (!heap)
		vram_fail("no memory for a heap\n");
	/* A compiler leaves out memset() of memory that is freed. */
	explicit_bzero(heap, size);
	free(heap);
}

/*
 * Bytes of page tables of this process. Asking touches stack and heap of the C library,
 * which may lie where no table is yet: the second answer is one that stays.
 */
long vram_table_bytes(void)
{
	vram_keep_heap();
	touch_files();
	read_table_bytes();
	return read_table_bytes();
}
