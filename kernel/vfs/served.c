/* SPDX-License-Identifier: MIT */
/*
 * Open files that a guest process serves itself (guest/fds.c): which, from when on, until when.
 *
 * A file is served through one number of one descriptor table, after a few calls on it have come here: those
 * that are opened, read once and closed are not worth it. What a call must do besides moving bytes stays here, so
 * a file with set-id bits or watches is not served, nor is one of a table that two address spaces use.
 *
 * The file position goes along when nobody else has the file. Then it stands in the guest process's table
 * (f->pos_at, pos_fd), and every use of it here takes it from there: file_pos_begin().
 */
#include "vfs/file.h"

#include "abi/stat.h"
#include "abi/errno.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "vfs/vfs.h"

#define USES_MIN 3			/* calls before it is worth an exchange */
#define USES_DEVICE 1			/* costs nothing */
#define STATS_MIN 3
#define SERVED_MANY ~0U
#define LARGE (64UL << 10)		/* bytes: counts twice */

static LIST_HEAD(tables);		/* struct files.served_node: those with served */

/* --- positions --- */

int file_pos_begin(struct file *f)
{
	u64 pos;
	int err;

	if (likely(!f->pos_at))
		return 0;
	f->pos_locked = f->pos_at;
	err = guest_fds_lock_pos(f->pos_at, f->pos_fd, &pos);
	if (err)
		f->pos_locked = NULL;
	else if (f->pos_at == f->pos_locked)	/* not withdrawn meanwhile */
		f->pos = (off64)pos;
	return err;
}

void file_pos_end(struct file *f)
{
	if (likely(!f->pos_locked))
		return;
	guest_fds_unlock_pos(f->pos_locked, f->pos_fd, (u64)f->pos);
	f->pos_locked = NULL;
}

off64 file_pos(const struct file *f)
{
	return likely(!f->pos_at) ? f->pos : (off64)guest_fds_peek_pos(f->pos_at, f->pos_fd);
}

void file_pos_set(struct file *f, off64 pos)
{
	mutex_lock(&f->pos_lock);
	if (!file_pos_begin(f)) {
		f->pos = pos;
		file_pos_end(f);
	}
	mutex_unlock(&f->pos_lock);
}

/* While a call here has it (pos_locked), f->pos is what counts, and stays that. */
static void withdraw(struct file *f, bool force)
{
	u64 pos;

	if (!f->pos_at || guest_fds_withdraw_pos(f->pos_at, f->pos_fd, force || f->pos_locked, &pos))
		return;
	if (!f->pos_locked)
		f->pos = (off64)pos;
	f->pos_at = NULL;
}

static void publish(struct guest_fds *t, int fd, struct file *f)
{
	/* The table's reference and the call's: nobody else has it. */
	if (f->pos_at || f->pos_locked || ref_read(&f->ref) != 2 || !f->inode || !S_ISREG(f->inode->mode))
		return;
	if (guest_fds_publish_pos(t, fd, (u64)f->pos))
		return;
	f->pos_at = t;
	f->pos_fd = fd;
}

void served_shared(struct file *f)
{
	if (unlikely(f->pos_at))
		withdraw(f, false);
}

/* --- giving and taking --- */

static bool watched(const struct file *f)
{
	const struct inode *dir = f->path.dentry && f->path.dentry->parent ? f->path.dentry->parent->inode : NULL;

	return f->inode->inotify || (dir && (dir->inotify || dir->dnotify));
}

static bool may_serve(struct file *f, struct file_serve *s)
{
	if (!f->ops->serve || !f->inode || watched(f) || f->mode & FMODE_PATH)
		return false;
	if (f->mode & FMODE_WRITE && f->inode->mode & (S_ISUID | S_ISGID))
		return false;
	return f->ops->serve(f, s);
}

/* One more process reads or writes inode by itself, and may have done so for ever: a process can keep what it was given. */
static u32 new_id(struct inode *inode)
{
	static u32 last;

	if (++last == SERVED_MANY)
		last = 1;
	inode->served_id = inode->served_id ? SERVED_MANY : last;
	inode_changed(inode);
	return last;
}

static void give(struct files *fs, int fd, struct file *f)
{
	struct guest_fds *t = fs->served;
	struct uthread *ut = current->ut;
	struct file_serve s;
	struct guest_fd g;

	if (!may_serve(f, &s)) {
		f->uses = 0;		/* ask again later */
		return;
	}
	if (s.kind == SERVE_FILE && guest_fds_place(t, ut, fd, s.hostfd))
		return;
	/* It may have been closed, and watched, meanwhile. */
	if (fs->file[fd] != f || watched(f)) {
		guest_fds_take(t, ut, fd);
		return;
	}
	g.id = s.kind == SERVE_FILE ? new_id(f->inode) : 0;
	g.kind = (enum guest_fd_kind)s.kind;
	g.read = f->mode & FMODE_READ;
	g.write = f->mode & FMODE_WRITE && s.write_limit;
	g.limit = s.write_limit;
	guest_fds_give(t, fd, &g);
}

/* The table of current's space, if its descriptors can be served. */
static struct guest_fds *table_of(struct files *fs)
{
	struct uthread *ut = current->ut;

