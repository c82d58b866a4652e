/* SPDX-License-Identifier: MIT */
/*
 * The journal's superblock: read and checked once, then kept in memory and written whole. It says
 * where the log starts and with which transaction, or that it is empty. Writers take
 * super_lock(); each write is durable before the next step, because what it frees is overwritten
 * and what it announces is relied upon.
 */
#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "fs/ext4/journal_priv.h"
#include "lib/alloc.h"
#include "lib/crc32c.h"

#define KNOWN_INCOMPAT (JBD_REVOKES | JBD_64BIT | JBD_CSUM_V2 | JBD_CSUM_V3 | JBD_FAST_COMMIT)

static int bad(const struct journal *j, const char *what)
{
	pr_err("JBD2: %s: %s", j->name, what);
	return -EUCLEAN;
}

static bool is_v2(const struct journal *j)
{
	return j->sb->h.type == be32(JBD_SUPER_V2);
}

void super_layout(struct journal *j)
{
	struct jbd_layout *l = &j->layout;

	*l = (struct jbd_layout){ .block_size = j->place.block_size };
	if (!is_v2(j))
		return;
	l->compat = be32(j->sb->compat);
	l->incompat = be32(j->sb->incompat);
	l->seed = crc32c(~0u, j->sb->uuid, sizeof(j->sb->uuid));
}

static int check_geometry(struct journal *j)
{
	const struct jbd_super *s = j->sb;
	u32 maxlen = be32(s->maxlen), fc = be32(s->num_fc_blocks);

	if (be32(s->blocksize) != j->place.block_size)
		return bad(j, "the journal's block size is not the file system's");
	if (maxlen > j->place.nblocks)
		return bad(j, "journal file too short");
	j->first = be32(s->first);
	j->last = maxlen;
	if (j->layout.incompat & JBD_FAST_COMMIT) {
		fc = fc ? fc : JBD_FC_DEFAULT;
		if (fc > maxlen || maxlen - fc < JBD_MIN_BLOCKS)
			return bad(j, "the fast-commit area leaves no room for a log");
		j->last = maxlen - fc;
	}
	if (!j->first || j->first >= j->last)
		return bad(j, "invalid first block of the log");
	if (log_size(j) + 1 < JBD_MIN_BLOCKS)
		return bad(j, "journal too short");
	if (s->start && (be32(s->start) < j->first || be32(s->start) >= j->last))
		return bad(j, "the start of the log is outside of it");
	return 0;
}

static int check_features(struct journal *j)
{
	const struct jbd_layout *l = &j->layout;

	if (!is_v2(j))
		return 0;
	if (l->incompat & JBD_ASYNC_COMMIT) {
		pr_err("JBD2: %s: the journal has async_commit, which is not supported", j->name);
		return -EINVAL;
	}
	if (j->sb->ro_compat || (l->incompat & ~KNOWN_INCOMPAT)) {
		pr_err("JBD2: %s: unrecognised features on journal: incompat %#x, ro_compat %#x",
		       j->name, l->incompat & ~KNOWN_INCOMPAT, be32(j->sb->ro_compat));
		return -EINVAL;
	}
	if ((l->incompat & JBD_CSUM_V2) && (l->incompat & JBD_CSUM_V3))
		return bad(j, "checksums v2 and v3 at the same time");
	if ((l->compat & JBD_COMPAT_CHECKSUM) && jbd_has_csum(l))
		return bad(j, "checksums v1 and v2 or v3 at the same time");
	if (!jbd_has_csum(l))
		return 0;
	if (j->sb->checksum_type != JBD_CRC32C)
		return bad(j, "unknown checksum type");
	if (be32(j->sb->checksum) != jbd_super_csum(j->sb))
		return bad(j, "the checksum of the journal's superblock is wrong");
	return 0;
}

/* An external journal belongs to one file system. */
static int check_user(struct journal *j)
{
	if (j->place.bdev == j->place.fs_bdev)
		return 0;
	if (be32(j->sb->nr_users) == 1 && j->place.uuid &&
	    !memcmp(j->sb->users[0], j->place.uuid, sizeof(j->sb->users[0])))
		return 0;
	return bad(j, "the external journal belongs to another file system, or to several");
}

int super_read(struct journal *j)
{
	u64 byte;
	int err = log_map(j, 0, &byte);

	if (!err)
		err = blk_read(j->place.bdev, byte, j->sb_block, j->place.block_size);
	if (err)
		return err;
	if (j->sb->h.magic != be32(JBD_MAGIC))
		return bad(j, "no valid journal superblock found");
	if (!is_v2(j) && j->sb->h.type != be32(JBD_SUPER_V1))
		return bad(j, "unrecognised superblock format");
	super_layout(j);
	err = check_features(j);
	if (!err)
		err = check_geometry(j);
	return err ? err : check_user(j);
}

void super_lock(struct journal *j)
{
	wait_event(&j->sb_wq, !j->sb_busy, "journal superblock");
	j->sb_busy = true;
}

void super_unlock(struct journal *j)
{
	j->sb_busy = false;
	wake_up(&j->sb_wq);
}

static int super_write(struct journal *j)
{
	u64 byte;
	int err = log_map(j, 0, &byte);

	if (jbd_has_csum(&j->layout))
		j->sb->checksum = be32(jbd_super_csum(j->sb));
	if (!err)
		err = blk_write(j->place.bdev, byte, j->sb_block, j->place.block_size);
	if (!err && j->opt.barrier)
		err = blk_flush(j->place.bdev);
	if (err)
		pr_err("JBD2: %s: error %d when updating the journal's superblock", j->name, err);
	return err;
}

int super_write_empty(struct journal *j)
{
	u64 tid = j->running ? j->running->tid : j->next_tid;

	/* Other kernels may go on from here without knowing of fast commits: there are none. */
	j->sb->incompat &= ~be32(JBD_FAST_COMMIT);
	j->sb->sequence = be32((u32)tid);
	j->sb->start = 0;
	j->disk_empty = true;
	return super_write(j);
}

int super_write_tail(struct journal *j, u32 block, u64 tid)
{
	int err;

	j->sb->sequence = be32((u32)tid);
	j->sb->start = be32(block);
	err = super_write(j);
	if (!err)
		j->disk_empty = false;
	return err;
}

int super_write_error(struct journal *j, int error)
{
	j->sb->error = be32((u32)error);
	return super_write(j);
}

/* Version 1 has no features: what follows its fields is undefined. */
static void make_v2(struct journal *j)
{
	if (is_v2(j))
		return;
	memset(&j->sb->compat, 0, JBD_SUPER_SIZE - offsetof(struct jbd_super, compat));
	j->sb->nr_users = be32(1);
	j->sb->h.type = be32(JBD_SUPER_V2);
}

void super_set_features(struct journal *j)
{
	u32 compat, incompat;

	make_v2(j);
	compat = be32(j->sb->compat) & ~(u32)JBD_COMPAT_CHECKSUM;
	incompat = be32(j->sb->incompat) & ~(u32)(JBD_CSUM_V2 | JBD_CSUM_V3 | JBD_FAST_COMMIT);
	if (j->opt.csum) {
		incompat |= JBD_CSUM_V3;
		j->sb->checksum_type = JBD_CRC32C;
	}
	if (j->opt.wide)
		incompat |= JBD_64BIT;
	j->sb->compat = be32(compat);
	j->sb->incompat = be32(incompat | JBD_REVOKES);
	j->last = be32(j->sb->maxlen);
	super_layout(j);
}
