/* SPDX-License-Identifier: MIT */
/*
 * The host files of ubd disks: opening with the rights there are, locking, size.
 */
#include "block/ubd_priv.h"

#include <stdio.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "core/log.h"
#include "host/disk.h"
#include "host/host.h"
#include "host/path.h"

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

int ubd_open(struct ubd *u, const char **error)
{
	s64 size;

	*error = NULL;
	u->readonly = u->flag_r;
	u->fd = open_locked(u, u->file, &u->readonly);
	if (u->fd < 0) {
		pr_err("ubd%c: Can't open \"%s\": errno = %d", 'a' + u->index, u->file, -u->fd);
		return u->fd;
	}
	size = host_disk_size(u->fd);
	if (size < 0) {
		*error = "Couldn't determine size of device's file";
		ubd_close(u);
		return (int)size;
	}
	u->sector = SECTOR_SIZE;
	u->size = ALIGN_UP((u64)size, (u64)SECTOR_SIZE);
	u->opened = true;
	return 0;
}

void ubd_close(struct ubd *u)
{
	if (u->fd >= 0)
		host_close(u->fd);
	u->fd = -1;
	u->opened = false;
}
