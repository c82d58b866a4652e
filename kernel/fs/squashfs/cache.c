/* SPDX-License-Identifier: MIT */
/*
 * What was decompressed last: a few entries of one size, found by their place on the device. Memory is taken when an
 * entry is first used, counts as cached, and is given up when memory is short.
 */
#include "fs/squashfs/priv.h"

#include "abi/errno.h"
#include "lib/alloc.h"
#include "mm/mm.h"

void sq_cache_init(struct sq_cache *c, u32 size, unsigned int max)
{
	list_init(&c->lru);
	wq_init(&c->wait);
	c->n = 0;
	c->max = max;
	c->size = size;
}

static void drop(struct sq_cache *c, struct sq_entry *e)
{
	list_del_init(&e->lru);
	kfree(e->data);
	kfree(e);
	c->n--;
	mem_charge_file(-(s64)c->size);
}

void sq_cache_free(struct sq_cache *c)
{
	while (c->n)
		drop(c, list_first(&c->lru, struct sq_entry, lru));
}

static struct sq_entry *find(struct sq_cache *c, u64 pos, u32 word)
{
	struct sq_entry *e;

	list_for_each(e, &c->lru, lru)
		if (e->pos == pos && e->word == word)
			return e;
	return NULL;
}

static struct sq_entry *more(struct sq_cache *c)
{
	struct sq_entry *e = kzalloc(sizeof(*e));

	if (!e)
		return NULL;
	e->data = kmalloc(c->size);
	if (!e->data) {
		kfree(e);
		return NULL;
	}
	list_add_tail(&e->lru, &c->lru);
	c->n++;
	mem_charge_file(c->size);
	return e;
}

static struct sq_entry *oldest(struct sq_cache *c)
{
	struct sq_entry *e;

	list_for_each(e, &c->lru, lru)
		if (!e->refs)
			return e;
	return NULL;
}

/* One that may be filled, or NULL: no memory for the first. Blocks while all are in use. */
static struct sq_entry *spare(struct sq_cache *c)
{
	struct sq_entry *e;

	for (;;) {
		e = c->n < c->max ? more(c) : NULL;
		if (!e)
			e = oldest(c);
		if (e || !c->n)
			return e;
		/* None may be left: sq_cache_shrink(). */
		wait_event(&c->wait, oldest(c) || !c->n, "squashfs");
	}
}

u64 sq_cache_shrink(struct sq_cache *c, u64 bytes)
{
	struct sq_entry *e;
	u64 done = 0;

	while (done < bytes && (e = oldest(c))) {
		drop(c, e);
		done += c->size;
	}
	return done;
}

static void use(struct sq_cache *c, struct sq_entry *e)
{
	e->refs++;
	list_del_init(&e->lru);
	list_add_tail(&e->lru, &c->lru);
}

void sq_cache_put(struct sq_cache *c, struct sq_entry *e)
{
	if (!--e->refs)
		wake_up_all(&c->wait);
}

static void fill_entry(struct sqfs *fs, struct sq_cache *c, struct sq_entry *e,
		       int (*fill)(struct sqfs *fs, struct sq_entry *e, u32 size), int *err)
{
	e->filling = true;
	e->len = 0;
	*err = fill(fs, e, c->size);
	if (*err)
		e->pos = SQ_NO_TABLE;
	e->filling = false;
	wake_up_all(&c->wait);
}

int sq_cache_get(struct sqfs *fs, struct sq_cache *c, u64 pos, u32 word,
		 int (*fill)(struct sqfs *fs, struct sq_entry *e, u32 size), struct sq_entry **out)
{
	struct sq_entry *e = find(c, pos, word), *other;
	int err = 0;

	if (!e) {
		e = spare(c);
		if (!e)
			return -ENOMEM;
		/* Waiting took time: somebody else may have filled one. The spare one just stays as it is. */
		other = find(c, pos, word);
		if (other)
			e = other;
	}
	use(c, e);
	if (e->pos != pos || e->word != word) {
		e->pos = pos;
		e->word = word;
		fill_entry(fs, c, e, fill, &err);
	}
	wait_event(&c->wait, !e->filling, "squashfs");
	/* Who waited for somebody who failed reads it himself, and so has an error of his own. */
	if (!err && e->pos != pos) {
		sq_cache_put(c, e);
		return sq_cache_get(fs, c, pos, word, fill, out);
	}
	if (err) {
		sq_cache_put(c, e);
		return err;
	}
	*out = e;
	return 0;
}
