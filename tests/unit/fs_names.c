/* SPDX-License-Identifier: MIT */
/*
 * Names on tmpfs: walking, making and removing, renames, rights, mounts, file data. Every case
 * starts with an empty root and ends with everything freed again.
 */
#include "tests/unit/fake/guest.c"
#include "tests/unit/fake/mm.c"
#include "tests/unit/fake/sched.c"

#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/limits.h"
#include "abi/mman.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "core/cred.h"
#include "core/time.h"
#include "fs/fs.h"
#include "fs/initramfs/initramfs.h"
#include "fs/tmpfs/priv.h"
#include "tests/unit/test.h"
#include "vfs/dcache.h"
#include "vfs/vfs.h"

static struct fs_ctx *fs;
static struct cred user_cred;

static int setup(void **state)
{
	static const struct fs_type *const types[] = { &tmpfs_type, &ramfs_type, NULL };
	struct mount_ns *ns;
	struct mount *m;
	struct path root;

	vfs_init();
	fs_types_set(types);
	fake_task.cred = &init_cred;
	fake_task.fs = NULL;
	if (vfs_kern_mount(&tmpfs_type, "none", 0, "mode=755", &m))
		return -1;
	ns = mount_ns_new(m);
	root.mnt = m;
	root.dentry = m->root;
	fs = fs_ctx_new(ns, &root);
	mount_ns_put(ns);
	fake_task.fs = fs;
	if (!fake_task.files)
		fake_task.files = files_new();
	fake_process.rlim[7].cur = fake_process.rlim[7].max = 1024;
	fake_process.rlim[1].cur = fake_process.rlim[1].max = ~0ULL;
	user_cred = init_cred;
	user_cred.ref.n = 1000;
	user_cred.uid = user_cred.euid = user_cred.suid = user_cred.fsuid = 1000;
	user_cred.gid = user_cred.egid = user_cred.sgid = user_cred.fsgid = 1000;
	user_cred.cap_effective = user_cred.cap_permitted = 0;
	return 0;
}

static int teardown(void **state)
{
	fake_task.cred = &init_cred;
	fs_ctx_put(fs);
	fake_task.fs = NULL;
	if (fake_file_bytes || dcache_nr_unused()) {
		print_error("left: %lld bytes, %lu dentries\n", (long long)fake_file_bytes,
			    dcache_nr_unused());
		return -1;
	}
	return 0;
}

static void as_user(void)
{
	fake_task.cred = &user_cred;
}

static void as_root(void)
{
	fake_task.cred = &init_cred;
}

static int try_open(const char *name, u32 flags, u32 mode)
{
	struct file *f;
	int err = vfs_open(AT_FDCWD, name, flags, mode, 0, &f);

	if (!err)
		fput(f);
	return err;
}

static int mk(const char *name)
{
	return try_open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
}

static int mkd(const char *name)
{
	return vfs_mkdir(AT_FDCWD, name, 0755);
}

static int ln(const char *target, const char *name)
{
	return vfs_symlink(target, AT_FDCWD, name);
}

static int look(const char *name, u32 flags)
{
	struct path p;
	int err = path_lookup(AT_FDCWD, name, flags, &p);

	if (!err)
		path_put(&p);
	return err;
}

static struct kstat st_of(const char *name)
{
	struct kstat st = { 0 };
	struct path p;

	assert_int_equal(path_lookup(AT_FDCWD, name, 0, &p), 0);
	assert_int_equal(vfs_getattr(&p, &st), 0);
	path_put(&p);
	return st;
}

static int mv(const char *a, const char *b, u32 flags)
{
	return vfs_rename(AT_FDCWD, a, AT_FDCWD, b, flags);
}

static int chmod_of(const char *name, u32 mode)
{
	struct iattr a = { .valid = ATTR_MODE, .mode = mode };
	struct path p;
	int err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	err = notify_change(&p, &a);
	path_put(&p);
	return err;
}

static int chown_of(const char *name, u32 uid, u32 gid)
{
	struct iattr a = { .valid = ATTR_UID | ATTR_GID, .uid = uid, .gid = gid };
	struct path p;
	int err = path_lookup(AT_FDCWD, name, 0, &p);

	if (err)
		return err;
	err = notify_change(&p, &a);
	path_put(&p);
	return err;
}

static void cd(const char *name)
{
	struct path p;

	assert_int_equal(path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &p), 0);
	assert_int_equal(vfs_chdir(&p), 0);
	path_put(&p);
}

static void pwd_is(const char *want)
{
	char buf[PATH_MAX];

	assert_true(vfs_getcwd(buf, sizeof(buf)) > 0);
	assert_string_equal(buf, want);
}

static void walking(void **state)
{
	char longname[300], deep[PATH_MAX + 10];

	assert_int_equal(mkd("/a"), 0);
	assert_int_equal(mkd("/a/b/"), 0);
	assert_int_equal(mkd("/a"), -EEXIST);
	assert_int_equal(mkd("/"), -EEXIST);
	assert_int_equal(mkd("/a/."), -EEXIST);
	assert_int_equal(mkd("/x/y"), -ENOENT);
	assert_int_equal(mkd(""), -ENOENT);
	assert_int_equal(mk("/a/f"), 0);
	assert_int_equal(mkd("/a/f/x"), -ENOTDIR);
	assert_int_equal(look("/a/f/", 0), -ENOTDIR);
	assert_int_equal(look("/a/f/.", 0), -ENOTDIR);
	assert_int_equal(look("/a/f/..", 0), -ENOTDIR);
	assert_int_equal(look("/a//b/../f", 0), 0);
	assert_int_equal(look("/../../a", 0), 0);
	assert_int_equal(look("a/b/", LOOKUP_DIRECTORY), 0);
	assert_int_equal(look("a/f", LOOKUP_DIRECTORY), -ENOTDIR);
	assert_int_equal(look("", 0), -ENOENT);
	assert_int_equal(look("", LOOKUP_EMPTY), 0);
	memset(longname, 'n', sizeof(longname));
	longname[256] = 0;
	assert_int_equal(look(longname, 0), -ENAMETOOLONG);
	assert_int_equal(mkd(longname), -ENAMETOOLONG);
	longname[255] = 0;
	assert_int_equal(look(longname, 0), -ENOENT);
	assert_int_equal(mkd(longname), 0);
	memset(deep, '/', sizeof(deep));
	deep[PATH_MAX - 1] = 0;
	assert_int_equal(look(deep, 0), 0);
	deep[PATH_MAX - 1] = '/';
	deep[PATH_MAX] = 0;
	assert_int_equal(look(deep, 0), -ENAMETOOLONG);
	cd("/a/b");
	pwd_is("/a/b");
	assert_int_equal(vfs_rmdir(AT_FDCWD, "../b"), 0);
	assert_int_equal(vfs_getcwd(longname, 300), -ENOENT);
	assert_int_equal(mk("x"), -ENOENT);
	assert_int_equal(look("..", 0), 0);
}

