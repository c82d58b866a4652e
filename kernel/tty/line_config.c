/* SPDX-License-Identifier: MIT */
/*
 * What the command line says about lines: con=, conN=, ssl=, sslN=, ssl-non-raw. A numbered
 * setting wins over the general one, whatever their order.
 */
#include "tty/line.h"

#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "core/log.h"

static struct line_config {
	const char *option, *what;	/* "con", "console" in messages */
	const char *announce;
	unsigned int max;
	const char *all;		/* default for all */
	const char *one[LINE_MAX];	/* settings for single ones; NULL: none. Allocated */
	bool raw;
} configs[LINE_KINDS] = {
	[LINE_CON] = { "con", "console", "Virtual console", CON_MAX, "pts", { "fd:0,fd:1" }, true },
	[LINE_SSL] = { "ssl", "serial line", "Serial line", SSL_MAX, "pts", { NULL }, true },
};

static int setup_bad(const struct line_config *c, const char *text, const char *why)
{
	pr_err("Failed to set up %s with configuration string \"%s\" : %s", c->what, text, why);
	return -EINVAL;
}

/* text: what follows "con" or "ssl": "=CHAN" or "N=CHAN". */
static int setup_one(struct line_config *c, const char *text)
{
	unsigned long n;
	char *end, *copy;

	if (*text == '=') {
		copy = kstrdup(text + 1);
		if (!copy)
			return -ENOMEM;
		c->all = copy;
		return 0;
	}
	n = strtoul(text, &end, 0);
	if (end == text || *end != '=')
		return setup_bad(c, text, "Couldn't parse device number");
	if (n >= c->max)
		return setup_bad(c, text, "Device number out of range");
	copy = kstrdup(end + 1);
	if (!copy)
		return -ENOMEM;
	c->one[n] = copy;
	return 0;
}

int line_setup(const char *option)
{
	unsigned int k;
	size_t n;

	if (!strcmp(option, "ssl-non-raw")) {
		configs[LINE_SSL].raw = false;
		return 0;
	}
	for (k = 0; k < LINE_KINDS; k++) {
		n = strlen(configs[k].option);
		if (!strncmp(option, configs[k].option, n) &&
		    (option[n] == '=' || (option[n] >= '0' && option[n] <= '9')))
			return setup_one(&configs[k], option + n);
	}
	return -ENOENT;
}

static int failed(unsigned int index, const char *why)
{
	pr_err("setup_one_line failed for device %u : %s", index, why);
	return -ENODEV;
}

int line_channels(enum line_kind kind, unsigned int index, struct line *l)
{
	const struct line_config *c = &configs[kind];
	const char *text = c->one[index] ? c->one[index] : c->all;
	const char *comma = strchr(text, ',');
	size_t len = comma ? (size_t)(comma - text) : strlen(text);
	unsigned int i;

	if (!strncmp(text, "none", 4))
		return c->one[index] ? failed(index, "configured as 'none'") : -ENODEV;
	if (comma && strlen(comma + 1) == len && !strncmp(text, comma + 1, len))
		comma = NULL;		/* the same twice is one */
	if (chan_parse(text, len, &l->chans[0]))
		return failed(index, "failed to parse channel pair");
	l->in = l->out = &l->chans[0];
	if (comma) {
		if (chan_parse(comma + 1, strlen(comma + 1), &l->chans[1])) {
			chan_free(&l->chans[0]);
			return failed(index, "failed to parse channel pair");
		}
		l->out = &l->chans[1];
	}
	for (i = 0; i < ARRAY_SIZE(l->chans); i++) {
		l->chans[i].raw = c->raw;
		l->chans[i].what = c->announce;
		l->chans[i].index = index;
	}
	return 0;
}

int line_kind_of(const char *option, enum line_kind *kind, unsigned int *max)
{
	unsigned int k;

	for (k = 0; k < LINE_KINDS; k++) {
		if (strcmp(option, configs[k].option))
			continue;
		*kind = k;
		*max = configs[k].max;
		return 0;
	}
	return -ENOENT;
}

static bool names(const char *text, const char *channel)
{
	const char *comma = text ? strchr(text, ',') : NULL;
	size_t n = strlen(channel);

	return text && (!strncmp(text, channel, n) || (comma && !strncmp(comma + 1, channel, n)));
}

bool line_config_names(const char *channel)
{
	for (unsigned int k = 0; k < LINE_KINDS; k++) {
		if (names(configs[k].all, channel))
			return true;
		for (unsigned int i = 0; i < configs[k].max; i++)
			if (names(configs[k].one[i], channel))
				return true;
	}
	return false;
}

const char *line_config_text(enum line_kind kind, unsigned int index)
{
	const struct line_config *c = &configs[kind];

	return c->one[index] ? c->one[index] : c->all;
}

int line_config_set(enum line_kind kind, unsigned int index, const char *text)
{
	char *copy = kstrdup(text);

	if (!copy)
		return -ENOMEM;
	configs[kind].one[index] = copy;
	return 0;
}

int line_config_check(void)
{
	unsigned int k, i;

	for (k = 0; k < LINE_KINDS; k++)
		for (i = 0; i < configs[k].max; i++)
			if (configs[k].one[i])
				line_find(k, i);
	return 0;
}

void line_set_machine(const char *name)
{
	chan_xterm_machine = name;
}
