/* SPDX-License-Identifier: MIT */
/*
 * Orphans: inodes without names that are still open, and files whose truncation is under way. They
 * are on disk in a chain through the inodes (dtime holds the next number), or with orphan_file in a file
 * of slots, so that the next mount finishes what a crash left.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"
#include "lib/alloc.h"
#include "lib/crc32c.h"

#define MAX_ORPHAN_BLOCKS 512

static u32 slots(const struct ext4 *fs)
{
	return (fs->block_size - (u32)sizeof(struct ext4_orphan_tail)) / 4;
}

static struct ext4_orphan_tail *tail(const struct ext4 *fs, const struct buffer *bh)
{
	return (struct ext4_orphan_tail *)(bh->data + fs->block_size -
					   sizeof(struct ext4_orphan_tail));
}

static u32 block_csum(const struct ext4 *fs, const struct buffer *bh)
{
	u64 block = bh->block;

	return crc32c(crc32c(fs->orphan_seed, &block, sizeof(block)), bh->data, slots(fs) * 4);
}

static int slot_dirty(struct handle *h, struct ext4 *fs, struct buffer *bh)
{
	if (fs->csum)
		tail(fs, bh)->csum = block_csum(fs, bh);
	return journal_dirty(h, bh);
}

/* A slot for inode; 1: none is free. */
static int add_to_file(struct handle *h, struct ext4 *fs, struct inode *inode)
{
	for (u32 b = 0; b < fs->norphan_blocks; b++) {
		struct ext4_orphan_block *o = &fs->orphan_blocks[b];
		u32 *slot = (u32 *)o->bh->data, i = 0;
		int err;

		if (!o->free)
			continue;
		err = journal_get_write(h, o->bh);
		if (err)
			return err;
		while (i < slots(fs) && slot[i])
			i++;
		if (i == slots(fs))
			continue;
		slot[i] = (u32)inode->ino;
		o->free--;
		ext4_i(inode)->orphan_slot = b * slots(fs) + i + 1;
		return slot_dirty(h, fs, o->bh);
	}
	return 1;
}

static int del_from_file(struct handle *h, struct ext4 *fs, struct ext4_inode *ei)
{
	u32 n = ei->orphan_slot - 1;
	struct ext4_orphan_block *o = &fs->orphan_blocks[n / slots(fs)];
	int err;

	ei->orphan_slot = 0;
	if (!h)
		return 0;
	err = journal_get_write(h, o->bh);
	if (err)
		return err;
	((u32 *)o->bh->data)[n % slots(fs)] = 0;
	o->free++;
	return slot_dirty(h, fs, o->bh);
}

static int set_head(struct handle *h, struct ext4 *fs, u32 ino)
{
	int err = journal_get_write(h, fs->sbh);

	if (err)
		return err;
	fs->es->last_orphan = ino;
	if (fs->csum)
		fs->es->checksum = ext4_csum_super(fs->es);
	return journal_dirty(h, fs->sbh);
}

int ext4_orphan_add(struct handle *h, struct inode *inode)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_inode *ei = ext4_i(inode);
	int err;

	if (ei->orphan_slot || !list_empty(&ei->orphan))
		return 0;
	if (fs->norphan_blocks) {
		err = add_to_file(h, fs, inode);
		if (err <= 0)
			return err;
	}
	err = journal_get_write(h, fs->sbh);
	if (err)
		return err;
	ei->dtime = fs->es->last_orphan;
	list_add(&ei->orphan, &fs->orphans);
	err = set_head(h, fs, (u32)inode->ino);
	return err ? err : ext4_dirty(h, inode);
}

int ext4_orphan_del(struct handle *h, struct inode *inode)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_inode *ei = ext4_i(inode), *prev;
	u32 next = ei->dtime;
	int err;

	if (ei->orphan_slot)
		return del_from_file(h, fs, ei);
	if (list_empty(&ei->orphan))
		return 0;
	prev = ei->orphan.prev == &fs->orphans ?
		       NULL :
		       list_entry(ei->orphan.prev, struct ext4_inode, orphan);
	list_del_init(&ei->orphan);
	if (!h)
		return 0;
	ei->dtime = 0;
	if (!prev) {
		err = set_head(h, fs, next);
	} else {
		prev->dtime = next;
		err = ext4_dirty(h, prev->inode);
	}
	return err ? err : ext4_dirty(h, inode);
}

/* --- the file --- */

static int load_block(struct ext4 *fs, struct inode *inode, u32 lblk)
{
	struct ext4_orphan_block *o = &fs->orphan_blocks[lblk];
	struct ext4_map m = { .lblk = lblk, .len = 1 };
	int err = ext4_map_find(inode, &m);

	if (!err && !(m.flags & MAP_MAPPED))
		err = ext4_error(fs, (u32)inode->ino, 0, "orphan file has a hole");
	if (!err)
		err = buffer_read(fs->bdev, m.pblk, &o->bh);
	if (err)
		return err;
	fs->norphan_blocks = lblk + 1;
	if (tail(fs, o->bh)->magic != EXT4_ORPHAN_MAGIC ||
	    (fs->csum && tail(fs, o->bh)->csum != block_csum(fs, o->bh)))
		return ext4_error(fs, (u32)inode->ino, m.pblk,
				  "orphan file block %u: bad magic or checksum", lblk);
	o->free = 0;
	for (u32 i = 0; i < slots(fs); i++)
		o->free += !((u32 *)o->bh->data)[i];
	return 0;
}

