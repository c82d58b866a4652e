/* SPDX-License-Identifier: MIT */
/*
 * VFS object types and their three ops tables. The model is Linux's: superblock, inode,
 * dentry, mount, file. A dentry cache serves all file systems; one that can change behind our back
 * (hostfs, proc) revalidates.
 *
 * Locking: kernel lock for all fields between blocking points; inode->lock (RANK_DIR for directories, RANK_INODE
 * for others) is held by the VFS over namespace changes in a directory (create, unlink, rename, ...) and
 * by file systems over data changes.
 */
#ifndef VFS_TYPES_H
#define VFS_TYPES_H

#include "core/lock.h"
#include "core/wait.h"
#include "lib/devnum.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "lib/types.h"

struct cred;
struct dentry;
struct file;
struct inode;
struct iter;
struct mount;
struct super;
struct path;
struct statfs_k;
struct poll_table;
struct backing;
struct pagecache;
struct seq_buf;
struct flock_ctx;
struct file_serve;
struct guest_fds;

struct ts_k {			/* a file time */
	s64 sec;
	u32 nsec;
};

struct kstat {
	u64 ino, size, blocks;	/* blocks of 512 bytes */
	u32 mode, nlink, uid, gid;
	u32 dev, rdev;		/* Linux's new_encode_dev(): makedev_k() */
	u32 blksize;
	struct ts_k atime, mtime, ctime, btime;
	bool has_btime;
	u32 dio_align;		/* of addresses and offsets with O_DIRECT, bytes; 0: not known */
	u64 attributes, attributes_mask;	/* STATX_ATTR_*, and which of them the file system knows */
};

/* What to change: ATTR_* bits. */
enum { ATTR_MODE = 1, ATTR_UID = 2, ATTR_GID = 4, ATTR_SIZE = 8, ATTR_ATIME = 16, ATTR_MTIME = 32,
       ATTR_ATIME_NOW = 64, ATTR_MTIME_NOW = 128, ATTR_OPEN = 256 /* O_TRUNC */ };
struct iattr {
	u32 valid;
	u32 mode, uid, gid;
	u64 size;
	struct ts_k atime, mtime;
	struct file *file;	/* ftruncate/fchmod: the open file, else NULL */
};

struct inode {
	struct refcount ref;
	struct super *sb;
	u64 ino;
	u32 mode, uid, gid, nlink;
	u32 rdev;
	u64 size, blocks;
	struct ts_k atime, mtime, ctime, btime;
	const struct inode_ops *ops;
	const struct file_ops *fops;	/* default for open(); devices and FIFOs replace it */
	struct mutex lock;
	void *private;			/* the file system's */
	struct list_head hash_node;	/* the file system's inode table, if it keeps one */
	struct pipe *fifo;		/* open FIFO's buffer */
	void *sock;			/* bound unix socket */
	struct flock_ctx *flock;	/* POSIX, OFD and flock locks; NULL until used */
	void *inotify;			/* marks; NULL until used */
	void *dnotify, *leases;		/* F_NOTIFY, F_SETLEASE; NULL until used */
	int opens;			/* open files of a regular inode */
	int writers;			/* open for write: ETXTBSY against exec (negative: being executed) */
	u32 fsflags;			/* FS_IMMUTABLE_FL, FS_APPEND_FL, ...: chattr, where the file system keeps them */
	bool shown;			/* guest processes have its attributes: inode_changed() */
	u32 served_id;			/* served.c: of the only giving of it, SERVED_MANY, or 0 */
	bool linkable;			/* O_TMPFILE: linkat() may give it its first name */
	bool dead;			/* a directory that was removed: nothing is created in it any more */
};

/* Flags of a file as FS_IOC_FSGETXATTR has them. */
struct fsx_k {
	u32 xflags;			/* FS_XFLAG_* */
	u32 projid;
};

/*
 * NULL means the default said. Paths into a file system are (directory inode, dentry with the name). Every op may
 * block. Permission was checked by the VFS unless the op says so.
 */
