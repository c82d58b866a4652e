/* SPDX-License-Identifier: MIT */
/* Channels whose terminal comes from the channel helper. */
#ifndef TTY_CHAN_DIAL_H
#define TTY_CHAN_DIAL_H

#include "tty/chan.h"

/* Waits for the terminal that reply (taken) announces, and opens c with it. 0, -ERESTARTSYS, -errno. Blocks */
int chan_dial(struct chan *c, int reply);
void chan_dial_close(struct chan *c);

#endif
