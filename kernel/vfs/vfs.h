/* SPDX-License-Identifier: MIT */
/*
 * VFS functions: paths, files, descriptors, mounts. Ownership words as in HACKING.md. Unless
 * marked *nb* (never blocks) a function may block. Paths are kernel strings. "current" supplies root, cwd, credentials, umask.
 */
#ifndef VFS_VFS_H
#define VFS_VFS_H

#include "vfs/types.h"

/* --- walking (path.c) --- */
enum {
	LOOKUP_FOLLOW = 1,		/* follow a symlink at the end */
	LOOKUP_DIRECTORY = 2,		/* must be a directory */
	LOOKUP_EMPTY = 4,		/* "" names the start itself (AT_EMPTY_PATH) */
	LOOKUP_NO_XDEV = 8, LOOKUP_BENEATH = 16, LOOKUP_IN_ROOT = 32,	/* openat2 */
	LOOKUP_NO_SYMLINKS = 64, LOOKUP_NO_MAGICLINKS = 128,
	LOOKUP_NO_AUTOMOUNT_UNUSED = 256,
};
/* dirfd: AT_FDCWD or a descriptor. *out gets references: path_put() them. */
int path_lookup(int dirfd, const char *name, u32 flags, struct path *out) __must_check;
/* Everything but the last component: *parent, and *last (in the call's arena; "." ".." or "/" possible: type tells). */
enum last_type { LAST_NORM, LAST_ROOT, LAST_DOT, LAST_DOTDOT };
int path_parent(int dirfd, const char *name, u32 flags, struct path *parent, const char **last,
		enum last_type *type, bool *trailing_slash) __must_check;
struct path *path_get(struct path *p);		/* takes another pair of references; nb */
void path_put(struct path *p);
/* Absolute name as seen from the current root into buf; returns its start inside buf. -ENAMETOOLONG. "(unreachable)" and " (deleted)" as Linux. nb */
int d_path(const struct path *p, char *buf, size_t n, char **out);
int d_path_root(const struct path *p, const struct path *root, char *buf, size_t n, char **out);
/* getcwd(2): length with the NUL; -ENOENT: was removed, -ERANGE. Starts with "(unreachable)" outside the root. nb */
ssize vfs_getcwd(char *buf, size_t n);
int inode_permission(struct inode *inode, u32 mask);
int generic_permission(struct inode *inode, u32 mask);	/* the default of inode_ops.permission */
bool inode_owner_or_capable(const struct inode *inode);	/* owner or CAP_FOWNER; nb */
int mnt_want_write(const struct mount *m);		/* -EROFS; nb */
void mnt_count_writers(struct mount *m, int n);		/* files open for writing come (1) and go (-1); m may be NULL; nb */
/* Reading happened: relatime and friends. No call to the file system is made; nb */
void touch_atime(const struct path *p);
void file_accessed(struct file *f);

/* --- dentries and inodes (dentry.c, inode.c) --- */
struct dentry *dget(struct dentry *d);			/* nb */
void dput(struct dentry *d);
struct dentry *d_make_root(struct super *sb, struct inode *root);	/* takes root; NULL: no memory. nb */
/* One name in a directory: from the cache or the file system. *out holds a reference, inode NULL if it does not exist. */
int lookup_one(struct dentry *dir, const char *name, size_t len, struct dentry **out) __must_check;
/* Inside inode_ops the VFS instantiates what create & co. return: file systems need the d_* functions seldom. */
void d_instantiate(struct dentry *d, struct inode *inode);	/* takes inode; nb */
void d_drop(struct dentry *d);				/* forget the name; nb */
void d_delete(struct dentry *d);			/* it was unlinked; nb */
void d_move(struct dentry *d, struct dentry *newdir, struct dentry *target);	/* after rename; nb */
void d_invalidate_tree(struct dentry *d);
struct inode *inode_new(struct super *sb, u32 mode);	/* returns a reference, ref 1, times now, uid/gid from current fs ids; nb */
struct inode *iget(struct inode *i);			/* nb */
void iput(struct inode *i);
/*
 * Owner and mode of a new object in dir: fs ids of current, group and set-group-ID bit inherited from a
 * set-group-ID directory. For create, mkdir, ... of file systems; nb
 */
