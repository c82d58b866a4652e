/* SPDX-License-Identifier: MIT */
/*
 * Options, --help, man page and completion from one table.
 */
#include "tools/common/usage.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated/version.h"

#define MAX_OPTIONS 40
#define ID_HELP 1000
#define ID_VERSION 1001

/* --- help --- */

static void print_forms(const struct usage *u, const struct usage *parent)
{
	const char *line = u->synopsis, *end;

	for (; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		printf("%s %s%s%s %.*s\n", line == u->synopsis ? "usage:" : "      ",
		       parent ? parent->name : "", parent ? " " : "", u->name, (int)(end - line),
		       line);
	}
}

static int option_label(const struct usage_option *o, char *buf, size_t n)
{
	char letter[8] = "    ";

	if (o->id < 256)
		snprintf(letter, sizeof(letter), "-%c, ", o->id);
	return snprintf(buf, n, "%s--%s%s%s", letter, o->name, o->arg ? "=" : "",
			o->arg ? o->arg : "");
}

static void print_wrapped(const char *text, int indent, int at)
{
	const char *end;

	for (; *text; text = end + strspn(end, " ")) {
		end = text + strcspn(text, " \n");
		if (*text == '\n') {
			printf("\n%*s", indent, "");
			at = indent;
			end = text + 1;
			continue;
		}
		if (at + (end - text) > 88 && at > indent) {
			printf("\n%*s", indent, "");
			at = indent;
		}
		printf("%s%.*s", at > indent ? " " : "", (int)(end - text), text);
		at += (int)(end - text) + (at > indent);
	}
	putchar('\n');
}

void usage_help(const struct usage *u, const struct usage *parent)
{
	const struct usage_option *o;
	char label[80];

	print_forms(u, parent);
	printf("\n");
	print_wrapped(u->text ? u->text : u->summary, 0, 0);
	if (u->commands)
		printf("\nCommands:\n");
	for (const struct usage *const *c = u->commands; c && *c; c++)
		printf("  %-12s %s\n", (*c)->name, (*c)->summary);
	printf("\nOptions:\n");
	for (o = u->options; o && o->name; o++) {
		option_label(o, label, sizeof(label));
		printf("  %-28s ", label);
		print_wrapped(o->text, 31, 31);
	}
	printf("      --help                   this text (--help=man: manual page, --help=bash: completion)\n");
	printf("      --version                the version\n");
	if (u->status) {
		printf("\nExit status: ");
		print_wrapped(u->status, 0, 13);
	}
}

/* --- man page --- */

static void roff(const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			printf(s[1] == '\n' ? "\n.PP" : "\n");
		else if (*s == '\\')
			printf("\\e");
		else if (*s == '-')
			printf("\\-");
		else
			putchar(*s);
	}
	putchar('\n');
}

static void man_options(const struct usage *u)
{
	const struct usage_option *o;
	char label[80];

	for (o = u->options; o && o->name; o++) {
		option_label(o, label, sizeof(label));
		printf(".TP\n.B ");
		roff(label + strspn(label, " "));
		roff(o->text);
	}
}

static void man_synopsis(const struct usage *u, const struct usage *parent)
{
	const char *line = u->synopsis, *end;

	for (; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		printf("%s.B %s%s%s\n%.*s\n", line == u->synopsis ? "" : ".br\n",
		       parent ? parent->name : "", parent ? " " : "", u->name, (int)(end - line),
		       line);
	}
}

static void man_page(const struct usage *u)
{
	printf(".TH %s 1 \"\" \"Umlaut " UMLAUT_VERSION
	       "\" \"User Commands\"\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n",
	       u->name, u->name, u->summary);
	man_synopsis(u, NULL);
	printf(".SH DESCRIPTION\n");
	roff(u->text ? u->text : u->summary);
	if (u->options && u->options->name) {
		printf(".SH OPTIONS\n");
		man_options(u);
	}
	if (u->commands)
		printf(".SH COMMANDS\n");
	for (const struct usage *const *c = u->commands; c && *c; c++) {
		printf(".SS %s\n", (*c)->name);
		man_synopsis(*c, u);
		printf(".PP\n");
		roff((*c)->text ? (*c)->text : (*c)->summary);
		man_options(*c);
	}
	if (u->status) {
		printf(".SH \"EXIT STATUS\"\n");
		roff(u->status);
	}
	if (u->see)
		printf(".SH \"SEE ALSO\"\n%s\n", u->see);
}

