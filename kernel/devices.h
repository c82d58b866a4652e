/* SPDX-License-Identifier: MIT */
/* The devices that the management console can configure. */
#ifndef KERNEL_DEVICES_H
#define KERNEL_DEVICES_H

#include "mconsole/mconsole.h"

extern const struct mc_device devices[];	/* ends with a NULL name */

/* disks.c: left out without CONFIG_BLOCK. As the functions of struct mc_device. */
int disk_config(const char *arg, const char **error);
int disk_get(const char *arg, struct seq_buf *out, const char **error);
int disk_remove(const char *arg, const char **error);

#endif