struct inode_ops {
	/* Find d->name in dir; on success *out is a new reference, or NULL: does not exist. Required for directories. */
	int (*lookup)(struct inode *dir, struct dentry *d, struct inode **out);
	int (*create)(struct inode *dir, struct dentry *d, u32 mode, struct inode **out);	/* EROFS */
	bool create_tells;		/* create gives -EEXIST when the name is there after all, and changes nothing then */
	int (*mkdir)(struct inode *dir, struct dentry *d, u32 mode, struct inode **out);	/* EPERM */
	int (*mknod)(struct inode *dir, struct dentry *d, u32 mode, u32 rdev, struct inode **out);	/* EPERM */
	int (*symlink)(struct inode *dir, struct dentry *d, const char *target, struct inode **out);	/* EPERM */
	int (*link)(struct inode *dir, struct dentry *d, struct inode *target);			/* EPERM */
	int (*unlink)(struct inode *dir, struct dentry *d, struct inode *victim);			/* EPERM */
	int (*rmdir)(struct inode *dir, struct dentry *d, struct inode *victim);			/* EPERM */
	/* flags: RENAME_NOREPLACE and RENAME_EXCHANGE; others were refused. target NULL when absent. */
	int (*rename)(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd, u32 flags); /* EPERM */
	int (*tmpfile)(struct inode *dir, u32 mode, struct inode **out);				/* EOPNOTSUPP */
	/* Length into buf (not terminated, cut at n). EINVAL. */
	ssize (*readlink)(struct inode *inode, char *buf, size_t n);
	/* Magic links (/proc/PID/exe, fd/N): sets a new path directly. NULL: readlink text is followed. */
	int (*follow)(struct inode *inode, struct path *out);
	/* Fresh attributes; default copies the inode's fields. */
	int (*getattr)(struct inode *inode, struct kstat *st);
	int (*setattr)(struct inode *inode, const struct iattr *a);		/* default changes the fields in memory */
	/*
	 * True when nothing that getattr shows can change any more without inode_changed(): guest processes may be told
	 * (served.c). What ends that calls it, too; but for being served, which the VFS knows. others: processes serve
	 * it that are not told. Default: never. nb
	 */
	bool (*settled)(struct inode *inode, bool others);
	/* Extra permission rule; default: mode bits, owner, groups, capabilities. mask: MAY_* */
	int (*permission)(struct inode *inode, u32 mask);
	/* Is what the cache says of d (in dir) still true? 1 yes, 0 no (looked up again), negative errno. Default yes. */
	int (*revalidate)(struct inode *dir, struct dentry *d);
	/* xattrs: names with prefix. -ENODATA, -EOPNOTSUPP by default. size 0 asks for the length. */
	ssize (*getxattr)(struct inode *inode, const char *name, void *buf, size_t n);
	int (*setxattr)(struct inode *inode, const char *name, const void *val, size_t n, int flags);
	int (*removexattr)(struct inode *inode, const char *name);
	ssize (*listxattr)(struct inode *inode, char *buf, size_t n);
	/* The caller has checked rights for set_fsx. -EOPNOTSUPP: flags that it does not have; by default all. */
	int (*get_fsx)(struct inode *inode, struct fsx_k *x);
	int (*set_fsx)(struct inode *inode, const struct fsx_k *x);
	/* Last reference gone: free private; delete data when nlink is 0. Optional. */
	void (*evict)(struct inode *inode);
	/*
	 * Several components at once. rel is a path of cached dentries without "." and "..", below dir. Says
	 * whether all of them are still what the cache says: 1, 0 (walk one by one), negative errno. Optional, a shortcut.
	 */
	int (*revalidate_path)(struct inode *dir, const char *rel, struct dentry *last);
	/*
	 * The same for a name that the cache does not know (known: it knows that there was none) in the last of those
	 * directories, parent: 1, there is nothing, and the way leads over directories only; 0, look yourself.
	 */
	int (*absent_path)(struct inode *dir, const char *rel, struct inode *parent, bool known);
};

enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4, MAY_APPEND = 8, MAY_OPEN = 16 };

/* One readdir step. false: stop, the buffer is full. off: position after this entry. */
struct dir_ctx {
	bool (*actor)(struct dir_ctx *ctx, const char *name, size_t len, u64 ino, u32 type /* DT_* */, off64 next);
	off64 pos;
};

