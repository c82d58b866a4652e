/* SPDX-License-Identifier: MIT */
/* From an outcome to a reason. */
#include "tools/libumlaut/judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "generated/version.h"
#include "tools/libumlaut/launch.h"

enum { STATUS_TIMEOUT = 124, STATUS_FAILED, STATUS_NOT_RUN, STATUS_NOT_FOUND, STATUS_INTERRUPTED = 130 };

static const char *const names[] = {
	[UMLAUT_EXITED] = "exited",	  [UMLAUT_SIGNALED] = "signaled",
	[UMLAUT_TIMEOUT] = "timeout",	  [UMLAUT_MEMORY] = "memory",
	[UMLAUT_PROCESSES] = "processes", [UMLAUT_CANCELLED] = "cancelled",
	[UMLAUT_NOT_FOUND] = "not found", [UMLAUT_NOT_RUN] = "not run",
	[UMLAUT_MACHINE] = "machine",
};

EXPORT const char *umlaut_reason_name(enum umlaut_reason reason)
{
	return (size_t)reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unknown";
}

EXPORT const char *umlaut_version(void)
{
	return UMLAUT_VERSION;
}

static void not_started(const struct session *s, const struct outcome *o, struct umlaut_result *r)
{
	bool found = o->missing || o->error != ENOENT;

	r->reason = found ? UMLAUT_NOT_RUN : UMLAUT_NOT_FOUND;
	r->status = found ? STATUS_NOT_RUN : STATUS_NOT_FOUND;
	if (o->missing == 'u')
		because(r->message, 0, "no user '%s' in the machine's /etc/passwd", s->user);
	else if (o->missing)
		because(r->message, 0, "no group '%s' in the machine's /etc/group",
			strchr(s->user, ':') + 1);
	else
		because(r->message, 0, "cannot run '%s': %s", s->argv[0], strerror(o->error));
}

static void by_itself(const struct outcome *o, struct umlaut_result *r)
{
	bool failed = o->status != 0;

	r->signal = WIFSIGNALED(o->status) ? WTERMSIG(o->status) : 0;
	r->reason = r->signal ? UMLAUT_SIGNALED : UMLAUT_EXITED;
	r->status = r->signal ? 128 + r->signal : WEXITSTATUS(o->status);
	if (failed && o->oom_kills)
		r->reason = UMLAUT_MEMORY;
	else if (failed && o->fork_refusals)
		r->reason = UMLAUT_PROCESSES;
}

/* Said also when the command got over it. */
static void shortages(const struct outcome *o, struct umlaut_result *r)
{
	if (o->oom_kills)
		because(r->message, 0, "the machine ran out of memory: %llu process%s killed",
			(unsigned long long)o->oom_kills,
			o->oom_kills == 1 ? " was" : "es were");
	else if (o->fork_refusals)
		because(r->message, 0, "the machine had too many processes: %llu fork%s refused",
			(unsigned long long)o->fork_refusals,
			o->fork_refusals == 1 ? " was" : "s were");
}

void judge(const struct session *s, const struct outcome *o, struct umlaut_result *r)
{
	r->user_ns = o->utime_ns;
	r->system_ns = o->stime_ns;
	r->maxrss_kib = o->maxrss_kib;
	r->oom_kills = o->oom_kills;
	r->fork_refusals = o->fork_refusals;
	if (o->error) {
		not_started(s, o, r);
		return;
	}
	if (o->exited)
		by_itself(o, r);
	shortages(o, r);
	if (o->timed_out) {
		r->reason = UMLAUT_TIMEOUT;
		r->status = STATUS_TIMEOUT;
		because(r->message, 0, "timed out after %g second%s", (double)s->timeout_ms / 1e3,
			s->timeout_ms == 1000 ? "" : "s");
	} else if (o->interrupted && (!o->exited || r->signal)) {
		r->reason = UMLAUT_CANCELLED;
		r->status = STATUS_INTERRUPTED;
		because(r->message, 0, "interrupted");
	} else if (!o->exited) {
		r->reason = UMLAUT_MACHINE;
		r->status = STATUS_FAILED;
		because(r->message, 0, "the machine ended before '%s' did", s->argv[0]);
	}
}
