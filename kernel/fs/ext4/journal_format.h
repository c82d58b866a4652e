/* SPDX-License-Identifier: MIT */
/*
 * jbd2's format on disk, as the kernel's Documentation/filesystems/ext4/journal.rst describes it.
 * All numbers are big-endian. Every block of the log that is not a copy of a file system's block
 * starts with a header; a transaction is any number of revoke blocks and of descriptor blocks,
 * each of the latter followed by the blocks that its tags name, and a commit block.
 *
 * A copy that happens to start with the magic number is escaped: these four bytes are zeroes and
 * its tag says so.
 */
#ifndef FS_EXT4_JOURNAL_FORMAT_H
#define FS_EXT4_JOURNAL_FORMAT_H

#include "lib/types.h"

#define JBD_MAGIC 0xc03b3998u
#define JBD_MIN_BLOCKS 1024u		/* of a log; Linux refuses less */
#define JBD_SUPER_SIZE 1024u
#define JBD_CRC32C 4			/* checksum_type */
#define JBD_CRC32 1			/* chksum_type of a commit block */
/* blocks of the fast-commit area when the superblock says 0 */
#define JBD_FC_DEFAULT 256u

enum jbd_type { JBD_DESCRIPTOR = 1, JBD_COMMIT, JBD_SUPER_V1, JBD_SUPER_V2, JBD_REVOKE };

enum {
	JBD_COMPAT_CHECKSUM = 0x1,
	JBD_REVOKES = 0x1,		/* incompatible ones from here */
	JBD_64BIT = 0x2,
	JBD_ASYNC_COMMIT = 0x4,
	JBD_CSUM_V2 = 0x8,
	JBD_CSUM_V3 = 0x10,
	JBD_FAST_COMMIT = 0x20,
};

enum { TAG_ESCAPED = 1, TAG_SAME_UUID = 2, TAG_DELETED = 4, TAG_LAST = 8 };

struct jbd_header {
	u32 magic, type, sequence;
};

struct jbd_super {
	struct jbd_header h;
	u32 blocksize, maxlen, first;
	/* first transaction of the log and its block; start 0: the log is empty */
	u32 sequence, start;
	u32 error;			/* of an abort, negative */
	/* from here on: version 2 */
	u32 compat, incompat, ro_compat;
	u8 uuid[16];
	u32 nr_users, dynsuper, max_transaction, max_trans_data;
	u8 checksum_type, pad2[3];
	u32 num_fc_blocks;
	u32 head;
	u32 pad[40];
	u32 checksum;
	u8 users[48][16];
};

struct jbd_commit {
	struct jbd_header h;
	u8 chksum_type, chksum_size, pad[2];
	u32 chksum[8];
	u64 sec __attribute__((packed, aligned(4)));
	u32 nsec;
};

struct jbd_revoke {
	struct jbd_header h;
	u32 count;			/* bytes used, this header included */
};

_Static_assert(sizeof(struct jbd_super) == JBD_SUPER_SIZE, "journal superblock");
_Static_assert(offsetof(struct jbd_super, checksum) == 0xfc, "journal superblock");
_Static_assert(offsetof(struct jbd_commit, sec) == 0x30, "commit block");

static inline u32 be32(u32 v)
{
	return __builtin_bswap32(v);
}

static inline u64 be64(u64 v)
{
	return __builtin_bswap64(v);
}

/* What decides the layout: features of the superblock. */
struct jbd_layout {
	u32 block_size;
	u32 compat, incompat;
	/* checksum of the journal's UUID, where all v2 and v3 sums start */
	u32 seed;
};

static inline bool jbd_has_csum(const struct jbd_layout *l)
{
	return l->incompat & (JBD_CSUM_V2 | JBD_CSUM_V3);
}

/* A tag in a descriptor block. */
struct jbd_tag {
	u64 block;
	u32 flags;
	u32 csum;			/* v2: only 16 bits of it are kept */
};

bool jbd_header_ok(const void *block, u32 type, u32 sequence);
void jbd_header_set(void *block, u32 type, u32 sequence);

/* The tag at *pos, which moves on; false: no more. *pos starts as sizeof(struct jbd_header). */
bool jbd_tag_read(const struct jbd_layout *l, const u8 *desc, u32 *pos, struct jbd_tag *t);
/* Appends; the first one carries uuid. There must be room: jbd_tags_max(). */
void jbd_tag_write(const struct jbd_layout *l, u8 *desc, u32 *pos, const struct jbd_tag *t,
		   const u8 *uuid);
u32 jbd_tags_max(const struct jbd_layout *l);		/* in one descriptor block */
u32 jbd_revokes_max(const struct jbd_layout *l);	/* in one revoke block */
u32 jbd_revoke_size(const struct jbd_layout *l);	/* bytes of a record: 4 or 8 */
/* bytes at the end of a block that are its checksum */
u32 jbd_tail(const struct jbd_layout *l);

/* Checksums. data: a block as it is in the log. */
u32 jbd_data_csum(const struct jbd_layout *l, u32 sequence, const void *data);
bool jbd_data_csum_ok(const struct jbd_layout *l, u32 sequence, const void *data,
		      const struct jbd_tag *t);
void jbd_tail_csum_set(const struct jbd_layout *l, u8 *block);
bool jbd_tail_csum_ok(const struct jbd_layout *l, const u8 *block);
void jbd_commit_csum_set(const struct jbd_layout *l, u8 *block);
bool jbd_commit_csum_ok(const struct jbd_layout *l, const u8 *block);
u32 jbd_super_csum(const struct jbd_super *s);
/* v1: over all blocks before the commit block */
u32 jbd_crc32(u32 crc, const void *data, size_t n);

#endif
