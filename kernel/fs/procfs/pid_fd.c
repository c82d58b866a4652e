/* SPDX-License-Identifier: MIT */
/*
 * What a task holds: fd/, fdinfo/, cwd, root, exe, ns/, and its threads (task/). The links lead to the object
 * itself, not to whatever their text names now.
 */
#include "fs/procfs/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/limits.h"
#include "abi/sched.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "mm/mm.h"
#include "mm/user.h"

static ssize copy_text(const char *text, char *buf, size_t size)
{
	size_t len = MIN(strlen(text), size);

	memcpy(buf, text, len);
	return (ssize)len;
}

static ssize path_text(const struct path *p, char *buf, size_t size)
{
	char *page = kmalloc(PATH_MAX), *text;
	ssize ret;

	if (!page)
		return -ENOMEM;
	ret = d_path(p, page, PATH_MAX, &text);
	if (!ret)
		ret = copy_text(text, buf, size);
	kfree(page);
	return ret;
}

static ssize file_text(struct file *f, char *buf, size_t size)
{
	char *page = kmalloc(PATH_MAX), *text;
	ssize ret;

	if (!page)
		return -ENOMEM;
	ret = file_name(f, page, PATH_MAX, &text);
	if (!ret)
		ret = copy_text(text, buf, size);
	kfree(page);
	return ret;
}

/* ---- cwd, root, exe ---- */

static int get_fs_path(const struct proc_node *n, bool root, struct path *out)
{
	struct fs_ctx *fs = n->task->fs;

	if (!fs)
		return -ENOENT;
	*out = root ? fs->root : fs->cwd;
	path_get(out);
	return 0;
}

static ssize fs_readlink(const struct proc_node *n, bool root, char *buf, size_t size)
{
	struct path p;
	ssize ret;

	if (!proc_may_trace(n->task))
		return -EACCES;
	ret = get_fs_path(n, root, &p);
	if (!ret) {
		ret = path_text(&p, buf, size);
		path_put(&p);
	}
	return ret;
}

ssize proc_cwd_readlink(struct proc_node *n, char *buf, size_t size)
{
	return fs_readlink(n, false, buf, size);
}

int proc_cwd_follow(struct proc_node *n, struct path *out)
{
	return get_fs_path(n, false, out);
}

ssize proc_root_link_readlink(struct proc_node *n, char *buf, size_t size)
{
	return fs_readlink(n, true, buf, size);
}

int proc_root_link_follow(struct proc_node *n, struct path *out)
{
	return get_fs_path(n, true, out);
}

static struct file *get_exe(const struct proc_node *n)
{
	return n->task->mm && n->task->mm->exe ? fget_ref(n->task->mm->exe) : NULL;
}

ssize proc_exe_readlink(struct proc_node *n, char *buf, size_t size)
{
	struct file *f;
	ssize ret;

	if (!proc_may_trace(n->task))
		return -EACCES;
	f = get_exe(n);
	if (!f)
		return -ENOENT;
	ret = file_text(f, buf, size);
	fput(f);
	return ret;
}

static int file_path(struct file *f, struct path *out)
{
	if (!f->path.dentry)
		return -ENXIO;
	*out = f->path;
	path_get(out);
	return 0;
}

int proc_exe_follow(struct proc_node *n, struct path *out)
{
	struct file *f = get_exe(n);
	int err;

	if (!f)
		return -ENOENT;
	err = file_path(f, out);
	fput(f);
	return err;
}

/* ---- fd, fdinfo ---- */

static struct file *node_file(const struct proc_node *n)
{
	return n->task->files ? files_get_file(n->task->files, n->fd) : NULL;
}

static ssize fd_readlink(struct proc_node *n, char *buf, size_t size)
{
	struct file *f;
	ssize ret;

	if (!proc_may_trace(n->task))
		return -EACCES;
	f = node_file(n);
	if (!f)
		return -ENOENT;
	ret = file_text(f, buf, size);
	fput(f);
	return ret;
}

static int fd_follow(struct proc_node *n, struct path *out)
{
	struct file *f = node_file(n);
	int err;

	if (!f)
		return -ENOENT;
	err = file_path(f, out);
	fput(f);
	return err;
}

