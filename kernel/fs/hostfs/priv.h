/* SPDX-License-Identifier: MIT */
/*
 * Inside hostfs.
 *
 * An inode is a host file, known by device, number and birth time; hard links share it. It remembers its
 * place, the directory and name where it was last seen, because the host takes names, not
 * inodes. Directories hold an O_PATH descriptor while there is room (dirfd.c). Names are resolved one
 * component at a time below such a descriptor, so nothing leads out of the mount: not "..", which the
 * VFS handles, not a symlink, which is never followed here, and not a change on the host meanwhile.
 *
 * Every host call drops the kernel lock (HOST()): what was read before must be read again.
 */
#ifndef FS_HOSTFS_PRIV_H
#define FS_HOSTFS_PRIV_H

#include "core/sched.h"
#include "core/time.h"
#include "host/path.h"
#include "lib/hash.h"
#include "vfs/types.h"

/* A host device below the mount, and the number under which the guest sees it. */
struct hostfs_dev {
	u64 dev;
	u32 guest_dev;
	bool hidden;
	bool overlay;			/* writing changes birth times there, maybe inode numbers */
};

struct hostfs_sb {
	int rootfd;
	char *path;			/* as given */
	bool append, ids;
	struct hostfs_dev *devs;	/* the first is the root's */
	unsigned int ndevs;
	struct hash_table inodes;	/* by host device and number: struct inode.hash_node */
};

/* The guest's view of owner and mode, kept in an xattr (ids.c). */
struct hostfs_ids {
	bool known;			/* read, for this ctime */
	bool set;			/* the file has the xattr */
	struct host_ts ctime;
	u32 mode, uid, gid, rdev;
};

struct hostfs_inode {
	struct inode *inode;
	u64 dev;
	struct host_ts btime;
	bool has_btime;
	bool hidden;			/* a file system of the host that must not be seen */
	bool overlay;
	bool missed;			/* a directory: the last name that was looked up in it was not there */
	u32 guest_dev;
	u32 h_mode, h_uid, h_gid;	/* as the host says */
	u32 blksize;
	struct hostfs_ids ids;

	struct inode *dir;		/* place: holds a reference; NULL: none known, or the root */
	char *name;

	int fd;				/* directories: O_PATH, -1 when dropped */
	unsigned int pins;
	struct list_head lru;		/* unpinned directories with fd >= 0 */

	int created;			/* descriptor of a file just created, for its open(); -1 */
	struct list_head files;		/* struct hostfs_file.node */
	u64 fresh;			/* call in which the attributes were read, see hostfs_stamp() */
	u64 opened;			/* sched_calls when an open() read them last, 0: they may have changed; */
	ktime_t opened_at;
};

struct backing;

struct hostfs_file {
	struct list_head node;
	unsigned int pins;		/* host calls on fd under way: hostfs_hold() */
	bool released;			/* to be freed with the last pin */
	int fd;
	u32 mode;			/* FMODE_* */
	struct backing *backing;	/* owns fd once it exists */
	/* readdir */
	char *buf;
	size_t len, at;
	off64 next;			/* position of buf[at] */
	int special;			/* types in the buffer may be wrong: -1 not asked yet */
};

/* A host call: other tasks run meanwhile. */
#define HOST(expr)                                                                                 \
	({                                                                                         \
		host_brief_begin();                                                                \
		__typeof__(expr) __h = (expr);                                                     \
		host_brief_end();                                                                  \
		__h;                                                                               \
	})

/* One that waits for a disk by its nature. */
#define HOST_LONG(expr)                                                                            \
	({                                                                                         \
		host_block_begin();                                                                \
		__typeof__(expr) __h = (expr);                                                     \
		host_block_end();                                                                  \
		__h;                                                                               \
	})

static inline struct hostfs_sb *HSB(const struct super *sb)
{
	return sb->private;
}
static inline struct hostfs_inode *HI(const struct inode *inode)
{
	return inode->private;
}

/* dirfd.c: the descriptor of a directory, pinned until hostfs_put_dirfd(). */
int hostfs_get_dirfd(struct inode *dir) __must_check;	/* or -errno */
void hostfs_put_dirfd(struct inode *dir);
void hostfs_drop_dirfd(struct inode *dir);		/* at evict */
/* The place of an inode: pins the directory. *name stays valid until hostfs_put_place(). */
struct hostfs_place {
	struct inode *dir;
	int fd;
	char *name;
};
int hostfs_get_place(struct inode *inode, struct hostfs_place *p) __must_check;
void hostfs_put_place(struct hostfs_place *p);
void hostfs_set_place(struct inode *inode, struct inode *dir, const char *name);
void hostfs_forget_place(struct inode *inode, struct inode *dir, const char *name);

