/* SPDX-License-Identifier: MIT */
/*
 * What root= may say about a device.
 */
#include "block/blkdev.h"

#include <stdio.h>
#include <string.h>

#include "lib/devnum.h"
#include "lib/strto.h"

static struct blkdev *by_text(const char *text, const char *(*of)(const struct blkdev *b))
{
	struct blkdev *b = NULL;

	while ((b = blkdev_next(b)))
		if (*of(b) && !strcasecmp(of(b), text))
			break;
	return b;
}

static const char *uuid_of(const struct blkdev *b)
{
	return b->uuid;
}

static const char *label_of(const struct blkdev *b)
{
	return b->label;
}

/* "98:0", "6200" (hexadecimal: the major number and two digits of the minor one). */
static struct blkdev *by_number(const char *text)
{
	char *end;
	unsigned long major = strtoul(text, &end, 10), minor;

	if (end != text && *end == ':') {
		text = end + 1;
		minor = strtoul(text, &end, 10);
		return end == text || *end ? NULL : blkdev_get(makedev_k((u32)major, (u32)minor));
	}
	major = strtoul(text, &end, 16);
	return end == text || *end ? NULL : blkdev_get((u32)major);
}

/* "ubd0" and "ubd/0" are old names of ubda. */
static struct blkdev *by_old_name(const char *text)
{
	unsigned long n;
	char name[8], *end;

	if (strncmp(text, "ubd", 3))
		return NULL;
	text += text[3] == '/' ? 4 : 3;
	n = strtoul(text, &end, 10);
	if (end == text || *end || n > 15)
		return NULL;
	snprintf(name, sizeof(name), "ubd%c", (char)('a' + n));
	return blkdev_by_name(name);
}

bool blkdev_is_root_text(const char *text)
{
	static const char *const starts[] = { "PARTUUID=", "PARTLABEL=", "ubd", "/dev/ubd", "/dev/loop" };

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (!strncmp(text, starts[i], strlen(starts[i])))
			return true;
	return *text >= '0' && *text <= '9';
}

struct blkdev *blkdev_by_root(const char *text)
{
	struct blkdev *b;

	if (!strncmp(text, "PARTUUID=", 9))
		return by_text(text + 9, uuid_of);
	if (!strncmp(text, "PARTLABEL=", 10))
		return by_text(text + 10, label_of);
	if (!strncmp(text, "/dev/", 5))
		text += 5;
	b = blkdev_by_name(text);
	if (!b)
		b = by_old_name(text);
	return b ? b : by_number(text);
}
