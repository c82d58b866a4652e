/* SPDX-License-Identifier: MIT */
/*
 * What a program may do with a file system: first everything is looked at, then chance changes this and that, then all
 * is written. Each piece is bounded, so that whatever takes long is the file system's doing.
 */
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "block/blkdev.h"
#include "core/arena.h"
#include "core/log.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "tests/fuzz/fuzz.h"
#include "vfs/vfs.h"

#define NAMES 192u
#define NAME_LEN 400u
#define ENTRIES 3000u			/* of one directory that are read */
#define PIECE 16384u
#define OPS 40u

struct names {
	u32 n;
	u32 depth[NAMES];
	char name[NAMES][NAME_LEN];
};

struct collect {
	struct dir_ctx ctx;
	struct names *names;
	const char *dir;
	u32 depth, seen;
};

static u8 piece[PIECE];

/* Of a directory with many names some. */
static bool collect_one(struct dir_ctx *ctx, const char *name, size_t len, u64 ino, u32 type, off64 next)
{
	struct collect *c = container_of(ctx, struct collect, ctx);
	struct names *n = c->names;

	shared->beat++;
	ctx->pos = next;
	if (++c->seen > ENTRIES)
		return false;
	if ((len == 1 && *name == '.') || (len == 2 && !memcmp(name, "..", 2)))
		return true;
	if (n->n == NAMES || (c->seen > 30 && c->seen % 16) || strlen(c->dir) + len + 2 > NAME_LEN)
		return true;
	n->depth[n->n] = c->depth;
	snprintf(n->name[n->n++], NAME_LEN, "%s/%.*s", c->dir, (int)len, name);
	return true;
}

static void list_dir(struct names *n, const char *dir, u32 depth)
{
	struct collect c = { .ctx.actor = collect_one, .names = n, .dir = dir, .depth = depth };
	struct file *f;
	int err;

	stage("list %s", dir);
	if (vfs_open(AT_FDCWD, *dir ? dir : "/", O_RDONLY | O_DIRECTORY, 0, LOOKUP_FOLLOW, &f))
		return;
	if (f->ops->readdir) {
		mutex_lock(&f->pos_lock);
		for (u32 seen = ~0u; c.seen != seen && c.seen < ENTRIES;) {
			seen = c.seen;
			err = f->ops->readdir(f, &c.ctx);
			if (err < 0)
				break;
		}
		mutex_unlock(&f->pos_lock);
	}
	fput(f);
}

static void read_file(const char *name, u32 flags, struct rng *r)
{
	struct file *f;
	u64 size, at[5];

	if (vfs_open(AT_FDCWD, name, O_RDONLY | O_NONBLOCK | O_LARGEFILE | flags, 0, LOOKUP_FOLLOW, &f))
		return;
	size = f->inode->size;
	at[0] = 0;
	at[1] = size - MIN(size, (u64)100);
	for (u32 i = 2; i < ARRAY_SIZE(at); i++)
		at[i] = size ? rnd(r) % size : 0;
	for (u32 i = 0; i < ARRAY_SIZE(at) && at[i] < 1ULL << 62; i++) {
		stage("read %.60s at %llx", name, (unsigned long long)at[i]);
		(void)kernel_read(f, piece, sizeof(piece), (off64)at[i]);
	}
	fput(f);
}

static void read_attrs(const struct path *p)
{
	static char list[4096];
	ssize n = vfs_listxattr(p, list, sizeof(list));

	for (ssize i = 0; i < n; i += (ssize)strlen(list + i) + 1) {
		(void)vfs_getxattr(p, list + i, NULL, 0);
		(void)vfs_getxattr(p, list + i, piece, sizeof(piece));
	}
}

/* Only what a program can open without waiting for somebody. */
static bool opens(u32 mode)
{
	return S_ISREG(mode);
}

static void look_at(const char *name, struct rng *r)
{
	struct kstat st = { 0 };
	struct path p;

	stage("look at %s", name);
	if (path_lookup(AT_FDCWD, name, 0, &p))
		return;
	(void)vfs_getattr(&p, &st);
	read_attrs(&p);
	if (S_ISLNK(st.mode))
		(void)vfs_readlink(&p, (char *)piece, sizeof(piece));
	path_put(&p);
	if (opens(st.mode))
		read_file(name, 0, r);
}

/* --- changes --- */

static const char *some(const struct names *n, struct rng *r)
{
	return n->name[rnd_below(r, n->n)];
}

