/* SPDX-License-Identifier: MIT */
/*
 * The wire format of the management console. Numbers are in the host's byte order. Shared with the
 * tools' copy of the same facts in tools/common/mconsole.h.
 */
#ifndef MCONSOLE_PROTO_H
#define MCONSOLE_PROTO_H

#include "lib/types.h"

#define MC_MAGIC 0xcafebabeU
#define MC_VERSION 2U
#define MC_DATA_MAX 512

struct mc_packet {		/* a request */
	u32 magic, version, len;
	char data[MC_DATA_MAX];
};

struct mc_answer {
	u32 err, more, len;	/* len counts the final NUL */
	char data[MC_DATA_MAX];
};

enum { MC_NOTIFY_SOCKET, MC_NOTIFY_PANIC, MC_NOTIFY_HANG, MC_NOTIFY_USER };

struct mc_notice {
	u32 magic, version, type, len;
	char data[MC_DATA_MAX];
};

#define MC_REQUEST_HEAD offsetof(struct mc_packet, data)
#define MC_ANSWER_HEAD offsetof(struct mc_answer, data)
#define MC_NOTICE_HEAD offsetof(struct mc_notice, data)

/*
 * Takes a datagram apart. 0 and the text (NUL terminated, in text); or what is to be answered
 * instead: MC_BAD_MAGIC (bare text), MC_BAD_VERSION and MC_TOO_LARGE (error 1), MC_IGNORE (too
 * short for an answer).
 */
enum mc_verdict { MC_OK, MC_IGNORE, MC_BAD_MAGIC, MC_BAD_VERSION, MC_TOO_LARGE };
enum mc_verdict mc_parse(const void *datagram, size_t n, char text[MC_DATA_MAX]);
/* One packet of an answer with up to 511 bytes of text; its size. *took: bytes of text that are in it. */
size_t mc_fill(struct mc_answer *a, const char *text, size_t len, int err, bool more, size_t *took);

#endif
