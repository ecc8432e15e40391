// SPDX-License-Identifier: MIT
/*
 * The device that drivers/samples are for, by way of sysfs and of its twin.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sample.h"
#include "vram.h"

#define SAMPLE_VENDOR	"0x1af4"
#define SAMPLE_DEVICE	"0x1110"	/* ivshmem */
#define SAMPLE_BAR	2

static const char * const drivers[] = {
	"vmf_sample_bar", "vmf_sample_extents", "vmf_sample_remap",
};

static void open_sysfs(FILE **file, const char *dir, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	*file = fopen(path, "r");
	if (!*file)
		vram_fail("%s: %s\n", path, strerror(errno));
}

static void read_word(const char *dir, const char *name, char *word)
{
	FILE *file;

	open_sysfs(&file, dir, name);
	if (fscanf(file, "%31s", word) != 1)
		vram_fail("%s/%s: is empty\n", dir, name);
	fclose(file);
}

/**
 * sample_sysfs_write - write to a file
 * @dir: a directory of sysfs
 * @file: a file there
 * @text: what to write
 *
 * Return: 0 or -errno.
 */
int sample_sysfs_write(const char *dir, const char *file, const char *text)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static void must_write(const char *dir, const char *file, const char *text)
{
	int ret = sample_sysfs_write(dir, file, text);

	if (ret)
		vram_fail("%s/%s: %s\n", dir, file, strerror(-ret));
}

/* The twin has no driver, is on, and its BAR can be mapped. */
static void open_mirror(struct sample *s, const char *dir)
{
	char path[128], word[32];

	must_write(dir, "driver_override", "none");
	read_word(dir, "enable", word);
	if (!strcmp(word, "0"))
		must_write(dir, "enable", "1");
	snprintf(path, sizeof(path), "%s/resource%d_wc", dir, SAMPLE_BAR);
	s->mirror = open(path, O_RDWR | O_CLOEXEC);
	if (s->mirror < 0)
		vram_fail("%s: %s\n", path, strerror(errno));
}

static void read_bar(struct sample *s, const char *dir)
{
	unsigned long long start, end;
	FILE *file;
	int i;

	open_sysfs(&file, dir, "resource");
	for (i = 0; i <= SAMPLE_BAR; i++) {
		if (fscanf(file, "%llx %llx %*x", &start, &end) != 2)
			vram_fail("%s/resource: no BAR %d\n", dir, i);
	}
	fclose(file);
	s->base_pfn = start / VRAM_PAGE;
	s->size = end - start + 1;
}

/* Of the two, the one behind a bridge can be reset. */
static void find_devices(struct sample *s)
{
	DIR *dir = opendir(SAMPLE_SYSFS);
	struct dirent *entry;

	s->mirror = -1;
	if (!dir)
		vram_fail("there is no " SAMPLE_SYSFS "\n");
	while ((entry = readdir(dir))) {
		char path[64], reset[80], vendor[32], device[32];
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), SAMPLE_SYSFS "/%.31s", entry->d_name);
		read_word(path, "vendor", vendor);
		read_word(path, "device", device);
		if (strcmp(vendor, SAMPLE_VENDOR) || strcmp(device, SAMPLE_DEVICE))
			continue;
		snprintf(reset, sizeof(reset), "%s/reset", path);
		if (stat(reset, &st)) {
			open_mirror(s, path);
		} else {
			snprintf(s->name, sizeof(s->name), "%.31s", entry->d_name);
			read_bar(s, path);
		}
	}
	closedir(dir);
	if (!s->size || s->mirror < 0)
		vram_fail("there are no two devices for the samples\n");
}

static void unload_all(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (syscall(SYS_delete_module, drivers[i], O_NONBLOCK) &&
		    errno != ENOENT)
			vram_fail("unload %s: %s\n", drivers[i], strerror(errno));
	}
}

/**
 * sample_load - find the device and give it a driver
 * @s: filled in; ended by sample_unload()
 * @driver: the name of the module
 */
void sample_load(struct sample *s, const char *driver)
{
	char command[64];

	*s = (struct sample){ .driver = driver };
	find_devices(s);
	unload_all();
	snprintf(command, sizeof(command), "modprobe %s", driver);
	if (system(command))
		vram_fail("'%s' failed\n", command);

	/* One has a node for each device, another knows one device only. */
	snprintf(s->node, sizeof(s->node), "/dev/%s-%s", driver, s->name);
	if (access(s->node, F_OK))
		snprintf(s->node, sizeof(s->node), "/dev/%s", driver);
}

void sample_unload(struct sample *s)
{
	close(s->mirror);
	unload_all();
}

int sample_open(const struct sample *s)
{
	int fd = open(s->node, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		vram_fail("%s: %s\n", s->node, strerror(errno));
	return fd;
}

static char *map(int fd, uint64_t offset, uint64_t len)
{
	char *addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  offset);

	if (addr == MAP_FAILED)
		vram_fail("mmap of %#llx bytes at %#llx of the device: %s\n",
			  (unsigned long long)len, (unsigned long long)offset,
			  strerror(errno));
	return addr;
}

/*
 * Map the device from its start, at an address that the driver chooses. A fault does not
 * reach across a multiple of 512 GiB: if there is one inside, once more, below it.
 */
char *sample_mmap(int fd, uint64_t len)
{
	char *first = map(fd, 0, len), *addr = first;

	if (((uintptr_t)first ^ ((uintptr_t)first + len - 1)) >> 39) {
		addr = map(fd, 0, len);
		vram_unmap(first, len);
	}
	return addr;
}

static volatile uint64_t *map_mirror(const struct sample *s, uint64_t page)
{
	return (void *)map(s->mirror, page * VRAM_PAGE, VRAM_PAGE);
}

/* Write the first word of a page of the BAR by way of the twin. */
void sample_poke(const struct sample *s, uint64_t page, uint64_t value)
{
	volatile uint64_t *word = map_mirror(s, page);

	*word = value;
	vram_unmap((void *)word, VRAM_PAGE);
}

/* Read it likewise. */
uint64_t sample_peek(const struct sample *s, uint64_t page)
{
	volatile uint64_t *word = map_mirror(s, page);
	uint64_t value = *word;

	vram_unmap((void *)word, VRAM_PAGE);
	return value;
}
