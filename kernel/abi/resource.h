/* SPDX-License-Identifier: MIT */
/* rlimits and rusage. */
#ifndef ABI_RESOURCE_H
#define ABI_RESOURCE_H

#include <linux/resource.h>

#endif
