/* SPDX-License-Identifier: MIT */
/*
 * ext2, ext3 and ext4 as file system types: mount, remount, sync, the end. The three names mount
 * the same code; they differ in what /proc/mounts says, and ext2 and ext3 refuse images with features
 * that are not theirs.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/mount.h"
#include "abi/stat.h"
#include "core/log.h"
#include "core/time.h"
#include "dev/blk.h"
#include "fs/fs.h"
#include "lib/alloc.h"

#define INODE_BITS 8

static LIST_HEAD(mounted);

static int ext4_statfs(struct super *sb, struct statfs_k *st)
{
	struct ext4 *fs = sb->private;
	u64 reserved = ext4_lo_hi(fs->es->r_blocks_count_lo, fs->es->r_blocks_count_hi),
	    overhead = 0;
	u64 a, b;

	for (u32 i = 0; !fs->opts.minixdf && i < fs->nzones; i++)
		overhead += fs->zones[i].end - fs->zones[i].start;
	if (!fs->opts.minixdf)
		overhead += fs->journal_blocks;
	memcpy(&a, fs->es->uuid, 8);
	memcpy(&b, fs->es->uuid + 8, 8);
	st->type = EXT4_SUPER_MAGIC;
	st->bsize = st->frsize = fs->block_size;
	st->blocks = fs->blocks_count - MIN(overhead + fs->first_data_block, fs->blocks_count);
	st->bfree = fs->free_blocks - MIN(fs->delayed, fs->free_blocks);
	st->bavail = st->bfree - MIN(reserved + fs->pool, st->bfree);
	st->files = fs->inodes_count;
	st->ffree = fs->free_inodes;
	st->namelen = EXT4_NAME_MAX;
	st->fsid = a ^ b;
	return 0;
}

/* Everything that is not on disk yet. What a lazily changed time needs is found here, too. */
int ext4_sync(struct super *sb)
{
	struct ext4 *fs = sb->private;
	int err, err2;

	if (fs->shut)
		return -EIO;
	if (!fs->sbh || ext4_readonly(fs) || fs->frozen == EXT4_FROZEN)
		return 0;
	err = ext4_sync_inodes(fs);
	if (fs->journal)
		err2 = journal_force(fs->journal);
	else
		err2 = buffers_sync(fs->bdev);
	ext4_check_abort(fs);
	if (!fs->dead && fs->error_pending)
		ext4_write_super(fs);
	if (!err2 && fs->opts.barrier)
		err2 = blk_flush(fs->bdev);
	return err ? err : err2;
}

static void set_counts(struct ext4 *fs)
{
	fs->es->free_blocks_lo = (u32)fs->free_blocks;
	if (ext4_incompat(fs, INCOMPAT_64BIT))
		fs->es->free_blocks_hi = (u32)(fs->free_blocks >> 32);
	fs->es->free_inodes = (u32)fs->free_inodes;
}

int ext4_begin_write(struct ext4 *fs)
{
	struct ts_k now = current_ts();

	if (fs->es->state & EXT4_STATE_ERROR)
		ext4_msg(fs, "warning", "mounting fs with errors, running e2fsck is recommended");
	else if (!(fs->es->state & EXT4_STATE_VALID))
		ext4_msg(fs, "warning", "mounting unchecked fs, running e2fsck is recommended");
	if (!fs->journal)
		fs->es->state &= (u16)~EXT4_STATE_VALID;
	else
		fs->es->feature_incompat |= INCOMPAT_RECOVER;
	if (ext4_compat(fs, COMPAT_ORPHAN_FILE))
		fs->es->feature_ro_compat |= RO_COMPAT_ORPHAN_PRESENT;
	fs->es->mnt_count++;
	fs->es->mtime = (u32)now.sec;
	fs->es->mtime_hi = (u8)(now.sec >> 32);
	return ext4_write_super(fs);
}

