/* SPDX-License-Identifier: MIT */
/*
 * mkcpio LIST OUT: write a newc cpio archive described by a list.
 *
 * Exists because the embedded root file system needs device nodes and root-owned files, and the
 * build must not need root. Owner is always 0:0 and every time stamp 0, so that equal input gives
 * equal output. Lines of the list ('#' starts a comment):
 *
 *	dir   PATH MODE
 *	file  PATH MODE SOURCE
 *	slink PATH TARGET
 *	char  PATH MODE MAJOR MINOR
 *	block PATH MODE MAJOR MINOR
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_WORDS 6

struct entry {
	const char *path;
	unsigned int mode;
	unsigned int major, minor;
	const void *data;
	size_t size;
};

struct kind {
	const char *name;
	int words;
	void (*emit)(FILE *out, char **words);
};

static const char *list_name;
static int line_nr;

static void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "mkcpio: %s:%d: ", list_name, line_nr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static unsigned int number(const char *word, int base)
{
	char *end;
	unsigned long value = strtoul(word, &end, base);

	if (!*word || *end || value > 0xffffffffUL)
		die("not a number: %s", word);
	return value;
}

static void pad(FILE *out)
{
	while (ftell(out) % 4)
		fputc(0, out);
}

static void put(FILE *out, const struct entry *e)
{
	static unsigned int inode;
	size_t namesize = strlen(e->path) + 1;

	fprintf(out, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", ++inode,
		e->mode, 0, 0, S_ISDIR(e->mode) ? 2 : 1, 0, e->size, 0, 0, e->major, e->minor,
		namesize, 0);
	fwrite(e->path, 1, namesize, out);
	pad(out);
	if (e->size)
		fwrite(e->data, 1, e->size, out);
	pad(out);
}

/* The archive holds names relative to the root. */
static const char *relative(const char *path)
{
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

static void emit_dir(FILE *out, char **w)
{
	put(out, &(struct entry){ .path = relative(w[1]), .mode = S_IFDIR | number(w[2], 8) });
}

static void emit_slink(FILE *out, char **w)
{
	put(out, &(struct entry){ .path = relative(w[1]),
				  .mode = S_IFLNK | 0777,
				  .data = w[2],
				  .size = strlen(w[2]) });
}

static void emit_node(FILE *out, char **w, unsigned int type)
{
	put(out, &(struct entry){ .path = relative(w[1]),
				  .mode = type | number(w[2], 8),
				  .major = number(w[3], 10),
				  .minor = number(w[4], 10) });
}

static void emit_char(FILE *out, char **w)
{
	emit_node(out, w, S_IFCHR);
}

static void emit_block(FILE *out, char **w)
{
	emit_node(out, w, S_IFBLK);
}

static void emit_file(FILE *out, char **w)
{
	struct entry e = { .path = relative(w[1]), .mode = S_IFREG | number(w[2], 8) };
	FILE *in = fopen(w[3], "rb");
	struct stat st;
	void *data;

	if (!in || fstat(fileno(in), &st))
		die("%s: %s", w[3], strerror(errno));
	data = malloc(st.st_size + 1);
	if (!data || fread(data, 1, st.st_size, in) != (size_t)st.st_size)
		die("%s: cannot read", w[3]);
	fclose(in);
	e.data = data;
	e.size = st.st_size;
	put(out, &e);
	free(data);
}

static const struct kind kinds[] = {
	{ "dir", 3, emit_dir },	  { "file", 4, emit_file },   { "slink", 3, emit_slink },
	{ "char", 5, emit_char }, { "block", 5, emit_block },
};

static void do_line(FILE *out, char *line)
{
	char *words[MAX_WORDS];
	int n = 0;

	line[strcspn(line, "#\n")] = 0;
	for (char *w = strtok(line, " \t"); w; w = strtok(NULL, " \t")) {
		if (n == MAX_WORDS)
			die("too many words");
		words[n++] = w;
	}
	if (!n)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(words[0], kinds[i].name))
			continue;
		if (n != kinds[i].words)
			die("%s needs %d words", words[0], kinds[i].words);
		kinds[i].emit(out, words);
		return;
	}
	die("unknown kind: %s", words[0]);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t cap = 0;
	FILE *list, *out;

	if (argc != 3) {
		fprintf(stderr, "usage: mkcpio LIST OUT\n");
		return 1;
	}
	list_name = argv[1];
	list = fopen(argv[1], "r");
	if (!list)
		die("%s", strerror(errno));
	out = fopen(argv[2], "wb");
	if (!out)
		die("%s: %s", argv[2], strerror(errno));
	while (getline(&line, &cap, list) > 0) {
		line_nr++;
		do_line(out, line);
	}
	free(line);
	put(out, &(struct entry){ .path = "TRAILER!!!" });
	if (fclose(out))
		die("%s: %s", argv[2], strerror(errno));
	fclose(list);
	return 0;
}
