/* SPDX-License-Identifier: MIT */
/*
 * /dev/random and /dev/urandom: the host's generator, always seeded. What guests write is
 * read and forgotten: the host mixes its own entropy.
 */
#include "dev/dev.h"

#include "abi/random.h"
#include "abi/errno.h"
#include "abi/ioctl.h"
#include "core/cred.h"
#include "core/random.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/iter.h"
#include "mm/user.h"
#include "vfs/vfs.h"

#define POOL_BITS 256
#define CAP_SYS_ADMIN_K 21

static ssize random_read(struct file *f, struct iter *to, off64 *pos)
{
	ssize done = 0, n;
	void *buf;
	int err;

	while (to->count) {
		n = iter_stage_to(to, &buf, to->count);
		if (n <= 0)
			return done ? done : n;
		random_bytes(buf, n);
		err = iter_commit_to(to, n);
		if (err)
			return done ? done : err;
		done += n;
		if (signal_pending(current))
			break;
	}
	return done;
}

static ssize random_write(struct file *f, struct iter *from, off64 *pos)
{
	ssize done = 0, n;
	u8 buf[512];

	while (from->count) {
		n = iter_copy_from(from, buf, MIN(from->count, sizeof(buf)));
		if (n <= 0)
			return done ? done : n;
		done += n;
		if (signal_pending(current))
			break;
	}
	return done;
}

/* Both take data that is only counted; the count itself means nothing to the host's generator. */
static long random_add(u32 cmd, u64 arg)
{
	int v[2] = { 0, 0 };

	if (!capable(CAP_SYS_ADMIN_K))
		return -EPERM;
	if (copy_from_user(v, arg, cmd == RNDADDENTROPY ? sizeof(v) : sizeof(v[0])))
		return -EFAULT;
	return v[0] < 0 || v[1] < 0 ? -EINVAL : 0;
}

static long random_ioctl(struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case RNDGETENTCNT:
		return put_user((int)POOL_BITS, arg);
	case RNDADDTOENTCNT:
	case RNDADDENTROPY:
		return random_add(cmd, arg);
	case RNDZAPENTCNT:
	case RNDCLEARPOOL:
	case RNDRESEEDCRNG:
		return capable(CAP_SYS_ADMIN_K) ? 0 : -EPERM;
	}
	return -ENOIOCTLCMD_K;
}

const struct file_ops random_fops = {
	.read = random_read,
	.write = random_write,
	.llseek = file_seek_null,
	.ioctl = random_ioctl,
};

const struct file_ops urandom_fops = {
	.read = random_read,
	.write = random_write,
	.llseek = file_seek_null,
	.ioctl = random_ioctl,
};
