/* SPDX-License-Identifier: MIT */
/*
 * Random bytes: the host's generator. It is asked for many at a time, because an exec needs some
 * words one by one; what was given out is forgotten here. Kernel lock.
 */
#include "core/random.h"

#include <string.h>

#include "core/log.h"
#include "host/host.h"

#define AHEAD 256

static u8 ahead[AHEAD];
static size_t nahead;

static void ask(void *buf, size_t n)
{
	if (host_random(buf, n) < 0)
		panic("the host gives no random bytes");
}

void random_bytes(void *buf, size_t n)
{
	if (n > AHEAD / 4) {
		ask(buf, n);
		return;
	}
	if (nahead < n) {
		ask(ahead, AHEAD);
		nahead = AHEAD;
	}
	nahead -= n;
	memcpy(buf, ahead + nahead, n);
	memset(ahead + nahead, 0, n);
}

u64 random_u64(void)
{
	u64 v;

	random_bytes(&v, sizeof(v));
	return v;
}
