/* SPDX-License-Identifier: MIT */
/*
 * The dentry cache: names of directories and what they stand for, found by (parent, name).
 *
 * References are counted without atomics: dentries are only touched under the kernel lock. A
 * hashed dentry that nobody uses stays in the cache, on a list in rough order of use, until
 * there are too many of them (see dcache.h for the rules of references).
 */
#include "vfs/dcache.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/stat.h"
#include "core/log.h"
#include "lib/alloc.h"

#define HASH_BITS 14
#define HASH_SIZE (1u << HASH_BITS)

/* A bucket that was never used is all zero, so that boot does not touch the whole table. */
static struct list_head *hash_table;
static LIST_HEAD(lru);
static unsigned long nr_unused;		/* length of lru; a few of them may be in use again */
static bool shrinking;

static u32 bucket_of(const struct dentry *parent, u32 hash)
{
	u64 h = ((u64)(uintptr_t)parent >> 5) * 0x9e3779b97f4a7c15ULL;

	return (u32)((h >> 32) ^ hash ^ (hash >> 15)) & (HASH_SIZE - 1);
}

int dcache_init(void)
{
	if (!hash_table)
		hash_table = kzalloc(HASH_SIZE * sizeof(*hash_table));
	return hash_table ? 0 : -ENOMEM;
}

unsigned long dcache_nr_unused(void)
{
	return nr_unused;
}

struct dentry *d_find(const struct dentry *parent, const struct qname *q)
{
	struct list_head *b = &hash_table[bucket_of(parent, q->hash)];
	struct list_head *n;

	if (!b->next)
		return NULL;
	for (n = b->next; n != b; n = n->next) {
		struct dentry *d = list_entry(n, struct dentry, hash_node);

		if (d->hash == q->hash && d->parent == parent && d->len == q->len &&
		    !memcmp(d->name, q->name, q->len))
			return d;
	}
	return NULL;
}

struct dentry *dget(struct dentry *d)
{
	if (unlikely(d->ref.n <= 0))
		__builtin_trap();
	d->ref.n++;
	return d;
}

static struct dentry *d_new(struct super *sb, const char *name, u32 len)
{
	struct dentry *d = kzalloc(sizeof(*d));

	if (!d)
		return NULL;
	d->name = kstrndup(name, len);
	if (!d->name) {
		kfree(d);
		return NULL;
	}
	d->len = len;
	ref_init(&d->ref);
	d->sb = sb;
	d->unhashed = true;
	list_init(&d->hash_node);
	list_init(&d->children);
	list_init(&d->sibling);
	list_init(&d->lru_node);
	return d;
}

struct dentry *d_alloc(struct dentry *parent, const struct qname *q)
{
	struct dentry *d = d_new(parent->sb, q->name, q->len);

	if (!d)
		return NULL;
	d->hash = q->hash;
	d->parent = dget(parent);
	list_add_tail(&d->sibling, &parent->children);
	return d;
}

struct dentry *d_make_root(struct super *sb, struct inode *root)
{
	struct dentry *d = d_new(sb, "/", 1);

	if (!d)
		return NULL;
	d->parent = d;
	d->inode = root;
	return d;
}

static void d_insert(struct dentry *d)
{
	struct list_head *b = &hash_table[bucket_of(d->parent, d->hash)];

	if (!b->next)
		list_init(b);
	list_add(&d->hash_node, b);
	d->unhashed = false;
}

void d_hash(struct dentry *d)
{
	if (!d->unhashed)
		return;
	d_insert(d);
	dget(d);
}

void d_instantiate(struct dentry *d, struct inode *inode)
{
	BUG_ON(d->inode);
	d->inode = inode;
}

/* Takes the inode away from d. May block in the file system's evict. */
static void d_detach_inode(struct dentry *d)
{
	struct inode *inode = d->inode;

	if (d->sb->ops && d->sb->ops->d_release && d->private)
		d->sb->ops->d_release(d);
	d->private = NULL;
	d->inode = NULL;
	if (!inode)
		return;
	if (!inode->nlink && inode->inotify)
		notify_inode_gone(inode);
	iput(inode);
}

