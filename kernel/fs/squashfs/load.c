/* SPDX-License-Identifier: MIT */
/*
 * What a mount reads at once: the superblock, checked, the owners, and where attributes are.
 */
#include "fs/squashfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "lib/alloc.h"
#include "mm/pagecache.h"

static const struct {
	const char *name;
	bool known;
	enum host_codec codec;
} compressions[] = {
	[1] = { "zlib", true, HOST_ZLIB }, [2] = { "lzma", false, 0 }, [3] = { "lzo", false, 0 },
	[4] = { "xz", true, HOST_XZ }, [5] = { "lz4", true, HOST_LZ4 }, [6] = { "zstd", true, HOST_ZSTD },
};

static int refuse(const struct sqfs *fs, const char *what)
{
	pr_err("SQUASHFS error: %s on %s", what, fs->bdev->name);
	return -EINVAL;
}

static int choose_codec(struct sqfs *fs)
{
	u32 c = fs->s.compression;
	const char *name = c < ARRAY_SIZE(compressions) && compressions[c].name ? compressions[c].name : "unknown";

	if (!strcmp(name, "unknown") || !compressions[c].known) {
		pr_err("SQUASHFS error: Filesystem uses \"%s\" compression. This is not supported", name);
		return -EINVAL;
	}
	fs->codec = compressions[c].codec;
	return 0;
}

static int check_super(struct sqfs *fs)
{
	const struct sq_super *s = &fs->s;

	if (s->magic != SQ_MAGIC)
		return refuse(fs, "Can't find a SQUASHFS superblock");
	if (s->major != 4 || s->minor) {
		pr_err("SQUASHFS error: Major/Minor mismatch, Squashfs %u.%u filesystems are unsupported", s->major,
		       s->minor);
		return -EINVAL;
	}
	if (s->block_size < SQ_BLOCK_MIN || s->block_size > SQ_BLOCK_MAX || s->block_log > 20 ||
	    s->block_size != 1u << s->block_log)
		return refuse(fs, "bad block size");
	if (s->bytes_used < sizeof(*s) || s->bytes_used > fs->bdev->size)
		return refuse(fs, "more bytes used than the device has");
	if (s->inode_table < sizeof(*s) || s->inode_table >= s->dir_table || s->dir_table >= s->bytes_used ||
	    !s->ids || !s->inodes || (s->root & 0xffff) >= SQ_META_SIZE)
		return refuse(fs, "tables in no order");
	return choose_codec(fs);
}

static int load_ids(struct sqfs *fs)
{
	int err = 0;

	fs->ids = kmalloc(fs->s.ids * sizeof(u32));
	if (!fs->ids)
		return -ENOMEM;
	for (u32 i = 0; i < fs->s.ids && !err; i++)
		err = sq_table_read(fs, fs->s.id_table, i, &fs->ids[i], sizeof(u32));
	return err;
}

static int load_xattrs(struct sqfs *fs)
{
	struct sq_disk_xattrs x;
	int err;

	fs->xattr_list = SQ_NO_TABLE;
	if (fs->s.xattr_table == SQ_NO_TABLE)
		return 0;
	err = sq_device_read(fs, fs->s.xattr_table, &x, sizeof(x));
	if (err)
		return err;
	if (x.start >= fs->s.xattr_table)
		return sq_error(fs, "attributes behind their table");
	fs->xattr_list = fs->s.xattr_table + sizeof(x);
	fs->xattr_data = x.start;
	fs->xattrs = x.count;
	return 0;
}

int sq_load(struct sqfs *fs)
{
	int err;

	fs->s.bytes_used = fs->bdev->size;	/* until it says itself */
	err = sq_device_read(fs, 0, &fs->s, sizeof(fs->s));
	if (err) {
		pr_err("SQUASHFS error: unable to read squashfs_super_block");
		return err;
	}
	err = check_super(fs);
	if (err)
		return err;
	/* A block of contents is up to 1 MiB: few of them. */
	sq_cache_init(&fs->meta, SQ_META_SIZE, 128);
	sq_cache_init(&fs->blocks, fs->s.block_size, 4);
	sq_cache_init(&fs->fragments, fs->s.block_size, 3);
	err = load_ids(fs);
	return err ? err : load_xattrs(fs);
}
