/* SPDX-License-Identifier: MIT */
/*
 * The hostfs file system type. Mount data is a host directory, bare (mount -o /dir, rootflags=/dir) or
 * as hostfs=/dir, and the flags append and ids=MODE. The boot option hostfs=ROOT,flag... sets a
 * directory that no mount leaves, and flags for all mounts.
 */
#include "fs/hostfs/hostfs.h"

#include "fs/hostfs/priv.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "core/log.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

#include <string.h>

#define HOSTFS_MAGIC 0x00c0ffee
#define INODE_BITS 8

struct hostfs_boot hostfs_boot;

bool hostfs_ids_mode(const char *name, enum ids_mode *mode)
{
	if (!strcmp(name, "xattr"))
		*mode = IDS_XATTR;
	else if (!strcmp(name, "host"))
		*mode = IDS_HOST;
	else
		return false;
	return true;
}

const char *hostfs_setup(char *arg)
{
	const char *unknown = NULL;
	char *flag;

	hostfs_boot.root = strsep(&arg, ",");
	while ((flag = strsep(&arg, ","))) {
		if (!strcmp(flag, "append"))
			hostfs_boot.append = true;
		else if (!strncmp(flag, "ids=", 4) && hostfs_ids_mode(flag + 4, &hostfs_boot.ids))
			continue;
		else
			unknown = flag;
	}
	return unknown;
}

struct opts {
	char *path;		/* "" when none was given */
	bool append;
	enum ids_mode ids;
};

/* A directory name may have commas: what is no flag, after a name, belongs to it. */
static int add_path(struct opts *o, const char *text, bool start)
{
	char *path;

	if (start || !*o->path)
		path = kstrdup(text);
	else
		path = kasprintf("%s,%s", o->path, text);
	if (!path)
		return -ENOMEM;
	kfree(o->path);
	o->path = path;
	return 0;
}

static int parse_data(char *data, struct opts *o)
{
	char *word;
	int err = add_path(o, "", true);

	while (!err && (word = strsep(&data, ","))) {
		if (!strcmp(word, "append"))
			o->append = true;
		else if (!strncmp(word, "ids=", 4) && hostfs_ids_mode(word + 4, &o->ids))
			continue;
		else if (!strncmp(word, "hostfs=", 7))
			err = add_path(o, word + 7, true);
		else if (*word)
			err = add_path(o, word, false);
	}
	return err;
}

char *hostfs_data_dir(const char *data)
{
	struct opts o = { 0 };
	char *copy = kstrdup(data);
	int err = copy ? parse_data(copy, &o) : -ENOMEM;

	kfree(copy);
	if (!err)
		return o.path;
	kfree(o.path);
	return NULL;
}

static int open_below(const char *root, const char *path)
{
	int fd, rootfd = HOST(host_path_open_start(root));

	if (rootfd < 0)
		return rootfd;
	fd = HOST(host_path_open_in_root(rootfd, path));
	host_close(rootfd);
	return fd;
}

