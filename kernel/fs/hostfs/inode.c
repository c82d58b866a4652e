/* SPDX-License-Identifier: MIT */
/*
 * hostfs inodes: the table by host device and number, and attributes.
 *
 * Host inode numbers are used again after a file is gone. An inode that is still in the table under such a
 * number is recognised by its type and birth time, and left to whoever still holds it.
 */
#include "fs/hostfs/priv.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "core/task.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

/*
 * A stat call looks its path up, which reads the attributes, and then asks for them. The stamp tells that it is
 * still the same call of the same task, so that the host is asked once. Used up by getattr.
 */
u64 hostfs_stamp(void)
{
	const struct task *t = current;

	if (!t)
		return 0;
	return (((u64)(uintptr_t)t * 31 + (u64)t->syscall_nr) * 31 + t->syscall_args[0]) * 31 +
	       t->syscall_args[1];
}

#define OPENED_NS 100000

/*
 * Programs mostly ask for a file's attributes with the call after open(), which has read them to see what it opened. They
 * are answered then when no guest thread made a call in between and nobody in the guest can write the file: whoever
 * changed it after the open() cannot have told anybody here.
 */
void hostfs_opened(struct inode *inode, const struct host_stat *st)
{
	struct hostfs_inode *hi = HI(inode);

	if (hostfs_ids_stale(inode, st) || !hostfs_refresh(inode, st, -1, NULL))
		return;
	hi->opened = sched_calls;
	hi->opened_at = ktime_get();
}

static bool just_opened(struct inode *inode)
{
	const struct hostfs_inode *hi = HI(inode);

	return hi->opened && sched_calls - hi->opened <= 1 && !hostfs_any_file(inode, FMODE_WRITE) &&
	       ktime_get() - hi->opened_at < OPENED_NS;
}

void hostfs_changed(struct inode *inode)
{
	HI(inode)->fresh = HI(inode)->opened = 0;
}

static u64 key_of(u64 dev, u64 ino)
{
	return ino ^ dev << 40;
}

u64 hostfs_key(const struct list_head *node)
{
	const struct inode *i = list_entry(node, struct inode, hash_node);

	return key_of(HI(i)->dev, i->ino);
}

static bool same_ts(struct host_ts a, struct host_ts b)
{
	return a.sec == b.sec && a.nsec == b.nsec;
}

bool hostfs_same(const struct inode *inode, const struct host_stat *st)
{
	const struct hostfs_inode *hi = HI(inode);

	if (inode->ino != st->ino || hi->dev != st->dev || (hi->h_mode ^ st->mode) & S_IFMT)
		return false;
	return !hi->has_btime || !st->has_btime || hi->overlay || same_ts(hi->btime, st->btime);
}

/* The first change of a file in a lower layer makes a copy: other numbers, the same content. */
bool hostfs_copied_up(struct inode *inode, const struct host_stat *st)
{
	struct hostfs_inode *hi = HI(inode);

	if (!hi->overlay || !S_ISREG(st->mode) || !S_ISREG(hi->h_mode) || st->size != inode->size ||
	    st->mtime.sec != inode->mtime.sec || st->mtime.nsec != inode->mtime.nsec)
		return false;
	list_del_init(&inode->hash_node);
	hi->dev = st->dev;
	inode->ino = st->ino;
	hash_add(&HSB(inode->sb)->inodes, &inode->hash_node);
	return true;
}

static struct inode *find(struct hostfs_sb *hsb, const struct host_stat *st)
{
	struct list_head *b = hash_chain(&hsb->inodes, key_of(st->dev, st->ino));
	struct inode *i, *tmp;

	list_for_each_safe(i, tmp, b, hash_node) {
		if (i->ino != st->ino || HI(i)->dev != st->dev)
			continue;
		if (ref_read(&i->ref) > 0 && hostfs_same(i, st))
			return i;
		list_del_init(&i->hash_node);
	}
	return NULL;
}

