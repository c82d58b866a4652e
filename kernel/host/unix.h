/* SPDX-License-Identifier: MIT */
/*
 * UNIX datagram sockets of the host: the management console and its peers. Contract as in host.h;
 * nothing here blocks. Sockets must exist before the kernel process confines itself.
 */
#ifndef HOST_UNIX_H
#define HOST_UNIX_H

#include "lib/types.h"

#define HOST_UNIX_FDS 8

struct host_unix_addr {
	u32 len;
	u8 data[112];
};

/* A socket bound to path, made with this mode from the start. A descriptor; -errno (-EADDRINUSE, -ENAMETOOLONG) */
int host_unix_bind(const char *path, u32 mode);
/* A socket without a name, to send from. */
int host_unix_socket(void);
/*
 * One datagram (cut at n), with the descriptors that came along: fds[0..*nfds), the caller's,
 * close-on-exec. Bytes; -EAGAIN: none. from may be NULL; len 0: the sender has no name.
 */
ssize host_unix_recv(int fd, void *buf, size_t n, struct host_unix_addr *from,
		     int fds[HOST_UNIX_FDS], int *nfds);
/* -EAGAIN: the peer's queue is full. to NULL: a connected socket. */
ssize host_unix_send(int fd, const void *buf, size_t n, const struct host_unix_addr *to);
int host_unix_addr(const char *path, struct host_unix_addr *out);	/* 0, -ENAMETOOLONG */

#endif
