/* SPDX-License-Identifier: MIT */
/* uname, sysinfo, reboot, personality. */
#ifndef ABI_UTSNAME_H
#define ABI_UTSNAME_H

#include <linux/utsname.h>
#include <linux/sysinfo.h>
#include <linux/reboot.h>
#include <linux/personality.h>

#endif
