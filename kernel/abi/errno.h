/* SPDX-License-Identifier: MIT */
/*
 * Error numbers of the Linux user ABI, plus the kernel's internal restart codes (which
 * never reach a guest: the signal code turns them into a restart or EINTR).
 */
#ifndef ABI_ERRNO_H
#define ABI_ERRNO_H

#include <linux/errno.h>

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif
#define ERESTARTSYS 512			/* restart if SA_RESTART, else EINTR */
#define ERESTARTNOINTR 513		/* always restart */
#define ERESTARTNOHAND 514		/* restart if no handler ran, else EINTR */
#define ENOIOCTLCMD_K 515		/* an ioctl that this layer does not know: the next one is asked */
#define ERESTART_RESTARTBLOCK 516	/* restart through restart_syscall, else EINTR */

#endif