int ext4_end_write(struct ext4 *fs)
{
	bool clean = !fs->dead;
	int err = 0;

	if (fs->journal)
		err = journal_flush(fs->journal);
	if (err)
		clean = false;
	set_counts(fs);
	if (clean) {
		if (!(fs->es->state & EXT4_STATE_ERROR))
			fs->es->state |= EXT4_STATE_VALID;
		fs->es->feature_incompat &= ~(u32)INCOMPAT_RECOVER;
		if (ext4_orphan_file_empty(fs))
			fs->es->feature_ro_compat &= ~(u32)RO_COMPAT_ORPHAN_PRESENT;
	}
	if (!err)
		err = buffers_sync(fs->bdev);
	if (!err)
		err = ext4_write_super(fs);
	return err;
}

/* What mount built so far goes again. */
static void free_parts(struct ext4 *fs)
{
	ext4_orphan_unload(fs);
	if (fs->journal)
		journal_close(fs->journal);
	fs->journal = NULL;
	ext4_wait_discards(fs);
	kfree(fs->journal_runs);
	fs->journal_runs = NULL;
	ext4_free_groups(fs);
	kfree(fs->zones);
	fs->zones = NULL;
	buffer_put(fs->sbh);
	fs->sbh = NULL;
	fs->es = NULL;
}

static void say_unmounting(const struct ext4 *fs)
{
	char uuid[EXT4_UUID_TEXT];

	ext4_uuid_text(fs, uuid);
	ext4_msg(fs, "info", "unmounting filesystem %s.", uuid);
}

static void say_mounted(const struct ext4 *fs)
{
	static const char *const modes[] = { " journalled data mode", " ordered data mode",
					     " writeback data mode" };
	char uuid[EXT4_UUID_TEXT];

	ext4_uuid_text(fs, uuid);
	ext4_msg(fs, "info", "mounted filesystem %s %s with%s. Quota mode: none.", uuid,
		 fs->sb->flags & MS_RDONLY ? "ro" : "r/w",
		 fs->journal ? modes[fs->opts.data] : "out journal");
}

static void ext4_kill(struct super *sb)
{
	struct ext4 *fs = sb->private;

	if (!fs)
		return;
	if (!list_empty(&fs->node))
		say_unmounting(fs);
	list_del_init(&fs->node);
	ext4_thaw(fs);
	if (fs->sbh && !(sb->flags & MS_RDONLY) && !fs->dead)
		ext4_end_write(fs);
	else if (fs->sbh && fs->dead && fs->error_pending)
		ext4_write_super(fs);
	free_parts(fs);
	if (fs->bdev) {
		buffers_invalidate(fs->bdev);
		blkdev_close(fs->bdev, fs);
		blkdev_put(fs->bdev);
	}
	hash_free(&fs->inodes);
	kfree(fs);
	sb->private = NULL;
}

const struct super_ops ext4_super_ops = {
	.statfs = ext4_statfs,
	.kill = ext4_kill,
	.sync = ext4_sync,
	.show_options = ext4_show_options,
	.generation = ext4_generation,
	.by_number = ext4_by_number,
};

static struct ext4 *fs_alloc(struct super *sb)
{
	struct ext4 *fs = kzalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	if (!hash_init(&fs->inodes, INODE_BITS, ext4_inode_key)) {
		kfree(fs);
		return NULL;
	}
	list_init(&fs->orphans);
	list_init(&fs->node);
	wq_init(&fs->evict_wait);
	wq_init(&fs->thaw_wait);
	wq_init(&fs->discard_wait);
	fs->sb = sb;
	return fs;
}

