/* SPDX-License-Identifier: MIT */
/*
 * The socket of the management console: receiving, dispatching, answering.
 *
 * Each request runs in a kernel thread of its own, started in order of arrival: one that waits (for
 * a disk, for a slow client) does not hold up "sysrq" or "go". When too many are under way the
 * socket is not read for a while, so a flood waits in the sender.
 */
#include "mconsole/mconsole.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/poll.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/time.h"
#include "core/wait.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "mconsole/priv.h"

#define IN_FLIGHT_MAX 16
#define PATH_MAX_MC 256
#define REPLY_PATIENCE (5 * NSEC_PER_SEC)

int mc_sock = -1;
const struct mc_device *mc_devices;
static struct event_source *source;
static int in_flight;

/* --- answers --- */

static int send_packet(struct mc_request *rq, const void *p, size_t n)
{
	ktime_t give_up = ktime_get() + REPLY_PATIENCE;
	ssize r;

	while ((r = host_unix_send(mc_sock, p, n, &rq->from)) == -EAGAIN) {
		if (ktime_get() > give_up)
			return -EAGAIN;
		(void)!wq_sleep(NULL, WAIT_UNINTERRUPTIBLE, ktime_get() + NSEC_PER_MSEC,
				"mconsole_reply");
	}
	return r < 0 ? (int)r : 0;
}

void mc_reply_len(struct mc_request *rq, const char *text, size_t len, int err, bool more)
{
	struct mc_answer a;
	size_t n, took;

	if (!rq->from.len)
		return;
	do {
		n = mc_fill(&a, text, len, err, more, &took);
		if (send_packet(rq, &a, n))
			return;
		err = 0;
		text += took;
		len -= took;
	} while (len);
}

void mc_reply(struct mc_request *rq, const char *text, int err)
{
	mc_reply_len(rq, text, strlen(text), err, false);
}

/* --- requests --- */

static void request_free(struct mc_request *rq)
{
	for (int i = 0; i < rq->nfds; i++)
		if (rq->fds[i] >= 0)
			host_close(rq->fds[i]);
	kfree(rq);
}

static void run(void *arg)
{
	struct mc_request *rq = arg;
	const struct mc_command *c = mc_commands;

	while (c->name && strncmp(rq->text, c->name, strlen(c->name)))
		c++;
	if (c->name) {
		const char *p = rq->text + strlen(c->name);

		c->run(rq, p + strspn(p, " \t\n"));
	} else {
		mc_reply(rq, "Unknown command", 1);
	}
	request_free(rq);
	if (in_flight-- == IN_FLIGHT_MAX)
		event_mod(source, EPOLLIN);
}

static void start(struct mc_request *rq)
{
	if (kthread_run("mconsole", run, rq)) {
		request_free(rq);
		return;
	}
	if (++in_flight == IN_FLIGHT_MAX)
		event_mod(source, 0);
}

/* At once and without patience: this runs in the event loop. */
static void refuse(const struct mc_request *rq, const char *text, bool bare)
{
	struct mc_answer a;
	size_t n, took;

	if (!rq->from.len)
		return;
	if (bare) {
		host_unix_send(mc_sock, text, strlen(text), &rq->from);
		return;
	}
	n = mc_fill(&a, text, strlen(text), 1, false, &took);
	host_unix_send(mc_sock, &a, n, &rq->from);
}

static bool receive(struct mc_request *rq)
{
	struct mc_packet p;
	ssize n = host_unix_recv(mc_sock, &p, sizeof(p), &rq->from, rq->fds, &rq->nfds);

	if (n < 0)
		return false;
	switch (mc_parse(&p, (size_t)n, rq->text)) {
	case MC_OK:
		start(rq);
		return true;
	case MC_BAD_MAGIC:
		refuse(rq, "ERR Version 0 mconsole clients are not supported by this driver", true);
		break;
	case MC_BAD_VERSION:
		refuse(rq, "This driver only supports version 2 clients", false);
		break;
	case MC_TOO_LARGE:
		refuse(rq, "Request too large", false);
		break;
	case MC_IGNORE:
		break;
	}
	request_free(rq);
	return true;
}

static void on_datagram(void *arg, u32 events)
{
	struct mc_request *rq;

	while (in_flight < IN_FLIGHT_MAX) {
		rq = kzalloc(sizeof(*rq));
		if (!rq)
			return;
		if (!receive(rq)) {
			kfree(rq);
			return;
		}
	}
}

int mconsole_init(const char *dir, const struct mc_device *devices)
{
	char path[PATH_MAX_MC];
	int err;

	if (!*dir)
		return -ENOENT;
	mc_devices = devices;
	if (snprintf(path, sizeof(path), "%s/mconsole", dir) >= (int)sizeof(path))
		mc_sock = -ENAMETOOLONG;
	else
		mc_sock = host_unix_bind(path, 0600);
	if (mc_sock < 0) {
		pr_err("Failed to initialize management console (error %d)", mc_sock);
		return mc_sock;
	}
	err = event_add(mc_sock, EPOLLIN, false, on_datagram, NULL, &source);
	if (err)
		return err;
	pr_info("mconsole (version %u) initialized on %s", MC_VERSION, path);
	mc_notify_start(path);
	return 0;
}
