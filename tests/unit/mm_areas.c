/* SPDX-License-Identifier: MIT */
/*
 * Areas and host must agree: random calls on a small address space, against a host that keeps
 * one record per page, refuses some calls, and moves no more than it likes. After every call each page
 * is compared, and the tree and the counters are checked.
 */
#include "test.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/mman.h"
#include "abi/resource.h"
#include "core/log.h"
#include "core/random.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "core/time.h"
#include "core/wait.h"
#include "guest/guest.h"
#include "mm/mm.h"
#include "mm/vma.h"

#define PAGES 64
#define BASE 0x10000000UL

/* --- the host: one record per page --- */

struct page {
	bool mapped;
	u32 prot;
	int fd;
	u64 off;
};

static struct page pages[PAGES];
static int fail_every, calls;

/* Calls that travel with the answer of the guest's call: this host tells of a refusal after it. */
bool guest_fastpath;
static struct guest_undo undo;
static bool deferring;
static int late_error;

void guest_defer_begin(struct uthread *ut, const struct guest_undo *u)
{
	undo = *u;
	deferring = true;
}

void guest_defer_end(struct uthread *ut)
{
	deferring = false;
}

static void settle(void)
{
	int err = late_error;

	late_error = 0;
	if (err)
		assert_true(undo.fn(NULL, &undo, err) == err);
}

static bool refuse(void)
{
	return fail_every && ++calls % fail_every == 0;
}

static struct page *page_at(u64 addr)
{
	u64 i = (addr - BASE) / PAGE_SIZE;

	return addr >= BASE && i < PAGES ? &pages[i] : NULL;
}

int guest_mmap(struct uthread *ut, u64 addr, u64 len, u32 prot, u32 flags, int fd, u64 off)
{
	u64 i;

	if (refuse()) {
		late_error = deferring ? -ENOMEM : 0;
		return deferring ? 0 : -ENOMEM;
	}
	assert_true(flags & MAP_FIXED);
	for (i = 0; i < len; i += PAGE_SIZE) {
		struct page *p = page_at(addr + i);

		if (p)
			*p = (struct page){ true, prot, fd, fd < 0 ? 0 : off + i };
	}
	return 0;
}

int guest_munmap(struct uthread *ut, u64 addr, u64 len)
{
	u64 i;

	/* mm defers only what cannot be refused. */
	if (!deferring && refuse())
		return -ENOMEM;
	for (i = 0; i < len; i += PAGE_SIZE) {
		struct page *p = page_at(addr + i);

		if (p)
			p->mapped = false;
	}
	return 0;
}

int guest_mprotect(struct uthread *ut, u64 addr, u64 len, u32 prot)
{
	u64 i, n = len;

	/* The host, too, may stop half way. Putting the old rights back it never refuses. */
	if (!deferring && refuse())
		n = (len / 2) & PAGE_MASK;
	for (i = 0; i < n; i += PAGE_SIZE) {
		struct page *p = page_at(addr + i);

		assert_true(!p || p->mapped);
		if (p)
			p->prot = prot;
	}
	if (n == len)
		return 0;
	fail_every = -fail_every;
	return -ENOMEM;
}

int guest_mremap(struct uthread *ut, u64 old, u64 oldlen, u64 newlen, u64 newaddr)
{
	struct page copy[PAGES];
	u64 i, n = oldlen / PAGE_SIZE;

	if (n > 1 && calls++ % 3 == 0)
		return -EFAULT;
	if (refuse())
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct page *p = page_at(old + i * PAGE_SIZE);

		copy[i] = *p;
		p->mapped = false;
	}
	for (i = 0; i < newlen / PAGE_SIZE; i++) {
		struct page *p = page_at(newaddr + i * PAGE_SIZE);

		if (!p)
			continue;
		*p = i < n ? copy[i] : copy[n - 1];
		if (i >= n && p->fd >= 0)
			p->off += (i - n + 1) * PAGE_SIZE;
	}
	return 0;
}

