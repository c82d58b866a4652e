/* SPDX-License-Identifier: MIT */
/*
 * Names on hostfs: lookup and revalidation, creation, removal, renaming.
 *
 * Revalidation asks the host with one statx() and compares device, number and birth time; the
 * attributes come with the answer. For a path of several names one call suffices, too: whatever
 * the host may have followed on the way, the answer counts only if it is the inode we know.
 *
 * Append mode protects data that exists: no unlink, no rename onto a file, no truncation.
 */
#include "fs/hostfs/priv.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/limits.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "core/task.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

#include <string.h>


static int hostfs_lookup(struct inode *dir, struct dentry *d, struct inode **out)
{
	struct host_stat st;
	int err, fd;

	if (d->len > NAME_MAX)
		return -ENAMETOOLONG;
	*out = NULL;
	if (HI(dir)->hidden)
		return 0;
	fd = hostfs_get_dirfd(dir);
	if (fd < 0)
		return fd == -ESTALE ? -ENOENT : fd;
	err = HOST(host_path_stat(fd, d->name, &st));
	HI(dir)->missed = err == -ENOENT;
	if (!err)
		err = hostfs_iget(dir->sb, &st, dir, fd, d->name, out);
	hostfs_put_dirfd(dir);
	return err == -ENOENT ? 0 : err;
}

/* 1 when st is what inode is known as; takes the attributes then. */
static int confirm(struct inode *inode, const struct host_stat *st, struct inode *dir, int dirfd,
		   const char *name)
{
	if (!hostfs_same(inode, st) || !hostfs_refresh(inode, st, dirfd, name))
		return 0;
	if (dir)
		hostfs_set_place(inode, dir, name);
	HI(inode)->fresh = hostfs_stamp();
	return 1;
}

static int hostfs_revalidate(struct inode *dir, struct dentry *d)
{
	struct inode *inode = d->inode;
	char name[NAME_MAX + 1];	/* d may be renamed while the host works */
	struct host_stat st;
	int err, fd;

	if (HI(dir)->hidden || d->len > NAME_MAX)
		return 0;
	memcpy(name, d->name, d->len + 1);
	fd = hostfs_get_dirfd(dir);
	if (fd < 0)
		return 0;
	if (inode)
		iget(inode);
	err = HOST(host_path_stat(fd, name, &st));
	if (!inode)
		err = err == -ENOENT;
	else
		err = err ? 0 : confirm(inode, &st, dir, fd, name);
	hostfs_put_dirfd(dir);
	if (inode)
		iput(inode);
	return err;
}

static int hostfs_revalidate_path(struct inode *dir, const char *rel, struct dentry *last)
{
	struct inode *inode = last->inode;
	struct host_stat st;
	int err, fd;

	if (!inode || HI(dir)->hidden)
		return 0;
	fd = hostfs_get_dirfd(dir);
	if (fd < 0)
		return 0;
	iget(inode);
	err = HOST(host_path_stat_rel(fd, rel, &st));
	/* An xattr is read by name, and that must be below a descriptor. */
	if (err || hostfs_ids_stale(inode, &st))
		err = 0;
	else
		err = confirm(inode, &st, NULL, -1, NULL);
	hostfs_put_dirfd(dir);
	/* If it was renamed meanwhile, the dentry knows where to. */
	if (err && last->inode == inode && last->parent->inode)
		hostfs_set_place(inode, last->parent->inode, last->name);
	iput(inode);
	return err;
}

/* A name never seen costs another host call if it is there: so only where the last one was not. */
static int hostfs_absent_path(struct inode *dir, const char *rel, struct inode *parent, bool known)
{
	int fd, gone;

	if (HI(dir)->hidden || HI(parent)->hidden || (!known && !HI(parent)->missed))
		return 0;
	fd = hostfs_get_dirfd(dir);
	if (fd < 0)
		return 0;
	gone = HOST(host_path_absent(fd, rel));
	hostfs_put_dirfd(dir);
	return gone;
}

/*
 * A file that we made belongs to the host user; as host root, give it to the guest's user. (A set-gid
 * directory's group was inherited already.) Root of a container may not be allowed to: then it stays.
 * 1 when the attributes are others now, 0, or -errno.
 */
