/* SPDX-License-Identifier: MIT */
/*
 * Indexed directories: up to three levels of index blocks, sorted by hash, above leaves that are
 * ordinary directory blocks. The first entry of an index block has no hash of its own; its place
 * holds the block's limit and count.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "lib/crc32c.h"

bool ext4_is_htree(const struct inode *dir)
{
	return (ext4_i(dir)->flags & EXT4_INDEX_FL) &&
	       ext4_compat(ext4_of(dir), COMPAT_DIR_INDEX) && !ext4_is_inline(dir);
}

u32 ext4_dx_limit(const struct ext4 *fs, bool root)
{
	u32 start =
		root ? EXT4_DX_ROOT_INFO + (u32)sizeof(struct ext4_dx_info) : EXT4_DX_NODE_ENTRIES;
	u32 tail = fs->csum ? (u32)sizeof(struct ext4_dx_tail) : 0;

	return (fs->block_size - start - tail) / (u32)sizeof(struct ext4_dx_entry);
}

/* Where the entries of a block begin: told by its first entry. */
static struct ext4_dx_entry *entries_of(const struct ext4 *fs, void *data)
{
	bool node = ((struct ext4_dirent *)data)->rec_len == fs->block_size;

	return (struct ext4_dx_entry *)((u8 *)data +
					(node ? EXT4_DX_NODE_ENTRIES :
						EXT4_DX_ROOT_INFO + sizeof(struct ext4_dx_info)));
}

static bool counts_ok(const struct ext4 *fs, struct ext4_dx_entry *e, bool root)
{
	const struct ext4_dx_countlimit *cl = ext4_dx_cl(e);

	return cl->limit == ext4_dx_limit(fs, root) && cl->count && cl->count <= cl->limit;
}

static bool find_tail(const struct ext4 *fs, void *data, struct ext4_dx_entry **e,
		      struct ext4_dx_tail **t)
{
	*e = entries_of(fs, data);
	if (!counts_ok(fs, *e, (u8 *)*e != (u8 *)data + EXT4_DX_NODE_ENTRIES))
		return false;
	*t = (struct ext4_dx_tail *)(*e + ext4_dx_cl(*e)->limit);
	return true;
}

static u32 dx_csum(struct inode *dir, const u8 *data, const struct ext4_dx_entry *e,
		   const struct ext4_dx_tail *t)
{
	static const u32 zero;
	u32 c = crc32c(
		ext4_i(dir)->csum_seed, data,
		(size_t)((const u8 *)(e + ext4_dx_cl((struct ext4_dx_entry *)e)->count) - data));

	c = crc32c(c, &t->reserved, sizeof(t->reserved));
	return crc32c(c, &zero, sizeof(zero));
}

void ext4_dx_csum_set(struct inode *dir, void *data)
{
	struct ext4_dx_entry *e;
	struct ext4_dx_tail *t;

	if (ext4_of(dir)->csum && find_tail(ext4_of(dir), data, &e, &t))
		t->csum = dx_csum(dir, data, e, t);
}

bool ext4_dx_csum_ok(struct inode *dir, const void *data)
{
	struct ext4_dx_entry *e;
	struct ext4_dx_tail *t;

	return find_tail(ext4_of(dir), (void *)data, &e, &t) && t->csum == dx_csum(dir, data, e, t);
}

void ext4_dx_put(struct ext4_dx_path *p)
{
	for (u32 i = 0; i < ARRAY_SIZE(p->level); i++) {
		buffer_put(p->level[i].bh);
		p->level[i].bh = NULL;
	}
}

static int bad_index(struct inode *dir, const char *what)
{
	return ext4_error(ext4_of(dir), (u32)dir->ino, 0,
			  "Corrupt directory index: %s, running e2fsck is recommended", what);
}

/* Entries of the index block at level i, checked. */
static int enter(struct inode *dir, struct ext4_dx_path *p, u32 i)
{
	struct ext4_dx_level *l = &p->level[i];
	bool root = i == 0;

	l->entries =
		(struct ext4_dx_entry *)(l->bh->data +
					 (root ? EXT4_DX_ROOT_INFO + sizeof(struct ext4_dx_info) :
						 EXT4_DX_NODE_ENTRIES));
	l->at = l->entries;
	if (!root && ((struct ext4_dirent *)l->bh->data)->rec_len != ext4_of(dir)->block_size)
		return bad_index(dir, "not an index block");
	return counts_ok(ext4_of(dir), l->entries, root) ? 0 : bad_index(dir, "limit or count");
}

