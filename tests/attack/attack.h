/* SPDX-License-Identifier: MIT */
/*
 * What the attacks and the init that starts them share: random numbers, values that hurt, time.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <stdbool.h>
#include <stdint.h>

extern uint64_t seed;
extern double end_of_attack;

uint64_t rnd(void);
uint64_t below(uint64_t n);
uint64_t some_address(void);
uint64_t some_value(void);
double now(void);
bool time_left(void);
void nap(long ms);
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* the attack has succeeded */
/* Children in sequence: fn in each, for a second at most, until the attack's time is over. */
void in_children(void (*fn)(void));

/* near.c: against the near kernel and what it shares with the far kernel */
bool make_gadget(void);
void attack_jump(void);
void attack_calls(void);
void attack_scribble(void);
void attack_race(void);
void attack_bell(void);
void attack_fds(void);
void attack_maps(void);
void attack_strangers(void);
void attack_deaf(void);
void attack_mute(void);
void attack_threads(void);

/* One host call from near text, once make_gadget() was there. */
long raw_call(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

/* served.c: against the table of descriptors that the process serves itself */
void attack_served(void);
void attack_readonly(void);	/* what may only be read stays as it is */

/* fuzz.c: any call with any arguments */
void attack_fuzz(void);
void attack_fuzzroot(void);

#endif
