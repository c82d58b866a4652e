/* SPDX-License-Identifier: MIT */
/*
 * umlaut run: a command in a fresh machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/control_proto.h"
#include "tools/libumlaut/judge.h"
#include "tools/libumlaut/launch.h"
#include "tools/umlaut/priv.h"

#define PARENT (&umlaut_usage)

enum {
	OPT_EPHEMERAL = 256,
	OPT_CPUS,
	OPT_PROCESSES,
	OPT_TIMEOUT,
	OPT_READ_ONLY,
	OPT_JSON,
	OPT_KERNEL,
	OPT_OPTION
};

static const struct usage_option options[] = {
	{ OPT_EPHEMERAL, "ephemeral", NULL,
	  "changes to the root are kept in memory and lost at the end" },
	{ OPT_READ_ONLY, "read-only", NULL, "the root cannot be changed" },
	{ 'm', "mem", "SIZE",
	  "memory of the machine, with K, M or G (default: a quarter of the host's)" },
	{ OPT_CPUS, "cpus", "N", "CPUs of the machine (default: all)" },
	{ OPT_PROCESSES, "processes", "N",
	  "processes and threads it may have, its own included (default: by memory)" },
	{ 'b', "bind", "HOST:GUEST[:ro]", "a directory of the host, at GUEST; may be repeated" },
	{ 'e', "env", "NAME[=VALUE]",
	  "set a variable, or take it from the environment; may be repeated" },
	{ 'u', "user", "USER[:GROUP]", "run as this user of the machine's passwd file, or number" },
	{ 'w', "workdir", "DIR", "working directory in the machine (default: /)" },
	{ OPT_TIMEOUT, "timeout", "SECONDS", "end the command after that time; status 124" },
	{ 't', "tty", NULL,
	  "give it the terminal (default when standard input and output are one)" },
	{ 'T', "no-tty", NULL, "do not" },
	{ 'd', "detach", NULL,
	  "leave it running and print its name; its output goes to a log ('umlaut logs')" },
	{ 'n', "name", "NAME", "name of the machine (default: random)" },
	{ OPT_OPTION, "option", "OPTION", "further option for the kernel; may be repeated" },
	{ OPT_KERNEL, "kernel", "FILE",
	  "kernel program (default: 'linux' beside this program, or $UMLAUT_KERNEL)" },
	{ OPT_JSON, "json", NULL, "at the end, status and resource use as JSON on standard error" },
	{ 0, NULL, NULL, NULL }
};

struct run {
	struct umlaut_options o;
	struct list env, binds, words;	/* what o's arrays will be */
	const char *name;
	int tty;			/* -1: automatic */
	bool detach, json;
	char *log;
};

/* --- options --- */

static int number(const char *s, const char *what, unsigned int *out)
{
	char *end;
	long n = strtol(s, &end, 10);

	if (end == s || *end || n < 1 || n > 1000000000L) {
		fail("--%s: not a number above 0: '%s'", what, s);
		return -1;
	}
	*out = (unsigned int)n;
	return 0;
}

static int seconds(const char *s, unsigned int *ms)
{
	char *end;
	double d = strtod(s, &end);

	if (end == s || *end || !(d > 0) || d > 4e6) {
		fail("--timeout: not a number above 0: '%s'", s);
		return -1;
	}
	*ms = d < 0.001 ? 1 : (unsigned int)(d * 1000);
	return 0;
}

static int size(const char *s, uint64_t *out)
{
	static const char units[] = "KMG";
	char *end;
	const char *unit;

	*out = strtoull(s, &end, 10);
	unit = *end ? strchr(units, *end & ~0x20) : NULL;
	if (end != s && *out && (!*end || (unit && !end[1]))) {
		*out <<= unit ? 10 * (unit - units + 1) : 0;
		return 0;
	}
	fail("--mem: not a size: '%s'", s);
	return -1;
}

static int name_ok(const char *s)
{
	if (*s && *s != '.' && !strchr(s, '/') && strlen(s) < 64)
		return 0;
	fail("--name: a name has 1 to 63 characters, no slash and no dot in front: '%s'", s);
	return -1;
}

