/* SPDX-License-Identifier: MIT */
/*
 * The table of live inodes: by number to struct inode, and the end of one. An inode that is being
 * evicted stays in the table until that is done; who wants it meanwhile waits and reads it anew.
 */
#include "fs/ext4/priv.h"

#include "abi/stat.h"
#include "lib/alloc.h"

u64 ext4_inode_key(const struct list_head *node)
{
	return list_entry(node, struct ext4_inode, hash)->inode->ino;
}

static struct ext4_inode *find(const struct ext4 *fs, u64 ino)
{
	struct ext4_inode *ei;

	list_for_each(ei, hash_chain(&fs->inodes, ino), hash)
		if (ei->inode->ino == ino)
			return ei;
	return NULL;
}

/* A reference to the cached one, or NULL. Blocks while it is being evicted. */
static struct inode *find_get(struct ext4 *fs, u64 ino)
{
	struct ext4_inode *ei;

	while ((ei = find(fs, ino)) != NULL) {
		if (!ei->evicting)
			return iget(ei->inode);
		wait_event(&fs->evict_wait, (ei = find(fs, ino)) == NULL || !ei->evicting,
			   "ext4_iget");
	}
	return NULL;
}

void ext4_hash_insert(struct inode *inode)
{
	hash_add(&ext4_of(inode)->inodes, &ext4_i(inode)->hash);
}

struct inode *ext4_inode_alloc(struct super *sb, u32 ino, u32 mode)
{
	struct inode *i = inode_new(sb, mode);
	struct ext4_inode *ei;

	if (!i)
		return NULL;
	ei = kzalloc(sizeof(*ei));
	if (!ei) {
		iput(i);
		return NULL;
	}
	i->ino = ino;
	i->private = ei;
	ei->inode = i;
	list_init(&ei->hash);
	list_init(&ei->orphan);
	mutex_init(&ei->map_lock, "ext4.map", RANK_MAP);
	mutex_init(&ei->xattr_lock, "ext4.xattr", RANK_XATTR);
	return i;
}

void ext4_set_ops(struct inode *i)
{
	if (S_ISREG(i->mode)) {
		i->ops = &ext4_file_inode_ops;
		i->fops = &ext4_file_fops;
	} else if (S_ISDIR(i->mode)) {
		i->ops = &ext4_dir_inode_ops;
		i->fops = &ext4_dir_fops;
	} else if (S_ISLNK(i->mode)) {
		i->ops = &ext4_symlink_inode_ops;
	} else {
		i->ops = &ext4_special_inode_ops;
		inode_init_special(i, i->mode, i->rdev);
	}
	if (!(ext4_i(i)->flags & (EXT4_ENCRYPT_FL | EXT4_VERITY_FL)))
		return;
	/* Without keys and hashes there is nothing to be done with their contents. */
	if (S_ISDIR(i->mode) || S_ISREG(i->mode)) {
		i->ops = &ext4_encrypted_inode_ops;
		i->fops = &ext4_encrypted_fops;
	}
}

static int check_loaded(struct ext4 *fs, struct inode *i)
{
	struct ext4_inode *ei = ext4_i(i);
	u32 ino = (u32)i->ino, type = i->mode & S_IFMT;

	if ((s64)i->size < 0)
		return ext4_error(fs, ino, 0, "iget: bad i_size value: %lld", (long long)i->size);
	if (S_ISDIR(i->mode) && i->size >> fs->block_bits > fs->blocks_count)
		return ext4_error(fs, ino, 0, "iget: directory larger than the file system");
	if (ei->file_acl && !ext4_valid_blocks(fs, ei->file_acl, 1))
		return ext4_error(fs, ino, 0, "iget: bad extended attribute block %llu",
				  (unsigned long long)ei->file_acl);
	if (type != S_IFREG && type != S_IFDIR && type != S_IFLNK && type != S_IFCHR &&
	    type != S_IFBLK && type != S_IFIFO && type != S_IFSOCK)
		return ext4_error(fs, ino, 0, "iget: bogus i_mode (%o)", i->mode);
	if ((ei->flags & EXT4_INLINE_DATA_FL) &&
	    (!ext4_incompat(fs, INCOMPAT_INLINE_DATA) || (ei->flags & EXT4_EXTENTS_FL)))
		return ext4_error(fs, ino, 0, "iget: inline data flag where it cannot be");
	if ((ei->flags & EXT4_EXTENTS_FL) && !ext4_incompat(fs, INCOMPAT_EXTENTS))
		return ext4_error(fs, ino, 0, "iget: extents without the feature");
	if (ei->flags & EXT4_EA_INODE_FL)
		return ext4_error(fs, ino, 0, "iget: inode of an attribute");
	return 0;
}

