// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shapes: mappings of blocks that a test makes up, see VRAM_TEST_SHAPE. They drive
 * every way into vmf_range, the wrong ones too, without the need for buffers.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/refcount.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmf_range.h>

#include <drm/drm_drv.h>

#include "virtio_vram.h"
#include "virtio_vram_test.h"

#define VRAM_SHAPE_MAX_EXTENTS	65536
#define VRAM_SHAPE_MAX_RAM	(SZ_64M >> PAGE_SHIFT)
#define VRAM_SHAPE_MAX_ORDER	(ilog2(SZ_4M) - PAGE_SHIFT)

/* A shape; its file and each of its VMAs have a reference. */
struct vram_shape {
	struct vmf_range_ops ops;
	refcount_t users;
	struct virtio_vram *vram;
	struct vram_test_shape args;
	struct vmf_range_list list;	/* the extents, in the window */
	struct sg_table sgt;		/* of ITER_SG_* */
	struct page **pages;		/* system memory, NULL in holes */
	u64 nr_pages;			/* up to the end of the last extent */
	struct vmf_range_dirty dirty;
	atomic_t calls;			/* of the fault handler */
	atomic_t calls_vma_locked;	/* those under the per-VMA lock */
	atomic_t zaps;			/* asked for by the test */
};

static bool vram_shape_is_ram(const struct vram_shape *shape)
{
	return shape->args.iter == VRAM_TEST_ITER_SG_PAGES ||
	       shape->args.iter == VRAM_TEST_ITER_PAGES;
}

static int vram_shape_lie(const struct vram_shape *shape, pgoff_t pgoff,
			  struct vmf_range_block *block)
{
	switch (shape->args.lie) {
	case VRAM_TEST_LIE_EMPTY:
		block->nr_pages = 0;
		return 0;
	case VRAM_TEST_LIE_MISSES:
		block->pgoff += block->nr_pages;
		return 0;
	case VRAM_TEST_LIE_WRAPS:
		block->pfn = ULONG_MAX - block->nr_pages / 2;
		return 0;
	case VRAM_TEST_LIE_BEYOND:
		block->pfn = PHYS_PFN(BIT_ULL(62));
		return 0;
	case VRAM_TEST_LIE_MOVED:
		if (atomic_read(&shape->zaps) & 1)
			block->pfn++;
		return 0;
	case VRAM_TEST_LIE_CRUMBS:
		if (!atomic_read(&shape->zaps))
			return 0;
		block->pfn += pgoff - block->pgoff;
		block->pgoff = pgoff;
		block->nr_pages = 1;
		return 0;
	case VRAM_TEST_LIE_ERROR:
		return -EIO;
	default:
		return 0;
	}
}

/**
 * vram_shape_block - a &vmf_range_block_fn
 * @priv: the &struct vram_shape
 * @pgoff: page asked for
 * @block: filled in
 *
 * Return: 0; -ENOENT in a hole; an error if the shape is meant to have one.
 */
int vram_shape_block(void *priv, pgoff_t pgoff, struct vmf_range_block *block)
{
	struct vram_shape *shape = priv;
	int err = vmf_range_block_of_list(&shape->list, pgoff, block);

	if (err || pgoff < shape->args.lie_page)
		return err;
	return vram_shape_lie(shape, pgoff, block);
}

/* One of the ways in which a driver may tell of its blocks. */
union vram_shape_iter {
	struct vmf_range_sg sg;
	struct vmf_range_pages pages;
};

static vmf_range_block_fn vram_shape_iter_begin(struct vram_shape *shape,
						union vram_shape_iter *iter,
						void **priv)
{
	*priv = iter;
	switch (shape->args.iter) {
	case VRAM_TEST_ITER_LIST:
		*priv = &shape->list;
		return vmf_range_block_of_list;
	case VRAM_TEST_ITER_SG_DMA:
	case VRAM_TEST_ITER_SG_PAGES:
		iter->sg = (struct vmf_range_sg){
			.sgt = &shape->sgt,
			.dma = shape->args.iter == VRAM_TEST_ITER_SG_DMA,
		};
		return vmf_range_block_of_sg;
	case VRAM_TEST_ITER_PAGES:
		iter->pages = (struct vmf_range_pages){
			.pages = shape->pages,
			.nr = shape->nr_pages,
		};
		return vmf_range_block_of_pages;
	default:
		*priv = shape;
		return vram_shape_block;
	}
}

