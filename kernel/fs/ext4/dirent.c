/* SPDX-License-Identifier: MIT */
/*
 * Names in a directory: find, add, change, delete; readdir of directories without an index. A small
 * directory that never had a second block is searched from front to back.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"
#include "lib/alloc.h"

void ext4_found_put(struct ext4_found *f)
{
	buffer_put(f->bh);
	f->bh = NULL;
	if (f->inside)
		kfree(f->area);
	f->area = NULL;
}

static u32 nblocks(const struct inode *dir)
{
	return (u32)MIN(dir->size >> ext4_of(dir)->block_bits, (u64)EXT4_MAX_LBLK);
}

/* Without an index, and where the index does not help. */
static int find_linear(struct inode *dir, const char *name, u32 len, struct ext4_found *f)
{
	struct ext4 *fs = ext4_of(dir);
	u32 n = nblocks(dir), start = ext4_i(dir)->dir_hint < n ? ext4_i(dir)->dir_hint : 0;
	int err;

	for (u32 i = 0; i < n; i++) {
		u32 lblk = (start + i) % n;

		err = ext4_dir_read(dir, lblk, DIRBLOCK_ANY, &f->bh);
		if (err)
			return err;
		f->de = ext4_search(dir, f->bh->block, f->bh->data, fs->block_size, name, len,
				    &err);
		if (f->de) {
			ext4_i(dir)->dir_hint = lblk;
			return 0;
		}
		ext4_found_put(f);
		if (err)
			return err;
	}
	return -ENOENT;
}

/* In the inode itself: two areas, the second in an attribute. Only for reading: writing makes blocks first. */
static int find_inline(struct inode *dir, const char *name, u32 len, struct ext4_found *f)
{
	u32 size, first = sizeof(ext4_i(dir)->block);
	int err = ext4_inline_read(dir, &f->area, &size);

	if (err)
		return err;
	f->inside = true;
	f->de = size > 4 ? ext4_search(dir, 0, (u8 *)f->area + 4, MIN(first, size) - 4, name, len,
				       &err) :
			   NULL;
	if (!f->de && !err && size > first)
		f->de = ext4_search(dir, 0, (u8 *)f->area + first, size - first, name, len, &err);
	if (f->de)
		return 0;
	ext4_found_put(f);
	return err ? err : -ENOENT;
}

int ext4_find_entry(struct inode *dir, const char *name, u32 len, struct ext4_found *f)
{
	memset(f, 0, sizeof(*f));
	if (len > EXT4_NAME_MAX)
		return -ENAMETOOLONG;
	if (ext4_is_inline(dir))
		return find_inline(dir, name, len, f);
	/* "." and ".." are not in the index */
	if (ext4_is_htree(dir) && !(len <= 2 && name[0] == '.' && (len == 1 || name[1] == '.')))
		return ext4_htree_find(dir, name, len, f);
	return find_linear(dir, name, len, f);
}

int ext4_find_dotdot(struct inode *dir, struct ext4_found *f)
{
	struct ext4 *fs = ext4_of(dir);
	u32 size;
	int err;

	memset(f, 0, sizeof(*f));
	err = ext4_dir_read(dir, 0, DIRBLOCK_ANY, &f->bh);
	if (err)
		return err;
	size = fs->block_size;
	f->de = ext4_search(dir, f->bh->block, f->bh->data, size, "..", 2, &err);
	if (f->de)
		return 0;
	ext4_found_put(f);
	return err ? err : ext4_error(fs, (u32)dir->ino, 0, "directory without \"..\"");
}

/* The changed block gets the checksum of its kind. */
static int leaf_dirty(struct handle *h, struct inode *dir, struct buffer *bh, bool index)
{
	if (index)
		ext4_dx_csum_set(dir, bh->data);
	else
		ext4_dir_csum_set(dir, bh->data);
	ext4_touch_tid(h, dir, true);
	return journal_dirty(h, bh);
}

static bool is_root_index(struct inode *dir, const struct buffer *bh, const struct ext4_dirent *de)
{
	return ext4_is_htree(dir) && (const u8 *)de == bh->data + 12;
}

int ext4_set_entry(struct handle *h, struct inode *dir, struct ext4_found *f, u32 ino, u8 type)
{
	bool index =
		is_root_index(dir, f->bh, f->de) && f->de->name_len == 2 && f->de->name[0] == '.';
	int err = journal_get_write(h, f->bh);

	if (err)
		return err;
	f->de->ino = ino;
	if (ext4_incompat(ext4_of(dir), INCOMPAT_FILETYPE))
		f->de->type = type;
	return leaf_dirty(h, dir, f->bh, index);
}

int ext4_delete_entry(struct handle *h, struct inode *dir, struct ext4_found *f)
{
	u32 size = ext4_of(dir)->block_size;
	struct ext4_dirent *prev = NULL;
	int err = journal_get_write(h, f->bh);

	if (err)
		return err;
	for (u32 off = 0; off < size;) {
		struct ext4_dirent *de = (struct ext4_dirent *)(f->bh->data + off);

		if (!ext4_dirent_ok(dir, de, f->bh->block, f->bh->data, off, size))
			return -EUCLEAN;
		off += de->rec_len;
		if (de != f->de) {
			prev = de;
			continue;
		}
		if (prev)
			prev->rec_len += de->rec_len;
		de->ino = 0;
		memset(de->name, 0, de->name_len);
		return leaf_dirty(h, dir, f->bh, false);
	}
	return ext4_error(ext4_of(dir), (u32)dir->ino, f->bh->block, "entry to delete is gone");
}

