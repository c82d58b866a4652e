/* SPDX-License-Identifier: MIT */
/*
 * Making, replacing, ending and awaiting processes; descriptors for processes.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/prctl.h"
#include "abi/resource.h"
#include "abi/sched.h"
#include "abi/utsname.h"
#include "abi/wait.h"
#include "core/arena.h"
#include "core/sched.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "process/process.h"
#include "sys/rusage.h"
#include "sys/sys.h"
#include "vfs/vfs.h"

/* ---- clone ---- */

long sys_fork(void)
{
	return process_clone(&(struct clone_request){ .exit_signal = SIGCHLD });
}

long sys_vfork(void)
{
	return process_clone(&(struct clone_request){
		.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD });
}

long sys_clone(u64 flags, uaddr_t stack, uaddr_t ptid, uaddr_t ctid, uaddr_t tls)
{
	struct clone_request rq = {
		.flags = (u32)flags & ~CSIGNAL,
		.exit_signal = flags & CSIGNAL,
		.stack = stack,
		.tls = tls,
		.pidfd = ptid,
		.parent_tid = ptid,
		.child_tid = ctid,
	};

	if ((flags & CLONE_PIDFD) && (flags & (CLONE_PARENT_SETTID | CLONE_DETACHED)))
		return -EINVAL;
	if (rq.exit_signal > NSIG_K)
		return -EINVAL;
	return process_clone(&rq);
}

/* A structure that may be longer or shorter than ours: what we do not know must be zero. */
static int copy_struct_from_user(void *dst, size_t size, uaddr_t src, size_t user_size)
{
	u8 *rest;

	memset(dst, 0, size);
	if (copy_from_user(dst, src, MIN(size, user_size)))
		return -EFAULT;
	if (user_size <= size)
		return 0;
	rest = arena_alloc(user_size - size);
	if (!rest)
		return -ENOMEM;
	if (copy_from_user(rest, src + size, user_size - size))
		return -EFAULT;
	for (size_t i = 0; i < user_size - size; i++)
		if (rest[i])
			return -E2BIG;
	return 0;
}

static int clone3_check(const struct clone_args *a)
{
	if (a->flags & ~(0xffffffffULL | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP))
		return -EINVAL;
	if (a->flags & (CSIGNAL & ~CLONE_NEWTIME))
		return -EINVAL;
	if (a->flags & (CLONE_DETACHED | CLONE_INTO_CGROUP | CLONE_NEWTIME))
		return -EINVAL;
	if (a->exit_signal > NSIG_K)
		return -EINVAL;
	if ((a->flags & (CLONE_THREAD | CLONE_PARENT)) && a->exit_signal)
		return -EINVAL;
	if (!a->stack != !a->stack_size)
		return -EINVAL;
	if (a->stack && (a->stack > ~0ULL - a->stack_size ||
			 a->stack + a->stack_size > GUEST_TASK_SIZE))
		return -EINVAL;
	if (a->set_tid_size > 32 || (!a->set_tid) != (!a->set_tid_size))
		return -EINVAL;
	if (a->set_tid_size)
		return capable(CAP_SYS_ADMIN) ? -ENOSYS : -EPERM;
	return 0;
}

long sys_clone3(uaddr_t args, size_t size)
{
	struct clone_request rq;
	struct clone_args a;
	int err;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	err = copy_struct_from_user(&a, sizeof(a), args, size);
	if (!err)
		err = clone3_check(&a);
	if (err)
		return err;
	rq = (struct clone_request){
		.flags = a.flags,
		.exit_signal = a.exit_signal,
		.stack = a.stack + a.stack_size,
		.tls = a.tls,
		.pidfd = a.pidfd,
		.parent_tid = a.parent_tid,
		.child_tid = a.child_tid,
	};
	return process_clone(&rq);
}

long sys_unshare(u32 flags)
{
	return process_unshare(flags);
}

long sys_set_tid_address(uaddr_t tidptr)
{
	current->clear_child_tid = tidptr;
	return current->tid;
}

/* ---- exec and exit ---- */

long sys_execve(uaddr_t path, uaddr_t argv, uaddr_t envp)
{
	const char *name;
	int err = path_from_user(path, &name);

	return err ? err : process_execve(AT_FDCWD, name, argv, envp, 0);
}

long sys_execveat(int dirfd, uaddr_t path, uaddr_t argv, uaddr_t envp, u32 flags)
{
	const char *name;
	int err = path_from_user(path, &name);

	return err ? err : process_execve(dirfd, name, argv, envp, flags);
}

long sys_exit(int code)
{
	do_exit((code & 0xff) << 8);
}

long sys_exit_group(int code)
{
	do_group_exit((code & 0xff) << 8);
}

/* ---- wait ---- */

static int wait4_target(int pid, struct wait_request *rq)
{
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid == -1) {
		rq->kind = WAIT_ALL;
	} else if (pid > 0) {
		rq->kind = WAIT_PID;
		rq->id = pid;
	} else {
		rq->kind = WAIT_PGID;
		rq->id = pid ? -pid : pgrp_id(current->proc);
	}
	return 0;
}

