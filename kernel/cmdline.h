/* SPDX-License-Identifier: MIT */
/*
 * The command line: what UML's options say, as settings for main.c (docs/boot.md).
 */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include "lib/types.h"

#define INIT_ARGS_MAX 64
#define BIND_MAX 32

struct boot_options {
	u64 mem;			/* bytes */
	int ncpus;
	const char *root, *rootfstype, *rootflags;	/* NULL: not given */
	bool readonly;			/* ro, the default, or rw */
	const char *init, *rdinit;	/* NULL: the usual names */
	const char *initrd;
	const char *umid, *uml_dir;
	const char *xterm;		/* xterm=EMULATOR,TITLE,EXEC; NULL */
	const char *watchdog;		/* its program, "": the usual one; NULL: no watchdog */
	const char *tty_log_dir;	/* NULL: none */
	const char *strace;		/* NULL: off */
	int control;			/* descriptor of a control channel, -1: none */
	const char *bind[BIND_MAX];	/* HOST:GUEST[:ro] */
	int nbind;
	bool overlay;			/* changes to the root are kept in memory */
	bool noreboot, quiet;
	bool stderr_console;
	bool secure;			/* confine=off switches self confinement off */
	char *init_argv[INIT_ARGS_MAX + 1];	/* argv[0] is filled in later */
	char *init_envp[INIT_ARGS_MAX + 1];
	int nargs, nenv;
};
extern struct boot_options boot;

/* Parses everything. Does not return for --help and the like, nor for a fatal mistake (status 1). */
void cmdline_parse(int argc, char **argv);
/* "Unknown kernel command line parameters ..., will be passed to user space." when there are any. */
void cmdline_report_unknown(void);

#endif
