/* SPDX-License-Identifier: MIT */
/*
 * What the end of a session means: reason, status and words, for the library and the front end.
 */
#ifndef LIBUMLAUT_JUDGE_H
#define LIBUMLAUT_JUDGE_H

#include "tools/libumlaut/session.h"
#include "tools/libumlaut/umlaut.h"

/* Fills everything in r but the outputs and the time on the wall. */
void judge(const struct session *s, const struct outcome *o, struct umlaut_result *r);

#endif
