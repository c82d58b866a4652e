/* SPDX-License-Identifier: MIT */
/*
 * What lies on an ext2, ext3 or ext4 disk, as the format's documentation describes it. All numbers
 * are little-endian, as on every host of this kernel, so they are plain integers here. Names follow the
 * documentation without its prefixes.
 */
#ifndef FS_EXT4_DISK_H
#define FS_EXT4_DISK_H

#include "lib/types.h"

#define EXT4_MAGIC 0xef53
#define EXT4_SB_OFFSET 1024
#define EXT4_SB_SIZE 1024
#define EXT4_MIN_BLOCK 1024
#define EXT4_MAX_BLOCK 4096 /* Linux: no block larger than a page */

struct ext4_sb {
	u32 inodes_count, blocks_count_lo, r_blocks_count_lo, free_blocks_lo;
	u32 free_inodes, first_data_block, log_block_size, log_cluster_size;
	u32 blocks_per_group, clusters_per_group, inodes_per_group, mtime;
	u32 wtime;
	u16 mnt_count, max_mnt_count;
	u16 magic, state, errors, minor_rev;
	u32 lastcheck, checkinterval, creator_os, rev_level;
	u16 def_resuid, def_resgid;
	u32 first_ino;
	u16 inode_size, block_group_nr;
	u32 feature_compat, feature_incompat, feature_ro_compat;
	u8 uuid[16];
	char volume_name[16];
	char last_mounted[64];
	u32 algorithm_bitmap;
	u8 prealloc_blocks, prealloc_dir_blocks;
	u16 reserved_gdt_blocks;
	u8 journal_uuid[16];
	u32 journal_inum, journal_dev, last_orphan;
	u32 hash_seed[4];
	u8 def_hash_version, jnl_backup_type;
	u16 desc_size;
	u32 default_mount_opts, first_meta_bg, mkfs_time;
	u32 jnl_blocks[17];
	u32 blocks_count_hi, r_blocks_count_hi, free_blocks_hi;
	u16 min_extra_isize, want_extra_isize;
	u32 flags;
	u16 raid_stride, mmp_interval;
	u64 mmp_block;
	u32 raid_stripe_width;
	u8 log_groups_per_flex, checksum_type;
	u16 reserved_pad;
	u64 kbytes_written;
	u32 snapshot_inum, snapshot_id;
	u64 snapshot_r_blocks;
	u32 snapshot_list;
	u32 error_count, first_error_time, first_error_ino;
	u64 first_error_block;
	char first_error_func[32];
	u32 first_error_line, last_error_time, last_error_ino, last_error_line;
	u64 last_error_block;
	char last_error_func[32];
	char mount_opts[64];
	u32 usr_quota_inum, grp_quota_inum, overhead_clusters;
	u32 backup_bgs[2];
	u8 encrypt_algos[4], encrypt_pw_salt[16];
	u32 lpf_ino, prj_quota_inum, checksum_seed;
	u8 wtime_hi, mtime_hi, mkfs_time_hi, lastcheck_hi;
	u8 first_error_time_hi, last_error_time_hi, first_error_code, last_error_code;
	u16 encoding, encoding_flags;
	u32 orphan_file_inum;
	u32 reserved[94];
	u32 checksum;
};
_Static_assert(sizeof(struct ext4_sb) == EXT4_SB_SIZE, "superblock");
_Static_assert(offsetof(struct ext4_sb, uuid) == 0x68, "superblock");
_Static_assert(offsetof(struct ext4_sb, mmp_block) == 0x168, "superblock");
_Static_assert(offsetof(struct ext4_sb, error_count) == 0x194, "superblock");
_Static_assert(offsetof(struct ext4_sb, mount_opts) == 0x200, "superblock");
_Static_assert(offsetof(struct ext4_sb, orphan_file_inum) == 0x280, "superblock");

enum { EXT4_STATE_VALID = 1, EXT4_STATE_ERROR = 2, EXT4_STATE_ORPHAN = 4 };
enum { EXT4_ERRORS_CONTINUE = 1, EXT4_ERRORS_RO = 2, EXT4_ERRORS_PANIC = 3 };
enum { EXT4_FLAG_SIGNED_HASH = 1, EXT4_FLAG_UNSIGNED_HASH = 2 };
enum {
	EXT4_DEFM_XATTR_USER = 4,
	EXT4_DEFM_ACL = 8,
	EXT4_DEFM_UID16 = 0x10,
	EXT4_DEFM_JMODE = 0x60,
	EXT4_DEFM_JMODE_DATA = 0x20,
	EXT4_DEFM_JMODE_ORDERED = 0x40,
	EXT4_DEFM_JMODE_WBACK = 0x60,
	EXT4_DEFM_NOBARRIER = 0x100,
	EXT4_DEFM_BLOCK_VALIDITY = 0x200,
	EXT4_DEFM_DISCARD = 0x400,
	EXT4_DEFM_NODELALLOC = 0x800,
	EXT4_DEFM_BSDGROUPS = 2
};

