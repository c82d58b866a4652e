/* SPDX-License-Identifier: MIT */
/*
 * libumlaut: run a command in a machine of its own and learn how it ended.
 *
 * One call starts a fresh machine (a process of the caller's user, without any privilege), runs the
 * command in it, collects what it wrote, and ends the machine with it. Nothing stays behind, also when
 * the caller dies. The library keeps no state: calls may run in parallel in any number of threads. It
 * leaves signal handlers, terminals and the working directory alone; SIGCHLD comes to the caller as for
 * any child.
 *
 * Link with -lumlaut. examples/ in the sources has a program in C and one in Python.
 */
#ifndef UMLAUT_H
#define UMLAUT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero but size is a good beginning: the embedded root, no limits but the machine's own. */
struct umlaut_options {
	size_t size;			/* sizeof(struct umlaut_options): later versions append fields */

	/* The machine. Strings and arrays are borrowed for the call; arrays end with NULL. */
	const char *kernel;		/* program; NULL: $UMLAUT_KERNEL, "linux" beside the library, or in PATH */
	const char *root;		/* directory or initramfs file; NULL: the embedded root with busybox */
	int ephemeral;			/* changes to the root are kept in memory and lost */
	int read_only;			/* the root cannot be changed */
	const char *const *binds;	/* "HOST:GUEST[:ro]": directories of the host */
	const char *const *kernel_options;	/* further words for the kernel's command line */

	/* The command. */
	const char *user;		/* NAME[:GROUP] of the machine's passwd file, or numbers; NULL: root */
	const char *workdir;		/* NULL: / */
	const char *const *env;		/* "NAME=VALUE"; PATH, HOME and TERM have values without them */
	const void *input;		/* its standard input; NULL: empty */
	size_t input_size;

	/* Limits; 0: none, or the default named. */
	uint64_t memory;		/* bytes of the machine; default: a quarter of the host's */
	unsigned int cpus;		/* default: all */
	unsigned int processes;		/* tasks in the machine, the kernel's own included; default by memory */
	unsigned int timeout_ms;	/* then SIGTERM, 3 s later SIGKILL, then the machine ends */
	size_t output_max;		/* bytes kept of each of the two outputs; default 16 MiB, then dropped */

	int cancel_fd;			/* above 0: when it becomes readable, as if the time were over */
};

enum umlaut_reason {
	UMLAUT_EXITED,			/* by itself: status */
	UMLAUT_SIGNALED,		/* by a signal: signal */
	UMLAUT_TIMEOUT,			/* it was still running after timeout_ms */
	UMLAUT_MEMORY,			/* it failed, and the machine had to kill processes for lack of memory */
	UMLAUT_PROCESSES,		/* it failed, and the machine had refused forks: too many processes */
	UMLAUT_CANCELLED,		/* cancel_fd */
	UMLAUT_NOT_FOUND,		/* there is no such command (status 127) */
	UMLAUT_NOT_RUN,			/* it could not be executed, or there is no such user or directory (126) */
	UMLAUT_MACHINE,			/* the machine did not start, or ended before the command did (125) */
};

struct umlaut_result {
	enum umlaut_reason reason;
	int status;			/* as a shell's $?: 128 + signal, 124 after a timeout, 125..127 as above */
	int signal;			/* that ended the command; 0 */
	char *output, *error_output;	/* what it wrote, with a NUL behind; owned by the result */
	size_t output_size, error_output_size;
	int truncated;			/* it wrote more than output_max */
	uint64_t user_ns, system_ns;	/* CPU time of the command and its children that ended */
	uint64_t wall_ns;		/* the machine's start and end included */
	uint64_t maxrss_kib;		/* of its largest process */
	uint64_t oom_kills;		/* processes that were killed for lack of memory */
	uint64_t fork_refusals;		/* forks that failed because of the limit */
	char message[256];		/* the reason in words; "" when it exited */
};

/*
 * Runs argv (ends with NULL) and waits for its end. 0: *r says how it ended, and is to be given back. A
 * negative errno: the options are wrong (-EINVAL) or the host lacks something; r->message says what,
 * nothing is to be given back.
 */
int umlaut_run(const struct umlaut_options *o, char *const argv[], struct umlaut_result *r);
void umlaut_result_free(struct umlaut_result *r);

const char *umlaut_reason_name(enum umlaut_reason reason);	/* "exited", "timeout", ...; static */
const char *umlaut_version(void);				/* static */

#ifdef __cplusplus
}
#endif

#endif