static void symlinks(void **state)
{
	char name[16], target[16];
	struct path p;
	int i;

	mkd("/d");
	mk("/d/f");
	assert_int_equal(ln("f", "/d/l"), 0);
	assert_int_equal(ln("/d/l", "/l2"), 0);
	assert_int_equal(ln("d", "/ld"), 0);
	assert_int_equal(ln("nowhere", "/dangling"), 0);
	assert_int_equal(ln("loop", "/loop"), 0);
	assert_int_equal(ln("", "/e"), -ENOENT);
	assert_int_equal(ln("x", "/ld"), -EEXIST);
	assert_int_equal(look("/l2", LOOKUP_FOLLOW), 0);
	assert_int_equal(look("/ld/l", LOOKUP_FOLLOW), 0);
	assert_int_equal(look("/ld/l/", 0), -ENOTDIR);
	assert_int_equal(look("/ld/", 0), 0);
	assert_int_equal(look("/dangling", LOOKUP_FOLLOW), -ENOENT);
	assert_int_equal(look("/dangling", 0), 0);
	assert_int_equal(look("/loop", LOOKUP_FOLLOW), -ELOOP);
	assert_int_equal(look("/loop/x", 0), -ELOOP);
	assert_int_equal(look("/l2", LOOKUP_FOLLOW | LOOKUP_NO_SYMLINKS), -ELOOP);
	/* O_CREAT goes through a dangling link, O_EXCL and O_NOFOLLOW do not. */
	assert_int_equal(try_open("/dangling", O_CREAT | O_EXCL | O_RDWR, 0644), -EEXIST);
	assert_int_equal(try_open("/dangling", O_CREAT | O_NOFOLLOW | O_RDWR, 0644), -ELOOP);
	assert_int_equal(try_open("/dangling", O_CREAT | O_RDWR, 0644), 0);
	assert_int_equal(look("/nowhere", 0), 0);
	assert_int_equal(try_open("/ld", O_NOFOLLOW | O_RDONLY, 0), -ELOOP);
	assert_int_equal(try_open("/ld", O_NOFOLLOW | O_PATH, 0), 0);
	assert_int_equal(try_open("/ld", O_NOFOLLOW | O_DIRECTORY, 0), -ENOTDIR);
	assert_int_equal(mkd("/dangling/"), -EEXIST);
	/* 40 links may be followed, 41 not. */
	for (i = 0; i < 41; i++) {
		snprintf(name, sizeof(name), "/c%d", i);
		snprintf(target, sizeof(target), i ? "c%d" : "d", i - 1);
		assert_int_equal(ln(target, name), 0);
	}
	assert_int_equal(look("/c39", LOOKUP_FOLLOW), 0);
	assert_int_equal(look("/c39/f", 0), 0);
	assert_int_equal(look("/c40", LOOKUP_FOLLOW), -ELOOP);
	assert_int_equal(look("/c40/f", 0), -ELOOP);
	assert_int_equal(path_lookup(AT_FDCWD, "/l2", 0, &p), 0);
	assert_int_equal(vfs_readlink(&p, name, sizeof(name)), 4);
	path_put(&p);
}

static void restricted_walks(void **state)
{
	struct file *f;
	int fd;

	mkd("/d");
	mkd("/d/e");
	mk("/out");
	mk("/d/in");
	ln("/in", "/d/abs");
	ln("../out", "/d/up");
	assert_int_equal(vfs_open(AT_FDCWD, "/d", O_RDONLY | O_DIRECTORY, 0, 0, &f), 0);
	fd = fd_add(f, 0);
	assert_true(fd >= 0);
	assert_int_equal(vfs_open(fd, "in", O_RDONLY, 0, LOOKUP_BENEATH, &f), 0);
	fput(f);
	assert_int_equal(vfs_open(fd, "e/../in", O_RDONLY, 0, LOOKUP_BENEATH, &f), 0);
	fput(f);
	assert_int_equal(vfs_open(fd, "../out", O_RDONLY, 0, LOOKUP_BENEATH, &f), -EXDEV);
	assert_int_equal(vfs_open(fd, "/in", O_RDONLY, 0, LOOKUP_BENEATH, &f), -EXDEV);
	assert_int_equal(vfs_open(fd, "abs", O_RDONLY, 0, LOOKUP_BENEATH, &f), -EXDEV);
	assert_int_equal(vfs_open(fd, "up", O_RDONLY, 0, LOOKUP_BENEATH, &f), -EXDEV);
	assert_int_equal(vfs_open(fd, "abs", O_RDONLY, 0, LOOKUP_IN_ROOT, &f), 0);
	fput(f);
	assert_int_equal(vfs_open(fd, "up", O_RDONLY, 0, LOOKUP_IN_ROOT, &f), -ENOENT);
	assert_int_equal(vfs_open(fd, "../../d", O_RDONLY, 0, LOOKUP_IN_ROOT, &f), -ENOENT);
	assert_int_equal(vfs_open(fd, "../../in", O_RDONLY, 0, LOOKUP_IN_ROOT, &f), 0);
	fput(f);
	assert_int_equal(vfs_open(fd, "in/x", O_RDONLY, 0, 0, &f), -ENOTDIR);
	assert_int_equal(vfs_open(99, "x", O_RDONLY, 0, 0, &f), -EBADF);
	fd_close(fd);
}

