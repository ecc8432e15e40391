// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data races that are meant. A kernel with KCSAN must report one between two threads
 * of a module, and one between a module and the core.
 */
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>

#define PLANTED_WORDS	4

static unsigned long planted_counter;
static unsigned long planted_bits[PLANTED_WORDS];

static noinline void planted_count(void)
{
	planted_counter++;
}

static noinline void planted_flip(void)
{
	planted_bits[0] ^= 1;
}

static int planted_flips(void *unused)
{
	while (!kthread_should_stop()) {
		planted_count();
		planted_flip();
		cond_resched();
	}
	return 0;
}

/* The core reads what is being flipped, to find a bit. */
static int planted_finds(void *unused)
{
	while (!kthread_should_stop()) {
		planted_count();
		find_first_bit(planted_bits, PLANTED_WORDS * BITS_PER_LONG);
		cond_resched();
	}
	return 0;
}

static int __init planted_init(void)
{
	struct task_struct *threads[] = {
		kthread_run(planted_flips, NULL, "planted"),
		kthread_run(planted_finds, NULL, "planted"),
	};
	int i;

	msleep(5000);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		if (!IS_ERR(threads[i]))
			kthread_stop(threads[i]);
	}
	return 0;
}
module_init(planted_init);

MODULE_DESCRIPTION("Races for a sanitizer to find");
MODULE_AUTHOR("The vmf_range developers");
MODULE_LICENSE("GPL");
