/* SPDX-License-Identifier: MIT */
/*
 * Decompression of one block at a time. All memory that the libraries want comes from kmalloc(), so that it is
 * counted and may be refused; liblz4 wants none.
 */
#include "host/decompress/decompress.h"

#include <errno.h>
#include <limits.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include "lib/alloc.h"

static void *z_alloc(void *opaque, unsigned int items, unsigned int size)
{
	return kzalloc((size_t)items * size);
}

static void z_free(void *opaque, void *p)
{
	kfree(p);
}

static ssize unpack_zlib(const void *in, size_t n, void *out, size_t cap)
{
	z_stream z = {
		.zalloc = z_alloc, .zfree = z_free, .next_in = (u8 *)in, .avail_in = (unsigned int)n,
		.next_out = out, .avail_out = (unsigned int)cap,
	};
	int rc = inflateInit(&z);

	if (rc != Z_OK)
		return rc == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
	rc = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (rc == Z_STREAM_END)
		return (ssize)z.total_out;
	return rc == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
}

static void *xz_alloc(void *opaque, size_t items, size_t size)
{
	return kmalloc(items * size);
}

static ssize unpack_xz(const void *in, size_t n, void *out, size_t cap)
{
	lzma_allocator a = { .alloc = xz_alloc, .free = z_free };
	size_t used = 0, made = 0;
	u64 limit = XZ_MEMORY_MAX;
	lzma_ret rc = lzma_stream_buffer_decode(&limit, 0, &a, in, &used, n, out, &made, cap);

	if (rc == LZMA_OK)
		return (ssize)made;
	return rc == LZMA_MEM_ERROR ? -ENOMEM : -EINVAL;
}

static ssize unpack_lz4(const void *in, size_t n, void *out, size_t cap)
{
	int made = LZ4_decompress_safe(in, out, (int)n, (int)cap);

	return made < 0 ? -EINVAL : made;
}

static void *zstd_alloc(void *opaque, size_t n)
{
	return kmalloc(n);
}

static ssize unpack_zstd(const void *in, size_t n, void *out, size_t cap)
{
	ZSTD_customMem mem = { .customAlloc = zstd_alloc, .customFree = z_free };
	ZSTD_DCtx *ctx = ZSTD_createDCtx_advanced(mem);
	size_t made;

	if (!ctx)
		return -ENOMEM;
	made = ZSTD_decompressDCtx(ctx, out, cap, in, n);
	ZSTD_freeDCtx(ctx);
	if (!ZSTD_isError(made))
		return (ssize)made;
	return ZSTD_getErrorCode(made) == ZSTD_error_memory_allocation ? -ENOMEM : -EINVAL;
}

ssize host_decompress(enum host_codec codec, const void *in, size_t n, void *out, size_t cap)
{
	static ssize (*const unpack[])(const void *, size_t, void *, size_t) = {
		[HOST_ZLIB] = unpack_zlib, [HOST_XZ] = unpack_xz, [HOST_LZ4] = unpack_lz4, [HOST_ZSTD] = unpack_zstd,
	};

	if (n > INT_MAX || cap > INT_MAX)
		return -EINVAL;
	return unpack[codec](in, n, out, cap);
}
