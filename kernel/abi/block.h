/* SPDX-License-Identifier: MIT */
/* ioctls of block devices. */
#ifndef ABI_BLOCK_H
#define ABI_BLOCK_H

#include <linux/blkpg.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/loop.h>

#ifndef BLKGETDISKSEQ
#define BLKGETDISKSEQ _IOR(0x12, 128, __u64)
#endif

#endif