static int one_option(struct run *r, int c, const char *v)
{
	switch (c) {
	case OPT_EPHEMERAL: r->o.ephemeral = 1; return 0;
	case OPT_READ_ONLY: r->o.read_only = 1; return 0;
	case 'm': return size(v, &r->o.memory);
	case OPT_CPUS: return number(v, "cpus", &r->o.cpus);
	case OPT_PROCESSES: return number(v, "processes", &r->o.processes);
	case 'b': list_add(&r->binds, v); return 0;
	case 'e': env_option(&r->env, v); return 0;
	case 'u': r->o.user = v; return 0;
	case 'w': r->o.workdir = v; return 0;
	case OPT_TIMEOUT: return seconds(v, &r->o.timeout_ms);
	case 't': r->tty = 1; return 0;
	case 'T': r->tty = 0; return 0;
	case 'd': r->detach = true; return 0;
	case 'n': r->name = v; return name_ok(v);
	case OPT_OPTION: list_add(&r->words, v); return 0;
	case OPT_KERNEL: r->o.kernel = v; return 0;
	case OPT_JSON: r->json = true; return 0;
	default: return -1;
	}
}

/* --- in the foreground --- */

static void print_json(const struct session *s, const struct outcome *o)
{
	struct umlaut_result r = { 0 };

	judge(s, o, &r);
	fprintf(stderr,
		"{\"reason\": \"%s\", \"status\": %d, \"signal\": %d, \"timed_out\": %s, "
		"\"oom_kills\": %llu, \"fork_refusals\": %llu, \"utime\": %.6f, \"stime\": %.6f, "
		"\"maxrss_kib\": %llu}\n",
		umlaut_reason_name(r.reason), r.status, r.signal, o->timed_out ? "true" : "false",
		(unsigned long long)r.oom_kills, (unsigned long long)r.fork_refusals,
		(double)r.user_ns / 1e9, (double)r.system_ns / 1e9,
		(unsigned long long)r.maxrss_kib);
}

static int foreground(struct run *r, struct session *s, const struct launch *l)
{
	struct outcome o;
	int err = session_foreground(s, &o), status;

	launch_end(l);
	if (err == -E2BIG)
		return fail("the command and its environment are too long");
	if (err && err != -EPIPE && err != -ECONNRESET)
		return fail("cannot send the command: %s", strerror(-err));
	status = session_status(s, &o);
	if (r->json)
		print_json(s, &o);
	return status;
}

/* --- in the background --- */

static int open_log(struct run *r)
{
	char dirs[MC_DIRS_MAX][MC_PATH_MAX];
	int fd;

	mc_dirs(dirs);
	mkdir(dirs[0], 0777);
	r->log = text("%s/%s.log", dirs[0], r->name);
	fd = open(r->log, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		fail("%s: %s", r->log, strerror(errno));
	return fd;
}

static int failed_start(struct run *r, struct session *s, struct outcome *o, int err)
{
	unlink(r->log);
	if (err && err != -EPIPE && err != -ECONNRESET)
		return fail("cannot send the command: %s", strerror(-err));
	return o->error ? session_status(s, o) : fail("the machine did not start");
}

static int detached(struct run *r, struct session *s, const struct launch *l)
{
	struct outcome o = { 0 };
	int err = session_send(s);

	if (!err)
		session_wait_start(s, &o);
	if (err || !o.started) {
		launch_end(l);
		return failed_start(r, s, &o, err);
	}
	if (r->json) {
		printf("{\"name\": ");
		json_string(r->name);
		printf(", \"machine_pid\": %d, \"pid\": %d}\n", l->pid, o.pid);
	} else {
		printf("%s\n", r->name);
	}
	return 0;
}

static const char *invent_name(void)
{
	static char name[16];
	unsigned int x = 0;
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, &x, sizeof(x)) != sizeof(x))
		x = (unsigned int)getpid() * 2654435761U;
	if (fd >= 0)
		close(fd);
	snprintf(name, sizeof(name), "m%08x", x);
	return name;
}