static int fs_magic(int dirfd, const char *name, u64 *magic)
{
	struct host_statfs sfs = { .type = 0 };
	int err, fd;

	host_block_begin();
	fd = host_path_open(dirfd, name, O_PATH, 0);
	err = fd < 0 ? fd : host_file_statfs(fd, &sfs);
	if (fd >= 0)
		host_close(fd);
	host_block_end();
	*magic = sfs.type;
	return err;
}

static struct hostfs_dev *known_dev(struct hostfs_sb *hsb, u64 dev)
{
	for (unsigned int i = 0; i < hsb->ndevs; i++)
		if (hsb->devs[i].dev == dev)
			return &hsb->devs[i];
	return NULL;
}

int hostfs_find_dev(struct super *sb, u64 dev, int dirfd, const char *name, struct hostfs_dev *out)
{
	struct hostfs_sb *hsb = HSB(sb);
	struct hostfs_dev *d = known_dev(hsb, dev);
	u64 magic;
	int err;

	if (!d) {
		err = fs_magic(dirfd, name, &magic);
		if (err)
			return err;
		d = known_dev(hsb, dev);
		if (!d) {
			d = krealloc(hsb->devs, (hsb->ndevs + 1) * sizeof(*d));
			if (!d)
				return -ENOMEM;
			hsb->devs = d;
			d += hsb->ndevs;
			d->dev = dev;
			d->guest_dev = hsb->ndevs++ ? anon_dev() : sb->dev;
			/* The host's /proc shows this very kernel, its memory and its descriptors. */
			d->hidden = magic == PROC_SUPER_MAGIC;
			d->overlay = magic == OVERLAYFS_SUPER_MAGIC;
		}
	}
	*out = *d;
	return 0;
}

static void set_ops(struct inode *inode, u32 rdev)
{
	if (S_ISDIR(inode->mode)) {
		inode->fops = &hostfs_dir_fops;		/* take() chose the other table */
	} else if (S_ISLNK(inode->mode)) {
		inode->ops = &hostfs_symlink_ops;
	} else {
		inode->ops = &hostfs_file_iops;
		if (S_ISREG(inode->mode))
			inode->fops = &hostfs_file_ops;
		else
			inode_init_special(inode, inode->mode, rdev);
	}
}

static struct ts_k ts(struct host_ts t)
{
	return (struct ts_k){ t.sec, t.nsec };
}

/* Who owns it and what it is, as the guest sees it. */
static void take_ids(struct inode *inode, const struct host_stat *st)
{
	const struct hostfs_inode *hi = HI(inode);

	inode->mode = st->mode;
	inode->uid = st->uid;
	inode->gid = st->gid;
	inode->rdev = makedev_k(st->rdev_major, st->rdev_minor);
	if (!HSB(inode->sb)->ids)
		return;
	if (hi->ids.set) {
		inode->mode = hi->ids.mode;
		inode->uid = hi->ids.uid;
		inode->gid = hi->ids.gid;
		inode->rdev = hi->ids.rdev;
		return;
	}
	inode->uid = hostfs_ids_uid(st->uid);
	inode->gid = hostfs_ids_gid(st->gid);
}

/* What the mode bits of the host allow this process. */
static bool host_allows(const struct hostfs_inode *hi, u32 mask)
{
	u32 bits = hi->h_mode;

	if (host_euid() == 0)
		return true;
	if (hi->h_uid == host_euid())
		bits >>= 6;
	else if (host_in_group(hi->h_gid))
		bits >>= 3;
	return !(mask & ~bits & 7);
}

static void take(struct inode *inode, const struct host_stat *st)
{
	struct hostfs_inode *hi = HI(inode);

	hi->h_mode = st->mode;
	hi->h_uid = st->uid;
	hi->h_gid = st->gid;
	hi->blksize = st->blksize;
	take_ids(inode, st);
	/* A directory with a rule of its own is walked slowly: only where the host forbids something. */
	if (S_ISDIR(inode->mode))
		inode->ops = host_allows(hi, 7) ? &hostfs_dir_ops : &hostfs_closed_dir_ops;
	inode->nlink = st->nlink;
	inode->size = st->size;
	inode->blocks = st->blocks;
	inode->atime = ts(st->atime);
	inode->mtime = ts(st->mtime);
	inode->ctime = ts(st->ctime);
	inode->btime = ts(st->has_btime ? st->btime : st->ctime);
}

