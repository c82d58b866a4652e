/* SPDX-License-Identifier: MIT */
/*
 * ext4: what its parts share. super.c mounts; group.c, balloc.c and ialloc.c keep the groups; inode.c the
 * inodes; map.c (extent*.c, indirect*.c) says where a file's blocks are; dir*.c and htree*.c keep names;
 * namei.c and rename.c change them; data.c, file.c and fallocate.c are file contents; xattr*.c and acl.c
 * attributes.
 *
 * Locking. inode->lock as the VFS says: a directory's entries, writers and truncation of a file. map_lock
 * (inside a handle) is over the tree of blocks, xattr_lock over the attributes. Everything else (bitmaps,
 * counts, lists) is changed between blocking points. Order: inode->lock, handle, xattr_lock, map_lock.
 *
 * Everything read from the disk is checked where it is read; what is wrong is reported by ext4_error() and
 * gives -EUCLEAN.
 */
#ifndef FS_EXT4_PRIV_H
#define FS_EXT4_PRIV_H

#include "abi/errno.h"
#include "block/buffer.h"
#include "fs/ext4/disk.h"
#include "fs/ext4/journal.h"
#include "lib/hash.h"
#include "mm/pagecache.h"
#include "vfs/vfs.h"

#define RANK_XATTR ((enum lock_rank)(RANK_INODE + 8))
#define RANK_MAP ((enum lock_rank)(RANK_INODE + 10))

enum ext4_data_mode { EXT4_DATA_JOURNAL, EXT4_DATA_ORDERED, EXT4_DATA_WRITEBACK };

struct ext4_opts {
	enum ext4_data_mode data;
	u32 errors; /* EXT4_ERRORS_* */
	u32 commit; /* seconds; 0: the default */
	u32 resuid, resgid, sb_block, stripe, max_dir_kb;
	bool barrier, discard, xattr_user, acl, delalloc, grpid, noload, minixdf, data_given;
};

/* A group as it is in memory, beside its descriptor. */
struct ext4_group {
	bool block_bad, inode_bad; /* a bitmap is corrupt: nothing is allocated here */
	u8 *pending; /* bitmap of blocks that an uncommitted transaction freed; NULL: none */
	u32 npending;
	u32 longest; /* no free run is longer than this; 0: not known */
};

struct ext4_zone { /* blocks of metadata: no file may point to them */
	u64 start, end;
};

struct ext4_run { /* blocks of a file that never moves */
	u32 lblk, len;
	u64 pblk;
};

struct ext4_orphan_block {
	struct buffer *bh;
	u32 free;
};

struct ext4 {
	struct super *sb;
	struct blkdev *bdev;
	struct buffer *sbh; /* of the superblock */
	struct ext4_sb *es; /* in sbh */
	struct ext4_opts opts, defaults;
	u32 block_size, block_bits;
	u64 blocks_count;
	u32 first_data_block, blocks_per_group, ngroups;
	u32 inodes_per_group, inode_size, inodes_per_block, itable_blocks, inodes_count, first_ino;
	u32 desc_size, descs_per_block, ngdb;
	struct buffer **gdb;
	struct ext4_group *groups;
	u64 free_blocks, delayed; /* all groups' sum; promised to dirty pages */
	u64 pool; /* kept for nodes of extent trees, so that promises hold */
	u64 free_inodes;
	u32 ndirs;
	u32 ndiscards; /* under way: their blocks are pending until they end */
	struct wait_queue discard_wait;
	u32 csum_seed;
	bool csum, gdt_csum; /* metadata_csum, uninit_bg */
	u32 hash_seed[4];
	u8 hash_unsigned; /* 3 or 0: added to hash versions */
	struct ext4_zone *zones;
	u32 nzones;
	u64 max_size[2]; /* of files with block maps, with extents */
	struct journal *journal; /* NULL: none */
	struct ext4_run *journal_runs; /* where the blocks of its file are */
	u32 njournal_runs, journal_blocks;
	struct hash_table inodes;	/* by number: struct ext4_inode.hash */
	struct wait_queue evict_wait;
	struct list_head orphans; /* struct ext4_inode.orphan: the chain on disk, newest first */
	struct ext4_orphan_block *orphan_blocks;
	u32 norphan_blocks, orphan_seed;
	struct list_head node; /* all mounted ones */
	u8 *scratch; /* a block, used between blocking points */
	bool error_pending; /* es has news about errors that are not on disk yet */
	bool dead; /* after errors=remount-ro or an abort: nothing is written */
	bool shut; /* dead by FS_IOC_SHUTDOWN: calls fail with EIO */
	enum { EXT4_THAWED, EXT4_FREEZING, EXT4_FROZEN, EXT4_FROZEN_RO } frozen; /* freeze.c */
	const struct task *freezer; /* FREEZING: who; only compared */
	struct wait_queue thaw_wait;
	u32 rotor; /* where the next top directory goes */
};

