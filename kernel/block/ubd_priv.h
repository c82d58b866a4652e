/* SPDX-License-Identifier: MIT */
/*
 * Between the files of ubd: ubd.c (devices), ubd_config.c (the option), ubd_open.c (host files), ubd_io.c
 * (requests), ubd_cow.c (bitmaps).
 */
#ifndef BLOCK_UBD_PRIV_H
#define BLOCK_UBD_PRIV_H

#include "block/blkdev.h"
#include "block/ubd.h"

struct ubd_cow;

struct ubd {
	unsigned int index;
	/* As configured; file is NULL when the device is not. Strings are ours. */
	char *file, *backing, *serial;
	bool flag_r, flag_s, flag_d, flag_c, flag_t;
	/* Once opened. */
	bool opened;
	int fd;				/* of the file, or of the COW file */
	bool readonly;
	u64 size;			/* a multiple of the sector size */
	u32 sector;
	struct ubd_cow *cow;		/* NULL: no COW file */
	struct blkdev *bdev;		/* registered; the list of devices has the reference */
};

extern struct ubd ubds[UBD_MAX];
extern bool ubd_all_sync;		/* ubd=sync */

/* ubd_config.c. text as for ubd_setup(). 0 and *index (-1: no device was meant), or -errno and a static text. */
int ubd_parse(const char *text, int *index, const char **error);
int ubd_parse_unit(const char **text);	/* a number or a letter, -1: neither */
void ubd_forget(struct ubd *u);		/* back to not configured */

/* ubd_open.c: 0 or -errno (logged). Block. */
int ubd_open(struct ubd *u, const char **error);
void ubd_close(struct ubd *u);

/* ubd.c: registers an opened one. 0 or -errno. Blocks. */
int ubd_add(struct ubd *u);

/* ubd_ioctl.c: what only ubd has. -ENOIOCTLCMD_K: not that. Blocks. */
long ubd_ioctl(struct blkdev *b, bool write, u32 cmd, u64 arg);

/* ubd_io.c */
void ubd_submit(struct blkdev *b, struct blk_req *r);

#endif