struct file_ops {
	/* After allocation, before it is visible. Optional. */
	int (*open)(struct inode *inode, struct file *f);
	/* Last reference gone. Optional. */
	void (*release)(struct file *f);
	/* A descriptor of it was closed (POSIX locks, tty). Optional. */
	int (*flush)(struct file *f);
	/* *pos is the position, updated; -1 NULL-able for streams is not used: streams ignore it. EINVAL when NULL. */
	ssize (*read)(struct file *f, struct iter *to, off64 *pos);
	ssize (*write)(struct file *f, struct iter *from, off64 *pos);
	/* NULL: regular seek by inode size; file_noseek gives ESPIPE, file_seek_null gives 0. */
	off64 (*llseek)(struct file *f, off64 off, int whence);
	int (*readdir)(struct file *f, struct dir_ctx *ctx);			/* ENOTDIR */
	/* EPOLL* bits that are ready now; calls poll_wait() for each queue. NULL: always readable and writable. */
	u32 (*poll)(struct file *f, struct poll_table *pt);
	/* ENOTTY when NULL; -ENOIOCTLCMD (515) lets the VFS try its own. arg is the raw third argument. */
	long (*ioctl)(struct file *f, u32 cmd, u64 arg);
	/* Pages for mmap; prot and flags as asked. *out gets a reference; NULL with 0: anonymous memory (/dev/zero). ENODEV. */
	int (*mmap)(struct file *f, u32 prot, u32 flags, struct backing **out);
	int (*fsync)(struct file *f, bool datasync);				/* EINVAL */
	/* Its page cache, borrowed: for readahead, fadvise, sync_file_range. NULL: has none. nb */
	struct pagecache *(*cache)(struct file *f);
	/* Of devices: kstat.dio_align. Optional. nb */
	u32 (*dio_align)(const struct inode *inode);
	/* For files that are in memory and nowhere else: how many of pages [first, last] there are. nb */
	u64 (*in_memory)(struct file *f, u64 first, u64 last);
	int (*fallocate)(struct file *f, int mode, off64 off, off64 len);	/* EOPNOTSUPP */
	/* Text behind "/proc/PID/fd/N" for anonymous files, e.g. "pipe:[123]". Optional. */
	int (*name)(struct file *f, char *buf, size_t n);
	/* Lines for /proc/PID/fdinfo/N. Optional. */
	void (*fdinfo)(struct file *f, struct seq_buf *s);
	/* F_SETFL changed f->flags. Optional. */
	int (*setfl)(struct file *f, u32 newflags);
	/* May guest processes serve f by themselves (served.c)? True with *out filled in. Optional. May block. */
	bool (*serve)(struct file *f, struct file_serve *out);
	/* O_ASYNC owner etc. are kept by the VFS. Seekable and safe for pread/pwrite: */
	bool stream;			/* no position: pipes, sockets, ttys. pread gives ESPIPE */
};

enum serve_kind {
	SERVE_NULL = 1,			/* reads nothing, swallows everything */
	SERVE_ZERO,			/* reads zeros, swallows everything */
	SERVE_FILE,			/* a regular file: pread and pwrite on hostfd do what the file's ops do */
};
struct file_serve {
	enum serve_kind kind;
	int hostfd;			/* borrowed; with no more rights than f */
	u64 write_limit;		/* only writes before this offset are the host's: 0 none */
};

struct fs_type {
	const char *name;		/* as in mount -t */
	bool nodev;			/* for /proc/filesystems */
	bool readonly;			/* mounts and remounts are, whatever was asked */
	bool whiteouts;			/* rename can leave a whiteout: RENAME_WHITEOUT */
	/* Parse data (may be NULL), make a superblock with its root inode. May block. */
	int (*mount)(const struct fs_type *t, const char *source, u32 flags, const char *data, struct super **out);
	/* remount: NULL refuses changes of data */
	int (*remount)(struct super *sb, u32 flags, const char *data);
};

struct super_ops {
	int (*statfs)(struct super *sb, struct statfs_k *st);	/* required */
	void (*kill)(struct super *sb);				/* last reference; optional */
	int (*sync)(struct super *sb);				/* optional */
	void (*show_options)(struct super *sb, struct seq_buf *s);	/* ",mode=755": optional */
	/*
	 * File handles: what tells an inode from an earlier one of its number (default 0); and back from both: a
	 * reference, or -ESTALE. NULL: files are not found by number. by_number may block.
	 */
	u32 (*generation)(const struct inode *i);
	int (*by_number)(struct super *sb, u64 ino, u32 generation, struct inode **out);
	/* d is freed, or its inode goes away (unlinked): let d->private go. Called when set. Optional. */
	void (*d_release)(struct dentry *d);
	/* d is not used any more: true when its name is not to be kept. Optional. */
	bool (*drop_unused)(const struct dentry *d);
};

struct statfs_k {
	u64 type, bsize, blocks, bfree, bavail, files, ffree, frsize, namelen, fsid;
};

