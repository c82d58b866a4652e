/* SPDX-License-Identifier: MIT */
/* A session with one machine at a time. */
#ifndef UML_MCONSOLE_SESSION_H
#define UML_MCONSOLE_SESSION_H

#include <stdbool.h>

#include "tools/common/mconsole.h"

struct session {
	struct mc_client *client;
	char name[64];			/* "[None]" */
	char path[MC_PATH_MAX];		/* "" when there is no machine */
	bool quit;
};

int session_init(struct session *s);			/* 0; 1: said why not */
int session_switch(struct session *s, const char *name);
int session_command(struct session *s,
		    char *line); /* local and remote ones; the kernel's error, 1: other failure */
int session_interactive(struct session *s);

#endif