void inode_init_owner(struct inode *i, const struct inode *dir, u32 mode);
void inode_init_special(struct inode *i, u32 mode, u32 rdev);	/* sets fops for devices, FIFOs, sockets; nb */
void inode_set_now(struct inode *i, u32 attr);		/* ATTR_ATIME|ATTR_MTIME: also ctime; nb */
void served_hide(struct inode *i);			/* of inode_changed(); nb */
/* An attribute is another one now, by whatever else than the functions here. nb */
static inline void inode_changed(struct inode *i)
{
	if (unlikely(i->shown))
		served_hide(i);
}
struct ts_k current_ts(void);				/* nb */
struct ts_k inode_time(const struct inode *i, struct ts_k t);	/* t as i's file system can keep it; nb */
u64 anon_ino(void);					/* fresh inode number; nb */
u32 anon_dev(void);					/* fresh device number 0:N; nb */
int super_remount(struct super *sb, u32 flags, const char *data);
struct super *super_alloc(const struct fs_type *t, const struct super_ops *ops, u32 flags);	/* ref 1; nb */
void super_put(struct super *sb);
int vfs_getattr(const struct path *p, struct kstat *st);
int inode_getattr(struct inode *i, struct kstat *st);
void inode_apply_attr(struct inode *i, const struct iattr *a);	/* the default of setattr: fields and times; nb */
int notify_change(const struct path *p, const struct iattr *a);	/* checks rights (chmod, chown rules), clears suid */

/* --- operations by path: the bodies of the system calls, all checks included (namei.c) --- */
int vfs_open(int dirfd, const char *name, u32 flags, u32 mode, u32 lookup_flags, struct file **out) __must_check;
int vfs_mkdir(int dirfd, const char *name, u32 mode);
int vfs_mknod(int dirfd, const char *name, u32 mode, u32 rdev);
int vfs_symlink(const char *target, int dirfd, const char *name);
int vfs_link(int olddirfd, const char *old, int newdirfd, const char *name, int flags);
int vfs_unlink(int dirfd, const char *name);
int vfs_rmdir(int dirfd, const char *name);
int vfs_rename(int odirfd, const char *o, int ndirfd, const char *n, u32 flags);
ssize vfs_readlink(const struct path *p, char *buf, size_t n);

/* --- extended attributes: the system calls' bodies (xattr.c). n 0 asks for the length. --- */
ssize vfs_getxattr(const struct path *p, const char *name, void *buf, size_t n);
int vfs_setxattr(const struct path *p, const char *name, const void *val, size_t n, int flags);
int vfs_removexattr(const struct path *p, const char *name);
ssize vfs_listxattr(const struct path *p, char *buf, size_t n);
/* Attributes kept in memory, for file systems without a store of their own. Zeroed list: empty. nb */
struct xattr_list {
	struct xattr_entry *first;
};
ssize xattr_list_get(const struct xattr_list *l, const char *name, void *buf, size_t n);
int xattr_list_set(struct xattr_list *l, const char *name, const void *val, size_t n, int flags);
int xattr_list_remove(struct xattr_list *l, const char *name);
ssize xattr_list_names(const struct xattr_list *l, char *buf, size_t n);
void xattr_list_free(struct xattr_list *l);

