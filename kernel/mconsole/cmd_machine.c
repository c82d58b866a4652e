/* SPDX-License-Identifier: MIT */
/*
 * Commands that concern the machine as a whole.
 */
#include "mconsole/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/signal.h"
#include "abi/utsname.h"
#include "control/control.h"
#include "core/freeze.h"
#include "core/log.h"
#include "core/signal.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "sys/machine.h"

static const char help_text[] =
	"Commands: \n"
	"    version - Get kernel version \n"
	"    help - Print this message \n"
	"    halt - Halt UML \n"
	"    reboot - Reboot UML \n"
	"    config <dev>=<config> - Add a new device to UML;  \n"
	"\tsame syntax as command line \n"
	"    config <dev> - Query the configuration of a device \n"
	"    remove <dev> - Remove a device from UML \n"
	"    sysrq <letter> - Performs the SysRq action controlled by the letter \n"
	"    cad - invoke the Ctrl-Alt-Del handler \n"
	"    stop - pause the UML; it will do nothing until it receives a 'go' \n"
	"    go - continue the UML after a 'stop' \n"
	"    log <string> - make UML enter <string> into the kernel log\n"
	"    proc <file> - returns the contents of the UML's /proc/<file>\n"
	"    stack <pid> - returns the stack of the specified pid\n";

void mc_version(struct mc_request *rq, const char *arg)
{
	char text[sizeof(uts)];

	snprintf(text, sizeof(text), "%s %s %s %s %s", uts.sysname, uts.nodename, uts.release,
		 uts.version, uts.machine);
	mc_reply(rq, text, 0);
}

void mc_help(struct mc_request *rq, const char *arg)
{
	mc_reply(rq, help_text, 0);
}

void mc_halt(struct mc_request *rq, const char *arg)
{
	mc_reply(rq, "", 0);
	machine_reboot_hook((int)LINUX_REBOOT_CMD_HALT);
}

void mc_reboot(struct mc_request *rq, const char *arg)
{
	mc_reply(rq, "", 0);
	machine_reboot_hook((int)LINUX_REBOOT_CMD_RESTART);
}

/* reboot(2) with LINUX_REBOOT_CMD_CAD_OFF asks for a signal to init instead of a restart. */
void mc_cad(struct mc_request *rq, const char *arg)
{
	struct process *init = find_process(1);

	mc_reply(rq, "", 0);
	if (sysctl.ctrl_alt_del || !init)
		machine_reboot_hook((int)LINUX_REBOOT_CMD_RESTART);
	else
		send_signal_process(SIGINT, NULL, init);
}

void mc_stop(struct mc_request *rq, const char *arg)
{
	if (tasks_frozen) {
		mc_reply(rq, "Already stopped", 1);
		return;
	}
	tasks_freeze();
	mc_reply(rq, "stopped", 0);
}

void mc_go(struct mc_request *rq, const char *arg)
{
	if (!tasks_frozen) {
		mc_reply(rq, "Not stopped", 1);
		return;
	}
	tasks_thaw();
	mc_reply(rq, "", 0);
}

void mc_log(struct mc_request *rq, const char *arg)
{
	pr_warn("%s", arg);
	mc_reply(rq, "", 0);
}

/* The descriptor that came along is a control channel: docs/control.md. */
void mc_exec(struct mc_request *rq, const char *arg)
{
	int err;

	if (rq->nfds != 1) {
		mc_reply(rq, "Expected one descriptor, a control channel", -EINVAL);
		return;
	}
	err = control_attach(rq->fds[0]);
	rq->fds[0] = -1;
	mc_reply(rq, err ? "No memory for a control channel" : "", err);
}
