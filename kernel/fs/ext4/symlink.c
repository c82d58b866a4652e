/* SPDX-License-Identifier: MIT */
/*
 * Symbolic links: short ones in the inode, longer ones in a block of their own.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"
#include "lib/alloc.h"

#define SYMLINK_CREDITS                                                                            \
	(EXT4_CREDITS_DIR + EXT4_CREDITS_INODE + EXT4_CREDITS_TREE + EXT4_CREDITS_XATTR)

bool ext4_fast_symlink(const struct inode *inode)
{
	const struct ext4_inode *ei = ext4_i(inode);
	u64 acl = ei->file_acl ? ext4_of(inode)->block_size / 512 : 0;

	return S_ISLNK(inode->mode) && !ext4_is_inline(inode) && ei->blocks <= acl &&
	       inode->size < sizeof(ei->block);
}

static ssize read_inline(struct inode *inode, char *buf, size_t n)
{
	void *data;
	u32 len;
	int err = ext4_inline_read(inode, &data, &len);

	if (err)
		return err;
	n = MIN(n, (size_t)MIN((u64)len, inode->size));
	memcpy(buf, data, n);
	kfree(data);
	return (ssize)n;
}

ssize ext4_readlink(struct inode *inode, char *buf, size_t n)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_map m = { .lblk = 0, .len = 1 };
	struct buffer *bh;
	int err;

	if (ext4_i(inode)->flags & EXT4_ENCRYPT_FL)
		return -EOPNOTSUPP;
	if (ext4_is_inline(inode))
		return read_inline(inode, buf, n);
	n = (size_t)MIN((u64)n, inode->size);
	if (ext4_fast_symlink(inode)) {
		memcpy(buf, ext4_i(inode)->block, n);
		return (ssize)n;
	}
	if (inode->size >= fs->block_size)
		return ext4_error(fs, (u32)inode->ino, 0, "symlink of %llu bytes",
				  (unsigned long long)inode->size);
	err = ext4_map_find(inode, &m);
	if (!err && !(m.flags & MAP_MAPPED))
		err = ext4_error(fs, (u32)inode->ino, 0, "symlink without a block");
	if (!err)
		err = buffer_read(fs->bdev, m.pblk, &bh);
	if (err)
		return err;
	memcpy(buf, bh->data, n);
	buffer_put(bh);
	return (ssize)n;
}

static int set_target(struct handle *h, struct inode *inode, const char *target, u32 len)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_inode *ei = ext4_i(inode);
	struct ext4_map m = { .lblk = 0, .len = 1 };
	struct buffer *bh;
	int err;

	if (len < sizeof(ei->block)) {
		ei->flags &= ~(u32)EXT4_EXTENTS_FL;
		memset(ei->block, 0, sizeof(ei->block));
		memcpy(ei->block, target, len);
		goto out;
	}
	err = ext4_map_alloc(h, inode, &m, 0);
	if (!err)
		err = buffer_get(fs->bdev, m.pblk, &bh);
	if (err)
		return err;
	err = journal_get_create(h, bh);
	if (!err) {
		memset(bh->data, 0, fs->block_size);
		memcpy(bh->data, target, len);
		bh->uptodate = true;
		err = journal_dirty(h, bh);
	}
	buffer_put(bh);
	if (err)
		return err;
out:
	inode->size = ei->disk_size = len;
	return 0;
}

static int make(struct handle *h, struct inode *dir, struct dentry *d, const char *target, u32 len,
		struct inode **out)
{
	struct inode *inode;
	int err = ext4_new_inode(h, dir, S_IFLNK | 0777, &inode);

	if (err)
		return err;
	err = set_target(h, inode, target, len);
	if (err) {
		inode->nlink = 0;
		ext4_orphan_add(h, inode);
		iput(inode);
		return err;
	}
	err = ext4_add_new(h, dir, d, inode);
	if (!err)
		*out = inode;
	return err;
}

int ext4_symlink(struct inode *dir, struct dentry *d, const char *target, struct inode **out)
{
	struct ext4 *fs = ext4_of(dir);
	u32 len = (u32)strlen(target);
	struct handle *h;
	int tries = 0, err;

	if (len >= fs->block_size)
		return -ENAMETOOLONG;
	do {
		err = ext4_start(fs, SYMLINK_CREDITS, &h);
		if (err)
			return err;
		err = make(h, dir, d, target, len, out);
		ext4_stop(fs, h);
	} while (err == -ENOSPC && ext4_retry_alloc(fs, &tries));
	return err;
}

const struct inode_ops ext4_symlink_inode_ops = {
	.readlink = ext4_readlink,
	.getattr = ext4_getattr,
	.setattr = ext4_setattr,
	.getxattr = ext4_getxattr,
	.setxattr = ext4_setxattr,
	.removexattr = ext4_removexattr,
	.listxattr = ext4_listxattr,
	.evict = ext4_evict,
};
