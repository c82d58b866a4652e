/* SPDX-License-Identifier: MIT */
/*
 * The ends of the machine: power off, halt, reboot, panic, the host's signals. Exit codes are UML's.
 */
#include "machine.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "abi/utsname.h"
#include "block/ubd.h"
#include "cmdline.h"
#include "control/control.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "guest/guest.h"
#include "host/chanhelp.h"
#include "host/host.h"
#include "instance.h"
#include "mconsole/mconsole.h"
#include "sys/machine.h"
#include "tty/tty.h"
#include "vfs/vfs.h"

static char **args;
static int sigfd;
static struct event_source *sig_source;

void machine_set_args(char **argv)
{
	args = argv;
}

static void leave(void)
{
	guest_shutdown();
	ubd_shutdown();
	console_flush();
	console_restore();
	instance_remove();
}

static void restart(void) __noreturn;
static void restart(void)
{
	pr_emerg("reboot: Restarting system");
	leave();
	if (boot.noreboot)
		host_exit(halt_exit_code & 0xff);
	host_chanhelp_pass();
	host_reexec(args);
}

static void end(const char *why) __noreturn;
static void end(const char *why)
{
	pr_emerg("reboot: %s", why);
	leave();
	host_exit(halt_exit_code & 0xff);
}

static void on_reboot(int how)
{
	unsigned int cmd = (unsigned int)how;

	vfs_sync_all();
	if (cmd == LINUX_REBOOT_CMD_RESTART || cmd == LINUX_REBOOT_CMD_RESTART2)
		restart();
	end(cmd == LINUX_REBOOT_CMD_HALT ? "System halted" : "Power down");
}

static void reap(void)
{
	int status, pid;

	while ((pid = host_reap(&status)))
		space_reaped(pid);
}

static void on_host_signal(void *arg, u32 events)
{
	int sig;

	while ((sig = host_signalfd_read(sigfd))) {
		if (sig == SIGCHLD)
			reap();
		else if (sig == SIGWINCH)
			console_winch();
		else {
			leave();
			host_exit(1);
		}
	}
}

/* Quietly, and without a sync: what the guest wrote is with the host already. */
static void end_quietly(int status) __noreturn;
static void end_quietly(int status)
{
	leave();
	host_exit(status);
}

static void on_panic(const char *text)
{
	mconsole_panic(text);
}

static void after_panic(void)
{
	guest_shutdown();
	console_flush();
	console_restore();
}

int machine_init(void)
{
	panic_hooks.notify = on_panic;
	panic_hooks.end = after_panic;
	machine_reboot_hook = on_reboot;
	control_end_machine = end_quietly;
	sigfd = host_signalfd_chld_term();
	if (sigfd < 0)
		return sigfd;
	return event_add(sigfd, EPOLLIN, false, on_host_signal, NULL, &sig_source);
}