/* --- completion --- */

static void bash_words(const struct usage *u)
{
	const struct usage_option *o;

	for (o = u->options; o && o->name; o++)
		printf(" --%s%s", o->name, o->arg ? "=" : "");
	printf(" --help");
}

static void bash_operands(const char *kind)
{
	if (!kind)
		printf("COMPREPLY=($(compgen -f -- \"$cur\"))");
	else if (!strcmp(kind, "machines"))
		printf("COMPREPLY=($(compgen -W \"$(ls \"${UML_DIR:-$HOME/.uml}\" 2>/dev/null)\" -- \"$cur\"))");
	else if (!strcmp(kind, "directories"))
		printf("COMPREPLY=($(compgen -f -- \"$cur\"))");
	else
		printf("COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))", kind);
}

static void bash_case(const struct usage *u)
{
	printf("\tif [[ $cur == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W \"");
	bash_words(u);
	printf("\" -- \"$cur\"))\n\telse\n\t\t");
	bash_operands(u->operands);
	printf("\n\tfi\n");
}

static void bash_completion(const struct usage *u)
{
	printf("# bash completion for %s, made by %s --help=bash\n_%s() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n\tCOMPREPLY=()\n",
	       u->name, u->name, u->name);
	if (u->commands) {
		printf("\tif ((COMP_CWORD == 1)); then\n\t\tCOMPREPLY=($(compgen -W \"");
		for (const struct usage *const *c = u->commands; *c; c++)
			printf("%s ", (*c)->name);
		printf("--help --version\" -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in\n");
		for (const struct usage *const *c = u->commands; *c; c++) {
			printf("\t%s)\n", (*c)->name);
			bash_case(*c);
			printf("\t;;\n");
		}
		printf("\tesac\n");
	} else {
		bash_case(u);
	}
	printf("}\ncomplete -o default -F _%s %s\n", u->name, u->name);
}

/* --- parsing --- */

static void answer_help(const struct usage *u, const struct usage *parent, const char *how)
	__attribute__((noreturn));
static void answer_help(const struct usage *u, const struct usage *parent, const char *how)
{
	if (how && !strcmp(how, "man"))
		man_page(u);
	else if (how && !strcmp(how, "bash"))
		bash_completion(u);
	else
		usage_help(u, parent);
	if (!fflush(stdout))
		exit(0);
	fprintf(stderr, "%s: standard output: %s\n", parent ? parent->name : u->name, strerror(errno));
	exit(1);
}

int usage_wrong(const struct usage *u, const struct usage *parent)
{
	fprintf(stderr, "Try '%s%s%s --help' for more information.\n", parent ? parent->name : "",
		parent ? " " : "", u->name);
	return USAGE_ERROR;
}

int usage_next(const struct usage *u, const struct usage *parent, int argc, char **argv,
	       const char **value)
{
	struct option longs[MAX_OPTIONS + 3] = { { 0 } };
	char shorts[2 * MAX_OPTIONS + 2] = "+";
	size_t s = 1;
	int n = 0, c;

	for (const struct usage_option *o = u->options; o && o->name && n < MAX_OPTIONS; o++) {
		longs[n++] = (struct option){ o->name, o->arg ? required_argument : no_argument,
					      NULL, o->id };
		if (o->id < 256)
			shorts[s++] = (char)o->id;
		if (o->id < 256 && o->arg)
			shorts[s++] = ':';
	}
	shorts[s] = 0;
	longs[n++] = (struct option){ "help", optional_argument, NULL, ID_HELP };
	longs[n] = (struct option){ "version", no_argument, NULL, ID_VERSION };
	c = getopt_long(argc, argv, shorts, longs, NULL);
	if (c == ID_HELP)
		answer_help(u, parent, optarg);
	if (c == ID_VERSION) {
		printf("%s (Umlaut) " UMLAUT_VERSION "\n", parent ? parent->name : u->name);
		exit(0);
	}
	if (c == '?')
		usage_wrong(u, parent);
	*value = optarg;
	return c;
}
