/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets: the object and what the files of this folder share.
 *
 *   unix.c    life: create, bind, connect, listen, accept, shutdown, poll
 *   name.c    addresses: parsing, the abstract name space, sockets bound to files
 *   stream.c  sending and receiving byte streams;  dgram.c: messages
 *   gc.c      files in flight whose only references are in flight, too
 *
 * A connected socket holds a reference to its peer. A message in flight holds one to its sender, whose
 * wmem it charges. Everything is under the kernel lock; only the copies to and from the guest give way.
 */
#ifndef NET_UNIX_UNIX_H
#define NET_UNIX_UNIX_H

#include "core/lock.h"
#include "lib/list.h"
#include "net/socket.h"

#define UNIX_PATH_OFF 2			/* sizeof(sa_family_t) */
#define UNIX_MAX_DGRAM_QLEN 10
#define UMSG_OVERHEAD 704		/* what a message costs besides its bytes, about as in Linux */

/* A name, shared by a listener and the sockets it accepts. */
struct uname {
	struct refcount ref;
	int len;			/* with the family */
	bool abstract;
	u8 bytes[112];
};

enum ustate { U_IDLE, U_CONNECTED, U_LISTEN };

struct usock {
	struct sock sk;
	struct list_head all_node;		/* in unix_all */
	enum ustate state;
	bool dead;				/* released: nobody can send to it */
	struct usock *peer;			/* reference */
	struct list_head conns, conn_node;	/* datagram sockets whose peer we are */
	struct uname *name;
	struct inode *inode;			/* bound to this file: reference */
	struct list_head hash_node;		/* abstract names */
	struct list_head rxq;			/* struct umsg */
	int rxlen;
	struct wait_queue room_wq;		/* senders and connectors wait for room in our queue */
	struct mutex rdlock;			/* one stream reader at a time */
	struct list_head pending;		/* listener: connections, by pend_node */
	struct list_head pend_node;
	int npending, backlog;
	int inflight;				/* how often our file is in a message */
	bool reachable;				/* gc */
};

struct umsg {
	struct refcount ref;
	struct list_head node;
	struct usock *from;			/* reference; wmem charged there */
	struct scm *scm;			/* reference */
	struct uname *name;			/* of the sender: reference, NULL */
	size_t off, len;			/* unread bytes: data[off .. off + len) */
	size_t charge;
	u8 data[];
};

extern struct list_head unix_all;

static inline struct usock *usk(struct sock *sk)
{
	return container_of(sk, struct usock, sk);
}

/* unix.c. All nb. */
bool unix_writable(const struct usock *u);
bool unix_recvq_full(const struct usock *u);
void unix_disconnect_peer(struct usock *u);		/* drops u->peer */
void unix_set_peer(struct usock *u, struct usock *peer);	/* datagram; takes a reference of its own */

/* name.c */
struct uname *uname_get(struct uname *n);		/* NULL is fine; nb */
void uname_put(struct uname *n);
/* Checks a sockaddr: 0 or -EINVAL; len 2 asks for autobind. nb */
int unix_check_addr(const struct sockaddr_buf *a);
int unix_bind(struct sock *sk, const struct sockaddr_buf *a);
int unix_autobind(struct usock *u);			/* nothing when it has a name; nb */
void unix_unbind(struct usock *u);			/* the name can be used again */
/* The socket with this name and type; a reference. -ECONNREFUSED, -EPROTOTYPE, errors of the path. */
int unix_find(const struct sockaddr_buf *a, int type, struct usock **out);
void unix_copy_name(const struct uname *n, struct sockaddr_buf *out);	/* nb */

/* message.c */
/* Room for n bytes, charged to from, when it may send that much; waits for room until deadline. */
int umsg_alloc(struct usock *from, size_t n, ktime_t deadline, struct umsg **out);
void umsg_get(struct umsg *m);				/* nb */
void umsg_put(struct umsg *m);
void umsg_queue(struct usock *to, struct umsg *m);	/* takes m; wakes; nb */
struct umsg *umsg_first(struct usock *u);		/* borrowed, NULL; nb */
void umsg_unqueue(struct usock *u, struct umsg *m);	/* the queue's reference is now the caller's; nb */
void unix_purge(struct usock *u);

extern const struct sock_ops unix_stream_ops, unix_dgram_ops, unix_seqpacket_ops;

/* stream.c, dgram.c */
ssize unix_stream_send(struct sock *sk, struct msg *m);
ssize unix_stream_recv(struct sock *sk, struct msg *m);
ssize unix_dgram_send(struct sock *sk, struct msg *m);
ssize unix_dgram_recv(struct sock *sk, struct msg *m);
ssize unix_seqpacket_send(struct sock *sk, struct msg *m);
ssize unix_seqpacket_recv(struct sock *sk, struct msg *m);

/* gc.c: frees circles of sockets in flight. */
void unix_gc(void);

#endif
