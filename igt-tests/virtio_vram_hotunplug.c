// SPDX-License-Identifier: MIT
/**
 * TEST: virtio vram hotunplug
 * Description: Check that the device can go while it is used
 * Category: Core
 * Functionality: hotunplug
 *
 * SUBTEST: unbind-rebind
 * Description: a device that nobody uses goes and comes back
 *
 * SUBTEST: unbind-open
 * Description: open files outlive the device, and are of no use any more
 *
 * SUBTEST: unbind-mapped
 * Description: mappings outlive the device, and show nothing of it any more
 *
 * SUBTEST: unbind-faulting
 * Description: a device may go while processes fault in its mappings
 *
 * SUBTEST: unbind-faulting-huge
 * Description: the same, with memory mapped by a PUD leaf
 *
 * SUBTEST: pci-unbind
 * Description: the virtio device itself goes while processes fault, as its PCI device
 *	loses its driver, and comes back
 *
 * SUBTEST: suspend
 * Description: the machine sleeps with buffers of every size of block mapped: they
 *	wait in system memory, with their content, and may go back into the window
 *
 * SUBTEST: suspend-faulting
 * Description: the same with threads in the middle of faults
 *
 * SUBTEST: suspend-unbind
 * Description: a device that has slept goes and comes back
 *
 * SUBTEST: unload-used
 * Description: the module cannot be unloaded while a file or a mapping uses it
 *
 * SUBTEST: unload-reload
 * Description: the modules are unloaded and loaded again
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <drm/drm.h>

#include "igt.h"
#include "sysfs.h"
#include "vram.h"

IGT_TEST_DESCRIPTION("Check that the device can go while it is used");

#define MIB	(1ull << 20)
#define RW	(PROT_READ | PROT_WRITE)

static char device[64];

static bool bound(void)
{
	char name[64];

	return vram_sysfs_bound(name, sizeof(name));
}

static void unbind(void)
{
	igt_assert_eq(vram_sysfs_write("unbind", device), 0);
	igt_assert(!bound());
}

static void rebind(void)
{
	igt_assert_eq(vram_sysfs_write("bind", device), 0);
	igt_assert(bound());
}

/* A new buffer is empty and in the window. */
static void check_works_beside(const struct vram *vram)
{
	struct vram_bo bo;
	uint64_t *addr;

	vram_bo_create(vram, &bo, 4 * MIB, 2 * MIB, 0);
	addr = vram_map(vram, &bo, 0, bo.size, 0, RW);
	igt_assert_eq_u64(addr[0], 0);
	addr[0] = 77;
	igt_assert_eq_u64(vram_peek(vram, vram_bo_pa(vram, &bo, 0)), 77);
	vram_unmap(addr, bo.size);
	vram_bo_destroy(vram, &bo);
}

/* The device is there and works, whatever the subtest before left. */
static void check_works(void)
{
	struct vram vram;

	if (!bound())
		rebind();
	vram_open(&vram, drm_open_driver(DRIVER_ANY));
	check_works_beside(&vram);
	igt_assert_eq_u64(vram_avail_settles(&vram, vram.size), vram.size);
	vram_close(&vram);
	drm_close_driver(vram.drm);
}

static void check_unbind_rebind(void)
{
	struct stat st;
	int i;

	for (i = 0; i < 3; i++) {
		unbind();
		igt_assert_eq(stat(VRAM_TEST_NODE, &st), -1);
		igt_assert_eq(vram_open_drm(), -1);
		rebind();
		check_works();
	}
}

static void check_unbind_open(void)
{
	struct drm_virtio_vram_gem_create create = {
		.size = MIB,
		.placement = DRM_VIRTIO_VRAM_PLACE_VRAM,
	};
	struct drm_virtio_vram_info info;
	struct vram_bo bo;
	struct vram vram;
	uint64_t byte;
	void *addr;

	vram_open(&vram, drm_open_driver(DRIVER_ANY));
	vram_bo_create(&vram, &bo, MIB, 4096, 0);
	unbind();

	do_ioctl_err(vram.drm, DRM_IOCTL_VIRTIO_VRAM_INFO, &info, ENODEV);
	igt_assert_eq(vram_gem_create(vram.drm, &create), -ENODEV);
	igt_assert_eq(pread(vram.test, &byte, sizeof(byte), 0), -1);
	igt_assert_eq(errno, ENODEV);
	addr = mmap(NULL, MIB, RW, MAP_SHARED, vram.drm, bo.offset);
	igt_assert(addr == MAP_FAILED);
	igt_assert_eq(errno, ENODEV);

	/* It may come back while the old files are open. */
	rebind();
	check_works();
	do_ioctl_err(vram.drm, DRM_IOCTL_VIRTIO_VRAM_INFO, &info, ENODEV);
	free(bo.blocks);
	vram_close(&vram);
	close(vram.drm);
}

