/* SPDX-License-Identifier: MIT */
/*
 * memfd_create(): a file in memory without a name, with seals.
 *
 * The bytes are in a memfd of the host, which guest processes map. Seals are kept here: they are checked on write,
 * truncate, fallocate and mmap.
 *
 * There are two backings, as in tmpfs: who may not write (opened for reading only, or sealed) and who maps privately
 * gets a descriptor that only reads. It is made when it is first asked for.
 */
#include "vfs/poll.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/mman.h"
#include "abi/stat.h"
#include "core/sched.h"
#include "host/host.h"
#include "host/path.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "mm/mm.h"
#include "vfs/file.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#define SEALS_ALL (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC)
#define SEALS_WRITE (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define MFD_EXEC_K 0x10
#define MFD_NOEXEC_SEAL_K 0x8

/* The object: lives as long as the inode or a mapping. */
struct memfd {
	struct refcount ref;
	struct backing rw, ro;		/* ref.n 0 while nobody holds one; ro.hostfd is -1 at first */
	int hostfd;
	u32 seals;
	s64 shared_pages;		/* in shared mappings through rw */
	s64 charged;			/* bytes */
	char name[256];
};

static const struct file_ops memfd_ops;

static void memfd_put(struct memfd *m)
{
	if (!ref_put(&m->ref))
		return;
	mem_charge_file(-m->charged);
	if (m->ro.hostfd >= 0)
		host_close(m->ro.hostfd);
	host_close(m->hostfd);
	kfree(m);
}

static void memfd_backing_release(struct backing *b)
{
	memfd_put(b->private);
}

static void memfd_mapped(struct backing *b, s64 pages)
{
	((struct memfd *)b->private)->shared_pages += pages;
}

static const struct backing_ops memfd_rw_ops = {
	.release = memfd_backing_release,
	.mapped = memfd_mapped,
};

static const struct backing_ops memfd_ro_ops = {
	.release = memfd_backing_release,
};

/* A reference to one of the two backings; the first one pins the object. */
static struct backing *memfd_backing(struct memfd *m, struct backing *b)
{
	if (ref_read(&b->ref) > 0)
		return backing_get(b);
	ref_init(&b->ref);
	ref_get(&m->ref);
	return b;
}

static void memfd_charge(struct memfd *m, u64 size)
{
	s64 want = (s64)PAGE_ALIGN(size);
	struct host_stat st;

	/* Sparse, for certain: then it counts with what it has. */
	if (size > mem_total())
		want = host_file_stat(m->hostfd, &st) ? 0 : (s64)st.blocks * 512;
	mem_charge_file(want - m->charged);
	m->charged = want;
}

/* ---- file operations ---- */

static ssize memfd_read(struct file *f, struct iter *to, off64 *pos)
{
	struct memfd *m = f->inode->private;
	ssize done = 0;

	while (to->count && (u64)*pos < f->inode->size) {
		size_t n = MIN(to->count, f->inode->size - (u64)*pos);
		void *buf;
		ssize room = iter_stage_to(to, &buf, n), got;

		if (room <= 0)
			return done ? done : room;
		got = host_pread(m->hostfd, buf, MIN((size_t)room, n), (u64)*pos);
		if (got > 0 && iter_commit_to(to, got))
			got = -EFAULT;
		if (got <= 0)
			return done ? done : got;
		*pos += got;
		done += got;
	}
	return done;
}

/* The part of a write that seals allow: 0, or -EPERM. May shorten *n. */
static int memfd_may_write(struct memfd *m, struct inode *inode, off64 pos, size_t *n)
{
	if (m->seals & SEALS_WRITE)
		return -EPERM;
	if (!(m->seals & F_SEAL_GROW) || (u64)pos + *n <= inode->size)
		return 0;
	if ((u64)pos >= inode->size)
		return -EPERM;
	*n = inode->size - (u64)pos;
	return 0;
}

static void memfd_grew(struct inode *inode, u64 end)
{
	if (end <= inode->size)
		return;
	inode->size = end;
	memfd_charge(inode->private, end);
}

