/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events: perf trace -e 'vmf_range:*', trace-cmd record -e vmf_range.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vmf_range

#if !defined(_VMF_RANGE_TRACE_H_) || defined(TRACE_HEADER_MULTI_READ)
#define _VMF_RANGE_TRACE_H_

#include <linux/mm.h>
#include <linux/tracepoint.h>

#include "stats.h"

/* A fault was served, or memory was mapped at mmap(). */
TRACE_EVENT(vmf_range_insert,
	TP_PROTO(const struct vm_area_struct *vma, unsigned long addr,
		 unsigned int fault_flags, const struct vmf_tally *tally,
		 int err),
	TP_ARGS(vma, addr, fault_flags, tally, err),
	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, addr)
		__field(unsigned int, fault_flags)
		__field(unsigned long, pud)
		__field(unsigned long, pmd)
		__field(unsigned long, pte)
		__field(unsigned long, kept)
		__field(unsigned long, promoted)
		__field(bool, more)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->start = vma->vm_start;
		__entry->end = vma->vm_end;
		__entry->addr = addr;
		__entry->fault_flags = fault_flags;
		__entry->pud = tally->count[VMF_STAT_PUD];
		__entry->pmd = tally->count[VMF_STAT_PMD];
		__entry->pte = tally->count[VMF_STAT_PTE];
		__entry->kept = tally->count[VMF_STAT_KEPT];
		__entry->promoted = tally->count[VMF_STAT_PROMOTED];
		__entry->more = tally->count[VMF_STAT_SHORT];
		__entry->err = err;
	),
	TP_printk("vma=%lx-%lx addr=%lx fault=%s pud=%lu pmd=%lu pte=%lu kept=%lu promoted=%lu%s err=%d",
		  __entry->start, __entry->end, __entry->addr,
		  __print_flags(__entry->fault_flags, "|", FAULT_FLAG_TRACE),
		  __entry->pud, __entry->pmd, __entry->pte, __entry->kept,
		  __entry->promoted, __entry->more ? " budget-stop" : "", __entry->err)
);

DECLARE_EVENT_CLASS(vmf_range_part,
	TP_PROTO(const struct vm_area_struct *vma, unsigned long addr,
		 unsigned long size),
	TP_ARGS(vma, addr, size),
	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, addr)
		__field(unsigned long, size)
	),
	TP_fast_assign(
		__entry->start = vma->vm_start;
		__entry->end = vma->vm_end;
		__entry->addr = addr;
		__entry->size = size;
	),
	TP_printk("vma=%lx-%lx addr=%lx size=%#lx", __entry->start,
		  __entry->end, __entry->addr, __entry->size)
);

/* A page, or leaf, of a write-tracked VMA became writable. */
DEFINE_EVENT(vmf_range_part, vmf_range_dirty,
	TP_PROTO(const struct vm_area_struct *vma, unsigned long addr,
		 unsigned long size),
	TP_ARGS(vma, addr, size)
);

/* Something was unmapped; what had nothing mapped leaves no event. */
DEFINE_EVENT(vmf_range_part, vmf_range_zap,
	TP_PROTO(const struct vm_area_struct *vma, unsigned long addr,
		 unsigned long size),
	TP_ARGS(vma, addr, size)
);

/* A call was refused; the kernel log may have the reason in full. */
TRACE_EVENT(vmf_range_refuse,
	TP_PROTO(const struct vm_area_struct *vma, unsigned long addr, int err),
	TP_ARGS(vma, addr, err),
	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, addr)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->start = vma->vm_start;
		__entry->end = vma->vm_end;
		__entry->addr = addr;
		__entry->err = err;
	),
	TP_printk("vma=%lx-%lx addr=%lx err=%d", __entry->start, __entry->end,
		  __entry->addr, __entry->err)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
