/* SPDX-License-Identifier: MIT */
/*
 * Self confinement of the kernel process: what of the host the command line named, and nothing else.
 */
#ifndef KERNEL_CONFINE_H
#define KERNEL_CONFINE_H

void confine_note_line(const char *option);	/* con=, ssl= and the like: terminals it names */
void confine_files(void);	/* when the command line is known and no other process or thread exists */
void confine_calls(void);	/* after boot */

#endif
