/* SPDX-License-Identifier: MIT */
/*
 * Users by the passwd and group files of a root directory, or by numbers.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/umlaut/umlaut.h"

static bool number(const char *s, uint32_t *out)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (end == s || *end || n > 0xfffffffeUL)
		return false;
	*out = (uint32_t)n;
	return true;
}

static FILE *open_in(const char *root, const char *file)
{
	char *path = text("%s/etc/%s", root, file);
	FILE *f = fopen(path, "re");

	free(path);
	return f;
}

/* The entry of that name or number. */
static struct passwd *find_user(const char *root, const char *name, bool by_number, uint32_t uid)
{
	FILE *f = root ? open_in(root, "passwd") : NULL;
	struct passwd *p = NULL;

	while (f && (p = fgetpwent(f)))
		if (by_number ? p->pw_uid == uid : !strcmp(p->pw_name, name))
			break;
	if (f)
		fclose(f);
	return p;
}

static bool find_group(const char *root, const char *name, uint32_t *gid)
{
	FILE *f = root ? open_in(root, "group") : NULL;
	struct group *g = NULL;

	while (f && (g = fgetgrent(f)))
		if (!strcmp(g->gr_name, name))
			break;
	if (g)
		*gid = g->gr_gid;
	if (f)
		fclose(f);
	return g != NULL;
}

int user_parse(const char *root, const char *spec, uint32_t *uid, uint32_t *gid, char **home)
{
	char *name = strdup(spec), *group = name ? strchr(name, ':') : NULL;
	const struct passwd *p;
	int err = -1;
	bool num;

	if (!name)
		return -1;
	if (group)
		*group++ = 0;
	num = number(name, uid);
	p = find_user(root, name, num, *uid);
	if (p) {
		*uid = p->pw_uid;
		*gid = p->pw_gid;
		*home = strdup(p->pw_dir);
	}
	if (!p && !num)
		fail("no user '%s' in %s/etc/passwd", name, root ? root : "");
	else if (group && !number(group, gid) && !find_group(root, group, gid))
		fail("no group '%s' in %s/etc/group", group, root ? root : "");
	else
		err = 0;
	free(name);
	return err;
}
