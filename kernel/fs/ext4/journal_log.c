/* SPDX-License-Identifier: MIT */
/*
 * Writing the log. A transaction is copied out in groups of a descriptor block and the blocks
 * that it describes, each group with as few requests as the journal's blocks allow (one, when
 * they are contiguous). Because everything is copied first, the next transaction may change a
 * buffer as soon as its group is being written.
 */
#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "fs/ext4/journal_priv.h"
#include "lib/alloc.h"
#include "lib/endian.h"

/* What goes on from block to block of a transaction. */
struct log_writer {
	struct journal *j;
	struct transaction *tx;
	struct list_head *at;		/* the next jbuf.node of tx->buffers */
	u32 left;			/* blocks still to be logged */
};

int log_map(struct journal *j, u32 n, u64 *byte)
{
	u64 block, size = j->place.block_size;
	int err = j->place.map(j->place.private, n, &block);

	if (!err && block >= j->place.bdev->size / size)
		err = -EIO;
	if (!err)
		*byte = block * size;
	return err;
}

int log_flush(struct journal *j)
{
	int err = 0;

	if (!j->opt.barrier)
		return 0;
	if (j->place.fs_bdev != j->place.bdev)
		err = blk_flush(j->place.fs_bdev);
	return err ? err : blk_flush(j->place.bdev);
}

/*
 * Takes n blocks of what the commit may use. Only lack of memory, with its many small groups, can
 * ask for more.
 */
static int take_room(struct journal *j, u32 n)
{
	if (n > j->commit_room)
		return -ENOSPC;
	j->commit_room -= n;
	return 0;
}

/* How many blocks from the head on, at most n, lie together on the device from *byte on. */
static int contiguous(struct journal *j, u32 n, u64 *byte, u32 *run)
{
	u32 at = j->head;
	u64 next;
	int err = log_map(j, at, byte);

	for (*run = 1; !err && *run < n; ++*run) {
		at = log_advance(j, at, 1);
		err = log_map(j, at, &next);
		if (err || next != *byte + (u64)*run * j->place.block_size)
			break;
	}
	return err;
}

/* n blocks from data to the head of the log, which moves. */
static int write_blocks(struct journal *j, const u8 *data, u32 n)
{
	size_t size = j->place.block_size;
	u64 byte;
	u32 run;
	int err = take_room(j, n);

	while (n && !err) {
		err = contiguous(j, n, &byte, &run);
		if (!err)
			err = blk_write(j->place.bdev, byte, data, run * size);
		data += run * size;
		n -= run;
		j->head = log_advance(j, j->head, run);
	}
	return err;
}

static void put_revoke(const struct jbd_layout *l, u8 *p, u64 block)
{
	if (jbd_revoke_size(l) == 8)
		put_be64(p, block);
	else
		put_be32(p, (u32)block);
}

static int write_revoke_block(struct journal *j, u64 tid, u32 bytes)
{
	struct jbd_revoke *r = (struct jbd_revoke *)j->small;

	jbd_header_set(j->small, JBD_REVOKE, (u32)tid);
	r->count = be32(bytes);
	jbd_tail_csum_set(&j->layout, j->small);
	return write_blocks(j, j->small, 1);
}

static int write_revokes(struct journal *j, const struct transaction *tx)
{
	const struct revoke_set *s = &tx->revokes;
	u32 step = jbd_revoke_size(&j->layout), bytes = sizeof(struct jbd_revoke), n = 0;
	int err = 0;

	memset(j->small, 0, j->place.block_size);
	for (u32 i = 0; i < s->size && !err; i++) {
		if (!s->slot[i].used)
			continue;
		put_revoke(&j->layout, j->small + bytes, s->slot[i].block);
		bytes += step;
		if (++n < jbd_revokes_max(&j->layout))
			continue;
		err = write_revoke_block(j, tx->tid, bytes);
		memset(j->small, 0, j->place.block_size);
		bytes = sizeof(struct jbd_revoke);
		n = 0;
	}
	if (n && !err)
		err = write_revoke_block(j, tx->tid, bytes);
	return err;
}

