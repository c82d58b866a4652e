/* SPDX-License-Identifier: MIT */
/*
 * What AddressSanitizer asks the program for, in a sanitised build (SAN=asan); nobody calls it otherwise.
 * Leaks are looked for on demand, at power off.
 */
#include "host/host.h"

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

void __lsan_do_leak_check(void) __attribute__((weak));

/* Only with ASAN_OPTIONS=detect_leaks=1. The kernel ends by _exit(), so nobody else looks. */
void host_leak_check(void)
{
	if (__lsan_do_leak_check)
		__lsan_do_leak_check();
}

const char *__asan_default_options(void)
{
	return "detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0:allocator_may_return_null=1";
}

const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1:abort_on_error=1";
}
