/* SPDX-License-Identifier: MIT */
/*
 * A tracer's debug registers, as far as software can play them: while one is armed the tracee runs
 * step by step, and after each step its place and the watched memory are looked at. So breakpoints and
 * watchpoints for writing work (slowly), those for reading cannot. A write that changes nothing is not noticed.
 */
#include "process/ptrace.h"

#include <string.h>

#include "abi/errno.h"
#include "guest/guest.h"
#include "mm/mm.h"

#define DR_COUNT 4
#define DR6_RESERVED 0xffff0ff0UL
#define DR7_ENABLED(dr7, i) ((dr7) >> (2 * (i)) & 3)
#define DR7_TYPE(dr7, i) ((dr7) >> (16 + 4 * (i)) & 3)
#define DR7_LEN(dr7, i) ((dr7) >> (18 + 4 * (i)) & 3)
enum { TYPE_EXEC = 0, TYPE_WRITE = 1 };

static const u8 lengths[4] = { 1, 2, 8, 4 };

static u32 length_of(u64 dr7, int i)
{
	return lengths[DR7_LEN(dr7, i)];
}

bool debugreg_active(const struct ptrace *pt)
{
	return pt->dr.dr7 & 0xff;
}

u64 debugreg_get(const struct ptrace *pt, int n)
{
	if (n < DR_COUNT)
		return pt->dr.addr[n];
	return n == 6 ? pt->dr.dr6 ^ DR6_RESERVED : n == 7 ? pt->dr.dr7 : 0;
}

static bool control_ok(const struct ptrace *pt, u64 dr7)
{
	for (int i = 0; i < DR_COUNT; i++) {
		u64 type = DR7_TYPE(dr7, i);

		if (!DR7_ENABLED(dr7, i))
			continue;
		if (type != TYPE_EXEC && type != TYPE_WRITE)
			return false;
		if (type == TYPE_EXEC && DR7_LEN(dr7, i))
			return false;
		if (pt->dr.addr[i] & (length_of(dr7, i) - 1))
			return false;
	}
	return true;
}

int debugreg_set(struct ptrace *pt, int n, u64 value)
{
	pt->dr.stale = true;
	if (n < DR_COUNT) {
		if (value >= GUEST_TASK_SIZE - 8)
			return -EINVAL;
		pt->dr.addr[n] = value;
		return 0;
	}
	if (n == 6) {
		pt->dr.dr6 = value ^ DR6_RESERVED;
		return 0;
	}
	if (n != 7)
		return -EIO;
	if (!control_ok(pt, value))
		return -EINVAL;
	pt->dr.dr7 = value;
	return 0;
}

/* The watched memory as it is now; what cannot be read counts as zero. Blocks. */
static void read_watched(struct task *t, u64 now[DR_COUNT])
{
	struct debugregs dr = ((struct ptrace *)t->ptrace)->dr;

	memset(now, 0, DR_COUNT * sizeof(now[0]));
	for (int i = 0; i < DR_COUNT; i++)
		if (DR7_ENABLED(dr.dr7, i) && DR7_TYPE(dr.dr7, i) == TYPE_WRITE &&
		    guest_copy_in(t->ut, &now[i], dr.addr[i], length_of(dr.dr7, i)))
			now[i] = 0;
}

void debugreg_sample(struct task *t)
{
	u64 now[DR_COUNT];
	struct ptrace *pt = t->ptrace;

	if (!pt->dr.stale)
		return;
	read_watched(t, now);
	pt = t->ptrace;
	if (!pt)
		return;
	memcpy(pt->dr.old, now, sizeof(now));
	pt->dr.stale = false;
}

bool debugreg_hit(struct task *t)
{
	u64 now[DR_COUNT], hit = 0;
	struct ptrace *pt;
	struct regs regs;

	read_watched(t, now);
	if (uthread_get_regs(t->ut, &regs))
		return false;
	pt = t->ptrace;
	for (int i = 0; pt && i < DR_COUNT; i++) {
		if (!DR7_ENABLED(pt->dr.dr7, i))
			continue;
		if (DR7_TYPE(pt->dr.dr7, i) == TYPE_EXEC ? regs.rip == pt->dr.addr[i] :
							    now[i] != pt->dr.old[i])
			hit |= 1UL << i;
		pt->dr.old[i] = now[i];
	}
	if (hit)
		pt->dr.dr6 = hit;
	return hit;
}
