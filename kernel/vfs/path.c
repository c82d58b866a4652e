/* SPDX-License-Identifier: MIT */
/*
 * Path walking: from a string to a (mount, dentry).
 *
 * The cursor (struct walk) always holds references to where it is, so any step may block. A
 * step through the cache neither blocks nor allocates. File systems that have to ask whether the
 * cache is right may answer for many components at once (revalidate_path): see shortcut().
 *
 * Symlinks on the way are walked by a stack of strings, not by recursion.
 */
#include "vfs/walk.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "core/arena.h"
#include "core/sched.h"
#include "lib/alloc.h"
#include "vfs/mount.h"
#include "vfs/perm.h"

struct path *path_get(struct path *p)
{
	mntget(p->mnt);
	dget(p->dentry);
	return p;
}

void path_put(struct path *p)
{
	struct path old = *p;

	p->mnt = NULL;
	p->dentry = NULL;
	if (old.dentry)
		dput(old.dentry);
	if (old.mnt)
		mntput(old.mnt);
}

static void set_path(struct walk *w, struct mount *mnt, struct dentry *dentry)
{
	struct path old = w->path;

	w->path.mnt = mnt;
	w->path.dentry = dentry;
	path_get(&w->path);
	path_put(&old);
}

static bool path_same(const struct path *a, const struct path *b)
{
	return a->mnt == b->mnt && a->dentry == b->dentry;
}

/* --- starting points --- */

static int start_at_root(struct walk *w)
{
	if (w->flags & LOOKUP_BENEATH)
		return -EXDEV;
	if ((w->flags & LOOKUP_NO_XDEV) && w->path.mnt && w->path.mnt != w->root.mnt)
		return -EXDEV;
	set_path(w, w->root.mnt, w->root.dentry);
	return 0;
}

static int start_at_fd(struct walk *w, int dirfd, const char *name)
{
	struct file *f = fd_get_path(dirfd);
	int err = 0;

	if (!f)
		return -EBADF;
	if (!f->path.dentry)
		err = *name ? -ENOTDIR : -EBADF;
	else if (*name && (!f->path.dentry->inode || !S_ISDIR(f->path.dentry->inode->mode)))
		err = -ENOTDIR;
	else
		set_path(w, f->path.mnt, f->path.dentry);
	fput(f);
	return err;
}

int walk_start(struct walk *w, int dirfd, const char *name, u32 flags)
{
	struct fs_ctx *fs = fs_ctx_current();
	size_t len;
	int err;

	memset(w, 0, offsetof(struct walk, outer));
	memset(&w->depth, 0, sizeof(*w) - offsetof(struct walk, depth));
	w->flags = flags;
	w->rest = name;
	if (!fs)
		return -ENOENT;
	len = strnlen(name, PATH_MAX);
	if (len == PATH_MAX)
		return -ENAMETOOLONG;
	if (!len && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	w->root = fs->root;
	path_get(&w->root);
	if (*name == '/' && !(flags & LOOKUP_IN_ROOT))
		return start_at_root(w);
	if (dirfd == AT_FDCWD) {
		set_path(w, fs->cwd.mnt, fs->cwd.dentry);
	} else {
		err = start_at_fd(w, dirfd, name);
		if (err)
			return err;
	}
	if (flags & (LOOKUP_IN_ROOT | LOOKUP_BENEATH)) {
		path_put(&w->root);
		w->root = w->path;
		path_get(&w->root);
	}
	return 0;
}

void walk_end(struct walk *w)
{
	struct link_text *t, *next;

	for (t = w->texts; t; t = next) {
		next = t->next;
		kfree(t);
	}
	path_put(&w->path);
	path_put(&w->root);
}

/* --- steps --- */

/* May the directory we are in be searched? The usual answer needs no credentials. */
static int may_search(struct walk *w)
{
	struct inode *inode = w->path.dentry->inode;

	if (unlikely(!inode))
		return -ENOENT;
	if (likely(!inode->ops->permission && (inode->mode & 0111) == 0111))
		return 0;
	return inode_permission(inode, MAY_EXEC);
}

/* From a dentry to the top of what is mounted on it. */
static int cross_mounts(struct walk *w)
{
	struct mount *m;

	while (unlikely(w->path.dentry->nmounts)) {
		m = mount_on(&w->path);
		if (!m)
			break;
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
		set_path(w, m, m->root);
	}
	return 0;
}

int walk_enter(struct walk *w, struct dentry *d)
{
	struct dentry *old = w->path.dentry;

	w->path.dentry = d;
	dput(old);
	return cross_mounts(w);
}

static int step_dotdot(struct walk *w)
{
	struct path *p = &w->path;

	for (;;) {
		if (path_same(p, &w->root))
			return w->flags & LOOKUP_BENEATH ? -EXDEV : 0;
		if (p->dentry != p->mnt->root)
			break;
		if (p->mnt->parent == p->mnt)
			return 0;	/* the root of the namespace, or of a detached tree */
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
		set_path(w, p->mnt->parent, p->mnt->mountpoint);
	}
	/* A directory that was moved out of a bind mount's subtree leads nowhere. */
	if (p->mnt->root != p->mnt->sb->root && !d_is_below(p->dentry, p->mnt->root))
		return -ENOENT;
	if (p->dentry->parent == p->dentry)
		return 0;
	set_path(w, p->mnt, p->dentry->parent);
	return cross_mounts(w);
}

/* Reads the text of a symlink into memory that lives as long as the walk. */
static int read_link(struct walk *w, struct inode *inode, const char **out)
{
	char buf[PATH_MAX];
	struct link_text *t;
	ssize n;

	if (!inode->ops->readlink)
		return -EINVAL;
	n = inode->ops->readlink(inode, buf, sizeof(buf));
	if (n < 0)
		return (int)n;
	if (!n)
		return -ENOENT;
	if ((size_t)n >= sizeof(buf))
		return -ENAMETOOLONG;
	t = kmalloc(sizeof(*t) + (size_t)n + 1);
	if (!t)
		return -ENOMEM;
	memcpy(t->text, buf, (size_t)n);
	t->text[n] = 0;
	t->next = w->texts;
	w->texts = t;
	*out = t->text;
	return 0;
}

static int follow_magic(struct walk *w, struct inode *inode)
{
	struct path to = { NULL, NULL }, old;
	int err;

	if (w->flags & LOOKUP_NO_MAGICLINKS)
		return -ELOOP;
	err = inode->ops->follow(inode, &to);
	if (err)
		return err;
	if ((w->flags & LOOKUP_NO_XDEV) && to.mnt != w->path.mnt)
		err = -EXDEV;
	if (w->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT))
		err = -EXDEV;
	if (err) {
		path_put(&to);
		return err;
	}
	old = w->path;
	w->path = to;
	path_put(&old);
	return 0;
}

