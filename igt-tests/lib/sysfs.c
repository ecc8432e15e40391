// SPDX-License-Identifier: MIT
/*
 * The virtio device behind virtio_vram, by way of sysfs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sysfs.h"

/**
 * vram_sysfs_bound - is a device bound to the driver
 * @name: its name, as "virtio3", out
 * @size: room there
 */
bool vram_sysfs_bound(char *name, size_t size)
{
	DIR *dir = opendir(VRAM_SYSFS_DRIVER);
	struct dirent *entry;
	bool found = false;

	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		found = !strncmp(entry->d_name, "virtio", strlen("virtio"));
		if (found)
			snprintf(name, size, "%s", entry->d_name);
	}
	closedir(dir);
	return found;
}

/* Did driver and device agree on a feature? */
bool vram_sysfs_feature(unsigned int bit)
{
	char name[64], path[192], bits[65] = "";
	ssize_t len;
	int fd;

	if (!vram_sysfs_bound(name, sizeof(name)))
		return false;
	snprintf(path, sizeof(path), VRAM_SYSFS_DRIVER "/%s/features", name);
	fd = open(path, O_RDONLY);
	len = read(fd, bits, sizeof(bits) - 1);
	close(fd);
	return bit < len && bits[bit] == '1';
}

/* Write a text to a file that exists. Return: 0 or -errno. */
int vram_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* Write to a file of the driver, such as "bind". Return: 0 or -errno. */
int vram_sysfs_write(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), VRAM_SYSFS_DRIVER "/%s", file);
	return vram_write_file(path, text);
}
