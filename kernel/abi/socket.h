/* SPDX-License-Identifier: MIT */
/*
 * Socket addresses, options and message flags. The kernel's user headers leave the numbers of families,
 * types and message flags and a few structures to the C library: they are written here.
 */
#ifndef ABI_SOCKET_H
#define ABI_SOCKET_H

#include <linux/socket.h>
#include <linux/un.h>
#include <asm/socket.h>
#include <linux/sockios.h>
#include <linux/net.h>
#include <linux/uio.h>

#include "lib/types.h"

enum { AF_UNSPEC_K = 0, AF_UNIX_K = 1, AF_INET_K = 2, AF_INET6_K = 10, AF_NETLINK_K = 16, AF_MAX_K = 46 };
enum { SOCK_STREAM_K = 1, SOCK_DGRAM_K, SOCK_RAW_K, SOCK_RDM_K, SOCK_SEQPACKET_K, SOCK_MAX_K = 11,
       SOCK_TYPE_MASK_K = 0xf };
#define SOCK_CLOEXEC_K 02000000
#define SOCK_NONBLOCK_K 00004000
#define SOL_NETLINK_K 270
#define SOMAXCONN_K 4096

enum {
	MSG_OOB_K = 1, MSG_PEEK_K = 2, MSG_DONTROUTE_K = 4, MSG_CTRUNC_K = 8, MSG_TRUNC_K = 0x20,
	MSG_DONTWAIT_K = 0x40, MSG_EOR_K = 0x80, MSG_WAITALL_K = 0x100, MSG_CONFIRM_K = 0x800,
	MSG_ERRQUEUE_K = 0x2000, MSG_NOSIGNAL_K = 0x4000, MSG_MORE_K = 0x8000,
	MSG_WAITFORONE_K = 0x10000, MSG_BATCH_K = 0x40000, MSG_CMSG_CLOEXEC_K = 0x40000000,
};

enum { SHUT_RD_K, SHUT_WR_K, SHUT_RDWR_K };
enum { SCM_RIGHTS_K = 1, SCM_CREDENTIALS_K = 2 };
#define SCM_MAX_FD_K 253

struct ucred_k {
	s32 pid;
	u32 uid, gid;
};

struct linger_k {
	s32 onoff, linger;
};

struct msghdr_k {
	uaddr_t name;
	s32 namelen;
	uaddr_t iov;
	u64 iovlen;
	uaddr_t control;
	u64 controllen;
	u32 flags;
};

struct mmsghdr_k {
	struct msghdr_k hdr;
	u32 len;
};

/* The header of one control message; the data follows, all is padded to 8 bytes. */
struct cmsghdr_k {
	u64 len;		/* header and data */
	s32 level, type;
};
#define CMSG_ALIGN_K(n) ALIGN_UP((u64)(n), 8)
#define CMSG_LEN_K(n) (sizeof(struct cmsghdr_k) + (n))

#endif
