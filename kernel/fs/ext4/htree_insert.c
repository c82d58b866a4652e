/* SPDX-License-Identifier: MIT */
/*
 * Indexed directories: making the index of a directory whose first block is full, and insertion. A full
 * leaf is split by hash; a full index block first, from the top.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "lib/alloc.h"
#include "lib/sort.h"

struct mapped { /* an entry of a leaf */
	u32 hash;
	u16 off, size;
};

static int by_hash(const void *a, const void *b)
{
	const struct mapped *x = a, *y = b;

	return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : (int)x->off - (int)y->off;
}

/* Entries of a leaf with their hashes; at most one per 12 bytes. */
static int map_leaf(struct inode *dir, u8 version, u8 *data, u32 size, struct mapped *map,
		    u32 *count)
{
	struct ext4_hash hash;
	u32 n = 0;

	for (u32 off = 0; off < size;) {
		struct ext4_dirent *de = (struct ext4_dirent *)(data + off);

		if (!ext4_dirent_ok(dir, de, 0, data, off, size))
			return -EUCLEAN;
		if (de->ino && de->name_len) {
			if (ext4_dirhash(ext4_of(dir), version, de->name, de->name_len, &hash))
				return -EUCLEAN;
			map[n++] = (struct mapped){ hash.hash, (u16)off,
						    (u16)ext4_dirent_len(de->name_len) };
		}
		off += de->rec_len;
	}
	*count = n;
	return 0;
}

/* Puts the entries of map, copied from data, one after the other into to. The last reaches to the end. */
static void pack(const u8 *data, const struct mapped *map, u32 n, u8 *to, u32 size)
{
	struct ext4_dirent *de = (struct ext4_dirent *)to;
	u32 at = 0;

	memset(to, 0, size);
	de->rec_len = (u16)size;
	for (u32 i = 0; i < n; i++) {
		de = (struct ext4_dirent *)(to + at);
		memcpy(de, data + map[i].off, map[i].size);
		de->rec_len = (u16)(i + 1 < n ? map[i].size : size - at);
		at += map[i].size;
	}
}

static int finish_leaf(struct handle *h, struct inode *dir, struct buffer *bh)
{
	ext4_dir_csum_set(dir, bh->data);
	return journal_dirty(h, bh);
}

static int finish_index(struct handle *h, struct inode *dir, struct buffer *bh)
{
	ext4_dx_csum_set(dir, bh->data);
	ext4_touch_tid(h, dir, true);
	return journal_dirty(h, bh);
}

/*
 * A new entry behind l->at, for which there is room. What was checked when the block was read is checked again: on a
 * damaged disk the block may be another directory's, too, or a leaf of this one, and have changed since.
 */
static int insert_index(struct inode *dir, struct ext4_dx_level *l, u32 hash, u32 block)
{
	bool root = (u8 *)l->entries != l->bh->data + EXT4_DX_NODE_ENTRIES;
	struct ext4_dx_countlimit *cl = ext4_dx_cl(l->entries);
	struct ext4_dx_entry *to = l->at + 1;

	if (cl->limit != ext4_dx_limit(ext4_of(dir), root) || cl->count >= cl->limit ||
	    to > l->entries + cl->count)
		return ext4_error(ext4_of(dir), (u32)dir->ino, l->bh->block,
				  "directory index changed while it was in use");
	memmove(to + 1, to, (size_t)((u8 *)(l->entries + cl->count) - (u8 *)to));
	to->hash = hash;
	to->block = block;
	cl->count++;
	return 0;
}

/* Where to cut: half of the bytes on each side, and at least one entry. */
static u32 cut_point(const struct mapped *map, u32 n)
{
	u32 total = 0, sum = 0, i;

	for (i = 0; i < n; i++)
		total += map[i].size;
	for (i = 0; i < n - 1 && sum + map[i].size / 2 <= total / 2; i++)
		sum += map[i].size;
	return MAX(i, 1u);
}

struct leaves {
	struct buffer *lo, *hi;
	struct mapped *map;
	u8 *copy;
	u32 hash2; /* first hash in hi; the lowest bit: it began in lo */
};

static int split_leaf(struct handle *h, struct inode *dir, struct ext4_dx_path *p, struct leaves *s)
{
	struct ext4 *fs = ext4_of(dir);
	u32 size = ext4_dir_usable(fs), n, cut, lblk;
	struct ext4_dx_level *l = &p->level[p->levels - 1];
	int err;

	err = map_leaf(dir, p->hash_version, s->lo->data, size, s->map, &n);
	if (!err && n < 2)
		err = -ENOSPC;
	if (!err)
		err = journal_get_write(h, s->lo);
	if (!err)
		err = journal_get_write(h, l->bh);
	if (!err)
		err = ext4_dir_append(h, dir, &lblk, &s->hi);
	if (err)
		return err;
	qsort(s->map, n, sizeof(*s->map), by_hash);
	cut = cut_point(s->map, n);
	s->hash2 = s->map[cut].hash | (s->map[cut].hash == s->map[cut - 1].hash);
	memcpy(s->copy, s->lo->data, size);
	pack(s->copy, s->map + cut, n - cut, s->hi->data, size);
	pack(s->copy, s->map, cut, s->lo->data, size);
	ext4_dir_tail_init(fs, s->hi->data);
	err = insert_index(dir, l, s->hash2, lblk);
	if (!err)
		err = finish_leaf(h, dir, s->lo);
	if (!err)
		err = finish_leaf(h, dir, s->hi);
	return err ? err : finish_index(h, dir, l->bh);
}

