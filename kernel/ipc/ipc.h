/* SPDX-License-Identifier: MIT */
/*
 * System V IPC: what its three kinds of objects share (keys, numbers, rights), and the three
 * kinds. Guest addresses end in sys/ipc.c; here are kernel values only.
 *
 * Objects are counted: the table holds a reference, a sleeper holds one. A removed object is dead: who
 * wakes up and finds it so fails with EIDRM.
 */
#ifndef IPC_IPC_H
#define IPC_IPC_H

#include "abi/ipc.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "lib/types.h"

#define IPC_SLOTS 32768

struct ipc_obj {
	struct refcount ref;
	int id, key;
	u32 uid, gid, cuid, cgid, mode;
	u16 seq;
	bool dead;
};

struct ipc_table {
	struct ipc_obj **slot;
	int cap;		/* slots allocated */
	int used;
	int low;		/* no slot below is free */
	u16 seq;
	int next_id;		/* wished for the next object: /proc/sys/kernel/..._next_id; -1: none */
	void (*free)(struct ipc_obj *o);	/* last reference */
};

/* All nb: never block. */
int ipc_add(struct ipc_table *t, struct ipc_obj *o, int key, u32 mode);	/* takes o on success: the id, -ENOSPC, -ENOMEM */
void ipc_remove(struct ipc_table *t, struct ipc_obj *o);	/* dead from now on; drops the table's reference */
struct ipc_obj *ipc_find(struct ipc_table *t, int id);		/* borrowed; NULL: EINVAL */
struct ipc_obj *ipc_at(struct ipc_table *t, int index);		/* borrowed, NULL */
struct ipc_obj *ipc_find_key(struct ipc_table *t, int key);	/* borrowed, NULL */
int ipc_max_index(const struct ipc_table *t);			/* -1: empty */
void ipc_get(struct ipc_obj *o);
void ipc_put(struct ipc_table *t, struct ipc_obj *o);
int ipc_allowed(const struct ipc_obj *o, u32 mode);		/* S_IRUGO, S_IWUGO bits; 0 or -EACCES */
int ipc_may_control(const struct ipc_obj *o);			/* IPC_SET, IPC_RMID: 0 or -EPERM */
void ipc_fill_perm(const struct ipc_obj *o, struct ipc64_perm *p);
int ipc_set_perm(struct ipc_obj *o, const struct ipc64_perm *p);	/* 0 or -EINVAL */
s64 ipc_now(void);						/* seconds */

/*
 * The start of every xxxget(): finds key or says that a new object is wanted.
 * The id's object in *out, or NULL and 0: create. -ENOENT, -EEXIST, -EACCES.
 */
int ipc_lookup_get(struct ipc_table *t, int key, u32 flags, struct ipc_obj **out);

/* --- shared memory (shm.c) --- */
struct mm;
struct uthread;
struct shm {
	struct ipc_obj o;
	struct backing *backing;
	struct backing *ro;	/* for SHM_RDONLY, while it is attached so; borrowed, NULL */
	u64 size;
	s64 mapped;		/* pages, by backing_ops.mapped */
	bool destroy, locked;
	s64 atime, dtime, ctime;
	int cpid, lpid;
};
extern struct ipc_table shm_table;
int shm_get(int key, u64 size, u32 flags);
s64 shm_attach(struct mm *mm, struct uthread *ut, int id, u64 addr, u32 flags);	/* blocks */
int shm_detach(struct mm *mm, struct uthread *ut, u64 addr);			/* blocks */
void shm_remove(struct shm *s);
u64 shm_nattch(const struct shm *s);
u64 shm_total_pages(void);

/* --- semaphores (sem.c) --- */
struct sem {
	int val;
	int pid;		/* of the last operation */
};
struct sem_set {
	struct ipc_obj o;
	struct list_head waiters;	/* struct sem_wait, oldest first */
	s64 otime, ctime;
	u32 n;
	struct sem sem[];
};
extern struct ipc_table sem_table;
struct process;
int sem_get(int key, int n, u32 flags);
/* deadline: CLOCK_MONOTONIC or KTIME_NEVER. Blocks. */
long sem_op(int id, const struct sembuf *ops, u32 n, s64 deadline);
void sem_set_values(struct sem_set *s, const u16 *vals);		/* SETALL */
void sem_set_value(struct sem_set *s, u32 i, int val);			/* SETVAL */
u32 sem_waiters(const struct sem_set *s, u32 i, bool zero);		/* GETZCNT, GETNCNT */
void sem_remove(struct sem_set *s);
bool sem_has_undo(const struct process *p);
u64 sem_total(void);							/* semaphores in all sets */
void sem_exit(struct process *p);					/* undo what SEM_UNDO recorded */

/* --- message queues (msg.c) --- */
struct msg_queue {
	struct ipc_obj o;
	struct list_head msgs;
	u64 bytes, count, max;
	s64 stime, rtime, ctime;
	int lspid, lrpid;
	struct wait_queue *wq;
};
extern struct ipc_table msg_table;
int msg_get(int key, u32 flags);
struct msg;
struct msg *msg_alloc(size_t size, void **text);	/* NULL: no memory */
void msg_free(struct msg *m);
int msg_send(int id, struct msg *m, long type, u32 flags);	/* takes m on success; blocks */
/* A message of at most size bytes (longer: -E2BIG unless MSG_NOERROR); blocks. */
int msg_receive(int id, size_t size, long type, u32 flags, struct msg **out);
size_t msg_size(const struct msg *m);
long msg_type(const struct msg *m);
const void *msg_text(const struct msg *m);
void msg_remove(struct msg_queue *q);
u64 msg_total(u64 *bytes);				/* messages in all queues */

#endif
