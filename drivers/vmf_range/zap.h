/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _VMF_RANGE_ZAP_H_
#define _VMF_RANGE_ZAP_H_

struct vm_area_struct;

void vmf_zap_moving(struct vm_area_struct *vma);
void vmf_zap_forking(struct vm_area_struct *vma);
void vmf_zap_huge(struct vm_area_struct *vma, unsigned long addr);

#endif