struct ext4_range { /* pages whose blocks are not allocated yet */
	u64 start, end;
};

struct ext4_inode { /* inode->private */
	struct inode *inode;
	struct list_head hash, orphan;
	u32 orphan_slot; /* in the orphan file, plus 1 */
	bool evicting;
	u32 parent; /* of a directory: where it was found; 0: nowhere yet */
	bool acl_known, acl_there; /* whether it has an access control list */
	bool no_caps; /* known to have no security.capability */
	u32 flags, generation, dtime, csum_seed, projid, next_orphan;
	u64 version;
	u16 extra_isize;
	u32 block[EXT4_NBLOCKS]; /* root of the tree of blocks, or a short symlink */
	u64 file_acl;
	u64 disk_size; /* what the disk says; inode->size is ahead while writes are delayed */
	u64 write_end; /* end of a write(2) under way */
	u64 blocks; /* of 512 bytes, on disk */
	struct ts_k disk_atime, disk_mtime, disk_ctime; /* to notice changes without a handle */
	struct mutex map_lock, xattr_lock;
	struct pagecache *pc;
	struct ext4_range *delayed; /* sorted */
	u32 ndelayed, delayed_cap;
	u64 sync_tid, datasync_tid; /* transactions that fsync, fdatasync must wait for */
	u32 goal_lblk; /* where the last allocation was */
	u64 goal_pblk;
	u32 dir_hint; /* block of the directory in which an insertion last succeeded */
};

static inline struct ext4 *ext4_of(const struct inode *i)
{
	return i->sb->private;
}
static inline struct ext4_inode *ext4_i(const struct inode *i)
{
	return i->private;
}
static inline bool ext4_compat(const struct ext4 *fs, u32 f)
{
	return fs->es->feature_compat & f;
}
static inline bool ext4_incompat(const struct ext4 *fs, u32 f)
{
	return fs->es->feature_incompat & f;
}
static inline bool ext4_ro_compat(const struct ext4 *fs, u32 f)
{
	return fs->es->feature_ro_compat & f;
}
static inline bool ext4_readonly(const struct ext4 *fs)
{
	return (fs->sb->flags & 1 /* MS_RDONLY */) || fs->dead;
}
/* 0, or what a call that changes something fails with. */
static inline int ext4_writable(const struct ext4 *fs)
{
	return fs->shut ? -EIO : ext4_readonly(fs) ? -EROFS : 0;
}
static inline u64 ext4_lo_hi(u32 lo, u32 hi)
{
	return (u64)hi << 32 | lo;
}
static inline u32 ext4_blocks_of(const struct ext4 *fs, u64 bytes)
{
	return (u32)((bytes + fs->block_size - 1) >> fs->block_bits);
}

/* --- error.c --- */
/*
 * The file system is inconsistent: says so ("EXT4-fs error (device ubda): func: inode #12: ..."), remembers it for
 * the superblock, and does what errors= asks for. ino, block: 0 if none. Returns -EUCLEAN (-EIO for err = EIO). nb
 */
int ext4_error_at(struct ext4 *fs, const char *func, int line, u32 ino, u64 block, const char *fmt,
		  ...) __printf(6, 7);
#define ext4_error(fs, ino, block, ...)                                                            \
	ext4_error_at(fs, __func__, __LINE__, ino, block, __VA_ARGS__)
void ext4_msg(const struct ext4 *fs, const char *level, const char *fmt, ...) __printf(3, 4);
#define EXT4_UUID_TEXT 37
void ext4_uuid_text(const struct ext4 *fs, char out[EXT4_UUID_TEXT]); /* of a loaded one. nb */
int ext4_write_super(struct ext4 *fs); /* es to disk, past the journal. Blocks */
/* errors= of the outside world: a journal that was aborted. Sets the file system dead once. nb */
void ext4_check_abort(struct ext4 *fs);

