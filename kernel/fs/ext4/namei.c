/* SPDX-License-Identifier: MIT */
/*
 * Operations on names: lookup, create, link, unlink, and their relatives. Each is one handle, so a
 * crash leaves all of it or nothing.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"

#define CREATE_CREDITS                                                                             \
	(EXT4_CREDITS_DIR + EXT4_CREDITS_INODE + EXT4_CREDITS_TREE + EXT4_CREDITS_XATTR)

/*
 * A damaged disk may lead from a directory to one above it: a tree without an end for whoever walks it. Or to one in
 * another directory: locks of directories are taken from the top down, and there would be two such orders.
 */
static int check_place(struct inode *dir, const struct dentry *d, const struct inode *found)
{
	struct ext4_inode *ei = ext4_i(found);

	if (!S_ISDIR(found->mode))
		return 0;
	for (d = d->parent;; d = d->parent) {
		if (d->inode == found) {
			ext4_error(ext4_of(dir), (u32)dir->ino, 0, "directory #%llu is inside of itself",
				   (unsigned long long)found->ino);
			return -ELOOP;
		}
		if (d->parent == d)
			break;
	}
	if (ei->parent && ei->parent != dir->ino)
		return ext4_error(ext4_of(dir), (u32)dir->ino, 0, "directory #%llu is also in #%u",
				  (unsigned long long)found->ino, ei->parent);
	ei->parent = (u32)dir->ino;
	return 0;
}

int ext4_lookup(struct inode *dir, struct dentry *d, struct inode **out)
{
	struct ext4 *fs = ext4_of(dir);
	struct ext4_found f;
	u32 ino;
	int err = ext4_find_entry(dir, d->name, d->len, &f);

	*out = NULL;
	if (err)
		return err == -ENOENT ? 0 : err;
	ino = f.de->ino;
	ext4_found_put(&f);
	if (ino == dir->ino)
		return ext4_error(fs, (u32)dir->ino, 0, "'%s' linked to parent dir", d->name);
	err = ext4_iget(dir->sb, ino, 0, out);
	if (err == -ESTALE)
		return ext4_error(fs, (u32)dir->ino, 0, "deleted inode referenced: %u", ino);
	if (!err) {
		err = check_place(dir, d, *out);
		if (err) {
			iput(*out);
			*out = NULL;
		}
	}
	return err;
}

/* With dir_nlink a directory with very many subdirectories says 1: not counted. */
void ext4_inc_nlink(struct inode *dir)
{
	dir->nlink++;
	if (dir->nlink > EXT4_LINK_MAX || dir->nlink == 2)
		dir->nlink = 1;
}

void ext4_dec_nlink(struct inode *dir)
{
	if (dir->nlink > 2)
		dir->nlink--;
}

static bool too_many_links(const struct inode *dir)
{
	return dir->nlink >= EXT4_LINK_MAX && !ext4_ro_compat(ext4_of(dir), RO_COMPAT_DIR_NLINK);
}

void ext4_discard_new(struct handle *h, struct inode *inode)
{
	inode->nlink = 0;
	ext4_orphan_add(h, inode);
	ext4_dirty(h, inode);
	iput(inode);
}

int ext4_add_new(struct handle *h, struct inode *dir, const struct dentry *d, struct inode *inode)
{
	int err = ext4_acl_init(h, dir, inode);

	if (!err)
		err = ext4_dirty(h, inode);
	if (!err)
		err = ext4_add_entry(h, dir, d->name, d->len, inode);
	if (err)
		ext4_discard_new(h, inode);
	return err;
}

static int make(struct inode *dir, struct dentry *d, u32 mode, u32 rdev, struct inode **out)
{
	struct ext4 *fs = ext4_of(dir);
	struct handle *h;
	int tries = 0, err;

	do {
		err = ext4_start(fs, CREATE_CREDITS, &h);
		if (err)
			return err;
		err = ext4_new_inode(h, dir, mode, out);
		if (!err) {
			if (S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode))
				inode_init_special(*out, (*out)->mode, rdev);
			err = ext4_add_new(h, dir, d, *out);
		}
		ext4_stop(fs, h);
	} while (err == -ENOSPC && ext4_retry_alloc(fs, &tries));
	return err;
}

static int ext4_create(struct inode *dir, struct dentry *d, u32 mode, struct inode **out)
{
	return make(dir, d, mode, 0, out);
}

static int ext4_mknod(struct inode *dir, struct dentry *d, u32 mode, u32 rdev, struct inode **out)
{
	return make(dir, d, mode, rdev, out);
}

static int make_dir(struct handle *h, struct inode *dir, struct dentry *d, u32 mode,
		    struct inode **out)
{
	struct inode *inode;
	int err = ext4_new_inode(h, dir, mode, &inode);

	if (err)
		return err;
	err = ext4_make_dots(h, dir, inode);
	if (err) {
		ext4_discard_new(h, inode);
		return err;
	}
	err = ext4_add_new(h, dir, d, inode);
	if (err)
		return err;
	ext4_inc_nlink(dir);
	ext4_i(inode)->parent = (u32)dir->ino;
	*out = inode;
	return ext4_dirty(h, dir);
}

