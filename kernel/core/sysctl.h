/* SPDX-License-Identifier: MIT */
/*
 * Settings of the kernel that /proc/sys shows and changes, for the parts that obey them, and
 * the names uname() gives. Plain variables under the kernel lock; the procfs table knows their ranges.
 */
#ifndef CORE_SYSCTL_H
#define CORE_SYSCTL_H

#include "abi/utsname.h"
#include "lib/types.h"

extern struct new_utsname uts;		/* sethostname() and setdomainname() change it */

#define CORE_PATTERN_LEN 128

struct sysctl {
	/* kernel */
	char core_pattern[CORE_PATTERN_LEN];
	int core_uses_pid, core_pipe_limit;
	int randomize_va_space;
	int dmesg_restrict, kptr_restrict;
	int sysrq, panic, panic_on_oops, ctrl_alt_del;
	int threads_max;
	int msgmax, msgmnb, msgmni, shmmni;
	u64 shmmax, shmall;
	int sem[4];			/* SEMMSL, SEMMNS, SEMOPM, SEMMNI */
	/* vm */
	int overcommit_memory, overcommit_ratio;
	int max_map_count, swappiness;
	u64 mmap_min_addr;
	int dirty_ratio, dirty_background_ratio, dirty_bytes, dirty_background_bytes;
	int dirty_expire_centisecs, dirty_writeback_centisecs;
	/* fs */
	u64 file_max;
	int nr_open;
	int protected_hardlinks, protected_symlinks, protected_fifos, protected_regular;
	int suid_dumpable;
	int inotify_queue, inotify_instances, inotify_watches;
	int mq_queues_max, mq_msg_max, mq_msgsize_max, mq_msg_default, mq_msgsize_default;
	/* net */
	int somaxconn, unix_max_dgram_qlen;
	int wmem_max, rmem_max, wmem_default, rmem_default;
	int ip_forward;
	int ip_port_range[2];
};
extern struct sysctl sysctl;

/*
 * As writing to /proc/sys: name with dots or slashes ("kernel.threads-max"). -ENOENT, -EINVAL, -EACCES. nb
 * procfs has it; without procfs nothing has a name.
 */
int sysctl_write(const char *name, char *value);

/* The kernel's own arguments: /proc/cmdline. Set by cmdline.c; must stay. */
extern const char *kernel_cmdline;

/* What the kernel process exits with after a halt or power off: /proc/exitcode. */
extern int halt_exit_code;

#endif
