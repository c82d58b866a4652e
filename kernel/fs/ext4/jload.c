/* SPDX-License-Identifier: MIT */
/*
 * Finding and opening the journal: a file with a reserved number. Where its blocks are is read once,
 * so that the journal needs no inode while it works.
 */
#include "fs/ext4/priv.h"

#include <stdio.h>

#include "abi/mount.h"
#include "abi/stat.h"
#include "lib/alloc.h"

static int map_block(void *private, u32 n, u64 *out)
{
	const struct ext4 *fs = private;
	u32 lo = 0, hi = fs->njournal_runs;

	while (lo < hi) { /* the first run that ends behind n */
		u32 mid = (lo + hi) / 2;

		if (fs->journal_runs[mid].lblk + fs->journal_runs[mid].len <= n)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == fs->njournal_runs || n < fs->journal_runs[lo].lblk)
		return -EIO;
	*out = fs->journal_runs[lo].pblk + (n - fs->journal_runs[lo].lblk);
	return 0;
}

static int add_run(struct ext4 *fs, const struct ext4_map *m)
{
	struct ext4_run *last = fs->njournal_runs ? &fs->journal_runs[fs->njournal_runs - 1] : NULL,
			*grown;
	u32 n = fs->njournal_runs;

	if (last && last->pblk + last->len == m->pblk) {
		last->len += m->len;
		return 0;
	}
	if (!(n & (n - 1))) { /* a power of two: full */
		grown = krealloc(fs->journal_runs, MAX(n * 2, 1u) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		fs->journal_runs = grown;
	}
	fs->journal_runs[fs->njournal_runs++] = (struct ext4_run){ m->lblk, m->len, m->pblk };
	return 0;
}

static int read_runs(struct ext4 *fs, struct inode *inode)
{
	int err = 0;

	kfree(fs->journal_runs);
	fs->journal_runs = NULL;
	fs->njournal_runs = 0;
	for (u32 at = 0; at < fs->journal_blocks && !err;) {
		struct ext4_map m = { .lblk = at, .len = fs->journal_blocks - at };

		err = ext4_map_find(inode, &m);
		if (!err && !(m.flags & MAP_MAPPED))
			err = ext4_error(fs, (u32)inode->ino, 0, "journal has a hole at block %u",
					 at);
		if (!err)
			err = add_run(fs, &m);
		at += m.len;
	}
	return err;
}

static int find_journal(struct ext4 *fs)
{
	struct inode *inode;
	int err;

	if (!fs->es->journal_inum) {
		ext4_msg(fs, "error", "external journals are not supported");
		return -EINVAL;
	}
	err = ext4_iget(fs->sb, fs->es->journal_inum, IGET_SPECIAL, &inode);
	if (err) {
		ext4_msg(fs, "error", "no journal found");
		return err;
	}
	if (!S_ISREG(inode->mode) || !inode->nlink || ext4_is_inline(inode) ||
	    inode->size >> fs->block_bits < 2 || inode->size >> fs->block_bits > INT32_MAX) {
		ext4_msg(fs, "error", "invalid journal inode");
		err = -EUCLEAN;
	} else {
		fs->journal_blocks = (u32)(inode->size >> fs->block_bits);
		err = read_runs(fs, inode);
	}
	iput(inode);
	return err;
}

static struct journal_options options(const struct ext4 *fs, u32 flags)
{
	return (struct journal_options){
		.recover = !fs->opts.noload,
		.readonly = flags & MS_RDONLY,
		.barrier = fs->opts.barrier,
		.csum = fs->csum,
		.wide = ext4_incompat(fs, INCOMPAT_64BIT),
		.commit_ms = fs->opts.commit * 1000,
	};
}

int ext4_journal_options(struct ext4 *fs, u32 flags)
{
	struct journal_options o = options(fs, flags);

	return journal_set_options(fs->journal, &o);
}

/* Errors that a dead journal kept become the file system's. */
static int take_error(struct ext4 *fs)
{
	int err = journal_take_saved_error(fs->journal);

	if (!err)
		return 0;
	ext4_msg(fs, "warning", "Filesystem error recorded from previous mount: %d", err);
	fs->es->state |= EXT4_STATE_ERROR;
	fs->error_pending = true;
	return 0;
}

int ext4_journal_load(struct ext4 *fs, u32 flags)
{
	struct journal_options o = options(fs, flags);
	struct journal_place p = {
		.bdev = fs->bdev,
		.block_size = fs->block_size,
		.map = map_block,
		.private = fs,
		.fs_bdev = fs->bdev,
		.uuid = fs->es->uuid,
	};
	char name[64];
	int err;

	if (!ext4_compat(fs, COMPAT_HAS_JOURNAL)) {
		if (!ext4_incompat(fs, INCOMPAT_RECOVER))
			return 0;
		ext4_msg(fs, "error",
			 "required journal recovery suppressed and not mounted read-only");
		return -EINVAL;
	}
	if (fs->opts.noload) {
		if (flags & MS_RDONLY)
			return 0;
		ext4_msg(fs, "error",
			 "required journal recovery suppressed and not mounted read-only");
		return -EINVAL;
	}
	if (ext4_incompat(fs, INCOMPAT_RECOVER) && fs->bdev->readonly) {
		ext4_msg(fs, "error",
			 "write access unavailable, cannot proceed (try mounting with noload)");
		return -EROFS;
	}
	err = find_journal(fs);
	if (err)
		return err;
	p.nblocks = fs->journal_blocks;
	snprintf(name, sizeof(name), "%s-%u", fs->bdev->name, fs->es->journal_inum);
	p.name = name;
	err = journal_open(&p, &o, &fs->journal);
	if (err) {
		ext4_msg(fs, "error", "error loading journal");
		return err;
	}
	return take_error(fs);
}