static int read_root(struct inode *dir, struct ext4_dx_path *p)
{
	struct ext4 *fs = ext4_of(dir);
	const struct ext4_dx_info *info;
	int err = ext4_dir_read(dir, 0, DIRBLOCK_INDEX, &p->level[0].bh);

	if (err)
		return err;
	info = (const struct ext4_dx_info *)(p->level[0].bh->data + EXT4_DX_ROOT_INFO);
	if (info->zero || info->info_len != sizeof(*info) || (info->flags & 1))
		return bad_index(dir, "root");
	if (info->levels > (ext4_incompat(fs, INCOMPAT_LARGEDIR) ? 2 : 1))
		return bad_index(dir, "depth");
	p->levels = info->levels + 1u;
	p->hash_version = info->hash_version;
	if (p->hash_version <= 2)
		p->hash_version += fs->hash_unsigned;
	return enter(dir, p, 0);
}

/* The last entry whose hash is not larger; the first has none and fits everything. */
static void search(struct ext4_dx_level *l, u32 hash)
{
	u32 lo = 1, hi = ext4_dx_cl(l->entries)->count;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (l->entries[mid].hash > hash)
			hi = mid;
		else
			lo = mid + 1;
	}
	l->at = &l->entries[lo - 1];
}

static int down(struct inode *dir, struct ext4_dx_path *p, u32 i)
{
	int err = ext4_dir_read(dir, p->level[i - 1].at->block & 0x0fffffff, DIRBLOCK_INDEX,
				&p->level[i].bh);

	return err ? err : enter(dir, p, i);
}

/* From the root, which is read, to the leaf for p->hash. */
static int descend(struct inode *dir, struct ext4_dx_path *p)
{
	int err = 0;

	for (u32 i = 0; !err; i++) {
		search(&p->level[i], p->hash.hash);
		if (i + 1 == p->levels)
			return 0;
		err = down(dir, p, i + 1);
	}
	return err;
}

int ext4_dx_probe(struct inode *dir, const char *name, u32 len, struct ext4_dx_path *p)
{
	int err;

	memset(p, 0, sizeof(*p));
	err = read_root(dir, p);
	if (!err && ext4_dirhash(ext4_of(dir), p->hash_version, name, len, &p->hash))
		err = bad_index(dir, "unknown hash");
	if (!err)
		err = descend(dir, p);
	if (err)
		ext4_dx_put(p);
	return err;
}

int ext4_dx_seek(struct inode *dir, u32 hash, struct ext4_dx_path *p)
{
	int err;

	memset(p, 0, sizeof(*p));
	err = read_root(dir, p);
	p->hash.hash = hash;
	if (!err)
		err = descend(dir, p);
	if (err)
		ext4_dx_put(p);
	return err;
}

/* The lowest level that has a next entry, plus 1; 0: this is the last leaf. */
static u32 level_to_step(const struct inode *dir, const struct ext4_dx_path *p)
{
	u32 i = p->levels;

	while (i > 0) {
		const struct ext4_dx_level *l = &p->level[i - 1];
		u32 limit = ext4_dx_limit(ext4_of(dir), i == 1);

		/* It was checked, but may have changed: see insert_index(). */
		if (l->at + 1 < l->entries + MIN((u32)ext4_dx_cl(l->entries)->count, limit))
			break;
		i--;
	}
	return i;
}

bool ext4_dx_next_hash(const struct inode *dir, const struct ext4_dx_path *p, u32 *hash)
{
	u32 i = level_to_step(dir, p);

	if (i)
		*hash = p->level[i - 1].at[1].hash;
	return i;
}

int ext4_dx_step(struct inode *dir, struct ext4_dx_path *p)
{
	u32 i = level_to_step(dir, p);
	int err;

	if (!i)
		return 0;
	p->level[i - 1].at++;
	for (; i < p->levels; i++) {
		buffer_put(p->level[i].bh);
		p->level[i].bh = NULL;
		err = down(dir, p, i);
		if (err)
			return err;
	}
	return 1;
}

/* The lowest bit of a leaf's hash says that the hash before goes on there. */
static int next_of_hash(struct inode *dir, struct ext4_dx_path *p)
{
	u32 next;

	if (!ext4_dx_next_hash(dir, p, &next) || next != (p->hash.hash | 1))
		return 0;
	return ext4_dx_step(dir, p);
}

int ext4_htree_find(struct inode *dir, const char *name, u32 len, struct ext4_found *f)
{
	struct ext4 *fs = ext4_of(dir);
	struct ext4_dx_path p;
	int err = ext4_dx_probe(dir, name, len, &p);

	if (err)
		return err;
	do {
		u32 lblk = p.level[p.levels - 1].at->block & 0x0fffffff;

		err = ext4_dir_read(dir, lblk, DIRBLOCK_LEAF, &f->bh);
		if (err)
			break;
		f->de = ext4_search(dir, f->bh->block, f->bh->data, fs->block_size, name, len,
				    &err);
		if (f->de)
			break;
		ext4_found_put(f);
		if (!err)
			err = next_of_hash(dir, &p);
	} while (err > 0);
	ext4_dx_put(&p);
	if (f->de)
		return 0;
	return err ? err : -ENOENT;
}
