/* SPDX-License-Identifier: MIT */
/*
 * From the command line to the lists that host_confine_files() takes. What is named: the root
 * directory, hostfs=, the initial ramdisk, disks, terminals of consoles, the directory of this machine.
 * hostfs=/ or a root of "/" names the whole host.
 */
#include "confine.h"

#include <string.h>

#include "abi/errno.h"
#include "block/blkdev.h"
#include "block/ubd.h"
#include "cmdline.h"
#include "core/log.h"
#include "embed/embed.h"
#include "fs/hostfs/hostfs.h"
#include "host/host.h"
#include "instance.h"
#include "lib/alloc.h"

#define MAX_TERMINALS 32

static const char *terminals[MAX_TERMINALS + 1];
static int nterminals;
static int files_err;

static bool root_is_hostfs(void)
{
	if (boot.rootfstype)
		return !strcmp(boot.rootfstype, "hostfs");
	return boot.root && !blkdev_is_root_text(boot.root);
}

/* "con1=tty:/dev/tty9,fd:1" names a terminal. */
void confine_note_line(const char *option)
{
	const char *p = option;

	while ((p = strstr(p, "tty:")) && nterminals < MAX_TERMINALS) {
		p += 4;
		terminals[nterminals] = kstrndup(p, strcspn(p, ","));
		if (terminals[nterminals])
			nterminals++;
	}
}

/* Where hostfs mounts may lead; NULL: anywhere, "": nowhere. */
static const char *hostfs_place(void)
{
	const char *dir = hostfs_boot.root;
	char *own = NULL, *place;

	if (!dir && root_is_hostfs())
		dir = own = hostfs_data_dir(boot.rootflags ? boot.rootflags : "");
	else if (!dir)
		return "";
	place = dir && dir[strspn(dir, "/")] ? kasprintf("/%s", dir) : NULL;
	kfree(own);
	return place;
}

/* After a reboot they are opened again, under the rules that stand by then. */
static void name_disks(const char **disks, const char **read_disks)
{
	const char *file;
	bool write;

	for (unsigned int i = 0; (file = ubd_host_file(i, &write)); i++)
		*(write ? disks++ : read_disks++) = file;
}

void confine_files(void)
{
	const char *place = boot.secure ? hostfs_place() : NULL;
	const char *dirs[3 + BIND_MAX + 1] = { instance_parent(), place };
	const char *files[] = { boot.initrd, NULL };
	int n = place ? 2 : 1;
	const char *disks[UBD_FILES_MAX + 1] = { NULL }, *read_disks[UBD_FILES_MAX + 1] = { NULL };
	struct host_confine c = {
		.dirs = dirs, .files = files, .terminals = terminals, .disks = disks, .read_disks = read_disks,
		.everything = !place, .restart = !boot.noreboot,
	};

	if (!boot.secure)
		return;
	for (int i = 0; i < boot.nbind; i++)
		dirs[n++] = kstrndup(boot.bind[i], strcspn(boot.bind[i], ":"));
	if (boot.tty_log_dir)
		dirs[n++] = boot.tty_log_dir;
	name_disks(disks, read_disks);
	hostfs_boot.fence = place;
	files_err = host_confine_files(&c);
}

void confine_calls(void)
{
	int err;

	if (!boot.secure)
		return;
	if (boot.noreboot)
		err = host_confine_calls(filter_last, (size_t)(filter_last_end - filter_last), false);
	else
		err = host_confine_calls(filter_first, (size_t)(filter_first_end - filter_first), true);
	if (files_err == -EOPNOTSUPP)
		pr_info("confine: the host has no Landlock: files are confined by hostfs alone");
	else if (files_err)
		pr_warn("confine: Landlock failed (error %d): files are confined by hostfs alone", files_err);
	if (err)
		pr_warn("confine: the kernel process could not limit its system calls (error %d)", err);
}
