/* SPDX-License-Identifier: MIT */
/*
 * Decompression of one block at a time, by the libraries of the build machine.
 */
#ifndef HOST_DECOMPRESS_DECOMPRESS_H
#define HOST_DECOMPRESS_DECOMPRESS_H

#include "lib/types.h"

/* Whole streams: of zlib, .xz, an LZ4 block, a Zstandard frame. */
enum host_codec { HOST_ZLIB, HOST_XZ, HOST_LZ4, HOST_ZSTD };

/*
 * The bytes that all of in became in out; in may be anything. -EINVAL: damaged, or more than cap bytes; -ENOMEM. Needs
 * memory for its time only, at most XZ_MEMORY_MAX. Any thread; nb, but large blocks take milliseconds.
 */
ssize host_decompress(enum host_codec codec, const void *in, size_t n, void *out, size_t cap);
#define XZ_MEMORY_MAX (16UL << 20)

#endif
