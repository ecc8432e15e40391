// SPDX-License-Identifier: MIT
/*
 * vfio-pci itself: the memory of a PCI device behind an IOMMU, mapped as a program
 * maps it that drives the device from user space.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define BAR		VFIO_PCI_BAR2_REGION_INDEX

static struct {
	int container, group, device;
	struct vfio_region_info bar;
	struct vfio_region_info config;
} vfio;

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		vram_fail("cannot write to %s: %s\n", path, strerror(errno));
	close(fd);
}

static void bind(const char *address)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
		 address);
	write_file(path, "vfio-pci");
	write_file("/sys/bus/pci/drivers_probe", address);
}

static void open_group(const char *address)
{
	char path[PATH_MAX], group[PATH_MAX / 2] = "";

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group",
		 address);
	if (readlink(path, group, sizeof(group) - 1) < 0)
		vram_fail("%s: %s\n", path, strerror(errno));
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(group, '/') + 1);
	vfio.group = open(path, O_RDWR | O_CLOEXEC);
	vfio.container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (vfio.group < 0 || vfio.container < 0 ||
	    ioctl(vfio.group, VFIO_GROUP_SET_CONTAINER, &vfio.container) ||
	    ioctl(vfio.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		vram_fail("%s: %s\n", path, strerror(errno));
}

static void region(unsigned int index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info) {
		.argsz = sizeof(*info),
		.index = index,
	};
	if (ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, info))
		vram_fail("VFIO_DEVICE_GET_REGION_INFO: %s\n", strerror(errno));
}

/* Does the device answer to accesses of its memory? */
static void set_memory(bool on)
{
	off_t at = vfio.config.offset + PCI_COMMAND;
	uint16_t command;

	if (pread(vfio.device, &command, sizeof(command), at) != sizeof(command))
		vram_fail("cannot read PCI_COMMAND\n");
	command = on ? command | PCI_COMMAND_MEMORY :
		       command & ~PCI_COMMAND_MEMORY;
	if (pwrite(vfio.device, &command, sizeof(command), at) != sizeof(command))
		vram_fail("cannot write PCI_COMMAND\n");
}

/**
 * bench_vfio_open - get hold of a device's memory
 * @address: of the device, which no driver has; its BAR 2 is memory
 *
 * Return: the size.
 */
uint64_t bench_vfio_open(const char *address)
{
	bind(address);
	open_group(address);
	vfio.device = ioctl(vfio.group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (vfio.device < 0)
		vram_fail("VFIO_GROUP_GET_DEVICE_FD: %s\n", strerror(errno));
	region(BAR, &vfio.bar);
	region(VFIO_PCI_CONFIG_REGION_INDEX, &vfio.config);
	set_memory(true);
	return vfio.bar.size;
}

static void vfio_begin(const struct bench_way *way, struct bench_buffer *buffer)
{
	(void)way;
	(void)buffer;
}

static void *vfio_map(struct bench_buffer *buffer)
{
	return vram_map_fd(vfio.device, vfio.bar.offset, buffer->bytes,
			   vram_bo_pa(buffer->vram, &buffer->bo, 0) +
			   buffer->shape->off, PROT_READ | PROT_WRITE);
}

/* As a reset does it. */
static void vfio_zap(struct bench_buffer *buffer)
{
	(void)buffer;
	set_memory(false);
	set_memory(true);
}

static const struct bench_way_ops vfio_ops = {
	.begin = vfio_begin,
	.map = vfio_map,
	.zap = vfio_zap,
};

const struct bench_way bench_vfio = {
	.name = "vfio-pci",
	.ops = &vfio_ops,
};