long sys_wait4(int pid, uaddr_t status, u32 options, uaddr_t ru)
{
	struct wait_request rq = { .options = options | WEXITED };
	struct wait_result res;
	long ret;
	int err;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	err = wait4_target(pid, &rq);
	if (err)
		return err;
	ret = process_wait(&rq, &res);
	if (ret <= 0)
		return ret;
	if (status && put_user(res.status, status))
		return -EFAULT;
	if (ru && put_rusage(ru, &res.acct))
		return -EFAULT;
	return ret;
}

/* f: the pidfd, a reference to be put later. */
static int waitid_target(int which, int id, struct wait_request *rq, struct file **f)
{
	switch (which) {
	case P_ALL:
		rq->kind = WAIT_ALL;
		return 0;
	case P_PID:
		rq->kind = WAIT_PID;
		rq->id = id;
		return id > 0 ? 0 : -EINVAL;
	case P_PGID:
		rq->kind = WAIT_PGID;
		rq->id = id ? id : pgrp_id(current->proc);
		return id >= 0 ? 0 : -EINVAL;
	case P_PIDFD:
		if (id < 0)
			return -EINVAL;
		*f = fd_get(id);
		if (!*f)
			return -EBADF;
		rq->kind = WAIT_PID;
		rq->pidfd = pidfd_process(*f);
		if ((*f)->flags & O_NONBLOCK)
			rq->options |= WNOHANG;
		return rq->pidfd ? 0 : -EBADF;
	}
	return -EINVAL;
}

static int put_wait_info(uaddr_t uinfo, long ret, const struct wait_result *res)
{
	siginfo_t info;

	if (!uinfo)
		return 0;
	memset(&info, 0, sizeof(info));
	if (ret > 0) {
		info.si_signo = SIGCHLD;
		info.si_code = res->code;
		info.si_pid = res->pid;
		info.si_uid = res->uid;
		info.si_status = res->code_status;
	}
	return copy_to_user(uinfo, &info, sizeof(info));
}

long sys_waitid(int which, int id, uaddr_t uinfo, u32 options, uaddr_t ru)
{
	struct wait_request rq = { .options = options };
	struct wait_result res;
	struct file *f = NULL;
	bool again;
	long ret;

	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			__WCLONE | __WALL))
		return -EINVAL;
	if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	ret = waitid_target(which, id, &rq, &f);
	if (!ret)
		ret = process_wait(&rq, &res);
	again = ret == 0 && f && !(options & WNOHANG) && (rq.options & WNOHANG);
	if (f)
		fput(f);
	if (again)
		return -EAGAIN;
	if (ret < 0)
		return ret;
	if (ret > 0 && ru && put_rusage(ru, &res.acct))
		return -EFAULT;
	return put_wait_info(uinfo, ret, &res) ? -EFAULT : 0;
}

/* ---- descriptors for processes ---- */

#define PIDFD_NONBLOCK_K O_NONBLOCK

long sys_pidfd_open(int pid, u32 flags)
{
	struct task *t;
	struct file *f;
	int err, fd;

	if ((flags & ~PIDFD_NONBLOCK_K) || pid <= 0)
		return -EINVAL;
	t = find_task(pid);
	if (!t || !t->proc)
		return -ESRCH;
	if (!task_is_leader(t))
		return -EINVAL;
	err = pidfd_create(t->proc, O_RDWR | flags, &f);
	if (err)
		return err;
	fd = fd_add(f, O_CLOEXEC);
	if (fd < 0)
		fput(f);
	return fd;
}

static int may_access(const struct process *p)
{
	const struct cred *c = current->cred, *tc = p->leader->cred;

	if (p == current->proc || capable(CAP_SYS_PTRACE))
		return 0;
	if (!p->dumpable)
		return -EPERM;
	return c->uid == tc->euid && c->uid == tc->suid && c->uid == tc->uid &&
	       c->gid == tc->egid && c->gid == tc->sgid && c->gid == tc->gid ? 0 : -EPERM;
}

static long getfd(struct process *p, int fd)
{
	struct file *f;
	int err, new;

	if (!p->leader || process_is_zombie(p) || !p->leader->files)
		return -ESRCH;
	err = may_access(p);
	if (err)
		return err;
	f = files_get_file(p->leader->files, fd);
	if (!f)
		return -EBADF;
	new = fd_add(f, O_CLOEXEC);
	if (new < 0)
		fput(f);
	return new;
}

long sys_pidfd_getfd(int pidfd, int fd, u32 flags)
{
	struct process *p;
	struct file *f;
	long ret;

	if (flags)
		return -EINVAL;
	f = fd_get(pidfd);
	if (!f)
		return -EBADF;
	p = pidfd_process(f);
	ret = p ? getfd(p, fd) : -EBADF;
	fput(f);
	return ret;
}

/* ---- personality ---- */

long sys_personality(u32 persona)
{
	struct process *p = current->proc;
	u32 old = p->personality;

	if (persona != 0xffffffff)
		p->personality = persona;
	return old;
}
