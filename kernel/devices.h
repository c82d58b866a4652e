/* SPDX-License-Identifier: MIT */
/* The devices that the management console can configure. */
#ifndef KERNEL_DEVICES_H
#define KERNEL_DEVICES_H

#include "mconsole/mconsole.h"

extern const struct mc_device devices[];	/* ends with a NULL name */

#endif
