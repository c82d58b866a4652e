/* SPDX-License-Identifier: MIT */
/* What kcmp compares. */
#ifndef ABI_KCMP_H
#define ABI_KCMP_H

#include <linux/kcmp.h>

#endif
