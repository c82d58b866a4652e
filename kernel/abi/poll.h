/* SPDX-License-Identifier: MIT */
/* poll, epoll, eventfd, signalfd constants. */
#ifndef ABI_POLL_H
#define ABI_POLL_H

#include <asm/poll.h>
#include <linux/eventpoll.h>
#include <linux/signalfd.h>

/* linux/eventfd.h is younger than the headers we build with. */
#define EFD_SEMAPHORE 1
#define EFD_CLOEXEC 02000000
#define EFD_NONBLOCK 00004000

#endif
