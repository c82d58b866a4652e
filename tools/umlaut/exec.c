/* SPDX-License-Identifier: MIT */
/*
 * umlaut exec: a new process in a running machine. The machine gets one end of a control channel
 * through its management console.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/umlaut/umlaut.h"

#define PARENT (&umlaut_usage)

static const struct usage_option options[] = {
	{ 'e', "env", "NAME[=VALUE]",
	  "set a variable, or take it from the environment; may be repeated" },
	{ 'u', "user", "UID[:GID]", "run as this user, by number" },
	{ 'w', "workdir", "DIR", "working directory in the machine (default: /)" },
	{ 256, "timeout", "SECONDS", "end the command after that time; status 124" },
	{ 't', "tty", NULL,
	  "give it the terminal (default when standard input and output are one)" },
	{ 'T', "no-tty", NULL, "do not" },
	{ 0, NULL, NULL, NULL }
};

static void nothing(void *arg, int error, const char *text, size_t len)
{
}

/* The other end of s->ctl goes to the machine. */
static int attach(const struct machine *m, struct session *s)
{
	int pair[2], error = 0, err;
	struct mc_client *c = mc_open();
	struct mc_call call = {
		.path = m->socket,
		.command = "exec",
		.fds = &pair[1],
		.nfds = 1,
		.timeout_ms = 10000,
		.out = nothing,
	};

	if (!c || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return fail("socket: %s", strerror(errno));
	err = mc_call(c, &call, &error);
	mc_close(c);
	close(pair[1]);
	s->ctl = pair[0];
	if (err)
		return fail("machine '%s' does not answer: %s", m->name, strerror(-err));
	return error ? fail("machine '%s' cannot run commands from outside", m->name) : 0;
}

static int one_option(struct session *s, struct list *env, int *tty, int c, const char *v)
{
	const char *value;
	char *home;

	switch (c) {
	case 'e':
		value = strchr(v, '=') ? NULL : getenv(v);
		if (value)
			list_addf(env, "%s=%s", v, value);
		else if (strchr(v, '='))
			list_add(env, v);
		return 0;
	case 'u': return user_parse(NULL, v, &s->uid, &s->gid, &home);
	case 'w': s->cwd = v; return 0;
	case 256:
		s->timeout = atoi(v);
		return s->timeout > 0 ? 0 : fail("--timeout: not a number above 0: '%s'", v);
	case 't': *tty = 1; return 0;
	case 'T': *tty = 0; return 0;
	default: return -1;
	}
}

static int exec_main(int argc, char **argv)
{
	struct session s = { .fds = { 0, 1, 2 } };
	const char *v, *term = getenv("TERM");
	struct list env = { 0 };
	struct machine m;
	struct outcome o;
	int c, err, tty = -1;

	list_add(&env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	list_add(&env, "HOME=/root");
	list_addf(&env, "TERM=%s", term ? term : "dumb");
	while ((c = usage_next(&exec_usage, PARENT, argc, argv, &v)) != -1)
		if (c == '?' || one_option(&s, &env, &tty, c, v))
			return EXIT_FAILED;
	if (argc - optind < 2) {
		fail("exec: a machine and a command are needed");
		usage_wrong(&exec_usage, PARENT);
		return EXIT_FAILED;
	}
	if (machine_find(argv[optind], &m))
		return EXIT_FAILED;
	s.argv = argv + optind + 1;
	s.argv += !strcmp(s.argv[0], "--") && s.argv[1];
	s.env = env.v;
	s.tty = want_tty(tty);
	err = attach(&m, &s);
	if (err)
		return err;
	err = session_run(&s, &o);
	close(s.ctl);
	if (err)
		return fail("cannot send the command: %s", strerror(-err));
	return session_status(&s, &o, s.argv[0]);
}

const struct usage exec_usage = {
	.name = "exec",
	.synopsis = "[OPTIONS] NAME COMMAND [ARGUMENT...]",
	.summary = "run a command in a machine that runs already",
	.text = "Starts COMMAND as a new process of the machine NAME and waits for it.",
	.options = options,
	.run = exec_main,
	.operands = "machines",
	.status = "As for 'umlaut run'.",
};
