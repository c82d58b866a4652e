/* SPDX-License-Identifier: MIT */
/* File handles: name_to_handle_at, open_by_handle_at. */
#include "sys/sys.h"

#include "abi/fcntl.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "mm/user.h"
#include "sys/arg.h"
#include "vfs/handle.h"

#define HANDLE_MAX 128			/* MAX_HANDLE_SZ */
/* Newer than the headers of Debian 12. */
#define AT_HANDLE_FID_K 0x200u
#define AT_HANDLE_MNT_ID_UNIQUE_K 1u
#define AT_HANDLE_CONNECTABLE_K 2u

struct handle_head {
	u32 bytes;
	int type;
};

static int put_mount_id(const struct path *p, uaddr_t uid, bool unique)
{
	return unique ? put_user(p->mnt->unique_id, uid) : put_user(p->mnt->id, uid);
}

static int put_handle(const struct path *p, uaddr_t uhandle, u32 flags)
{
	struct file_handle_k fh;
	struct handle_head head;
	int err = handle_encode(p, flags & AT_HANDLE_FID_K, &fh), err2;
	u32 room;

	if (!err && copy_from_user(&head, uhandle, sizeof(head)))
		err = -EFAULT;
	if (err)
		return err;
	room = head.bytes;
	if (room > HANDLE_MAX)
		return -EINVAL;
	head = (struct handle_head){ sizeof(fh), FILE_HANDLE_TYPE };
	if (room < sizeof(fh))
		err = -EOVERFLOW;
	else
		err = copy_to_user(uhandle + sizeof(head), &fh, sizeof(fh));
	err2 = copy_to_user(uhandle, &head, sizeof(head));
	return err2 ? err2 : err;
}

static int check_flags(u32 flags)
{
	if (flags & ~(u32)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID_K |
			   AT_HANDLE_MNT_ID_UNIQUE_K | AT_HANDLE_CONNECTABLE_K))
		return -EINVAL;
	if ((flags & AT_HANDLE_CONNECTABLE_K) && (flags & (AT_HANDLE_FID_K | AT_EMPTY_PATH)))
		return -EINVAL;
	return 0;
}

long sys_name_to_handle_at(udirfd_t dirfd, upath_t upath, uaddr_t uhandle, uaddr_t umount_id,
			   uhex_t flags)
{
	u32 lookup = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
		     (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path p;
	int err = check_flags(flags), err2;

	if (!err)
		err = arg_lookup(dirfd, upath, lookup, &p);
	if (err)
		return err;
	/* No file system here puts the parent into a handle. */
	err = flags & AT_HANDLE_CONNECTABLE_K ? -EOPNOTSUPP : put_handle(&p, uhandle, flags);
	if (!err || err == -EOVERFLOW) {
		err2 = put_mount_id(&p, umount_id, flags & AT_HANDLE_MNT_ID_UNIQUE_K);
		err = err2 ? err2 : err;
	}
	path_put(&p);
	return err;
}

static int get_handle(uaddr_t uhandle, struct file_handle_k *fh)
{
	struct handle_head head;

	if (copy_from_user(&head, uhandle, sizeof(head)))
		return -EFAULT;
	if (!head.bytes || head.bytes > HANDLE_MAX)
		return -EINVAL;
	if (head.type != FILE_HANDLE_TYPE || head.bytes != sizeof(*fh))
		return -ESTALE;
	return copy_from_user(fh, uhandle + sizeof(head), sizeof(*fh));
}

static int anchor_path(int mountfd, struct path *out)
{
	struct file *f;

	if (mountfd == AT_FDCWD) {
		*out = fs_ctx_current()->cwd;
		path_get(out);
		return 0;
	}
	f = fd_get_path(mountfd);
	if (!f)
		return -EBADF;
	*out = f->path;
	if (out->dentry)
		path_get(out);
	fput(f);
	return out->dentry ? 0 : -ESTALE;
}

static int open_found(const struct path *p, u32 flags, struct file **out)
{
	const struct inode *i = p->dentry->inode;
	int err;

	if ((flags & O_DIRECTORY) && !S_ISDIR(i->mode))
		return -ENOTDIR;
	err = file_open_path(p, flags & ~(u32)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC), out);
	if (err || !(flags & O_TRUNC) || !S_ISREG(i->mode) || (flags & O_PATH))
		return err;
	err = vfs_truncate(p, 0, NULL);
	if (err)
		fput(*out);
	return err;
}

long sys_open_by_handle_at(ufd_t mountfd, uaddr_t uhandle, uoflags_t flags)
{
	struct path anchor, p;
	struct file_handle_k fh;
	struct file *f;
	int err, err2, fd;

	/* No path is walked, so nobody else's rights on directories were looked at. */
	if (!capable(CAP_DAC_READ_SEARCH))
		return -EPERM;
	err = get_handle(uhandle, &fh);
	if (err && err != -ESTALE)
		return err;
	err2 = anchor_path(mountfd, &anchor);
	if (err2)
		return err2;
	if (!err)
		err = handle_decode(&anchor, &fh, &p);
	path_put(&anchor);
	if (err)
		return err;
	err = open_found(&p, (u32)flags, &f);
	path_put(&p);
	if (err)
		return err;
	fd = fd_add(f, flags & O_CLOEXEC);
	if (fd < 0)
		fput(f);
	return fd;
}