/* --- open files (file.c, rw.c) --- */
struct file *fget_ref(struct file *f);			/* nb; returns a reference */
void fput(struct file *f);				/* takes */
/* Without a name: eventfd, pipe, socket, ... takes nothing; f->private = priv. name (static) shown as "anon_inode:NAME": "[eventfd]". */
int anon_file(const char *name, const struct file_ops *ops, void *priv, u32 flags, struct file **out) __must_check;
int file_open_path(const struct path *p, u32 flags, struct file **out) __must_check;	/* dentry_open: rights checked */
/* The same when the caller has checked rights already (a file it just created; exec). */
int file_open_checked(const struct path *p, u32 flags, struct file **out) __must_check;
ssize vfs_read(struct file *f, struct iter *to, off64 *pos);	/* pos NULL: f->pos under its lock */
ssize vfs_write(struct file *f, struct iter *from, off64 *pos);
/* A change by someone unprivileged takes set-user-ID and set-group-ID away. 0 or errno. May block. */
int file_remove_privs(struct file *f);
/* preadv2, pwritev2: RWF_* flags; pos as above */
ssize vfs_read_flags(struct file *f, struct iter *to, off64 *pos, int rwf);
ssize vfs_write_flags(struct file *f, struct iter *from, off64 *pos, int rwf);
ssize kernel_read(struct file *f, void *buf, size_t n, off64 pos);	/* all of it or up to EOF */
ssize kernel_write(struct file *f, const void *buf, size_t n, off64 pos);
/* What readlink("/proc/PID/fd/N") shows, into buf; *out: its start. */
int file_name(struct file *f, char *buf, size_t n, char **out);
/*
 * The position of f for a while, under pos_lock (which the caller holds): it is f->pos until file_pos_end(). 0, -EINTR.
 * Blocks. file_pos(): where it is just now; nb.
 */
int file_pos_begin(struct file *f) __must_check;
void file_pos_end(struct file *f);
off64 file_pos(const struct file *f);
void file_pos_set(struct file *f, off64 pos);		/* blocks */
off64 vfs_llseek(struct file *f, off64 off, int whence);
off64 file_noseek(struct file *f, off64 off, int whence);
off64 file_seek_null(struct file *f, off64 off, int whence);
off64 generic_llseek(struct file *f, off64 off, int whence);
int vfs_truncate(const struct path *p, u64 size, struct file *f);
/* RLIMIT_FSIZE: 0, or SIGXFSZ is sent and -EFBIG. nb */
int vfs_may_grow(const struct inode *inode, u64 size);
/*
 * fcntl (fcntl.c): every command that concerns the open file: F_GETFL, F_SETFL, owner and signal, leases,
 * pipe size, seals, hints. Not: F_DUPFD*, F_GETFD, F_SETFD, F_GETLK... (the caller's). Guest structs are
 * copied here. f may be O_PATH only for F_GETFL. -EINVAL: unknown command.
 */
long file_fcntl(struct file *f, u32 cmd, u64 arg);
int file_set_flags(struct file *f, u32 flags);		/* F_SETFL, FIONBIO, FIOASYNC */
/* FIONBIO, FIOASYNC, FIONREAD of regular files, ... after ops->ioctl. -ENOTTY */
long file_ioctl(struct file *f, u32 cmd, u64 arg);	/* the whole of ioctl(2) but FIOCLEX, FIONCLEX */

