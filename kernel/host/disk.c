/* SPDX-License-Identifier: MIT */
/*
 * Host files as disks.
 */
#include "host/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host/host.h"
#include "host/inject.h"

#define VECS_MAX 512u			/* below the host's IOV_MAX */

static int vecs(unsigned int n)
{
	return (int)MIN(n, VECS_MAX);
}

/* done bytes are behind us. */
static void advance(struct host_vec **vec, unsigned int *n, size_t done)
{
	while (*n && done >= (*vec)->len) {
		done -= (*vec)->len;
		(*vec)++;
		(*n)--;
	}
	if (*n) {
		(*vec)->base = (char *)(*vec)->base + done;
		(*vec)->len -= done;
	}
}

static void zero_rest(struct host_vec *vec, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		memset(vec[i].base, 0, vec[i].len);
}

int host_disk_read(int fd, struct host_vec *vec, unsigned int n, u64 off)
{
	while (n) {
		ssize r = preadv(fd, (const struct iovec *)vec, vecs(n), (off_t)off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0) {
			zero_rest(vec, n);
			return 0;
		}
		off += (u64)r;
		advance(&vec, &n, (size_t)r);
	}
	return 0;
}

int host_disk_write(int fd, struct host_vec *vec, unsigned int n, u64 off)
{
	if (inject_call())
		return -EIO;
	while (n) {
		ssize r = pwritev(fd, (const struct iovec *)vec, vecs(n), (off_t)off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -ENOSPC;		/* the end of a block device */
		off += (u64)r;
		advance(&vec, &n, (size_t)r);
	}
	return 0;
}

int host_disk_read_cached(int fd, const struct host_vec *vec, unsigned int n, u64 off, size_t bytes)
{
	ssize r;

	if (n > VECS_MAX)
		return -EAGAIN;
	r = preadv2(fd, (const struct iovec *)vec, (int)n, (off_t)off, RWF_NOWAIT);
	return r == (ssize)bytes ? 0 : -EAGAIN;
}

s64 host_disk_size(int fd)
{
	s64 end = lseek(fd, 0, SEEK_END);

	return end < 0 ? -errno : end;
}

/* --- locks --- */

/* Locks of open files name no process. Theirs is found by what its descriptors say, if we may look. */
static bool fdinfo_locks(const char *dir, const char *name, const char *inode)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	if (snprintf(path, sizeof(path), "%.30s/%.20s", dir, name) >= (int)sizeof(path))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "lock:", 5) && strstr(line, inode);
	fclose(f);
	return found;
}

struct search {
	char dir[32], inode[48];
	bool found;
	int pid;
};

static void look_at_fd(void *arg, const char *name)
{
	struct search *s = arg;

	if (!s->found)
		s->found = fdinfo_locks(s->dir, name, s->inode);
}

static void look_at_process(void *arg, const char *name)
{
	struct search *s = arg;

	if (s->found || *name < '1' || *name > '9')
		return;
	snprintf(s->dir, sizeof(s->dir), "/proc/%.10s/fdinfo", name);
	host_list_dir(s->dir, look_at_fd, s);
	if (s->found)
		s->pid = atoi(name);
}

static int holder_of(int fd)
{
	struct search s = { .pid = 0 };
	struct stat st;

	if (fstat(fd, &st))
		return 0;
	snprintf(s.inode, sizeof(s.inode), " %02x:%02x:%lu ", major(st.st_dev), minor(st.st_dev),
		 (unsigned long)st.st_ino);
	host_list_dir("/proc", look_at_process, &s);
	return s.pid;
}

int host_disk_lock(int fd, bool write, int *pid)
{
	struct flock fl = { .l_type = write ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
	int err;

	if (!fcntl(fd, F_OFD_SETLK, &fl))
		return 0;
	err = errno == EACCES ? -EAGAIN : -errno;
	*pid = 0;
	if (err == -EAGAIN && !fcntl(fd, F_OFD_GETLK, &fl) && fl.l_type != F_UNLCK)
		*pid = fl.l_pid > 0 ? fl.l_pid : holder_of(fd);
	return err;
}

int host_disk_absolute(const char *path, char *out, size_t n)
{
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
	char dir[PATH_MAX], real[PATH_MAX];
	int len;

	if (!slash)
		strcpy(dir, ".");
	else
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (!realpath(dir, real))
		return -errno;
	len = snprintf(out, n, "%s%s%s", real, strcmp(real, "/") ? "/" : "", last);
	return len >= (int)n ? -ENAMETOOLONG : 0;
}
