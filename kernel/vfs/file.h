/* SPDX-License-Identifier: MIT */
/*
 * What the files of vfs/ share among themselves about open files; everybody else uses vfs.h.
 */
#ifndef VFS_FILE_H
#define VFS_FILE_H

#include "vfs/types.h"

/* A bare file: ops, flags, mode and credentials set, no inode. NULL: no memory. Never blocks. */
struct file *file_alloc(const struct file_ops *ops, u32 flags);
/* Frees a file without calling release. May block. */
void file_free(struct file *f);

/* A regular file was opened (1) or is closed (-1): keeps the counts of its inode and mount. nb */
void file_count(struct file *f, int delta);

/* epoll.c: the file goes away, take it out of every set. Never blocks. */
void epoll_file_gone(struct file *f);

/* A descriptor table (fdtable.c). */
struct files {
	struct refcount ref;
	int max;			/* size of the arrays, multiple of 64 */
	int next;			/* no number below this one is free */
	struct file **file;
	u64 *used, *cloexec;		/* bitmaps */
	struct guest_fds *served;	/* served.c: what the guest process serves by itself; NULL */
	bool never_served;
	struct list_head served_node;
};

/* served.c: number fd of fs does not mean f any more. May block. */
void served_gone(struct files *fs, int fd, struct file *f);
void served_shared(struct file *f);		/* f has one more owner. nb */
void served_end(struct files *fs);		/* nothing of fs is served any more. May block */
void served_revoke(struct inode *inode);	/* no file of inode, or in it, is served any more. nb */

/* fcntl.c */
void fasync_free(struct file *f);
void file_set_owner(struct file *f, int type, int pid);	/* F_OWNER_*; nb */
void file_send_sigio(struct file *f, int fd, u32 events);	/* to the owner, as F_SETSIG says; nb */

/* fdtable.c: the lowest descriptor of f, -1 none. Never blocks. */
int files_fd_of(struct files *fs, const struct file *f);

/* lease.c: the commands; an open or truncation that must wait for holders (may block, -EWOULDBLOCK); the end of f. */
int lease_set(struct file *f, u64 type);
int lease_get(struct file *f);
int lease_break(struct inode *inode, u32 open_flags);
void lease_free(struct file *f);		/* nb */

/* dnotify.c: F_NOTIFY; an event (IN_*) in dir; the end of f. nb */
int dnotify_set(struct file *f, u32 mask);
void dnotify_event(struct inode *dir, u32 mask, u32 cookie);
void dnotify_free(struct file *f);
extern unsigned int dnotify_count;		/* registrations there are */

/* memfd.c: F_ADD_SEALS and F_GET_SEALS; -EINVAL when f is not a memfd. */
long memfd_fcntl(struct file *f, u32 cmd, u64 arg);

/* pipe.c: F_SETPIPE_SZ and F_GETPIPE_SZ; -EBADF when f is not a pipe. May block. */
long pipe_fcntl(struct file *f, u32 cmd, u64 arg);

#endif