/* What follows the fence in path, or NULL. */
static const char *behind_fence(const char *path)
{
	const char *fence = hostfs_boot.fence + strspn(hostfs_boot.fence, "/");
	size_t n = strlen(fence);

	while (n && fence[n - 1] == '/')
		n--;
	path += strspn(path, "/");
	if (!n || strncmp(path, fence, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path + n;
}

/* The directory descriptor of the mount, or -errno. */
static int open_root(const char *path)
{
	const char *root = hostfs_boot.root, *rest;
	char *abs;
	int fd;

	if (root && *root && strcmp(root, "/"))
		return open_below(root, path);
	if (hostfs_boot.fence) {
		rest = behind_fence(path);
		if (rest)
			return open_below(hostfs_boot.fence, rest);
		pr_err("hostfs: \"%s\" of the host was not named on the command line (hostfs=DIR)",
		       *path ? path : "/");
		return -EPERM;
	}
	abs = kasprintf("/%s", path);
	if (!abs)
		return -ENOMEM;
	fd = HOST(host_path_open_start(abs));
	kfree(abs);
	return fd;
}

static int hostfs_statfs(struct super *sb, struct statfs_k *st)
{
	struct host_statfs h;
	int err = HOST(host_file_statfs(HSB(sb)->rootfd, &h));

	if (err)
		return err;
	*st = (struct statfs_k){
		.type = HOSTFS_MAGIC, .bsize = h.bsize, .blocks = h.blocks, .bfree = h.bfree,
		.bavail = h.bavail, .files = h.files, .ffree = h.ffree, .frsize = h.frsize,
		.namelen = h.namelen, .fsid = h.fsid,
	};
	return 0;
}

static void hostfs_kill(struct super *sb)
{
	struct hostfs_sb *hsb = HSB(sb);

	if (!hsb)
		return;
	sb->private = NULL;
	host_close(hsb->rootfd);
	kfree(hsb->devs);
	kfree(hsb->path);
	hash_free(&hsb->inodes);
	kfree(hsb);
}

static int hostfs_sync(struct super *sb)
{
	int err, fd;

	/* The host's syncfs() takes no O_PATH descriptor. */
	fd = HOST(host_path_open(HSB(sb)->rootfd, ".", O_RDONLY | O_DIRECTORY, 0));
	if (fd < 0)
		return fd;
	err = HOST_LONG(host_file_syncfs(fd));
	host_close(fd);
	return err;
}

static void hostfs_show_options(struct super *sb, struct seq_buf *s)
{
	const struct hostfs_sb *hsb = HSB(sb);

	if (*hsb->path) {
		seq_putc(s, ',');
		seq_escape(s, hsb->path, " \t\n\\");
	}
	if (hsb->append)
		seq_puts(s, ",append");
	if (hsb->ids != (host_euid() != 0))
		seq_puts(s, hsb->ids ? ",ids=xattr" : ",ids=host");
}

static const struct super_ops hostfs_super_ops = {
	.statfs = hostfs_statfs,
	.kill = hostfs_kill,
	.sync = hostfs_sync,
	.show_options = hostfs_show_options,
};

/* The superblock's own part, takes o->path and fd. */
static struct hostfs_sb *make_sb(struct opts *o, int fd)
{
	struct hostfs_sb *hsb = kzalloc(sizeof(*hsb));

	if (!hsb)
		return NULL;
	hsb->rootfd = fd;
	hsb->path = o->path;
	hsb->append = o->append;
	hsb->ids = o->ids == IDS_XATTR || (o->ids == IDS_DEFAULT && host_euid() != 0);
	if (hash_init(&hsb->inodes, INODE_BITS, hostfs_key))
		return hsb;
	kfree(hsb);
	return NULL;
}

static int make_root(struct super *sb)
{
	int fd = HSB(sb)->rootfd;
	struct host_stat st;
	struct inode *root;
	int err = HOST(host_path_stat(fd, ".", &st));

	if (!err)
		err = hostfs_iget(sb, &st, NULL, fd, ".", &root);
	if (err)
		return err;
	/* The pin keeps it out of the list of descriptors that may be dropped. */
	HI(root)->fd = fd;
	HI(root)->pins = 1;
	sb->root = d_make_root(sb, root);
	if (sb->root)
		return 0;
	iput(root);
	return -ENOMEM;
}

static int hostfs_mount(const struct fs_type *t, const char *source, u32 flags, const char *data,
			struct super **out)
{
	struct opts o = { .append = hostfs_boot.append, .ids = hostfs_boot.ids };
	char *copy = kstrdup(data ? data : "");
	struct hostfs_sb *hsb;
	struct super *sb;
	int err, fd = -1;

	err = copy ? parse_data(copy, &o) : -ENOMEM;
	kfree(copy);
	if (!err) {
		fd = open_root(o.path);
		err = fd < 0 ? fd : 0;
	}
	if (err) {
		kfree(o.path);
		return err;
	}
	hsb = make_sb(&o, fd);
	if (!hsb) {
		host_close(fd);
		kfree(o.path);
		return -ENOMEM;
	}
	sb = super_alloc(t, &hostfs_super_ops, flags);
	if (!sb) {
		host_close(fd);
		kfree(hsb->path);
		hash_free(&hsb->inodes);
		kfree(hsb);
		return -ENOMEM;
	}
	sb->private = hsb;
	/* Names come and go on the host. */
	sb->no_cache = true;
	host_clear_umask();
	err = make_root(sb);
	if (err) {
		super_put(sb);
		return err;
	}
	*out = sb;
	return 0;
}

static int hostfs_remount(struct super *sb, u32 flags, const char *data)
{
	return 0;	/* the VFS takes the flags */
}

const struct fs_type hostfs_type = {
	.name = "hostfs",
	.nodev = true,
	.mount = hostfs_mount,
	.remount = hostfs_remount,
};