/*
 * Follow the symlink link, found in the directory we are in. Its text becomes the string being
 * walked; the caller has put aside what comes after. *jumped: a magic link, we are there already.
 */
static int follow_link(struct walk *w, struct dentry *link, bool *jumped)
{
	struct inode *inode = link->inode;
	const char *text;
	int err;

	*jumped = false;
	if (w->nlinks++ >= WALK_MAX_LINKS || (w->flags & LOOKUP_NO_SYMLINKS) ||
	    (w->path.mnt->flags & MS_NOSYMFOLLOW_K))
		return -ELOOP;
	if (inode->ops->follow) {
		*jumped = true;
		return follow_magic(w, inode);
	}
	err = read_link(w, inode, &text);
	if (err)
		return err;
	w->rest = text;
	return *text == '/' ? start_at_root(w) : 0;
}

/* --- the shortcut over cached components --- */

static u32 scan_component(const char *s, u32 *hash)
{
	u32 h = NAME_HASH_INIT, i;

	for (i = 0; s[i] && s[i] != '/'; i++)
		h = name_hash_step(h, s[i]);
	*hash = h;
	return i;
}

static bool is_dots(const char *s, u32 len)
{
	return s[0] == '.' && (len == 1 || (len == 2 && s[1] == '.'));
}

static bool plain_dir(const struct dentry *d)
{
	return d->inode && S_ISDIR(d->inode->mode) && d->inode->ops->revalidate_path &&
	       !d->inode->ops->permission;
}

/* What the cache knows of a path. */
struct prefix {
	struct dentry *last;		/* borrowed */
	const char *end;		/* where the string continues */
	int n;				/* components up to there */
	const char *gone;		/* the end of the next one if the cache has no file of that name, else NULL */
	bool known;			/* it says that there is none */
};

/*
 * How far the cache alone leads from here along w->rest: over directories of one superblock, no
 * dots, no mounts, no symlinks except as the last. The final component of a whole path is included
 * only in path_lookup() (whole).
 */
static void cached_prefix(struct walk *w, bool whole, struct prefix *p)
{
	struct dentry *d = w->path.dentry, *next;
	const char *s = w->rest, *after;
	struct qname q;
	bool final;

	*p = (struct prefix){ 0 };
	for (;;) {
		while (*s == '/')
			s++;
		q.name = s;
		q.len = scan_component(s, &q.hash);
		if (!q.len || is_dots(s, q.len) || !plain_dir(d))
			break;
		for (after = s + q.len; *after == '/'; after++)
			;
		final = !*after && !w->depth;
		if (final && !whole)
			break;
		if ((d->inode->mode & 0111) != 0111 && generic_permission(d->inode, MAY_EXEC))
			break;
		next = d_find(d, &q);
		if (!next || (!next->inode && !next->nmounts)) {
			p->gone = s + q.len;
			p->known = next != NULL;
			break;
		}
		if (next->nmounts)
			break;
		/* In the middle only directories; at the end whatever exists. */
		if (!final && !plain_dir(next))
			break;
		d = next;
		s += q.len;
		p->n++;
	}
	p->last = d;
	p->end = s;
}

