/* SPDX-License-Identifier: MIT */
/*
 * Inside mconsole/: requests, replies, the table of commands.
 */
#ifndef MCONSOLE_PRIV_H
#define MCONSOLE_PRIV_H

#include "host/unix.h"
#include "lib/types.h"
#include "mconsole/mconsole.h"
#include "mconsole/proto.h"
#include "vfs/vfs.h"

struct mc_request {
	struct host_unix_addr from;
	char text[MC_DATA_MAX];		/* NUL terminated */
	int fds[HOST_UNIX_FDS], nfds;	/* came along; closed with the request */
};

struct mc_command {
	const char *name;		/* matched as a prefix, in table order */
	void (*run)(struct mc_request *rq,
		    const char *arg); /* arg: behind the name, spaces skipped. May block */
};
extern const struct mc_command mc_commands[];	/* ends with a NULL name */
extern const struct mc_device *mc_devices;

/* mconsole.c: the text in as many packets as it takes; the last one says more. Blocks while the client is slow. */
void mc_reply_len(struct mc_request *rq, const char *text, size_t len, int err, bool more);
void mc_reply(struct mc_request *rq, const char *text, int err);
extern int mc_sock;

/* capture.c: what is logged while fn runs goes to the client, and an empty last packet. */
void mc_with_log(struct mc_request *rq, void (*fn)(void *arg), void *arg);

/* cmd_machine.c, cmd_device.c, cmd_show.c, cmd_exec.c */
void mc_version(struct mc_request *rq, const char *arg);
void mc_help(struct mc_request *rq, const char *arg);
void mc_halt(struct mc_request *rq, const char *arg);
void mc_reboot(struct mc_request *rq, const char *arg);
void mc_cad(struct mc_request *rq, const char *arg);
void mc_stop(struct mc_request *rq, const char *arg);
void mc_go(struct mc_request *rq, const char *arg);
void mc_log(struct mc_request *rq, const char *arg);
void mc_config(struct mc_request *rq, const char *arg);
void mc_remove(struct mc_request *rq, const char *arg);
void mc_sysrq(struct mc_request *rq, const char *arg);
void mc_proc(struct mc_request *rq, const char *arg);
void mc_stack(struct mc_request *rq, const char *arg);
void mc_dmesg(struct mc_request *rq, const char *arg);
void mc_exec(struct mc_request *rq, const char *arg);

/* notify.c */
void mc_notify_start(
	const char *path); /* tells the listener our socket's name; adds /proc/mconsole */

#endif
