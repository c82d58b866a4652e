/* SPDX-License-Identifier: MIT */
/*
 * Reading the host's /proc/PID/smaps and pagemap of a guest process.
 */
#include "host/smaps.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"

struct field {
	const char *name;
	size_t off;
};

#define FIELD(n, m) { n ":", offsetof(struct smap, m) }
static const struct field fields[] = {
	FIELD("Rss", rss), FIELD("Pss", pss), FIELD("Pss_Dirty", pss_dirty),
	FIELD("Shared_Clean", shared_clean), FIELD("Shared_Dirty", shared_dirty),
	FIELD("Private_Clean", private_clean), FIELD("Private_Dirty", private_dirty),
	FIELD("Referenced", referenced), FIELD("Anonymous", anonymous),
	FIELD("LazyFree", lazy_free), FIELD("AnonHugePages", huge), FIELD("Swap", swap),
	FIELD("Locked", locked),
};

static void take_field(struct smap *m, const char *line)
{
	unsigned long kb;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		size_t len = strlen(fields[i].name);

		if (strncmp(line, fields[i].name, len))
			continue;
		if (sscanf(line + len, "%lu", &kb) == 1)
			*(u64 *)((char *)m + fields[i].off) = kb;
		return;
	}
}

ssize host_smaps(int pid, struct smap **out)
{
	struct smap *v = NULL, *grown;
	char path[40], line[512];
	size_t n = 0, cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) != 2) {
			if (n)
				take_field(&v[n - 1], line);
			continue;
		}
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			grown = krealloc(v, cap * sizeof(*v));
			if (!grown) {
				kfree(v);
				fclose(f);
				return -ENOMEM;
			}
			v = grown;
		}
		memset(&v[n], 0, sizeof(v[n]));
		v[n].start = start;
		v[n++].end = end;
	}
	fclose(f);
	*out = v;
	return (ssize)n;
}

ssize host_pagemap(int pid, void *buf, size_t n, u64 off)
{
	char path[40];
	ssize got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = pread(fd, buf, n, (off_t)off);
	if (got < 0)
		got = -errno;
	close(fd);
	return got;
}
