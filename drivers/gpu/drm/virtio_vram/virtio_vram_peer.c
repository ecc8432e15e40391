// SPDX-License-Identifier: GPL-2.0-only
/*
 * How other drivers map device memory today, for benchmarks: the same blocks, by
 * the functions that the kernel offers. See enum vram_test_peer.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/vmf_range.h>

#include "virtio_vram.h"
#include "virtio_vram_test.h"

/* The PFN of the entry of an order that holds the fault; none if it does not fit. */
static int vram_peer_pfn(struct vm_fault *vmf, unsigned int order, void *priv,
			 unsigned long *pfn)
{
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	struct vm_area_struct *vma = vmf->vma;
	struct vmf_range_block block;
	pgoff_t pgoff;

	if (addr < vma->vm_start || vma->vm_end - addr < PAGE_SIZE << order)
		return -ERANGE;
	pgoff = linear_page_index(vma, addr);
	if (vram_shape_block(priv, pgoff, &block))
		return -ENOENT;
	*pfn = block.pfn + (pgoff - block.pgoff);
	if (block.pgoff + block.nr_pages - pgoff < BIT(order) ||
	    !IS_ALIGNED(*pfn, BIT(order)))
		return -ERANGE;
	return 0;
}

/**
 * vram_peer_huge_fault - one entry of the size that the core asks for
 * @vmf: the fault
 * @order: the size
 * @priv: for vram_shape_block()
 *
 * As vfio-pci, panthor and mshv do it: refused where the block does not fit, upon
 * which the core asks for the next smaller size.
 *
 * Return: what ->huge_fault and ->fault return.
 */
vm_fault_t vram_peer_huge_fault(struct vm_fault *vmf, unsigned int order,
				void *priv)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	unsigned long pfn;

	if (vram_peer_pfn(vmf, order, priv, &pfn))
		return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;
	if (!order)
		return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
	if (order == PMD_ORDER)
		return virtio_vram_insert_pfn_pmd(vmf, pfn, write);
	if (order == PUD_ORDER)
		return virtio_vram_insert_pfn_pud(vmf, pfn, write);
	return VM_FAULT_FALLBACK;
}

/* Where vram_peer_apply() is in its blocks: @left pages from @pfn on. */
struct vram_peer_apply {
	struct vm_area_struct *vma;
	void *priv;
	unsigned long pfn;
	unsigned long left;
};

static int vram_peer_apply_one(pte_t *ptep, unsigned long addr, void *data)
{
	struct vram_peer_apply *apply = data;
	struct vm_area_struct *vma = apply->vma;

	if (!apply->left) {
		pgoff_t pgoff = linear_page_index(vma, addr);
		struct vmf_range_block block;

		if (vram_shape_block(apply->priv, pgoff, &block))
			return -ENOENT;
		apply->pfn = block.pfn + (pgoff - block.pgoff);
		apply->left = block.nr_pages - (pgoff - block.pgoff);
	}
	set_pte_at(vma->vm_mm, addr, ptep,
		   pte_mkspecial(pfn_pte(apply->pfn, vma->vm_page_prot)));
	apply->pfn++;
	apply->left--;
	return 0;
}

/* As i915 does it: the first fault maps all of the object, page by page. */
static vm_fault_t vram_peer_apply(struct vm_fault *vmf, void *priv)
{
	struct vm_area_struct *vma = vmf->vma;
	struct vram_peer_apply apply = { .vma = vma, .priv = priv };
	int err;

	err = apply_to_page_range(vma->vm_mm, vma->vm_start,
				  vma->vm_end - vma->vm_start,
				  vram_peer_apply_one, &apply);
	return err ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

/**
 * vram_peer_fault - serve a fault as another driver would
 * @vmf: the fault
 * @peer: how, one of enum vram_test_peer that has faults
 * @priv: for vram_shape_block()
 *
 * Return: what ->fault returns.
 */
vm_fault_t vram_peer_fault(struct vm_fault *vmf, u32 peer, void *priv)
{
	unsigned long pfn;

	switch (peer) {
	case VRAM_TEST_PEER_APPLY:
		return vram_peer_apply(vmf, priv);
	case VRAM_TEST_PEER_INSERT_MIXED:
		if (vram_peer_pfn(vmf, 0, priv, &pfn))
			return VM_FAULT_SIGBUS;
		return virtio_vram_insert_mixed(vmf->vma, vmf->address, pfn);
	default:
		return vram_peer_huge_fault(vmf, 0, priv);
	}
}

/**
 * vram_peer_remap - map all of a VMA at once as another driver would
 * @vma: the VMA, its vm_page_prot that of the memory
 * @peer: how, one of enum vram_test_peer that has no faults
 * @priv: for vram_shape_block()
 *
 * Return: 0 or a negative errno.
 */
int vram_peer_remap(struct vm_area_struct *vma, u32 peer, void *priv)
{
	struct vmf_range_block block;
	unsigned long addr, size;
	int ret = 0;

	for (addr = vma->vm_start; addr < vma->vm_end && !ret; addr += size) {
		pgoff_t pgoff = linear_page_index(vma, addr);
		unsigned long pfn;

		if (vram_shape_block(priv, pgoff, &block))
			return -ENOENT;
		pfn = block.pfn + (pgoff - block.pgoff);
		block.nr_pages -= pgoff - block.pgoff;
		size = min(block.nr_pages << PAGE_SHIFT, vma->vm_end - addr);
		if (peer == VRAM_TEST_PEER_REMAP)
			ret = remap_pfn_range(vma, addr, pfn, size,
					      vma->vm_page_prot);
		else
			ret = io_remap_pfn_range(vma, addr, pfn, size,
						 vma->vm_page_prot);
	}
	return ret;
}
