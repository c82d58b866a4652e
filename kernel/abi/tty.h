/* SPDX-License-Identifier: MIT */
/* termios, winsize, tty ioctls. */
#ifndef ABI_TTY_H
#define ABI_TTY_H

#include <asm/termios.h>
#include <asm/ioctls.h>
#include <linux/tty.h>

#endif
