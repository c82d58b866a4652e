/* SPDX-License-Identifier: MIT */
/*
 * "#!" scripts: the first line names an interpreter and at most one argument (the rest of
 * the line as it stands). The line must end, or at least the interpreter's name must, within the head.
 */
#include "process/exec.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "core/arena.h"
#include "vfs/vfs.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Splits a copy of the first line. *arg is NULL when there is none. */
static int parse_line(char *line, bool cut, char **interp, char **arg)
{
	char *p = line, *end;

	while (blank(*p))
		p++;
	if (!*p)
		return -ENOEXEC;
	*interp = p;
	while (*p && !blank(*p))
		p++;
	if (!*p) {
		*arg = NULL;
		return cut ? -ENOEXEC : 0;	/* the name itself may be cut off */
	}
	*p++ = 0;
	while (blank(*p))
		p++;
	end = p + strlen(p);
	while (end > p && blank(end[-1]))
		*--end = 0;
	*arg = *p ? p : NULL;
	return 0;
}

static int script_args(struct exec *x, const char *interp, const char *arg)
{
	const char *strs[3];
	int n = 0;

	strs[n++] = interp;
	if (arg)
		strs[n++] = arg;
	strs[n++] = x->filename;
	return exec_args_replace_first(&x->args, strs, n);
}

int script_load(struct exec *x)
{
	char *line, *interp, *arg, *nl;
	struct file *file;
	int err;

	if (x->head[0] != '#' || x->head[1] != '!')
		return -ENOEXEC;
	line = arena_alloc(EXEC_HEAD_SIZE);
	if (!line)
		return -ENOMEM;
	memcpy(line, x->head + 2, EXEC_HEAD_SIZE - 2);
	line[EXEC_HEAD_SIZE - 2] = 0;
	nl = strchr(line, '\n');
	if (nl)
		*nl = 0;
	err = parse_line(line, !nl && strlen(line) == EXEC_HEAD_SIZE - 2, &interp, &arg);
	if (err)
		return err;
	if (x->fd_closes)
		return -ENOENT;		/* the interpreter could not open it */
	err = script_args(x, interp, arg);
	if (err)
		return err;
	err = exec_open(AT_FDCWD, interp, LOOKUP_FOLLOW, &file);
	if (err)
		return err;
	fput(x->file);
	x->file = file;
	x->interp = interp;
	return 0;
}
