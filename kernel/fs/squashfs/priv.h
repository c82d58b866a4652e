/* SPDX-License-Identifier: MIT */
/*
 * Between the files of squashfs. Nothing in an image is believed: each offset and length is checked where it is
 * used, and what does not hold is reported and becomes -EIO. No function here changes an image, so nothing needs a
 * lock of its own; after a blocking call only what is referenced is still there.
 */
#ifndef FS_SQUASHFS_PRIV_H
#define FS_SQUASHFS_PRIV_H

#include "block/blkdev.h"
#include "fs/squashfs/disk.h"
#include "host/decompress/decompress.h"
#include "mm/shrinker.h"
#include "vfs/vfs.h"

#define SQ_HASH 256u
#define SQ_SLOTS 32u

/* A place in a table: of a metadata block on the device, and in what it holds. */
struct sq_cursor {
	u64 block;
	u32 offset;
};

/* --- cache.c: what was decompressed last --- */

struct sq_entry {
	struct list_head lru;
	u64 pos;			/* on the device; SQ_NO_TABLE: nothing */
	u32 word;			/* length on the device and flag, as the image has it */
	u64 next;			/* behind it on the device */
	u32 len;
	int refs;
	bool filling;
	u8 *data;
};

struct sq_cache {
	struct list_head lru;		/* all, the one that was used last at the end */
	struct wait_queue wait;
	unsigned int n, max;
	u32 size;			/* of an entry's data */
};

struct sqfs {
	struct super *sb;
	struct blkdev *bdev;		/* a reference, open and claimed */
	struct pagecache *device;	/* its bytes */
	struct list_head node;		/* all that are mounted */
	struct list_head hash[SQ_HASH];	/* live inodes by place */
	struct sq_super s;
	enum host_codec codec;
	u32 *ids;
	u64 xattr_list, xattr_data;	/* xattr_list: SQ_NO_TABLE: none */
	u32 xattrs;
	struct sq_cache meta, blocks, fragments;
	struct shrinker shrinker;
	bool panic;			/* errors=panic */
	unsigned int errors;		/* reported so far */
};

/* Where the words of a file's blocks go on: that of block is at, what it stands for lies at pos. */
struct sq_place {
	u64 block;
	struct sq_cursor at;
	u64 pos;
};

struct sq_inode {
	struct inode *inode;
	struct list_head hash;
	u64 ref;			/* its place: that is what identifies it */
	struct sq_cursor at;		/* of what follows: block words, index, target */
	u32 xattr;
	/* Of directories: the listing. */
	struct sq_cursor listing;
	u32 nindex;
	/* Of files. */
	u64 nblocks;			/* that have words */
	u64 start;
	u32 fragment, frag_offset;
	struct sq_place last;		/* where reading goes on; block 0: from the start */
	struct sq_place *slots;		/* every step-th block, as far as somebody came; NULL: few blocks */
	u64 step;
	u32 nslots;
	struct pagecache *pc;
};

static inline struct sqfs *sq_of(const struct inode *i)
{
	return i->sb->private;
}

static inline struct sq_inode *sq_i(const struct inode *i)
{
	return i->private;
}

/* --- super.c --- */

/* Logs (the first ones), panics with errors=panic; -EIO. nb */
int sq_error(struct sqfs *fs, const char *fmt, ...) __printf(2, 3);
int sq_load(struct sqfs *fs);			/* load.c: superblock and small tables. Blocks */

/* --- cache.c --- */

/* size: of an entry; max: entries. nb */
void sq_cache_init(struct sq_cache *c, u32 size, unsigned int max);
void sq_cache_free(struct sq_cache *c);		/* nobody uses it */
/*
 * What lies at pos with this word, a reference: as fill() left it, which sets e->len and e->next. Nobody holds two
 * entries of one cache. Blocks.
 */
int sq_cache_get(struct sqfs *fs, struct sq_cache *c, u64 pos, u32 word,
		 int (*fill)(struct sqfs *fs, struct sq_entry *e, u32 size), struct sq_entry **out);
void sq_cache_put(struct sq_cache *c, struct sq_entry *e);	/* nb */
u64 sq_cache_shrink(struct sq_cache *c, u64 bytes);	/* frees what nobody uses: how much. nb */

/* --- read.c. Block. --- */

int sq_device_read(struct sqfs *fs, u64 pos, void *buf, size_t n);	/* a few bytes, through the device's cache */
/* The next n bytes of a table, over the ends of its blocks; buf NULL: skipped. Moves c. */
int sq_meta_read(struct sqfs *fs, struct sq_cursor *c, void *buf, size_t n);
/* Element i of a table that has a list of offsets at list. */
int sq_table_read(struct sqfs *fs, u64 list, u32 i, void *out, size_t size);
/* A block of contents or a fragment: released with sq_cache_put(c, e). */
int sq_block_get(struct sqfs *fs, struct sq_cache *c, u64 pos, u32 word, struct sq_entry **out);

/* --- inode.c --- */

int sq_iget(struct super *sb, u64 ref, struct inode **out);	/* a reference. Blocks */
extern const struct inode_ops sq_file_iops, sq_dir_iops, sq_link_iops, sq_special_iops;
void sq_evict(struct inode *inode);

/* --- words.c: position and word of a block of a file. Blocks --- */
int sq_find_block(struct inode *inode, u64 block, u64 *pos, u32 *word);

/* --- file.c, dir.c --- */
extern const struct file_ops sq_file_fops, sq_dir_fops;
int sq_lookup(struct inode *dir, struct dentry *d, struct inode **out);

/* --- xattr.c --- */
ssize sq_getxattr(struct inode *inode, const char *name, void *buf, size_t n);
ssize sq_listxattr(struct inode *inode, char *buf, size_t n);

#endif
