/* SPDX-License-Identifier: MIT */
/*
 * The device table. A new device is a file with its file_ops and a line here.
 */
#include "dev/dev.h"

#include <stddef.h>

#include "dev/blk.h"
#include "dev/loop.h"
#include "vfs/vfs.h"

#define MEM_MAJOR 1
#define TTY_MAJOR 4
#define MISC_MAJOR 10
#define TTYAUX_MAJOR 5

const struct dev_entry dev_table[] = {
	{ "null", MEM_MAJOR, 3, 1, 0666, &null_fops },
	{ "zero", MEM_MAJOR, 5, 1, 0666, &zero_fops },
	{ "full", MEM_MAJOR, 7, 1, 0666, &full_fops },
	{ "random", MEM_MAJOR, 8, 1, 0666, &random_fops },
	{ "urandom", MEM_MAJOR, 9, 1, 0666, &urandom_fops },
	{ "kmsg", MEM_MAJOR, 11, 1, 0644, &kmsg_fops },
	{ "watchdog", MISC_MAJOR, 130, 1, 0600, &watchdog_fops },
	{ "tty", TTYAUX_MAJOR, 0, 1, 0666, NULL },
#ifdef CONFIG_BLOCK
	{ "loop-control", MISC_MAJOR, 237, 1, 0660, &loop_control_fops },
#endif
	{ "console", TTYAUX_MAJOR, 1, 1, 0600, NULL },
	{ "ptmx", TTYAUX_MAJOR, 2, 1, 0666, NULL },
	{ "tty%u", TTY_MAJOR, 0, 16, 0620, NULL },
	{ "ttyS%u", TTY_MAJOR, 64, 64, 0660, NULL },
	{ NULL, 0, 0, 0, 0, NULL },
};

int dev_init(void)
{
	const struct dev_entry *d;
	int err;

	dev_block_ops = BLOCK_FOPS;
	for (d = dev_table; d->name; d++) {
		if (!d->fops)
			continue;
		err = dev_register_chr(d->major, d->minor, d->count, d->major == MEM_MAJOR ? "mem" : d->name, d->fops);
		if (err)
			return err;
	}
	return 0;
}
