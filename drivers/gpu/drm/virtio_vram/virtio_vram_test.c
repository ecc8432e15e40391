// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test node, see virtio_vram_test.h: an independent witness of what is
 * mapped where, and a hand that does what no user space may. This is the file
 * itself; the files beside say what its requests do.
 */
#include <linux/capability.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmf_range.h>

#include <drm/drm_drv.h>

#include "virtio_vram.h"
#include "virtio_vram_test.h"

static bool test_node;
module_param(test_node, bool, 0444);
MODULE_PARM_DESC(test_node,
		 "Make " VRAM_TEST_NODE ", for tests only (default: off)");

/* Added to the page offsets of stock mappings: far behind window and shapes. */
#define VRAM_TEST_STOCK_PGOFF	PHYS_PFN(BIT_ULL(60))

/* The node has one name: the first device gets it. */
static atomic_t vram_test_taken;

/* An open file; keeps the device's memory, not the device. */
struct vram_test_file {
	struct virtio_vram *vram;
	struct file *file;
	struct list_head link;
	u32 way;
	struct mutex lock;		/* shape, hold; nests inside mmap_lock */
	struct vram_shape *shape;	/* mapped in place of the window, or NULL */
	struct mutex watch_lock;	/* watch; mmap_lock nests inside */
	struct vram_watch *watch;	/* mmu notifier, or NULL */
	struct list_head hold;		/* of the window, kept from buffers; lock */
};

/*
 * pread() and pwrite(): through a page of our own, as a user copy can fault,
 * and a fault must not wait inside drm_dev_enter().
 */
static ssize_t vram_test_rw(struct file *file, char __user *in,
			    const char __user *out, size_t count, loff_t *pos)
{
	struct vram_test_file *tf = file->private_data;
	struct virtio_vram *vram = tf->vram;
	size_t done = 0, n, left = 0;
	void *page;
	int idx;

	if (*pos < 0)
		return -EINVAL;
	if (*pos >= vram->size)
		return in ? 0 : -ENOSPC;
	count = min_t(u64, count, vram->size - *pos);

	page = (void *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;

	for (; done < count && !left; done += n - left, *pos += n - left) {
		n = min_t(size_t, count - done, PAGE_SIZE);
		if (out && copy_from_user(page, out + done, n))
			break;
		if (!drm_dev_enter(vram->drm, &idx)) {
			free_page((unsigned long)page);
			return -ENODEV;
		}
		if (out)
			memcpy_toio(vram->win + *pos, page, n);
		else
			memcpy_fromio(page, vram->win + *pos, n);
		drm_dev_exit(idx);
		if (in)
			left = copy_to_user(in + done, page, n);
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}

	free_page((unsigned long)page);
	return done ?: count ? -EFAULT : 0;
}

static ssize_t vram_test_read(struct file *file, char __user *buf, size_t count,
			      loff_t *pos)
{
	return vram_test_rw(file, buf, NULL, count, pos);
}

static ssize_t vram_test_write(struct file *file, const char __user *buf,
			       size_t count, loff_t *pos)
{
	return vram_test_rw(file, NULL, buf, count, pos);
}

/**
 * virtio_vram_test_prot - protection bits with a cache type
 * @caching: the type
 * @prot: the bits without
 *
 * Return: the bits with it.
 */
pgprot_t virtio_vram_test_prot(enum ttm_caching caching, pgprot_t prot)
{
	switch (caching) {
	case ttm_cached:
		return prot;
	case ttm_write_combined:
		return pgprot_writecombine(prot);
	default:
		return pgprot_noncached(prot);
	}
}

static vm_fault_t vram_test_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct vram_test_file *tf = vma->vm_file->private_data;
	struct virtio_vram *vram = tf->vram;
	vm_fault_t ret;
	int idx;

	if (!drm_dev_enter(vram->drm, &idx))
		return VM_FAULT_SIGBUS;

	ret = vmf_insert_range(vmf, vma->vm_start,
			       PHYS_PFN(vram->base) + vma->vm_pgoff,
			       vma_pages(vma),
			       virtio_vram_test_prot(vram->caching, vma->vm_page_prot));
	drm_dev_exit(idx);
	return ret;
}

