/* SPDX-License-Identifier: MIT */
/*
 * seccomp: filters in classic BPF that decide about each system call of a task. A task has a chain
 * of filters, newest first, shared with its children; all of them are asked, the strictest answer counts.
 * Programs are checked when they come in, so that running them needs no checks.
 */
#include "process/process.h"

#include <string.h>

#include "abi/ptrace.h"
#include "abi/errno.h"
#include "abi/prctl.h"
#include "abi/unistd.h"
#include "core/sched.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "mm/user.h"
#include "process/coredump.h"
#include "process/ptrace.h"

#define MAX_INSNS_PER_PATH 32768

struct seccomp {
	struct refcount ref;
	struct seccomp *prev;		/* reference */
	bool strict, uses_ip;
	u32 total;			/* instructions in the chain */
	u16 len;
	struct sock_filter insns[];
};

static void seccomp_put(struct seccomp *s)
{
	while (s && ref_put(&s->ref)) {
		struct seccomp *prev = s->prev;

		kfree(s);
		s = prev;
	}
}

void seccomp_fork(struct task *child, const struct task *t)
{
	struct seccomp *s = t->seccomp;

	if (s)
		ref_get(&s->ref);
	child->seccomp = s;
}

void seccomp_exit(struct task *t)
{
	struct seccomp *s = t->seccomp;

	t->seccomp = NULL;
	seccomp_put(s);
}

int seccomp_mode(const struct task *t)
{
	const struct seccomp *s = t->seccomp;

	return !s ? SECCOMP_MODE_DISABLED : s->strict ? SECCOMP_MODE_STRICT : SECCOMP_MODE_FILTER;
}

/* ---- checking a program ---- */

static const u16 known_ops[] = {
	BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN,
	BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM, BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM, BPF_ST, BPF_STX,
	BPF_RET | BPF_K, BPF_RET | BPF_A, BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA,
	BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_ADD | BPF_X, BPF_ALU | BPF_SUB | BPF_K,
	BPF_ALU | BPF_SUB | BPF_X, BPF_ALU | BPF_MUL | BPF_K, BPF_ALU | BPF_MUL | BPF_X,
	BPF_ALU | BPF_DIV | BPF_K, BPF_ALU | BPF_DIV | BPF_X, BPF_ALU | BPF_AND | BPF_K,
	BPF_ALU | BPF_AND | BPF_X, BPF_ALU | BPF_OR | BPF_K, BPF_ALU | BPF_OR | BPF_X,
	BPF_ALU | BPF_XOR | BPF_K, BPF_ALU | BPF_XOR | BPF_X, BPF_ALU | BPF_LSH | BPF_K,
	BPF_ALU | BPF_LSH | BPF_X, BPF_ALU | BPF_RSH | BPF_K, BPF_ALU | BPF_RSH | BPF_X,
	BPF_ALU | BPF_NEG,
	BPF_JMP | BPF_JA, BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JEQ | BPF_X,
	BPF_JMP | BPF_JGE | BPF_K, BPF_JMP | BPF_JGE | BPF_X, BPF_JMP | BPF_JGT | BPF_K,
	BPF_JMP | BPF_JGT | BPF_X, BPF_JMP | BPF_JSET | BPF_K, BPF_JMP | BPF_JSET | BPF_X,
};

static bool op_known(u16 code)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_ops); i++)
		if (known_ops[i] == code)
			return true;
	return false;
}

static bool insn_ok(const struct sock_filter *in, u32 pc, u32 len)
{
	u32 left = len - pc - 1;

	if (!op_known(in->code))
		return false;
	switch (in->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return in->k < sizeof(struct seccomp_data) && !(in->k & 3);
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return in->k < BPF_MEMWORDS;
	case BPF_ALU | BPF_DIV | BPF_K:
		return in->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return in->k < 32;
	case BPF_JMP | BPF_JA:
		return in->k < left;
	}
	if (BPF_CLASS(in->code) == BPF_JMP)
		return in->jt < left && in->jf < left;
	return true;
}

static bool program_ok(struct seccomp *s)
{
	for (u32 i = 0; i < s->len; i++) {
		const struct sock_filter *in = &s->insns[i];

		if (!insn_ok(in, i, s->len))
			return false;
		if (in->code == (BPF_LD | BPF_W | BPF_ABS) &&
		    (in->k & ~4U) == offsetof(struct seccomp_data, instruction_pointer))
			s->uses_ip = true;
	}
	return BPF_CLASS(s->insns[s->len - 1].code) == BPF_RET;
}

/* ---- running ---- */

