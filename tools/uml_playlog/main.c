/* SPDX-License-Identifier: MIT */
/*
 * uml_playlog: shows what a machine started with tty_log_fd= has recorded of its terminals, at the speed
 * at which it happened. The records are six words of 32 bits and data (kernel/tty/ttylog.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/common/usage.h"

#define DATA_MAX (1u << 20)	/* no record is longer: beyond it, this is no log */

enum { OPEN = 1, CLOSE, DATA, EXEC };
enum { READ = 1, WRITE };

static const struct usage_option options[] = {
	{ 'a', "all", NULL, "all terminals, not only the one that is written to first" },
	{ 't', "tty", "NAME", "this terminal, as --list names it" },
	{ 'e', "exec", NULL, "also the programs that are run" },
	{ 'i', "input", NULL, "what was typed instead of what was shown" },
	{ 'n', "no-delay", NULL, "at once" },
	{ 'f', "follow", NULL, "wait for more at the end" },
	{ 'l', "list", NULL, "only list terminals, with times and bytes" },
	{ 0, NULL, NULL, NULL }
};

static const struct usage usage = {
	.name = "uml_playlog",
	.synopsis = "[OPTIONS] FILE",
	.summary = "replay what went over the terminals of a machine",
	.text = "Shows a log that a machine has written with tty_log_fd=N, as it was on the terminal.",
	.options = options,
	.status = "0; 1 when the file cannot be read or is no such log; 2 for wrong usage.",
	.see = "linux(1), script(1)",
};

struct record {
	uint32_t what, tty, len, direction, sec, usec;
};

struct player {
	int fd;
	bool all, exec, input, now, follow, list;
	const char *want;		/* NULL: the first */
	uint32_t tty;			/* chosen; 0: not yet */
	int64_t last;			/* us of the record before, 0: none */
	char *data;
};

static int wrong(const char *what)
{
	fprintf(stderr, "uml_playlog: %s\n", what);
	return 1;
}

/* --- reading --- */

/* All n bytes: 1; the end before the first: 0; else -1. */
static int read_all(struct player *p, void *buf, size_t n)
{
	size_t done = 0;
	ssize_t r;

	while (done < n) {
		r = read(p->fd, (char *)buf + done, n - done);
		if (r < 0 && errno != EINTR)
			return -1;
		if (r > 0)
			done += (size_t)r;
		else if (!r && p->follow)
			poll(NULL, 0, 100);
		else if (!r)
			return done ? -1 : 0;
	}
	return 1;
}

static int next(struct player *p, struct record *r)
{
	int got = read_all(p, r, sizeof(*r));

	if (got <= 0)
		return got;
	if (r->what < OPEN || r->what > EXEC || r->len > DATA_MAX)
		return -1;
	return r->len ? read_all(p, p->data, r->len) > 0 ? 1 : -1 : 1;
}

/* --- names --- */

/* Linux's device numbers: consoles and serial lines are 4, pseudo terminals 136 to 143. */
static void name_of(uint32_t dev, char *buf, size_t n)
{
	uint32_t major = dev >> 8 & 0xfff, minor = (dev & 0xff) | (dev >> 12 & 0xfff00);

	if (major == 4 && minor < 64)
		snprintf(buf, n, "tty%u", minor);
	else if (major == 4)
		snprintf(buf, n, "ttyS%u", minor - 64);
	else if (major >= 136 && major < 144)
		snprintf(buf, n, "pts/%u", (major - 136) * 256 + minor);
	else
		snprintf(buf, n, "%u:%u", major, minor);
}

static bool chosen(struct player *p, const struct record *r)
{
	char name[32];

	if (p->all)
		return true;
	if (!p->tty && (p->want || (r->what == DATA && r->direction == WRITE))) {
		name_of(r->tty, name, sizeof(name));
		if (!p->want || !strcmp(name, p->want))
			p->tty = r->tty;
	}
	return p->tty && r->tty == p->tty;
}

/* --- showing --- */

static void wait_for(struct player *p, const struct record *r)
{
	int64_t at = r->sec * 1000000LL + r->usec, gap = p->last ? at - p->last : 0;
	struct timespec ts = { gap / 1000000, gap % 1000000 * 1000 };

	p->last = at;
	if (p->now || gap <= 0)
		return;
	fflush(stdout);
	nanosleep(&ts, NULL);
}

static void show_exec(struct player *p, const struct record *r)
{
	printf("\r\n[");
	for (uint32_t i = 0; i < r->len; i++)
		putchar(p->data[i] ? p->data[i] : i + 1 < r->len ? ' ' : ']');
	printf("\r\n");
}

static void list_one(const struct record *r)
{
	static const char *const what[] = { "?", "open", "close", "data", "exec" };
	static const char *const way[] = { "", " read", " written" };
	time_t t = (time_t)r->sec;
	char name[32], when[32];

	name_of(r->tty, name, sizeof(name));
	strftime(when, sizeof(when), "%F %T", localtime(&t));
	printf("%s.%06u %-8s %s%s %u\n", when, r->usec, name, what[r->what],
	       way[r->direction <= WRITE ? r->direction : 0], r->len);
}

static void play_one(struct player *p, const struct record *r)
{
	if (p->list) {
		list_one(r);
		return;
	}
	if (!chosen(p, r))
		return;
	if (r->what == EXEC && p->exec) {
		wait_for(p, r);
		show_exec(p, r);
	} else if (r->what == DATA && r->direction == (p->input ? READ : WRITE)) {
		wait_for(p, r);
		fwrite(p->data, 1, r->len, stdout);
	}
}

static int play(struct player *p)
{
	struct record r;
	int got;

	while ((got = next(p, &r)) > 0) {
		play_one(p, &r);
		if (p->follow)
			fflush(stdout);
		if (ferror(stdout))
			break;
	}
	if (fflush(stdout) || ferror(stdout)) {
		perror("uml_playlog: standard output");
		return 1;
	}
	return got < 0 ? wrong("this is no log of terminals, or it is cut off") : 0;
}

static void one_option(struct player *p, int c, const char *v)
{
	switch (c) {
	case 'a': p->all = true; break;
	case 't': p->want = v; break;
	case 'e': p->exec = true; break;
	case 'i': p->input = true; break;
	case 'n': p->now = true; break;
	case 'f': p->follow = true; break;
	case 'l': p->list = true; break;
	}
}

int main(int argc, char **argv)
{
	struct player p = { 0 };
	const char *v;
	int c;

	while ((c = usage_next(&usage, NULL, argc, argv, &v)) != -1) {
		if (c == '?')
			return USAGE_ERROR;
		one_option(&p, c, v);
	}
	if (argc - optind != 1) {
		wrong("which file?");
		return usage_wrong(&usage, NULL);
	}
	p.fd = strcmp(argv[optind], "-") ? open(argv[optind], O_RDONLY | O_CLOEXEC) : 0;
	if (p.fd < 0) {
		fprintf(stderr, "uml_playlog: %s: %s\n", argv[optind], strerror(errno));
		return 1;
	}
	p.data = malloc(DATA_MAX);
	return p.data ? play(&p) : wrong("out of memory");
}
