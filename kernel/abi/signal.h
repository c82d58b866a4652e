/* SPDX-License-Identifier: MIT */
/* Signal numbers, sigaction, siginfo, ucontext as the kernel lays them out. */
#ifndef ABI_SIGNAL_H
#define ABI_SIGNAL_H

#include <linux/signal.h>
#include <asm/siginfo.h>

#include <asm/sigcontext.h>
#include <asm/ucontext.h>

#endif
