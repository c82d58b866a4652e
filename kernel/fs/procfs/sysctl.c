/* SPDX-License-Identifier: MIT */
/*
 * /proc/sys: settings. A number is a line with its variable and range; several numbers in one file
 * are an array. What other parts obey lives in core/sysctl.h or with its owner; the rest is kept here, so
 * that programs which set and read it back work.
 */
#include "fs/procfs/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "core/random.h"
#include "core/log.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "ipc/ipc.h"
#include "keys/keys.h"
#include "mm/pagecache.h"
#include "vfs/pipe.h"

/* ---- kinds of values ---- */

static int show_int(struct seq_buf *s, struct proc_node *n)
{
	const int *v = n->e->data;

	for (u32 i = 0; i < MAX(n->e->len, 1u); i++)
		seq_printf(s, "%s%d", i ? "\t" : "", v[i]);
	seq_putc(s, '\n');
	return 0;
}

static int write_int(struct proc_node *n, char *text, size_t len)
{
	const char *p = text;
	int *to = n->e->data;
	s64 v;
	int err;

	for (u32 i = 0; i < MAX(n->e->len, 1u); i++) {
		while (*p == ' ' || *p == '\t' || *p == '\n')
			p++;
		if (!*p)
			return i ? 0 : -EINVAL;
		err = proc_next_number(&p, &v);
		if (err)
			return err;
		if (v < n->e->min || v > n->e->max)
			return -EINVAL;
		to[i] = (int)v;
	}
	return 0;
}

static int show_u64(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%lu\n", *(u64 *)n->e->data);
	return 0;
}

static int write_u64(struct proc_node *n, char *text, size_t len)
{
	s64 v;
	int err = proc_parse_number(text, &v);

	if (!err)
		*(u64 *)n->e->data = (u64)v;
	return err;
}

static int show_str(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%s\n", (const char *)n->e->data);
	return 0;
}

/* Up to the first NUL or newline, cut at the variable's size. */
static int write_str(struct proc_node *n, char *text, size_t len)
{
	size_t take = MIN(strcspn(text, "\n"), (size_t)n->e->len - 1);

	memcpy(n->e->data, text, take);
	((char *)n->e->data)[take] = 0;
	return 0;
}

static int take_any(struct proc_node *n, char *text, size_t len)
{
	return 0;
}

/* ---- the page cache ---- */

static int write_dirty(struct proc_node *n, char *text, size_t len)
{
	static int *const other[][2] = {
		{ &sysctl.dirty_ratio, &sysctl.dirty_bytes },
		{ &sysctl.dirty_background_ratio, &sysctl.dirty_background_bytes },
	};
	int err = write_int(n, text, len);

	/* A share or an amount: the one that was set last. */
	for (size_t i = 0; i < ARRAY_SIZE(other) && !err; i++) {
		if (n->e->data == other[i][0])
			*other[i][1] = 0;
		else if (n->e->data == other[i][1])
			*other[i][0] = 0;
	}
	if (!err)
		writeback_limits_changed();
	return err;
}

static int write_drop_caches(struct proc_node *n, char *text, size_t len)
{
	s64 v;
	int err = proc_parse_number(text, &v);

	if (err)
		return err;
	if (v < 1 || v > 4)
		return -EINVAL;
	if (v & 1)
		pagecache_drop_clean();
	return 0;
}

/* ---- values that are computed ---- */

static void put_uuid(struct seq_buf *s, const u8 b[16])
{
	for (int i = 0; i < 16; i++)
		seq_printf(s, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
	seq_putc(s, '\n');
}

static void make_uuid(u8 b[16])
{
	random_bytes(b, 16);
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
}

static int show_uuid(struct seq_buf *s, struct proc_node *n)
{
	u8 b[16];

	make_uuid(b);
	put_uuid(s, b);
	return 0;
}

static int show_boot_id(struct seq_buf *s, struct proc_node *n)
{
	static u8 b[16];

	if (!b[6])
		make_uuid(b);
	put_uuid(s, b);
	return 0;
}

static int show_printk(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%d\t4\t1\t7\n", log_get_console_level());
	return 0;
}

static int write_printk(struct proc_node *n, char *text, size_t len)
{
	const char *p = text;
	s64 v;
	int err = proc_next_number(&p, &v);

	if (!err)
		log_set_console_level((int)v);
	return err;
}

static int show_file_nr(struct seq_buf *s, struct proc_node *n)
{
	struct process *p;
	u64 used = 0;

	list_for_each(p, &process_list, all_node)
		for (int fd = -1; p->leader && p->leader->files &&
				  (fd = files_next_fd(p->leader->files, fd + 1)) >= 0;)
			used++;
	seq_printf(s, "%lu\t0\t%lu\n", used, sysctl.file_max);
	return 0;
}

/* ---- tables ---- */

#define INT_N(nm, v, lo, hi, cnt) { .name = nm, .mode = S_IFREG | 0644, .show = show_int, \
	.write = write_int, .data = v, .min = lo, .max = hi, .len = cnt }
