/* SPDX-License-Identifier: MIT */
/*
 * Changing attributes. The new state of an area is built aside and then copied over the old one, so
 * nothing is half done. An attribute goes into the inode if it fits, else into the block.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/xattr.h"
#include "lib/alloc.h"

struct change {
	u8 index;
	const char *name;
	size_t name_len;
	const void *val; /* NULL: remove */
	size_t size;
};

struct area_image { /* an area under construction */
	u8 *start, *values; /* entries grow up, values down */
	u8 *at;
	u8 *base;
};

static u32 value_len(size_t n)
{
	return (u32)ALIGN_UP(n, (size_t)4);
}

/* Names on today's disks are hashed as unsigned characters. */
static u32 entry_hash(const struct ext4_xattr_entry *e, const u8 *value)
{
	u32 hash = 0, word;

	for (u32 i = 0; i < e->name_len; i++)
		hash = hash << 5 ^ hash >> 27 ^ (u8)e->name[i];
	for (u32 i = 0; i < value_len(e->size); i += 4) {
		memcpy(&word, value + i, 4);
		hash = hash << 16 ^ hash >> 16 ^ word;
	}
	return hash;
}

static bool put(struct area_image *im, u8 index, const char *name, size_t name_len, const void *val,
		size_t size, bool hashed)
{
	struct ext4_xattr_entry *e = (struct ext4_xattr_entry *)im->at;
	u32 need = ext4_xentry_len((u32)name_len) + value_len(size);

	if ((size_t)(im->values - im->at) < need + sizeof(u32))
		return false;
	im->values -= value_len(size);
	memset(im->values, 0, value_len(size));
	memcpy(im->values, val, size);
	memset(e, 0, ext4_xentry_len((u32)name_len));
	e->name_len = (u8)name_len;
	e->index = index;
	e->offs = size ? (u16)(im->values - im->base) : 0;
	e->size = (u32)size;
	memcpy(e->name, name, name_len);
	e->hash = hashed ? entry_hash(e, im->values) : 0;
	im->at += ext4_xentry_len((u32)name_len);
	return true;
}

/* The order of entries in a block, as e2fsck wants it. */
static bool before(const struct change *c, const struct ext4_xattr_entry *e)
{
	if (c->index != e->index)
		return c->index < e->index;
	if (c->name_len != e->name_len)
		return c->name_len < e->name_len;
	return memcmp(c->name, e->name, c->name_len) < 0;
}

static bool is_it(const struct change *c, const struct ext4_xattr_entry *e)
{
	return e->index == c->index && e->name_len == c->name_len &&
	       !memcmp(e->name, c->name, c->name_len);
}

/* Old entries (old->first NULL: none) and the change, into im. false: no room. */
static bool build(struct area_image *im, const struct ext4_xarea *old, const struct change *c,
		  bool hashed)
{
	const struct ext4_xattr_entry *e;
	bool done = !c->val;

	for (e = old->first; e && !ext4_xentry_last(e); e = ext4_xentry_next(e)) {
		if (!done && before(c, e)) {
			if (!put(im, c->index, c->name, c->name_len, c->val, c->size, hashed))
				return false;
			done = true;
		}
		if (is_it(c, e))
			continue;
		if (!put(im, e->index, e->name, e->name_len, old->base + e->offs, e->size, hashed))
			return false;
	}
	return done || put(im, c->index, c->name, c->name_len, c->val, c->size, hashed);
}

/* --- in the inode --- */

