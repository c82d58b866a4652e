/* SPDX-License-Identifier: MIT */
/*
 * The loop devices that there are, and /dev/loop-control, which makes and removes them.
 */
#include "dev/loop.h"

#include <stdio.h>

#include "abi/errno.h"
#include "block/blkdev.h"
#include "lib/alloc.h"
#include "lib/devnum.h"
#include "vfs/vfs.h"

#define LOOPS_AT_BOOT 8
#define LOOPS_MAX 4096

static void loop_free(struct blkdev *b)
{
	kfree(b->private);
	kfree(b);
}

/* The last user has gone: a device that was asked to lets go of its file. */
static void loop_release(struct blkdev *b)
{
	struct loop *l = b->private;

	if (l->file && l->flags & LO_FLAGS_AUTOCLEAR)
		loop_unbind(l);
}

static const struct blk_ops loop_ops = {
	.submit = loop_submit,
	.release = loop_release,
	.ioctl = loop_ioctl,
	.free = loop_free,
};

struct loop *loop_of(const struct blkdev *b)
{
	return b->ops == &loop_ops ? b->private : NULL;
}

static int add(unsigned int nr)
{
	struct blkdev *b = kzalloc(sizeof(*b));
	struct loop *l = kzalloc(sizeof(*l));
	int err = -ENOMEM;

	if (!b || !l)
		goto fail;
	snprintf(b->name, sizeof(b->name), "loop%u", nr);
	b->dev = makedev_k(LOOP_MAJOR_K, nr);
	b->minors = 1;
	b->logical_size = b->physical_size = SECTOR_SIZE;
	b->driver_dir = "virtual";
	b->ops = &loop_ops;
	b->private = l;
	l->bdev = b;
	l->nr = nr;
	list_init(&l->queue);
	wq_init(&l->wq);
	err = blkdev_add(b, false);
	if (!err)
		return 0;
fail:
	kfree(b);
	kfree(l);
	return err == -EBUSY ? -EEXIST : err;
}

int loop_init(void)
{
	int err = blkdev_register_major(LOOP_MAJOR_K, "loop");

	for (unsigned int i = 0; i < LOOPS_AT_BOOT && !err; i++)
		err = add(i);
	return err;
}

/* --- /dev/loop-control --- */

static long control_add(u64 arg)
{
	int nr = (int)arg, err;

	if (nr >= LOOPS_MAX)
		return -EINVAL;
	if (nr >= 0) {
		err = add((unsigned int)nr);
		return err ? err : nr;
	}
	for (nr = 0; nr < LOOPS_MAX; nr++) {
		err = add((unsigned int)nr);
		if (err != -EEXIST)
			return err ? err : nr;
	}
	return -ENOSPC;
}

static long control_remove(u64 arg)
{
	int nr = (int)arg;
	struct blkdev *b;
	struct loop *l;
	int err;

	if (nr < 0)
		return -EINVAL;
	b = nr < LOOPS_MAX ? blkdev_get(makedev_k(LOOP_MAJOR_K, (u32)nr)) : NULL;
	if (!b)
		return -ENODEV;
	l = b->private;
	err = l->file || l->busy ? -EBUSY : blkdev_del(b);
	blkdev_put(b);
	return err;
}

static long control_get_free(u64 arg)
{
	for (int nr = 0; nr < LOOPS_MAX; nr++) {
		struct blkdev *b = blkdev_get(makedev_k(LOOP_MAJOR_K, (u32)nr));
		const struct loop *l = b ? b->private : NULL;
		bool available = l && !l->file && !l->busy;

		if (!b)
			return control_add((u64)nr);
		blkdev_put(b);
		if (available)
			return nr;
	}
	return -ENOSPC;
}

static long control_ioctl(struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case LOOP_CTL_ADD:
		return control_add(arg);
	case LOOP_CTL_REMOVE:
		return control_remove(arg);
	case LOOP_CTL_GET_FREE:
		return control_get_free(arg);
	default:
		return -ENOTTY;
	}
}

const struct file_ops loop_control_fops = { .ioctl = control_ioctl, .llseek = file_noseek };