int guest_madvise(struct uthread *ut, u64 addr, u64 len, int advice)
{
	return refuse() ? -ENOMEM : 0;
}

int guest_msync(struct uthread *ut, u64 addr, u64 len, int flags)
{
	return 0;
}

int guest_mincore(struct uthread *ut, u64 addr, u64 len, u8 *vec)
{
	return 0;
}

void guest_batch_begin(struct uthread *ut)
{
}

int guest_batch_end(struct uthread *ut)
{
	return 0;
}

bool guest_batching(const struct uthread *ut)
{
	return false;
}

int space_borrow(struct space *s, struct uthread **out)
{
	return -ESRCH;
}

void space_return(struct uthread *ut)
{
}

void guest_text_mapped(struct uthread *ut, u64 addr, u64 len, u64 off, u64 dev, u64 ino, u64 mtime)
{
}

void space_put(struct space *s)
{
}

int space_hostpid(const struct space *s)
{
	return 0;
}

/* --- the kernel around it --- */

static struct task me;
struct sysctl sysctl = { .max_map_count = 65530 };
LIST_HEAD(process_list);
static u64 limits[RLIM_NLIMITS];

struct task *current_task(void)
{
	return &me;
}

void kill_process(struct process *p)
{
	fail_msg("killed");
}

u64 rlimit(int which)
{
	return limits[which];
}

bool capable(int cap)
{
	return false;
}

void mem_charge_file(s64 bytes)
{
}

u64 mem_total(void)
{
	return 8ULL << 30;
}

void mm_account_poke(struct mm *m)
{
}

void uthread_publish_brk(struct uthread *ut, u64 brk, u64 max)
{
}

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	__builtin_trap();
}

u64 random_u64(void)
{
	return 0;
}

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank)
{
}

void mutex_lock(struct mutex *m)
{
	assert_null(m->owner);
	m->owner = &me;
}

void mutex_unlock(struct mutex *m)
{
	assert_ptr_equal(m->owner, &me);
	m->owner = NULL;
}

bool mutex_held(const struct mutex *m)
{
	return m->owner;
}

/* --- checks --- */

static u64 check_tree(struct vma *t)
{
	u64 gap, sub;

	if (!t)
		return 0;
	gap = t->gap;
	sub = check_tree(t->left);
	assert_true(!t->left || (t->left->prio <= t->prio && t->left->end <= t->start));
	gap = MAX(gap, sub);
	sub = check_tree(t->right);
	assert_true(!t->right || (t->right->prio <= t->prio && t->right->start >= t->end));
	gap = MAX(gap, sub);
	assert_int_equal(t->maxgap, gap);
	return gap;
}

static void check_page(struct mm *mm, u64 addr)
{
	struct vma *v = vma_find(mm, addr);
	struct page *p = page_at(addr);
	bool here = v && v->start <= addr;

	assert_int_equal(here, p->mapped);
	if (!here)
		return;
	assert_int_equal(v->flags & VM_ACCESS, p->prot);
	assert_int_equal(v->backing ? v->backing->hostfd : -1, p->fd);
	if (v->backing)
		assert_int_equal(v->pgoff + (addr - v->start), p->off);
}

static void check_all(struct mm *mm)
{
	struct vma *v;
	u64 end = GUEST_MMAP_MIN, total = 0, locked = 0;
	int i, n = 0;

	list_for_each(v, &mm->vmas, node) {
		assert_true(v->start >= end && v->end > v->start);
		assert_int_equal(v->gap, v->start - end);
		assert_ptr_equal(vma_find(mm, v->start), v);
		end = v->end;
		total += vma_pages(v);
		locked += v->flags & VM_LOCKED ? vma_pages(v) : 0;
		n++;
	}
	assert_int_equal(n, mm->nvmas);
	assert_int_equal(total, mm->total_pages);
	assert_int_equal(locked, mm->locked_pages);
	check_tree(mm->tree);
	for (i = 0; i < PAGES; i++)
		check_page(mm, BASE + i * PAGE_SIZE);
}

