/* SPDX-License-Identifier: MIT */
/*
 * Changing attributes of host files: by a descriptor that is open if there is one, else by the place.
 *
 * A size needs a descriptor that writes; ids that are noted (ids.c) go by the name.
 */
#include "fs/hostfs/priv.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "host/host.h"
#include "vfs/vfs.h"

/* Nobody here has it open for writing. */
static int set_size_at(struct inode *inode, u64 size, const struct hostfs_place *p)
{
	struct host_stat st;
	int err, fd = HOST(host_path_open(p->fd, p->name, O_WRONLY | O_NONBLOCK, 0));

	if (fd < 0)
		return fd;
	err = HOST(host_file_stat(fd, &st));
	if (!err && !hostfs_same(inode, &st) && !hostfs_copied_up(inode, &st))
		err = -ESTALE;
	if (!err)
		err = HOST(host_ftruncate(fd, size));
	host_close(fd);
	return err;
}

static int set_size(struct inode *inode, const struct iattr *a, const struct hostfs_place *p)
{
	struct hostfs_held h;
	int err;

	if (HSB(inode->sb)->append)
		return 0;
	if (!hostfs_any_file(inode, FMODE_WRITE))
		return p ? set_size_at(inode, a->size, p) : -ENOENT;
	err = hostfs_hold(inode, FMODE_WRITE, &h);
	if (!err) {
		err = HOST(host_ftruncate(h.fd, a->size));
		hostfs_unhold(&h);
	}
	return err;
}

#define UTIME_NOW_K ((1l << 30) - 1l)
#define UTIME_OMIT_K ((1l << 30) - 2l)

static struct host_ts time_of(const struct iattr *a, u32 set, u32 now, const struct ts_k *t)
{
	if (a->valid & now)
		return (struct host_ts){ 0, UTIME_NOW_K };
	if (a->valid & set)
		return (struct host_ts){ t->sec, t->nsec };
	return (struct host_ts){ 0, UTIME_OMIT_K };
}

static int set_times(const struct iattr *a, int fd, const struct hostfs_place *p)
{
	const struct host_ts t[2] = {
		time_of(a, ATTR_ATIME, ATTR_ATIME_NOW, &a->atime),
		time_of(a, ATTR_MTIME, ATTR_MTIME_NOW, &a->mtime),
	};

	return p ? HOST(host_path_utimens(p->fd, p->name, t)) : HOST(host_file_utimens(fd, t));
}

static int set_owner(const struct iattr *a, int fd, const struct hostfs_place *p)
{
	u32 uid = a->valid & ATTR_UID ? a->uid : (u32)-1;
	u32 gid = a->valid & ATTR_GID ? a->gid : (u32)-1;

	return p ? HOST(host_path_chown(p->fd, p->name, uid, gid)) :
		   HOST(host_file_chown(fd, uid, gid));
}

static int set_mode(const struct iattr *a, int fd, const struct hostfs_place *p)
{
	u32 mode = a->mode & S_IALLUGO;

	return p ? HOST(host_path_chmod(p->fd, p->name, mode)) : HOST(host_file_chmod(fd, mode));
}

/* fd stands for the file when p, its place, is NULL. */
static int apply(struct inode *inode, const struct iattr *a, int fd, const struct hostfs_place *p)
{
	int err = 0;

	if (a->valid & ATTR_SIZE)
		err = set_size(inode, a, p);
	if (!err && HSB(inode->sb)->ids && a->valid & (ATTR_UID | ATTR_GID | ATTR_MODE)) {
		err = hostfs_ids_setattr(inode, a, p);
	} else {
		/* The mode last: a change of owner clears the set-id bits. */
		if (!err && a->valid & (ATTR_UID | ATTR_GID))
			err = set_owner(a, fd, p);
		if (!err && a->valid & ATTR_MODE)
			err = set_mode(a, fd, p);
	}
	if (!err && a->valid & (ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_NOW | ATTR_MTIME_NOW))
		err = set_times(a, fd, p);
	return err;
}

/* hostfs_ids_setattr() goes by what the host says now. */
static bool place_is_true(struct inode *inode, const struct hostfs_place *p)
{
	struct hostfs_inode *hi = HI(inode);
	struct host_stat st;

	if (HOST(host_path_stat(p->fd, p->name, &st)) || !hostfs_same(inode, &st))
		return false;
	hi->h_mode = st.mode;
	hi->h_uid = st.uid;
	hi->h_gid = st.gid;
	return true;
}

/*
 * Takes over what the host has just been told, when it says no more than that: with set-id bits it has rules of its
 * own. Only a hint for the checks of later calls; who shows attributes asks the host.
 */
static bool take_told(struct inode *inode, const struct iattr *a)
{
	struct hostfs_inode *hi = HI(inode);
	u32 mode = a->valid & ATTR_MODE ? a->mode : inode->mode;

	if (!S_ISREG(inode->mode) || hi->overlay || (mode | inode->mode) & (S_ISUID | S_ISGID))
		return false;
	inode_apply_attr(inode, a);
	if (HSB(inode->sb)->ids)
		return true;
	hi->h_mode = inode->mode;
	hi->h_uid = inode->uid;
	hi->h_gid = inode->gid;
	return true;
}

/* By a descriptor that is open: no name to look up, and it is the right file for certain. */
static int set_open(struct inode *inode, const struct iattr *a)
{
	struct hostfs_held h;
	struct host_stat st;
	int err = hostfs_hold(inode, 0, &h);

	if (err)
		return err;
	err = apply(inode, a, h.fd, NULL);
	if (!err && !take_told(inode, a)) {
		err = HOST(host_file_stat(h.fd, &st));
		if (!err)
			hostfs_refresh(inode, &st, -1, NULL);
	}
	hostfs_unhold(&h);
	hostfs_changed(inode);
	return err;
}

/* -ENOENT: it is not there any more. */
static int set_named(struct inode *inode, const struct iattr *a)
{
	struct hostfs_place p;
	int err;

	if (hostfs_get_place(inode, &p))
		return -ENOENT;
	err = place_is_true(inode, &p) ? apply(inode, a, -1, &p) : -ENOENT;
	hostfs_put_place(&p);
	return err;
}

/* It has lost its name, but may be open. */
static int set_nameless(struct inode *inode, const struct iattr *a)
{
	struct hostfs_held h;
	int err = hostfs_hold(inode, 0, &h);

	if (err)
		return err;
	err = apply(inode, a, h.fd, NULL);
	hostfs_unhold(&h);
	return err;
}

int hostfs_setattr(struct inode *inode, const struct iattr *a)
{
	bool size = a->valid & ATTR_SIZE, noted = HSB(inode->sb)->ids && a->valid & (ATTR_UID | ATTR_GID | ATTR_MODE);
	int err;

	if (HI(inode)->hidden)
		return -EPERM;
	/* Noted ids go by the name, and a size may need a descriptor that writes. */
	if (!noted && !size) {
		err = set_open(inode, a);
		if (err != -ENOENT)
			return err;
	}
	err = set_named(inode, a);
	if (err == -ENOENT)
		err = set_nameless(inode, a);
	if (!err && (size || !take_told(inode, a)))
		err = hostfs_reload(inode);
	hostfs_changed(inode);
	return err;
}
