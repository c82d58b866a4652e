/* SPDX-License-Identifier: MIT */
/*
 * Directory blocks: reading and checking them, entries in one block. An entry is checked each time
 * before it is used.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"
#include "lib/crc32c.h"

u32 ext4_dirent_len(u32 name_len)
{
	return (name_len + (u32)sizeof(struct ext4_dirent) + 3) & ~3u;
}

u32 ext4_dir_usable(const struct ext4 *fs)
{
	return fs->block_size - (fs->csum ? (u32)sizeof(struct ext4_dir_tail) : 0);
}

u8 ext4_file_type(const struct ext4 *fs, u32 mode)
{
	static const u8 types[16] = { [S_IFREG >> 12] = 1, [S_IFDIR >> 12] = 2,
				      [S_IFCHR >> 12] = 3, [S_IFBLK >> 12] = 4,
				      [S_IFIFO >> 12] = 5, [S_IFSOCK >> 12] = 6,
				      [S_IFLNK >> 12] = 7 };

	return ext4_incompat(fs, INCOMPAT_FILETYPE) ? types[(mode & S_IFMT) >> 12] : 0;
}

static struct ext4_dir_tail *tail(const struct ext4 *fs, const void *data)
{
	return (struct ext4_dir_tail *)((u8 *)data + fs->block_size - sizeof(struct ext4_dir_tail));
}

static bool has_tail(const struct ext4 *fs, const void *data)
{
	const struct ext4_dir_tail *t = tail(fs, data);

	return !t->zero && t->rec_len == sizeof(*t) && !t->zero2 && t->type == EXT4_DIR_TAIL_TYPE;
}

void ext4_dir_tail_init(const struct ext4 *fs, void *data)
{
	if (fs->csum)
		*tail(fs, data) = (struct ext4_dir_tail){ .rec_len = sizeof(struct ext4_dir_tail),
							  .type = EXT4_DIR_TAIL_TYPE };
}

static u32 leaf_csum(struct inode *dir, const void *data)
{
	return crc32c(ext4_i(dir)->csum_seed, data, ext4_dir_usable(ext4_of(dir)));
}

void ext4_dir_csum_set(struct inode *dir, void *data)
{
	const struct ext4 *fs = ext4_of(dir);

	if (fs->csum && has_tail(fs, data))
		tail(fs, data)->csum = leaf_csum(dir, data);
}

bool ext4_dirent_ok(struct inode *dir, const struct ext4_dirent *de, u64 block, const void *area,
		    u32 off, u32 size)
{
	struct ext4 *fs = ext4_of(dir);
	const char *wrong = NULL;
	u32 len;

	if (size - off < sizeof(*de)) {
		wrong = "no room for an entry";
	} else {
		len = de->rec_len;
		if (len < 12)
			wrong = "rec_len is smaller than minimal";
		else if (len % 4)
			wrong = "rec_len % 4 != 0";
		else if (len < ext4_dirent_len(de->name_len))
			wrong = "rec_len is too small for name_len";
		else if (len > size - off)
			wrong = "directory entry overrun";
		else if (de->ino > fs->inodes_count)
			wrong = "inode out of bounds";
	}
	if (!wrong)
		return true;
	ext4_error(fs, (u32)dir->ino, block, "bad entry in directory: %s - offset=%u, size=%u",
		   wrong, off, size);
	return false;
}

/* An index block looks like one empty entry, or (the root) like "." and ".." that fill the block. */
static bool looks_like_index(const struct ext4 *fs, u32 lblk, const u8 *data)
{
	const struct ext4_dirent *de = (const struct ext4_dirent *)data;
	const struct ext4_dirent *dots = (const struct ext4_dirent *)(data + 12);

	if (!lblk)
		return de->rec_len == 12 && dots->rec_len == fs->block_size - 12;
	return !de->ino && de->rec_len == fs->block_size;
}

