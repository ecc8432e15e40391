// SPDX-License-Identifier: MIT
/*
 * The model of a mapping: which leaf must be where, which faults fill it.
 *
 * The rule for leaves: at each address the largest of PUD, PMD and PTE whose
 * span lies inside one block and inside the mapping, with a virtual and a
 * physical address that both are multiples of its size.
 *
 * The rule for a fault, in steps of 2 MiB slots:
 *  - its own slot is filled: by the huge leaf that holds it, or with PTEs;
 *  - then the fill grows upwards, and after that downwards, through slots in
 *    huge leaves, and through a slot of PTEs that lies directly beside a huge
 *    leaf if what is left of the PTE budget pays for all of it;
 *  - in each direction it ends at the first slot that it does not fill, or
 *    whose huge leaf is there already.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model.h"

#define SLOT_PAGES	(VRAM_PMD / VRAM_PAGE)

static void alloc_pages(struct model *m, const void *addr, size_t len)
{
	m->va = (uintptr_t)addr;
	m->nr_pages = len / VRAM_PAGE;
	m->pa = calloc(m->nr_pages, sizeof(*m->pa));
	m->shift = malloc(m->nr_pages);
	if (!m->pa || !m->shift)
		vram_fail("no memory for a model of %#zx bytes\n", len);
	memset(m->shift, 12, m->nr_pages);
}

/* Enter one block that backs [first, last] of the address space. */
static void add_block(struct model *m, uint64_t first, uint64_t last,
		      uint64_t pa)
{
	uint64_t end = m->va + m->nr_pages * VRAM_PAGE;
	unsigned int shift;
	uint64_t at;

	if (first < m->va) {
		pa += m->va - first;
		first = m->va;
	}
	if (last >= end)
		last = end - 1;

	for (at = first; at < last; at += VRAM_PAGE)
		m->pa[(at - m->va) / VRAM_PAGE] = pa + (at - first);

	/* The larger size comes second and so has the last word. */
	for (shift = 21; shift <= 30; shift += 9) {
		uint64_t size = 1ull << shift;

		if ((first - pa) % size)
			continue;
		for (at = (first + size - 1) / size * size;
		     at + size - 1 <= last; at += size)
			memset(&m->shift[(at - m->va) / VRAM_PAGE], shift,
			       size / VRAM_PAGE);
	}
}

/**
 * model_init - the model of a mapped buffer
 * @m: filled in; ended by model_fini()
 * @v: device
 * @bo: buffer
 * @from: offset in it where the mapping begins
 * @addr: the mapping
 * @len: its length
 */
void model_init(struct model *m, const struct vram *v,
		const struct vram_bo *bo, uint64_t from, const void *addr,
		size_t len)
{
	uint64_t at = 0;
	unsigned int i;

	alloc_pages(m, addr, len);
	for (i = 0; i < bo->nr_blocks; at += bo->blocks[i].len, i++) {
		const struct vram_test_block *b = &bo->blocks[i];

		if (at + b->len <= from || at >= from + len)
			continue;
		add_block(m, m->va - from + at, m->va - from + at + b->len - 1,
			  v->base_pfn * VRAM_PAGE + b->offset);
	}
}

/* The model of a mapping that one endless block backs. */
void model_init_flat(struct model *m, uint64_t pa, const void *addr,
		     size_t len)
{
	alloc_pages(m, addr, len);
	add_block(m, m->va, m->va + len - 1, pa);
}

void model_fini(struct model *m)
{
	free(m->pa);
	free(m->shift);
}

static uint64_t page_va(const struct model *m, unsigned long page)
{
	return m->va + page * VRAM_PAGE;
}

static uint64_t last_va(const struct model *m)
{
	return m->va + m->nr_pages * VRAM_PAGE - 1;
}

static bool page_is_huge(const struct model *m, unsigned long page)
{
	return m->shift[page] > 12;
}

/* First page of a slot, counted from the 2 MiB below the mapping's start. */
static unsigned long slot_page(const struct model *m, unsigned long slot)
{
	uint64_t va = (m->va / VRAM_PMD + slot) * VRAM_PMD;

	return va < m->va ? 0 : (va - m->va) / VRAM_PAGE;
}

static unsigned long slot_of(const struct model *m, unsigned long page)
{
	return page_va(m, page) / VRAM_PMD - m->va / VRAM_PMD;
}

static unsigned long slot_end(const struct model *m, unsigned long slot)
{
	unsigned long end = slot_page(m, slot + 1);

	return end < m->nr_pages ? end : m->nr_pages;
}

/**
 * model_sum - how many leaves of each level, and what their tables take
 * @m: the model
 *
 * The tables are those of a mapping that has its 512 GiB to itself.
 */
struct model_sum model_sum(const struct model *m)
{
	struct model_sum sum = { .table_bytes = VRAM_PAGE };
	uint64_t pmd_table = -1, pte_table = -1;
	unsigned long page = 0;

