/* SPDX-License-Identifier: MIT */
/*
 * What is made ahead, while nobody waits for it: fresh guest processes for exec, forked from the template.
 */
#include "guest/priv.h"

#include "core/sched.h"

#define POOL_TARGET 3

static LIST_HEAD(pool);
static int npool;
static bool filling;

static void fill_pool(void *arg)
{
	while (npool < POOL_TARGET) {
		struct space *s;
		struct uthread *ut;

		if (template_spawn(&s, &ut))
			break;
		list_add_tail(&s->pool_node, &pool);
		npool++;
	}
	filling = false;
}

static void refill(void)
{
	if (filling || npool >= POOL_TARGET)
		return;
	filling = true;
	if (kthread_run("spacepool", fill_pool, NULL))
		filling = false;
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
