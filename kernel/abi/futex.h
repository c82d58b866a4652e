/* SPDX-License-Identifier: MIT */
/* futex operations and robust lists. */
#ifndef ABI_FUTEX_H
#define ABI_FUTEX_H

#include <linux/futex.h>

#endif
