/* SPDX-License-Identifier: MIT */
/*
 * Streams of xz, Zstandard and old LZ4 into a buffer that grows. The libraries take their memory from the kernel's
 * allocator, and so much as their limits say.
 */
#include "host/decompress/stream.h"

#include <errno.h>
#include <lz4.h>
#include <lzma.h>
#include <string.h>
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "lib/alloc.h"
#include "lib/endian.h"

#define FIRST_SIZE (1UL << 20)
#define MAX_SIZE (1UL << 30)
#define XZ_LIMIT (128UL << 20)		/* xz -9 wants 65 MiB */
#define ZSTD_WINDOW_LOG_MAX_K 27	/* what the zstd program takes without being told otherwise */
#define LZ4_BLOCK (8UL << 20)		/* what a block of the old format holds at most */

struct buffer {
	u8 *p;
	size_t len, cap;
};

/* Room for n bytes more. 0, -EINVAL: that would be too much, -ENOMEM. */
static int grow(struct buffer *b, size_t n)
{
	size_t cap = b->cap ? b->cap : FIRST_SIZE;
	u8 *p;

	while (cap - b->len < n)
		cap *= 2;
	if (cap == b->cap)
		return 0;
	if (cap > MAX_SIZE)
		return -EINVAL;
	p = krealloc(b->p, cap);
	if (!p)
		return -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

static int finish(struct buffer *b, int err, u8 **out, size_t *outlen)
{
	if (err) {
		kfree(b->p);
		return err;
	}
	*out = b->p;
	*outlen = b->len;
	return 0;
}

static void *take(void *opaque, size_t items, size_t size)
{
	return kmalloc(items * size);
}

static void *take_one(void *opaque, size_t n)
{
	return kmalloc(n);
}

static void give(void *opaque, void *p)
{
	kfree(p);
}

/* --- xz --- */

static int xz_all(lzma_stream *z, struct buffer *b)
{
	lzma_ret rc = LZMA_OK;
	int err;

	while (rc == LZMA_OK) {
		err = grow(b, 1);
		if (err)
			return err;
		z->next_out = b->p + b->len;
		z->avail_out = b->cap - b->len;
		rc = lzma_code(z, LZMA_FINISH);
		b->len = b->cap - z->avail_out;
	}
	if (rc == LZMA_STREAM_END)
		return 0;
	return rc == LZMA_MEM_ERROR ? -ENOMEM : -EINVAL;
}

int host_unxz(const u8 *data, size_t len, size_t *used, u8 **out, size_t *outlen)
{
	lzma_allocator a = { .alloc = take, .free = give };
	lzma_stream z = LZMA_STREAM_INIT;
	struct buffer b = { 0 };
	int err;

	z.allocator = &a;
	z.next_in = data;
	z.avail_in = len;
	if (lzma_stream_decoder(&z, XZ_LIMIT, 0) != LZMA_OK)
		return -ENOMEM;
	err = xz_all(&z, &b);
	*used = len - z.avail_in;
	lzma_end(&z);
	return finish(&b, err, out, outlen);
}

/* --- Zstandard --- */

static int zstd_all(ZSTD_DCtx *ctx, ZSTD_inBuffer *in, struct buffer *b)
{
	size_t left = 1;

	while (left) {
		size_t before = in->pos;
		ZSTD_outBuffer to;
		int err = grow(b, 1);

		if (err)
			return err;
		to = (ZSTD_outBuffer){ b->p, b->cap, b->len };
		left = ZSTD_decompressStream(ctx, &to, in);
		if (ZSTD_isError(left))
			return -EINVAL;
		/* Nothing to read and nothing made: cut short. */
		if (left && in->pos == before && to.pos == b->len)
			return -EINVAL;
		b->len = to.pos;
	}
	return 0;
}

int host_unzstd(const u8 *data, size_t len, size_t *used, u8 **out, size_t *outlen)
{
	ZSTD_customMem mem = { .customAlloc = take_one, .customFree = give };
	ZSTD_DCtx *ctx = ZSTD_createDCtx_advanced(mem);
	ZSTD_inBuffer in = { data, len, 0 };
	struct buffer b = { 0 };
	int err;

	if (!ctx)
		return -ENOMEM;
	ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX_K);
	err = zstd_all(ctx, &in, &b);
	ZSTD_freeDCtx(ctx);
	*used = in.pos;
	return finish(&b, err, out, outlen);
}

/* --- LZ4: a magic number, then blocks behind their lengths --- */

int host_unlz4(const u8 *data, size_t len, size_t *used, u8 **out, size_t *outlen)
{
	struct buffer b = { 0 };
	size_t at = 4;
	int err = len < 4 ? -EINVAL : 0, made;

	/* It has no end: another archive, or zeroes, or nothing follows. */
	while (!err && len - at >= 4) {
		u32 n = get_le32(data + at);

		if (!n || n > (u32)LZ4_compressBound((int)LZ4_BLOCK))
			break;
		at += 4;
		err = n > len - at ? -EINVAL : grow(&b, LZ4_BLOCK);
		if (err)
			break;
		made = LZ4_decompress_safe((const char *)data + at, (char *)b.p + b.len, (int)n, (int)LZ4_BLOCK);
		err = made < 0 ? -EINVAL : 0;
		if (!err)
			b.len += (size_t)made;
		at += n;
	}
	*used = at;
	return finish(&b, err, out, outlen);
}
