/* SPDX-License-Identifier: MIT */
/*
 * Contents inside the inode (inline_data): the first 60 bytes in the place of the block numbers, the rest
 * in the attribute system.data. They are read as they are; who changes such a file moves it to blocks
 * first, and new files start with blocks.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"
#include "lib/alloc.h"

int ext4_inline_read(struct inode *inode, void **out, u32 *n)
{
	struct ext4_inode *ei = ext4_i(inode);
	const u32 first = sizeof(ei->block), max = ext4_of(inode)->inode_size;
	u8 *buf = kzalloc(first + max);
	ssize rest;

	if (!buf)
		return -ENOMEM;
	memcpy(buf, ei->block, first);
	rest = ext4_xattr_get(inode, XATTR_SYSTEM, "data", buf + first, max);
	if (rest == -ENODATA)
		rest = 0;
	if (rest < 0) {
		kfree(buf);
		return (int)rest;
	}
	*out = buf;
	*n = first + (u32)rest;
	if (!S_ISDIR(inode->mode))
		*n = (u32)MIN((u64)*n, inode->size);
	return 0;
}

/* From now on the file has a tree of blocks, which is empty. */
static int clear(struct handle *h, struct inode *inode)
{
	int err = ext4_xattr_set(h, inode, XATTR_SYSTEM, "data", NULL, 0, 0);

	if (err)
		return err;
	ext4_i(inode)->flags &= ~(u32)EXT4_INLINE_DATA_FL;
	ext4_map_init(inode);
	return 0;
}

static int convert_file(struct handle *h, struct inode *inode, const void *data, u32 n)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_map m = { .lblk = 0, .len = 1 };
	u8 *block;
	int err;

	err = clear(h, inode);
	if (err || !n)
		return err ? err : ext4_dirty(h, inode);
	block = kzalloc(fs->block_size);
	if (!block)
		return -ENOMEM;
	memcpy(block, data, MIN(n, fs->block_size));
	err = ext4_map_alloc(h, inode, &m, 0);
	if (!err)
		err = blk_write(fs->bdev, m.pblk << fs->block_bits, block, fs->block_size);
	kfree(block);
	return err ? err : ext4_dirty(h, inode);
}

/* Copies the entries of one area behind those that are there. */
static int copy_entries(struct inode *dir, struct buffer *bh, u8 *area, u32 size)
{
	for (u32 off = 0; off < size;) {
		struct ext4_dirent *de = (struct ext4_dirent *)(area + off);

		if (!ext4_dirent_ok(dir, de, 0, area, off, size))
			return -EUCLEAN;
		if (de->ino && !ext4_insert_into(dir, bh->data, ext4_dir_usable(ext4_of(dir)),
						 de->name, de->name_len, de->ino, de->type))
			return -ENOSPC;
		off += de->rec_len;
	}
	return 0;
}

static int convert_dir(struct handle *h, struct inode *dir, u8 *data, u32 n)
{
	const u32 first = sizeof(ext4_i(dir)->block);
	struct inode parent = { .sb = dir->sb, .ino = *(u32 *)data };
	struct buffer *bh;
	int err = clear(h, dir);

	if (err)
		return err;
	dir->size = ext4_i(dir)->disk_size = 0;
	err = ext4_make_dots(h, &parent, dir);
	if (!err)
		err = ext4_dir_read(dir, 0, DIRBLOCK_LEAF, &bh);
	if (err)
		return err;
	err = journal_get_write(h, bh);
	if (!err)
		err = copy_entries(dir, bh, data + 4, MIN(first, n) - 4);
	if (!err && n > first)
		err = copy_entries(dir, bh, data + first, n - first);
	ext4_dir_csum_set(dir, bh->data);
	if (!err)
		err = journal_dirty(h, bh);
	buffer_put(bh);
	return err ? err : ext4_dirty(h, dir);
}

int ext4_inline_convert(struct handle *h, struct inode *inode)
{
	void *data;
	u32 n;
	int err;

	if (!ext4_is_inline(inode))
		return 0;
	err = ext4_inline_read(inode, &data, &n);
	if (err)
		return err;
	err = S_ISDIR(inode->mode) ? convert_dir(h, inode, data, n) :
				     convert_file(h, inode, data, n);
	kfree(data);
	return err;
}
