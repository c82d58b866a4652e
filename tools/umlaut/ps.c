/* SPDX-License-Identifier: MIT */
/*
 * umlaut ps, stats: what runs, and what it uses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/umlaut/priv.h"

#define PARENT (&umlaut_usage)

static const struct usage_option ps_options[] = {
	{ 'a', "all", NULL,
	  "also machines whose process is gone without removing their directory" },
	{ 'q', "quiet", NULL, "only names" },
	{ 'j', "json", NULL, "JSON" },
	{ 0, NULL, NULL, NULL }
};

static const struct usage_option stats_options[] = {
	{ 'n', "no-stream", NULL, "once, not every second" },
	{ 'j', "json", NULL, "JSON, once" },
	{ 0, NULL, NULL, NULL }
};

/* --- facts from the machine's own /proc --- */

struct facts {
	bool ok;
	unsigned long uptime, mem_total, mem_avail;	/* s, KiB */
	unsigned long procs;
	unsigned long busy, total;			/* ticks */
};

static char *proc_file(const struct machine *m, struct mc_client *c, const char *name)
{
	char *command = text("proc %s", name), *answer = NULL;
	int error;

	if (mc_ask(c, m->socket, command, &error, &answer) || error) {
		free(answer);
		answer = NULL;
	}
	free(command);
	return answer;
}

static unsigned long field(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? strtoul(p + strlen(name) + strspn(p + strlen(name), ": \t"), NULL, 10) : 0;
}

static void read_cpu(const char *stat, struct facts *f)
{
	unsigned long v[8] = { 0 };
	const char *p = strstr(stat, "cpu ");

	if (!p || sscanf(p, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", v, v + 1, v + 2, v + 3, v + 4,
			 v + 5, v + 6, v + 7) < 4)
		return;
	for (int i = 0; i < 8; i++)
		f->total += v[i];
	f->busy = f->total - v[3] - v[4];
}

static void read_facts(const struct machine *m, struct facts *f)
{
	struct mc_client *c = m->alive ? mc_open() : NULL;
	char *up = c ? proc_file(m, c, "uptime") : NULL, *mem = NULL, *stat = NULL, *load = NULL;
	const char *slash;

	memset(f, 0, sizeof(*f));
	if (up) {
		f->ok = true;
		f->uptime = strtoul(up, NULL, 10);
		mem = proc_file(m, c, "meminfo");
		stat = proc_file(m, c, "stat");
		load = proc_file(m, c, "loadavg");
	}
	if (mem) {
		f->mem_total = field(mem, "MemTotal");
		f->mem_avail = field(mem, "MemAvailable");
	}
	if (stat)
		read_cpu(stat, f);
	slash = load ? strchr(load, '/') : NULL;
	if (slash)
		f->procs = strtoul(slash + 1, NULL, 10);
	free(up);
	free(mem);
	free(stat);
	free(load);
	mc_close(c);
}

/* --- ps --- */

static void show_uptime(unsigned long s, char *buf, size_t n)
{
	if (s < 3600)
		snprintf(buf, n, "%lum%02lus", s / 60, s % 60);
	else
		snprintf(buf, n, "%luh%02lum", s / 3600, s / 60 % 60);
}

static const char *state_of(const struct machine *m, const struct facts *f)
{
	return !m->alive ? "dead" : f->ok ? "running" : "no answer";
}

static void ps_row(const struct machine *m, bool json, bool first)
{
	struct facts f;
	char up[32] = "-";

	read_facts(m, &f);
	if (f.ok)
		show_uptime(f.uptime, up, sizeof(up));
	if (!json) {
		printf("%-20s %8d  %-10s %8s %6lu %8lu/%luM  %s\n", m->name, m->pid,
		       state_of(m, &f), up, f.procs, (f.mem_total - f.mem_avail) >> 10,
		       f.mem_total >> 10, m->dir);
		return;
	}
	printf("%s{\"name\": ", first ? "" : ",\n ");
	json_string(m->name);
	printf(", \"pid\": %d, \"state\": \"%s\", \"uptime\": %lu, \"processes\": %lu, \"mem_total_kib\": %lu, "
	       "\"mem_used_kib\": %lu, \"dir\": ",
	       m->pid, state_of(m, &f), f.uptime, f.procs, f.mem_total, f.mem_total - f.mem_avail);
	json_string(m->dir);
	printf("}");
}

