/* SPDX-License-Identifier: MIT */
/*
 * Sysrq: the table of letters. Messages are Linux's; what makes no sense in a process (unraw, NMI
 * backtraces) is left out.
 */
#include "mconsole/sysrq.h"

#include <string.h>

#include "abi/signal.h"
#include "abi/utsname.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/stack.h"
#include "core/signal.h"
#include "core/task.h"
#include "fs/procfs/procfs.h"
#include "mm/mm.h"
#include "mm/oom.h"
#include "sys/machine.h"
#include "vfs/vfs.h"

static void do_reboot(char key)
{
	if (machine_reboot_hook)
		machine_reboot_hook((int)LINUX_REBOOT_CMD_RESTART);
}

static void do_poweroff(char key)
{
	if (machine_reboot_hook)
		machine_reboot_hook((int)LINUX_REBOOT_CMD_POWER_OFF);
}

static void do_sync(char key)
{
	vfs_sync_all();
	pr_info("Emergency Sync complete");
}

static void do_unmount(char key)
{
	vfs_emergency_remount();
	pr_info("Emergency Remount complete");
}

static void do_registers(char key)
{
	struct sched_stats st;

	sched_get_stats(&st);
	pr_info("CPUs: %d, runnable: %d, switches: %lu", sched_ncpus(), st.runnable,
		(unsigned long)st.switches);
	if (current)
		pr_info("CPU: %d PID: %d Comm: %s", current->cpu, current->tid, current->comm);
	backtrace_print();
}

static void do_crash(char key)
{
	panic("sysrq triggered crash");
}

static void do_loglevel(char key)
{
	log_set_console_level(key - '0');
	pr_info("Loglevel set to %c", key);
}

static void signal_all(int sig)
{
	struct process *p;

	list_for_each(p, &process_list, all_node)
		if (p->tgid != 1)
			send_signal_process(sig, NULL, p);
}

static void do_term(char key)
{
	signal_all(SIGTERM);
}

static void do_kill(char key)
{
	signal_all(SIGKILL);
}

static void show_tasks(bool blocked_only)
{
	const struct process *p;
	const struct task *t;

	list_for_each(p, &process_list, all_node)
		list_for_each(t, &p->threads, thread_node)
			if (!blocked_only || t->state == TASK_DISK_SLEEP)
				show_task(t);
}

static void do_tasks(char key)
{
	show_tasks(false);
}

static void do_blocked(char key)
{
	show_tasks(true);
}

static void do_memory(char key)
{
	pr_info("Mem-Info: total %lu kB, used %lu kB, file data %lu kB", mem_total() >> 10,
		mem_used() >> 10, mem_file_bytes() >> 10);
}

static void do_oom(char key)
{
	oom_kill(mem_used());
}

static const struct sysrq_key {
	char first, last;
	const char *action, *help;
	void (*fn)(char key);
} keys[] = {
	{ '0', '9', "Changing Loglevel", "loglevel(0-9)", do_loglevel },
	{ 'b', 'b', "Resetting", "reboot(b)", do_reboot },
	{ 'c', 'c', "Trigger a crash", "crash(c)", do_crash },
	{ 'e', 'e', "Terminate All Tasks", "terminate-all-tasks(e)", do_term },
	{ 'f', 'f', "Manual OOM execution", "memory-full-oom-kill(f)", do_oom },
	{ 'i', 'i', "Kill All Tasks", "kill-all-tasks(i)", do_kill },
	{ 'm', 'm', "Show Memory", "show-memory-usage(m)", do_memory },
	{ 'o', 'o', "Power Off", "poweroff(o)", do_poweroff },
	{ 'p', 'p', "Show Regs", "show-registers(p)", do_registers },
	{ 's', 's', "Emergency Sync", "sync(s)", do_sync },
	{ 't', 't', "Show State", "show-task-states(t)", do_tasks },
	{ 'u', 'u', "Emergency Remount R/O", "unmount(u)", do_unmount },
	{ 'w', 'w', "Show Blocked State", "show-blocked-tasks(w)", do_blocked },
};

static void help(void)
{
	char text[512] = "sysrq: HELP :";

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		strncat(text, " ", sizeof(text) - strlen(text) - 1);
		strncat(text, keys[i].help, sizeof(text) - strlen(text) - 1);
	}
	pr_info("%s", text);
}

void sysrq(char key)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (key >= keys[i].first && key <= keys[i].last) {
			pr_info("sysrq: %s", keys[i].action);
			keys[i].fn(key);
			return;
		}
	help();
}

void sysrq_init(void)
{
	procfs_sysrq = sysrq;
}