static ssize memfd_write(struct file *f, struct iter *from, off64 *pos)
{
	struct inode *inode = f->inode;
	struct memfd *m = inode->private;
	ssize done = 0;

	while (from->count) {
		size_t n = from->count;
		const void *buf;
		ssize got = memfd_may_write(m, inode, *pos, &n);

		if (!got)
			got = iter_stage_from(from, &buf, n);
		if (got > 0)
			got = host_pwrite(m->hostfd, buf, MIN((size_t)got, n), (u64)*pos);
		if (got <= 0)
			return done ? done : got;
		iter_advance(from, got);
		*pos += got;
		done += got;
		memfd_grew(inode, (u64)*pos);
	}
	inode_set_now(inode, ATTR_MTIME);
	return done;
}

static off64 memfd_llseek(struct file *f, off64 off, int whence)
{
	struct memfd *m = f->inode->private;
	s64 pos;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_llseek(f, off, whence);
	pos = host_lseek(m->hostfd, off, whence);
	if (pos >= 0)
		f->pos = pos;
	return pos;
}

static int memfd_mmap(struct file *f, u32 prot, u32 flags, struct backing **out)
{
	struct memfd *m = f->inode->private;
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE, sealed = m->seals & SEALS_WRITE;

	if (shared && sealed && (prot & PROT_WRITE))
		return -EPERM;
	if (shared && !sealed && (f->mode & FMODE_WRITE)) {
		*out = memfd_backing(m, &m->rw);
		return 0;
	}
	if (m->ro.hostfd < 0)
		m->ro.hostfd = host_reopen_readonly(m->hostfd);
	if (m->ro.hostfd < 0)
		return m->ro.hostfd;
	*out = memfd_backing(m, &m->ro);
	return 0;
}

static int memfd_fallocate(struct file *f, int mode, off64 off, off64 len)
{
	struct inode *inode = f->inode;
	struct memfd *m = inode->private;
	u64 end = (u64)off + (u64)len;
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && (m->seals & SEALS_WRITE))
		return -EPERM;
	if (!(mode & FALLOC_FL_PUNCH_HOLE) && (m->seals & F_SEAL_GROW) && end > inode->size)
		return -EPERM;
	err = host_fallocate(m->hostfd, mode, (u64)off, (u64)len);
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE))
		memfd_grew(inode, end);
	return err;
}

static int memfd_fsync(struct file *f, bool datasync)
{
	return 0;
}

static int memfd_name(struct file *f, char *buf, size_t n)
{
	return snprintf(buf, n, "/%s (deleted)", ((struct memfd *)f->inode->private)->name);
}

static const struct file_ops memfd_ops = {
	.read = memfd_read,
	.write = memfd_write,
	.llseek = memfd_llseek,
	.mmap = memfd_mmap,
	.fsync = memfd_fsync,
	.fallocate = memfd_fallocate,
	.name = memfd_name,
};

/* ---- inode operations ---- */

static int memfd_setattr(struct inode *inode, const struct iattr *a)
{
	struct memfd *m = inode->private;
	int err;

	if ((a->valid & ATTR_MODE) && (m->seals & F_SEAL_EXEC) &&
	    ((inode->mode ^ a->mode) & 0111))
		return -EPERM;
	if (a->valid & ATTR_SIZE) {
		if (a->size < inode->size && (m->seals & F_SEAL_SHRINK))
			return -EPERM;
		if (a->size > inode->size && (m->seals & F_SEAL_GROW))
			return -EPERM;
		err = host_ftruncate(m->hostfd, a->size);
		if (err)
			return err;
		inode->size = a->size;
		memfd_charge(m, a->size);
		inode_set_now(inode, ATTR_MTIME);
	}
	if (a->valid & ATTR_MODE)
		inode->mode = (inode->mode & S_IFMT) | (a->mode & 07777);
	if (a->valid & ATTR_UID)
		inode->uid = a->uid;
	if (a->valid & ATTR_GID)
		inode->gid = a->gid;
	if (a->valid & (ATTR_ATIME | ATTR_ATIME_NOW))
		inode->atime = a->atime;
	if (a->valid & (ATTR_MTIME | ATTR_MTIME_NOW))
		inode->mtime = a->mtime;
	inode->ctime = current_ts();
	return 0;
}

