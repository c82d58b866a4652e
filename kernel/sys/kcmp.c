/* SPDX-License-Identifier: MIT */
/*
 * kcmp(2): do two processes share a part? Checkpointing and the C library of some test suites ask.
 * The order of different parts is that of their addresses.
 */
#include "sys/sys.h"

#include "abi/kcmp.h"
#include "core/sched.h"
#include "core/task.h"
#include "ipc/ipc.h"
#include "sys/arg.h"

static long compare(const void *a, const void *b)
{
	if (a == b)
		return 0;
	return (u64)a < (u64)b ? 1 : 2;
}

static long compare_files(struct task *a, struct task *b, u64 fd_a, u64 fd_b)
{
	struct file *f, *g;
	long ret = -EBADF;

	if (!a->files || !b->files)
		return -EBADF;
	f = files_get_file(a->files, (int)fd_a);
	g = files_get_file(b->files, (int)fd_b);
	if (f && g)
		ret = compare(f, g);
	if (f)
		fput(f);
	if (g)
		fput(g);
	return ret;
}

long sys_kcmp(upid_t pid1, upid_t pid2, int type, u64 idx1, u64 idx2)
{
	struct task *a = find_task(pid1), *b = find_task(pid2);

	if (!a || !b || !a->proc || !b->proc)
		return -ESRCH;
	if (!task_may_access(a) || !task_may_access(b))
		return -EPERM;
	switch (type) {
	case KCMP_FILE:
		return compare_files(a, b, idx1, idx2);
	case KCMP_VM:
		return compare(a->mm, b->mm);
	case KCMP_FILES:
		return compare(a->files, b->files);
	case KCMP_FS:
		return compare(a->fs, b->fs);
	case KCMP_SIGHAND:
		return compare(a->proc->sighand, b->proc->sighand);
	case KCMP_IO:		/* there are no I/O contexts: nobody has a different one */
		return 0;
	case KCMP_SYSVSEM:	/* undo lists belong to processes, and most have none */
		return compare(sem_has_undo(a->proc) ? a->proc : NULL,
			       sem_has_undo(b->proc) ? b->proc : NULL);
	default:
		return -EINVAL;
	}
}
