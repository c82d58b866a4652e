/* SPDX-License-Identifier: MIT */
/*
 * umlaut run: a command in a fresh machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/control_proto.h"
#include "tools/umlaut/umlaut.h"

#define PARENT (&umlaut_usage)

enum {
	OPT_EPHEMERAL = 256,
	OPT_CPUS,
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
	{ 'b', "bind", "HOST:GUEST[:ro]", "a directory of the host, at GUEST; may be repeated" },
	{ 'e', "env", "NAME[=VALUE]",
	  "set a variable, or take it from the environment; may be repeated" },
	{ 'u', "user", "USER[:GROUP]", "run as this user of the root's passwd file, or number" },
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
	struct list kernel;	/* its command line */
	struct list env;
	const char *root, *name, *user, *cwd;
	const char *program;
	int tty;		/* -1: automatic */
	bool ephemeral, read_only, detach, json;
	int timeout;
	char *log;
};

/* --- options --- */

static int number(const char *s, const char *what, int *out)
{
	char *end;
	long n = strtol(s, &end, 10);

	if (end == s || *end || n < 1 || n > 1000000000L) {
		fail("--%s: not a number above 0: '%s'", what, s);
		return -1;
	}
	*out = (int)n;
	return 0;
}

static int add_bind(struct run *r, const char *spec)
{
	const char *colon = strchr(spec, ':');
	char *host = colon ? strndup(spec, (size_t)(colon - spec)) : NULL,
	     *real = host ? realpath(host, NULL) : NULL;
	int err = -1;

	if (!colon || colon[1] != '/')
		fail("--bind: expected HOST:GUEST[:ro] with an absolute GUEST: '%s'", spec);
	else if (!real)
		fail("--bind: %s: %s", host, strerror(errno));
	else if (strpbrk(real, ":,"))
		fail("--bind: a colon or comma in '%s' cannot be passed on", real);
	else
		err = 0;
	if (!err)
		list_addf(&r->kernel, "bind=%s:%s", real, colon + 1);
	free(host);
	free(real);
	return err;
}

static void add_env(struct run *r, const char *spec)
{
	const char *value = strchr(spec, '=') ? NULL : getenv(spec);

	if (strchr(spec, '='))
		list_add(&r->env, spec);
	else if (value)
		list_addf(&r->env, "%s=%s", spec, value);
}

static int mem_ok(const char *s)
{
	char *end;
	unsigned long long n = strtoull(s, &end, 10);

	if (end != s && n && (!*end || (strchr("kKmMgG", *end) && !end[1])))
		return 0;
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
	int n;

	switch (c) {
	case OPT_EPHEMERAL: r->ephemeral = true; return 0;
	case OPT_READ_ONLY: r->read_only = true; return 0;
	case 'm': list_addf(&r->kernel, "mem=%s", v); return mem_ok(v);
	case OPT_CPUS:
		if (number(v, "cpus", &n))
			return -1;
		list_addf(&r->kernel, "ncpus=%d", n);
		return 0;
	case 'b': return add_bind(r, v);
	case 'e': add_env(r, v); return 0;
	case 'u': r->user = v; return 0;
	case 'w': r->cwd = v; return 0;
	case OPT_TIMEOUT: return number(v, "timeout", &r->timeout);
	case 't': r->tty = 1; return 0;
	case 'T': r->tty = 0; return 0;
	case 'd': r->detach = true; return 0;
	case 'n': r->name = v; return name_ok(v);
	case OPT_OPTION: list_add(&r->kernel, v); return 0;
	case OPT_KERNEL: r->program = v; return 0;
	case OPT_JSON: r->json = true; return 0;
	default: return -1;
	}
}

/* --- the kernel's command line --- */

static const char *kernel_program(const struct run *r)
{
	static char path[PATH_MAX];
	const char *env = getenv("UMLAUT_KERNEL");
	ssize_t n;
	char *slash;

	if (r->program || (env && *env))
		return r->program ? r->program : env;
	n = readlink("/proc/self/exe", path, sizeof(path) - 8);
	if (n > 0) {
		path[n] = 0;
		slash = strrchr(path, '/');
		strcpy(slash + 1, "linux");
		if (!access(path, X_OK))
			return path;
	}
	return "linux";
}