enum ext4_compat {
	COMPAT_HAS_JOURNAL = 4,
	COMPAT_EXT_ATTR = 8,
	COMPAT_RESIZE_INODE = 0x10,
	COMPAT_DIR_INDEX = 0x20,
	COMPAT_SPARSE_SUPER2 = 0x200,
	COMPAT_FAST_COMMIT = 0x400,
	COMPAT_ORPHAN_FILE = 0x1000,
};
enum ext4_incompat {
	INCOMPAT_COMPRESSION = 1,
	INCOMPAT_FILETYPE = 2,
	INCOMPAT_RECOVER = 4,
	INCOMPAT_JOURNAL_DEV = 8,
	INCOMPAT_META_BG = 0x10,
	INCOMPAT_EXTENTS = 0x40,
	INCOMPAT_64BIT = 0x80,
	INCOMPAT_MMP = 0x100,
	INCOMPAT_FLEX_BG = 0x200,
	INCOMPAT_EA_INODE = 0x400,
	INCOMPAT_DIRDATA = 0x1000,
	INCOMPAT_CSUM_SEED = 0x2000,
	INCOMPAT_LARGEDIR = 0x4000,
	INCOMPAT_INLINE_DATA = 0x8000,
	INCOMPAT_ENCRYPT = 0x10000,
	INCOMPAT_CASEFOLD = 0x20000,
};
enum ext4_ro_compat {
	RO_COMPAT_SPARSE_SUPER = 1,
	RO_COMPAT_LARGE_FILE = 2,
	RO_COMPAT_BTREE_DIR = 4,
	RO_COMPAT_HUGE_FILE = 8,
	RO_COMPAT_GDT_CSUM = 0x10,
	RO_COMPAT_DIR_NLINK = 0x20,
	RO_COMPAT_EXTRA_ISIZE = 0x40,
	RO_COMPAT_SNAPSHOT = 0x80,
	RO_COMPAT_QUOTA = 0x100,
	RO_COMPAT_BIGALLOC = 0x200,
	RO_COMPAT_METADATA_CSUM = 0x400,
	RO_COMPAT_REPLICA = 0x800,
	RO_COMPAT_READONLY = 0x1000,
	RO_COMPAT_PROJECT = 0x2000,
	RO_COMPAT_VERITY = 0x8000,
	RO_COMPAT_ORPHAN_PRESENT = 0x10000,
};

/* A group descriptor; the second half only with desc_size >= 64. */
struct ext4_desc {
	u32 block_bitmap_lo, inode_bitmap_lo, inode_table_lo;
	u16 free_blocks_lo, free_inodes_lo, used_dirs_lo, flags;
	u32 exclude_bitmap_lo;
	u16 block_csum_lo, inode_csum_lo, itable_unused_lo, checksum;
	u32 block_bitmap_hi, inode_bitmap_hi, inode_table_hi;
	u16 free_blocks_hi, free_inodes_hi, used_dirs_hi, itable_unused_hi;
	u32 exclude_bitmap_hi;
	u16 block_csum_hi, inode_csum_hi;
	u32 reserved;
};
_Static_assert(sizeof(struct ext4_desc) == 64, "group descriptor");
_Static_assert(offsetof(struct ext4_desc, block_bitmap_hi) == 32, "group descriptor");
enum { EXT4_BG_INODE_UNINIT = 1, EXT4_BG_BLOCK_UNINIT = 2, EXT4_BG_ITABLE_ZEROED = 4 };

#define EXT4_NBLOCKS 15
#define EXT4_NDIR 12 /* direct blocks; then one, two and three levels of indirection */

struct ext4_raw_inode {
	u16 mode, uid_lo;
	u32 size_lo, atime, ctime, mtime, dtime;
	u16 gid_lo, links;
	u32 blocks_lo, flags, version;
	u32 block[EXT4_NBLOCKS];
	u32 generation, file_acl_lo, size_hi, faddr;
	u16 blocks_hi, file_acl_hi, uid_hi, gid_hi, csum_lo, pad;
	/* from here on only when the superblock's inode_size is larger than 128 */
	u16 extra_isize, csum_hi;
	u32 ctime_extra, mtime_extra, atime_extra, crtime, crtime_extra, version_hi, projid;
};
_Static_assert(offsetof(struct ext4_raw_inode, block) == 0x28, "inode");
_Static_assert(offsetof(struct ext4_raw_inode, extra_isize) == 0x80, "inode");
_Static_assert(sizeof(struct ext4_raw_inode) == 160, "inode");
#define EXT4_GOOD_OLD_INODE 128

