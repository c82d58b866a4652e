/* SPDX-License-Identifier: MIT */
/*
 * sticky DIR: what the settings fs.protected_* forbid in directories that everybody may write. No guest test, as that would
 * change the host's settings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { A = 1000, B = 1001 };

#define CHECK(e) do { if (!(e)) { printf("sticky: line %d: %s, errno %d\n", __LINE__, #e, errno); return 1; } } while (0)

static int set(const char *name, int value)
{
	char path[64], text[8];
	int fd, n = snprintf(text, sizeof(text), "%d\n", value), ok;

	snprintf(path, sizeof(path), "/proc/sys/fs/protected_%s", name);
	fd = open(path, O_WRONLY);
	ok = fd >= 0 && write(fd, text, n) == n;
	close(fd);
	return ok;
}

static int as(uid_t id)
{
	return !seteuid(0) && !setegid(id) && !seteuid(id);
}

static int fails(int got, int error)
{
	if (got > 0)
		close(got);
	return error ? got == -1 && errno == error : got >= 0;
}

static int symlinks(void)
{
	for (int on = 0; on < 2; on++) {
		CHECK(as(0) && set("symlinks", on));
		CHECK(as(B) && fails(open("all/link", O_RDONLY), on ? EACCES : 0));
		CHECK(fails(open("all/link", O_WRONLY | O_CREAT, 0600), on ? EACCES : 0));
		CHECK(fails(open("all/dirlink/f", O_RDONLY), 0));	/* not the last */
		CHECK(fails(open("group/link", O_RDONLY), 0));
		CHECK(as(A) && fails(open("all/link", O_RDONLY), 0));
		CHECK(as(0) && fails(open("all/link", O_RDONLY), on ? EACCES : 0));
	}
	return 0;
}

static int creations(void)
{
	static const struct { const char *setting, *name; } kinds[] = { { "regular", "f" }, { "fifos", "fifo" } };
	char all[32], group[32];

	for (unsigned int k = 0; k < 2; k++) {
		snprintf(all, sizeof(all), "all/%s", kinds[k].name);
		snprintf(group, sizeof(group), "group/%s", kinds[k].name);
		for (int level = 0; level < 3; level++) {
			CHECK(as(0) && set(kinds[k].setting, level) && as(B));
			CHECK(fails(open(all, O_RDWR | O_CREAT, 0600), level ? EACCES : 0));
			CHECK(fails(open(group, O_RDWR | O_CREAT, 0600), level > 1 ? EACCES : 0));
			CHECK(fails(open(all, O_RDWR), 0));
			CHECK(fails(open(all, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST));
			CHECK(as(A) && fails(open(all, O_RDWR | O_CREAT, 0600), 0));
		}
	}
	return 0;
}

static int try_link(const char *old, uid_t who, int error)
{
	CHECK(as(who) && fails(link(old, "all/new"), error));
	CHECK(as(0) && (error || !unlink("all/new")));
	return 0;
}

static int links(void)
{
	for (int on = 0; on < 2; on++) {
		CHECK(as(0) && set("hardlinks", on));
		if (try_link("private", B, on ? EPERM : 0) || try_link("suid", B, on ? EPERM : 0) ||
		    try_link("all/fifo", B, on ? EPERM : 0) || try_link("all/f", B, 0) || try_link("private", A, 0))
			return 1;
	}
	return 0;
}

static int make(const char *name, mode_t mode)
{
	return !mknod(name, mode, 0) && !chmod(name, mode & 07777);
}

int main(int argc, char **argv)
{
	CHECK(argc == 2 && !chdir(argv[1]) && !chmod(".", 0755));
	CHECK(!mkdir("all", 0755) && !chmod("all", 01777) && !mkdir("group", 0755));
	CHECK(!chown("group", 0, B) && !chmod("group", 01775));
	CHECK(make("private", S_IFREG | 0644) && !chown("private", A, A));
	CHECK(make("suid", S_IFREG | 0666) && !chown("suid", A, A) && !chmod("suid", 04666));
	for (const char *const *d = (const char *const[]){ "all", "group", NULL }; *d; d++) {
		CHECK(!chdir(*d));
		CHECK(make("f", S_IFREG | 0666) && make("fifo", S_IFIFO | 0666) && !symlink("f", "link") && !symlink(".", "dirlink"));
		CHECK(!chown("f", A, A) && !chown("fifo", A, A) && !lchown("link", A, A) && !lchown("dirlink", A, A));
		CHECK(!chdir(".."));
	}
	if (symlinks() || creations() || links())
		return 1;
	printf("sticky: right\n");
	return 0;
}
