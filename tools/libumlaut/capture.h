/* SPDX-License-Identifier: MIT */
/*
 * Output of a command in memory: a pipe whose reading end is a watch of the session.
 */
#ifndef LIBUMLAUT_CAPTURE_H
#define LIBUMLAUT_CAPTURE_H

#include "tools/libumlaut/session.h"

struct capture {
	struct watch watch;		/* first: the watch is the capture */
	int write_end;			/* -1: given away */
	char *data;			/* owned; NULL until something came */
	size_t len, room, max;
	bool truncated;			/* what was beyond max, or had no memory, is lost */
};

int capture_open(struct capture *c, size_t max);	/* 0 or -errno */
void capture_give(struct capture *c);			/* the other side has the writing end now */
/* Reads on until all writers are gone, ms at most. */
void capture_rest(struct capture *c, int ms);
char *capture_take(struct capture *c, size_t *len);	/* the text, NUL terminated, to be freed; NULL: no memory */
void capture_close(struct capture *c);

#endif