int ext4_add_to_block(struct handle *h, struct inode *dir, struct buffer *bh, const char *name, u32 len,
		      struct inode *inode)
{
	struct ext4 *fs = ext4_of(dir);
	int err = journal_get_write(h, bh);

	if (err)
		return err;
	if (!ext4_insert_into(dir, bh->data, ext4_dir_usable(fs), name, len, (u32)inode->ino,
			      ext4_file_type(fs, inode->mode)))
		return -ENOSPC;
	return leaf_dirty(h, dir, bh, false);
}

/* A further block, for directories without index. */
static int add_appended(struct handle *h, struct inode *dir, const char *name, u32 len,
			struct inode *inode)
{
	struct ext4 *fs = ext4_of(dir);
	struct ext4_dirent *de;
	struct buffer *bh;
	u32 lblk;
	int err = ext4_dir_append(h, dir, &lblk, &bh);

	if (err)
		return err;
	de = (struct ext4_dirent *)bh->data;
	de->rec_len = (u16)ext4_dir_usable(fs);
	ext4_dir_tail_init(fs, bh->data);
	err = ext4_add_to_block(h, dir, bh, name, len, inode);
	buffer_put(bh);
	return err;
}

static int add_linear(struct handle *h, struct inode *dir, const char *name, u32 len,
		      struct inode *inode)
{
	struct ext4 *fs = ext4_of(dir);
	u32 n = nblocks(dir);
	struct buffer *bh;
	int err;

	for (u32 i = 0; i < n; i++) {
		err = ext4_dir_read(dir, i, DIRBLOCK_ANY, &bh);
		if (err)
			return err;
		err = ext4_add_to_block(h, dir, bh, name, len, inode);
		if (err == -ENOSPC && n == 1 && ext4_compat(fs, COMPAT_DIR_INDEX) && !fs->dead)
			err = ext4_htree_make(h, dir, bh, name, len, inode);
		buffer_put(bh);
		if (err != -ENOSPC || n == 1)
			return err == -ENOSPC && !ext4_compat(fs, COMPAT_DIR_INDEX) ?
				       add_appended(h, dir, name, len, inode) :
				       err;
	}
	return add_appended(h, dir, name, len, inode);
}

int ext4_add_entry(struct handle *h, struct inode *dir, const char *name, u32 len,
		   struct inode *inode)
{
	int err;

	if (!len || len > EXT4_NAME_MAX)
		return -EINVAL;
	err = ext4_inline_convert(h, dir);
	if (err)
		return err;
	err = ext4_is_htree(dir) ? ext4_htree_add(h, dir, name, len, inode) :
				   add_linear(h, dir, name, len, inode);
	if (err)
		return err;
	inode_set_now(dir, ATTR_MTIME);
	ext4_i(dir)->version++;
	return ext4_dirty(h, dir);
}

int ext4_make_dots(struct handle *h, struct inode *dir, struct inode *inode)
{
	struct ext4 *fs = ext4_of(dir);
	struct ext4_dirent *de;
	struct buffer *bh;
	u32 lblk;
	int err = ext4_dir_append(h, inode, &lblk, &bh);

	if (err)
		return err;
	de = (struct ext4_dirent *)bh->data;
	de->ino = (u32)inode->ino;
	de->rec_len = 12;
	de->name_len = 1;
	de->type = ext4_file_type(fs, S_IFDIR);
	de->name[0] = '.';
	de = (struct ext4_dirent *)(bh->data + 12);
	de->ino = (u32)dir->ino;
	de->rec_len = (u16)(ext4_dir_usable(fs) - 12);
	de->name_len = 2;
	de->type = ext4_file_type(fs, S_IFDIR);
	de->name[0] = de->name[1] = '.';
	ext4_dir_tail_init(fs, bh->data);
	err = leaf_dirty(h, inode, bh, false);
	buffer_put(bh);
	return err;
}

static bool is_dot(const struct ext4_dirent *de)
{
	return de->name[0] == '.' &&
	       (de->name_len == 1 || (de->name_len == 2 && de->name[1] == '.'));
}

/* Only "." and ".." in an area? */
static int area_empty(struct inode *dir, u64 block, void *area, u32 size)
{
	for (u32 off = 0; off < size;) {
		struct ext4_dirent *de = (struct ext4_dirent *)((u8 *)area + off);

		if (!ext4_dirent_ok(dir, de, block, area, off, size))
			return -EUCLEAN;
		if (de->ino && !is_dot(de))
			return -ENOTEMPTY;
		off += de->rec_len;
	}
	return 0;
}

static int inline_empty(struct inode *dir)
{
	u32 size, first = sizeof(ext4_i(dir)->block);
	u8 *area;
	int err = ext4_inline_read(dir, (void **)&area, &size);

	if (err)
		return err;
	if (size > 4)
		err = area_empty(dir, 0, area + 4, MIN(first, size) - 4);
	if (!err && size > first)
		err = area_empty(dir, 0, area + first, size - first);
	kfree(area);
	return err;
}

int ext4_dir_empty(struct inode *dir)
{
	struct buffer *bh;
	int err = 0;

	if (ext4_is_inline(dir))
		return inline_empty(dir);
	for (u32 i = 0; i < nblocks(dir) && !err; i++) {
		err = ext4_dir_read(dir, i, DIRBLOCK_ANY, &bh);
		if (err)
			break;
		err = area_empty(dir, bh->block, bh->data, ext4_of(dir)->block_size);
		buffer_put(bh);
	}
	return err;
}