static const struct vmf_range_ops vram_test_range_ops = {
	.vm_ops = VMF_RANGE_VM_OPS,
	.fault = vram_test_fault,
	.flags = VMF_RANGE_PUD,
};

static struct vram_shape *vram_test_shape_get(struct vram_test_file *tf)
{
	struct vram_shape *shape;

	mutex_lock(&tf->lock);
	shape = tf->shape;
	if (shape)
		vram_shape_get(shape);
	mutex_unlock(&tf->lock);
	return shape;
}

static int vram_test_set_shape(struct vram_test_file *tf,
			       const struct vram_test_shape *args)
{
	struct vram_shape *shape = NULL;

	if (args->nr) {
		shape = vram_shape_make(tf->vram, args);
		if (IS_ERR(shape))
			return PTR_ERR(shape);
	}
	mutex_lock(&tf->lock);
	swap(shape, tf->shape);
	mutex_unlock(&tf->lock);
	if (shape)
		vram_shape_put(shape);
	return 0;
}

static unsigned long vram_test_area(struct file *file, unsigned long addr,
				    unsigned long len, unsigned long pgoff,
				    unsigned long flags)
{
	struct vram_test_file *tf = file->private_data;
	struct vmf_range_block window = {
		.pfn = PHYS_PFN(tf->vram->base),
		.nr_pages = PHYS_PFN(tf->vram->size),
	};
	struct vram_shape *shape = vram_test_shape_get(tf);
	unsigned long ret;

	if (!shape)
		return vmf_range_get_unmapped_area(file, addr, len, pgoff, flags,
						   &window);
	ret = vram_shape_area(shape, file, addr, len, pgoff, flags);
	vram_shape_put(shape);
	return ret;
}

static int vram_test_mmap_window(struct file *file, struct vm_area_struct *vma)
{
	struct vram_test_file *tf = file->private_data;
	struct virtio_vram *vram = tf->vram;
	unsigned long nr = vram->size >> PAGE_SHIFT, pfn;
	int ret, idx;

	if (is_cow_mapping(vma->vm_flags) || vma->vm_pgoff >= nr ||
	    vma_pages(vma) > nr - vma->vm_pgoff)
		return -EINVAL;

	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	if (READ_ONCE(tf->way) == VRAM_TEST_WAY_RANGE) {
		vma->vm_ops = &vram_test_range_ops.vm_ops;
		return 0;
	}

	if (!drm_dev_enter(vram->drm, &idx))
		return -ENODEV;
	pfn = PHYS_PFN(vram->base) + vma->vm_pgoff;
	/* What does not fault again is kept out of the way of zaps by page offset. */
	vma->vm_pgoff += VRAM_TEST_STOCK_PGOFF;
	ret = io_remap_pfn_range(vma, vma->vm_start, pfn,
				 vma->vm_end - vma->vm_start,
				 virtio_vram_test_prot(vram->caching, vma->vm_page_prot));
	drm_dev_exit(idx);
	return ret;
}

static int vram_test_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vram_shape *shape = vram_test_shape_get(file->private_data);
	int ret;

	if (!shape)
		return vram_test_mmap_window(file, vma);
	ret = vram_shape_mmap(shape, vma);
	vram_shape_put(shape);
	return ret;
}

static int vram_test_refs(struct vram_test_file *tf, struct vram_test_refs *args)
{
	struct vram_shape *shape;

	if (args->handle)
		return vram_test_bo_refs(tf->vram, args);
	shape = vram_test_shape_get(tf);
	if (!shape)
		return -EINVAL;
	args->refs = vram_shape_refs(shape);
	vram_shape_put(shape);
	return 0;
}

static int vram_test_calls(struct vram_test_file *tf,
			   struct vram_test_calls *args)
{
	struct vram_shape *shape = vram_test_shape_get(tf);

	if (!shape)
		return -EINVAL;
	vram_shape_calls(shape, args);
	vram_shape_put(shape);
	return 0;
}

