/* SPDX-License-Identifier: MIT */
/* Which memory of a guest process is resident, as the host's /proc/PID/smaps and pagemap tell. */
#ifndef HOST_SMAPS_H
#define HOST_SMAPS_H

#include "lib/types.h"

struct smap {
	u64 start, end;
	/* in KiB */
	u64 rss, pss, pss_dirty, shared_clean, shared_dirty, private_clean, private_dirty;
	u64 referenced, anonymous, lazy_free, huge, swap, locked;
};

/* Areas in order of address into *out, freed by kfree(). Their number or -errno. Blocks: the host walks page tables. */
ssize host_smaps(int pid, struct smap **out);

/* Bytes of the host's /proc/PID/pagemap at off, or -errno. Blocks. */
ssize host_pagemap(int pid, void *buf, size_t n, u64 off);

#endif