#define INT(nm, v, lo, hi) INT_N(nm, &(v), lo, hi, 1)
#define KEPT(nm, init, lo, hi) INT_N(nm, (&(int){ init }), lo, hi, 1)
#define DIRTY(nm, v, hi) { .name = nm, .mode = S_IFREG | 0644, .show = show_int, \
	.write = write_dirty, .data = &(v), .min = 0, .max = hi, .len = 1 }
#define RO(nm, text) { .name = nm, .mode = S_IFREG | 0444, .show = show_str, .data = (void *)(text) }
#define U64(nm, v) { .name = nm, .mode = S_IFREG | 0644, .show = show_u64, .write = write_u64, \
	.data = &(v) }
#define KEPT_U64(nm, init) { .name = nm, .mode = S_IFREG | 0644, .show = show_u64, \
	.write = write_u64, .data = &(u64){ init } }
/* As on a machine that has none to give: any wish is heard, none is fulfilled. */
#define NO_MEMORY(nm) { .name = nm, .mode = S_IFREG | 0644, .show = show_str, .write = take_any, \
	.data = "0" }
#define STR(nm, v) { .name = nm, .mode = S_IFREG | 0644, .show = show_str, .write = write_str, \
	.data = v, .len = sizeof(v) }

static const struct proc_entry random_table[] = {
	RO("entropy_avail", "256"),
	RO("poolsize", "256"),
	KEPT("urandom_min_reseed_secs", 60, 0, INT32_MAX),
	KEPT("write_wakeup_threshold", 256, 0, INT32_MAX),
	PROC_FILE("uuid", 0444, show_uuid),
	PROC_FILE("boot_id", 0444, show_boot_id),
	PROC_END
};

static const struct proc_entry pty_table[] = {
	KEPT("max", 4096, 0, INT32_MAX),
	KEPT("reserve", 1024, 0, INT32_MAX),
	RO("nr", "0"),
	PROC_END
};

static const struct proc_entry keys_table[] = {
	INT("maxbytes", keys_maxbytes, 0, INT32_MAX),
	INT("maxkeys", keys_maxkeys, 0, INT32_MAX),
	INT("root_maxbytes", keys_root_maxbytes, 0, INT32_MAX),
	INT("root_maxkeys", keys_root_maxkeys, 0, INT32_MAX),
	PROC_END
};

static const struct proc_entry seccomp_table[] = {
	RO("actions_avail", "kill_process kill_thread trap errno user_notif trace log allow"),
	RO("actions_logged", "kill_process kill_thread trap errno user_notif trace log"),
	PROC_END
};

static char poweroff_cmd[64] = "/sbin/poweroff", modprobe[64] = "/sbin/modprobe";

