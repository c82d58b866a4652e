/* SPDX-License-Identifier: MIT */
/*
 * The top of /proc: the table of global files, the processes, and what layers above add.
 */
#include "fs/procfs/procfs.h"

#include "fs/procfs/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/prctl.h"
#include "abi/poll.h"
#include "block/blkdev.h"
#include "core/cred.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "mm/iter.h"

/* ---- files ---- */

static int show_text(struct seq_buf *s, struct proc_node *n)
{
	seq_puts(s, n->e->data);
	return 0;
}

static int show_empty(struct seq_buf *s, struct proc_node *n)
{
	return 0;
}

static int show_version(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%s version %s (umlaut@umlaut) (gcc (GCC) " __VERSION__ ") %s\n", uts.sysname,
		   uts.release, uts.version);
	return 0;
}

static int show_cmdline(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%s\n", kernel_cmdline);
	return 0;
}

static int show_filesystems(struct seq_buf *s, struct proc_node *n)
{
	const struct fs_type *const *t = fs_types();

	for (; *t; t++)
		seq_printf(s, "%s\t%s\n", (*t)->nodev ? "nodev" : "", (*t)->name);
	return 0;
}

static int show_devices(struct seq_buf *s, struct proc_node *n)
{
	const char *name;
	u32 major, minor, count;
	u64 seen[8] = { 0 };

	seq_puts(s, "Character devices:\n");
	for (unsigned int i = 0; dev_chr_range(i, &major, &minor, &count, &name); i++) {
		if (major < 512 && seen[major / 64] >> (major % 64) & 1)
			continue;
		if (major < 512)
			seen[major / 64] |= 1UL << (major % 64);
		name = dev_chr_name(major);
		seq_printf(s, "%3u %s\n", major, name ? name : "?");
	}
	seq_puts(s, "\nBlock devices:\n");
	for (unsigned int i = 0; blkdev_major(i, &major, &name); i++)
		seq_printf(s, "%3u %s\n", major, name);
	return 0;
}

static int show_misc(struct seq_buf *s, struct proc_node *n)
{
	const char *name;
	u32 major, minor, count;

	for (unsigned int i = 0; dev_chr_range(i, &major, &minor, &count, &name); i++)
		if (major == 10)
			seq_printf(s, "%3u %s\n", minor, name);
	return 0;
}

static int show_exitcode(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%d\n", halt_exit_code);
	return 0;
}

static int write_exitcode(struct proc_node *n, char *text, size_t len)
{
	s64 v;
	int err = proc_parse_number(text, &v);

	if (!err)
		halt_exit_code = (int)v;
	return err;
}

void (*procfs_sysrq)(char key);

static int write_sysrq(struct proc_node *n, char *text, size_t len)
{
	if (len && procfs_sysrq)
		procfs_sysrq(text[0]);
	return 0;
}

/* The host's first processor stands for all; only numbers differ. */
int proc_show_cpuinfo(struct seq_buf *s, struct proc_node *n)
{
	static char text[8192];
	static ssize len;
	const char *line, *end;

	if (!len) {
		host_block_begin();
		len = host_cpuinfo(text, sizeof(text) - 1);
		host_block_end();
		if (len < 0)
			len = 0;
		text[len] = 0;
	}
	for (int cpu = 0; cpu < sched_ncpus(); cpu++) {
		for (line = text; *line && *line != '\n'; line = end + !!*end) {
			end = strchrnul(line, '\n');
			if (!strncmp(line, "processor", 9))
				seq_printf(s, "processor\t: %d\n", cpu);
			else if (!strncmp(line, "core id", 7))
				seq_printf(s, "core id\t\t: %d\n", cpu);
			else if (!strncmp(line, "apicid", 6))
				seq_printf(s, "apicid\t\t: %d\n", cpu);
			else if (!strncmp(line, "initial apicid", 14))
				seq_printf(s, "initial apicid\t: %d\n", cpu);
			else if (!strncmp(line, "siblings", 8))
				seq_printf(s, "siblings\t: %d\n", sched_ncpus());
			else if (!strncmp(line, "cpu cores", 9))
				seq_printf(s, "cpu cores\t: %d\n", sched_ncpus());
			else
				seq_printf(s, "%.*s\n", (int)(end - line), line);
		}
		seq_putc(s, '\n');
	}
	return 0;
}

