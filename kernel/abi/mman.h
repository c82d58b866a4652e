/* SPDX-License-Identifier: MIT */
/* mmap, mprotect, madvise, mremap, memfd and mlock flags. */
#ifndef ABI_MMAN_H
#define ABI_MMAN_H

#include <linux/mman.h>
#include <linux/memfd.h>

#endif
