/* SPDX-License-Identifier: MIT */
/* getrandom flags. */
#ifndef ABI_RANDOM_H
#define ABI_RANDOM_H

#include <linux/random.h>

#endif
