/* SPDX-License-Identifier: MIT */
/*
 * Character devices: one table says which nodes exist, their numbers and modes. devtmpfs makes
 * its nodes from it. Entries without fops are served elsewhere (terminals: tty/), which
 * registers the numbers itself.
 */
#ifndef DEV_DEV_H
#define DEV_DEV_H

#include "lib/types.h"

struct file_ops;

struct dev_entry {
	const char *name;	/* with count > 1 a format for the index: "ttyS%u" */
	u32 major, minor;	/* of the first */
	u32 count;		/* nodes with consecutive minors; 0 means 1 */
	u32 mode;		/* permission bits */
	const struct file_ops *fops;	/* NULL: registered by the owner of the number */
};

extern const struct dev_entry dev_table[];	/* ends with name NULL */

/* Registers every entry that has fops. 0 or -ENOMEM. */
int dev_init(void);

extern bool watchdog_enabled;	/* set at boot: there is a host_chanhelp_watchdog() */
extern const struct file_ops watchdog_fops;
extern const struct file_ops null_fops, zero_fops, full_fops, random_fops, urandom_fops, kmsg_fops;

#endif
