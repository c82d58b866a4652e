/* SPDX-License-Identifier: MIT */
/*
 * The kernel log ring. Records are kept whole in a byte ring; a reader's position is a sequence
 * number, so an overwritten reader notices. One spinlock, held for copying only.
 */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "core/sched.h"
#include "core/time.h"
#include "core/wait.h"
#include "host/host.h"

#define RECORDS 1024
#define TEXT_MAX 240

struct record {
	ktime_t time;
	u8 level;
	u8 len;
	char text[TEXT_MAX];
};

static struct record ring[RECORDS];
static u64 next_seq;
static u32 lock;
static log_sink_fn sink, tap;
static int console_level = 7;
static struct wait_queue wq = WAIT_QUEUE_INIT(wq);

static void take(void)
{
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		host_cpu_relax();
}

static void drop(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

void log_set_sink(log_sink_fn fn)
{
	sink = fn;
}

void log_set_tap(log_sink_fn fn)
{
	take();
	tap = fn;
	drop();
}

int log_get_console_level(void)
{
	return console_level;
}

void log_set_console_level(int lvl)
{
	console_level = lvl;
}

static int stamp(char *buf, size_t n, ktime_t t)
{
	return snprintf(buf, n, "[%5lld.%06lld] ", (long long)(t / NSEC_PER_SEC),
			(long long)(t % NSEC_PER_SEC / 1000));
}

static void show(enum log_level lvl, ktime_t t, const char *text, size_t len)
{
	char line[TEXT_MAX + 40];
	int n;

	if ((int)lvl >= console_level || !sink)
		return;
	n = stamp(line, sizeof(line), t);
	memcpy(line + n, text, len);
	line[(size_t)n + len] = '\n';
	sink(line, (size_t)n + len + 1);
}

static void log_line(enum log_level lvl, const char *text, size_t len)
{
	ktime_t now = ktime_get_boottime();
	struct record *r;

	take();
	if (unlikely(tap != NULL))
		tap(text, len);
	if (len > TEXT_MAX)
		len = TEXT_MAX;
	r = &ring[next_seq % RECORDS];
	r->time = now;
	r->level = (u8)lvl;
	r->len = (u8)len;
	memcpy(r->text, text, len);
	__atomic_store_n(&next_seq, next_seq + 1, __ATOMIC_RELEASE);
	drop();
	show(lvl, now, text, len);
	if (current)
		wake_up_all(&wq);
}

void log_at(enum log_level lvl, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	char *p = text, *nl;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	while ((nl = strchr(p, '\n'))) {
		log_line(lvl, p, (size_t)(nl - p));
		p = nl + 1;
	}
	if (*p)
		log_line(lvl, p, strlen(p));
}

u64 log_first_seq(void)
{
	u64 n = __atomic_load_n(&next_seq, __ATOMIC_ACQUIRE);

	return n > RECORDS ? n - RECORDS : 0;
}

u64 log_next_seq(void)
{
	return __atomic_load_n(&next_seq, __ATOMIC_ACQUIRE);
}

struct wait_queue *log_wait_queue(void)
{
	return &wq;
}

static ssize format(const struct record *r, u64 seq, char *buf, size_t n, bool raw)
{
	char head[64];
	int h;

	if (raw)
		h = snprintf(head, sizeof(head), "%u,%llu,%lld,-;", r->level, (unsigned long long)seq,
			     (long long)(r->time / 1000));
	else {
		h = snprintf(head, sizeof(head), "<%u>", r->level);
		h += stamp(head + h, sizeof(head) - (size_t)h, r->time);
	}
	if ((size_t)h + r->len + 1 > n)
		return -ENOBUFS;
	memcpy(buf, head, (size_t)h);
	memcpy(buf + h, r->text, r->len);
	buf[h + r->len] = '\n';
	return h + r->len + 1;
}

ssize log_read(u64 *seq, char *buf, size_t n, bool raw)
{
	u64 first = log_first_seq();
	struct record r;
	ssize len;

	if (*seq < first) {
		*seq = first;
		return -EPIPE;
	}
	if (*seq >= log_next_seq())
		return 0;
	take();
	r = ring[*seq % RECORDS];
	drop();
	len = format(&r, *seq, buf, n, raw);
	if (len > 0)
		++*seq;
	return len;
}
