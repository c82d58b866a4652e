/* SPDX-License-Identifier: MIT */
/*
 * An initramfs is a run of segments: plain cpio archives or gzip members that hold some, with
 * zero bytes between them.
 */
#include "fs/initramfs/initramfs.h"

#include "abi/errno.h"
#include "fs/initramfs/priv.h"
#include "host/inflate.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

static bool is_gzip(const u8 *p, size_t n)
{
	return n >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

static int unpack_gzip(const u8 *p, size_t len, size_t *used)
{
	size_t outlen, inner;
	u8 *out;
	int err = host_gunzip(p, len, used, &out, &outlen);

	if (err)
		return err;
	err = cpio_unpack(out, outlen, &inner);
	kfree(out);
	return err;
}

int initramfs_unpack(const void *data, size_t len)
{
	struct fs_ctx *fs = fs_ctx_current();
	const u8 *p = data;
	u32 umask = fs->umask;
	int err = 0;

	fs->umask = 0;
	while (len && !err) {
		size_t used = 1;

		if (*p) {
			if (is_gzip(p, len))
				err = unpack_gzip(p, len, &used);
			else
				err = cpio_unpack(p, len, &used);
		}
		p += used;
		len -= used;
	}
	fs->umask = umask;
	return err;
}
