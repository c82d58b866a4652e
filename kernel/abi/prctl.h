/* SPDX-License-Identifier: MIT */
/* prctl, arch_prctl, capabilities, seccomp constants. */
#ifndef ABI_PRCTL_H
#define ABI_PRCTL_H

#include <linux/prctl.h>
#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <linux/seccomp.h>

#endif
