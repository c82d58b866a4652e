/* SPDX-License-Identifier: MIT */
/*
 * Rename: the new name first, the old one last, all in one handle.
 */
#include "fs/ext4/priv.h"

#include "abi/ioctl.h"
#include "abi/stat.h"

#define RENAME_CREDITS (2 * EXT4_CREDITS_DIR + 2 * EXT4_CREDITS_INODE + 16)

struct rename {
	struct inode *odir, *ndir;
	struct dentry *od, *nd;
	struct inode *source, *target;
	struct inode *whiteout;		/* what the old name is to stand for; NULL: it goes */
};

/* ".." of a directory that moved. */
static int set_parent(struct handle *h, struct inode *inode, struct inode *dir)
{
	struct ext4_found f;
	int err = ext4_inline_convert(h, inode);

	if (!err)
		err = ext4_find_dotdot(inode, &f);
	if (err)
		return err;
	err = ext4_set_entry(h, inode, &f, (u32)dir->ino, ext4_file_type(ext4_of(dir), S_IFDIR));
	ext4_found_put(&f);
	return err;
}

/* The name nd of dir stands for inode. */
static int point(struct handle *h, struct inode *dir, const struct dentry *d, struct inode *inode)
{
	struct ext4_found f;
	int err = ext4_find_entry(dir, d->name, d->len, &f);

	if (err)
		return err;
	err = ext4_set_entry(h, dir, &f, (u32)inode->ino,
			     ext4_file_type(ext4_of(dir), inode->mode));
	ext4_found_put(&f);
	return err;
}

static int remove_old(struct handle *h, struct rename *r)
{
	struct ext4_found f;
	int err = ext4_find_entry(r->odir, r->od->name, r->od->len, &f);

	if (err)
		return err;
	if (f.de->ino != r->source->ino)
		err = ext4_error(ext4_of(r->odir), (u32)r->odir->ino, 0, "name '%s' changed hands",
				 r->od->name);
	else
		err = ext4_delete_entry(h, r->odir, &f);
	ext4_found_put(&f);
	return err;
}

static int drop_target(struct handle *h, struct rename *r)
{
	struct inode *t = r->target;
	int err;

	if (!t)
		return 0;
	if (S_ISDIR(t->mode))
		t->nlink = 0;
	else if (t->nlink)
		t->nlink--;
	inode_set_now(t, 0);
	err = t->nlink ? 0 : ext4_orphan_add(h, t);
	return err ? err : ext4_dirty(h, t);
}

static void count_links(struct rename *r)
{
	bool source = S_ISDIR(r->source->mode), target = r->target && S_ISDIR(r->target->mode);

	if (source && (r->odir != r->ndir || target))
		ext4_dec_nlink(r->odir);
	if (source && !target && r->odir != r->ndir)
		ext4_inc_nlink(r->ndir);
}

static int finish(struct handle *h, struct rename *r)
{
	int err;

	inode_set_now(r->odir, ATTR_MTIME);
	inode_set_now(r->ndir, ATTR_MTIME);
	inode_set_now(r->source, 0);
	err = ext4_dirty(h, r->source);
	if (!err)
		err = ext4_dirty(h, r->odir);
	if (!err && r->ndir != r->odir)
		err = ext4_dirty(h, r->ndir);
	return err;
}

static int move(struct handle *h, struct rename *r)
{
	int err;

	if (r->target)
		err = point(h, r->ndir, r->nd, r->source);
	else
		err = ext4_add_entry(h, r->ndir, r->nd->name, r->nd->len, r->source);
	if (!err && S_ISDIR(r->source->mode) && r->odir != r->ndir)
		err = set_parent(h, r->source, r->ndir);
	if (!err)
		err = r->whiteout ? point(h, r->odir, r->od, r->whiteout) : remove_old(h, r);
	if (!err)
		err = drop_target(h, r);
	if (err)
		return err;
	count_links(r);
	return finish(h, r);
}

static int exchange(struct handle *h, struct rename *r)
{
	bool source = S_ISDIR(r->source->mode), target = S_ISDIR(r->target->mode);
	int err = point(h, r->ndir, r->nd, r->source);

	if (!err)
		err = point(h, r->odir, r->od, r->target);
	if (!err && source && r->odir != r->ndir)
		err = set_parent(h, r->source, r->ndir);
	if (!err && target && r->odir != r->ndir)
		err = set_parent(h, r->target, r->odir);
	if (err)
		return err;
	if (r->odir != r->ndir && source != target) {
		ext4_dec_nlink(source ? r->odir : r->ndir);
		ext4_inc_nlink(source ? r->ndir : r->odir);
	}
	inode_set_now(r->target, 0);
	err = ext4_dirty(h, r->target);
	return err ? err : finish(h, r);
}

static int check(const struct rename *r, u32 flags)
{
	const struct ext4_inode *n = ext4_i(r->ndir);

	if ((n->flags & EXT4_PROJINHERIT_FL) && n->projid != ext4_i(r->source)->projid)
		return -EXDEV;
	if (r->target && !(flags & RENAME_EXCHANGE) && S_ISDIR(r->target->mode))
		return ext4_dir_empty(r->target);
	if (!r->target && S_ISDIR(r->source->mode) && r->odir != r->ndir &&
	    r->ndir->nlink >= EXT4_LINK_MAX &&
	    !ext4_ro_compat(ext4_of(r->ndir), RO_COMPAT_DIR_NLINK))
		return -EMLINK;
	return 0;
}

/* A device with number 0 and no rights, as overlayfs knows it. */
static int make_whiteout(struct handle *h, struct rename *r)
{
	int err = ext4_new_inode(h, r->odir, S_IFCHR, &r->whiteout);

	if (err)
		return err;
	inode_init_special(r->whiteout, S_IFCHR, 0);
	return ext4_dirty(h, r->whiteout);
}

static int change(struct handle *h, struct rename *r, u32 flags)
{
	int err = 0;

	if (flags & RENAME_EXCHANGE)
		return exchange(h, r);
	if (flags & RENAME_WHITEOUT)
		err = make_whiteout(h, r);
	if (!err)
		err = move(h, r);
	if (r->whiteout && err)
		ext4_discard_new(h, r->whiteout);
	else if (r->whiteout)
		iput(r->whiteout);
	r->whiteout = NULL;
	return err;
}

int ext4_rename(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd,
		u32 flags)
{
	struct rename r = { odir, ndir, od, nd, od->inode, nd->inode, NULL };
	struct ext4 *fs = ext4_of(odir);
	struct handle *h;
	int tries = 0, err = check(&r, flags);

	if (err)
		return err;
	do {
		err = ext4_start(fs, RENAME_CREDITS, &h);
		if (err)
			return err;
		err = ext4_inline_convert(h, odir);
		if (!err)
			err = ext4_inline_convert(h, ndir);
		if (!err)
			err = change(h, &r, flags);
		ext4_stop(fs, h);
	} while (err == -ENOSPC && ext4_retry_alloc(fs, &tries));
	if (!err) {
		ext4_i(r.source)->parent = (u32)ndir->ino;
		if (flags & RENAME_EXCHANGE)
			ext4_i(r.target)->parent = (u32)odir->ino;
	}
	return err;
}
