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

#include "lib/control_proto.h"
#include "tools/libumlaut/launch.h"
#include "tools/umlaut/priv.h"

#define PARENT (&umlaut_usage)

static const struct usage_option options[] = {
	{ 'e', "env", "NAME[=VALUE]",
	  "set a variable, or take it from the environment; may be repeated" },
	{ 'u', "user", "USER[:GROUP]", "run as this user of the machine's passwd file, or number" },
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
	switch (c) {
	case 'e': env_option(env, v); return 0;
	case 'u': s->user = v; return 0;
	case 'w': s->cwd = v; return 0;
	case 256:
		s->timeout_ms = atoi(v) * 1000LL;
		return s->timeout_ms > 0 ? 0 : fail("--timeout: not a number above 0: '%s'", v);
	case 't': *tty = 1; return 0;
	case 'T': *tty = 0; return 0;
	default: return -1;
	}
}

static int run_in(const struct machine *m, struct session *s)
{
	struct outcome o;
	int err = attach(m, s);

	if (err)
		return err;
	err = session_foreground(s, &o);
	close(s->ctl);
	if (err == -E2BIG)
		return fail("the command and its environment are too long");
	return err ? fail("cannot send the command: %s", strerror(-err)) : session_status(s, &o);
}

static int exec_main(int argc, char **argv)
{
	static const struct umlaut_options none;
	struct session s = { .fds = { 0, 1, 2 } };
	struct list env = { 0 };
	const char *v;
	struct machine m;
	int c, tty = -1, status;

	launch_env(&none, getenv("TERM"), &env);
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
	s.flags = want_tty(tty) ? CTL_TTY : 0;
	status = env.failed ? fail("out of memory") : run_in(&m, &s);
	list_free(&env);
	return status;
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
