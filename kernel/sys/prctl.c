/* SPDX-License-Identifier: MIT */
/*
 * prctl and arch_prctl: a table of options. Each handler gets the four arguments.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/prctl.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "process/process.h"
#include "sys/sys.h"

#define CAP_LAST 40

struct prctl_args {
	u64 a2, a3, a4, a5;
};

static long set_pdeathsig(const struct prctl_args *p)
{
	if (p->a2 > NSIG_K)
		return -EINVAL;
	current->proc->pdeath_signal = p->a2;
	return 0;
}

static long get_pdeathsig(const struct prctl_args *p)
{
	int sig = current->proc->pdeath_signal;

	return put_user(sig, p->a2);
}

static long get_dumpable(const struct prctl_args *p)
{
	return current->proc->dumpable;
}

static long set_dumpable(const struct prctl_args *p)
{
	if (p->a2 > 1)
		return -EINVAL;
	current->proc->dumpable = p->a2;
	return 0;
}

static long get_keepcaps(const struct prctl_args *p)
{
	return current->keep_caps;
}

static long set_keepcaps(const struct prctl_args *p)
{
	if (p->a2 > 1)
		return -EINVAL;
	if (current->cred->securebits & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	current->keep_caps = p->a2;
	return 0;
}

static long set_name(const struct prctl_args *p)
{
	char name[TASK_COMM_LEN + 1] = { 0 };
	ssize n = strncpy_from_user(name, p->a2, TASK_COMM_LEN);

	if (n < 0)
		return n;
	name[TASK_COMM_LEN - 1] = 0;
	task_set_comm(current, name);
	return 0;
}

static long get_name(const struct prctl_args *p)
{
	return copy_to_user(p->a2, current->comm, TASK_COMM_LEN);
}

static long capbset_read(const struct prctl_args *p)
{
	if (p->a2 > CAP_LAST)
		return -EINVAL;
	return current->cred->cap_bounding >> p->a2 & 1;
}

static long capbset_drop(const struct prctl_args *p)
{
	struct cred *c;

	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (p->a2 > CAP_LAST)
		return -EINVAL;
	c = cred_dup(current->cred);
	if (!c)
		return -ENOMEM;
	c->cap_bounding &= ~(1ULL << p->a2);
	task_set_cred(current, c);
	return 0;
}

static long get_securebits(const struct prctl_args *p)
{
	return current->cred->securebits | (current->keep_caps ? SECBIT_KEEP_CAPS : 0);
}

static long set_securebits(const struct prctl_args *p)
{
	u32 old = current->cred->securebits, new = p->a2;
	struct cred *c;

	if (((old & SECURE_ALL_LOCKS) >> 1 & (old ^ new)) ||
	    (old & SECURE_ALL_LOCKS & ~new) || (p->a2 & ~(u64)(SECURE_ALL_LOCKS | SECURE_ALL_BITS)) ||
	    !capable(CAP_SETPCAP))
		return -EPERM;
	c = cred_dup(current->cred);
	if (!c)
		return -ENOMEM;
	c->securebits = new & ~SECBIT_KEEP_CAPS;
	current->keep_caps = new & SECBIT_KEEP_CAPS;
	task_set_cred(current, c);
	return 0;
}

static long set_timerslack(const struct prctl_args *p)
{
	current->timer_slack_ns = (s64)p->a2 <= 0 ? current->default_slack_ns : p->a2;
	return 0;
}

static long get_timerslack(const struct prctl_args *p)
{
	return current->timer_slack_ns;
}

static long set_no_new_privs(const struct prctl_args *p)
{
	if (p->a2 != 1 || p->a3 || p->a4 || p->a5)
		return -EINVAL;
	current->no_new_privs = true;
	return 0;
}

static long get_no_new_privs(const struct prctl_args *p)
{
	if (p->a2 || p->a3 || p->a4 || p->a5)
		return -EINVAL;
	return current->no_new_privs;
}

static long set_child_subreaper(const struct prctl_args *p)
{
	current->proc->is_subreaper = p->a2 != 0;
	return 0;
}

static long get_child_subreaper(const struct prctl_args *p)
{
	int on = current->proc->is_subreaper;

	return put_user(on, p->a2);
}

static long get_tid_address(const struct prctl_args *p)
{
	u64 addr = current->clear_child_tid;

	return put_user(addr, p->a2);
}

static long ambient_change(u64 set, u64 clear)
{
	struct cred *c = cred_dup(current->cred);

	if (!c)
		return -ENOMEM;
	c->cap_ambient = (c->cap_ambient | set) & ~clear;
	task_set_cred(current, c);
	return 0;
}

static long cap_ambient(const struct prctl_args *p)
{
	const struct cred *c = current->cred;
	u64 bit = p->a3 <= CAP_LAST ? 1ULL << p->a3 : 0;

	if (p->a4 || p->a5)
		return -EINVAL;
	if (p->a2 == PR_CAP_AMBIENT_CLEAR_ALL)
		return p->a3 ? -EINVAL : ambient_change(0, ~0ULL);
	if (!bit)
		return -EINVAL;
	switch (p->a2) {
	case PR_CAP_AMBIENT_IS_SET:
		return !!(c->cap_ambient & bit);
	case PR_CAP_AMBIENT_RAISE:
		if (!(c->cap_permitted & c->cap_inheritable & bit) ||
		    (c->securebits & SECBIT_NO_CAP_AMBIENT_RAISE))
			return -EPERM;
		return ambient_change(bit, 0);
	case PR_CAP_AMBIENT_LOWER:
		return ambient_change(0, bit);
	}
	return -EINVAL;
}

static long get_timing(const struct prctl_args *p)
{
	return PR_TIMING_STATISTICAL;
}

static long set_timing(const struct prctl_args *p)
{
	return p->a2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
}

static long get_tsc(const struct prctl_args *p)
{
	int mode = PR_TSC_ENABLE;

	return put_user(mode, p->a2);
}

static long set_tsc(const struct prctl_args *p)
{
	return p->a2 == PR_TSC_ENABLE ? 0 : -EINVAL;
}

static long get_seccomp(const struct prctl_args *p)
{
	return seccomp_mode(current);
}

static long set_seccomp(const struct prctl_args *p)
{
	u32 op = p->a2 == SECCOMP_MODE_STRICT ? SECCOMP_SET_MODE_STRICT : SECCOMP_SET_MODE_FILTER;

	if (p->a2 != SECCOMP_MODE_STRICT && p->a2 != SECCOMP_MODE_FILTER)
		return -EINVAL;
	return sys_seccomp(op, 0, p->a2 == SECCOMP_MODE_STRICT ? 0 : p->a3);
}

static long mce_kill(const struct prctl_args *p)
{
	if (p->a4 || p->a5)
		return -EINVAL;
	if (p->a2 == PR_MCE_KILL_CLEAR)
		return p->a3 ? -EINVAL : 0;
	return p->a2 == PR_MCE_KILL_SET && p->a3 <= PR_MCE_KILL_DEFAULT ? 0 : -EINVAL;
}

static long mce_kill_get(const struct prctl_args *p)
{
	return p->a2 || p->a3 || p->a4 || p->a5 ? -EINVAL : PR_MCE_KILL_DEFAULT;
}

static long set_vma(const struct prctl_args *p)
{
	/* Names of anonymous areas are an option of Linux; without it, this is the answer. */
	return -EINVAL;
}