/* 0, -ENOSPC: it does not fit. The raw inode had journal_get_write. */
static int change_inode(struct inode *inode, struct ext4_raw_inode *raw, const struct change *c)
{
	const struct ext4 *fs = ext4_of(inode);
	u32 used = EXT4_GOOD_OLD_INODE + ext4_i(inode)->extra_isize, size;
	struct ext4_xarea old = { 0 };
	struct area_image im;
	u8 *copy;
	int err = 0;

	if (fs->inode_size == EXT4_GOOD_OLD_INODE || used + 24 > fs->inode_size)
		return c->val ? -ENOSPC : 0;
	size = fs->inode_size - used - (u32)sizeof(u32);
	if (ext4_xarea_inode(inode, raw, &old))
		err = ext4_xarea_check(inode, &old);
	else
		old.first = NULL;
	if (err)
		return err;
	if (!old.first && !c->val)
		return 0;
	copy = kzalloc(size);
	if (!copy)
		return -ENOMEM;
	im = (struct area_image){ copy, copy + size, copy, copy };
	if (build(&im, &old, c, false)) {
		*(u32 *)((u8 *)raw + used) = im.at == copy ? 0 : EXT4_XATTR_MAGIC;
		memcpy((u8 *)raw + used + sizeof(u32), copy, size);
	} else {
		err = -ENOSPC;
	}
	kfree(copy);
	return err;
}

/* --- in the block --- */

static void finish_block(struct ext4 *fs, struct buffer *bh)
{
	struct ext4_xattr_header *head = (struct ext4_xattr_header *)bh->data;
	const struct ext4_xattr_entry *e = (const struct ext4_xattr_entry *)(head + 1);
	u32 hash = 0;

	for (; !ext4_xentry_last(e); e = ext4_xentry_next(e))
		hash = hash << 16 ^ hash >> 16 ^ e->hash;
	head->hash = hash;
	if (fs->csum)
		head->csum = ext4_csum_xattr(fs, bh->block, head);
}

/* One user of the block less; the last one frees it. Takes bh. */
static int release_block(struct handle *h, struct inode *inode, struct buffer *bh)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_xattr_header *head = (struct ext4_xattr_header *)bh->data;
	u64 block = bh->block;
	int err;

	if (head->refcount <= 1) {
		buffer_put(bh);
		return ext4_free_blocks(h, fs, (u32)inode->ino, block, 1, true);
	}
	err = journal_get_write(h, bh);
	if (!err) {
		head->refcount--;
		finish_block(fs, bh);
		err = journal_dirty(h, bh);
	}
	buffer_put(bh);
	return err;
}

static int new_block(struct handle *h, struct inode *inode, struct buffer **bh)
{
	struct ext4 *fs = ext4_of(inode);
	u32 one = 1;
	u64 block;
	int err = ext4_new_blocks(h, fs, ext4_alloc_goal(inode, 0), &one, false, &block);

	if (err)
		return err;
	err = buffer_get(fs->bdev, block, bh);
	if (!err) {
		err = journal_get_create(h, *bh);
		if (err)
			buffer_put(*bh);
	}
	if (err)
		ext4_free_blocks(h, fs, (u32)inode->ino, block, 1, false);
	return err;
}

/* image: a whole block. It goes to the inode's own block, or to a new one if that is shared or absent. Takes old. */
static int store_block(struct handle *h, struct inode *inode, struct buffer *old, const u8 *image)
{
	struct ext4 *fs = ext4_of(inode);
	struct buffer *bh = old;
	bool own = old && ((struct ext4_xattr_header *)old->data)->refcount <= 1;
	int err = own ? journal_get_write(h, old) : new_block(h, inode, &bh);

	if (err) {
		buffer_put(old);
		return err;
	}
	memcpy(bh->data, image, fs->block_size);
	bh->uptodate = bh->verified = true;
	finish_block(fs, bh);
	err = journal_dirty(h, bh);
	if (!own) {
		ext4_i(inode)->file_acl = bh->block;
		if (old)
			err = err ? err : release_block(h, inode, buffer_ref(old));
		else
			ext4_add_blocks(inode, 1);
		buffer_put(bh);
	}
	buffer_put(old);
	return err;
}

