// SPDX-License-Identifier: MIT
/*
 * The model of a mapping: which leaf must be where.
 *
 * The rule for leaves: at each address the largest of PUD, PMD and PTE whose
 * span lies inside one block and inside the mapping, with a virtual and a
 * physical address that both are multiples of its size.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model.h"

static void alloc_pages(struct model *m, const void *addr, size_t len)
{
	m->va = (uintptr_t)addr;
	m->nr_pages = len / VRAM_PAGE;
	m->pa = calloc(m->nr_pages, sizeof(*m->pa));
	m->shift = malloc(m->nr_pages);
	m->block = calloc(m->nr_pages, sizeof(*m->block));
	if (!m->pa || !m->shift || !m->block)
		vram_fail("no memory for a model of %#zx bytes\n", len);
	memset(m->shift, 0, m->nr_pages);
	m->nr_blocks = 0;
	m->max_shift = vram_max_shift;
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

	for (at = first; at < last; at += VRAM_PAGE) {
		m->pa[(at - m->va) / VRAM_PAGE] = pa + (at - first);
		m->shift[(at - m->va) / VRAM_PAGE] = 12;
		m->block[(at - m->va) / VRAM_PAGE] = m->nr_blocks;
	}
	m->nr_blocks++;

	/* The larger size comes second and so has the last word. */
	for (shift = 21; shift <= m->max_shift; shift += 9) {
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

/**
 * model_init_blocks - the model of a mapping of any blocks
 * @m: filled in; ended by model_fini()
 * @blocks: the blocks, which must not overlap
 * @nr: how many
 * @max_shift: log2 of the largest leaf that there may be
 * @from: page in which the mapping begins
 * @addr: the mapping
 * @len: its length
 */
void model_init_blocks(struct model *m, const struct model_block *blocks,
		       unsigned int nr, unsigned int max_shift, uint64_t from,
		       const void *addr, size_t len)
{
	unsigned int i;

	alloc_pages(m, addr, len);
	if (max_shift < vram_max_shift)
		m->max_shift = max_shift;
	for (i = 0; i < nr; i++) {
		const struct model_block *b = &blocks[i];

		if (b->page + b->nr_pages <= from ||
		    b->page >= from + m->nr_pages)
			continue;
		add_block(m, m->va + (b->page - from) * VRAM_PAGE,
			  m->va + (b->page - from + b->nr_pages) * VRAM_PAGE - 1,
			  b->pfn * VRAM_PAGE);
	}
}

void model_fini(struct model *m)
{
	free(m->pa);
	free(m->shift);
	free(m->block);
}

static uint64_t page_va(const struct model *m, unsigned long page)
{
	return m->va + page * VRAM_PAGE;
}

static uint64_t last_va(const struct model *m)
{
	return m->va + m->nr_pages * VRAM_PAGE - 1;
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

		if (!m->shift[page]) {
			page++;
			continue;
		}
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
 * model_check - compare the page tables with the model
 * @m: the model
 * @v: device
 * @prot: PROT_* of the mapping
 *
 * All of the mapping has been touched, but for holes.
 */
void model_check(const struct model *m, const struct vram *v, int prot)
{
	unsigned int nr, i = 0;
	struct vram_test_leaf *leaves =
		vram_leaves(v, (void *)m->va, last_va(m) - m->va + 1, &nr);
	unsigned long page = 0;

	while (page < m->nr_pages) {
		if (!m->shift[page]) {
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
