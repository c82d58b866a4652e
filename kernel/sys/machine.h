/* SPDX-License-Identifier: MIT */
/* What reboot(2) needs from above. */
#ifndef SYS_MACHINE_H
#define SYS_MACHINE_H

/* Ends or restarts the machine: LINUX_REBOOT_CMD_RESTART, _RESTART2, _HALT, _POWER_OFF. Set by main.c. */
extern void (*machine_reboot_hook)(int how);

#endif
