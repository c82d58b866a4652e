/* SPDX-License-Identifier: MIT */
/* Open flags, fcntl commands, AT_ and RESOLVE_ flags. */
#ifndef ABI_FCNTL_H
#define ABI_FCNTL_H

#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/falloc.h>

#endif