/* A name that is perhaps not there yet. */
static const char *fresh(const struct names *n, struct rng *r)
{
	static char buf[2][NAME_LEN + 260];
	static u32 which;
	char *to = buf[which++ % 2], *slash;

	strcpy(to, some(n, r));
	slash = strrchr(to, '/');
	if (!slash || one_in(r, 3))
		slash = to + strlen(to);
	sprintf(slash, "/new%u%.*s", rnd_below(r, 20), one_in(r, 6) ? 240 : 0,
		"a_very_long_name_a_very_long_name_a_very_long_name_a_very_long_name_a_very_long_name_a_very_long_name_"
		"a_very_long_name_a_very_long_name_a_very_long_name_a_very_long_name_a_very_long_name_a_very_long_name_");
	return to;
}

static struct file *open_some(const struct names *n, struct rng *r, u32 flags)
{
	const char *name = some(n, r);
	struct path p;
	struct file *f;
	u32 mode;

	if (path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &p))
		return NULL;
	mode = p.dentry->inode ? p.dentry->inode->mode : 0;
	path_put(&p);
	if (!opens(mode))
		return NULL;
	return vfs_open(AT_FDCWD, name, flags | O_LARGEFILE | O_NONBLOCK, 0, LOOKUP_FOLLOW, &f) ? NULL : f;
}

static u64 some_offset(struct rng *r, u64 size)
{
	switch (rnd_below(r, 5)) {
	case 0:
		return 0;
	case 1:
		return size;
	case 2:
		return size + rnd_below(r, 1 << 20);
	case 3:
		return rnd(r) >> (16 + rnd_below(r, 40));
	}
	return size ? rnd(r) % size : 0;
}

static void op_write(const struct names *n, struct rng *r)
{
	static const u32 more[] = { 0, 0, 0, O_APPEND, O_SYNC, O_DIRECT, O_TRUNC };
	struct file *f = open_some(n, r, O_RDWR | more[rnd_below(r, ARRAY_SIZE(more))]);
	u64 at;

	if (!f)
		return;
	at = some_offset(r, f->inode->size);
	memset(piece, (int)rnd(r), sizeof(piece));
	if (at < 1ULL << 62)
		(void)kernel_write(f, piece, f->flags & O_DIRECT ? PIECE : 1 + rnd_below(r, PIECE), (off64)at);
	if (one_in(r, 3) && f->ops->fsync)
		(void)f->ops->fsync(f, one_in(r, 2));
	fput(f);
}

static void op_fallocate(const struct names *n, struct rng *r)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_COLLAPSE_RANGE,
		FALLOC_FL_INSERT_RANGE };
	struct file *f = open_some(n, r, O_RDWR);
	u64 at;

	if (!f)
		return;
	at = some_offset(r, f->inode->size) & ~(one_in(r, 2) ? 4095ULL : 0);
	if (f->ops->fallocate && at < 1ULL << 61)
		(void)f->ops->fallocate(f, modes[rnd_below(r, ARRAY_SIZE(modes))], (off64)at,
					(off64)((1 + rnd_below(r, 16)) * (one_in(r, 2) ? 4096 : 511)));
	fput(f);
}

static void op_setattr(const struct names *n, struct rng *r)
{
	static const u32 valid[] = { ATTR_MODE, ATTR_UID | ATTR_GID, ATTR_ATIME | ATTR_MTIME };
	struct iattr a = { .valid = valid[rnd_below(r, 3)], .mode = rnd_below(r, 07777), .uid = (u32)rnd(r),
		.gid = 5, .atime = { (s64)(rnd(r) >> 30), 5 }, .mtime = { -5, 999999999 } };
	struct path p;

	if (path_lookup(AT_FDCWD, some(n, r), 0, &p))
		return;
	if (one_in(r, 2))
		(void)notify_change(&p, &a);
	else
		(void)vfs_truncate(&p, some_offset(r, p.dentry->inode->size), NULL);
	path_put(&p);
}

static void op_xattr(const struct names *n, struct rng *r)
{
	static const char *const attr[] = { "user.a", "user.second_name", "trusted.t", "security.capability", "user.x" };
	const char *name = attr[rnd_below(r, ARRAY_SIZE(attr))];
	struct path p;

	if (path_lookup(AT_FDCWD, some(n, r), 0, &p))
		return;
	if (one_in(r, 3))
		(void)vfs_removexattr(&p, name);
	else
		(void)vfs_setxattr(&p, name, piece, rnd_below(r, one_in(r, 3) ? 5000 : 60), 0);
	path_put(&p);
}

static void op_create(const struct names *n, struct rng *r)
{
	struct file *f;

	if (vfs_open(AT_FDCWD, fresh(n, r), O_RDWR | O_CREAT | O_LARGEFILE | O_NONBLOCK, 0644, LOOKUP_FOLLOW, &f))
		return;
	if (f->inode && S_ISREG(f->inode->mode))
		(void)kernel_write(f, piece, rnd_below(r, PIECE), 0);
	fput(f);
}

