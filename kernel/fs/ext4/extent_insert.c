/* SPDX-License-Identifier: MIT */
/*
 * Extent trees: adding entries. When a node is full, it is split, its parent first; each
 * split is complete in itself, so the way down is simply looked up again after it.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#define TRIES (2 * EXT4_EXT_MAX_DEPTH + 4)

int ext4_ext_access(struct handle *h, struct inode *inode, struct ext4_step *s)
{
	return s->bh ? journal_get_write(h, s->bh) : 0;
}

int ext4_ext_dirty(struct handle *h, struct inode *inode, struct ext4_step *s)
{
	if (!s->bh)
		return ext4_dirty(h, inode);
	ext4_ext_tail_set(inode, s->eh);
	ext4_touch_tid(h, inode, true);
	return journal_dirty(h, s->bh);
}

static struct ext4_step *leaf_of(struct ext4_path *p)
{
	return &p->step[p->depth];
}

/* The first block of a leaf changed: what leads to it says so. */
int ext4_ext_fix_index(struct handle *h, struct inode *inode, struct ext4_path *p)
{
	u32 border = ext4_eh_ext(leaf_of(p)->eh, 0)->block;
	int err = 0;

	for (u32 i = p->depth; i-- > 0 && !err;) {
		struct ext4_step *s = &p->step[i];

		if (s->idx->block == border)
			break;
		err = ext4_ext_access(h, inode, s);
		if (err)
			break;
		s->idx->block = border;
		err = ext4_ext_dirty(h, inode, s);
		if (s->idx != ext4_eh_idx(s->eh, 0))
			break;
	}
	return err;
}

/* Can b be the continuation of a? */
static bool mergeable(const struct ext4_extent *a, const struct ext4_extent *b)
{
	u32 la = ext4_ext_len(a), lb = ext4_ext_len(b);
	u32 max = ext4_ext_unwritten(a) ? EXT4_EXT_MAX_UNWRITTEN : EXT4_EXT_MAX_LEN;

	return ext4_ext_unwritten(a) == ext4_ext_unwritten(b) && a->block + la == b->block &&
	       ext4_ext_start(a) + la == ext4_ext_start(b) && la + lb <= max;
}

static void remove_at(struct ext4_eh *eh, u32 i)
{
	memmove(ext4_eh_ext(eh, i), ext4_eh_ext(eh, i + 1),
		(eh->entries - i - 1) * sizeof(struct ext4_extent));
	eh->entries--;
}

static void insert_at(struct ext4_eh *eh, u32 i, const void *entry)
{
	memmove(ext4_eh_ext(eh, i + 1), ext4_eh_ext(eh, i),
		(eh->entries - i) * sizeof(struct ext4_extent));
	memcpy(ext4_eh_ext(eh, i), entry, sizeof(struct ext4_extent));
	eh->entries++;
}

void ext4_ext_merge_back(struct ext4_eh *eh, u32 i)
{
	if (!i || i >= eh->entries || !mergeable(ext4_eh_ext(eh, i - 1), ext4_eh_ext(eh, i)))
		return;
	ext4_eh_ext(eh, i - 1)->len += (u16)ext4_ext_len(ext4_eh_ext(eh, i));
	remove_at(eh, i);
}

/* Joins entry i with its neighbours where that is possible. */
static void merge_around(struct ext4_eh *eh, u32 i)
{
	ext4_ext_merge_back(eh, i + 1);
	ext4_ext_merge_back(eh, i);
}

/* A new block for a node, in no node yet. */
static int new_node(struct handle *h, struct inode *inode, u16 depth, struct buffer **out)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_eh *eh;
	u32 one = 1;
	u64 block;
	int err = ext4_new_blocks(h, fs, ext4_alloc_goal(inode, 0), &one, true, &block);

	if (err)
		return err;
	err = buffer_get(fs->bdev, block, out);
	if (!err) {
		err = journal_get_create(h, *out);
		if (err)
			buffer_put(*out);
	}
	if (err) {
		ext4_free_blocks(h, fs, (u32)inode->ino, block, 1, false);
		return err;
	}
	memset((*out)->data, 0, fs->block_size);
	eh = (struct ext4_eh *)(*out)->data;
	eh->magic = EXT4_EXT_MAGIC;
	eh->max = (u16)((fs->block_size - sizeof(*eh)) / sizeof(struct ext4_extent));
	eh->depth = depth;
	(*out)->uptodate = (*out)->verified = true;
	ext4_add_blocks(inode, 1);
	return 0;
}