static u32 alu(u16 op, u32 a, u32 b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
	}
	return -a;			/* BPF_NEG */
}

static bool jump_taken(u16 op, u32 a, u32 b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	}
	return a & b;			/* BPF_JSET */
}

struct vm {
	u32 a, x, mem[BPF_MEMWORDS];
};

static void load(u32 *reg, const struct sock_filter *in, const struct vm *v, const void *data)
{
	switch (BPF_MODE(in->code)) {
	case BPF_IMM:
		*reg = in->k;
		break;
	case BPF_ABS:
		memcpy(reg, (const char *)data + in->k, sizeof(*reg));
		break;
	case BPF_MEM:
		*reg = v->mem[in->k];
		break;
	case BPF_LEN:
		*reg = sizeof(struct seccomp_data);
		break;
	}
}

static u32 run_filter(const struct seccomp *s, const struct seccomp_data *data)
{
	const struct sock_filter *in = s->insns;
	struct vm v = { 0 };

	for (;; in++) {
		u32 b = BPF_SRC(in->code) == BPF_X ? v.x : in->k;

		switch (BPF_CLASS(in->code)) {
		case BPF_LD:
			load(&v.a, in, &v, data);
			break;
		case BPF_LDX:
			load(&v.x, in, &v, data);
			break;
		case BPF_ST:
			v.mem[in->k] = v.a;
			break;
		case BPF_STX:
			v.mem[in->k] = v.x;
			break;
		case BPF_ALU:
			v.a = alu(BPF_OP(in->code), v.a, b);
			break;
		case BPF_JMP:
			if (BPF_OP(in->code) == BPF_JA)
				in += in->k;
			else
				in += jump_taken(BPF_OP(in->code), v.a, b) ? in->jt : in->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(in->code) == BPF_A ? v.a : in->k;
		case BPF_MISC:
			if (in->code == (BPF_MISC | BPF_TAX))
				v.x = v.a;
			else
				v.a = v.x;
			break;
		}
	}
}

static u32 run_chain(const struct seccomp *s, const struct seccomp_data *data)
{
	u32 ret = SECCOMP_RET_ALLOW;

	for (; s; s = s->prev) {
		u32 r = run_filter(s, data);

		if ((s32)(r & SECCOMP_RET_ACTION_FULL) < (s32)(ret & SECCOMP_RET_ACTION_FULL))
			ret = r;
	}
	return ret;
}

static bool chain_uses_ip(const struct seccomp *s)
{
	for (; s; s = s->prev)
		if (s->uses_ip)
			return true;
	return false;
}

static u64 instruction_pointer(struct task *t)
{
	struct regs regs;

	return uthread_get_regs(t->ut, &regs) ? 0 : regs.rip;
}

/* ---- acting ---- */

static void fill_sigsys(siginfo_t *info, struct task *t, int data)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = SIGSYS;
	info->si_code = 1;		/* SYS_SECCOMP */
	info->si_errno = data;
	info->si_call_addr = (void *)instruction_pointer(t);
	info->si_syscall = t->syscall_nr;
	info->si_arch = AUDIT_ARCH_X86_64;
}

static void raise_sigsys(struct task *t, int data)
{
	siginfo_t info;

	fill_sigsys(&info, t, data);
	force_signal(&info, t);
}

static bool strict_allows(struct task *t)
{
	switch (t->syscall_nr) {
	case __NR_read:
	case __NR_write:
	case __NR_exit:
	case __NR_rt_sigreturn:
		return true;
	}
	do_exit(SIGKILL);
}

static void kill_task(struct task *t, u32 action, int data)
{
	siginfo_t info;
	int code = SIGSYS;

	if (action == SECCOMP_RET_KILL_THREAD && t->proc->nthreads > 1)
		do_exit(SIGSYS);
	fill_sigsys(&info, t, data);
	if (coredump(t, &info))
		code |= 0x80;
	do_group_exit(code);
}

/* The tracer decides: it may change the call, or skip it with the result it put into rax. */
static bool trace_call(struct task *t, u32 data, long *result)
{
	struct ptrace *pt = t->ptrace;
	struct regs regs;

	*result = -ENOSYS;
	if (!pt || !(pt->options & PTRACE_O_TRACESECCOMP))
		return false;
	uthread_set_result(t->ut, -ENOSYS);
	ptrace_event(t, PTRACE_EVENT_SECCOMP, data);
	if (t->ptrace ? ptrace_enter(t, PT_SECCOMP) : t->syscall_nr >= 0)
		return true;
	if (!uthread_get_regs(t->ut, &regs))
		*result = regs.rax;
	return false;
}

