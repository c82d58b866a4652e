/* SPDX-License-Identifier: MIT */
/*
 * Shared between the files of initramfs/.
 */
#ifndef INITRAMFS_PRIV_H
#define INITRAMFS_PRIV_H

#include "lib/types.h"

/* Unpacks one decompressed run of archives. */
int cpio_unpack(const u8 *data, size_t len, size_t *used);

#endif