int ext4_orphan_load(struct ext4 *fs)
{
	struct inode *inode;
	u32 n;
	int err;

	if (!ext4_compat(fs, COMPAT_ORPHAN_FILE))
		return 0;
	err = ext4_iget(fs->sb, fs->es->orphan_file_inum, IGET_SPECIAL, &inode);
	if (err) {
		ext4_msg(fs, "error", "get orphan inode failed");
		return err;
	}
	n = (u32)MIN(inode->size >> fs->block_bits, (u64)MAX_ORPHAN_BLOCKS + 1);
	fs->orphan_seed = ext4_i(inode)->csum_seed;
	if (!S_ISREG(inode->mode) || n > MAX_ORPHAN_BLOCKS)
		err = ext4_error(fs, (u32)inode->ino, 0, "orphan file of impossible shape");
	if (!err) {
		fs->orphan_blocks = kzalloc((n + 1) * sizeof(*fs->orphan_blocks));
		err = fs->orphan_blocks ? 0 : -ENOMEM;
	}
	for (u32 i = 0; i < n && !err; i++)
		err = load_block(fs, inode, i);
	iput(inode);
	return err;
}

void ext4_orphan_unload(struct ext4 *fs)
{
	for (u32 i = 0; i < fs->norphan_blocks; i++)
		buffer_put(fs->orphan_blocks[i].bh);
	kfree(fs->orphan_blocks);
	fs->orphan_blocks = NULL;
	fs->norphan_blocks = 0;
}

bool ext4_orphan_file_empty(const struct ext4 *fs)
{
	for (u32 i = 0; i < fs->norphan_blocks; i++)
		if (fs->orphan_blocks[i].free != slots(fs))
			return false;
	return true;
}

bool ext4_orphans_left(const struct ext4 *fs)
{
	return fs->es->last_orphan || !ext4_orphan_file_empty(fs);
}

/* --- after a crash --- */

/* Deleted by its last reference, or truncated to the size that it has. */
static void finish(struct inode *inode, u32 *deleted, u32 *truncated)
{
	if (inode->nlink) {
		mutex_lock(&inode->lock);
		ext4_truncate(inode);
		mutex_unlock(&inode->lock);
		++*truncated;
	} else {
		++*deleted;
	}
	iput(inode);
}

static void clean_chain(struct ext4 *fs, u32 *deleted, u32 *truncated)
{
	u32 last = 0;

	while (fs->es->last_orphan && !fs->dead && !(fs->es->state & EXT4_STATE_ERROR)) {
		u32 ino = fs->es->last_orphan;
		struct inode *inode;

		if (ino == last || ext4_iget(fs->sb, ino, IGET_ORPHAN, &inode)) {
			ext4_error(fs, ino, 0, "bad orphan inode");
			fs->es->last_orphan = 0;
			return;
		}
		last = ino;
		if (list_empty(&ext4_i(inode)->orphan))
			list_add(&ext4_i(inode)->orphan, &fs->orphans);
		finish(inode, deleted, truncated);
	}
}

static void clean_file(struct ext4 *fs, u32 *deleted, u32 *truncated)
{
	for (u32 b = 0; b < fs->norphan_blocks; b++)
		for (u32 i = 0; i < slots(fs) && !fs->dead; i++) {
			u32 ino = ((u32 *)fs->orphan_blocks[b].bh->data)[i];
			struct inode *inode;

			if (!ino || ext4_iget(fs->sb, ino, IGET_ORPHAN, &inode))
				continue;
			if (!ext4_i(inode)->orphan_slot)
				ext4_i(inode)->orphan_slot = b * slots(fs) + i + 1;
			finish(inode, deleted, truncated);
		}
}

void ext4_orphan_cleanup(struct ext4 *fs)
{
	u32 deleted = 0, truncated = 0;

	if (!ext4_orphans_left(fs))
		return;
	if (fs->es->state & EXT4_STATE_ERROR) {
		ext4_msg(fs, "info", "Errors on filesystem, clearing orphan list.");
		fs->es->last_orphan = 0;
		return;
	}
	clean_chain(fs, &deleted, &truncated);
	clean_file(fs, &deleted, &truncated);
	if (deleted)
		ext4_msg(fs, "info", "%u orphan inode%s deleted", deleted, deleted == 1 ? "" : "s");
	if (truncated)
		ext4_msg(fs, "info", "%u truncate%s cleaned up", truncated,
			 truncated == 1 ? "" : "s");
}
