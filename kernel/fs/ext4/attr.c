/* SPDX-License-Identifier: MIT */
/*
 * Attributes of inodes, and the tables of operations of those without contents.
 */
#include "fs/ext4/priv.h"

#include "abi/ioctl.h"
#include "abi/stat.h"

bool ext4_is_inline(const struct inode *inode)
{
	return ext4_i(inode)->flags & EXT4_INLINE_DATA_FL;
}

static u64 attributes(u32 flags)
{
	static const struct {
		u32 flag;
		u64 attr;
	} table[] = {
		{ EXT4_APPEND_FL, STATX_ATTR_APPEND }, { EXT4_IMMUTABLE_FL, STATX_ATTR_IMMUTABLE },
		{ EXT4_NODUMP_FL, STATX_ATTR_NODUMP }, { EXT4_ENCRYPT_FL, STATX_ATTR_ENCRYPTED },
		{ EXT4_VERITY_FL, STATX_ATTR_VERITY }, { EXT4_COMPR_FL, STATX_ATTR_COMPRESSED },
	};
	u64 out = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (flags & table[i].flag)
			out |= table[i].attr;
	return out;
}

int ext4_getattr(struct inode *i, struct kstat *st)
{
	const struct ext4_inode *ei = ext4_i(i);

	*st = (struct kstat){
		.ino = i->ino,
		.size = i->size,
		.mode = i->mode,
		.nlink = i->nlink,
		.uid = i->uid,
		.gid = i->gid,
		.dev = i->sb->dev,
		.rdev = i->rdev,
		.blksize = ext4_of(i)->block_size,
		.atime = i->atime,
		.mtime = i->mtime,
		.ctime = i->ctime,
		.btime = i->btime,
		.has_btime = i->btime.sec != 0,
		.blocks = ei->blocks + ext4_delayed_pages(i) * (PAGE_SIZE / 512),
		.dio_align = S_ISREG(i->mode) ? ext4_of(i)->bdev->logical_size : 0,
		.attributes = attributes(ei->flags),
		.attributes_mask = attributes(~0u),
	};
	/* Something that is only in the inode counts as a block, so that tar does not take it for a hole. */
	if (!st->blocks && ext4_is_inline(i) && i->size)
		st->blocks = 1;
	return 0;
}

/* To what the inode can hold: 34 bits of seconds, or 32 in small inodes. */
static struct ts_k clamp_time(const struct inode *i, struct ts_k t)
{
	s64 max = ext4_i(i)->extra_isize >= 16 ? (s64)INT32_MIN + 0x3ffffffff : INT32_MAX;

	if (t.sec > max)
		return (struct ts_k){ .sec = max };
	if (t.sec < INT32_MIN)
		return (struct ts_k){ .sec = INT32_MIN };
	return t;
}

int ext4_setattr(struct inode *inode, const struct iattr *a)
{
	struct ext4 *fs = ext4_of(inode);
	struct handle *h;
	int err = ext4_writable(fs);

	if (err)
		return err;
	if (a->valid & (ATTR_SIZE | ATTR_UID | ATTR_GID) && S_ISREG(inode->mode))
		err = ext4_drop_caps(inode);
	if (err)
		return err;
	if ((a->valid & ATTR_SIZE) && S_ISREG(inode->mode)) {
		mutex_lock(&inode->lock);
		err = ext4_set_size(inode, a->size);
		mutex_unlock(&inode->lock);
	}
	if (!err)
		err = ext4_start(fs, EXT4_CREDITS_XATTR + 2, &h);
	if (err)
		return err;
	inode_apply_attr(inode, a);
	inode->atime = clamp_time(inode, inode->atime);
	inode->mtime = clamp_time(inode, inode->mtime);
	if (a->valid & ATTR_MODE)
		err = ext4_acl_chmod(h, inode);
	if (!err)
		err = ext4_dirty(h, inode);
	ext4_stop(fs, h);
	return err;
}

static int encrypted_open(struct inode *inode, struct file *f)
{
	return -EOPNOTSUPP;
}

static int encrypted_lookup(struct inode *dir, struct dentry *d, struct inode **out)
{
	return -EOPNOTSUPP;
}

const struct file_ops ext4_encrypted_fops = { .open = encrypted_open };

const struct inode_ops ext4_encrypted_inode_ops = {
	.lookup = encrypted_lookup,
	.getattr = ext4_getattr,
	.getxattr = ext4_getxattr,
	.listxattr = ext4_listxattr,
	.permission = ext4_acl_permission,
	.evict = ext4_evict,
};

#define COMMON_OPS                                                                                 \
	.getattr = ext4_getattr, .setattr = ext4_setattr, .permission = ext4_acl_permission,       \
	.getxattr = ext4_getxattr, .setxattr = ext4_setxattr, .removexattr = ext4_removexattr,     \
	.listxattr = ext4_listxattr, .evict = ext4_evict, .get_fsx = ext4_get_fsx,                 \
	.set_fsx = ext4_set_fsx

const struct inode_ops ext4_file_inode_ops = { COMMON_OPS };
const struct inode_ops ext4_special_inode_ops = { COMMON_OPS };
