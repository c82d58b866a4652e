/* SPDX-License-Identifier: MIT */
/*
 * The host files of ubd disks: opening with the rights there are, locking, size; and the rules of copy-on-write
 * files: which is one, what its backing file is, whether that is still the file it was.
 */
#include "block/ubd_priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "block/ubd_cow.h"
#include "core/log.h"
#include "host/disk.h"
#include "host/host.h"
#include "host/path.h"
#include "lib/alloc.h"

/* A file that we may not write is a read-only disk. */
static int open_file(const char *file, bool *readonly, int flags)
{
	int fd = *readonly ? -EROFS : host_open(file, O_RDWR | flags, 0);

	if (fd == -EROFS || fd == -EACCES) {
		fd = host_open(file, O_RDONLY | flags, 0);
		*readonly = true;
	}
	return fd;
}

static int check_kind(int fd)
{
	struct host_stat st;
	int err = host_file_stat(fd, &st);

	if (err)
		return err;
	if (S_ISDIR(st.mode))
		return -EISDIR;
	return S_ISREG(st.mode) || S_ISBLK(st.mode) ? 0 : -EINVAL;
}

static int lock(const struct ubd *u, int fd, const char *file, bool write)
{
	int pid, err;

	if (u->flag_c) {
		pr_info("Not locking \"%s\" on the host", file);
		return 0;
	}
	err = host_disk_lock(fd, write, &pid);
	if (err == -EAGAIN)
		pr_err("F_SETLK failed, file already locked by pid %d", pid);
	if (err)
		pr_err("Failed to lock '%s', err = %d", file, -err);
	return err;
}

static int open_locked(struct ubd *u, const char *file, bool *readonly)
{
	int fd = open_file(file, readonly, u->flag_s || ubd_all_sync ? O_SYNC : 0);
	int err;

	if (fd < 0) {
		pr_err("Failed to open '%s', errno = %d", file, -fd);
		return fd;
	}
	err = check_kind(fd);
	if (!err)
		err = lock(u, fd, file, !*readonly);
	if (err) {
		host_close(fd);
		return err;
	}
	return fd;
}

/* --- copy-on-write files --- */

struct backing {
	s64 size;
	u32 mtime;
	u64 dev, ino;
};

/* What name is now; the size of a device is asked of the device. */
static int examine(const char *name, struct backing *b)
{
	int fd = host_open(name, O_RDONLY, 0), err;
	struct host_stat st;

	err = fd < 0 ? fd : host_file_stat(fd, &st);
	if (!err) {
		*b = (struct backing){ host_disk_size(fd), (u32)st.mtime.sec, st.dev, st.ino };
		if (b->size < 0)
			err = (int)b->size;
	}
	if (fd >= 0)
		host_close(fd);
	if (err)
		pr_err("Couldn't stat '%s', err = %d", name, -err);
	return err;
}

static int write_at(int fd, const void *p, size_t n, u64 off)
{
	struct host_vec v = { (void *)p, n };

	return host_disk_write(fd, &v, 1, off);
}

static int absolute_name(const char *name, char *out)
{
	int err = host_disk_absolute(name, out, COW_NAME_MAX + 1);

	if (err == -ENAMETOOLONG)
		pr_err("Backing file name \"%s\" is too long - names are limited to %u characters", name, COW_NAME_MAX);
	else if (err)
		pr_err("absolutize : Can't cd to '%s' - errno = %d", name, -err);
	return err;
}

/* Header, bitmap and length of a new one: all holes but the header. */
static int write_new(int fd, const char *cow, const char *backing_name, struct cow_header *h, u8 *buf)
{
	struct backing b;
	char *name = (char *)buf + COW_HEADER_MAX;
	int err = examine(backing_name, &b);

	if (!err)
		err = absolute_name(backing_name, name);
	if (err)
		return err;
	if (cow_new(h, name, (u64)b.size, b.mtime, COW_ALIGN))
		return -EINVAL;
	cow_build(h, buf);
	err = write_at(fd, buf, COW_HEADER_V3, 0);
	if (!err)
		err = write_at(fd, "", 1, h->data_off + h->size - 1);
	if (err)
		pr_err("write_cow_header - write of header to new COW file '%s' failed, err = %d", cow, -err);
	return err;
}

static int create(struct ubd *u, struct cow_header *h, u8 *buf)
{
	int err, fd = host_open(u->file, O_RDWR | O_CREAT | O_EXCL, 0644);

	if (fd < 0)
		return fd;
	pr_info("Creating \"%s\" as COW file for \"%s\"", u->file, u->backing);
	err = write_new(fd, u->file, u->backing, h, buf);
	if (err)
		host_unlink(u->file);
	host_close(fd);
	return err;
}

