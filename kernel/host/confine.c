/* SPDX-License-Identifier: MIT */
/*
 * The second half of self confinement: the seccomp filter of the kernel process itself, which the
 * build has made (tools/mkfilter, where the allowed calls are listed).
 *
 * Guest processes have a filter of their own (guest/filter.c); they are forked from one that was
 * born before this one is installed.
 */
#include "host/host.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CONFINED_ENV "UMLAUT_CONFINED"	/* for the kernel that follows this one */

bool host_confined(void)
{
	return getenv(CONFINED_ENV) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
	       prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER;
}

/* For all threads at once; without the slow mitigations that old hosts add to filtered processes. */
int host_confine_calls(const char *filter, size_t len, bool restart)
{
	struct sock_fprog prog = { (u16)(len / sizeof(struct sock_filter)), (struct sock_filter *)filter };
	long r;

	if (host_confined())
		return 0;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog);
	if (r)
		return r < 0 ? -errno : -EBUSY;
	if (restart)
		setenv(CONFINED_ENV, "1", 1);
	return 0;
}