static int set_root(struct run *r)
{
	char *real;
	struct stat st;

	if (!strcmp(r->root, "-")) {
		r->root = NULL;
		return 0;
	}
	real = realpath(r->root, NULL);
	if (!real || stat(real, &st))
		return fail("%s: %s", r->root, strerror(errno));
	if (strchr(real, ','))
		return fail("%s: a comma in the name of a root cannot be passed on", real);
	r->root = NULL;
	if (S_ISDIR(st.st_mode)) {
		r->root = real;
		list_add(&r->kernel, "rootfstype=hostfs");
		list_addf(&r->kernel, "rootflags=%s", real);
		list_add(&r->kernel, r->read_only || r->ephemeral ? "ro" : "rw");
		if (r->ephemeral)
			list_add(&r->kernel, "overlay");
	} else {
		list_addf(&r->kernel, "initrd=%s", real);
	}
	return 0;
}

static void default_env(struct run *r, const char *home)
{
	struct list given = r->env;
	const char *term = getenv("TERM");

	memset(&r->env, 0, sizeof(r->env));
	list_add(&r->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	list_addf(&r->env, "HOME=%s", home ? home : "/root");
	list_addf(&r->env, "TERM=%s", term && r->tty ? term : "dumb");
	for (size_t i = 0; i < given.n; i++) {
		size_t n = strcspn(given.v[i], "=") + 1, j;

		for (j = 0; j < r->env.n && strncmp(r->env.v[j], given.v[i], n); j++)
			;
		if (j < r->env.n)
			r->env.v[j] = given.v[i];
		else
			list_add(&r->env, given.v[i]);
	}
}

/* --- starting --- */

static const char *uml_dir(void)
{
	static char dirs[MC_DIRS_MAX][MC_PATH_MAX];

	mc_dirs(dirs);
	return dirs[0];
}

/* In the child: a session of its own, so that the terminal's signals reach umlaut alone. */
static void exec_kernel(struct run *r, int ctl, int err_fd)
{
	const char *program = kernel_program(r);
	sigset_t none;
	int logfd;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(ctl, 3);
	if (ctl != 3)
		close(ctl);
	logfd = r->detach ? open(r->log, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
	if (logfd >= 0)
		dup2(logfd, 2);
	dup2(open("/dev/null", O_RDWR), 0);
	dup2(0, 1);
	execvp(program, r->kernel.v);
	dprintf(err_fd, "umlaut: cannot start the kernel '%s': %s\n", program, strerror(errno));
	_exit(EXIT_FAILED);
}

static int start_machine(struct run *r, struct session *s)
{
	int pair[2], err_fd = fcntl(2, F_DUPFD_CLOEXEC, 10);

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return fail("socketpair: %s", strerror(errno));
	s->machine_pid = fork();
	if (s->machine_pid < 0)
		return fail("fork: %s", strerror(errno));
	if (!s->machine_pid)
		exec_kernel(r, pair[1], err_fd);
	close(pair[1]);
	close(err_fd);
	s->ctl = pair[0];
	return 0;
}

static int reap(const struct session *s)
{
	int status = 0;

	while (waitpid(s->machine_pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* The channel's end ends the machine; one that does not is killed. */
static int end_machine(const struct session *s)
{
	int status;

	close(s->ctl);
	for (int i = 0; i < 300; i++) {
		if (waitpid(s->machine_pid, &status, WNOHANG) == s->machine_pid)
			return status;
		usleep(10000);
	}
	kill(s->machine_pid, SIGTERM);
	usleep(200000);
	kill(s->machine_pid, SIGKILL);
	return reap(s);
}

static void print_json(const struct outcome *o, int status)
{
	fprintf(stderr,
		"{\"status\": %d, \"signal\": %d, \"timed_out\": %s, \"oom_kills\": %llu, \"utime\": %.6f, "
		"\"stime\": %.6f, \"maxrss_kib\": %llu}\n",
		status, o->exited && WIFSIGNALED(o->status) ? WTERMSIG(o->status) : 0,
		o->timed_out ? "true" : "false", (unsigned long long)o->oom_kills,
		(double)o->utime_ns / 1e9, (double)o->stime_ns / 1e9,
		(unsigned long long)o->maxrss_kib);
}

static int foreground(struct run *r, struct session *s)
{
	struct outcome o;
	int err, status, machine;

	err = session_run(s, &o);
	machine = o.exited && !err ? reap(s) : end_machine(s);
	if (err == -E2BIG)
		return fail("the command and its environment are too long");
	if (err && err != -EPIPE)
		return fail("cannot send the command: %s", strerror(-err));
	if (!o.started && !o.error && WIFEXITED(machine) && WEXITSTATUS(machine) == EXIT_FAILED)
		return EXIT_FAILED;		/* said by the child */
	status = session_status(s, &o, s->argv[0]);
	if (r->json)
		print_json(&o, status);
	return status;
}

static int open_log(struct run *r)
{
	char dir[MC_PATH_MAX];
	int fd;

	snprintf(dir, sizeof(dir), "%s", uml_dir());
	mkdir(dir, 0777);
	r->log = text("%s/%s.log", dir, r->name);
	fd = open(r->log, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		fail("%s: %s", r->log, strerror(errno));
	return fd;
}

static int detached(struct run *r, struct session *s)
{
	struct outcome o;
	int err = session_start(s, &o);

	if (err || o.error || !o.started) {
		end_machine(s);
		unlink(r->log);
		return err     ? fail("cannot send the command: %s", strerror(-err)) :
		       o.error ? session_status(s, &o, s->argv[0]) :
				 fail("the machine did not start");
	}
	if (r->json) {
		printf("{\"name\": ");
		json_string(r->name);
		printf(", \"machine_pid\": %d, \"pid\": %d}\n", s->machine_pid, o.pid);
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
	struct machine m, *all;
	size_t n = machines_list(&all);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		if (!strcmp(all[i].name, name) && all[i].alive) {
			m = all[i];
			err = fail("a machine named '%s' runs already (process %d)", m.name, m.pid);
		}
	free(all);
	return err;
}

static void kernel_options(struct run *r)
{
	static const char *const fixed[] = { "con=null",    "con0=null,fd:2", "ssl=null",
					     "loglevel=1",  "noreboot",	      "stderr=0",
					     "control=fd:3" };

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		list_add(&r->kernel, fixed[i]);
	list_addf(&r->kernel, "uml_dir=%s", uml_dir());
	if (r->name)
		list_addf(&r->kernel, "umid=%s", r->name);
}

static int prepare(struct run *r, struct session *s)
{
	char *home = NULL;
	int err;

	if (r->detach && !r->name)
		r->name = invent_name();
	if (r->name && name_free(r->name))
		return EXIT_FAILED;
	err = set_root(r);
	if (!err && r->user && user_parse(r->root, r->user, &s->uid, &s->gid, &home))
		err = EXIT_FAILED;
	if (err)
		return err;
	kernel_options(r);
	r->tty = r->detach ? 0 : want_tty(r->tty);
	s->tty = r->tty;
	default_env(r, home);
	s->env = r->env.v;
	s->cwd = r->cwd;
	s->timeout = r->timeout;
	s->flags = CTL_LAST | (r->detach ? CTL_KEEP : 0);
	for (int i = 0; i < 3; i++)
		s->fds[i] = i;
	if (r->detach) {
		s->fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		s->fds[1] = s->fds[2] = open_log(r);
		if (s->fds[1] < 0)
			return EXIT_FAILED;
	}
	return 0;
}

static int run_main(int argc, char **argv)
{
	static char *const shell[] = { "/bin/sh", NULL };
	struct run r = { .tty = -1 };
	struct session s = { 0 };
	const char *v;
	int c, err;

	list_add(&r.kernel, "linux");
	while ((c = usage_next(&run_usage, PARENT, argc, argv, &v)) != -1)
		if (c == '?' || one_option(&r, c, v))
			return EXIT_FAILED;
	if (optind == argc) {
		fail("run: which root? A directory, an initramfs file, or - for the embedded one");
		usage_wrong(&run_usage, PARENT);
		return EXIT_FAILED;
	}
	r.root = argv[optind++];
	if (optind < argc && !strcmp(argv[optind], "--"))
		optind++;
	s.argv = optind < argc ? argv + optind : (char **)shell;
	err = prepare(&r, &s);
	if (!err)
		err = start_machine(&r, &s);
	if (err)
		return err;
	return r.detach ? detached(&r, &s) : foreground(&r, &s);
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
