// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is mapped where: an independent witness, for tests.
 *
 * It shares no code with vmf_range. Levels come from a walk of its own, entries
 * from follow_pfnmap_start().
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "virtio_vram.h"
#include "virtio_vram_test.h"

/*
 * How much of the address space the lowest existing entry at @addr stands for:
 * 2^return bytes. Tables of a live VMA go away under mmap_lock, held by the
 * caller, or, where an empty one is replaced by a leaf, after an RCU grace
 * period.
 */
static unsigned int vram_test_level(struct mm_struct *mm, unsigned long addr)
{
	unsigned int shift = PGDIR_SHIFT;
	pgd_t *pgd;
	p4d_t *p4d;
	pud_t *pud, pud_val;
	pmd_t *pmd, pmd_val;

	rcu_read_lock();
	pgd = pgd_offset(mm, addr);
	if (pgd_none(READ_ONCE(*pgd)))
		goto out;

	shift = P4D_SHIFT;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(READ_ONCE(*p4d)))
		goto out;

	shift = PUD_SHIFT;
	pud = pud_offset(p4d, addr);
	pud_val = READ_ONCE(*pud);
	if (pud_none(pud_val) || pud_leaf(pud_val))
		goto out;

	shift = PMD_SHIFT;
	pmd = pmd_offset(&pud_val, addr);
	pmd_val = READ_ONCE(*pmd);
	if (pmd_none(pmd_val) || pmd_leaf(pmd_val))
		goto out;

	shift = PAGE_SHIFT;
out:
	rcu_read_unlock();
	return shift;
}

/* Look at one address. Return: whether there is a leaf; how far it goes. */
static bool vram_test_leaf_at(struct vm_area_struct *vma, unsigned long addr,
			      struct vram_test_leaf *leaf, unsigned int *shift)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	unsigned long in_leaf;

	if (follow_pfnmap_start(&args)) {
		*shift = vram_test_level(vma->vm_mm, addr);
		return false;
	}

	/* The lock that protects the entry is held: its level cannot change. */
	*shift = vram_test_level(vma->vm_mm, addr);
	in_leaf = addr & (BIT(*shift) - 1);
	*leaf = (struct vram_test_leaf){
		.addr = addr - in_leaf,
		.pfn = args.pfn - (in_leaf >> PAGE_SHIFT),
		.prot = pgprot_val(args.pgprot),
		.shift = *shift,
		.flags = (args.writable ? VRAM_TEST_LEAF_WRITE : 0) |
			 (args.special ? VRAM_TEST_LEAF_SPECIAL : 0),
	};
	follow_pfnmap_end(&args);
	return true;
}

/* Leaves that one lock round reports: a page of them. */
#define VRAM_TEST_LEAVES_MAX	(PAGE_SIZE / sizeof(struct vram_test_leaf))

/*
 * Collect leaves in [*addr, end); advances *addr past what was looked at.
 * Return: how many.
 */
static u32 vram_test_collect(struct mm_struct *mm, unsigned long *addr,
			     unsigned long end, struct vram_test_leaf *leaves,
			     u32 max)
{
	struct vm_area_struct *vma;
	unsigned int shift;
	u32 n = 0;

	mmap_assert_locked(mm);
	while (*addr < end && n < max && !fatal_signal_pending(current)) {
		unsigned long step;

		vma = find_vma(mm, *addr);
		if (!vma || vma->vm_start >= end) {
			*addr = end;
			break;
		}
		if (!(vma->vm_flags & (VM_PFNMAP | VM_IO))) {
			*addr = min(vma->vm_end, end);
			continue;
		}
		*addr = max(*addr, vma->vm_start);

		if (vram_test_leaf_at(vma, *addr, &leaves[n], &shift))
			n++;
		step = (*addr & ~(BIT(shift) - 1)) + BIT(shift);
		*addr = min3(step, vma->vm_end, end);
		cond_resched();
	}
	return n;
}

int vram_test_leaves(struct vram_test_leaves *args)
{
	struct vram_test_leaf __user *to = u64_to_user_ptr(args->leaves);
	struct mm_struct *mm = current->mm;
	unsigned long addr = args->addr, end = args->addr + args->len;
	struct vram_test_leaf *leaves;
	u32 done = 0, n;
	int ret = 0;

	if (args->pad || !PAGE_ALIGNED(args->addr | args->len) ||
	    end < addr || end > TASK_SIZE)
		return -EINVAL;

	leaves = (void *)__get_free_page(GFP_KERNEL);
	if (!leaves)
		return -ENOMEM;

	/* Not copied out under mmap_lock: the copy can fault and wants it. */
	while (addr < end && done < args->nr) {
		ret = mmap_read_lock_killable(mm);
		if (ret)
			break;
		n = vram_test_collect(mm, &addr, end, leaves,
				      min_t(u32, args->nr - done,
					    VRAM_TEST_LEAVES_MAX));
		mmap_read_unlock(mm);

		if (fatal_signal_pending(current))
			ret = -EINTR;
		else if (copy_to_user(to + done, leaves, n * sizeof(*leaves)))
			ret = -EFAULT;
		if (ret)
			break;
		done += n;
	}

	free_page((unsigned long)leaves);
	args->nr = done;
	args->next = addr;
	return ret;
}
