/* SPDX-License-Identifier: MIT */
/*
 * Inodes on disk: where number n lies, its checksum, and the translation to and from struct inode.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/ioctl.h"
#include "abi/stat.h"

/* Does the raw inode reach as far as this field? */
#define FITS(r, field)                                                                             \
	((size_t)EXT4_GOOD_OLD_INODE + (r)->extra_isize >=                                         \
	 offsetof(struct ext4_raw_inode, field) + sizeof((r)->field))

#define SHOWN_FLAGS                                                                                \
	(FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_DIRSYNC_FL)

int ext4_raw_get(struct ext4 *fs, u32 ino, struct ext4_loc *loc)
{
	u32 group, index;
	u64 block;
	int err;

	if (!ino || ino > fs->inodes_count)
		return ext4_error(fs, ino, 0, "bad inode number");
	group = (ino - 1) / fs->inodes_per_group;
	index = (ino - 1) % fs->inodes_per_group;
	block = ext4_bg_inode_table(fs, ext4_desc(fs, group, NULL)) + index / fs->inodes_per_block;
	err = buffer_read(fs->bdev, block, &loc->bh);
	if (err) {
		ext4_error(fs, ino, block, "unable to read itable block");
		return err;
	}
	loc->raw = (struct ext4_raw_inode *)(loc->bh->data +
					     index % fs->inodes_per_block * fs->inode_size);
	return 0;
}

int ext4_raw_check(struct ext4 *fs, u32 ino, const struct ext4_raw_inode *r, u32 *seed)
{
	u32 sum, stored;

	if (fs->inode_size > EXT4_GOOD_OLD_INODE &&
	    (r->extra_isize > fs->inode_size - EXT4_GOOD_OLD_INODE || r->extra_isize % 4))
		return ext4_error(fs, ino, 0, "iget: bad extra_isize %u (inode size %u)",
				  r->extra_isize, fs->inode_size);
	if (!fs->csum)
		return 0;
	*seed = ext4_inode_seed(fs, ino, r->generation);
	sum = ext4_csum_inode(fs, r, *seed);
	stored = r->csum_lo;
	if (fs->inode_size > EXT4_GOOD_OLD_INODE && r->extra_isize >= 4)
		stored |= (u32)r->csum_hi << 16;
	return sum == stored ? 0 : ext4_error(fs, ino, 0, "iget: checksum invalid");
}

/* Two bits of the extra word are the epoch, the rest nanoseconds. */
static struct ts_k time_from(u32 sec, u32 extra)
{
	return (struct ts_k){ .sec = (s64)(s32)sec + ((s64)(extra & 3) << 32),
			      .nsec = MIN(extra >> 2, 999999999u) };
}

static u32 time_extra(struct ts_k t)
{
	return (u32)((t.sec - (s32)t.sec) >> 32 & 3) | t.nsec << 2;
}

static void times_from_raw(struct inode *i, const struct ext4_raw_inode *r, bool wide)
{
	i->atime = time_from(r->atime, wide && FITS(r, atime_extra) ? r->atime_extra : 0);
	i->mtime = time_from(r->mtime, wide && FITS(r, mtime_extra) ? r->mtime_extra : 0);
	i->ctime = time_from(r->ctime, wide && FITS(r, ctime_extra) ? r->ctime_extra : 0);
	i->btime = (struct ts_k){ 0 };
	if (wide && FITS(r, crtime))
		i->btime = time_from(r->crtime, FITS(r, crtime_extra) ? r->crtime_extra : 0);
}

static u64 blocks_from_raw(const struct ext4 *fs, const struct ext4_raw_inode *r)
{
	u64 n = r->blocks_lo;

	if (!ext4_ro_compat(fs, RO_COMPAT_HUGE_FILE))
		return n;
	n |= (u64)r->blocks_hi << 32;
	return r->flags & EXT4_HUGE_FILE_FL ? n << (fs->block_bits - 9) : n;
}

static u32 rdev_from_raw(const struct ext4_raw_inode *r)
{
	if (r->block[0])
		return makedev_k(r->block[0] >> 8 & 0xff, r->block[0] & 0xff);
	return makedev_k((r->block[1] & 0xfff00) >> 8,
			 (r->block[1] & 0xff) | (r->block[1] >> 12 & 0xfff00));
}