bool hostfs_refresh(struct inode *inode, const struct host_stat *st, int dirfd, const char *name)
{
	u32 type = inode->mode & S_IFMT;

	if (HSB(inode->sb)->ids && dirfd >= 0)
		hostfs_ids_load(inode, st, dirfd, name);
	take(inode, st);
	/* ids=xattr: the same host file was turned into another kind of node. */
	if ((inode->mode & S_IFMT) != type) {
		inode->mode = (inode->mode & ~S_IFMT) | type;
		return false;
	}
	return true;
}

static int new_inode(struct super *sb, const struct host_stat *st, const struct hostfs_ids *ids,
		     const struct hostfs_dev *dev, struct inode **out)
{
	struct hostfs_inode *hi = kzalloc(sizeof(*hi));
	struct inode *inode = hi ? inode_new(sb, st->mode) : NULL;

	if (!inode) {
		kfree(hi);
		return -ENOMEM;
	}
	inode->private = hi;
	inode->ino = st->ino;
	hi->inode = inode;
	hi->dev = st->dev;
	hi->btime = st->btime;
	hi->has_btime = st->has_btime;
	hi->guest_dev = dev->guest_dev;
	hi->hidden = dev->hidden;
	hi->overlay = dev->overlay;
	hi->ids = *ids;
	hi->fd = hi->created = -1;
	list_init(&hi->lru);
	list_init(&hi->files);
	take(inode, st);
	set_ops(inode, inode->rdev);
	hash_add(&HSB(sb)->inodes, &inode->hash_node);
	*out = inode;
	return 0;
}

int hostfs_iget(struct super *sb, struct host_stat *st, struct inode *dir, int dirfd,
		const char *name, struct inode **out)
{
	struct hostfs_ids ids = { .known = false };
	struct hostfs_dev dev;
	struct inode *inode;
	int err = hostfs_find_dev(sb, st->dev, dirfd, name, &dev);

	if (err)
		return err;
	if (dev.hidden && !S_ISDIR(st->mode))
		return -ENOENT;
	inode = find(HSB(sb), st);
	if (inode) {
		iget(inode);
		if (hostfs_refresh(inode, st, dirfd, name))
			goto found;
		list_del_init(&inode->hash_node);
		iput(inode);
	}
	if (HSB(sb)->ids)
		hostfs_ids_read(st, dirfd, name, &ids);
	/* Reading the ids let others run. */
	inode = find(HSB(sb), st);
	if (inode)
		iget(inode);
	else if ((err = new_inode(sb, st, &ids, &dev, &inode)))
		return err;
found:
	if (dir)
		hostfs_set_place(inode, dir, name);
	HI(inode)->fresh = hostfs_stamp();
	*out = inode;
	return 0;
}

struct hostfs_file *hostfs_any_file(struct inode *inode, u32 mode)
{
	struct hostfs_file *hf;

	list_for_each(hf, &HI(inode)->files, node)
		if ((hf->mode & mode) == mode)
			return hf;
	return NULL;
}

int hostfs_hold(struct inode *inode, u32 mode, struct hostfs_held *h)
{
	struct hostfs_file *hf = hostfs_any_file(inode, mode);

	h->file = hf;
	if (hf) {
		hf->pins++;
		h->fd = hf->fd;
		return 0;
	}
	if (HI(inode)->created < 0)
		return -ENOENT;
	/* The open() that it is kept for may take it meanwhile. */
	h->fd = host_dup(HI(inode)->created);
	return h->fd < 0 ? h->fd : 0;
}

void hostfs_unhold(struct hostfs_held *h)
{
	if (!h->file)
		host_close(h->fd);
	else if (!--h->file->pins && h->file->released)
		hostfs_file_free(h->file);
}

