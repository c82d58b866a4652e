/* SPDX-License-Identifier: MIT */
/*
 * hostfs: a directory of the host as a file system of the guest.
 */
#ifndef FS_HOSTFS_HOSTFS_H
#define FS_HOSTFS_HOSTFS_H

#include "lib/types.h"

struct fs_type;

extern const struct fs_type hostfs_type;

/* Whose files those of the host are (docs/hostfs.md). The default goes by the host user: root, or not. */
enum ids_mode { IDS_DEFAULT, IDS_HOST, IDS_XATTR };

/* The boot option "hostfs=ROOT,flag,...": no mount leaves ROOT. */
struct hostfs_boot {
	const char *root;	/* "" or NULL: the host's root */
	bool append;		/* existing data cannot be changed */
	enum ids_mode ids;
	const char *fence;	/* mounts lead into this directory only; "": nowhere, NULL: anywhere */
};
extern struct hostfs_boot hostfs_boot;

/* Parses arg, which must stay and is changed. Returns an unknown flag, or NULL. */
const char *hostfs_setup(char *arg);
/* The MODE of ids=MODE; false, and *mode as it was: there is no such one. */
bool hostfs_ids_mode(const char *name, enum ids_mode *mode);
/* The directory that mount data names. Allocated; "" when it names none; NULL: no memory. */
char *hostfs_data_dir(const char *data);

#endif
