/* SPDX-License-Identifier: MIT */
/*
 * What /sys shows.
 */
#include "fs/sysfs/priv.h"

#include "core/sched.h"
#include "mm/mm.h"

static void show_cpus(struct seq_buf *s, int cpu)
{
	if (sched_ncpus() > 1)
		seq_printf(s, "0-%d\n", sched_ncpus() - 1);
	else
		seq_puts(s, "0\n");
}

static void show_cpu_map(struct seq_buf *s, int cpu)
{
	int n = sched_ncpus();

	seq_printf(s, "%lx\n", n >= 64 ? ~0UL : (1UL << n) - 1);
}

static void show_cpu(struct seq_buf *s, int cpu)
{
	seq_printf(s, "%d\n", cpu);
}

static void show_cpu_bit(struct seq_buf *s, int cpu)
{
	seq_printf(s, "%lx\n", 1UL << (cpu & 63));
}

static void show_node_memory(struct seq_buf *s, int cpu)
{
	seq_printf(s, "Node 0 MemTotal:       %8lu kB\nNode 0 MemFree:        %8lu kB\n"
		   "Node 0 MemUsed:        %8lu kB\n", mem_total() >> 10, mem_free() >> 10,
		   mem_used() >> 10);
}

#define DIR(p) { .path = p }
#define TEXT(p, t) { .path = p, .text = t }
#define SHOW(p, f) { .path = p, .show = f }
#define LINK(p, t) { .path = p, .text = t, .link = true }

#define CPU "devices/system/cpu/"
#define TOPO CPU "cpu%d/topology/"
#define NODE "devices/system/node/"
#define THP "kernel/mm/transparent_hugepage/"
#define LO "devices/virtual/net/lo/"

const struct sys_entry sys_entries[] = {
	DIR("block/"),
	DIR("bus/"),
	DIR("class/block/"),
	DIR("class/mem/"),
	DIR("class/misc/"),
	LINK("class/net/lo", "../../devices/virtual/net/lo"),
	LINK("class/tty/console", "../../devices/virtual/tty/console"),
	LINK("class/tty/tty0", "../../devices/virtual/tty/tty0"),
	DIR("dev/block/"),
	DIR("dev/char/"),
	SHOW(CPU "online", show_cpus),
	SHOW(CPU "possible", show_cpus),
	SHOW(CPU "present", show_cpus),
	TEXT(CPU "offline", "\n"),
	TEXT(CPU "isolated", "\n"),
	TEXT(CPU "kernel_max", "63\n"),
	TEXT(CPU "cpu%d/online", "1\n"),
	TEXT(CPU "smt/active", "0\n"),
	TEXT(CPU "smt/control", "notsupported\n"),
	DIR(CPU "vulnerabilities/"),
	SHOW(TOPO "core_id", show_cpu),
	TEXT(TOPO "die_id", "0\n"),
	TEXT(TOPO "physical_package_id", "0\n"),
	SHOW(TOPO "core_cpus", show_cpu_bit),
	SHOW(TOPO "core_cpus_list", show_cpu),
	SHOW(TOPO "core_siblings", show_cpu_map),
	SHOW(TOPO "core_siblings_list", show_cpus),
	SHOW(TOPO "package_cpus", show_cpu_map),
	SHOW(TOPO "package_cpus_list", show_cpus),
	SHOW(TOPO "thread_siblings", show_cpu_bit),
	SHOW(TOPO "thread_siblings_list", show_cpu),
	TEXT(NODE "online", "0\n"),
	TEXT(NODE "possible", "0\n"),
	TEXT(NODE "has_cpu", "0\n"),
	TEXT(NODE "has_memory", "0\n"),
	TEXT(NODE "has_normal_memory", "0\n"),
	SHOW(NODE "node0/cpulist", show_cpus),
	SHOW(NODE "node0/cpumap", show_cpu_map),
	TEXT(NODE "node0/distance", "10\n"),
	SHOW(NODE "node0/meminfo", show_node_memory),
	LINK(NODE "node0/cpu%d", "../../cpu/cpu%d"),
	TEXT("devices/system/clocksource/clocksource0/available_clocksource", "tsc \n"),
	TEXT("devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
	TEXT(LO "address", "00:00:00:00:00:00\n"),
	TEXT(LO "addr_len", "6\n"),
	TEXT(LO "broadcast", "00:00:00:00:00:00\n"),
	TEXT(LO "carrier", "1\n"),
	TEXT(LO "flags", "0x9\n"),
	TEXT(LO "ifindex", "1\n"),
	TEXT(LO "iflink", "1\n"),
	TEXT(LO "mtu", "65536\n"),
	TEXT(LO "operstate", "unknown\n"),
	TEXT(LO "tx_queue_len", "1000\n"),
	TEXT(LO "type", "772\n"),
	TEXT("devices/virtual/tty/console/active", "tty0\n"),
	TEXT("devices/virtual/tty/console/dev", "5:1\n"),
	TEXT("devices/virtual/tty/tty0/active", "tty0\n"),
	TEXT("devices/virtual/tty/tty0/dev", "4:0\n"),
	DIR("firmware/"),
	DIR("fs/cgroup/"),
	DIR("fs/fuse/connections/"),
	DIR("hypervisor/"),
	DIR("kernel/debug/"),
	DIR("kernel/security/"),
	DIR("kernel/tracing/"),
	DIR("kernel/mm/hugepages/"),
	TEXT(THP "enabled", "always [madvise] never\n"),
	TEXT(THP "defrag", "always defer defer+madvise [madvise] never\n"),
	TEXT(THP "shmem_enabled", "always within_size advise [never] deny force\n"),
	TEXT(THP "use_zero_page", "1\n"),
	TEXT(THP "hpage_pmd_size", "2097152\n"),
	TEXT("kernel/profiling", "0\n"),
	TEXT("kernel/uevent_helper", "\n"),
	TEXT("kernel/uevent_seqnum", "0\n"),
	DIR("module/"),
	TEXT("power/state", "\n"),
	{ .path = NULL },
};
