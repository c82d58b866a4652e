/* SPDX-License-Identifier: MIT */
/*
 * From the device: metadata through its page cache, which small reads share; blocks of contents past it, so that
 * they are not kept twice, and decompressed by a helper thread, because they take long.
 */
#include "fs/squashfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "core/offload.h"
#include "lib/alloc.h"
#include "lib/endian.h"
#include "mm/pagecache.h"

int sq_device_read(struct sqfs *fs, u64 pos, void *buf, size_t n)
{
	u8 *to = buf;

	if (pos > fs->s.bytes_used || n > fs->s.bytes_used - pos)
		return sq_error(fs, "%zu bytes at %llu are behind the end", n, (unsigned long long)pos);
	while (n) {
		size_t off = pos % PAGE_SIZE, part = MIN(n, PAGE_SIZE - off);
		void *page;
		int err = pagecache_pin(fs->device, pos / PAGE_SIZE, &page);

		if (err)
			return err;
		memcpy(to, (u8 *)page + off, part);
		pagecache_unpin(fs->device, pos / PAGE_SIZE, false);
		to += part;
		pos += part;
		n -= part;
	}
	return 0;
}

/* --- metadata --- */

static int unpack_meta(struct sqfs *fs, struct sq_entry *e, const u8 *in, u32 n, u32 size)
{
	ssize made = host_decompress(fs->codec, in, n, e->data, size);

	if (made == -ENOMEM)
		return -ENOMEM;
	if (made <= 0)
		return sq_error(fs, "Unable to read metadata block at %llu", (unsigned long long)e->pos);
	e->len = (u32)made;
	return 0;
}

static int fill_meta(struct sqfs *fs, struct sq_entry *e, u32 size)
{
	u8 head[2], *in;
	u32 n;
	int err;

	pagecache_readahead(fs->device, e->pos / PAGE_SIZE, 3);
	err = sq_device_read(fs, e->pos, head, sizeof(head));
	if (err)
		return err;
	n = get_le32((u8[4]){ head[0], head[1] });
	e->next = e->pos + 2 + (n & ~SQ_META_PLAIN);
	if (n & SQ_META_PLAIN) {
		n &= ~SQ_META_PLAIN;
		if (!n || n > size)
			return sq_error(fs, "metadata block of %u bytes at %llu", n, (unsigned long long)e->pos);
		e->len = n;
		return sq_device_read(fs, e->pos + 2, e->data, n);
	}
	if (!n || n > size)
		return sq_error(fs, "metadata block of %u bytes at %llu", n, (unsigned long long)e->pos);
	in = kmalloc(n);
	if (!in)
		return -ENOMEM;
	err = sq_device_read(fs, e->pos + 2, in, n);
	if (!err)
		err = unpack_meta(fs, e, in, n, size);
	kfree(in);
	return err;
}

int sq_meta_read(struct sqfs *fs, struct sq_cursor *c, void *buf, size_t n)
{
	u8 *to = buf;

	while (n) {
		struct sq_entry *e;
		size_t part;
		int err = sq_cache_get(fs, &fs->meta, c->block, 0, fill_meta, &e);

		if (err)
			return err;
		part = c->offset < e->len ? MIN(n, (size_t)(e->len - c->offset)) : 0;
		if (part && to) {
			memcpy(to, e->data + c->offset, part);
			to += part;
		}
		c->offset += (u32)part;
		n -= part;
		if (c->offset == e->len)
			*c = (struct sq_cursor){ e->next, 0 };
		sq_cache_put(&fs->meta, e);
		if (!part)
			return sq_error(fs, "place %llu:%u is not in its metadata block",
					(unsigned long long)c->block, c->offset);
	}
	return 0;
}

int sq_table_read(struct sqfs *fs, u64 list, u32 i, void *out, size_t size)
{
	u32 per = (u32)(SQ_META_SIZE / size);
	struct sq_cursor c = { .offset = i % per * (u32)size };
	u8 at[8];
	int err;

	if (list > fs->s.bytes_used)
		return sq_error(fs, "a table is behind the end");
	err = sq_device_read(fs, list + i / per * 8ULL, at, sizeof(at));
	if (err)
		return err;
	c.block = get_le64(at);
	return sq_meta_read(fs, &c, out, size);
}

/* --- blocks --- */

struct unpacking {
	enum host_codec codec;
	const u8 *in;
	u8 *out;
	u32 n, cap;
	ssize made;
};

static int unpack(void *arg)
{
	struct unpacking *u = arg;

	u->made = host_decompress(u->codec, u->in, u->n, u->out, u->cap);
	return 0;
}

static int unpack_block(struct sqfs *fs, struct sq_entry *e, const u8 *in, u32 n, u32 size)
{
	struct unpacking u = { fs->codec, in, e->data, n, size, 0 };

	if (e->word & SQ_BLOCK_PLAIN) {
		memcpy(e->data, in, n);
		u.made = n;
	} else {
		offload_call(unpack, &u);
	}
	if (u.made == -ENOMEM)
		return -ENOMEM;
	if (u.made <= 0)
		return sq_error(fs, "Unable to read data block at %llu, size %x", (unsigned long long)e->pos, e->word);
	e->len = (u32)u.made;
	return 0;
}

static int fill_block(struct sqfs *fs, struct sq_entry *e, u32 size)
{
	u32 n = e->word & ~SQ_BLOCK_PLAIN, sector = fs->bdev->logical_size;
	u64 start = ALIGN_DOWN(e->pos, (u64)sector), end;
	u8 *in;
	int err;

	if (!n || n > size || e->pos > fs->s.bytes_used || n > fs->s.bytes_used - e->pos)
		return sq_error(fs, "data block at %llu, size %x", (unsigned long long)e->pos, e->word);
	end = ALIGN_UP(e->pos + n, (u64)sector);
	in = kmalloc(end - start);
	if (!in)
		return -ENOMEM;
	err = blk_read(fs->bdev, start, in, end - start);
	if (!err)
		err = unpack_block(fs, e, in + (e->pos - start), n, size);
	kfree(in);
	return err;
}

int sq_block_get(struct sqfs *fs, struct sq_cache *c, u64 pos, u32 word, struct sq_entry **out)
{
	return sq_cache_get(fs, c, pos, word, fill_block, out);
}
