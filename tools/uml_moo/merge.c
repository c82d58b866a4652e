/* SPDX-License-Identifier: MIT */
/*
 * The two ways to merge.
 *
 * A new image is written beside its name and renamed when it is complete and on the disk; until then nothing has
 * changed. A merge in place cannot be undone, but repeated: the COW file is not touched, and over a half merged
 * backing file it still means the same. A mark beside the COW file remembers that one was begun, because the backing
 * file has a new time of change by then and would be refused.
 */
#include "tools/uml_moo/moo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/cowfile.h"

#define CHUNK (1u << 20)
#define PIECE 4096u

static int failed(const char *what)
{
	progress_end();
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return -1;
}

static int stopped(void)
{
	progress_end();
	fprintf(stderr, "uml_moo: interrupted\n");
	return -1;
}

/* Bytes from pos on, at most n, that lie in one file. */
static u64 run(const struct merge *m, u64 pos, u64 n, bool *own)
{
	u64 s = pos / m->h.sector, last = (pos + n - 1) / m->h.sector;

	*own = cow_bit(m->bitmap, s);
	while (s < last && cow_bit(m->bitmap, s + 1) == *own)
		s++;
	return MIN((s + 1) * m->h.sector - pos, n);
}

/* How many of n bytes at off are in a hole. */
static u64 hole(int fd, u64 off, u64 n)
{
	off_t data = lseek(fd, (off_t)off, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO ? n : 0;
	return MIN((u64)data - off, n);
}

static bool is_zero(const u8 *p, size_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

/* --- a new image --- */

/* holes: the target reads as zeroes where nothing is written. */
static int put(int fd, const u8 *buf, size_t n, u64 pos, bool holes)
{
	for (size_t i = 0; i < n; i += PIECE) {
		size_t len = MIN(n - i, (size_t)PIECE);

		if (holes && is_zero(buf + i, len))
			continue;
		if (file_write(fd, buf + i, len, pos + i))
			return failed("Writing the new image");
	}
	return 0;
}

static int copy_all(const struct merge *m, int out, bool holes, u8 *buf)
{
	u64 pos = 0;

	while (pos < m->h.size) {
		bool own;
		u64 n = run(m, pos, MIN(m->h.size - pos, (u64)1 << 40), &own);
		int fd = own ? m->cow : m->backing;
		u64 off = pos + (own ? m->h.data_off : 0), skip = holes ? hole(fd, off, n) : 0;

		if (interrupted)
			return stopped();
		progress(pos, m->h.size);
		pos += skip;
		n = MIN(n - skip, (u64)CHUNK);
		if (!n)
			continue;
		if (file_read(fd, buf, n, off + skip))
			return failed(own ? "Reading the COW file" : "Reading the backing file");
		if (put(out, buf, n, pos, holes))
			return -1;
		pos += n;
	}
	return 0;
}

static int write_image(const struct merge *m, int out, bool regular)
{
	u8 *buf = malloc(CHUNK);
	int err = buf ? 0 : failed("uml_moo");

	if (!err && regular && ftruncate(out, (off_t)m->h.size))
		err = failed("Writing the new image");
	if (!err)
		err = copy_all(m, out, regular, buf);
	progress_end();
	if (!err && fsync(out) && errno != EINVAL)
		err = failed("Writing the new image");
	free(buf);
	return err;
}

static bool is_input(const struct merge *m, const struct stat *st)
{
	struct stat cow;

	return (st->st_dev == m->backing_dev && st->st_ino == m->backing_ino) ||
	       (!fstat(m->cow, &cow) && cow.st_dev == st->st_dev && cow.st_ino == st->st_ino);
}

static int to_device(struct merge *m, const char *name)
{
	int fd = open(name, O_WRONLY | O_EXCL | O_CLOEXEC), err;

	if (fd < 0)
		return failed("Output file open");
	err = write_image(m, fd, false);
	close(fd);
	return err;
}

int merge_new(struct merge *m, const char *name)
{
	struct stat st;
	char *tmp;
	int fd, err;

	if (!stat(name, &st)) {
		if (is_input(m, &st)) {
			fprintf(stderr, "uml_moo: \"%s\" is one of the files to be merged\n", name);
			return -1;
		}
		if (S_ISBLK(st.st_mode))
			return to_device(m, name);
	}
	fd = file_temporary(name, &tmp);
	if (fd < 0)
		return failed("Output file open");
	err = write_image(m, fd, true);
	close(fd);
	if (!err && rename(tmp, name))
		err = failed("Output file open");
	if (err)
		unlink(tmp);
	free(tmp);
	return err;
}

/* --- in place --- */

static char *mark_name(const struct merge *m)
{
	char *name;

	return asprintf(&name, "%s.merging", m->cow_name) < 0 ? NULL : name;
}

static void mark_text(const struct merge *m, char *text, size_t n)
{
	snprintf(text, n, "%llu %llu %llu %u\n", (unsigned long long)m->backing_dev, (unsigned long long)m->backing_ino,
		 (unsigned long long)m->h.size, m->h.mtime);
}

bool merge_was_interrupted(const struct merge *m)
{
	char want[96], got[96] = "", *name = mark_name(m);
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

	mark_text(m, want, sizeof(want));
	if (fd >= 0) {
		if (read(fd, got, sizeof(got) - 1) < 0)
			*got = 0;
		close(fd);
	}
	free(name);
	return !strcmp(want, got);
}

static int make_mark(const struct merge *m, const char *name)
{
	char text[96];
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), err;

	if (fd < 0)
		return failed(name);
	mark_text(m, text, sizeof(text));
	err = file_write(fd, text, strlen(text), 0) || fsync(fd);
	if (close(fd) || err)
		return failed(name);
	return 0;
}

/* Only what differs is written. */
static int merge_chunk(const struct merge *m, int out, u64 pos, size_t n, u8 *own, u8 *old)
{
	if (file_read(m->cow, own, n, m->h.data_off + pos))
		return failed("Reading the COW file");
	if (file_read(out, old, n, pos))
		return failed("Reading the backing file");
	for (size_t i = 0; i < n; i += PIECE) {
		size_t len = MIN(n - i, (size_t)PIECE);

		if (memcmp(own + i, old + i, len) && file_write(out, own + i, len, pos + i))
			return failed("Writing the backing file");
	}
	return 0;
}

static int merge_own(const struct merge *m, int out, u8 *buf)
{
	u64 pos = 0;

	while (pos < m->h.size) {
		bool own;
		u64 n = run(m, pos, MIN(m->h.size - pos, (u64)1 << 40), &own);

		if (interrupted)
			return stopped();
		progress(pos, m->h.size);
		if (own) {
			n = MIN(n, (u64)CHUNK);
			if (merge_chunk(m, out, pos, n, buf, buf + CHUNK))
				return -1;
		}
		pos += n;
	}
	progress_end();
	return fsync(out) && errno != EINVAL ? failed("Writing the backing file") : 0;
}

int merge_in_place(struct merge *m)
{
	int out = open(m->backing_name, O_RDWR | O_CLOEXEC), err = -1;
	char *mark = mark_name(m);
	u8 *buf = malloc(2 * CHUNK);

	if (out < 0 || !mark || !buf)
		failed("Opening backing file");
	else if (!file_lock(out, m->backing_name, true))
		err = make_mark(m, mark);
	if (!err)
		err = merge_own(m, out, buf);
	if (!err)
		unlink(mark);
	if (out >= 0 && close(out) && !err)
		err = failed("Writing the backing file");
	free(buf);
	free(mark);
	return err;
}
