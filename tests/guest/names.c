/* SPDX-License-Identifier: MIT */
/*
 * Names: directories and their entries, links, symbolic links, renaming, the current directory, and
 * how paths are followed, with the errors of all of them.
 */
#include "test.h"
#include <linux/fs.h>

static char buf[65536];

static int make(const char *name, const char *text)
{
	int fd = OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0644));

	EQ(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

/* The whole content is this text. */
#define HOLDS(fd, text) do {							\
	long ho_n = pread(fd, buf, sizeof(buf), 0);				\
	EQ(ho_n, sizeof(text) - 1);						\
	CHECK(!memcmp(buf, text, sizeof(text) - 1));				\
} while (0)

static long size_of(const char *name)
{
	struct stat st;

	OK(stat(name, &st));
	return st.st_size;
}

TEST(rename_rules)
{
	int fd;

	OK(close(make("a", "A")));
	fd = make("b", "BB");
	OK(rename("a", "b"));
	EQ(size_of("b"), 1);
	ERR(access("a", F_OK), ENOENT);
	HOLDS(fd, "BB");	/* the old one lives while it is open */
	OK(mkdir("d", 0755));
	OK(mkdir("d/sub", 0755));
	OK(mkdir("e", 0755));
	ERR(rename("none", "x"), ENOENT);
	ERR(rename("b", "d"), EISDIR);
	ERR(rename("d", "b"), ENOTDIR);
	ERR(rename("e", "d"), ENOTEMPTY);
	ERR(rename("d", "d/sub/x"), EINVAL);
	ERR(rename("b", "none/x"), ENOENT);
	ERR(rename("d/.", "x"), EBUSY);
	ERR(rename("b", "b/x"), ENOTDIR);
	OK(rename("b", "b"));
	OK(rename("d", "e"));	/* over an empty directory */
	OK(access("e/sub", F_OK));
	OK(rename("e/sub", "sub"));
	OK(link("b", "b2"));
	OK(rename("b", "b2"));	/* the same file: nothing happens */
	OK(access("b", F_OK));
}

