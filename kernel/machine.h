/* SPDX-License-Identifier: MIT */
/*
 * The ends of the machine, and what it hears from the host.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

void machine_set_args(char **argv);	/* for the reboot */
int machine_init(void);			/* SIGCHLD, SIGINT, SIGTERM, SIGWINCH; reboot(2). 0 or -errno */

#endif
