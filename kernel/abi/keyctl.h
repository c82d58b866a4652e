/* SPDX-License-Identifier: MIT */
/* add_key, request_key, keyctl. */
#ifndef ABI_KEYCTL_H
#define ABI_KEYCTL_H

#include <linux/keyctl.h>

#endif