static int ext4_mkdir(struct inode *dir, struct dentry *d, u32 mode, struct inode **out)
{
	struct ext4 *fs = ext4_of(dir);
	struct handle *h;
	int tries = 0, err;

	if (too_many_links(dir))
		return -EMLINK;
	do {
		err = ext4_start(fs, CREATE_CREDITS, &h);
		if (err)
			return err;
		err = make_dir(h, dir, d, mode, out);
		ext4_stop(fs, h);
	} while (err == -ENOSPC && ext4_retry_alloc(fs, &tries));
	return err;
}

static int ext4_tmpfile(struct inode *dir, u32 mode, struct inode **out)
{
	struct ext4 *fs = ext4_of(dir);
	struct inode *inode;
	struct handle *h;
	int err = ext4_start(fs, CREATE_CREDITS, &h);

	if (err)
		return err;
	err = ext4_new_inode(h, dir, mode, &inode);
	if (!err) {
		inode->nlink = 0;
		err = ext4_acl_init(h, dir, inode);
		if (!err)
			err = ext4_orphan_add(h, inode);
		if (!err)
			err = ext4_dirty(h, inode);
		if (err)
			iput(inode);
		else
			*out = inode;
	}
	ext4_stop(fs, h);
	return err;
}

static int ext4_link(struct inode *dir, struct dentry *d, struct inode *target)
{
	struct ext4 *fs = ext4_of(dir);
	struct handle *h;
	int err;

	if (target->nlink >= EXT4_LINK_MAX)
		return -EMLINK;
	if ((ext4_i(dir)->flags & EXT4_PROJINHERIT_FL) &&
	    ext4_i(dir)->projid != ext4_i(target)->projid)
		return -EXDEV;
	err = ext4_start(fs, CREATE_CREDITS, &h);
	if (err)
		return err;
	err = ext4_add_entry(h, dir, d->name, d->len, target);
	if (!err) {
		target->nlink++;
		inode_set_now(target, 0);
		err = ext4_dirty(h, target);
		if (!err && target->nlink == 1)
			err = ext4_orphan_del(h, target); /* O_TMPFILE gets a name */
	}
	ext4_stop(fs, h);
	return err;
}

/* The name goes; victim has a link less, and without any it is an orphan. */
static int remove_name(struct handle *h, struct inode *dir, struct dentry *d, struct inode *victim,
		       bool directory)
{
	struct ext4_found f;
	int err = ext4_inline_convert(h, dir);

	if (!err)
		err = ext4_find_entry(dir, d->name, d->len, &f);
	if (err)
		return err;
	if (f.de->ino != victim->ino)
		err = ext4_error(ext4_of(dir), (u32)dir->ino, 0, "name '%s' changed hands",
				 d->name);
	else
		err = ext4_delete_entry(h, dir, &f);
	ext4_found_put(&f);
	if (err)
		return err;
	inode_set_now(dir, ATTR_MTIME);
	inode_set_now(victim, 0);
	if (directory) {
		victim->nlink = 0;
		ext4_dec_nlink(dir);
	} else if (victim->nlink) {
		victim->nlink--;
	}
	err = victim->nlink ? 0 : ext4_orphan_add(h, victim);
	if (!err)
		err = ext4_dirty(h, victim);
	return err ? err : ext4_dirty(h, dir);
}

static int ext4_unlink(struct inode *dir, struct dentry *d, struct inode *victim)
{
	struct ext4 *fs = ext4_of(dir);
	struct handle *h;
	int err = ext4_start(fs, CREATE_CREDITS, &h);

	if (err)
		return err;
	err = remove_name(h, dir, d, victim, false);
	ext4_stop(fs, h);
	return err;
}

static int ext4_rmdir(struct inode *dir, struct dentry *d, struct inode *victim)
{
	struct ext4 *fs = ext4_of(dir);
	struct handle *h;
	int err = ext4_dir_empty(victim);

	if (!err)
		err = ext4_start(fs, CREATE_CREDITS, &h);
	if (err)
		return err;
	err = remove_name(h, dir, d, victim, true);
	ext4_stop(fs, h);
	return err;
}

const struct inode_ops ext4_dir_inode_ops = {
	.lookup = ext4_lookup,
	.create = ext4_create,
	.mkdir = ext4_mkdir,
	.mknod = ext4_mknod,
	.symlink = ext4_symlink,
	.link = ext4_link,
	.unlink = ext4_unlink,
	.rmdir = ext4_rmdir,
	.rename = ext4_rename,
	.tmpfile = ext4_tmpfile,
	.getattr = ext4_getattr,
	.setattr = ext4_setattr,
	.permission = ext4_acl_permission,
	.getxattr = ext4_getxattr,
	.setxattr = ext4_setxattr,
	.removexattr = ext4_removexattr,
	.listxattr = ext4_listxattr,
	.evict = ext4_evict,
};
