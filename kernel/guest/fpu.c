/* SPDX-License-Identifier: MIT */
/*
 * The floating point state of a guest thread: the XSAVE area that the host saved with its context. A
 * context that never ran has none: then the processor's initial state is shown, and made when it is
 * to be changed. Everything that stands in the area is hostile.
 */
#include "guest/priv.h"

#include "host/host.h"

#include <string.h>

#include "abi/errno.h"

#define CPUID1_ECX_OSXSAVE (1u << 27)
#define FX_SIZE 512
#define FX_MXCSR 24
#define FX_MXCSR_MASK 28
#define FX_SW 464			/* magic1, extended size, features, size: the host's note to itself */
#define FX_MAGIC1 0x46505853u
#define FX_MAGIC2 0x46505845u
#define XSTATE_BV FX_SIZE		/* u64: parts that are not initial */
#define XSAVE_MIN (FX_SIZE + 64)
#define FEATURES_FPSSE 3
#define FEATURES_ON_REQUEST (3ULL << 17)	/* AMX: a program must ask for it first */
#define FCW_INITIAL 0x37f
#define MXCSR_INITIAL 0x1f80
#define MXCSR_USER 0xffffu
#define FRESH_FP 0x200			/* of a fresh context's new state, behind it */

struct fx_sw {
	u32 magic1, extended_size;
	u64 features;
	u32 size;
};

/* What the host's frames have: features and size in the standard form. */
static size_t host_xsave(u64 *features)
{
	u32 r[4], lo, hi;
	size_t size = XSAVE_MIN;

	*features = 0;
	if (!host_cpuid(1, 0, r) || !(r[2] & CPUID1_ECX_OSXSAVE))
		return FX_SIZE;
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	*features = (lo | (u64)hi << 32) & ~FEATURES_ON_REQUEST;
	for (u32 i = 2; i < 63; i++) {
		if (!(*features >> i & 1) || !host_cpuid(0xd, i, r))
			continue;
		size = MAX(size, (size_t)r[0] + r[1]);
	}
	return size;
}

/* Where the state lies in the area and how long it is. NULL: nowhere sensible. */
static u8 *fpu_state(struct uthread *ut, size_t *size)
{
	u64 base = NEAR_SHARED + (u64)ut->index * AREA_SIZE, at;
	struct fx_sw sw;
	u8 *p;

	at = uthread_uc(ut)->r.fpstate - base;
	if (at > AREA_SIZE - XSAVE_MIN)
		return NULL;
	p = (u8 *)ut->area + at;
	memcpy(&sw, p + FX_SW, sizeof(sw));
	*size = sw.magic1 == FX_MAGIC1 && sw.extended_size >= XSAVE_MIN + 4 &&
		sw.extended_size <= AREA_SIZE - at ? sw.extended_size - 4 : FX_SIZE;
	return p;
}

static void initial_state(u8 *buf, size_t n)
{
	u16 fcw = FCW_INITIAL;
	u32 mxcsr = MXCSR_INITIAL, mask = MXCSR_USER;

	memset(buf, 0, n);
	memcpy(buf, &fcw, sizeof(fcw));
	memcpy(buf + FX_MXCSR, &mxcsr, sizeof(mxcsr));
	memcpy(buf + FX_MXCSR_MASK, &mask, sizeof(mask));
}

/* A state for a context that has none, in the room behind it. */
static u8 *fresh_state(struct uthread *ut, size_t *size)
{
	struct guest_uc *uc = uthread_uc(ut);
	struct fx_sw sw = { .magic1 = FX_MAGIC1 };
	u32 magic2 = FX_MAGIC2;
	u8 *p;

	*size = host_xsave(&sw.features);
	if (ut->ctx != FRESH_CTX || FRESH_CTX + FRESH_FP + *size + 4 > AREA_ALTSTACK + AREA_ALTSTACK_SIZE)
		return NULL;
	p = (u8 *)ut->area + FRESH_CTX + FRESH_FP;
	initial_state(p, *size);
	if (*size > FX_SIZE) {
		sw.extended_size = (u32)*size + 4;
		sw.size = (u32)*size;
		memcpy(p + FX_SW, &sw, sizeof(sw));
		memcpy(p + *size, &magic2, sizeof(magic2));
		uc->flags |= UC_FP_XSTATE;
	}
	uc->r.fpstate = NEAR_SHARED + (u64)ut->index * AREA_SIZE + FRESH_CTX + FRESH_FP;
	return p;
}

ssize uthread_get_fpu(struct uthread *ut, void *buf, size_t n)
{
	u64 features = 0;
	size_t size;
	u8 *p;

	if (uthread_full(ut))
		return -EIO;
	if (!uthread_uc(ut)->r.fpstate) {
		n = MIN(n, host_xsave(&features));
		if (n < FX_SIZE)
			return -EIO;
		initial_state(buf, n);
	} else {
		p = fpu_state(ut, &size);
		if (!p)
			return -EIO;
		n = MIN(n, size);
		memcpy(buf, p, n);
		memcpy(&features, p + FX_SW + 8, sizeof(features));
	}
	/* Where the host keeps its note, a tracer expects the feature mask. */
	if (n >= FX_SIZE) {
		memset((u8 *)buf + FX_SW, 0, FX_SIZE - FX_SW);
		memcpy((u8 *)buf + FX_SW, &features, sizeof(features));
	}
	return (ssize)n;
}

int uthread_set_fpu(struct uthread *ut, const void *buf, size_t n)
{
	u8 sw[FX_SIZE - FX_SW];
	size_t size;
	u32 mxcsr;
	u64 bv;
	u8 *p;

	if (n < FX_SIZE || uthread_full(ut))
		return -EIO;
	p = uthread_uc(ut)->r.fpstate ? fpu_state(ut, &size) : fresh_state(ut, &size);
	if (!p)
		return -EIO;
	memcpy(sw, p + FX_SW, sizeof(sw));
	memcpy(p, buf, MIN(n, size));
	memcpy(p + FX_SW, sw, sizeof(sw));
	memcpy(&mxcsr, p + FX_MXCSR, sizeof(mxcsr));
	mxcsr &= MXCSR_USER;
	memcpy(p + FX_MXCSR, &mxcsr, sizeof(mxcsr));
	if (n < XSAVE_MIN && size >= XSAVE_MIN) {
		memcpy(&bv, p + XSTATE_BV, sizeof(bv));
		bv |= FEATURES_FPSSE;
		memcpy(p + XSTATE_BV, &bv, sizeof(bv));
	}
	return 0;
}
