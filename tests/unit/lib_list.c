/* SPDX-License-Identifier: MIT */
/*
 * lib/list.h: order, removal while walking, and that a removed node may be removed again.
 */
#include "lib/list.h"
#include "tests/unit/test.h"

struct item {
	int value;
	struct list_head node;
};

static int sum_in_order(struct list_head *head)
{
	struct item *it;
	int sum = 0;

	list_for_each(it, head, node)
		sum = sum * 10 + it->value;
	return sum;
}

static void order(void **state)
{
	struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 };
	LIST_HEAD(head);

	assert_true(list_empty(&head));
	list_add(&b.node, &head);
	list_add_tail(&c.node, &head);
	list_add(&a.node, &head);
	assert_int_equal(sum_in_order(&head), 123);
	assert_ptr_equal(list_first(&head, struct item, node), &a);
	assert_ptr_equal(list_last(&head, struct item, node), &c);
}

static void remove_twice(void **state)
{
	struct item a = { .value = 1 }, b = { .value = 2 };
	LIST_HEAD(head);

	list_add_tail(&a.node, &head);
	list_add_tail(&b.node, &head);
	list_del_init(&a.node);
	list_del_init(&a.node);
	assert_int_equal(sum_in_order(&head), 2);
	list_del_init(&b.node);
	assert_true(list_empty(&head));
}

static void remove_while_walking(void **state)
{
	struct item items[4], *it, *next;
	LIST_HEAD(head);

	for (int i = 0; i < 4; i++) {
		items[i].value = i + 1;
		list_add_tail(&items[i].node, &head);
	}
	list_for_each_safe(it, next, &head, node) {
		if (it->value % 2)
			list_del_init(&it->node);
	}
	assert_int_equal(sum_in_order(&head), 24);
}

RUN(CASE(order), CASE(remove_twice), CASE(remove_while_walking))
