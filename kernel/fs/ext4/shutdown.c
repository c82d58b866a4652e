/* SPDX-License-Identifier: MIT */
/*
 * EXT4_IOC_SHUTDOWN: the file system stops as if the power had failed, and calls fail with EIO until it is unmounted. For
 * tests of what a crash leaves, and to get rid of a disk that hangs.
 */
#include "fs/ext4/priv.h"

#include "abi/prctl.h"
#include "core/cred.h"
#include "mm/user.h"

/* What happens before: all is written; what is in the running transaction is; nothing. */
enum { GO_DEFAULT, GO_LOGFLUSH, GO_NOLOGFLUSH, GO_KINDS };

static int settle(struct ext4 *fs, u32 how)
{
	int err = 0;

	if (how == GO_DEFAULT)
		err = ext4_sync(fs->sb);
	if (!err && how != GO_NOLOGFLUSH)
		err = how == GO_DEFAULT ? journal_flush(fs->journal) : journal_force(fs->journal);
	return err;
}

long ext4_ioc_shutdown(struct file *f, uaddr_t arg)
{
	struct ext4 *fs = ext4_of(f->inode);
	u32 how;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (get_user(how, arg))
		return -EFAULT;
	if (how >= GO_KINDS)
		return -EINVAL;
	if (fs->shut)
		return 0;
	ext4_msg(fs, "info", "shut down requested (%u)", how);
	err = ext4_readonly(fs) ? 0 : settle(fs, how);
	if (err && how == GO_DEFAULT)
		return err;
	fs->shut = fs->dead = true;
	fs->opts.discard = false;
	ext4_thaw(fs);
	if (fs->journal)
		journal_abort(fs->journal, -ESHUTDOWN);
	return 0;
}
