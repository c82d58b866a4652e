/* SPDX-License-Identifier: MIT */
/*
 * GUID partition tables (UEFI specification, chapter 5): the header in block 1 and its copy in the last block, each
 * with a checksum of itself and of the entries it names.
 */
#include "block/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "lib/alloc.h"
#include "lib/crc32.h"
#include "lib/endian.h"

#define HEADER_MIN 92u
#define ENTRY_MIN 128u
#define ENTRY_MAX 4096u
#define ENTRIES_MAX 1024u
#define NAME_UNITS 36

struct gpt_header {
	u64 first_usable, last_usable, entries_lba;
	u32 nentries, entry_size, entries_crc;
};

static bool is_protective(const u8 *mbr)
{
	if (get_le16(mbr + 510) != 0xaa55)
		return false;
	for (int i = 0; i < 4; i++)
		if (mbr[446 + 16 * i + 4] == 0xee)
			return true;
	return false;
}

static bool header_sum_ok(u8 *h, u32 size)
{
	u32 sum = get_le32(h + 16);

	memset(h + 16, 0, 4);
	return crc32_ieee(0, h, size) == sum;
}

/* h: one logical block, changed. */
static bool parse_header(const struct blk_table *t, u8 *h, u64 lba, struct gpt_header *out)
{
	u32 size = get_le32(h + 12);

	if (memcmp(h, "EFI PART", 8) || size < HEADER_MIN || size > t->disk->logical_size)
		return false;
	if (!header_sum_ok(h, size) || get_le64(h + 24) != lba)
		return false;
	*out = (struct gpt_header){
		.first_usable = get_le64(h + 40), .last_usable = get_le64(h + 48),
		.entries_lba = get_le64(h + 72), .nentries = get_le32(h + 80),
		.entry_size = get_le32(h + 84), .entries_crc = get_le32(h + 88),
	};
	return out->first_usable <= out->last_usable && out->last_usable <= t->last_lba &&
	       out->entries_lba <= t->last_lba && out->nentries <= ENTRIES_MAX &&
	       out->entry_size >= ENTRY_MIN && out->entry_size <= ENTRY_MAX && out->entry_size % 8 == 0;
}

/* The entries, checked; NULL: damaged or no memory. The caller frees. */
static u8 *read_entries(const struct blk_table *t, const struct gpt_header *h)
{
	u32 unit = t->disk->logical_size;
	size_t bytes = (size_t)h->nentries * h->entry_size, whole = ALIGN_UP(bytes, (size_t)unit);
	u8 *e = kmalloc(whole);

	if (!e)
		return NULL;
	if (blk_read(t->disk, h->entries_lba * unit, e, whole) || crc32_ieee(0, e, bytes) != h->entries_crc) {
		kfree(e);
		return NULL;
	}
	return e;
}

/* A GUID as text: its first three fields are little endian. */
static void guid_text(const u8 *g, char *out, size_t n)
{
	snprintf(out, n, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", get_le32(g), get_le16(g + 4),
		 get_le16(g + 6), g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]);
}

/* UTF-16 to UTF-8; what is no letter of the basic plane becomes "!". */
static void name_text(const u8 *name, char *out)
{
	for (int i = 0; i < NAME_UNITS; i++) {
		u32 c = get_le16(name + 2 * i);

		if (!c)
			break;
		if (c < 0x20 || c == 0x7f || (c >= 0xd800 && c < 0xe000))
			c = '!';
		if (c < 0x80) {
			*out++ = (char)c;
		} else if (c < 0x800) {
			*out++ = (char)(0xc0 | c >> 6);
			*out++ = (char)(0x80 | (c & 0x3f));
		} else {
			*out++ = (char)(0xe0 | c >> 12);
			*out++ = (char)(0x80 | (c >> 6 & 0x3f));
			*out++ = (char)(0x80 | (c & 0x3f));
		}
	}
	*out = 0;
}

static void add_entry(struct blk_table *t, const struct gpt_header *h, const u8 *e, int no)
{
	static const u8 unused[16];
	u64 first = get_le64(e + 32), last = get_le64(e + 40), unit = t->disk->logical_size;
	struct blk_part p = { .no = no };

	if (!memcmp(e, unused, sizeof(unused)) || first > last || first < h->first_usable || last > h->last_usable)
		return;
	p.start = first * unit;
	p.len = (last - first + 1) * unit;
	guid_text(e + 16, p.uuid, sizeof(p.uuid));
	name_text(e + 56, p.label);
	blk_table_add(t, &p);
}

/* The table whose header is at lba: true when it is whole. */
static bool try_table(struct blk_table *t, u8 *block, u64 lba)
{
	struct gpt_header h;
	u8 *e;

	if (blk_read(t->disk, lba * t->disk->logical_size, block, t->disk->logical_size) ||
	    !parse_header(t, block, lba, &h))
		return false;
	e = read_entries(t, &h);
	if (!e)
		return false;
	for (u32 i = 0; i < h.nentries && i < BLKDEV_PARTS - 1; i++)
		add_entry(t, &h, e + (size_t)i * h.entry_size, (int)i + 1);
	kfree(e);
	return true;
}

int blk_parse_gpt(struct blk_table *t, const u8 *mbr)
{
	u8 *block;
	bool ok;

	if (!is_protective(mbr))
		return 0;
	block = kmalloc(t->disk->logical_size);
	if (!block)
		return -ENOMEM;
	ok = try_table(t, block, 1);
	if (!ok) {
		ok = try_table(t, block, t->last_lba);
		if (ok)
			pr_warn("%s: primary GPT is invalid, using alternate GPT.", t->disk->name);
	}
	kfree(block);
	if (ok)
		t->kind = "gpt";
	return ok;
}
