/* SPDX-License-Identifier: MIT */
/*
 * Reads passwd and group as libc would, line by line. The files are the guest's: whatever is in them,
 * they are text of bounded length here, and a line that is not as it should be is no line.
 */
#include "control/user.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "lib/alloc.h"
#include "lib/sort.h"
#include "lib/strto.h"
#include "vfs/vfs.h"

#define FILE_MAX (1024 * 1024)
#define FIELDS_MAX 7

enum { PW_NAME = 0, PW_UID = 2, PW_GID = 3, PW_HOME = 5, GR_NAME = 0, GR_GID = 2, GR_MEMBERS = 3 };

/* True when all of s is a number; (u32)-1 is no id. */
static bool number(const char *s, u32 *out)
{
	char *end;
	u64 n;

	if (*s < '0' || *s > '9')
		return false;
	n = strtoull(s, &end, 10);
	if (*end || n >= 0xffffffffu)
		return false;
	*out = (u32)n;
	return true;
}

/* The text of a file, NUL terminated, to be freed; NULL: there is none, or no memory. */
static char *read_text(const char *path)
{
	struct file *f;
	char *text = NULL;
	ssize n;

	/* What is no file could keep us waiting. */
	if (vfs_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, LOOKUP_FOLLOW, &f))
		return NULL;
	if (S_ISREG(f->inode->mode) && (text = kmalloc(FILE_MAX + 1))) {
		n = kernel_read(f, text, FILE_MAX, 0);
		text[MAX(n, 0)] = 0;
	}
	fput(f);
	return text;
}

/* Cuts the line at *p into fields; *p moves behind it. Their number, 0: no more lines. */
static int next_line(char **p, char *field[FIELDS_MAX])
{
	char *line = *p, *end;
	int n = 0;

	if (!*line)
		return 0;
	end = strchrnul(line, '\n');
	*p = *end ? end + 1 : end;
	*end = 0;
	for (field[n++] = line; n < FIELDS_MAX && (line = strchr(line, ':')); field[n++] = line)
		*line++ = 0;
	return n;
}

/* The first line of passwd with that name, or with that uid if name is NULL. */
static bool find_passwd(char *text, const char *name, u32 uid, struct user *u)
{
	char *field[FIELDS_MAX];
	u32 id, gid;
	int n;

	while ((n = next_line(&text, field)) != 0) {
		if (n <= PW_HOME || !number(field[PW_UID], &id) || !number(field[PW_GID], &gid))
			continue;
		if (name ? strcmp(field[PW_NAME], name) : id != uid)
			continue;
		u->uid = id;
		u->gid = gid;
		if (strlen(field[PW_NAME]) < sizeof(u->name))
			strcpy(u->name, field[PW_NAME]);
		if (*field[PW_HOME] == '/' && strlen(field[PW_HOME]) < sizeof(u->home))
			strcpy(u->home, field[PW_HOME]);
		return true;
	}
	return false;
}

static bool is_member(const char *list, const char *name)
{
	size_t n = strlen(name), len;

	for (; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (len == n && !memcmp(list, name, n))
			return true;
	}
	return false;
}

static int compare_gids(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/* The gid of the group named want becomes u's. Without want the groups that u is a member of do. */
static bool read_groups(char *text, const char *want, struct user *u)
{
	char *field[FIELDS_MAX];
	bool found = false;
	u32 id;
	int n;

	while ((n = next_line(&text, field)) != 0) {
		if (n <= GR_GID || !number(field[GR_GID], &id))
			continue;
		if (want && !found && !strcmp(field[GR_NAME], want)) {
			u->gid = id;
			found = true;
		}
		if (!want && *u->name && n > GR_MEMBERS && u->ngroups < USER_GROUPS_MAX &&
		    is_member(field[GR_MEMBERS], u->name))
			u->groups[u->ngroups++] = id;
	}
	qsort(u->groups, u->ngroups, sizeof(u->groups[0]), compare_gids);
	return found;
}

static int resolve_user(const char *name, struct user *u)
{
	char *text = read_text("/etc/passwd");
	bool num = number(name, &u->uid), found;

	found = text && find_passwd(text, num ? NULL : name, u->uid, u);
	kfree(text);
	return found || num ? 0 : -ENOENT;
}

/* A group that was asked for replaces the user's own ones. */
static int resolve_groups(const char *group, struct user *u)
{
	bool found = false;
	char *text;

	if (group && number(group, &u->gid))
		return 0;
	text = read_text("/etc/group");
	if (text)
		found = read_groups(text, group, u);
	kfree(text);
	return group && !found ? -ESRCH : 0;
}

int user_resolve(const char *spec, struct user *u)
{
	char name[USER_HOME_LEN], *group;
	int err;

	if (strlen(spec) >= sizeof(name))
		return -ENOENT;
	memset(u, 0, sizeof(*u));
	strcpy(name, *spec ? spec : "0");
	group = strchr(name, ':');
	if (group)
		*group++ = 0;
	err = resolve_user(name, u);
	if (!err && !*u->home)
		strcpy(u->home, u->uid ? "/" : "/root");
	if (!err && *spec)
		err = resolve_groups(group, u);
	return err;
}
