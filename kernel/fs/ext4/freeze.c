/* SPDX-License-Identifier: MIT */
/*
 * FIFREEZE and FITHAW: between them the disk is as an unmount would leave it, for whoever copies it from below.
 *
 * First calls that change something wait (FREEZING), what is dirty is written, then everybody waits who wants a handle
 * (FROZEN), and the journal is emptied. Who waits may hold locks of inodes: nothing here, in write-back or in
 * reading takes those. What is only cached, as times of access, stays so until the thaw.
 */
#include "fs/ext4/priv.h"

#include "abi/ioctl.h"
#include "abi/prctl.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"

void ext4_wait_thaw(struct ext4 *fs)
{
	wait_event(&fs->thaw_wait, fs->frozen != EXT4_FREEZING && fs->frozen != EXT4_FROZEN, "frozen");
}

void ext4_wait_handle(struct ext4 *fs)
{
	/* The kernel's threads are let through until all is written. */
	if (fs->frozen == EXT4_FROZEN || (current->proc && current != fs->freezer))
		ext4_wait_thaw(fs);
}

static int mark_clean(struct ext4 *fs, bool clean)
{
	if (!fs->journal)
		return 0;
	if (clean)
		fs->es->feature_incompat &= ~(u32)INCOMPAT_RECOVER;
	else
		fs->es->feature_incompat |= INCOMPAT_RECOVER;
	return ext4_write_super(fs);
}

void ext4_thaw(struct ext4 *fs)
{
	if (fs->frozen == EXT4_FROZEN && !fs->dead)
		mark_clean(fs, false);
	fs->frozen = EXT4_THAWED;
	fs->freezer = NULL;
	wake_up_all(&fs->thaw_wait);
}

static int freeze(struct ext4 *fs)
{
	int err;

	fs->frozen = EXT4_FREEZING;
	fs->freezer = current;
	err = ext4_sync(fs->sb);
	if (err)
		return err;
	fs->frozen = EXT4_FROZEN;
	err = fs->journal ? journal_flush(fs->journal) : buffers_sync(fs->bdev);
	return err ? err : mark_clean(fs, true);
}

long ext4_ioc_freeze(struct file *f, uaddr_t arg)
{
	struct ext4 *fs = ext4_of(f->inode);
	int err;

	(void)arg;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (fs->frozen)
		return -EBUSY;
	if (ext4_readonly(fs)) {
		fs->frozen = fs->dead ? EXT4_THAWED : EXT4_FROZEN_RO;
		return fs->dead ? ext4_writable(fs) : 0;
	}
	err = freeze(fs);
	if (err)
		ext4_thaw(fs);
	return err;
}

long ext4_ioc_thaw(struct file *f, uaddr_t arg)
{
	struct ext4 *fs = ext4_of(f->inode);

	(void)arg;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (fs->frozen != EXT4_FROZEN && fs->frozen != EXT4_FROZEN_RO)
		return -EINVAL;
	ext4_thaw(fs);
	return 0;
}