static pgprot_t vram_shape_prot(const struct vram_shape *shape, pgprot_t prot)
{
	static const enum ttm_caching cachings[] = {
		[VRAM_TEST_CACHE_WB] = ttm_cached,
		[VRAM_TEST_CACHE_WC] = ttm_write_combined,
		[VRAM_TEST_CACHE_UC] = ttm_uncached,
	};
	enum ttm_caching caching = cachings[shape->args.cache];

	if (shape->args.cache == VRAM_TEST_CACHE_DEFAULT)
		caching = vram_shape_is_ram(shape) ? ttm_cached :
						     shape->vram->caching;
	return virtio_vram_test_prot(caching, prot);
}

static vm_fault_t vram_shape_fault_alive(struct vram_shape *shape,
					 struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	pgprot_t prot = vram_shape_prot(shape, vma->vm_page_prot);
	struct vmf_range_block block;
	union vram_shape_iter iter;
	vmf_range_block_fn fn;
	void *priv;

	if (shape->args.lie == VRAM_TEST_LIE_NO_CALLBACK)
		return vmf_insert_blocks(vmf, NULL, NULL, prot);
	if (shape->args.iter != VRAM_TEST_ITER_RANGE) {
		fn = vram_shape_iter_begin(shape, &iter, &priv);
		return vmf_insert_blocks(vmf, fn, priv, prot);
	}

	if (vram_shape_block(shape, vmf->pgoff, &block))
		return VM_FAULT_SIGBUS;
	return vmf_insert_range(vmf, vma->vm_start +
				((block.pgoff - vma->vm_pgoff) << PAGE_SHIFT),
				block.pfn, block.nr_pages, prot);
}

static void vram_shape_count(struct vram_shape *shape,
			     const struct vm_fault *vmf)
{
	atomic_inc(&shape->calls);
	if (vmf->flags & FAULT_FLAG_VMA_LOCK)
		atomic_inc(&shape->calls_vma_locked);
}

static vm_fault_t vram_shape_fault(struct vm_fault *vmf)
{
	struct vram_shape *shape = container_of(vmf->vma->vm_ops,
						struct vram_shape, ops.vm_ops);
	vm_fault_t ret;
	int idx;

	if (!drm_dev_enter(shape->vram->drm, &idx))
		return VM_FAULT_SIGBUS;
	vram_shape_count(shape, vmf);
	ret = vram_shape_fault_alive(shape, vmf);
	drm_dev_exit(idx);
	return ret;
}

/* Of a driver that has operations of its own, and maps by the library. */
static vm_fault_t vram_shape_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	return vram_shape_fault(vmf);
}

static vm_fault_t vram_shape_pfn_mkwrite(struct vm_fault *vmf)
{
	return 0;
}

static vm_fault_t vram_shape_peer_huge_fault(struct vm_fault *vmf,
					     unsigned int order)
{
	struct vram_shape *shape = container_of(vmf->vma->vm_ops,
						struct vram_shape, ops.vm_ops);
	vm_fault_t ret;
	int idx;

	if (!drm_dev_enter(shape->vram->drm, &idx))
		return VM_FAULT_SIGBUS;
	vram_shape_count(shape, vmf);
	ret = order ? vram_peer_huge_fault(vmf, order, shape) :
		      vram_peer_fault(vmf, shape->args.peer, shape);
	drm_dev_exit(idx);
	return ret;
}

static vm_fault_t vram_shape_peer_fault(struct vm_fault *vmf)
{
	return vram_shape_peer_huge_fault(vmf, 0);
}

