/* SPDX-License-Identifier: MIT */
/*
 * The end that nobody asked for: reason, task and a symbolised backtrace into the log, then abort().
 */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/sched.h"
#include "core/task.h"
#include "host/host.h"

struct panic_hooks panic_hooks;

void backtrace_print(void)
{
	void *pc[32];
	int n = host_backtrace(pc, 32);

	for (int i = 0; i < n; i++) {
		char name[128];

		if (!host_symbol(pc[i], name, sizeof(name)))
			pr_emerg(" [<%p>] %s", pc[i], name);
	}
}

void panic(const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_set_console_level(8);
	pr_emerg("Kernel panic - not syncing: %s", text);
	if (current)
		pr_emerg("CPU: %d PID: %d Comm: %s", current->cpu, current->tid, current->comm);
	backtrace_print();
	if (panic_hooks.notify)
		panic_hooks.notify(text);
	pr_emerg("---[ end Kernel panic - not syncing: %s ]---", text);
	if (panic_hooks.end)
		panic_hooks.end();
	host_abort();
}
