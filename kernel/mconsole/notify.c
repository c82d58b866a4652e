/* SPDX-License-Identifier: MIT */
/*
 * mconsole=notify:SOCKET: datagrams to a listener on the host at boot, at a panic, and for what the
 * guest writes to /proc/mconsole.
 */
#include "mconsole/mconsole.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "fs/procfs/procfs.h"
#include "host/host.h"
#include "mconsole/priv.h"

static struct host_unix_addr listener;
static const char *listener_path;
static int sock = -1;

int mconsole_setup(const char *value)
{
	static const char prefix[] = "notify:";
	char text[160];

	if (strncmp(value, prefix, sizeof(prefix) - 1)) {
		snprintf(text, sizeof(text), "mconsole_setup : Unknown option - '%.100s'\n", value);
		host_write_stderr(text, strlen(text));
		return -EINVAL;
	}
	listener_path = value + sizeof(prefix) - 1;
	return host_unix_addr(listener_path, &listener);
}

const char *mconsole_listener(void)
{
	return listener.len ? listener_path : NULL;
}

static int notify(u32 type, const char *data, size_t len)
{
	struct mc_notice n = { .magic = MC_MAGIC, .version = MC_VERSION, .type = type };
	ssize r;

	if (sock < 0)
		return 0;
	n.len = (u32)MIN(len, sizeof(n.data));
	memcpy(n.data, data, n.len);
	r = host_unix_send(sock, &n, MC_NOTICE_HEAD + n.len, &listener);
	return r < 0 ? (int)r : 0;
}

static int write_user(char *text, size_t n)
{
	int err = notify(MC_NOTIFY_USER, text, n);

	if (err)
		pr_err("mconsole_notify - sendto failed, errno = %d", -err);
	return err;
}

void mconsole_panic(const char *text)
{
	notify(MC_NOTIFY_PANIC, text, strlen(text) + 1);
}

void mc_notify_start(const char *path)
{
	int err;

	if (!listener.len)
		return;
	sock = host_unix_socket();
	if (sock < 0) {
		pr_err("mconsole: no socket for notifications: error %d", sock);
		return;
	}
	err = notify(MC_NOTIFY_SOCKET, path, strlen(path) + 1);
	if (err)
		pr_err("mconsole_notify - sendto failed, errno = %d", -err);
	if (procfs_add("mconsole", 0200, NULL, write_user))
		pr_err("mconsole: no memory for /proc/mconsole");
}
