/* SPDX-License-Identifier: MIT */
/*
 * Devices by number. Block devices have a register of their own (block/blkdev.h); here is only the table of
 * operations that all of them share. Character devices: drivers register ranges of minors at boot; opening a
 * device node finds the driver's operations here. Ranges never go away.
 */
#include "vfs/vfs.h"

#include "abi/errno.h"
#include "lib/alloc.h"

struct chr_range {
	struct list_head node;
	u32 major, minor, count;
	const char *name;		/* static */
	const struct file_ops *ops;
};

const struct file_ops *dev_block_ops;
static LIST_HEAD(ranges);		/* in order of registration */

int dev_register_chr(u32 major, u32 minor, u32 count, const char *name, const struct file_ops *ops)
{
	struct chr_range *r;

	list_for_each(r, &ranges, node)
		if (r->major == major && minor < r->minor + r->count && r->minor < minor + count)
			return -EBUSY;
	r = kzalloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->major = major;
	r->minor = minor;
	r->count = count;
	r->name = name;
	r->ops = ops;
	list_add_tail(&r->node, &ranges);
	return 0;
}

const struct file_ops *dev_find_chr(u32 rdev)
{
	u32 major = major_k(rdev), minor = minor_k(rdev);
	struct chr_range *r;

	list_for_each(r, &ranges, node)
		if (r->major == major && minor >= r->minor && minor - r->minor < r->count)
			return r->ops;
	return NULL;
}

const char *dev_chr_name(u32 major)
{
	struct chr_range *r;

	list_for_each(r, &ranges, node)
		if (r->major == major)
			return r->name;
	return NULL;
}

bool dev_chr_range(unsigned int i, u32 *major, u32 *minor, u32 *count, const char **name)
{
	struct chr_range *r;

	list_for_each(r, &ranges, node) {
		if (i--)
			continue;
		*major = r->major;
		*minor = r->minor;
		*count = r->count;
		*name = r->name;
		return true;
	}
	return false;
}
