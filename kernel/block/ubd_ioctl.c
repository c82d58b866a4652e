/* SPDX-License-Identifier: MIT */
/*
 * ioctls that a ubd disk answers itself, as UML's does: it looks like a disk of those days, and a bit like a CD drive.
 */
#include "block/ubd_priv.h"

#include <string.h>

#include "abi/block.h"
#include "abi/errno.h"
#include "mm/user.h"

#define HEADS 128
#define SECTORS 32
#define LOUDEST 255

static long get_identity(struct blkdev *b, u64 arg)
{
	struct hd_driveid id;

	memset(&id, 0, sizeof(id));
	id.cyls = (u16)(b->size / (HEADS * SECTORS * SECTOR_SIZE));
	id.heads = HEADS;
	id.sectors = SECTORS;
	return copy_to_user(arg, &id, sizeof(id));
}

static long get_volume(struct blkdev *b, u64 arg)
{
	struct cdrom_volctrl v = { LOUDEST, LOUDEST, LOUDEST, LOUDEST };

	return copy_to_user(arg, &v, sizeof(v));
}

long ubd_ioctl(struct blkdev *b, bool write, u32 cmd, u64 arg)
{
	if (cmd == HDIO_GET_IDENTITY)
		return get_identity(b, arg);
	return cmd == CDROMVOLREAD ? get_volume(b, arg) : -ENOIOCTLCMD_K;
}
