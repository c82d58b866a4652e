/* SPDX-License-Identifier: MIT */
/*
 * Messages of a control channel, a SOCK_SEQPACKET connection (docs/control.md). One message is one packet. The
 * tools include this file, too. Numbers are in the host's byte order.
 */
#ifndef CONTROL_PROTO_H
#define CONTROL_PROTO_H

#include <stdint.h>

enum {
	/* to the kernel */
	CTL_START = 1,		/* struct ctl_start and strings; descriptors: in, out, err, or one terminal */
	CTL_SIGNAL,		/* value: to the foreground group or the whole session of the process */
	CTL_WINCH,		/* the terminal changed its size */
	/* from the kernel */
	CTL_STARTED = 64,	/* value: pid */
	CTL_FAILED,		/* value: errno. The end of the channel */
	CTL_NO_USER,		/* value: 0, or 1 when it is the group that does not exist. The end as well */
	CTL_EXITED,		/* struct ctl_exited. The end of the channel */
};

enum {
	CTL_TTY = 1,		/* one descriptor, a terminal */
	CTL_LAST = 2,		/* the machine ends with the process, and when the channel is closed */
	CTL_KEEP = 4,		/* the process lives on when the channel is closed */
};

#define CTL_MESSAGE_MAX (128 * 1024)

struct ctl_message {
	uint32_t type, value;
};

/*
 * Followed by NUL terminated strings: working directory, user, argc arguments, envc variables. The user is
 * NAME[:GROUP], or numbers, by the machine's own passwd and group files; "": root. HOME is set by the
 * kernel when it is not among the variables.
 */
struct ctl_start {
	uint32_t type, flags;
	uint32_t argc, envc;
};

struct ctl_exited {
	uint32_t type;
	uint32_t status;	/* as wait() gives it */
	uint64_t utime_ns, stime_ns;
	uint64_t maxrss_kib;
	uint64_t oom_kills;	/* processes the machine killed for lack of memory, ever */
	uint64_t fork_refusals;	/* forks it refused because there were too many processes, ever */
};

#endif
