/* SPDX-License-Identifier: MIT */
/*
 * umlaut stop, kill, logs.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/umlaut/priv.h"

#define PARENT (&umlaut_usage)

static const struct usage_option stop_options[] = {
	{ 't', "time", "SECONDS", "how long programs may take to end (default: 10)" },
	{ 0, NULL, NULL, NULL }
};

static const struct usage_option no_options[] = { { 0, NULL, NULL, NULL } };

static const struct usage_option logs_options[] = {
	{ 'f', "follow", NULL, "go on with what is added, until the machine ends" },
	{ 'k', "kernel", NULL, "the kernel's messages instead of the command's output" },
	{ 0, NULL, NULL, NULL }
};

/* --- the end of a machine --- */

static int forget(const struct machine *m)
{
	machine_remove_remains(m);
	return 0;
}

static int kill_machine(const char *name)
{
	struct machine m;

	if (machine_find(name, &m))
		return EXIT_FAILED;
	if (kill(m.pid, SIGKILL))
		return fail("kill %d: %s", m.pid, strerror(errno));
	if (!machine_wait_end(&m, 5000))
		return fail("machine '%s' (process %d) does not go away", name, m.pid);
	return forget(&m);
}

static int tell(const struct machine *m, const char *command)
{
	struct mc_client *c = mc_open();
	char *answer = NULL;
	int error, err = c ? mc_ask(c, m->socket, command, &error, &answer) : -errno;

	free(answer);
	mc_close(c);
	return err;
}

/* A signal to all, then the power off: what is written has reached the host by then. */
static int stop_machine(const char *name, int seconds)
{
	struct machine m;

	if (machine_find(name, &m))
		return EXIT_FAILED;
	/* Its answer may not come any more. */
	if (tell(&m, "sysrq e") && !machine_wait_end(&m, 1000))
		return fail("machine '%s' does not answer", name);
	if (!machine_wait_end(&m, seconds * 1000)) {
		tell(&m, "sysrq s");
		if (kill(m.pid, SIGTERM) && errno != ESRCH)
			return fail("kill %d: %s", m.pid, strerror(errno));
	}
	if (!machine_wait_end(&m, 5000))
		return fail("machine '%s' (process %d) does not end", name, m.pid);
	return 0;
}

static int stop_main(int argc, char **argv)
{
	int c, seconds = 10, err = 0;
	const char *v;

	while ((c = usage_next(&stop_usage, PARENT, argc, argv, &v)) != -1) {
		if (c == '?')
			return EXIT_FAILED;
		seconds = atoi(v);
	}
	if (optind == argc) {
		fail("stop: which machine?");
		usage_wrong(&stop_usage, PARENT);
		return EXIT_FAILED;
	}
	for (; optind < argc; optind++)
		err = stop_machine(argv[optind], seconds) ? EXIT_FAILED : err;
	return err;
}

static int kill_main(int argc, char **argv)
{
	const char *v;
	int err = 0;

	if (usage_next(&kill_usage, PARENT, argc, argv, &v) != -1)
		return EXIT_FAILED;
	if (optind == argc) {
		fail("kill: which machine?");
		usage_wrong(&kill_usage, PARENT);
		return EXIT_FAILED;
	}
	for (; optind < argc; optind++)
		err = kill_machine(argv[optind]) ? EXIT_FAILED : err;
	return err;
}

/* --- logs --- */

static int copy_new(int fd)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			return -1;
	return fflush(stdout) || n < 0 ? -1 : 0;
}

static int open_log(const char *name, struct machine *m)
{
	char dirs[MC_DIRS_MAX][MC_PATH_MAX], path[MC_PATH_MAX + 8];
	size_t n = mc_dirs(dirs);
	int fd = -1;

	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < n && fd < 0 && !strchr(name, '/'); i++) {
		snprintf(m->dir, sizeof(m->dir), "%s/%s", dirs[i], name);
		snprintf(m->socket, sizeof(m->socket), "%s/mconsole", m->dir);
		machine_log_path(m, path, sizeof(path));
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	m->pid = mc_pid(m->socket);
	if (fd < 0)
		fail("no log of a machine named '%s' (only 'umlaut run --detach' keeps one)", name);
	return fd;
}

static int kernel_messages(const char *name)
{
	struct machine m;
	char *answer;
	int error;

	if (machine_find(name, &m) || machine_ask(&m, "dmesg", &error, &answer))
		return EXIT_FAILED;
	if (error)
		return fail("machine '%s': %s", name, answer);
	fputs(answer ? answer : "", stdout);
	free(answer);
	return 0;
}

static int logs_main(int argc, char **argv)
{
	bool follow = false, kernel = false;
	struct machine m;
	const char *v;
	int c, fd, err;

	while ((c = usage_next(&logs_usage, PARENT, argc, argv, &v)) != -1) {
		if (c == '?')
			return EXIT_FAILED;
		follow = follow || c == 'f';
		kernel = kernel || c == 'k';
	}
	if (argc - optind != 1) {
		fail("logs: which machine?");
		usage_wrong(&logs_usage, PARENT);
		return EXIT_FAILED;
	}
	if (kernel)
		return kernel_messages(argv[optind]);
	fd = open_log(argv[optind], &m);
	if (fd < 0)
		return EXIT_FAILED;
	err = copy_new(fd);
	while (!err && follow && m.pid && !machine_wait_end(&m, 100))
		err = copy_new(fd);
	if (!err)
		err = copy_new(fd);
	close(fd);
	return err ? fail("logs: %s", strerror(errno)) : 0;
}

const struct usage stop_usage = {
	.name = "stop",
	.synopsis = "[OPTIONS] NAME...",
	.summary = "end machines",
	.text = "Asks all programs of the machine to end (SIGTERM), then ends the machine.",
	.options = stop_options,
	.run = stop_main,
	.operands = "machines",
};

const struct usage kill_usage = {
	.name = "kill",
	.synopsis = "NAME...",
	.summary = "end machines at once",
	.options = no_options,
	.run = kill_main,
	.operands = "machines",
};

const struct usage logs_usage = {
	.name = "logs",
	.synopsis = "[OPTIONS] NAME",
	.summary = "show the output of a detached machine",
	.text = "Shows what the command of 'umlaut run --detach' wrote, also after the machine's end.",
	.options = logs_options,
	.run = logs_main,
	.operands = "machines",
};
