/* SPDX-License-Identifier: MIT */
/*
 * Copying argument vectors in for exec. Strings usually lie one behind the other on the
 * caller's stack, so bytes are fetched a page at a time and the page is kept: a call into the guest
 * per page, not per string.
 */
#include "process/exec.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/resource.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "mm/user.h"

#define MAX_ARG_STRLEN (PAGE_SIZE * 32)
#define ARG_MIN_LIMIT 131072UL		/* always allowed, whatever the stack limit */
#define ARG_MAX_LIMIT (6UL << 20)
#define POINTER_CHUNK 64

struct page_cache {
	u64 page;
	bool valid;
	char data[PAGE_SIZE];
};

int exec_args_init(struct exec_args *a)
{
	u64 limit = rlimit(RLIMIT_STACK) / 4;

	memset(a, 0, sizeof(*a));
	a->limit = MAX(MIN(limit, ARG_MAX_LIMIT), ARG_MIN_LIMIT);
	a->cap = 4096;
	a->buf = kmalloc(a->cap);
	return a->buf ? 0 : -ENOMEM;
}

void exec_args_free(struct exec_args *a)
{
	kfree(a->buf);
	a->buf = NULL;
}

static int args_reserve(struct exec_args *a, size_t n)
{
	size_t cap = a->cap;
	char *buf;

	if (a->len + n <= cap)
		return 0;
	while (cap < a->len + n)
		cap *= 2;
	buf = krealloc(a->buf, cap);
	if (!buf)
		return -ENOMEM;
	a->buf = buf;
	a->cap = cap;
	return 0;
}

static int args_append(struct exec_args *a, const char *s, size_t n)
{
	int err = args_reserve(a, n);

	if (err)
		return err;
	memcpy(a->buf + a->len, s, n);
	a->len += n;
	return 0;
}

static int args_check(const struct exec_args *a, int count)
{
	u64 pointers = ((u64)a->argc + a->envc + count + 2) * sizeof(u64);

	return a->len + pointers > a->limit ? -E2BIG : 0;
}

static int page_fetch(struct page_cache *pc, u64 addr)
{
	u64 page = addr & PAGE_MASK;

	if (pc->valid && pc->page == page)
		return 0;
	pc->valid = false;
	if (copy_from_user(pc->data, page, PAGE_SIZE))
		return -EFAULT;
	pc->page = page;
	pc->valid = true;
	return 0;
}

/* One string, its NUL included. */
static int args_add_user(struct exec_args *a, struct page_cache *pc, u64 addr)
{
	size_t done = 0;
	int err;

	for (;;) {
		size_t off = addr & ~PAGE_MASK, room = PAGE_SIZE - off, n;

		err = page_fetch(pc, addr);
		if (err)
			return err;
		n = strnlen(pc->data + off, room);
		if (done + n >= MAX_ARG_STRLEN)
			return -E2BIG;
		err = args_append(a, pc->data + off, n < room ? n + 1 : n);
		if (err)
			return err;
		if (n < room)
			return 0;
		done += n;
		addr += n;
		if (a->len > a->limit)
			return -E2BIG;
	}
}

static int args_add_chunk(struct exec_args *a, struct page_cache *pc, const u64 *ptrs, int n,
			  int *count, bool *end)
{
	int err;

	for (int i = 0; i < n; i++) {
		if (!ptrs[i]) {
			*end = true;
			return 0;
		}
		err = args_add_user(a, pc, ptrs[i]);
		if (!err)
			err = args_check(a, ++*count);
		if (err)
			return err;
	}
	return 0;
}

/* Pointers up to the end of the page: reading further could fault behind the vector. */
static int pointers_fetch(u64 vec, u64 *ptrs)
{
	u64 room = PAGE_SIZE - (vec & ~PAGE_MASK);
	int n = MIN(room / sizeof(u64), (u64)POINTER_CHUNK);

	if (n < 1)
		n = 1;
	if (copy_from_user(ptrs, vec, n * sizeof(u64)))
		return -EFAULT;
	return n;
}

int exec_args_user(struct exec_args *a, uaddr_t vec, int *count)
{
	struct page_cache *pc;
	u64 ptrs[POINTER_CHUNK];
	bool end = !vec;
	int n, err = 0, total = 0;

	pc = kmalloc(sizeof(*pc));
	if (!pc)
		return -ENOMEM;
	pc->valid = false;
	while (!err && !end) {
		n = pointers_fetch(vec, ptrs);
		err = n < 0 ? n : args_add_chunk(a, pc, ptrs, n, &total, &end);
		vec += n * sizeof(u64);
	}
	kfree(pc);
	if (!err)
		*count = total;
	return err;
}

int exec_args_kernel(struct exec_args *a, char *const vec[], int *count)
{
	int err = 0, n;

	for (n = 0; !err && vec[n]; n++)
		err = args_append(a, vec[n], strlen(vec[n]) + 1);
	if (!err)
		*count = n;
	return err;
}

int exec_args_replace_first(struct exec_args *a, const char *const strs[], int n)
{
	size_t skip = a->argc ? strlen(a->buf) + 1 : 0, add = 0;
	int err;

	for (int i = 0; i < n; i++)
		add += strlen(strs[i]) + 1;
	err = args_reserve(a, add);
	if (err)
		return err;
	memmove(a->buf + add, a->buf + skip, a->len - skip);
	a->len += add - skip;
	a->argc += n - (a->argc ? 1 : 0);
	add = 0;
	for (int i = 0; i < n; i++) {
		memcpy(a->buf + add, strs[i], strlen(strs[i]) + 1);
		add += strlen(strs[i]) + 1;
	}
	return args_check(a, 0);
}
