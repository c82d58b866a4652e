/* SPDX-License-Identifier: MIT */
/*
 * Machines on this host: found by their directories.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/umlaut/priv.h"

static bool fill(const char *parent, const char *name, struct machine *m)
{
	struct stat st;

	if (snprintf(m->name, sizeof(m->name), "%s", name) >= (int)sizeof(m->name) ||
	    snprintf(m->dir, sizeof(m->dir), "%s/%s", parent, name) >= (int)sizeof(m->dir))
		return false;
	snprintf(m->socket, sizeof(m->socket), "%s/mconsole", m->dir);
	if (stat(m->dir, &st) || !S_ISDIR(st.st_mode))
		return false;
	m->pid = mc_pid(m->socket);
	m->alive = mc_alive(m->pid);
	return m->pid || !stat(m->socket, &st);
}

static void scan(const char *parent, struct machine **list, size_t *n)
{
	DIR *d = opendir(parent);
	struct dirent *e;
	struct machine m;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !fill(parent, e->d_name, &m))
			continue;
		*list = realloc(*list, (*n + 1) * sizeof(m));
		if (!*list)
			exit(fail("out of memory"));
		(*list)[(*n)++] = m;
	}
	if (d)
		closedir(d);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct machine *)a)->name, ((const struct machine *)b)->name);
}

size_t machines_list(struct machine **out)
{
	char dirs[MC_DIRS_MAX][MC_PATH_MAX];
	size_t n = 0, ndirs = mc_dirs(dirs);

	*out = NULL;
	for (size_t i = 0; i < ndirs; i++) {
		bool seen = false;

		for (size_t j = 0; j < i; j++)
			seen = seen || !strcmp(dirs[i], dirs[j]);
		if (!seen)
			scan(dirs[i], out, &n);
	}
	if (n)
		qsort(*out, n, sizeof(**out), by_name);
	return n;
}

int machine_find(const char *name, struct machine *m)
{
	char dirs[MC_DIRS_MAX][MC_PATH_MAX];
	size_t n = mc_dirs(dirs);

	for (size_t i = 0; i < n && *name && !strchr(name, '/'); i++) {
		if (!fill(dirs[i], name, m))
			continue;
		if (m->alive)
			return 0;
		return fail("machine '%s' is dead: its process %d is gone", name, m->pid);
	}
	return fail("no machine named '%s' ('umlaut ps' lists them)", name);
}

int machine_ask(const struct machine *m, const char *command, int *error, char **answer)
{
	struct mc_client *c = mc_open();
	int err = c ? mc_ask(c, m->socket, command, error, answer) : -errno;

	mc_close(c);
	return err ? fail("machine '%s' does not answer: %s", m->name, strerror(-err)) : 0;
}

int machine_log_path(const struct machine *m, char *path, size_t n)
{
	return snprintf(path, n, "%s.log", m->dir) < (int)n ? 0 : -1;
}

bool machine_wait_end(const struct machine *m, int ms)
{
	for (; ms > 0; ms -= 10) {
		if (!mc_alive(m->pid))
			return true;
		usleep(10000);
	}
	return false;
}

void machine_remove_remains(const struct machine *m)
{
	char *pid = text("%s/pid", m->dir);

	unlink(pid);
	unlink(m->socket);
	rmdir(m->dir);
	free(pid);
}
