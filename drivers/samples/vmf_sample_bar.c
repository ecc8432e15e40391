// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sample: a PCI device with memory in a BAR that user space maps through a
 * character device, as with vfio-pci. The device is QEMU's ivshmem-plain; any other
 * with such a BAR would do.
 *
 * What there is to see:
 *
 * - sample_fault() is all that is needed to map, whatever the size of BAR and mapping;
 * - sample_area() has the address chosen so that huge entries fit;
 * - before the memory goes away, for a reset or for ever, its mappings are zapped
 *   under the lock that the fault handler takes. After a reset they fault again;
 *   after an unplug they get SIGBUS.
 *
 * There is no module alias on purpose: it is loaded by name.
 */
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/vmf_range.h>

#define SAMPLE_BAR	2

/**
 * struct sample - a device, which an open file outlives
 * @ref: one of the device's, one of the file's
 * @misc: its node
 * @bar: the memory, from offset 0 of the node
 * @lock: for the memory to stay: faults hold it for reading
 * @mapping: of the open file, or NULL; under @lock
 * @gone: there is no memory any more; under @lock
 *
 * As with vfio, one may open the node at a time, so that there is one mapping to
 * zap. A driver that lets in more gives them a common one, as drm_open() does.
 */
struct sample {
	struct kref ref;
	struct miscdevice misc;
	struct vmf_range_block bar;
	struct rw_semaphore lock;
	struct address_space *mapping;
	bool gone;
};

static void sample_free(struct kref *ref)
{
	kfree(container_of(ref, struct sample, ref));
}

static vm_fault_t sample_fault(struct vm_fault *vmf)
{
	struct sample *s = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	down_read(&s->lock);
	if (!s->gone)
		ret = vmf_insert_blocks(vmf, vmf_range_block_of_block, &s->bar,
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
	struct sample *s = file->private_data;
	unsigned long pages = s->bar.nr_pages;

	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff ||
	    is_cow_mapping(vma->vm_flags))
		return -EINVAL;

	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	/* As the BAR is reserved in sample_probe(); never encrypted. */
	vma->vm_page_prot =
		pgprot_decrypted(pgprot_writecombine(vma->vm_page_prot));
	vma->vm_private_data = s;
	vma->vm_ops = &sample_vm_ops.vm_ops;
	return 0;
}

static unsigned long sample_area(struct file *file, unsigned long addr,
				 unsigned long len, unsigned long pgoff,
				 unsigned long flags)
{
	struct sample *s = file->private_data;

	return vmf_range_get_unmapped_area(file, addr, len, pgoff, flags,
					   &s->bar);
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
	.mmap = sample_mmap,
	.get_unmapped_area = sample_area,
};

/* No access from here until the lock is given up: who touches the memory waits. */
static void sample_lock_and_zap(struct sample *s)
{
	down_write(&s->lock);
	if (s->mapping)
		vmf_range_zap(s->mapping, 0, s->bar.nr_pages);
}

/* The PCI core resets the device: somebody asked for it, or there was an error. */
static void sample_reset_prepare(struct pci_dev *pdev)
{
	sample_lock_and_zap(pci_get_drvdata(pdev));
}

static void sample_reset_done(struct pci_dev *pdev)
{
	struct sample *s = pci_get_drvdata(pdev);

	up_write(&s->lock);
}

static const struct pci_error_handlers sample_err_handler = {
	.reset_prepare = sample_reset_prepare,
	.reset_done = sample_reset_done,
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

	s->bar.pfn = PHYS_PFN(start);
	s->bar.nr_pages = PHYS_PFN(size);
	/* All mappings of a page must have the same cache mode; now others must, too. */
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
	sample_lock_and_zap(s);
	s->gone = true;
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
	.err_handler = &sample_err_handler,
};
module_pci_driver(sample_driver);

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample of vmf_range: the BAR of a PCI device");
MODULE_AUTHOR("The vmf_range developers");
MODULE_VERSION(VMF_RANGE_VERSION);
MODULE_LICENSE("GPL");
