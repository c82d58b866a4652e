/* SPDX-License-Identifier: MIT */
/* System V IPC: shared memory, semaphores, message queues. */
#ifndef ABI_IPC_H
#define ABI_IPC_H

#include <linux/ipc.h>
#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>

/* The kernel keeps these to itself; they are ABI all the same. */
#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif
#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif

#endif
