/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_TABLES_H_
#define _VMF_RANGE_TABLES_H_

#include <linux/mm.h>

#include "compat.h"

bool vmf_can_make_tables(void);
int vmf_make_pmd_table(struct mm_struct *mm, pud_t *pudp);
int vmf_make_pte_table(struct vm_fault *vmf, unsigned long addr, pmd_t *pmdp);

pte_t *__vmf_lock_ptes(struct mm_struct *mm, pmd_t *pmdp, unsigned long addr,
		       spinlock_t **ptlp);
void vmf_unlock_ptes(spinlock_t *ptl) __releases(ptl) __releases(RCU);

/* See __vmf_lock_ptes(); this tells sparse that a lock is held if there is a PTE. */
static inline pte_t *vmf_lock_ptes(struct mm_struct *mm, pmd_t *pmdp,
				   unsigned long addr, spinlock_t **ptlp)
{
	pte_t *ptep;

	__cond_lock(RCU,
		    __cond_lock(*ptlp,
				ptep = __vmf_lock_ptes(mm, pmdp, addr, ptlp)));
	return ptep;
}

#endif
