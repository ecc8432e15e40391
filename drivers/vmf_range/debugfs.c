// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/vmf_range: what a person wants to know. For root, and no
 * interface that anything may depend on.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "stats.h"

static struct dentry *dir;

static int stats_show(struct seq_file *m, void *unused)
{
	struct vmf_range_stats stats;
	int i;

	vmf_range_get_stats(NULL, &stats);
	for (i = 0; i < VMF_NR_STATS; i++)
		seq_printf(m, "%-28s%llu\n", vmf_stat_names[i], stats.count[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int vmas_show(struct seq_file *m, void *unused)
{
	return vmf_stats_show_vmas(m, false);
}
DEFINE_SHOW_ATTRIBUTE(vmas);

static int leaves_show(struct seq_file *m, void *unused)
{
	return vmf_stats_show_vmas(m, true);
}
DEFINE_SHOW_ATTRIBUTE(leaves);

static int __init vmf_range_init(void)
{
	dir = debugfs_create_dir("vmf_range", NULL);
	debugfs_create_file("stats", 0400, dir, NULL, &stats_fops);
	debugfs_create_file("vmas", 0400, dir, NULL, &vmas_fops);
	debugfs_create_file("leaves", 0400, dir, NULL, &leaves_fops);
	return 0;
}
module_init(vmf_range_init);

static void __exit vmf_range_exit(void)
{
	debugfs_remove(dir);
	/* Records and page tables that ->close has put. */
	rcu_barrier();
}
module_exit(vmf_range_exit);

MODULE_DESCRIPTION("Map device memory from a fault handler at the best page sizes");
MODULE_AUTHOR("The vmf_range developers");
MODULE_VERSION(VMF_RANGE_VERSION);
MODULE_LICENSE("GPL");