/* --- features.c, options.c --- */
int ext4_check_features(struct ext4 *fs, u32 *flags); /* -EINVAL; sets MS_RDONLY in *flags. nb */
int ext4_parse_options(struct ext4 *fs, struct ext4_opts *o, const char *data);
void ext4_default_options(struct ext4 *fs, struct ext4_opts *o);
void ext4_show_options(struct super *sb, struct seq_buf *s);

/* --- mount.c, super.c --- */
int ext4_load_super(struct ext4 *fs, u32 *flags, const char *data);
int ext4_journal_load(struct ext4 *fs, u32 flags);
int ext4_journal_options(struct ext4 *fs, u32 flags);
int ext4_begin_write(struct ext4 *fs); /* a mount becomes writable: marks it. Blocks */
int ext4_end_write(struct ext4 *fs); /* all is on disk, marked clean. Blocks */
int ext4_sync(struct super *sb);
int ext4_setup_zones(struct ext4 *fs);
/* Are blocks [b, b + n) inside the file system and no metadata? nb */
bool ext4_valid_blocks(const struct ext4 *fs, u64 b, u64 n);
extern const struct super_ops ext4_super_ops;

/* --- csum.c: values as they are stored; nb --- */
u32 ext4_csum_super(const struct ext4_sb *es);
u16 ext4_csum_desc(const struct ext4 *fs, u32 group, const struct ext4_desc *d);
u32 ext4_csum_inode(const struct ext4 *fs, const struct ext4_raw_inode *r, u32 seed);
u32 ext4_inode_seed(const struct ext4 *fs, u32 ino, u32 generation);
u32 ext4_csum_xattr(const struct ext4 *fs, u64 block, const void *data);

/* --- group.c --- */
int ext4_load_groups(struct ext4 *fs);
void ext4_free_groups(struct ext4 *fs);
struct ext4_desc *ext4_desc(const struct ext4 *fs, u32 group,
			    struct buffer **bh); /* returns borrowed. nb */
void ext4_desc_csum_set(struct ext4 *fs, u32 group, struct ext4_desc *d);
u64 ext4_bg_block_bitmap(const struct ext4 *fs, const struct ext4_desc *d);
u64 ext4_bg_inode_bitmap(const struct ext4 *fs, const struct ext4_desc *d);
u64 ext4_bg_inode_table(const struct ext4 *fs, const struct ext4_desc *d);
u32 ext4_bg_free_blocks(const struct ext4 *fs, const struct ext4_desc *d);
u32 ext4_bg_free_inodes(const struct ext4 *fs, const struct ext4_desc *d);
u32 ext4_bg_used_dirs(const struct ext4 *fs, const struct ext4_desc *d);
u32 ext4_bg_itable_unused(const struct ext4 *fs, const struct ext4_desc *d);
void ext4_bg_set_free_blocks(const struct ext4 *fs, struct ext4_desc *d, u32 n);
void ext4_bg_set_free_inodes(const struct ext4 *fs, struct ext4_desc *d, u32 n);
void ext4_bg_set_used_dirs(const struct ext4 *fs, struct ext4_desc *d, u32 n);
void ext4_bg_set_itable_unused(const struct ext4 *fs, struct ext4_desc *d, u32 n);
u64 ext4_group_start(const struct ext4 *fs, u32 group);
u32 ext4_group_blocks(const struct ext4 *fs, u32 group);
bool ext4_bg_has_super(const struct ext4 *fs, u32 group);
u32 ext4_bg_num_gdb(const struct ext4 *fs, u32 group);
u32 ext4_base_meta_blocks(const struct ext4 *fs,
			  u32 group); /* superblock and descriptors at its start */
/* Bitmaps, checked (or made, when uninitialised). References. -EUCLEAN: group is bad from now on. Block. */
int ext4_read_block_bitmap(struct ext4 *fs, u32 group, struct buffer **out);
int ext4_read_inode_bitmap(struct ext4 *fs, u32 group, struct buffer **out);
void ext4_block_bitmap_csum_set(struct ext4 *fs, struct ext4_desc *d, const struct buffer *bh);
void ext4_inode_bitmap_csum_set(struct ext4 *fs, struct ext4_desc *d, const struct buffer *bh);

/* --- bits.c: bitmaps; nb --- */
bool ext4_test_bit(const void *map, u32 bit);
void ext4_set_bit(void *map, u32 bit);
void ext4_clear_bit(void *map, u32 bit);
u32 ext4_find_zero(const void *map, u32 from, u32 end); /* end: none */
u32 ext4_find_set(const void *map, u32 from, u32 end);
void ext4_set_bits(void *map, u32 from, u32 n);
void ext4_clear_bits(void *map, u32 from, u32 n);

