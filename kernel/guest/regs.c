/* SPDX-License-Identifier: MIT */
/*
 * Registers and signal frames of a guest thread: the context in its area.
 */
#include "guest/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "host/host.h"

#define EFLAGS_FIXED 0x202			/* bit 1 and IF */
#define EFLAGS_TF 0x100
#define EFLAGS_USER 0x254dd5			/* ID AC NT OF DF TF SF ZF AF PF CF */

void uc_init(struct near_area *a, u64 areabase, u64 ctx)
{
	struct guest_uc *uc = (struct guest_uc *)((char *)a + ctx);

	memset((char *)uc - 64, 0, sizeof(*uc) + 64);
	uc->flags = 6;				/* UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
	uc->ss_sp = areabase + AREA_ALTSTACK;
	uc->ss_size = AREA_ALTSTACK_SIZE;
	uc->r.cs = 0x33;
	uc->r.ss = 0x2b;
	uc->r.eflags = EFLAGS_FIXED;
}

int uthread_full(struct uthread *ut)
{
	int err;

	if (ut->full)
		return 0;
	if (ut->space->dead)
		return -ESRCH;
	/* The patched path restores the guest's registers and traps: the host saves them all. */
	err = uthread_retrap(ut);
	if (err)
		return err;
	if (READ_ONCE(ut->area->trap) != TRAPN_KICK || !READ_ONCE(ut->area->full))
		goto broken;
	uthread_take_context(ut);
	if (ut->full)
		return 0;
broken:
	space_kill(ut->space);
	return -ESRCH;
}

int uthread_get_regs(struct uthread *ut, struct regs *r)
{
	struct guest_gregs g;
	int err = uthread_full(ut);

	if (err)
		return err;
	memcpy(&g, &uthread_uc(ut)->r, sizeof(g));
	*r = (struct regs){
		.r15 = g.r15, .r14 = g.r14, .r13 = g.r13, .r12 = g.r12, .rbp = g.rbp, .rbx = g.rbx,
		.r11 = g.r11, .r10 = g.r10, .r9 = g.r9, .r8 = g.r8, .rax = g.rax, .rcx = g.rcx,
		.rdx = g.rdx, .rsi = g.rsi, .rdi = g.rdi, .orig_rax = (u64)ut->nr, .rip = g.rip,
		.cs = 0x33, .eflags = g.eflags, .rsp = g.rsp, .ss = 0x2b,
	};
	return 0;
}

int uthread_set_regs(struct uthread *ut, const struct regs *r)
{
	struct guest_gregs *g;
	int err = uthread_full(ut);

	if (err)
		return err;
	g = &uthread_uc(ut)->r;
	g->r15 = r->r15;
	g->r14 = r->r14;
	g->r13 = r->r13;
	g->r12 = r->r12;
	g->rbp = r->rbp;
	g->rbx = r->rbx;
	g->r11 = r->r11;
	g->r10 = r->r10;
	g->r9 = r->r9;
	g->r8 = r->r8;
	g->rax = r->rax;
	g->rcx = r->rcx;
	g->rdx = r->rdx;
	g->rsi = r->rsi;
	g->rdi = r->rdi;
	g->rip = r->rip;
	g->rsp = r->rsp;
	g->eflags = (r->eflags & EFLAGS_USER) | EFLAGS_FIXED;
	g->cs = 0x33;
	g->ss = 0x2b;
	ut->has_result = false;			/* rax is what was set here */
	return 0;
}

int uthread_settle(struct uthread *ut)
{
	int err = ut->norders ? uthread_flush(ut) : 0, full = uthread_full(ut);

	ut->npre = 0;
	return full ? full : err;
}

bool uthread_step(struct uthread *ut, bool on)
{
	struct guest_uc *uc;

	if (on && uthread_full(ut))
		return false;
	uc = uthread_uc(ut);
	if (!uc || (on && (uc->r.eflags & EFLAGS_TF)))
		return false;
	if (on)
		uc->r.eflags |= EFLAGS_TF;
	else
		uc->r.eflags &= ~(u64)EFLAGS_TF;
	return true;
}

int uthread_reset(struct uthread *ut, u64 rip, u64 rsp)
{
	struct guest_uc *uc;
	int err = uthread_full(ut);

	if (err)
		return err;
	uc_init(ut->area, NEAR_SHARED + (u64)ut->index * AREA_SIZE, ut->ctx);
	uc = uthread_uc(ut);
	uc->r.rip = rip;
	uc->r.rsp = rsp;
	ut->has_result = false;
	ut->nr = -1;
	return 0;
}

