// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sample: a driver of the old school, which maps its BAR in ->mmap with
 * io_remap_pfn_range() and has no vm_operations_struct. The device is QEMU's
 * ivshmem-plain.
 *
 * With vmf_remap_range() in its place, which takes the same arguments, there are
 * huge entries, where the address allows. The module parameter 'stock' tells which
 * of the two it is, for comparison.
 *
 * There is one device, as is usual with such drivers, and who maps it is trusted to
 * be gone before it goes: a range that was mapped without a fault handler comes back
 * when it is zapped. See vmf_sample_bar.c for memory that may go away.
 *
 * There is no module alias on purpose: it is loaded by name.
 */
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vmf_range.h>

#define SAMPLE_BAR	2

static bool stock;
module_param(stock, bool, 0600);
MODULE_PARM_DESC(stock, "Map by io_remap_pfn_range() (default: vmf_remap_range())");

/* The BAR; no pages while there is no device. */
static unsigned long sample_pfn, sample_pages;

static int sample_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long size = vma->vm_end - vma->vm_start;
	unsigned long pfn = sample_pfn + vma->vm_pgoff;

	if (vma->vm_pgoff >= sample_pages ||
	    vma_pages(vma) > sample_pages - vma->vm_pgoff ||
	    is_cow_mapping(vma->vm_flags))
		return -EINVAL;

	vma->vm_page_prot =
		pgprot_decrypted(pgprot_writecombine(vma->vm_page_prot));
	if (stock)
		return io_remap_pfn_range(vma, vma->vm_start, pfn, size,
					  vma->vm_page_prot);
	return vmf_remap_range(vma, vma->vm_start, pfn, size, vma->vm_page_prot);
}

static const struct file_operations sample_fops = {
	.owner = THIS_MODULE,
	.mmap = sample_mmap,
};

static struct miscdevice sample_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = KBUILD_MODNAME,
	.fops = &sample_fops,
	.mode = 0600,
};

static int sample_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	resource_size_t start = pci_resource_start(pdev, SAMPLE_BAR);
	resource_size_t size = pci_resource_len(pdev, SAMPLE_BAR);
	int ret;

	if (sample_pages)
		return -EBUSY;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	if (!(pci_resource_flags(pdev, SAMPLE_BAR) & IORESOURCE_MEM) ||
	    !PAGE_ALIGNED(start | size))
		return -ENODEV;
	if (!devm_request_mem_region(&pdev->dev, start, size, KBUILD_MODNAME))
		return -EBUSY;
	ret = devm_arch_io_reserve_memtype_wc(&pdev->dev, start, size);
	if (ret)
		return ret;

	sample_pfn = PHYS_PFN(start);
	sample_pages = PHYS_PFN(size);
	ret = misc_register(&sample_misc);
	if (ret)
		sample_pages = 0;
	return ret;
}

static void sample_remove(struct pci_dev *pdev)
{
	misc_deregister(&sample_misc);
	sample_pages = 0;
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
	.driver.suppress_bind_attrs = true,
};
module_pci_driver(sample_driver);

VMF_RANGE_IMPORT_NS();
MODULE_DESCRIPTION("Sample of vmf_range: in place of io_remap_pfn_range()");
MODULE_AUTHOR("The vmf_range developers");
MODULE_VERSION(VMF_RANGE_VERSION);
MODULE_LICENSE("GPL");