static int finish_node(struct handle *h, struct inode *inode, struct buffer *bh)
{
	ext4_ext_tail_set(inode, (struct ext4_eh *)bh->data);
	return journal_dirty(h, bh);
}

static struct ext4_idx make_idx(u32 lblk, u64 block)
{
	return (struct ext4_idx){ .block = lblk,
				  .leaf_lo = (u32)block,
				  .leaf_hi = (u16)(block >> 32) };
}

/* The root is full: its entries move to a block below it. */
static int grow(struct handle *h, struct inode *inode)
{
	struct ext4_eh *root = (struct ext4_eh *)ext4_i(inode)->block, *eh;
	struct buffer *bh;
	int err;

	if (root->depth >= EXT4_EXT_MAX_DEPTH)
		return -EFBIG;
	err = new_node(h, inode, root->depth, &bh);
	if (err)
		return err;
	eh = (struct ext4_eh *)bh->data;
	memcpy(eh + 1, root + 1, root->entries * sizeof(struct ext4_extent));
	eh->entries = root->entries;
	*ext4_eh_idx(root, 0) = make_idx(root->entries ? ext4_eh_ext(eh, 0)->block : 0, bh->block);
	root->entries = 1;
	root->depth++;
	err = finish_node(h, inode, bh);
	buffer_put(bh);
	return err ? err : ext4_dirty(h, inode);
}

/*
 * The node at level is full, its parent has room. The upper half goes to a new node; of one that grows at its
 * end only the last entry, so that files written from front to back have full nodes.
 */
static int split(struct handle *h, struct inode *inode, struct ext4_path *p, u32 level, u32 lblk)
{
	struct ext4_step *s = &p->step[level], *up = &p->step[level - 1];
	u32 n = s->eh->entries, move = lblk > ext4_eh_ext(s->eh, n - 1)->block ? 1 : n / 2;
	struct buffer *bh;
	struct ext4_eh *eh;
	struct ext4_idx x;
	int err = ext4_ext_access(h, inode, s);

	if (!err)
		err = ext4_ext_access(h, inode, up);
	if (!err)
		err = new_node(h, inode, s->eh->depth, &bh);
	if (err)
		return err;
	eh = (struct ext4_eh *)bh->data;
	memcpy(eh + 1, ext4_eh_ext(s->eh, n - move), move * sizeof(struct ext4_extent));
	eh->entries = (u16)move;
	s->eh->entries = (u16)(n - move);
	x = make_idx(ext4_eh_ext(eh, 0)->block, bh->block);
	insert_at(up->eh, (u32)(up->idx - ext4_eh_idx(up->eh, 0)) + 1, &x);
	err = finish_node(h, inode, bh);
	buffer_put(bh);
	if (!err)
		err = ext4_ext_dirty(h, inode, s);
	return err ? err : ext4_ext_dirty(h, inode, up);
}

/* One step towards a free slot in the leaf: the highest full node below one that has room is split. */
static int make_room(struct handle *h, struct inode *inode, struct ext4_path *p, u32 lblk)
{
	u32 level = p->depth;

	while (level > 0 && p->step[level - 1].eh->entries >= p->step[level - 1].eh->max)
		level--;
	return level ? split(h, inode, p, level, lblk) : grow(h, inode);
}

static int insert_here(struct handle *h, struct inode *inode, struct ext4_path *p,
		       const struct ext4_extent *e)
{
	struct ext4_step *s = leaf_of(p);
	u32 at = s->ext ? (u32)(s->ext - ext4_eh_ext(s->eh, 0)) + 1 : 0;
	int err = ext4_ext_access(h, inode, s);

	if (err)
		return err;
	insert_at(s->eh, at, e);
	merge_around(s->eh, at);
	if (!at && p->depth)
		err = ext4_ext_fix_index(h, inode, p);
	return err ? err : ext4_ext_dirty(h, inode, s);
}

/* The entry before e takes it in: no slot is needed. */
static int append_to(struct handle *h, struct inode *inode, struct ext4_path *p,
		     const struct ext4_extent *e)
{
	struct ext4_step *s = leaf_of(p);
	int err = ext4_ext_access(h, inode, s);

	if (err)
		return err;
	s->ext->len += (u16)ext4_ext_len(e);
	merge_around(s->eh, (u32)(s->ext - ext4_eh_ext(s->eh, 0)));
	return ext4_ext_dirty(h, inode, s);
}

