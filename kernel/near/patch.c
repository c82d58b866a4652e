/* SPDX-License-Identifier: MIT */
/*
 * Patching of call sites: a site that trapped once gets a jump to a slot in an island, which finds the
 * thread's area by FS base and enters near_fast without a trap.
 *
 * Shapes (r = address behind the syscall instruction, which the far kernel names):
 *   mov $nr,%eax; syscall            the mov becomes the jump; the syscall stays for whoever jumps to it
 *   mov $nr,%rax; syscall            likewise (7 bytes)
 *   mov %r11,8(%rsp); syscall        likewise: the cancellation core of glibc >= 2.41 and of musl
 *   syscall; cmp $-4095/-4096,%rax   the syscall and half of the cmp become the jump: glibc's syscall() and
 *                                    read(), Go's raw call. r then lies inside the jump: contexts that stand
 *                                    there are sent to the slot's tail (near_site2_tail), and the slot is
 *                                    placed so that the byte at r is an invalid instruction, for whoever
 *                                    jumps there.
 * Slot: [the replaced mov]; find the entry of FS_TABLE and compare; jrcxz match; syscall;
 *       tail: [the replaced cmp]; jmp back; match: load the area; lea tail,%r11; jmp near_fast; facts.
 * Only instructions that leave the flags alone: a system call does, too.
 */
#include "near/near.h"

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/mman.h>

#define SLOT 128
#define FACT_FAST (SLOT - 16)	/* u64: near_fast, for the jump */
#define FACT_RET (SLOT - 8)	/* u64: r */
#define FACT_PREFIX (SLOT - 17)	/* u8: bytes of the replaced mov */
#define FACT_TAIL (SLOT - 18)	/* u8: offset of the tail */
#define FACT_CMP (SLOT - 19)	/* u8: bytes of the replaced cmp */
#define FACT_MATCH (SLOT - 20)	/* u8: offset of match */
#define INVALID_INSN 0x06	/* push %es: no such instruction in 64-bit mode */

struct shape {
	u8 prefix;		/* replaced bytes before the syscall instruction */
	u8 cmp;			/* replaced bytes behind it */
};

static bool same(const u8 *p, const char *q, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (p[i] != (u8)q[i])
			return false;
	return true;
}

static u32 imm32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static bool in_islands(u64 ip)
{
	return ip - NEAR_ISLANDS < NEAR_ISLANDS_SIZE || ip - LOW_ISLANDS < LOW_ISLANDS_SIZE;
}

/* A jump of ours stands at p (which is at address at). */
static bool is_patched(const u8 *p, u64 at)
{
	return p[0] == 0xe9 && in_islands(at + 5 + (u64)(s64)(s32)imm32(p + 1));
}

/*
 * A site whose mov was replaced still has its syscall instruction, and what follows may look like a
 * site of the other kind: never patch twice.
 */
static bool patched_already(const u8 *b, u64 r)
{
	return is_patched(b, r - 9) || is_patched(b + 2, r - 7) || is_patched(b + 7, r - 2);
}

/* b: 16 bytes, r is at b + 9. Calls that replace contexts keep trapping anyway: not worth a slot. */
static bool find_shape(const u8 *b, struct shape *s)
{
	s->prefix = s->cmp = 0;
	if (!same(b + 7, "\x0f\x05", 2))
		return false;
	if (b[2] == 0xb8 && imm32(b + 3) < 1024)
		s->prefix = 5;
	else if (same(b, "\x48\xc7\xc0", 3) && imm32(b + 3) < 1024 && imm32(b + 3) != __NR_rt_sigreturn)
		s->prefix = 7;
	else if (same(b + 2, "\x4c\x89\x5c\x24\x08", 5))
		s->prefix = 5;
	else if (same(b + 9, "\x48\x3d", 2) && (b[11] == 0x01 || b[11] == 0x00) && same(b + 12, "\xf0\xff\xff", 3))
		s->cmp = 6;
	else
		return false;
	return true;
}

static u8 *put(u8 *p, const char *bytes, u32 n)
{
	for (u32 i = 0; i < n; i++)
		*p++ = (u8)bytes[i];
	return p;
}

static u8 *put32(u8 *p, s64 v)
{
	for (int i = 0; i < 4; i++)
		*p++ = (u8)(v >> (8 * i));
	return p;
}

static void put64(u8 *p, u64 v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (u8)(v >> (8 * i));
}

