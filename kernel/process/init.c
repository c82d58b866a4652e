/* SPDX-License-Identifier: MIT */
/*
 * The first process, and the end of all processes.
 */
#include "process/process.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/wait.h"
#include "core/log.h"
#include "core/sched.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "process/itimer.h"
#include "process/ptrace.h"
#include "process/spawn.h"
#include "tty/tty.h"
#include "vfs/vfs.h"

bool processes_ending, init_is_shell;

struct init_start {
	const char *path;
	char *const *argv, *const *envp;
	struct wait_queue wq;
	bool done;
	int err;
};

static void open_console(void)
{
	struct file *f;
	int err;

	err = vfs_open(AT_FDCWD, "/dev/console", O_RDWR, 0, LOOKUP_FOLLOW, &f);
	if (err) {
		pr_warn("Warning: unable to open an initial console.");
		return;
	}
	for (int i = 0; i < 3; i++) {
		if (i)
			fget_ref(f);
		if (fd_add(f, 0) < 0)
			fput(f);
	}
	init_controls_jobs = init_is_shell && console_take();
}

static void init_entry(struct task *t)
{
	struct init_start *st = t->entry_arg;
	int err;

	open_console();
	err = kernel_execve(st->path, st->argv, st->envp);
	if (err)
		process_undo(t);
	st->err = err;
	st->done = true;
	wake_up_all(&st->wq);
	if (err)
		sched_exit();
	t->proc->unkillable = true;
	task_user_loop(t);
}

static int init_process(struct task *t)
{
	struct process *p;
	int err;

	err = process_alloc(&p);
	if (err)
		return err;
	t->proc = p;
	p->tgid = t->tid;
	rlimits_init(p);
	p->sighand = sighand_alloc();
	t->files = files_new();
	t->fs = fs_ctx_dup(fs_ctx_current());
	if (!p->sighand || !t->files || !t->fs)
		return -ENOMEM;
	err = process_new_session(p);
	if (err)
		return err;
	p->leader = t;			/* task_alloc()'s reference */
	list_add_tail(&t->thread_node, &p->threads);
	p->nthreads = 1;
	list_add_tail(&p->all_node, &process_list);
	process_get(p);
	user_nproc_add(0, 1);
	task_hash(t);
	return 0;
}

static int init_task(struct task **out)
{
	struct task *t;
	int err;

	err = task_alloc(&t);
	if (err)
		return err;
	err = pid_alloc_at(1);
	if (!err) {
		pid_free(t->tid);
		t->tid = 1;
		task_set_comm(t, "init");
		err = init_process(t);
	}
	if (err) {
		if (t->files)
			files_put(t->files);
		if (t->fs)
			fs_ctx_put(t->fs);
		task_put(t);
		return err;
	}
	*out = t;
	return 0;
}

/* --- init without a program --- */

/* Waits for children for ever. Signals are of no interest, except the one at the machine's end. */
static void reaper_entry(struct task *t)
{
	const struct wait_request rq = { .kind = WAIT_ALL, .options = WEXITED | __WALL };
	struct wait_result res;
	siginfo_t info;

	t->proc->unkillable = true;
	while (!t->killed) {
		while (dequeue_signal(t, 0, &info))
			;
		recalc_sigpending(t);
		if (process_wait(&rq, &res) != -ECHILD)
			continue;
		(void)!wq_sleep(&t->proc->wait_chld, WAIT_INTERRUPTIBLE, KTIME_NEVER, "reaper");
	}
	do_group_exit(SIGKILL);
}

int start_kernel_init(void)
{
	struct task *t;
	int err;

	process_timers_init();
	ptrace_init();
	err = init_task(&t);
	if (!err)
		task_start(t, reaper_entry, NULL);
	return err;
}

int start_init(const char *path, char *const argv[], char *const envp[])
{
	struct init_start st = { .path = path, .argv = argv, .envp = envp };
	struct task *t;
	int err;

	process_timers_init();
	ptrace_init();
	wq_init(&st.wq);
	err = init_task(&t);
	if (err)
		return err;
	task_start(t, init_entry, &st);
	wait_event(&st.wq, st.done, "start_init");
	return st.err;
}

void kill_all_processes(void)
{
	ktime_t deadline = ktime_get() + 5 * NSEC_PER_SEC;
	struct process *p, *tmp;

	processes_ending = true;
	while (!list_empty(&process_list) && ktime_get() < deadline) {
		list_for_each_safe(p, tmp, &process_list, all_node) {
			if (p != (current ? current->proc : NULL))
				kill_process(p);
			/* A parent that is dying will not wait. */
			if (process_is_zombie(p) && (!p->parent || process_is_zombie(p->parent)))
				release_process(p);
		}
		(void)!wq_sleep(NULL, WAIT_UNINTERRUPTIBLE, ktime_get() + NSEC_PER_MSEC,
				"kill_all_processes");
		if (current && current->proc && list_first(&process_list, struct process, all_node)
		    == list_last(&process_list, struct process, all_node))
			break;
	}
}