static int change_block(struct handle *h, struct inode *inode, const struct change *c)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_xattr_header *head;
	struct ext4_xarea old = { 0 };
	struct area_image im;
	struct buffer *bh;
	u8 *copy;
	int err = ext4_xattr_block(inode, &bh, &old);

	if (err || (!bh && !c->val))
		return err;
	if (!bh)
		old.first = NULL;
	else if (!c->val && !ext4_xarea_find(&old, c->index, c->name, c->name_len)) {
		buffer_put(bh);
		return 0;
	}
	copy = kzalloc(fs->block_size);
	if (!copy) {
		buffer_put(bh);
		return -ENOMEM;
	}
	head = (struct ext4_xattr_header *)copy;
	im = (struct area_image){ copy, copy + fs->block_size, (u8 *)(head + 1), copy };
	if (!build(&im, &old, c, true)) {
		buffer_put(bh);
		err = -ENOSPC;
	} else if (im.at == (u8 *)(head + 1)) { /* nothing is left */
		ext4_i(inode)->file_acl = 0;
		ext4_add_blocks(inode, -1);
		err = release_block(h, inode, bh);
	} else {
		head->magic = EXT4_XATTR_MAGIC;
		head->refcount = head->blocks = 1;
		err = store_block(h, inode, bh, copy);
	}
	kfree(copy);
	return err;
}

/* --- both --- */

/* Where is it now? bit 0: in the inode, bit 1: in the block. */
static int where(struct inode *inode, struct ext4_raw_inode *raw, const struct change *c, u32 *out)
{
	struct ext4_xarea a;
	struct buffer *bh;
	int err = 0;

	*out = 0;
	if (ext4_xarea_inode(inode, raw, &a)) {
		err = ext4_xarea_check(inode, &a);
		if (!err && ext4_xarea_find(&a, c->index, c->name, c->name_len))
			*out |= 1;
	}
	if (!err)
		err = ext4_xattr_block(inode, &bh, &a);
	if (err || !bh)
		return err;
	if (ext4_xarea_find(&a, c->index, c->name, c->name_len))
		*out |= 2;
	buffer_put(bh);
	return 0;
}

static int set_at(struct handle *h, struct inode *inode, struct ext4_loc *loc,
		  const struct change *c, int flags)
{
	struct change gone = *c;
	u32 at;
	int err = where(inode, loc->raw, c, &at);

	gone.val = NULL;
	if (err)
		return err;
	if (at && (flags & XATTR_CREATE))
		return -EEXIST;
	if (!at && (flags & XATTR_REPLACE))
		return -ENODATA;
	err = change_inode(inode, loc->raw, c);
	if (!err && (at & 2))
		err = change_block(h, inode, &gone);
	if (err == -ENOSPC && c->val) {
		err = change_block(h, inode, c);
		if (!err && (at & 1))
			err = change_inode(inode, loc->raw, &gone);
	}
	return err ? err : ext4_dirty_raw(h, inode, loc);
}

int ext4_xattr_set(struct handle *h, struct inode *inode, u8 index, const char *name,
		   const void *val, size_t n, int flags)
{
	struct change c = { index, name, strlen(name), val, n };
	struct ext4_loc loc;
	int err;

	if (c.name_len > 255)
		return -ERANGE;
	if (n > ext4_of(inode)->block_size)
		return -ENOSPC;
	mutex_lock(&ext4_i(inode)->xattr_lock);
	err = ext4_loc_for_write(h, inode, &loc);
	if (!err) {
		err = set_at(h, inode, &loc, &c, flags);
		buffer_put(loc.bh);
	}
	mutex_unlock(&ext4_i(inode)->xattr_lock);
	return err;
}

int ext4_xattr_delete(struct handle *h, struct inode *inode)
{
	struct ext4_xarea a;
	struct buffer *bh;
	int err = ext4_xattr_block(inode, &bh, &a);

	ext4_i(inode)->file_acl = 0;
	if (err || !bh)
		return err == -EUCLEAN ? 0 : err; /* the block is lost until e2fsck */
	ext4_add_blocks(inode, -1);
	return release_block(h, inode, bh);
}
