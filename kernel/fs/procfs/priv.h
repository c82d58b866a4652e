/* SPDX-License-Identifier: MIT */
/*
 * Inside procfs: a tree of tables. An entry is a line in a table, a node is an entry seen from an
 * inode, with the task it is about.
 *
 * Files are made of text by show() when they are read from the start, and stay as they were until
 * then. A show function returns 0 or -errno; it may block.
 */
#ifndef FS_PROCFS_PRIV_H
#define FS_PROCFS_PRIV_H

#include "abi/stat.h"
#include "vfs/vfs.h"

struct dir_ctx;
struct mm;
struct proc_entry;
struct proc_node;
struct process;
struct task;

struct proc_node {
	const struct proc_entry *e;
	struct task *task;		/* holds a reference; NULL: about no task */
	int fd;				/* descriptor below fd/ and fdinfo/ */
};

/* A listing in progress: positions are those after "." and "..". */
struct proc_emit {
	struct dir_ctx *ctx;
	const struct proc_node *dir;
};
/* False: no room. The name is at position pos, the following one at next. */
bool proc_emit(struct proc_emit *em, const char *name, u64 ino, u32 mode, off64 next);

/* Directories whose names are not in a table. */
struct proc_dir {
	/* Finds name: fills n->e, n->task (reference) and n->fd. -ENOENT */
	int (*find)(const struct proc_node *dir, const char *name, struct proc_node *n);
	/* Calls emit for the names from position pos on (pos counts from 0). */
	int (*list)(const struct proc_node *dir, struct proc_emit *em);
	/* Is n, found before, still what find would give? */
	bool (*valid)(const struct proc_node *n);
};

struct proc_entry {
	const char *name;
	u32 mode;			/* with the type */
	int (*show)(struct seq_buf *s, struct proc_node *n);
	int (*write)(struct proc_node *n, char *text, size_t len);
	ssize (*readlink)(struct proc_node *n, char *buf, size_t size);
	int (*follow)(struct proc_node *n, struct path *out);
	const struct proc_entry *sub;	/* directory: its table, ends with name NULL; may be empty */
	const struct proc_dir *dir;	/* directory: further names */
	const struct file_ops *fops;	/* instead of show and write */
	void *data;			/* for show and write: sysctl.c */
	s64 min, max;
	u32 len;
	bool ptrace;			/* only for who may trace the task */
};

#define PROC_END { .name = NULL }
#define PROC_FILE(n, m, s) { .name = n, .mode = S_IFREG | (m), .show = s }
#define PROC_FILE_RW(n, m, s, w) { .name = n, .mode = S_IFREG | (m), .show = s, .write = w }
#define PROC_SECRET(n, m, s) { .name = n, .mode = S_IFREG | (m), .show = s, .ptrace = true }
#define PROC_DIR(n, m, t) { .name = n, .mode = S_IFDIR | (m), .sub = t }

static inline struct proc_node *PN(const struct inode *inode)
{
	return inode->private;
}

/* node.c */
extern const struct file_ops proc_file_ops;
int proc_make_inode(struct super *sb, const struct proc_node *n, struct inode **out);	/* takes n->task */
u64 proc_ino(const struct proc_entry *e, int tid, int fd);
int proc_open_check(struct inode *inode, struct file *f);	/* the ptrace rule */

/* parse.c: what is written to files. */
/* The next number (decimal, 0 octal, 0x hex, with sign) at *p, which moves behind it; -EINVAL. */
int proc_next_number(const char **p, s64 *out);
int proc_parse_number(const char *text, s64 *out);	/* with nothing but white space around */

/* root.c */
extern const struct proc_entry proc_root;

/* pid.c */
extern const struct proc_entry pid_table[], tid_table[];
extern const struct proc_entry pid_entry, tid_entry;
bool proc_task_alive(const struct task *t);
bool proc_may_trace(const struct task *t);		/* PTRACE_MODE_READ with fs ids */
struct mm *proc_get_mm(const struct proc_node *n);	/* returns a reference, NULL */
int proc_parse_id(const char *name);			/* a decimal number without leading zero, or -1 */

/* pid_fd.c */
extern const struct proc_dir proc_task_dir, proc_fd_dir, proc_fdinfo_dir;
extern const struct proc_entry ns_table[];
ssize proc_exe_readlink(struct proc_node *n, char *buf, size_t size);
int proc_exe_follow(struct proc_node *n, struct path *out);
ssize proc_cwd_readlink(struct proc_node *n, char *buf, size_t size);
int proc_cwd_follow(struct proc_node *n, struct path *out);
ssize proc_root_link_readlink(struct proc_node *n, char *buf, size_t size);
int proc_root_link_follow(struct proc_node *n, struct path *out);

/* pid_mm.c */
int proc_maps(struct seq_buf *s, struct proc_node *n);
int proc_smaps(struct seq_buf *s, struct proc_node *n);
int proc_smaps_rollup(struct seq_buf *s, struct proc_node *n);
int proc_cmdline(struct seq_buf *s, struct proc_node *n);
int proc_environ(struct seq_buf *s, struct proc_node *n);
int proc_auxv(struct seq_buf *s, struct proc_node *n);
int proc_statm(struct seq_buf *s, struct proc_node *n);
extern const struct file_ops proc_mem_fops, proc_pagemap_fops;

/* pid_status.c */
int proc_stat(struct seq_buf *s, struct proc_node *n);
int proc_tid_stat(struct seq_buf *s, struct proc_node *n);
int proc_status(struct seq_buf *s, struct proc_node *n);

/* keys.c */
int proc_show_keys(struct seq_buf *s, struct proc_node *n);
int proc_show_key_users(struct seq_buf *s, struct proc_node *n);

/* mounts.c, stat.c, sysctl.c, sysvipc.c, net.c: tables or files of the top */
extern const struct file_ops proc_mounts_fops, proc_mountinfo_fops, proc_mountstats_fops;
extern const struct file_ops proc_kmsg_fops;
extern const struct proc_entry net_table[], sys_table[], sysvipc_table[];
int proc_show_cpuinfo(struct seq_buf *s, struct proc_node *n);
int proc_show_meminfo(struct seq_buf *s, struct proc_node *n);
int proc_show_stat(struct seq_buf *s, struct proc_node *n);
int proc_show_uptime(struct seq_buf *s, struct proc_node *n);
int proc_show_loadavg(struct seq_buf *s, struct proc_node *n);
int proc_show_vmstat(struct seq_buf *s, struct proc_node *n);
int proc_show_interrupts(struct seq_buf *s, struct proc_node *n);
int proc_show_softirqs(struct seq_buf *s, struct proc_node *n);
int proc_show_zoneinfo(struct seq_buf *s, struct proc_node *n);
int proc_show_partitions(struct seq_buf *s, struct proc_node *n);
int proc_show_diskstats(struct seq_buf *s, struct proc_node *n);
int proc_show_uuid(struct seq_buf *s, struct proc_node *n);

#endif
