/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernel versions, configurations and architectures.
 *
 * Oldest kernel: 6.12, the first with special PMD and PUD entries.
 */
#ifndef _VMF_RANGE_COMPAT_H_
#define _VMF_RANGE_COMPAT_H_

#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/version.h>

#include <asm/pgalloc.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "vmf_range needs Linux 6.12 or later"
#endif

/*
 * A module can make page tables where their lock lies inside struct ptdesc.
 * Where it does not fit (lockdep, DEBUG_SPINLOCK, PREEMPT_RT) the core allocates
 * it with functions that are not exported.
 */
#if defined(CONFIG_SPLIT_PTE_PTLOCKS) && ALLOC_SPLIT_PTLOCKS
#define VMF_CAN_MAKE_TABLES 0
#else
#define VMF_CAN_MAKE_TABLES 1
#endif

/* An annotation for sparse, until 7.0. */
#ifndef __cond_lock
#define __cond_lock(lock, condition)	(condition)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>

#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
static inline vm_fault_t vmf_compat_upgrade_pmd(struct vm_fault *vmf,
						unsigned long pfn)
{
	return vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, 0), true);
}
#endif

#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
static inline vm_fault_t vmf_compat_upgrade_pud(struct vm_fault *vmf,
						unsigned long pfn)
{
	return vmf_insert_pfn_pud(vmf, __pfn_to_pfn_t(pfn, 0), true);
}
#endif
#else
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
static inline vm_fault_t vmf_compat_upgrade_pmd(struct vm_fault *vmf,
						unsigned long pfn)
{
	return vmf_insert_pfn_pmd(vmf, pfn, true);
}
#endif

#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
static inline vm_fault_t vmf_compat_upgrade_pud(struct vm_fault *vmf,
						unsigned long pfn)
{
	return vmf_insert_pfn_pud(vmf, pfn, true);
}
#endif
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
static inline bool vmf_compat_pte_table_init(struct ptdesc *table)
{
	return pagetable_pte_ctor(table);
}

static inline bool vmf_compat_pmd_table_init(struct ptdesc *table)
{
	return pagetable_pmd_ctor(table);
}
#else
/*
 * pagetable_pte_ctor() and pagetable_pmd_ctor() compare with init_mm, which
 * modules cannot see; for a user mm they come down to this.
 */
static inline bool vmf_compat_pte_table_init(struct ptdesc *table)
{
	if (!ptlock_init(table))
		return false;
	__pagetable_ctor(table);
	return true;
}

