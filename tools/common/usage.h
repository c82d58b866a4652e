/* SPDX-License-Identifier: MIT */
/*
 * What a tool says about itself: one table from which --help, the man page (--help=man), the bash
 * completion (--help=bash) and the parsing of options are made.
 */
#ifndef TOOLS_COMMON_USAGE_H
#define TOOLS_COMMON_USAGE_H

#include <stdbool.h>

struct usage_option {
	int id; /* what usage_next() returns: the letter of the short form, or 256 and up */
	const char *name;	/* long form */
	const char *
		arg; /* name of its argument: "DIR", "FILE", "NAME" also guide completion; NULL: none */
	const char *text;
};

struct usage {
	const char *name;	/* "umlaut", "run" */
	const char *synopsis;	/* behind the name; several forms are lines */
	const char *summary;	/* one line */
	const char *text;	/* paragraphs, separated by empty lines */
	const struct usage_option *options;	/* ends with a NULL name; NULL: none */
	const struct usage *const *commands;	/* subcommands, ends with NULL; NULL: none */
	int (*run)(int argc, char **argv);	/* of a subcommand */
	const char *operands;	/* completion of operands: "machines", "directories", or words */
	const char *status;	/* exit status, a paragraph */
	const char *see;	/* "linux(1), umlaut(1)" */
};

#define USAGE_ERROR 2		/* exit status of wrong usage */

/*
 * The next option; -1: no more, optind is the first operand; '?': wrong (said). Options end at the
 * first operand. value: its argument. --help and --version are answered here (does not return).
 */
int usage_next(const struct usage *u, const struct usage *parent, int argc, char **argv,
	       const char **value);
void usage_help(const struct usage *u, const struct usage *parent);
/* "try --help" on standard error; USAGE_ERROR */
int usage_wrong(const struct usage *u, const struct usage *parent);

#endif
