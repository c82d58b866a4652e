/* SPDX-License-Identifier: MIT */
/*
 * Inodes: from their place in the inode table to a struct inode. The place identifies one; hard links share it.
 */
#include "fs/squashfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/limits.h"
#include "abi/stat.h"
#include "lib/alloc.h"
#include "mm/pagecache.h"

union disk {
	struct sq_disk_dir dir;
	struct sq_disk_ldir ldir;
	struct sq_disk_reg reg;
	struct sq_disk_lreg lreg;
	struct sq_disk_lnk lnk;
	struct sq_disk_dev dev;
	struct sq_disk_ipc ipc;
};

/* --- by type: what is behind the common part into the inode. 0 or an error --- */

static void set_listing(struct inode *i, u32 block, u32 offset)
{
	sq_i(i)->listing = (struct sq_cursor){ sq_of(i)->s.dir_table + block, offset };
}

static int parse_dir(struct inode *i, const union disk *d)
{
	i->nlink = d->dir.nlink;
	i->size = d->dir.size;
	set_listing(i, d->dir.block, d->dir.offset);
	return 0;
}

static int parse_ldir(struct inode *i, const union disk *d)
{
	i->nlink = d->ldir.nlink;
	i->size = d->ldir.size;
	set_listing(i, d->ldir.block, d->ldir.offset);
	sq_i(i)->nindex = d->ldir.nindex;
	sq_i(i)->xattr = d->ldir.xattr;
	return 0;
}

static int set_blocks(struct inode *i, u64 start, u32 fragment, u32 offset)
{
	struct sq_inode *si = sq_i(i);
	u64 size = sq_of(i)->s.block_size;

	si->start = start;
	si->fragment = fragment;
	si->frag_offset = offset;
	if ((s64)i->size < 0 || start > sq_of(i)->s.bytes_used)
		return sq_error(sq_of(i), "inode %llu: bad size or start", (unsigned long long)i->ino);
	si->nblocks = fragment == SQ_NONE ? i->size / size + (i->size % size != 0) : i->size / size;
	return 0;
}

static int parse_reg(struct inode *i, const union disk *d)
{
	i->nlink = 1;
	i->size = d->reg.size;
	i->blocks = (i->size + 511) / 512;
	return set_blocks(i, d->reg.start, d->reg.fragment, d->reg.offset);
}

static int parse_lreg(struct inode *i, const union disk *d)
{
	i->nlink = d->lreg.nlink;
	i->size = d->lreg.size;
	i->blocks = (i->size - MIN(d->lreg.sparse, i->size) + 511) / 512;
	sq_i(i)->xattr = d->lreg.xattr;
	return set_blocks(i, d->lreg.start, d->lreg.fragment, d->lreg.offset);
}

static int parse_lnk(struct inode *i, const union disk *d)
{
	i->nlink = d->lnk.nlink;
	i->size = d->lnk.size;
	if (!i->size || i->size >= PATH_MAX)
		return sq_error(sq_of(i), "inode %llu: symlink of %llu bytes", (unsigned long long)i->ino,
				(unsigned long long)i->size);
	return 0;
}

/* The number of the attributes stands behind the target. */
static int parse_llnk(struct inode *i, const union disk *d)
{
	struct sq_cursor c = sq_i(i)->at;
	int err = parse_lnk(i, d);

	if (!err)
		err = sq_meta_read(sq_of(i), &c, NULL, i->size);
	return err ? err : sq_meta_read(sq_of(i), &c, &sq_i(i)->xattr, sizeof(u32));
}

static int parse_dev(struct inode *i, const union disk *d)
{
	i->nlink = d->dev.nlink;
	i->rdev = d->dev.rdev;
	return 0;
}

static int parse_ldev(struct inode *i, const union disk *d)
{
	sq_i(i)->xattr = d->dev.xattr;
	return parse_dev(i, d);
}

static int parse_ipc(struct inode *i, const union disk *d)
{
	i->nlink = d->ipc.nlink;
	return 0;
}

static int parse_lipc(struct inode *i, const union disk *d)
{
	sq_i(i)->xattr = d->ipc.xattr;
	return parse_ipc(i, d);
}

static const struct kind {
	u32 type;
	size_t len;
	int (*parse)(struct inode *i, const union disk *d);
} kinds[] = {
	[SQ_DIR] = { S_IFDIR, sizeof(struct sq_disk_dir), parse_dir },
	[SQ_REG] = { S_IFREG, sizeof(struct sq_disk_reg), parse_reg },
	[SQ_LNK] = { S_IFLNK, sizeof(struct sq_disk_lnk), parse_lnk },
	[SQ_BLK] = { S_IFBLK, 8, parse_dev },
	[SQ_CHR] = { S_IFCHR, 8, parse_dev },
	[SQ_FIFO] = { S_IFIFO, 4, parse_ipc },
	[SQ_SOCK] = { S_IFSOCK, 4, parse_ipc },
	[SQ_LONG + SQ_DIR] = { S_IFDIR, sizeof(struct sq_disk_ldir), parse_ldir },
	[SQ_LONG + SQ_REG] = { S_IFREG, sizeof(struct sq_disk_lreg), parse_lreg },
	[SQ_LONG + SQ_LNK] = { S_IFLNK, sizeof(struct sq_disk_lnk), parse_llnk },
	[SQ_LONG + SQ_BLK] = { S_IFBLK, sizeof(struct sq_disk_dev), parse_ldev },
	[SQ_LONG + SQ_CHR] = { S_IFCHR, sizeof(struct sq_disk_dev), parse_ldev },
	[SQ_LONG + SQ_FIFO] = { S_IFIFO, sizeof(struct sq_disk_ipc), parse_lipc },
	[SQ_LONG + SQ_SOCK] = { S_IFSOCK, sizeof(struct sq_disk_ipc), parse_lipc },
};

