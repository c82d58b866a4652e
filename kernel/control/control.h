/* SPDX-License-Identifier: MIT */
/*
 * Control channels: a program on the host has a command run in the machine, over a connection that
 * it handed in (docs/control.md). Kernel lock held.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "lib/types.h"

struct file;

/* fd: a connected SOCK_SEQPACKET socket; taken, also on failure. 0 or -errno. nb */
int control_attach(int fd);
/* The machine's end with this exit status, asked for by CTL_LAST. Set by main. */
extern void (*control_end_machine)(int status) __noreturn;

/* hostfile.c: a descriptor of the host as a stream file of the guest; fd is taken, also on failure. 0, -errno */
int hostfile_open(int fd, bool out, u32 uid, struct file **file);

#endif