static const struct proc_entry kernel_table[] = {
	KEPT("acct", 4, 0, INT32_MAX),
	RO("arch", "x86_64"),
	KEPT("auto_msgmni", 0, 0, 1),
	RO("cap_last_cap", "40"),
	STR("core_pattern", sysctl.core_pattern),
	INT("core_pipe_limit", sysctl.core_pipe_limit, 0, INT32_MAX),
	INT("core_uses_pid", sysctl.core_uses_pid, 0, 1),
	INT("ctrl-alt-del", sysctl.ctrl_alt_del, 0, 1),
	INT("dmesg_restrict", sysctl.dmesg_restrict, 0, 1),
	STR("domainname", uts.domainname),
	STR("hostname", uts.nodename),
	KEPT("hung_task_timeout_secs", 120, 0, INT32_MAX),
	PROC_DIR("keys", 0555, keys_table),
	INT("kptr_restrict", sysctl.kptr_restrict, 0, 2),
	STR("modprobe", modprobe),
	KEPT("modules_disabled", 1, 1, 1),
	INT("msgmax", sysctl.msgmax, 0, INT32_MAX),
	INT("msgmnb", sysctl.msgmnb, 0, INT32_MAX),
	INT("msg_next_id", msg_table.next_id, 0, INT32_MAX),
	INT("msgmni", sysctl.msgmni, 0, INT32_MAX),
	RO("ngroups_max", "65536"),
	INT("ns_last_pid", last_pid, 0, PID_MAX_DEFAULT),
	RO("osrelease", uts.release),
	RO("ostype", uts.sysname),
	KEPT("overflowgid", 65534, 0, 65535),
	KEPT("overflowuid", 65534, 0, 65535),
	INT("panic", sysctl.panic, INT32_MIN, INT32_MAX),
	INT("panic_on_oops", sysctl.panic_on_oops, 0, 1),
	KEPT("panic_on_warn", 0, 0, 1),
	KEPT("perf_event_max_sample_rate", 100000, 0, INT32_MAX),
	KEPT("perf_event_paranoid", 2, -1, 4),
	INT("pid_max", pid_max, 301, 4194304),
	STR("poweroff_cmd", poweroff_cmd),
	KEPT("print-fatal-signals", 0, 0, 1),
	PROC_FILE_RW("printk", 0644, show_printk, write_printk),
	KEPT("printk_ratelimit", 5, 0, INT32_MAX),
	KEPT("printk_ratelimit_burst", 10, 0, INT32_MAX),
	PROC_DIR("pty", 0555, pty_table),
	PROC_DIR("random", 0555, random_table),
	INT("randomize_va_space", sysctl.randomize_va_space, 0, 2),
	KEPT("sched_autogroup_enabled", 0, 0, 1),
	KEPT("sched_child_runs_first", 0, 0, 1),
	KEPT("sched_rr_timeslice_ms", 100, 0, INT32_MAX),
	KEPT("sched_rt_period_us", 1000000, 1, INT32_MAX),
	KEPT("sched_rt_runtime_us", 950000, -1, INT32_MAX),
	PROC_DIR("seccomp", 0555, seccomp_table),
	INT("sem_next_id", sem_table.next_id, 0, INT32_MAX),
	INT_N("sem", sysctl.sem, 0, INT32_MAX, 4),
	KEPT("shm_rmid_forced", 0, 0, 1),
	U64("shmall", sysctl.shmall),
	U64("shmmax", sysctl.shmmax),
	INT("shm_next_id", shm_table.next_id, 0, INT32_MAX),
	INT("shmmni", sysctl.shmmni, 0, 32768),
	KEPT("softlockup_panic", 0, 0, 1),
	INT("sysrq", sysctl.sysrq, 0, INT32_MAX),
	KEPT("tainted", 0, 0, INT32_MAX),
	INT("threads-max", sysctl.threads_max, 1, INT32_MAX),
	KEPT("unprivileged_bpf_disabled", 2, 0, 2),
	RO("version", uts.version),
	KEPT("watchdog", 0, 0, 1),
	PROC_END
};

static const struct proc_entry vm_table[] = {
	KEPT("admin_reserve_kbytes", 8192, 0, INT32_MAX),
	{ .name = "compact_memory", .mode = S_IFREG | 0200, .write = take_any },
	DIRTY("dirty_background_bytes", sysctl.dirty_background_bytes, INT32_MAX),
	DIRTY("dirty_background_ratio", sysctl.dirty_background_ratio, 100),
	DIRTY("dirty_bytes", sysctl.dirty_bytes, INT32_MAX),
	DIRTY("dirty_expire_centisecs", sysctl.dirty_expire_centisecs, INT32_MAX),
	DIRTY("dirty_ratio", sysctl.dirty_ratio, 100),
	DIRTY("dirty_writeback_centisecs", sysctl.dirty_writeback_centisecs, INT32_MAX),
	{ .name = "drop_caches", .mode = S_IFREG | 0200, .write = write_drop_caches },
	KEPT("laptop_mode", 0, 0, INT32_MAX),
	KEPT("legacy_va_layout", 0, 0, 1),
	INT("max_map_count", sysctl.max_map_count, 0, INT32_MAX),
	KEPT("min_free_kbytes", 11365, 0, INT32_MAX),
	U64("mmap_min_addr", sysctl.mmap_min_addr),
	KEPT("mmap_rnd_bits", 28, 28, 32),
	NO_MEMORY("nr_hugepages"),
	NO_MEMORY("nr_overcommit_hugepages"),
	KEPT("oom_dump_tasks", 1, 0, 1),
	KEPT("oom_kill_allocating_task", 0, 0, 1),
	KEPT("overcommit_kbytes", 0, 0, INT32_MAX),
	INT("overcommit_memory", sysctl.overcommit_memory, 0, 2),
	INT("overcommit_ratio", sysctl.overcommit_ratio, 0, INT32_MAX),
	KEPT("page-cluster", 3, 0, 31),
	KEPT("panic_on_oom", 0, 0, 2),
	KEPT("stat_interval", 1, 0, INT32_MAX),
	INT("swappiness", sysctl.swappiness, 0, 200),
	KEPT("unprivileged_userfaultfd", 0, 0, 1),
	KEPT("user_reserve_kbytes", 131072, 0, INT32_MAX),
	KEPT("vfs_cache_pressure", 100, 0, INT32_MAX),
	KEPT("watermark_scale_factor", 10, 1, 3000),
	KEPT("zone_reclaim_mode", 0, 0, 7),
	PROC_END
};

