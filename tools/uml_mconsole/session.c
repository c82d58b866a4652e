/* SPDX-License-Identifier: MIT */
/*
 * Commands: local ones by a table of prefixes, everything else goes to the kernel.
 */
#include "tools/uml_mconsole/session.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_PIECE 506

int session_init(struct session *s)
{
	memset(s, 0, sizeof(*s));
	s->client = mc_open();
	if (s->client)
		return 0;
	fprintf(stderr, "uml_mconsole: cannot make a socket: %s\n", strerror(errno));
	return 1;
}

int session_switch(struct session *s, const char *name)
{
	int err = mc_find(name, s->path, true);

	snprintf(s->name, sizeof(s->name), "%s", err ? "[None]" : name);
	return err;
}

/* --- remote --- */

struct printer {
	bool started;
	int last;
};

static void print(void *arg, int error, const char *text, size_t len)
{
	struct printer *p = arg;

	if (!p->started)
		fputs(error ? "ERR " : "OK ", stdout);
	p->started = true;
	fwrite(text, 1, len, stdout);
}

static int send_fds(struct session *s, const char *command, const int *fds, size_t nfds)
{
	struct printer p = { 0 };
	struct mc_call call = {
		.path = s->path, .command = command, .fds = fds, .nfds = nfds, .timeout_ms = -1,
		.out = print, .arg = &p,
	};
	int error, err = mc_call(s->client, &call, &error);

	if (p.started)
		putchar('\n');
	fflush(stdout);
	if (!err)
		return error;
	fprintf(stderr, "Sending command to '%s' : %s\n", s->path, strerror(-err));
	return 1;
}

static int send_text(struct session *s, const char *command)
{
	return send_fds(s, command, NULL, 0);
}

/* --- local commands --- */

static int cmd_quit(struct session *s, char *line, char *arg)
{
	s->quit = true;
	return 0;
}

static int cmd_help(struct session *s, char *line, char *arg)
{
	int err = send_text(s, "help");

	printf("Additional local mconsole commands:\n"
	       "    quit - Quit mconsole\n"
	       "    switch <socket-name> - Switch control to the given machine\n"
	       "    log -f <filename> - use contents of <filename> as UML log messages\n"
	       "    mconsole-version - version of this mconsole program\n"
	       "    int  - Interrupt UML session\n");
	return err;
}

static int cmd_switch(struct session *s, char *line, char *arg)
{
	struct session old = *s;

	if (!*arg || session_switch(s, arg)) {
		*s = old;
		fprintf(stderr, "switch: no such machine: '%s'\n", arg);
		return 1;
	}
	printf("Switched to '%s'\n", s->name);
	return 0;
}

static int log_text(struct session *s, const char *text, size_t len)
{
	char command[MC_TEXT_MAX];
	int err = 0;

	do {
		size_t n = len < LOG_PIECE ? len : LOG_PIECE;

		snprintf(command, sizeof(command), "log %.*s", (int)n, text);
		err = send_text(s, command);
		text += n;
		len -= n;
	} while (len && !err);
	return err;
}

static int log_file(struct session *s, const char *name)
{
	FILE *f = fopen(name, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int err = 0;

	if (!f) {
		fprintf(stderr, "Couldn't open file '%s': %s\n", name, strerror(errno));
		return 1;
	}
	while (!err && (n = getline(&line, &cap, f)) > 0) {
		n -= line[n - 1] == '\n';
		err = log_text(s, line, (size_t)n);
	}
	free(line);
	fclose(f);
	return err;
}

static int cmd_log(struct session *s, char *line, char *arg)
{
	if (!strncmp(arg, "-f", 2) && (arg[2] == ' ' || arg[2] == '\t'))
		return log_file(s, arg + 2 + strspn(arg + 2, " \t"));
	return log_text(s, arg, strlen(arg));
}

static int cmd_version(struct session *s, char *line, char *arg)
{
	printf("uml_mconsole client version 2\n");
	return 0;
}

static int cmd_int(struct session *s, char *line, char *arg)
{
	int pid = *s->path ? mc_pid(s->path) : 0;

	if (!pid) {
		printf("Cannot determine the PID of your UML session, not sending signal.\n");
		return 1;
	}
	if (kill(pid, SIGINT)) {
		fprintf(stderr, "kill %d: %s\n", pid, strerror(errno));
		return 1;
	}
	return 0;
}

static int cmd_umlfs(struct session *s, char *line, char *arg)
{
	char *end;
	long fd = strtol(arg, &end, 10);
	int n = (int)fd;

	if (end == arg || *end || fd < 0 || fd > INT_MAX) {
		fprintf(stderr, "umlfs: which descriptor?\n");
		return 1;
	}
	return send_fds(s, "umlfs", &n, 1);
}

/* One file name of "config ubdN=A,B" made absolute: the kernel has another working directory. To be freed; NULL */
static char *absolute(const char *name, size_t len)
{
	char *file = strndup(name, len), *slash, *dir = NULL, *out = NULL;

	if (!file || !len || *file == '/')
		return file;
	slash = strrchr(file, '/');
	if (slash)
		*slash = 0;
	dir = realpath(slash ? file : ".", NULL);
	if (!dir) {
		fprintf(stderr, "absolutize : Can't cd to '%s', %s\n", file, strerror(errno));
		free(file);
		return strndup(name, len);
	}
	if (asprintf(&out, "%s/%s", dir, slash ? slash + 1 : file) < 0)
		out = NULL;
	free(file);
	free(dir);
	return out;
}

static int config_disk(struct session *s, const char *line, const char *files)
{
	size_t na = strcspn(files, ",:"), nb = files[na] ? strcspn(files + na + 1, ",:") : 0;
	char *a = absolute(files, na), *b = absolute(files[na] ? files + na + 1 : "", nb),
	     *text = NULL;
	int err = 1;

	if (a && b &&
	    asprintf(&text, "%.*s%s%.*s%s%s", (int)(files - line), line, a, files[na] ? 1 : 0,
		     files + na, b, files[na] ? files + na + 1 + nb : "") >= 0)
		err = send_text(s, text);
	free(a);
	free(b);
	free(text);
	return err;
}

static int cmd_config(struct session *s, char *line, char *arg)
{
	const char *eq = strchr(arg, '=');

	return !strncmp(arg, "ubd", 3) && eq ? config_disk(s, line, eq + 1) : send_text(s, line);
}

static const struct local {
	const char *name;
	int (*fn)(struct session *s, char *line, char *arg);
} locals[] = {
	{ "quit", cmd_quit },
	{ "help", cmd_help },
	{ "switch", cmd_switch },
	{ "log", cmd_log },
	{ "mconsole-version", cmd_version },
	{ "umlfs", cmd_umlfs },
	{ "int", cmd_int },
	{ "config", cmd_config },
};

int session_command(struct session *s, char *line)
{
	line += strspn(line, " \t");
	for (size_t i = 0; i < sizeof(locals) / sizeof(locals[0]); i++) {
		size_t n = strlen(locals[i].name);

		if (!strncmp(line, locals[i].name, n))
			return locals[i].fn(s, line, line + n + strspn(line + n, " \t"));
	}
	return send_text(s, line);
}