/* --- operations --- */

static ssize sq_readlink(struct inode *inode, char *buf, size_t n)
{
	struct sq_cursor c = sq_i(inode)->at;
	int err;

	n = MIN(n, (size_t)inode->size);
	err = sq_meta_read(sq_of(inode), &c, buf, n);
	return err ? err : (ssize)n;
}

void sq_evict(struct inode *inode)
{
	struct sq_inode *si = sq_i(inode);

	if (!si)
		return;
	list_del_init(&si->hash);
	pagecache_free(si->pc);
	kfree(si->slots);
	kfree(si);
	inode->private = NULL;
}

#define XATTRS .getxattr = sq_getxattr, .listxattr = sq_listxattr
const struct inode_ops sq_file_iops = { .evict = sq_evict, XATTRS };
const struct inode_ops sq_dir_iops = { .lookup = sq_lookup, .evict = sq_evict, XATTRS };
const struct inode_ops sq_link_iops = { .readlink = sq_readlink, .evict = sq_evict, XATTRS };
const struct inode_ops sq_special_iops = { .evict = sq_evict, XATTRS };

static void set_ops(struct inode *i)
{
	if (S_ISREG(i->mode)) {
		i->ops = &sq_file_iops;
		i->fops = &sq_file_fops;
	} else if (S_ISDIR(i->mode)) {
		i->ops = &sq_dir_iops;
		i->fops = &sq_dir_fops;
	} else if (S_ISLNK(i->mode)) {
		i->ops = &sq_link_iops;
	} else {
		i->ops = &sq_special_iops;
		inode_init_special(i, i->mode, i->rdev);
	}
}

/* --- the table of live inodes --- */

static struct inode *find(const struct sqfs *fs, u64 ref)
{
	struct sq_inode *si;

	list_for_each(si, &fs->hash[(ref ^ ref >> 16) % SQ_HASH], hash)
		if (si->ref == ref)
			return iget(si->inode);
	return NULL;
}

static struct inode *alloc(struct sqfs *fs, const struct kind *k, const struct sq_disk_inode *d)
{
	struct inode *i = inode_new(fs->sb, k->type | (d->mode & 07777));
	struct sq_inode *si = i ? kzalloc(sizeof(*si)) : NULL;

	if (!si) {
		iput(i);
		return NULL;
	}
	list_init(&si->hash);
	si->inode = i;
	si->xattr = SQ_NONE;
	i->private = si;
	i->ops = &sq_special_iops;
	i->ino = d->number;
	i->uid = fs->ids[d->uid];
	i->gid = fs->ids[d->gid];
	i->atime = i->mtime = i->ctime = (struct ts_k){ .sec = d->mtime };
	i->btime = (struct ts_k){ 0 };
	return i;
}

static int load(struct sqfs *fs, u64 ref, struct inode **out)
{
	struct sq_cursor c = { fs->s.inode_table + (ref >> 16), (u32)(ref & 0xffff) };
	struct sq_disk_inode d;
	const struct kind *k;
	union disk rest;
	struct inode *i;
	int err = sq_meta_read(fs, &c, &d, sizeof(d));

	if (err)
		return err;
	k = d.type < ARRAY_SIZE(kinds) ? &kinds[d.type] : &kinds[0];
	if (!k->parse || d.uid >= fs->s.ids || d.gid >= fs->s.ids)
		return sq_error(fs, "Unknown inode type %d or owner in inode %u", d.type, d.number);
	memset(&rest, 0, sizeof(rest));
	err = sq_meta_read(fs, &c, &rest, k->len);
	if (err)
		return err;
	i = alloc(fs, k, &d);
	if (!i)
		return -ENOMEM;
	sq_i(i)->at = c;
	sq_i(i)->ref = ref;
	err = k->parse(i, &rest);
	if (err) {
		iput(i);
		return err;
	}
	set_ops(i);
	*out = i;
	return 0;
}

int sq_iget(struct super *sb, u64 ref, struct inode **out)
{
	struct sqfs *fs = sb->private;
	struct inode *i = find(fs, ref), *mine = NULL;
	int err;

	if (!i) {
		err = load(fs, ref, &mine);
		if (err)
			return err;
		i = find(fs, ref);	/* somebody was faster */
		if (i) {
			iput(mine);
		} else {
			list_add(&sq_i(mine)->hash, &fs->hash[(ref ^ ref >> 16) % SQ_HASH]);
			i = mine;
		}
	}
	*out = i;
	return 0;
}
