/* SPDX-License-Identifier: MIT */
/*
 * The interactive mode: readline with history and completion of commands, devices, machines and
 * file names.
 */
#include "tools/uml_mconsole/session.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/history.h>
#include <readline/readline.h>

#define PROMPT_NAME 10

static const char *const commands[] = { "version", "help",    "halt",	 "reboot",
					"config ", "remove ", "sysrq ",	 "cad",
					"stop",	   "go",      "log ",	 "proc ",
					"stack ",  "quit",    "switch ", "mconsole-version",
					"int",	   NULL };
static const char *const devices[] = { "con", "ssl", "mem", "ubd", NULL };
static const char *const procs[] = { "cmdline", "cpuinfo", "filesystems", "loadavg", "meminfo",
				     "mounts",	"stat",	   "uptime",	  "version", NULL };

static const char *const *words;

static char *next_word(const char *text, int state)
{
	static size_t at;

	if (!state)
		at = 0;
	for (; words[at]; at++)
		if (!strncmp(words[at], text, strlen(text)))
			return strdup(words[at++]);
	return NULL;
}

static char *next_machine(const char *text, int state)
{
	static DIR *d;
	static char dirs[MC_DIRS_MAX][MC_PATH_MAX];
	static size_t n, at;
	struct dirent *e;

	if (!state) {
		if (d)
			closedir(d);
		d = NULL;
		n = mc_dirs(dirs);
		at = 0;
	}
	for (;;) {
		if (!d) {
			if (at == n)
				return NULL;
			d = opendir(dirs[at++]);
			if (!d)
				continue;
		}
		while ((e = readdir(d)))
			if (e->d_name[0] != '.' && !strncmp(e->d_name, text, strlen(text)))
				return strdup(e->d_name);
		closedir(d);
		d = NULL;
	}
}

static bool begins(const char *with)
{
	return !strncmp(rl_line_buffer, with, strlen(with));
}

static char **complete(const char *text, int start, int end)
{
	rl_attempted_completion_over = 1;
	rl_completion_suppress_append = 1;
	words = NULL;
	if (!start)
		words = commands;
	else if (begins("config ") || begins("remove "))
		words = devices;
	else if (begins("proc "))
		words = procs;
	else if (begins("switch "))
		return rl_completion_matches(text, next_machine);
	else if (begins("log -f "))
		return rl_completion_matches(text, rl_filename_completion_function);
	return words ? rl_completion_matches(text, next_word) : NULL;
}

int session_interactive(struct session *s)
{
	char prompt[PROMPT_NAME + 8], *line;

	rl_readline_name = "uml_mconsole";
	rl_attempted_completion_function = complete;
	using_history();
	while (!s->quit) {
		snprintf(prompt, sizeof(prompt), "(%.*s) ", PROMPT_NAME, s->name);
		line = readline(prompt);
		if (!line) {
			putchar('\n');
			break;
		}
		if (line[strspn(line, " \t")]) {
			add_history(line);
			session_command(s, line);
		}
		free(line);
	}
	mc_close(s->client);
	return 0;
}
