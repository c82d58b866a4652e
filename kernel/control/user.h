/* SPDX-License-Identifier: MIT */
/*
 * Users by name, as the machine's own passwd and group files have them.
 */
#ifndef CONTROL_USER_H
#define CONTROL_USER_H

#include "lib/types.h"

#define USER_GROUPS_MAX 64
#define USER_NAME_LEN 64
#define USER_HOME_LEN 256

struct user {
	u32 uid, gid;
	u32 groups[USER_GROUPS_MAX];	/* supplementary, sorted */
	u32 ngroups;
	char name[USER_NAME_LEN];	/* "": no line of passwd has it */
	char home[USER_HOME_LEN];	/* of that uid; "/root" or "/" when no line has it */
};

/*
 * spec: NAME[:GROUP], each a name or a number, "": root. Looks into /etc/passwd and /etc/group of
 * current's root. -ENOENT: no such user, -ESRCH: no such group, -ENOMEM. May block.
 */
int user_resolve(const char *spec, struct user *u) __must_check;

#endif
