/* SPDX-License-Identifier: MIT */
/*
 * Linux's signal frame on the guest's stack. The saved context in the area already has Linux's layout (the host
 * made it), so pushing is copying it out with the guest's own mask and siginfo, and popping is the
 * way back. References: arch/x86 signal frame layout, sigreturn(2), and what the host does.
 */
#include "near/near.h"

#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <linux/errno.h>

#define UC_FP_XSTATE 1
#define UC_SIGCONTEXT_SS 2
#define UC_STRICT_RESTORE_SS 4
#define EFLAGS_CLEAR_ON_ENTRY 0x10500	/* TF, DF, RF */
#define EFLAGS_USER 0x244dd5		/* what a program may set: ID AC OF DF TF SF ZF AF PF CF, RF not */
#define MXCSR_DEFAULT 0x1f80
#define FCW_DEFAULT 0x37f

struct rt_frame {
	u64 pretcode;
	struct near_uc uc;
	u64 info[16];			/* siginfo */
};

/* Bytes of an FPU area including its software part and end mark. */
static u64 fp_size(const struct _fpstate_64 *fp)
{
	const struct _fpx_sw_bytes *sw = &fp->sw_reserved;

	if (sw->magic1 != FP_XSTATE_MAGIC1 || sw->extended_size < 512 ||
	    sw->extended_size > AREA_ALTSTACK_SIZE)
		return 512;
	return sw->extended_size;
}

/* The handler starts with the initial FPU state. */
static void fp_reset(struct _fpstate_64 *fp)
{
	fp->cwd = FCW_DEFAULT;
	fp->mxcsr = MXCSR_DEFAULT;
	if (fp_size(fp) > 512) {
		struct _xstate *x = (struct _xstate *)fp;

		x->xstate_hdr.xfeatures = 0;
	}
}

static long put_frame(const struct near_frame_req *q, struct near_uc *uc, u64 sp, u64 fpaddr)
{
	struct rt_frame f;

	f.pretcode = q->restorer;
	f.uc = *uc;
	f.uc.link = 0;
	f.uc.ss_sp = q->ss_sp;
	f.uc.ss_flags = (s32)q->ss_flags;
	f.uc.pad = 0;
	f.uc.ss_size = q->ss_size;
	f.uc.r.fpstate = fpaddr;
	f.uc.r.oldmask = q->oldmask;
	f.uc.sigmask = q->oldmask;
	for (size_t i = 0; i < ARRAY_SIZE(f.info); i++)
		f.info[i] = q->siginfo[i];
	return near_copy((void *)sp, &f, sizeof(f));
}

/* The frame below sp, with the FPU state at fpaddr; uc becomes the handler's start. */
static long push_below(struct near_uc *uc, const struct near_frame_req *q, u64 sp, u64 fpaddr)
{
	sp = ((sp - sizeof(struct rt_frame)) & ~15ULL) - 8;
	if (put_frame(q, uc, sp, fpaddr))
		return -EFAULT;
	uc->r.rdi = q->sig;
	uc->r.rsi = sp + offsetof(struct rt_frame, info);
	uc->r.rdx = sp + offsetof(struct rt_frame, uc);
	uc->r.rax = 0;
	uc->r.rsp = sp;
	uc->r.rip = q->handler;
	uc->r.eflags &= ~(u64)EFLAGS_CLEAR_ON_ENTRY;
	uc->r.cs = 0x33;
	uc->r.ss = 0x2b;
	return 0;
}

long near_push(struct near_uc *uc, const struct near_frame_req *q)
{
	struct _fpstate_64 *fp = (struct _fpstate_64 *)uc->r.fpstate;
	u64 sp = q->sp, fpaddr = 0;

	if (fp) {
		u64 n = fp_size(fp);

		sp = (sp - n) & ~63ULL;
		fpaddr = sp;
		if (near_copy((void *)sp, fp, n))
			return -EFAULT;
	}
	if (push_below(uc, q, sp, fpaddr))
		return -EFAULT;
	if (fp)
		fp_reset(fp);
	return 0;
}

void near_learn_fpu(const struct near_uc *uc)
{
	const struct _fpstate_64 *fp = (const struct _fpstate_64 *)uc->r.fpstate;

	if (fp && fp_size(fp) > 512 && !near_data()->fpu.magic1)
		near_data()->fpu = fp->sw_reserved;
}