static int vram_test_ctrl(struct virtio_vram *vram, struct vram_test_ctrl *args)
{
	u8 *req, *resp;
	int ret, idx;

	/* A chain of nothing cannot be sent. */
	if (args->req_len > VIRTIO_VRAM_CTRL_MAX ||
	    args->resp_len > VIRTIO_VRAM_CTRL_MAX ||
	    !(args->req_len + args->resp_len))
		return -EINVAL;

	req = kzalloc(2 * VIRTIO_VRAM_CTRL_MAX, GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	resp = req + VIRTIO_VRAM_CTRL_MAX;

	ret = -EFAULT;
	if (copy_from_user(req, u64_to_user_ptr(args->req), args->req_len))
		goto free;

	ret = -ENODEV;
	if (!drm_dev_enter(vram->drm, &idx))
		goto free;
	ret = virtio_vram_ctrl_send(vram, req, args->req_len, resp, args->resp_len);
	drm_dev_exit(idx);
	if (ret < 0)
		goto free;

	args->resp_len = ret;
	ret = copy_to_user(u64_to_user_ptr(args->resp), resp, ret) ? -EFAULT : 0;
free:
	kfree(req);
	return ret;
}

static int vram_test_mmap_way(struct vram_test_file *tf, u32 way)
{
	if (way > VRAM_TEST_WAY_STOCK)
		return -EINVAL;
	WRITE_ONCE(tf->way, way);
	return 0;
}

static int vram_test_shrink(struct vram_test_file *tf,
			    const struct vram_test_shrink *args)
{
	int ret = 0;

	mutex_lock(&tf->lock);
	virtio_vram_mgr_give_back(tf->vram, &tf->hold);
	if (args->size)
		ret = virtio_vram_mgr_hold(tf->vram, args->size, &tf->hold);
	mutex_unlock(&tf->lock);
	return ret;
}

static int vram_test_zap_pages(struct vram_test_file *tf,
			       const struct vram_test_zap_pages *args)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int ret = -ENOENT;

	if (!args->addr) {
		struct vram_shape *shape = vram_test_shape_get(tf);

		if (!shape) {
			vmf_range_zap(tf->file->f_mapping, args->page,
				      args->nr_pages);
			return 0;
		}
		vram_shape_zap(shape, tf->file->f_mapping, args->page,
			       args->nr_pages);
		vram_shape_put(shape);
		return 0;
	}
	mmap_read_lock(mm);
	vma = vma_lookup(mm, args->addr);
	if (vma && vma->vm_file == tf->file)
		ret = vmf_range_zap_vma(vma, args->addr,
					args->nr_pages << PAGE_SHIFT);
	mmap_read_unlock(mm);
	return ret;
}

static int vram_test_harvest(struct vram_test_file *tf,
			     struct vram_test_harvest *args)
{
	struct vram_shape *shape = vram_test_shape_get(tf);
	int ret;

	if (!shape)
		return -EINVAL;
	ret = vram_shape_harvest(shape, tf->file->f_mapping, args);
	vram_shape_put(shape);
	return ret;
}

static int vram_test_stats(struct vram_test_stats *args)
{
	struct vmf_range_leaves leaves = {};
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma = NULL;
	struct vmf_range_stats stats;
	int i;

	static_assert((int)VMF_NR_STATS <= VRAM_TEST_NR_COUNTERS);
	static_assert((int)VMF_STAT_FAULTS == VRAM_TEST_COUNT_FAULTS);
	static_assert((int)VMF_STAT_KEPT == VRAM_TEST_COUNT_KEPT);
	static_assert((int)VMF_STAT_REFUSED == VRAM_TEST_COUNT_REFUSED);
	static_assert((int)VMF_STAT_PROMOTED == VRAM_TEST_COUNT_PROMOTED);
	static_assert((int)VMF_STAT_NOTIFIERS == VRAM_TEST_COUNT_NOTIFIERS);
	mmap_read_lock(mm);
	if (args->addr) {
		vma = vma_lookup(mm, args->addr);
		if (!vma) {
			mmap_read_unlock(mm);
			return -ENOENT;
		}
		vmf_range_count_leaves(vma, args->addr, args->addr + args->len,
				       &leaves);
	}
	vmf_range_get_stats(vma, &stats);
	mmap_read_unlock(mm);

	args->pud = leaves.pud;
	args->pmd = leaves.pmd;
	args->pte = leaves.pte;
	for (i = 0; i < VRAM_TEST_NR_COUNTERS; i++)
		args->count[i] = i < VMF_NR_STATS ? stats.count[i] : 0;
	return 0;
}

