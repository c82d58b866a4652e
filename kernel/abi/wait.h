/* SPDX-License-Identifier: MIT */
/* wait4 and waitid options. */
#ifndef ABI_WAIT_H
#define ABI_WAIT_H

#include <linux/wait.h>

#endif