	if (fs->never_served || !ut)
		return NULL;
	if (fs->served && !guest_fds_serve(fs->served, ut))
		served_end(fs);		/* exec: a space of its own now */
	if (!fs->served) {
		fs->served = guest_fds_new(ut, fs);
		if (fs->served)
			list_add(&fs->served_node, &tables);
	}
	return fs->served;
}

static bool worth_it(const struct file *f)
{
	return f->uses >= (f->inode && S_ISREG(f->inode->mode) ? USES_MIN : USES_DEVICE);
}

/* By what was moved, not by what was asked for: who reads a small file to its end has a large buffer, too. */
void file_used(struct file *f, ssize moved)
{
	if (f->uses < USES_MIN)
		f->uses = (u8)(f->uses + (moved >= (ssize)LARGE ? 2 : 1));
}

/* The file may have grown since. */
static void renew_limit(struct guest_fds *t, int fd, struct file *f)
{
	struct file_serve s;

	if (f->ops->serve(f, &s) && current->files->served == t && current->files->file[fd] == f)
		guest_fds_limit(t, fd, s.write_limit);
}

void fd_serve(int fd, struct file *f)
{
	struct files *fs = current->files;
	struct guest_fds *t;

	if (!f->ops->serve || fd >= GUEST_FDS || !worth_it(f))
		return;
	t = table_of(fs);
	if (t && !guest_fds_given(t, fd))
		give(fs, fd, f);
	else if (t && f->mode & FMODE_WRITE)
		renew_limit(t, fd, f);
	t = fs->served;
	if (t && guest_fds_given(t, fd) && fs->file[fd] == f)
		publish(t, fd, f);
}

/* --- attributes --- */

bool fd_may_show(int fd, struct file *f, u32 *moves)
{
	const struct inode *i = f->inode;
	struct guest_fds *t;

	if (!i || !i->ops->settled || fd >= GUEST_FDS || ++f->stats < STATS_MIN)
		return false;
	f->stats = 0;
	t = table_of(current->files);
	if (!t || current->files->file[fd] != f)
		return false;
	*moves = guest_fds_moves(t, fd);
	return true;
}

static struct guest_time time_of(struct ts_k t)
{
	return (struct guest_time){ t.sec, t.nsec };
}

void fd_show(int fd, struct file *f, const struct kstat *st, u32 moves)
{
	const struct guest_stat g = {
		.mode = st->mode, .nlink = st->nlink, .uid = st->uid, .gid = st->gid, .dev = st->dev,
		.rdev = st->rdev, .blksize = st->blksize, .ino = st->ino, .size = st->size,
		.blocks = st->blocks, .atime = time_of(st->atime), .mtime = time_of(st->mtime),
		.ctime = time_of(st->ctime),
	};
	struct guest_fds *t = current->files->served;
	struct inode *i = f->inode;

	if (!t || !i->ops->settled(i, i->served_id && i->served_id != guest_fds_id(t, fd)))
		return;
	guest_fds_show(t, fd, &g, moves);
	i->shown = true;
}

void served_hide(struct inode *i)
{
	struct files *fs;

	i->shown = false;
	list_for_each(fs, &tables, served_node)
		for (int fd = 0; fd < fs->max && fd < GUEST_FDS; fd++)
			if (fs->file[fd] && fs->file[fd]->inode == i)
				guest_fds_hide(fs->served, fd);
}

/* --- the end --- */

static void take_pos(const struct files *fs, int fd, struct file *f)
{
	if (f->pos_at == fs->served && f->pos_fd == fd)
		withdraw(f, true);
}

void served_gone(struct files *fs, int fd, struct file *f)
{
	if (likely(!fs->served) || fd >= GUEST_FDS)
		return;
	guest_fds_hide(fs->served, fd);
	if (!guest_fds_given(fs->served, fd))
		return;
	take_pos(fs, fd, f);
	guest_fds_take(fs->served, current->exiting ? NULL : current->ut, fd);
}

void served_end(struct files *fs)
{
	struct guest_fds *t = fs->served;

	if (!t)
		return;
	for (int fd = 0; fd < fs->max && fd < GUEST_FDS; fd++)
		if (fs->file[fd])
			take_pos(fs, fd, fs->file[fd]);
	list_del_init(&fs->served_node);
	fs->served = NULL;
	guest_fds_end(t, current->ut);
}

void files_never_serve(struct files *fs)
{
	fs->never_served = true;
	served_end(fs);
}

static void revoke(struct files *fs, const struct inode *inode)
{
	for (int fd = 0; fd < fs->max && fd < GUEST_FDS; fd++) {
		struct file *f = fs->file[fd];
		const struct dentry *d = f ? f->path.dentry : NULL;

		if (!f || !guest_fds_given(fs->served, fd) ||
		    (f->inode != inode && !(d && d->parent && d->parent->inode == inode)))
			continue;
		take_pos(fs, fd, f);
		guest_fds_mute(fs->served, fd);
	}
}

void served_revoke(struct inode *inode)
{
	struct files *fs;

	list_for_each(fs, &tables, served_node)
		revoke(fs, inode);
}

void served_limit(const struct inode *inode, u64 limit)
{
	struct files *fs;

	list_for_each(fs, &tables, served_node) {
		for (int fd = 0; fd < fs->max && fd < GUEST_FDS; fd++)
			if (fs->file[fd] && fs->file[fd]->inode == inode && guest_fds_given(fs->served, fd))
				guest_fds_limit(fs->served, fd, limit);
	}
}
