/* SPDX-License-Identifier: MIT */
/*
 * How far it is, for those who wait at a terminal.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tools/uml_moo/moo.h"

static bool shown;

void progress(u64 done, u64 total)
{
	static time_t last;
	time_t now = time(NULL);

	if (!last)
		last = now;
	if (now == last || !isatty(2))
		return;
	last = now;
	shown = true;
	fprintf(stderr, "\r%3u%% of %llu MiB", (unsigned int)(done / (total / 100 + 1)),
		(unsigned long long)(total >> 20));
}

void progress_end(void)
{
	if (shown)
		fprintf(stderr, "\r                              \r");
}
