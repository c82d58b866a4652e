/* SPDX-License-Identifier: MIT */
/*
 * Inflating a gzip member with zlib.
 */
#include "host/inflate.h"

#include <errno.h>
#include <zlib.h>

#include "lib/alloc.h"

#define FIRST_SIZE (1 << 20)
#define MAX_SIZE (1UL << 30)

/* zlib asks for memory here, so that it is the kernel's and failing it can be tested. */
static void *z_alloc(void *opaque, unsigned int items, unsigned int size)
{
	return kzalloc((size_t)items * size);
}

static void z_free(void *opaque, void *p)
{
	kfree(p);
}

static int inflate_all(z_stream *z, u8 **buf, size_t *cap)
{
	for (;;) {
		u8 *bigger;
		int rc;

		z->next_out = *buf + z->total_out;
		z->avail_out = (unsigned int)(*cap - z->total_out);
		rc = inflate(z, Z_NO_FLUSH);
		if (rc == Z_STREAM_END)
			return 0;
		if ((rc != Z_OK && rc != Z_BUF_ERROR) || z->avail_out || *cap >= MAX_SIZE)
			return rc == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
		bigger = krealloc(*buf, *cap * 2);
		if (!bigger)
			return -ENOMEM;
		*buf = bigger;
		*cap *= 2;
	}
}

int host_gunzip(const u8 *data, size_t len, size_t *used, u8 **out, size_t *outlen)
{
	z_stream z = { .zalloc = z_alloc, .zfree = z_free };
	size_t cap = FIRST_SIZE;
	u8 *buf;
	int err;

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return -ENOMEM;
	buf = kmalloc(cap);
	z.next_in = (u8 *)data;
	z.avail_in = (unsigned int)MIN(len, (size_t)UINT32_MAX);
	err = buf ? inflate_all(&z, &buf, &cap) : -ENOMEM;
	inflateEnd(&z);
	if (err) {
		kfree(buf);
		return err;
	}
	*used = z.total_in;
	*out = buf;
	*outlen = z.total_out;
	return 0;
}
