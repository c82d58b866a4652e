/* SPDX-License-Identifier: MIT */
/*
 * The system call trace ("strace=" on the command line). How an argument is printed follows
 * from its type in syscalls.def; what a call returned in memory follows from its hint. A line
 * goes out when the call begins and another when it returns, since calls of several tasks
 * overlap and some never return:
 *
 *   [    12] openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC, 00)
 *   [    12] openat = 3
 */
#include "sys/sys.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/mman.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "mm/user.h"

#define SHOW_MAX 64			/* bytes shown of a string or buffer */

enum arg_kind { KIND_int, KIND_ufd_t, KIND_udirfd_t, KIND_upid_t, KIND_usig_t, KIND_uoflags_t,
		KIND_umode_t, KIND_uugid_t, KIND_uhex_t, KIND_uhex64_t, KIND_uprot_t,
		KIND_ummap_t, KIND_upath_t, KIND_ustr_t, KIND_ubuf_t, KIND_uaddr_t, KIND_u32,
		KIND_u64, KIND_s64, KIND_size_t };

#define UNPAREN(...) __VA_ARGS__
#define ARG(type, name) KIND_##type + 1
static const u8 kinds[SYS_NR_END][7] = {
#define X(nr, name, proto, call, argv, state, note, hint) [nr] = { UNPAREN argv },
#include "sys/syscalls.def"
};

bool trace_enabled;
static void (*trace_sink)(const char *text, size_t len);
static bool wanted[SYS_NR_END];

struct line {
	size_t len;
	char text[1024];
};

static void __printf(2, 3) put(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len = MIN(l->len + n, sizeof(l->text) - 2);
}

static void flush_line(struct line *l)
{
	l->text[l->len++] = '\n';
	trace_sink(l->text, l->len);
}

struct flag_name {
	u64 bits;
	const char *name;
};

static const struct flag_name open_flags[] = {
	{ O_CREAT, "O_CREAT" }, { O_EXCL, "O_EXCL" }, { O_NOCTTY, "O_NOCTTY" },
	{ O_TRUNC, "O_TRUNC" }, { O_APPEND, "O_APPEND" }, { O_NONBLOCK, "O_NONBLOCK" },
	{ O_SYNC, "O_SYNC" }, { O_DSYNC, "O_DSYNC" }, { FASYNC, "O_ASYNC" },
	{ O_DIRECT, "O_DIRECT" }, { O_LARGEFILE, "O_LARGEFILE" }, { O_TMPFILE, "O_TMPFILE" },
	{ O_DIRECTORY, "O_DIRECTORY" }, { O_NOFOLLOW, "O_NOFOLLOW" }, { O_NOATIME, "O_NOATIME" },
	{ O_CLOEXEC, "O_CLOEXEC" }, { O_PATH, "O_PATH" }, { 0, NULL }
};

static const struct flag_name prot_flags[] = {
	{ PROT_READ, "PROT_READ" }, { PROT_WRITE, "PROT_WRITE" }, { PROT_EXEC, "PROT_EXEC" },
	{ PROT_GROWSDOWN, "PROT_GROWSDOWN" }, { 0, NULL }
};