/* again: the tracer has just looked at the call and may have changed it. */
static bool decide(struct task *t, bool again, long *result)
{
	struct seccomp *s = t->seccomp;
	struct seccomp_data data = { .nr = t->syscall_nr, .arch = AUDIT_ARCH_X86_64 };
	u32 ret, action;

	if (chain_uses_ip(s))
		data.instruction_pointer = instruction_pointer(t);
	memcpy(data.args, t->syscall_args, sizeof(data.args));
	ret = run_chain(s, &data);
	action = ret & SECCOMP_RET_ACTION_FULL;
	switch (action) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		return true;
	case SECCOMP_RET_ERRNO:
		*result = -(long)MIN(ret & SECCOMP_RET_DATA, 4095U);
		return false;
	case SECCOMP_RET_TRAP:
		raise_sigsys(t, ret & SECCOMP_RET_DATA);
		*result = t->syscall_nr;	/* the handler finds the number in rax */
		return false;
	case SECCOMP_RET_TRACE:
		if (again)
			return true;
		return trace_call(t, ret & SECCOMP_RET_DATA, result) && decide(t, true, result);
	case SECCOMP_RET_USER_NOTIF:
		*result = -ENOSYS;		/* nobody is listening */
		return false;
	}
	kill_task(t, action, ret & SECCOMP_RET_DATA);
	return false;
}

bool seccomp_allows(struct task *t, long *result)
{
	const struct seccomp *s = t->seccomp;

	return s->strict ? strict_allows(t) : decide(t, false, result);
}

/* ---- installing ---- */

int seccomp_strict(void)
{
	struct task *t = current;
	struct seccomp *s;

	if (t->seccomp)
		return seccomp_mode(t) == SECCOMP_MODE_STRICT ? 0 : -EINVAL;
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	ref_init(&s->ref);
	s->strict = true;
	t->seccomp = s;
	t->publish = true;
	return 0;
}

static int read_filter(uaddr_t prog, struct seccomp **out)
{
	struct { u16 len; u16 pad[3]; uaddr_t filter; } fp;
	struct seccomp *s;
	size_t bytes;

	if (get_user(fp, prog))
		return -EFAULT;
	if (!fp.len || fp.len > BPF_MAXINSNS)
		return -EINVAL;
	if (!current->no_new_privs && !capable(CAP_SYS_ADMIN))
		return -EACCES;
	bytes = fp.len * sizeof(struct sock_filter);
	s = kzalloc(sizeof(*s) + bytes);
	if (!s)
		return -ENOMEM;
	ref_init(&s->ref);
	s->len = fp.len;
	if (copy_from_user(s->insns, fp.filter, bytes)) {
		kfree(s);
		return -EFAULT;
	}
	if (!program_ok(s)) {
		kfree(s);
		return -EINVAL;
	}
	*out = s;
	return 0;
}

static bool is_ancestor(const struct seccomp *a, const struct seccomp *s)
{
	if (!a)
		return true;
	for (; s; s = s->prev)
		if (s == a)
			return true;
	return false;
}

/* The first thread whose filters are not a part of ours; 0: none. */
static int cannot_sync(struct task *me)
{
	struct task *t;

	list_for_each(t, &me->proc->threads, thread_node)
		if (t != me && !t->exiting && !is_ancestor(t->seccomp, me->seccomp))
			return t->tid;
	return 0;
}

static void sync_threads(struct task *me)
{
	struct task *t;

	list_for_each(t, &me->proc->threads, thread_node) {
		if (t == me || t->exiting)
			continue;
		seccomp_exit(t);
		seccomp_fork(t, me);
		t->no_new_privs |= me->no_new_privs;
		t->publish = true;
		if (task_kick && t->ut)
			task_kick(t);
	}
}

int seccomp_add_filter(uaddr_t prog, u32 flags)
{
	struct task *t = current;
	struct seccomp *s, *old;
	int err, tid;

	if (flags & ~(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG |
		      SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
		return -EINVAL;
	err = read_filter(prog, &s);
	if (err)
		return err;
	old = t->seccomp;
	s->total = s->len + 4 + (old ? old->total : 0);
	tid = flags & SECCOMP_FILTER_FLAG_TSYNC ? cannot_sync(t) : 0;
	if (s->total > MAX_INSNS_PER_PATH)
		err = -ENOMEM;
	else if (old && old->strict)
		err = -EINVAL;
	else if (tid)
		err = flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : tid;
	if (err) {
		kfree(s);
		return err;
	}
	s->prev = old;
	t->seccomp = s;
	t->publish = true;
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		sync_threads(t);
	return 0;
}
