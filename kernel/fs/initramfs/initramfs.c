/* SPDX-License-Identifier: MIT */
/*
 * An initramfs is a run of segments: plain cpio archives, or compressed streams that hold some, with zero bytes
 * between them.
 */
#include "fs/initramfs/initramfs.h"

#include <string.h>

#include "abi/errno.h"
#include "fs/initramfs/priv.h"
#include "host/decompress/stream.h"
#include "host/inflate.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

struct packing {
	const char *magic;
	size_t len;
	/* Of one stream at p: the contract of host_gunzip(). */
	int (*unpack)(const u8 *p, size_t len, size_t *used, u8 **out, size_t *outlen);
};

static const struct packing packings[] = {
	{ "\x1f\x8b", 2, host_gunzip },
#ifdef CONFIG_DECOMPRESS
	{ "\xfd" "7zXZ\0", 6, host_unxz },
	{ "\x28\xb5\x2f\xfd", 4, host_unzstd },
	{ "\x02\x21\x4c\x18", 4, host_unlz4 },
#endif
};

static const struct packing *packing_of(const u8 *p, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(packings); i++)
		if (n >= packings[i].len && !memcmp(p, packings[i].magic, packings[i].len))
			return &packings[i];
	return NULL;
}

bool initramfs_is_packed(const u8 *p, size_t n)
{
	return packing_of(p, n) != NULL;
}

static int unpack(const struct packing *how, const u8 *p, size_t len, size_t *used)
{
	size_t outlen, inner;
	u8 *out;
	int err = how->unpack(p, len, used, &out, &outlen);

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
	const struct packing *how;
	u32 umask = fs->umask;
	int err = 0;

	fs->umask = 0;
	while (len && !err) {
		size_t used = 1;

		if (*p) {
			how = packing_of(p, len);
			err = how ? unpack(how, p, len, &used) : cpio_unpack(p, len, &used);
		}
		p += used;
		len -= used;
	}
	fs->umask = umask;
	return err;
}
