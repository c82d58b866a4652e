/* SPDX-License-Identifier: MIT */
/* System calls about the machine: names, memory, the log, randomness, the end. */
#include "sys/sys.h"

#include <stdio.h>
#include <string.h>

#include "abi/prctl.h"
#include "abi/random.h"
#include "abi/utsname.h"
#include "core/arena.h"
#include "core/cred.h"
#include "core/loadavg.h"
#include "core/log.h"
#include "core/random.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "core/time.h"
#include "mm/iter.h"
#include "mm/mm.h"
#include "mm/pagecache.h"
#include "mm/user.h"
#include "sys/machine.h"

/* --- names --- */

/* Programs older than Linux 3.0 ask for a 2.6 number: 6.12 looks like 2.6.72. */
static void old_release(char *release)
{
	char rest[sizeof(uts.release)];
	unsigned int major, minor;
	const char *p = release;
	int n = 0;

	if (sscanf(p, "%u.%u%n", &major, &minor, &n) != 2)
		return;
	for (p += n; *p == '.' || (*p >= '0' && *p <= '9'); p++)
		;
	snprintf(rest, sizeof(rest), "%s", p);
	snprintf(release, sizeof(uts.release), "2.6.%u%.40s", minor + 60, rest);
}

long sys_uname(uaddr_t uname)
{
	struct new_utsname name = uts;
	u32 persona = current->proc->personality;

	if (persona & UNAME26)
		old_release(name.release);
	if ((persona & PER_MASK) == PER_LINUX32)
		strcpy(name.machine, "i686");
	return copy_to_user(uname, &name, sizeof(name));
}

static long set_name(char *field, ustr_t uname, int len)
{
	char name[__NEW_UTS_LEN + 1];

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > __NEW_UTS_LEN)
		return -EINVAL;
	memset(name, 0, sizeof(name));
	if (copy_from_user(name, uname, len))
		return -EFAULT;
	memcpy(field, name, sizeof(name));
	return 0;
}

long sys_sethostname(ustr_t name, int len)
{
	return set_name(uts.nodename, name, len);
}

long sys_setdomainname(ustr_t name, int len)
{
	return set_name(uts.domainname, name, len);
}

/* --- sysinfo --- */

long sys_sysinfo(uaddr_t uinfo)
{
	struct pagecache_stats pc;
	struct sysinfo info;
	u64 load[3];
	int i;

	memset(&info, 0, sizeof(info));
	loadavg_get(load);
	for (i = 0; i < 3; i++)
		info.loads[i] = load[i];
	info.uptime = ktime_get_boottime() / NSEC_PER_SEC;
	info.totalram = mem_total();
	info.freeram = mem_free();
	pagecache_get_stats(&pc);
	info.sharedram = mem_file_bytes() - MIN(pc.cached * PAGE_SIZE, mem_file_bytes());
	info.bufferram = pc.buffers * PAGE_SIZE;
	info.procs = nr_threads;
	info.mem_unit = 1;
	return copy_to_user(uinfo, &info, sizeof(info));
}

/* --- randomness --- */

long sys_getrandom(ubuf_t ubuf, size_t len, uhex_t flags)
{
	char buf[1024];
	struct iter it;
	ssize done = 0, n = 0;

	if (flags & ~(u32)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if ((flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	iter_init_user(&it, ubuf, MIN(len, (size_t)INT32_MAX));
	while (it.count) {
		size_t part = MIN(it.count, sizeof(buf));

		if (done && signal_pending(current))
			break;
		random_bytes(buf, part);
		n = iter_copy_to(&it, buf, part);
		if (n <= 0)
			break;
		done += n;
	}
	return done ? done : n;
}

/* --- the end --- */

void (*machine_reboot_hook)(int how);

static bool magic2_ok(u32 magic)
{
	return magic == LINUX_REBOOT_MAGIC2 || magic == LINUX_REBOOT_MAGIC2A ||
	       magic == LINUX_REBOOT_MAGIC2B || magic == LINUX_REBOOT_MAGIC2C;
}

static long end_machine(u32 how)
{
	if (!machine_reboot_hook)
		return -EINVAL;
	machine_reboot_hook(how);
	return 0;
}

long sys_reboot(uhex_t magic1, uhex_t magic2, uhex_t cmd, uaddr_t arg)
{
	char command[256];	/* for firmware: there is none */
	ssize n;

	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (magic1 != LINUX_REBOOT_MAGIC1 || !magic2_ok(magic2))
		return -EINVAL;
	switch (cmd) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		sysctl.ctrl_alt_del = cmd == LINUX_REBOOT_CMD_CAD_ON;
		return 0;
	case LINUX_REBOOT_CMD_RESTART2:
		n = strncpy_from_user(command, arg, sizeof(command));
		return n < 0 ? n : end_machine(cmd);
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_HALT:
	case LINUX_REBOOT_CMD_POWER_OFF:
		return end_machine(cmd);
	default:
		return -EINVAL;
	}
}
