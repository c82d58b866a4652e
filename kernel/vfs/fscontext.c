/* SPDX-License-Identifier: MIT */
/*
 * File systems on their way to be mounted: see fscontext.h. The phase says what may happen next; while
 * a type's mount() or remount() blocks it is FC_BUSY, which keeps everybody else out.
 */
#include "vfs/fscontext.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "lib/alloc.h"
#include "vfs/mount.h"
#include "vfs/super.h"

enum fc_phase {
	FC_CREATE_PARAMS,	/* fsopen: parameters, then create */
	FC_AWAIT_MOUNT,		/* there is a superblock without a mount */
	FC_AWAIT_RECONF,	/* mounted, or changed: the next call starts over */
	FC_RECONF_PARAMS,	/* parameters, then reconfigure */
	FC_BUSY,		/* in the type's hands */
	FC_FAILED,
};

struct fs_context {
	const struct fs_type *type;
	struct super *sb;	/* reference; NULL before create */
	struct dentry *root;	/* reference: what a mount of it shows */
	enum fc_phase phase;
	u32 sb_flags, sb_mask;	/* MS_*, and which of them were said */
	char *source;
	char *data;		/* "a,b=c": up to a page */
	size_t len;
};

#define DATA_MAX PAGE_SIZE

static const struct {
	const char *key;
	u32 flag;
	bool on;
} sb_keys[] = {
	{ "ro", MS_RDONLY, true },	{ "rw", MS_RDONLY, false },
	{ "sync", MS_SYNCHRONOUS, true }, { "async", MS_SYNCHRONOUS, false },
	{ "dirsync", MS_DIRSYNC, true },
	{ "lazytime", MS_LAZYTIME, true }, { "nolazytime", MS_LAZYTIME, false },
	{ "mand", MS_MANDLOCK, true },	{ "nomand", MS_MANDLOCK, false },
};

static void context_clean(struct fs_context *fc)
{
	kfree(fc->source);
	kfree(fc->data);
	fc->source = fc->data = NULL;
	fc->len = 0;
	fc->sb_flags = fc->sb_mask = 0;
}

static void context_release(struct file *f)
{
	struct fs_context *fc = f->private;

	context_clean(fc);
	dput(fc->root);
	super_put(fc->sb);
	kfree(fc);
}

/* Nothing writes messages here: there never is one to read. */
static ssize context_read(struct file *f, struct iter *to, off64 *pos)
{
	return -ENODATA;
}

static const struct file_ops context_ops = {
	.release = context_release,
	.read = context_read,
	.llseek = file_noseek,
};

struct fs_context *fs_context_of(struct file *f)
{
	return f->ops == &context_ops ? f->private : NULL;
}

static int context_file(struct fs_context *fc, const char *name, struct file **out)
{
	int err = fc ? anon_file(name, &context_ops, fc, O_RDWR, out) : -ENOMEM;

	if (err)
		kfree(fc);
	return err;
}

int fs_context_new(const struct fs_type *t, struct file **out)
{
	struct fs_context *fc = kzalloc(sizeof(*fc));

	if (fc)
		fc->type = t;
	return context_file(fc, "[fscontext]", out);
}

int fs_context_pick(const struct path *p, struct file **out)
{
	struct fs_context *fc;
	int err;

	if (p->dentry != p->mnt->root)
		return -EINVAL;
	fc = kzalloc(sizeof(*fc));
	err = context_file(fc, "[fscontext]", out);
	if (err)
		return err;
	fc->type = p->mnt->sb->type;
	fc->sb = p->mnt->sb;
	ref_get(&fc->sb->ref);
	fc->root = dget(p->dentry);
	fc->phase = FC_RECONF_PARAMS;
	return 0;
}

static void begin_again(struct fs_context *fc)
{
	if (fc->phase == FC_AWAIT_RECONF)
		fc->phase = FC_RECONF_PARAMS;
}

static bool set_sb_flag(struct fs_context *fc, const char *key)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sb_keys); i++) {
		if (strcmp(sb_keys[i].key, key))
			continue;
		fc->sb_mask |= sb_keys[i].flag;
		fc->sb_flags &= ~sb_keys[i].flag;
		if (sb_keys[i].on)
			fc->sb_flags |= sb_keys[i].flag;
		return true;
	}
	return false;
}

static int set_source(struct fs_context *fc, enum fs_value kind, const char *value)
{
	if (kind != FS_VALUE_TEXT || fc->source)
		return -EINVAL;
	fc->source = kstrdup(value);
	return fc->source ? 0 : -ENOMEM;
}

/* One more word of the text, with what ends it counted in. */
static int add_word(struct fs_context *fc, const char *key, const char *value)
{
	size_t need = strlen(key) + (value ? 1 + strlen(value) : 0);

	if (strchr(key, ',') || (value && strchr(value, ',')))
		return -EINVAL;
	if (fc->len + need + 2 > DATA_MAX)
		return -EINVAL;
	if (!fc->data)
		fc->data = kzalloc(DATA_MAX);
	if (!fc->data)
		return -ENOMEM;
	fc->len += (size_t)snprintf(fc->data + fc->len, DATA_MAX - fc->len, "%s%s%s%s",
				    fc->len ? "," : "", key, value ? "=" : "", value ? value : "");
	return 0;
}

int fs_context_set(struct fs_context *fc, const char *key, enum fs_value kind, const char *value)
{
	begin_again(fc);
	if (fc->phase != FC_CREATE_PARAMS && fc->phase != FC_RECONF_PARAMS)
		return -EBUSY;
	if (set_sb_flag(fc, key))
		return 0;
	if (!strcmp(key, "source"))
		return set_source(fc, kind, value);
	if (kind == FS_VALUE_OBJECT)
		return -EINVAL;
	return add_word(fc, key, kind == FS_VALUE_TEXT ? value : NULL);
}

int fs_context_create(struct fs_context *fc)
{
	struct super *sb;
	int err;

	begin_again(fc);
	if (fc->phase != FC_CREATE_PARAMS)
		return -EBUSY;
	fc->phase = FC_BUSY;
	err = fc->type->mount(fc->type, fc->source, fc->sb_flags, fc->data, &sb);
	if (err) {
		fc->phase = FC_FAILED;
		return err;
	}
	if (!sb->source && fc->source)
		sb->source = kstrdup(fc->source);
	fc->sb = sb;
	fc->root = dget(sb->root);
	fc->phase = FC_AWAIT_MOUNT;
	return 0;
}

int fs_context_reconfigure(struct fs_context *fc)
{
	u32 flags;
	int err;

	begin_again(fc);
	if (fc->phase != FC_RECONF_PARAMS)
		return -EBUSY;
	flags = (fc->sb->flags & ~fc->sb_mask) | fc->sb_flags;
	fc->phase = FC_BUSY;
	err = super_remount(fc->sb, flags, fc->data);
	if (err) {
		fc->phase = FC_FAILED;
		return err;
	}
	context_clean(fc);
	fc->phase = FC_AWAIT_RECONF;
	return 0;
}

int fs_context_mount(struct fs_context *fc, u32 mnt_flags, struct mount **out)
{
	struct mount *m;

	if (!fc->root)
		return -EINVAL;
	if (fc->phase != FC_AWAIT_MOUNT)
		return -EBUSY;
	m = mount_alloc(fc->sb, fc->root, mnt_flags, fc->source ? fc->source : "none");
	if (!m)
		return -ENOMEM;
	context_clean(fc);
	fc->phase = FC_AWAIT_RECONF;
	*out = m;
	return 0;
}
