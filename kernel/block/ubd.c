/* SPDX-License-Identifier: MIT */
/*
 * ubd disks as block devices: registration at boot, coming and going later.
 */
#include "block/ubd_priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "block/ubd_cow.h"
#include "core/log.h"
#include "host/disk.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "lib/devnum.h"

static const struct blk_ops ubd_ops = { .submit = ubd_submit, .ioctl = ubd_ioctl };

static const char *const platform_dirs[UBD_MAX] = {
	"platform/uml-blkdev.0", "platform/uml-blkdev.1", "platform/uml-blkdev.2", "platform/uml-blkdev.3",
	"platform/uml-blkdev.4", "platform/uml-blkdev.5", "platform/uml-blkdev.6", "platform/uml-blkdev.7",
	"platform/uml-blkdev.8", "platform/uml-blkdev.9", "platform/uml-blkdev.10", "platform/uml-blkdev.11",
	"platform/uml-blkdev.12", "platform/uml-blkdev.13", "platform/uml-blkdev.14", "platform/uml-blkdev.15",
};

void ubd_open_files(void)
{
	const char *error;

	for (unsigned int i = 0; i < UBD_MAX; i++) {
		struct ubd *u = &ubds[i];

		if (!u->file || !ubd_open(u, &error))
			continue;
		pr_err("Failed to initialize ubd device %u :%s", i, error ? error : "(null)");
		ubd_forget(u);
	}
}

const char *ubd_host_file(unsigned int i, bool *write)
{
	for (unsigned int n = 0; n < UBD_FILES_MAX; n++) {
		const struct ubd *u = &ubds[n / 2];
		const char *file = n % 2 ? u->backing : u->file;

		if (!file || i--)
			continue;
		*write = !(n % 2) && !u->readonly;
		return file;
	}
	return NULL;
}

int ubd_add(struct ubd *u)
{
	struct blkdev *b = kzalloc(sizeof(*b));
	int err;

	if (!b)
		return -ENOMEM;
	snprintf(b->name, sizeof(b->name), "ubd%c", 'a' + u->index);
	b->dev = makedev_k(UBD_MAJOR, u->index * BLKDEV_PARTS);
	b->minors = BLKDEV_PARTS;
	b->size = u->size;
	b->logical_size = b->physical_size = u->sector;
	b->readonly = b->fixed_readonly = u->readonly;
	b->discard = !u->flag_t;
	b->write_zeroes = !u->flag_t;
	b->serial = u->serial;
	b->driver_dir = platform_dirs[u->index];
	b->ops = &ubd_ops;
	b->private = u;
	err = blkdev_add(b, true);
	if (err)
		kfree(b);
	else
		u->bdev = b;
	return err;
}

int ubd_init(void)
{
	int err = blkdev_register_major(UBD_MAJOR, "ubd");

	for (unsigned int i = 0; i < UBD_MAX && !err; i++)
		if (ubds[i].opened)
			err = ubd_add(&ubds[i]);
	return err;
}

void ubd_shutdown(void)
{
	for (unsigned int i = 0; i < UBD_MAX; i++)
		if (ubds[i].cow && ubd_cow_sync(ubds[i].cow))
			pr_err("%s: its bitmap could not be written", ubds[i].file);
}
