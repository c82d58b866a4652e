/* SPDX-License-Identifier: MIT */
/*
 * What is made ahead, while nobody waits for it: fresh guest processes for exec, forked from the template; and
 * spaces without a process (area file, channel) for fork.
 */
#include "guest/priv.h"

#include "core/background.h"

/* Made when there are few, so many that it is not often. */
#define POOL_MIN 2
#define POOL_TARGET 3
#define SPARE_MIN 2
#define SPARE_TARGET 6

static LIST_HEAD(pool);
static LIST_HEAD(spares);
static int npool, nspares;

/* The pages of a first thread's area that a fork fills: faults that it need not take. */
static void prefault(struct space *s)
{
	char *area = (char *)space_area(s, 0);

	if (!area)
		return;
	WRITE_ONCE(*area, 0);
	for (u32 at = AREA_ALTSTACK_SIZE - 2 * PAGE_SIZE; at < AREA_ALTSTACK_SIZE; at += PAGE_SIZE)
		WRITE_ONCE(area[AREA_ALTSTACK + at], 0);
}

static void fill_spares(void)
{
	struct space *s;

	while (nspares < SPARE_TARGET && !space_alloc(&s)) {
		prefault(s);
		list_add_tail(&s->pool_node, &spares);
		nspares++;
	}
}

static void fill_pool(void)
{
	fill_spares();
	while (npool < POOL_TARGET) {
		struct space *s;
		struct uthread *ut;

		if (template_spawn(&s, &ut))
			break;
		list_add_tail(&s->pool_node, &pool);
		npool++;
	}
}

static BACKGROUND(filler, fill_pool);

static void refill(void)
{
	if (npool < POOL_MIN || nspares < SPARE_MIN)
		background_run(&filler);
}

int space_take(struct space **out)
{
	int err = 0;

	if (list_empty(&spares)) {
		err = space_alloc(out);
	} else {
		*out = list_first(&spares, struct space, pool_node);
		list_del_init(&(*out)->pool_node);
		nspares--;
	}
	refill();
	return err;
}

int space_create(struct space **out, struct uthread **first)
{
	struct space *s;
	int err = 0;

	for (;;) {
		if (list_empty(&pool)) {
			err = template_spawn(out, first);
			break;
		}
		s = list_first(&pool, struct space, pool_node);
		list_del_init(&s->pool_node);
		npool--;
		if (s->dead) {
			space_put(s);
			continue;
		}
		*out = s;
		*first = list_first(&s->uthreads, struct uthread, node);
		break;
	}
	refill();
	return err;
}
