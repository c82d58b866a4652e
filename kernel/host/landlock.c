/* SPDX-License-Identifier: MIT */
/*
 * The first half of self confinement: Landlock. The kernel process, and every guest process forked
 * from it, opens only files that the command line named. It is taken before the first guest process
 * exists: a process of one domain may not read /proc/PID/smaps of one outside it.
 *
 * Raw system calls: Debian 12's libc has no wrappers. What the host lacks is left out; a host
 * without Landlock, or with its first version (which refuses every rename across directories), is
 * left alone.
 */
#include "host/host.h"
#include "host/term.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Younger than the oldest headers we build with. */
#define FS_EXECUTE	(1ULL << 0)
#define FS_WRITE_FILE	(1ULL << 1)
#define FS_READ_FILE	(1ULL << 2)
#define FS_READ_DIR	(1ULL << 3)
#define FS_TRUNCATE	(1ULL << 14)
#define FS_IOCTL_DEV	(1ULL << 15)
#define FS_FILE_RIGHTS	(FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define SCOPES		2ULL	/* signals. Not abstract sockets: clients of the management console have them */

#define MIN_ABI 2
#define MAX_FDS 16		/* inherited descriptors that may be consoles */

struct ruleset_attr {
	u64 fs, net, scoped;
};

/* File rights that version ABI of Landlock knows, without the ones that cannot be handled. */
static u64 rights_of(int abi)
{
	return abi >= 5 ? (1ULL << 16) - 1 : abi >= 3 ? (1ULL << 15) - 1 : (1ULL << 14) - 1;
}

static size_t attr_size(int abi)
{
	return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

struct rules {
	int fd;
	u64 handled;
};

static void allow_fd(const struct rules *r, int fd, u64 rights)
{
	struct landlock_path_beneath_attr a = { .parent_fd = fd };
	struct stat st;

	if (fstat(fd, &st))
		return;
	if (!S_ISDIR(st.st_mode))
		rights &= FS_FILE_RIGHTS;
	a.allowed_access = rights & r->handled;
	syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
}

/* A file that is not there needs no right. */
static void allow(const struct rules *r, const char *path, u64 rights)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return;
	allow_fd(r, fd, rights);
	close(fd);
}

static void allow_all(const struct rules *r, const char *const *paths, u64 rights)
{
	for (; paths && *paths; paths++)
		allow(r, *paths, rights);
}

/* The directory of each library: for the reboot, which executes this program again. */
static int allow_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	char dir[PATH_MAX], *slash;

	if (info->dlpi_name[0] != '/' || strlen(info->dlpi_name) >= sizeof(dir))
		return 0;
	strcpy(dir, info->dlpi_name);
	slash = strrchr(dir, '/');
	if (slash > dir) {
		*slash = 0;
		allow(arg, dir, FS_READ_FILE | FS_EXECUTE);
	}
	return 0;
}

static void allow_restart(struct rules *r)
{
	allow(r, "/proc/self/exe", FS_READ_FILE | FS_EXECUTE);
	allow(r, "/etc/ld.so.cache", FS_READ_FILE);
	dl_iterate_phdr(allow_library, r);
}

/* Consoles are opened once more under a name in /proc/self/fd, to have settings of their own. */
static void allow_inherited(const struct rules *r)
{
	for (int fd = 0; fd < MAX_FDS; fd++)
		if (isatty(fd))
			allow_fd(r, fd, FS_READ_FILE | FS_WRITE_FILE | FS_IOCTL_DEV);
}

/* Most hosts have none. */
static void allow_bsd_ptys(struct rules *r)
{
	char name[16];

	host_bsd_pty_name(0, true, name);
	if (access(name, F_OK))
		return;
	for (unsigned int i = 0; i < 2 * HOST_BSD_PTYS; i++) {
		host_bsd_pty_name(i / 2, i % 2, name);
		allow(r, name, FS_READ_FILE | FS_WRITE_FILE | FS_IOCTL_DEV);
	}
}

static void add_rules(struct rules *r, const struct host_confine *c)
{
	static const char *const terminals[] = { "/dev/ptmx", "/dev/pts", "/dev/tty", "/dev/null", NULL };
	static const char *const facts[] = { "/proc", "/sys/devices/system/cpu", NULL };

	allow_all(r, c->dirs, ~FS_EXECUTE);
	allow_all(r, c->files, FS_READ_FILE | FS_READ_DIR);
	allow_all(r, c->disks, FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE);
	allow_all(r, c->read_disks, FS_READ_FILE);
	allow_all(r, c->terminals, FS_READ_FILE | FS_WRITE_FILE | FS_IOCTL_DEV);
	allow_all(r, terminals, FS_READ_FILE | FS_WRITE_FILE | FS_IOCTL_DEV);
	allow_all(r, facts, FS_READ_FILE | FS_READ_DIR);
	allow(r, "/proc/self/exe", FS_READ_FILE);	/* its symbols, for backtraces */
	allow_bsd_ptys(r);
	allow_inherited(r);
	if (c->restart)
		allow_restart(r);
}

int host_confine_files(const struct host_confine *c)
{
	int err, abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr = { rights_of(abi), 0, SCOPES };
	struct rules r = { .handled = attr.fs };

	if (host_confined())
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (c->everything)
		return 0;
	if (abi < MIN_ABI)
		return -EOPNOTSUPP;
	r.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, attr_size(abi), 0);
	if (r.fd < 0)
		return -errno;
	add_rules(&r, c);
	err = syscall(SYS_landlock_restrict_self, r.fd, 0) ? -errno : 0;
	close(r.fd);
	return err;
}