static int own_created(const struct inode *dir, int fd, const char *name,
		       const struct host_stat *st)
{
	const struct cred *c = current_cred();
	u32 uid = c->fsuid, gid = dir->mode & S_ISGID ? st->gid : c->fsgid;
	int err;

	if (host_euid() != 0 || (uid == st->uid && gid == st->gid))
		return 0;
	err = HOST(host_path_chown(fd, name, uid, gid));
	if (err == -EPERM || err == -EINVAL)
		return 0;
	/* The change of owner took the set-id bits. */
	if (!err && !S_ISLNK(st->mode) && !S_ISDIR(st->mode) && st->mode & (S_ISUID | S_ISGID))
		err = HOST(host_path_chmod(fd, name, st->mode & S_IALLUGO));
	return err ? err : 1;
}

/* The owner, or what the guest thinks it is, of a name that the host just made; returns as above. */
static int own_or_note(struct inode *dir, int fd, const char *name, u32 mode, u32 rdev,
		       const struct host_stat *st)
{
	struct hostfs_ids ids;

	if (!HSB(dir->sb)->ids)
		return own_created(dir, fd, name, st);
	if (S_ISLNK(mode))
		return 0;
	hostfs_ids_of_new(dir, mode, rdev, &ids);
	return hostfs_ids_store(fd, name, st, &ids);
}

/* After the host made name in dir: owner, and the inode. */
static int finish(struct inode *dir, int fd, const char *name, u32 mode, u32 rdev,
		  struct inode **out)
{
	struct host_stat st;
	int err = HOST(host_path_stat(fd, name, &st));

	if (!err)
		err = own_or_note(dir, fd, name, mode, rdev, &st);
	if (err > 0)
		err = HOST(host_path_stat(fd, name, &st));
	if (!err)
		err = hostfs_iget(dir->sb, &st, dir, fd, name, out);
	if (err)
		HOST(host_path_unlink(fd, name, S_ISDIR(mode)));
	return err;
}

/* Pins dir for a change in it. */
static int begin(struct inode *dir)
{
	int fd;

	if (HI(dir)->hidden)
		return -EPERM;
	fd = hostfs_get_dirfd(dir);
	return fd == -ESTALE ? -ENOENT : fd;
}

static u32 file_mode(const struct inode *dir, u32 mode)
{
	return HSB(dir->sb)->ids ? hostfs_ids_host_mode(mode) : mode & S_IALLUGO;
}

/*
 * The descriptor that created the file is kept for the open() that follows: the mode may forbid to
 * open it again (git writes 0444 files that way).
 */
static int hostfs_create(struct inode *dir, struct dentry *d, u32 mode, struct inode **out)
{
	u32 host_mode = file_mode(dir, mode | S_IFREG);
	int err, file, fd = begin(dir);

	if (fd < 0)
		return fd;
	file = HOST(host_path_open(fd, d->name, O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, host_mode));
	err = file;
	if (file >= 0)
		err = finish(dir, fd, d->name, S_IFREG | (mode & S_IALLUGO), 0, out);
	hostfs_put_dirfd(dir);
	if (err) {
		if (file >= 0)
			host_close(file);
		return err;
	}
	if (HI(*out)->created >= 0 || !S_ISREG((*out)->mode))
		host_close(file);
	else
		HI(*out)->created = file;
	return 0;
}

static int hostfs_tmpfile(struct inode *dir, u32 mode, struct inode **out)
{
	struct host_stat st;
	int err, file, fd = begin(dir);

	if (fd < 0)
		return fd;
	file = HOST(host_path_open(fd, ".", O_TMPFILE | O_RDWR, file_mode(dir, mode | S_IFREG)));
	err = file < 0 ? file : HOST(host_file_stat(file, &st));
	if (!err && host_euid() == 0 && !HSB(dir->sb)->ids) {
		HOST(host_file_chown(file, current_cred()->fsuid,
				     dir->mode & S_ISGID ? st.gid : current_cred()->fsgid));
		err = HOST(host_file_stat(file, &st));
	}
	if (!err)
		err = hostfs_iget(dir->sb, &st, NULL, fd, ".", out);
	hostfs_put_dirfd(dir);
	if (err) {
		if (file >= 0)
			host_close(file);
		return err;
	}
	HI(*out)->created = file;
	if (HSB(dir->sb)->ids)
		hostfs_ids_of_new(dir, mode | S_IFREG, 0, &HI(*out)->ids);
	return hostfs_reload(*out);
}

