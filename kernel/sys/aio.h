/* SPDX-License-Identifier: MIT */
/* Asynchronous I/O contexts (aio.c). */
#ifndef SYS_AIO_H
#define SYS_AIO_H

struct process;

void aio_exit(struct process *p);	/* the contexts of a process that ends; never blocks */

#endif
