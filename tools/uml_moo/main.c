/* SPDX-License-Identifier: MIT */
/*
 * uml_moo: merge a copy-on-write file with its backing file, into a new image or into the backing file.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/common/cowfile.h"
#include "tools/common/usage.h"
#include "tools/uml_moo/moo.h"

static const struct usage_option options[] = {
	{ 'b', "backing", "FILE", "the backing file, where the COW file names one that is not there" },
	{ 'd', "destructive", NULL, "merge into the backing file" },
	{ 0, NULL, NULL, NULL }
};

static const struct usage usage = {
	.name = "uml_moo",
	.synopsis = "[-b FILE] COW NEW\n[-b FILE] -d COW",
	.summary = "merge a copy-on-write file with its backing file",
	.text = "The first form writes a new disk image NEW, with holes where it is zero. It replaces an existing NEW when "
		"it is complete.\n\nThe second form writes what COW has into the backing file, after which other COW "
		"files of it are refused. If it is interrupted, the same command goes on; until it has ended, the "
		"backing file is of no use. COW itself stays as it is and can be removed.\n\nCOW files of versions 1, 2 "
		"and 3 are understood. A backing file that has another size or time of change than COW notes is "
		"refused, and so are files that a running machine has open for writing.",
	.options = options,
	.status = "0, or 1.",
	.see = "uml_mkcow(1), linux(1)",
};

volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = 1;
}

static int failed(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return -1;
}

static int check_backing(struct merge *m, bool in_place)
{
	struct stat st;
	s64 size;

	if (fstat(m->backing, &st))
		return failed("Stating backing file");
	size = file_size(m->backing);
	m->backing_dev = st.st_dev;
	m->backing_ino = st.st_ino;
	if ((u64)size != m->h.size) {
		fprintf(stderr, "Size mismatch (%llu vs %llu) of COW header vs backing file \"%s\"\n",
			(unsigned long long)m->h.size, (unsigned long long)size, m->backing_name);
		return -1;
	}
	if ((u32)st.st_mtime == m->h.mtime || (in_place && merge_was_interrupted(m)))
		return 0;
	fprintf(stderr, "mtime mismatch (%u vs %u) of COW header vs backing file \"%s\"\n", m->h.mtime, (u32)st.st_mtime,
		m->backing_name);
	return -1;
}

static int open_both(struct merge *m, bool in_place)
{
	m->cow = open(m->cow_name, O_RDONLY | O_CLOEXEC);
	if (m->cow < 0)
		return failed("COW file open");
	if (cow_read_header(m->cow, &m->h)) {
		fprintf(stderr, "Reading COW header failed\n");
		return -1;
	}
	if (!m->backing_name)
		m->backing_name = m->h.backing;
	m->backing = open(m->backing_name, O_RDONLY | O_CLOEXEC);
	if (m->backing < 0)
		return failed(errno == ENOENT ? "Stating backing file" : "Opening backing file");
	if (file_lock(m->cow, m->cow_name, false) || check_backing(m, in_place))
		return -1;
	/* In place it is locked for writing, by another descriptor. */
	if (!in_place && file_lock(m->backing, m->backing_name, false))
		return -1;
	m->bitmap = cow_read_bitmap(m->cow, &m->h);
	return m->bitmap ? 0 : -1;
}

static int wrong(void)
{
	fprintf(stderr, "uml_moo usage:\n\tuml_moo [ -b <actual backing file> ] <COW file> <new backing file>\n"
			"\tuml_moo [ -b <actual backing file> ] -d <COW file>\n");
	return 1;
}

int main(int argc, char **argv)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal };
	struct merge m = { .cow = -1, .backing = -1 };
	bool in_place = false;
	const char *value;
	int id, err;

	while ((id = usage_next(&usage, NULL, argc, argv, &value)) != -1) {
		if (id == '?')
			return wrong();
		if (id == 'b')
			m.backing_name = value;
		else
			in_place = true;
	}
	if (argc - optind != (in_place ? 1 : 2))
		return wrong();
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
	m.cow_name = argv[optind];
	err = open_both(&m, in_place);
	if (!err)
		err = in_place ? merge_in_place(&m) : merge_new(&m, argv[optind + 1]);
	free(m.bitmap);
	return err ? 1 : 0;
}