/* What the host says of a file by an open descriptor, if there is one. */
static int stat_open(struct inode *inode, struct host_stat *st)
{
	struct hostfs_held h;
	int err, fd;

	if (HI(inode)->fd >= 0) {
		fd = hostfs_get_dirfd(inode);
		err = HOST(host_file_stat(fd, st));
		hostfs_put_dirfd(inode);
		return err;
	}
	err = hostfs_hold(inode, 0, &h);
	if (!err) {
		err = HOST(host_file_stat(h.fd, st));
		hostfs_unhold(&h);
	}
	return err;
}

int hostfs_reload(struct inode *inode)
{
	struct hostfs_place p;
	struct host_stat st;
	int err;

	/* With an open descriptor the host need not look a name up. */
	if (!stat_open(inode, &st) && !hostfs_ids_stale(inode, &st)) {
		hostfs_refresh(inode, &st, -1, NULL);
		return 0;
	}
	err = hostfs_get_place(inode, &p);
	if (!err) {
		err = HOST(host_path_stat(p.fd, p.name, &st));
		if (!err && !hostfs_same(inode, &st) && !hostfs_copied_up(inode, &st))
			err = -ENOENT;
		if (!err)
			hostfs_refresh(inode, &st, p.fd, p.name);
		hostfs_put_place(&p);
	}
	if (!err)
		return 0;
	/* It has no name any more, or another one than we know. */
	err = stat_open(inode, &st);
	if (!err)
		hostfs_refresh(inode, &st, -1, NULL);
	return err;
}

int hostfs_getattr(struct inode *inode, struct kstat *st)
{
	struct hostfs_inode *hi = HI(inode);

	if ((!hi->fresh || hi->fresh != hostfs_stamp()) && !just_opened(inode)) {
		int err = hostfs_reload(inode);

		/* Removed on the host while somebody here still stands in it: the last that is known. */
		if (err && err != -ENOENT && err != -ESTALE)
			return err;
	}
	hi->fresh = 0;
	*st = (struct kstat){
		.ino = inode->ino, .size = inode->size, .blocks = inode->blocks,
		.mode = inode->mode, .nlink = inode->nlink, .uid = inode->uid, .gid = inode->gid,
		.dev = hi->guest_dev, .rdev = inode->rdev, .blksize = hi->blksize,
		.atime = inode->atime, .mtime = inode->mtime, .ctime = inode->ctime,
		.btime = inode->btime, .has_btime = hi->has_btime,
	};
	return 0;
}

/* The guest's rule first, then the host's: guest root has no more rights than we have. */
int hostfs_permission(struct inode *inode, u32 mask)
{
	int err = generic_permission(inode, mask);
	struct hostfs_place p;

	mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
	if (err || !mask || HSB(inode->sb)->ids)
		return err;
	if (!S_ISREG(inode->mode) && !S_ISDIR(inode->mode))
		return 0;
	if (host_allows(HI(inode), mask))
		return 0;
	/* An access list of the host may still say yes. */
	err = hostfs_get_place(inode, &p);
	if (!err) {
		err = HOST(host_path_access(p.fd, p.name, (int)mask));
		hostfs_put_place(&p);
	}
	return err == -ENOENT ? -EACCES : err;
}

/*
 * The last reference to an inode may hold the last one to its directory, and so on up a deep tree. One task
 * works that chain off in a loop instead of recursing.
 */
void hostfs_evict(struct inode *inode)
{
	static LIST_HEAD(dying);
	static bool busy;
	struct hostfs_inode *hi = HI(inode);

	list_del_init(&inode->hash_node);
	hostfs_drop_dirfd(inode);
	if (hi->created >= 0)
		host_close(hi->created);
	inode->private = NULL;
	list_add_tail(&hi->lru, &dying);
	if (busy)
		return;
	busy = true;
	while (!list_empty(&dying)) {
		struct inode *dir;

		hi = list_first(&dying, struct hostfs_inode, lru);
		list_del_init(&hi->lru);
		dir = hi->dir;
		kfree(hi->name);
		kfree(hi);
		if (dir)
			iput(dir);
	}
	busy = false;
}