/* Speculation features are the host's; nothing can be chosen per task. */
static long get_speculation(const struct prctl_args *p)
{
	if (p->a3 || p->a4 || p->a5)
		return -EINVAL;
	return p->a2 <= PR_SPEC_L1D_FLUSH ? PR_SPEC_NOT_AFFECTED : -ENODEV;
}

static const struct {
	int option;
	long (*fn)(const struct prctl_args *p);
} options[] = {
	{ PR_SET_PDEATHSIG, set_pdeathsig },
	{ PR_GET_PDEATHSIG, get_pdeathsig },
	{ PR_GET_DUMPABLE, get_dumpable },
	{ PR_SET_DUMPABLE, set_dumpable },
	{ PR_GET_KEEPCAPS, get_keepcaps },
	{ PR_SET_KEEPCAPS, set_keepcaps },
	{ PR_GET_TIMING, get_timing },
	{ PR_SET_TIMING, set_timing },
	{ PR_SET_NAME, set_name },
	{ PR_GET_NAME, get_name },
	{ PR_GET_TSC, get_tsc },
	{ PR_SET_TSC, set_tsc },
	{ PR_GET_SECCOMP, get_seccomp },
	{ PR_SET_SECCOMP, set_seccomp },
	{ PR_CAPBSET_READ, capbset_read },
	{ PR_CAPBSET_DROP, capbset_drop },
	{ PR_GET_SECUREBITS, get_securebits },
	{ PR_SET_SECUREBITS, set_securebits },
	{ PR_SET_TIMERSLACK, set_timerslack },
	{ PR_GET_TIMERSLACK, get_timerslack },
	{ PR_MCE_KILL, mce_kill },
	{ PR_MCE_KILL_GET, mce_kill_get },
	{ PR_SET_CHILD_SUBREAPER, set_child_subreaper },
	{ PR_GET_CHILD_SUBREAPER, get_child_subreaper },
	{ PR_SET_NO_NEW_PRIVS, set_no_new_privs },
	{ PR_GET_NO_NEW_PRIVS, get_no_new_privs },
	{ PR_GET_TID_ADDRESS, get_tid_address },
	{ PR_CAP_AMBIENT, cap_ambient },
	{ PR_GET_SPECULATION_CTRL, get_speculation },
	{ PR_SET_VMA, set_vma },
};