/* ---- kmsg ---- */

static u64 kmsg_seq;		/* there is one reader of /proc/kmsg: what was read is gone */

static int kmsg_open(struct inode *inode, struct file *f)
{
	return capable(CAP_SYSLOG) ? 0 : -EPERM;
}

static ssize kmsg_read(struct file *f, struct iter *to, off64 *pos)
{
	char *buf;
	ssize n;
	int err;

	if (kmsg_seq >= log_next_seq()) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(log_wait_queue(), kmsg_seq < log_next_seq(), "kmsg");
		if (err)
			return err;
	}
	buf = kmalloc(8192);
	if (!buf)
		return -ENOMEM;
	do
		n = log_read(&kmsg_seq, buf, MIN(to->count, (size_t)8192), false);
	while (n == -EPIPE);
	if (n > 0)
		n = iter_copy_to(to, buf, (size_t)n);
	else if (n == -ENOBUFS)
		n = -EINVAL;
	kfree(buf);
	return n;
}

static u32 kmsg_poll(struct file *f, struct poll_table *pt)
{
	poll_wait(f, log_wait_queue(), pt);
	return kmsg_seq < log_next_seq() ? EPOLLIN | EPOLLRDNORM : 0;
}

const struct file_ops proc_kmsg_fops = {
	.open = kmsg_open,
	.read = kmsg_read,
	.poll = kmsg_poll,
	.llseek = file_noseek,
	.stream = true,
};

/* ---- self ---- */

static ssize self_readlink(struct proc_node *n, char *buf, size_t size)
{
	char text[16];
	int len;

	if (!current || !current->proc)
		return -ENOENT;
	len = snprintf(text, sizeof(text), "%d", current->proc->tgid);
	memcpy(buf, text, MIN((size_t)len, size));
	return (ssize)MIN((size_t)len, size);
}

static ssize thread_self_readlink(struct proc_node *n, char *buf, size_t size)
{
	char text[40];
	int len;

	if (!current || !current->proc)
		return -ENOENT;
	len = snprintf(text, sizeof(text), "%d/task/%d", current->proc->tgid, current->tid);
	memcpy(buf, text, MIN((size_t)len, size));
	return (ssize)MIN((size_t)len, size);
}

static ssize text_readlink(struct proc_node *n, char *buf, size_t size)
{
	size_t len = MIN(strlen(n->e->data), size);

	memcpy(buf, n->e->data, len);
	return (ssize)len;
}

/* ---- what others added ---- */

struct added {
	struct proc_entry e;
	int (*show)(struct seq_buf *s);
	int (*write)(char *text, size_t n);
	struct added *next;
};

static struct added *added_first;

static int added_show(struct seq_buf *s, struct proc_node *n)
{
	const struct added *a = container_of(n->e, struct added, e);

	return a->show(s);
}

static int added_write(struct proc_node *n, char *text, size_t len)
{
	const struct added *a = container_of(n->e, struct added, e);

	return a->write(text, len);
}

int procfs_add(const char *name, u32 mode, int (*show)(struct seq_buf *s),
	       int (*write)(char *text, size_t n))
{
	struct added *a = kzalloc(sizeof(*a)), **end = &added_first;

	if (!a)
		return -ENOMEM;
	a->e.name = name;
	a->e.mode = S_IFREG | (mode & 0777);
	a->e.show = show ? added_show : NULL;
	a->e.write = write ? added_write : NULL;
	a->show = show;
	a->write = write;
	while (*end)
		end = &(*end)->next;
	*end = a;
	return 0;
}

/* ---- the directory ---- */

static int find_top(const struct proc_node *dir, const char *name, struct proc_node *n)
{
	int pid = proc_parse_id(name);
	const struct added *a;
	struct task *t;

	for (a = added_first; a; a = a->next)
		if (!strcmp(a->e.name, name)) {
			n->e = &a->e;
			return 0;
		}
	/* Threads are found by their number, too, but not listed. */
	t = pid > 0 ? find_task(pid) : NULL;
	if (!t || !t->proc)
		return -ENOENT;
	n->e = &pid_entry;
	n->task = task_get(t);
	return 0;
}

#define ADDED_POS 1000
#define PID_POS 2000