/* --- handle.c: handles with this file system's accounts; NULL journal included --- */
int ext4_start(struct ext4 *fs, u32 credits, struct handle **out);
/* The same for contents that are written out, which whoever freezes the file system waits for. */
int ext4_start_writeback(struct ext4 *fs, u32 credits, struct handle **out);
int ext4_stop(struct ext4 *fs, struct handle *h);
/* More room: 0, or the handle was restarted (1: others may have been in between), or -errno. Blocks. */
int ext4_more_credits(struct ext4 *fs, struct handle **h, u32 credits);
void ext4_touch_tid(struct handle *h, struct inode *inode, bool datasync);
#define EXT4_CREDITS_SUPER 1
#define EXT4_CREDITS_ALLOC 4 /* bitmap and descriptor of blocks, also of a second group */
#define EXT4_CREDITS_TREE 20 /* an insertion into a tree of blocks that splits every level */
#define EXT4_CREDITS_DIR 30 /* a new directory entry with all that may be split for it */
#define EXT4_CREDITS_INODE                                                                         \
	8 /* a new inode: bitmap, descriptor, table, bitmap of blocks, superblock */
#define EXT4_CREDITS_XATTR 12

/* --- balloc.c --- */
/*
 * Allocates 1 to *len blocks near goal for ino; *len says how many. reserved: promised to a page, or taken from the pool. -ENOSPC. Blocks.
 */
int ext4_new_blocks(struct handle *h, struct ext4 *fs, u64 goal, u32 *len, bool reserved,
		    u64 *out);
/* metadata: their buffers are forgotten, and revoked in the journal. Blocks. */
int ext4_free_blocks(struct handle *h, struct ext4 *fs, u32 ino, u64 block, u64 n, bool metadata);
u64 ext4_usable(const struct ext4 *fs); /* those that current may have; nb */
int ext4_trim_group(struct ext4 *fs, u32 group, u32 from, u32 to, u32 minlen, u64 *trimmed);
/* The bitmap that counts for allocation: with the pending ones. Valid until the next blocking point. nb */
const u8 *ext4_effective_bitmap(struct ext4 *fs, u32 group, const struct buffer *bh);
void ext4_end_pending(struct ext4 *fs, u32 group, u32 start, u32 len);
/* After -ENOSPC: commits so that freed blocks can be had. True at most a few times. Blocks. */
bool ext4_retry_alloc(struct ext4 *fs, int *tries);
void ext4_wait_discards(struct ext4 *fs); /* blocks */

/* --- ialloc.c --- */
int ext4_new_inode(struct handle *h, struct inode *dir, u32 mode, struct inode **out);
int ext4_free_inode(struct handle *h, struct inode *inode);

/* --- inode.c, iget.c, raw.c --- */
enum {
	IGET_SPECIAL = 1 /* a reserved number is fine */,
	IGET_ORPHAN = 2 /* so is one without links */
};
/* ioctl.c: inode_ops */
int ext4_get_fsx(struct inode *inode, struct fsx_k *x);
int ext4_set_fsx(struct inode *inode, const struct fsx_k *x);
/* For file handles (super_ops). */
u32 ext4_generation(const struct inode *i);
int ext4_by_number(struct super *sb, u64 ino, u32 generation, struct inode **out);
int ext4_iget(struct super *sb, u64 ino, u32 how, struct inode **out); /* -ESTALE: it is deleted */
struct inode *ext4_inode_alloc(struct super *sb, u32 ino,
			       u32 mode); /* with private, not in the hash. nb */