static int memfd_getattr(struct inode *i, struct kstat *st)
{
	*st = (struct kstat){
		.ino = i->ino, .size = i->size, .mode = i->mode, .nlink = i->nlink, .uid = i->uid,
		.gid = i->gid, .dev = i->sb->dev, .blksize = PAGE_SIZE, .atime = i->atime,
		.mtime = i->mtime, .ctime = i->ctime, .blocks = PAGE_ALIGN(i->size) / 512,
	};
	return 0;
}

static void memfd_evict(struct inode *inode)
{
	memfd_put(inode->private);
}

static const struct inode_ops memfd_inode_ops = {
	.getattr = memfd_getattr,
	.setattr = memfd_setattr,
	.evict = memfd_evict,
};

/* ---- seals ---- */

static long add_seals(struct file *f, struct memfd *m, u32 seals)
{
	if (!(f->mode & FMODE_WRITE))
		return -EPERM;
	if (seals & ~SEALS_ALL)
		return -EINVAL;
	if (m->seals & F_SEAL_SEAL)
		return -EPERM;
	if ((seals & F_SEAL_WRITE) && !(m->seals & F_SEAL_WRITE) && m->shared_pages > 0)
		return -EBUSY;
	/* A file that can no longer be made executable must not change either. */
	if ((seals & F_SEAL_EXEC) && (f->inode->mode & 0111))
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	m->seals |= seals;
	return 0;
}

long memfd_fcntl(struct file *f, u32 cmd, u64 arg)
{
	struct memfd *m;

	if (f->ops != &memfd_ops)
		return -EINVAL;
	m = f->inode->private;
	return cmd == F_GET_SEALS ? (long)m->seals : add_seals(f, m, (u32)arg);
}

/* ---- creation ---- */

static struct memfd *memfd_new(const char *name, u32 flags)
{
	struct memfd *m = kzalloc(sizeof(*m));

	if (!m)
		return NULL;
	snprintf(m->name, sizeof(m->name), "memfd:%s", name);
	m->hostfd = host_memfd(m->name, 0);
	if (m->hostfd < 0) {
		kfree(m);
		return NULL;
	}
	ref_init(&m->ref);
	m->ro.hostfd = -1;
	m->seals = flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL_K) ? 0 : F_SEAL_SEAL;
	if (flags & MFD_NOEXEC_SEAL_K)
		m->seals |= F_SEAL_EXEC;
	return m;
}

static void memfd_init_backing(struct memfd *m, struct backing *b, struct inode *inode, bool write)
{
	b->hostfd = write ? m->hostfd : -1;
	b->may_write = write;
	b->may_exec = true;
	b->dev = 1ULL << 40 | inode->sb->dev;	/* as in tmpfs: no host file is ever mistaken for it */
	b->dev_mm = inode->sb->dev;
	b->ino = inode->ino;
	b->name = m->name;
	b->ops = write ? &memfd_rw_ops : &memfd_ro_ops;
	b->private = m;
}

int memfd_create_file(const char *name, u32 flags, u32 mode, struct file **out)
{
	struct super *sb = anon_super("tmpfs");
	struct memfd *m = sb ? memfd_new(name, flags) : NULL;
	struct inode *inode;
	int err;

	if (!m)
		return -ENOMEM;
	inode = inode_new(sb, S_IFREG | mode);
	if (!inode) {
		memfd_put(m);
		return -ENOMEM;
	}
	inode->ino = anon_ino();
	inode->nlink = 0;
	inode->ops = &memfd_inode_ops;
	inode->fops = &memfd_ops;
	inode->private = m;
	memfd_init_backing(m, &m->rw, inode, true);
	memfd_init_backing(m, &m->ro, inode, false);
	err = anon_inode_file(inode, &memfd_ops, NULL, O_RDWR, out);
	if (err)
		iput(inode);
	else
		file_count(*out, 1);
	return err;
}
