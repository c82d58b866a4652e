/* SPDX-License-Identifier: MIT */
/*
 * Commands that show something: sysrq, proc, stack.
 */
#include "mconsole/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/stack.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "lib/strto.h"
#include "mconsole/sysrq.h"

#define CHUNK 4096

static void do_sysrq(void *arg)
{
	sysrq(*(const char *)arg);
}

/* After 'b' and 'o' there is nobody to answer. */
void mc_sysrq(struct mc_request *rq, const char *arg)
{
	if (*arg == 'b' || *arg == 'o')
		mc_reply(rq, "", 0);
	mc_with_log(rq, do_sysrq, (void *)arg);
}

static void do_stack(void *arg)
{
	show_task(arg);
}

void mc_stack(struct mc_request *rq, const char *arg)
{
	char *end;
	long pid = strtol(arg, &end, 10);
	struct task *t;

	if (end == arg) {
		mc_reply(rq, "Please specify a pid", 1);
		return;
	}
	t = pid > 0 && pid <= PID_MAX_DEFAULT ? find_task((int)pid) : NULL;
	if (!t) {
		mc_reply(rq, "Couldn't find that pid", 1);
		return;
	}
	task_get(t);
	mc_with_log(rq, do_stack, t);
	task_put(t);
}

/* --- proc --- */

/*
 * A mount of our own as the root of lookups: the guest may have mounted what it likes on /proc, and
 * a link there must not lead out. Made once and kept.
 */
static struct fs_ctx *proc_ctx(void)
{
	static struct fs_ctx *ctx;
	const struct fs_type *t = fs_type_find("proc");
	struct mount_ns *ns;
	struct path root;

	if (ctx)
		return ctx;
	if (!t || vfs_kern_mount(t, "proc", 0, NULL, &root.mnt))
		return NULL;
	root.dentry = root.mnt->root;
	ns = ctx ? NULL : mount_ns_new(root.mnt);
	if (ns)
		ctx = fs_ctx_new(ns, &root);
	else
		mntput(root.mnt);
	return ctx;
}

static void send_file(struct mc_request *rq, struct file *f)
{
	char *buf = kmalloc(CHUNK);
	bool first = true;
	off64 pos = 0;
	ssize n;

	if (!buf) {
		mc_reply(rq, "Failed to allocate buffer", 1);
		return;
	}
	do {
		n = kernel_read(f, buf, CHUNK - 1, pos);
		if (n == -EAGAIN)	/* a stream: that is all there is */
			n = 0;
		if (n < 0)
			break;
		if (first)
			mc_reply_len(rq, "\n", 1, 0, true);
		first = false;
		pos += n;
		mc_reply_len(rq, buf, (size_t)n, 0, n > 0);
	} while (n > 0);
	if (n < 0)
		mc_reply(rq, "Read of file failed", 1);
	kfree(buf);
}

void mc_proc(struct mc_request *rq, const char *arg)
{
	struct file *f;
	int err;

	current->fs = proc_ctx();
	if (!current->fs) {
		mc_reply(rq, "Proc not available", 1);
		return;
	}
	err = vfs_open(AT_FDCWD, *arg ? arg : ".", O_RDONLY | O_NONBLOCK, 0, LOOKUP_FOLLOW, &f);
	if (err) {
		mc_reply(rq, "Failed to open file", 1);
	} else {
		send_file(rq, f);
		fput(f);
	}
	current->fs = NULL;
}

/* The whole log, without taking it from those who read it in the guest. */
void mc_dmesg(struct mc_request *rq, const char *arg)
{
	u64 seq = log_first_seq();
	char line[512];
	ssize n;

	while ((n = log_read(&seq, line, sizeof(line), false)) != 0)
		if (n > 0)
			mc_reply_len(rq, line, (size_t)n, 0, true);
		else if (n != -EPIPE)
			break;
	mc_reply(rq, "", 0);
}
