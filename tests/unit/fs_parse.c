/* SPDX-License-Identifier: MIT */
/*
 * Numbers written to /proc files.
 */
#include "abi/errno.h"
#include "fs/procfs/priv.h"
#include "tests/unit/test.h"

static void numbers(void **state)
{
	static const struct {
		const char *text;
		int err;
		s64 value;
	} cases[] = {
		{ "0", 0, 0 },		{ "7\n", 0, 7 },	{ "  42 \t\n", 0, 42 },
		{ "-1", 0, -1 },	{ "+3", 0, 3 },		{ "0x1f", 0, 31 },
		{ "017", 0, 15 },	{ "0XFF\n", 0, 255 },	{ "", -EINVAL, 0 },
		{ "\n", -EINVAL, 0 },	{ "x", -EINVAL, 0 },	{ "1x", -EINVAL, 0 },
		{ "08", -EINVAL, 0 },	{ "0x", -EINVAL, 0 },	{ "1 2", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },	{ "99999999999999999999", -EINVAL, 0 },
		{ "9223372036854775807", 0, INT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		s64 v = 0;

		assert_int_equal(proc_parse_number(cases[i].text, &v), cases[i].err);
		if (!cases[i].err)
			assert_true(v == cases[i].value);
	}
}

static void several(void **state)
{
	const char *p = "1\t0x10  -3\n";
	s64 v;

	assert_int_equal(proc_next_number(&p, &v), 0);
	assert_true(v == 1);
	assert_int_equal(proc_next_number(&p, &v), 0);
	assert_true(v == 16);
	assert_int_equal(proc_next_number(&p, &v), 0);
	assert_true(v == -3);
	assert_int_equal(proc_next_number(&p, &v), -EINVAL);
}

RUN(CASE(numbers), CASE(several))