void ext4_raw_to_inode(struct inode *i, const struct ext4_raw_inode *r)
{
	struct ext4 *fs = ext4_of(i);
	struct ext4_inode *ei = ext4_i(i);
	bool wide = fs->inode_size > EXT4_GOOD_OLD_INODE;

	i->mode = r->mode;
	i->uid = r->uid_lo | (u32)r->uid_hi << 16;
	i->gid = r->gid_lo | (u32)r->gid_hi << 16;
	i->nlink = r->links;
	i->size = r->size_lo;
	if (S_ISREG(r->mode) || (S_ISDIR(r->mode) && ext4_incompat(fs, INCOMPAT_LARGEDIR)))
		i->size |= (u64)r->size_hi << 32;
	times_from_raw(i, r, wide);
	i->fsflags = r->flags & SHOWN_FLAGS;
	ei->flags = r->flags;
	ei->generation = r->generation;
	ei->dtime = r->dtime;
	ei->version = r->version;
	ei->extra_isize = wide ? r->extra_isize : 0;
	if (wide && FITS(r, version_hi))
		ei->version |= (u64)r->version_hi << 32;
	if (wide && FITS(r, projid) && ext4_ro_compat(fs, RO_COMPAT_PROJECT))
		ei->projid = r->projid;
	if (wide && !ei->extra_isize)
		ei->extra_isize = sizeof(*r) - EXT4_GOOD_OLD_INODE;
	memcpy(ei->block, r->block, sizeof(ei->block));
	ei->file_acl = r->file_acl_lo |
		       (ext4_incompat(fs, INCOMPAT_64BIT) ? (u64)r->file_acl_hi << 32 : 0);
	ei->disk_size = i->size;
	ei->blocks = blocks_from_raw(fs, r);
	ei->disk_atime = i->atime;
	ei->disk_mtime = i->mtime;
	ei->disk_ctime = i->ctime;
	if (S_ISCHR(i->mode) || S_ISBLK(i->mode))
		i->rdev = rdev_from_raw(r);
}

static void blocks_to_raw(const struct ext4 *fs, struct ext4_inode *ei, struct ext4_raw_inode *r)
{
	u64 n = ei->blocks;

	ei->flags &= ~(u32)EXT4_HUGE_FILE_FL;
	if (n >> 48) {
		ei->flags |= EXT4_HUGE_FILE_FL;
		n >>= fs->block_bits - 9;
	}
	r->blocks_lo = (u32)n;
	r->blocks_hi = ext4_ro_compat(fs, RO_COMPAT_HUGE_FILE) ? (u16)(n >> 32) : 0;
}

static void times_to_raw(const struct inode *i, struct ext4_raw_inode *r, bool wide)
{
	r->atime = (u32)i->atime.sec;
	r->mtime = (u32)i->mtime.sec;
	r->ctime = (u32)i->ctime.sec;
	if (!wide)
		return;
	if (FITS(r, ctime_extra))
		r->ctime_extra = time_extra(i->ctime);
	if (FITS(r, mtime_extra))
		r->mtime_extra = time_extra(i->mtime);
	if (FITS(r, atime_extra))
		r->atime_extra = time_extra(i->atime);
	if (FITS(r, crtime))
		r->crtime = (u32)i->btime.sec;
	if (FITS(r, crtime_extra))
		r->crtime_extra = time_extra(i->btime);
}

static void rdev_to_raw(const struct inode *i, struct ext4_raw_inode *r)
{
	u32 major = major_k(i->rdev), minor = minor_k(i->rdev);

	memset(r->block, 0, sizeof(r->block));
	if (major < 256 && minor < 256)
		r->block[0] = major << 8 | minor;
	else
		r->block[1] = i->rdev;
}