int ext4_ext_insert(struct handle *h, struct inode *inode, const struct ext4_extent *e)
{
	struct ext4_path p;
	int err;

	for (int try = 0; try < TRIES; try++) {
		struct ext4_step *s;

		err = ext4_ext_path(inode, e->block, &p);
		if (err)
			return err;
		s = leaf_of(&p);
		if ((s->ext && s->ext->block + ext4_ext_len(s->ext) > e->block) ||
		    ext4_ext_next(&p, p.depth) < e->block + ext4_ext_len(e)) {
			ext4_ext_path_put(&p);
			return ext4_error(ext4_of(inode), (u32)inode->ino, 0,
					  "extents would overlap at %u", e->block);
		}
		if (s->ext && mergeable(s->ext, e)) {
			err = append_to(h, inode, &p, e);
			ext4_ext_path_put(&p);
			return err;
		}
		if (s->eh->entries < s->eh->max) {
			err = insert_here(h, inode, &p, e);
			ext4_ext_path_put(&p);
			return err;
		}
		err = make_room(h, inode, &p, e->block);
		ext4_ext_path_put(&p);
		if (err)
			return err;
	}
	return ext4_error(ext4_of(inode), (u32)inode->ino, 0, "extent tree does not get room");
}

/* Makes lblk the border of two extents, if it is inside of one. */
int ext4_ext_split_at(struct handle *h, struct inode *inode, u32 lblk)
{
	struct ext4_extent first, second;
	struct ext4_path p;
	struct ext4_step *s;
	u32 len, head;
	u64 start;
	int err = ext4_ext_path(inode, lblk, &p);

	if (err)
		return err;
	s = leaf_of(&p);
	len = s->ext ? ext4_ext_len(s->ext) : 0;
	if (!s->ext || lblk == s->ext->block || lblk - s->ext->block >= len) {
		ext4_ext_path_put(&p);
		return 0;
	}
	first = second = *s->ext;
	head = lblk - first.block;
	start = ext4_ext_start(&first) + head;
	second.block = lblk;
	second.start_lo = (u32)start;
	second.start_hi = (u16)(start >> 32);
	second.len = (u16)(len - head + (ext4_ext_unwritten(&first) ? EXT4_EXT_MAX_LEN : 0));
	/* There must be a slot before the first half gives the blocks up. */
	while (!err && s->eh->entries >= s->eh->max) {
		err = make_room(h, inode, &p, lblk);
		ext4_ext_path_put(&p);
		if (!err)
			err = ext4_ext_path(inode, lblk, &p);
		if (err)
			return err;
		s = leaf_of(&p);
	}
	err = ext4_ext_access(h, inode, s);
	if (!err) {
		s->ext->len = (u16)(head + (ext4_ext_unwritten(&first) ? EXT4_EXT_MAX_LEN : 0));
		insert_at(s->eh, (u32)(s->ext - ext4_eh_ext(s->eh, 0)) + 1, &second);
		err = ext4_ext_dirty(h, inode, s);
	}
	ext4_ext_path_put(&p);
	return err;
}

/* The extent that starts at lblk changes its kind. */
static int flip(struct handle *h, struct inode *inode, u32 lblk, bool unwritten)
{
	struct ext4_path p;
	struct ext4_step *s;
	u32 len;
	int err = ext4_ext_path(inode, lblk, &p);

	if (err)
		return err;
	s = leaf_of(&p);
	len = s->ext ? ext4_ext_len(s->ext) : 0;
	if (!s->ext || s->ext->block != lblk)
		err = ext4_error(ext4_of(inode), (u32)inode->ino, 0, "no extent at %u", lblk);
	if (!err)
		err = ext4_ext_access(h, inode, s);
	if (!err) {
		s->ext->len = (u16)(unwritten ? len + EXT4_EXT_MAX_LEN : len);
		merge_around(s->eh, (u32)(s->ext - ext4_eh_ext(s->eh, 0)));
		err = ext4_ext_dirty(h, inode, s);
	}
	ext4_ext_path_put(&p);
	return err;
}

int ext4_ext_convert(struct handle *h, struct inode *inode, u32 lblk, u32 len, bool unwritten)
{
	u32 end = lblk + len;
	int err = 0;

	while (!err && lblk < end) {
		struct ext4_map m = { .lblk = lblk,
				      .len = MIN(end - lblk, (u32)EXT4_EXT_MAX_UNWRITTEN) };

		err = ext4_ext_find(inode, &m);
		if (err)
			break;
		lblk += m.len;
		if (!m.flags || !!(m.flags & MAP_UNWRITTEN) == unwritten)
			continue;
		err = ext4_ext_split_at(h, inode, m.lblk);
		if (!err)
			err = ext4_ext_split_at(h, inode, m.lblk + m.len);
		if (!err)
			err = flip(h, inode, m.lblk, unwritten);
	}
	return err;
}
