// SPDX-License-Identifier: MIT
/**
 * TEST: vmf sample bar
 * Description: Check the sample of a PCI device whose BAR user space maps
 * Category: Core
 * Functionality: mmap
 *
 * SUBTEST: whole
 * Description: the whole BAR is mapped by one fault, with 1 GiB leaves, and shows the
 *	device's memory
 *
 * SUBTEST: parts
 * Description: parts at any offset and address are mapped as well as they can be
 *
 * SUBTEST: refused
 * Description: what the driver cannot map, and a second user, are refused
 *
 * SUBTEST: reset
 * Description: while the device is reset again and again, who uses the memory waits,
 *	and never sees anything else
 *
 * SUBTEST: unbind
 * Description: when the driver loses the device, users get SIGBUS; when it is back, new
 *	ones are served and old ones are not
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "igt.h"
#include "model.h"
#include "sample.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check the sample of a PCI device whose BAR user space maps");

#define RW		(PROT_READ | PROT_WRITE)
#define MIB		(1ul << 20)
#define STAMPS		16
#define RESETS		4

static struct vram vram;
static struct sample sample;

static uint64_t stamp(uint64_t page)
{
	return vram_stamp(page * VRAM_PAGE, 0xba);
}

/* Pages all over the BAR, the first and the last one among them. */
static uint64_t stamped_page(unsigned int i)
{
	return i * (sample.size / VRAM_PAGE - 1) / (STAMPS - 1);
}

static void write_stamps(void)
{
	unsigned int i;

	for (i = 0; i < STAMPS; i++)
		sample_poke(&sample, stamped_page(i), stamp(stamped_page(i)));
}

static volatile uint64_t *word_of(char *addr, uint64_t page)
{
	return (void *)(addr + page * VRAM_PAGE);
}

static void check_leaves(void *addr, uint64_t offset, size_t len)
{
	struct model m;

	model_init_flat(&m, sample.base_pfn * VRAM_PAGE + offset, addr, len);
	model_check(&m, &vram, RW);
	model_fini(&m);
}

static void check_whole(void)
{
	int fd = sample_open(&sample);
	char *addr = sample_mmap(fd, sample.size);
	unsigned long faults;
	unsigned int i;

	write_stamps();
	igt_assert_eq_u64((uintptr_t)addr % VRAM_PUD, 0);
	faults = vram_faults();
	*word_of(addr, 1) = 7;
	igt_assert_eq(vram_faults() - faults, 1);
	check_leaves(addr, 0, sample.size);

	faults = vram_faults();
	for (i = 0; i < STAMPS; i++)
		igt_assert_eq_u64(*word_of(addr, stamped_page(i)),
				  stamp(stamped_page(i)));
	igt_assert_eq(vram_faults() - faults, 0);
	igt_assert_eq_u64(sample_peek(&sample, 1), 7);
	vram_unmap(addr, sample.size);
	close(fd);
}

static void check_parts(void)
{
	static const struct {
		uint64_t offset;
		size_t len;
		uint64_t phase;
	} parts[] = {
		{ 0, VRAM_PAGE, 0 },
		{ VRAM_PUD - VRAM_PAGE, 2 * VRAM_PAGE, VRAM_PUD - VRAM_PAGE },
		{ 3 * MIB, 7 * MIB + 5 * VRAM_PAGE, 3 * MIB },
		{ 5 * VRAM_PAGE, 4 * MIB, 6 * VRAM_PAGE },
		{ VRAM_PUD - MIB, VRAM_PUD + MIB, VRAM_PUD - MIB },
	};
	int fd = sample_open(&sample);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		char *addr = vram_map_fd(fd, parts[i].offset, parts[i].len,
					 parts[i].phase, RW);
		uint64_t at, first = parts[i].offset / VRAM_PAGE;
		uint64_t step = parts[i].len > 64 * MIB ? 9973 : 61;

		igt_assert(addr != MAP_FAILED);
		for (at = 0; at < parts[i].len / VRAM_PAGE; at += step) {
			sample_poke(&sample, first + at, stamp(first + at));
			igt_assert_eq_u64(*word_of(addr, at), stamp(first + at));
		}
		*word_of(addr, parts[i].len / VRAM_PAGE - 1) = 9;
		check_leaves(addr, parts[i].offset, parts[i].len);
		vram_unmap(addr, parts[i].len);
	}
	close(fd);
}

