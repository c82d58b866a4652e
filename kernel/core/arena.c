/* SPDX-License-Identifier: MIT */
/*
 * Per-call memory: a chain of blocks hanging on the task. The first block is kept between calls, so
 * the common call allocates nothing.
 */
#include "core/arena.h"

#include <string.h>

#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"

#define BLOCK 4000

struct arena {
	struct arena *next;
	size_t used, size;
	char data[] __attribute__((aligned(16)));
};

static struct arena *new_block(size_t n)
{
	size_t size = MAX(n, (size_t)BLOCK);
	struct arena *a = kmalloc(sizeof(*a) + size);

	if (!a)
		return NULL;
	a->used = 0;
	a->size = size;
	return a;
}

void *arena_alloc(size_t n)
{
	struct task *t = current;
	struct arena *a = t->arena;
	void *p;

	n = ALIGN_UP(n, 16UL);
	if (!a || a->size - a->used < n) {
		a = new_block(n);
		if (!a)
			return NULL;
		a->next = t->arena;
		t->arena = a;
	}
	p = a->data + a->used;
	a->used += n;
	return p;
}

char *arena_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = arena_alloc(n);

	return p ? memcpy(p, s, n) : NULL;
}

void arena_reset(void)
{
	struct task *t = current;
	struct arena *a = t->arena;

	if (!a)
		return;
	while (a->next) {
		t->arena = a->next;
		kfree(a);
		a = t->arena;
	}
	if (a->size > BLOCK) {
		kfree(a);
		t->arena = NULL;
	} else {
		a->used = 0;
	}
}

void arena_free(struct task *t)
{
	while (t->arena) {
		struct arena *a = t->arena;

		t->arena = a->next;
		kfree(a);
	}
}