void ext4_hash_insert(struct inode *inode);
u64 ext4_inode_key(const struct list_head *node);
void ext4_set_ops(struct inode *inode);
struct ext4_loc {
	struct buffer *bh; /* a reference */
	struct ext4_raw_inode *raw;
};
int ext4_raw_get(struct ext4 *fs, u32 ino, struct ext4_loc *loc); /* Blocks */
int ext4_raw_check(struct ext4 *fs, u32 ino, const struct ext4_raw_inode *r, u32 *seed);
void ext4_raw_to_inode(struct inode *i, const struct ext4_raw_inode *r);
void ext4_inode_to_raw(struct inode *i, struct ext4_raw_inode *r);
/* Writes the inode into its table. ext4_dirty_raw: loc is there and had journal_get_write. Block. */
int ext4_dirty(struct handle *h, struct inode *inode);
int ext4_dirty_raw(struct handle *h, struct inode *inode, struct ext4_loc *loc);
int ext4_loc_for_write(struct handle *h, struct inode *inode, struct ext4_loc *loc);
int ext4_getattr(struct inode *inode, struct kstat *st);
int ext4_setattr(struct inode *inode, const struct iattr *a);
void ext4_evict(struct inode *inode);
int ext4_sync_inodes(struct ext4 *fs);
int ext4_write_inode(struct inode *inode); /* its pages and what changed without a handle. Blocks */
bool ext4_is_inline(const struct inode *inode);
u64 ext4_size_max(const struct inode *inode);
bool ext4_fast_symlink(const struct inode *inode);
extern const struct inode_ops ext4_dir_inode_ops, ext4_file_inode_ops, ext4_symlink_inode_ops,
	ext4_special_inode_ops, ext4_encrypted_inode_ops;
extern const struct file_ops ext4_dir_fops, ext4_file_fops, ext4_encrypted_fops;

/* --- map.c: where blocks are --- */
enum { MAP_MAPPED = 1, MAP_UNWRITTEN = 2, MAP_NEW = 4 };
struct ext4_map {
	u32 lblk, len; /* asked for; len is cut to the run that has one answer */
	u64 pblk;
	u32 flags; /* 0: a hole */
};
int ext4_map_find(struct inode *inode, struct ext4_map *m);
enum { ALLOC_DELAYED = 1, ALLOC_UNWRITTEN = 2 };
/* A hole at m->lblk gets blocks (m->len cut to what was got). Unwritten ones stay so. h has EXT4_CREDITS_TREE. */
int ext4_map_alloc(struct handle *h, struct inode *inode, struct ext4_map *m, u32 how);
/* Written blocks become unwritten or the other way. Extents only. */
int ext4_map_convert(struct handle *h, struct inode *inode, u32 lblk, u32 len, bool unwritten);
/* Frees blocks [from, to); *h may be restarted, the inode is written before. */
int ext4_map_remove(struct handle **h, struct inode *inode, u32 from, u32 to);
/* Moves what is at or after from by delta blocks. Extents only; nothing may be in the way. */
int ext4_map_shift(struct handle **h, struct inode *inode, u32 from, s64 delta);
void ext4_map_init(struct inode *inode); /* an empty tree */
u64 ext4_alloc_goal(const struct inode *inode, u32 lblk);
u32 ext4_map_max(const struct inode *inode); /* largest block number + 1 */
void ext4_add_blocks(struct inode *inode, s64 fsblocks);

/* --- extent.c and friends --- */
struct ext4_step {
	struct buffer *bh; /* NULL: the root in the inode */
	struct ext4_eh *eh;
	struct ext4_idx *idx; /* the way taken */
	struct ext4_extent *ext; /* at the leaf: the last one that starts at or before, NULL */
};
struct ext4_path {
	u32 depth;
	struct ext4_step step[EXT4_EXT_MAX_DEPTH + 2];
};
int ext4_ext_path(struct inode *inode, u32 lblk, struct ext4_path *p);
void ext4_ext_path_put(struct ext4_path *p);
u32 ext4_ext_next(const struct ext4_path *p,
		  u32 level); /* first block beyond the subtree at level; MAX: none */