/*
 * A descriptor of an open file of inode with all of mode (FMODE_*), which stays over host calls although the file may
 * be closed meanwhile. -ENOENT: there is none. Neither blocks.
 */
struct hostfs_held {
	int fd;
	struct hostfs_file *file;	/* NULL: fd is a copy */
};
int hostfs_hold(struct inode *inode, u32 mode, struct hostfs_held *h) __must_check;
void hostfs_unhold(struct hostfs_held *h);

/* inode.c */
/*
 * The inode of the file that st describes, found as name in dir. *out is a new reference. -ENOENT for what
 * must not be seen.
 */
int hostfs_iget(struct super *sb, struct host_stat *st, struct inode *dir, int dirfd,
		const char *name, struct inode **out) __must_check;
bool hostfs_same(const struct inode *inode, const struct host_stat *st);
/*
 * st is of the file that bears the inode's name, and not hostfs_same(): is it still that file, copied up by an
 * overlay? The inode follows it then.
 */
bool hostfs_copied_up(struct inode *inode, const struct host_stat *st);
/*
 * Takes over what the host says. With ids=xattr a name below dirfd, which may be -1, is asked for a stale xattr
 * and may block. 0: a different kind of file now.
 */
bool hostfs_refresh(struct inode *inode, const struct host_stat *st, int dirfd, const char *name);
int hostfs_reload(struct inode *inode);			/* asks the host */
struct hostfs_file *hostfs_any_file(struct inode *inode, u32 mode);
u64 hostfs_stamp(void);
void hostfs_opened(struct inode *inode, const struct host_stat *st);	/* attributes as an open() found them */
void hostfs_changed(struct inode *inode);	/* its attributes are to be asked for anew */
u64 hostfs_key(const struct list_head *node);
int hostfs_getattr(struct inode *inode, struct kstat *st);
int hostfs_permission(struct inode *inode, u32 mask);
void hostfs_evict(struct inode *inode);
int hostfs_find_dev(struct super *sb, u64 dev, int dirfd, const char *name, struct hostfs_dev *out);

/* ids.c: only with ids=xattr, but for hostfs_ids_stale() */
/* st, just read, is marked in a way that the ids known of inode do not cover. Does not block. */
bool hostfs_ids_stale(const struct inode *inode, const struct host_stat *st);
void hostfs_ids_load(struct inode *inode, const struct host_stat *st, int dirfd, const char *name);
void hostfs_ids_read(const struct host_stat *st, int dirfd, const char *name,
		     struct hostfs_ids *out);
/* Makes the file, which is as st says, mean ids. 1: st does not hold any more. -EPERM where the host cannot keep that. */
int hostfs_ids_store(int dirfd, const char *name, const struct host_stat *st,
		     const struct hostfs_ids *ids) __must_check;
/* p NULL: the inode has no name; only the inode changes then. */
int hostfs_ids_setattr(struct inode *inode, const struct iattr *a, const struct hostfs_place *p);
/* What a file that the calling task makes in dir is to be. */
void hostfs_ids_of_new(const struct inode *dir, u32 mode, u32 rdev, struct hostfs_ids *ids);
/* The host's mode for a file that the calling task makes with mode, type included. */
u32 hostfs_ids_host_mode(u32 mode);
/* The guest's view of an owner that is not kept in an xattr. */
u32 hostfs_ids_uid(u32 host_uid);
u32 hostfs_ids_gid(u32 host_gid);
void hostfs_ids_mark_special(int dirfd);
bool hostfs_ids_has_special(struct inode *dir);
bool hostfs_ids_is_private(const char *attr);

/* namei.c, file.c, readdir.c, setattr.c, xattr.c */
extern const struct inode_ops hostfs_dir_ops, hostfs_closed_dir_ops, hostfs_file_iops, hostfs_symlink_ops;
extern const struct file_ops hostfs_file_ops, hostfs_dir_fops;
int hostfs_open(struct inode *inode, struct file *f);
void hostfs_release(struct file *f);
void hostfs_file_free(struct hostfs_file *hf);		/* closes; may block */
int hostfs_setattr(struct inode *inode, const struct iattr *a);
int hostfs_fsync(struct file *f, bool datasync);
int hostfs_setfl(struct file *f, u32 newflags);
int hostfs_readdir(struct file *f, struct dir_ctx *ctx);
ssize hostfs_getxattr(struct inode *inode, const char *name, void *buf, size_t n);
int hostfs_setxattr(struct inode *inode, const char *name, const void *val, size_t n, int flags);
int hostfs_removexattr(struct inode *inode, const char *name);
ssize hostfs_listxattr(struct inode *inode, char *buf, size_t n);

#endif
