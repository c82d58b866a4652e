/* SPDX-License-Identifier: MIT */
/*
 * Random bytes: the host's generator.
 */
#include "core/random.h"

#include "core/log.h"
#include "host/host.h"

void random_bytes(void *buf, size_t n)
{
	if (host_random(buf, n) < 0)
		panic("the host gives no random bytes");
}

u64 random_u64(void)
{
	u64 v;

	random_bytes(&v, sizeof(v));
	return v;
}
