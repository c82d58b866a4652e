/* SPDX-License-Identifier: MIT */
/*
 * deny CALL... -- COMMAND [ARGUMENT...]: run a command on a host that has not got these system calls:
 * they fail with EPERM, as under a container's filter. "seccomp-by-prctl" is prctl(PR_SET_SECCOMP).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif

#define CALL(name) { #name, SYS_##name }
static const struct {
	const char *name;
	unsigned int nr;
} calls[] = {
	CALL(seccomp), CALL(memfd_create), CALL(landlock_create_ruleset), CALL(statx), CALL(openat2),
	CALL(clone3), CALL(rseq), CALL(close_range), CALL(ptrace), CALL(process_vm_readv),
	CALL(process_vm_writev), CALL(userfaultfd), { "seccomp-by-prctl", SYS_prctl },
};

static struct sock_filter program[256];
static unsigned short len;

static void emit(unsigned short code, unsigned int k, unsigned char jt, unsigned char jf)
{
	program[len++] = (struct sock_filter)BPF_JUMP(code, k, jt, jf);
}

static void deny(unsigned int nr)
{
	emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	if (nr == SYS_prctl) {
		emit(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3);
		emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]), 0, 0);
		emit(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1);
	} else {
		emit(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
	}
	/* No libc takes anything but ENOSYS for "use clone". */
	emit(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (nr == SYS_clone3 ? ENOSYS : EPERM), 0, 0);
}

static int deny_name(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, name)) {
			deny(calls[i].nr);
			return 0;
		}
	fprintf(stderr, "deny: no call %s\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	struct sock_fprog prog = { 0, program };
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (deny_name(argv[i]))
			return 2;
	if (i + 1 >= argc)
		return 2;
	emit(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	prog.len = len;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog)) {
		perror("deny: seccomp");
		return 126;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
}
