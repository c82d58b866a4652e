/* SPDX-License-Identifier: MIT */
/*
 * mount flags, statfs, the calls on mounts as objects. What is newer than the headers of Debian 12 is completed here.
 */
#ifndef ABI_MOUNT_H
#define ABI_MOUNT_H

#include <linux/mount.h>
#include <asm/statfs.h>
#include <linux/magic.h>
#include <linux/types.h>

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200	/* below what is mounted there */
#endif
/* statmount: what is asked for */
#ifndef STATMOUNT_SB_BASIC
#define STATMOUNT_SB_BASIC 0x1u
#define STATMOUNT_MNT_BASIC 0x2u
#define STATMOUNT_PROPAGATE_FROM 0x4u
#define STATMOUNT_MNT_ROOT 0x8u
#define STATMOUNT_MNT_POINT 0x10u
#define STATMOUNT_FS_TYPE 0x20u
#define LSMT_ROOT 0xffffffffffffffffull	/* listmount: the caller's root mount */
#endif
#ifndef STATMOUNT_MNT_NS_ID
#define STATMOUNT_MNT_NS_ID 0x40u
#define STATMOUNT_MNT_OPTS 0x80u
#define LISTMOUNT_REVERSE 1u		/* the highest number first */
#endif
#ifndef STATMOUNT_SB_SOURCE
#define STATMOUNT_SB_SOURCE 0x200u
#endif

/* Their structures under names of our own: a header may have an older one. */
#define MNT_ID_REQ_SIZE_VER0_K 24
struct mnt_id_req_k {
	__u32 size;
	__u32 spare;
	__u64 mnt_id;
	__u64 param;			/* statmount: STATMOUNT_*; listmount: go on behind this mount */
	__u64 mnt_ns_id;
};

struct statmount_k {
	__u32 size;			/* of all, with the strings */
	__u32 mnt_opts;			/* offsets in str */
	__u64 mask;			/* what is filled in */
	__u32 sb_dev_major, sb_dev_minor;
	__u64 sb_magic;
	__u32 sb_flags;
	__u32 fs_type;
	__u64 mnt_id, mnt_parent_id;
	__u32 mnt_id_old, mnt_parent_id_old;
	__u64 mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
	__u32 mnt_root, mnt_point;
	__u64 mnt_ns_id;
	__u32 fs_subtype, sb_source;
	__u64 spare[48];
	char str[];
};

#endif
