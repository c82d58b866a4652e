/* SPDX-License-Identifier: MIT */
/* Signal numbers, sigaction, siginfo, ucontext as the kernel lays them out. */
#ifndef ABI_SIGNAL_H
#define ABI_SIGNAL_H

#include <linux/signal.h>
#include <asm/siginfo.h>

#include <asm/sigcontext.h>
#include <asm/ucontext.h>

/* What a sigaction may say: other bits are dropped, as since Linux 5.11 (sigaction(2), SA_UNSUPPORTED). */
#define SA_KNOWN (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | \
		  SA_NODEFER | SA_RESETHAND | SA_EXPOSE_TAGBITS | SA_RESTORER)

#endif
