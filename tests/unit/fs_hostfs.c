/* SPDX-License-Identifier: MIT */
/*
 * hostfs on a real host directory: names and data reach the host, changes on the host are seen, and
 * nothing leads out of the mount, not even while the host side is changed under a walk.
 */
#include "tests/unit/fake/guest.c"
#include "tests/unit/fake/mm.c"
#include "tests/unit/fake/sched.c"

#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/limits.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "fs/fs.h"
#include "fs/hostfs/hostfs.h"
#include "host/path.h"
#include "tests/unit/test.h"
#include "vfs/dcache.h"
#include "vfs/vfs.h"

int system(const char *cmd);	/* stdlib.h and the kernel ABI headers do not go together */

static char base[64];		/* on the host; the mount is base/root */
static struct fs_ctx *fs;
static int rootfd, outfd;	/* host descriptors of base/root and base/out */

static void host_write_file(int dirfd, const char *name, const char *text)
{
	int fd = host_path_open(dirfd, name, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(host_pwrite(fd, text, strlen(text), 0), (ssize)strlen(text));
	host_close(fd);
}

static const char *host_read_file(int dirfd, const char *name)
{
	static char text[4096];
	int fd = host_path_open(dirfd, name, O_RDONLY, 0);
	ssize n;

	assert_true(fd >= 0);
	n = host_pread(fd, text, sizeof(text) - 1, 0);
	host_close(fd);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static void mount_root(const char *data)
{
	struct mount_ns *ns;
	struct mount *m;
	struct path root;

	assert_int_equal(vfs_kern_mount(&hostfs_type, "none", 0, data, &m), 0);
	ns = mount_ns_new(m);
	root.mnt = m;
	root.dentry = m->root;
	fs = fs_ctx_new(ns, &root);
	fs->umask = 0;
	mount_ns_put(ns);
	fake_task.fs = fs;
}

static void umount_root(void)
{
	fs_ctx_put(fs);
	fake_task.fs = fs = NULL;
}

static int setup(void **state)
{
	static int n;
	char root[80];

	vfs_init();
	fake_task.cred = &init_cred;
	if (!fake_task.files)
		fake_task.files = files_new();
	fake_process.rlim[7].cur = fake_process.rlim[7].max = 1024;
	fake_process.rlim[1].cur = fake_process.rlim[1].max = ~0ULL;
	snprintf(base, sizeof(base), "/tmp/hostfs-test-%d-%d", host_getpid(), n++);
	host_path_mkdir(AT_FDCWD, base, 0755);
	snprintf(root, sizeof(root), "%s/out", base);
	host_path_mkdir(AT_FDCWD, root, 0755);
	outfd = host_path_open_start(root);
	host_write_file(outfd, "secret", "outside");
	snprintf(root, sizeof(root), "%s/root", base);
	host_path_mkdir(AT_FDCWD, root, 0755);
	rootfd = host_path_open_start(root);
	mount_root(root);
	return rootfd < 0;
}

static int teardown(void **state)
{
	char cmd[128];

	umount_root();
	host_close(rootfd);
	host_close(outfd);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", base);
	if (system(cmd))
		return -1;
	memset(&hostfs_boot, 0, sizeof(hostfs_boot));
	return dcache_nr_unused() ? -1 : 0;
}

static int open_file(const char *name, u32 flags, u32 mode, struct file **f)
{
	return vfs_open(AT_FDCWD, name, flags, mode, 0, f);
}

static int write_text(const char *name, const char *text, u32 flags)
{
	struct file *f;
	struct iter it;
	ssize n;
	int err = open_file(name, flags, 0640, &f);

	if (err)
		return err;
	iter_init_kernel(&it, (void *)text, strlen(text));
	n = vfs_write(f, &it, NULL);
	fput(f);
	return n == (ssize)strlen(text) ? 0 : (int)n;
}

static const char *read_text(const char *name)
{
	static char buf[4096];
	struct file *f;
	ssize n;

	if (open_file(name, O_RDONLY, 0, &f))
		return NULL;
	n = kernel_read(f, buf, sizeof(buf) - 1, 0);
	fput(f);
	buf[n < 0 ? 0 : n] = 0;
	return buf;
}

static int stat_name(const char *name, struct kstat *st)
{
	struct path p;
	int err = path_lookup(AT_FDCWD, name, 0, &p);

	if (err)
		return err;
	err = vfs_getattr(&p, st);
	path_put(&p);
	return err;
}

static int change(const char *name, const struct iattr *a)
{
	struct path p;
	int err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	err = notify_change(&p, a);
	path_put(&p);
	return err;
}

/* ---- cases ---- */

static void data(void **state)
{
	char big[50000];
	struct iter it;
	struct file *f;

	assert_int_equal(write_text("/a", "hello", O_CREAT | O_WRONLY), 0);
	assert_string_equal(host_read_file(rootfd, "a"), "hello");
	assert_int_equal(write_text("/a", " you", O_WRONLY | O_APPEND), 0);
	assert_string_equal(read_text("/a"), "hello you");
	assert_int_equal(write_text("/a", "x", O_WRONLY | O_TRUNC), 0);
	assert_string_equal(read_text("/a"), "x");
	assert_int_equal(write_text("/a", "x", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
	assert_int_equal(open_file("/none", O_RDONLY, 0, &f), -ENOENT);
	/* Larger than a staging buffer, with a hole behind. */
	memset(big, 'b', sizeof(big));
	assert_int_equal(open_file("/big", O_CREAT | O_RDWR, 0600, &f), 0);
	iter_init_kernel(&it, big, sizeof(big));
	assert_int_equal(vfs_write(f, &it, NULL), sizeof(big));
	assert_int_equal(vfs_truncate(&f->path, 1 << 20, f), 0);
	assert_int_equal(vfs_llseek(f, 0, SEEK_END), 1 << 20);
	assert_true(vfs_llseek(f, 0, SEEK_HOLE) >= (off64)sizeof(big));
	memset(big, 0, sizeof(big));
	assert_int_equal(kernel_read(f, big, sizeof(big), 1), sizeof(big));
	assert_int_equal(big[49998], 'b');
	assert_int_equal(big[49999], 0);
	fput(f);
}

/* A name is made without asking whether it is there: the host may have made it since it was last looked for. */
static void create_at_once(void **state)
{
	struct file *f;

	assert_int_equal(open_file("/new", O_RDONLY, 0, &f), -ENOENT);
	host_write_file(rootfd, "new", "host");
	assert_int_equal(write_text("/new", "x", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
	assert_string_equal(host_read_file(rootfd, "new"), "host");
	host_write_file(rootfd, "unseen", "host");
	assert_int_equal(write_text("/unseen", "x", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
	assert_string_equal(read_text("/unseen"), "host");
	assert_int_equal(open_file("/later", O_RDONLY, 0, &f), -ENOENT);
	host_write_file(rootfd, "later", "host");
	assert_int_equal(write_text("/later", "gu", O_WRONLY | O_CREAT), 0);
	assert_string_equal(host_read_file(rootfd, "later"), "gust");
	assert_int_equal(open_file("/link", O_RDONLY, 0, &f), -ENOENT);
	assert_int_equal(host_path_symlink("later", rootfd, "link"), 0);
	assert_int_equal(write_text("/link", "x", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
	assert_int_equal(write_text("/link", "G", O_WRONLY | O_CREAT), 0);
	assert_string_equal(host_read_file(rootfd, "later"), "Gust");
	assert_int_equal(host_path_unlink(rootfd, "new", false), 0);
	assert_int_equal(write_text("/new", "guest", O_WRONLY | O_CREAT | O_EXCL), 0);
	assert_string_equal(host_read_file(rootfd, "new"), "guest");
}

/* What was set is seen, whoever asks, also after several changes without a look at the file between them. */
static void set_and_see(void **state)
{
	struct iattr a = { .valid = ATTR_MODE, .mode = 0604 };
	struct host_stat h;
	struct file *f;
	struct kstat st;

	assert_int_equal(open_file("/s", O_CREAT | O_WRONLY, 0600, &f), 0);
	assert_int_equal(notify_change(&f->path, &a), 0);
	a = (struct iattr){ .valid = ATTR_ATIME | ATTR_MTIME, .atime.sec = 5, .mtime.sec = 7 };
	assert_int_equal(notify_change(&f->path, &a), 0);
	assert_int_equal(stat_name("/s", &st), 0);
	assert_int_equal(st.mode, S_IFREG | 0604);
	assert_int_equal(st.atime.sec, 5);
	assert_int_equal(st.mtime.sec, 7);
	a = (struct iattr){ .valid = ATTR_MODE, .mode = 04755 };
	assert_int_equal(notify_change(&f->path, &a), 0);
	a = (struct iattr){ .valid = ATTR_SIZE, .size = 3, .file = f };
	assert_int_equal(notify_change(&f->path, &a), 0);
	assert_int_equal(inode_getattr(f->inode, &st), 0);
	assert_int_equal(st.size, 3);
	assert_int_equal(host_path_stat(rootfd, "s", &h), 0);
	assert_int_equal(h.mode & 0777, 0755);
	/* Who is not root on the host notes set-id bits instead, and the guest's root keeps them. */
	assert_int_equal(st.mode, host_euid() ? S_IFREG | 04755 : h.mode);
	fput(f);
}

static void names(void **state)
{
	struct kstat st, st2;

	assert_int_equal(vfs_mkdir(AT_FDCWD, "/d", 0750), 0);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/d", 0750), -EEXIST);
	assert_int_equal(write_text("/d/f", "1", O_CREAT | O_WRONLY), 0);
	assert_int_equal(stat_name("/d", &st), 0);
	assert_int_equal(st.mode, S_IFDIR | 0750);
	assert_int_equal(vfs_link(AT_FDCWD, "/d/f", AT_FDCWD, "/g", 0), 0);
	assert_int_equal(stat_name("/g", &st), 0);
	assert_int_equal(stat_name("/d/f", &st2), 0);
	assert_int_equal(st.ino, st2.ino);
	assert_int_equal(st2.nlink, 2);
	assert_int_equal(vfs_rename(AT_FDCWD, "/d/f", AT_FDCWD, "/d/h", 0), 0);
	assert_int_equal(stat_name("/d/f", &st), -ENOENT);
	assert_string_equal(read_text("/d/h"), "1");
	assert_int_equal(vfs_rename(AT_FDCWD, "/d", AT_FDCWD, "/e", 0), 0);
	assert_string_equal(read_text("/e/h"), "1");
	assert_int_equal(write_text("/x", "2", O_CREAT | O_WRONLY), 0);
	assert_int_equal(vfs_rename(AT_FDCWD, "/x", AT_FDCWD, "/g", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(vfs_rename(AT_FDCWD, "/x", AT_FDCWD, "/g", RENAME_EXCHANGE), 0);
	assert_string_equal(read_text("/x"), "1");
	assert_string_equal(read_text("/g"), "2");
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/e"), -ENOTEMPTY);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/e/h"), 0);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/e"), 0);
	assert_int_equal(stat_name("/e", &st), -ENOENT);
}

/* A link goes, the file is still found by its other name, however it is walked to. */
static void other_link(void **state)
{
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/a", 0755), 0);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/a/b", 0755), 0);
	assert_int_equal(write_text("/a/b/f", "1", O_CREAT | O_WRONLY), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vfs_link(AT_FDCWD, "/a/b/f", AT_FDCWD, "/g", 0), 0);
		assert_string_equal(read_text("/g"), "1");
		assert_int_equal(vfs_unlink(AT_FDCWD, "/g"), 0);
		assert_string_equal(read_text("/a/b/f"), "1");
	}
}

/* An unlinked file goes on through its descriptor. */
static void unlinked(void **state)
{
	const struct iattr mode = { .valid = ATTR_MODE, .mode = 0600 };
	struct file *f, *g;
	struct kstat st;
	char c;

	assert_int_equal(write_text("/u", "data", O_CREAT | O_WRONLY), 0);
	assert_int_equal(open_file("/u", O_RDWR, 0, &f), 0);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/u"), 0);
	assert_int_equal(inode_getattr(f->inode, &st), 0);
	assert_int_equal(st.nlink, 0);
	assert_int_equal(st.size, 4);
	assert_int_equal(notify_change(&f->path, &mode), 0);
	assert_int_equal(f->inode->mode, S_IFREG | 0600);
	assert_int_equal(vfs_truncate(&f->path, 2, f), 0);
	assert_int_equal(kernel_read(f, &c, 1, 1), 1);
	/* A new file of that name is another inode. */
	assert_int_equal(write_text("/u", "n", O_CREAT | O_WRONLY), 0);
	assert_int_equal(open_file("/u", O_RDONLY, 0, &g), 0);
	assert_ptr_not_equal(f->inode, g->inode);
	fput(f);
	fput(g);
}

static void symlinks(void **state)
{
	struct kstat st;

	/* Made on the host, both lead out there; here they mean the guest's own tree. */
	assert_int_equal(host_path_symlink("../out/secret", rootfd, "rel"), 0);
	assert_int_equal(host_path_symlink("/etc/passwd", rootfd, "abs"), 0);
	assert_null(read_text("/rel"));
	assert_null(read_text("/abs"));
	assert_null(read_text("/../out/secret"));
	assert_int_equal(vfs_symlink("a", AT_FDCWD, "/l"), 0);
	assert_int_equal(write_text("/a", "1", O_CREAT | O_WRONLY), 0);
	assert_string_equal(read_text("/l"), "1");
	assert_int_equal(stat_name("/l", &st), 0);
	assert_int_equal(st.mode & S_IFMT, S_IFLNK);
	assert_int_equal(st.size, 1);
}

/* What the host does is seen at once. */
static void coherent(void **state)
{
	struct kstat st;
	struct file *f;

	assert_int_equal(stat_name("/c", &st), -ENOENT);
	host_write_file(rootfd, "c", "one");
	assert_string_equal(read_text("/c"), "one");
	host_write_file(rootfd, "c", "longer");
	assert_int_equal(stat_name("/c", &st), 0);
	assert_int_equal(st.size, 6);
	/* Replaced by another file, then by a directory. */
	assert_int_equal(open_file("/c", O_RDONLY, 0, &f), 0);
	host_write_file(rootfd, "tmp", "two");
	assert_int_equal(host_path_rename(rootfd, "tmp", rootfd, "c", 0), 0);
	assert_string_equal(read_text("/c"), "two");
	fput(f);
	assert_int_equal(host_path_unlink(rootfd, "c", false), 0);
	assert_int_equal(host_path_mkdir(rootfd, "c", 0700), 0);
	assert_int_equal(stat_name("/c", &st), 0);
	assert_int_equal(st.mode, S_IFDIR | 0700);
	assert_int_equal(host_path_unlink(rootfd, "c", true), 0);
	assert_int_equal(stat_name("/c", &st), -ENOENT);
}

/* One question for a whole path; it must not be answered by what a symlink on the way leads to. */
static void absent(void **state)
{
	struct kstat st;

	assert_int_equal(vfs_mkdir(AT_FDCWD, "/ab", 0755), 0);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/ab/q", 0755), 0);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/ab/r", 0755), 0);
	assert_int_equal(write_text("/ab/r/x", "1", O_CREAT | O_WRONLY), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(stat_name("/ab/q/x", &st), -ENOENT);
		assert_int_equal(stat_name("/ab/q/y/x", &st), -ENOENT);
		assert_int_equal(stat_name("/ab/q/y/../../r/x", &st), -ENOENT);
		assert_int_equal(stat_name("/ab/r/x/y", &st), -ENOTDIR);
	}
	host_write_file(rootfd, "ab/q/x", "longer");
	assert_int_equal(stat_name("/ab/q/x", &st), 0);
	assert_int_equal(st.size, 6);
	assert_int_equal(host_path_unlink(rootfd, "ab/q/x", false), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(stat_name("/ab/q/x", &st), -ENOENT);
	assert_int_equal(host_path_unlink(rootfd, "ab/q", true), 0);
	assert_int_equal(stat_name("/ab/q/x", &st), -ENOENT);
	assert_int_equal(host_path_symlink("r", rootfd, "ab/q"), 0);
	assert_int_equal(stat_name("/ab/q/x", &st), 0);
	assert_int_equal(st.size, 1);
	/* In the host's root there is nothing of this name, in the guest's there is. */
	assert_int_equal(host_path_unlink(rootfd, "ab/q", false), 0);
	assert_int_equal(stat_name("/ab/q/x", &st), -ENOENT);
	assert_int_equal(host_path_symlink("/ab/r", rootfd, "ab/q"), 0);
	assert_int_equal(stat_name("/ab/q/x", &st), 0);
}

static int entries;

static bool count_entry(struct dir_ctx *ctx, const char *name, size_t len, u64 ino, u32 type,
			off64 next)
{
	if (entries % 7 == 3 && !(entries & 1 << 20)) {
		entries |= 1 << 20;	/* full: the same entry comes again */
		return false;
	}
	entries = (entries & ~(1 << 20)) + 1;
	ctx->pos = next;
	return true;
}

static void listing(void **state)
{
	struct dir_ctx ctx = { .actor = count_entry };
	struct file *f;
	char name[16];
	int before = -1;

	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		host_write_file(rootfd, name, "");
	}
	assert_int_equal(open_file("/", O_RDONLY | O_DIRECTORY, 0, &f), 0);
	entries = 0;
	while ((entries & 0xfffff) != before || entries & 1 << 20) {
		before = entries & 0xfffff;
		assert_int_equal(f->ops->readdir(f, &ctx), 0);
	}
	assert_int_equal(before, 1502);
	fput(f);
}

static void attributes(void **state)
{
	struct iattr a = { .valid = ATTR_MODE, .mode = 04711 };
	struct host_stat h;
	struct kstat st;
	char data[100];

	umount_root();
	snprintf(data, sizeof(data), "hostfs=%s/root,ids=host", base);
	mount_root(data);
	assert_int_equal(write_text("/m", "1", O_CREAT | O_WRONLY), 0);
	assert_int_equal(change("/m", &a), 0);
	assert_int_equal(host_path_stat(rootfd, "m", &h), 0);
	assert_int_equal(h.mode & 07777, 04711);
	a = (struct iattr){ .valid = ATTR_ATIME | ATTR_MTIME, .atime = { 1, 2 }, .mtime = { 3, 4 } };
	assert_int_equal(change("/m", &a), 0);
	assert_int_equal(stat_name("/m", &st), 0);
	assert_int_equal(st.atime.sec, 1);
	assert_int_equal(st.mtime.nsec, 4);
	a = (struct iattr){ .valid = ATTR_SIZE, .size = 100 };
	assert_int_equal(change("/m", &a), 0);
	assert_int_equal(host_path_stat(rootfd, "m", &h), 0);
	assert_int_equal(h.size, 100);
}

static void tmpfile_link(void **state)
{
	struct file *f;

	assert_int_equal(open_file("/", O_TMPFILE | O_RDWR, 0600, &f), 0);
	assert_int_equal(kernel_write(f, "t", 1, 0), 1);
	fput(f);
}

static void append_mode(void **state)
{
	const struct iattr cut = { .valid = ATTR_SIZE, .size = 0 };
	char data[100];

	host_write_file(rootfd, "log", "old");
	host_write_file(rootfd, "new", "new");
	umount_root();
	snprintf(data, sizeof(data), "%s/root,append", base);
	mount_root(data);
	assert_int_equal(write_text("/log", "+", O_WRONLY), 0);
	assert_string_equal(host_read_file(rootfd, "log"), "old+");
	assert_int_equal(change("/log", &cut), 0);
	assert_int_equal(write_text("/log", "+", O_WRONLY | O_TRUNC), 0);
	assert_string_equal(host_read_file(rootfd, "log"), "old++");
	assert_int_equal(vfs_unlink(AT_FDCWD, "/log"), -EPERM);
	assert_int_equal(vfs_rename(AT_FDCWD, "/new", AT_FDCWD, "/log", 0), -EPERM);
	assert_int_equal(vfs_rename(AT_FDCWD, "/new", AT_FDCWD, "/other", 0), 0);
}

static void ids(void **state)
{
	struct iattr a = { .valid = ATTR_UID | ATTR_GID, .uid = 33, .gid = 44 };
	struct host_stat h;
	struct kstat st;
	char data[100];

	umount_root();
	snprintf(data, sizeof(data), "hostfs=%s/root,ids=xattr", base);
	mount_root(data);
	assert_int_equal(write_text("/f", "1", O_CREAT | O_WRONLY), 0);
	if (host_path_setxattr(rootfd, "f", "user.test", "1", 1, 0) == -EOPNOTSUPP)
		skip();
	assert_int_equal(change("/f", &a), 0);
	a = (struct iattr){ .valid = ATTR_MODE, .mode = 04000 };
	assert_int_equal(change("/f", &a), 0);
	assert_int_equal(vfs_mknod(AT_FDCWD, "/null", S_IFCHR | 0666, makedev_k(1, 3)), 0);
	umount_root();
	mount_root(data);
	assert_int_equal(stat_name("/f", &st), 0);
	assert_int_equal(st.uid, 33);
	assert_int_equal(st.gid, 44);
	assert_int_equal(st.mode, S_IFREG | 04000);
	assert_int_equal(host_path_stat(rootfd, "f", &h), 0);
	assert_int_equal(h.mode, S_IFREG | S_ISVTX | 0600);
	assert_int_equal(h.uid, host_euid());
	assert_int_equal(stat_name("/null", &st), 0);
	assert_int_equal(st.mode, S_IFCHR | 0666);
	assert_int_equal(st.rdev, makedev_k(1, 3));
	assert_int_equal(host_path_stat(rootfd, "null", &h), 0);
	assert_int_equal(h.mode & S_IFMT, S_IFREG);
}

/* What the host can say by itself needs no xattr: as made, and again when all is as it was. */
static void ids_plain(void **state)
{
	struct iattr a = { .valid = ATTR_UID | ATTR_GID, .uid = 33, .gid = 44 };
	struct host_stat h;
	struct kstat st;
	char data[100], c;

	umount_root();
	snprintf(data, sizeof(data), "hostfs=%s/root,ids=xattr", base);
	mount_root(data);
	assert_int_equal(write_text("/f", "1", O_CREAT | O_WRONLY), 0);
	if (host_path_setxattr(rootfd, "f", "user.test", "1", 1, 0) == -EOPNOTSUPP)
		skip();
	assert_int_equal(host_path_getxattr(rootfd, "f", "user.umlaut", &c, 1), -ENODATA);
	assert_int_equal(change("/f", &a), 0);
	assert_int_equal(host_path_stat(rootfd, "f", &h), 0);
	assert_true(h.mode & S_ISVTX);
	a.uid = a.gid = 0;
	assert_int_equal(change("/f", &a), 0);
	assert_int_equal(host_path_stat(rootfd, "f", &h), 0);
	assert_false(h.mode & S_ISVTX);
	assert_int_equal(host_path_getxattr(rootfd, "f", "user.umlaut", &c, 1), -ENODATA);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/sticky", 01777), 0);
	assert_int_equal(stat_name("/sticky", &st), 0);
	assert_int_equal(st.mode, S_IFDIR | 01777);
	/* Marked by somebody else: as it is. */
	assert_int_equal(host_path_chmod(rootfd, "f", 01644), 0);
	assert_int_equal(stat_name("/f", &st), 0);
	assert_int_equal(st.mode, S_IFREG | 01644);
	assert_int_equal(st.uid, 0);
}

/* Each change is seen at once, by the descriptor and by the name, whatever of it had to be noted. */
static void ids_set_and_see(void **state)
{
	static const struct iattr steps[] = {
		{ .valid = ATTR_MODE, .mode = 0640 },
		{ .valid = ATTR_UID | ATTR_GID, .uid = 0, .gid = 0 },
		{ .valid = ATTR_ATIME | ATTR_MTIME, .atime.sec = 5, .mtime.sec = 7 },
		{ .valid = ATTR_UID | ATTR_GID, .uid = 33, .gid = 44 },
		{ .valid = ATTR_MODE, .mode = 0400 },
		{ .valid = ATTR_MODE, .mode = 04755 },
		{ .valid = ATTR_MODE, .mode = 0644 },
		{ .valid = ATTR_UID, .uid = 0 },
		{ .valid = ATTR_GID, .gid = 0 },
	};
	u32 mode = 0600, uid = 0, gid = 0;
	char data[100];
	struct file *f;
	struct kstat st;

	umount_root();
	snprintf(data, sizeof(data), "hostfs=%s/root,ids=xattr", base);
	mount_root(data);
	assert_int_equal(open_file("/f", O_CREAT | O_RDWR, mode, &f), 0);
	if (host_path_setxattr(rootfd, "f", "user.test", "1", 1, 0) == -EOPNOTSUPP) {
		fput(f);
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		mode = steps[i].valid & ATTR_MODE ? steps[i].mode : mode;
		uid = steps[i].valid & ATTR_UID ? steps[i].uid : uid;
		gid = steps[i].valid & ATTR_GID ? steps[i].gid : gid;
		assert_int_equal(notify_change(&f->path, &steps[i]), 0);
		assert_int_equal(f->inode->mode, S_IFREG | mode);
		assert_int_equal(f->inode->uid, uid);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(k ? stat_name("/f", &st) : inode_getattr(f->inode, &st), 0);
			assert_int_equal(st.mode, S_IFREG | mode);
			assert_int_equal(st.uid, uid);
			assert_int_equal(st.gid, gid);
			assert_true(i < 2 || st.mtime.sec == 7);
		}
	}
	fput(f);
}

/* hostfs=ROOT: a mount's path cannot lead out of it. */
static void boot_root(void **state)
{
	char arg[100];
	struct mount *m;

	umount_root();
	assert_int_equal(host_path_symlink("../out", rootfd, "up"), 0);
	assert_int_equal(host_path_mkdir(rootfd, "in", 0755), 0);
	host_write_file(rootfd, "here", "here");
	snprintf(arg, sizeof(arg), "%s/root,append,bad", base);
	assert_string_equal(hostfs_setup(arg), "bad");
	assert_int_equal(vfs_kern_mount(&hostfs_type, "none", 0, "/up", &m), -ENOENT);
	mount_root("/in/../../..");
	assert_string_equal(read_text("/here"), "here");
	umount_root();
	mount_root(NULL);
	assert_string_equal(read_text("/here"), "here");
}

/* The host's proc shows this process: it is an empty directory here. */
static void host_proc(void **state)
{
	struct mount *m;

	assert_int_equal(vfs_kern_mount(&hostfs_type, "none", 0, "/proc", &m), 0);
	mntput(m);
	umount_root();
	mount_root("/");
	assert_null(read_text("/proc/self/status"));
	assert_null(read_text("/proc/version"));
	assert_true(vfs_mkdir(AT_FDCWD, "/proc/x", 0755) < 0);
}

/* ---- races with the host ---- */

static int stop_swapping, swapping;

/* d is a directory, then a link to the outside, then a directory again. */
static void swap(void *arg)
{
	while (!__atomic_load_n(&stop_swapping, __ATOMIC_ACQUIRE)) {
		host_path_rename(rootfd, "d", rootfd, "hidden", 0);
		host_path_symlink("../out", rootfd, "d");
		host_path_unlink(rootfd, "d", false);
		host_path_rename(rootfd, "hidden", rootfd, "d", 0);
	}
	__atomic_store_n(&swapping, 0, __ATOMIC_RELEASE);
}

static void race(void **state)
{
	struct kstat st, out;
	struct host_stat h;
	int seen = 0;

	assert_int_equal(host_path_mkdir(rootfd, "d", 0755), 0);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/d/e", 0755), 0);
	assert_int_equal(write_text("/d/secret", "inside", O_CREAT | O_WRONLY), 0);
	assert_int_equal(host_path_stat(outfd, "secret", &h), 0);
	out.ino = h.ino;
	stop_swapping = 0;
	swapping = 1;
	assert_int_equal(host_thread_start("swap", swap, NULL), 0);
	for (int i = 0; i < 20000; i++) {
		const char *text = read_text("/d/secret");

		if (text) {
			assert_string_equal(text, "inside");
			seen++;
		}
		if (!stat_name("/d/secret", &st))
			assert_int_not_equal(st.ino, out.ino);
		if (i % 64 == 0)
			write_text("/d/new", "w", O_CREAT | O_WRONLY);
		if (i % 64 == 1)
			vfs_unlink(AT_FDCWD, "/d/new");
	}
	__atomic_store_n(&stop_swapping, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&swapping, __ATOMIC_ACQUIRE))
		host_yield();
	assert_true(seen > 0);
	assert_int_equal(host_path_stat(outfd, "new", &h), -ENOENT);
	assert_string_equal(host_read_file(outfd, "secret"), "outside");
}

/* Deep below and more directories than descriptors: they are opened again. */
static void deep(void **state)
{
	char path[3000] = "", name[16];
	struct kstat st;

	for (int i = 0; i < 600; i++) {
		strcat(path, "/d");
		assert_int_equal(vfs_mkdir(AT_FDCWD, path, 0755), 0);
	}
	strcat(path, "/f");
	assert_int_equal(write_text(path, "deep", O_CREAT | O_WRONLY), 0);
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "/w%d", i);
		assert_int_equal(vfs_mkdir(AT_FDCWD, name, 0755), 0);
		assert_int_equal(stat_name(name, &st), 0);
	}
	assert_string_equal(read_text(path), "deep");
}

#define HCASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

RUN(HCASE(data), HCASE(create_at_once), HCASE(set_and_see), HCASE(names), HCASE(other_link),
    HCASE(unlinked), HCASE(symlinks), HCASE(coherent), HCASE(absent), HCASE(listing),
    HCASE(attributes), HCASE(tmpfile_link), HCASE(append_mode), HCASE(ids), HCASE(ids_plain), HCASE(ids_set_and_see),
    HCASE(boot_root), HCASE(host_proc), HCASE(race), HCASE(deep))
