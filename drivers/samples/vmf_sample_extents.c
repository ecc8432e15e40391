// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sample: a file whose pages lie in extents of device memory, as with DAX: any
 * length, any alignment, holes between them, and they move while they are mapped.
 * The memory is the BAR of QEMU's ivshmem-plain.
 *
 * What there is to see:
 *
 * - sample_block() is all that vmf_range asks for: which extent holds this page? It
 *   is asked once per extent, and knows nothing of page sizes;
 * - an extent moves under the lock that the fault handler takes, after the pages were
 *   zapped: sample_set();
 * - sample_area() lets the longest extent choose the address.
 *
 * The extents are in a maple tree. What is stored for a range of pages is the
 * distance from page to PFN, so that a range can be cut anywhere and the rest is
 * still right. Which memory is free is not looked at: that is the file system's part.
 *
 * There is no module alias on purpose: it is loaded by name.
 */
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/kref.h>
#include <linux/maple_tree.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmf_range.h>

#include "vmf_sample_extents.h"

#define SAMPLE_BAR	2

/**
 * struct sample - a device with one file, which an open file outlives
 * @ref: one of the device's, one of the open file's
 * @misc: its node
 * @pfn: first of its memory
 * @nr_pages: how much
 * @lock: for the extents to stay: faults hold it for reading
 * @extents: pages of the file to distances; under @lock
 * @mapping: of the open file, or NULL; under @lock
 * @gone: there is no memory any more; under @lock
 *
 * One may open the node at a time, see vmf_sample_bar.c.
 */
struct sample {
	struct kref ref;
	struct miscdevice misc;
	unsigned long pfn;
	unsigned long nr_pages;
	struct rw_semaphore lock;
	struct maple_tree extents;
	struct address_space *mapping;
	bool gone;
};

static void sample_free(struct kref *ref)
{
	struct sample *s = container_of(ref, struct sample, ref);

	/* Nobody else is here; the tree wants to see its lock. */
	down_write(&s->lock);
	__mt_destroy(&s->extents);
	up_write(&s->lock);
	kfree(s);
}

/* An entry has no sign bit. */
static void *sample_entry(unsigned long page, unsigned long pfn)
{
	return xa_mk_value((pfn - page) & LONG_MAX);
}

static unsigned long sample_pfn(unsigned long page, void *entry)
{
	return (page + xa_to_value(entry)) & LONG_MAX;
}

/* The extent that holds a page. Called below sample_fault(), in atomic context. */
static int sample_block(void *priv, pgoff_t pgoff, struct vmf_range_block *block)
{
	struct sample *s = priv;
	struct ma_state mas;
	void *entry;

	mas_init(&mas, &s->extents, pgoff);
	entry = mas_walk(&mas);
	if (!entry)
		return -ENOENT;
	block->pgoff = mas.index;
	block->pfn = sample_pfn(mas.index, entry);
	block->nr_pages = mas.last - mas.index + 1;
	return 0;
}

static vm_fault_t sample_fault(struct vm_fault *vmf)
{
	struct sample *s = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	down_read(&s->lock);
	if (!s->gone)
		ret = vmf_insert_blocks(vmf, sample_block, s,
					vmf->vma->vm_page_prot);
	up_read(&s->lock);
	return ret;
}

static const struct vmf_range_ops sample_vm_ops = {
	.vm_ops = VMF_RANGE_VM_OPS,
	.fault = sample_fault,
	.flags = VMF_RANGE_PUD,
};

static int sample_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;

	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot =
		pgprot_decrypted(pgprot_writecombine(vma->vm_page_prot));
	vma->vm_private_data = file->private_data;
	vma->vm_ops = &sample_vm_ops.vm_ops;
	return 0;
}

static unsigned long sample_area(struct file *file, unsigned long addr,
				 unsigned long len, unsigned long pgoff,
				 unsigned long flags)
{
	struct sample *s = file->private_data;
	pgoff_t last = pgoff + PHYS_PFN(len) - 1;
	struct vmf_range_block block = {};
	struct ma_state mas;
	void *entry;

	mas_init(&mas, &s->extents, pgoff);
	down_read(&s->lock);
	mas_for_each(&mas, entry, last) {
		if (mas.last - mas.index < block.nr_pages)
			continue;
		block.pgoff = mas.index;
		block.pfn = sample_pfn(mas.index, entry);
		block.nr_pages = mas.last - mas.index + 1;
	}
	up_read(&s->lock);
	return vmf_range_get_unmapped_area(file, addr, len, pgoff, flags,
					   block.nr_pages ? &block : NULL);
}

/* By one mapping: through two, memmove() would not see that they overlap. */
static int sample_copy(struct sample *s, const struct vmf_sample_extent *to)
{
	unsigned long src, dst = s->pfn + to->at, first;
	size_t size = to->nr_pages << PAGE_SHIFT;
	struct vmf_range_block from;
	void *mem;

	if (sample_block(s, to->page, &from) ||
	    from.pgoff + from.nr_pages - to->page < to->nr_pages)
		return -EINVAL;
	src = from.pfn + to->page - from.pgoff;
	first = min(src, dst);

	mem = memremap(PFN_PHYS(first), PFN_PHYS(max(src, dst) - first) + size,
		       MEMREMAP_WC);
	if (!mem)
		return -ENOMEM;
	memmove(mem + PFN_PHYS(dst - first), mem + PFN_PHYS(src - first), size);
	memunmap(mem);
	return 0;
}

