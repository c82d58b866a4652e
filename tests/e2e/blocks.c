/* SPDX-License-Identifier: MIT */
/*
 * blocks DIR: where blocks are (FIEMAP, FIBMAP) and the label, by ioctls. Prints "blocks: right", or what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BLOCK 4096
#define CHECK(e) do { if (!(e)) { printf("blocks: line %d: %s, errno %d\n", __LINE__, #e, errno); return 1; } } while (0)

static int extents(int fd)
{
	struct { struct fiemap m; struct fiemap_extent e[4]; } q = { .m = { .fm_length = ~0ULL, .fm_flags = FIEMAP_FLAG_SYNC, .fm_extent_count = 4 } };
	char data[2 * BLOCK];
	int b0 = 0, b1 = 1, hole = 3, far = 9, minus = -1;

	memset(data, 'b', sizeof(data));
	CHECK(pwrite(fd, data, 2 * BLOCK, 0) == 2 * BLOCK && pwrite(fd, data, BLOCK, 4 * BLOCK) == BLOCK);
	CHECK(!fallocate(fd, FALLOC_FL_KEEP_SIZE, 8 * BLOCK, BLOCK));
	q.m.fm_flags = 0;
	CHECK(!ioctl(fd, FS_IOC_FIEMAP, &q) && q.m.fm_mapped_extents == 3);
	CHECK(q.e[1].fe_logical == 4 * BLOCK && q.e[1].fe_length == BLOCK && !q.e[1].fe_physical);
	CHECK(q.e[1].fe_flags == (FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN));
	q.m.fm_flags = FIEMAP_FLAG_SYNC;
	CHECK(!ioctl(fd, FS_IOC_FIEMAP, &q) && q.m.fm_mapped_extents == 3);
	CHECK(q.e[0].fe_logical == 0 && q.e[0].fe_length == 2 * BLOCK && q.e[0].fe_flags == 0);
	CHECK(q.e[1].fe_logical == 4 * BLOCK && q.e[1].fe_length == BLOCK && q.e[1].fe_flags == 0);
	CHECK(q.e[2].fe_logical == 8 * BLOCK && q.e[2].fe_flags == (FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_LAST));
	CHECK(!ioctl(fd, FIBMAP, &b0) && (__u64)b0 * BLOCK == q.e[0].fe_physical);
	CHECK(!ioctl(fd, FIBMAP, &b1) && b1 == b0 + 1);
	CHECK(!ioctl(fd, FIBMAP, &hole) && hole == 0 && !ioctl(fd, FIBMAP, &far) && far == 0);
	CHECK(ioctl(fd, FIBMAP, &minus) == -1 && errno == EINVAL && ioctl(fd, FIBMAP, NULL) == -1 && errno == EFAULT);
	/* Only a part, only the number. */
	q.m = (struct fiemap){ .fm_start = 4 * BLOCK, .fm_length = BLOCK, .fm_extent_count = 0 };
	CHECK(!ioctl(fd, FS_IOC_FIEMAP, &q) && q.m.fm_mapped_extents == 1);
	q.m = (struct fiemap){ .fm_length = BLOCK, .fm_flags = 0x80000000 };
	CHECK(ioctl(fd, FS_IOC_FIEMAP, &q) == -1 && errno == EBADR && q.m.fm_flags == 0x80000000);
	return 0;
}

static struct { struct fiemap m; struct fiemap_extent e[2]; } attrs;

static int where_attributes(int fd)
{
	attrs.m = (struct fiemap){ .fm_length = ~0ULL, .fm_flags = FIEMAP_FLAG_XATTR, .fm_extent_count = 2 };
	return ioctl(fd, FS_IOC_FIEMAP, &attrs) ? -1 : (int)attrs.m.fm_mapped_extents;
}

static int attributes(int fd)
{
	static char big[2000];

	CHECK(where_attributes(fd) == 0);
	CHECK(!fsetxattr(fd, "user.big", big, sizeof(big), 0) && where_attributes(fd) == 1);
	CHECK(attrs.e[0].fe_flags == FIEMAP_EXTENT_LAST && attrs.e[0].fe_length == BLOCK && attrs.e[0].fe_physical % BLOCK == 0);
	CHECK(!fsetxattr(fd, "user.small", big, 4, 0) && where_attributes(fd) == 1);
	CHECK(attrs.e[0].fe_flags & FIEMAP_EXTENT_DATA_INLINE && attrs.e[0].fe_length > 0 && attrs.e[0].fe_length < 256);
	return 0;
}

static int label(int fd)
{
	char got[FSLABEL_MAX], set[FSLABEL_MAX] = "sixteen letters!";

	CHECK(!ioctl(fd, FS_IOC_SETFSLABEL, set) && !ioctl(fd, FS_IOC_GETFSLABEL, got) && !strcmp(got, set));
	strcat(set, "x");
	CHECK(ioctl(fd, FS_IOC_SETFSLABEL, set) == -1 && errno == EINVAL);
	strcpy(set, "short");
	CHECK(!ioctl(fd, FS_IOC_SETFSLABEL, set) && !ioctl(fd, FS_IOC_GETFSLABEL, got) && !strcmp(got, "short"));
	CHECK(!seteuid(1000) && ioctl(fd, FS_IOC_SETFSLABEL, set) == -1 && errno == EPERM && !seteuid(0));
	return 0;
}

int main(int argc, char **argv)
{
	int fd = argc == 2 && !chdir(argv[1]) ? open("f", O_RDWR | O_CREAT | O_EXCL, 0644) : -1;

	CHECK(fd >= 0);
	if (extents(fd) || attributes(fd) || label(fd))
		return 1;
	printf("blocks: right\n");
	return 0;
}