union vram_test_args {
	struct vram_test_info info;
	struct vram_test_leaves leaves;
	struct vram_test_blocks blocks;
	struct vram_test_bo bo;
	struct vram_test_gup gup;
	struct vram_test_ctrl ctrl;
	struct vram_test_shape shape;
	struct vram_test_zap_pages zap;
	struct vram_test_harvest harvest;
	struct vram_test_stats stats;
	struct vram_test_refs refs;
	struct vram_test_calls calls;
	struct vram_test_watch watch;
	struct vram_test_events events;
	struct vram_test_atomic atomic;
	struct vram_test_shrink shrink;
	struct vram_test_swap swap;
	struct vram_test_potential potential;
	__u32 way;
};

static int vram_test_watch(struct vram_test_file *tf, unsigned int cmd,
			   union vram_test_args *args)
{
	int ret;

	mutex_lock(&tf->watch_lock);
	switch (cmd) {
	case VRAM_TEST_WATCH:
		ret = vram_watch_set(&tf->watch, &args->watch);
		break;
	case VRAM_TEST_EVENTS:
		ret = vram_watch_events(tf->watch, &args->events);
		break;
	default:
		ret = vram_watch_atomic(tf->watch, &args->atomic);
	}
	mutex_unlock(&tf->watch_lock);
	return ret;
}

static int vram_test_do(struct vram_test_file *tf, unsigned int cmd,
			union vram_test_args *args)
{
	struct virtio_vram *vram = tf->vram;

	switch (cmd) {
	case VRAM_TEST_INFO:
		args->info.base_pfn = PHYS_PFN(vram->base);
		args->info.size = vram->size;
		if (VIRTIO_VRAM_PTLOCKS_ALLOCATED)
			args->info.flags |= VRAM_TEST_INFO_NO_TABLES;
		if (!IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP))
			args->info.flags |= VRAM_TEST_INFO_NO_HUGE;
		return 0;
	case VRAM_TEST_LEAVES:
		return vram_test_leaves(&args->leaves);
	case VRAM_TEST_BLOCKS:
		return vram_test_blocks(vram, &args->blocks);
	case VRAM_TEST_ZAP:
	case VRAM_TEST_MOVE:
	case VRAM_TEST_BO_WAY:
	case VRAM_TEST_BO_BLOCK:
	case VRAM_TEST_PIN:
	case VRAM_TEST_BUSY:
	case VRAM_TEST_FENCE:
		return vram_test_bo(vram, cmd, &args->bo);
	case VRAM_TEST_POTENTIAL:
		return vram_test_potential(vram, &args->potential);
	case VRAM_TEST_SWAP:
		return vram_test_swap(vram, &args->swap);
	case VRAM_TEST_SHRINK:
		return vram_test_shrink(tf, &args->shrink);
	case VRAM_TEST_MMAP_WAY:
		return vram_test_mmap_way(tf, args->way);
	case VRAM_TEST_GUP:
		return vram_test_gup(&args->gup);
	case VRAM_TEST_CTRL:
		return vram_test_ctrl(vram, &args->ctrl);
	case VRAM_TEST_SHAPE:
		return vram_test_set_shape(tf, &args->shape);
	case VRAM_TEST_ZAP_PAGES:
		return vram_test_zap_pages(tf, &args->zap);
	case VRAM_TEST_HARVEST:
		return vram_test_harvest(tf, &args->harvest);
	case VRAM_TEST_STATS:
		return vram_test_stats(&args->stats);
	case VRAM_TEST_REFS:
		return vram_test_refs(tf, &args->refs);
	case VRAM_TEST_CALLS:
		return vram_test_calls(tf, &args->calls);
	case VRAM_TEST_WATCH:
	case VRAM_TEST_EVENTS:
	case VRAM_TEST_ATOMIC_ADD:
		return vram_test_watch(tf, cmd, args);
	default:
		return -ENOTTY;
	}
}