static int sample_set(struct sample *s, const struct vmf_sample_extent *to,
		      bool move)
{
	MA_STATE(mas, &s->extents, to->page, to->page + to->nr_pages - 1);
	void *entry = NULL;
	int ret = 0;

	if (to->at != VMF_SAMPLE_HOLE)
		entry = sample_entry(to->page, s->pfn + to->at);

	down_write(&s->lock);
	if (s->gone) {
		ret = -ENODEV;
		goto out;
	}
	/* From here on, no page of the range can be read or written. */
	vmf_range_zap(s->mapping, to->page, to->nr_pages);
	if (move)
		ret = sample_copy(s, to);
	if (!ret)
		ret = mas_store_gfp(&mas, entry, GFP_KERNEL);
out:
	up_write(&s->lock);
	return ret;
}

static long sample_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sample *s = file->private_data;
	struct vmf_sample_extent to;

	if (cmd != VMF_SAMPLE_SET && cmd != VMF_SAMPLE_MOVE)
		return -ENOTTY;
	if (copy_from_user(&to, (void __user *)arg, sizeof(to)))
		return -EFAULT;

	/* Offsets in bytes are signed. */
	if (!to.nr_pages || to.page > PHYS_PFN(LLONG_MAX) ||
	    to.nr_pages > PHYS_PFN(LLONG_MAX) - to.page)
		return -EINVAL;
	if (to.at == VMF_SAMPLE_HOLE)
		return cmd == VMF_SAMPLE_SET ? sample_set(s, &to, false) : -EINVAL;
	if (to.at >= s->nr_pages || to.nr_pages > s->nr_pages - to.at)
		return -EINVAL;
	return sample_set(s, &to, cmd == VMF_SAMPLE_MOVE);
}

static int sample_open(struct inode *inode, struct file *file)
{
	/* misc_open() keeps misc_deregister() waiting while we are here. */
	struct sample *s = container_of(file->private_data, struct sample, misc);
	bool busy;

	down_write(&s->lock);
	busy = s->mapping;
	if (!busy)
		s->mapping = file->f_mapping;
	up_write(&s->lock);
	if (busy)
		return -EBUSY;

	kref_get(&s->ref);
	file->private_data = s;
	return 0;
}

/* A mapping holds the file: there is none any more. */
static int sample_release(struct inode *inode, struct file *file)
{
	struct sample *s = file->private_data;

	down_write(&s->lock);
	s->mapping = NULL;
	up_write(&s->lock);
	kref_put(&s->ref, sample_free);
	return 0;
}

static const struct file_operations sample_fops = {
	.owner = THIS_MODULE,
	.open = sample_open,
	.release = sample_release,
	.unlocked_ioctl = sample_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = sample_mmap,
	.get_unmapped_area = sample_area,
};

static int sample_init_bar(struct sample *s, struct pci_dev *pdev)
{
	resource_size_t start = pci_resource_start(pdev, SAMPLE_BAR);
	resource_size_t size = pci_resource_len(pdev, SAMPLE_BAR);
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	if (!(pci_resource_flags(pdev, SAMPLE_BAR) & IORESOURCE_MEM) ||
	    !PAGE_ALIGNED(start | size))
		return -ENODEV;
	if (!devm_request_mem_region(&pdev->dev, start, size, KBUILD_MODNAME))
		return -EBUSY;

	s->pfn = PHYS_PFN(start);
	s->nr_pages = PHYS_PFN(size);
	return devm_arch_io_reserve_memtype_wc(&pdev->dev, start, size);
}

static int sample_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct sample *s;
	int ret;

	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	kref_init(&s->ref);
	init_rwsem(&s->lock);
	mt_init_flags(&s->extents, MT_FLAGS_LOCK_EXTERN);
	mt_set_external_lock(&s->extents, &s->lock);

	ret = sample_init_bar(s, pdev);
	if (ret)
		goto err_put;

	pci_set_drvdata(pdev, s);
	s->misc.minor = MISC_DYNAMIC_MINOR;
	s->misc.fops = &sample_fops;
	s->misc.mode = 0600;
	s->misc.name = devm_kasprintf(&pdev->dev, GFP_KERNEL,
				      KBUILD_MODNAME "-%s", pci_name(pdev));
	ret = s->misc.name ? misc_register(&s->misc) : -ENOMEM;
	if (ret)
		goto err_put;
	return 0;

err_put:
	kref_put(&s->ref, sample_free);
	return ret;
}

static void sample_remove(struct pci_dev *pdev)
{
	struct sample *s = pci_get_drvdata(pdev);

	misc_deregister(&s->misc);
	down_write(&s->lock);
	s->gone = true;
	if (s->mapping)
		vmf_range_zap(s->mapping, 0, 0);
	up_write(&s->lock);
	kref_put(&s->ref, sample_free);
}

static const struct pci_device_id sample_ids[] = {
	{ PCI_DEVICE(0x1af4, 0x1110) },		/* ivshmem */
	{ }
};

static struct pci_driver sample_driver = {
	.name = KBUILD_MODNAME,
	.id_table = sample_ids,
	.probe = sample_probe,
	.remove = sample_remove,
};
module_pci_driver(sample_driver);

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample of vmf_range: a file of extents that move");
MODULE_AUTHOR("The vmf_range developers");
MODULE_VERSION(VMF_RANGE_VERSION);
MODULE_LICENSE("GPL");
