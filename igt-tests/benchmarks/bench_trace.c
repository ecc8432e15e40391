// SPDX-License-Identifier: MIT
/*
 * Tracing: the emulator stops where the program asks for it, and igt-tests/vm/profile
 * has it write down each instruction from there to the next stop.
 *
 * The switch is QEMU's pvpanic device: with "-action panic=pause", who says that the
 * guest has panicked stops it until its monitor lets it go on. Of its two kinds it is the
 * one on PCI, as a process that may use ports costs the kernel instructions.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define PANICKED	1

static volatile uint8_t *device;

/* Its register, from where sysfs has it; from here on, bench_trace_switch() traces. */
void bench_trace_begin(const char *resource)
{
	int fd = open(resource, O_RDWR | O_CLOEXEC);

	device = mmap(NULL, VRAM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (device == MAP_FAILED)
		vram_fail("%s: %s\n", resource, strerror(errno));
	close(fd);
}

void bench_trace_end(void)
{
	munmap((void *)device, VRAM_PAGE);
	device = NULL;
}

/* The trace begins, or ends. */
void bench_trace_switch(void)
{
	if (device)
		*device = PANICKED;
}
