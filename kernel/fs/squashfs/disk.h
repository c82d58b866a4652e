/* SPDX-License-Identifier: MIT */
/*
 * What a squashfs 4.0 image holds, byte by byte; all numbers are little endian.
 *
 * Contents of files lie in blocks, compressed one by one, ends of files together in blocks called fragments. Everything
 * else lies in metadata blocks: two bytes of length, then at most 8 KiB, compressed or not. A run of them is a table.
 * A place in a table is the offset of the block on disk, shifted by 16, and an offset in what it holds.
 */
#ifndef FS_SQUASHFS_DISK_H
#define FS_SQUASHFS_DISK_H

#include "lib/types.h"

#define SQ_MAGIC 0x73717368u
#define SQ_META_SIZE 8192u
#define SQ_META_PLAIN 0x8000u		/* in a length: not compressed */
#define SQ_BLOCK_PLAIN (1u << 24)	/* the same for blocks of contents and fragments; a length of 0: a hole */
#define SQ_BLOCK_MIN 4096u
#define SQ_BLOCK_MAX (1u << 20)
#define SQ_NONE 0xffffffffu		/* no fragment, no attributes */
#define SQ_NO_TABLE (~0ULL)
#define SQ_NAME_MAX 256u
#define SQ_DIR_ENTRIES_MAX 256u
#define SQ_LISTING_EXTRA 3u		/* the size of a directory counts that much more than its listing */

struct sq_super {
	u32 magic, inodes, mkfs_time, block_size, fragments;
	u16 compression, block_log, flags, ids, major, minor;
	u64 root, bytes_used, id_table, xattr_table, inode_table, dir_table, fragment_table, export_table;
} __attribute__((packed));

/* Inode types; those from SQ_LONG on are the same with more room. */
enum { SQ_DIR = 1, SQ_REG, SQ_LNK, SQ_BLK, SQ_CHR, SQ_FIFO, SQ_SOCK, SQ_LONG = 7 };

struct sq_disk_inode {
	u16 type, mode, uid, gid;
	u32 mtime, number;
} __attribute__((packed));

/* What follows, by type. */
struct sq_disk_dir {
	u32 block, nlink;
	u16 size, offset;
	u32 parent;
} __attribute__((packed));

struct sq_disk_ldir {
	u32 nlink, size, block, parent;
	u16 nindex, offset;
	u32 xattr;
	/* sq_disk_index ... */
} __attribute__((packed));

struct sq_disk_reg {
	u32 start, fragment, offset, size;
	/* a word for each block */
} __attribute__((packed));

struct sq_disk_lreg {
	u64 start, size, sparse;
	u32 nlink, fragment, offset, xattr;
	/* a word for each block */
} __attribute__((packed));

struct sq_disk_lnk {
	u32 nlink, size;
	/* the target; then, of a long one, the number of its attributes */
} __attribute__((packed));

struct sq_disk_dev {
	u32 nlink, rdev, xattr;		/* xattr: of long ones only */
} __attribute__((packed));

struct sq_disk_ipc {
	u32 nlink, xattr;
} __attribute__((packed));

/* --- directories: runs of entries whose inodes are in one metadata block --- */

struct sq_disk_header {
	u32 count, block, number;	/* count is one less than there are */
} __attribute__((packed));

struct sq_disk_entry {
	u16 offset;
	u16 number;			/* relative to the header's, signed */
	u16 type, len;			/* len is one less than the name has */
} __attribute__((packed));

/* Where the listing comes to a name that begins a metadata block. */
struct sq_disk_index {
	u32 index, block, len;		/* len as above; the name follows */
} __attribute__((packed));

/* --- tables that are found by number: a list of the offsets of their metadata blocks --- */

struct sq_disk_fragment {
	u64 start;
	u32 word, unused;
} __attribute__((packed));

struct sq_disk_xattrs {
	u64 start;			/* of the table of names and values */
	u32 count, unused;
	/* the list of offsets */
} __attribute__((packed));

struct sq_disk_xattr_id {
	u64 ref;
	u32 count, size;
} __attribute__((packed));

struct sq_disk_name {
	u16 type, len;			/* then the name without its prefix, a u32 of the value's length, the value */
} __attribute__((packed));
#define SQ_XATTR_TYPE 0xffu
#define SQ_XATTR_ELSEWHERE 0x100u	/* the value is a place in the table, where length and value are */

#endif
