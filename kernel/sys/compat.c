/* SPDX-License-Identifier: MIT */
/*
 * The compatibility page: what every system call is worth here, from syscalls.def. Printed by
 * "./linux --compat"; docs/compat.md is its output.
 */
#include "sys/sys.h"

#include <stdio.h>

static const struct row {
	const char *name, *state, *note;
} rows[SYS_NR_END] = {
#define X(nr, name, proto, call, argv, state, note, hint) [nr] = { #name, #state, note },
#include "sys/syscalls.def"
};

enum support { FULL, PARTIAL, NONE };

static enum support row_support(const struct row *r)
{
	if (r->state[0] == 'F')
		return FULL;
	return r->state[0] == 'P' ? PARTIAL : NONE;
}

static void print_row(void (*put)(const char *), int nr)
{
	static const char *const words[] = { "full", "partial", "none" };
	const struct row *r = &rows[nr];
	char line[256];

	snprintf(line, sizeof(line), "| %d | %s | %s%s | %s |\n", nr, r->name,
		 words[row_support(r)], row_support(r) == NONE ? ", ENOSYS" : "", r->note);
	put(line);
}

void compat_print(void (*put)(const char *text))
{
	int count[3] = { 0 };
	char line[256];
	int nr;

	for (nr = 0; nr < SYS_NR_END; nr++) {
		if (rows[nr].name)
			count[row_support(&rows[nr])]++;
	}
	put("# System calls\n\n"
	    "This page is made by `./linux --compat` from kernel/sys/syscalls.def. A call that is\n"
	    "not in the table fails with ENOSYS.\n\n");
	snprintf(line, sizeof(line), "%d calls: %d full, %d partial, %d none.\n\n",
		 count[FULL] + count[PARTIAL] + count[NONE], count[FULL], count[PARTIAL],
		 count[NONE]);
	put(line);
	put("| Nr | Call | State | Note |\n| ---: | --- | --- | --- |\n");
	for (nr = 0; nr < SYS_NR_END; nr++) {
		if (rows[nr].name)
			print_row(put, nr);
	}
}