static void lru_del(struct dentry *d)
{
	if (!d->on_lru)
		return;
	list_del_init(&d->lru_node);
	d->on_lru = false;
	nr_unused--;
}

static void lru_add(struct dentry *d)
{
	if (d->on_lru) {
		d->lru_used = true;
		return;
	}
	list_add_tail(&d->lru_node, &lru);
	d->on_lru = true;
	d->lru_used = false;
	nr_unused++;
}

/* Frees a dentry without references; returns the parent, whose reference is now the caller's. */
static struct dentry *d_free(struct dentry *d)
{
	struct dentry *parent = d->parent == d ? NULL : d->parent;

	lru_del(d);
	list_del_init(&d->sibling);
	d_detach_inode(d);
	kfree(d->name);
	kfree(d);
	return parent;
}

/* Throws out the oldest unused dentries until the bound holds again. */
static void lru_shrink(void)
{
	int budget = 256;

	if (shrinking)
		return;
	shrinking = true;
	while (nr_unused > DCACHE_MAX_UNUSED && budget--) {
		struct dentry *d = list_first(&lru, struct dentry, lru_node);

		if (d->ref.n > 1) {
			lru_del(d);	/* in use: the last dput() brings it back */
		} else if (d->lru_used) {
			list_del_init(&d->lru_node);
			list_add_tail(&d->lru_node, &lru);
			d->lru_used = false;
		} else {
			d_drop(d);
		}
	}
	shrinking = false;
}

void dput(struct dentry *d)
{
	while (d) {
		if (unlikely(d->ref.n <= 0))
			__builtin_trap();
		if (--d->ref.n > 1)
			return;
		if (d->ref.n == 1) {
			if (d->unhashed)
				return;
			if (d->sb->ops->drop_unused && d->sb->ops->drop_unused(d)) {
				d_drop(d);
				return;
			}
			lru_add(d);
			if (unlikely(nr_unused > DCACHE_MAX_UNUSED))
				lru_shrink();
			return;
		}
		d = d_free(d);
	}
}

void d_drop(struct dentry *d)
{
	if (d->unhashed)
		return;
	list_del_init(&d->hash_node);
	d->unhashed = true;
	lru_del(d);
	dput(d);
}

/* The last name of a negative or shared dentry goes; an unused one is kept as negative. */
void d_delete(struct dentry *d)
{
	bool keep = !d->unhashed && d->ref.n == 2 && !d->sb->no_cache && list_empty(&d->children);

	if (keep)
		d_detach_inode(d);
	else
		d_drop(d);
}

bool d_is_below(const struct dentry *d, const struct dentry *dir)
{
	for (;;) {
		if (d == dir)
			return true;
		if (d->parent == d)
			return false;
		d = d->parent;
	}
}

/* A leaf below top that only the cache holds, or NULL. */
static struct dentry *unused_leaf(struct dentry *top)
{
	struct dentry *d, *leaf;

	list_for_each(d, &top->children, sibling) {
		if (list_empty(&d->children)) {
			if (!d->unhashed && d->ref.n == 1)
				return d;
			continue;
		}
		leaf = unused_leaf(d);
		if (leaf)
			return leaf;
	}
	return NULL;
}

void d_shrink_children(struct dentry *top)
{
	struct dentry *d;

	dget(top);
	/* Dropping may block, after which the list is a different one: start again each time. */
	while ((d = unused_leaf(top)) != NULL)
		d_drop(d);
	dput(top);
}

void d_invalidate(struct dentry *d)
{
	dget(d);
	d_drop(d);
	d_shrink_children(d);
	dput(d);
}

void d_invalidate_tree(struct dentry *d)
{
	d_shrink_children(d);
}

/* Moves d below newdir, without touching its name. */
static void d_reparent(struct dentry *d, struct dentry *newdir)
{
	list_del_init(&d->sibling);
	d->parent = newdir;
	list_add_tail(&d->sibling, &newdir->children);
}

