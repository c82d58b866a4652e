/* SPDX-License-Identifier: MIT */
/*
 * The engine of procfs: inodes from entries, directories from tables, files from show functions.
 *
 * Directory positions: 0 and 1 are the dots, then the table, then the names of proc_dir.
 */
#include "fs/procfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "core/cred.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "mm/iter.h"

#define WRITE_MAX 65536
#define DT(mode) (((mode) & S_IFMT) >> 12)

/* ---- files ---- */

struct proc_file {
	struct mutex lock;
	struct seq_buf text;
	bool made;
};

int proc_open_check(struct inode *inode, struct file *f)
{
	const struct proc_node *n = PN(inode);

	if (n->e->ptrace && n->task && !proc_may_trace(n->task))
		return -EACCES;
	return 0;
}

static int file_open(struct inode *inode, struct file *f)
{
	struct proc_file *pf;
	int err = proc_open_check(inode, f);

	if (err)
		return err;
	pf = kzalloc(sizeof(*pf));
	if (!pf)
		return -ENOMEM;
	mutex_init(&pf->lock, "proc.file", RANK_FILE + 1);
	f->private = pf;
	return 0;
}

static void file_release(struct file *f)
{
	struct proc_file *pf = f->private;

	seq_free(&pf->text);
	kfree(pf);
}

static int make_text(struct proc_file *pf, struct proc_node *n)
{
	int err;

	pf->text.len = 0;
	pf->made = false;
	if (!n->e->show)
		return -EINVAL;
	err = n->e->show(&pf->text, n);
	if (!err && pf->text.overflow) {
		seq_free(&pf->text);
		memset(&pf->text, 0, sizeof(pf->text));
		err = -ENOMEM;
	}
	pf->made = !err;
	return err;
}

static ssize file_read(struct file *f, struct iter *to, off64 *pos)
{
	struct proc_file *pf = f->private;
	ssize ret = 0;
	size_t at, n;

	mutex_lock(&pf->lock);
	if (*pos == 0 || !pf->made)
		ret = make_text(pf, PN(f->inode));
	if (!ret && (u64)*pos < pf->text.len) {
		at = (size_t)*pos;
		n = MIN(pf->text.len - at, to->count);
		ret = iter_copy_to(to, pf->text.buf + at, n);
		if (ret > 0)
			*pos += ret;
	}
	mutex_unlock(&pf->lock);
	return ret;
}

static ssize file_write(struct file *f, struct iter *from, off64 *pos)
{
	struct proc_node *n = PN(f->inode);
	size_t want = MIN(from->count, (size_t)WRITE_MAX);
	ssize got;
	char *text;
	int err;

	if (!n->e->write)
		return -EIO;
	text = kmalloc(want + 1);
	if (!text)
		return -ENOMEM;
	got = iter_copy_from(from, text, want);
	if (got >= 0) {
		text[got] = 0;
		err = n->e->write(n, text, (size_t)got);
		if (err)
			got = err;
		else
			*pos += got;
	}
	kfree(text);
	return got;
}

