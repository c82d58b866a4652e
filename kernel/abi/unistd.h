/* SPDX-License-Identifier: MIT */
/* System call numbers. */
#ifndef ABI_UNISTD_H
#define ABI_UNISTD_H

#include <asm/unistd.h>

#endif