/* Fills a new inode from disk. The buffer was read, so nothing here blocks. */
static int load(struct ext4 *fs, u32 ino, bool orphan, const struct ext4_raw_inode *raw,
		struct inode **out)
{
	struct inode *i;
	u32 seed = 0;
	int err = ext4_raw_check(fs, ino, raw, &seed);

	if (err)
		return err;
	if (!raw->links && (!raw->mode || !orphan))
		return -ESTALE;
	i = ext4_inode_alloc(fs->sb, ino, raw->mode);
	if (!i)
		return -ENOMEM;
	ext4_i(i)->csum_seed = seed;
	ext4_raw_to_inode(i, raw);
	err = check_loaded(fs, i);
	if (err) {
		kfree(i->private);
		i->private = NULL;
		iput(i);
		return err;
	}
	ext4_set_ops(i);
	ext4_hash_insert(i);
	*out = i;
	return 0;
}

int ext4_iget(struct super *sb, u64 ino, u32 how, struct inode **out)
{
	struct ext4 *fs = sb->private;
	struct ext4_loc loc;
	int err;

	if (!ino || ino > fs->inodes_count ||
	    (ino < fs->first_ino && ino != EXT4_ROOT_INO && !(how & IGET_SPECIAL)))
		return ext4_error(fs, 0, 0, "iget: illegal inode #%llu", (unsigned long long)ino);
	*out = find_get(fs, ino);
	if (*out)
		return 0;
	err = ext4_raw_get(fs, (u32)ino, &loc);
	if (err)
		return err;
	*out = find_get(fs, ino); /* somebody was faster */
	if (!*out)
		err = load(fs, (u32)ino, how & IGET_ORPHAN, loc.raw, out);
	buffer_put(loc.bh);
	return err;
}

u32 ext4_generation(const struct inode *i)
{
	return ext4_i(i)->generation;
}

int ext4_by_number(struct super *sb, u64 ino, u32 generation, struct inode **out)
{
	const struct ext4 *fs = sb->private;
	struct inode *i;
	int err;

	/* A number that somebody made up is no damage of the file system. */
	if (!ino || ino > fs->inodes_count || (ino < fs->first_ino && ino != EXT4_ROOT_INO))
		return -ESTALE;
	err = ext4_iget(sb, ino, 0, &i);
	if (err)
		return err;
	/* Without a name it is one only while somebody else has it open. */
	if (ext4_i(i)->generation != generation || (!i->nlink && ref_read(&i->ref) == 1)) {
		iput(i);
		return -ESTALE;
	}
	*out = i;
	return 0;
}

/* --- the end of an inode --- */

/* Blocks, attributes and number of a file without names are free from now on. */
static void delete (struct inode *inode)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_inode *ei = ext4_i(inode);
	struct handle *h;
	int err = ext4_start(fs, EXT4_CREDITS_TREE + EXT4_CREDITS_XATTR + EXT4_CREDITS_INODE, &h);

	if (err)
		return;
	inode->size = ei->disk_size = 0;
	if (!ext4_is_inline(inode) && !ext4_fast_symlink(inode) &&
	    (S_ISREG(inode->mode) || S_ISDIR(inode->mode) || S_ISLNK(inode->mode)))
		err = ext4_map_remove(&h, inode, 0, EXT4_MAX_LBLK);
	if (!err)
		err = ext4_more_credits(fs, &h, EXT4_CREDITS_XATTR + EXT4_CREDITS_INODE);
	if (err >= 0)
		err = ext4_xattr_delete(h, inode);
	if (!err)
		err = ext4_orphan_del(h, inode);
	if (!err)
		err = ext4_free_inode(h, inode);
	if (err && err != -EROFS)
		ext4_msg(fs, "warning", "inode %llu could not be deleted: error %d",
			 (unsigned long long)inode->ino, err);
	if (h)
		ext4_stop(fs, h);
}