/* rel32 to target, from an instruction that ends behind these four bytes. */
static u8 *put_rel(u8 *p, u64 target)
{
	return put32(p, (s64)(target - ((u64)p + 4)));
}

static u64 page_of(u64 a)
{
	return a & ~4095ULL;
}

/* rcx = FS base, r11 = twice its index in FS_TABLE. */
static u8 *put_index(u8 *p)
{
	p = put(p, "\xf3\x48\x0f\xae\xc1", 5);		/* rdfsbase %rcx */
	p = put(p, "\xc4\x63\xfb\xf0\xd9", 5);		/* rorx $,%rcx,%r11 */
	*p++ = FS_INDEX_SHIFT;
	p = put(p, "\x45\x0f\xb7\xdb", 4);		/* movzwl %r11w,%r11d */
	return put(p, "\x47\x8d\x1c\x1b", 4);		/* lea (%r11,%r11),%r11d */
}

static u8 *put_match(u8 *slot, u8 *p, const u8 *tail)
{
	p = put_index(p);
	p = put(p, "\x4a\x8b\x0c\xdd", 4);		/* mov table+8(,%r11,8),%rcx */
	p = put32(p, FS_TABLE + 8);
	p = put(p, "\x4c\x8d\x1d", 3);			/* lea tail(%rip),%r11 */
	p = put_rel(p, (u64)tail);
	p = put(p, "\xff\x25", 2);			/* jmp *near_fast(%rip) */
	return put_rel(p, (u64)slot + FACT_FAST);
}

/* text: the 16 bytes around the site, r at text + 9. */
static void write_slot(u8 *slot, const u8 *text, const struct shape *s, u64 r)
{
	u8 *p = put(slot, (const char *)text + 7 - s->prefix, s->prefix);
	u8 *jump, *tail;

	p = put_index(p);
	p = put(p, "\x4e\x8b\x1c\xdd", 4);		/* mov table(,%r11,8),%r11 */
	p = put32(p, FS_TABLE);
	p = put(p, "\x48\xf7\xd1", 3);			/* not %rcx */
	p = put(p, "\x4a\x8d\x4c\x19\x01", 5);		/* lea 1(%rcx,%r11),%rcx: the difference */
	jump = p;
	p = put(p, "\xe3\x00", 2);			/* jrcxz match */
	p = put(p, "\x0f\x05", 2);			/* syscall */
	tail = p;
	p = put(p, (const char *)text + 9, s->cmp);
	*p++ = 0xe9;					/* jmp back */
	p = put_rel(p, r + s->cmp);
	jump[1] = (u8)(p - jump - 2);
	slot[FACT_MATCH] = (u8)(p - slot);
	put_match(slot, p, tail);
	put64(slot + FACT_FAST, (u64)near_fast);
	put64(slot + FACT_RET, r);
	slot[FACT_PREFIX] = s->prefix;
	slot[FACT_TAIL] = (u8)(tail - slot);
	slot[FACT_CMP] = s->cmp;
}

static bool reaches(u64 island, u64 text)
{
	s64 d = (s64)(island - text);

	return d > -0x7fe00000LL && d < 0x7fe00000LL;
}

/* The page of an island that can be written now: patches come in groups, and most of a group lie on few pages. */
struct writer {
	u64 page;		/* 0: none */
};

static void seal_page(struct writer *w)
{
	if (w->page)
		near_syscall3(__NR_mprotect, w->page, 4096, PROT_READ | PROT_EXEC);
	w->page = 0;
}

