/* SPDX-License-Identifier: MIT */
/*
 * squashfs as a file system type: a compressed image that is only read. Entry: squashfs_type.
 */
#include "fs/squashfs/priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "block/buffer.h"
#include "core/log.h"
#include "dev/blk.h"
#include "fs/fs.h"
#include "lib/alloc.h"

#define MESSAGES_MAX 50			/* a broken image must not drown the log */

static LIST_HEAD(mounted);

int sq_error(struct sqfs *fs, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (fs->panic)
		panic("SQUASHFS error: (%s) %s", fs->bdev->name, text);
	if (fs->errors++ < MESSAGES_MAX)
		pr_err("SQUASHFS error: (%s) %s", fs->bdev->name, text);
	return -EIO;
}

static int sq_statfs(struct super *sb, struct statfs_k *st)
{
	const struct sqfs *fs = sb->private;

	st->type = SQ_MAGIC;
	st->bsize = fs->s.block_size;
	st->blocks = ((fs->s.bytes_used - 1) >> fs->s.block_log) + 1;
	st->files = fs->s.inodes;
	st->namelen = SQ_NAME_MAX;
	st->fsid = sb->dev;
	return 0;
}

static void sq_kill(struct super *sb)
{
	struct sqfs *fs = sb->private;

	if (!fs)
		return;
	list_del_init(&fs->node);
	shrinker_del(&fs->shrinker);
	sq_cache_free(&fs->meta);
	sq_cache_free(&fs->blocks);
	sq_cache_free(&fs->fragments);
	if (fs->bdev) {
		blkdev_close(fs->bdev, fs);
		blkdev_put(fs->bdev);
	}
	kfree(fs->ids);
	kfree(fs);
	sb->private = NULL;
}

static void sq_show_options(struct super *sb, struct seq_buf *s)
{
	const struct sqfs *fs = sb->private;

	seq_printf(s, ",errors=%s", fs->panic ? "panic" : "continue");
}

static const struct super_ops ops = { .statfs = sq_statfs, .kill = sq_kill, .show_options = sq_show_options };

static int parse_options(const char *data, bool *panics)
{
	static const char *const known[] = { "errors=continue", "errors=panic" };

	for (const char *p = data ? data : ""; *p;) {
		size_t n = strcspn(p, ","), i = 0;

		while (i < 2 && (strlen(known[i]) != n || memcmp(known[i], p, n)))
			i++;
		if (n && i == 2)
			return -EINVAL;
		if (n)
			*panics = i == 1;
		p += n + (p[n] == ',');
	}
	return 0;
}

static int read_root(struct sqfs *fs)
{
	struct inode *root;
	int err = sq_iget(fs->sb, fs->s.root, &root);

	if (err)
		return err;
	if (!S_ISDIR(root->mode)) {
		iput(root);
		return sq_error(fs, "the root is no directory");
	}
	fs->sb->root = d_make_root(fs->sb, root);
	if (fs->sb->root)
		return 0;
	iput(root);
	return -ENOMEM;
}

static int fill(struct sqfs *fs, struct blkdev *bdev, const char *data)
{
	int err = blkdev_open(bdev, false, fs);

	if (err)
		return err;
	fs->bdev = bdev;
	fs->sb->dev = bdev->dev;
	err = parse_options(data, &fs->panic);
	if (!err)
		err = blkdev_cache(bdev, &fs->device);
	/* Blocks of contents are read past the cache: what was written through it must be on the device. */
	if (!err)
		err = buffers_sync(bdev);
	if (!err)
		err = sq_load(fs);
	if (!err)
		err = read_root(fs);
	if (!err)
		list_add(&fs->node, &mounted);
	return err;
}

/* The same device again: the superblock that is there, as in Linux. */
static struct super *find_mounted(const struct blkdev *bdev)
{
	struct sqfs *fs;

	list_for_each(fs, &mounted, node) {
		if (fs->bdev != bdev || fs->sb->dying)
			continue;
		ref_get(&fs->sb->ref);
		return fs->sb;
	}
	return NULL;
}

/* Large blocks first: those of metadata are used again and again. */
static u64 sq_shrink(struct shrinker *s, u64 bytes)
{
	struct sqfs *fs = container_of(s, struct sqfs, shrinker);
	struct sq_cache *const caches[] = { &fs->blocks, &fs->fragments, &fs->meta };
	u64 done = 0;

	for (size_t i = 0; i < ARRAY_SIZE(caches) && done < bytes; i++)
		done += sq_cache_shrink(caches[i], bytes - done);
	return done;
}

static struct sqfs *fs_alloc(struct super *sb)
{
	struct sqfs *fs = sb ? kzalloc(sizeof(*fs)) : NULL;

	if (!fs)
		return NULL;
	for (u32 i = 0; i < SQ_HASH; i++)
		list_init(&fs->hash[i]);
	list_init(&fs->node);
	sq_cache_init(&fs->meta, 0, 0);
	sq_cache_init(&fs->blocks, 0, 0);
	sq_cache_init(&fs->fragments, 0, 0);
	fs->shrinker.shrink = sq_shrink;
	shrinker_add(&fs->shrinker);
	fs->sb = sb;
	sb->private = fs;
	return fs;
}

static int sq_mount(const struct fs_type *t, const char *source, u32 flags, const char *data, struct super **out)
{
	struct blkdev *bdev;
	struct super *sb;
	struct sqfs *fs;
	int err = block_source(source, &bdev);

	if (err)
		return err;
	sb = find_mounted(bdev);
	if (sb) {
		blkdev_put(bdev);
		*out = sb;
		return 0;
	}
	sb = super_alloc(t, &ops, flags);
	fs = fs_alloc(sb);
	err = fs ? fill(fs, bdev, data) : -ENOMEM;
	if (!err) {
		*out = sb;
		return 0;
	}
	if (!fs || !fs->bdev)
		blkdev_put(bdev);
	super_put(sb);
	return err;
}

static int sq_remount(struct super *sb, u32 flags, const char *data)
{
	return parse_options(data, &((struct sqfs *)sb->private)->panic);
}

const struct fs_type squashfs_type = {
	.name = "squashfs", .readonly = true, .mount = sq_mount, .remount = sq_remount,
};
