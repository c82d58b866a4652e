/* SPDX-License-Identifier: MIT */
/*
 * The ubd option: UNIT FLAGS = FILE [ SEP BACKING [ SEP SERIAL ] ], SEP "," or ":".
 */
#include "block/ubd_priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "core/log.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "lib/strto.h"

#define FLAGS_MAX 6
#define DEFAULT_FILE "root_fs"

struct ubd ubds[UBD_MAX];
bool ubd_all_sync;

static const struct {
	char letter;
	size_t offset;			/* of a bool in struct ubd */
} flags[] = {
	{ 'r', offsetof(struct ubd, flag_r) },
	{ 's', offsetof(struct ubd, flag_s) },
	{ 'd', offsetof(struct ubd, flag_d) },
	{ 'c', offsetof(struct ubd, flag_c) },
	{ 't', offsetof(struct ubd, flag_t) },
};

int ubd_parse_unit(const char **text)
{
	const char *s = *text;
	char *end;
	unsigned long n;

	if (*s >= '0' && *s <= '9') {
		n = strtoul(s, &end, 0);
		*text = end;
		return n > 1000 ? 1000 : (int)n;
	}
	if (*s >= 'a' && *s <= 'z') {
		*text = s + 1;
		return *s - 'a';
	}
	return -1;
}

static bool set_flag(struct ubd *u, char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].letter == letter) {
			*(bool *)((char *)u + flags[i].offset) = true;
			return true;
		}
	return false;
}

/* Up to and with the "=". */
static const char *parse_flags(struct ubd *u, const char *s, const char **error)
{
	for (int i = 0; i <= FLAGS_MAX; i++, s++) {
		if (*s == '=')
			return s + 1;
		if (!set_flag(u, *s)) {
			*error = "Expected '=' or flag letter (r, s, c, t or d)";
			return NULL;
		}
	}
	*error = *s == '=' ? "Too many flags specified" : "Missing '='";
	return NULL;
}

/* The next field; *out stays NULL when it is empty or absent. */
static int field(const char **s, char **out)
{
	size_t n = strcspn(*s, ",:");

	if (n) {
		*out = kstrndup(*s, n);
		if (!*out)
			return -ENOMEM;
	}
	*s += n + ((*s)[n] != 0);
	return 0;
}

void ubd_forget(struct ubd *u)
{
	unsigned int index = u->index;

	kfree(u->file);
	kfree(u->backing);
	kfree(u->serial);
	*u = (struct ubd){ .index = index, .fd = -1 };
}

static int parse_device(struct ubd *u, const char *s, const char **error)
{
	int err = 0;

	s = parse_flags(u, s, error);
	if (!s)
		return -EINVAL;
	err = field(&s, &u->file);
	if (!err)
		err = field(&s, &u->backing);
	if (!err)
		err = field(&s, &u->serial);
	if (!err && u->backing && u->flag_d) {
		*error = "Can't specify both 'd' and a cow file";
		err = -EINVAL;
	}
	return err;
}

static int parse_all(const char *value, const char **error)
{
	char *end;

	if (!strcmp(value, "sync")) {
		ubd_all_sync = true;
		return 0;
	}
	strtoul(value, &end, 0);
	*error = end == value || *end ? "Didn't parse major number" : "fake major not supported any more";
	return -EINVAL;
}

int ubd_parse(const char *text, int *index, const char **error)
{
	struct ubd *u;
	int n, err;

	*index = -1;
	*error = NULL;
	if (*text == '=')
		return parse_all(text + 1, error);
	n = ubd_parse_unit(&text);
	if (n < 0) {
		*error = "Couldn't parse device number";
		return -EINVAL;
	}
	if (n >= UBD_MAX) {
		*error = "Device number out of range";
		return 1;
	}
	u = &ubds[n];
	if (u->file) {
		*error = "Device is already configured";
		return -EBUSY;
	}
	u->index = (unsigned int)n;
	u->fd = -1;
	err = parse_device(u, text, error);
	if (err)
		ubd_forget(u);
	else
		*index = n;
	return err;
}

void ubd_setup(const char *text)
{
	const char *error;
	int index;

	if (ubd_parse(text, &index, &error))
		pr_err("Failed to initialize device with \"%s\" : %s", text, error ? error : "no memory");
}

bool ubd_configured(unsigned int index)
{
	return index < UBD_MAX && ubds[index].file;
}

void ubd_default(void)
{
	ubd_setup("0=" DEFAULT_FILE);
}

bool ubd_default_exists(void)
{
	int fd = host_open(DEFAULT_FILE, O_RDONLY, 0);

	if (fd >= 0)
		host_close(fd);
	return fd >= 0;
}
