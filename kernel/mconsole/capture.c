/* SPDX-License-Identifier: MIT */
/*
 * Log output for a client: what the kernel says while a command runs. The tap is called from any
 * host thread under the log's own lock; buffers are only linked and unlinked while no tap is set.
 */
#include "mconsole/priv.h"

#include "core/log.h"
#include "lib/list.h"

#define CAPTURE_MAX (1 << 20)

struct capture {
	struct list_head node;
	struct seq_buf text;
};

static LIST_HEAD(captures);

static void tap(const char *text, size_t len)
{
	struct capture *c;

	list_for_each(c, &captures, node) {
		if (c->text.len > CAPTURE_MAX)
			continue;
		seq_printf(&c->text, "%.*s\n", (int)len, text);
	}
}

void mc_with_log(struct mc_request *rq, void (*fn)(void *arg), void *arg)
{
	struct capture c = { .text = { 0 } };

	log_set_tap(NULL);
	list_add_tail(&c.node, &captures);
	log_set_tap(tap);
	fn(arg);
	log_set_tap(NULL);
	list_del_init(&c.node);
	if (!list_empty(&captures))
		log_set_tap(tap);
	if (c.text.len)
		mc_reply_len(rq, c.text.buf, c.text.len, 0, true);
	mc_reply(rq, "", 0);
	seq_free(&c.text);
}
