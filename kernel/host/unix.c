/* SPDX-License-Identifier: MIT */
/*
 * UNIX datagram sockets of the host.
 */
#include "host/unix.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int host_unix_addr(const char *path, struct host_unix_addr *out)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if (n >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, n + 1);
	memcpy(out->data, &a, sizeof(a));
	out->len = (u32)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	return 0;
}

int host_unix_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

int host_unix_bind(const char *path, u32 mode)
{
	struct host_unix_addr a;
	int fd, err = host_unix_addr(path, &a);

	if (err)
		return err;
	fd = host_unix_socket();
	if (fd < 0)
		return fd;
	/* The file gets the mode of the socket: it is never open to others, not even for a moment. */
	if (fchmod(fd, mode) || bind(fd, (struct sockaddr *)a.data, a.len)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static void take_fds(struct msghdr *m, int fds[HOST_UNIX_FDS], int *nfds)
{
	struct cmsghdr *c;

	*nfds = 0;
	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*nfds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), (size_t)*nfds * sizeof(int));
	}
}

ssize host_unix_recv(int fd, void *buf, size_t n, struct host_unix_addr *from,
		     int fds[HOST_UNIX_FDS], int *nfds)
{
	struct iovec iov = { buf, n };
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int) * HOST_UNIX_FDS)];
	} c;
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &c,
		.msg_controllen = sizeof(c.space),
		.msg_name = from ? from->data : NULL,
		.msg_namelen = from ? sizeof(from->data) : 0,
	};
	ssize r;

	do
		r = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	take_fds(&m, fds, nfds);
	if (from)
		from->len =
			m.msg_namelen > offsetof(struct sockaddr_un, sun_path) ? m.msg_namelen : 0;
	return r;
}

ssize host_unix_send(int fd, const void *buf, size_t n, const struct host_unix_addr *to)
{
	ssize r;

	do
		r = sendto(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL,
			   to ? (const struct sockaddr *)to->data : NULL, to ? to->len : 0);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}