static int split_and_add(struct handle *h, struct inode *dir, struct ext4_dx_path *p,
			 struct buffer *leaf, const char *name, u32 len, struct inode *inode)
{
	struct ext4 *fs = ext4_of(dir);
	struct leaves s = { .lo = leaf };
	int err = -ENOMEM;

	s.map = kmalloc(fs->block_size / 12 * sizeof(*s.map) + sizeof(*s.map));
	s.copy = kmalloc(fs->block_size);
	if (s.map && s.copy)
		err = split_leaf(h, dir, p, &s);
	if (!err)
		err = ext4_add_to_block(h, dir,
			     p->hash.hash >= (s.hash2 & ~1u) && (s.hash2 & ~1u) ? s.hi : s.lo, name,
			     len, inode);
	buffer_put(s.hi);
	kfree(s.map);
	kfree(s.copy);
	return err;
}

/* An index block without entries. A bitmap that lies may have given one of those that we hold. */
static int new_index(struct handle *h, struct inode *dir, const struct ext4_dx_path *p, u32 *lblk,
		     struct buffer **bh)
{
	struct ext4 *fs = ext4_of(dir);
	int err = ext4_dir_append(h, dir, lblk, bh);

	if (err)
		return err;
	for (u32 i = 0; i < p->levels; i++) {
		if (p->level[i].bh != *bh)
			continue;
		buffer_put(*bh);
		return ext4_error(fs, (u32)dir->ino, p->level[i].bh->block,
				  "block of a directory was free");
	}
	((struct ext4_dirent *)(*bh)->data)->rec_len = (u16)fs->block_size;
	ext4_dx_cl((struct ext4_dx_entry *)((*bh)->data + EXT4_DX_NODE_ENTRIES))->limit =
		(u16)ext4_dx_limit(fs, false);
	return 0;
}

/* The root is full: what it had goes to a block below it. */
static int grow_index(struct handle *h, struct inode *dir, struct ext4_dx_path *p)
{
	struct ext4 *fs = ext4_of(dir);
	struct ext4_dx_level *root = &p->level[0];
	struct ext4_dx_info *info = (struct ext4_dx_info *)(root->bh->data + EXT4_DX_ROOT_INFO);
	struct ext4_dx_entry *e;
	struct buffer *bh;
	u32 lblk, n = ext4_dx_cl(root->entries)->count;
	int err;

	if (p->levels >= (ext4_incompat(fs, INCOMPAT_LARGEDIR) ? 3u : 2u)) {
		ext4_msg(fs, "warning", "Directory (ino: %llu) index full, reach max htree level",
			 (unsigned long long)dir->ino);
		return -ENOSPC;
	}
	err = journal_get_write(h, root->bh);
	if (!err)
		err = new_index(h, dir, p, &lblk, &bh);
	if (err)
		return err;
	e = (struct ext4_dx_entry *)(bh->data + EXT4_DX_NODE_ENTRIES);
	memcpy(e, root->entries, n * sizeof(*e));
	ext4_dx_cl(e)->limit = (u16)ext4_dx_limit(fs, false);
	ext4_dx_cl(e)->count = (u16)n;
	ext4_dx_cl(root->entries)->count = 1;
	root->entries[0].block = lblk;
	info->levels++;
	err = finish_index(h, dir, bh);
	buffer_put(bh);
	return err ? err : finish_index(h, dir, root->bh);
}

/* Level i (not the root) is full, the one above has room. */
static int split_index(struct handle *h, struct inode *dir, struct ext4_dx_path *p, u32 i)
{
	struct ext4_dx_level *l = &p->level[i], *up = &p->level[i - 1];
	u32 n = ext4_dx_cl(l->entries)->count, keep = n / 2, lblk, hash = l->entries[keep].hash;
	struct ext4_dx_entry *e;
	struct buffer *bh;
	int err = journal_get_write(h, l->bh);

	if (!err)
		err = journal_get_write(h, up->bh);
	if (!err)
		err = new_index(h, dir, p, &lblk, &bh);
	if (err)
		return err;
	e = (struct ext4_dx_entry *)(bh->data + EXT4_DX_NODE_ENTRIES);
	memcpy(e, l->entries + keep, (n - keep) * sizeof(*e));
	ext4_dx_cl(e)->limit = (u16)ext4_dx_limit(ext4_of(dir), false);
	ext4_dx_cl(e)->count = (u16)(n - keep);
	ext4_dx_cl(l->entries)->count = (u16)keep;
	err = insert_index(dir, up, hash, lblk);
	if (!err)
		err = finish_index(h, dir, bh);
	buffer_put(bh);
	if (!err)
		err = finish_index(h, dir, l->bh);
	return err ? err : finish_index(h, dir, up->bh);
}

