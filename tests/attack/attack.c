/* SPDX-License-Identifier: MIT */
/*
 * Attacks on the safety invariant, from inside: the guest's init, which starts one hostile process after the
 * other and a watchdog beside them. Hostile processes may die; the kernel must stay alive and right.
 *
 *   /init SECONDS SEED [attack...]       prints a line per attack, "ok attack.NAME" or "FAIL attack.NAME: why"
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WATCH_LIMIT 20		/* seconds in which the watchdog must have made a round */
#define KILL_LIMIT 25		/* seconds in which SIGKILL must have ended a process */
#define PID_LIMIT 32768		/* no process has a greater number */

/* --- the watchdog: an honest process that keeps asking --- */

static volatile uint32_t *rounds;	/* shared */
static volatile char *complaint;

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf((char *)complaint, 200, fmt, ap);
	va_end(ap);
}

static int last_status;			/* of the watchdog's child */

static bool pipe_works(void)
{
	char buf[64] = "";
	int p[2], status;
	pid_t pid;

	if (pipe(p))
		return false;
	pid = fork();
	if (!pid)
		_exit(write(p[1], "through the pipe", 17) == 17 ? 7 : 8);
	close(p[1]);		/* a child that was killed must not leave us reading */
	if (pid < 0 || waitpid(pid, &status, 0) != pid || read(p[0], buf, sizeof(buf)) != 17)
		status = -1;
	close(p[0]);
	last_status = status;
	return WIFEXITED(status) && WEXITSTATUS(status) == 7 && !strcmp(buf, "through the pipe");
}

static bool exec_works(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execl("/init", "init", "--exit", NULL);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	last_status = status;
	return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

static void watchdog(void)
{
	struct stat st;

	for (;; nap(2)) {
		errno = 0;
		if (syscall(SYS_getppid) != 1)
			complain("getppid is not 1");
		else if (stat("/init", &st) || !S_ISREG(st.st_mode))
			complain("stat: %s", strerror(errno));
		else if (!pipe_works() || !exec_works()) {
			/* The attackers took it all; it must come back. */
			if (errno == EAGAIN || errno == ENOMEM)
				continue;
			complain("pipe, fork, exec: %s, status %x", strerror(errno), last_status);
		}
		++*rounds;
	}
}

static const struct attack {
	const char *name;
	void (*fn)(void);
} attacks[] = {
	{ "jump", attack_jump }, { "calls", attack_calls }, { "scribble", attack_scribble },
	{ "race", attack_race }, { "bell", attack_bell }, { "fds", attack_fds }, { "maps", attack_maps },
	{ "strangers", attack_strangers }, { "deaf", attack_deaf }, { "mute", attack_mute },
	{ "threads", attack_threads }, { "served", attack_served }, { "readonly", attack_readonly },
	{ "fuzz", attack_fuzz }, { "fuzzroot", attack_fuzzroot },
};
#define NATTACKS (sizeof(attacks) / sizeof(attacks[0]))

/* --- init --- */

static bool watchdog_lives(uint32_t *seen, double *since)
{
	if (*rounds != *seen) {
		*seen = *rounds;
		*since = now();
	}
	return now() - *since < WATCH_LIMIT;
}

/*
 * What the attackers left: all processes but init and the watchdog's session. Every number is tried, since theirs may
 * have begun again from the lowest, and until none is left, since some fork meanwhile.
 */
static pid_t dog;

static bool kill_others(void)
{
	bool any = false;

	for (pid_t pid = 2; pid < PID_LIMIT; pid++)
		if (kill(pid, 0) == 0 && getsid(pid) != dog) {
			kill(pid, SIGKILL);
			any = true;
		}
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return any;
}

static bool clean_up(void)
{
	double end = now() + KILL_LIMIT;

	while (kill_others()) {
		if (now() > end)
			return false;
		nap(1);
	}
	return true;
}

/* "" or what is wrong. */
static const char *run(const struct attack *a, double seconds)
{
	double start = now(), since = start;
	uint32_t seen = *rounds, first = seen;
	bool over = false;
	int status;
	pid_t pid;

	end_of_attack = start + seconds;
	complaint[0] = 0;
	pid = fork();
	if (!pid) {
		int null = open("/tmp/null", O_RDWR | O_CREAT, 0600);

		/* What it prints is no result. */
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		if (!make_gadget())
			_exit(9);
		a->fn();
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (!over && !time_left()) {
			kill(pid, SIGKILL);
			over = true;
		}
		if (now() > end_of_attack + KILL_LIMIT)
			return "SIGKILL does not end it";
		if (!watchdog_lives(&seen, &since))
			return "the watchdog stands still";
		nap(20);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 9)
		return "no way into near text";
	if (!clean_up())
		return "SIGKILL does not end what it started";
	while (*rounds == first || *rounds == seen) {
		if (!watchdog_lives(&seen, &since))
			return "the watchdog stands still afterwards";
		nap(20);
	}
	return (const char *)complaint;
}

static bool chosen(const char *name, int argc, char **argv)
{
	for (int i = 3; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc <= 3;
}

int main(int argc, char **argv)
{
	double seconds;
	int n = 0;

	if (argc == 2 && !strcmp(argv[1], "--exit"))
		return 42;
	if (argc < 3)
		return 2;
	seconds = atof(argv[1]);
	seed = strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15 + 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	rounds = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	complaint = (char *)rounds + 64;
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	dog = fork();
	if (!dog) {
		setsid();
		watchdog();
	}
	for (unsigned int i = 0; i < NATTACKS; i++)
		n += chosen(attacks[i].name, argc, argv);
	for (unsigned int i = 0; i < NATTACKS; i++) {
		const char *why;

		if (!chosen(attacks[i].name, argc, argv))
			continue;
		rnd();
		why = run(&attacks[i], seconds / n);
		if (*why)
			printf("FAIL attack.%s: %s\n", attacks[i].name, why);
		else
			printf("ok attack.%s\n", attacks[i].name);
	}
	printf("# watchdog: %u rounds\n", *rounds);
	reboot(RB_POWER_OFF);
	return 1;
}
