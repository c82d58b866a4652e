/* SPDX-License-Identifier: MIT */
/*
 * Decompression of a file whose size is not known before: what xz, zstd and lz4 -l make.
 */
#ifndef HOST_DECOMPRESS_STREAM_H
#define HOST_DECOMPRESS_STREAM_H

#include "lib/types.h"

/*
 * One stream of .xz, one Zstandard frame, one LZ4 archive of the old format (as Linux takes them). *out: to be
 * kfree()d, at most 1 GiB; *used: bytes of input. -EINVAL: damaged, cut short, too large; -ENOMEM. nb, but large
 * ones take seconds.
 */
int host_unxz(const u8 *data, size_t len, size_t *used, u8 **out, size_t *outlen);
int host_unzstd(const u8 *data, size_t len, size_t *used, u8 **out, size_t *outlen);
int host_unlz4(const u8 *data, size_t len, size_t *used, u8 **out, size_t *outlen);

#endif
