/* SPDX-License-Identifier: MIT */
/*
 * Defaults of the settings: Linux's.
 */
#include "core/sysctl.h"

#include "abi/errno.h"

struct new_utsname uts = {
	.sysname = "Linux",
	.nodename = "(none)",
	.release = "6.12.0-umlaut",
	.version = "#1 SMP PREEMPT_DYNAMIC",
	.machine = "x86_64",
	.domainname = "(none)",
};

const char *kernel_cmdline = "";
int halt_exit_code;

struct sysctl sysctl = {
	.core_pattern = "core",
	.randomize_va_space = 2,
	.sysrq = 1, .ctrl_alt_del = 1,
	.msgmax = 8192, .msgmnb = 16384, .msgmni = 32000, .shmmni = 4096,
	.shmmax = 18446744073692774399ULL, .shmall = 18446744073692774399ULL,
	.sem = { 32000, 1024000000, 500, 32000 },
	.overcommit_ratio = 50,
	.max_map_count = 65530, .swappiness = 60,
	.mmap_min_addr = 65536,
	.dirty_ratio = 20, .dirty_background_ratio = 10,
	.dirty_expire_centisecs = 3000, .dirty_writeback_centisecs = 500,
	.file_max = 9223372036854775807ULL,
	.nr_open = 1048576,
	.inotify_queue = 16384, .inotify_instances = 128, .inotify_watches = 65536,
	.mq_queues_max = 256, .mq_msg_max = 10, .mq_msgsize_max = 8192,
	.mq_msg_default = 10, .mq_msgsize_default = 8192,
	.somaxconn = 4096, .unix_max_dgram_qlen = 512,
	.wmem_max = 212992, .rmem_max = 212992, .wmem_default = 212992, .rmem_default = 212992,
	.ip_port_range = { 32768, 60999 },
};

__attribute__((weak)) int sysctl_write(const char *name, char *value)
{
	return -ENOENT;
}