static int check_block(struct inode *dir, u32 lblk, enum ext4_dirblock kind, struct buffer *bh)
{
	struct ext4 *fs = ext4_of(dir);
	bool index = ext4_is_htree(dir) && looks_like_index(fs, lblk, bh->data);

	if (kind != DIRBLOCK_ANY && index != (kind == DIRBLOCK_INDEX) &&
	    (lblk || kind == DIRBLOCK_INDEX))
		return ext4_error(fs, (u32)dir->ino, bh->block, "directory %s block expected at %u",
				  kind == DIRBLOCK_INDEX ? "index" : "leaf", lblk);
	if (bh->verified || !fs->csum)
		return 0;
	if (index ? !ext4_dx_csum_ok(dir, bh->data) :
		    !has_tail(fs, bh->data) || tail(fs, bh->data)->csum != leaf_csum(dir, bh->data))
		return ext4_error(fs, (u32)dir->ino, bh->block, "directory %s failed checksum",
				  index ? "index" : "leaf block");
	bh->verified = true;
	return 0;
}

int ext4_dir_read(struct inode *dir, u32 lblk, enum ext4_dirblock kind, struct buffer **out)
{
	struct ext4 *fs = ext4_of(dir);
	struct ext4_map m = { .lblk = lblk, .len = 1 };
	struct buffer *bh;
	int err = ext4_map_find(dir, &m);

	*out = NULL;
	if (err)
		return err;
	if (!(m.flags & MAP_MAPPED))
		return ext4_error(fs, (u32)dir->ino, 0, "Directory hole found for block %u", lblk);
	err = buffer_read(fs->bdev, m.pblk, &bh);
	if (err)
		return err;
	err = check_block(dir, lblk, kind, bh);
	if (err)
		buffer_put(bh);
	else
		*out = bh;
	return err;
}

int ext4_dir_append(struct handle *h, struct inode *dir, u32 *lblk, struct buffer **out)
{
	struct ext4 *fs = ext4_of(dir);
	struct ext4_map m = { .lblk = (u32)(dir->size >> fs->block_bits), .len = 1 };
	int err;

	if (fs->opts.max_dir_kb && dir->size >> 10 >= fs->opts.max_dir_kb)
		return -ENOSPC;
	if (dir->size >> fs->block_bits >= 0x7fffffff ||
	    (dir->size + fs->block_size > UINT32_MAX && !ext4_incompat(fs, INCOMPAT_LARGEDIR)))
		return -EFBIG;
	err = ext4_map_alloc(h, dir, &m, 0);
	if (!err && !(m.flags & MAP_NEW))
		err = ext4_error(fs, (u32)dir->ino, 0, "directory has a block beyond its end");
	if (err)
		return err;
	err = buffer_get(fs->bdev, m.pblk, out);
	if (err)
		return err;
	err = journal_get_create(h, *out);
	if (err) {
		buffer_put(*out);
		return err;
	}
	memset((*out)->data, 0, fs->block_size);
	(*out)->uptodate = (*out)->verified = true;
	dir->size += fs->block_size;
	ext4_i(dir)->disk_size = dir->size;
	*lblk = m.lblk;
	return ext4_dirty(h, dir);
}

struct ext4_dirent *ext4_search(struct inode *dir, u64 block, void *area, u32 size,
				const char *name, u32 len, int *err)
{
	*err = 0;
	for (u32 off = 0; off < size;) {
		struct ext4_dirent *de = (struct ext4_dirent *)((u8 *)area + off);

		if (!ext4_dirent_ok(dir, de, block, area, off, size)) {
			*err = -EUCLEAN;
			return NULL;
		}
		if (de->ino && de->name_len == len && !memcmp(de->name, name, len))
			return de;
		off += de->rec_len;
	}
	return NULL;
}

/* Into the first gap that is large enough; false: there is none (or an entry is damaged). */
bool ext4_insert_into(struct inode *dir, void *area, u32 size, const char *name, u32 len, u32 ino,
		      u8 type)
{
	u32 need = ext4_dirent_len(len);

	for (u32 off = 0; off < size;) {
		struct ext4_dirent *de = (struct ext4_dirent *)((u8 *)area + off);
		u32 used;

		if (!ext4_dirent_ok(dir, de, 0, area, off, size))
			return false;
		used = de->ino ? ext4_dirent_len(de->name_len) : 0;
		if (de->rec_len >= used + need) {
			u32 left = de->rec_len - used;

			if (used) {
				de->rec_len = (u16)used;
				de = (struct ext4_dirent *)((u8 *)de + used);
				de->rec_len = (u16)left;
			}
			de->ino = ino;
			de->name_len = (u8)len;
			de->type = type;
			memcpy(de->name, name, len);
			return true;
		}
		off += de->rec_len;
	}
	return false;
}