/* The state in the registers, as the host would have put it there. */
static long save_live(u64 to)
{
	const struct _fpx_sw_bytes *sw = &near_data()->fpu;
	struct _fpstate_64 *fp = (struct _fpstate_64 *)to;
	u64 *features = (u64 *)&((struct _xstate *)fp)->xstate_hdr.xfeatures;
	const u32 magic2 = FP_XSTATE_MAGIC2;
	u64 bv;

	if (near_clear(features, sizeof(struct _header)) || near_xsave(fp, sw->xfeatures) ||
	    near_copy(&fp->sw_reserved, sw, sizeof(*sw)) ||
	    near_copy((void *)(to + sw->extended_size - sizeof(magic2)), &magic2, sizeof(magic2)) ||
	    near_copy(&bv, features, sizeof(bv)))
		return -EFAULT;
	bv |= 3;		/* x87 and SSE always count */
	return near_copy(features, &bv, sizeof(bv));
}

#define PKRU (1ULL << 9)

long near_push_live(struct near_uc *uc, const struct near_frame_req *q)
{
	u64 fpaddr = (q->sp - near_data()->fpu.extended_size) & ~63ULL;

	uc->flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	if (save_live(fpaddr) || push_below(uc, q, fpaddr, fpaddr))
		return -EFAULT;
	near_fpu_reset(near_data()->fpu.xfeatures & ~PKRU);
	return 0;
}

/* The guest's FPU area over ours; one that does not fit or is not marked restores as plain FXSAVE, as Linux does. */
static long fp_restore(struct near_uc *uc, u64 from)
{
	struct _fpstate_64 *fp = (struct _fpstate_64 *)uc->r.fpstate;
	struct _fpstate_64 head;
	u64 n;

	if (!fp)
		return 0;
	if (!from) {
		fp_reset(fp);
		return 0;
	}
	if (near_copy(&head, (void *)from, sizeof(head)))
		return -EFAULT;
	n = fp_size(&head);
	if (n > fp_size(fp))
		n = 512;
	if (near_copy(fp, (void *)from, n))
		return -EFAULT;
	if (n == 512)
		fp->sw_reserved.magic1 = 0;
	return 0;
}

long near_frame_push(struct near_area *a)
{
	return near_push((struct near_uc *)((u64)a + a->ctx),
			 (struct near_frame_req *)((char *)a + AREA_WINDOW));
}

/*
 * Can the host take the FPU's state from where the program has it, as it would from a frame of its own making? What
 * does not look like one, or lies on more than two pages, is copied.
 */
static bool fp_is_fit(const struct near_uc *uc, u64 from)
{
	const struct _fpstate_64 *own = (const struct _fpstate_64 *)uc->r.fpstate;
	struct _fpx_sw_bytes sw;
	u32 end;

	if (!own || from % 64 || from >= NEAR_BASE - AREA_ALTSTACK_SIZE ||
	    near_copy(&sw, &((const struct _fpstate_64 *)from)->sw_reserved, sizeof(sw)))
		return false;
	return sw.magic1 == FP_XSTATE_MAGIC1 && sw.extended_size == own->sw_reserved.extended_size &&
	       sw.extended_size <= 4096 &&
	       !near_copy(&end, (const void *)(from + sw.extended_size - sizeof(end)), sizeof(end)) &&
	       !near_copy(&end, (const void *)from, sizeof(end));
}

long near_pop(struct near_uc *uc, const struct near_uc *g, bool leaving)
{
	u64 fp = uc->r.fpstate, flags = uc->r.eflags;

	if (leaving && fp_is_fit(uc, g->r.fpstate))
		fp = g->r.fpstate;
	else if (fp_restore(uc, g->r.fpstate))
		return -EFAULT;
	uc->r = g->r;
	uc->r.fpstate = fp;
	uc->r.eflags = (flags & ~(u64)EFLAGS_USER) | (g->r.eflags & EFLAGS_USER);
	uc->r.cs = 0x33;
	uc->r.ss = 0x2b;
	return 0;
}

long near_frame_pop(struct near_area *a)
{
	struct near_frame_req *q = (struct near_frame_req *)((char *)a + AREA_WINDOW);
	struct near_uc *uc = (struct near_uc *)((u64)a + a->ctx);
	struct near_uc g;

	if (near_copy(&g, (void *)uc->r.rsp, sizeof(g)) || near_pop(uc, &g, false))
		return -EFAULT;
	q->oldmask = g.sigmask;
	q->ss_sp = g.ss_sp;
	q->ss_size = g.ss_size;
	q->ss_flags = (u32)g.ss_flags;
	return 0;
}