static void vram_shape_vm_open(struct vm_area_struct *vma)
{
	vram_shape_get(container_of(vma->vm_ops, struct vram_shape, ops.vm_ops));
}

static void vram_shape_vm_close(struct vm_area_struct *vma)
{
	vram_shape_put(container_of(vma->vm_ops, struct vram_shape, ops.vm_ops));
}

static void vram_shape_dirty(struct vm_area_struct *vma, pgoff_t pgoff,
			     unsigned long nr_pages)
{
	struct vram_shape *shape = container_of(vma->vm_ops, struct vram_shape,
						ops.vm_ops);

	vmf_range_dirty_mark(&shape->dirty, pgoff, nr_pages);
}

/* May there be pages without memory? Not if the blocks are kept without their places. */
static bool vram_shape_may_have_holes(const struct vram_shape *shape)
{
	return shape->args.iter != VRAM_TEST_ITER_SG_DMA &&
	       shape->args.iter != VRAM_TEST_ITER_SG_PAGES;
}

/* Extents in order, in the window, not too much system memory. */
static int vram_shape_check(struct vram_shape *shape,
			    const struct vram_test_extent *extents)
{
	bool holes = vram_shape_may_have_holes(shape);
	u64 next = 0, ram = 0, bytes, end;
	u32 i;

	for (i = 0; i < shape->args.nr; i++) {
		const struct vram_test_extent *e = &extents[i];

		if (!e->nr_pages || e->page < next || (e->page > next && !holes) ||
		    check_add_overflow(e->page, e->nr_pages, &next) ||
		    next > ULONG_MAX >> PAGE_SHIFT)
			return -EINVAL;
		bytes = e->nr_pages << PAGE_SHIFT;
		if (!PAGE_ALIGNED(e->offset) ||
		    check_add_overflow(e->offset, bytes, &end) ||
		    end > shape->vram->size)
			return -EINVAL;
		ram += e->nr_pages;
	}
	shape->nr_pages = next;
	if (vram_shape_is_ram(shape) &&
	    (ram > VRAM_SHAPE_MAX_RAM || next > 2 * VRAM_SHAPE_MAX_RAM))
		return -ENOMEM;
	return 0;
}

static int vram_shape_make_list(struct vram_shape *shape,
				const struct vram_test_extent *extents)
{
	struct vmf_range_block *blocks;
	u32 i;

	blocks = kvmalloc_array(shape->args.nr, sizeof(*blocks), GFP_KERNEL);
	if (!blocks)
		return -ENOMEM;
	for (i = 0; i < shape->args.nr; i++) {
		blocks[i].pgoff = extents[i].page;
		blocks[i].pfn = PHYS_PFN(shape->vram->base + extents[i].offset);
		blocks[i].nr_pages = extents[i].nr_pages;
	}
	shape->list.blocks = blocks;
	shape->list.nr = shape->args.nr;
	return 0;
}

/* Contiguous system memory for a block: folios as large as they come, or pages. */
static int vram_shape_alloc_block(struct vram_shape *shape,
				  const struct vmf_range_block *b)
{
	bool single = shape->args.flags & VRAM_TEST_SHAPE_SINGLE;
	u64 done = 0, i;

	while (done < b->nr_pages) {
		unsigned int order = min_t(unsigned int, ilog2(b->nr_pages - done),
					   VRAM_SHAPE_MAX_ORDER);
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO |
						(single ? 0 : __GFP_COMP) |
						__GFP_NOWARN, order);

		if (!page)
			return -ENOMEM;
		if (single)
			split_page(page, order);
		for (i = 0; i < BIT(order); i++, done++) {
			u64 *word = page_address(page + i);

			*word = b->pgoff + done;
			shape->pages[b->pgoff + done] = page + i;
		}
	}
	return 0;
}

