/* SPDX-License-Identifier: MIT */
/*
 * Superblocks and file system types.
 *
 * A superblock is held by its mounts. When the last one goes, its dentries go at once; its
 * kill() and its memory wait for the last inode, which an inotify mark or a socket may still hold.
 */
#include "vfs/super.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "core/log.h"
#include "lib/alloc.h"
#include "vfs/dcache.h"

static const struct fs_type *const no_types[] = { NULL };
static const struct fs_type *const *types = no_types;
static LIST_HEAD(supers);

void fs_types_set(const struct fs_type *const *table)
{
	types = table;
}

const struct fs_type *const *fs_types(void)
{
	return types;
}

/* "fuse.sshfs" is found as "fuse", as in Linux. */
const struct fs_type *fs_type_find(const char *name)
{
	size_t len = strcspn(name, ".");
	int i;

	for (i = 0; types[i]; i++)
		if (strlen(types[i]->name) == len && !memcmp(types[i]->name, name, len))
			return types[i];
	return NULL;
}

u32 anon_dev(void)
{
	static u32 last = 1;

	return makedev_k(0, ++last);
}

struct super *super_alloc(const struct fs_type *t, const struct super_ops *ops, u32 flags)
{
	struct super *sb = kzalloc(sizeof(*sb));

	if (!sb)
		return NULL;
	ref_init(&sb->ref);
	sb->type = t;
	sb->ops = ops;
	sb->flags = (flags & SB_FLAGS_K) | (t->readonly ? MS_RDONLY : 0);
	sb->dev = anon_dev();
	mutex_init(&sb->rename_lock, "super.rename", RANK_RENAME);
	list_add_tail(&sb->node, &supers);
	return sb;
}

static void super_destroy(struct super *sb)
{
	if (sb->ops && sb->ops->kill)
		sb->ops->kill(sb);
	kfree(sb->source);
	kfree(sb);
}

void super_inode_gone(struct super *sb)
{
	BUG_ON(!sb->ninodes);
	sb->ninodes--;
	if (sb->dying && !sb->ninodes)
		super_destroy(sb);
}

void super_put(struct super *sb)
{
	if (!sb || !ref_put(&sb->ref))
		return;
	list_del_init(&sb->node);
	if (sb->ops && sb->ops->sync)
		sb->ops->sync(sb);
	/* Keeps the superblock whole while its dentries go, whatever they free. */
	sb->ninodes++;
	d_kill_super(sb);
	sb->dying = true;
	super_inode_gone(sb);
}

int super_remount(struct super *sb, u32 flags, const char *data)
{
	int err = 0;

	if ((flags & MS_RDONLY) && !(sb->flags & MS_RDONLY) && sb->writers)
		return -EBUSY;
	if (sb->type->remount)
		err = sb->type->remount(sb, flags, data);
	else if (data && *data)
		err = -EINVAL;
	if (err)
		return err;
	sb->flags = (sb->flags & ~SB_FLAGS_K) | (flags & SB_FLAGS_K) | (sb->type->readonly ? MS_RDONLY : 0);
	return 0;
}

struct super *super_find(u32 dev)
{
	struct super *sb;

	list_for_each(sb, &supers, node) {
		if (sb->dev != dev)
			continue;
		ref_get(&sb->ref);
		return sb;
	}
	return NULL;
}

int vfs_statfs(const struct path *p, struct statfs_k *st)
{
	struct super *sb = p->dentry->sb;
	int err;

	memset(st, 0, sizeof(*st));
	if (!sb->ops || !sb->ops->statfs)
		return -ENOSYS;
	err = sb->ops->statfs(sb, st);
	if (!err && !st->frsize)
		st->frsize = st->bsize;
	return err;
}

/* Superblocks may come and go while one is written out: each is held, and so keeps its place. */
void vfs_sync_all(void)
{
	struct super *sb, *prev = NULL;

	list_for_each(sb, &supers, node) {
		if (!sb->ops || !sb->ops->sync || (sb->flags & MS_RDONLY))
			continue;
		ref_get(&sb->ref);
		super_put(prev);
		sb->ops->sync(sb);
		prev = sb;
	}
	super_put(prev);
}

void vfs_emergency_remount(void)
{
	struct super *sb;

	list_for_each(sb, &supers, node)
		if (sb->ops && sb->ops->sync)
			sb->flags |= MS_RDONLY;
}
