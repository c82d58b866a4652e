/* SPDX-License-Identifier: MIT */
/*
 * Buffers in transactions. One buffer can be in three places at a time: in the committing
 * transaction, which still needs its version (a frozen copy, if the buffer is changed before that
 * version was copied out); in the running one, which changes it; and in the checkpoint list of
 * the last durable transaction that logged it, until that version, or a later one, is in its
 * place. The tail of the log does not pass that transaction before.
 */
#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "fs/ext4/journal_priv.h"
#include "lib/alloc.h"

static void jbuf_free_if_idle(struct jbuf *jb)
{
	struct buffer *bh = jb->bh;

	if (jb->tx || jb->cp)
		return;
	bh->journal = NULL;
	kfree(jb->frozen);
	kfree(jb);
	buffer_put(bh);
}

static struct jbuf *jbuf_get(struct buffer *bh)
{
	struct jbuf *jb = bh->journal;

	if (jb)
		return jb;
	jb = kzalloc(sizeof(*jb));
	if (!jb)
		return NULL;
	jb->bh = buffer_ref(bh);
	list_init(&jb->node);
	list_init(&jb->cp_node);
	bh->journal = jb;
	return jb;
}

static void checkpoint_out(struct jbuf *jb)
{
	list_del_init(&jb->cp_node);
	jb->cp = NULL;
}

void jbuf_uncheckpoint(struct jbuf *jb)
{
	checkpoint_out(jb);
	jbuf_free_if_idle(jb);
}

static void checkpoint_in(struct jbuf *jb, struct transaction *tx)
{
	list_del_init(&jb->cp_node);
	jb->cp = tx;
	list_add_tail(&jb->cp_node, &tx->cp);
}

/* How tx, a running transaction, uses jb; NULL: not at all. */
static struct jbuf_use *use_of(struct jbuf *jb, const struct transaction *tx)
{
	if (jb->tx == tx)
		return &jb->use;
	return jb->next == tx ? &jb->next_use : NULL;
}

/* The committing transaction must not see what the next one does to the buffer. 0, -ENOMEM. */
static int freeze(struct jbuf *jb)
{
	if (!jb->use.changed || jb->copied || jb->frozen)
		return 0;
	jb->frozen = kmalloc(jb->bh->size);
	if (!jb->frozen)
		return -ENOMEM;
	memcpy(jb->frozen, jb->bh->data, jb->bh->size);
	return 0;
}

/* jb, which no transaction has, becomes tx's. */
static void take(struct jbuf *jb, struct transaction *tx)
{
	jb->tx = tx;
	jb->use = (struct jbuf_use){ 0 };
	list_add_tail(&jb->node, &tx->buffers);
	jb->stale = jb->bh->dirty;
	buffer_hold(jb->bh);
}

/* jb into tx, the running transaction. It is not being written. 0, -ENOMEM. */
static int join(struct jbuf *jb, struct transaction *tx)
{
	int err;

	if (use_of(jb, tx))
		return 0;
	if (!jb->tx) {
		take(jb, tx);
		return 0;
	}
	err = freeze(jb);
	if (err)
		return err;
	jb->next = tx;
	jb->next_use = (struct jbuf_use){ 0 };
	return 0;
}

/* Without memory for a frozen copy: its transaction will be durable some time. */
static void wait_committed(struct journal *j, struct jbuf *jb)
{
	u64 tid = jb->tx->tid;

	wait_event(&j->done_wq, j->error || j->committed >= tid, "journal buffer");
}

/* bh into h's transaction; *out its state. 0, -ENOMEM, -EROFS. Blocks. */
static int join_buffer(struct handle *h, struct buffer *bh, struct jbuf **out)
{
	struct jbuf *jb;
	int err;

	for (;;) {
		buffer_wait(bh);
		if (h->j->error)
			return -EROFS;
		jb = jbuf_get(bh);
		if (!jb)
			return -ENOMEM;
		err = join(jb, h->tx);
		if (!err)
			break;
		wait_committed(h->j, jb);
	}
	*out = jb;
	return 0;
}

int journal_get_write(struct handle *h, struct buffer *bh)
{
	struct jbuf *jb;
	int err;

	if (!h->j)
		return 0;
	err = join_buffer(h, bh, &jb);
	if (err)
		return err;
	use_of(jb, h->tx)->forgotten = false;
	revoke_del(&h->tx->revokes, bh->block);
	return 0;
}

int journal_get_create(struct handle *h, struct buffer *bh)
{
	return journal_get_write(h, bh);
}