/* Present (mincore tells) or made. */
static bool open_page(struct writer *w, u64 page)
{
	u8 vec;
	bool open;

	if (w->page == page)
		return true;
	seal_page(w);
	if (!near_syscall3(__NR_mincore, page, 4096, &vec))
		open = !near_syscall3(__NR_mprotect, page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
	else
		open = near_syscall6(__NR_mmap, page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (u64)-1, 0) == (long)page;
	if (open)
		w->page = page;
	return open;
}

static bool slot_free(struct writer *w, u64 slot)
{
	return open_page(w, page_of(slot)) && !*(u64 *)(slot + FACT_RET);
}

/*
 * A jump of five bytes at "at" to slot has the second byte of its distance at at + 2: that must be
 * INVALID_INSN, which leaves one stretch of 256 bytes in every 64 KiB.
 */
static u64 placed_slot(struct writer *w, u64 at, u64 first, u64 size)
{
	u64 want = (at + 5 + (INVALID_INSN << 8) + SLOT - 1) & 0xffff & ~(u64)(SLOT - 1);

	for (u64 base = first; base < first + size; base += 0x10000)
		if (slot_free(w, base + want))
			return base + want;
	return 0;
}

static u64 next_slot(struct writer *w, u64 *next, u64 first, u64 size)
{
	u64 slot = *next ? *next : first;

	for (int tries = 0; tries < 256 && slot < first + size; tries++, slot += SLOT) {
		if (slot_free(w, slot)) {
			*next = slot + SLOT;
			return slot;
		}
	}
	return 0;
}

/* Room for one slot near text; its page is open. */
static u64 new_slot(struct writer *w, u64 at, bool placed)
{
	struct near_data *d = near_data();
	bool high = reaches(NEAR_ISLANDS, at);
	u64 first = high ? NEAR_ISLANDS : LOW_ISLANDS;
	u64 size = high ? NEAR_ISLANDS_SIZE : LOW_ISLANDS_SIZE;

	if (!reaches(first, at) || !reaches(first + size, at))
		return 0;
	if (placed)
		return placed_slot(w, at, first, size);
	return next_slot(w, high ? &d->high_next : &d->low_next, first, size);
}

static bool site2_add(u64 ret, u64 tail)
{
	struct near_data *d = near_data();
	u32 h = (u32)(ret * 0x9e3779b97f4a7c15ULL >> 54);

	if (d->nsites2 >= SITES2_MAX * 3 / 4)
		return false;
	while (d->sites2[h].ret && d->sites2[h].ret != ret)
		h = (h + 1) % SITES2_MAX;
	d->sites2[h].tail = tail;
	if (!d->sites2[h].ret)
		d->nsites2++;
	WRITE_ONCE(d->sites2[h].ret, ret);
	return true;
}

u64 near_site2_tail(u64 ret)
{
	struct near_data *d = near_data();
	u32 h = (u32)(ret * 0x9e3779b97f4a7c15ULL >> 54);

	while (d->sites2[h].ret) {
		if (d->sites2[h].ret == ret)
			return d->sites2[h].tail;
		h = (h + 1) % SITES2_MAX;
	}
	return 0;
}

/*
 * Five bytes in one go. Other threads may be executing here, so they must lie in one aligned word, which
 * x86 stores and fetches whole; alone, anything goes.
 */
static bool one_word(u64 at)
{
	return (at & 7) <= 3;
}

static void write_bytes(u64 at, const u8 bytes[5])
{
	u64 word = at & ~7ULL, sh = (at & 7) * 8, old, mask = 0xffffffffffULL, val = 0;

	if (!one_word(at)) {
		for (int i = 0; i < 5; i++)
			((volatile u8 *)at)[i] = bytes[i];
		return;
	}
	for (int i = 0; i < 5; i++)
		val |= (u64)bytes[i] << (8 * i);
	old = *(volatile u64 *)word;
	__atomic_store_n((u64 *)word, (old & ~(mask << sh)) | val << sh, __ATOMIC_SEQ_CST);
}

static bool write_jump(u64 at, u64 slot, bool alone)
{
	u8 jump[5] = { 0xe9 };

	if (!one_word(at) && !alone)
		return false;
	put32(jump + 1, (s64)(slot - (at + 5)));
	write_bytes(at, jump);
	return true;
}

static bool patch_one(struct writer *w, u64 r, bool alone)
{
	u8 text[16];
	struct shape s;
	u64 at, slot;

	if (near_copy(text, (void *)(r - 9), sizeof(text)) || patched_already(text, r) ||
	    !find_shape(text, &s))
		return false;
	at = r - 2 - s.prefix;
	if (!one_word(at) && !alone)
		return false;
	slot = new_slot(w, at, s.cmp);
	if (!slot)
		return false;
	write_slot((u8 *)slot, text, &s, r);
	if (s.cmp && !site2_add(r, slot + ((u8 *)slot)[FACT_TAIL]))
		return false;
	near_data()->reports = 0;
	return write_jump(at, slot, alone);
}

/* Not in near_data(): each fork would copy its page, twice. */
static u32 *text_lock(void)
{
	return &near_area_at(NEAR_SHARED)->text_lock;
}

void near_text_lock(void)
{
	while (__atomic_exchange_n(text_lock(), 1, __ATOMIC_ACQUIRE))
		near_syscall3(__NR_sched_yield, 0, 0, 0);
}

void near_text_unlock(void)
{
	__atomic_store_n(text_lock(), 0, __ATOMIC_RELEASE);
}

s64 near_patch(struct near_area *a, u64 start, u64 len, u32 count, u32 woff, bool alone)
{
	const u32 *offs = (const u32 *)((char *)a + AREA_WINDOW + (woff & (AREA_WINDOW_SIZE - 1) & ~3u));
	struct near_data *d = near_data();
	struct writer w = { 0 };
	s64 done = 0;

	if (!d->fsgsbase)
		return 0;
	near_text_lock();
	if (!near_syscall3(__NR_mprotect, start, len, PROT_READ | PROT_WRITE | PROT_EXEC)) {
		for (u32 i = 0; i < count && i < 4096; i++)
			if (offs[i] >= 9 && (u64)offs[i] + 7 <= len && patch_one(&w, start + offs[i], alone))
				done++;
		seal_page(&w);
		near_syscall3(__NR_mprotect, start, len, PROT_READ | PROT_EXEC);
	}
	near_text_unlock();
	return done;
}

static u8 *slot_of(u64 ip)
{
	return (u8 *)(ip & ~(u64)(SLOT - 1));
}

u64 near_island_ret(u64 tail)
{
	if (!in_islands(tail))
		return tail;		/* a handler is entered: near_fast_signal() */
	return *(u64 *)(slot_of(tail) + FACT_RET);
}

/* A context inside a slot is moved to the place in the original text where Linux would show it. */
void near_canonical(struct near_uc *uc)
{
	u64 ip = uc->r.rip, off, ret;
	u8 *slot = slot_of(ip);

	if (!in_islands(ip))
		return;
	off = ip - (u64)slot;
	ret = *(u64 *)(slot + FACT_RET);
	if (slot[FACT_PREFIX] && off == 0)
		uc->r.rip = ret - 2 - slot[FACT_PREFIX];
	else if (off < slot[FACT_TAIL] || off >= slot[FACT_MATCH])
		uc->r.rip = ret - 2;
	else if (off == slot[FACT_TAIL])
		uc->r.rip = ret;
	else
		uc->r.rip = ret + slot[FACT_CMP];
}

bool near_in_islands(u64 ip)
{
	return in_islands(ip);
}

/* ---- taking patches back, for tracers ---- */

static void site2_drop(u64 ret)
{
	struct near_data *d = near_data();
	u32 h = (u32)(ret * 0x9e3779b97f4a7c15ULL >> 54);

	while (d->sites2[h].ret && d->sites2[h].ret != ret)
		h = (h + 1) % SITES2_MAX;
	d->sites2[h].tail = 0;		/* ret stays: others may lie behind it */
}

/* The original bytes over the jump at "at", if it is the one of the site that returns to r. */
static bool restore_at(u64 at, u64 r)
{
	u8 now[5], old[5] = { 0x0f, 0x05 };
	const u8 *slot;

	if (near_copy(now, (void *)at, sizeof(now)) || !is_patched(now, at))
		return false;
	slot = slot_of(at + 5 + (u64)(s64)(s32)imm32(now + 1));
	if (*(const u64 *)(slot + FACT_RET) != r || r - 2 - slot[FACT_PREFIX] != at)
		return false;
	if (slot[FACT_PREFIX])
		put(old, (const char *)slot, sizeof(old));
	else
		put(old + 2, (const char *)slot + slot[FACT_TAIL], 3);
	write_bytes(at, old);
	if (slot[FACT_CMP])
		site2_drop(r);
	return true;
}

static bool restore_site(u64 r)
{
	return restore_at(r - 9, r) || restore_at(r - 7, r) || restore_at(r - 2, r);
}

s64 near_unpatch(struct near_area *a, u64 start, u64 len, u32 count, u32 woff)
{
	const u32 *offs = (const u32 *)((char *)a + AREA_WINDOW + (woff & (AREA_WINDOW_SIZE - 1) & ~3u));
	struct near_data *d = near_data();
	s64 done = 0;

	near_text_lock();
	if (!near_syscall3(__NR_mprotect, start, len, PROT_READ | PROT_WRITE | PROT_EXEC)) {
		for (u32 i = 0; i < count && i < 4096; i++)
			if (offs[i] >= 9 && (u64)offs[i] + 7 <= len)
				done += restore_site(start + offs[i]);
		near_syscall3(__NR_mprotect, start, len, PROT_READ | PROT_EXEC);
	}
	for (u32 i = 0; i < ARRAY_SIZE(d->reported); i++)
		d->reported[i] = 0;
	near_text_unlock();
	return done;
}