static void expect_refused(int fd, size_t len, int flags, uint64_t offset)
{
	igt_assert(mmap(NULL, len, RW, flags, fd, offset) == MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
}

static void check_refused(void)
{
	int fd = sample_open(&sample);

	expect_refused(fd, VRAM_PAGE, MAP_PRIVATE, 0);
	expect_refused(fd, sample.size + VRAM_PAGE, MAP_SHARED, 0);
	expect_refused(fd, VRAM_PAGE, MAP_SHARED, sample.size);
	expect_refused(fd, 2 * VRAM_PAGE, MAP_SHARED, sample.size - VRAM_PAGE);

	igt_assert_eq(open(sample.node, O_RDWR | O_CLOEXEC), -1);
	igt_assert_eq(errno, EBUSY);
	close(fd);
	close(sample_open(&sample));
}

/* What processes know of each other. */
struct shared {
	atomic_bool stop;
	atomic_ulong reads;
};

static struct shared *share(void)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), RW,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	igt_assert(shared != MAP_FAILED);
	return shared;
}

static void read_stamps(char *addr, struct shared *shared)
{
	unsigned int i;

	for (i = 0; !shared->stop; i = (i + 1) % STAMPS) {
		uint64_t page = stamped_page(i);

		igt_assert_eq_u64(*word_of(addr, page), stamp(page));
		shared->reads++;
	}
}

/* A reader that has failed does not go on. */
static void await_reads(struct shared *shared, unsigned long nr)
{
	unsigned long before = shared->reads;
	int i;

	for (i = 0; i < 10000 && shared->reads - before < nr; i++)
		usleep(1000);
	igt_assert_lte(nr, shared->reads - before);
}

/* QEMU takes the memory out of the machine while the device is in reset. */
static void check_reset(void)
{
	char device[64];
	int i, fd = sample_open(&sample);
	struct shared *shared = share();
	char *addr = sample_mmap(fd, sample.size);

	snprintf(device, sizeof(device), SAMPLE_SYSFS "/%s", sample.name);
	write_stamps();
	igt_fork(child, 2)
		read_stamps(addr, shared);

	for (i = 0; i < RESETS; i++) {
		unsigned long faults;

		igt_assert_eq_u64(*word_of(addr, 0), stamp(0));
		igt_assert_eq(sample_sysfs_write(device, "reset", "1"), 0);
		faults = vram_faults();
		igt_assert_eq_u64(*word_of(addr, 0), stamp(0));
		igt_assert_eq(vram_faults() - faults, 1);
		await_reads(shared, 1000);
	}
	shared->stop = true;
	igt_waitchildren();
	check_leaves(addr, 0, sample.size);
	vram_unmap(addr, sample.size);
	munmap(shared, sizeof(*shared));
	close(fd);
}

static void on_sigbus(int sig)
{
	_exit(sig == SIGBUS ? 0 : 1);
}

static void check_unbind(void)
{
	char driver[64];
	int fd = sample_open(&sample), again;
	struct shared *shared = share();
	char *addr = sample_mmap(fd, sample.size);
	struct vram_test_leaf *leaves;
	unsigned int nr;

	snprintf(driver, sizeof(driver), "/sys/bus/pci/drivers/%s",
		 sample.driver);
	write_stamps();
	igt_fork(child, 2) {
		signal(SIGBUS, on_sigbus);
		read_stamps(addr, shared);
		igt_assert_f(false, "no signal\n");
	}
	await_reads(shared, 1000);
	igt_assert_eq(vram_signal_of(addr, true), 0);
	igt_assert_eq(sample_sysfs_write(driver, "unbind", sample.name), 0);
	usleep(50 * 1000);
	shared->stop = true;
	igt_waitchildren();

	leaves = vram_leaves(&vram, addr, sample.size, &nr);
	free(leaves);
	igt_assert_eq(nr, 0);
	igt_assert_eq(vram_signal_of(addr, false), SIGBUS);
	igt_assert_eq(access(sample.node, F_OK), -1);

	igt_assert_eq(sample_sysfs_write(driver, "bind", sample.name), 0);
	again = sample_open(&sample);
	igt_assert_eq(vram_signal_of(addr, false), SIGBUS);
	vram_unmap(addr, sample.size);
	addr = sample_mmap(again, sample.size);
	igt_assert_eq_u64(*word_of(addr, stamped_page(3)),
			  stamp(stamped_page(3)));
	vram_unmap(addr, sample.size);
	munmap(shared, sizeof(*shared));
	close(again);
	close(fd);
}

static const struct {
	const char *name;
	const char *what;
	void (*run)(void);
} checks[] = {
	{ "whole", "Check that one fault maps the whole BAR", check_whole },
	{ "parts", "Check parts of the BAR at any address", check_parts },
	{ "refused", "Check what the driver refuses", check_refused },
	{ "reset", "Check that users wait while the device is reset", check_reset },
	{ "unbind", "Check that the device may go and come back", check_unbind },
};

igt_main()
{
	unsigned int i;

	igt_fixture() {
		vram_open(&vram, drm_open_driver(DRIVER_ANY));
		sample_load(&sample, "vmf_sample_bar");
	}

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		igt_describe(checks[i].what);
		igt_subtest(checks[i].name)
			checks[i].run();
	}

	igt_fixture() {
		sample_unload(&sample);
		vram_close(&vram);
		drm_close_driver(vram.drm);
	}
}