static long vram_test_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	union vram_test_args args = {};
	unsigned int size = _IOC_SIZE(cmd);
	int ret;

	if (size > sizeof(args))
		return -ENOTTY;
	if ((_IOC_DIR(cmd) & _IOC_WRITE) && copy_from_user(&args, user, size))
		return -EFAULT;

	ret = vram_test_do(file->private_data, cmd, &args);
	if (ret)
		return ret;

	if ((_IOC_DIR(cmd) & _IOC_READ) && copy_to_user(user, &args, size))
		return -EFAULT;
	return 0;
}

static int vram_test_open(struct inode *inode, struct file *file)
{
	struct virtio_vram *vram =
		container_of(file->private_data, struct virtio_vram, test);
	struct vram_test_file *tf;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	tf = kzalloc(sizeof(*tf), GFP_KERNEL);
	if (!tf)
		return -ENOMEM;

	/* misc_open() keeps misc_deregister() waiting while we are here. */
	drm_dev_get(vram->drm);
	mutex_init(&tf->lock);
	mutex_init(&tf->watch_lock);
	INIT_LIST_HEAD(&tf->hold);
	tf->vram = vram;
	tf->file = file;
	file->private_data = tf;

	mutex_lock(&vram->test_lock);
	list_add(&tf->link, &vram->test_files);
	mutex_unlock(&vram->test_lock);
	return 0;
}

static int vram_test_release(struct inode *inode, struct file *file)
{
	static const struct vram_test_watch none;
	struct vram_test_file *tf = file->private_data;
	struct virtio_vram *vram = tf->vram;

	mutex_lock(&vram->test_lock);
	list_del(&tf->link);
	mutex_unlock(&vram->test_lock);

	vram_watch_set(&tf->watch, &none);
	if (tf->shape)
		vram_shape_put(tf->shape);
	virtio_vram_mgr_give_back(vram, &tf->hold);
	drm_dev_put(vram->drm);
	kfree(tf);
	return 0;
}

static const struct file_operations vram_test_fops = {
	.owner = THIS_MODULE,
	.open = vram_test_open,
	.release = vram_test_release,
	.read = vram_test_read,
	.write = vram_test_write,
	.llseek = default_llseek,
	.mmap = vram_test_mmap,
	.get_unmapped_area = vram_test_area,
	.unlocked_ioctl = vram_test_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/**
 * virtio_vram_test_init - make the test node if asked for
 * @vram: the device
 *
 * Return: 0 or a negative errno.
 */
int virtio_vram_test_init(struct virtio_vram *vram)
{
	int ret;

	mutex_init(&vram->test_lock);
	INIT_LIST_HEAD(&vram->test_files);
	if (!test_node || atomic_cmpxchg(&vram_test_taken, 0, 1))
		return 0;

	vram->test.minor = MISC_DYNAMIC_MINOR;
	vram->test.name = "virtio_vram_test";
	vram->test.fops = &vram_test_fops;
	vram->test.mode = 0600;
	ret = misc_register(&vram->test);
	if (ret) {
		vram->test.fops = NULL;
		atomic_set(&vram_test_taken, 0);
	}
	return ret;
}

/**
 * virtio_vram_test_fini - take the test node away, files may stay open
 * @vram: the device, after drm_dev_unplug(): no fault maps anything any more
 */
void virtio_vram_test_fini(struct virtio_vram *vram)
{
	struct vram_test_file *tf;

	if (!vram->test.fops)
		return;

	misc_deregister(&vram->test);
	mutex_lock(&vram->test_lock);
	list_for_each_entry(tf, &vram->test_files, link)
		unmap_mapping_range(tf->file->f_mapping, 0, 0, 1);
	mutex_unlock(&vram->test_lock);
	atomic_set(&vram_test_taken, 0);
}
