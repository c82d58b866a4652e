/* SPDX-License-Identifier: MIT */
/*
 * struct seq_buf: text that grows, for files whose content is made when it is read. Running out
 * of memory sets a flag and ends the growth; whoever shows the text looks at the flag once.
 */
#include "vfs/vfs.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

/* Room for n more bytes and a terminator. */
static bool seq_room(struct seq_buf *s, size_t n)
{
	size_t cap = s->cap ? s->cap : 256;
	char *p;

	if (s->overflow)
		return false;
	if (s->len + n + 1 <= s->cap)
		return true;
	while (cap < s->len + n + 1)
		cap *= 2;
	p = krealloc(s->buf, cap);
	if (!p) {
		s->overflow = true;
		return false;
	}
	s->buf = p;
	s->cap = cap;
	return true;
}

void seq_printf(struct seq_buf *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !seq_room(s, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(s->buf + s->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	s->len += (size_t)n;
}

void seq_puts(struct seq_buf *s, const char *str)
{
	size_t n = strlen(str);

	if (!seq_room(s, n))
		return;
	memcpy(s->buf + s->len, str, n + 1);
	s->len += n;
}

void seq_putc(struct seq_buf *s, char c)
{
	if (!seq_room(s, 1))
		return;
	s->buf[s->len++] = c;
	s->buf[s->len] = 0;
}

void seq_escape(struct seq_buf *s, const char *str, const char *esc)
{
	for (; *str; str++) {
		if (strchr(esc, *str))
			seq_printf(s, "\\%03o", (unsigned int)(u8)*str);
		else
			seq_putc(s, *str);
	}
}

void seq_free(struct seq_buf *s)
{
	kfree(s->buf);
	memset(s, 0, sizeof(*s));
}
