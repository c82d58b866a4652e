/* SPDX-License-Identifier: MIT */
/*
 * The seccomp filter of guest processes. A call from anywhere but the near kernel's text traps (SIGSYS, which
 * the near kernel handles). A call from near text passes only if it is in this table; since guest code can jump
 * there with any registers, every line must be harmless with any arguments the line allows. The proof of
 * each stands behind it.
 */
#include "guest/priv.h"

#include "abi/ptrace.h"
#include "abi/futex.h"
#include "abi/mman.h"
#include "abi/prctl.h"
#include "abi/resource.h"
#include "abi/signal.h"
#include "abi/unistd.h"
#include "core/sched.h"
#include "near/boot.h"

#include <stdio.h>

#define NR_OFF 0
#define ARCH_OFF 4
#define IP_LO 8
#define IP_HI 12
#define ARG_LO(n) (16 + 8 * (n))
#define ARG_HI(n) (20 + 8 * (n))

/* What an argument must be for the call to pass. */
enum arg_test { ANY, ONE_OF, NO_BITS, RING };

struct rule {
	u16 nr;
	u8 test, arg;
	u32 mask;		/* ONE_OF: applied before comparing; NO_BITS: the forbidden bits */
	u8 nvals;
	u32 vals[24];
};

static const struct rule rules[] = {
	/* The host tries one rule after the other, so those come first whose calls are the shortest. */
	/* Descriptors that the kernel sent: a file that the guest opened, with the rights of its opening. */
	{ __NR_pread64, ANY, 0, 0, 0, { 0 } },
	{ __NR_pwrite64, ANY, 0, 0, 0, { 0 } },
	/* How long it is: the position that this sets is used by nobody. */
	{ __NR_lseek, ONE_OF, 2, ~0u, 1, { SEEK_END } },
	/* Waiting and waking on memory that this process maps. */
	{ __NR_futex, ONE_OF, 1, 0x7f, 2, { FUTEX_WAIT, FUTEX_WAKE } },
	/* Own signal state, own stack. */
	{ __NR_rt_sigreturn, ANY, 0, 0, 0, { 0 } },
	{ __NR_sigaltstack, ANY, 0, 0, 0, { 0 } },
	{ __NR_rt_sigprocmask, ANY, 0, 0, 0, { 0 } },
	/*
	 * The doorbells: junk in them makes the kernel look in vain. Whole numbers only: others' would be cut
	 * differently after an odd byte.
	 */
	{ __NR_write, RING, 0, 0, 0, { 0 } },
	/* Descriptors that the kernel sent to this process. */
	{ __NR_recvmsg, ONE_OF, 0, ~0u, 1, { NEAR_FD_CTL } },
	{ __NR_close, ANY, 0, 0, 0, { 0 } },
	{ __NR_close_range, ANY, 0, 0, 0, { 0 } },
	{ __NR_dup3, ANY, 0, 0, 0, { 0 } },
	/* Own address space; descriptors as below. Huge pages are a pool of the whole host. */
	{ __NR_mmap, NO_BITS, 3, MAP_HUGETLB, 0, { 0 } },
	{ __NR_munmap, ANY, 0, 0, 0, { 0 } },
	{ __NR_mprotect, ANY, 0, 0, 0, { 0 } },
	{ __NR_mremap, ANY, 0, 0, 0, { 0 } },
	{ __NR_msync, ANY, 0, 0, 0, { 0 } },
	{ __NR_mincore, ANY, 0, 0, 0, { 0 } },
	{ __NR_madvise, ONE_OF, 2, ~0u, 23, { 0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25 } },
	/* A thread here, or a child of the kernel process under the same filter; numbers are bounded by RLIMIT_NPROC. */
	{ __NR_clone, ONE_OF, 0, ~0u, 2, { NEAR_CLONE_THREAD, NEAR_CLONE_FORK } },
	{ __NR_prctl, ONE_OF, 0, ~0u, 2, { PR_SET_PDEATHSIG, PR_SET_NAME } },
	{ __NR_arch_prctl, ONE_OF, 0, ~0u, 4, { ARCH_SET_GS, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS } },
	/* Bytes into own memory, of a generator that all of the host share. */
	{ __NR_getrandom, ANY, 0, 0, 0, { 0 } },
	{ __NR_getppid, ANY, 0, 0, 0, { 0 } },
	/* Numbers about itself. */
	{ __NR_getrusage, ONE_OF, 0, ~0u, 1, { RUSAGE_SELF } },
	{ __NR_sched_yield, ANY, 0, 0, 0, { 0 } },
	{ __NR_exit, ANY, 0, 0, 0, { 0 } },
	{ __NR_exit_group, ANY, 0, 0, 0, { 0 } },
};

