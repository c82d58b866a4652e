/* SPDX-License-Identifier: MIT */
/* Advice on files. */
#ifndef ABI_FADVISE_H
#define ABI_FADVISE_H

#include <linux/fadvise.h>

#endif