/* --- random calls --- */

static u32 seed;

static u32 rnd(u32 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

static struct mm *mm;
static struct backing file_backing;
static void no_release(struct backing *b)
{
}
static const struct backing_ops no_ops = { .release = no_release };

static u64 any_page(void)
{
	return BASE + rnd(PAGES) * PAGE_SIZE;
}

static u64 any_len(u64 addr)
{
	u64 max = (BASE + PAGES * PAGE_SIZE - addr) / PAGE_SIZE;

	return (1 + rnd(MIN(max, 12UL))) * PAGE_SIZE;
}

static void random_map(void)
{
	static const u32 prots[] = { 0, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC };
	struct mmap_args a = { .addr = any_page(), .prot = prots[rnd(4)] };

	a.len = any_len(a.addr);
	a.flags = MAP_FIXED | (rnd(3) ? MAP_PRIVATE : MAP_SHARED);
	a.backing = rnd(2) || (a.flags & MAP_SHARED) ? &file_backing : NULL;
	a.pgoff = rnd(4) * PAGE_SIZE;
	if (rnd(8) == 0)
		a.flags |= MAP_FIXED_NOREPLACE;
	mm_mmap(mm, NULL, &a);
}

static void random_remap(void)
{
	u64 old = any_page(), oldlen = any_len(old), to = any_page(), newlen = any_len(to);
	u32 flags = rnd(2) ? MREMAP_MAYMOVE | MREMAP_FIXED : 0;

	if (flags && rnd(4) == 0) {
		flags |= MREMAP_DONTUNMAP;
		newlen = MIN(oldlen, newlen);
		oldlen = newlen;
	}
	if (!flags && old + newlen > BASE + PAGES * PAGE_SIZE)
		return;
	mm_mremap(mm, NULL, old, oldlen, newlen, flags, to);
}

static void random_call(void)
{
	static const u32 prots[] = { 0, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC };
	static const int advice[] = { MADV_DONTFORK, MADV_DOFORK, MADV_DONTNEED, MADV_DONTDUMP };
	u64 addr = any_page(), len = any_len(addr);

	switch (rnd(8)) {
	case 0: case 1: case 2:
		random_map();
		break;
	case 3:
		mm_munmap(mm, NULL, addr, len);
		break;
	case 4:
		mm_mprotect(mm, NULL, addr, len, prots[rnd(4)]);
		break;
	case 5:
		random_remap();
		break;
	case 6:
		mm_mlock(mm, NULL, addr, len, rnd(3));
		break;
	case 7:
		mm_madvise(mm, NULL, addr, len, advice[rnd(4)]);
		break;
	}
	settle();
	fail_every = fail_every < 0 ? -fail_every : fail_every;
}

static void fresh(void)
{
	int i;

	fail_every = 0;
	memset(pages, 0, sizeof(pages));
	for (i = 0; i < RLIM_NLIMITS; i++)
		limits[i] = RLIM64_INFINITY;
	file_backing = (struct backing){ .ref = { 1 }, .hostfd = 7, .may_write = true,
					 .may_exec = true, .ops = &no_ops };
	assert_int_equal(mm_create(NULL, &mm), 0);
	me.mm = mm;
}

static void run(int every, int n)
{
	fresh();
	fail_every = every;
	while (n-- > 0) {
		random_call();
		check_all(mm);
	}
	mm_put(mm);
	assert_int_equal(ref_read(&file_backing.ref), 1);
}

static void agree(void **state)
{
	seed = 1;
	run(0, 20000);
}

static void agree_when_host_refuses(void **state)
{
	seed = 2;
	run(7, 20000);
}

static void agree_when_it_tells_later(void **state)
{
	guest_fastpath = true;
	seed = 3;
	run(7, 20000);
	guest_fastpath = false;
}

/* --- single rules --- */

static s64 map_at(u64 addr, u64 len, u32 prot, u32 flags)
{
	struct mmap_args a = { .addr = addr, .len = len, .prot = prot,
			       .flags = flags | MAP_PRIVATE | MAP_ANONYMOUS };

	return mm_mmap(mm, NULL, &a);
}

static void neighbours_merge(void **state)
{
	fresh();
	map_at(BASE, PAGE_SIZE, PROT_READ, MAP_FIXED);
	map_at(BASE + 2 * PAGE_SIZE, PAGE_SIZE, PROT_READ, MAP_FIXED);
	assert_int_equal(mm->nvmas, 2);
	map_at(BASE + PAGE_SIZE, PAGE_SIZE, PROT_READ, MAP_FIXED);
	assert_int_equal(mm->nvmas, 1);
	mm_mprotect(mm, NULL, BASE + PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE);
	assert_int_equal(mm->nvmas, 3);
	mm_mprotect(mm, NULL, BASE + PAGE_SIZE, PAGE_SIZE, PROT_READ);
	assert_int_equal(mm->nvmas, 1);
	mm_put(mm);
}

static void room_is_found_top_down(void **state)
{
	s64 a, b;

	fresh();
	a = map_at(0, 4 * PAGE_SIZE, PROT_READ, 0);
	assert_int_equal(a, mm->mmap_base - 4 * PAGE_SIZE);
	b = map_at(0, PAGE_SIZE, PROT_READ | PROT_WRITE, 0);
	assert_int_equal(b, a - PAGE_SIZE);
	mm_munmap(mm, NULL, a, 2 * PAGE_SIZE);
	assert_int_equal(map_at(0, 2 * PAGE_SIZE, PROT_READ, 0), a);
	assert_int_equal(map_at(0, GUEST_TASK_SIZE, PROT_READ, 0), -ENOMEM);
	mm_put(mm);
}

static void stack_grows_with_guard(void **state)
{
	u64 top = BASE + 0x2000000;

	fresh();
	limits[RLIMIT_STACK] = 8 << 20;
	map_at(top - PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_GROWSDOWN);
	assert_int_equal(mm_grow_stack(mm, NULL, top - 64 * PAGE_SIZE), 0);
	assert_int_equal(mm->total_pages, 64);
	map_at(BASE, PAGE_SIZE, PROT_READ, MAP_FIXED);
	assert_int_equal(mm_grow_stack(mm, NULL, BASE + 2 * PAGE_SIZE), -ENOMEM);
	limits[RLIMIT_STACK] = 128 * PAGE_SIZE;
	assert_int_equal(mm_grow_stack(mm, NULL, top - 129 * PAGE_SIZE), -ENOMEM);
	assert_int_equal(mm_grow_stack(mm, NULL, top - 128 * PAGE_SIZE), 0);
	assert_int_equal(mm_grow_stack(mm, NULL, BASE - PAGE_SIZE), -EFAULT);
	mm_put(mm);
}

static void brk_moves(void **state)
{
	fresh();
	mm->start_brk = mm->brk = BASE + 0x123;
	assert_int_equal(mm_brk(mm, NULL, 0), BASE + 0x123);
	assert_int_equal(mm_brk(mm, NULL, BASE + 0x200), BASE + 0x200);
	assert_int_equal(mm_brk(mm, NULL, BASE + 0x5000), BASE + 0x5000);
	assert_int_equal(mm->total_pages, 4);
	assert_int_equal(mm_brk(mm, NULL, BASE + 0x2000), BASE + 0x2000);
	assert_int_equal(mm->total_pages, 1);
	map_at(BASE + 0x8000, PAGE_SIZE, PROT_READ, MAP_FIXED);
	assert_int_equal(mm_brk(mm, NULL, BASE + 0x8000), BASE + 0x2000);
	mm_put(mm);
}

RUN(CASE(agree), CASE(agree_when_host_refuses), CASE(agree_when_it_tells_later), CASE(neighbours_merge),
    CASE(room_is_found_top_down), CASE(stack_grows_with_guard), CASE(brk_moves))