static bool full(const struct ext4_dx_level *l)
{
	return ext4_dx_cl(l->entries)->count >= ext4_dx_cl(l->entries)->limit;
}

/* One split towards room in the lowest index block. 0: there is room already, 1: look again. */
static int index_room(struct handle *h, struct inode *dir, struct ext4_dx_path *p)
{
	u32 i = p->levels;
	int err;

	while (i > 0 && full(&p->level[i - 1]))
		i--;
	if (i == p->levels)
		return 0;
	err = i ? split_index(h, dir, p, i) : grow_index(h, dir, p);
	return err ? err : 1;
}

static int add_once(struct handle *h, struct inode *dir, const char *name, u32 len,
		    struct inode *inode)
{
	struct ext4_dx_path p;
	struct buffer *leaf;
	int err = ext4_dx_probe(dir, name, len, &p);

	if (err)
		return err;
	err = ext4_dir_read(dir, p.level[p.levels - 1].at->block & 0x0fffffff, DIRBLOCK_LEAF,
			    &leaf);
	if (!err) {
		err = ext4_add_to_block(h, dir, leaf, name, len, inode);
		if (err == -ENOSPC) {
			err = index_room(h, dir, &p);
			if (!err)
				err = split_and_add(h, dir, &p, leaf, name, len, inode);
		}
		buffer_put(leaf);
	}
	ext4_dx_put(&p);
	return err;
}

int ext4_htree_add(struct handle *h, struct inode *dir, const char *name, u32 len,
		   struct inode *inode)
{
	int err = 1;

	for (int try = 0; try < 8 && err > 0; try++)
		err = add_once(h, dir, name, len, inode);
	return err > 0 ? ext4_error(ext4_of(dir), (u32)dir->ino, 0,
				    "directory index does not get room") :
			 err;
}

/* The entries of block 0, without "." and "..", go to a new leaf; block 0 becomes the root. */
static int make_root(struct handle *h, struct inode *dir, struct buffer *root, struct buffer *leaf,
		     u32 lblk)
{
	struct ext4 *fs = ext4_of(dir);
	struct ext4_dirent *dotdot = (struct ext4_dirent *)(root->data + 12);
	u32 skip = 12 + dotdot->rec_len, size = ext4_dir_usable(fs), last = 0;
	struct ext4_dx_info *info = (struct ext4_dx_info *)(root->data + EXT4_DX_ROOT_INFO);
	struct ext4_dx_entry *e = (struct ext4_dx_entry *)(info + 1);
	int err;

	memcpy(leaf->data, root->data + skip, size - skip);
	while (last + ((struct ext4_dirent *)(leaf->data + last))->rec_len < size - skip)
		last += ((struct ext4_dirent *)(leaf->data + last))->rec_len;
	((struct ext4_dirent *)(leaf->data + last))->rec_len = (u16)(size - last);
	ext4_dir_tail_init(fs, leaf->data);
	dotdot->rec_len = (u16)(fs->block_size - 12);
	memset(info, 0, fs->block_size - EXT4_DX_ROOT_INFO);
	info->info_len = sizeof(*info);
	info->hash_version = ext4_new_dir_hash(fs);
	ext4_dx_cl(e)->limit = (u16)ext4_dx_limit(fs, true);
	ext4_dx_cl(e)->count = 1;
	e->block = lblk;
	ext4_i(dir)->flags |= EXT4_INDEX_FL;
	err = finish_leaf(h, dir, leaf);
	return err ? err : finish_index(h, dir, root);
}

/* "." and ".." are where they belong, and the rest of the block is sound: 0 or -EUCLEAN. */
static int suits(struct inode *dir, struct buffer *bh)
{
	struct ext4_dirent *dot = (struct ext4_dirent *)bh->data,
			   *dotdot = (struct ext4_dirent *)(bh->data + 12);
	int err;

	ext4_search(dir, bh->block, bh->data, ext4_dir_usable(ext4_of(dir)), "", 0, &err);
	if (!err && dot->rec_len == 12 && dot->name_len == 1 && dot->name[0] == '.' &&
	    dotdot->name_len == 2 && !memcmp(dotdot->name, "..", 2) &&
	    12u + dotdot->rec_len < ext4_dir_usable(ext4_of(dir)))
		return 0;
	return ext4_error(ext4_of(dir), (u32)dir->ino, bh->block,
			  "no \".\" and \"..\" in front");
}

int ext4_htree_make(struct handle *h, struct inode *dir, struct buffer *bh, const char *name,
		    u32 len, struct inode *inode)
{
	struct buffer *leaf;
	u32 lblk;
	int err = suits(dir, bh);

	if (!err)
		err = journal_get_write(h, bh);
	if (!err)
		err = ext4_dir_append(h, dir, &lblk, &leaf);
	if (err)
		return err;
	/* Once more: on a damaged disk the new block may be this one. */
	err = suits(dir, bh);
	if (!err)
		err = make_root(h, dir, bh, leaf, lblk);
	buffer_put(leaf);
	if (!err)
		err = ext4_dirty(h, dir);
	return err ? err : ext4_htree_add(h, dir, name, len, inode);
}
