/* SPDX-License-Identifier: MIT */
/*
 * Reading directories. Without an index: block after block, the position is an offset in bytes; entries may have
 * been joined since it was given, so a block is walked from its start. Otherwise in the order of hashes
 * (readdir_hash.c).
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"
#include "lib/alloc.h"

u32 ext4_dir_dt(u8 type)
{
	static const u8 types[] = { 0, 8, 4, 2, 6, 1, 12, 10 };

	return type < ARRAY_SIZE(types) ? types[type] : 0;
}

/* Entries of an area that lies at position base. 1: the buffer is full. */
static int emit(struct inode *dir, struct dir_ctx *ctx, u64 block, u8 *area, u32 size, u64 base)
{
	for (u32 off = 0; off < size;) {
		struct ext4_dirent *de = (struct ext4_dirent *)(area + off);

		if (!ext4_dirent_ok(dir, de, block, area, off, size)) {
			ctx->pos = (off64)(base + size); /* on to the next block, as Linux */
			return 0;
		}
		if (base + off >= (u64)ctx->pos) {
			if (de->ino && de->name_len &&
			    !ctx->actor(ctx, de->name, de->name_len, de->ino, ext4_dir_dt(de->type),
					(off64)(base + off + de->rec_len)))
				return 1;
			ctx->pos = (off64)(base + off + de->rec_len);
		}
		off += de->rec_len;
	}
	return 0;
}

int ext4_dir_copy(struct inode *dir, u32 lblk, enum ext4_dirblock kind, u8 **out, u64 *block)
{
	u32 size = ext4_of(dir)->block_size;
	struct buffer *bh;
	int err = ext4_dir_read(dir, lblk, kind, &bh);

	if (err)
		return err;
	*out = kmalloc(size);
	if (*out)
		memcpy(*out, bh->data, size);
	*block = bh->block;
	buffer_put(bh);
	return *out ? 0 : -ENOMEM;
}

static int read_blocks(struct inode *dir, struct dir_ctx *ctx)
{
	struct ext4 *fs = ext4_of(dir);
	int err = 0;

	while (!err && (u64)ctx->pos < dir->size) {
		u32 lblk = (u32)((u64)ctx->pos >> fs->block_bits);
		u64 block;
		u8 *data;

		err = ext4_dir_copy(dir, lblk, DIRBLOCK_ANY, &data, &block);
		if (err) {
			if (err != -EUCLEAN)
				break;
			/* Reported already; what is in other blocks can be read. */
			ctx->pos = (off64)((lblk + 1ULL) << fs->block_bits);
			err = 0;
			continue;
		}
		err = emit(dir, ctx, block, data, fs->block_size, (u64)lblk << fs->block_bits);
		kfree(data);
	}
	return err < 0 ? err : 0;
}

/* "." is not stored, ".." is a number in front: they get positions 0 and 1, what follows its offset. */
static int read_inline(struct inode *dir, struct dir_ctx *ctx)
{
	u32 size, first = sizeof(ext4_i(dir)->block);
	u8 *area;
	int err = ext4_inline_read(dir, (void **)&area, &size);

	if (err)
		return err;
	if (!ctx->pos && ctx->actor(ctx, ".", 1, dir->ino, 4, 1))
		ctx->pos = 1;
	if (ctx->pos == 1 && size >= 4 && ctx->actor(ctx, "..", 2, *(u32 *)area, 4, 4))
		ctx->pos = 4;
	if (ctx->pos >= 4 && size > 4)
		err = emit(dir, ctx, 0, area + 4, MIN(first, size) - 4, 4);
	if (!err && ctx->pos >= first && size > first)
		err = emit(dir, ctx, 0, area + first, size - first, first);
	kfree(area);
	return err < 0 ? err : 0;
}

static int read_entries(struct inode *dir, struct dir_ctx *ctx)
{
	int err = -EAGAIN;

	if (ext4_is_inline(dir))
		return read_inline(dir, ctx);
	if (ext4_reads_by_hash(dir))
		err = ext4_read_hashed(dir, ctx);
	return err == -EAGAIN ? read_blocks(dir, ctx) : err;
}

static int ext4_readdir(struct file *f, struct dir_ctx *ctx)
{
	struct inode *dir = f->inode;
	int err = 0;

	mutex_lock(&dir->lock);
	if (!dir->dead && ctx->pos >= 0)
		err = read_entries(dir, ctx);
	mutex_unlock(&dir->lock);
	file_accessed(f);
	return err;
}

static off64 dir_llseek(struct file *f, off64 off, int whence)
{
	if (whence == 1) /* SEEK_CUR */
		off += f->pos;
	else if (whence == 2) /* SEEK_END */
		off += ext4_reads_by_hash(f->inode) ? EXT4_HASH_EOF : (off64)f->inode->size;
	else if (whence)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

const struct file_ops ext4_dir_fops = {
	.readdir = ext4_readdir,
	.llseek = dir_llseek,
	.fsync = ext4_fsync,
	.ioctl = ext4_ioctl,
};
