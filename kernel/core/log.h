/* SPDX-License-Identifier: MIT */
/*
 * Kernel log: a ring of records with level and time, read by /dev/kmsg, syslog(2) and shown
 * on the console by level. Lines look like Linux's: "[    0.123456] part: text".
 * Safe from any host thread; never blocks.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "lib/types.h"

enum log_level { LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

void log_at(enum log_level lvl, const char *fmt, ...) __printf(2, 3);	/* newline added if absent */
#define pr_emerg(...) log_at(LOG_EMERG, __VA_ARGS__)
#define pr_err(...) log_at(LOG_ERR, __VA_ARGS__)
#define pr_warn(...) log_at(LOG_WARNING, __VA_ARGS__)
#define pr_notice(...) log_at(LOG_NOTICE, __VA_ARGS__)
#define pr_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define pr_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/* Console output of log lines goes here (console driver, stderr); NULL keeps it in the ring. */
typedef void (*log_sink_fn)(const char *text, size_t len);
void log_set_sink(log_sink_fn fn);
/* A second listener, whatever the level, without times; whole lines. Runs in any thread and must not log. NULL: none. */
void log_set_tap(log_sink_fn fn);
int log_get_console_level(void);
void log_set_console_level(int lvl);		/* messages below this number are shown; default 7, quiet 4 */

/*
 * Reads one record at or after *seq as "<pri>[ time] text\n" (raw=false) or in /dev/kmsg
 * form (raw=true); advances *seq past it. Bytes, 0 when none yet, -ENOBUFS: buf too small,
 * -EPIPE: records were overwritten (seq was moved to the oldest).
 */
ssize log_read(u64 *seq, char *buf, size_t n, bool raw);
u64 log_first_seq(void);
u64 log_next_seq(void);
struct wait_queue;
struct wait_queue *log_wait_queue(void);	/* woken on new records */

void panic(const char *fmt, ...) __printf(1, 2) __noreturn;	/* prints, restores the terminal, aborts */
void backtrace_print(void);				/* symbolised, to the log */

/* What a panic also does: tell whoever listens; leave the host clean. Set by main.c's machine_init(). */
struct panic_hooks {
	void (*notify)(const char *text);
	void (*end)(void);
};
extern struct panic_hooks panic_hooks;

#define BUG_ON(c)                                                                                  \
	do {                                                                                       \
		if (unlikely(c))                                                                   \
			panic("BUG at %s:%d: %s", __FILE__, __LINE__, #c);                         \
	} while (0)
#define WARN_ON(c)                                                                                 \
	({                                                                                         \
		bool __w = !!(c);                                                                  \
		if (unlikely(__w))                                                                 \
			pr_warn("WARNING at %s:%d: %s", __FILE__, __LINE__, #c);                   \
		__w;                                                                               \
	})

#endif
