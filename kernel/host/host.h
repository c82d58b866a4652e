/* SPDX-License-Identifier: MIT */
/*
 * The host: memory, threads, processes, descriptors, events, clocks. The only door to the
 * host besides host/path.h (files by name) and host/term.h (terminals).
 *
 * Contract: plain integer types; 0 or positive, or a negative errno; interrupted calls are retried
 * inside unless said; descriptors are close-on-exec. Functions never block unless marked "may block":
 * those may wait for a disk or a peer, and callers that hold the kernel lock bracket them with
 * host_block_begin()/host_block_end().
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "lib/types.h"

/* --- memory --- */
void *host_pages_alloc(size_t len);			/* zeroed, page aligned; NULL */
void host_pages_free(void *p, size_t len);
void *host_stack_alloc(size_t size);			/* size-aligned, guard page below; NULL */
void host_stack_free(void *base, size_t size);
void *host_map_shared(int fd, u64 off, size_t len);	/* read-write; NULL */
int host_map_fixed(u64 addr, size_t len, int fd, u64 off, bool shared, bool exec);	/* over anything; fd -1 anonymous */
int host_map_fixed_readonly(u64 addr, size_t len, int fd);	/* shared, from the file's start; over anything */
void host_unmap(void *p, size_t len);
int host_memfd(const char *name, u64 size);		/* a descriptor; size 0 is fine */
void host_dontneed_const(const char *from, const char *end);	/* the same for whole pages of a constant */
void host_heap_trim(void);				/* give free heap back */
void host_dontneed(void *p, size_t len);		/* give pages back, keep the mapping */

/* --- descriptors --- */
ssize host_read(int fd, void *buf, size_t n);		/* may block unless fd is non-blocking; EINTR is returned */
ssize host_write(int fd, const void *buf, size_t n);	/* may block unless non-blocking */
ssize host_pread(int fd, void *buf, size_t n, u64 off);			/* may block */
ssize host_pwrite(int fd, const void *buf, size_t n, u64 off);		/* may block */
int host_ftruncate(int fd, u64 len);					/* may block */
int host_fallocate(int fd, int mode, u64 off, u64 len);			/* may block */
s64 host_lseek(int fd, s64 off, int whence);				/* SEEK_DATA, SEEK_HOLE; may block */
int host_fsync(int fd, bool datasync);					/* may block */
int host_close(int fd);
int host_pipe(int fds[2], bool nonblock_write);				/* read end blocks */
int host_socketpair_seqpacket(int fds[2]);
#define HOST_SEND_FDS 2
int host_send_fds(int sock, const int *fds, u32 n);	/* one byte with 1 to HOST_SEND_FDS descriptors; -EAGAIN when full */
int host_dup(int fd);							/* to a number of at least 3 */
int host_dup_above(int fd, int min);					/* to a number of at least min */
int host_reopen_readonly(int fd);					/* of a memfd: a descriptor that cannot write; -errno */
int host_set_nonblock(int fd, bool on);
u64 host_nofile_limit(void);						/* after host_start_limits() */

/* --- threads and futexes --- */
int host_thread_start(const char *name, void (*fn)(void *arg), void *arg);	/* detached, all signals blocked */
int host_futex_wait(u32 *addr, u32 val, s64 timeout_ns);	/* private; <0 no timeout. blocks */
void host_futex_wake(u32 *addr, int n);				/* private */
void host_futex_wake_shared(u32 *addr, int n);			/* for pages shared with guest processes */
static inline void host_cpu_relax(void)
{
	__builtin_ia32_pause();
}
int host_ncpus(void);				/* that we may use: in our affinity mask when first asked */
bool host_cpu_ours(int cpu);			/* one of those; cpu >= 0 */
void host_thread_bind(u32 part, u32 parts);	/* the caller runs on these CPUs only: each parts-th of ours from part on */
/*
 * The turns on a CPU of the caller, and of threads it makes from now on, are short, so the host gives them one sooner
 * (Linux 6.12; without effect before). Not when confined.
 */
void host_thread_slice(s64 ns);
void host_thread_patient(void);			/* the caller takes no CPU from those that run; the same */
int host_set_affinity(int tid, u64 mask);	/* host CPUs 0..63 that we may use ourselves; never blocks */
void host_yield(void);
int host_current_cpu(void);		/* a moment ago */

/* --- clocks: ns --- */
s64 host_clock_monotonic(void);
s64 host_clock_realtime(void);
s64 host_clock_boottime(void);
s64 host_clock(int clock);	/* any CLOCK_* that is not a CPU clock; 0: the host has none such */
int host_timerfd(void);
int host_timerfd_set(int fd, s64 monotonic_ns);	/* absolute; KTIME_NEVER (INT64_MAX) disarms */

