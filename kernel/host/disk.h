/* SPDX-License-Identifier: MIT */
/*
 * Host files as disks: transfers in many pieces, locks, sizes. Contract as in host.h; vectors are borrowed.
 */
#ifndef HOST_DISK_H
#define HOST_DISK_H

#include "lib/types.h"

struct host_vec {			/* as struct iovec */
	void *base;
	size_t len;
};

/*
 * All of it, repeated after short transfers; what lies beyond the end of the file is read as zeroes. vec is used up
 * (changed). 0 or -errno; may block.
 */
int host_disk_read(int fd, struct host_vec *vec, unsigned int n, u64 off);
int host_disk_write(int fd, struct host_vec *vec, unsigned int n, u64 off);
/* Only if the host has all of it in memory: 0; -EAGAIN: it has not, vec's memory may have changed. Never blocks. */
int host_disk_read_cached(int fd, const struct host_vec *vec, unsigned int n, u64 off, size_t bytes);
/* Bytes of a file or block device; may block. */
s64 host_disk_size(int fd);
/*
 * A lock on the whole file, of this open file (it outlives other descriptors of the file that are closed). 0;
 * -EAGAIN: another process has it, *pid says which, 0 if that cannot be found out. May block.
 */
int host_disk_lock(int fd, bool write, int *pid);
/* Directory part resolved, last component as it is; "." is the current directory. 0 or -errno; may block. */
int host_disk_absolute(const char *path, char *out, size_t n);

#endif