static int ps_main(int argc, char **argv)
{
	bool all = false, quiet = false, json = false, first = true;
	struct machine *list;
	const char *v;
	size_t n;
	int c;

	while ((c = usage_next(&ps_usage, PARENT, argc, argv, &v)) != -1) {
		if (c == '?')
			return EXIT_FAILED;
		all = all || c == 'a';
		quiet = quiet || c == 'q';
		json = json || c == 'j';
	}
	n = machines_list(&list);
	if (json)
		printf("[");
	else if (!quiet)
		printf("%-20s %8s  %-10s %8s %6s %12s  %s\n", "NAME", "PID", "STATE", "UP", "TASKS",
		       "MEMORY", "DIRECTORY");
	for (size_t i = 0; i < n; i++) {
		if (!list[i].alive && !all)
			continue;
		if (quiet)
			printf("%s\n", list[i].name);
		else
			ps_row(&list[i], json, first);
		first = false;
	}
	if (json)
		printf("]\n");
	free(list);
	return fflush(stdout) ? fail("standard output: %s", strerror(errno)) : 0;
}

/* --- stats --- */

static void stats_row(const struct machine *m, struct facts *old, bool json, bool first)
{
	struct facts f;
	double cpu;

	read_facts(m, &f);
	cpu = old->ok && f.total > old->total ?
		      100.0 * (double)(f.busy - old->busy) / (double)(f.total - old->total) :
		      0;
	if (json) {
		printf("%s{\"name\": ", first ? "" : ",\n ");
		json_string(m->name);
		printf(", \"cpu_percent\": %.1f, \"mem_used_kib\": %lu, \"mem_total_kib\": %lu, \"processes\": %lu}",
		       cpu, f.mem_total - f.mem_avail, f.mem_total, f.procs);
	} else if (!f.ok) {
		printf("%-20s no answer\n", m->name);
	} else {
		printf("%-20s %6.1f%% %8lu/%luM %6lu\n", m->name, cpu,
		       (f.mem_total - f.mem_avail) >> 10, f.mem_total >> 10, f.procs);
	}
	*old = f;
}

static bool wanted(const struct machine *m, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, m->name))
			return true;
	return false;
}

#define SLOTS 256

static void stats_table(char **names, struct facts *old, bool json)
{
	struct machine *list;
	size_t n = machines_list(&list);
	bool first = true;

	printf(json ? "[" : "%-20s %7s %12s %6s\n", "NAME", "CPU", "MEMORY", "TASKS");
	for (size_t i = 0; i < n; i++) {
		if (!list[i].alive || !wanted(&list[i], names))
			continue;
		stats_row(&list[i], &old[(unsigned int)list[i].pid % SLOTS], json, first);
		first = false;
	}
	if (json)
		printf("]\n");
	fflush(stdout);
	free(list);
}

static int stats_main(int argc, char **argv)
{
	static struct facts old[SLOTS];
	bool once = !isatty(1), json = false;
	const char *v;
	int c;

	while ((c = usage_next(&stats_usage, PARENT, argc, argv, &v)) != -1) {
		if (c == '?')
			return EXIT_FAILED;
		once = once || c == 'n' || c == 'j';
		json = json || c == 'j';
	}
	for (char **name = argv + optind; *name; name++) {
		struct machine m;

		if (machine_find(*name, &m))
			return EXIT_FAILED;
	}
	for (;;) {
		if (!once)
			printf("\033[H\033[J");
		stats_table(argv + optind, old, json);
		if (once || ferror(stdout))
			return ferror(stdout) ? fail("standard output: %s", strerror(errno)) : 0;
		sleep(1);
	}
}

const struct usage ps_usage = {
	.name = "ps",
	.synopsis = "[OPTIONS]",
	.summary = "list machines",
	.options = ps_options,
	.run = ps_main,
	.operands = "",
};

const struct usage stats_usage = {
	.name = "stats",
	.synopsis = "[OPTIONS] [NAME...]",
	.summary = "show what machines use, every second",
	.options = stats_options,
	.run = stats_main,
	.operands = "machines",
};
