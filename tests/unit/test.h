/* SPDX-License-Identifier: MIT */
/*
 * What cmocka wants included before itself, in one place, and a short way to list cases.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

/* cmocka.h needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RUN(...)                                                                                   \
	int main(void)                                                                             \
	{                                                                                          \
		static const struct CMUnitTest tests[] = { __VA_ARGS__ };                          \
		return cmocka_run_group_tests(tests, NULL, NULL);                                  \
	}
#define CASE(fn) cmocka_unit_test(fn)

#endif
