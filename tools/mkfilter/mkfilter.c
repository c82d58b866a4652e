/* SPDX-License-Identifier: MIT */
/*
 * mkfilter first|last FILE: at build time, write the seccomp filter that the kernel process puts on
 * itself after boot (kernel/host/confine.c) as an array of struct sock_filter.
 *
 *	first	for a kernel that may execute itself again (reboot): what booting needs is allowed, too
 *	last	with noreboot: no exec, no new executable memory
 *
 * Allowed are the calls that kernel/host/ makes and no other: whoever takes the process over through
 * a bug finds no socket, ptrace, namespace or mount. A refused call fails with EPERM, which kernel/host/
 * takes as "this host has it not". Made here, because libseccomp takes longer than the rest of the
 * confinement, and its library more memory than a small guest should pay.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/types.h"

/* Calls younger than the headers. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		    CLONE_NEWPID | CLONE_NEWNET)

static const u16 always[] = {
	/* memory */
	SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_memfd_create,
	/* descriptors */
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_preadv2,
	SYS_lseek, SYS_close, SYS_close_range, SYS_dup, SYS_dup2, SYS_dup3, SYS_fcntl, SYS_pipe2,
	SYS_fsync, SYS_fdatasync, SYS_syncfs, SYS_ftruncate, SYS_fallocate, SYS_flock, SYS_fadvise64,
	SYS_copy_file_range, SYS_splice, SYS_sendfile,
	SYS_sendmsg, SYS_recvmsg, SYS_sendto, SYS_recvfrom,
	/* events and clocks */
	SYS_poll, SYS_ppoll, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_eventfd2,
	SYS_signalfd4, SYS_timerfd_create, SYS_timerfd_settime, SYS_clock_gettime, SYS_clock_getres,
	SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_time,
	/* threads and signals */
	SYS_futex, SYS_exit, SYS_exit_group, SYS_set_robust_list, SYS_rseq, SYS_sched_yield,
	SYS_sched_getaffinity, SYS_sched_setaffinity, SYS_membarrier, SYS_gettid, SYS_tgkill, SYS_rt_sigaction,
	SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall,
	/* children */
	SYS_wait4, SYS_waitid, SYS_setsid, SYS_getpgid,
	/* names */
	SYS_open, SYS_openat, SYS_openat2, SYS_stat, SYS_lstat, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_readlink,
	SYS_readlinkat, SYS_getdents64, SYS_mkdir, SYS_mkdirat, SYS_rmdir, SYS_unlink, SYS_unlinkat,
	SYS_renameat, SYS_renameat2, SYS_linkat, SYS_symlinkat, SYS_mknodat, SYS_chmod, SYS_fchmod,
	SYS_fchmodat, SYS_fchmodat2, SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_access, SYS_faccessat,
	SYS_faccessat2, SYS_statfs, SYS_fstatfs, SYS_umask,
	SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_listxattr,
	SYS_llistxattr, SYS_flistxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr,
	SYS_setxattrat, SYS_getxattrat, SYS_listxattrat, SYS_removexattrat,
	/* who and where we are */
	SYS_getpid, SYS_getppid, SYS_getpgrp, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getgroups,
	SYS_uname, SYS_sysinfo, SYS_getrandom, SYS_getrusage, SYS_getcpu, SYS_times,
};

/* What the same program needs to boot again, under this very filter. */
static const u16 restart[] = {
	SYS_execve, SYS_mmap, SYS_mprotect, SYS_arch_prctl, SYS_set_tid_address, SYS_prlimit64, SYS_setrlimit,
	SYS_getrlimit, SYS_capset, SYS_seccomp, SYS_prctl, SYS_msync, SYS_mincore, SYS_bind,
};

static const u32 ioctls[] = {
	TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, TIOCGPGRP, TIOCGPTN, TIOCSPTLCK, TIOCGPTPEER, FIONREAD,
	FS_IOC_GETFLAGS, FS_IOC_SETFLAGS,
};

static int allow_list(scmp_filter_ctx f, const u16 *calls, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	return err;
}

/* Allowed when the bits of the argument that mask has are those of value. */
static int allow_if(scmp_filter_ctx f, int nr, unsigned int arg, u64 mask, u64 value)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1, SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, value));
}

static int allow_checked(scmp_filter_ctx f, bool again)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ioctls) && !err; i++)
		err = allow_if(f, SYS_ioctl, 1, 0xffffffff, ioctls[i]);
	/* Threads, the guardian of a terminal; never a new namespace. */
	if (!err)
		err = allow_if(f, SYS_clone, 0, NAMESPACES, 0);
	/* Its flags are out of sight; libc then takes clone(). */
	if (!err)
		err = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SYS_clone3, 0);
	/* One process, never a group or all. */
	if (!err)
		err = allow_if(f, SYS_kill, 0, 0x80000000, 0);
	if (!err)
		err = allow_if(f, SYS_socketpair, 0, 0xffffffff, AF_UNIX);
	if (!err)
		err = allow_if(f, SYS_setsockopt, 2, 0xffffffff, SO_SNDBUF);
	if (!err && again)		/* the management console's socket is made anew */
		err = allow_if(f, SYS_socket, 0, 0xffffffff, AF_UNIX);
	if (err || again)
		return err;
	err = allow_if(f, SYS_prctl, 0, 0xffffffff, PR_SET_NAME);
	if (!err)
		err = allow_if(f, SYS_mmap, 2, PROT_EXEC, 0);
	if (!err)
		err = allow_if(f, SYS_mprotect, 2, PROT_EXEC, 0);
	return err;
}

static int make(scmp_filter_ctx f, bool again)
{
	/* A guest process after a reboot lives under this filter, too, and traps by numbers that do not exist. */
	int err = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));

	if (!err)
		err = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!err)
		err = allow_list(f, always, ARRAY_SIZE(always));
	if (!err)
		err = allow_checked(f, again);
	if (!err && again)
		err = allow_list(f, restart, ARRAY_SIZE(restart));
	return err;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int fd, err;

	if (argc != 3) {
		fprintf(stderr, "usage: mkfilter first|last FILE\n");
		return 2;
	}
	fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0) {
		perror(argv[2]);
		return 1;
	}
	err = f ? make(f, !strcmp(argv[1], "first")) : -ENOMEM;
	if (!err)
		err = seccomp_export_bpf(f, fd);
	if (err)
		fprintf(stderr, "mkfilter: %s\n", strerror(-err));
	return err || close(fd) ? 1 : 0;
}
