/* SPDX-License-Identifier: MIT */
/* System calls on the mount tree and on file system types. */
#include "sys/sys.h"

#include <string.h>

#include "core/arena.h"
#include "mm/user.h"
#include "sys/arg.h"

/* Mount data is up to a page of text; what lies behind its end need not be readable. */
static int mount_data(uaddr_t udata, const char **out)
{
	char *buf;
	ssize n;

	*out = NULL;
	if (!udata)
		return 0;
	buf = arena_alloc(PAGE_SIZE);
	if (!buf)
		return -ENOMEM;
	n = strncpy_from_user(buf, udata, PAGE_SIZE - 1);
	if (n < 0)
		return n;
	buf[n] = '\0';
	*out = buf;
	return 0;
}

static int opt_string(ustr_t ustr, const char **out)
{
	*out = NULL;
	return ustr ? path_from_user(ustr, out) : 0;
}

long sys_mount(upath_t usource, upath_t utarget, ustr_t utype, uhex64_t flags, uaddr_t udata)
{
	const char *source, *target, *type, *data;
	int err = opt_string(utype, &type);

	if (!err)
		err = opt_string(usource, &source);
	if (!err)
		err = mount_data(udata, &data);
	if (!err)
		err = arg_path(utarget, &target);
	return err ? err : vfs_mount(source, target, type, flags, data);
}

long sys_umount2(upath_t utarget, uhex_t flags)
{
	const char *target;
	int err = arg_path(utarget, &target);

	return err ? err : vfs_umount(target, flags);
}

long sys_pivot_root(upath_t unew, upath_t uold)
{
	const char *new_root, *put_old;
	int err = arg_path(unew, &new_root);

	if (!err)
		err = arg_path(uold, &put_old);
	return err ? err : vfs_pivot_root(new_root, put_old);
}

/* --- sysfs(2): the list behind /proc/filesystems by number --- */

static long fs_index(ustr_t uname)
{
	const struct fs_type *const *t = fs_types();
	const char *name;
	long i, err = path_from_user(uname, &name);

	if (err)
		return err;
	for (i = 0; t[i]; i++) {
		if (!strcmp(t[i]->name, name))
			return i;
	}
	return -EINVAL;
}

static long fs_count(void)
{
	const struct fs_type *const *t = fs_types();
	long n = 0;

	while (t[n])
		n++;
	return n;
}

static long fs_name(u64 index, uaddr_t ubuf)
{
	const char *name;

	if (index >= (u64)fs_count())
		return -EINVAL;
	name = fs_types()[index]->name;
	return copy_to_user(ubuf, name, strlen(name) + 1);
}

long sys_sysfs(int option, uhex64_t a1, uhex64_t a2)
{
	switch (option) {
	case 1:
		return fs_index(a1);
	case 2:
		return fs_name(a1, a2);
	case 3:
		return fs_count();
	default:
		return -EINVAL;
	}
}
