/* SPDX-License-Identifier: MIT */
/*
 * whiteout DIR: renames that leave a whiteout. No guest test, as hostfs makes none. Prints "whiteout: right", or what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define CHECK(e) do { if (!(e)) { printf("whiteout: line %d: %s, errno %d\n", __LINE__, #e, errno); return 1; } } while (0)

static int is_whiteout(const char *name)
{
	struct stat st;

	return !lstat(name, &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0) && st.st_nlink == 1;
}

static int is_dir(const char *name, unsigned int links)
{
	struct stat st;

	return !stat(name, &st) && S_ISDIR(st.st_mode) && st.st_nlink == links;
}

static int move(const char *from, const char *to, unsigned int flags)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_WHITEOUT | flags);
}

int main(int argc, char **argv)
{
	CHECK(argc == 2 && !chdir(argv[1]));
	CHECK(!mknod("f", S_IFREG | 0644, 0) && !mkdir("d", 0755) && !mkdir("e", 0755) && !mkdir("d/sub", 0755));
	CHECK(!move("f", "g", 0) && is_whiteout("f") && !access("g", F_OK));
	CHECK(move("g", "f", RENAME_NOREPLACE) == -1 && errno == EEXIST && !access("g", F_OK));
	CHECK(move("g", "f", RENAME_EXCHANGE) == -1 && errno == EINVAL);
	CHECK(!move("g", "f", 0) && is_whiteout("g") && !is_whiteout("f"));
	CHECK(!move("d/sub", "e/sub", 0) && is_whiteout("d/sub") && is_dir("d", 2) && is_dir("e", 3));
	CHECK(!move("e/sub", "e/sub2", 0) && is_whiteout("e/sub") && is_dir("e", 3));
	CHECK(!unlink("g") && !unlink("d/sub") && !rmdir("d"));
	printf("whiteout: right\n");
	return 0;
}
