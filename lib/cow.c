/* SPDX-License-Identifier: MIT */
/*
 * Headers of copy-on-write files. Fields by offset: the versions differ in order, size and padding, so a table says
 * where each has what. Everything read is checked here, so that users may calculate with it.
 */
#include "lib/cow.h"

#include <string.h>

#include "lib/endian.h"

#define MAGIC 0x4f4f4f4du		/* "OOOM" in big endian */
#define SIZE_MAX_COW (1ULL << 60)

struct form {
	u32 len;			/* of the header */
	u32 name, name_len, mtime, size, sector;
	u32 align, format;		/* 0: has none */
	enum cow_result too_short;
};

static const struct form forms[] = {
	[1] = { 280, 8, 256, 264, 268, 276, 0, 0, COW_SHORT_V1 },
	[2] = { 4120, 8, 4096, 4104, 4108, 4116, 0, 0, COW_SHORT_V2 },
	[3] = { 4128, 32, 4096, 8, 12, 20, 24, 28, COW_SHORT_V3 },
	[4] = { 4136, 36, 4096, 8, 16, 24, 28, 32, COW_SHORT_V3 },	/* 3B: 64-bit time, padding */
};
#define FORM_3B 4
#define LEN_3B_USED 4132u

static const struct form *form_of(const struct cow_header *h)
{
	return &forms[h->broken ? FORM_3B : h->version];
}

/* Version 1 is in the byte order of whoever wrote it, which the magic number shows. */
static u32 get32(const void *p, bool little)
{
	return little ? get_le32(p) : get_be32(p);
}

static u64 round_up(u64 n, u64 to)
{
	return (n + to - 1) / to * to;
}

static void layout(struct cow_header *h)
{
	u64 len = form_of(h)->len;

	if (h->version < 3) {
		h->bitmap_off = len;
		h->bitmap_len = (h->size + h->sector - 1) / (8 * (u64)h->sector);
		h->data_off = round_up(h->bitmap_off + h->bitmap_len, h->sector);
	} else {
		h->bitmap_off = round_up(len, h->align);
		h->bitmap_len = cow_bitmap_need(h);
		h->data_off = round_up(h->bitmap_off + h->bitmap_len, h->align);
	}
}

static enum cow_result check(const struct cow_header *h)
{
	if (h->sector < 512 || h->sector > 4096 || (h->sector & (h->sector - 1)))
		return COW_BAD_SECTOR;
	if (!h->align || h->align > 1u << 30)
		return COW_BAD_ALIGN;
	if (!h->size || h->size > SIZE_MAX_COW)
		return COW_BAD_SIZE;
	return COW_OK;
}

/* buf has all of a header of form f. */
static enum cow_result parse_fields(const u8 *buf, const struct form *f, bool little, struct cow_header *h)
{
	enum cow_result r;

	if (!buf[f->name] || !memchr(buf + f->name, 0, f->name_len))
		return COW_BAD_NAME;
	strcpy(h->backing, (const char *)buf + f->name);
	h->mtime = get32(buf + f->mtime, little);
	h->size = little ? get_le64(buf + f->size) : get_be64(buf + f->size);
	h->sector = get32(buf + f->sector, little);
	h->align = f->align ? get32(buf + f->align, little) : h->sector;
	if (f->format && get32(buf + f->format, little))
		return COW_BAD_FORMAT;
	r = check(h);
	if (!r)
		layout(h);
	return r;
}

enum cow_result cow_parse(const void *buf, size_t n, struct cow_header *out)
{
	const u8 *b = buf;
	struct cow_header h = { .version = 0 };
	const struct form *f;
	enum cow_result r;
	bool little;

	if (n < 8)
		return COW_SHORT;
	little = get_le32(b) == MAGIC;
	if (!little && get_be32(b) != MAGIC)
		return COW_NONE;
	if (get32(b + 4, little) < 1 || get32(b + 4, little) > 3)
		return COW_BAD_VERSION;
	h.version = (int)get32(b + 4, little);
	h.broken = h.version == 3 && n >= LEN_3B_USED && !get_le32(b + forms[3].name);
	f = form_of(&h);
	if (n < MIN(f->len, LEN_3B_USED))
		return f->too_short;
	r = parse_fields(b, f, little && h.version == 1, &h);
	if (!r)
		*out = h;
	return r;
}

const char *cow_text(enum cow_result r)
{
	static const char *const texts[] = {
		[COW_SHORT] = "read_cow_header - short header",
		[COW_SHORT_V1] = "read_cow_header - failed to read V1 header",
		[COW_SHORT_V2] = "read_cow_header - failed to read V2 header",
		[COW_SHORT_V3] = "read_cow_header - failed to read V3 header",
		[COW_BAD_ALIGN] = "read_cow_header - invalid COW header, align == 0",
		[COW_BAD_VERSION] = "read_cow_header - invalid COW version",
		[COW_BAD_SECTOR] = "read_cow_header - invalid COW header, bad sector size",
		[COW_BAD_FORMAT] = "read_cow_header - invalid COW header, unknown format",
		[COW_BAD_NAME] = "read_cow_header - invalid COW header, bad backing file name",
		[COW_BAD_SIZE] = "read_cow_header - invalid COW header, bad size",
	};

	return (size_t)r < ARRAY_SIZE(texts) ? texts[r] : NULL;
}

enum cow_result cow_new(struct cow_header *h, const char *backing, u64 size, u32 mtime, u32 align)
{
	size_t n = strlen(backing);
	enum cow_result r;

	if (!n || n > COW_NAME_MAX)
		return COW_BAD_NAME;
	memset(h, 0, sizeof(*h));
	memcpy(h->backing, backing, n + 1);
	h->version = 3;
	h->size = size;
	h->mtime = mtime;
	h->sector = COW_SECTOR;
	h->align = align;
	r = check(h);
	if (!r)
		layout(h);
	return r;
}

void cow_build(const struct cow_header *h, void *buf)
{
	const struct form *f = &forms[3];
	u8 *b = buf;

	memset(b, 0, f->len);
	put_be32(b, MAGIC);
	put_be32(b + 4, 3);
	put_be32(b + f->mtime, h->mtime);
	put_be64(b + f->size, h->size);
	put_be32(b + f->sector, h->sector);
	put_be32(b + f->align, h->align);
	put_be32(b + f->format, 0);
	strcpy((char *)b + f->name, h->backing);
}

enum cow_result cow_patch(void *buf, struct cow_header *h, const char *backing, u32 mtime)
{
	const struct form *f = form_of(h);
	size_t n = strlen(backing);
	u8 *b = buf;

	if (!n || n >= f->name_len)
		return COW_BAD_NAME;
	memset(b + f->name, 0, f->name_len);
	memcpy(b + f->name, backing, n);
	if (h->version == 1 && get_le32(b) == MAGIC)
		memcpy(b + f->mtime, &mtime, sizeof(mtime));
	else
		put_be32(b + f->mtime, mtime);
	strcpy(h->backing, backing);
	h->mtime = mtime;
	return COW_OK;
}

u64 cow_bitmap_room(const struct cow_header *h)
{
	return MIN(cow_bitmap_need(h), h->data_off - h->bitmap_off);
}
