/* SPDX-License-Identifier: MIT */
/*
 * Decompression, by the host's zlib.
 */
#ifndef HOST_INFLATE_H
#define HOST_INFLATE_H

#include "lib/types.h"

/* Inflates one gzip member. *out: to be kfree()d; *used: bytes of input. -EINVAL, -ENOMEM; nb */
int host_gunzip(const u8 *data, size_t len, size_t *used, u8 **out, size_t *outlen);

#endif
