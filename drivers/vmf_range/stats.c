// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters, for the whole system and for each VMA.
 *
 * A VMA of struct vmf_range_ops has a record from its first fault on, until
 * ->close. The core knows nothing of it, so it is found by the VMA's address.
 *
 * Whoever looks a record up for a VMA holds a lock that keeps the VMA (mmap_lock
 * or the per-VMA lock), and the record goes in ->close, when nobody can: it stays
 * for as long as it is used. Only debugfs begins with the records; it takes
 * references, and looks for each VMA in the mm, as ->close may run with mmap_lock
 * held for reading.
 */
#include <linux/export.h>
#include <linux/hashtable.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "stats.h"

const char * const vmf_stat_names[VMF_NR_STATS] = {
	[VMF_STAT_FAULTS]	= "faults",
	[VMF_STAT_POPULATES]	= "populates",
	[VMF_STAT_PUD]		= "pud-leaves",
	[VMF_STAT_PMD]		= "pmd-leaves",
	[VMF_STAT_PTE]		= "pte-leaves",
	[VMF_STAT_KEPT]		= "kept",
	[VMF_STAT_SHORT]	= "budget-stops",
	[VMF_STAT_WRITES]	= "tracked-writes",
	[VMF_STAT_RETRIES]	= "retries",
	[VMF_STAT_REFUSED]	= "refused",
	[VMF_STAT_ZAPS]		= "zaps",
	[VMF_STAT_PROMOTED]	= "promoted",
	[VMF_STAT_NOTIFIERS]	= "not-promoted-for-notifiers",
};

static DEFINE_PER_CPU(struct vmf_range_stats, totals);

struct vmf_vma {
	struct hlist_node node;
	struct vm_area_struct *vma;	/* not to be followed from here */
	struct mm_struct *mm;		/* a reference by mmgrab() */
	refcount_t users;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	atomic64_t count[VMF_NR_STATS];
	struct rcu_head rcu;
};

static DEFINE_HASHTABLE(records, 8);
static DEFINE_SPINLOCK(records_lock);	/* for changes; RCU protects readers */

static struct vmf_vma *find_record(const struct vm_area_struct *vma)
{
	struct vmf_vma *record;

	hash_for_each_possible_rcu(records, record, node, (unsigned long)vma,
				   lockdep_is_held(&records_lock)) {
		if (record->vma == vma)
			return record;
	}
	return NULL;
}

static void put_record(struct vmf_vma *record)
{
	if (!refcount_dec_and_test(&record->users))
		return;
	mmdrop(record->mm);
	kfree_rcu(record, rcu);
}

static struct vmf_vma *make_record(struct vm_area_struct *vma)
{
	struct vmf_vma *record, *other;

	record = kzalloc(sizeof(*record), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!record)
		return NULL;
	record->vma = vma;
	record->mm = vma->vm_mm;
	record->pid = task_tgid_nr(current);
	get_task_comm(record->comm, current);
	refcount_set(&record->users, 1);

	spin_lock(&records_lock);
	other = find_record(vma);
	if (!other) {
		mmgrab(record->mm);
		hash_add_rcu(records, &record->node, (unsigned long)vma);
	}
	spin_unlock(&records_lock);
	if (!other)
		return record;
	kfree(record);
	return other;
}

/**
 * vmf_stats_begin - the record of a VMA, a new one if need be
 * @vma: the VMA
 *
 * Context: a fault; may sleep.
 * Return: the record, which stays as long as the VMA is locked; NULL for a VMA that
 * has not ->close of ours, and without memory.
 */
struct vmf_vma *vmf_stats_begin(struct vm_area_struct *vma)
{
	struct vmf_vma *record;

	if (!vma->vm_ops || vma->vm_ops->close != vmf_range_vm_close)
		return NULL;
	rcu_read_lock();
	record = find_record(vma);
	rcu_read_unlock();
	return record ?: make_record(vma);
}

/**
 * vmf_stats_add - count what one call has done
 * @record: from vmf_stats_begin(), or NULL
 * @tally: what
 *
 * Context: a lock that keeps the VMA of @record is held.
 */
void vmf_stats_add(struct vmf_vma *record, const struct vmf_tally *tally)
{
	unsigned long i;

	for_each_set_bit(i, &tally->seen, VMF_NR_STATS) {
		this_cpu_add(totals.count[i], tally->count[i]);
		if (record)
			atomic64_add(tally->count[i], &record->count[i]);
	}
}

/**
 * vmf_stats_add_one - count one thing
 * @vma: where; if it has no record, only the whole system's counter changes
 * @stat: what
 *
 * Context: a lock that keeps @vma is held.
 */
void vmf_stats_add_one(struct vm_area_struct *vma, enum vmf_range_stat stat)
{
	struct vmf_vma *record;

	this_cpu_inc(totals.count[stat]);
	rcu_read_lock();
	record = find_record(vma);
	if (record)
		atomic64_inc(&record->count[stat]);
	rcu_read_unlock();
}

/**
 * vmf_stats_forget - a VMA is going away
 * @vma: the VMA, in its ->close
 *
 * Context: the VMA is no longer in its mm's tree.
 */
void vmf_stats_forget(struct vm_area_struct *vma)
{
	struct vmf_vma *record;

	spin_lock(&records_lock);
	record = find_record(vma);
	if (record)
		hash_del_rcu(&record->node);
	spin_unlock(&records_lock);
	if (record)
		put_record(record);
}

