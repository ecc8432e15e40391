// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages were written to since somebody last looked.
 *
 * A write fault makes an entry writable and then sets the bit, both under the
 * page-table lock (vmf_walk_make_writable()). The harvest clears the bit and then
 * zaps, under the same lock. So no write is lost:
 *
 *	fault before zap:  the write was harvested now; its bit may be set again,
 *			   for nothing.
 *	fault after zap:   its bit is set after the harvest cleared it, and stays.
 *
 * The other way round, first zap and then clear, a fault in between would leave a
 * writable page without a bit.
 */
#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/vmf_range.h>

/**
 * vmf_range_dirty_init - begin with nothing dirty
 * @dirty: filled in
 * @pgoff: page offset in the mapped file of the object
 * @nr_pages: length of the object
 *
 * Context: process context, may sleep.
 * Return: 0, -ENOMEM, or -EINVAL for no pages or too many for a bitmap.
 */
int vmf_range_dirty_init(struct vmf_range_dirty *dirty, pgoff_t pgoff,
			 unsigned long nr_pages)
{
	if (!nr_pages || nr_pages > UINT_MAX)
		return -EINVAL;
	dirty->bitmap = kvcalloc(BITS_TO_LONGS(nr_pages), sizeof(long),
				 GFP_KERNEL_ACCOUNT);
	if (!dirty->bitmap)
		return -ENOMEM;
	dirty->pgoff = pgoff;
	dirty->nr_pages = nr_pages;
	return 0;
}
EXPORT_SYMBOL_GPL(vmf_range_dirty_init);

/**
 * vmf_range_dirty_fini - free what vmf_range_dirty_init() allocated
 * @dirty: the bitmap; no VMA can report to it any more
 */
void vmf_range_dirty_fini(struct vmf_range_dirty *dirty)
{
	kvfree(dirty->bitmap);
	dirty->bitmap = NULL;
}
EXPORT_SYMBOL_GPL(vmf_range_dirty_fini);

/*
 * As set_bit() for each. Others may change bits of the same words; but what a word is
 * once all its bits are set does not depend on what it was.
 */
static void set_bits(unsigned long *bitmap, unsigned long from, unsigned long to)
{
	while (from < to) {
		if (from % BITS_PER_LONG || to - from < BITS_PER_LONG) {
			set_bit(from++, bitmap);
		} else {
			WRITE_ONCE(bitmap[BIT_WORD(from)], ~0UL);
			from += BITS_PER_LONG;
		}
	}
}

/**
 * vmf_range_dirty_mark - pages are being written to
 * @dirty: the bitmap
 * @pgoff: page offset in the mapped file of the first
 * @nr_pages: how many; those outside the object do not count
 *
 * For &vmf_range_ops.dirty.
 *
 * Context: any. For a write through an entry, with the page-table lock held under which
 * that was changed; for one by other means, after it.
 */
void vmf_range_dirty_mark(struct vmf_range_dirty *dirty, pgoff_t pgoff,
			  unsigned long nr_pages)
{
	unsigned long from = 0, to;

	if (pgoff > dirty->pgoff)
		from = pgoff - dirty->pgoff;
	else if (nr_pages > dirty->pgoff - pgoff)
		nr_pages -= dirty->pgoff - pgoff;
	else
		return;
	if (from >= dirty->nr_pages)
		return;
	to = from + min(nr_pages, dirty->nr_pages - from);

	/* The entry before the bit that tells of it: see the harvest. */
	smp_mb();
	set_bits(dirty->bitmap, from, to);
}
EXPORT_SYMBOL_GPL(vmf_range_dirty_mark);

/**
 * vmf_range_dirty_harvest - take the next run of dirty pages, and watch it again
 * @dirty: the bitmap
 * @mapping: of the file whose mappings report to @dirty
 * @pgoff: in: where to begin; out: first page of the run
 * @end: page offset after the last that is of interest
 *
 * The pages of the run are clean when this returns, and not mapped: what was
 * written before can be read now, and whatever is written later is reported again.
 * To take all::
 *
 *	for (at = start; (nr = vmf_range_dirty_harvest(d, m, &at, end)); at += nr)
 *		copy(at, nr);
 *
 * Context: process context, may sleep; as vmf_range_zap(). Harvests may run at the
 * same time: a page goes to one of them.
 * Return: length of the run in pages, 0 if there is no dirty page up to @end.
 */
unsigned long vmf_range_dirty_harvest(struct vmf_range_dirty *dirty,
				      struct address_space *mapping,
				      pgoff_t *pgoff, pgoff_t end)
{
	unsigned long from = *pgoff > dirty->pgoff ? *pgoff - dirty->pgoff : 0;
	unsigned long to, nr = 0;

	if (end <= dirty->pgoff)
		return 0;
	to = min(dirty->nr_pages, end - dirty->pgoff);

	while (!nr) {
		from = find_next_bit(dirty->bitmap, to, from);
		if (from >= to)
			return 0;
		/* An atomic operation with a return value is a full barrier. */
		while (from + nr < to &&
		       test_and_clear_bit(from + nr, dirty->bitmap))
			nr++;
		from += !nr;
	}
	*pgoff = dirty->pgoff + from;
	vmf_range_zap(mapping, *pgoff, nr);
	return nr;
}
EXPORT_SYMBOL_GPL(vmf_range_dirty_harvest);