struct out {
	struct near_insn *p;
	int n, max;
};

static void emit(struct out *o, u16 code, u32 k, u8 jt, u8 jf)
{
	if (o->n < o->max)
		o->p[o->n] = (struct near_insn){ code, jt, jf, k };
	o->n++;
}

static void load(struct out *o, u32 off)
{
	emit(o, BPF_LD | BPF_W | BPF_ABS, off, 0, 0);
}

static void ret(struct out *o, u32 action)
{
	emit(o, BPF_RET | BPF_K, action, 0, 0);
}

static void must_be(struct out *o, u32 off, u32 value)
{
	load(o, off);
	emit(o, BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
	ret(o, SECCOMP_RET_TRAP);
}

/* One number into a doorbell. */
static void ring_test(struct out *o)
{
	_Static_assert(NEAR_FD_BELL == 0, "the doorbells come first");
	load(o, ARG_LO(0));
	emit(o, BPF_JMP | BPF_JGE | BPF_K, (u32)sched_bells(NULL), 0, 1);
	ret(o, SECCOMP_RET_TRAP);
	must_be(o, ARG_LO(2), sizeof(u32));
	must_be(o, ARG_HI(2), 0);
	ret(o, SECCOMP_RET_ALLOW);
}

/* A rule is a block: "if nr differs skip; test; allow; trap". */
static void rule_block(struct out *o, const struct rule *r)
{
	int start = o->n;

	emit(o, BPF_JMP | BPF_JEQ | BPF_K, r->nr, 0, 0);	/* jf patched below */
	if (r->test == NO_BITS) {
		load(o, ARG_LO(r->arg));
		emit(o, BPF_JMP | BPF_JSET | BPF_K, r->mask, 1, 0);
		ret(o, SECCOMP_RET_ALLOW);
		ret(o, SECCOMP_RET_TRAP);
	} else if (r->test == RING) {
		ring_test(o);
	} else if (r->test == ONE_OF) {
		load(o, ARG_LO(r->arg));
		if (r->mask != ~0u)
			emit(o, BPF_ALU | BPF_AND | BPF_K, r->mask, 0, 0);
		for (int i = 0; i < r->nvals; i++)
			emit(o, BPF_JMP | BPF_JEQ | BPF_K, r->vals[i], (u8)(r->nvals - i), 0);
		ret(o, SECCOMP_RET_TRAP);
		ret(o, SECCOMP_RET_ALLOW);
	} else {
		ret(o, SECCOMP_RET_ALLOW);
	}
	if (start < o->max)
		o->p[start].jf = (u8)(o->n - start - 1);
}

int filter_build(struct near_insn *insns, int max)
{
	struct out o = { insns, 0, max };

	load(&o, ARCH_OFF);
	emit(&o, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	ret(&o, SECCOMP_RET_TRAP);
	load(&o, IP_HI);
	emit(&o, BPF_JMP | BPF_JEQ | BPF_K, NEAR_TEXT >> 32, 1, 0);
	ret(&o, SECCOMP_RET_TRAP);
	load(&o, IP_LO);
	emit(&o, BPF_JMP | BPF_JGE | BPF_K, NEAR_TEXT_MAX, 0, 1);
	ret(&o, SECCOMP_RET_TRAP);
	load(&o, NR_OFF);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		rule_block(&o, &rules[i]);
	ret(&o, SECCOMP_RET_TRAP);
	return o.n <= max ? o.n : -1;
}