static int name_free(const char *name)
{
	struct machine *all;
	size_t n = machines_list(&all);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		if (!strcmp(all[i].name, name) && all[i].alive)
			err = fail("a machine named '%s' runs already (process %d)", name,
				   all[i].pid);
	free(all);
	return err;
}

/* --- both --- */

static int prepare(struct run *r, struct session *s, struct list *args, struct list *env)
{
	char why[WHY_MAX];

	if (r->detach && !r->name)
		r->name = invent_name();
	if (r->name && name_free(r->name))
		return EXIT_FAILED;
	r->o.env = (const char *const *)r->env.v;
	r->o.binds = (const char *const *)r->binds.v;
	r->o.kernel_options = (const char *const *)r->words.v;
	r->tty = r->detach ? 0 : want_tty(r->tty);
	if (launch_args(&r->o, r->name, args, why))
		return fail("%s", why);
	launch_env(&r->o, r->tty ? getenv("TERM") : NULL, env);
	if (env->failed || r->env.failed || r->binds.failed || r->words.failed)
		return fail("out of memory");
	*s = (struct session){ .fds = { 0, 1, 2 },
			       .argv = s->argv,
			       .env = env->v,
			       .cwd = r->o.workdir,
			       .user = r->o.user,
			       .timeout_ms = r->o.timeout_ms,
			       .flags = CTL_LAST | (r->detach ? CTL_KEEP : 0) |
					(r->tty ? CTL_TTY : 0) };
	if (r->detach) {
		s->fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		s->fds[1] = s->fds[2] = open_log(r);
	}
	return s->fds[1] < 0 ? EXIT_FAILED : 0;
}

static int start(struct run *r, struct session *s)
{
	struct list args = { 0 }, env = { 0 };
	struct launch l = { .o = &r->o, .args = &args };
	char why[WHY_MAX];
	int status = prepare(r, s, &args, &env);

	if (!status) {
		l.err_fd = s->fds[2];
		if (launch(&l, why))
			status = fail("%s", why);
		s->ctl = l.ctl;
	}
	if (!status)
		status = r->detach ? detached(r, s, &l) : foreground(r, s, &l);
	list_free(&args);
	list_free(&env);
	return status;
}

static int run_main(int argc, char **argv)
{
	static char *const shell[] = { "/bin/sh", NULL };
	struct run r = { .tty = -1, .o = { .size = sizeof(r.o) } };
	struct session s = { 0 };
	const char *v;
	int c;

	while ((c = usage_next(&run_usage, PARENT, argc, argv, &v)) != -1)
		if (c == '?' || one_option(&r, c, v))
			return EXIT_FAILED;
	if (optind == argc) {
		fail("run: which root? A directory, an initramfs file, or - for the embedded one");
		usage_wrong(&run_usage, PARENT);
		return EXIT_FAILED;
	}
	r.o.root = strcmp(argv[optind], "-") ? argv[optind] : NULL;
	optind++;
	if (optind < argc && !strcmp(argv[optind], "--"))
		optind++;
	s.argv = optind < argc ? argv + optind : shell;
	return start(&r, &s);
}

const struct usage run_usage = {
	.name = "run",
	.synopsis = "[OPTIONS] ROOT [COMMAND [ARGUMENT...]]",
	.summary = "run a command in a fresh machine",
	.text = "Starts a machine whose root is ROOT, runs COMMAND (default: /bin/sh) in it and ends the machine with it. "
		"Standard input, output and error are the command's own.\n\nROOT is a directory, an initramfs file (cpio, "
		"plain or gzip), or - for the embedded root file system with busybox. A directory is changed by what the "
		"command writes, unless --ephemeral or --read-only is given.",
	.options = options,
	.run = run_main,
	.operands = "directories",
	.status =
		"That of the command, or 128 and the number of the signal that ended it; 124 after --timeout; 125 when "
		"umlaut fails; 126 when the command cannot be executed; 127 when it is not found; 130 when interrupted.",
};