void ext4_inode_to_raw(struct inode *i, struct ext4_raw_inode *r)
{
	struct ext4 *fs = ext4_of(i);
	struct ext4_inode *ei = ext4_i(i);
	bool wide = fs->inode_size > EXT4_GOOD_OLD_INODE;
	u32 sum;

	r->mode = (u16)i->mode;
	r->uid_lo = (u16)i->uid;
	r->uid_hi = (u16)(i->uid >> 16);
	r->gid_lo = (u16)i->gid;
	r->gid_hi = (u16)(i->gid >> 16);
	r->links = (u16)i->nlink;
	r->size_lo = (u32)ei->disk_size;
	r->size_hi = (u32)(ei->disk_size >> 32);
	blocks_to_raw(fs, ei, r);
	if (wide)
		r->extra_isize = ei->extra_isize;
	times_to_raw(i, r, wide);
	r->flags = ei->flags;
	r->generation = ei->generation;
	r->dtime = ei->dtime;
	r->version = (u32)ei->version;
	if (wide && FITS(r, version_hi))
		r->version_hi = (u32)(ei->version >> 32);
	if (wide && FITS(r, projid) && ext4_ro_compat(fs, RO_COMPAT_PROJECT))
		r->projid = ei->projid;
	r->file_acl_lo = (u32)ei->file_acl;
	r->file_acl_hi = (u16)(ei->file_acl >> 32);
	if (S_ISCHR(i->mode) || S_ISBLK(i->mode))
		rdev_to_raw(i, r);
	else
		memcpy(r->block, ei->block, sizeof(r->block));
	ei->disk_atime = i->atime;
	ei->disk_mtime = i->mtime;
	ei->disk_ctime = i->ctime;
	if (!fs->csum)
		return;
	sum = ext4_csum_inode(fs, r, ei->csum_seed);
	r->csum_lo = (u16)sum;
	if (wide && r->extra_isize >= 4)
		r->csum_hi = (u16)(sum >> 16);
}

int ext4_loc_for_write(struct handle *h, struct inode *inode, struct ext4_loc *loc)
{
	int err = ext4_raw_get(ext4_of(inode), (u32)inode->ino, loc);

	if (err)
		return err;
	err = journal_get_write(h, loc->bh);
	if (err)
		buffer_put(loc->bh);
	return err;
}

/* The first file beyond 2 GiB makes the feature. */
static int need_large_file(struct handle *h, struct ext4 *fs, const struct inode *inode)
{
	int err;

	if (ext4_i(inode)->disk_size <= 0x7fffffff || !S_ISREG(inode->mode) ||
	    ext4_ro_compat(fs, RO_COMPAT_LARGE_FILE))
		return 0;
	err = journal_get_write(h, fs->sbh);
	if (err)
		return err;
	fs->es->feature_ro_compat |= RO_COMPAT_LARGE_FILE;
	if (fs->csum)
		fs->es->checksum = ext4_csum_super(fs->es);
	return journal_dirty(h, fs->sbh);
}

/* What fdatasync does without. */
static void forget_times(struct ext4_raw_inode *r)
{
	r->atime = r->ctime = r->mtime = 0;
	r->ctime_extra = r->mtime_extra = r->atime_extra = 0;
	r->version = r->version_hi = 0;
	r->csum_lo = r->csum_hi = 0;
}

static bool same_but_times(struct ext4_raw_inode old, struct ext4_raw_inode now)
{
	forget_times(&old);
	forget_times(&now);
	return !memcmp(&old, &now, sizeof(old));
}

int ext4_dirty_raw(struct handle *h, struct inode *inode, struct ext4_loc *loc)
{
	struct ext4_raw_inode old = { 0 }, now = { 0 };
	size_t n = MIN((size_t)ext4_of(inode)->inode_size, sizeof(old));
	int err = need_large_file(h, ext4_of(inode), inode);

	if (err)
		return err;
	memcpy(&old, loc->raw, n);
	ext4_inode_to_raw(inode, loc->raw);
	memcpy(&now, loc->raw, n);
	ext4_touch_tid(h, inode, !same_but_times(old, now));
	return journal_dirty(h, loc->bh);
}

int ext4_dirty(struct handle *h, struct inode *inode)
{
	struct ext4_loc loc;
	int err = ext4_loc_for_write(h, inode, &loc);

	if (err)
		return err;
	err = ext4_dirty_raw(h, inode, &loc);
	buffer_put(loc.bh);
	return err;
}
