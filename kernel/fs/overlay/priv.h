/* SPDX-License-Identifier: MIT */
/*
 * Inside overlay/. The on-disk format of the upper layer is Linux's: a whiteout is a character
 * device 0:0, an opaque directory has trusted.overlay.opaque = "y".
 *
 * An overlay inode stands for an object of the lower layer, of the upper one, or for two
 * directories, one over the other. It is found again by either real inode. Changes go through the
 * overlay alone: nobody else touches the layers. A directory of the lower layer is not renamed
 * (-EXDEV, as in Linux without redirect_dir), so the path of a lower object is its path in the
 * overlay.
 */
#ifndef FS_OVERLAY_PRIV_H
#define FS_OVERLAY_PRIV_H

#include "core/lock.h"
#include "lib/list.h"
#include "vfs/vfs.h"

#define BUCKETS 256

struct ovl_sb {
	struct mount *lower, *upper;		/* upper NULL: read-only */
	struct dentry *lower_root, *upper_root;
	struct list_head by_lower[BUCKETS], by_upper[BUCKETS];
	struct mutex copy_lock;			/* one copy-up at a time */
	char *options;
};

struct onode {
	struct dentry *lower, *upper;		/* references; NULL: not there */
	struct list_head by_lower, by_upper;
	struct inode *inode;
	u32 gone;				/* names of a lower object that were removed */
};

static inline struct ovl_sb *osb(const struct inode *i)
{
	return i->sb->private;
}

static inline struct onode *onode(const struct inode *i)
{
	return i->private;
}

static inline struct inode *oreal(const struct inode *i)
{
	return onode(i)->upper ? onode(i)->upper->inode : onode(i)->lower->inode;
}

/* inode.c */
extern const struct inode_ops ovl_dir_iops, ovl_iops;
/* The inode for these objects (borrowed), made or found. *out: a reference. May block */
int ovl_inode_get(struct super *sb, struct dentry *lower, struct dentry *upper, struct inode **out);
void onode_set_upper(struct inode *i, struct dentry *upper);	/* takes upper; nb */
struct inode *ovl_find_lower(struct ovl_sb *o, const struct inode *lower); /* borrowed, NULL; nb */
int ovl_refresh(struct inode *i);		/* attributes from the real one */
bool ovl_is_whiteout(const struct dentry *d);
u64 ovl_ino(const struct inode *i, u64 ino);	/* of an object of the upper layer */

/* copyup.c */
int ovl_copy_up(struct inode *i, u64 size);	/* at most so many bytes of data. Idempotent */
#define OVL_ALL (~0ULL)

/* dir.c */
int ovl_lookup(struct inode *dir, struct dentry *d, struct inode **out);
int ovl_create(struct inode *dir, struct dentry *d, u32 mode, struct inode **out);
int ovl_mkdir(struct inode *dir, struct dentry *d, u32 mode, struct inode **out);
int ovl_mknod(struct inode *dir, struct dentry *d, u32 mode, u32 rdev, struct inode **out);
int ovl_symlink(struct inode *dir, struct dentry *d, const char *target, struct inode **out);
int ovl_link(struct inode *dir, struct dentry *d, struct inode *target);
int ovl_tmpfile(struct inode *dir, u32 mode, struct inode **out);
int ovl_opaque(struct dentry *upper, bool set);	/* 1, 0, -errno */
/* remove.c */
int ovl_unlink(struct inode *dir, struct dentry *d, struct inode *victim);
int ovl_rmdir(struct inode *dir, struct dentry *d, struct inode *victim);
int ovl_rename(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd,
	       u32 flags);
int ovl_remove_upper(struct dentry *udir, struct dentry *ud); /* of a file or an empty directory */

/* readdir.c */
extern const struct file_ops ovl_dir_fops;
int ovl_dir_empty(struct inode *dir);		/* 0, -ENOTEMPTY */
int ovl_clear_whiteouts(struct inode *dir);	/* before its upper directory is removed */

/* file.c */
extern const struct file_ops ovl_file_fops;

#endif
