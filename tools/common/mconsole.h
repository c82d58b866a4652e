/* SPDX-License-Identifier: MIT */
/*
 * The client's side of a machine's management console: finding machines by name, sending a command,
 * receiving the answer. The wire format is kernel/mconsole/proto.h's, written down once more
 * because tools do not include the kernel.
 */
#ifndef TOOLS_COMMON_MCONSOLE_H
#define TOOLS_COMMON_MCONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#define MC_TEXT_MAX 512		/* commands are shorter */
#define MC_PATH_MAX 256

/* Where machines may be: $UML_DIR, ~/.uml, /tmp/uml. dirs: filled with up to n names; how many. */
#define MC_DIRS_MAX 3
size_t mc_dirs(char dirs[MC_DIRS_MAX][MC_PATH_MAX]);
/*
 * The socket of a machine: by name in one of these directories, or NAME is a path itself. warn:
 * each miss is said as UML's client says it. 0, or -ENOENT: path is "".
 */
int mc_find(const char *name, char path[MC_PATH_MAX], bool warn);
int mc_pid(const char *socket_path);		/* from the pid file beside it; 0: unknown */

bool mc_alive(int pid);		/* does that process run? One that nobody has waited for does not */

struct mc_client;
struct mc_client *mc_open(void);		/* NULL: errno */
void mc_close(struct mc_client *c);

/*
 * Sends a command, with descriptors if nfds, and gives the answer piece by piece to out(arg, text,
 * len). Value: the kernel's error as in the protocol (0, 1, -errno), in *error; 0 or -errno of the
 * transport: -ECONNREFUSED when the machine is gone, -EMSGSIZE, -ETIMEDOUT (timeout_ms >= 0).
 */
struct mc_call {
	const char *path, *command;
	const int *fds;
	size_t nfds;
	int timeout_ms;		/* -1: as long as the machine lives */
	void (*out)(void *arg, int error, const char *text,
		    size_t len); /* error: of the first packet */
	void *arg;
};
int mc_call(struct mc_client *c, const struct mc_call *call, int *error);

/* The whole answer as a string to be freed, NULL: none. Otherwise as above. */
int mc_ask(struct mc_client *c, const char *path, const char *command, int *error, char **text);

#endif
