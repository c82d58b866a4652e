/* SPDX-License-Identifier: MIT */
/*
 * ubd disks at run time: the management console's config, query and remove. Texts and errors are UML's.
 */
#include "block/ubd_priv.h"

#include <stdio.h>

#include "abi/errno.h"
#include "core/offload.h"

/* The number that arg begins with; what follows does not matter. -EINVAL, -ERANGE */
static int unit_of(const char *arg)
{
	int n = ubd_parse_unit(&arg);

	if (n < 0)
		return -EINVAL;
	return n < UBD_MAX ? n : -ERANGE;
}

struct opening {
	struct ubd *u;
	const char **error;
};

static int open_it(void *arg)
{
	struct opening *o = arg;

	return ubd_open(o->u, o->error);
}

static int close_it(void *arg)
{
	ubd_close(arg);
	return 0;
}

int ubd_hot_config(const char *arg, const char **error)
{
	struct ubd *u;
	int index, err = ubd_parse(arg, &index, error);

	if (err || index < 0)
		return err;
	u = &ubds[index];
	if (!u->file)
		return 0;		/* "ubd1=": flags and nothing else, no device */
	err = offload_call(open_it, &(struct opening){ u, error });
	if (err == -EACCES)
		*error = "Permission denied: a confined machine opens only files that its command line named";
	if (!err)
		err = ubd_add(u);
	if (err) {
		ubd_close(u);
		ubd_forget(u);
	}
	return err;
}

int ubd_hot_get(const char *arg, char *out, size_t n, const char **error)
{
	int index = unit_of(arg);
	const struct ubd *u = index < 0 ? NULL : &ubds[index];

	if (!u) {
		*error = "ubd_get_config : device number out of range";
		return 1;
	}
	snprintf(out, n, "%s%s%s", u->file ? u->file : "", u->backing ? "," : "", u->backing ? u->backing : "");
	return 0;
}

int ubd_hot_remove(const char *arg, const char **error)
{
	int index = unit_of(arg), err;
	struct ubd *u;

	if (index == -EINVAL) {
		*error = "Couldn't parse device number";
		return 1;
	}
	if (index < 0) {
		*error = "Invalid device number - must be between 0 and 15";
		return 1;
	}
	u = &ubds[index];
	if (!u->bdev)
		return -ENODEV;
	err = blkdev_del(u->bdev);
	if (err)
		return err;
	u->bdev = NULL;
	offload_call(close_it, u);
	ubd_forget(u);
	return 0;
}
