/* SPDX-License-Identifier: MIT */
/* Command line, environment and process of a machine. */
#include "tools/libumlaut/launch.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/common/mconsole.h"

#define END_PATIENCE_MS 3000
#define CTL_FD 3		/* in the kernel process */

extern char **environ;

int because(char *why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WHY_MAX, fmt, ap);
	va_end(ap);
	return err;
}

/* --- the command line --- */

static int add_bind(struct list *args, const char *spec, char *why)
{
	const char *colon = strchr(spec, ':');
	char *host = colon ? strndup(spec, (size_t)(colon - spec)) : NULL,
	     *real = host ? realpath(host, NULL) : NULL;
	int err = 0;

	if (!colon || colon[1] != '/')
		err = because(why, -EINVAL,
			      "bind: expected HOST:GUEST[:ro] with an absolute GUEST: '%s'", spec);
	else if (!real)
		err = because(why, -errno, "bind: %s: %s", host, strerror(errno));
	else if (strpbrk(real, ":,"))
		err = because(why, -EINVAL,
			      "bind: a colon or comma in '%s' cannot be passed on", real);
	else
		list_addf(args, "bind=%s:%s", real, colon + 1);
	free(host);
	free(real);
	return err;
}

static int add_root(struct list *args, const struct umlaut_options *o, char *why)
{
	char *real = realpath(o->root, NULL);
	struct stat st;
	int err = 0;

	if (!real || stat(real, &st)) {
		err = because(why, -errno, "%s: %s", o->root, strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		list_addf(args, "initrd=%s", real);
	} else if (strchr(real, ',')) {
		err = because(why, -EINVAL,
			      "%s: a comma in the name of a root cannot be passed on", real);
	} else {
		list_add(args, "rootfstype=hostfs");
		list_addf(args, "rootflags=%s", real);
		list_add(args, o->read_only || o->ephemeral ? "ro" : "rw");
		if (o->ephemeral)
			list_add(args, "overlay");
	}
	free(real);
	return err;
}

static void add_limits(struct list *args, const struct umlaut_options *o)
{
	if (o->memory)
		list_addf(args, "mem=%llu", (unsigned long long)o->memory);
	if (o->cpus)
		list_addf(args, "ncpus=%u", o->cpus);
	if (o->processes)
		list_addf(args, "sysctl.kernel.threads-max=%u", o->processes);
}

int launch_args(const struct umlaut_options *o, const char *name, struct list *args, char *why)
{
	static const char *const fixed[] = { "linux",	   "con=null", "con0=null,fd:2", "ssl=null",
					     "loglevel=1", "noreboot", "stderr=0",	 "control=fd:3" };
	char dirs[MC_DIRS_MAX][MC_PATH_MAX];
	int err = 0;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		list_add(args, fixed[i]);
	mc_dirs(dirs);
	list_addf(args, "uml_dir=%s", dirs[0]);
	if (name)
		list_addf(args, "umid=%s", name);
	add_limits(args, o);
	if (o->root)
		err = add_root(args, o, why);
	for (const char *const *b = o->binds; !err && b && *b; b++)
		err = add_bind(args, *b, why);
	for (const char *const *k = o->kernel_options; k && *k; k++)
		list_add(args, *k);
	if (!err && args->failed)
		err = because(why, -ENOMEM, "out of memory");
	return err;
}

void launch_env(const struct umlaut_options *o, const char *term, struct list *env)
{
	list_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	list_addf(env, "TERM=%s", term ? term : "dumb");
	for (const char *const *e = o->env; e && *e; e++)
		list_set(env, *e);
}

/* --- the process --- */

static bool beside(const char *self, char path[PATH_MAX])
{
	const char *slash = self ? strrchr(self, '/') : NULL;
	int n = slash ? snprintf(path, PATH_MAX, "%.*s/linux", (int)(slash - self), self) : PATH_MAX;

	return n < PATH_MAX && !access(path, X_OK);
}

/*
 * Beside the library or one folder up, where a build has it; beside the program; else PATH. The program may be
 * an interpreter in a folder that has a "linux" of somebody else's, so it does not come first.
 */
static const char *kernel_program(const struct umlaut_options *o, char path[PATH_MAX])
{
	const char *env = getenv("UMLAUT_KERNEL");
	char self[PATH_MAX];
	Dl_info lib;
	ssize_t n;

	if (o->kernel || (env && *env))
		return o->kernel ? o->kernel : env;
	if (dladdr((void *)umlaut_run, &lib) && lib.dli_fname && realpath(lib.dli_fname, self)) {
		if (beside(self, path))
			return path;
		*strrchr(self, '/') = 0;
		if (beside(self, path))
			return path;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = 0;
	if (beside(self, path))
		return path;
	return "linux";
}

/* Descriptors 0 to 3 are given anew, so what goes there must come from above. */
static int lift(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 10);
}

/* A session of its own, so that the terminal's signals reach the caller alone. */
static int spawn(const char *program, char *const *argv, int err_fd, int ctl, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none;
	int err;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawn_file_actions_init(&fa);
	err = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDWR, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&fa, 0, 1);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&fa, err_fd, 2);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&fa, ctl, CTL_FD);
	if (!err)
		err = posix_spawnp(pid, program, &fa, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	return -err;
}

int launch(struct launch *l, char *why)
{
	char path[PATH_MAX];
	const char *program = kernel_program(l->o, path);
	int pair[2], theirs, err_fd, err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return because(why, -errno, "socketpair: %s", strerror(errno));
	theirs = lift(pair[1]);
	err_fd = lift(l->err_fd);
	close(pair[1]);
	if (theirs < 0 || err_fd < 0) {
		err = because(why, -errno, "no more descriptors: %s", strerror(errno));
	} else {
		err = spawn(program, l->args->v, err_fd, theirs, &l->pid);
		if (err)
			because(why, err, "cannot start the kernel '%s': %s", program,
				strerror(-err));
	}
	if (theirs >= 0)
		close(theirs);
	if (err_fd >= 0)
		close(err_fd);
	l->ctl = pair[0];
	if (err)
		close(pair[0]);
	return err;
}

/* Readable at its end; -1 on hosts without. */
static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool ended(const struct launch *l, int pidfd, int ms, int *status)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	pid_t r;

	for (; ms > 0; ms -= 10) {
		r = waitpid(l->pid, status, WNOHANG);
		if (r == l->pid || (r < 0 && errno != EINTR))
			return true;
		poll(&p, 1, 10);
	}
	return false;
}

int launch_end(const struct launch *l)
{
	int status = 0, pidfd = open_pidfd(l->pid);

	close(l->ctl);
	if (!ended(l, pidfd, END_PATIENCE_MS, &status)) {
		kill(l->pid, SIGTERM);
		if (!ended(l, pidfd, 200, &status)) {
			kill(l->pid, SIGKILL);
			while (waitpid(l->pid, &status, 0) < 0 && errno == EINTR)
				;
		}
	}
	if (pidfd >= 0)
		close(pidfd);
	return status;
}
