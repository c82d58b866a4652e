/* SPDX-License-Identifier: MIT */
/*
 * The ordinary way in: any call with any arguments, as nobody and as root. Pointers are good more often than
 * not, descriptors are of all kinds.
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned char pool[16 * 4096];
static int fds[64], nfds;

static void add_fd(long fd)
{
	if (fd >= 0 && nfds < 64)
		fds[nfds++] = (int)fd;
}

static void open_all_kinds(void)
{
	static const char *const paths[] = { "/tmp", "/tmp/fuzz", "/init", "/proc/self/mem", "/proc/self/maps",
		"/proc/self/fd", "/proc", "/dev/null", "/dev/zero", "/dev/ptmx", "/dev/tty", "/proc/self/status" };
	int p[2];

	for (unsigned int i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		add_fd(open(paths[i], below(2) ? O_RDONLY : O_RDWR | O_CREAT | O_NONBLOCK, 0600));
	for (int i = 0; i < 2 && !pipe2(p, O_NONBLOCK); i++) {
		add_fd(p[0]);
		add_fd(p[1]);
	}
	for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
		if (!socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, p)) {
			add_fd(p[0]);
			add_fd(p[1]);
		}
		add_fd(socket(AF_UNIX, type, 0));
	}
	add_fd(syscall(SYS_eventfd2, 1, 0));
	add_fd(syscall(SYS_epoll_create1, 0));
	add_fd(syscall(SYS_timerfd_create, 1, 0));
	add_fd(syscall(SYS_inotify_init1, 0));
	add_fd(syscall(SYS_memfd_create, "fuzz", MFD_ALLOW_SEALING));
	add_fd(syscall(SYS_pidfd_open, getpid(), 0));
	add_fd(syscall(SYS_open, "/tmp", O_TMPFILE | O_RDWR, 0600));
}

static uint64_t fuzz_pointer(void)
{
	static const char *const names[] = { "/tmp/fuzz", "/tmp/d", "/tmp/d/e", "fuzz", "", ".", "..", "/proc/self/fd/3",
		"/proc/self/exe", "/tmp/link", "user.fuzz", "tmpfs" };
	uint64_t *at = (uint64_t *)(pool + below(sizeof(pool) - 512) / 8 * 8);

	if (below(3) == 0) {
		strcpy((char *)at, names[below(sizeof(names) / sizeof(names[0]))]);
		return (uint64_t)at;
	}
	for (int i = 0; i < 12; i++) {
		switch (below(4)) {
		case 0:
			at[i] = (uint64_t)(pool + below(sizeof(pool) - 64));
			break;
		case 1:
			at[i] = some_value();
			break;
		default:
			at[i] = below(64);
		}
	}
	/* Sometimes the end of the pool, which a structure crosses. */
	return below(16) ? (uint64_t)at : (uint64_t)(pool + sizeof(pool) - below(64));
}

static uint64_t fuzz_value(void)
{
	switch (below(8)) {
	case 0:
	case 1:
		return (uint64_t)fds[below((uint64_t)nfds)];
	case 2:
	case 3:
	case 4:
		return fuzz_pointer();
	case 5:
		return below(64);
	case 6:
		return 1ULL << below(64);
	}
	return some_value();
}

/* What ends the test rather than the kernel, or strikes processes that are not ours. */
static bool spared(long nr)
{
	static const int list[] = { SYS_reboot, SYS_exit, SYS_exit_group, SYS_pause, SYS_kill, SYS_tkill, SYS_tgkill,
		SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal, SYS_mount, SYS_umount2,
		SYS_pivot_root, SYS_move_mount, SYS_mount_setattr, SYS_ptrace, SYS_prlimit64, SYS_setpriority,
		SYS_sched_setparam, SYS_sched_setscheduler, SYS_sched_setattr, SYS_sched_setaffinity,
		SYS_process_madvise, SYS_process_vm_writev, SYS_vhangup, SYS_rt_sigsuspend, SYS_process_mrelease,
		SYS_unlink, SYS_rename, SYS_syslog };

	for (unsigned int i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i] == nr)
			return true;
	return false;
}

static void fuzz_calls(void)
{
	alarm(1);
	chdir("/tmp");
	mkdir("/tmp/d", 0777);
	open_all_kinds();
	for (int i = 0; i < 20000; i++) {
		long nr = (long)below(464);

		if (!spared(nr))
			syscall(nr, fuzz_value(), fuzz_value(), fuzz_value(), fuzz_value(), fuzz_value(), fuzz_value());
		if (below(100) == 0)
			alarm(1);
	}
}

static void as_nobody(void)
{
	struct rlimit few = { 60, 60 };

	setrlimit(RLIMIT_NPROC, &few);
	syscall(SYS_setresgid, 65534, 65534, 65534);
	syscall(SYS_setresuid, 65534, 65534, 65534);
	fuzz_calls();
}

void attack_fuzz(void)
{
	in_children(as_nobody);
}

void attack_fuzzroot(void)
{
	in_children(fuzz_calls);
}