/* Of w->rest, up to end, without slashes around it. */
static const char *relative(const struct walk *w, const char *end, char *rel)
{
	const char *from = w->rest;

	while (*from == '/')
		from++;
	while (end > from && end[-1] == '/')
		end--;
	memcpy(rel, from, (size_t)(end - from));
	rel[end - from] = 0;
	return rel;
}

/* One question to the file system that saves at least one: is what comes behind the known directories not there? */
static bool is_absent(struct walk *w, const struct prefix *p, char *rel)
{
	struct inode *dir = w->path.dentry->inode;

	return p->gone && p->n && dir->ops->absent_path &&
	       dir->ops->absent_path(dir, relative(w, p->gone, rel), p->last->inode, p->known) > 0;
}

/*
 * Asks the file system once for all components that the cache knows, and goes to the last of
 * them. 1: done, w->path and w->rest moved; 0: walk step by step; negative errno.
 */
static int shortcut(struct walk *w, bool whole)
{
	struct inode *dir = w->path.dentry->inode;
	char rel[PATH_MAX];
	struct prefix p;
	int rc;

	if (w->no_shortcut)
		return 0;
	cached_prefix(w, whole, &p);
	dget(p.last);
	rc = is_absent(w, &p, rel) ? -ENOENT : 0;
	if (!rc && p.n >= 2) {
		rc = dir->ops->revalidate_path(dir, relative(w, p.end, rel), p.last);
		w->no_shortcut = rc <= 0;
	}
	if (rc <= 0) {
		dput(p.last);
		return rc;
	}
	dput(w->path.dentry);
	w->path.dentry = p.last;
	while (*p.end == '/')
		p.end++;
	w->rest = p.end;
	return 1;
}

/* --- the walk --- */

/* Into a normal component. *link: it is a symlink (reference), and we stayed where we were. */
static int step_name(struct walk *w, const struct qname *q, struct dentry **link)
{
	struct dentry *d;
	int err;

	*link = NULL;
	d = d_find(w->path.dentry, q);
	if (likely(d && !w->path.dentry->inode->ops->revalidate)) {
		dget(d);
	} else {
		if (!S_ISDIR(w->path.dentry->inode->mode))
			return -ENOTDIR;
		err = lookup_qname(w->path.dentry, q, &d);
		if (err)
			return err;
	}
	if (!d->inode) {
		dput(d);
		return -ENOENT;
	}
	if (S_ISLNK(d->inode->mode)) {
		*link = d;
		return 0;
	}
	return walk_enter(w, d);
}

/* A component in the middle of the path, symlinks included. */
static int step_middle(struct walk *w, const struct qname *q, enum last_type type)
{
	struct dentry *link = NULL;
	const char *after = w->rest;
	bool jumped;
	int err;

	if (type == LAST_DOTDOT)
		return step_dotdot(w);
	if (type == LAST_DOT)
		return 0;
	err = step_name(w, q, &link);
	if (err || !link)
		return err;
	err = follow_link(w, link, &jumped);
	dput(link);
	if (err || jumped)
		return err;
	if (w->depth == WALK_MAX_LINKS)
		return -ELOOP;
	w->outer[w->depth++] = after;
	return 0;
}

static int must_be_dir(const struct walk *w)
{
	const struct inode *inode = w->path.dentry->inode;

	if (!inode)
		return -ENOENT;
	return S_ISDIR(inode->mode) ? 0 : -ENOTDIR;
}

static enum last_type component_type(const struct qname *q)
{
	if (q->len <= 2 && is_dots(q->name, q->len))
		return q->len == 1 ? LAST_DOT : LAST_DOTDOT;
	return LAST_NORM;
}

/* The string being walked is used up: go on behind the symlink it came from. */
static void pop_string(struct walk *w)
{
	while (!*w->rest && w->depth) {
		w->rest = w->outer[--w->depth];
		while (*w->rest == '/')
			w->rest++;
	}
}