/* --- descriptor tables (fdtable.c); of current unless said --- */
struct files;
struct files *files_new(void);
struct files *files_get(struct files *fs);
struct files *files_dup(struct files *fs);		/* fork: NULL no memory */
void files_put(struct files *fs);			/* takes; last one closes all */
void files_close_on_exec(struct files *fs);
int fd_alloc(int min, u32 flags /* O_CLOEXEC */);	/* reserves; -EMFILE. nb */
void fd_install(int fd, struct file *f);		/* takes; nb */
void fd_cancel(int fd);					/* undo fd_alloc; nb */
int fd_add(struct file *f, u32 flags);			/* alloc and install: takes f on success only; nb */
int fd_add_pair(struct file *f[2], u32 flags, uaddr_t ufds);	/* both numbers to guest int[2]; takes f always */
int fd_close(int fd);
int fd_close_range(u32 first, u32 last, u32 flags);	/* close_range(2) */
int files_unshare(void);				/* current gets a table of its own: exec, unshare */
void files_exit(void);					/* current drops its table */
struct file *fd_get(int fd);				/* returns a reference, NULL: EBADF (O_PATH files too: NULL) ; nb */
struct file *fd_get_path(int fd);			/* also O_PATH files */
int fd_dup2(int oldfd, int newfd, u32 flags);
int fd_get_flags(int fd);				/* FD_CLOEXEC or -EBADF */
int fd_set_flags(int fd, int cloexec);
struct file *files_get_file(struct files *fs, int fd);	/* of another task: for /proc; returns a reference */
int files_next_fd(struct files *fs, int from);		/* next used descriptor >= from, -1 none */
int files_max(struct files *fs);
/*
 * A call of current on fd, which is f, begins here: when there were enough of them, the guest process is to serve it.
 * May block. file_used(): a call has moved so many bytes, or none. nb
 */
void fd_serve(int fd, struct file *f);
void file_used(struct file *f, ssize moved);
/*
 * The same for fstat: true when the process may be told the answer, which is got without blocking and then given to
 * fd_show(), together with *moves. May block; fd_show: nb.
 */
bool fd_may_show(int fd, struct file *f, u32 *moves);
void fd_show(int fd, struct file *f, const struct kstat *st, u32 moves);
void served_limit(const struct inode *inode, u64 limit);	/* of file_serve, for all that is served of inode. nb */
void files_never_serve(struct files *fs);		/* two address spaces use it. May block */

/* --- cwd, root, umask (fsctx.c) --- */
struct fs_ctx {
	struct refcount ref;
	struct path root, cwd;
	u32 umask;
	struct mount_ns *ns;
};
struct fs_ctx *fs_ctx_new(struct mount_ns *ns, const struct path *root);
struct fs_ctx *fs_ctx_get(struct fs_ctx *c);
struct fs_ctx *fs_ctx_dup(const struct fs_ctx *c);
void fs_ctx_put(struct fs_ctx *c);
/* Of the current task; while there is none (boot), the one set by fs_ctx_set_boot(). Returns borrowed, NULL. nb */
struct fs_ctx *fs_ctx_current(void);
void fs_ctx_set_boot(struct fs_ctx *c);			/* borrows; NULL ends it */
/* Replace cwd or root of c by p (takes new references); no checks. May block. */
void fs_ctx_set_cwd(struct fs_ctx *c, const struct path *p);
void fs_ctx_set_root(struct fs_ctx *c, const struct path *p);
int vfs_chdir(const struct path *p);			/* chdir, fchdir: ENOTDIR and EACCES checked */

/* --- mounts (mount.c) --- */
const struct fs_type *fs_type_find(const char *name);
void fs_types_set(const struct fs_type *const *table);	/* NULL terminated, static: from fs/table.c */
const struct fs_type *const *fs_types(void);
int vfs_kern_mount(const struct fs_type *t, const char *source, u32 flags, const char *data, struct mount **out);
int vfs_mount(const char *source, const char *target, const char *type, u64 flags, const char *data);	/* mount(2) */
int vfs_umount(const char *target, int flags);
int vfs_pivot_root(const char *newroot, const char *putold);
int vfs_chroot(const char *path);
struct mount_ns *mount_ns_new(struct mount *root);
struct mount_ns *mount_ns_get(struct mount_ns *ns);
void mount_ns_put(struct mount_ns *ns);
/* CLONE_NEWNS: a copy of fs->ns with every mount; fs (not shared) moves into it. */
int mount_ns_unshare(struct fs_ctx *fs);
int vfs_statfs(const struct path *p, struct statfs_k *st);
struct super *super_find(u32 dev);		/* by st_dev: a reference, NULL. nb */
void vfs_sync_all(void);
void vfs_emergency_remount(void);		/* whatever is stored somewhere becomes read-only; nb */
struct mount *mount_find_id(struct mount_ns *ns, int id);	/* returns borrowed. nb */
/* One line of /proc/PID/mounts, mountinfo; nothing is written when m is not below root. nb */
void mount_show(struct seq_buf *s, const struct mount *m, const struct path *root);
void mount_show_info(struct seq_buf *s, const struct mount *m, const struct path *root);
void mount_show_stats(struct seq_buf *s, const struct mount *m, const struct path *root);
void mntget(struct mount *m);
void mntput(struct mount *m);

