/* SPDX-License-Identifier: MIT */
/*
 * The mount calls with descriptors: fsopen, fspick, fsconfig, fsmount, open_tree, move_mount,
 * mount_setattr, open_tree_attr; and statmount, listmount.
 */
#include "sys/sys.h"

#include <string.h>

#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "core/arena.h"
#include "core/cred.h"
#include "lib/alloc.h"
#include "mm/user.h"
#include "sys/arg.h"
#include "vfs/fsapi.h"
#include "vfs/fscontext.h"

static bool may_mount(void)
{
	return capable(CAP_SYS_ADMIN);
}

static int install(struct file *f, bool cloexec)
{
	int fd = fd_add(f, cloexec ? O_CLOEXEC : 0);

	if (fd < 0)
		fput(f);
	return fd;
}

/* A string with its NUL in max bytes, into the call's arena. -EINVAL: longer. */
static int short_string(uaddr_t src, size_t max, const char **out)
{
	char *buf = arena_alloc(max);
	ssize n;

	if (!buf)
		return -ENOMEM;
	n = strncpy_from_user(buf, src, max);
	if (n < 0)
		return (int)n;
	if ((size_t)n == max)
		return -EINVAL;
	*out = buf;
	return 0;
}

/* --- fsopen, fspick --- */

long sys_fsopen(ustr_t utype, uhex_t flags)
{
	const struct fs_type *t;
	const char *type = NULL;
	struct file *f;
	int err;

	if (!may_mount())
		return -EPERM;
	if (flags & ~(u32)FSOPEN_CLOEXEC)
		return -EINVAL;
	err = short_string(utype, PAGE_SIZE, &type);
	if (err)
		return err;
	t = fs_type_find(type);
	if (!t)
		return -ENODEV;
	err = fs_context_new(t, &f);
	return err ? err : install(f, flags & FSOPEN_CLOEXEC);
}