static int set_base(struct uthread *ut, u32 op, u64 base)
{
	int err = uthread_room(ut, 1);

	if (err)
		return err;
	uthread_order(ut, op)->a[0] = base;
	return ut->batch ? 0 : uthread_flush(ut);
}

int uthread_set_fsbase(struct uthread *ut, u64 base)
{
	return set_base(ut, ORD_SETFS, base);
}

int uthread_set_gsbase(struct uthread *ut, u64 base)
{
	return set_base(ut, ORD_SETGS, base);
}

int uthread_get_bases(struct uthread *ut, u64 *fs, u64 *gs)
{
	u32 i;
	int err = uthread_room(ut, 1);

	if (err)
		return err;
	i = ut->norders;
	uthread_order(ut, ORD_GETBASES);
	err = uthread_flush(ut);
	if (err)
		return err;
	*fs = READ_ONCE(ut->area->orders[i].a[0]);
	*gs = READ_ONCE(ut->area->orders[i].a[1]);
	return 0;
}

static struct near_frame_req *frame_req(struct uthread *ut)
{
	return (struct near_frame_req *)((char *)ut->area + AREA_WINDOW);
}

/* Frame orders use the window's start: what is queued for it goes first. */
static int frame_order(struct uthread *ut, u32 op, const struct near_frame_req *q)
{
	int err = uthread_full(ut);

	if (!err && ut->norders)
		err = uthread_flush(ut);
	if (err)
		return err;
	memcpy(frame_req(ut), q, sizeof(*q));
	ut->npre = 0;
	uthread_order(ut, op);
	return uthread_flush(ut);
}

#define RED_ZONE 128

int uthread_push_sigframe(struct uthread *ut, const struct sigaction_k *act, const siginfo_t *info,
			  sigmask_t oldmask, const struct sigaltstack_k *oss, u64 sp_top, bool use_altstack)
{
	struct near_frame_req q = {
		.sp = use_altstack ? sp_top : sp_top - RED_ZONE,
		.handler = act->handler,
		.restorer = act->restorer,
		.flags = act->flags,
		.oldmask = oldmask,
		.ss_sp = oss->sp,
		.ss_size = oss->size,
		.ss_flags = (u32)oss->flags,
		.sig = (u32)info->si_signo,
	};
	int err;

	memcpy(q.siginfo, info, sizeof(q.siginfo));
	err = frame_order(ut, ORD_FRAME_PUSH, &q);
	if (!err)
		ut->has_result = false;
	return err;
}

int uthread_pop_sigframe(struct uthread *ut, sigmask_t *mask, struct sigaltstack_k *oss)
{
	struct near_frame_req q = { 0 };
	int err = frame_order(ut, ORD_FRAME_POP, &q);

	if (err)
		return err;
	memcpy(&q, frame_req(ut), sizeof(q));
	*mask = q.oldmask;
	oss->sp = q.ss_sp;
	oss->flags = (int)q.ss_flags;
	oss->size = q.ss_size;
	ut->has_result = false;
	ut->nr = -1;
	return 0;
}

/* "linux [name]" for the host's ps, as far as 15 characters go. */
void space_set_name(struct space *s, const char *name)
{
	struct uthread *ut = list_empty(&s->uthreads) ? NULL : list_first(&s->uthreads, struct uthread, node);
	char text[16] = "linux [";
	struct near_order *o;
	size_t n = strlen(name);
	u32 at;

	if (!ut || ut->running || s->dead || uthread_room(ut, 1) ||
	    ut->wpos + sizeof(text) > AREA_WINDOW_SIZE / 2)
		return;
	at = ut->wpos;
	n = MIN(n, sizeof(text) - 1 - 8);
	memcpy(text + 7, name, n);
	text[7 + n] = ']';
	memcpy((char *)ut->area + AREA_WINDOW + at, text, sizeof(text));
	o = uthread_order(ut, ORD_HOSTCALL);
	o->a[0] = 157;				/* prctl */
	o->a[1] = 15;				/* PR_SET_NAME */
	o->a[2] = NEAR_SHARED + (u64)ut->index * AREA_SIZE + AREA_WINDOW + at;
	ut->wpos += sizeof(text);
}
