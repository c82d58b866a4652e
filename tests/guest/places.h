/* SPDX-License-Identifier: MIT */
/*
 * Where a case works, when its own directory is not all that matters.
 */
#ifndef TESTS_GUEST_PLACES_H
#define TESTS_GUEST_PLACES_H

#include "test.h"
#include <sched.h>
#include <sys/mount.h>

static char second[PATH_MAX];

unused static void enter_second(void)
{
	char *slash;

	snprintf(second, sizeof(second), "%s", test_self);
	slash = strrchr(second, '/');
	snprintf(slash ? slash : second, 30, "%splaces.XXXXXX", slash ? "/" : "");
	if (!mkdtemp(second))
		snprintf(second, sizeof(second), "/tmp/places.XXXXXX"), OK(mkdtemp(second));
	OK(chdir(second));
}

unused static void leave_second(void)
{
	DIR *d = opendir(".");
	struct dirent *e;

	while (d && (e = readdir(d)))
		unlink(e->d_name);
	if (d)
		closedir(d);
	OK(rmdir(second));
}

/* Runs the case in its directory and in one beside the program, because those may be different file systems. */
#define BOTH(id)								\
	static void both_##id(void);						\
	TEST(id)								\
	{									\
		both_##id();							\
		enter_second();							\
		both_##id();							\
		leave_second();							\
	}									\
	static void both_##id(void)

/* A mount namespace of the case's own; what it mounts is seen nowhere else. */
unused static void enter_own_mounts(void)
{
	if (unshare(CLONE_NEWNS))
		SKIP("no mount namespace of its own");
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

/* And a tmpfs there. */
unused static void enter_own_tmpfs(void)
{
	enter_own_mounts();
	OK(mkdir("m", 0755));
	OK(mount("t", "m", "tmpfs", 0, NULL));
	OK(chdir("m"));
}

#endif
