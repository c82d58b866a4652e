/* SPDX-License-Identifier: MIT */
/*
 * The format of copy-on-write files: a header that names the backing file, a bitmap of the sectors that are in the
 * file itself, and these sectors, each at its own place. Versions 1, 2, 3 and the broken form of 3 that early 64-bit
 * programs wrote ("3B") are read; version 3 is written. docs/disks.md has the layout.
 *
 * Pure functions over bytes: the kernel and the tools do the reading and writing.
 */
#ifndef LIB_COW_H
#define LIB_COW_H

#include "lib/types.h"

#define COW_HEADER_MAX 4136u		/* bytes to read from the start of a file */
#define COW_HEADER_V3 4128u		/* bytes of a new one */
#define COW_NAME_MAX 4095u
#define COW_SECTOR 512u			/* of new files */
#define COW_ALIGN 4096u

struct cow_header {
	int version;
	bool broken;			/* 3B */
	char backing[COW_NAME_MAX + 1];
	u32 mtime;			/* of the backing file: seconds, the low 32 bits */
	u64 size;			/* of the backing file: bytes of the disk */
	u32 sector, align;
	u64 bitmap_off, bitmap_len;	/* as the format has it; versions 1 and 2 round it down */
	u64 data_off;			/* of sector 0 */
};

enum cow_result {
	COW_OK,
	COW_NONE,			/* no magic number: not such a file */
	COW_SHORT, COW_SHORT_V1, COW_SHORT_V2, COW_SHORT_V3,
	COW_BAD_ALIGN, COW_BAD_VERSION,
	COW_BAD_SECTOR,			/* no power of two from 512 to 4096 */
	COW_BAD_FORMAT,			/* of version 3: no bitmap */
	COW_BAD_NAME,			/* empty, or without an end */
	COW_BAD_SIZE,
};

/* buf: the first n bytes of a file. out is written on COW_OK only. */
enum cow_result cow_parse(const void *buf, size_t n, struct cow_header *out);
/* What UML says; NULL for COW_OK and COW_NONE. Static. */
const char *cow_text(enum cow_result r);

/* A new version 3 header for a backing file: size not 0, name absolute. The offsets are filled in. */
enum cow_result cow_new(struct cow_header *h, const char *backing, u64 size, u32 mtime, u32 align);
/* Its bytes: COW_HEADER_V3. */
void cow_build(const struct cow_header *h, void *buf);
/* Another backing file in the bytes of a header that was parsed. COW_BAD_NAME: too long for that version. */
enum cow_result cow_patch(void *buf, struct cow_header *h, const char *backing, u32 mtime);

static inline u64 cow_sectors(const struct cow_header *h)
{
	return (h->size + h->sector - 1) / h->sector;
}

/* Bytes of bitmap that there is room for; older versions have too little for some sizes. */
u64 cow_bitmap_room(const struct cow_header *h);
static inline u64 cow_bitmap_need(const struct cow_header *h)
{
	return (cow_sectors(h) + 7) / 8;
}

static inline bool cow_bit(const u8 *bitmap, u64 sector)
{
	return bitmap[sector / 8] >> sector % 8 & 1;
}

#endif
