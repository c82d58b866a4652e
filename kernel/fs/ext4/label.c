/* SPDX-License-Identifier: MIT */
/*
 * The name of a file system: FS_IOC_GETFSLABEL and FS_IOC_SETFSLABEL. Copies of the superblock keep the old one, which no
 * program minds.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/ioctl.h"
#include "abi/prctl.h"
#include "core/cred.h"
#include "mm/user.h"

long ext4_ioc_get_label(struct file *f, uaddr_t arg)
{
	const struct ext4_sb *es = ext4_of(f->inode)->es;
	char label[sizeof(es->volume_name) + 1] = "";

	memcpy(label, es->volume_name, sizeof(es->volume_name));
	return copy_to_user(arg, label, sizeof(label)) ? -EFAULT : 0;
}

static int set_label(struct ext4 *fs, const char *label, size_t len)
{
	struct handle *h;
	int err = ext4_start(fs, EXT4_CREDITS_SUPER, &h);

	if (err)
		return err;
	err = journal_get_write(h, fs->sbh);
	if (!err) {
		memset(fs->es->volume_name, 0, sizeof(fs->es->volume_name));
		memcpy(fs->es->volume_name, label, len);
		if (fs->csum)
			fs->es->checksum = ext4_csum_super(fs->es);
		err = journal_dirty(h, fs->sbh);
	}
	ext4_stop(fs, h);
	/* Whoever looks at the device by itself is to see it at once. */
	return err ? err : ext4_sync(fs->sb);
}

long ext4_ioc_set_label(struct file *f, uaddr_t arg)
{
	struct ext4 *fs = ext4_of(f->inode);
	char label[sizeof(fs->es->volume_name) + 1];
	size_t len;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(label, arg, sizeof(label)))
		return -EFAULT;
	len = strnlen(label, sizeof(label));
	if (len == sizeof(label))
		return -EINVAL;
	err = mnt_want_write(f->path.mnt);
	return err ? err : set_label(fs, label, len);
}