/* --- events --- */
int host_epoll(void);
int host_epoll_ctl(int ep, int op, int fd, u32 events, u64 data);	/* EPOLL_CTL_* */
struct host_event {
	u32 events;
	u64 data;
};
int host_epoll_wait(int ep, struct host_event *ev, int n, int timeout_ms);	/* blocks; 0 on EINTR */
bool host_readable(int fd);		/* a read would not block now */
int host_signalfd_chld(void);		/* SIGCHLD blocked and delivered here */
int host_signalfd_term(void);		/* the same for SIGINT, SIGTERM, SIGWINCH */
int host_signalfd_read(int fd);		/* the signal number, or 0: none left */

/* --- processes --- */
/* A child running fn(arg) on a stack of its own in a copy of this process. Its pid. */
int host_fork_child(void (*fn)(void *arg), void *arg);
int host_kill(int pid, int sig);
int host_tgkill(int pid, int tid, int sig);
int host_reap(int *status);		/* pid of one dead child, 0: none */
int host_children_open(void);		/* list of the calling thread's children; a descriptor, -errno: no such list */
void host_children(int fd, void (*fn)(void *arg, int pid), void *arg);	/* fn for each that lives */
int host_pgid(int pid);			/* its process group */
int host_getpid(void);
int host_dup_to(int fd, int to);
/* Pages: total, resident, shared of a child. */
int host_statm(int pid, u64 *size, u64 *rss, u64 *shared);
int host_thread_times(int pid, int tid, u64 *utime_ns, u64 *stime_ns);	/* may be coarse */
/* It wants a CPU and, as far as the host counts, has had none since *ran_ns was written by the call before. */
bool host_thread_starves(int pid, int tid, u64 *ran_ns);
int host_rusage_self(u64 *utime_ns, u64 *stime_ns);

/* --- host files by absolute or relative name, for the machine's own business (instance directory, initrd) --- */
int host_open(const char *path, int flags, int mode);	/* O_* of Linux; may block */
int host_mkdir(const char *path, int mode);
int host_unlink(const char *path);
int host_rmdir(const char *path);
/* Calls fn for each name in a directory except "." and "..". 0 or -errno. */
int host_list_dir(const char *path, void (*fn)(void *arg, const char *name), void *arg);
int host_pid_alive(int pid);

/* --- random, facts --- */
int host_random(void *buf, size_t n);
u64 host_auxv(u64 type);
/* The processor's CPUID leaf: eax, ebx, ecx, edx. false: there is no such leaf. */
bool host_cpuid(u32 leaf, u32 sub, u32 out[4]);
bool host_has_bmi2(void);		/* RORX: near/patch.c */
struct host_vdso {
	u64 vvar, vdso, end;	/* [vvar, vdso) data pages, [vdso, end) text; all 0: none */
	u64 nparts;
	struct {
		u64 start, len;
	} parts[4];		/* the host mappings it consists of */
};
int host_find_vdso(struct host_vdso *out);
u64 host_mem_total(void);
int host_uname(char *release, size_t n);
int host_getuid(void);
int host_loadavg(double out[3]);
/* /proc/cpuinfo of the host (first processor's block), for the guest's. Bytes; may block */
ssize host_cpuinfo(char *buf, size_t n);

/* --- start and end (start.c, confine.c) --- */
/* Limits, signals ignored, descriptors 0..2 present. */
void host_start_limits(void);
/* Checks that the host allows what we need; prints the cause and what to change; 0 or -errno. */
int host_check(void);
void host_reexec(char **argv) __noreturn;
void host_exit(int status) __noreturn;
void host_abort(void) __noreturn;
void host_leak_check(void);		/* in a sanitised kernel, on demand: reports what nobody points to, and ends */
void host_write_stderr(const char *s, size_t n);
void host_write_stdout(const char *s, size_t n);
const char *host_getenv(const char *name);
int host_backtrace(void **pcs, int n);
int host_symbol(void *pc, char *buf, size_t n);		/* "function+0x12"; -ENOENT */
/*
 * Self confinement, in two steps: files (Landlock) before the first other process or thread, calls (seccomp)
 * after boot. Both give up new privileges, and do nothing in a kernel that executed itself again, which still
 * is confined. 0 or -errno; -EOPNOTSUPP: the host lacks it.
 */
struct host_confine {			/* lists end with NULL */
	const char *const *dirs;	/* everything below may be read and changed */
	const char *const *files;	/* read only; files or directories */
	const char *const *terminals;
	const char *const *disks;	/* read and written */
	const char *const *read_disks;
	bool everything;		/* files are not confined */
	bool restart;			/* this program is executed again */
};
int host_confine_files(const struct host_confine *c);
int host_confine_calls(const char *filter, size_t len, bool restart);	/* struct sock_filter[] */
bool host_confined(void);

#endif