static const struct proc_entry inotify_table[] = {
	INT("max_queued_events", sysctl.inotify_queue, 0, INT32_MAX),
	INT("max_user_instances", sysctl.inotify_instances, 0, INT32_MAX),
	INT("max_user_watches", sysctl.inotify_watches, 0, INT32_MAX),
	PROC_END
};

static const struct proc_entry epoll_table[] = {
	KEPT("max_user_watches", 1000000, 0, INT32_MAX),
	PROC_END
};

static const struct proc_entry mqueue_table[] = {
	INT("msg_default", sysctl.mq_msg_default, 1, 65536),
	INT("msg_max", sysctl.mq_msg_max, 1, 65536),
	INT("msgsize_default", sysctl.mq_msgsize_default, 128, 16777216),
	INT("msgsize_max", sysctl.mq_msgsize_max, 128, 16777216),
	INT("queues_max", sysctl.mq_queues_max, 0, INT32_MAX),
	PROC_END
};

static const struct proc_entry fs_table[] = {
	KEPT_U64("aio-max-nr", 65536),
	RO("aio-nr", "0"),
	RO("dentry-state", "0\t0\t45\t0\t0\t0"),
	PROC_DIR("epoll", 0555, epoll_table),
	U64("file-max", sysctl.file_max),
	PROC_FILE("file-nr", 0444, show_file_nr),
	RO("inode-nr", "0\t0"),
	RO("inode-state", "0\t0\t0\t0\t0\t0\t0"),
	PROC_DIR("inotify", 0555, inotify_table),
	KEPT("lease-break-time", 45, 0, INT32_MAX),
	KEPT("leases-enable", 1, 0, 1),
	KEPT("mount-max", 100000, 1, INT32_MAX),
	PROC_DIR("mqueue", 0555, mqueue_table),
	INT("nr_open", sysctl.nr_open, 64, 2147483584),
	KEPT("overflowgid", 65534, 0, 65535),
	KEPT("overflowuid", 65534, 0, 65535),
	INT("pipe-max-size", pipe_max_size, 4096, INT32_MAX),
	KEPT("pipe-user-pages-hard", 0, 0, INT32_MAX),
	KEPT("pipe-user-pages-soft", 16384, 0, INT32_MAX),
	INT("protected_fifos", sysctl.protected_fifos, 0, 2),
	INT("protected_hardlinks", sysctl.protected_hardlinks, 0, 1),
	INT("protected_regular", sysctl.protected_regular, 0, 2),
	INT("protected_symlinks", sysctl.protected_symlinks, 0, 1),
	INT("suid_dumpable", sysctl.suid_dumpable, 0, 2),
	PROC_END
};

static const struct proc_entry user_table[] = {
	KEPT("max_cgroup_namespaces", 0, 0, INT32_MAX),
	KEPT("max_inotify_instances", 128, 0, INT32_MAX),
	KEPT("max_inotify_watches", 65536, 0, INT32_MAX),
	KEPT("max_ipc_namespaces", 0, 0, INT32_MAX),
	KEPT("max_mnt_namespaces", 30000, 0, INT32_MAX),
	KEPT("max_net_namespaces", 0, 0, INT32_MAX),
	KEPT("max_pid_namespaces", 0, 0, INT32_MAX),
	KEPT("max_time_namespaces", 0, 0, INT32_MAX),
	KEPT("max_user_namespaces", 0, 0, INT32_MAX),
	KEPT("max_uts_namespaces", 0, 0, INT32_MAX),
	PROC_END
};