static const struct flag_name map_flags[] = {
	{ MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE" }, { MAP_SHARED, "MAP_SHARED" },
	{ MAP_PRIVATE, "MAP_PRIVATE" }, { MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE" },
	{ MAP_FIXED, "MAP_FIXED" }, { MAP_ANONYMOUS, "MAP_ANONYMOUS" },
	{ MAP_GROWSDOWN, "MAP_GROWSDOWN" }, { MAP_DENYWRITE, "MAP_DENYWRITE" },
	{ MAP_LOCKED, "MAP_LOCKED" }, { MAP_NORESERVE, "MAP_NORESERVE" },
	{ MAP_POPULATE, "MAP_POPULATE" }, { MAP_NONBLOCK, "MAP_NONBLOCK" },
	{ MAP_STACK, "MAP_STACK" }, { MAP_HUGETLB, "MAP_HUGETLB" }, { 0, NULL }
};

static void put_flags(struct line *l, u64 v, const struct flag_name *f, const char *zero)
{
	const char *sep = "";

	if (zero) {
		put(l, "%s", zero);
		sep = "|";
	}
	for (; f->name; f++) {
		if ((v & f->bits) != f->bits)
			continue;
		put(l, "%s%s", sep, f->name);
		sep = "|";
		v &= ~f->bits;
	}
	if (v || !*sep)
		put(l, "%s%#llx", *sep ? "|" : "", (unsigned long long)v);
}

static void put_bytes(struct line *l, const char *s, size_t n, bool cut)
{
	size_t i;

	put(l, "\"");
	for (i = 0; i < n; i++) {
		unsigned char c = s[i];

		if (c == '\n')
			put(l, "\\n");
		else if (c == '"' || c == '\\')
			put(l, "\\%c", c);
		else if (c < 32 || c > 126)
			put(l, "\\%03o", c);
		else
			put(l, "%c", c);
	}
	put(l, cut ? "\"..." : "\"");
}

static void put_string(struct line *l, uaddr_t addr)
{
	char s[SHOW_MAX * 2];
	ssize n;

	if (!addr) {
		put(l, "NULL");
		return;
	}
	n = strncpy_from_user(s, addr, sizeof(s));
	if (n < 0)
		put(l, "%#llx", (unsigned long long)addr);
	else
		put_bytes(l, s, n, n == sizeof(s));
}

static void put_memory(struct line *l, uaddr_t addr, u64 n)
{
	char s[SHOW_MAX];
	size_t shown = MIN(n, sizeof(s));

	if (!addr || copy_from_user(s, addr, shown))
		put(l, "%#llx", (unsigned long long)addr);
	else
		put_bytes(l, s, shown, n > shown);
}

static void put_oflags(struct line *l, u64 v)
{
	static const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };

	put_flags(l, v & (u32)~O_ACCMODE, open_flags, access[v & O_ACCMODE]);
}

static void put_signal(struct line *l, int sig)
{
	const char *name = sigabbrev_np(sig);

	if (name)
		put(l, "SIG%s", name);
	else
		put(l, "%d", sig);
}

static void put_arg(struct line *l, enum arg_kind kind, u64 v)
{
	switch (kind) {
	case KIND_udirfd_t:
		if ((int)v == AT_FDCWD) {
			put(l, "AT_FDCWD");
			return;
		}
		/* fall through */
	case KIND_int: case KIND_ufd_t: case KIND_upid_t: case KIND_uugid_t:
		put(l, "%d", (int)v);
		return;
	case KIND_usig_t:
		put_signal(l, (int)v);
		return;
	case KIND_uoflags_t:
		put_oflags(l, (u32)v);
		return;
	case KIND_umode_t:
		put(l, "0%o", (u32)v);
		return;
	case KIND_uprot_t:
		put_flags(l, v, prot_flags, v ? NULL : "PROT_NONE");
		return;
	case KIND_ummap_t:
		put_flags(l, v, map_flags, NULL);
		return;
	case KIND_upath_t: case KIND_ustr_t:
		put_string(l, v);
		return;
	case KIND_u32:
		put(l, "%u", (u32)v);
		return;
	case KIND_u64: case KIND_size_t:
		put(l, "%llu", (unsigned long long)v);
		return;
	case KIND_s64:
		put(l, "%lld", (long long)v);
		return;
	case KIND_uhex_t:
		put(l, v ? "%#x" : "%x", (u32)v);
		return;
	case KIND_uhex64_t:
		put(l, v ? "%#llx" : "%llx", (unsigned long long)v);
		return;
	case KIND_ubuf_t: case KIND_uaddr_t:
		if (v)
			put(l, "%#llx", (unsigned long long)v);
		else
			put(l, "NULL");
		return;
	}
}

static bool trace_wants(long nr)
{
	return nr < 0 || nr >= SYS_NR_END || wanted[nr];
}

static bool is_in_buf(long nr, int arg, int *lenarg)
{
	u32 h = syscall_hint(nr);

	*lenarg = HINT_X(h);
	return HINT_KIND(h) == HINT_IN_BUF && HINT_ARG(h) == (u32)arg;
}

void trace_enter(long nr, const u64 args[6])
{
	struct line l = { 0 };
	const char *name = syscall_name(nr);
	int i, n;

	if (!trace_wants(nr))
		return;
	put(&l, "[%6d] ", current->tid);
	if (name)
		put(&l, "%s(", name);
	else
		put(&l, "syscall_%ld(", nr);
	for (i = 0; name && i < 6 && kinds[nr][i]; i++) {
		put(&l, "%s", i ? ", " : "");
		if (is_in_buf(nr, i, &n))
			put_memory(&l, args[i], args[n]);
		else
			put_arg(&l, kinds[nr][i] - 1, args[i]);
	}
	put(&l, ")");
	flush_line(&l);
}

static void put_result(struct line *l, long result)
{
	static const struct flag_name restarts[] = {
		{ ERESTARTSYS, "ERESTARTSYS" }, { ERESTARTNOINTR, "ERESTARTNOINTR" },
		{ ERESTARTNOHAND, "ERESTARTNOHAND" },
		{ ERESTART_RESTARTBLOCK, "ERESTART_RESTARTBLOCK" }, { 0, NULL }
	};
	const struct flag_name *f;
	const char *name;

	if (result >= 0 || result < -4095) {
		put(l, result > 0xffff || result < 0 ? "%#lx" : "%ld", result);
		return;
	}
	name = strerrorname_np(-result);
	for (f = restarts; !name && f->name; f++) {
		if ((long)f->bits == -result)
			name = f->name;
	}
	put(l, "%ld %s", result, name ? name : "");
}

void trace_exit(long nr, const u64 args[6], long result)
{
	struct line l = { 0 };
	const char *name = syscall_name(nr);
	u32 h = syscall_hint(nr), second = h >> 16;

	if (!trace_wants(nr))
		return;
	put(&l, "[%6d] ", current->tid);
	if (name)
		put(&l, "%s = ", name);
	else
		put(&l, "syscall_%ld = ", nr);
	put_result(&l, result);
	if (HINT_KIND(h) != HINT_OUT_BUF && HINT_KIND(second) == HINT_OUT_BUF)
		h = second;
	if (HINT_KIND(h) == HINT_OUT_BUF && result > 0) {
		put(&l, " ");
		put_memory(&l, args[HINT_ARG(h)], result);
	}
	flush_line(&l);
}

static int find_call(const char *name, size_t len)
{
	long nr;

	for (nr = 0; nr < SYS_NR_END; nr++) {
		const char *n = syscall_name(nr);

		if (n && strlen(n) == len && !memcmp(n, name, len))
			return nr;
	}
	return -EINVAL;
}

int trace_init(const char *spec, void (*sink)(const char *text, size_t len))
{
	const char *p = spec ? spec : "";
	bool all = !*p || *p == '!' || !strncmp(p, "all", 3);
	int nr;

	memset(wanted, all, sizeof(wanted));
	while (*p) {
		size_t len = strcspn(p, ",");
		bool leave_out = *p == '!';

		nr = find_call(p + leave_out, len - leave_out);
		if (nr >= 0)
			wanted[nr] = !leave_out;
		else if (!(len == 3 && !memcmp(p, "all", 3)))
			return nr;
		p += len;
		p += *p == ',';
	}
	trace_sink = sink;
	trace_enabled = true;
	guest_fastpath = false;		/* calls that are answered elsewhere would be missing */
	return 0;
}