static int walk_components(struct walk *w, bool whole)
{
	const char *s;
	struct qname q;
	int err;

	for (;;) {
		while (*w->rest == '/')
			w->rest++;
		pop_string(w);
		if (!*w->rest) {	/* only slashes, or the shortcut took it all */
			w->last_type = LAST_ROOT;
			return 0;
		}
		err = must_be_dir(w);
		if (!err)
			err = may_search(w);
		if (err)
			return err;
		if (w->path.dentry->inode->ops->revalidate_path) {
			err = shortcut(w, whole);
			if (err < 0)
				return err;
			if (err)
				continue;
		}
		q.name = w->rest;
		q.len = scan_component(q.name, &q.hash);
		s = q.name + q.len;
		w->trailing_slash = *s == '/';
		while (*s == '/')
			s++;
		if (!*s && !w->depth) {
			w->last = q;
			w->last_type = component_type(&q);
			w->rest = s;
			return 0;
		}
		w->rest = s;
		err = step_middle(w, &q, component_type(&q));
		if (err)
			return err;
	}
}

int walk_parent(struct walk *w)
{
	return walk_components(w, false);
}

/* Steps over the last component; a symlink there is returned in *link: we stayed before it. */
static int step_last(struct walk *w, struct dentry **link)
{
	*link = NULL;
	switch (w->last_type) {
	case LAST_NORM:
		return step_name(w, &w->last, link);
	case LAST_DOTDOT:
		return step_dotdot(w);
	default:
		return 0;
	}
}

int walk_follow_last(struct walk *w, struct dentry *link)
{
	bool jumped;
	int err = may_follow_link(w->path.dentry->inode, link->inode);

	if (!err)
		err = follow_link(w, link, &jumped);
	if (!err && jumped) {
		w->last_type = LAST_ROOT;	/* nothing left to do */
		w->rest = "";
	} else if (!err) {
		bool slash = w->trailing_slash;

		err = walk_components(w, false);
		w->trailing_slash |= slash;
	}
	return err;
}

int walk_last(struct walk *w)
{
	struct dentry *link;
	int err;

	for (;;) {
		if (w->trailing_slash)
			w->flags |= LOOKUP_FOLLOW | LOOKUP_DIRECTORY;
		err = step_last(w, &link);
		if (err)
			return err;
		if (!link)
			break;
		if (!(w->flags & LOOKUP_FOLLOW)) {
			err = walk_enter(w, link);
			break;
		}
		err = walk_follow_last(w, link);
		dput(link);
		if (err)
			return err;
	}
	if (!err && (w->flags & LOOKUP_DIRECTORY))
		err = must_be_dir(w);
	return err;
}

/*
 * The whole path by the cache, last component included. The shortcut may have ended on a negative
 * dentry or on a symlink: then the last component is given back to the ordinary steps.
 */
static int walk_whole(struct walk *w)
{
	struct dentry *d, *link;
	int err = walk_components(w, true);

	if (err || w->last_type != LAST_ROOT)
		return err ? err : walk_last(w);
	w->trailing_slash = false;	/* w->flags say the same; this is of an earlier component */
	d = w->path.dentry;
	if (!d->inode)
		return -ENOENT;
	if (S_ISLNK(d->inode->mode) && (w->flags & LOOKUP_FOLLOW)) {
		link = dget(d);
		set_path(w, w->path.mnt, link->parent);
		err = walk_follow_last(w, link);
		dput(link);
		return err ? err : walk_last(w);
	}
	return w->flags & LOOKUP_DIRECTORY ? must_be_dir(w) : 0;
}

int path_lookup(int dirfd, const char *name, u32 flags, struct path *out)
{
	struct walk w;
	int err = walk_start(&w, dirfd, name, flags);
	size_t len;

	if (!err) {
		len = strlen(name);
		w.trailing_slash = len && name[len - 1] == '/';
		if (w.trailing_slash)
			w.flags |= LOOKUP_DIRECTORY | LOOKUP_FOLLOW;
		err = walk_whole(&w);
	}
	if (!err) {
		*out = w.path;
		w.path.mnt = NULL;
		w.path.dentry = NULL;
	}
	walk_end(&w);
	return err;
}

int path_parent(int dirfd, const char *name, u32 flags, struct path *parent, const char **last,
		enum last_type *type, bool *trailing_slash)
{
	struct walk w;
	char *copy;
	int err = walk_start(&w, dirfd, name, flags);

	if (!err)
		err = walk_parent(&w);
	if (err)
		goto out;
	*last = w.last_type == LAST_ROOT ? "/" : w.last.name;
	if (w.last_type != LAST_ROOT && w.trailing_slash) {
		copy = arena_alloc(w.last.len + 1);
		if (!copy) {
			err = -ENOMEM;
			goto out;
		}
		memcpy(copy, w.last.name, w.last.len);
		copy[w.last.len] = 0;
		*last = copy;
	}
	*type = w.last_type;
	*trailing_slash = w.trailing_slash;
	*parent = w.path;
	w.path.mnt = NULL;
	w.path.dentry = NULL;
out:
	walk_end(&w);
	return err;
}