long sys_prctl(int option, u64 a2, u64 a3, u64 a4, u64 a5)
{
	struct prctl_args args = { a2, a3, a4, a5 };

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].option == option)
			return options[i].fn(&args);
	return -EINVAL;
}

/* ---- seccomp ---- */

static long action_available(uaddr_t uaction)
{
	u32 action;

	if (get_user(action, uaction))
		return -EFAULT;
	switch (action) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return 0;
	}
	return -EOPNOTSUPP;
}

long sys_seccomp(u32 op, u32 flags, uaddr_t args)
{
	switch (op) {
	case SECCOMP_SET_MODE_STRICT:
		return flags || args ? -EINVAL : seccomp_strict();
	case SECCOMP_SET_MODE_FILTER:
		return seccomp_add_filter(args, flags);
	case SECCOMP_GET_ACTION_AVAIL:
		return flags ? -EINVAL : action_available(args);
	}
	return -EINVAL;
}

/* ---- arch_prctl ---- */

static long get_base(bool fs, uaddr_t to)
{
	u64 fsb, gsb;

	if (uthread_get_bases(current->ut, &fsb, &gsb))
		return -EFAULT;
	return fs ? put_user(fsb, to) : put_user(gsb, to);
}

long sys_arch_prctl(int option, u64 a2)
{
	switch (option) {
	case ARCH_SET_FS:
		return a2 >= GUEST_TASK_SIZE ? -EPERM : uthread_set_fsbase(current->ut, a2);
	case ARCH_SET_GS:
		return a2 >= GUEST_TASK_SIZE ? -EPERM : uthread_set_gsbase(current->ut, a2);
	case ARCH_GET_FS:
		return get_base(true, a2);
	case ARCH_GET_GS:
		return get_base(false, a2);
	case ARCH_GET_CPUID:
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV;
	}
	return -EINVAL;
}
