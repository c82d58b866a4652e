/* SPDX-License-Identifier: MIT */
/*
 * Directory notification (F_NOTIFY): a signal when something happens in an open directory. The old
 * brother of inotify, which feeds it.
 */
#include "vfs/vfs.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "vfs/file.h"

struct dnotify {
	struct dnotify *next;		/* of the same directory */
	struct file *file;		/* borrowed */
	int fd;
	u32 mask;			/* DN_* */
};

unsigned int dnotify_count;

static struct dnotify **slot_of(struct file *f)
{
	struct dnotify **d = (struct dnotify **)&f->inode->dnotify;

	while (*d && (*d)->file != f)
		d = &(*d)->next;
	return d;
}

void dnotify_free(struct file *f)
{
	struct dnotify **slot = slot_of(f), *d = *slot;

	if (!d)
		return;
	*slot = d->next;
	dnotify_count--;
	kfree(d);
}

int dnotify_set(struct file *f, u32 mask)
{
	struct dnotify **slot, *d;

	if (!f->inode || !S_ISDIR(f->inode->mode))
		return -ENOTDIR;
	if (!(mask & ~DN_MULTISHOT)) {
		dnotify_free(f);
		return 0;
	}
	slot = slot_of(f);
	d = *slot;
	if (!d) {
		d = kzalloc(sizeof(*d));
		if (!d)
			return -ENOMEM;
		d->file = f;
		*slot = d;
		dnotify_count++;
		served_revoke(f->inode);
	}
	d->fd = files_fd_of(current->files, f);
	d->mask |= mask;
	file_set_owner(f, F_OWNER_PID, current->proc->tgid);
	return 0;
}

/* What an event is called here. A rename inside one directory comes as two events with one cookie. */
static u32 dn_mask(struct inode *dir, u32 mask, u32 cookie)
{
	static struct inode *from_dir;
	static u32 from_cookie;
	u32 dn = 0;

	if (mask & IN_ACCESS)
		dn |= DN_ACCESS;
	if (mask & IN_MODIFY)
		dn |= DN_MODIFY;
	if (mask & IN_ATTRIB)
		dn |= DN_ATTRIB;
	if (mask & (IN_CREATE | IN_MOVED_TO))
		dn |= DN_CREATE;
	if (mask & (IN_DELETE | IN_MOVED_FROM))
		dn |= DN_DELETE;
	if ((mask & IN_MOVED_TO) && from_dir == dir && from_cookie == cookie)
		dn |= DN_RENAME;
	if (mask & IN_MOVED_FROM) {
		from_dir = dir;		/* compared only */
		from_cookie = cookie;
	}
	return dn;
}

void dnotify_event(struct inode *dir, u32 mask, u32 cookie)
{
	struct dnotify *d, *next;
	u32 dn = dn_mask(dir, mask, cookie);

	for (d = dir->dnotify; d; d = next) {
		next = d->next;
		if (!(d->mask & dn))
			continue;
		file_send_sigio(d->file, d->fd, EPOLLMSG);
		if (!(d->mask & DN_MULTISHOT))
			d->mask &= ~dn;
		if (!d->mask)
			dnotify_free(d->file);
	}
}
