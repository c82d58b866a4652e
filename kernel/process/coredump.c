/* SPDX-License-Identifier: MIT */
/*
 * Whether a dying process leaves a core file, and where: RLIMIT_CORE, dumpable, the pattern in
 * /proc/sys/kernel/core_pattern. The other threads stand still meanwhile: each comes to its end through
 * do_exit() and waits there with its registers until the file is written.
 */
#include "process/coredump.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/resource.h"
#include "abi/stat.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "guest/guest.h"
#include "mm/mm.h"
#include "process/process.h"
#include "vfs/vfs.h"

struct coredump {
	struct task *dumper;
	struct wait_queue parked_wq, done_wq;
	bool done;
	int waiting;			/* parked threads that have not gone on */
};

/* ---- the other threads ---- */

void coredump_park(struct task *t)
{
	struct coredump *cd = t->proc->coredump;
	struct regs regs;

	if (!cd || cd->dumper == t || cd->done)
		return;
	if (t->ut)
		(void)!uthread_get_regs(t->ut, &regs);
	t->core_parked = true;
	cd->waiting++;
	wake_up_all(&cd->parked_wq);
	wait_event(&cd->done_wq, cd->done, "coredump");
	cd->waiting--;
	wake_up_all(&cd->parked_wq);
}

static bool all_parked(const struct process *p, const struct task *me)
{
	struct task *t;

	list_for_each(t, &p->threads, thread_node)
		if (t != me && !t->exiting && !t->core_parked)
			return false;
	return true;
}

/* From here on the process is dying: the others come to coredump_park(). */
static void stop_others(struct coredump *cd, struct task *t, int sig)
{
	struct process *p = t->proc;

	cd->dumper = t;
	wq_init(&cd->parked_wq);
	wq_init(&cd->done_wq);
	p->coredump = cd;
	p->group_exit = true;
	p->group_exit_code = sig;
	p->group_stopped = false;
	signal_kill_threads(p, t);
	(void)!wait_event_killable(&cd->parked_wq, all_parked(p, t), "coredump");
}

static void let_others_go(struct coredump *cd, struct process *p)
{
	cd->done = true;
	wake_up_all(&cd->done_wq);
	wait_event(&cd->parked_wq, !cd->waiting, "coredump");
	p->coredump = NULL;
}

/* ---- the name ---- */

struct name {
	char buf[256];
	size_t len;
	bool has_pid;
};

static void add(struct name *n, const char *s)
{
	size_t len = strlen(s);

	len = MIN(len, sizeof(n->buf) - 1 - n->len);
	memcpy(n->buf + n->len, s, len);
	n->len += len;
	n->buf[n->len] = 0;
}

/* Names inside a name must not lead elsewhere. */
static void add_escaped(struct name *n, const char *s)
{
	char one[2] = { 0, 0 };

	if (s[0] == '.' && (!s[1] || (s[1] == '.' && !s[2]))) {
		add(n, s[1] ? "!." : "!");
		return;
	}
	for (; *s; s++) {
		one[0] = *s == '/' ? '!' : *s;
		add(n, one);
	}
}

static void add_number(struct name *n, u64 v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	add(n, text);
}

static void add_exe(struct name *n, const struct task *t)
{
	char buf[256], *at;

	if (!t->mm->exe || d_path(&t->mm->exe->path, buf, sizeof(buf), &at))
		at = (char *)t->comm;
	add_escaped(n, at);
}

static void add_item(struct name *n, char what, const struct task *t, const siginfo_t *info)
{
	switch (what) {
	case '%':
		add(n, "%");
		break;
	case 'p':
	case 'P':
		n->has_pid = true;
		add_number(n, t->proc->tgid);
		break;
	case 'i':
	case 'I':
		add_number(n, t->tid);
		break;
	case 'u':
		add_number(n, t->cred->uid);
		break;
	case 'g':
		add_number(n, t->cred->gid);
		break;
	case 'd':
		add_number(n, t->proc->dumpable);
		break;
	case 's':
		add_number(n, info->si_signo);
		break;
	case 't':
		add_number(n, ktime_get_real() / NSEC_PER_SEC);
		break;
	case 'c':
		add_number(n, rlimit(RLIMIT_CORE));
		break;
	case 'h':
		add_escaped(n, uts.nodename);
		break;
	case 'e':
	case 'f':
		add_escaped(n, t->comm);
		break;
	case 'E':
		add_exe(n, t);
		break;
	}
}

static void format_name(struct name *n, const struct task *t, const siginfo_t *info)
{
	char one[2] = { 0, 0 };

	n->len = 0;
	n->buf[0] = 0;
	n->has_pid = false;
	for (const char *p = sysctl.core_pattern; *p; p++) {
		if (*p == '%') {
			if (!*++p)
				break;
			add_item(n, *p, t, info);
		} else {
			one[0] = *p;
			add(n, one);
		}
	}
	if (sysctl.core_uses_pid && !n->has_pid) {
		add(n, ".");
		add_number(n, t->proc->tgid);
	}
}

/* ---- the file ---- */

static int check_file(struct file *f)
{
	const struct inode *i = f->inode;

	if (!S_ISREG(i->mode) || i->nlink != 1)
		return -EINVAL;
	return i->uid == current_cred()->fsuid ? 0 : -EPERM;
}

static int open_core(const struct name *n, struct file **out)
{
	struct file *f;
	int err = vfs_open(AT_FDCWD, n->buf, O_CREAT | O_RDWR | O_NOFOLLOW | O_LARGEFILE | O_CLOEXEC,
			   0600, 0, &f);

	if (err)
		return err;
	err = check_file(f);
	if (!err)
		err = vfs_truncate(&f->path, 0, f);
	if (err)
		fput(f);
	else
		*out = f;
	return err;
}

static int dump(struct task *t, const siginfo_t *info, u64 limit)
{
	struct name n;
	struct file *f;
	int err;

	format_name(&n, t, info);
	err = n.len ? open_core(&n, &f) : -ENOENT;
	if (err) {
		pr_info("%s[%d]: no core file %s: error %d", t->comm, t->tid, n.buf, err);
		return err;
	}
	err = core_write(t, info, f, limit);
	if (err && err != -EFBIG)
		pr_info("%s[%d]: core file %s is incomplete: error %d", t->comm, t->tid, n.buf, err);
	fput(f);
	return 0;			/* a file cut short counts, too */
}

static bool wanted(const struct task *t, u64 limit)
{
	if (!t->mm || !t->ut || t->proc->coredump || t->proc->dumpable != 1 || !sysctl.core_pattern[0])
		return false;
	if (sysctl.core_pattern[0] == '|') {
		pr_info("%s[%d]: core dumps into a pipe are not supported", t->comm, t->tid);
		return false;
	}
	return limit >= PAGE_SIZE;
}

bool coredump(struct task *t, const siginfo_t *info)
{
	u64 limit = rlimit(RLIMIT_CORE);
	struct coredump cd = { 0 };
	int err;

	if (t->proc->group_exit || t->proc->group_exec_task || !wanted(t, limit))
		return false;
	stop_others(&cd, t, info->si_signo);
	err = t->killed ? -EINTR : dump(t, info, limit);
	if (!err)
		t->proc->group_exit_code |= 0x80;
	let_others_go(&cd, t->proc);
	return !err;
}
