/* SPDX-License-Identifier: MIT */
/*
 * fileflags DIR: flags of files as chattr(1) sets them. Prints "fileflags: right", or what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int wrong(const char *what, int flag)
{
	printf("fileflags: %s (%x)\n", what, flag);
	return 1;
}

/* Those that ext4 only keeps, too; statx() tells of one of them. */
static int set_and_got(int fd)
{
	static const int flags[] = { FS_SECRM_FL, FS_UNRM_FL, FS_COMPR_FL, FS_SYNC_FL, FS_IMMUTABLE_FL,
				     FS_APPEND_FL, FS_NODUMP_FL, FS_NOATIME_FL, FS_DAX_FL };
	int old, now, set;

	if (ioctl(fd, FS_IOC_GETFLAGS, &old))
		return wrong("get", 0);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		set = old | flags[i];
		if (ioctl(fd, FS_IOC_SETFLAGS, &set) || ioctl(fd, FS_IOC_GETFLAGS, &now) || now != set)
			return wrong("set", flags[i]);
	}
	return ioctl(fd, FS_IOC_SETFLAGS, &old) ? wrong("cleared", old) : 0;
}

static int inherited(void)
{
	int dir = open("d", O_RDONLY | O_DIRECTORY), fd, flags, got;
	struct statx stx;

	if (dir < 0 || ioctl(dir, FS_IOC_GETFLAGS, &flags))
		return wrong("directory", errno);
	flags |= FS_COMPR_FL | FS_NODUMP_FL;
	if (ioctl(dir, FS_IOC_SETFLAGS, &flags))
		return wrong("directory", flags);
	fd = open("d/f", O_CREAT | O_RDWR, 0644);
	if (ioctl(fd, FS_IOC_GETFLAGS, &got) || (got & (FS_COMPR_FL | FS_NODUMP_FL)) != (FS_COMPR_FL | FS_NODUMP_FL))
		return wrong("inherited", got);
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) || !(stx.stx_attributes & STATX_ATTR_COMPRESSED))
		return wrong("statx", 0);
	return 0;
}

/* Also through descriptors from before. */
static int immutable(int fd)
{
	int flags, old, in = open("in", O_CREAT | O_RDWR, 0644);

	if (write(in, "bytes", 5) != 5 || ioctl(fd, FS_IOC_GETFLAGS, &old))
		return wrong("in", errno);
	flags = old | FS_IMMUTABLE_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags))
		return wrong("set", flags);
	if (copy_file_range(in, &(off_t){ 0 }, fd, &(off_t){ 0 }, 5, 0) != -1 || errno != EPERM)
		return wrong("copied to", errno);
	if (!fallocate(fd, 0, 0, 4096) || errno != EPERM)
		return wrong("allocated", errno);
	return ioctl(fd, FS_IOC_SETFLAGS, &old) ? wrong("cleared", old) : 0;
}

int main(int argc, char **argv)
{
	int fd, unknown = 0x00800000;

	if (argc < 2 || chdir(argv[1]) || mkdir("d", 0755))
		return 2;
	fd = open("f", O_CREAT | O_RDWR, 0644);
	if (fd < 0 || set_and_got(fd) || inherited() || immutable(fd))
		return 1;
	if (!ioctl(fd, FS_IOC_SETFLAGS, &unknown) || errno != EOPNOTSUPP)
		return wrong("what cannot be set", unknown);
	puts("fileflags: right");
	return 0;
}
