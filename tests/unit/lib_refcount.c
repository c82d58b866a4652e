/* SPDX-License-Identifier: MIT */
/*
 * lib/refcount.h: the last put is reported exactly once.
 */
#include "lib/refcount.h"
#include "tests/unit/test.h"

static void last_put(void **state)
{
	struct refcount r;

	ref_init(&r);
	ref_get(&r);
	assert_int_equal(ref_read(&r), 2);
	assert_false(ref_put(&r));
	assert_true(ref_put(&r));
	assert_int_equal(ref_read(&r), 0);
}

RUN(CASE(last_put))
