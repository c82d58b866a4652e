/* SPDX-License-Identifier: MIT */
/*
 * System calls about terminals: only vhangup(2); the rest are ioctls.
 */
#include "sys/sys.h"

#include "abi/errno.h"
#include "core/cred.h"
#include "tty/tty.h"

#define CAP_SYS_TTY_CONFIG_K 26

long sys_vhangup(void)
{
	return capable(CAP_SYS_TTY_CONFIG_K) ? tty_vhangup_self() : -EPERM;
}
