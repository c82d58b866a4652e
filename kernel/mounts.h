/* SPDX-License-Identifier: MIT */
/* Mounts that the kernel makes itself at boot, below the root. Each may block. */
#ifndef KERNEL_MOUNTS_H
#define KERNEL_MOUNTS_H

void mounts_bind(void);		/* bind=HOST:GUEST[:ro]; one that fails is a panic */
void mounts_api(void); /* /proc, /sys, /dev/pts, /dev/shm, where there is no init to do it */

#endif