TEST(rename_flags)
{
	OK(close(make("a", "A")));
	OK(close(make("b", "BB")));
	ERR(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE), EEXIST);
	OK(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE));
	OK(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", RENAME_EXCHANGE));
	EQ(size_of("c"), 2);
	EQ(size_of("b"), 1);
	ERR(renameat2(AT_FDCWD, "c", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
	ERR(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	ERR(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", 0x100), EINVAL);
	OK(mkdir("d", 0755));
	OK(renameat2(AT_FDCWD, "d", AT_FDCWD, "b", RENAME_EXCHANGE));
	EQ(size_of("d"), 1);
}

TEST(link_rules)
{
	struct stat st;

	OK(close(make("f", "x")));
	OK(mkdir("d", 0755));
	OK(link("f", "g"));
	OK(stat("f", &st));
	EQ(st.st_nlink, 2);
	ERR(link("f", "g"), EEXIST);
	ERR(link("none", "h"), ENOENT);
	ERR(link("d", "e"), EPERM);
	ERR(link("f", "f/x"), ENOTDIR);
	OK(symlink("f", "s"));
	OK(link("s", "s2"));	/* links the symbolic link itself */
	OK(lstat("s2", &st));
	CHECK(S_ISLNK(st.st_mode));
	OK(linkat(AT_FDCWD, "s", AT_FDCWD, "s3", AT_SYMLINK_FOLLOW));
	OK(lstat("s3", &st));
	CHECK(S_ISREG(st.st_mode));
	OK(unlink("f"));
	OK(stat("g", &st));
	EQ(st.st_nlink, 2);
}

TEST(symlink_rules)
{
	char longname[5000];
	struct stat st;

	OK(symlink("target", "s"));
	EQ(readlink("s", buf, 100), 6);
	CHECK(!memcmp(buf, "target", 6));
	EQ(readlink("s", buf, 3), 3);
	ERR(readlink("s", buf, 0), EINVAL);
	ERR(readlink("s", BAD_PTR, 10), EFAULT);
	ERR(readlink(".", buf, 10), EINVAL);
	ERR(readlink("none", buf, 10), ENOENT);
	ERR(symlink("x", "s"), EEXIST);
	ERR(symlink("", "t"), ENOENT);
	ERR(open("s", O_RDONLY), ENOENT);
	OK(close(OK(open("s", O_WRONLY | O_CREAT, 0644))));	/* makes the target */
	OK(access("target", F_OK));
	ERR(open("s", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	ERR(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
	OK(lstat("s", &st));
	EQ(st.st_size, 6);
	EQ(st.st_mode, S_IFLNK | 0777);
	memset(longname, 'x', sizeof(longname));
	longname[4999] = 0;
	ERR(symlink(longname, "t"), ENAMETOOLONG);
	OK(unlink("s"));
	OK(access("target", F_OK));
}

TEST(symlink_loops_and_depth)
{
	char a[16], b[16];
	int i;

	OK(symlink("loop", "loop"));
	ERR(open("loop", O_RDONLY), ELOOP);
	ERR(stat("loop/x", (struct stat *)buf), ELOOP);
	OK(symlink("y", "x"));
	OK(symlink("x", "y"));
	ERR(access("x", F_OK), ELOOP);
	OK(close(make("l0", "deep")));
	for (i = 1; i <= 41; i++) {
		snprintf(a, sizeof(a), "l%d", i - 1);
		snprintf(b, sizeof(b), "l%d", i);
		OK(symlink(a, b));
	}
	OK(access("l40", F_OK));
	ERR(access("l41", F_OK), ELOOP);
}

TEST(symlink_in_the_middle)
{
	OK(mkdir("d", 0755));
	OK(mkdir("d/e", 0755));
	OK(close(make("d/e/f", "1")));
	OK(symlink("d/e", "s"));
	OK(access("s/f", F_OK));
	OK(access("s/../e/f", F_OK));	/* .. of the target, not of the link */
	ERR(access("s/../f", F_OK), ENOENT);
	OK(access("s/", F_OK));
	OK(symlink("../../d", "d/e/up"));
	OK(access("d/e/up/e/up/e/f", F_OK));
	ERR(rmdir("s"), ENOTDIR);
	ERR(mkdir("s", 0755), EEXIST);
}

TEST(unlink_while_open)
{
	struct stat st;
	int fd = make("f", "still here");

	OK(unlink("f"));
	ERR(open("f", O_RDONLY), ENOENT);
	HOLDS(fd, "still here");
	EQ(pwrite(fd, "S", 1, 0), 1);
	OK(fstat(fd, &st));
	EQ(st.st_nlink, 0);
	ERR(unlink("f"), ENOENT);
	OK(mkdir("d", 0755));
	ERR(unlink("d"), EISDIR);
	ERR(unlink("d/"), EISDIR);
	OK(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
	ERR(unlinkat(AT_FDCWD, "d", 0x4000), EINVAL);
}

TEST(directories)
{
	struct stat st;

	OK(mkdir("d", 0755));
	ERR(mkdir("d", 0755), EEXIST);
	ERR(mkdir("d/", 0755), EEXIST);
	OK(mkdir("t/", 0755));
	ERR(mkdir("none/x", 0755), ENOENT);
	OK(close(make("f", "")));
	ERR(mkdir("f/x", 0755), ENOTDIR);
	ERR(rmdir("f"), ENOTDIR);
	ERR(rmdir("none"), ENOENT);
	OK(close(make("d/x", "")));
	ERR(rmdir("d"), ENOTEMPTY);
	ERR(rmdir("."), EINVAL);
	ERR(rmdir("d/.."), ENOTEMPTY);
	ERR(rmdir("/"), EBUSY);
	OK(unlink("d/x"));
	OK(stat("d", &st));
	CHECK(S_ISDIR(st.st_mode));
	OK(rmdir("d"));
	ERR(mkdir("", 0755), ENOENT);
	ERR(syscall(SYS_mkdir, BAD_PTR, 0755), EFAULT);
	ERR(read(OK(open(".", O_RDONLY)), buf, 10), EISDIR);
}

TEST(names)
{
	char name[300], path[5000];
	int i;

	memset(name, 'n', sizeof(name));
	name[255] = 0;
	OK(close(make(name, "longest")));
	OK(access(name, F_OK));
	name[255] = 'n';
	name[256] = 0;
	ERR(open(name, O_RDONLY | O_CREAT, 0644), ENAMETOOLONG);
	ERR(mkdir(name, 0755), ENAMETOOLONG);
	for (i = 0; i < 4998; i += 2)
		memcpy(path + i, "./", 2);
	path[4095] = 0;
	OK(access(path, F_OK));
	path[4095] = '/';
	path[4096] = 0;
	ERR(access(path, F_OK), ENAMETOOLONG);
	OK(close(make("\xff\x01 odd\n", "")));
	OK(access("\xff\x01 odd\n", F_OK));
	OK(access("/..//.././", F_OK));
}

TEST(dotdot)
{
	struct stat a, b;

	OK(mkdir("d", 0755));
	OK(stat("d/..", &a));
	OK(stat(".", &b));
	EQ(a.st_ino, b.st_ino);
	OK(stat("/..", &a));
	OK(stat("/", &b));
	EQ(a.st_ino, b.st_ino);
	ERR(access("none/..", F_OK), ENOENT);
	OK(close(make("f", "")));
	ERR(access("f/..", F_OK), ENOTDIR);
	ERR(access("f/.", F_OK), ENOTDIR);
}

TEST(getdents)
{
	int fd, i, n, seen[100] = { 0 }, total = 0, dots = 0;
	char name[16];
	struct dirent64 *e;

	OK(mkdir("d", 0755));
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		OK(close(make(name, "")));
	}
	fd = OK(open("d", O_RDONLY | O_DIRECTORY));
	while ((n = OK(syscall(SYS_getdents64, fd, buf, 500))) > 0)
		for (i = 0; i < n; i += e->d_reclen) {
			e = (struct dirent64 *)(buf + i);
			EQ(e->d_reclen % 8, 0);
			if (e->d_name[0] == '.') {
				dots++;
				EQ(e->d_type, DT_DIR);
				continue;
			}
			EQ(e->d_type, DT_REG);
			seen[atoi(e->d_name)]++;
			total++;
		}
	EQ(dots, 2);
	EQ(total, 100);
	for (i = 0; i < 100; i++)
		EQ(seen[i], 1);
	EQ(syscall(SYS_getdents64, fd, buf, 500), 0);
	OK(lseek(fd, 0, SEEK_SET));
	CHECK(syscall(SYS_getdents64, fd, buf, 500) > 0);
	OK(lseek(fd, 0, SEEK_SET));
	ERR(syscall(SYS_getdents64, fd, buf, 10), EINVAL);
	ERR(syscall(SYS_getdents64, fd, BAD_PTR, 500), EFAULT);
	ERR(syscall(SYS_getdents64, make("f", ""), buf, 500), ENOTDIR);
}

TEST(readdir_while_deleting)
{
	char name[300];
	struct dirent *e;
	int i, n = 0;
	DIR *d;

	OK(mkdir("d", 0755));
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d/file-with-a-longer-name-%d", i);
		OK(close(make(name, "")));
	}
	d = opendir("d");
	CHECK(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.') {
			OK(unlinkat(dirfd(d), e->d_name, 0));
			n++;
		}
	closedir(d);
	EQ(n, 300);
	OK(rmdir("d"));
}

TEST(current_directory)
{
	char a[PATH_MAX], b[PATH_MAX];
	int d;

	CHECK(getcwd(a, sizeof(a)));
	OK(mkdir("d", 0755));
	OK(chdir("d"));
	CHECK(getcwd(b, sizeof(b)));
	CHECK(!strncmp(a, b, strlen(a)) && !strcmp(b + strlen(a), "/d"));
	EQ(syscall(SYS_getcwd, b, sizeof(b)), strlen(b) + 1);
	ERR(syscall(SYS_getcwd, b, 2), ERANGE);
	ERR(syscall(SYS_getcwd, BAD_PTR, 4096), EFAULT);
	d = OK(open("..", O_RDONLY));
	OK(fchdir(d));
	OK(access("d", F_OK));
	ERR(chdir("none"), ENOENT);
	OK(close(make("f", "")));
	ERR(chdir("f"), ENOTDIR);
	ERR(fchdir(OK(open("f", O_RDONLY))), ENOTDIR);
	ERR(fchdir(999), EBADF);
	OK(chdir("/"));
	CHECK(!strcmp(getcwd(b, sizeof(b)), "/"));
}

TEST(deleted_directory)
{
	int fd;

	OK(mkdir("d", 0755));
	OK(chdir("d"));
	fd = OK(open(".", O_RDONLY));
	OK(rmdir("../d"));
	ERR(syscall(SYS_getcwd, buf, 4096), ENOENT);
	ERR(open("x", O_RDWR | O_CREAT, 0644), ENOENT);
	ERR(mkdir("x", 0755), ENOENT);
	OK(access(".", F_OK));
	OK(access("..", F_OK));
	EQ(syscall(SYS_getdents64, fd, buf, 500) <= 0, 1);
	OK(chdir(".."));
}

TEST(at_calls)
{
	struct stat st;
	int d;

	OK(mkdir("d", 0755));
	d = OK(open("d", O_RDONLY | O_DIRECTORY));
	OK(openat(d, "f", O_RDWR | O_CREAT, 0644));
	OK(mkdirat(d, "sub", 0755));
	OK(symlinkat("f", d, "s"));
	OK(linkat(d, "f", d, "g", 0));
	OK(renameat(d, "g", AT_FDCWD, "out"));
	OK(fstatat(d, "s", &st, AT_SYMLINK_NOFOLLOW));
	CHECK(S_ISLNK(st.st_mode));
	OK(mknodat(d, "fifo", S_IFIFO | 0600, 0));
	OK(fstatat(d, "fifo", &st, 0));
	CHECK(S_ISFIFO(st.st_mode));
	OK(unlinkat(d, "f", 0));
	OK(unlinkat(d, "sub", AT_REMOVEDIR));
	OK(access("out", F_OK));
	OK(openat(999, "/", O_RDONLY));	/* absolute: the descriptor is not looked at */
}

TEST(openat2_resolve)
{
	struct { uint64_t flags, mode, resolve; } how = { O_RDONLY, 0, 0x08 }; /* BENEATH */
	int d;

	OK(mkdir("d", 0755));
	OK(close(make("d/f", "")));
	OK(close(make("out", "")));
	OK(symlink("../out", "d/up"));
	d = OK(open("d", O_RDONLY));
	OK(syscall(SYS_openat2, d, "f", &how, sizeof(how)));
	ERR(syscall(SYS_openat2, d, "../out", &how, sizeof(how)), EXDEV);
	ERR(syscall(SYS_openat2, d, "up", &how, sizeof(how)), EXDEV);
	ERR(syscall(SYS_openat2, d, "/f", &how, sizeof(how)), EXDEV);
	how.resolve = 0x10;		/* IN_ROOT */
	OK(syscall(SYS_openat2, d, "/../f", &how, sizeof(how)));
	ERR(syscall(SYS_openat2, d, "up", &how, sizeof(how)), ENOENT);
	how.resolve = 0x04;		/* NO_SYMLINKS */
	ERR(syscall(SYS_openat2, d, "up", &how, sizeof(how)), ELOOP);
	how.resolve = 1 << 30;
	ERR(syscall(SYS_openat2, d, "f", &how, sizeof(how)), EINVAL);
	ERR(syscall(SYS_openat2, d, "f", &how, 8), EINVAL);
}

TEST(mknod_kinds)
{
	struct stat st;

	OK(mknod("reg", S_IFREG | 0600, 0));
	OK(stat("reg", &st));
	CHECK(S_ISREG(st.st_mode));
	OK(mknod("plain", 0600, 0));
	OK(mknod("sock", S_IFSOCK | 0600, 0));
	OK(stat("sock", &st));
	CHECK(S_ISSOCK(st.st_mode));
	ERR(open("sock", O_RDONLY), ENXIO);
	ERR(mknod("reg", S_IFREG, 0), EEXIST);
	ERR(mknod("dir", S_IFDIR | 0700, 0), EPERM);
}

TEST(sticky_directory)
{
	NEED_ROOT();
	OK(chmod(".", 01777));
	OK(close(make("root-file", "")));
	OK(setgid(1000));
	OK(setuid(1000));
	ERR(unlink("root-file"), EPERM);
	ERR(rename("root-file", "x"), EPERM);
	OK(close(make("mine", "")));
	OK(unlink("mine"));
}

TEST(chroot_call)
{
	NEED_ROOT();
	OK(mkdir("jail", 0755));
	OK(close(make("jail/f", "")));
	WAIT_EXIT(CHILD(OK(chroot("jail")); OK(chdir("/")); OK(access("/f", F_OK));
			OK(access("/../../f", F_OK)); ERR(access("/etc", F_OK), ENOENT)), 0);
	ERR(chroot("none"), ENOENT);
	ERR(chroot("jail/f"), ENOTDIR);
}

TEST_MAIN("names")