int ext4_ext_find(struct inode *inode, struct ext4_map *m);
int ext4_ext_insert(struct handle *h, struct inode *inode, const struct ext4_extent *e);
int ext4_ext_split_at(struct handle *h, struct inode *inode, u32 lblk);
int ext4_ext_access(struct handle *h, struct inode *inode, struct ext4_step *s);
int ext4_ext_dirty(struct handle *h, struct inode *inode, struct ext4_step *s);
int ext4_ext_fix_index(struct handle *h, struct inode *inode, struct ext4_path *p);
void ext4_ext_merge_back(struct ext4_eh *eh, u32 i); /* entry i into the one before, if it continues that. nb */
/* Removes some of [*from, *to), and moves the end of the range at which it did. map_lock held. */
int ext4_ext_remove(struct handle *h, struct inode *inode, u32 *from, u32 *to);
int ext4_ext_convert(struct handle *h, struct inode *inode, u32 lblk, u32 len, bool unwritten);
int ext4_ext_shift(struct handle **h, struct inode *inode, u32 from, s64 delta);
void ext4_ext_tail_set(struct inode *inode, struct ext4_eh *eh);
int ext4_ext_remove_entry(struct handle *h, struct inode *inode, struct ext4_path *p);
static inline struct ext4_extent *ext4_eh_ext(struct ext4_eh *eh, u32 i)
{
	return (struct ext4_extent *)(eh + 1) + i;
}
static inline struct ext4_idx *ext4_eh_idx(struct ext4_eh *eh, u32 i)
{
	return (struct ext4_idx *)(eh + 1) + i;
}
static inline u32 ext4_ext_len(const struct ext4_extent *e)
{
	return e->len <= EXT4_EXT_MAX_LEN ? e->len : e->len - EXT4_EXT_MAX_LEN;
}
static inline bool ext4_ext_unwritten(const struct ext4_extent *e)
{
	return e->len > EXT4_EXT_MAX_LEN;
}
static inline u64 ext4_ext_start(const struct ext4_extent *e)
{
	return ext4_lo_hi(e->start_lo, e->start_hi);
}
static inline u64 ext4_idx_leaf(const struct ext4_idx *x)
{
	return ext4_lo_hi(x->leaf_lo, x->leaf_hi);
}
int ext4_ind_find(struct inode *inode, struct ext4_map *m);
int ext4_ind_alloc(struct handle *h, struct inode *inode, struct ext4_map *m, bool delayed);
int ext4_ind_remove(struct handle *h, struct inode *inode, u32 *from, u32 *to); /* as ext4_ext_remove() */

/* --- dir.c, htree.c --- */
/* Block lblk of a directory, its checksum and shape checked. -EUCLEAN, also for a hole. Blocks. */
enum ext4_dirblock { DIRBLOCK_LEAF, DIRBLOCK_INDEX, DIRBLOCK_ANY };
int ext4_dir_read(struct inode *dir, u32 lblk, enum ext4_dirblock kind, struct buffer **out);
/* The same as a copy, to be freed by kfree(); *block says where it was. Blocks. */
int ext4_dir_copy(struct inode *dir, u32 lblk, enum ext4_dirblock kind, u8 **out, u64 *block);
int ext4_dir_append(struct handle *h, struct inode *dir, u32 *lblk, struct buffer **out);
/* Is the entry at offset off of an area of size bytes sound? Reports if not. nb */
bool ext4_dirent_ok(struct inode *dir, const struct ext4_dirent *de, u64 block, const void *area,
		    u32 off, u32 size);
u32 ext4_dirent_len(u32 name_len);
u32 ext4_dir_usable(const struct ext4 *fs); /* bytes of a block before its checksum */
void ext4_dir_tail_init(const struct ext4 *fs, void *data);
void ext4_dir_csum_set(struct inode *dir, void *data);
u8 ext4_file_type(const struct ext4 *fs, u32 mode);
struct ext4_found { /* where a name is; bh NULL: in the inode */
	struct buffer *bh;
	struct ext4_dirent *de;
	struct ext4_loc loc;
	void *area;
	u32 size;
	bool inside;
};
/* 0, -ENOENT or an error. ext4_found_put() when done. Blocks. */
int ext4_find_entry(struct inode *dir, const char *name, u32 len, struct ext4_found *f);
void ext4_found_put(struct ext4_found *f);
int ext4_add_entry(struct handle *h, struct inode *dir, const char *name, u32 len,
		   struct inode *inode);
int ext4_delete_entry(struct handle *h, struct inode *dir, struct ext4_found *f);
int ext4_set_entry(struct handle *h, struct inode *dir, struct ext4_found *f, u32 ino, u8 type);
int ext4_dir_empty(struct inode *dir); /* 0, -ENOTEMPTY, or an error */
/* Searches one block's worth of entries. NULL: not there (or *err). nb */
struct ext4_dirent *ext4_search(struct inode *dir, u64 block, void *area, u32 size,
				const char *name, u32 len, int *err);
int ext4_make_dots(struct handle *h, struct inode *dir, struct inode *inode);
/* The entry ".." of a directory, for a move. */
int ext4_find_dotdot(struct inode *dir, struct ext4_found *f);
/* -ENOSPC: it does not fit. Blocks. */
int ext4_add_to_block(struct handle *h, struct inode *dir, struct buffer *bh, const char *name, u32 len,
		      struct inode *inode);
bool ext4_insert_into(struct inode *dir, void *area, u32 size, const char *name, u32 len, u32 ino,
		      u8 type);

