/* SPDX-License-Identifier: MIT */
/*
 * The first stack of a program. From the top down: name of the program, environment and
 * argument strings, platform name and random bytes, auxiliary vector, envp, argv, argc. It is put
 * together in one kernel buffer and copied out in one go.
 */
#include "process/exec.h"

#include <string.h>

#include "abi/elf.h"
#include "abi/errno.h"
#include "abi/mman.h"
#include "abi/resource.h"
#include "abi/utsname.h"
#include "core/cred.h"
#include "core/random.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "mm/mm.h"

#define STACK_RESERVE (8UL << 20)
#define STACK_SLACK (128UL << 10)	/* room above the arguments, whatever the limit */
#define MAX_AUXV 24

struct stack_image {
	u64 top;
	u64 execfn, args, platform, random;	/* addresses in the guest */
	u64 sp;
	u64 auxv[2 * MAX_AUXV];
	int nauxv;				/* words */
	char *buf;				/* [sp, top) */
};

int stack_map(struct exec *x)
{
	u64 limit = rlimit(RLIMIT_STACK);
	u64 size = MAX(MIN(limit, STACK_RESERVE), x->args.limit + STACK_SLACK);
	struct mmap_args a = {
		.prot = PROT_READ | PROT_WRITE | (x->exec_stack ? PROT_EXEC : 0),
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
		.vm_flags = VM_STACK | VM_GROWSDOWN,
	};
	s64 ret;

	if (limit < STACK_RESERVE)
		size = MAX(limit, x->args.len + 2 * STACK_SLACK);
	x->stack_top = x->mm->start_stack;
	a.len = PAGE_ALIGN(size);
	a.addr = x->stack_top - a.len;
	ret = mm_mmap(x->mm, x->ut, &a);
	return ret < 0 ? ret : 0;
}

static void aux(struct stack_image *s, u64 type, u64 value)
{
	if (s->nauxv + 2 > 2 * MAX_AUXV)
		return;
	s->auxv[s->nauxv++] = type;
	s->auxv[s->nauxv++] = value;
}

static void fill_auxv(struct stack_image *s, const struct exec *x)
{
	const struct cred *c = x->cred;

	if (guest_vdso_base())
		aux(s, AT_SYSINFO_EHDR, guest_vdso_base());
	aux(s, AT_HWCAP, guest_hwcap());
	aux(s, AT_PAGESZ, PAGE_SIZE);
	aux(s, AT_CLKTCK, USER_HZ);
	aux(s, AT_PHDR, x->phdr);
	aux(s, AT_PHENT, sizeof(struct elf64_phdr));
	aux(s, AT_PHNUM, x->phnum);
	aux(s, AT_BASE, x->interp_base);
	aux(s, AT_FLAGS, 0);
	aux(s, AT_ENTRY, x->prog_entry);
	aux(s, AT_UID, c->uid);
	aux(s, AT_EUID, c->euid);
	aux(s, AT_GID, c->gid);
	aux(s, AT_EGID, c->egid);
	aux(s, AT_SECURE, x->secure);
	aux(s, AT_RANDOM, s->random);
	aux(s, AT_HWCAP2, guest_hwcap2());
	aux(s, AT_EXECFN, s->execfn);
	aux(s, AT_PLATFORM, s->platform);
	aux(s, AT_MINSIGSTKSZ, guest_minsigstksz());
	aux(s, AT_NULL, 0);
}

/* Every address, from the top down. */
static void lay_out(struct stack_image *s, const struct exec *x)
{
	u64 p = x->stack_top - sizeof(u64), words;

	s->top = x->stack_top;
	s->execfn = p -= strlen(x->filename) + 1;
	s->args = p -= x->args.len;
	if (!(current->proc->personality & ADDR_NO_RANDOMIZE))
		p -= random_u64() % 8192;
	p &= ~0xfUL;
	s->platform = p -= strlen(guest_platform()) + 1;
	s->random = p -= 16;
	s->nauxv = 0;
	fill_auxv(s, x);
	words = 1 + x->args.argc + 1 + x->args.envc + 1 + s->nauxv;
	s->sp = (p - words * sizeof(u64)) & ~0xfUL;
}

static void put(struct stack_image *s, u64 addr, const void *src, size_t n)
{
	memcpy(s->buf + (addr - s->sp), src, n);
}

/* n pointers to strings that follow each other from *str on, and a NULL. */
static u64 *put_vector(u64 *w, int n, const struct stack_image *s, u64 *str)
{
	while (n--) {
		*w++ = *str;
		*str += strlen(s->buf + (*str - s->sp)) + 1;
	}
	*w++ = 0;
	return w;
}

static void fill(struct stack_image *s, const struct exec *x)
{
	u64 *w = (u64 *)s->buf, str = s->args;
	u8 rnd[16];

	random_bytes(rnd, sizeof(rnd));
	put(s, s->execfn, x->filename, strlen(x->filename) + 1);
	put(s, s->args, x->args.buf, x->args.len);
	put(s, s->platform, guest_platform(), strlen(guest_platform()) + 1);
	put(s, s->random, rnd, sizeof(rnd));
	*w++ = x->args.argc;
	x->mm->arg_start = str;
	w = put_vector(w, x->args.argc, s, &str);
	x->mm->arg_end = x->mm->env_start = str;
	w = put_vector(w, x->args.envc, s, &str);
	x->mm->env_end = str;
	memcpy(w, s->auxv, s->nauxv * sizeof(u64));
	memcpy(x->mm->auxv, s->auxv, s->nauxv * sizeof(u64));
	x->mm->nauxv = s->nauxv;
}

int stack_fill(struct exec *x)
{
	struct stack_image s;
	int err;

	lay_out(&s, x);
	s.buf = kzalloc(s.top - s.sp);
	if (!s.buf)
		return -ENOMEM;
	fill(&s, x);
	err = guest_copy_out(x->ut, s.sp, s.buf, s.top - s.sp);
	kfree(s.buf);
	if (err)
		return err;
	x->sp = s.sp;
	x->mm->start_stack = s.sp;
	return 0;
}
