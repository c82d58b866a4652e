/* SPDX-License-Identifier: MIT */
/*
 * Host descriptors: reading, writing, pipes, passing.
 */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host/inject.h"

#define RETRY(expr)                                                                                \
	({                                                                                         \
		long __r;                                                                          \
		do                                                                                 \
			__r = (expr);                                                              \
		while (__r < 0 && errno == EINTR);                                                 \
		__r < 0 ? -errno : __r;                                                            \
	})

ssize host_read(int fd, void *buf, size_t n)
{
	ssize r = read(fd, buf, n);

	return r < 0 ? -errno : r;
}

ssize host_write(int fd, const void *buf, size_t n)
{
	return RETRY(write(fd, buf, n));
}

ssize host_pread(int fd, void *buf, size_t n, u64 off)
{
	return RETRY(pread(fd, buf, n, (off_t)off));
}

ssize host_pwrite(int fd, const void *buf, size_t n, u64 off)
{
	return inject_call() ? -ENOSPC : RETRY(pwrite(fd, buf, n, (off_t)off));
}

int host_ftruncate(int fd, u64 len)
{
	return inject_call() ? -ENOSPC : (int)RETRY(ftruncate(fd, (off_t)len));
}

int host_fallocate(int fd, int mode, u64 off, u64 len)
{
	return inject_call() ? -ENOSPC : (int)RETRY(fallocate(fd, mode, (off_t)off, (off_t)len));
}

s64 host_lseek(int fd, s64 off, int whence)
{
	return RETRY(lseek(fd, off, whence));
}

int host_fsync(int fd, bool datasync)
{
	return (int)RETRY(datasync ? fdatasync(fd) : fsync(fd));
}

int host_close(int fd)
{
	return close(fd) && errno != EINTR ? -errno : 0;
}

int host_pipe(int fds[2], bool nonblock_write)
{
	if (inject_call())
		return -EMFILE;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	if (nonblock_write)
		host_set_nonblock(fds[1], true);
	return 0;
}

/* Few messages fit in, because descriptors under way are counted for all processes of the user. */
int host_socketpair_seqpacket(int fds[2])
{
	static const int room = 32768;

	if (inject_call())
		return -EMFILE;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	return 0;
}

int host_send_fds(int sock, const int *fds, u32 n)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(HOST_SEND_FDS * sizeof(int))];
	} c;
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = CMSG_SPACE(n * sizeof(int))
	};

	if (inject_call())
		return -EAGAIN;
	memset(&c, 0, sizeof(c));
	c.h.cmsg_level = SOL_SOCKET;
	c.h.cmsg_type = SCM_RIGHTS;
	c.h.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&c.h), fds, n * sizeof(int));
	return RETRY(sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL)) < 0 ? -errno : 0;
}

int host_dup_above(int fd, int min)
{
	return inject_call() ? -EMFILE : (int)RETRY(fcntl(fd, F_DUPFD_CLOEXEC, min));
}

int host_dup(int fd)
{
	return host_dup_above(fd, 3);
}

int host_dup_to(int fd, int to)
{
	if (fd == to)
		return (int)RETRY(fcntl(fd, F_SETFD, 0));
	return (int)RETRY(dup2(fd, to));
}

int host_set_nonblock(int fd, bool on)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl < 0)
		return -errno;
	return fcntl(fd, F_SETFL, on ? fl | O_NONBLOCK : fl & ~O_NONBLOCK) ? -errno : 0;
}
