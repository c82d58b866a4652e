/* SPDX-License-Identifier: MIT */
/* Resident memory of an address space by area. */
#ifndef MM_SMAPS_H
#define MM_SMAPS_H

#include "host/smaps.h"
#include "mm/mm.h"

/* Resident pages, and those of them that files and shared memory give. 0 or -errno. */
int mm_rss_split(struct mm *mm, u64 *rss, u64 *shared);
/* The host's areas, freed by kfree(). Their number, or -errno. Blocks. */
ssize mm_smaps(struct mm *mm, struct smap **out);
/* What lies in [start, end), added to sum. An area of the host that reaches over the border counts by its part. */
void smaps_add(struct smap *sum, const struct smap *v, size_t n, u64 start, u64 end);

/*
 * Entries of /proc/PID/pagemap for npages pages from addr on, without frame numbers, which are the
 * host's. What is not the guest's own is not present. Their number or -errno. Blocks.
 */
ssize mm_pagemap(struct mm *mm, u64 addr, u64 *entries, size_t npages);

#endif