/* Of a mapping whose device is gone, nothing that was in the window shows. */
static void expect_gone(const char *addr, size_t len)
{
	size_t at;

	for (at = 0; at < len; at += VRAM_PAGE) {
		igt_assert_eq(vram_signal_of((void *)(addr + at), true), 0);
		igt_assert_eq(addr[at], 0);
	}
}

static void expect_not_in_window(const struct vram *vram, void *addr,
				 size_t len)
{
	uint64_t end = vram->base_pfn + vram->size / VRAM_PAGE;
	struct vram_test_leaf *leaves;
	unsigned int nr, i;

	leaves = vram_leaves(vram, addr, len, &nr);
	for (i = 0; i < nr; i++)
		igt_assert_f(leaves[i].pfn < vram->base_pfn ||
			     leaves[i].pfn >= end,
			     "%#llx still maps the window\n",
			     (unsigned long long)leaves[i].addr);
	free(leaves);
}

static void check_unbind_mapped(void)
{
	struct vram_bo bo[2];
	char *addr[2], *node;
	struct vram vram;
	int i;

	vram_open(&vram, drm_open_driver(DRIVER_ANY));
	vram_bo_create(&vram, &bo[0], 8 * MIB, 4 * MIB, 0);
	vram_bo_create(&vram, &bo[1], MIB, 4096, 0);
	for (i = 0; i < 2; i++) {
		addr[i] = vram_map(&vram, &bo[i], 0, bo[i].size, 0, RW);
		memset(addr[i], 0x3c, bo[i].size);
	}
	node = vram_map_fd(vram.test, 0, 4 * MIB, 0, RW);
	igt_assert(node != MAP_FAILED);
	memset(node, 0x3d, 4 * MIB);

	unbind();
	for (i = 0; i < 2; i++) {
		expect_not_in_window(&vram, addr[i], bo[i].size);
		expect_gone(addr[i], bo[i].size);
	}
	expect_not_in_window(&vram, node, 4 * MIB);
	igt_assert_eq(vram_signal_of(node, false), SIGBUS);

	rebind();
	check_works();
	for (i = 0; i < 2; i++) {
		expect_gone(addr[i], bo[i].size);
		vram_unmap(addr[i], bo[i].size);
		free(bo[i].blocks);
	}
	igt_assert_eq(vram_signal_of(node, false), SIGBUS);
	vram_unmap(node, 4 * MIB);
	vram_close(&vram);
	close(vram.drm);
}

struct toucher {
	char *addr;
	size_t len;
	atomic_bool stop;
	atomic_ulong touches;
};

/* Old content or none; any other is somebody else's. */
static void *touch_random(void *data)
{
	struct toucher *t = data;
	unsigned int seed = (uintptr_t)&seed;

	while (!t->stop) {
		char c = t->addr[rand_r(&seed) % t->len];

		if (c && c != 0x11)
			return "wrong content";
		t->touches++;
	}
	return NULL;
}

static void check_unbind_faulting(uint64_t size, uint64_t block_size,
				  uint64_t shift, void (*leave)(void))
{
	/* Still there for the threads when an assertion has failed. */
	static struct toucher toucher;
	pthread_t threads[2];
	struct vram_bo bo;
	struct vram vram;
	void *verdict;
	unsigned int i;

	vram_open(&vram, drm_open_driver(DRIVER_ANY));
	igt_require_f(vram_avail(&vram) >= size, "the window is too small\n");
	vram_bo_create(&vram, &bo, size, block_size, 0);
	toucher.len = bo.size;
	toucher.addr = vram_map(&vram, &bo, 0, bo.size, shift, RW);
	toucher.stop = false;
	toucher.touches = 0;
	for (i = 0; i < bo.size / VRAM_PMD; i++)
		memset(toucher.addr + i * VRAM_PMD, 0x11, VRAM_PAGE);

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		igt_assert_eq(pthread_create(&threads[i], NULL, touch_random,
					     &toucher), 0);
	for (i = 0; i < 50; i++) {
		vram_bo_act(&vram, &bo, VRAM_TEST_ZAP, 0);
		usleep(5000);
	}
	leave();
	usleep(100 * 1000);
	toucher.stop = true;
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		igt_assert_eq(pthread_join(threads[i], &verdict), 0);
		igt_assert_f(!verdict, "%s\n", (char *)verdict);
	}
	igt_info("%lu touches\n", toucher.touches);
	igt_assert(toucher.touches);
	expect_not_in_window(&vram, toucher.addr, bo.size);
	for (i = 0; i < bo.size / VRAM_PMD; i++)
		expect_gone(toucher.addr + i * VRAM_PMD, VRAM_PAGE);
	vram_unmap(toucher.addr, bo.size);
	free(bo.blocks);
	vram_close(&vram);
	close(vram.drm);
}

