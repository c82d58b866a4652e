/* SPDX-License-Identifier: MIT */
/*
 * Consoles and serial lines at run time: configuring, asking, removing. Texts and errors are UML's.
 * A line that somebody has open, or that kernel messages go to, stays as it is.
 */
#include "tty/tty.h"

#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "tty/line.h"
#include "vfs/vfs.h"

struct which {
	enum line_kind kind;
	unsigned int index, max;
	const char *rest;		/* behind the number */
};

/* 0; -EINVAL: no number; -ERANGE */
static int parse(const char *what, const char *arg, struct which *w)
{
	char *end;
	unsigned long n;

	if (line_kind_of(what, &w->kind, &w->max))
		return -EINVAL;
	if (*arg < '0' || *arg > '9')
		return -EINVAL;
	n = strtoul(arg, &end, 0);
	if (*end && *end != '=')
		return -EINVAL;
	if (n >= w->max)
		return -ERANGE;
	w->index = (unsigned int)n;
	w->rest = end;
	return 0;
}

static bool in_use(const struct line *l)
{
	return l->tty.count || l->pumped || line_is_console(l);
}

static int set(const struct which *w, const char *text, const char **error)
{
	struct line *l = line_existing(w->kind, w->index);
	const char *old = line_config_text(w->kind, w->index);

	if (l && in_use(l)) {
		*error = "Device is already open";
		return -EINVAL;
	}
	if (!strncmp(text, "none", 4) && !strncmp(old, "none", 4)) {
		*error = "configured as 'none'";
		return -EINVAL;
	}
	if (line_config_set(w->kind, w->index, text))
		return -ENOMEM;
	if (l) {
		line_disconnect(l);
		l->absent = line_channels(w->kind, w->index, l) != 0;
	} else {
		l = line_find(w->kind, w->index);
	}
	if ((l && !l->absent) || !strncmp(text, "none", 4))
		return 0;
	if (!line_config_set(w->kind, w->index, old))
		line_find(w->kind, w->index);
	*error = "failed to parse channel pair";
	return -1;
}

int line_hot_config(const char *what, const char *arg, const char **error)
{
	struct which w;
	int err;

	if (*arg == '=') {
		*error = "Can't configure all devices from mconsole";
		return -EINVAL;
	}
	err = parse(what, arg, &w);
	if (err) {
		*error = err == -ERANGE ? "Device number out of range" :
					  "Couldn't parse device number";
		return -EINVAL;
	}
	return set(&w, w.rest + 1, error);
}

int line_hot_remove(const char *what, const char *arg, const char **error)
{
	struct which w;
	int err = parse(what, arg, &w);

	if (err == -ERANGE) {
		*error = "Device number out of range";
		return -EINVAL;
	}
	if (err) {
		*error = "Couldn't parse device number";
		return 1;
	}
	return set(&w, "none", error);
}

int line_hot_get(const char *what, const char *arg, struct seq_buf *out, const char **error)
{
	const struct line *l;
	struct which w;
	char text[160];
	int err = parse(what, arg, &w);

	if (err) {
		*error = err == -ERANGE ? "device number out of range" :
			 "line_get_config failed to parse device number";
		return 1;
	}
	l = line_existing(w.kind, w.index);
	if (!l || l->absent || !in_use(l)) {
		seq_puts(out, line_config_text(w.kind, w.index));
		return 0;
	}
	chan_describe(l->in, text, sizeof(text));
	seq_puts(out, text);
	if (l->in == l->out)
		return 0;
	chan_describe(l->out, text, sizeof(text));
	seq_printf(out, ",%s", text);
	return 0;
}
