/* SPDX-License-Identifier: MIT */
/*
 * The bitmap of a copy-on-write disk. In memory it is what the guest has done; in the file it is what a flush made
 * durable: a page of it is written only after the data that its bits speak of.
 */
#ifndef BLOCK_UBD_COW_H
#define BLOCK_UBD_COW_H

#include "lib/cow.h"

#define UBD_COW_COPY 64u		/* pages of the bitmap that one round of a flush writes: 1 GiB of disk */

struct ubd_cow {
	int fd, backing_fd;		/* fd is the ubd's; backing_fd is ours */
	u64 data_off, bitmap_off;
	unsigned int shift;		/* log2 of the sector size */
	u8 *bitmap;			/* pages; bits beyond the disk are 0 */
	u64 room;			/* bytes of it that the file has room for */
	u64 npages;
	u8 *dirty;			/* a bit for each page of the bitmap */
	u64 ndirty;
	/* The round under way. */
	u64 cursor;			/* pages before it are dealt with */
	unsigned int ncopied;
	u64 copied[UBD_COW_COPY];
	u8 *copy;			/* NULL: the file is read-only */
};

/* Reads the bitmap; takes backing_fd on success. 0, -ENOMEM, -EIO... May block. */
int ubd_cow_open(const struct cow_header *h, int fd, int backing_fd, bool write, struct ubd_cow **out);
void ubd_cow_free(struct ubd_cow *c);

/* Bytes from pos on, at most n, that lie in one file: *own says in which. nb */
u64 ubd_cow_run(const struct ubd_cow *c, u64 pos, u64 n, bool *own);
/* These bytes are in the COW file now. nb */
void ubd_cow_mark(struct ubd_cow *c, u64 pos, u64 n);

/*
 * A flush: begin; then rounds of prepare (under the kernel lock), write (anywhere) and, if that failed, undo, until
 * prepare finds nothing.
 */
void ubd_cow_begin(struct ubd_cow *c);		/* nb */
bool ubd_cow_prepare(struct ubd_cow *c);	/* nb */
int ubd_cow_write(struct ubd_cow *c);		/* data durable first, then the copied pages. May block */
void ubd_cow_undo(struct ubd_cow *c);		/* nb */
void ubd_cow_distrust(struct ubd_cow *c);	/* the host lost what it had: all is to be written again. nb */
/* All of that at once. May block. */
int ubd_cow_sync(struct ubd_cow *c);

#endif
