/* SPDX-License-Identifier: MIT */
/*
 * A program that sends itself a signal for which it has a handler, and the return from any handler: frames on
 * its own stack, registers and mask of its own. Nothing of it concerns the kernel, as long as no signal waits there,
 * the handlers are in our hands (near_area.actions: one thread alone), and the alternate stack stays as it is.
 */
#include "near/near.h"

#include <asm/siginfo.h>
#include <asm/unistd.h>
#include <linux/errno.h>

#include "abi/signal.h"

#define BIT(sig) (1ULL << ((sig) - 1))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))
/* They take others out of the queue. */
#define JOB_CONTROL (BIT(SIGCONT) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))
#define RED_ZONE 128
#define AUTODISARM (1U << 31)

/* The signal that this call sends to the caller itself, 0: it does not. */
static u64 sent_to_self(const struct near_area *a, long nr, const u64 *args)
{
	switch (nr) {
	case __NR_kill:
		return (u32)args[0] == a->pid ? (u32)args[1] : 0;
	case __NR_tkill:
		return (u32)args[0] == a->tid ? (u32)args[1] : 0;
	case __NR_tgkill:
		return (u32)args[0] == a->pid && (u32)args[1] == a->tid ? (u32)args[2] : 0;
	}
	return 0;
}

static const struct near_action *action_of(const struct near_area *a, u64 sig)
{
	return (const struct near_action *)((u64)a + AREA_ACTIONS) + (sig - 1);
}

static bool deliverable(const struct near_area *a, u64 sig)
{
	const struct near_action *act = action_of(a, sig);

	return act->handler > 1 && act->flags & SA_RESTORER && !(act->flags & SA_RESETHAND) &&
	       !(BIT(sig) & (a->sigmask | JOB_CONTROL | UNBLOCKABLE)) && !(a->ss_flags & AUTODISARM) &&
	       !(__atomic_load_n(&a->sigpending, __ATOMIC_SEQ_CST) & ~a->sigmask);
}

bool near_selfsig_wants(const struct near_area *a, long nr, const u64 *args)
{
	u64 sig = a->fast && a->actions ? sent_to_self(a, nr, args) : 0;

	return sig && sig <= 64 && deliverable(a, sig);
}

static bool on_altstack(const struct near_area *a, u64 sp)
{
	return sp > a->ss_sp && sp - a->ss_sp <= a->ss_size;
}

static void request(const struct near_area *a, u64 rsp, u64 sig, long nr, struct near_frame_req *q)
{
	const struct near_action *act = action_of(a, sig);
	siginfo_t *info = (siginfo_t *)q->siginfo;

	for (u32 i = 0; i < ARRAY_SIZE(q->siginfo); i++)
		q->siginfo[i] = 0;
	info->si_signo = (int)sig;
	info->si_code = nr == __NR_kill ? SI_USER : SI_TKILL;
	info->si_pid = (int)a->pid;
	info->si_uid = a->uid;
	q->sp = rsp - RED_ZONE;
	if (act->flags & SA_ONSTACK && a->ss_size && !on_altstack(a, rsp))
		q->sp = a->ss_sp + a->ss_size;
	q->handler = act->handler;
	q->restorer = act->restorer;
	q->flags = act->flags;
	q->oldmask = a->sigmask;
	q->ss_sp = a->ss_sp;
	q->ss_size = a->ss_size;
	q->ss_flags = a->ss_flags;
	q->sig = (u32)sig;
}

static void mask_for_handler(struct near_area *a, u64 sig)
{
	const struct near_action *act = action_of(a, sig);

	a->sigmask = (a->sigmask | act->mask | (act->flags & SA_NODEFER ? 0 : BIT(sig))) & ~UNBLOCKABLE;
}

static bool deliver(struct near_area *a, struct near_uc *uc, u64 sig, long nr)
{
	struct near_frame_req q;
	u64 rax = uc->r.rax;

	near_learn_fpu(uc);
	request(a, uc->r.rsp, sig, nr, &q);
	uc->r.rax = 0;
	if (near_push(uc, &q)) {
		uc->r.rax = rax;
		return false;		/* the far kernel finds it, too, and ends the program */
	}
	mask_for_handler(a, sig);
	return true;
}

/* The call came through a patched site: what the host would have saved is in the area, in f and in s. */
static void live_context(const struct near_area *a, const struct near_frame *f, const struct near_saved *s,
			 struct near_uc *uc)
{
	const u64 back = near_island_ret(a->b_ret);

	*uc = (struct near_uc){
		.r = {
			.r8 = f->args[4], .r9 = f->args[5], .r10 = f->args[3], .r11 = a->b_flags,
			.r12 = s->r12, .r13 = s->r13, .r14 = s->r14, .r15 = s->r15, .rdi = f->args[0],
			.rsi = f->args[1], .rbp = s->rbp, .rbx = s->rbx, .rdx = f->args[2], .rcx = back,
			.rsp = a->b_rsp, .rip = back, .eflags = a->b_flags, .cs = 0x33, .ss = 0x2b,
		},
	};
}

/* Return into the handler instead of to the caller. */
struct near_leave near_fast_signal(struct near_area *a, struct near_frame *f, const struct near_saved *s)
{
	long nr = (s32)f->nr;
	u64 sig = sent_to_self(a, nr, f->args);
	struct near_frame_req q;
	struct near_uc uc;

	live_context(a, f, s, &uc);
	request(a, uc.r.rsp, sig, nr, &q);
	if (near_push_live(&uc, &q))
		return (struct near_leave){ (u64)nr, LEAVE_REDO };
	mask_for_handler(a, sig);
	f->args[0] = uc.r.rdi;
	f->args[1] = uc.r.rsi;
	f->args[2] = uc.r.rdx;
	a->b_rsp = uc.r.rsp;
	a->b_ret = uc.r.rip;
	a->b_flags = uc.r.eflags;
	return (struct near_leave){ 0, LEAVE_RETURN };
}

static bool go_back(struct near_area *a, struct near_uc *uc)
{
	u64 mask, old = a->sigmask;
	struct near_uc g;

	if (near_copy(&g, (void *)uc->r.rsp, sizeof(g)) || g.ss_sp != a->ss_sp || g.ss_size != a->ss_size ||
	    (u32)g.ss_flags != a->ss_flags)
		return false;
	mask = g.sigmask & ~UNBLOCKABLE;
	/* In this order: who sends a signal looks at the mask afterwards, and kicks. */
	__atomic_store_n(&a->sigmask, mask, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&a->sigpending, __ATOMIC_SEQ_CST) & ~mask)
		a->kicked = 1;
	if (!near_pop(uc, &g, !a->kicked))
		return true;
	__atomic_store_n(&a->sigmask, old, __ATOMIC_SEQ_CST);
	return false;
}

bool near_selfsig(struct near_area *a, struct near_uc *uc, long nr, const u64 *args)
{
	if (nr == __NR_rt_sigreturn)
		return a->fast && go_back(a, uc);
	return near_selfsig_wants(a, nr, args) && deliver(a, uc, sent_to_self(a, nr, args), nr);
}