static void opening(void **state)
{
	struct file *f;

	mkd("/d");
	assert_int_equal(try_open("/d/f", O_RDONLY, 0), -ENOENT);
	assert_int_equal(try_open("/d/f", O_CREAT | O_RDONLY, 0000), 0);
	assert_int_equal(st_of("/d/f").mode, S_IFREG);
	assert_int_equal(try_open("/d/f", O_CREAT | O_EXCL, 0), -EEXIST);
	assert_int_equal(try_open("/d", O_CREAT, 0), -EISDIR);
	assert_int_equal(try_open("/d", O_CREAT | O_EXCL, 0), -EEXIST);
	assert_int_equal(try_open("/d/.", O_CREAT, 0), -EISDIR);
	assert_int_equal(try_open("/d/new/", O_CREAT | O_WRONLY, 0644), -EISDIR);
	assert_int_equal(try_open("/d", O_WRONLY, 0), -EISDIR);
	assert_int_equal(try_open("/d/f", O_DIRECTORY, 0), -ENOTDIR);
	assert_int_equal(try_open("/d/x", O_CREAT | O_DIRECTORY, 0), -EINVAL);
	assert_int_equal(try_open("/d", O_TMPFILE | O_RDONLY, 0600), -EINVAL);
	assert_int_equal(try_open("/d/f", O_TMPFILE | O_RDWR, 0600), -ENOTDIR);
	/* umask */
	fs->umask = 027;
	assert_int_equal(try_open("/d/u", O_CREAT | O_WRONLY, 0777), 0);
	assert_int_equal(st_of("/d/u").mode & 07777, 0750);
	fs->umask = 022;
	/* A temporary file gets a name. */
	assert_int_equal(vfs_open(AT_FDCWD, "/d", O_TMPFILE | O_RDWR, 0600, 0, &f), 0);
	assert_int_equal(f->inode->nlink, 0);
	assert_int_equal(fd_add(f, 0), 0);
	assert_int_equal(vfs_link(0, "", AT_FDCWD, "/d/named", AT_EMPTY_PATH), 0);
	assert_int_equal(st_of("/d/named").nlink, 1);
	fd_close(0);
	assert_int_equal(vfs_open(AT_FDCWD, "/d", O_TMPFILE | O_RDWR | O_EXCL, 0600, 0, &f), 0);
	assert_int_equal(fd_add(f, 0), 0);
	assert_int_equal(vfs_link(0, "", AT_FDCWD, "/d/no", AT_EMPTY_PATH), -ENOENT);
	fd_close(0);
	/* Text file busy, both ways. */
	assert_int_equal(vfs_open(AT_FDCWD, "/d/u", O_WRONLY, 0, 0, &f), 0);
	assert_int_equal(f->inode->writers, 1);
	fput(f);
	assert_int_equal(vfs_open(AT_FDCWD, "/d/u", O_RDONLY, 0, 0, &f), 0);
	f->inode->writers = -1;
	assert_int_equal(try_open("/d/u", O_WRONLY, 0), -ETXTBSY);
	assert_int_equal(try_open("/d/u", O_RDONLY | O_TRUNC, 0), -ETXTBSY);
	f->inode->writers = 0;
	fput(f);
	assert_int_equal(vfs_mknod(AT_FDCWD, "/d/null", S_IFCHR | 0666, makedev_k(1, 3)), 0);
	assert_int_equal(try_open("/d/null", O_RDONLY, 0), -ENXIO);
	assert_int_equal(vfs_mknod(AT_FDCWD, "/d/dir", S_IFDIR | 0666, 0), -EPERM);
	assert_int_equal(vfs_mknod(AT_FDCWD, "/d/odd", 0170000, 0), -EINVAL);
}

static void removing(void **state)
{
	struct file *f;
	char buf[64], *text;

	mkd("/d");
	mkd("/d/e");
	mk("/d/f");
	assert_int_equal(vfs_link(AT_FDCWD, "/d/f", AT_FDCWD, "/d/g", 0), 0);
	assert_int_equal(st_of("/d/f").nlink, 2);
	assert_int_equal(vfs_link(AT_FDCWD, "/d", AT_FDCWD, "/h", 0), -EPERM);
	assert_int_equal(vfs_link(AT_FDCWD, "/d/f", AT_FDCWD, "/d/g", 0), -EEXIST);
	assert_int_equal(vfs_link(AT_FDCWD, "/d/none", AT_FDCWD, "/d/h", 0), -ENOENT);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/d/e"), -EISDIR);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/d/e/"), -EISDIR);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/d/f/"), -ENOTDIR);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/"), -EISDIR);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/d/.."), -EISDIR);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/d/none"), -ENOENT);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/d/f"), -ENOTDIR);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/d"), -ENOTEMPTY);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/d/."), -EINVAL);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/d/e/.."), -ENOTEMPTY);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/"), -EBUSY);
	assert_int_equal(vfs_open(AT_FDCWD, "/d/f", O_RDWR, 0, 0, &f), 0);
	assert_int_equal(kernel_write(f, "hello", 5, 0), 5);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/d/f"), 0);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/d/g"), 0);
	assert_int_equal(look("/d/f", 0), -ENOENT);
	assert_int_equal(f->inode->nlink, 0);
	assert_int_equal(kernel_read(f, buf, 5, 0), 5);
	assert_int_equal(d_path(&f->path, buf, sizeof(buf), &text), 0);
	assert_string_equal(text, "/d/f (deleted)");
	fput(f);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/d/e"), 0);
	assert_int_equal(st_of("/d").nlink, 2);
	assert_int_equal(st_of("/d").size, 0);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/d"), 0);
}

