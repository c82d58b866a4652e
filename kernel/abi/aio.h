/* SPDX-License-Identifier: MIT */
/* Asynchronous I/O contexts. */
#ifndef ABI_AIO_H
#define ABI_AIO_H

#include <linux/aio_abi.h>

#endif
