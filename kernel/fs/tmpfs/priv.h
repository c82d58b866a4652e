/* SPDX-License-Identifier: MIT */
/*
 * tmpfs: files in memory. A file's bytes are heap pages until it is first mapped; from then on
 * they are a memfd, which guest processes map directly. Directories keep their own entries, so that
 * the dentry cache may forget names.
 *
 * Locking: inode->lock over a file's data (taken here) and a directory's entries (taken by the VFS;
 * readdir takes it here). Copies to and from the guest happen under it.
 */
#ifndef TMPFS_PRIV_H
#define TMPFS_PRIV_H

#include "mm/pgtree.h"
#include "vfs/vfs.h"

struct backing;

struct tmpfs_sb {
	u64 max_pages, used_pages;	/* max 0: no limit */
	u64 max_inodes, used_inodes;
	u64 last_ino;
	u32 generation;			/* of this superblock, never used again */
	u32 mode, uid, gid;
};

struct tdirent {
	struct list_head order;		/* by off */
	struct tdirent *hash_next;
	struct inode *inode;		/* reference */
	u64 off;			/* readdir position, never used again in this directory */
	u32 hash;
	u8 len;
	char name[];
};

struct tdir {
	struct list_head order;
	struct tdirent **buckets;
	u32 nbuckets, count;
	u64 next_off;
	struct tdirent *hint;		/* where the last readdir stopped: NULL or a live entry */
};

struct tdata {
	struct pgtree pages;		/* until there is a backing */
	struct backing *rw, *ro;	/* references; the same memfd, two descriptors */
	u64 charged;			/* pages that this file accounts for */
	bool served, overwritten;	/* serve.c: guest processes read the memfd; may write it */
	struct ts_k seen;		/* its mtime when we had written last */
};

struct tnode {				/* inode->private */
	struct xattr_list xattrs;
	union {
		struct tdir dir;
		struct tdata data;
		char *target;		/* symlink */
	};
};

static inline struct tnode *tnode(const struct inode *i)
{
	return i->private;
}

static inline struct tmpfs_sb *tsb(const struct inode *i)
{
	return i->sb->private;
}

/* inode.c: a new object with one reference, owner from dir (NULL: a root). -ENOSPC, -ENOMEM. nb */
int tmpfs_inode_new(struct super *sb, const struct inode *dir, u32 mode, u32 rdev,
		    struct inode **out);
/* For file handles: every superblock has a generation, numbers in it are not used again. nb */
u32 tmpfs_generation(const struct inode *i);
int tmpfs_by_number(struct super *sb, u64 ino, u32 generation, struct inode **out);
extern const struct inode_ops tmpfs_dir_inode_ops, tmpfs_inode_ops;

/* dir.c. All nb; dir's lock is held (or nobody else knows dir). */
struct tdirent *tdir_find(const struct tdir *d, const char *name, u32 len, u32 hash);
int tdir_add(struct inode *dir, const char *name, u32 len, u32 hash, struct inode *inode);
void tdir_remove(struct inode *dir, struct tdirent *e);	/* puts e's inode reference: may block */
void tdir_free(struct tdir *d);
extern const struct file_ops tmpfs_dir_fops;
int tmpfs_get_fsx(struct inode *i, struct fsx_k *x);	/* inode_ops */
int tmpfs_set_fsx(struct inode *i, const struct fsx_k *x);
long tmpfs_ioctl(struct file *f, u32 cmd, u64 arg);	/* ioctl.c */

/* blknodes.c: from now on the block devices that there are have a node in the directory devtmpfs_root. */
#ifdef CONFIG_BLOCK
void devtmpfs_follow_block(struct dentry *devtmpfs_root);
#else
static inline void devtmpfs_follow_block(struct dentry *devtmpfs_root) {}
#endif

/* data.c, map.c */
extern const struct file_ops tmpfs_file_fops;
int tdata_truncate(struct inode *inode, u64 size);	/* lock held */
void tdata_free(struct inode *inode);
/* Adjusts the counts by n pages (may be negative); -ENOSPC when the superblock has no room. */
int tdata_charge(struct inode *inode, s64 n);
/* From heap pages to a memfd; nothing when that has happened. Lock held. */
int tdata_to_memfd(struct inode *inode);
int tdata_fd(const struct inode *inode);		/* of the memfd, or -1 while there is none */
void tdata_recount(struct inode *inode);		/* what the memfd really occupies */
/* serve.c */
bool tmpfs_serve(struct file *f, struct file_serve *out);
void tdata_saw_times(struct inode *inode);		/* the memfd was changed by us */
void tdata_times(struct inode *inode);		/* of what guest processes did. nb */
bool tmpfs_settled(struct inode *inode, bool others);	/* inode_ops */
void tdata_shrinks(struct inode *inode);	/* pages are about to go: nothing is overwritten directly. nb */
int tmpfs_mmap(struct file *f, u32 prot, u32 flags, struct backing **out);
int tmpfs_fallocate(struct file *f, int mode, off64 off, off64 len);
u64 tmpfs_in_memory(struct file *f, u64 first, u64 last);
off64 tmpfs_llseek(struct file *f, off64 off, int whence);

#endif