static inline bool vmf_compat_pmd_table_init(struct ptdesc *table)
{
	if (!pmd_ptlock_init(table))
		return false;
	ptdesc_pmd_pts_init(table);
	__pagetable_ctor(table);
	return true;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
static inline void vmf_compat_pte_table_fini(struct ptdesc *table)
{
	pagetable_pte_dtor(table);
}

static inline void vmf_compat_pmd_table_fini(struct ptdesc *table)
{
	pagetable_pmd_dtor(table);
}
#else
static inline void vmf_compat_pte_table_fini(struct ptdesc *table)
{
	pagetable_dtor(table);
}

static inline void vmf_compat_pmd_table_fini(struct ptdesc *table)
{
	pagetable_dtor(table);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
static inline void vmf_compat_zap(struct vm_area_struct *vma,
				  unsigned long addr, unsigned long size)
{
	zap_vma_ptes(vma, addr, size);
}
#else
static inline void vmf_compat_zap(struct vm_area_struct *vma,
				  unsigned long addr, unsigned long size)
{
	zap_special_vma_range(vma, addr, size);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
static inline unsigned long
vmf_compat_get_unmapped_area(struct file *file, unsigned long addr,
			     unsigned long len, unsigned long pgoff,
			     unsigned long flags)
{
	return mm_get_unmapped_area(current->mm, file, addr, len, pgoff, flags);
}
#else
static inline unsigned long
vmf_compat_get_unmapped_area(struct file *file, unsigned long addr,
			     unsigned long len, unsigned long pgoff,
			     unsigned long flags)
{
	return mm_get_unmapped_area(file, addr, len, pgoff, flags);
}
#endif

#ifdef CONFIG_X86_64
#include <linux/capability.h>
#include <linux/smp.h>

#include <asm/cpufeature.h>
#include <asm/invpcid.h>
#include <asm/processor.h>
#include <asm/special_insns.h>

/* The PAT bit of a leaf is not where a PTE has it (SDM vol. 3, 4.9.2). */
static inline pgprot_t vmf_compat_large_prot(pgprot_t prot)
{
	return pgprot_4k_2_large(prot);
}

static inline bool vmf_compat_cpu_has_pud_leaves(void)
{
	return boot_cpu_has(X86_FEATURE_GBPAGES);
}

/* First PFN that the CPU cannot address. */
static inline unsigned long vmf_compat_end_pfn(void)
{
	return 1UL << (boot_cpu_data.x86_phys_bits - PAGE_SHIFT);
}

/*
 * May an entry without access have PFNs up to this one? Some CPUs look up in their caches
 * what such an entry points to (L1TF), so entries are inverted, and what is high becomes
 * low. As pfn_modify_allowed(), which is not exported.
 */
static inline bool vmf_compat_may_lack_access(unsigned long last_pfn)
{
	return !boot_cpu_has_bug(X86_BUG_L1TF) ||
	       last_pfn < l1tf_pfn_limit() || capable(CAP_SYS_ADMIN);
}

/*
 * Plain stores are what set_ptes() and set_pmd_at() come to, except for a Xen PV
 * guest, whose hypervisor must see them, and for page_table_check.
 */
static inline bool vmf_compat_plain_stores(void)
{
	return !IS_ENABLED(CONFIG_PAGE_TABLE_CHECK) &&
	       !cpu_feature_enabled(X86_FEATURE_XENPV);
}

/* Stops at the first PTE that is not none. Return: how many were written. */
static inline unsigned long vmf_compat_store_ptes(pte_t *ptep, pte_t pte,
						  unsigned long nr)
{
	/* An entry without access has its PFN inverted (L1TF): count down. */
	pteval_t step = __pte_needs_invert(pte_val(pte)) ? -PAGE_SIZE : PAGE_SIZE;
	unsigned long i;

	for (i = 0; i < nr && pte_none(ptep[i]); i++, pte.pte += step)
		native_set_pte(&ptep[i], pte);
	return i;
}

/* The same for PMD leaves, upwards (step 1) or downwards (step -1). */
static inline unsigned long vmf_compat_store_pmds(pmd_t *pmdp, pmd_t pmd,
						  unsigned long nr, long step)
{
	pmdval_t add = step * PMD_SIZE;
	unsigned long i;

	if (__pte_needs_invert(pmd_val(pmd)))
		add = -add;
	for (i = 0; i < nr && pmd_none(*pmdp); i++, pmdp += step, pmd.pmd += add)
		native_set_pmd(pmdp, pmd);
	return i;
}

/* pgprot_modify() needs cc_mask, which is not exported. */
static inline pgprot_t vmf_compat_change_access(pgprot_t prot, pgprot_t access)
{
	const pgprotval_t mask = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER |
				 _PAGE_NX | _PAGE_PROTNONE | _PAGE_PKEY_MASK;

	return __pgprot((pgprot_val(prot) & ~mask) |
			(pgprot_val(access) & mask));
}

/*
 * For walk.c: a page fault drops what the TLB of the CPU has for the address. For Intel's
 * CPUs SDM vol. 3, 4.10.4.1, says so; on all the core builds on it, whose
 * flush_tlb_fix_spurious_fault() is empty on x86.
 */
static inline bool vmf_compat_fault_drops_tlb(void)
{
	return true;
}

/* For promote.c; a hypervisor that owns the page tables has its own rules. */
static inline bool vmf_compat_can_retire_tables(void)
{
	return !cpu_feature_enabled(X86_FEATURE_XENPV);
}

/*
 * Both ways flush all PCIDs and paging-structure caches (SDM vol. 3, 4.10.4.1).
 * native_write_cr4() is not exported, as it may be used to undo protections; here
 * CR4 has its old value in the end. Interrupts are off.
 */
static inline void vmf_compat_flush_cpu(void *unused)
{
	unsigned long cr4;

	if (boot_cpu_has(X86_FEATURE_INVPCID)) {
		invpcid_flush_all_nonglobals();
		return;
	}
	cr4 = native_read_cr4();
	asm volatile("mov %0, %%cr4" : : "r" (cr4 ^ X86_CR4_PGE) : "memory");
	asm volatile("mov %0, %%cr4" : : "r" (cr4) : "memory");
}

/*
 * Every CPU, not those of one mm: flush_tlb_mm() is not exported, and which CPUs
 * remember an mm (lazily, in another PCID) is the core's secret.
 */
static inline void vmf_compat_flush_all_cpus(void)
{
	on_each_cpu(vmf_compat_flush_cpu, NULL, 1);
}

/*
 * For promote.c, after tables were retired: has a CPU that comes to one of them, through
 * a paging-structure cache, and finds it empty, forgotten it with its page fault? Intel
 * promises that (SDM vol. 3, 4.10.4.1). Of others we know that a fault drops what the TLB
 * has, but nothing of these caches: make them forget.
 */
static inline void vmf_compat_forget_tables(void)
{
	if (boot_cpu_data.x86_vendor != X86_VENDOR_INTEL)
		vmf_compat_flush_all_cpus();
}
#else
/*
 * An architecture may have to flush the entry, by flush_tlb_page() or for the CPU alone,
 * neither of which is exported. flush_tlb_fix_spurious_fault(), by which the core does
 * it for a fault that finds nothing to do, does nothing on arm64 in 6.12.
 */
static inline bool vmf_compat_fault_drops_tlb(void)
{
	return false;
}

static inline pgprot_t vmf_compat_change_access(pgprot_t prot, pgprot_t access)
{
	return pgprot_modify(prot, access);
}

static inline bool vmf_compat_can_retire_tables(void)
{
	return false;
}

static inline void vmf_compat_flush_all_cpus(void)
{
}

static inline void vmf_compat_forget_tables(void)
{
}

static inline pgprot_t vmf_compat_large_prot(pgprot_t prot)
{
	return prot;
}

static inline bool vmf_compat_cpu_has_pud_leaves(void)
{
	return true;
}

static inline unsigned long vmf_compat_end_pfn(void)
{
	return PHYS_PFN(~(phys_addr_t)0);
}

static inline bool vmf_compat_may_lack_access(unsigned long last_pfn)
{
	return true;
}

static inline bool vmf_compat_plain_stores(void)
{
	return false;
}

static inline unsigned long vmf_compat_store_ptes(pte_t *ptep, pte_t pte,
						  unsigned long nr)
{
	return 0;
}

static inline unsigned long vmf_compat_store_pmds(pmd_t *pmdp, pmd_t pmd,
						  unsigned long nr, long step)
{
	return 0;
}
#endif

/* No huge leaves at all: no transparent huge pages, as with PREEMPT_RT. */
#ifndef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
static inline vm_fault_t vmf_compat_upgrade_pmd(struct vm_fault *vmf,
						unsigned long pfn)
{
	return VM_FAULT_SIGBUS;
}
#endif

/*
 * Special PUD leaves, where the architecture has them (x86_64, riscv64, powerpc
 * book3s64; arm64 has PMD leaves only).
 */
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
static inline bool vmf_compat_has_pud_leaves(void)
{
	return vmf_compat_cpu_has_pud_leaves();
}

static inline void vmf_compat_set_pud(struct vm_area_struct *vma,
				      unsigned long addr, pud_t *pudp,
				      unsigned long pfn, pgprot_t prot,
				      bool writable)
{
	pud_t pud = pud_mkspecial(pud_mkhuge(pfn_pud(pfn, prot)));

	if (!writable)
		pud = pud_wrprotect(pud);
	set_pud_at(vma->vm_mm, addr, pudp, pud);
	update_mmu_cache_pud(vma, addr, pudp);
}

static inline void vmf_compat_make_pud_writable(struct vm_area_struct *vma,
						unsigned long addr, pud_t *pudp)
{
	pud_t pud = pud_mkyoung(pud_mkdirty(pud_mkwrite(*pudp)));

	set_pud_at(vma->vm_mm, addr & PUD_MASK, pudp, pud);
	update_mmu_cache_pud(vma, addr, pudp);
}
#else
static inline bool vmf_compat_has_pud_leaves(void)
{
	return false;
}

static inline void vmf_compat_set_pud(struct vm_area_struct *vma,
				      unsigned long addr, pud_t *pudp,
				      unsigned long pfn, pgprot_t prot,
				      bool writable)
{
}

static inline void vmf_compat_make_pud_writable(struct vm_area_struct *vma,
						unsigned long addr, pud_t *pudp)
{
}

static inline vm_fault_t vmf_compat_upgrade_pud(struct vm_fault *vmf,
						unsigned long pfn)
{
	return VM_FAULT_SIGBUS;
}
#endif

#endif