static void check_unbind_faulting_small(void)
{
	check_unbind_faulting(64 * MIB, 4 * MIB, VRAM_PAGE, unbind);
}

static void check_unbind_faulting_huge(void)
{
	check_unbind_faulting(VRAM_PUD, VRAM_PUD, 0, unbind);
}

static char pci_device[64];

/*
 * The virtio device goes, and not just its driver. (After a removal of the PCI device
 * the kernel would not find room for its window again: on this machine the firmware
 * has put it where it reserves memory.)
 */
static void pci_unbind(void)
{
	char path[128], *parent;

	igt_assert(vram_sysfs_bound(device, sizeof(device)));
	snprintf(path, sizeof(path), "/sys/bus/virtio/devices/%s/..", device);
	parent = realpath(path, NULL);
	igt_assert(parent);
	snprintf(pci_device, sizeof(pci_device), "%s", strrchr(parent, '/') + 1);
	free(parent);
	igt_assert_eq(vram_write_file("/sys/bus/pci/drivers/virtio-pci/unbind",
				      pci_device), 0);
	igt_assert(!bound());
}

static void pci_bind(void)
{
	igt_assert_eq(vram_write_file("/sys/bus/pci/drivers/virtio-pci/bind",
				      pci_device), 0);
	/* It may have another name now. */
	igt_assert(vram_sysfs_bound(device, sizeof(device)));
}

static void check_pci_unbind(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		check_unbind_faulting(32 * MIB, VRAM_PMD, i * VRAM_PAGE,
				      pci_unbind);
		pci_bind();
		check_works();
	}
}

/*
 * To the point where all devices sleep, and back: what the kernel's own test of that
 * does. An emulated machine might not wake up from more.
 */
static void sleep_and_wake(void)
{
	int ret;

	igt_assert_eq(vram_write_file("/sys/module/suspend/parameters/pm_test_delay",
				      "0"), 0);
	igt_assert_eq(vram_write_file("/sys/power/pm_test", "devices"), 0);
	ret = vram_write_file("/sys/power/state", "freeze");
	igt_assert_eq(vram_write_file("/sys/power/pm_test", "none"), 0);
	igt_assert_eq(ret, 0);
}

struct sleeper {
	struct vram_bo bo;
	char *map;
};

static void sleeper_init(const struct vram *vram, struct sleeper *s,
			 uint64_t size, uint64_t block_size)
{
	uint64_t at;

	vram_bo_create(vram, &s->bo, size, block_size, 0);
	s->map = vram_map(vram, &s->bo, 0, size, 0, RW);
	for (at = 0; at < size; at += VRAM_PAGE)
		*(volatile uint64_t *)(s->map + at) = vram_stamp(at, s->bo.handle);
}

static void sleeper_check(const struct sleeper *s)
{
	uint64_t at;

	for (at = 0; at < s->bo.size; at += VRAM_PAGE)
		igt_assert_eq_u64(*(volatile uint64_t *)(s->map + at),
				  vram_stamp(at, s->bo.handle));
}

static void sleeper_fini(const struct vram *vram, struct sleeper *s)
{
	vram_unmap(s->map, s->bo.size);
	vram_bo_destroy(vram, &s->bo);
}

static void check_suspend(void)
{
	static const uint64_t blocks[] = { 4096, 64 << 10, VRAM_PMD, 16 * MIB };
	struct sleeper s[ARRAY_SIZE(blocks)];
	unsigned int i, round;
	struct vram vram;

	vram_open(&vram, drm_open_driver(DRIVER_ANY));
	for (i = 0; i < ARRAY_SIZE(s); i++)
		sleeper_init(&vram, &s[i], 16 * MIB, blocks[i]);
	for (round = 0; round < 3; round++) {
		sleep_and_wake();
		igt_assert_eq_u64(vram_avail(&vram), vram.size);
		for (i = 0; i < ARRAY_SIZE(s); i++) {
			sleeper_check(&s[i]);
			expect_not_in_window(&vram, s[i].map, s[i].bo.size);
			/* One of them stays outside. */
			if (i)
				vram_bo_act(&vram, &s[i].bo, VRAM_TEST_MOVE,
					    VRAM_TEST_MOVE_IN);
			sleeper_check(&s[i]);
		}
		check_works_beside(&vram);
	}
	for (i = 0; i < ARRAY_SIZE(s); i++)
		sleeper_fini(&vram, &s[i]);
	vram_close(&vram);
	drm_close_driver(vram.drm);
}

