/* SPDX-License-Identifier: MIT */
/*
 * config and remove: by the table of device classes that main hands in.
 */
#include "mconsole/priv.h"

#include <string.h>

#include "abi/errno.h"

static const struct mc_device *find(const char *arg)
{
	const struct mc_device *d = mc_devices;

	while (d->name && strncmp(arg, d->name, strlen(d->name)))
		d++;
	return d->name ? d : NULL;
}

static void get(struct mc_request *rq, const struct mc_device *d, const char *arg)
{
	struct seq_buf out = { 0 };
	const char *error = NULL;
	int err;

	if (!d->get) {
		mc_reply(rq, "No get_config routine defined", 1);
		return;
	}
	err = d->get(arg, &out, &error);
	if (error || err)
		mc_reply(rq, error ? error : "", err ? err : 1);
	else
		mc_reply_len(rq, out.buf ? out.buf : "", out.len, 0, false);
	seq_free(&out);
}

void mc_config(struct mc_request *rq, const char *arg)
{
	const struct mc_device *d = find(arg);
	const char *error = "";
	int err;

	if (!d) {
		mc_reply(rq, "Bad configuration option", 1);
		return;
	}
	arg += strlen(d->name);
	if (!strchr(arg, '=')) {
		get(rq, d, arg);
		return;
	}
	err = d->config(arg, &error);
	mc_reply(rq, error, err);
}

void mc_remove(struct mc_request *rq, const char *arg)
{
	const struct mc_device *d = find(arg);
	const char *error = NULL;
	int err;

	if (!d) {
		mc_reply(rq, "Bad remove option", 1);
		return;
	}
	err = d->remove(arg + strlen(d->name), &error);
	if (!error)
		error = err == -ENODEV ? "Device doesn't exist" :
			err == -EBUSY  ? "Device is currently open" :
					 "";
	mc_reply(rq, error, err);
}
