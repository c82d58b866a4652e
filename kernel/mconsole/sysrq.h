/* SPDX-License-Identifier: MIT */
/* Sysrq: one letter, one action on the whole machine. From /proc/sysrq-trigger and the management console. */
#ifndef MCONSOLE_SYSRQ_H
#define MCONSOLE_SYSRQ_H

void sysrq_init(void);		/* serves /proc/sysrq-trigger */
void sysrq(char key);		/* an unknown key logs the help. May block */

#endif
