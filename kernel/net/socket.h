/* SPDX-License-Identifier: MIT */
/*
 * Sockets: what all families share. A struct sock belongs to an open file (file->private) and is
 * counted, because peers and messages in flight refer to it after the file is gone. A family
 * is a create function; a protocol fills struct sock_ops.
 *
 * All fields are under the kernel lock. Functions may block unless marked nb.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "abi/socket.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "lib/types.h"
#include "mm/iter.h"

struct file;
struct inode;
struct poll_table;
struct scm;
struct sock;

#define SOCKADDR_MAX 128
/* Shutdown bits. */
enum { RCV_SHUT = 1, SND_SHUT = 2, ALL_SHUT = 3 };

struct sockaddr_buf {
	int len;			/* 0: none */
	union {
		u16 family;
		u8 bytes[SOCKADDR_MAX];
	};
};

/* One message on its way through sendmsg or recvmsg. */
struct msg {
	struct sockaddr_buf name;	/* send: to; recv: from */
	struct iter *iter;
	u32 flags;			/* MSG_* of the call; O_NONBLOCK is in it as MSG_DONTWAIT */
	u32 out_flags;			/* recv: msg_flags */
	u8 *control;			/* kernel memory; send: as given, recv: room */
	size_t controllen;		/* send: bytes; recv: room */
	size_t control_used;		/* recv */
};

struct sock_ops {
	int family;
	/* The file is gone; drop what the protocol holds. The sock itself goes with its last reference. */
	void (*release)(struct sock *sk);
	void (*destroy)(struct sock *sk);	/* last reference: free; nb */
	int (*bind)(struct sock *sk, const struct sockaddr_buf *addr);
	int (*connect)(struct sock *sk, const struct sockaddr_buf *addr, bool nonblock);
	int (*listen)(struct sock *sk, int backlog);
	int (*accept)(struct sock *sk, bool nonblock, struct sock **out);	/* a reference */
	int (*socketpair)(struct sock *a, struct sock *b);
	int (*getname)(struct sock *sk, struct sockaddr_buf *addr, bool peer);
	u32 (*poll)(struct file *f, struct sock *sk, struct poll_table *pt);
	ssize (*sendmsg)(struct sock *sk, struct msg *m);
	ssize (*recvmsg)(struct sock *sk, struct msg *m);
	int (*shutdown)(struct sock *sk, int how);
	long (*ioctl)(struct sock *sk, u32 cmd, u64 arg);	/* optional; -ENOIOCTLCMD_K */
	/* Levels other than SOL_SOCKET, and options of it that the table does not know. Optional. */
	int (*setsockopt)(struct sock *sk, int level, int name, const void *val, int len);
	int (*getsockopt)(struct sock *sk, int level, int name, void *val, int *len);
	void (*write_space)(struct sock *sk);	/* wmem went down; optional, nb */
};

struct sock {
	struct refcount ref;
	const struct sock_ops *ops;
	int type, protocol;
	struct file *file;		/* borrowed, NULL when closed */
	struct wait_queue wq;		/* everything that may happen to this socket */
	u32 shutdown;			/* RCV_SHUT, SND_SHUT */
	int err;			/* pending error, positive */
	bool listening;
	size_t wmem;			/* bytes of ours that others have not read yet */
	int sndbuf, rcvbuf;
	ktime_t rcvtimeo, sndtimeo;	/* 0: for ever */
	u32 opts;			/* SOCK_OPT_* */
	int rcvlowat, priority, peek_off;
	u32 mark;
	struct linger_k linger;
	struct ucred_k peercred;
};

enum {
	SOCK_OPT_DEBUG = 1, SOCK_OPT_REUSEADDR = 2, SOCK_OPT_REUSEPORT = 4, SOCK_OPT_DONTROUTE = 8,
	SOCK_OPT_BROADCAST = 16, SOCK_OPT_KEEPALIVE = 32, SOCK_OPT_OOBINLINE = 64,
	SOCK_OPT_PASSCRED = 128, SOCK_OPT_TIMESTAMP = 256, SOCK_OPT_TIMESTAMPNS = 512,
	SOCK_OPT_NO_CHECK = 1024, SOCK_OPT_PASSSEC = 2048, SOCK_OPT_RXQ_OVFL = 4096,
};

/* A family's constructor: type is without flags. *out: a reference. */
struct net_family {
	int family;
	int (*create)(int type, int protocol, struct sock **out);
};
extern const struct net_family *const net_families[];	/* table.c, NULL terminated */

/* --- socket.c --- */
void sock_init(struct sock *sk, const struct sock_ops *ops, int type, int protocol);	/* nb */
struct sock *sock_get(struct sock *sk);			/* returns a reference; nb */
void sock_put(struct sock *sk);				/* takes; nb */
int sock_create(int family, int type, int protocol, struct sock **out);
/* A file for sk; takes sk on success only. flags: O_NONBLOCK. */
int sock_file(struct sock *sk, u32 flags, struct file **out);
struct sock *file_sock(const struct file *f);		/* borrowed, NULL: not a socket; nb */
void sock_wake(struct sock *sk, u32 events);		/* nb */
int sock_error(struct sock *sk);			/* takes the pending error: 0 or negative; nb */
void sock_set_error(struct sock *sk, int err);		/* positive; wakes; nb */

/* When a call with this socket's timeout must end. 0: it must not sleep at all. nb */
ktime_t sock_deadline(ktime_t timeo, bool nonblock);
/*
 * One sleep on wq. -EAGAIN: the time is over; -ERESTARTSYS, or -EINTR when the call had a timeout.
 */
int sock_sleep(struct wait_queue *wq, ktime_t deadline, const char *reason) __must_check;

/* --- sockopt.c --- */
int sock_setopt(struct sock *sk, int level, int name, const void *val, int len);
int sock_getopt(struct sock *sk, int level, int name, void *val, int *len);	/* val: room for *len bytes */

/* --- scm.c: credentials and files in flight --- */
struct scm {
	struct refcount ref;
	struct list_head node;		/* when dying */
	struct ucred_k cred;
	int nfiles;
	struct file **files;		/* references */
};
/* What a send's control bytes say. *out: a reference; always has cred of current. */
int scm_send(const struct msg *m, struct scm **out);
struct scm *scm_get(struct scm *s);			/* nb */
void scm_put(struct scm *s);
struct scm *scm_cred_only(const struct scm *s);	/* a copy without files; NULL: no memory; nb */
/* Control messages of a received message. May block. */
void scm_recv(struct sock *sk, struct msg *m, struct scm *s);
/* Appends one control message; sets MSG_CTRUNC when it does not fit. nb */
void msg_put_cmsg(struct msg *m, int level, int type, const void *data, size_t len);
/* Set by unix/gc.c: counts files in flight. nb */
void unix_inflight(struct file *f, int delta);
int unix_inflight_total(void);

#endif