/* ext2 and ext3 do not know the newer features; the difference is visible in fstab mistakes only. */
static int check_type(const struct ext4 *fs, const struct fs_type *t)
{
	const u32 ext3 = INCOMPAT_FILETYPE | INCOMPAT_RECOVER | INCOMPAT_META_BG;
	const u32 ext3_ro = RO_COMPAT_SPARSE_SUPER | RO_COMPAT_LARGE_FILE | RO_COMPAT_BTREE_DIR;
	bool journal = ext4_compat(fs, COMPAT_HAS_JOURNAL);
	bool old = !(fs->es->feature_incompat & ~ext3) && !(fs->es->feature_ro_compat & ~ext3_ro);

	if (t == &ext4_type || (t == &ext3_type && journal && old) ||
	    (t == &ext2_type && old && !ext4_incompat(fs, INCOMPAT_RECOVER)))
		return 0;
	ext4_msg(fs, "error", "couldn't mount as %s due to feature incompatibilities", t->name);
	return -EINVAL;
}

static int load(struct ext4 *fs, u32 *flags, const char *data)
{
	bool replayed;
	int err = ext4_load_super(fs, flags, data);

	if (!err)
		err = check_type(fs, fs->sb->type);
	if (!err)
		err = ext4_setup_zones(fs);
	if (err)
		return err;
	replayed = ext4_incompat(fs, INCOMPAT_RECOVER);
	err = ext4_journal_load(fs, *flags);
	if (err || !replayed || !fs->journal)
		return err;
	/* What was read before the replay may be old: again. */
	ext4_free_groups(fs);
	kfree(fs->zones);
	buffer_put(fs->sbh);
	fs->zones = NULL;
	fs->sbh = NULL;
	buffers_invalidate(fs->bdev);
	err = ext4_load_super(fs, flags, data);
	return err ? err : ext4_setup_zones(fs);
}

static int read_root(struct ext4 *fs)
{
	struct inode *root;
	int err = ext4_iget(fs->sb, EXT4_ROOT_INO, IGET_SPECIAL, &root);

	if (err) {
		ext4_msg(fs, "error", "get root inode failed");
		return err;
	}
	if (!S_ISDIR(root->mode) || !root->nlink || !root->size) {
		ext4_msg(fs, "error", "corrupt root inode, run e2fsck");
		iput(root);
		return -EUCLEAN;
	}
	fs->sb->root = d_make_root(fs->sb, root);
	if (fs->sb->root)
		return 0;
	iput(root);
	return -ENOMEM;
}

static int start_writable(struct ext4 *fs)
{
	int err = ext4_begin_write(fs);

	if (err)
		return err;
	fs->sb->flags &= ~(u32)MS_RDONLY;
	ext4_orphan_cleanup(fs);
	return 0;
}

/* As Linux: what a crash left undone is finished even then, if the device can be written. */
static int start_readonly(struct ext4 *fs)
{
	int err;

	if (fs->bdev->readonly || fs->opts.noload)
		return 0;
	if (!ext4_orphans_left(fs) && !ext4_incompat(fs, INCOMPAT_RECOVER))
		return 0;
	fs->es->mnt_count--; /* begin_write() counts */
	err = ext4_begin_write(fs);
	if (err)
		return err;
	ext4_orphan_cleanup(fs);
	return ext4_end_write(fs);
}

static int fill(struct ext4 *fs, struct blkdev *bdev, u32 flags, const char *data)
{
	struct super *sb = fs->sb;
	bool readonly_device = bdev->readonly;
	int err = blkdev_open(bdev, !readonly_device, fs);

	if (err)
		return err;
	fs->bdev = bdev;
	if (readonly_device && !(flags & MS_RDONLY))
		return -EACCES; /* mount(8) tries again with ro */
	sb->dev = bdev->dev;
	sb->flags |= MS_RDONLY; /* until all is ready */
	err = load(fs, &flags, data);
	if (!err && fs->inode_size == EXT4_GOOD_OLD_INODE)
		sb->time_unit = NSEC_PER_SEC; /* no room for more */
	if (!err)
		err = ext4_orphan_load(fs);
	if (!err)
		err = read_root(fs);
	if (err)
		return err;
	list_add(&fs->node, &mounted);
	if (fs->opts.acl)
		sb->flags |= MS_POSIXACL;
	return flags & MS_RDONLY ? start_readonly(fs) : start_writable(fs);
}