static void check_suspend_faulting(void)
{
	/* Still there for the threads when an assertion has failed. */
	static struct toucher toucher;
	pthread_t threads[2];
	struct vram_bo bo;
	struct vram vram;
	void *verdict;
	unsigned int i;

	vram_open(&vram, drm_open_driver(DRIVER_ANY));
	vram_bo_create(&vram, &bo, 32 * MIB, VRAM_PMD, 0);
	toucher.len = bo.size;
	toucher.addr = vram_map(&vram, &bo, 0, bo.size, 0, RW);
	memset(toucher.addr, 0x11, bo.size);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		igt_assert_eq(pthread_create(&threads[i], NULL, touch_random,
					     &toucher), 0);
	for (i = 0; i < 5; i++) {
		vram_bo_act(&vram, &bo, VRAM_TEST_MOVE, VRAM_TEST_MOVE_IN);
		usleep(10 * 1000);
		sleep_and_wake();
		usleep(10 * 1000);
	}
	toucher.stop = true;
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		igt_assert_eq(pthread_join(threads[i], &verdict), 0);
		igt_assert_f(!verdict, "%s\n", (char *)verdict);
	}
	igt_assert(toucher.touches);
	for (i = 0; i < bo.size; i += VRAM_PAGE)
		igt_assert_eq(toucher.addr[i], 0x11);
	vram_unmap(toucher.addr, bo.size);
	vram_bo_destroy(&vram, &bo);
	vram_close(&vram);
	drm_close_driver(vram.drm);
}

static void check_suspend_unbind(void)
{
	sleep_and_wake();
	check_unbind_mapped();
	sleep_and_wake();
}

static int unload(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK) ? -errno : 0;
}

static void check_unload_used(void)
{
	struct vram_bo bo;
	struct vram vram;
	char *addr;

	vram_open(&vram, drm_open_driver(DRIVER_ANY));
	vram_bo_create(&vram, &bo, 4 * MIB, 2 * MIB, 0);
	addr = vram_map(&vram, &bo, 0, bo.size, 0, RW);
	addr[0] = 5;
	igt_assert_eq(unload("virtio_vram"), -EWOULDBLOCK);
	igt_assert_eq(unload("vmf_range"), -EWOULDBLOCK);

	/* The mapping alone is enough to keep the code. */
	vram_bo_destroy(&vram, &bo);
	vram_close(&vram);
	drm_close_driver(vram.drm);
	igt_assert_eq(unload("virtio_vram"), -EWOULDBLOCK);
	igt_assert_eq(addr[0], 5);
	vram_unmap(addr, bo.size);
}

static void check_unload_reload(void)
{
	int i, ret;

	for (i = 0; i < 2; i++) {
		igt_assert_eq(unload("virtio_vram"), 0);
		ret = unload("ttm_range");
		igt_assert(!ret || ret == -ENOENT);
		igt_assert_eq(unload("vmf_range"), 0);
		igt_assert_eq(system("modprobe virtio_vram test_node=1"), 0);
		check_works();
	}
}

static const struct {
	const char *name;
	const char *what;
	void (*run)(void);
} checks[] = {
	{ "unbind-rebind", "Check that an unused device goes and comes back",
	  check_unbind_rebind },
	{ "unbind-open", "Check that open files outlive the device",
	  check_unbind_open },
	{ "unbind-mapped", "Check that mappings outlive the device",
	  check_unbind_mapped },
	{ "unbind-faulting", "Check that the device may go during faults",
	  check_unbind_faulting_small },
	{ "unbind-faulting-huge",
	  "Check that the device may go during faults in PUD leaves",
	  check_unbind_faulting_huge },
	{ "pci-unbind", "Check that the virtio device may go during faults",
	  check_pci_unbind },
	{ "suspend", "Check that buffers survive the sleep of the machine",
	  check_suspend },
	{ "suspend-faulting", "Check that the machine may sleep during faults",
	  check_suspend_faulting },
	{ "suspend-unbind", "Check that the device may go before and after a sleep",
	  check_suspend_unbind },
	{ "unload-used", "Check that a module in use cannot be unloaded",
	  check_unload_used },
	{ "unload-reload", "Check that the modules can be loaded again",
	  check_unload_reload },
};

igt_main()
{
	unsigned int i;

	igt_fixture() {
		igt_require_f(vram_sysfs_bound(device, sizeof(device)),
			      "no device is bound to virtio_vram\n");
	}

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		igt_describe(checks[i].what);
		igt_subtest(checks[i].name) {
			check_works();
			checks[i].run();
			check_works();
		}
	}

	/* A failed subtest may have left the device unbound. */
	igt_fixture() {
		if (*pci_device)
			vram_write_file("/sys/bus/pci/drivers/virtio-pci/bind",
					pci_device);
		if (!bound())
			vram_sysfs_write("bind", device);
	}
}
