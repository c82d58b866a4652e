/* SPDX-License-Identifier: MIT */
/*
 * The system call interface: argument types, handler prototypes, dispatch, trace, the
 * compatibility page. A handler is "long sys_<name>(typed args)": it copies in, checks, calls
 * the layer below, copies out, and returns a value >= 0 or a negative errno. Its prototype is
 * made here from syscalls.def, so a definition that disagrees does not compile.
 */
#ifndef SYS_SYS_H
#define SYS_SYS_H

#include "abi/errno.h"
#include "lib/types.h"

/* Argument types. Plain typedefs; the trace prints each in its own way (trace.c). */
typedef int ufd_t;		/* a descriptor */
typedef int udirfd_t;		/* a directory descriptor or AT_FDCWD */
typedef int upid_t;
typedef int usig_t;
typedef int uoflags_t;		/* O_* */
typedef u32 umode_t;		/* octal */
typedef u32 uugid_t;		/* uid or gid, -1 means "leave" */
typedef u32 uhex_t;		/* flags */
typedef u64 uhex64_t;
typedef u64 uprot_t;		/* PROT_* */
typedef u64 ummap_t;		/* MAP_* */
typedef uaddr_t upath_t;	/* guest string: a path */
typedef uaddr_t ustr_t;		/* guest string: another text */
typedef uaddr_t ubuf_t;		/* guest bytes */

/*
 * Hints: what a call moves, so that the near kernel can put it into the shared pages together
 * with the request. Up to two per call. Argument numbers count from 0.
 *   IN_PATH(a)     a NUL-terminated string in
 *   IN_BUF(a, n)   bytes in, argument n is their number      OUT_BUF(a, n)   bytes out
 *   IN_FIX(a, s)   a structure of s bytes in (NULL: none)    OUT_FIX(a, s)   and out
 *   IN_VEC(a, n)   struct iovec[n] in
 */
enum sys_hint { HINT_NONE, HINT_IN_PATH, HINT_IN_BUF, HINT_OUT_BUF, HINT_IN_FIX, HINT_OUT_FIX,
		HINT_IN_VEC };
#define SYS_HINT(kind, arg, x) ((u32)(kind) << 13 | (u32)(arg) << 10 | (u32)(x))
#define NOHINT 0
#define IN_PATH(a) SYS_HINT(HINT_IN_PATH, a, 0)
#define IN_BUF(a, n) SYS_HINT(HINT_IN_BUF, a, n)
#define OUT_BUF(a, n) SYS_HINT(HINT_OUT_BUF, a, n)
#define IN_FIX(a, s) SYS_HINT(HINT_IN_FIX, a, s)
#define OUT_FIX(a, s) SYS_HINT(HINT_OUT_FIX, a, s)
#define IN_VEC(a, n) SYS_HINT(HINT_IN_VEC, a, n)
#define HINT2(first, second) ((first) | (second) << 16)
#define HINT_KIND(h) ((h) >> 13 & 7)
#define HINT_ARG(h) ((h) >> 10 & 7)
#define HINT_X(h) ((h) & 0x3ff)

/* IF_HANDLED_<state>(x): x unless the state says that there is no handler. */
#define IF_HANDLED_FULL(...) __VA_ARGS__
#define IF_HANDLED_PARTIAL(...) __VA_ARGS__
#define IF_HANDLED_NONE(...)

#define X(nr, name, proto, call, argv, state, note, hint)                                        \
	IF_HANDLED_##state(long sys_##name proto;)
#include "sys/syscalls.def"

#define SYS_NR_END 470			/* one more than the highest number of the table */

/* Run a call for current. -ENOSYS for a number outside the table. May block. */
long syscall_dispatch(long nr, const u64 args[6]);
const char *syscall_name(long nr);	/* NULL: no such call; static */
u32 syscall_hint(long nr);		/* NOHINT for unknown numbers */

/*
 * The trace ("strace=" on the command line): one line per call and per return to sink. spec is
 * "all" (or empty) or names separated by commas, each with "!" in front to leave it out.
 * 0, or -EINVAL: an unknown name.
 */
int trace_init(const char *spec, void (*sink)(const char *text, size_t len));
extern bool trace_enabled;
/* Around syscall_dispatch(), only when trace_enabled. May block (reads guest strings). */
void trace_enter(long nr, const u64 args[6]);
void trace_exit(long nr, const u64 args[6], long result);

/* The compatibility page (docs/compat.md, "./linux --compat"), piece by piece to put. */
void compat_print(void (*put)(const char *text));

#endif
