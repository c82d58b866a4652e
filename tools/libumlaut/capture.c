/* SPDX-License-Identifier: MIT */
/* Pipes that are read into memory. */
#include "tools/libumlaut/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

static bool make_room(struct capture *c, size_t n)
{
	size_t room = c->room ? c->room : 4096;
	char *p;

	while (room < c->len + n)
		room *= 2;
	if (room == c->room)
		return true;
	p = realloc(c->data, room);
	if (!p)
		return false;
	c->data = p;
	c->room = room;
	return true;
}

/* The pipe is emptied in any case, or the command would stand still. */
static void keep(struct capture *c, const char *buf, size_t n)
{
	size_t left = c->max - c->len;

	if (n > left) {
		n = left;
		c->truncated = true;
	}
	if (!n)
		return;
	if (!make_room(c, n)) {
		c->truncated = true;
		return;
	}
	memcpy(c->data + c->len, buf, n);
	c->len += n;
}

static void end(struct capture *c)
{
	if (c->watch.fd >= 0)
		close(c->watch.fd);
	c->watch.fd = -1;
}

static void on_readable(struct session *s, struct watch *w)
{
	struct capture *c = (struct capture *)w;
	char buf[CHUNK];
	ssize_t n = read(w->fd, buf, sizeof(buf));

	if (n > 0)
		keep(c, buf, (size_t)n);
	else if (!n || (errno != EAGAIN && errno != EINTR))
		end(c);
}

int capture_open(struct capture *c, size_t max)
{
	int p[2];

	*c = (struct capture){ .watch = { .fd = -1, .ready = on_readable },
			       .write_end = -1,
			       .max = max };
	if (pipe2(p, O_CLOEXEC))
		return -errno;
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	c->watch.fd = p[0];
	c->write_end = p[1];
	return 0;
}

void capture_give(struct capture *c)
{
	if (c->write_end >= 0)
		close(c->write_end);
	c->write_end = -1;
}

void capture_rest(struct capture *c, int ms)
{
	int64_t until = monotonic_ns() + ms * 1000000LL, left;
	struct pollfd p;

	while (c->watch.fd >= 0) {
		p = (struct pollfd){ .fd = c->watch.fd, .events = POLLIN };
		left = (until - monotonic_ns()) / 1000000;
		if (left < 0 || poll(&p, 1, (int)left) == 0)
			return;
		on_readable(NULL, &c->watch);
	}
}

char *capture_take(struct capture *c, size_t *len)
{
	char *text = realloc(c->data, c->len + 1);

	if (!text)
		return NULL;
	text[c->len] = 0;
	*len = c->len;
	c->data = NULL;
	c->len = c->room = 0;
	return text;
}

void capture_close(struct capture *c)
{
	end(c);
	capture_give(c);
	free(c->data);
	c->data = NULL;
}