	while (page < m->nr_pages) {
		uint64_t va = page_va(m, page);

		if (m->shift[page] != 30 && va / VRAM_PUD != pmd_table) {
			pmd_table = va / VRAM_PUD;
			sum.table_bytes += VRAM_PAGE;
		}
		if (m->shift[page] == 12 && va / VRAM_PMD != pte_table) {
			pte_table = va / VRAM_PMD;
			sum.table_bytes += VRAM_PAGE;
		}
		sum.pud += m->shift[page] == 30;
		sum.pmd += m->shift[page] == 21;
		sum.pte += m->shift[page] == 12;
		page += 1ul << (m->shift[page] - 12);
	}
	return sum;
}

struct fill {
	const struct model *m;
	bool *mapped;
	unsigned long budget;
	unsigned long new_pages;
};

static void fill_slot(struct fill *f, unsigned long slot)
{
	unsigned long page;

	for (page = slot_page(f->m, slot); page < slot_end(f->m, slot); page++) {
		f->new_pages += !f->mapped[page];
		f->mapped[page] = true;
	}
}

/* Fill a slot if the rule of growth lets it; say whether growth goes on. */
static bool grow(struct fill *f, unsigned long slot, bool *beside_huge)
{
	unsigned long first = slot_page(f->m, slot);
	unsigned long pages = slot_end(f->m, slot) - first;
	bool huge = page_is_huge(f->m, first);

	if (huge ? f->mapped[first] : !*beside_huge || pages > f->budget)
		return false;
	if (!huge)
		f->budget -= pages;
	*beside_huge = huge;
	fill_slot(f, slot);
	return true;
}

/**
 * model_fault_fill - what one fault maps
 * @m: the model
 * @mapped: which pages are mapped; updated
 * @page: the page that is touched
 *
 * Return: the number of pages that were not mapped before.
 */
unsigned long model_fault_fill(const struct model *m, bool *mapped,
			       unsigned long page)
{
	struct fill f = { .m = m, .mapped = mapped,
			  .budget = MODEL_PTE_BUDGET };
	unsigned long own = slot_of(m, page);
	unsigned long last = slot_of(m, m->nr_pages - 1);
	bool huge = page_is_huge(m, page);
	bool beside_huge;
	unsigned long slot;

	fill_slot(&f, own);
	if (!huge)
		f.budget -= slot_end(m, own) - slot_page(m, own);

	beside_huge = huge;
	for (slot = own + 1; slot <= last; slot++)
		if (!grow(&f, slot, &beside_huge))
			break;
	beside_huge = huge;
	for (slot = own; slot-- > 0;)
		if (!grow(&f, slot, &beside_huge))
			break;
	return f.new_pages;
}

/* How many faults it takes to touch every page once, upwards. */
unsigned long model_faults(const struct model *m)
{
	bool *mapped = calloc(m->nr_pages, sizeof(*mapped));
	unsigned long page, faults = 0;

	if (!mapped)
		vram_fail("no memory for a model\n");
	for (page = 0; page < m->nr_pages; page++) {
		if (mapped[page])
			continue;
		faults++;
		model_fault_fill(m, mapped, page);
	}
	free(mapped);
	return faults;
}

static void check_leaf(const struct model *m, const struct vram_test_leaf *leaf,
		       unsigned long page, int prot)
{
	unsigned int flags = VRAM_TEST_LEAF_SPECIAL;

	if (prot & PROT_WRITE)
		flags |= VRAM_TEST_LEAF_WRITE;
	if (leaf->addr == page_va(m, page) &&
	    leaf->shift == m->shift[page] &&
	    leaf->pfn == m->pa[page] / VRAM_PAGE &&
	    leaf->flags == flags)
		return;
	vram_fail("leaf at %#llx: level %u, pfn %#llx, flags %#x; must be at %#llx: level %u, pfn %#llx, flags %#x\n",
		  (unsigned long long)leaf->addr, leaf->shift,
		  (unsigned long long)leaf->pfn, leaf->flags,
		  (unsigned long long)page_va(m, page), m->shift[page],
		  (unsigned long long)(m->pa[page] / VRAM_PAGE), flags);
}

/**
 * model_check_mapped - compare the page tables with the model
 * @m: the model
 * @v: device
 * @prot: PROT_* of the mapping
 * @mapped: which pages must be mapped; the others must not be
 */
void model_check_mapped(const struct model *m, const struct vram *v, int prot,
			const bool *mapped)
{
	unsigned int nr, i = 0;
	struct vram_test_leaf *leaves =
		vram_leaves(v, (void *)m->va, last_va(m) - m->va + 1, &nr);
	unsigned long page = 0;

	while (page < m->nr_pages) {
		if (mapped && !mapped[page]) {
			page++;
			continue;
		}
		if (i == nr)
			vram_fail("no leaf at %#llx, where level %u must be\n",
				  (unsigned long long)page_va(m, page),
				  m->shift[page]);
		check_leaf(m, &leaves[i++], page, prot);
		page += 1ul << (m->shift[page] - 12);
	}
	if (i != nr)
		vram_fail("leaf at %#llx, where nothing must be mapped\n",
			  (unsigned long long)leaves[i].addr);
	free(leaves);
}

/* The same with every page mapped. */
void model_check(const struct model *m, const struct vram *v, int prot)
{
	model_check_mapped(m, v, prot, NULL);
}
