/* SPDX-License-Identifier: MIT */
/*
 * Handles as this file system uses them: refused when it may not write, and the transaction that an
 * inode's changes are in is remembered for fsync.
 */
#include "fs/ext4/priv.h"

int ext4_start(struct ext4 *fs, u32 credits, struct handle **out)
{
	if (unlikely(fs->frozen) && !journal_has_handle(fs->journal))
		ext4_wait_handle(fs);
	return ext4_start_writeback(fs, credits, out);
}

int ext4_start_writeback(struct ext4 *fs, u32 credits, struct handle **out)
{
	int err;

	if (unlikely(fs->frozen == EXT4_FROZEN) && !journal_has_handle(fs->journal))
		ext4_wait_thaw(fs);
	ext4_check_abort(fs);
	if (fs->dead)
		return fs->shut ? -EIO : -EROFS;
	err = journal_start(fs->journal, credits, out);
	if (err)
		ext4_check_abort(fs);
	return err;
}

int ext4_stop(struct ext4 *fs, struct handle *h)
{
	int err = journal_stop(h, false);

	if (err)
		ext4_check_abort(fs);
	return err;
}

int ext4_more_credits(struct ext4 *fs, struct handle **h, u32 credits)
{
	int err;

	if (!journal_extend(*h, credits))
		return 0;
	err = ext4_stop(fs, *h);
	*h = NULL;
	if (!err)
		err = ext4_start(fs, credits + EXT4_CREDITS_SUPER, h);
	return err ? err : 1;
}

void ext4_touch_tid(struct handle *h, struct inode *inode, bool datasync)
{
	struct ext4_inode *ei = ext4_i(inode);

	if (!handle_journal(h))
		return;
	ei->sync_tid = handle_tid(h);
	if (datasync)
		ei->datasync_tid = ei->sync_tid;
}