static off64 file_llseek(struct file *f, off64 off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

const struct file_ops proc_file_ops = {
	.open = file_open,
	.release = file_release,
	.read = file_read,
	.write = file_write,
	.llseek = file_llseek,
};

/* ---- inodes ---- */

u64 proc_ino(const struct proc_entry *e, int tid, int fd)
{
	u64 h = (u64)(uintptr_t)e;

	if (e == &proc_root)
		return 1;
	h = (h ^ (u64)tid) * 0x9e3779b97f4a7c15ULL;
	h = (h ^ (u64)(u32)fd ^ h >> 29) * 0xbf58476d1ce4e5b9ULL;
	return (h >> 32) | 0x10000;
}

/* Files of a process are its user's, unless it is not dumpable: then root's. */
static void set_owner(struct inode *inode)
{
	const struct task *t = PN(inode)->task;

	inode->uid = inode->gid = 0;
	if (!t || !t->cred)
		return;
	if (inode->mode == (S_IFDIR | 0555) || !t->proc || t->proc->dumpable == 1) {
		inode->uid = t->cred->euid;
		inode->gid = t->cred->egid;
	}
}

static int node_getattr(struct inode *inode, struct kstat *st)
{
	set_owner(inode);
	*st = (struct kstat){
		.ino = inode->ino, .mode = inode->mode, .nlink = inode->nlink, .size = inode->size,
		.uid = inode->uid, .gid = inode->gid, .dev = inode->sb->dev, .blksize = 1024,
		.atime = inode->atime, .mtime = inode->mtime, .ctime = inode->ctime,
	};
	return 0;
}

static int node_setattr(struct inode *inode, const struct iattr *a)
{
	/* As Linux: no chmod; a truncation on open is ignored. */
	if (a->valid & ATTR_MODE)
		return -EPERM;
	if (a->valid & (ATTR_UID | ATTR_GID))
		return -EPERM;
	return 0;
}

static int node_permission(struct inode *inode, u32 mask)
{
	set_owner(inode);
	return generic_permission(inode, mask);
}

static void node_evict(struct inode *inode)
{
	struct proc_node *n = PN(inode);

	if (n->task)
		task_put(n->task);
	kfree(n);
}

static ssize node_readlink(struct inode *inode, char *buf, size_t size)
{
	return PN(inode)->e->readlink(PN(inode), buf, size);
}

static int node_follow(struct inode *inode, struct path *out)
{
	const struct proc_node *n = PN(inode);

	if (n->task && !proc_may_trace(n->task))
		return -EACCES;
	return n->e->follow(PN(inode), out);
}

/* ---- directories ---- */

static unsigned int table_len(const struct proc_entry *table)
{
	unsigned int n = 0;

	while (table && table[n].name)
		n++;
	return n;
}

static const struct proc_entry *table_find(const struct proc_entry *table, const char *name)
{
	for (; table && table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

static int dir_lookup(struct inode *dir, struct dentry *d, struct inode **out)
{
	const struct proc_node *dn = PN(dir);
	struct proc_node n = { .e = table_find(dn->e->sub, d->name), .task = dn->task };
	int err = 0;

	*out = NULL;
	if (n.task && !proc_task_alive(n.task))
		return 0;
	if (n.e) {
		n.fd = dn->fd;
		if (n.task)
			task_get(n.task);
	} else {
		err = dn->e->dir ? dn->e->dir->find(dn, d->name, &n) : -ENOENT;
	}
	if (!err)
		err = proc_make_inode(dir->sb, &n, out);
	return err == -ENOENT ? 0 : err;
}

/* Names of processes and descriptors come and go; what a table says stays. */
static int dir_revalidate(struct inode *dir, struct dentry *d)
{
	const struct proc_node *n = d->inode ? PN(d->inode) : NULL;

	if (!n)
		return 0;
	if (n->task && !proc_task_alive(n->task))
		return 0;
	if (PN(dir)->e->dir && PN(dir)->e->dir->valid && n->task)
		return PN(dir)->e->dir->valid(n);
	return 1;
}

bool proc_emit(struct proc_emit *em, const char *name, u64 ino, u32 mode, off64 next)
{
	struct dir_ctx *ctx = em->ctx;

	if (!ctx->actor(ctx, name, strlen(name), ino, DT(mode), next))
		return false;
	ctx->pos = next;
	return true;
}

static int dir_readdir(struct file *f, struct dir_ctx *ctx)
{
	const struct proc_node *n = PN(f->inode);
	struct proc_emit em = { ctx, n };
	unsigned int len = table_len(n->e->sub);
	const struct inode *up = f->path.dentry->parent->inode;
	int tid = n->task ? n->task->tid : 0;

	if (n->task && !proc_task_alive(n->task))
		return -ENOENT;
	if (ctx->pos == 0 && !proc_emit(&em, ".", f->inode->ino, S_IFDIR, 1))
		return 0;
	if (ctx->pos == 1 && !proc_emit(&em, "..", up ? up->ino : 1, S_IFDIR, 2))
		return 0;
	while (ctx->pos >= 2 && ctx->pos < 2 + len) {
		const struct proc_entry *e = &n->e->sub[ctx->pos - 2];

		if (!proc_emit(&em, e->name, proc_ino(e, tid, 0), e->mode, ctx->pos + 1))
			return 0;
	}
	return n->e->dir ? n->e->dir->list(n, &em) : 0;
}

static int dir_open(struct inode *inode, struct file *f)
{
	return proc_open_check(inode, f);
}

static const struct file_ops proc_dir_fops = {
	.open = dir_open,
	.readdir = dir_readdir,
	.llseek = file_llseek,
};

#define NODE_OPS .getattr = node_getattr, .setattr = node_setattr, .evict = node_evict

static const struct inode_ops proc_file_iops = {
	NODE_OPS,
	.permission = node_permission,
};

static const struct inode_ops proc_link_ops = {
	NODE_OPS,
	.readlink = node_readlink,
};

static const struct inode_ops proc_magic_ops = {
	NODE_OPS,
	.readlink = node_readlink,
	.follow = node_follow,
};

/* Below directories of no task nothing ever changes: the cache need not ask. */
static const struct inode_ops proc_table_ops = {
	NODE_OPS,
	.lookup = dir_lookup,
};

static const struct inode_ops proc_dir_ops = {
	NODE_OPS,
	.lookup = dir_lookup,
	.revalidate = dir_revalidate,
	.permission = node_permission,
};

static void set_ops(struct inode *inode, const struct proc_node *n)
{
	if (S_ISDIR(inode->mode)) {
		inode->ops = n->task || n->e->dir ? &proc_dir_ops : &proc_table_ops;
		inode->fops = &proc_dir_fops;
		inode->nlink = 2;
	} else if (S_ISLNK(inode->mode)) {
		inode->ops = n->e->follow ? &proc_magic_ops : &proc_link_ops;
		inode->size = n->e->follow ? 64 : 0;
	} else {
		inode->ops = &proc_file_iops;
		inode->fops = n->e->fops ? n->e->fops : &proc_file_ops;
	}
}

int proc_make_inode(struct super *sb, const struct proc_node *n, struct inode **out)
{
	struct proc_node *copy = kmalloc(sizeof(*copy));
	struct inode *inode = copy ? inode_new(sb, n->e->mode) : NULL;

	if (!inode) {
		kfree(copy);
		if (n->task)
			task_put(n->task);
		return -ENOMEM;
	}
	*copy = *n;
	inode->private = copy;
	inode->ino = proc_ino(n->e, n->task ? n->task->tid : 0, n->fd);
	set_ops(inode, n);
	set_owner(inode);
	*out = inode;
	return 0;
}