/* Another backing file was named than the header has. Taken if it could be the same (a copy, a new place). */
static int switch_backing(struct ubd *u, struct cow_header *h, u8 *buf)
{
	char *name = (char *)buf + COW_HEADER_MAX;
	struct backing want, have;
	int err = examine(u->backing, &want);

	if (err)
		return err;
	if (!strcmp(u->backing, h->backing))
		return 0;
	if (!examine(h->backing, &have) && have.dev == want.dev && have.ino == want.ino)
		return 0;
	pr_warn("Backing file mismatch - \"%s\" requested, \"%s\" specified in COW header of \"%s\"", u->backing,
		h->backing, u->file);
	if ((u64)want.size != h->size || want.mtime != h->mtime)
		return 0;
	err = absolute_name(u->backing, name);
	if (err)
		return err;
	pr_info("Switching backing file to '%s'", u->backing);
	if (cow_patch(buf, h, name, want.mtime))
		return -ENAMETOOLONG;
	/* A file that cannot be written is used this way all the same. */
	return u->readonly ? 0 : write_at(u->fd, buf, MIN(h->bitmap_off, (u64)COW_HEADER_V3), 0);
}

static int check_backing(const struct cow_header *h)
{
	struct backing b;
	int err = examine(h->backing, &b);

	if (err)
		return err;
	if ((u64)b.size != h->size) {
		pr_err("Size mismatch (%llu vs %llu) of COW header vs backing file", (unsigned long long)h->size,
		       (unsigned long long)b.size);
		return -EINVAL;
	}
	if (b.mtime != h->mtime) {
		pr_err("mtime mismatch (%u vs %u) of COW header vs backing file", h->mtime, b.mtime);
		return -EINVAL;
	}
	return 0;
}

/* The file is one, with header h. */
static int use_cow(struct ubd *u, struct cow_header *h, u8 *buf)
{
	bool readonly = true;
	int err = u->backing ? switch_backing(u, h, buf) : 0, fd;
	char *backing;

	if (!err)
		err = check_backing(h);
	if (err)
		return err;
	/* An old version may lack room for the last bits: then what is written there could not be kept. */
	if (cow_bitmap_room(h) < cow_bitmap_need(h))
		u->readonly = true;
	backing = kstrdup(h->backing);
	if (!backing)
		return -ENOMEM;
	fd = open_locked(u, backing, &readonly);
	err = fd < 0 ? fd : ubd_cow_open(h, u->fd, fd, !u->readonly, &u->cow);
	if (err) {
		if (fd >= 0)
			host_close(fd);
		kfree(backing);
		return err;
	}
	kfree(u->backing);
	u->backing = backing;
	u->size = h->size;
	u->sector = h->sector;
	return 0;
}

/* 0: h is its header; 1: it is a plain file; -EINVAL (said). */
static int read_header(struct ubd *u, struct cow_header *h, u8 *buf)
{
	ssize n = host_pread(u->fd, buf, COW_HEADER_MAX, 0);
	enum cow_result r;

	if (n < 0)
		return (int)n;
	r = cow_parse(buf, (size_t)n, h);
	if (!r && h->broken)
		pr_warn("read_cow_header - broken V3 file with 64-bit layout - recovering content.");
	if (!r)
		return 0;
	if (cow_text(r) && (n || u->backing))
		pr_err("%s", cow_text(r));
	if (!u->backing && r <= COW_SHORT)
		return 1;
	if (u->backing)
		pr_err("Failed to read COW header from COW file \"%s\", errno = %d", u->file, EINVAL);
	return -EINVAL;
}

static int use_plain(struct ubd *u, const char **error)
{
	s64 size = host_disk_size(u->fd);

	if (size < 0) {
		*error = "Couldn't determine size of device's file";
		return (int)size;
	}
	u->sector = SECTOR_SIZE;
	u->size = (u64)size;
	return 0;
}

/* buf: room for a header and a name. */
static int open_with(struct ubd *u, u8 *buf, const char **error)
{
	struct cow_header *h = (struct cow_header *)(buf + COW_HEADER_MAX + COW_NAME_MAX + 1);
	int err, fd;

	u->readonly = u->flag_r;
	if (u->backing) {
		err = create(u, h, buf);
		if (err && err != -EEXIST)
			return err;
	}
	fd = open_locked(u, u->file, &u->readonly);
	if (fd == -ENOENT)
		*error = "Couldn't determine size of device's file";
	if (fd < 0)
		return fd;
	u->fd = fd;
	err = u->flag_d ? 1 : read_header(u, h, buf);
	if (!err)
		err = use_cow(u, h, buf);
	else if (err == 1)
		err = use_plain(u, error);
	if (err)
		return err;
	u->size = ALIGN_UP(u->size, (u64)u->sector);
	return 0;
}

int ubd_open(struct ubd *u, const char **error)
{
	u8 *buf = kzalloc(COW_HEADER_MAX + COW_NAME_MAX + 1 + sizeof(struct cow_header));
	int err;

	*error = NULL;
	if (!buf)
		return -ENOMEM;
	err = open_with(u, buf, error);
	kfree(buf);
	if (!err) {
		u->opened = true;
		return 0;
	}
	pr_err("ubd%c: Can't open \"%s\": errno = %d", 'a' + u->index, u->file, -err);
	ubd_close(u);
	return err;
}

void ubd_close(struct ubd *u)
{
	if (u->cow) {
		ubd_cow_sync(u->cow);
		ubd_cow_free(u->cow);
	}
	u->cow = NULL;
	if (u->fd >= 0)
		host_close(u->fd);
	u->fd = -1;
	u->opened = false;
}