/**
 * vmf_range_get_stats - what was done so far
 * @vma: the VMA in question, its lock held; or NULL for the whole system
 * @stats: filled in; zero for a VMA without &vmf_range_ops
 *
 * The figures of a VMA begin with its first fault. When it is split, or a part of it
 * is unmapped, they stay with one of the parts, which may be the one that goes; the
 * others begin again.
 *
 * Context: any, with @vma NULL; else a lock that keeps @vma is held.
 */
void vmf_range_get_stats(struct vm_area_struct *vma,
			 struct vmf_range_stats *stats)
{
	struct vmf_vma *record;
	int cpu, i;

	memset(stats, 0, sizeof(*stats));
	if (!vma) {
		/* Each processor goes on counting. */
		for_each_possible_cpu(cpu) {
			for (i = 0; i < VMF_NR_STATS; i++)
				stats->count[i] +=
					READ_ONCE(per_cpu(totals, cpu).count[i]);
		}
		return;
	}

	rcu_read_lock();
	record = find_record(vma);
	for (i = 0; record && i < VMF_NR_STATS; i++)
		stats->count[i] = atomic64_read(&record->count[i]);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(vmf_range_get_stats);

static bool follows(const struct vmf_range_leaf *leaf, unsigned long end,
		    const struct vmf_range_leaf *first)
{
	return leaf->addr == end && leaf->shift == first->shift &&
	       leaf->writable == first->writable &&
	       leaf->pfn - first->pfn == PHYS_PFN(leaf->addr - first->addr);
}

/*
 * A line for each run of leaves that are alike and contiguous. Page-table locks are
 * taken one at a time: what changes meanwhile may be seen as before or as after.
 */
static void show_leaves(struct seq_file *m, struct vm_area_struct *vma)
{
	struct vmf_range_leaf first, leaf;
	unsigned long addr, end;

	addr = vmf_range_query(vma, vma->vm_start, vma->vm_end, &first);
	while (addr && !seq_has_overflowed(m)) {
		do {
			end = addr;
			addr = vmf_range_query(vma, end, vma->vm_end, &leaf);
			cond_resched();
		} while (addr && follows(&leaf, end, &first));
		seq_printf(m, "  %lx-%lx shift %u pfn %lx %s\n", first.addr, end,
			   first.shift, first.pfn, first.writable ? "rw" : "r-");
		first = leaf;
	}
}

static void show_vma(struct seq_file *m, struct vm_area_struct *vma,
		     struct vmf_vma *record, bool all)
{
	struct vmf_range_leaves leaves;
	int i;

	vmf_range_count_leaves(vma, vma->vm_start, vma->vm_end, &leaves);
	seq_printf(m, "%d %s %lx-%lx %pD\n", record->pid, record->comm,
		   vma->vm_start, vma->vm_end, vma->vm_file);
	seq_printf(m, "  now: %lu PUD, %lu PMD, %lu PTE leaves\n", leaves.pud,
		   leaves.pmd, leaves.pte);
	seq_puts(m, "  so far:");
	for (i = 0; i < VMF_NR_STATS; i++)
		seq_printf(m, " %s %lld", vmf_stat_names[i],
			   atomic64_read(&record->count[i]));
	seq_putc(m, '\n');
	if (all)
		show_leaves(m, vma);
}

/* References to all records there are now. Return: how many, or -ENOMEM. */
static long snapshot(struct vmf_vma ***list)
{
	struct vmf_vma *record;
	long nr = 0, room;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(records, bucket, record, node)
		nr++;
	rcu_read_unlock();

	room = nr;
	*list = kvmalloc_array(max(room, 1L), sizeof(**list), GFP_KERNEL);
	if (!*list)
		return -ENOMEM;

	nr = 0;
	rcu_read_lock();
	hash_for_each_rcu(records, bucket, record, node) {
		if (nr < room && refcount_inc_not_zero(&record->users))
			(*list)[nr++] = record;
	}
	rcu_read_unlock();
	return nr;
}

/* A VMA that is in its mm's tree stays there as long as mmap_lock is held. */
static void show_record(struct seq_file *m, struct vmf_vma *record, bool all)
{
	struct vm_area_struct *vma;
	struct vma_iterator vmi;

	if (!mmget_not_zero(record->mm))
		return;
	mmap_read_lock(record->mm);
	vma_iter_init(&vmi, record->mm, 0);
	for_each_vma(vmi, vma) {
		if (vma == record->vma)
			show_vma(m, vma, record, all);
	}
	mmap_read_unlock(record->mm);
	mmput(record->mm);
}

/**
 * vmf_stats_show_vmas - print every VMA with its leaves and counters
 * @m: where to
 * @all: each leaf, and not just how many there are
 *
 * Context: process context; takes the mmap_lock of each mm.
 * Return: 0 or -ENOMEM.
 */
int vmf_stats_show_vmas(struct seq_file *m, bool all)
{
	struct vmf_vma **list;
	long nr, i;

	nr = snapshot(&list);
	if (nr < 0)
		return nr;
	for (i = 0; i < nr; i++) {
		show_record(m, list[i], all);
		put_record(list[i]);
		cond_resched();
	}
	kvfree(list);
	return 0;
}
