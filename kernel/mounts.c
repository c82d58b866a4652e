/* SPDX-License-Identifier: MIT */
/*
 * Mounts that the kernel makes itself: directories that the command line names, and what every
 * program expects.
 */
#include "mounts.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "cmdline.h"
#include "core/log.h"
#include "fs/hostfs/hostfs.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

/* The mount point and what leads to it, where the root can be written. */
static void make_dirs(const char *path)
{
	char *copy = kstrdup(path), *p;

	if (!copy)
		return;
	for (p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = 0;
		(void)!vfs_mkdir(AT_FDCWD, copy, 0755);
		*p = '/';
	}
	(void)!vfs_mkdir(AT_FDCWD, copy, 0755);
	kfree(copy);
}

/* Hostfs mounts data is the host directory; the fence is for mounts that the guest makes. */
static int bind(const char *host, const char *guest, bool ro)
{
	const char *fence = hostfs_boot.fence;
	int err;

	make_dirs(guest);
	hostfs_boot.fence = NULL;
	err = vfs_mount(host, guest, "hostfs", ro ? MS_RDONLY : 0, host);
	hostfs_boot.fence = fence;
	return err;
}

static int bind_option(const char *option)
{
	char *copy = kstrdup(option), *guest, *flags;
	int err = -EINVAL;

	if (!copy)
		return -ENOMEM;
	guest = strchr(copy, ':');
	if (guest && guest[1] == '/') {
		*guest++ = 0;
		flags = strchr(guest, ':');
		if (flags)
			*flags++ = 0;
		if (!flags || !strcmp(flags, "ro") || !strcmp(flags, "rw"))
			err = bind(copy, guest, flags && flags[1] == 'o');
	}
	kfree(copy);
	return err;
}

void mounts_bind(void)
{
	for (int i = 0; i < boot.nbind; i++) {
		int err = bind_option(boot.bind[i]);

		if (err)
			panic("bind=%s: error %d", boot.bind[i], err);
	}
}

static const struct {
	const char *type, *target;
	u64 flags;
	const char *data;
} api[] = {
	{ "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL },
	{ "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=620,ptmxmode=666" },
	{ "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777" },
};

void mounts_api(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(api); i++) {
		int err;

		make_dirs(api[i].target);
		err = vfs_mount(api[i].type, api[i].target, api[i].type, api[i].flags, api[i].data);
		if (err)
			pr_warn("%s: not mounted on %s: error %d", api[i].type, api[i].target, err);
	}
}