static void spend(struct handle *h)
{
	h->tx->nbuffers++;
	if (h->credits) {
		h->credits--;
		h->tx->outstanding--;
	} else if (!h->j->credits_warned++) {
		pr_warn("JBD2: %s: a handle changes more blocks than it announced", h->j->name);
	}
}

static void give_back(struct handle *h)
{
	h->tx->nbuffers--;
	h->credits++;
	h->tx->outstanding++;
}

int journal_dirty(struct handle *h, struct buffer *bh)
{
	struct jbuf *jb = bh->journal;
	struct jbuf_use *use;

	if (!h->j) {
		buffer_mark_dirty(bh);
		return 0;
	}
	if (h->j->error)
		return -EROFS;
	use = jb ? use_of(jb, h->tx) : NULL;
	if (WARN_ON(!use))
		return -EINVAL;
	bh->uptodate = true;
	if (!use->changed)
		spend(h);
	use->changed = true;
	return 0;
}

/* tx is done with jb, which no other transaction wants. dirty: it must be written. */
static void let_go(struct jbuf *jb, bool dirty)
{
	list_del_init(&jb->node);
	jb->tx = NULL;
	buffer_release_hold(jb->bh, dirty);
}

/* What was freed goes without being written, and its log entries are no longer needed. */
static void drop(struct jbuf *jb)
{
	let_go(jb, false);
	buffer_forget(jb->bh);
	jbuf_uncheckpoint(jb);
}

static void forget(struct handle *h, struct jbuf *jb)
{
	struct jbuf_use *use = use_of(jb, h->tx);

	if (use->changed)
		give_back(h);
	use->changed = false;
	use->forgotten = true;
	/*
	 * An older version in the log may still be needed: until this transaction is durable, the
	 * block is in use.
	 */
	if (jb->tx == h->tx && !jb->cp)
		drop(jb);
}

int journal_forget(struct handle *h, struct buffer *bh)
{
	struct jbuf *jb;
	int err;

	if (!h->j) {
		buffer_forget(bh);
		buffer_put(bh);
		return 0;
	}
	err = revoke_add(&h->tx->revokes, bh->block, (u32)h->tx->tid);
	if (!err)
		err = join_buffer(h, bh, &jb);
	if (!err)
		forget(h, jb);
	buffer_put(bh);
	return err;
}

int journal_revoke(struct handle *h, u64 block)
{
	struct buffer *bh;

	if (!h->j)
		return 0;
	bh = buffer_find(h->j->place.fs_bdev, block);
	if (bh)
		return journal_forget(h, bh);
	return revoke_add(&h->tx->revokes, block, (u32)h->tx->tid);
}

void journal_set_trigger(struct buffer *bh, void (*fn)(struct buffer *bh, void *private),
			 void *private)
{
	struct jbuf *jb = bh->journal;

	if (!jb) {
		fn(bh, private);
		return;
	}
	jb->trigger = fn;
	jb->trigger_private = private;
}

void tx_buffers_triggers(struct transaction *tx)
{
	struct jbuf *jb;

	list_for_each(jb, &tx->buffers, node)
		if (jb->use.changed && jb->trigger)
			jb->trigger(jb->bh, jb->trigger_private);
}

/* The running transaction has it from now on. */
static void pass_on(struct jbuf *jb)
{
	list_del_init(&jb->node);
	jb->tx = jb->next;
	jb->use = jb->next_use;
	jb->next = NULL;
	list_add_tail(&jb->node, &jb->tx->buffers);
}

static void done(struct transaction *tx, struct jbuf *jb)
{
	bool changed = jb->use.changed;

	jb->copied = false;
	if (changed)
		checkpoint_in(jb, tx);
	if (jb->next) {
		jb->stale |= changed;
		/* and used again since: what the log had of it is revoked */
		if (jb->use.forgotten)
			checkpoint_out(jb);
		pass_on(jb);
	} else if (jb->use.forgotten) {
		drop(jb);
	} else {
		let_go(jb, changed || jb->stale);
		jbuf_free_if_idle(jb);
	}
}

void tx_buffers_done(struct transaction *tx)
{
	while (!list_empty(&tx->buffers))
		done(tx, list_first(&tx->buffers, struct jbuf, node));
}

void tx_buffers_drop(struct transaction *tx)
{
	while (!list_empty(&tx->buffers)) {
		struct jbuf *jb = list_first(&tx->buffers, struct jbuf, node);

		if (jb->next)
			pass_on(jb);
		else
			drop(jb);
	}
}
