/* SPDX-License-Identifier: MIT */
/*
 * The dispatch table, made from syscalls.def: one small typed function per call that takes its
 * arguments out of the six registers, so that no function pointer is ever cast. 32-bit
 * arguments lose their upper half here, as on Linux.
 */
#include "sys/sys.h"

typedef long (*syscall_fn)(const u64 *a);

static long none_NONE(const u64 *a)
{
	return -ENOSYS;
}

#define X(nr, name, proto, call, argv, state, note, hint)                                        \
	IF_HANDLED_##state(static long thunk_##name(const u64 *a) { return sys_##name call; })
#include "sys/syscalls.def"

#define HANDLER_FULL(name) thunk_##name
#define HANDLER_PARTIAL(name) thunk_##name
#define HANDLER_NONE(name) none_NONE

static const struct {
	syscall_fn fn;
	const char *name;
	u32 hint;
} table[SYS_NR_END] = {
#define X(nr, name, proto, call, argv, state, note, hint)                                        \
	[nr] = { HANDLER_##state(name), #name, hint },
#include "sys/syscalls.def"
};

static bool nr_valid(long nr)
{
	return nr >= 0 && nr < SYS_NR_END && table[nr].fn;
}

long syscall_dispatch(long nr, const u64 args[6])
{
	if (!nr_valid(nr))
		return -ENOSYS;
	return table[nr].fn(args);
}

const char *syscall_name(long nr)
{
	return nr_valid(nr) ? table[nr].name : NULL;
}

u32 syscall_hint(long nr)
{
	return nr_valid(nr) ? table[nr].hint : NOHINT;
}
