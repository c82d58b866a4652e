/* SPDX-License-Identifier: MIT */
/*
 * Data: every open file of the overlay has one of the layer behind it. A reader of the lower layer
 * moves on to the copy once somebody made one.
 */
#include "fs/overlay/priv.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "lib/alloc.h"
#include "mm/iter.h"

#define PASSED (O_ACCMODE | O_DIRECT | O_SYNC | O_DSYNC | O_NOATIME | O_LARGEFILE)

struct ofile {
	struct file *real;
	bool lower;
};

static int open_real(struct file *f, struct ofile *of)
{
	const struct onode *n = onode(f->inode);
	struct path p = { n->upper ? osb(f->inode)->upper : osb(f->inode)->lower,
			  n->upper ? n->upper : n->lower };
	struct file *real;
	int err = file_open_checked(&p, f->flags & PASSED, &real);

	if (err)
		return err;
	if (of->real)
		fput(of->real);
	of->real = real;
	of->lower = !n->upper;
	return 0;
}

/* The layer's file, the copy's when there is one by now. Borrowed. */
static int real_file(struct file *f, struct file **out)
{
	struct ofile *of = f->private;
	int err = of->lower && onode(f->inode)->upper ? open_real(f, of) : 0;

	*out = of->real;
	return err;
}

static int ovl_open(struct inode *inode, struct file *f)
{
	struct ofile *of;
	int err = f->mode & FMODE_WRITE ? ovl_copy_up(inode, f->flags & O_TRUNC ? 0 : OVL_ALL) : 0;

	if (err)
		return err;
	of = kzalloc(sizeof(*of));
	if (!of)
		return -ENOMEM;
	err = open_real(f, of);
	if (err)
		kfree(of);
	else
		f->private = of;
	return err;
}

static void ovl_release(struct file *f)
{
	struct ofile *of = f->private;

	fput(of->real);
	kfree(of);
}

static ssize ovl_read(struct file *f, struct iter *to, off64 *pos)
{
	struct file *real;
	int err = real_file(f, &real);

	return err ? err : real->ops->read(real, to, pos);
}

/* The size is the overlay's to know: appending looks at it. */
static ssize ovl_write(struct file *f, struct iter *from, off64 *pos)
{
	struct file *real;
	ssize n = real_file(f, &real);

	if (!n)
		n = real->ops->write(real, from, pos);
	f->inode->size = oreal(f->inode)->size;
	f->inode->mtime = oreal(f->inode)->mtime;
	return n;
}

static off64 ovl_llseek(struct file *f, off64 off, int whence)
{
	struct file *real;
	int err = real_file(f, &real);

	if (!err)
		err = ovl_refresh(f->inode);
	if (err)
		return err;
	if (whence <= 2 || !real->ops->llseek)		/* SEEK_END */
		return generic_llseek(f, off, whence);
	off = real->ops->llseek(real, off, whence);	/* SEEK_DATA, SEEK_HOLE */
	if (off >= 0)
		f->pos = off;
	return off;
}

static int ovl_mmap(struct file *f, u32 prot, u32 flags, struct backing **out)
{
	struct file *real;
	int err = real_file(f, &real);

	return err ? err : real->ops->mmap ? real->ops->mmap(real, prot, flags, out) : -ENODEV;
}

static int ovl_fsync(struct file *f, bool datasync)
{
	return 0; /* the upper layer is what changes, and it is memory or syncs by itself */
}

static int ovl_fallocate(struct file *f, int mode, off64 off, off64 len)
{
	struct file *real;
	int err = real_file(f, &real);

	if (!err)
		err = real->ops->fallocate ? real->ops->fallocate(real, mode, off, len) :
					     -EOPNOTSUPP;
	(void)!ovl_refresh(f->inode);
	return err;
}

const struct file_ops ovl_file_fops = {
	.open = ovl_open,
	.release = ovl_release,
	.read = ovl_read,
	.write = ovl_write,
	.llseek = ovl_llseek,
	.mmap = ovl_mmap,
	.fsync = ovl_fsync,
	.fallocate = ovl_fallocate,
};