static int list_top(const struct proc_node *dir, struct proc_emit *em)
{
	const struct process *p;
	const struct added *a = added_first;
	off64 at = ADDED_POS;
	char name[16];

	for (; a && em->ctx->pos < PID_POS; a = a->next)
		if (at++ >= em->ctx->pos && !proc_emit(em, a->e.name, proc_ino(&a->e, 0, 0), a->e.mode, at))
			return 0;
	if (em->ctx->pos < PID_POS)
		em->ctx->pos = PID_POS;
	while ((p = next_process((int)(em->ctx->pos - PID_POS)))) {
		snprintf(name, sizeof(name), "%d", p->tgid);
		if (!proc_emit(em, name, proc_ino(&pid_entry, p->tgid, 0), S_IFDIR,
			       PID_POS + p->tgid + 1))
			break;
	}
	return 0;
}

static const struct proc_dir top_dir = { find_top, list_top, NULL };

static const struct proc_entry empty_table[] = { PROC_END };
static const struct proc_entry driver_table[] = { PROC_END };
static const struct proc_entry tty_table[] = {
	PROC_FILE("drivers", 0444, show_empty),
	PROC_DIR("driver", 0555, empty_table),
	PROC_END
};
#define LINK(n, t) { .name = n, .mode = S_IFLNK | 0777, .readlink = text_readlink, .data = t }
#define TEXT(n, t) { .name = n, .mode = S_IFREG | 0444, .show = show_text, .data = t }

static const struct proc_entry top_table[] = {
	{ .name = "self", .mode = S_IFLNK | 0777, .readlink = self_readlink },
	{ .name = "thread-self", .mode = S_IFLNK | 0777, .readlink = thread_self_readlink },
	TEXT("buddyinfo", ""),
	TEXT("cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"),
	PROC_FILE("cmdline", 0444, show_cmdline),
	TEXT("consoles", "tty0                 -WU (EC  p  )    4:0\n"),
	PROC_FILE("cpuinfo", 0444, proc_show_cpuinfo),
	TEXT("crypto", ""),
	PROC_FILE("devices", 0444, show_devices),
#ifdef CONFIG_BLOCK
	PROC_FILE("diskstats", 0444, proc_show_diskstats),
#endif
	TEXT("dma", ""),
	PROC_DIR("driver", 0555, driver_table),
	TEXT("execdomains", "0-0\tLinux           \t[kernel]\n"),
	PROC_FILE_RW("exitcode", 0600, show_exitcode, write_exitcode),
	PROC_FILE("filesystems", 0444, show_filesystems),
	PROC_DIR("fs", 0555, empty_table),
	PROC_FILE("interrupts", 0444, proc_show_interrupts),
	TEXT("iomem", ""),
	TEXT("ioports", ""),
	PROC_DIR("irq", 0555, empty_table),
	PROC_FILE("key-users", 0444, proc_show_key_users),
	PROC_FILE("keys", 0444, proc_show_keys),
	{ .name = "kmsg", .mode = S_IFREG | 0400, .fops = &proc_kmsg_fops },
	PROC_FILE("loadavg", 0444, proc_show_loadavg),
	TEXT("locks", ""),
	PROC_FILE("meminfo", 0444, proc_show_meminfo),
	PROC_FILE("misc", 0444, show_misc),
	TEXT("modules", ""),
	LINK("mounts", "self/mounts"),
	LINK("net", "self/net"),
#ifdef CONFIG_BLOCK
	PROC_FILE("partitions", 0444, proc_show_partitions),
#endif
	PROC_FILE("softirqs", 0444, proc_show_softirqs),
	PROC_FILE("stat", 0444, proc_show_stat),
	TEXT("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
	PROC_DIR("sys", 0555, sys_table),
	{ .name = "sysrq-trigger", .mode = S_IFREG | 0200, .write = write_sysrq },
	PROC_DIR("sysvipc", 0555, sysvipc_table),
	PROC_DIR("tty", 0555, tty_table),
	PROC_FILE("uptime", 0444, proc_show_uptime),
	PROC_FILE("version", 0444, show_version),
	PROC_FILE("vmstat", 0444, proc_show_vmstat),
	PROC_FILE("zoneinfo", 0444, proc_show_zoneinfo),
	PROC_END
};

const struct proc_entry proc_root = {
	.name = "/", .mode = S_IFDIR | 0555, .sub = top_table, .dir = &top_dir,
};
