/* SPDX-License-Identifier: MIT */
/*
 * Taking arguments in: paths, objects that a path or a descriptor names, times. What the
 * families of system calls share. Everything may block and returns 0 or a negative errno.
 */
#ifndef SYS_ARG_H
#define SYS_ARG_H

#include "sys/sys.h"
#include "vfs/vfs.h"

/* A path into the call's arena, and a lookup of it at once. */
int arg_path(upath_t upath, const char **out);
int arg_lookup(int dirfd, upath_t upath, u32 lookup_flags, struct path *out);

/*
 * What (dirfd, path, AT_* flags) names: an open file when AT_EMPTY_PATH is given with an empty path
 * and a descriptor (then *file is set, with a reference), else a path. at_target_put() afterwards.
 * flags other than allowed, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW: -EINVAL.
 */
struct at_target {
	struct path path;	/* of the file, too, if it has one */
	struct file *file;	/* NULL: found by path */
};
int at_target(int dirfd, upath_t upath, u32 flags, u32 allowed, struct at_target *out);
int fd_target(int fd, bool path_too, struct at_target *out);	/* path_too: O_PATH files are fine */
void at_target_put(struct at_target *t);
int at_target_setattr(const struct at_target *t, struct iattr *a);

/* May current look into t, by the rule of ptrace with real ids? nb (mem.c) */
struct task;
bool task_may_access(const struct task *t);

/* A guest struct sized by its writer: bytes beyond ours must be zero (-E2BIG), missing ones are zero. */
int arg_sized_struct(void *dst, size_t ksize, uaddr_t src, size_t usize);

#endif
