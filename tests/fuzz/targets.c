/* SPDX-License-Identifier: MIT */
/*
 * One line per format.
 */
#include "tests/fuzz/fuzz.h"

const struct target *const targets[] = { &ext_target, &part_target, &cow_target, &cpio_target, &squash_target, NULL };
