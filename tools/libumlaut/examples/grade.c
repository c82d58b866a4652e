/* SPDX-License-Identifier: MIT */
/*
 * A grader: runs a program that somebody handed in on an input, with limits, and compares what it
 * writes with what was expected.
 *
 *	grade ROOT INPUT EXPECTED COMMAND [ARGUMENT...]
 *
 * ROOT is a directory with a Linux system, or - for the embedded one; it is left as it is.
 *	cc grade.c -lumlaut
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umlaut.h>

static const char *verdict(const struct umlaut_result *r, const char *expected)
{
	switch (r->reason) {
	case UMLAUT_EXITED:
		if (r->status)
			return "failed";
		return r->truncated || strcmp(r->output, expected) ? "wrong answer" : "right";
	case UMLAUT_TIMEOUT:
		return "too slow";
	case UMLAUT_MEMORY:
		return "too much memory";
	case UMLAUT_PROCESSES:
		return "too many processes";
	case UMLAUT_SIGNALED:
		return "crashed";
	default:
		return "not run";
	}
}

int main(int argc, char **argv)
{
	struct umlaut_options o = {
		.size = sizeof(o),
		.ephemeral = 1,
		.memory = 64 << 20,
		.processes = 40,
		.timeout_ms = 2000,
		.output_max = 1 << 20,
	};
	struct umlaut_result r;
	int right;

	if (argc < 5) {
		fprintf(stderr, "usage: grade ROOT INPUT EXPECTED COMMAND [ARGUMENT...]\n");
		return 2;
	}
	o.root = strcmp(argv[1], "-") ? argv[1] : NULL;
	o.input = argv[2];
	o.input_size = strlen(argv[2]);
	if (umlaut_run(&o, argv + 4, &r)) {
		fprintf(stderr, "grade: %s\n", r.message);
		return 2;
	}
	right = !strcmp(verdict(&r, argv[3]), "right");
	printf("%s: reason %s, status %d, %.3f s of CPU, %llu KiB%s%s\n", verdict(&r, argv[3]),
	       umlaut_reason_name(r.reason), r.status, (double)(r.user_ns + r.system_ns) / 1e9,
	       (unsigned long long)r.maxrss_kib, *r.message ? ": " : "", r.message);
	umlaut_result_free(&r);
	return !right;
}
