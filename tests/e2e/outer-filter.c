/* SPDX-License-Identifier: MIT */
/*
 * outer-filter COMMAND [ARGUMENTS...]: run a command as a strict container
 * would, under a seccomp filter that refuses what container runtimes refuse by
 * default and what a nested kernel might be tempted to lean on. Tests start the
 * kernel through it to show that it gets by without these calls.
 *
 * Refused calls fail with EPERM, except clone3: a filter cannot see its flags,
 * and ENOSYS makes libc fall back to clone, whose flags it can see. The filter
 * is plain BPF because it needs no library and says exactly what is compared.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#if defined(__x86_64__)
#define NATIVE_ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH	AUDIT_ARCH_AARCH64
#else
#error "outer-filter: this architecture's audit name is not known"
#endif

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Without CLONE_NEWTIME: for clone its bit belongs to the exit signal. */
#define NEW_NAMESPACES	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | \
			 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* x86-64's x32 calls carry this bit; no other native call number reaches it. */
#define FOREIGN_CALL	0x40000000

static const unsigned int refused_calls[] = {
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_userfaultfd,
	SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
	SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root,
	SYS_keyctl, SYS_add_key, SYS_request_key, SYS_bpf, SYS_perf_event_open,
};

/* PER_LINUX and PER_LINUX32, each also with UNAME26, and the query. */
static const unsigned int allowed_personalities[] = {
	0, 0x0008, 0x20000, 0x20008, 0xffffffff,
};

static struct sock_filter program[64];
static unsigned short program_len;

static void emit(unsigned short code, unsigned int k, unsigned char jt, unsigned char jf)
{
	program[program_len++] = (struct sock_filter)BPF_JUMP(code, k, jt, jf);
}

static void emit_load(size_t offset)
{
	emit(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void emit_return(unsigned int action)
{
	emit(BPF_RET | BPF_K, action, 0, 0);
}

/* "If the comparison holds, return the action". */
static void emit_return_if(unsigned short comparison, unsigned int k, unsigned int action)
{
	emit(BPF_JMP | comparison | BPF_K, k, 0, 1);
	emit_return(action);
}

/* The argument's low half; BPF loads words, and all that is looked at is 32 bits. */
static void emit_load_arg0(void)
{
	emit_load(offsetof(struct seccomp_data, args[0]));
}

static void emit_clone_rule(void)
{
	emit(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
	emit_load_arg0();
	emit_return_if(BPF_JSET, NEW_NAMESPACES, SECCOMP_RET_ERRNO | EPERM);
	emit_return(SECCOMP_RET_ALLOW);
}

static void emit_personality_rule(void)
{
	size_t i;

	emit(BPF_JMP | BPF_JEQ | BPF_K, SYS_personality, 0,
	     2 + 2 * ARRAY_SIZE(allowed_personalities));
	emit_load_arg0();
	for (i = 0; i < ARRAY_SIZE(allowed_personalities); i++)
		emit_return_if(BPF_JEQ, allowed_personalities[i], SECCOMP_RET_ALLOW);
	emit_return(SECCOMP_RET_ERRNO | EPERM);
}

static void build_filter(void)
{
	size_t i;

	emit_load(offsetof(struct seccomp_data, arch));
	emit(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
	emit_return(SECCOMP_RET_ERRNO | ENOSYS);
	emit_load(offsetof(struct seccomp_data, nr));
	emit_return_if(BPF_JGE, FOREIGN_CALL, SECCOMP_RET_ERRNO | ENOSYS);
	emit_return_if(BPF_JEQ, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	for (i = 0; i < ARRAY_SIZE(refused_calls); i++)
		emit_return_if(BPF_JEQ, refused_calls[i], SECCOMP_RET_ERRNO | EPERM);
	emit_clone_rule();
	emit_personality_rule();
	emit_return(SECCOMP_RET_ALLOW);
}

/* NO_NEW_PRIVS also holds in containers, and lets anyone install a filter. */
static int install_filter(void)
{
	struct sock_fprog prog = { .len = program_len, .filter = program };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s COMMAND [ARGUMENTS...]\n", argv[0]);
		return 2;
	}
	build_filter();
	if (install_filter() < 0) {
		perror("outer-filter: seccomp");
		return 126;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
