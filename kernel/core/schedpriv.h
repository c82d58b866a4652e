/* SPDX-License-Identifier: MIT */
/*
 * Between sched.c and event.c.
 */
#ifndef CORE_SCHEDPRIV_H
#define CORE_SCHEDPRIV_H

int event_init(void);
void event_arm_timer(void);	/* the host timer follows ktimer_next() */
void event_idle(void);		/* lock held; sleeps in epoll without it, runs callbacks with it */
void event_poll(void);		/* runs the callbacks of what is there; lock held */
void event_kick(void);	/* ends that sleep, or the next; lock held */

#endif