static int vram_shape_alloc_ram(struct vram_shape *shape)
{
	u32 i;
	int ret;

	shape->pages = kvcalloc(shape->nr_pages, sizeof(*shape->pages),
				GFP_KERNEL);
	if (!shape->pages)
		return -ENOMEM;
	for (i = 0; i < shape->list.nr; i++) {
		ret = vram_shape_alloc_block(shape, &shape->list.blocks[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static void vram_shape_free_ram(struct vram_shape *shape)
{
	u64 i = 0;

	while (shape->pages && i < shape->nr_pages) {
		struct page *page = shape->pages[i];

		/* The first page of each folio stands for all of it. */
		i += page ? folio_nr_pages(page_folio(page)) : 1;
		if (page)
			put_page(page);
	}
	kvfree(shape->pages);
}

/* As a DMA mapping of peer memory would leave it: addresses without pages. */
static int vram_shape_make_sg_dma(struct vram_shape *shape)
{
	struct scatterlist *sg;
	int ret, i;

	ret = sg_alloc_table(&shape->sgt, shape->list.nr, GFP_KERNEL);
	if (ret)
		return ret;
	for_each_sgtable_dma_sg(&shape->sgt, sg, i) {
		const struct vmf_range_block *b = &shape->list.blocks[i];

		if (b->nr_pages > UINT_MAX >> PAGE_SHIFT)
			return -EINVAL;
		sg_dma_address(sg) = PFN_PHYS(b->pfn);
		sg_dma_len(sg) = b->nr_pages << PAGE_SHIFT;
	}
	return 0;
}

static int vram_shape_make_iter(struct vram_shape *shape)
{
	int ret;

	if (vram_shape_is_ram(shape)) {
		ret = vram_shape_alloc_ram(shape);
		if (ret)
			return ret;
	}
	switch (shape->args.iter) {
	case VRAM_TEST_ITER_SG_DMA:
		return vram_shape_make_sg_dma(shape);
	case VRAM_TEST_ITER_SG_PAGES:
		return sg_alloc_table_from_pages(&shape->sgt, shape->pages,
						 shape->nr_pages, 0,
						 shape->nr_pages << PAGE_SHIFT,
						 GFP_KERNEL);
	default:
		return 0;
	}
}

static int vram_shape_tell_pfns(struct vram_shape *shape)
{
	u64 __user *to = u64_to_user_ptr(shape->args.pfns);
	u64 page, pfn;

	for (page = 0; to && page < shape->nr_pages; page++) {
		struct vmf_range_block block;

		if (vmf_range_block_of_list(&shape->list, page, &block))
			pfn = 0;
		else if (shape->pages)
			pfn = page_to_pfn(shape->pages[page]);
		else
			pfn = block.pfn + (page - block.pgoff);
		if (put_user(pfn, to + page))
			return -EFAULT;
	}
	return 0;
}

static const struct vm_operations_struct vram_shape_vm_ops = VMF_RANGE_VM_OPS;
static const struct vm_operations_struct vram_shape_dirty_vm_ops =
	VMF_RANGE_VM_OPS_DIRTY;

/* Operations without the library. Those who map at mmap() serve no fault. */
static const struct vm_operations_struct vram_shape_remap_vm_ops = {
	.open = vram_shape_vm_open,
	.close = vram_shape_vm_close,
};

static const struct vm_operations_struct vram_shape_own_vm_ops = {
	.open = vram_shape_vm_open,
	.close = vram_shape_vm_close,
	.fault = vram_shape_fault,
};

static const struct vm_operations_struct vram_shape_peer_vm_ops = {
	.open = vram_shape_vm_open,
	.close = vram_shape_vm_close,
	.fault = vram_shape_peer_fault,
	.access = generic_access_phys,
};

static const struct vm_operations_struct vram_shape_huge_vm_ops = {
	.open = vram_shape_vm_open,
	.close = vram_shape_vm_close,
	.fault = vram_shape_peer_fault,
	.huge_fault = vram_shape_peer_huge_fault,
	.access = generic_access_phys,
};

static void vram_shape_set_peer_ops(struct vram_shape *shape)
{
	switch (shape->args.peer) {
	case VRAM_TEST_PEER_REMAP:
	case VRAM_TEST_PEER_IO_REMAP:
		shape->ops.vm_ops = vram_shape_remap_vm_ops;
		break;
	case VRAM_TEST_PEER_INSERT_HUGE:
		shape->ops.vm_ops = vram_shape_huge_vm_ops;
		break;
	default:
		shape->ops.vm_ops = vram_shape_peer_vm_ops;
	}
}

static void vram_shape_set_own_ops(struct vram_shape *shape)
{
	struct vmf_range_ops *ops = &shape->ops;
	u32 flags = shape->args.flags;

	ops->vm_ops = vram_shape_own_vm_ops;
	if (flags & VRAM_TEST_SHAPE_OWN_HUGE)
		ops->vm_ops.huge_fault = vram_shape_huge_fault;
	if (flags & VRAM_TEST_SHAPE_OWN_MKWRITE)
		ops->vm_ops.pfn_mkwrite = vram_shape_pfn_mkwrite;
}

static void vram_shape_set_ops(struct vram_shape *shape)
{
	struct vmf_range_ops *ops = &shape->ops;
	u32 flags = shape->args.flags;

	if (flags & VRAM_TEST_SHAPE_OWN_OPS) {
		vram_shape_set_own_ops(shape);
		return;
	}
	if (shape->args.peer) {
		vram_shape_set_peer_ops(shape);
		return;
	}
	ops->vm_ops = vram_shape_vm_ops;
	ops->fault = vram_shape_fault;
	ops->open = vram_shape_vm_open;
	ops->close = vram_shape_vm_close;
	ops->max_ptes = shape->args.max_ptes;
	if (!(flags & VRAM_TEST_SHAPE_NO_PUD))
		ops->flags |= VMF_RANGE_PUD;
	if (flags & VRAM_TEST_SHAPE_DIRTY) {
		if (shape->args.lie != VRAM_TEST_LIE_NO_DIRTY)
			ops->dirty = vram_shape_dirty;
		if (shape->args.lie != VRAM_TEST_LIE_HALF_DIRTY)
			ops->vm_ops = vram_shape_dirty_vm_ops;
	}
	if (shape->args.lie == VRAM_TEST_LIE_NO_MAY_SPLIT)
		ops->vm_ops.may_split = NULL;
	if (flags & VRAM_TEST_SHAPE_DIRTY_LEAVES)
		ops->flags |= VMF_RANGE_DIRTY_LEAVES;
}

static void vram_shape_free(struct vram_shape *shape)
{
	vmf_range_dirty_fini(&shape->dirty);
	sg_free_table(&shape->sgt);
	vram_shape_free_ram(shape);
	kvfree(shape->list.blocks);
	kfree(shape);
}

static int vram_shape_fill(struct vram_shape *shape)
{
	struct vram_test_extent *extents;
	int ret;

	extents = vmemdup_array_user(u64_to_user_ptr(shape->args.extents),
				     shape->args.nr, sizeof(*extents));
	if (IS_ERR(extents))
		return PTR_ERR(extents);
	ret = vram_shape_check(shape, extents);
	if (!ret)
		ret = vram_shape_make_list(shape, extents);
	kvfree(extents);
	if (!ret)
		ret = vram_shape_make_iter(shape);
	if (!ret && (shape->args.flags & VRAM_TEST_SHAPE_DIRTY))
		ret = vmf_range_dirty_init(&shape->dirty, 0, shape->nr_pages);
	return ret ?: vram_shape_tell_pfns(shape);
}

/**
 * vram_shape_make - a shape from what a test says
 * @vram: the device
 * @args: what VRAM_TEST_SHAPE came with
 *
 * Return: the shape with one reference, or ERR_PTR().
 */
struct vram_shape *vram_shape_make(struct virtio_vram *vram,
				   const struct vram_test_shape *args)
{
	struct vram_shape *shape;
	int ret;

	if (args->peer >= VRAM_TEST_NR_PEERS ||
	    (args->peer && (args->iter || args->flags)) ||
	    args->iter >= VRAM_TEST_NR_ITERS ||
	    args->cache >= VRAM_TEST_NR_CACHES || args->lie >= VRAM_TEST_NR_LIES ||
	    args->flags & ~VRAM_TEST_SHAPE_FLAGS ||
	    args->nr > VRAM_SHAPE_MAX_EXTENTS)
		return ERR_PTR(-EINVAL);

	shape = kzalloc(sizeof(*shape), GFP_KERNEL);
	if (!shape)
		return ERR_PTR(-ENOMEM);
	refcount_set(&shape->users, 1);
	shape->vram = vram;
	shape->args = *args;
	vram_shape_set_ops(shape);
	ret = vram_shape_fill(shape);
	if (ret) {
		vram_shape_free(shape);
		return ERR_PTR(ret);
	}
	return shape;
}

/**
 * vram_shape_get - take a reference
 * @shape: the shape
 */
void vram_shape_get(struct vram_shape *shape)
{
	refcount_inc(&shape->users);
}

/**
 * vram_shape_put - drop a reference
 * @shape: the shape; freed with the last one
 */
void vram_shape_put(struct vram_shape *shape)
{
	if (refcount_dec_and_test(&shape->users))
		vram_shape_free(shape);
}

/* A driver may find that it cannot go on when all is mapped. */
static int vram_shape_mapped(const struct vram_shape *shape,
			     struct vm_area_struct *vma, int ret)
{
	if (ret || shape->args.lie != VRAM_TEST_LIE_LATE_ERROR)
		return ret;
	vmf_remap_undo(vma);
	return -EIO;
}

/* As a driver does today that maps its registers at mmap(). */
static int vram_shape_remap(struct vram_shape *shape, struct vm_area_struct *vma)
{
	pgprot_t prot = vram_shape_prot(shape, vma->vm_page_prot);
	pgoff_t first = vma->vm_pgoff, end = first + vma_pages(vma);
	int ret = 0;
	u32 i;

	for (i = 0; i < shape->list.nr && !ret; i++) {
		const struct vmf_range_block *b = &shape->list.blocks[i];
		pgoff_t from = max(b->pgoff, first);
		pgoff_t to = min(b->pgoff + b->nr_pages, end);

		if (from >= to)
			continue;
		ret = vmf_remap_range(vma, vma->vm_start +
				      ((from - first) << PAGE_SHIFT),
				      b->pfn + (from - b->pgoff),
				      (to - from) << PAGE_SHIFT, prot);
	}
	return vram_shape_mapped(shape, vma, ret);
}

static int vram_shape_populate(struct vram_shape *shape,
			       struct vm_area_struct *vma)
{
	union vram_shape_iter iter;
	void *priv;
	vmf_range_block_fn fn = vram_shape_iter_begin(shape, &iter, &priv);
	int ret = vmf_remap_blocks(vma, fn, priv,
				   vram_shape_prot(shape, vma->vm_page_prot));

	return vram_shape_mapped(shape, vma, ret);
}

/* vmf_insert_pfn() and its kin take the cache bits from the VMA. */
static int vram_shape_peer_mmap(struct vram_shape *shape,
				struct vm_area_struct *vma)
{
	int ret;

	vma->vm_page_prot = vram_shape_prot(shape, vma->vm_page_prot);
	if (!shape->ops.vm_ops.fault) {
		ret = vram_peer_remap(vma, shape->args.peer, shape);
		if (ret)
			return ret;
	}
	vma->vm_ops = &shape->ops.vm_ops;
	vram_shape_get(shape);
	return 0;
}

/**
 * vram_shape_mmap - map a shape
 * @shape: the shape
 * @vma: the VMA, its offset counted in pages of the shape
 *
 * Return: 0 or a negative errno.
 */
int vram_shape_mmap(struct vram_shape *shape, struct vm_area_struct *vma)
{
	bool remap = shape->args.flags & VRAM_TEST_SHAPE_REMAP;
	int ret = 0, idx;

	if (is_cow_mapping(vma->vm_flags) || (remap && vram_shape_is_ram(shape)))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	if (shape->args.peer == VRAM_TEST_PEER_INSERT_MIXED)
		vm_flags_set(vma, VM_MIXEDMAP);
	else if (shape->args.lie != VRAM_TEST_LIE_NOT_PFNMAP)
		vm_flags_set(vma, VM_PFNMAP);

	if (!drm_dev_enter(shape->vram->drm, &idx))
		return -ENODEV;
	if (remap) {
		ret = vram_shape_remap(shape, vma);
	} else if (shape->args.peer) {
		ret = vram_shape_peer_mmap(shape, vma);
	} else {
		vma->vm_ops = &shape->ops.vm_ops;
		if (shape->args.flags & VRAM_TEST_SHAPE_POPULATE)
			ret = vram_shape_populate(shape, vma);
		if (!ret)
			vram_shape_get(shape);
	}
	drm_dev_exit(idx);
	return ret;
}

/**
 * vram_shape_area - choose an address for a shape, by its longest block
 * @shape: the shape
 * @file: as for &file_operations.get_unmapped_area
 * @addr: likewise
 * @len: likewise
 * @pgoff: likewise
 * @flags: likewise
 *
 * Return: an address or a negative errno.
 */
unsigned long vram_shape_area(struct vram_shape *shape, struct file *file,
			      unsigned long addr, unsigned long len,
			      unsigned long pgoff, unsigned long flags)
{
	const struct vmf_range_block *best = &shape->list.blocks[0];
	struct vmf_range_block block;
	u32 i;

	for (i = 1; i < shape->list.nr; i++) {
		if (shape->list.blocks[i].nr_pages > best->nr_pages)
			best = &shape->list.blocks[i];
	}
	block = *best;
	if (shape->pages)
		block.pfn = page_to_pfn(shape->pages[block.pgoff]);
	return vmf_range_get_unmapped_area(file, addr, len, pgoff, flags, &block);
}

/**
 * vram_shape_refs - who refers to the system memory of a shape
 * @shape: the shape
 *
 * Return: the references of all its folios; pins count 1024 each, as the kernel has
 * it (GUP_PIN_COUNTING_BIAS).
 */
u64 vram_shape_refs(const struct vram_shape *shape)
{
	u64 i = 0, refs = 0;

	while (shape->pages && i < shape->nr_pages) {
		struct folio *folio;

		if (!shape->pages[i]) {
			i++;
			continue;
		}
		folio = page_folio(shape->pages[i]);
		refs += folio_ref_count(folio);
		i += folio_nr_pages(folio);
	}
	return refs;
}

/**
 * vram_shape_calls - how often the fault handler was called
 * @shape: the shape
 * @calls: filled in
 */
void vram_shape_calls(struct vram_shape *shape, struct vram_test_calls *calls)
{
	calls->calls = atomic_read(&shape->calls);
	calls->vma_locked = atomic_read(&shape->calls_vma_locked);
}

/**
 * vram_shape_zap - take pages away from those who map them
 * @shape: the shape
 * @mapping: of the test node
 * @page: first page
 * @nr_pages: how many
 */
void vram_shape_zap(struct vram_shape *shape, struct address_space *mapping,
		    pgoff_t page, unsigned long nr_pages)
{
	atomic_inc(&shape->zaps);
	if (shape->args.peer)
		unmap_mapping_pages(mapping, page, nr_pages, false);
	else
		vmf_range_zap(mapping, page, nr_pages);
}

/**
 * vram_shape_harvest - the next run of dirty pages
 * @shape: the shape
 * @mapping: of the test node
 * @args: what VRAM_TEST_HARVEST came with
 *
 * Return: 0, or -EINVAL if the shape is not tracked.
 */
int vram_shape_harvest(struct vram_shape *shape, struct address_space *mapping,
		       struct vram_test_harvest *args)
{
	pgoff_t at = args->page;

	if (!shape->dirty.bitmap)
		return -EINVAL;
	args->nr_pages = vmf_range_dirty_harvest(&shape->dirty, mapping, &at,
						 args->end);
	args->page = at;
	return 0;
}
