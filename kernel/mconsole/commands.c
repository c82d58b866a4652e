/* SPDX-License-Identifier: MIT */
/*
 * The commands of the management console. Matched as prefixes in this order, as UML does.
 */
#include "mconsole/priv.h"

const struct mc_command mc_commands[] = {
	{ "version", mc_version },
	{ "halt", mc_halt },
	{ "reboot", mc_reboot },
	{ "config", mc_config },
	{ "remove", mc_remove },
	{ "sysrq", mc_sysrq },
	{ "help", mc_help },
	{ "cad", mc_cad },
	{ "stop", mc_stop },
	{ "go", mc_go },
	{ "log", mc_log },
	{ "proc", mc_proc },
	{ "stack", mc_stack },
	/* ours */
	{ "exec", mc_exec },
	{ "dmesg", mc_dmesg },
	{ NULL, NULL },
};
