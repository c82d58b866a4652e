/* SPDX-License-Identifier: MIT */
/*
 * Datagrams of the management console, without anything of the kernel: unit tests feed them
 * garbage.
 */
#include "mconsole/proto.h"

#include <string.h>

enum mc_verdict mc_parse(const void *datagram, size_t n, char text[MC_DATA_MAX])
{
	struct mc_packet p;
	size_t len;

	if (n < MC_REQUEST_HEAD)
		return n >= sizeof(p.magic) ? MC_BAD_MAGIC : MC_IGNORE;
	memcpy(&p, datagram, MC_REQUEST_HEAD);
	if (p.magic != MC_MAGIC)
		return MC_BAD_MAGIC;
	if (p.version != MC_VERSION)
		return MC_BAD_VERSION;
	if (p.len >= MC_DATA_MAX)
		return MC_TOO_LARGE;
	len = MIN((size_t)p.len, n - MC_REQUEST_HEAD);
	memcpy(text, (const char *)datagram + MC_REQUEST_HEAD, len);
	text[len] = 0;
	return MC_OK;
}

size_t mc_fill(struct mc_answer *a, const char *text, size_t len, int err, bool more, size_t *took)
{
	size_t n = MIN(len, (size_t)MC_DATA_MAX - 1);

	a->err = (u32)err;
	a->more = n < len || more;
	a->len = (u32)n + 1;
	memcpy(a->data, text, n);
	a->data[n] = 0;
	*took = n;
	return MC_ANSWER_HEAD + n + 1;
}
