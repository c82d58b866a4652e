/* SPDX-License-Identifier: MIT */
/*
 * From a (mount, dentry) back to a name. The text is built from the end of the buffer. Nothing
 * here blocks, so nothing moves meanwhile.
 */
#include "vfs/vfs.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/limits.h"
#include "vfs/dcache.h"

struct text {
	char *start, *at;
};

static int prepend(struct text *t, const char *s, size_t len)
{
	if ((size_t)(t->at - t->start) < len)
		return -ENAMETOOLONG;
	t->at -= len;
	memcpy(t->at, s, len);
	return 0;
}

/* 0: reached root; 1: ended somewhere else; negative errno. */
static int prepend_path(struct text *t, const struct path *p, const struct path *root)
{
	const struct mount *m = p->mnt;
	const struct dentry *d = p->dentry;
	const char *end = t->at;
	int lost = 0;

	while (d != root->dentry || m != root->mnt) {
		if (d == m->root) {
			if (m->parent == m) {
				lost = 1;
				break;
			}
			d = m->mountpoint;
			m = m->parent;
			continue;
		}
		if (d->parent == d) {
			lost = 1;
			break;
		}
		if (prepend(t, d->name, d->len) || prepend(t, "/", 1))
			return -ENAMETOOLONG;
		d = d->parent;
	}
	if (t->at == end && prepend(t, "/", 1))
		return -ENAMETOOLONG;
	return lost;
}

static int text_start(struct text *t, char *buf, size_t n, const struct path *p)
{
	t->start = buf;
	t->at = buf + n;
	if (prepend(t, "", 1))
		return -ENAMETOOLONG;
	return d_unlinked(p->dentry) ? prepend(t, " (deleted)", 10) : 0;
}

int d_path_root(const struct path *p, const struct path *root, char *buf, size_t n, char **out)
{
	struct text t;
	int rc = text_start(&t, buf, n, p);

	if (!rc)
		rc = prepend_path(&t, p, root);
	if (rc < 0)
		return rc;
	*out = t.at;
	return 0;
}

int d_path(const struct path *p, char *buf, size_t n, char **out)
{
	return d_path_root(p, &fs_ctx_current()->root, buf, n, out);
}

ssize vfs_getcwd(char *buf, size_t n)
{
	struct fs_ctx *fs = fs_ctx_current();
	struct text t = { buf, buf + n };
	size_t len;
	int rc;

	if (d_unlinked(fs->cwd.dentry))
		return -ENOENT;
	if (prepend(&t, "", 1))
		return -ERANGE;
	rc = prepend_path(&t, &fs->cwd, &fs->root);
	if (rc > 0)
		rc = prepend(&t, "(unreachable)", 13);
	if (rc < 0)
		return n >= PATH_MAX ? -ENAMETOOLONG : -ERANGE;
	len = (size_t)(buf + n - t.at);
	memmove(buf, t.at, len);
	return (ssize)len;
}