enum ext4_inode_flag {
	EXT4_SECRM_FL = 1,
	EXT4_UNRM_FL = 2,
	EXT4_COMPR_FL = 4,
	EXT4_SYNC_FL = 8,
	EXT4_IMMUTABLE_FL = 0x10,
	EXT4_APPEND_FL = 0x20,
	EXT4_NODUMP_FL = 0x40,
	EXT4_NOATIME_FL = 0x80,
	EXT4_ENCRYPT_FL = 0x800,
	EXT4_INDEX_FL = 0x1000,
	EXT4_JOURNAL_DATA_FL = 0x4000,
	EXT4_NOTAIL_FL = 0x8000,
	EXT4_DIRSYNC_FL = 0x10000,
	EXT4_TOPDIR_FL = 0x20000,
	EXT4_HUGE_FILE_FL = 0x40000,
	EXT4_EXTENTS_FL = 0x80000,
	EXT4_VERITY_FL = 0x100000,
	EXT4_EA_INODE_FL = 0x200000,
	EXT4_DAX_FL = 0x2000000,
	EXT4_INLINE_DATA_FL = 0x10000000,
	EXT4_PROJINHERIT_FL = 0x20000000,
	EXT4_CASEFOLD_FL = 0x40000000,
};

enum {
	EXT4_BAD_INO = 1,
	EXT4_ROOT_INO = 2,
	EXT4_BOOT_LOADER_INO = 5,
	EXT4_RESIZE_INO = 7,
	EXT4_JOURNAL_INO = 8,
	EXT4_GOOD_OLD_FIRST_INO = 11
};
#define EXT4_LINK_MAX 65000

/* A node of an extent tree: a header, then extents (depth 0) or indexes. */
#define EXT4_EXT_MAGIC 0xf30a
#define EXT4_EXT_MAX_LEN 32768 /* longer lengths mean unwritten */
#define EXT4_EXT_MAX_UNWRITTEN 32767
#define EXT4_EXT_MAX_DEPTH 5
#define EXT4_MAX_LBLK 0xffffffffu /* no block has this number */

struct ext4_eh {
	u16 magic, entries, max, depth;
	u32 generation;
};
struct ext4_extent {
	u32 block;
	u16 len, start_hi;
	u32 start_lo;
};
struct ext4_idx {
	u32 block, leaf_lo;
	u16 leaf_hi, unused;
};
_Static_assert(sizeof(struct ext4_eh) == 12 && sizeof(struct ext4_extent) == 12 &&
		       sizeof(struct ext4_idx) == 12,
	       "extents");

struct ext4_dirent {
	u32 ino;
	u16 rec_len;
	u8 name_len, type;
	char name[];
};
struct ext4_dir_tail { /* looks like an empty entry of 12 bytes */
	u32 zero;
	u16 rec_len;
	u8 zero2, type;
	u32 csum;
};
_Static_assert(sizeof(struct ext4_dirent) == 8 && sizeof(struct ext4_dir_tail) == 12,
	       "directories");
#define EXT4_DIR_TAIL_TYPE 0xde
#define EXT4_NAME_MAX 255

struct ext4_dx_entry {
	u32 hash, block;
};
struct ext4_dx_countlimit { /* in the place of the first entry's hash */
	u16 limit, count;
};
struct ext4_dx_info {
	u32 zero;
	u8 hash_version, info_len, levels, flags;
};
struct ext4_dx_tail {
	u32 reserved, csum;
};
#define EXT4_DX_ROOT_INFO 24 /* offset: after the entries "." and ".." */
#define EXT4_DX_NODE_ENTRIES 8

#define EXT4_XATTR_MAGIC 0xea020000
struct ext4_xattr_header {
	u32 magic, refcount, blocks, hash, csum, reserved[3];
};
struct ext4_xattr_entry {
	u8 name_len, index;
	u16 offs;
	u32 inum, size, hash;
	char name[];
};
_Static_assert(sizeof(struct ext4_xattr_header) == 32 && sizeof(struct ext4_xattr_entry) == 16,
	       "xattrs");
#define EXT4_XATTR_MAX_REFS 1024

struct ext4_orphan_tail {
	u32 magic, csum;
};
#define EXT4_ORPHAN_MAGIC 0x0b10ca04

#endif
