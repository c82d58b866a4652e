/* SPDX-License-Identifier: MIT */
/*
 * uml_mkcow [-f] COW BACKING: make a copy-on-write file. It appears under its name when it is complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/cowfile.h"
#include "tools/common/usage.h"

static const struct usage_option options[] = {
	{ 'f', "force", NULL, "replace an existing COW file" },
	{ 0, NULL, NULL, NULL }
};

static const struct usage usage = {
	.name = "uml_mkcow",
	.synopsis = "[-f] COW BACKING",
	.summary = "make a copy-on-write file for a disk of a User Mode Linux machine",
	.text = "Makes the file COW over the disk image or block device BACKING. A machine started with ubd0=COW reads "
		"BACKING and keeps its changes in COW; many machines can share one BACKING. BACKING must not be "
		"changed from then on: its size and time of change are noted in COW.\n\nA machine started with "
		"ubd0=COW,BACKING makes COW by itself.",
	.options = options,
	.status = "0; 1 when COW exists or something failed, in which case nothing is left behind; 2 for wrong usage.",
	.see = "uml_moo(1), linux(1)",
};

static int failed(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return -1;
}

static int describe(const char *backing, struct cow_header *h, dev_t *dev, ino_t *ino)
{
	char name[COW_NAME_MAX + 1];
	int fd = open(backing, O_RDONLY | O_CLOEXEC);
	struct stat st;
	s64 size;

	if (fd < 0 || fstat(fd, &st))
		return failed("write_cow_header");
	size = file_size(fd);
	close(fd);
	*dev = st.st_dev;
	*ino = st.st_ino;
	if (cow_absolute(backing, name))
		return -1;
	if (size > 0 && !cow_new(h, name, (u64)size, (u32)st.st_mtime, COW_ALIGN))
		return 0;
	fprintf(stderr, "uml_mkcow: \"%s\" is empty or no disk image\n", backing);
	return -1;
}

static int write_cow(int fd, const struct cow_header *h)
{
	u8 buf[COW_HEADER_V3];

	cow_build(h, buf);
	if (file_write(fd, buf, sizeof(buf), 0) || file_write(fd, "", 1, h->data_off + h->size - 1) || fsync(fd))
		return failed("write_cow_header");
	return 0;
}

static int make(const char *cow, const char *backing, bool force)
{
	struct cow_header h;
	struct stat st;
	dev_t dev = 0;
	ino_t ino = 0;
	char *tmp;
	int fd, err;

	if (describe(backing, &h, &dev, &ino))
		return -1;
	if (!stat(cow, &st) && st.st_dev == dev && st.st_ino == ino) {
		fprintf(stderr, "uml_mkcow: \"%s\" is the backing file itself\n", cow);
		return -1;
	}
	fd = file_temporary(cow, &tmp);
	if (fd < 0)
		return failed("open COW file");
	err = write_cow(fd, &h);
	close(fd);
	if (!err && renameat2(AT_FDCWD, tmp, AT_FDCWD, cow, force ? 0 : RENAME_NOREPLACE))
		err = failed("open COW file");
	if (err)
		unlink(tmp);
	free(tmp);
	return err;
}

int main(int argc, char **argv)
{
	const char *value;
	bool force = false;
	int id;

	while ((id = usage_next(&usage, NULL, argc, argv, &value)) != -1) {
		if (id == '?')
			return USAGE_ERROR;
		force = true;
	}
	if (argc - optind != 2) {
		fprintf(stderr, "uml_mkcow usage: \n\tuml_mkcow [-f] <COW file> <backing file>\n"
				"\t-f forces overwrite of an existing COW file\n");
		return USAGE_ERROR;
	}
	return make(argv[optind], argv[optind + 1], force) ? 1 : 0;
}