static void renaming(void **state)
{
	struct file *f;
	char buf[64], *text;

	mkd("/a");
	mkd("/a/b");
	mkd("/c");
	mk("/a/f");
	mk("/c/g");
	assert_int_equal(mv("/a", "/a/b/x", 0), -EINVAL);
	assert_int_equal(mv("/a", "/a/x", 0), -EINVAL);
	assert_int_equal(mv("/a/b", "/a", 0), -ENOTEMPTY);
	assert_int_equal(mv("/a/f", "/c", 0), -EISDIR);
	assert_int_equal(mv("/a/b", "/a/f", 0), -ENOTDIR);
	assert_int_equal(mv("/a/b", "/c", 0), -ENOTEMPTY);
	assert_int_equal(mv("/a/none", "/c/x", 0), -ENOENT);
	assert_int_equal(mv("/a/f", "/c/x/", 0), -ENOTDIR);
	assert_int_equal(mv("/a/f/", "/c/x", 0), -ENOTDIR);
	assert_int_equal(mv("/a/.", "/c/x", 0), -EBUSY);
	assert_int_equal(mv("/a/f", "/c/..", 0), -EBUSY);
	assert_int_equal(mv("/a/f", "/c/g", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(mv("/a/f", "/c/h", RENAME_EXCHANGE), -ENOENT);
	assert_int_equal(mv("/a/f", "/a/f", 0), 0);
	assert_int_equal(mv("/a/b", "/c/b/", 0), 0);
	assert_int_equal(st_of("/a").nlink, 2);
	assert_int_equal(st_of("/c").nlink, 3);
	assert_int_equal(vfs_open(AT_FDCWD, "/c/b", O_RDONLY, 0, 0, &f), 0);
	assert_int_equal(mv("/c", "/a/moved", 0), 0);
	assert_int_equal(d_path(&f->path, buf, sizeof(buf), &text), 0);
	assert_string_equal(text, "/a/moved/b");
	fput(f);
	assert_int_equal(mv("/a/moved/g", "/a/f", 0), 0);
	assert_int_equal(look("/a/moved/g", 0), -ENOENT);
	assert_int_equal(mv("/a/moved/b", "/a/f", RENAME_EXCHANGE), 0);
	assert_true(S_ISDIR(st_of("/a/f").mode));
	assert_true(S_ISREG(st_of("/a/moved/b").mode));
	assert_int_equal(st_of("/a").nlink, 4);
	assert_int_equal(st_of("/a/moved").nlink, 2);
	/* Hard links of one file: nothing happens. */
	mk("/h1");
	vfs_link(AT_FDCWD, "/h1", AT_FDCWD, "/h2", 0);
	assert_int_equal(mv("/h1", "/h2", 0), 0);
	assert_int_equal(look("/h1", 0), 0);
	/* An empty directory is replaced. */
	mkd("/e1");
	mkd("/e2");
	assert_int_equal(mv("/e1", "/e2", 0), 0);
	assert_int_equal(look("/e1", 0), -ENOENT);
	assert_int_equal(look("/e2", 0), 0);
}

static void rights(void **state)
{
	mkd("/pub");
	chmod_of("/pub", 0777);
	mkd("/priv");
	chmod_of("/priv", 0700);
	mk("/priv/f");
	mkd("/tmp");
	chmod_of("/tmp", 01777);
	mk("/tmp/rootfile");
	chmod_of("/tmp/rootfile", 0666);
	mkd("/sg");
	chown_of("/sg", 1000, 5);
	chmod_of("/sg", 02777);
	as_user();
	assert_int_equal(look("/priv/f", 0), -EACCES);
	assert_int_equal(mk("/x"), -EACCES);
	assert_int_equal(mk("/pub/f"), 0);
	assert_int_equal(st_of("/pub/f").uid, 1000);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/tmp/rootfile"), -EPERM);
	assert_int_equal(mv("/tmp/rootfile", "/pub/x", 0), -EPERM);
	assert_int_equal(try_open("/tmp/rootfile", O_RDWR | O_NOATIME, 0), -EPERM);
	assert_int_equal(try_open("/tmp/rootfile", O_RDWR, 0), 0);
	assert_int_equal(chmod_of("/tmp/rootfile", 0600), -EPERM);
	assert_int_equal(chown_of("/pub/f", 0, 1000), -EPERM);
	assert_int_equal(chown_of("/pub/f", 1000, 5), -EPERM);
	assert_int_equal(chown_of("/pub/f", 1000, 1000), 0);
	assert_int_equal(vfs_mknod(AT_FDCWD, "/pub/dev", S_IFCHR | 0666, 1), -EPERM);
	assert_int_equal(vfs_mknod(AT_FDCWD, "/pub/fifo", S_IFIFO | 0666, 0), 0);
	assert_int_equal(vfs_mount("none", "/pub", "tmpfs", 0, NULL), -EPERM);
	assert_int_equal(vfs_chroot("/pub"), -EPERM);
	/* Set-group-ID directories hand on group and bit. */
	assert_int_equal(mkd("/sg/d"), 0);
	assert_int_equal(st_of("/sg/d").mode & 07777, 02755);
	assert_int_equal(st_of("/sg/d").gid, 5);
	assert_int_equal(try_open("/sg/f", O_CREAT | O_WRONLY, 02775), 0);
	assert_int_equal(st_of("/sg/f").gid, 5);
	assert_int_equal(st_of("/sg/f").mode & 07777, 0755);
	/* Outside the group one cannot give set-group-ID. */
	assert_int_equal(chmod_of("/sg/f", 02755), 0);
	assert_int_equal(st_of("/sg/f").mode & 07777, 0755);
	assert_int_equal(chmod_of("/pub/f", 06755), 0);
	assert_int_equal(st_of("/pub/f").mode & 07777, 06755);
	as_root();
	assert_int_equal(chown_of("/pub/f", 1000, 1000), 0);
	assert_int_equal(st_of("/pub/f").mode & 07777, 0755);
	/* root without any x bit may not execute. */
	chmod_of("/pub/f", 0644);
	{
		struct path p;

		assert_int_equal(path_lookup(AT_FDCWD, "/pub/f", 0, &p), 0);
		assert_int_equal(inode_permission(p.dentry->inode, MAY_EXEC), -EACCES);
		assert_int_equal(inode_permission(p.dentry->inode, MAY_WRITE), 0);
		path_put(&p);
	}
}

static void mounting(void **state)
{
	struct file *f;
	struct seq_buf s = { 0 };
	struct mount *m;

	mkd("/m");
	mkd("/m/under");
	mkd("/b");
	mk("/file");
	assert_int_equal(vfs_mount("none", "/m", "nofs", 0, NULL), -ENODEV);
	assert_int_equal(vfs_mount("none", "/none", "tmpfs", 0, NULL), -ENOENT);
	assert_int_equal(vfs_mount("none", "/file", "tmpfs", 0, NULL), -ENOTDIR);
	assert_int_equal(vfs_mount("none", "/m", "tmpfs", 0, "bad=1"), -EINVAL);
	assert_int_equal(vfs_mount("t1", "/m", "tmpfs", MS_NOSUID, "size=64k,mode=700"), 0);
	assert_int_equal(look("/m/under", 0), -ENOENT);
	assert_int_equal(st_of("/m/..").ino, st_of("/").ino);
	assert_int_equal(mkd("/m/sub"), 0);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/m"), -EBUSY);
	assert_int_equal(mv("/m", "/n", 0), -EBUSY);
	assert_int_equal(mv("/file", "/m/file", 0), -EXDEV);
	assert_int_equal(vfs_link(AT_FDCWD, "/file", AT_FDCWD, "/m/file", 0), -EXDEV);
	/* bind, and a mount on top of a mount */
	assert_int_equal(vfs_mount("/m/sub", "/b", NULL, MS_BIND, NULL), 0);
	assert_int_equal(mkd("/b/x"), 0);
	assert_int_equal(look("/m/sub/x", 0), 0);
	cd("/b/x");
	pwd_is("/b/x");
	assert_int_equal(st_of("../..").ino, st_of("/").ino);
	cd("/");
	assert_int_equal(vfs_mount("t2", "/m", "tmpfs", 0, NULL), 0);
	assert_int_equal(look("/m/sub", 0), -ENOENT);
	assert_int_equal(vfs_umount("/m", 0), 0);
	assert_int_equal(look("/m/sub", 0), 0);
	/* read-only by remount of the bind only */
	assert_int_equal(vfs_mount(NULL, "/b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	assert_int_equal(mkd("/b/y"), -EROFS);
	assert_int_equal(mkd("/b/x"), -EEXIST);
	assert_int_equal(mk("/b/y"), -EROFS);
	assert_int_equal(chmod_of("/b/x", 0700), -EROFS);
	assert_int_equal(mkd("/m/sub/y"), 0);
	/* A file open for writing keeps its file system writable. */
	assert_int_equal(vfs_open(AT_FDCWD, "/m/w", O_CREAT | O_WRONLY, 0600, 0, &f), 0);
	assert_int_equal(vfs_mount(NULL, "/m", NULL, MS_REMOUNT | MS_RDONLY, NULL), -EBUSY);
	fput(f);
	assert_int_equal(vfs_mount(NULL, "/m", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(mkd("/m/z"), -EROFS);
	assert_int_equal(try_open("/m/w", O_WRONLY, 0), -EROFS);
	assert_int_equal(vfs_mount(NULL, "/m", NULL, MS_REMOUNT | MS_NOSUID, NULL), 0);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/m/w"), 0);
	list_for_each(m, &fs->ns->mounts, ns_node)
		mount_show(&s, m, &fs->root);
	assert_string_equal(s.buf,
			    "none / tmpfs rw,relatime,mode=755,inode64 0 0\n"
			    "t1 /m tmpfs rw,nosuid,relatime,size=64k,mode=700,inode64 0 0\n"
			    "t1 /b tmpfs ro,relatime,size=64k,mode=700,inode64 0 0\n");
	seq_free(&s);
	list_for_each(m, &fs->ns->mounts, ns_node)
		mount_show_info(&s, m, &fs->root);
	assert_non_null(strstr(s.buf, " /sub /b ro,relatime - tmpfs t1 rw,size=64k"));
	seq_free(&s);
	/* busy, lazy, wrong place */
	assert_int_equal(vfs_umount("/m/sub", 0), -EINVAL);
	assert_int_equal(vfs_open(AT_FDCWD, "/m/sub", O_RDONLY, 0, 0, &f), 0);
	assert_int_equal(vfs_umount("/m", 0), -EBUSY);
	assert_int_equal(vfs_umount("/m", 4), -EBUSY);
	assert_int_equal(vfs_umount("/m", 2), 0);
	assert_int_equal(look("/m/under", 0), 0);
	fput(f);
	assert_int_equal(vfs_umount("/b", 4), -EAGAIN);
	assert_int_equal(vfs_umount("/b", 4), 0);
	assert_int_equal(vfs_umount("/b", 64), -EINVAL);
}

static void moving_mounts(void **state)
{
	mkd("/m");
	mkd("/n");
	assert_int_equal(vfs_mount("t", "/m", "tmpfs", 0, NULL), 0);
	mkd("/m/in");
	mkd("/m/old");
	assert_int_equal(vfs_mount("t2", "/m/in", "tmpfs", 0, NULL), 0);
	mkd("/m/in/deep");
	assert_int_equal(vfs_umount("/m", 0), -EBUSY);
	assert_int_equal(vfs_mount("/m", "/m/in", NULL, MS_MOVE, NULL), -ELOOP);
	assert_int_equal(vfs_mount("/n", "/m", NULL, MS_MOVE, NULL), -EINVAL);
	assert_int_equal(vfs_mount("/m", "/n", NULL, MS_MOVE, NULL), 0);
	assert_int_equal(look("/n/in/deep", 0), 0);
	assert_int_equal(look("/m/in", 0), -ENOENT);
	assert_int_equal(vfs_mount("/n", "/m", NULL, MS_BIND | MS_REC, NULL), 0);
	assert_int_equal(look("/m/in/deep", 0), 0);
	assert_int_equal(vfs_mount("/n", "/m", NULL, MS_BIND, NULL), 0);
	assert_int_equal(look("/m/in/deep", 0), -ENOENT);
	assert_int_equal(vfs_umount("/m", 0), 0);
	assert_int_equal(vfs_umount("/m", 2), 0);
	/* A namespace of our own. */
	assert_int_equal(mount_ns_unshare(fs), 0);
	assert_int_equal(look("/n/in/deep", 0), 0);
	/* pivot_root */
	assert_int_equal(vfs_pivot_root("/m", "/m"), -EBUSY);
	assert_int_equal(vfs_pivot_root("/n", "/m"), -EBUSY);
	cd("/n");
	list_init(&process_list);
	list_init(&fake_process.threads);
	list_init(&fake_process.all_node);
	list_init(&fake_task.thread_node);
	list_add(&fake_process.all_node, &process_list);
	list_add(&fake_task.thread_node, &fake_process.threads);
	assert_int_equal(vfs_pivot_root(".", "old"), 0);
	assert_int_equal(look("/in/deep", 0), 0);
	assert_int_equal(look("/old/m", 0), 0);
	assert_int_equal(vfs_umount("/old", 2), 0);
	assert_int_equal(look("/old/m", 0), -ENOENT);
	list_init(&process_list);
	/* chroot, and a directory outside it */
	cd("/in/deep");
	assert_int_equal(vfs_chroot("/old"), 0);
	{
		char buf[100];

		assert_true(vfs_getcwd(buf, sizeof(buf)) > 0);
		assert_string_equal(buf, "(unreachable)/in/deep");
	}
	assert_int_equal(look("/in", 0), -ENOENT);
}

static int check_hole(struct file *f)
{
	assert_int_equal(vfs_llseek(f, 0, SEEK_DATA), 8192);
	assert_int_equal(vfs_llseek(f, 0, SEEK_HOLE), 0);
	assert_int_equal(vfs_llseek(f, 8192, SEEK_HOLE), 12288);
	assert_int_equal(vfs_llseek(f, 12288, SEEK_DATA), -ENXIO);
	return 0;
}

static void data(void **state)
{
	static char buf[100000], back[100000];
	struct backing *b;
	struct file *f;
	size_t i;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 7 + i / 4096);
	assert_int_equal(vfs_open(AT_FDCWD, "/f", O_CREAT | O_RDWR, 0644, 0, &f), 0);
	assert_int_equal(kernel_write(f, buf, sizeof(buf), 100), sizeof(buf));
	assert_int_equal(kernel_read(f, back, sizeof(back), 100), sizeof(buf));
	assert_memory_equal(buf, back, sizeof(buf));
	assert_int_equal(f->inode->size, sizeof(buf) + 100);
	assert_int_equal(fake_file_bytes, 25 * 4096);
	assert_int_equal(vfs_truncate(&f->path, 50000, f), 0);
	assert_int_equal(vfs_truncate(&f->path, 60000, f), 0);
	assert_int_equal(kernel_read(f, back, 20000, 45000), 15000);
	assert_memory_equal(buf + 44900, back, 5000);
	for (i = 5000; i < 15000; i++)
		assert_int_equal(back[i], 0);
	/* The same bytes through a memfd. */
	assert_int_equal(f->ops->mmap(f, 3, MAP_SHARED, &b), 0);
	backing_put(b);
	assert_int_equal(kernel_read(f, back, 20000, 45000), 15000);
	assert_memory_equal(buf + 44900, back, 5000);
	assert_int_equal(kernel_write(f, buf, sizeof(buf), 5), sizeof(buf));
	assert_int_equal(kernel_read(f, back, sizeof(back), 5), sizeof(buf));
	assert_memory_equal(buf, back, sizeof(buf));
	assert_int_equal(f->inode->size, sizeof(buf) + 5);
	assert_int_equal(vfs_truncate(&f->path, 0, f), 0);
	assert_int_equal(fake_file_bytes, 0);
	fput(f);
	/* Holes, on the heap and in a memfd. */
	assert_int_equal(vfs_open(AT_FDCWD, "/h", O_CREAT | O_RDWR, 0644, 0, &f), 0);
	assert_int_equal(kernel_write(f, buf, 4096, 8192), 4096);
	assert_int_equal(vfs_truncate(&f->path, 20480, f), 0);
	check_hole(f);
	assert_int_equal(f->ops->mmap(f, 3, MAP_SHARED, &b), 0);
	backing_put(b);
	check_hole(f);
	fput(f);
	assert_int_equal(vfs_open(AT_FDCWD, "/p", O_CREAT | O_RDWR, 0644, 0, &f), 0);
	assert_int_equal(kernel_write(f, buf, 20000, 0), 20000);
	assert_int_equal(f->ops->fallocate(f, 3, 1000, 10000), 0);
	assert_int_equal(kernel_read(f, back, 20000, 0), 20000);
	assert_memory_equal(back, buf, 1000);
	assert_memory_equal(back + 11000, buf + 11000, 9000);
	for (i = 1000; i < 11000; i++)
		assert_int_equal(back[i], 0);
	assert_int_equal(f->inode->size, 20000);
	assert_int_equal(f->ops->fallocate(f, 0, 0, 40000), 0);
	assert_int_equal(f->inode->size, 40000);
	assert_int_equal(f->ops->fallocate(f, 1, 0, 50000), 0);
	assert_int_equal(f->inode->size, 40000);
	assert_int_equal(f->ops->fallocate(f, 8, 0, 4096), -EOPNOTSUPP);
	fput(f);
}

static void limits(void **state)
{
	static char buf[70000];
	struct statfs_k sf;
	struct path p;
	struct file *f;
	int i, err = 0;
	char name[20];

	mkd("/m");
	assert_int_equal(vfs_mount("t", "/m", "tmpfs", 0, "size=64k,nr_inodes=10"), 0);
	assert_int_equal(vfs_open(AT_FDCWD, "/m/f", O_CREAT | O_RDWR, 0644, 0, &f), 0);
	assert_int_equal(kernel_write(f, buf, 70000, 0), 65536);
	assert_int_equal(kernel_write(f, buf, 1, 65536), -ENOSPC);
	assert_int_equal(path_lookup(AT_FDCWD, "/m", 0, &p), 0);
	assert_int_equal(vfs_statfs(&p, &sf), 0);
	path_put(&p);
	assert_int_equal(sf.blocks, 16);
	assert_int_equal(sf.bfree, 0);
	assert_int_equal(sf.type, TMPFS_MAGIC);
	assert_int_equal(vfs_truncate(&f->path, 0, f), 0);
	assert_int_equal(kernel_write(f, buf, 1, 65536), 1);
	fput(f);
	for (i = 0; i < 20 && !err; i++) {
		snprintf(name, sizeof(name), "/m/x%d", i);
		err = mk(name);
	}
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(i, 9);
	assert_int_equal(vfs_mount(NULL, "/m", NULL, MS_REMOUNT, "nr_inodes=5"), -EINVAL);
	assert_int_equal(vfs_mount(NULL, "/m", NULL, MS_REMOUNT, "nr_inodes=50"), 0);
	assert_int_equal(mk("/m/more"), 0);
}

struct collect {
	struct dir_ctx ctx;
	char names[64][16];
	int n, max;
};

static bool collect_one(struct dir_ctx *ctx, const char *name, size_t len, u64 ino, u32 type,
			off64 next)
{
	struct collect *c = container_of(ctx, struct collect, ctx);

	if (c->n == c->max)
		return false;
	snprintf(c->names[c->n++], 16, "%.*s", (int)len, name);
	return true;
}

static void reading_dirs(void **state)
{
	struct collect c = { .ctx.actor = collect_one };
	struct file *f;
	char name[16];
	int i, seen = 0;

	mkd("/d");
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "/d/%d", i);
		mk(name);
	}
	assert_int_equal(vfs_open(AT_FDCWD, "/d", O_RDONLY, 0, 0, &f), 0);
	/* Read by threes and delete what was read. */
	for (;;) {
		c.n = 0;
		c.max = 3;
		assert_int_equal(f->ops->readdir(f, &c.ctx), 0);
		if (!c.n)
			break;
		for (i = 0; i < c.n; i++) {
			seen++;
			snprintf(name, sizeof(name), "/d/%.10s", c.names[i]);
			if (c.names[i][0] != '.')
				assert_int_equal(vfs_unlink(AT_FDCWD, name), 0);
		}
	}
	assert_int_equal(seen, 22);
	fput(f);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/d"), 0);
}

static void xattrs(void **state)
{
	struct path p;
	char buf[64];

	mk("/f");
	ln("x", "/l");
	assert_int_equal(path_lookup(AT_FDCWD, "/f", 0, &p), 0);
	assert_int_equal(vfs_getxattr(&p, "user.a", buf, 64), -ENODATA);
	assert_int_equal(vfs_setxattr(&p, "user.a", "12", 2, XATTR_REPLACE), -ENODATA);
	assert_int_equal(vfs_setxattr(&p, "user.a", "12", 2, 0), 0);
	assert_int_equal(vfs_setxattr(&p, "user.a", "12", 2, XATTR_CREATE), -EEXIST);
	assert_int_equal(vfs_setxattr(&p, "trusted.b", "345", 3, 0), 0);
	assert_int_equal(vfs_setxattr(&p, "user.", "1", 1, 0), -EINVAL);
	assert_int_equal(vfs_setxattr(&p, "foo.x", "1", 1, 0), -EOPNOTSUPP);
	assert_int_equal(vfs_setxattr(&p, "system.posix_acl_access", "1", 1, 0), -EOPNOTSUPP);
	assert_int_equal(vfs_getxattr(&p, "user.a", NULL, 0), 2);
	assert_int_equal(vfs_getxattr(&p, "user.a", buf, 1), -ERANGE);
	assert_int_equal(vfs_listxattr(&p, NULL, 0), 17);
	as_user();
	assert_int_equal(vfs_listxattr(&p, buf, 64), 7);
	assert_int_equal(vfs_getxattr(&p, "trusted.b", buf, 64), -ENODATA);
	assert_int_equal(vfs_setxattr(&p, "trusted.b", "345", 3, 0), -EPERM);
	assert_int_equal(vfs_setxattr(&p, "user.a", "345", 3, 0), -EACCES);
	as_root();
	assert_int_equal(vfs_removexattr(&p, "user.a"), 0);
	assert_int_equal(vfs_removexattr(&p, "user.a"), -ENODATA);
	path_put(&p);
	assert_int_equal(path_lookup(AT_FDCWD, "/l", 0, &p), 0);
	assert_int_equal(vfs_setxattr(&p, "user.a", "12", 2, 0), -EPERM);
	path_put(&p);
}

static void cache_bound(void **state)
{
	char name[32];
	int i;

	mkd("/d");
	for (i = 0; i < DCACHE_MAX_UNUSED + 3000; i++) {
		snprintf(name, sizeof(name), "/d/n%d", i);
		assert_int_equal(look(name, 0), -ENOENT);
	}
	assert_true(dcache_nr_unused() <= DCACHE_MAX_UNUSED + 256);
	assert_true(dcache_nr_unused() > DCACHE_MAX_UNUSED / 2);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/d"), 0);
	assert_true(dcache_nr_unused() < 10);
}

/* A tmpfs that has to be asked whether the cache is right. */
static struct inode_ops asking_ops;
static int asked, asked_path, answer = 1;
static char asked_rel[100];

static int asking_lookup(struct inode *dir, struct dentry *d, struct inode **out)
{
	int err = tmpfs_dir_inode_ops.lookup(dir, d, out);

	if (!err && *out && S_ISDIR((*out)->mode))
		(*out)->ops = &asking_ops;
	return err;
}

static int asking_revalidate(struct inode *dir, struct dentry *d)
{
	asked++;
	return answer;
}

static int asking_revalidate_path(struct inode *dir, const char *rel, struct dentry *last)
{
	asked_path++;
	snprintf(asked_rel, sizeof(asked_rel), "%s", rel);
	return answer;
}

static void expect_questions(const char *path, u32 flags, int err, int single, int whole,
			     const char *rel)
{
	asked = asked_path = 0;
	asked_rel[0] = 0;
	assert_int_equal(look(path, flags), err);
	assert_int_equal(asked, single);
	assert_int_equal(asked_path, whole);
	assert_string_equal(asked_rel, rel);
}

static void revalidation(void **state)
{
	mkd("/a");
	mkd("/a/b");
	mkd("/a/b/c");
	mk("/a/b/c/f");
	ln("c", "/a/b/lc");
	ln("/a/b", "/lb");
	ln("f", "/a/b/c/lf");
	d_invalidate_tree(fs->root.dentry);
	asking_ops = tmpfs_dir_inode_ops;
	asking_ops.lookup = asking_lookup;
	asking_ops.revalidate = asking_revalidate;
	asking_ops.revalidate_path = asking_revalidate_path;
	fs->root.dentry->inode->ops = &asking_ops;
	answer = 1;
	expect_questions("/a/b/c/f", 0, 0, 0, 0, "");
	expect_questions("/a/b/c/f", 0, 0, 0, 1, "a/b/c/f");
	expect_questions("//a///b/c/f", 0, 0, 0, 1, "a///b/c/f");
	expect_questions("/a/b/c//", 0, 0, 0, 1, "a/b/c");
	expect_questions("/a/b/c/f/", 0, -ENOTDIR, 0, 1, "a/b/c/f");
	expect_questions("/a/b/../b/c", 0, 0, 0, 2, "b/c");
	expect_questions("/a/b/c/none", 0, -ENOENT, 0, 1, "a/b/c");
	expect_questions("/a/b/c/none", 0, -ENOENT, 1, 1, "a/b/c");
	/* Symlinks end the shortcut. */
	expect_questions("/a/b/lc/f", LOOKUP_FOLLOW, 0, 2, 1, "a/b");
	expect_questions("/a/b/lc/f", LOOKUP_FOLLOW, 0, 3, 1, "a/b");
	expect_questions("/lb/c/f", LOOKUP_FOLLOW, 0, 0, 2, "c/f");
	expect_questions("/a/b/c/lf", 0, 0, 0, 1, "a/b/c");
	expect_questions("/a/b/c/lf", 0, 0, 0, 1, "a/b/c/lf");
	expect_questions("/a/b/c/lf", LOOKUP_FOLLOW, 0, 1, 1, "a/b/c/lf");
	expect_questions("/a/b/lc/", 0, 0, 1, 1, "a/b/lc");
	/* "No": step by step, with the names forgotten and looked up again. */
	answer = 0;
	expect_questions("/a/b/c/f", 0, 0, 1, 1, "a/b/c/f");
	answer = 1;
	assert_int_equal(mk("/a/b/c/g"), 0);
	assert_int_equal(mkd("/a/b/c/d/"), 0);
	assert_int_equal(mv("/a/b/c/g", "/a/h", 0), 0);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/a/b/c/d"), 0);
	fs->root.dentry->inode->ops = &tmpfs_dir_inode_ops;
}

/* Not a test of truth: prints what a cached walk costs. */
static void speed(void **state)
{
	ktime_t a;
	int i, n = 200000;

	mkd("/usr");
	mkd("/usr/lib");
	mkd("/usr/lib/x86_64-linux-gnu");
	mk("/usr/lib/x86_64-linux-gnu/libc.so.6");
	a = ktime_get();
	for (i = 0; i < n; i++)
		assert_int_equal(look("/usr/lib/x86_64-linux-gnu/libc.so.6", LOOKUP_FOLLOW), 0);
	a = (ktime_get() - a) / n;
	print_message("walk of 4 components: %ld ns\n", (long)a);
}

#define FS_CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

RUN(FS_CASE(walking), FS_CASE(symlinks), FS_CASE(restricted_walks), FS_CASE(opening),
    FS_CASE(removing), FS_CASE(renaming), FS_CASE(rights), FS_CASE(mounting),
    FS_CASE(moving_mounts), FS_CASE(data), FS_CASE(limits), FS_CASE(reading_dirs),
    FS_CASE(xattrs), FS_CASE(cache_bound), FS_CASE(revalidation), FS_CASE(speed))
