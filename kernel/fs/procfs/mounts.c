/* SPDX-License-Identifier: MIT */
/*
 * mounts, mountinfo, mountstats of a process: the mounts of its namespace below its root. poll() tells of changes.
 */
#include "fs/procfs/priv.h"

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "mm/iter.h"

typedef void (*show_fn)(struct seq_buf *s, const struct mount *m, const struct path *root);

struct mounts_file {
	struct mutex lock;
	struct seq_buf text;
	bool made;
	struct mount_ns *ns;
	struct path root;
	u64 event;		/* of the namespace, when poll() last said "changed" */
};

static int mounts_open(struct inode *inode, struct file *f)
{
	const struct task *t = PN(inode)->task;
	struct mounts_file *mf;

	if (!t->fs || !t->fs->ns)
		return -EINVAL;
	mf = kzalloc(sizeof(*mf));
	if (!mf)
		return -ENOMEM;
	mutex_init(&mf->lock, "proc.mounts", RANK_FILE + 1);
	mf->ns = mount_ns_get(t->fs->ns);
	mf->root = t->fs->root;
	path_get(&mf->root);
	mf->event = mf->ns->event;
	f->private = mf;
	return 0;
}

static void mounts_release(struct file *f)
{
	struct mounts_file *mf = f->private;

	seq_free(&mf->text);
	path_put(&mf->root);
	mount_ns_put(mf->ns);
	kfree(mf);
}

static ssize mounts_read(struct file *f, struct iter *to, off64 *pos, show_fn show)
{
	struct mounts_file *mf = f->private;
	struct mount *m;
	ssize ret = 0;

	mutex_lock(&mf->lock);
	if (*pos == 0 || !mf->made) {
		mf->text.len = 0;
		list_for_each(m, &mf->ns->mounts, ns_node)
			show(&mf->text, m, &mf->root);
		mf->made = true;
	}
	if ((u64)*pos < mf->text.len)
		ret = iter_copy_to(to, mf->text.buf + *pos,
				   MIN(mf->text.len - (size_t)*pos, to->count));
	if (ret > 0)
		*pos += ret;
	mutex_unlock(&mf->lock);
	return ret;
}

static ssize read_mounts(struct file *f, struct iter *to, off64 *pos)
{
	return mounts_read(f, to, pos, mount_show);
}

static ssize read_info(struct file *f, struct iter *to, off64 *pos)
{
	return mounts_read(f, to, pos, mount_show_info);
}

static ssize read_stats(struct file *f, struct iter *to, off64 *pos)
{
	return mounts_read(f, to, pos, mount_show_stats);
}

static u32 mounts_poll(struct file *f, struct poll_table *pt)
{
	struct mounts_file *mf = f->private;
	u32 ready = EPOLLIN | EPOLLRDNORM;

	poll_wait(f, &mf->ns->poll, pt);
	if (mf->event != mf->ns->event) {
		mf->event = mf->ns->event;
		ready |= EPOLLERR | EPOLLPRI;
	}
	return ready;
}

static off64 mounts_llseek(struct file *f, off64 off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

#define MOUNTS_FOPS(fn)                                                                            \
	{                                                                                          \
		.open = mounts_open, .release = mounts_release, .read = fn,                        \
		.poll = mounts_poll, .llseek = mounts_llseek,                                      \
	}

const struct file_ops proc_mounts_fops = MOUNTS_FOPS(read_mounts);
const struct file_ops proc_mountinfo_fops = MOUNTS_FOPS(read_info);
const struct file_ops proc_mountstats_fops = MOUNTS_FOPS(read_stats);