struct super {
	struct refcount ref;
	const struct fs_type *type;
	const struct super_ops *ops;
	struct dentry *root;		/* holds a reference */
	u32 dev;			/* anonymous: major 0 */
	u32 flags;			/* MS_RDONLY, ... */
	u32 time_unit;			/* nanoseconds that its times are multiples of; 0: 1 */
	bool no_cache;			/* negative dentries are not kept (names appear by themselves) */
	void *private;
	char *source;
	struct mutex rename_lock;	/* RANK_RENAME: moves of directories */
	struct list_head node;		/* all superblocks, in order of creation */
	int writers;			/* files open for writing: none may be for a remount to read-only */
	u64 ninodes;			/* live inodes: kill() waits for the last one */
	bool dying;
};

struct dentry {
	struct refcount ref;
	struct dentry *parent;		/* holds a reference; itself at a root */
	char *name;
	u32 hash, len;
	struct inode *inode;		/* NULL: negative */
	struct super *sb;
	struct list_head hash_node, children, sibling, lru_node;
	bool unhashed;			/* deleted or disconnected; a hashed one has a reference of the cache */
	bool on_lru, lru_used;
	int nmounts;			/* mounts on it: lookup checks the mount table */
	void *private;			/* the file system's (hostfs: its directory descriptor) */
};

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};

struct mount {
	struct refcount ref;
	struct super *sb;
	struct mount *parent;		/* itself at the root of a tree */
	struct dentry *mountpoint;	/* in parent */
	struct dentry *root;		/* of this mount: a subtree for bind mounts */
	u32 flags;			/* MNT_*: MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME... bits */
	int id;				/* /proc/PID/mountinfo: may come again after 2^31 mounts */
	u64 unique_id;			/* STATX_MNT_ID_UNIQUE: never comes again */
	struct mount_ns *ns;
	struct list_head ns_node, children, sibling;
	char *source;			/* as given: /proc/mounts */
	int peer_group;			/* shared: of this group; 0: it is not */
	struct list_head peers;		/* the ring of its group */
	struct mount *master;		/* slave: of this mount's group; borrowed */
	struct list_head slaves, slave_node;
	bool unbindable;
	struct mount *copy;		/* these three are propagate.c's, between blocking points */
	struct list_head reach, order;
	bool reached;
	int writers;			/* files open for writing through it */
	bool detached;			/* in no namespace (any more) */
	bool floating;			/* top of a tree that the file of an open_tree or fsmount holds */
	bool expiry_mark;		/* umount2(MNT_EXPIRE) */
};

struct mount_ns {
	struct refcount ref;
	u64 id;				/* never comes again */
	struct list_head node;		/* all namespaces */
	struct mount *root;
	struct list_head mounts;
	struct wait_queue poll;		/* /proc/mounts pollers */
	u64 event;
};

/* An open file description. */
struct file {
	struct refcount ref;
	struct path path;		/* references; dentry NULL for anonymous inodes (then inode is set) */
	struct inode *inode;		/* reference */
	const struct file_ops *ops;
	u32 flags;			/* O_* status flags and access mode */
	u32 mode;			/* FMODE_* */
	off64 pos;			/* where there is no pos_at: see file_pos() */
	struct mutex pos_lock;
	struct guest_fds *pos_at, *pos_locked;	/* served.c: the position is in a guest process's table */
	int pos_fd;			/* at this number there */
	u8 uses;			/* reads, writes and seeks so far, as far as that matters */
	u8 stats;			/* fstats, since it was last shown */
	struct cred *cred;		/* of the opener */
	void *private;
	struct list_head epoll_links;	/* epitems watching this file */
	struct {			/* F_SETOWN, F_SETSIG */
		int pid_type, pid, sig;
		u32 uid, euid;
	} owner;
	void *fasync;			/* fcntl.c: O_ASYNC registration */
	const char *anon_name;		/* of anon_file(): "[eventfd]"; static */
	u64 version;			/* FIFO: writers seen at open */
	u32 wb_err;			/* write-back errors seen: pagecache_err_sample() at open */
};
enum { FMODE_READ = 1, FMODE_WRITE = 2, FMODE_EXEC = 4, FMODE_PATH = 8, FMODE_NONOTIFY = 16,
       FMODE_CREATED = 32 /* made by this open: F_CREATED_QUERY */,
       FMODE_UNMOUNT = 64 /* ends a tree of mounts that is in no namespace: mount_file() */ };

#endif
