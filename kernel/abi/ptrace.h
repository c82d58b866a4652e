/* SPDX-License-Identifier: MIT */
/* ptrace requests, seccomp filters. */
#ifndef ABI_PTRACE_H
#define ABI_PTRACE_H

#include <linux/ptrace.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#endif