static int fdinfo_show(struct seq_buf *s, struct proc_node *n)
{
	struct file *f = node_file(n);
	u32 flags;

	if (!f)
		return -ENOENT;
	flags = f->flags | (f->mode & FMODE_PATH ? O_PATH : 0);
	/* Another task's descriptor flags are not to be had. */
	if (current && n->task->files == current->files && fd_get_flags(n->fd) > 0)
		flags |= O_CLOEXEC;
	seq_printf(s, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%lu\n", file_pos(f), flags,
		   f->path.mnt ? f->path.mnt->id : 0, f->inode ? f->inode->ino : 0);
	if (f->ops->fdinfo)
		f->ops->fdinfo(f, s);
	fput(f);
	return 0;
}

/* A link's mode tells how the file is open: one entry for each. */
#define FD_LINK(m) { .name = "N", .mode = S_IFLNK | (m), .readlink = fd_readlink, \
		     .follow = fd_follow }
static const struct proc_entry fd_entries[4] = {
	FD_LINK(0000), FD_LINK(0500), FD_LINK(0300), FD_LINK(0700),
};
static const struct proc_entry fdinfo_entry = PROC_FILE("N", 0400, fdinfo_show);

static const struct proc_entry *fd_entry_of(const struct file *f)
{
	return &fd_entries[f->mode & (FMODE_READ | FMODE_WRITE)];
}

/* The file may be closed while we look at its mode: nothing here blocks, but its reference must go. */
static int find_fd(const struct proc_node *dir, const char *name, struct proc_node *n)
{
	struct file *f;

	n->fd = proc_parse_id(name);
	n->task = dir->task;
	f = n->fd >= 0 ? node_file(n) : NULL;
	if (!f)
		return -ENOENT;
	n->e = fd_entry_of(f);
	task_get(n->task);
	fput(f);
	return 0;
}

static int find_fdinfo(const struct proc_node *dir, const char *name, struct proc_node *n)
{
	int err = find_fd(dir, name, n);

	n->e = &fdinfo_entry;
	return err;
}

static int list_fds(const struct proc_node *dir, struct proc_emit *em)
{
	const struct task *t = dir->task;
	const struct proc_entry *e;
	char name[16];
	int fd;

	if (!proc_may_trace(t))
		return -EACCES;
	fd = (int)em->ctx->pos - 2;
	while (t->files && (fd = files_next_fd(t->files, fd)) >= 0) {
		e = dir->e->dir == &proc_fd_dir ? &fd_entries[3] : &fdinfo_entry;
		snprintf(name, sizeof(name), "%d", fd);
		if (!proc_emit(em, name, proc_ino(e, t->tid, fd), e->mode, fd + 3))
			break;
		fd++;
	}
	return 0;
}

static bool fd_valid(const struct proc_node *n)
{
	struct file *f = node_file(n);
	bool ok = f && (n->e == &fdinfo_entry || n->e == fd_entry_of(f));

	fput(f);
	return ok;
}

const struct proc_dir proc_fd_dir = { find_fd, list_fds, fd_valid };
const struct proc_dir proc_fdinfo_dir = { find_fdinfo, list_fds, fd_valid };

/* ---- task ---- */

static int find_thread(const struct proc_node *dir, const char *name, struct proc_node *n)
{
	int tid = proc_parse_id(name);
	struct task *t = tid > 0 ? find_task(tid) : NULL;

	if (!t || t->proc != dir->task->proc)
		return -ENOENT;
	n->e = &tid_entry;
	n->task = task_get(t);
	return 0;
}

/* Positions are ranks: threads come last in the list and go from anywhere. */
static int list_threads(const struct proc_node *dir, struct proc_emit *em)
{
	struct task *t;
	off64 at = 2;
	char name[16];

	list_for_each(t, &dir->task->proc->threads, thread_node) {
		if (at++ < em->ctx->pos)
			continue;
		snprintf(name, sizeof(name), "%d", t->tid);
		if (!proc_emit(em, name, proc_ino(&tid_entry, t->tid, 0), S_IFDIR, at))
			break;
	}
	return 0;
}

const struct proc_dir proc_task_dir = { find_thread, list_threads, NULL };

/* ---- ns ---- */

struct ns_name {
	const char *name;
	u32 ino;
	u32 type;		/* CLONE_NEW* */
};

#define NS_USER 6
/* Mount namespaces have numbers of their own. */
#define NS_MNT_FIRST 0xf0000000u
#define NS_GET_MNTNS_ID_K _IOR(NSIO, 0x5, u64)	/* newer than the headers of Debian 12 */
#define NS_MNT_COUNT (1u << 28)