static int hostfs_mkdir(struct inode *dir, struct dentry *d, u32 mode, struct inode **out)
{
	int err, fd = begin(dir);

	if (fd < 0)
		return fd;
	err = HOST(host_path_mkdir(fd, d->name, file_mode(dir, mode | S_IFDIR)));
	if (!err)
		err = finish(dir, fd, d->name, S_IFDIR | (mode & S_IALLUGO), 0, out);
	hostfs_put_dirfd(dir);
	return err;
}

static int make_placeholder(int dirfd, const char *name, u32 mode)
{
	int fd = HOST(host_path_open(dirfd, name, O_CREAT | O_EXCL | O_WRONLY, mode));

	if (fd < 0)
		return fd;
	host_close(fd);
	return 0;
}

static int hostfs_mknod(struct inode *dir, struct dentry *d, u32 mode, u32 rdev, struct inode **out)
{
	int err, fd = begin(dir);

	if (fd < 0)
		return fd;
	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	if (HSB(dir->sb)->ids || S_ISREG(mode))
		err = make_placeholder(fd, d->name, file_mode(dir, mode));
	else
		err = HOST(host_path_mknod(fd, d->name, mode, major_k(rdev), minor_k(rdev)));
	if (!err)
		err = finish(dir, fd, d->name, mode, rdev, out);
	if (!err && HSB(dir->sb)->ids && !S_ISREG(mode))
		hostfs_ids_mark_special(fd);
	hostfs_put_dirfd(dir);
	return err;
}

static int hostfs_symlink(struct inode *dir, struct dentry *d, const char *target,
			  struct inode **out)
{
	int err, fd = begin(dir);

	if (fd < 0)
		return fd;
	err = HOST(host_path_symlink(target, fd, d->name));
	if (!err)
		err = finish(dir, fd, d->name, S_IFLNK | 0777, 0, out);
	hostfs_put_dirfd(dir);
	return err;
}

/* A file of O_TMPFILE gets its first name in the directory fd; what the guest made of it is kept now. */
static int link_open(struct inode *target, int fd, const char *name)
{
	int err, file = host_dup(list_first(&HI(target)->files, struct hostfs_file, node)->fd);
	struct host_stat st;

	if (file < 0)
		return file;
	err = HOST(host_file_link(file, fd, name));
	if (!err && HI(target)->ids.set) {
		err = HOST(host_file_stat(file, &st));
		if (!err)
			err = MIN(hostfs_ids_store(fd, name, &st, &HI(target)->ids), 0);
		HI(target)->ids.known = false;
		if (err)
			HOST(host_path_unlink(fd, name, false));
	}
	host_close(file);
	return err;
}

static int hostfs_link(struct inode *dir, struct dentry *d, struct inode *target)
{
	struct hostfs_place p;
	int err, fd = begin(dir);

	if (fd < 0)
		return fd;
	err = hostfs_get_place(target, &p);
	if (!err) {
		err = HOST(host_path_link(p.fd, p.name, fd, d->name));
		hostfs_put_place(&p);
	} else if (HI(target)->dir == NULL && !list_empty(&HI(target)->files)) {
		err = link_open(target, fd, d->name);
	}
	hostfs_put_dirfd(dir);
	if (!err) {
		if (!HI(target)->dir)
			hostfs_set_place(target, dir, d->name);
		hostfs_reload(target);
	}
	return err;
}

static void removed(struct inode *dir, struct dentry *d, struct inode *victim, bool whole)
{
	hostfs_forget_place(victim, dir, d->name);
	hostfs_changed(victim);
	if (whole || victim->nlink < 2)
		victim->nlink = 0;
	else
		victim->nlink--;
}