/* The next buffer to be logged; there is one. */
static struct jbuf *next_buffer(struct log_writer *w)
{
	struct jbuf *jb;

	do {
		jb = list_entry(w->at, struct jbuf, node);
		w->at = w->at->next;
	} while (!jb->use.changed);
	return jb;
}

/* jb's block as it goes to the log, and its tag. */
static void copy_out(struct log_writer *w, struct jbuf *jb, u8 *to, struct jbd_tag *t)
{
	const struct jbd_layout *l = &w->j->layout;
	u32 magic = be32(JBD_MAGIC);

	memcpy(to, jb->frozen ? jb->frozen : jb->bh->data, l->block_size);
	kfree(jb->frozen);
	jb->frozen = NULL;
	jb->copied = true;
	*t = (struct jbd_tag){ .block = jb->bh->block };
	if (!memcmp(to, &magic, 4)) {
		memset(to, 0, 4);
		t->flags = TAG_ESCAPED;
	}
	if (jbd_has_csum(l))
		t->csum = jbd_data_csum(l, (u32)w->tx->tid, to);
}

/*
 * Room for a descriptor and up to *max blocks; fewer when there is little memory, one in the
 * worst case.
 */
static u8 *group_room(struct journal *j, u32 *max)
{
	u8 *p;

	for (; *max > 1; *max /= 2) {
		p = kmalloc((size_t)(*max + 1) * j->place.block_size);
		if (p)
			return p;
	}
	return j->spare;
}

/* As many of the buffers that are left as a descriptor and the memory allow; at least one is. */
static int write_group(struct log_writer *w)
{
	struct journal *j = w->j;
	u32 max = MIN(w->left, jbd_tags_max(&j->layout)), pos = sizeof(struct jbd_header);
	u8 *group = group_room(j, &max);
	struct jbd_tag t;
	int err;

	memset(group, 0, j->place.block_size);
	jbd_header_set(group, JBD_DESCRIPTOR, (u32)w->tx->tid);
	for (u32 n = 1; n <= max; n++) {
		copy_out(w, next_buffer(w), group + (size_t)n * j->place.block_size, &t);
		if (n == max)
			t.flags |= TAG_LAST;
		jbd_tag_write(&j->layout, group, &pos, &t, j->sb->uuid);
	}
	jbd_tail_csum_set(&j->layout, group);
	w->left -= max;
	err = write_blocks(j, group, max + 1);
	if (group != j->spare)
		kfree(group);
	return err;
}

static u32 count_changed(const struct transaction *tx)
{
	struct jbuf *jb;
	u32 n = 0;

	list_for_each(jb, &tx->buffers, node)
		n += jb->use.changed;
	return n;
}

int log_write_transaction(struct journal *j, struct transaction *tx)
{
	struct log_writer w = { .j = j, .tx = tx, .at = tx->buffers.next,
				.left = count_changed(tx) };
	int err = write_revokes(j, tx);

	while (!err && w.left)
		err = write_group(&w);
	return err;
}

/* One block, durable when it returns. */
static int write_through(struct journal *j, void *data)
{
	struct blk_vec vec = { .base = data, .len = j->place.block_size };
	struct blk_req r = { .bdev = j->place.bdev, .op = BLK_WRITE, .fua = j->opt.barrier,
			     .len = vec.len, .vec = &vec, .nvec = 1 };
	int err = take_room(j, 1);

	if (!err)
		err = log_map(j, j->head, &r.off);
	if (!err)
		err = blk_submit_wait(&r, 1);
	if (!err)
		j->head = log_advance(j, j->head, 1);
	return err;
}

int log_write_commit(struct journal *j, struct transaction *tx)
{
	struct jbd_commit *c = (struct jbd_commit *)j->small;
	ktime_t now = ktime_get_real();

	memset(j->small, 0, j->place.block_size);
	jbd_header_set(j->small, JBD_COMMIT, (u32)tx->tid);
	c->sec = be64((u64)(now / NSEC_PER_SEC));
	c->nsec = be32((u32)(now % NSEC_PER_SEC));
	jbd_commit_csum_set(&j->layout, j->small);
	return write_through(j, j->small);
}
