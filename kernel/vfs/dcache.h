/* SPDX-License-Identifier: MIT */
/*
 * The dentry cache as path.c, namei.c and rename.c see it; everybody else uses vfs.h.
 *
 * A hashed dentry holds one reference for the cache; "unused" means that this is the only one.
 * An unhashed dentry lives as long as someone holds a reference. A child holds a reference to its
 * parent, so a directory with cached children is never unused.
 */
#ifndef VFS_DCACHE_H
#define VFS_DCACHE_H

#include "vfs/vfs.h"

#define DCACHE_MAX_UNUSED 20000

/* One component of a path: not terminated. */
struct qname {
	const char *name;
	u32 len, hash;
};

/* FNV-1a, a byte at a time: names are short. */
static inline u32 name_hash_step(u32 h, char c)
{
	return (h ^ (u8)c) * 16777619u;
}
#define NAME_HASH_INIT 2166136261u

static inline struct qname qname_make(const char *name, size_t len)
{
	struct qname q = { name, (u32)len, NAME_HASH_INIT };
	size_t i;

	for (i = 0; i < len; i++)
		q.hash = name_hash_step(q.hash, name[i]);
	return q;
}

/* The cached dentry, positive or negative. Returns borrowed, NULL. Never blocks. */
struct dentry *d_find(const struct dentry *parent, const struct qname *q);
/* A new negative, unhashed dentry with one reference. NULL: no memory. Never blocks. */
struct dentry *d_alloc(struct dentry *parent, const struct qname *q);
/* Enters it into the cache. Never blocks. */
void d_hash(struct dentry *d);
/* The cached dentry is no longer what the file system has: forget it and what hangs below. */
void d_invalidate(struct dentry *d);
/*
 * A dentry that the cache knows, checked with the file system. 1: still true, 0: forgotten now,
 * negative errno. The caller holds a reference.
 */
int d_revalidate(struct dentry *d);
/* As lookup_one, by name with hash. lookup_locked: the caller holds parent->inode->lock. */
int lookup_qname(struct dentry *parent, const struct qname *q, struct dentry **out);
int lookup_locked(struct dentry *parent, const struct qname *q, struct dentry **out);
/* Frees every unused dentry below d. */
void d_shrink_children(struct dentry *d);
/* After RENAME_EXCHANGE: both change places and names. Never blocks. */
void d_exchange(struct dentry *a, struct dentry *b);
/* Is d the same as dir, or below it? */
bool d_is_below(const struct dentry *d, const struct dentry *dir);
static inline bool d_unlinked(const struct dentry *d)
{
	return d->unhashed && d->parent != d;
}
/* For a superblock that ends: everything that hangs on its root. */
void d_kill_super(struct super *sb);
unsigned long dcache_nr_unused(void);
int dcache_init(void);

#endif