/* --- polling (poll.c) --- */
struct poll_table {
	void (*queue)(struct poll_table *pt, struct file *f, struct wait_queue *wq);	/* NULL: only ask */
	u32 key;
};
static inline void poll_wait(struct file *f, struct wait_queue *wq, struct poll_table *pt)
{
	if (pt && pt->queue)
		pt->queue(pt, f, wq);
}
u32 vfs_poll(struct file *f, struct poll_table *pt);

/* --- advisory locks (flock.c) --- */
struct flock;
int vfs_flock(struct file *f, int op);
int vfs_fcntl_lock(struct file *f, int cmd, struct flock *fl);	/* F_GETLK, SETLK, SETLKW and OFD forms; kernel copy */
void locks_remove_posix(struct file *f, struct files *owner);	/* at close */
void locks_remove_file(struct file *f);				/* last fput */

/* --- inotify hooks (inotify.c): called by the VFS after events --- */
void notify_event(struct inode *dir, const char *name, struct inode *inode, u32 mask, u32 cookie);
void notify_file(struct file *f, u32 mask);		/* open, access, modify, close of an open file; nb */
void notify_dentry(struct dentry *d, u32 mask);		/* the same by dentry: IN_ATTRIB, ...; nb */
/* An inode without links lost its last dentry: IN_DELETE_SELF, IN_IGNORED. Called by dentry.c. */
void notify_inode_gone(struct inode *inode);
u32 notify_cookie(void);				/* ties IN_MOVED_FROM to IN_MOVED_TO; nb */

/* --- devices by number (devnode.c) --- */
int dev_register_chr(u32 major, u32 minor, u32 count, const char *name, const struct file_ops *ops);
const struct file_ops *dev_find_chr(u32 rdev);			/* NULL: ENXIO. nb */
const char *dev_chr_name(u32 major);				/* /proc/devices */
/* Operations of all block special files: the block layer's, set once at start. NULL: ENXIO. */
extern const struct file_ops *dev_block_ops;
/* The i-th registered range, in order of registration; false: no more. nb */
bool dev_chr_range(unsigned int i, u32 *major, u32 *minor, u32 *count, const char **name);

/* --- other kinds of files that live in vfs --- */
int pipe_create(struct file *out[2], u32 flags);
/* A file over an inode of its own in an internal mount (pipe, memfd, socket): f->path is set, so that /proc/PID/fd/N
 * can be opened again. Takes inode on success only. */
int anon_inode_file(struct inode *inode, const struct file_ops *ops, void *priv, u32 flags, struct file **out);
struct super *anon_super(const char *fsname);		/* "pipefs", "sockfs", "tmpfs": borrowed; NULL no memory */
extern const struct file_ops fifo_ops;

/* Growing text, for /proc and fdinfo. */
struct seq_buf {
	char *buf;
	size_t len, cap;
	bool overflow;		/* no memory */
};
void seq_printf(struct seq_buf *s, const char *fmt, ...) __printf(2, 3);
void seq_puts(struct seq_buf *s, const char *str);
void seq_putc(struct seq_buf *s, char c);
void seq_escape(struct seq_buf *s, const char *str, const char *esc);	/* octal, as in /proc/mounts */
void seq_free(struct seq_buf *s);

int vfs_init(void);

#endif