long sys_fspick(udirfd_t dirfd, upath_t upath, uhex_t flags)
{
	u32 lookup = flags & FSPICK_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct path p;
	struct file *f;
	int err;

	if (!may_mount())
		return -EPERM;
	if (flags & ~(u32)(FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT |
			   FSPICK_EMPTY_PATH))
		return -EINVAL;
	if (flags & FSPICK_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	err = arg_lookup(dirfd, upath, lookup, &p);
	if (err)
		return err;
	err = fs_context_pick(&p, &f);
	path_put(&p);
	return err ? err : install(f, flags & FSPICK_CLOEXEC);
}

/* --- fsconfig --- */

#define FSCONFIG_STRING_MAX 256
#define FSCONFIG_BINARY_MAX (1 << 20)

enum need { NEED_NOT, NEED_IT };
struct config_cmd {
	enum need key, value;
	bool (*aux_ok)(int aux);
	int (*run)(struct fs_context *fc, const char *key, uaddr_t uvalue, int aux);
};

static bool aux_zero(int aux)
{
	return !aux;
}

static bool aux_size(int aux)
{
	return aux > 0 && aux <= FSCONFIG_BINARY_MAX;
}

static bool aux_fd(int aux)
{
	return aux >= 0;
}

static bool aux_dirfd(int aux)
{
	return aux >= 0 || aux == AT_FDCWD;
}

static int set_flag(struct fs_context *fc, const char *key, uaddr_t uvalue, int aux)
{
	return fs_context_set(fc, key, FS_VALUE_NONE, NULL);
}

static int set_string(struct fs_context *fc, const char *key, uaddr_t uvalue, int aux)
{
	const char *value = NULL;
	int err = short_string(uvalue, FSCONFIG_STRING_MAX, &value);

	return err ? err : fs_context_set(fc, key, FS_VALUE_TEXT, value);
}

static int set_path(struct fs_context *fc, const char *key, uaddr_t uvalue, int aux)
{
	const char *name;
	int err = path_from_user(uvalue, &name);

	if (!err && !*name)
		err = -ENOENT;
	return err ? err : fs_context_set(fc, key, FS_VALUE_OBJECT, NULL);
}

static int set_path_empty(struct fs_context *fc, const char *key, uaddr_t uvalue, int aux)
{
	const char *name;
	int err = path_from_user(uvalue, &name);

	return err ? err : fs_context_set(fc, key, FS_VALUE_OBJECT, NULL);
}

static int set_binary(struct fs_context *fc, const char *key, uaddr_t uvalue, int aux)
{
	return fs_context_set(fc, key, FS_VALUE_OBJECT, NULL);
}

static int set_fd(struct fs_context *fc, const char *key, uaddr_t uvalue, int aux)
{
	struct file *f = fd_get_path(aux);

	if (!f)
		return -EBADF;
	fput(f);
	return fs_context_set(fc, key, FS_VALUE_OBJECT, NULL);
}

static int cmd_create(struct fs_context *fc, const char *key, uaddr_t uvalue, int aux)
{
	return may_mount() ? fs_context_create(fc) : -EPERM;
}

static int cmd_reconfigure(struct fs_context *fc, const char *key, uaddr_t uvalue, int aux)
{
	return may_mount() ? fs_context_reconfigure(fc) : -EPERM;
}

static const struct config_cmd config_cmds[] = {
	[FSCONFIG_SET_FLAG] = { NEED_IT, NEED_NOT, aux_zero, set_flag },
	[FSCONFIG_SET_STRING] = { NEED_IT, NEED_IT, aux_zero, set_string },
	[FSCONFIG_SET_BINARY] = { NEED_IT, NEED_IT, aux_size, set_binary },
	[FSCONFIG_SET_PATH] = { NEED_IT, NEED_IT, aux_dirfd, set_path },
	[FSCONFIG_SET_PATH_EMPTY] = { NEED_IT, NEED_IT, aux_dirfd, set_path_empty },
	[FSCONFIG_SET_FD] = { NEED_IT, NEED_NOT, aux_fd, set_fd },
	[FSCONFIG_CMD_CREATE] = { NEED_NOT, NEED_NOT, aux_zero, cmd_create },
	[FSCONFIG_CMD_RECONFIGURE] = { NEED_NOT, NEED_NOT, aux_zero, cmd_reconfigure },
};

static int config_run(const struct config_cmd *c, struct file *f, ustr_t ukey, uaddr_t uvalue, int aux)
{
	struct fs_context *fc = fs_context_of(f);
	const char *key = NULL;
	int err;

	if (!fc)
		return -EINVAL;
	err = ukey ? short_string(ukey, FSCONFIG_STRING_MAX, &key) : 0;
	return err ? err : c->run(fc, key, uvalue, aux);
}

long sys_fsconfig(ufd_t fd, u32 cmd, ustr_t ukey, uaddr_t uvalue, int aux)
{
	const struct config_cmd *c;
	struct file *f;
	int err;

	if (fd < 0)
		return -EINVAL;
	if (cmd >= ARRAY_SIZE(config_cmds))
		return -EOPNOTSUPP;
	c = &config_cmds[cmd];
	if (!ukey == (c->key == NEED_IT) || !uvalue == (c->value == NEED_IT) || !c->aux_ok(aux))
		return -EINVAL;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	err = config_run(c, f, ukey, uvalue, aux);
	fput(f);
	return err;
}

/* --- fsmount --- */

long sys_fsmount(ufd_t fd, uhex_t flags, uhex_t attr)
{
	struct fs_context *fc;
	struct file *f, *out;
	struct mount *m;
	u32 mnt_flags;
	int err;

	if (!may_mount())
		return -EPERM;
	if ((flags & ~(u32)FSMOUNT_CLOEXEC) || mount_attr_flags(attr, &mnt_flags))
		return -EINVAL;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	fc = fs_context_of(f);
	err = fc ? fs_context_mount(fc, mnt_flags, &m) : -EINVAL;
	if (!err)
		err = mount_file(m, &out);
	fput(f);
	return err ? err : install(out, flags & FSMOUNT_CLOEXEC);
}

/* --- open_tree, move_mount --- */

#define OPEN_TREE_LOOKUP (AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW)
#define OPEN_TREE_FLAGS (OPEN_TREE_LOOKUP | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)

static u32 at_lookup_flags(u32 flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
	       (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

static int open_tree_file(const struct path *p, u32 flags, struct file **out)
{
	struct mount *m;
	int err;

	if (!(flags & OPEN_TREE_CLONE))
		return file_open_path(p, O_PATH, out);
	err = mount_clone_at(p, flags & AT_RECURSIVE, &m);
	return err ? err : mount_file(m, out);
}

/* attr NULL: none. Applied to what the descriptor shows, before there is one. */
static long open_tree(int dirfd, upath_t upath, u32 flags, const struct mount_attr *attr)
{
	struct path p;
	struct file *f;
	int err;

	if ((flags & ~(u32)OPEN_TREE_FLAGS) ||
	    (flags & (AT_RECURSIVE | OPEN_TREE_CLONE)) == AT_RECURSIVE)
		return -EINVAL;
	if ((flags & OPEN_TREE_CLONE) && !may_mount())
		return -EPERM;
	err = arg_lookup(dirfd, upath, at_lookup_flags(flags), &p);
	if (err)
		return err;
	err = open_tree_file(&p, flags, &f);
	path_put(&p);
	if (err)
		return err;
	if (attr)
		err = mount_attr_apply(&f->path, attr, flags & AT_RECURSIVE);
	if (err) {
		fput(f);
		return err;
	}
	return install(f, flags & OPEN_TREE_CLOEXEC);
}

long sys_open_tree(udirfd_t dirfd, upath_t path, uhex_t flags)
{
	return open_tree(dirfd, path, flags, NULL);
}

static u32 move_lookup(u32 flags, u32 symlinks, u32 empty)
{
	return (flags & symlinks ? LOOKUP_FOLLOW : 0) | (flags & empty ? LOOKUP_EMPTY : 0);
}

long sys_move_mount(udirfd_t from_fd, upath_t ufrom, udirfd_t to_fd, upath_t uto, uhex_t flags)
{
	struct path from, to;
	int err;

	if (!may_mount())
		return -EPERM;
	if (flags & ~(u32)(MOVE_MOUNT__MASK | MOVE_MOUNT_BENEATH))
		return -EINVAL;
	if ((flags & MOVE_MOUNT_BENEATH) && (flags & MOVE_MOUNT_SET_GROUP))
		return -EINVAL;
	err = arg_lookup(to_fd, uto, move_lookup(flags, MOVE_MOUNT_T_SYMLINKS,
						 MOVE_MOUNT_T_EMPTY_PATH), &to);
	if (err)
		return err;
	err = arg_lookup(from_fd, ufrom, move_lookup(flags, MOVE_MOUNT_F_SYMLINKS,
						     MOVE_MOUNT_F_EMPTY_PATH), &from);
	if (!err) {
		err = mount_place(&from, &to, flags);
		path_put(&from);
	}
	path_put(&to);
	return err;
}

/* --- mount_setattr --- */

static bool is_nothing(const struct mount_attr *a)
{
	return !a->attr_set && !a->attr_clr && !a->propagation;
}

static int get_attr(uaddr_t uattr, size_t size, struct mount_attr *a)
{
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < MOUNT_ATTR_SIZE_VER0)
		return -EINVAL;
	if (!may_mount())
		return -EPERM;
	return arg_sized_struct(a, sizeof(*a), uattr, size);
}

long sys_mount_setattr(udirfd_t dirfd, upath_t upath, uhex_t flags, uaddr_t uattr, size_t size)
{
	struct mount_attr a;
	struct path p;
	int err;

	if (flags & ~(u32)(OPEN_TREE_LOOKUP | AT_RECURSIVE))
		return -EINVAL;
	err = get_attr(uattr, size, &a);
	/* Nothing to do is done at once: the path is not even looked at. */
	if (err || is_nothing(&a))
		return err;
	err = mount_attr_check(&a);
	if (!err)
		err = arg_lookup(dirfd, upath, at_lookup_flags(flags), &p);
	if (err)
		return err;
	err = mount_attr_apply(&p, &a, flags & AT_RECURSIVE);
	path_put(&p);
	return err;
}

long sys_open_tree_attr(udirfd_t dirfd, upath_t path, uhex_t flags, uaddr_t uattr, size_t size)
{
	struct mount_attr a;
	int err;

	if (!uattr && size)
		return -EINVAL;
	if (!uattr)
		return open_tree(dirfd, path, flags, NULL);
	err = get_attr(uattr, size, &a);
	if (!err)
		err = mount_attr_check(&a);
	return err ? err : open_tree(dirfd, path, flags, is_nothing(&a) ? NULL : &a);
}

/* --- statmount, listmount --- */

#define LISTMOUNT_MAX 1000000
/* Strings of statmount: what could not be longer anyhow. */
#define STATMOUNT_STRINGS_MAX (64 << 10)

/* Numbers below this one are not of mounts that these calls know. */
#define UNIQUE_ID_FIRST (1ull << 31)

static int get_request(uaddr_t ureq, struct mnt_id_req_k *req)
{
	u32 size;
	int err = get_user(size, ureq);

	if (err)
		return err;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < MNT_ID_REQ_SIZE_VER0_K)
		return -EINVAL;
	err = arg_sized_struct(req, sizeof(*req), ureq, size);
	if (err)
		return err;
	return req->spare || req->mnt_id <= UNIQUE_ID_FIRST ? -EINVAL : 0;
}

/* The namespace that is asked about: another one's only by those who could enter it. A reference. */
static int get_ns(const struct mnt_id_req_k *req, struct mount_ns **out)
{
	struct mount_ns *own = fs_ctx_current()->ns, *ns;

	if (!req->mnt_ns_id) {
		*out = mount_ns_get(own);
		return 0;
	}
	ns = mount_ns_find(req->mnt_ns_id);
	if (!ns)
		return -ENOENT;
	if (ns != own && !may_mount()) {
		mount_ns_put(ns);
		return -ENOENT;
	}
	*out = ns;
	return 0;
}

static int put_statmount(struct statmount_k *sm, uaddr_t ubuf, size_t size)
{
	return copy_to_user(ubuf, sm, MIN(size, (size_t)sm->size));
}

long sys_statmount(uaddr_t ureq, uaddr_t ubuf, size_t size, uhex_t flags)
{
	struct mnt_id_req_k req;
	struct statmount_k *sm;
	struct mount_ns *ns;
	size_t room;
	int err;

	if (flags)
		return -EINVAL;
	err = get_request(ureq, &req);
	if (!err)
		err = get_ns(&req, &ns);
	if (err)
		return err;
	room = size > sizeof(*sm) ? MIN(size - sizeof(*sm), (size_t)STATMOUNT_STRINGS_MAX) : 0;
	sm = kmalloc(sizeof(*sm) + room);
	err = sm ? mount_stat(ns, req.mnt_id, req.param, sm, room) : -ENOMEM;
	mount_ns_put(ns);
	if (!err)
		err = put_statmount(sm, ubuf, size);
	kfree(sm);
	return err;
}

long sys_listmount(uaddr_t ureq, uaddr_t uids, size_t max, uhex_t flags)
{
	struct mnt_id_req_k req;
	struct mount_ns *ns;
	u64 *ids;
	ssize n;
	int err;

	if (flags & ~LISTMOUNT_REVERSE)
		return -EINVAL;
	if (max > LISTMOUNT_MAX)
		return -EOVERFLOW;
	err = get_request(ureq, &req);
	if (!err && req.param && req.param <= UNIQUE_ID_FIRST)
		err = -EINVAL;
	if (!err)
		err = get_ns(&req, &ns);
	if (err)
		return err;
	n = mount_list(ns, req.mnt_id, req.param, flags & LISTMOUNT_REVERSE, &ids);
	mount_ns_put(ns);
	if (n < 0)
		return n;
	n = MIN(n, (ssize)max);
	err = copy_to_user(uids, ids, (size_t)n * sizeof(*ids));
	kfree(ids);
	return err ? err : n;
}