static const struct proc_entry core_table[] = {
	KEPT("bpf_jit_enable", 0, 0, 2),
	RO("default_qdisc", "pfifo_fast"),
	KEPT("netdev_max_backlog", 1000, 0, INT32_MAX),
	KEPT("optmem_max", 131072, 0, INT32_MAX),
	INT("rmem_default", sysctl.rmem_default, 2304, INT32_MAX),
	INT("rmem_max", sysctl.rmem_max, 2304, INT32_MAX),
	INT("somaxconn", sysctl.somaxconn, 0, INT32_MAX),
	INT("wmem_default", sysctl.wmem_default, 4608, INT32_MAX),
	INT("wmem_max", sysctl.wmem_max, 4608, INT32_MAX),
	PROC_END
};

static const struct proc_entry unix_table[] = {
	INT("max_dgram_qlen", sysctl.unix_max_dgram_qlen, 0, INT32_MAX),
	PROC_END
};

static const struct proc_entry ipv4_table[] = {
	KEPT("icmp_echo_ignore_all", 0, 0, 1),
	KEPT("ip_default_ttl", 64, 1, 255),
	INT("ip_forward", sysctl.ip_forward, 0, 1),
	INT_N("ip_local_port_range", sysctl.ip_port_range, 1, 65535, 2),
	KEPT("ip_unprivileged_port_start", 1024, 0, 65535),
	INT_N("ping_group_range", ((int[]){ 1, 0 }), 0, INT32_MAX, 2),
	RO("tcp_available_congestion_control", "reno"),
	RO("tcp_congestion_control", "reno"),
	KEPT("tcp_fin_timeout", 60, 0, INT32_MAX),
	KEPT("tcp_keepalive_intvl", 75, 1, 32767),
	KEPT("tcp_keepalive_probes", 9, 1, 127),
	KEPT("tcp_keepalive_time", 7200, 1, 32767),
	KEPT("tcp_max_syn_backlog", 512, 0, INT32_MAX),
	INT_N("tcp_rmem", ((int[]){ 4096, 131072, 6291456 }), 1, INT32_MAX, 3),
	KEPT("tcp_syncookies", 1, 0, 2),
	KEPT("tcp_timestamps", 1, 0, 2),
	KEPT("tcp_tw_reuse", 2, 0, 2),
	INT_N("tcp_wmem", ((int[]){ 4096, 16384, 4194304 }), 1, INT32_MAX, 3),
	PROC_END
};

static const struct proc_entry net_sys_table[] = {
	PROC_DIR("core", 0555, core_table),
	PROC_DIR("ipv4", 0555, ipv4_table),
	PROC_DIR("unix", 0555, unix_table),
	PROC_END
};

static const struct proc_entry empty_table[] = { PROC_END };

const struct proc_entry sys_table[] = {
	PROC_DIR("abi", 0555, empty_table),
	PROC_DIR("debug", 0555, empty_table),
	PROC_DIR("dev", 0555, empty_table),
	PROC_DIR("fs", 0555, fs_table),
	PROC_DIR("kernel", 0555, kernel_table),
	PROC_DIR("net", 0555, net_sys_table),
	PROC_DIR("user", 0555, user_table),
	PROC_DIR("vm", 0555, vm_table),
	PROC_END
};

/* ---- by name: the command line's sysctl. ---- */

static const struct proc_entry *find_entry(const struct proc_entry *table, const char *name)
{
	size_t n = strcspn(name, "./");

	for (; table->name; table++) {
		if (strncmp(table->name, name, n) || table->name[n])
			continue;
		if (!name[n])
			return table;
		return table->sub ? find_entry(table->sub, name + n + 1) : NULL;
	}
	return NULL;
}

int sysctl_write(const char *name, char *value)
{
	struct proc_node n = { .e = find_entry(sys_table, name) };

	if (!n.e || n.e->sub)
		return -ENOENT;
	return n.e->write ? n.e->write(&n, value, strlen(value)) : -EACCES;
}
