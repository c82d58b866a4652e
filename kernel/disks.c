/* SPDX-License-Identifier: MIT */
/*
 * ubd disks as devices of the management console.
 */
#include "devices.h"

#include "abi/errno.h"
#include "block/ubd.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

#define PATHS_MAX 8200			/* two names of files and a comma */

int disk_config(const char *arg, const char **error)
{
	const char *text = NULL;
	int err = ubd_hot_config(arg, &text);

	*error = text ? text : "";
	return err;
}

int disk_get(const char *arg, struct seq_buf *out, const char **error)
{
	char *text = kmalloc(PATHS_MAX);
	int err = text ? ubd_hot_get(arg, text, PATHS_MAX, error) : -ENOMEM;

	if (!err)
		seq_puts(out, text);
	kfree(text);
	return err;
}

int disk_remove(const char *arg, const char **error)
{
	return ubd_hot_remove(arg, error);
}
