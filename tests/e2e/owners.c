/* SPDX-License-Identifier: MIT */
/*
 * owners DIR [projects]: access control lists: what they allow, what new files inherit, what chmod makes of them. With
 * "projects": the project numbers of files. Prints "owners: right", or what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32 };
enum { A = 1000, B = 1001, G = 2000, NONE = -1 };

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"
#define CHECK(e) do { if (!(e)) { printf("owners: line %d: %s, errno %d\n", __LINE__, #e, errno); return 1; } } while (0)
#define FAILS(e, err) CHECK((e) == -1 && errno == (err))

struct acl {
	unsigned int version;
	struct { unsigned short tag, perm; unsigned int id; } e[6];
};

/* The owner rw, user B as given, the group r, group G rw, a mask, others nothing. */
static const struct acl some = { 2, { { USER_OBJ, 6, NONE }, { USER, 6, B }, { GROUP_OBJ, 4, NONE },
				      { GROUP, 6, G }, { MASK, 6, NONE }, { OTHER, 0, NONE } } };

static int as(uid_t uid, gid_t gid)
{
	return !seteuid(0) && !setegid(gid) && !seteuid(uid);
}

static int may(const char *name, int how)
{
	int fd = open(name, how);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static mode_t mode(const char *name)
{
	struct stat st;

	return stat(name, &st) ? 0 : st.st_mode & 07777;
}

static int access_lists(void)
{
	struct acl got, bad = some;

	CHECK(!mknod("f", S_IFREG | 0600, 0) && !chown("f", A, A) && !setxattr("f", ACCESS, &some, sizeof(some), 0));
	CHECK(mode("f") == 0660 && getxattr("f", ACCESS, &got, sizeof(got)) == sizeof(got) && !memcmp(&got, &some, sizeof(got)));
	CHECK(as(A, A) && may("f", O_RDWR) && as(B, B) && may("f", O_RDWR) && as(1005, G) && may("f", O_RDWR));
	CHECK(as(1005, A) && may("f", O_RDONLY) && !may("f", O_WRONLY) && as(1005, 1005) && !may("f", O_RDONLY));
	/* The mask is what chmod changes. */
	CHECK(as(A, A) && !chmod("f", 0640) && as(B, B) && may("f", O_RDONLY) && !may("f", O_WRONLY) && as(0, 0));
	CHECK(getxattr("f", ACCESS, &got, sizeof(got)) == sizeof(got) && got.e[4].perm == 4 && got.e[1].perm == 6);
	bad.e[1].tag = 3;
	FAILS(setxattr("f", ACCESS, &bad, sizeof(bad), 0), EINVAL);
	bad = some;
	bad.e[4].tag = OTHER;
	FAILS(setxattr("f", ACCESS, &bad, sizeof(bad), 0), EINVAL);
	bad.version = 1;
	FAILS(setxattr("f", ACCESS, &bad, sizeof(bad), 0), EOPNOTSUPP);
	CHECK(as(B, B));
	FAILS(setxattr("f", ACCESS, &some, sizeof(some), 0), EPERM);
	CHECK(as(0, 0));
	FAILS(setxattr("f", DEFAULT, &some, sizeof(some), 0), EACCES);
	CHECK(!removexattr("f", ACCESS) && mode("f") == 0640);
	FAILS(getxattr("f", ACCESS, &got, sizeof(got)), ENODATA);
	return 0;
}

static int inherited_lists(void)
{
	struct acl got;

	umask(077);
	CHECK(!mkdir("d", 0777) && !setxattr("d", DEFAULT, &some, sizeof(some), 0));
	CHECK(!mkdir("d/sub", 0777) && !mknod("d/f", S_IFREG | 0646, 0) && !symlink("f", "d/link"));
	CHECK(getxattr("d/sub", DEFAULT, &got, sizeof(got)) == sizeof(got) && !memcmp(&got, &some, sizeof(got)));
	CHECK(mode("d/sub") == 0660 && mode("d/f") == 0640);
	CHECK(getxattr("d/f", ACCESS, &got, sizeof(got)) == sizeof(got) && got.e[1].perm == 6 && got.e[4].perm == 4);
	FAILS(getxattr("d/f", DEFAULT, &got, sizeof(got)), ENODATA);
	CHECK(!removexattr("d", DEFAULT) && !mkdir("d/plain", 0777) && mode("d/plain") == 0700);
	return 0;
}

/* Capabilities of a program go when its contents or its owner change. */
static int capabilities(void)
{
	static const unsigned int caps[5] = { 0x02000001, 0x80, 0, 0, 0 };
	int fd = open("program", O_RDWR | O_CREAT, 0755), way;
	char got[20];

	for (way = 0; way < 4; way++) {
		CHECK(!setxattr("program", "security.capability", caps, sizeof(caps), 0));
		CHECK(getxattr("program", "security.capability", got, sizeof(got)) == sizeof(got));
		CHECK(way == 0 ? pwrite(fd, "x", 1, 0) == 1 : way == 1 ? !ftruncate(fd, 10) :
		      way == 2 ? !fallocate(fd, 0, 0, 4096) || errno == EOPNOTSUPP : !chown("program", A, A));
		FAILS(getxattr("program", "security.capability", got, sizeof(got)), ENODATA);
	}
	close(fd);
	return 0;
}

static int set_project(const char *name, unsigned int id, unsigned int flags)
{
	struct fsxattr x;
	int fd = open(name, O_RDONLY), err = ioctl(fd, FS_IOC_FSGETXATTR, &x);

	x.fsx_projid = id;
	x.fsx_xflags |= flags;
	err = err ? err : ioctl(fd, FS_IOC_FSSETXATTR, &x);
	close(fd);
	return err;
}

static unsigned int project(const char *name)
{
	struct fsxattr x = { 0 };
	int fd = open(name, O_RDONLY);

	if (ioctl(fd, FS_IOC_FSGETXATTR, &x))
		x.fsx_projid = ~0u;
	close(fd);
	return x.fsx_projid;
}

static int projects(void)
{
	CHECK(!mkdir("p", 0755) && !mkdir("q", 0755) && project("p") == 0);
	CHECK(!set_project("p", 7, FS_XFLAG_PROJINHERIT) && !set_project("q", 8, FS_XFLAG_PROJINHERIT));
	CHECK(!mknod("p/f", S_IFREG | 0644, 0) && !mkdir("p/d", 0755) && !mknod("p/d/g", S_IFREG | 0644, 0));
	CHECK(project("p/f") == 7 && project("p/d") == 7 && project("p/d/g") == 7);
	FAILS(rename("p/f", "q/f"), EXDEV);
	FAILS(link("p/f", "q/f"), EXDEV);
	CHECK(!rename("p/f", "f2") && project("f2") == 7 && !rename("f2", "p/f"));
	CHECK(!set_project("p/f", 8, 0) && !rename("p/f", "q/f") && project("q/f") == 8);
	return 0;
}

int main(int argc, char **argv)
{
	CHECK(argc >= 2 && !chdir(argv[1]) && !chmod(".", 0755));
	if (argc == 3 ? projects() : access_lists() || inherited_lists() || capabilities())
		return 1;
	printf("owners: right\n");
	return 0;
}