/* The same device again: the superblock that is there, as in Linux. */
static int find_mounted(const struct blkdev *bdev, u32 flags, struct super **out)
{
	struct ext4 *fs;

	list_for_each(fs, &mounted, node) {
		if (fs->bdev != bdev || fs->sb->dying || !fs->sb->root)
			continue;
		if ((fs->sb->flags ^ flags) & MS_RDONLY)
			return -EBUSY;
		ref_get(&fs->sb->ref);
		*out = fs->sb;
		return 0;
	}
	return -ENOENT;
}

static int ext4_mount(const struct fs_type *t, const char *source, u32 flags, const char *data,
		      struct super **out)
{
	struct blkdev *bdev;
	struct super *sb;
	struct ext4 *fs;
	int err = block_source(source, &bdev);

	if (err)
		return err;
	err = find_mounted(bdev, flags, out);
	if (err != -ENOENT) {
		blkdev_put(bdev);
		return err;
	}
	sb = super_alloc(t, &ext4_super_ops, flags);
	fs = sb ? fs_alloc(sb) : NULL;
	if (!fs) {
		super_put(sb);
		blkdev_put(bdev);
		return -ENOMEM;
	}
	sb->private = fs;
	err = fill(fs, bdev, flags, data);
	if (err) {
		if (!fs->bdev)
			blkdev_put(bdev);
		sb->flags |= MS_RDONLY;
		super_put(sb);
		return err;
	}
	say_mounted(fs);
	*out = sb;
	return 0;
}

static int to_readonly(struct ext4 *fs)
{
	int err = ext4_sync(fs->sb);

	if (!fs->dead)
		err = ext4_end_write(fs);
	return err;
}

static int to_writable(struct ext4 *fs)
{
	u32 flags = 0;
	int err;

	if (fs->dead)
		return -EROFS;
	if (fs->bdev->readonly)
		return -EACCES;
	err = ext4_check_features(fs, &flags);
	if (!err && (flags & MS_RDONLY))
		err = -EROFS;
	if (!err && ext4_incompat(fs, INCOMPAT_RECOVER))
		err = -EINVAL; /* was mounted with noload */
	return err;
}

static int ext4_remount(struct super *sb, u32 flags, const char *data)
{
	struct ext4 *fs = sb->private;
	struct ext4_opts o = fs->opts;
	bool was = sb->flags & MS_RDONLY, will = flags & MS_RDONLY;
	char uuid[EXT4_UUID_TEXT];
	int err = fs->frozen ? -EBUSY : ext4_parse_options(fs, &o, data);

	if (err)
		return err;
	if (o.data != fs->opts.data) {
		ext4_msg(fs, "error", "Cannot change data mode on remount");
		return -EINVAL;
	}
	if (was && !will) {
		err = to_writable(fs);
		if (!err)
			err = ext4_begin_write(fs);
	} else if (!was && will) {
		err = to_readonly(fs);
	}
	if (err)
		return err;
	fs->opts = o;
	sb->flags = o.acl ? sb->flags | MS_POSIXACL : sb->flags & ~(u32)MS_POSIXACL;
	if (fs->journal)
		err = ext4_journal_options(fs, flags);
	if (!err && was && !will)
		ext4_orphan_cleanup(fs);
	ext4_uuid_text(fs, uuid);
	ext4_msg(fs, "info", "re-mounted %s %s. Quota mode: none.", uuid, will ? "ro" : "r/w");
	return err;
}

const struct fs_type ext4_type = { .name = "ext4", .whiteouts = true, .mount = ext4_mount, .remount = ext4_remount };
const struct fs_type ext3_type = { .name = "ext3", .whiteouts = true, .mount = ext4_mount, .remount = ext4_remount };
const struct fs_type ext2_type = { .name = "ext2", .whiteouts = true, .mount = ext4_mount, .remount = ext4_remount };
