/* SPDX-License-Identifier: MIT */
/* POSIX message queues. */
#ifndef ABI_MQUEUE_H
#define ABI_MQUEUE_H

#include <linux/types.h>
#include <linux/mqueue.h>

#endif