/* The numbers that Linux gives to the first namespaces. */
static const struct ns_name ns_names[] = {
	{ "cgroup", 0xeffffffb, CLONE_NEWCGROUP }, { "ipc", 0xefffffff, CLONE_NEWIPC },
	{ "mnt", 0xeffffff8, CLONE_NEWNS }, { "net", 0xeffffff9, CLONE_NEWNET },
	{ "pid", 0xeffffffc, CLONE_NEWPID }, { "time", 0xeffffffa, CLONE_NEWTIME },
	{ "user", 0xeffffffd, CLONE_NEWUSER }, { "uts", 0xeffffffe, CLONE_NEWUTS },
};

static u32 ns_ino(const struct proc_node *n, const struct ns_name *ns)
{
	/* Mount namespaces are the only ones that there can be several of. */
	if (!strcmp(ns->name, "mnt") && n->task->fs && n->task->fs->ns)
		return NS_MNT_FIRST + (u32)(n->task->fs->ns->id & (NS_MNT_COUNT - 1));
	return ns->ino;
}

static ssize ns_readlink(struct proc_node *n, char *buf, size_t size)
{
	const struct ns_name *ns = n->e->data;
	char text[32];

	if (!proc_may_trace(n->task))
		return -EACCES;
	snprintf(text, sizeof(text), "%s:[%u]", ns->name,
		 ns_ino(n, ns));
	return copy_text(text, buf, size);
}

/* A namespace file: it names the namespace; there is only the first of each kind, so none has a parent. */
static int ns_file_name(struct file *f, char *buf, size_t n)
{
	const struct ns_name *ns = f->inode->private;

	return snprintf(buf, n, "%s:[%lu]", ns->name, f->inode->ino);
}

static long ns_ioctl(struct file *f, u32 cmd, u64 arg);

static const struct file_ops ns_fops = {
	.llseek = file_noseek,
	.name = ns_file_name,
	.ioctl = ns_ioctl,
};

static int make_ns_file(const struct ns_name *ns, u32 ino, struct file **out)
{
	struct super *sb = anon_super("nsfs");
	struct inode *inode = sb ? inode_new(sb, S_IFREG | 0444) : NULL;
	int err;

	if (!inode)
		return -ENOMEM;
	inode->ino = ino;
	inode->uid = inode->gid = 0;
	inode->fops = &ns_fops;
	inode->private = (void *)ns;
	err = anon_inode_file(inode, &ns_fops, NULL, O_RDONLY, out);
	if (err)
		iput(inode);
	return err;
}

static long open_user_ns(void)
{
	const struct ns_name *user = &ns_names[NS_USER];
	struct file *f;
	int fd, err = make_ns_file(user, user->ino, &f);

	if (err)
		return err;
	fd = fd_add(f, O_CLOEXEC);
	if (fd < 0)
		fput(f);
	return fd;
}

static long ns_ioctl(struct file *f, u32 cmd, u64 arg)
{
	const struct ns_name *ns = f->inode->private;
	u32 uid = 0;

	switch (cmd) {
	case NS_GET_NSTYPE:
		return ns->type;
	case NS_GET_MNTNS_ID_K:
		return ns->type == CLONE_NEWNS ? put_user((u64)(f->inode->ino - NS_MNT_FIRST), arg)
					       : -EINVAL;
	case NS_GET_PARENT:
		return ns->type & (CLONE_NEWPID | CLONE_NEWUSER) ? -EPERM : -EINVAL;
	case NS_GET_USERNS:
		return ns->type == CLONE_NEWUSER ? -EPERM : open_user_ns();
	case NS_GET_OWNER_UID:
		return ns->type == CLONE_NEWUSER ? put_user(uid, arg) : -EINVAL;
	default:
		return -ENOTTY;
	}
}

static int ns_follow(struct proc_node *n, struct path *out)
{
	struct file *f;
	int err = make_ns_file(n->e->data, ns_ino(n, n->e->data), &f);

	if (err)
		return err;
	err = file_path(f, out);
	fput(f);
	return err;
}

#define NS(i, n) { .name = n, .mode = S_IFLNK | 0777, .readlink = ns_readlink, \
		   .follow = ns_follow, .data = (void *)&ns_names[i] }
const struct proc_entry ns_table[] = {
	NS(0, "cgroup"), NS(1, "ipc"), NS(2, "mnt"), NS(3, "net"), NS(4, "pid"),
	NS(4, "pid_for_children"), NS(5, "time"), NS(5, "time_for_children"), NS(6, "user"),
	NS(7, "uts"),
	PROC_END
};