struct ext4_hash {
	u32 hash, minor;
};
int ext4_dirhash(const struct ext4 *fs, u8 version, const char *name, u32 len,
		 struct ext4_hash *out);
bool ext4_is_htree(const struct inode *dir);
/* readdir_hash.c: names in the order of their hashes. -EAGAIN: the index is of no use. Blocks. */
bool ext4_reads_by_hash(const struct inode *dir);
int ext4_read_hashed(struct inode *dir, struct dir_ctx *ctx);
#define EXT4_HASH_EOF INT64_MAX
u32 ext4_dir_dt(u8 type); /* DT_* of a file type on disk */
u8 ext4_new_dir_hash(const struct ext4 *fs); /* version for directories that have no index yet */
int ext4_htree_find(struct inode *dir, const char *name, u32 len, struct ext4_found *f);
int ext4_htree_add(struct handle *h, struct inode *dir, const char *name, u32 len,
		   struct inode *inode);
int ext4_htree_make(struct handle *h, struct inode *dir, struct buffer *bh, const char *name,
		    u32 len, struct inode *inode);
struct ext4_dx_level {
	struct buffer *bh;
	struct ext4_dx_entry *entries, *at;
};
struct ext4_dx_path {
	u32 levels; /* number of index levels */
	u8 hash_version;
	struct ext4_hash hash;
	struct ext4_dx_level level[4];
};
int ext4_dx_probe(struct inode *dir, const char *name, u32 len, struct ext4_dx_path *p);
/* To the first leaf that may have names with this hash. Blocks. */
int ext4_dx_seek(struct inode *dir, u32 hash, struct ext4_dx_path *p);
/* The hash with which the next leaf begins; its lowest bit: that of this leaf's last name. false: there is none. nb */
bool ext4_dx_next_hash(const struct inode *dir, const struct ext4_dx_path *p, u32 *hash);
/* To the next leaf: 1, 0: there is none, -errno. Blocks. */
int ext4_dx_step(struct inode *dir, struct ext4_dx_path *p);
void ext4_dx_put(struct ext4_dx_path *p);
u32 ext4_dx_limit(const struct ext4 *fs, bool root);
void ext4_dx_csum_set(struct inode *dir, void *data);
bool ext4_dx_csum_ok(struct inode *dir, const void *data);
static inline struct ext4_dx_countlimit *ext4_dx_cl(struct ext4_dx_entry *e)
{
	return (struct ext4_dx_countlimit *)e;
}

/* --- orphan.c --- */
int ext4_orphan_add(struct handle *h, struct inode *inode);
int ext4_orphan_del(struct handle *h, struct inode *inode); /* h NULL: only from memory */
int ext4_orphan_load(struct ext4 *fs); /* the orphan file */
void ext4_orphan_unload(struct ext4 *fs);
void ext4_orphan_cleanup(struct ext4 *fs);
bool ext4_orphans_left(const struct ext4 *fs); /* of an earlier mount */
bool ext4_orphan_file_empty(const struct ext4 *fs);

/* --- inline.c --- */
/* The bytes of an inline file or directory, as far as they are in the inode: n bytes at *out, NULL: no memory. Blocks. */
int ext4_inline_read(struct inode *inode, void **out, u32 *n); /* kfree() it */
int ext4_inline_convert(struct handle *h,
			struct inode *inode); /* to blocks; nothing if it is not inline. Blocks */

/* --- delalloc.c: pages that have blocks promised; nb --- */
int ext4_delay(struct inode *inode, u64 page);
void ext4_undelay(struct inode *inode, u64 start, u64 end);
bool ext4_is_delayed(const struct inode *inode, u64 page);
bool ext4_next_delayed(const struct inode *inode, u64 from, struct ext4_range *out);
u64 ext4_delayed_pages(const struct inode *inode);

/* --- data.c, file.c, fallocate.c, fiemap.c --- */
int ext4_pc_get(struct inode *inode, struct pagecache **out);
int ext4_set_size(struct inode *inode, u64 size); /* lock held. Blocks */
int ext4_truncate(struct inode *inode); /* frees blocks beyond inode->size. lock held. Blocks */
int ext4_fallocate(struct file *f, int mode, off64 off, off64 len);
off64 ext4_llseek(struct file *f, off64 off, int whence);
int ext4_fsync(struct file *f, bool datasync);
int ext4_sync_tid(struct ext4 *fs, u64 tid, bool data);
long ext4_ioctl(struct file *f, u32 cmd, u64 arg);
long ext4_ioc_fiemap(struct file *f, u64 arg);
long ext4_ioc_fibmap(struct file *f, uaddr_t arg);

