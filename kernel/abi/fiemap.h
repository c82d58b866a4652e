/* SPDX-License-Identifier: MIT */
/* FS_IOC_FIEMAP. */
#ifndef ABI_FIEMAP_H
#define ABI_FIEMAP_H

#include <linux/fiemap.h>

#endif