static int do_unlink(struct inode *dir, struct dentry *d, struct inode *victim, bool is_dir)
{
	int err, fd = begin(dir);

	if (fd < 0)
		return fd;
	err = HOST(host_path_unlink(fd, d->name, is_dir));
	hostfs_put_dirfd(dir);
	if (!err)
		removed(dir, d, victim, is_dir);
	return err;
}

static int hostfs_unlink(struct inode *dir, struct dentry *d, struct inode *victim)
{
	return HSB(dir->sb)->append ? -EPERM : do_unlink(dir, d, victim, false);
}

static int hostfs_rmdir(struct inode *dir, struct dentry *d, struct inode *victim)
{
	return do_unlink(dir, d, victim, true);
}

static int hostfs_rename(struct inode *odir, struct dentry *od, struct inode *ndir,
			 struct dentry *nd, u32 flags)
{
	bool exchange = flags & RENAME_EXCHANGE;
	int err, ofd, nfd;

	/* In append mode the host refuses by itself if the name appears meanwhile. */
	if (HSB(odir->sb)->append && !exchange) {
		if (nd->inode && !S_ISDIR(nd->inode->mode))
			return -EPERM;
		flags |= RENAME_NOREPLACE;
	}
	ofd = begin(odir);
	if (ofd < 0)
		return ofd;
	nfd = begin(ndir);
	if (nfd < 0) {
		hostfs_put_dirfd(odir);
		return nfd;
	}
	err = HOST(host_path_rename(ofd, od->name, nfd, nd->name, flags));
	hostfs_put_dirfd(ndir);
	hostfs_put_dirfd(odir);
	if (err)
		return err;
	/* rename() between two names of one file does nothing. */
	if (nd->inode && nd->inode == od->inode && !exchange)
		return 0;
	if (nd->inode && exchange)
		hostfs_set_place(nd->inode, odir, od->name);
	else if (nd->inode)
		removed(ndir, nd, nd->inode, S_ISDIR(nd->inode->mode));
	if (od->inode)
		hostfs_set_place(od->inode, ndir, nd->name);
	return 0;
}

static ssize hostfs_readlink(struct inode *inode, char *buf, size_t n)
{
	struct hostfs_place p;
	ssize got = hostfs_get_place(inode, &p);

	if (got)
		return got;
	got = HOST(host_path_readlink(p.fd, p.name, buf, n));
	hostfs_put_place(&p);
	return got;
}

#define COMMON_OPS                                                                                 \
	.getattr = hostfs_getattr, .setattr = hostfs_setattr, .evict = hostfs_evict

#define XATTR_OPS                                                                                  \
	.getxattr = hostfs_getxattr, .setxattr = hostfs_setxattr,                                  \
	.removexattr = hostfs_removexattr, .listxattr = hostfs_listxattr

#define DIR_OPS                                                                                    \
	COMMON_OPS, XATTR_OPS,                                                                     \
	.lookup = hostfs_lookup, .create = hostfs_create, .create_tells = true,                    \
	.mkdir = hostfs_mkdir, .mknod = hostfs_mknod,                                              \
	.symlink = hostfs_symlink, .link = hostfs_link,                                            \
	.unlink = hostfs_unlink, .rmdir = hostfs_rmdir,                                            \
	.rename = hostfs_rename, .tmpfile = hostfs_tmpfile,                                        \
	.revalidate = hostfs_revalidate, .revalidate_path = hostfs_revalidate_path,                \
	.absent_path = hostfs_absent_path

const struct inode_ops hostfs_dir_ops = {
	DIR_OPS,
};

/* A directory that the host does not fully open to us. */
const struct inode_ops hostfs_closed_dir_ops = {
	DIR_OPS,
	.permission = hostfs_permission,
};

const struct inode_ops hostfs_file_iops = {
	COMMON_OPS,
	XATTR_OPS,
	.permission = hostfs_permission,
};

const struct inode_ops hostfs_symlink_ops = {
	COMMON_OPS,
	XATTR_OPS,
	.readlink = hostfs_readlink,
};
