/* SPDX-License-Identifier: MIT */
/*
 * /dev/null, /dev/zero, /dev/full.
 */
#include "dev/dev.h"

#include "abi/errno.h"
#include "abi/mman.h"
#include "abi/poll.h"
#include "mm/iter.h"
#include "vfs/vfs.h"

static ssize null_read(struct file *f, struct iter *to, off64 *pos)
{
	return 0;
}

/* The bytes are not even looked at, so a bad address is no error (as in Linux). */
static ssize null_write(struct file *f, struct iter *from, off64 *pos)
{
	size_t n = from->count;

	iter_advance(from, n);
	return n;
}

static ssize zero_read(struct file *f, struct iter *to, off64 *pos)
{
	return to->count ? iter_zero(to, to->count) : 0;
}

static ssize full_write(struct file *f, struct iter *from, off64 *pos)
{
	return -ENOSPC;
}

/* NULL with 0 means anonymous memory. A shared mapping needs an object that forks keep in common. */
static int zero_mmap(struct file *f, u32 prot, u32 flags, struct backing **out)
{
	*out = NULL;
	return 0;
}

static bool null_serve(struct file *f, struct file_serve *out)
{
	*out = (struct file_serve){ SERVE_NULL, -1, ~0ULL };
	return true;
}

static bool zero_serve(struct file *f, struct file_serve *out)
{
	*out = (struct file_serve){ SERVE_ZERO, -1, ~0ULL };
	return true;
}

const struct file_ops null_fops = {
	.read = null_read,
	.write = null_write,
	.llseek = file_seek_null,
	.serve = null_serve,
};

const struct file_ops zero_fops = {
	.read = zero_read,
	.write = null_write,
	.llseek = file_seek_null,
	.mmap = zero_mmap,
	.serve = zero_serve,
};

const struct file_ops full_fops = {
	.read = zero_read,
	.write = full_write,
	.llseek = file_seek_null,
};