static void op_make(const struct names *n, struct rng *r)
{
	switch (rnd_below(r, 4)) {
	case 0:
		(void)!vfs_mkdir(AT_FDCWD, fresh(n, r), 0755);
		break;
	case 1:
		(void)!vfs_symlink(one_in(r, 2) ? some(n, r) : "target", AT_FDCWD, fresh(n, r));
		break;
	case 2:
		(void)!vfs_mknod(AT_FDCWD, fresh(n, r), S_IFIFO | 0600, 0);
		break;
	case 3:
		(void)!vfs_link(AT_FDCWD, some(n, r), AT_FDCWD, fresh(n, r), 0);
	}
}

/* A hundred names in one directory: leaves split. */
static void op_many(const struct names *n, struct rng *r)
{
	const char *dir = some(n, r);
	char name[NAME_LEN + 80];

	for (u32 i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "%s/a_longer_name_to_fill_the_directory_%u_%u", dir, i, rnd_below(r, 1000));
		if (vfs_link(AT_FDCWD, some(n, r), AT_FDCWD, name, 0) && vfs_mknod(AT_FDCWD, name, S_IFREG | 0600, 0))
			return;
		shared->beat++;
	}
}

static void op_remove(const struct names *n, struct rng *r)
{
	const char *name = some(n, r);

	if (vfs_unlink(AT_FDCWD, name))
		(void)!vfs_rmdir(AT_FDCWD, name);
}

static void op_rename(const struct names *n, struct rng *r)
{
	const char *from = some(n, r);

	(void)!vfs_rename(AT_FDCWD, from, AT_FDCWD, one_in(r, 3) ? some(n, r) : fresh(n, r), one_in(r, 4) ? 2 : 0);
}

static void op_tmpfile(const struct names *n, struct rng *r)
{
	struct file *f;

	if (vfs_open(AT_FDCWD, some(n, r), O_TMPFILE | O_RDWR, 0600, LOOKUP_FOLLOW, &f))
		return;
	(void)kernel_write(f, piece, rnd_below(r, PIECE), 0);
	fput(f);
}

static void op_statfs(const struct names *n, struct rng *r)
{
	struct statfs_k st;
	struct path p;

	if (path_lookup(AT_FDCWD, some(n, r), 0, &p))
		return;
	(void)vfs_statfs(&p, &st);
	if (one_in(r, 3) && p.mnt->sb->ops->sync)
		(void)p.mnt->sb->ops->sync(p.mnt->sb);
	path_put(&p);
}

static void op_look(const struct names *n, struct rng *r)
{
	look_at(some(n, r), r);
}

static const struct {
	const char *name;
	void (*fn)(const struct names *n, struct rng *r);
} ops[] = {
	{ "write", op_write }, { "write", op_write }, { "fallocate", op_fallocate }, { "setattr", op_setattr },
	{ "xattr", op_xattr }, { "create", op_create }, { "make", op_make }, { "many", op_many }, { "remove", op_remove },
	{ "remove", op_remove }, { "rename", op_rename }, { "tmpfile", op_tmpfile }, { "statfs", op_statfs },
	{ "look", op_look },
};

void fs_work(const char *dir, u64 work)
{
	static struct names names;
	struct rng r = rng_of(work);

	names.n = 1;
	names.depth[0] = 0;
	strcpy(names.name[0], dir);
	for (u32 i = 0; i < names.n; i++) {
		look_at(names.name[i], &r);
		if (names.depth[i] < 6)
			list_dir(&names, names.name[i], names.depth[i] + 1);
	}
	for (u32 i = 0; i < OPS; i++) {
		u32 k = rnd_below(&r, ARRAY_SIZE(ops));

		stage("%s (operation %u)", ops[k].name, i);
		ops[k].fn(&names, &r);
	}
	stage("sync");
	if (one_in(&r, 4))
		vfs_sync_all();
	arena_reset();
}

void fs_work_mounted(struct blkdev *disk, const char *type, u64 flags, const char *data, u32 fail_after, struct rng *r)
{
	char source[48];
	int err;

	snprintf(source, sizeof(source), "/dev/%s", disk->name);
	fuzz_disk_fail_after(disk, fail_after);
	stage("mount %s", data);
	err = vfs_mount(source, "/mnt", type, flags, data);
	if (!err) {
		fs_work("/mnt", rnd(r));
		stage("umount");
		err = vfs_umount("/mnt", 0);
		if (err)
			panic("unmount: error %d", err);
	}
	fuzz_disk_fail_after(disk, 0);
	if (disk->users)
		panic("the disk is still in use");
}