static bool differ(struct ts_k a, struct ts_k b)
{
	return a.sec != b.sec || a.nsec != b.nsec;
}

/* Times change without a handle: by reading, writing and mapping. So does the size by a write into a hole. */
static bool changed(const struct inode *i)
{
	const struct ext4_inode *ei = ext4_i(i);

	return differ(i->atime, ei->disk_atime) || differ(i->mtime, ei->disk_mtime) ||
	       differ(i->ctime, ei->disk_ctime) ||
	       (S_ISREG(i->mode) && i->size > ei->disk_size && !ei->ndelayed);
}

/* What the page cache and lazy times have that the disk has not. */
int ext4_write_inode(struct inode *inode)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_inode *ei = ext4_i(inode);
	struct handle *h;
	int err = 0, err2;

	if (ei->pc && pagecache_dirty(ei->pc))
		err = pagecache_sync(ei->pc, 0, ~0ULL);
	if (!changed(inode) || ext4_readonly(fs) || fs->frozen == EXT4_FROZEN)
		return err;
	err2 = ext4_start(fs, EXT4_CREDITS_SUPER + 1, &h);
	if (err2)
		return err2;
	if (S_ISREG(inode->mode) && inode->size > ei->disk_size && !ei->ndelayed)
		ei->disk_size = inode->size;
	err2 = ext4_dirty(h, inode);
	ext4_stop(fs, h);
	return err ? err : err2;
}

void ext4_evict(struct inode *inode)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_inode *ei = ext4_i(inode);
	bool gone = !inode->nlink;

	if (!ei)
		return;
	ei->evicting = true;
	if (!list_empty(&ei->hash) && !fs->dead) {
		if (gone && ei->pc)
			pagecache_truncate(ei->pc, 0);
		ext4_undelay(inode, 0, gone ? ~0ULL : 0);
		if (!gone)
			ext4_write_inode(inode);
		else if (!(fs->sb->flags & 1) || !list_empty(&ei->orphan) || ei->orphan_slot)
			delete (inode);
	}
	if (ei->pc)
		pagecache_free(ei->pc);
	ext4_undelay(inode, 0, ~0ULL);
	ext4_orphan_del(NULL, inode);
	list_del_init(&ei->hash);
	kfree(ei->delayed);
	kfree(ei);
	inode->private = NULL;
	wake_up_all(&fs->evict_wait);
}

/* --- sync --- */

static bool needs_write(const struct ext4_inode *ei)
{
	return !ei->evicting && ((ei->pc && pagecache_dirty(ei->pc)) || changed(ei->inode));
}

/* Takes references to up to max of them. */
static u32 collect(struct ext4 *fs, struct inode **list, u32 max)
{
	struct ext4_inode *ei;
	u32 n = 0;

	for (u32 b = 0; b < 1U << fs->inodes.bits; b++)
		list_for_each(ei, &fs->inodes.chains[b], hash) {
			if (!needs_write(ei))
				continue;
			if (n < max)
				list[n] = iget(ei->inode);
			n++;
		}
	return n;
}

int ext4_sync_inodes(struct ext4 *fs)
{
	u32 n = collect(fs, NULL, 0);
	struct inode **list;
	int err = 0;

	if (!n)
		return 0;
	list = kmalloc(n * sizeof(*list));
	if (!list)
		return -ENOMEM;
	n = MIN(collect(fs, list, n), n);
	for (u32 i = 0; i < n; i++) {
		int err2 = ext4_write_inode(list[i]);

		err = err ? err : err2;
	}
	for (u32 i = 0; i < n; i++)
		iput(list[i]);
	kfree(list);
	return err;
}
