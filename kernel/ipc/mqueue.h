/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues. A queue has a name of its own space and is used through descriptors. All
 * functions that take a file return -EBADF when it is not a queue.
 */
#ifndef IPC_MQUEUE_H
#define IPC_MQUEUE_H

#include "abi/mqueue.h"
#include "abi/signal.h"
#include "lib/types.h"

struct file;
struct mq_msg;

#define MQ_PRIO_MAX 32768

/* attr NULL: the defaults. flags: O_*. */
int mq_open(const char *name, u32 flags, u32 mode, const struct mq_attr *attr, struct file **out);
int mq_unlink(const char *name);
/* Room for a message of n bytes, filled by the caller before it is sent. NULL: no memory. */
struct mq_msg *mq_msg_alloc(size_t n, u32 prio, void **text);
void mq_msg_free(struct mq_msg *m);
/* deadline: CLOCK_MONOTONIC or KTIME_NEVER; -ETIMEDOUT. Takes m on success. Blocks. */
int mq_send(struct file *f, struct mq_msg *m, s64 deadline);
int mq_receive(struct file *f, size_t room, s64 deadline, struct mq_msg **out);
size_t mq_msg_size(const struct mq_msg *m);
u32 mq_msg_prio(const struct mq_msg *m);
const void *mq_msg_text(const struct mq_msg *m);
int mq_check_event(const sigevent_t *event);	/* 0, -EINVAL */
int mq_notify(struct file *f, const sigevent_t *event);	/* NULL: no more */
/* The old attributes; new NULL: only those. */
int mq_getsetattr(struct file *f, const struct mq_attr *new_attr, struct mq_attr *old);

#endif