static void d_swap_names(struct dentry *a, struct dentry *b)
{
	char *name = a->name;
	u32 hash = a->hash, len = a->len;

	a->name = b->name;
	a->hash = b->hash;
	a->len = b->len;
	b->name = name;
	b->hash = hash;
	b->len = len;
}

/*
 * d takes the place of target (a dentry of newdir with the new name, positive or negative).
 * target gets d's old name and leaves the cache: what it was is overwritten.
 */
void d_move(struct dentry *d, struct dentry *newdir, struct dentry *target)
{
	struct dentry *old = d->parent;

	dget(target);
	d_drop(target);
	if (!d->unhashed)
		list_del_init(&d->hash_node);
	d_swap_names(d, target);
	if (old != newdir) {
		dget(newdir);
		d_reparent(d, newdir);
	}
	if (!d->unhashed)
		d_insert(d);
	dput(target);
	if (old != newdir)
		dput(old);
}

void d_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *pa = a->parent, *pb = b->parent;

	if (!a->unhashed)
		list_del_init(&a->hash_node);
	if (!b->unhashed)
		list_del_init(&b->hash_node);
	d_swap_names(a, b);
	if (pa != pb) {		/* each parent's reference changes hands: the counts stay */
		d_reparent(a, pb);
		d_reparent(b, pa);
	}
	if (!a->unhashed)
		d_insert(a);
	if (!b->unhashed)
		d_insert(b);
}

int d_revalidate(struct dentry *d)
{
	struct inode *dir = d->parent->inode;
	int rc;

	if (!dir || !dir->ops->revalidate || d->nmounts)
		return 1;
	rc = dir->ops->revalidate(dir, d);
	if (!rc)
		d_invalidate(d);
	return rc;
}

/* The name is not in the cache, and nobody else can enter it: dir's lock is held. */
static int lookup_fs(struct dentry *parent, const struct qname *q, struct dentry **out)
{
	struct inode *dir = parent->inode, *inode = NULL;
	struct dentry *d;
	int err;

	if (!dir->ops->lookup)
		return -ENOTDIR;
	if (dir->dead)
		return -ENOENT;
	d = d_alloc(parent, q);
	if (!d)
		return -ENOMEM;
	err = dir->ops->lookup(dir, d, &inode);
	if (err) {
		dput(d);
		return err;
	}
	if (inode)
		d_instantiate(d, inode);
	if (inode || !d->sb->no_cache)
		d_hash(d);
	*out = d;
	return 0;
}

int lookup_locked(struct dentry *parent, const struct qname *q, struct dentry **out)
{
	struct dentry *d;
	int rc;

	if (q->len > 255)
		return -ENAMETOOLONG;
	while ((d = d_find(parent, q)) != NULL) {
		dget(d);
		rc = d_revalidate(d);
		if (rc > 0) {
			*out = d;
			return 0;
		}
		dput(d);
		if (rc < 0)
			return rc;
	}
	return lookup_fs(parent, q, out);
}

int lookup_qname(struct dentry *parent, const struct qname *q, struct dentry **out)
{
	struct inode *dir = parent->inode;
	struct dentry *d;
	int rc;

	if (q->len > 255)
		return -ENAMETOOLONG;
	d = d_find(parent, q);
	if (d) {
		dget(d);
		rc = d_revalidate(d);
		if (rc > 0) {
			*out = d;
			return 0;
		}
		dput(d);
		if (rc < 0)
			return rc;
	}
	mutex_lock(&dir->lock);
	d = d_find(parent, q);		/* entered while we waited: fresh enough */
	rc = 0;
	if (d)
		*out = dget(d);
	else
		rc = lookup_fs(parent, q, out);
	mutex_unlock(&dir->lock);
	return rc;
}

int lookup_one(struct dentry *dir, const char *name, size_t len, struct dentry **out)
{
	struct qname q = qname_make(name, len);

	return lookup_qname(dir, &q, out);
}

void d_kill_super(struct super *sb)
{
	struct dentry *root = sb->root;

	if (!root)
		return;
	sb->root = NULL;
	d_shrink_children(root);
	dput(root);
}
