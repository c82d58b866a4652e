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
#include "core/time.h"
#include "guest/guest.h"
#include "host/chanhelp.h"
#include "host/host.h"
#include "instance.h"
#include "mconsole/mconsole.h"
#include "sys/machine.h"
#include "tty/tty.h"
#include "vfs/vfs.h"

static char **args;
/* A process that ends is reaped at once, those that end soon after it together. */
#define REAP_PAUSE (4 * NSEC_PER_MSEC)

static int sigfd, childfd;
static struct event_source *sig_source, *child_source;
static struct ktimer reap_timer;

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

static bool reap(void)
{
	bool any = false;
	int status, pid;

	while ((pid = host_reap(&status))) {
		space_reaped(pid);
		any = true;
	}
	return any;
}

static void reap_later(struct ktimer *t)
{
	if (!reap() || ktimer_start(t, ktime_get() + REAP_PAUSE))
		event_mod(child_source, EPOLLIN);
}

/* Where many processes end, waking for each costs more than the rest of its end. */
static void on_child(void *arg, u32 events)
{
	while (host_signalfd_read(childfd))
		;
	if (reap() && !ktimer_start(&reap_timer, ktime_get() + REAP_PAUSE))
		event_mod(child_source, 0);
}

static void on_host_signal(void *arg, u32 events)
{
	int sig;

	while ((sig = host_signalfd_read(sigfd))) {
		if (sig != SIGWINCH) {
			leave();
			host_exit(1);
		}
		console_winch();
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
	int err;

	panic_hooks.notify = on_panic;
	panic_hooks.end = after_panic;
	machine_reboot_hook = on_reboot;
	control_end_machine = end_quietly;
	ktimer_init(&reap_timer, reap_later);
	sigfd = host_signalfd_term();
	if (sigfd < 0)
		return sigfd;
	childfd = host_signalfd_chld();
	if (childfd < 0)
		return childfd;
	err = event_add(childfd, EPOLLIN, false, on_child, NULL, &child_source);
	return err ? err : event_add(sigfd, EPOLLIN, false, on_host_signal, NULL, &sig_source);
}
