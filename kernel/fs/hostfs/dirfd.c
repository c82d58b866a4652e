/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of host directories, and places.
 *
 * A directory inode holds an O_PATH descriptor; how many there are is bounded by a quarter of
 * what the host lets us have. The ones used longest ago are dropped and opened again when needed: from the
 * nearest ancestor that still has one, name by name, each compared with the inode it must be. A pinned
 * descriptor is in use by a host call and is not dropped. The root's stays for ever.
 */
#include "fs/hostfs/priv.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

#include <string.h>

#define MIN_FDS 16
#define MAX_CLIMBS 8192

static LIST_HEAD(lru);			/* least recently used first; of all mounts */
static unsigned int nfds, max_fds;

static bool is_root(const struct inode *dir)
{
	return HI(dir)->fd >= 0 && HI(dir)->fd == HSB(dir->sb)->rootfd;
}

static void shrink(void)
{
	if (!max_fds)
		max_fds = MAX(MIN_FDS, host_nofile_limit() / 4);
	while (nfds > max_fds && !list_empty(&lru)) {
		struct hostfs_inode *hi = list_first(&lru, struct hostfs_inode, lru);

		list_del_init(&hi->lru);
		host_close(hi->fd);
		hi->fd = -1;
		nfds--;
	}
}

static void pin(struct hostfs_inode *hi)
{
	list_del_init(&hi->lru);
	hi->pins++;
}

static void unpin(struct hostfs_inode *hi)
{
	if (--hi->pins == 0)
		list_add_tail(&hi->lru, &lru);
	shrink();
}

/* Open name below parentfd as the directory that dir is. A new descriptor, or -errno. */
static int open_child(int parentfd, const char *name, struct inode *dir)
{
	struct host_stat st;
	int fd, err = 0;

	host_block_begin();
	fd = host_path_open(parentfd, name, O_PATH | O_DIRECTORY, 0);
	if (fd >= 0)
		err = host_file_stat(fd, &st);
	host_block_end();
	if (fd >= 0 && !err && !hostfs_same(dir, &st))
		err = -ESTALE;
	if (fd >= 0 && err) {
		host_close(fd);
		return err;
	}
	return fd;
}

/* Give d, whose parent has a descriptor, one. */
static int open_below(struct inode *parent, struct inode *d)
{
	struct hostfs_inode *hi = HI(d);
	char *name = kstrdup(hi->name);
	int fd = -ENOMEM;

	pin(HI(parent));
	if (name)
		fd = open_child(HI(parent)->fd, name, d);
	unpin(HI(parent));
	kfree(name);
	if (fd < 0)
		return fd;
	if (hi->fd >= 0) {	/* somebody else was faster */
		host_close(fd);
		return 0;
	}
	hi->fd = fd;
	nfds++;
	list_add_tail(&hi->lru, &lru);
	return 0;
}

int hostfs_get_dirfd(struct inode *dir)
{
	struct hostfs_inode *hi = HI(dir);
	int err = 0, climbs = 0;

	while (hi->fd < 0) {
		struct inode *parent, *d = iget(dir);

		/* Each step may change everything: start from dir again. */
		while (HI(d)->dir && HI(HI(d)->dir)->fd < 0) {
			parent = iget(HI(d)->dir);
			iput(d);
			d = parent;
			if (++climbs > MAX_CLIMBS) {
				iput(d);
				return -ESTALE;
			}
		}
		parent = HI(d)->dir ? iget(HI(d)->dir) : NULL;
		err = parent ? open_below(parent, d) : -ESTALE;
		iput(d);
		if (parent)
			iput(parent);
		if (err)
			return err;
	}
	pin(hi);
	shrink();
	return hi->fd;
}

void hostfs_put_dirfd(struct inode *dir)
{
	unpin(HI(dir));
}

void hostfs_drop_dirfd(struct inode *dir)
{
	struct hostfs_inode *hi = HI(dir);

	if (hi->fd < 0 || is_root(dir))
		return;
	list_del_init(&hi->lru);
	host_close(hi->fd);
	hi->fd = -1;
	nfds--;
}

int hostfs_get_place(struct inode *inode, struct hostfs_place *p)
{
	struct hostfs_inode *hi = HI(inode);
	bool root = is_root(inode);
	struct inode *dir = root ? inode : hi->dir;

	if (!dir)
		return -ENOENT;
	p->name = kstrdup(root ? "." : hi->name);
	if (!p->name)
		return -ENOMEM;
	p->dir = iget(dir);
	p->fd = hostfs_get_dirfd(dir);
	if (p->fd < 0) {
		kfree(p->name);
		iput(p->dir);
		return p->fd;
	}
	return 0;
}

void hostfs_put_place(struct hostfs_place *p)
{
	hostfs_put_dirfd(p->dir);
	iput(p->dir);
	kfree(p->name);
}

void hostfs_set_place(struct inode *inode, struct inode *dir, const char *name)
{
	struct hostfs_inode *hi = HI(inode);
	struct inode *old = hi->dir;
	char *copy;

	if (inode == dir || is_root(inode) || (old == dir && !strcmp(hi->name, name)))
		return;
	copy = kstrdup(name);
	if (!copy)
		return;		/* the old place may still do; if not, the next lookup tries again */
	kfree(hi->name);
	hi->name = copy;
	hi->dir = iget(dir);
	if (old)
		iput(old);
}

void hostfs_forget_place(struct inode *inode, struct inode *dir, const char *name)
{
	struct hostfs_inode *hi = HI(inode);

	if (hi->dir != dir || strcmp(hi->name, name))
		return;
	kfree(hi->name);
	hi->name = NULL;
	hi->dir = NULL;
	iput(dir);
}
