/* SPDX-License-Identifier: MIT */
/* PATH_MAX and friends. */
#ifndef ABI_LIMITS_H
#define ABI_LIMITS_H

#include <linux/limits.h>

#endif
