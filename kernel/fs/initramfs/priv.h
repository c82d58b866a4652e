/* SPDX-License-Identifier: MIT */
/*
 * Shared between the files of initramfs/.
 */
#ifndef INITRAMFS_PRIV_H
#define INITRAMFS_PRIV_H

#include "lib/types.h"

/* Unpacks one decompressed run of archives. */
int cpio_unpack(const u8 *data, size_t len, size_t *used);
/* Does a compressed stream begin here? nb */
bool initramfs_is_packed(const u8 *p, size_t n);

#endif