/* --- freeze.c --- */
long ext4_ioc_freeze(struct file *f, uaddr_t arg);
long ext4_ioc_thaw(struct file *f, uaddr_t arg);
void ext4_thaw(struct ext4 *fs);
void ext4_wait_thaw(struct ext4 *fs); /* before a call changes anything. Blocks */
void ext4_wait_handle(struct ext4 *fs); /* before a handle is opened. Blocks */

/* --- label.c, shutdown.c --- */
long ext4_ioc_get_label(struct file *f, uaddr_t arg);
long ext4_ioc_set_label(struct file *f, uaddr_t arg);
#define EXT4_IOC_SHUTDOWN _IOR('X', 125, u32) /* no header has it */
long ext4_ioc_shutdown(struct file *f, uaddr_t arg);

/* --- xattr.c, xattr_set.c, acl.c --- */
ssize ext4_getxattr(struct inode *inode, const char *name, void *buf, size_t n);
ssize ext4_listxattr(struct inode *inode, char *buf, size_t n);
int ext4_setxattr(struct inode *inode, const char *name, const void *val, size_t n, int flags);
int ext4_removexattr(struct inode *inode, const char *name);
int ext4_drop_caps(struct inode *inode); /* contents or owner change: a program's capabilities go. Blocks */
ssize ext4_xattr_get(struct inode *inode, u8 index, const char *name, void *buf, size_t n);
/* val NULL: remove. Blocks. */
int ext4_xattr_set(struct handle *h, struct inode *inode, u8 index, const char *name,
		   const void *val, size_t n, int flags);
int ext4_xattr_delete(struct handle *h, struct inode *inode); /* all, with the inode */
enum {
	XATTR_USER = 1,
	XATTR_ACL_ACCESS = 2,
	XATTR_ACL_DEFAULT = 3,
	XATTR_TRUSTED = 4,
	XATTR_SECURITY = 6,
	XATTR_SYSTEM = 7
};
/* One area of entries, checked before use. */
struct ext4_xarea {
	struct ext4_xattr_entry *first;
	u8 *base; /* value offsets count from here */
	u8 *end;
};
int ext4_xarea_check(struct inode *inode, const struct ext4_xarea *a);
struct ext4_xattr_entry *ext4_xarea_find(const struct ext4_xarea *a, u8 index, const char *name,
					 size_t len);
bool ext4_xarea_inode(struct inode *inode, struct ext4_raw_inode *raw,
		      struct ext4_xarea *a); /* false: no room or none */
int ext4_xattr_block(struct inode *inode, struct buffer **bh,
		     struct ext4_xarea *a); /* *bh NULL: none */
static inline u32 ext4_xentry_len(u32 name_len)
{
	return (name_len + (u32)sizeof(struct ext4_xattr_entry) + 3) & ~3u;
}
static inline struct ext4_xattr_entry *ext4_xentry_next(const struct ext4_xattr_entry *e)
{
	return (struct ext4_xattr_entry *)((u8 *)e + ext4_xentry_len(e->name_len));
}
static inline bool ext4_xentry_last(const struct ext4_xattr_entry *e)
{
	return *(const u32 *)e == 0;
}
int ext4_acl_permission(struct inode *inode, u32 mask);
int ext4_acl_init(struct handle *h, struct inode *dir, struct inode *inode);
int ext4_acl_chmod(struct handle *h, struct inode *inode);
int ext4_acl_set(struct handle *h, struct inode *inode, u8 index, const void *val, size_t n);
ssize ext4_acl_get(struct inode *inode, u8 index, void *buf, size_t n);

/* --- namei.c, rename.c, symlink.c --- */
int ext4_lookup(struct inode *dir, struct dentry *d, struct inode **out);
int ext4_rename(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd,
		u32 flags);
ssize ext4_readlink(struct inode *inode, char *buf, size_t n);
int ext4_symlink(struct inode *dir, struct dentry *d, const char *target, struct inode **out);
/* A new inode of dir gets its name, or is thrown away. */
int ext4_add_new(struct handle *h, struct inode *dir, const struct dentry *d, struct inode *inode);
/* A new inode that is not wanted after all: its last reference, this one, deletes it in the same handle. */
void ext4_discard_new(struct handle *h, struct inode *inode);
void ext4_inc_nlink(struct inode *dir);
void ext4_dec_nlink(struct inode *dir);

#endif
