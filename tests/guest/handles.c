/* SPDX-License-Identifier: MIT */
/* File handles, on a tmpfs of the case's own. */
#include "places.h"

static char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
static struct file_handle *const h = (struct file_handle *)room;

static void handle_of(const char *path, int flags)
{
	int id;

	h->handle_bytes = MAX_HANDLE_SZ;
	OK(name_to_handle_at(AT_FDCWD, path, h, &id, flags));
	CHECK(h->handle_bytes > 0 && h->handle_bytes <= MAX_HANDLE_SZ);
}

TEST(there_and_back)
{
	struct stat a, b;
	char c;
	int fd, id;

	NEED_ROOT();
	enter_own_tmpfs();
	write_file("file", "x", 1);
	OK(mkdir("dir", 0700));
	OK(mkdir("dir/below", 0700));
	handle_of("file", 0);
	fd = OK(open_by_handle_at(AT_FDCWD, h, O_RDWR));
	EQ(read(fd, &c, 1), 1);
	EQ(c, 'x');
	OK(stat("file", &a));
	OK(fstat(fd, &b));
	CHECK(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	/* The name may change, the object is the same. */
	OK(rename("file", "dir/other"));
	fd = OK(open_by_handle_at(AT_FDCWD, h, O_RDONLY));
	EQ(read(fd, &c, 1), 1);
	fd = OK(open("dir", O_RDONLY | O_DIRECTORY));
	h->handle_bytes = MAX_HANDLE_SZ;
	OK(name_to_handle_at(fd, "", h, &id, AT_EMPTY_PATH));
	fd = OK(open_by_handle_at(AT_FDCWD, h, O_RDONLY | O_DIRECTORY));
	OK(faccessat(fd, "below", F_OK, 0));
	OK(faccessat(fd, "../dir/below", F_OK, 0));
	OK(symlink("dir", "link"));
	handle_of("link", 0);
	ERR(open_by_handle_at(AT_FDCWD, h, O_RDONLY), ELOOP);
	handle_of("link", AT_SYMLINK_FOLLOW);
	OK(open_by_handle_at(AT_FDCWD, h, O_RDONLY | O_DIRECTORY));
}

TEST(deleted_is_stale)
{
	int fd;

	NEED_ROOT();
	enter_own_tmpfs();
	write_file("file", "x", 1);
	handle_of("file", 0);
	OK(unlink("file"));
	write_file("another", "y", 1);
	ERR(open_by_handle_at(AT_FDCWD, h, O_RDONLY), ESTALE);
	OK(chdir(".."));
	OK(mkdir("n", 0755));
	OK(mount("t", "n", "tmpfs", 0, NULL));
	write_file("n/file", "x", 1);
	fd = OK(open("m", O_RDONLY | O_DIRECTORY));
	handle_of("n/file", 0);
	ERR(open_by_handle_at(fd, h, O_RDONLY), ESTALE);
}

TEST(handle_errors)
{
	int id, fd;

	NEED_ROOT();
	enter_own_tmpfs();
	write_file("file", "x", 1);
	h->handle_bytes = 0;
	ERR(name_to_handle_at(AT_FDCWD, "file", h, &id, 0), EOVERFLOW);
	CHECK(h->handle_bytes > 0);
	OK(name_to_handle_at(AT_FDCWD, "file", h, &id, 0));
	h->handle_bytes = MAX_HANDLE_SZ + 1;
	ERR(name_to_handle_at(AT_FDCWD, "file", h, &id, 0), EINVAL);
	ERR(open_by_handle_at(AT_FDCWD, h, O_RDONLY), EINVAL);
	h->handle_bytes = 0;
	ERR(open_by_handle_at(AT_FDCWD, h, O_RDONLY), EINVAL);
	handle_of("file", 0);
	ERR(name_to_handle_at(AT_FDCWD, "nothing", h, &id, 0), ENOENT);
	ERR(name_to_handle_at(AT_FDCWD, "", h, &id, 0), ENOENT);
	ERR(name_to_handle_at(-1, "file", h, &id, 0), EBADF);
	ERR(name_to_handle_at(AT_FDCWD, "file", h, BAD_PTR, 0), EFAULT);
	ERR(name_to_handle_at(AT_FDCWD, "file", BAD_PTR, &id, 0), EFAULT);
	ERR(name_to_handle_at(AT_FDCWD, "file", h, &id, 0x8000), EINVAL);
	ERR(open_by_handle_at(-1, h, O_RDONLY), EBADF);
	ERR(open_by_handle_at(AT_FDCWD, BAD_PTR, O_RDONLY), EFAULT);
	ERR(open_by_handle_at(AT_FDCWD, h, O_RDONLY | O_DIRECTORY), ENOTDIR);
	ERR(name_to_handle_at(AT_FDCWD, "/proc/self/stat", h, &id, 0), EOPNOTSUPP);
	fd = OK(open_by_handle_at(AT_FDCWD, h, O_RDONLY));
	OK(close(fd));
	OK(setresuid(1000, 1000, 1000));
	ERR(open_by_handle_at(AT_FDCWD, h, O_RDONLY), EPERM);
}

TEST_MAIN("handles")
