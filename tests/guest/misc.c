/* SPDX-License-Identifier: MIT */
/*
 * Everything else that programs ask a kernel: names and numbers of the system, limits and their effects,
 * prctl, scheduling, capabilities, /proc/self, pidfds, ranges of descriptors, System V and POSIX queues.
 */
#include "test.h"
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/utsname.h>

extern char **environ;

static char buf[1 << 20];

/* Reads a whole file of /proc as a string. */
static const char *slurp(const char *path)
{
	int fd = OK(open(path, O_RDONLY)), n = 0, r;

	while ((r = OK(read(fd, buf + n, sizeof(buf) - 1 - n))) > 0)
		n += r;
	buf[n] = 0;
	OK(close(fd));
	return buf;
}

TEST(uname_fields)
{
	struct utsname u;

	OK(uname(&u));
	CHECK(!strcmp(u.sysname, "Linux"));
	CHECK(!strcmp(u.machine, "x86_64"));
	CHECK(atoi(u.release) >= 4 && strlen(u.release) >= 3);
	CHECK(u.nodename[0] && u.version[0]);
	ERR(syscall(SYS_uname, BAD_PTR), EFAULT);
}

TEST(hostname)
{
	struct utsname u;
	char name[65];

	OK(uname(&u));
	OK(gethostname(name, sizeof(name)));
	CHECK(!strcmp(u.nodename, name));
	NEED_ROOT();
	ERR(syscall(SYS_sethostname, name, -1), EINVAL);
	ERR(syscall(SYS_sethostname, name, 65), EINVAL);
}

TEST(sysinfo_fields)
{
	struct sysinfo a;

	OK(sysinfo(&a));
	CHECK(a.uptime >= 0 && a.totalram > 0 && a.freeram <= a.totalram && a.procs > 0);
	CHECK(a.mem_unit > 0);
	ERR(syscall(SYS_sysinfo, BAD_PTR), EFAULT);
}

TEST(prctl_name)
{
	char name[17] = "";

	OK(prctl(PR_SET_NAME, "a-name-that-is-too-long"));
	OK(prctl(PR_GET_NAME, name));
	CHECK(!strcmp(name, "a-name-that-is-"));
	slurp("/proc/self/comm");
	CHECK(!strcmp(buf, "a-name-that-is-\n"));
	ERR(prctl(PR_SET_NAME, BAD_PTR), EFAULT);
	ERR(prctl(PR_GET_NAME, BAD_PTR), EFAULT);
}

TEST(prctl_switches)
{
	int v = -1;

	EQ(prctl(PR_GET_DUMPABLE), 1);
	OK(prctl(PR_SET_DUMPABLE, 0));
	EQ(prctl(PR_GET_DUMPABLE), 0);
	ERR(prctl(PR_SET_DUMPABLE, 7), EINVAL);
	OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	OK(prctl(PR_GET_PDEATHSIG, &v));
	EQ(v, SIGUSR1);
	ERR(prctl(PR_SET_PDEATHSIG, 99), EINVAL);
	EQ(prctl(PR_GET_KEEPCAPS), 0);
	OK(prctl(PR_SET_KEEPCAPS, 1));
	EQ(prctl(PR_GET_KEEPCAPS), 1);
	OK(prctl(PR_SET_TIMERSLACK, 1000));
	EQ(prctl(PR_GET_TIMERSLACK), 1000);
	EQ(prctl(PR_GET_SECCOMP), 0);
	ERR(prctl(99999), EINVAL);
}

TEST(no_new_privs)
{
	EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	ERR(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	WAIT_EXIT(CHILD(EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1)), 0);
}

TEST(getrandom_call)
{
	unsigned char a[64] = { 0 }, b[64] = { 0 };

	EQ(getrandom(a, 64, 0), 64);
	EQ(getrandom(b, 64, GRND_NONBLOCK), 64);
	CHECK(memcmp(a, b, 64));
	EQ(getrandom(a, 0, 0), 0);
	EQ(getrandom(buf, 100000, 0), 100000);
	ERR(getrandom(a, 64, 0x100), EINVAL);
	ERR(syscall(SYS_getrandom, BAD_PTR, 64, 0), EFAULT);
}

/* ---- limits ---- */

TEST(rlimit_calls)
{
	struct rlimit a, b = { 100, 50 };
	int i;

	for (i = 0; i < RLIM_NLIMITS; i++) {
		OK(getrlimit(i, &a));
		CHECK(a.rlim_cur <= a.rlim_max);
		OK(setrlimit(i, &a));
	}
	ERR(getrlimit(99, &a), EINVAL);
	ERR(setrlimit(RLIMIT_NOFILE, &b), EINVAL);
	ERR(syscall(SYS_getrlimit, RLIMIT_NOFILE, BAD_PTR), EFAULT);
	b = (struct rlimit){ 100, 200 };
	OK(prlimit(0, RLIMIT_NOFILE, &b, &a));
	OK(prlimit(getpid(), RLIMIT_NOFILE, NULL, &a));
	EQ(a.rlim_cur, 100);
	ERR(prlimit(0x3fffffff, RLIMIT_NOFILE, NULL, &a), ESRCH);
	WAIT_EXIT(CHILD(OK(getrlimit(RLIMIT_NOFILE, &a)); EQ(a.rlim_max, 200)), 0);
}

TEST(rlimit_raise_as_user)
{
	struct rlimit a = { 50, 100 };

	if (!getuid()) {
		OK(setgid(1000));
		OK(setuid(1000));
	}
	OK(setrlimit(RLIMIT_NOFILE, &a));
	a.rlim_max = 200;
	ERR(setrlimit(RLIMIT_NOFILE, &a), EPERM);
	a.rlim_cur = a.rlim_max = 100;
	OK(setrlimit(RLIMIT_NOFILE, &a));
}

TEST(rlimit_nofile)
{
	struct rlimit a = { 10, 300 };
	int p[2], fd, last = -1;

	OK(setrlimit(RLIMIT_NOFILE, &a));
	while ((fd = dup(1)) >= 0)
		last = fd;
	EQ(errno, EMFILE);
	EQ(last, 9);
	ERR(open("/dev/null", O_RDONLY), EMFILE);
	ERR(pipe(p), EMFILE);
	ERR(dup2(1, 10), EBADF);
	ERR(fcntl(1, F_DUPFD, 10), EINVAL);
	OK(close(5));
	EQ(OK(open("/dev/null", O_RDONLY)), 5);
}

static volatile int got;

static void note(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	(void)ctx;
	got = sig;
}

TEST(rlimit_fsize)
{
	struct rlimit a = { 1000, 1000 };
	int fd = OK(open("f", O_RDWR | O_CREAT, 0644));

	OK(setrlimit(RLIMIT_FSIZE, &a));
	WAIT_SIGNAL(CHILD(pwrite(fd, buf, 10, 1000)), SIGXFSZ);
	on_signal(SIGXFSZ, note, 0);
	EQ(pwrite(fd, buf, 5000, 0), 1000);
	ERR(pwrite(fd, buf, 1, 1000), EFBIG);
	EQ(got, SIGXFSZ);
	ERR(ftruncate(fd, 1001), EFBIG);
	OK(ftruncate(fd, 1000));
}

TEST(rlimit_as)
{
	struct rlimit a = { 256 << 20, 256 << 20 };
	void *p;

	OK(setrlimit(RLIMIT_AS, &a));
	ERR(mmap(NULL, 512 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	p = OK(mmap(NULL, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	OK(munmap(p, 64 << 20));
}

TEST(rlimit_stack)
{
	struct rlimit a = { 256 << 10, 1 << 20 };
	char *av[] = { "x", "-l", NULL };

	OK(setrlimit(RLIMIT_STACK, &a));
	WAIT_EXIT(CHILD(dup2(OK(open("/dev/null", O_WRONLY)), 1); execve(test_self, av, environ)), 0);
}

TEST(rlimit_cpu)
{
	struct rlimit a = { 1, 2 };

	WAIT_SIGNAL(CHILD(OK(setrlimit(RLIMIT_CPU, &a)); for (;;) asm volatile("")), SIGXCPU);
}

TEST(priorities)
{
	/* The tests may run at a low priority, which not everybody may raise. */
	int low = OK(getpriority(PRIO_PROCESS, 0));

	low = low < 12 ? 12 : low;
	OK(setpriority(PRIO_PROCESS, 0, low));
	EQ(getpriority(PRIO_PROCESS, 0), low);
	EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 20 - low);	/* the raw call */
	OK(setpriority(PRIO_PROCESS, 0, 100));
	EQ(getpriority(PRIO_PROCESS, 0), 19);
	WAIT_EXIT(CHILD(EQ(getpriority(PRIO_PROCESS, 0), 19)), 0);
	ERR(getpriority(9, 0), EINVAL);
	ERR(setpriority(PRIO_PROCESS, 0x3fffffff, 0), ESRCH);
	OK(getpriority(PRIO_PGRP, 0));
}

/* ---- scheduling ---- */

TEST(sched_calls)
{
	struct sched_param sp = { 0 };
	struct timespec ts;

	EQ(sched_getscheduler(0), SCHED_OTHER);
	OK(sched_getparam(0, &sp));
	EQ(sp.sched_priority, 0);
	EQ(sched_get_priority_max(SCHED_FIFO), 99);
	EQ(sched_get_priority_min(SCHED_FIFO), 1);
	EQ(sched_get_priority_max(SCHED_OTHER), 0);
	ERR(sched_get_priority_max(77), EINVAL);
	OK(sched_setscheduler(0, SCHED_BATCH, &sp));
	EQ(sched_getscheduler(0), SCHED_BATCH);
	OK(sched_setscheduler(0, SCHED_OTHER, &sp));
	sp.sched_priority = 5;
	ERR(sched_setscheduler(0, SCHED_OTHER, &sp), EINVAL);
	ERR(sched_getscheduler(-1), EINVAL);
	ERR(sched_getscheduler(0x3fffffff), ESRCH);
	OK(sched_rr_get_interval(0, &ts));
	OK(sched_yield());
}

TEST(affinity)
{
	cpu_set_t set, one;
	int cpu;

	OK(sched_getaffinity(0, sizeof(set), &set));
	CHECK(CPU_COUNT(&set) >= 1);
	for (cpu = 0; !CPU_ISSET(cpu, &set); cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	OK(sched_setaffinity(0, sizeof(one), &one));
	OK(sched_getaffinity(0, sizeof(set), &set));
	CHECK(CPU_EQUAL(&set, &one));
	EQ(sched_getcpu(), cpu);
	CPU_ZERO(&one);
	ERR(sched_setaffinity(0, sizeof(one), &one), EINVAL);
	ERR(sched_getaffinity(0, 1, &set), EINVAL);
	ERR(sched_getaffinity(0x3fffffff, sizeof(set), &set), ESRCH);
	ERR(syscall(SYS_sched_getaffinity, 0, sizeof(set), BAD_PTR), EFAULT);
	CHECK(syscall(SYS_sched_getaffinity, 0, sizeof(set), &set) % 8 == 0);
}

TEST(getcpu_call)
{
	unsigned int cpu = -1, node = -1;

	OK(syscall(SYS_getcpu, &cpu, &node, NULL));
	CHECK(cpu < (unsigned int)sysconf(_SC_NPROCESSORS_CONF));
	OK(syscall(SYS_getcpu, NULL, NULL, NULL));
	ERR(syscall(SYS_getcpu, BAD_PTR, NULL, NULL), EFAULT);
}

TEST(membarrier_call)
{
	long cmds = OK(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0));

	CHECK(cmds & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	ERR(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), EPERM);
	OK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	OK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	ERR(syscall(SYS_membarrier, 1 << 30, 0, 0), EINVAL);
}

TEST(personality_call)
{
	EQ(personality(0xffffffff), 0);
	EQ(personality(ADDR_NO_RANDOMIZE), 0);
	EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
	WAIT_EXIT(CHILD(EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE)), 0);
	EQ(personality(PER_LINUX), ADDR_NO_RANDOMIZE);
}

TEST(ioprio_call)
{
	EQ(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 4), 0);
	EQ(syscall(SYS_ioprio_get, 1, 0), 2 << 13 | 4);
	ERR(syscall(SYS_ioprio_get, 9, 0), EINVAL);
	ERR(syscall(SYS_ioprio_get, 1, 0x3fffffff), ESRCH);
}

TEST(capabilities)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	OK(syscall(SYS_capget, &h, d));
	if (getuid())
		EQ(d[0].effective, 0);
	else
		CHECK(d[0].effective & 1 << CAP_CHOWN);
	h.version = 0;
	OK(syscall(SYS_capget, &h, NULL));
	EQ(h.version, _LINUX_CAPABILITY_VERSION_3);
	ERR(syscall(SYS_capget, BAD_PTR, d), EFAULT);
	h.pid = 0x3fffffff;
	ERR(syscall(SYS_capget, &h, d), ESRCH);
	h.pid = 0;
	NEED_ROOT();
	EQ(prctl(PR_CAPBSET_READ, CAP_CHOWN), 1);
	ERR(prctl(PR_CAPBSET_READ, 99), EINVAL);
	d[0].effective &= ~(1U << CAP_CHOWN);
	OK(syscall(SYS_capset, &h, d));
	write_file("f", "", 0);
	ERR(chown("f", 1, 1), EPERM);
	d[0].permitted &= ~(1U << CAP_CHOWN);
	OK(syscall(SYS_capset, &h, d));
	d[0].permitted |= 1U << CAP_CHOWN;
	ERR(syscall(SYS_capset, &h, d), EPERM);
}

TEST(keep_capabilities)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	NEED_ROOT();
	OK(prctl(PR_SET_KEEPCAPS, 1));
	OK(setgid(1000));
	OK(setuid(1000));
	OK(syscall(SYS_capget, &h, d));
	EQ(d[0].effective, 0);
	CHECK(d[0].permitted & 1 << CAP_CHOWN);
	d[0].effective = d[0].permitted;
	OK(syscall(SYS_capset, &h, d));
	write_file("/dev/null", "", 0);
	OK(kill(getppid(), 0));
}

/* ---- /proc/self ---- */

TEST(proc_maps)
{
	char *p = OK(mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), line[64];
	int fd = OK(open("mapped", O_RDWR | O_CREAT, 0644));
	char *q;

	OK(ftruncate(fd, PAGE));
	q = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	OK(mprotect(p, PAGE, PROT_NONE));
	OK(mprotect(p + 2 * PAGE, PAGE, PROT_NONE));
	slurp("/proc/self/maps");
	snprintf(line, sizeof(line), "%lx-%lx r--p 00000000 00:00 0", (long)p + PAGE,
		 (long)p + 2 * PAGE);
	CHECK(strstr(buf, line));
	snprintf(line, sizeof(line), "%lx-%lx rw-s", (long)q, (long)q + PAGE);
	CHECK(strstr(buf, line));
	CHECK(strstr(strstr(buf, line), "/mapped\n"));
	CHECK(strstr(buf, "[stack]"));
	CHECK(strstr(buf, "r-xp"));
}

TEST(proc_status)
{
	char line[64];

	slurp("/proc/self/status");
	snprintf(line, sizeof(line), "\nPid:\t%d\n", getpid());
	CHECK(strstr(buf, line));
	snprintf(line, sizeof(line), "\nPPid:\t%d\n", getppid());
	CHECK(strstr(buf, line));
	snprintf(line, sizeof(line), "\nUid:\t%d\t%d\t", getuid(), geteuid());
	CHECK(strstr(buf, line));
	CHECK(!strncmp(buf, "Name:\tmisc\n", 11));
	CHECK(strstr(buf, "\nThreads:\t1\n"));
	CHECK(strstr(buf, "\nVmRSS:\t") && strstr(buf, "\nSigBlk:\t0000000000000000\n"));
	CHECK(strstr(buf, "\nState:\tR (running)\n"));
}

TEST(proc_stat)
{
	int pid, ppid, pgrp, sid;
	char state;

	slurp("/proc/self/stat");
	EQ(sscanf(buf, "%d (misc) %c %d %d %d", &pid, &state, &ppid, &pgrp, &sid), 5);
	EQ(pid, getpid());
	EQ(state, 'R');
	EQ(ppid, getppid());
	EQ(pgrp, getpgrp());
	EQ(sid, getsid(0));
}

TEST(proc_links)
{
	char link[PATH_MAX], cwd[PATH_MAX];
	struct stat a, b;
	ssize_t n;

	n = OK(readlink("/proc/self/exe", link, sizeof(link) - 1));
	link[n] = 0;
	CHECK(!strcmp(link, test_self));
	OK(stat("/proc/self/exe", &a));
	OK(stat(test_self, &b));
	EQ(a.st_ino, b.st_ino);
	n = OK(readlink("/proc/self/cwd", link, sizeof(link) - 1));
	link[n] = 0;
	CHECK(!strcmp(link, getcwd(cwd, sizeof(cwd))));
	n = OK(readlink("/proc/self", link, sizeof(link) - 1));
	link[n] = 0;
	EQ(atoi(link), getpid());
	EQ(readlink("/proc/self/root", link, 10), 1);
	n = OK(readlink("/proc/thread-self", link, sizeof(link) - 1));
	link[n] = 0;
	snprintf(cwd, sizeof(cwd), "%d/task/%d", getpid(), getpid());
	CHECK(!strcmp(link, cwd));
}

TEST(proc_cmdline_and_environ)
{
	char *p = buf;

	slurp("/proc/self/cmdline");
	p = strrchr(buf, '/');
	CHECK(!strcmp(p ? p + 1 : buf, "misc"));
	slurp("/proc/self/environ");
	if (environ[0])
		CHECK(!strcmp(buf, environ[0]));
}

TEST(proc_fd)
{
	char path[64], link[PATH_MAX];
	int fd = OK(open("/dev/null", O_RDONLY)), n, seen = 0, d;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = OK(readlink(path, link, sizeof(link)));
	EQ(n, 9);
	CHECK(!memcmp(link, "/dev/null", 9));
	dir = opendir("/proc/self/fd");
	CHECK(dir);
	while ((e = readdir(dir)))
		seen += atoi(e->d_name) == fd && e->d_name[0] != '.';
	closedir(dir);
	EQ(seen, 1);
	d = OK(open("file", O_RDWR | O_CREAT, 0600));
	OK(unlink("file"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", d);
	n = OK(readlink(path, link, sizeof(link) - 1));
	link[n] = 0;
	CHECK(strstr(link, "/file (deleted)"));
	EQ(write(d, "12", 2), 2);
	fd = OK(open(path, O_RDONLY));	/* a deleted file can be opened through it */
	EQ(read(fd, link, 10), 2);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", d);
	slurp(path);
	CHECK(strstr(buf, "pos:\t2\n") && strstr(buf, "flags:\t"));
	ERR(readlink("/proc/self/fd/999", link, 10), ENOENT);
}

TEST(proc_other_processes)
{
	char path[64];
	pid_t kid = CHILD(pause());

	snprintf(path, sizeof(path), "/proc/%d/comm", kid);
	slurp(path);
	CHECK(!strcmp(buf, "misc\n"));
	OK(kill(kid, SIGKILL));
	WAIT_SIGNAL(kid, SIGKILL);
	ERR(open(path, O_RDONLY), ENOENT);
	ERR(open("/proc/0", O_RDONLY), ENOENT);
	ERR(open("/proc/self/none", O_RDONLY), ENOENT);
}

TEST(proc_mem)
{
	static volatile long value = 4711;
	int fd = OK(open("/proc/self/mem", O_RDWR));
	long v;

	EQ(pread(fd, &v, sizeof(v), (off_t)&value), sizeof(v));
	EQ(v, 4711);
	v = 4712;
	EQ(pwrite(fd, &v, sizeof(v), (off_t)&value), sizeof(v));
	EQ(value, 4712);
	ERR(pread(fd, &v, sizeof(v), 8), EIO);
}

TEST(proc_global)
{
	CHECK(strstr(slurp("/proc/meminfo"), "MemTotal:"));
	CHECK(strstr(slurp("/proc/cpuinfo"), "processor\t: 0"));
	CHECK(strstr(slurp("/proc/stat"), "cpu "));
	CHECK(!strncmp(slurp("/proc/version"), "Linux version ", 14));
	CHECK(atof(slurp("/proc/uptime")) > 0);
	CHECK(strchr(slurp("/proc/loadavg"), '/'));
	CHECK(strstr(slurp("/proc/mounts"), " / "));
	CHECK(strstr(slurp("/proc/filesystems"), "\tproc\n"));
	CHECK(strstr(slurp("/proc/self/mountinfo"), " / "));
	CHECK(atoi(slurp("/proc/sys/kernel/pid_max")) > 300);
	CHECK(!strcmp(slurp("/proc/sys/kernel/ostype"), "Linux\n"));
}

TEST(process_vm_calls)
{
	static char text[] = "in the parent";
	char copy[32] = "";
	pid_t parent = getpid();
	struct iovec l = { copy, sizeof(text) }, r = { text, sizeof(text) };

	EQ(process_vm_readv(parent, &l, 1, &r, 1, 0), sizeof(text));
	CHECK(!strcmp(copy, text));
	pid_t kid = CHILD(strcpy(text, "in the child"); raise(SIGSTOP));

	EQ(waitpid(kid, NULL, WUNTRACED), kid);
	r.iov_len = l.iov_len = 13;
	EQ(process_vm_readv(kid, &l, 1, &r, 1, 0), 13);
	CHECK(!strcmp(copy, "in the child"));
	r.iov_base = test_bad_ptr;
	ERR(process_vm_readv(kid, &l, 1, &r, 1, 0), EFAULT);
	ERR(process_vm_readv(0x3fffffff, &l, 1, &r, 1, 0), ESRCH);
	ERR(process_vm_readv(kid, &l, 1, &r, 1, 1), EINVAL);
	kill(kid, SIGKILL);
	WAIT_SIGNAL(kid, SIGKILL);
}

/* ---- pidfd, close_range, kcmp ---- */

TEST(pidfd)
{
	pid_t kid = CHILD(pause());
	int fd = OK(syscall(SYS_pidfd_open, kid, 0));
	struct pollfd f = { fd, POLLIN, 0 };
	siginfo_t info;

	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(poll(&f, 1, 0), 0);
	OK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	OK(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	EQ(poll(&f, 1, 5000), 1);
	EQ(f.revents & POLLIN, POLLIN);
	EQ(waitid(3, fd, &info, WEXITED), 0);	/* P_PIDFD */
	EQ(info.si_pid, kid);
	EQ(info.si_status, SIGTERM);
	ERR(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0), ESRCH);
	ERR(syscall(SYS_pidfd_open, kid, 0), ESRCH);
	ERR(syscall(SYS_pidfd_open, -1, 0), EINVAL);
	ERR(syscall(SYS_pidfd_open, getpid(), 0x40000000), EINVAL);
	ERR(syscall(SYS_pidfd_send_signal, 1, SIGTERM, NULL, 0), EBADF);
}

TEST(pidfd_getfd)
{
	int p[2], fd, got_fd;
	pid_t kid;
	char c;

	OK(pipe(p));
	kid = CHILD(dup2(p[1], 40); close(p[1]); raise(SIGSTOP));
	OK(close(p[1]));
	EQ(waitpid(kid, NULL, WUNTRACED), kid);
	fd = OK(syscall(SYS_pidfd_open, kid, 0));
	got_fd = OK(syscall(SYS_pidfd_getfd, fd, 40, 0));
	EQ(write(got_fd, "g", 1), 1);
	EQ(read(p[0], &c, 1), 1);
	ERR(syscall(SYS_pidfd_getfd, fd, 999, 0), EBADF);
	kill(kid, SIGKILL);
	WAIT_SIGNAL(kid, SIGKILL);
}

TEST(close_range_call)
{
	int i;

	for (i = 20; i < 40; i++)
		OK(dup2(1, i));
	OK(close_range(25, 30, 0));
	OK(fcntl(24, F_GETFD));
	ERR(fcntl(25, F_GETFD), EBADF);
	ERR(fcntl(30, F_GETFD), EBADF);
	OK(fcntl(31, F_GETFD));
	OK(close_range(35, 37, CLOSE_RANGE_CLOEXEC));
	EQ(fcntl(36, F_GETFD), FD_CLOEXEC);
	EQ(fcntl(38, F_GETFD), 0);
	OK(close_range(33, 150, CLOSE_RANGE_UNSHARE));
	ERR(fcntl(39, F_GETFD), EBADF);
	ERR(close_range(30, 20, 0), EINVAL);
	ERR(close_range(20, 30, 0x100), EINVAL);
}

TEST(unknown_calls)
{
	ERR(syscall(-1), ENOSYS);
	ERR(syscall(5000), ENOSYS);
	ERR(syscall(0x7fffffff), ENOSYS);
	ERR(syscall(SYS_tuxcall), ENOSYS);
	ERR(syscall(SYS_create_module), ENOSYS);
}

TEST(seccomp_errors)
{
	ERR(syscall(SYS_seccomp, 99, 0, NULL), EINVAL);
	ERR(prctl(PR_SET_SECCOMP, 99), EINVAL);
}

/* ---- System V and POSIX queues and semaphores ---- */

TEST(sysv_semaphores)
{
	struct sembuf up = { 0, 2, 0 }, down = { 0, -1, 0 }, try = { 0, -5, IPC_NOWAIT };
	int id = OK(semget(IPC_PRIVATE, 2, IPC_CREAT | 0600));
	pid_t kid;

	EQ(semctl(id, 0, GETVAL), 0);
	kid = CHILD(OK(semop(id, &down, 1)));
	sleep_ms(20);
	OK(semop(id, &up, 1));
	WAIT_EXIT(kid, 0);
	EQ(semctl(id, 0, GETVAL), 1);
	ERR(semop(id, &try, 1), EAGAIN);
	OK(semctl(id, 1, SETVAL, 7));
	EQ(semctl(id, 1, GETVAL), 7);
	down.sem_flg = SEM_UNDO;
	WAIT_EXIT(CHILD(OK(semop(id, &down, 1))), 0);
	EQ(semctl(id, 0, GETVAL), 1);
	ERR(semctl(id, 9, GETVAL), EINVAL);
	OK(semctl(id, 0, IPC_RMID));
	ERR(semctl(id, 0, GETVAL), EINVAL);
}

TEST(sysv_messages)
{
	struct { long type; char text[16]; } m = { 2, "two" };
	int id = OK(msgget(IPC_PRIVATE, IPC_CREAT | 0600));

	OK(msgsnd(id, &m, 4, 0));
	m.type = 1;
	strcpy(m.text, "one");
	OK(msgsnd(id, &m, 4, 0));
	EQ(msgrcv(id, &m, 16, 1, 0), 4);
	CHECK(!strcmp(m.text, "one"));
	ERR(msgrcv(id, &m, 1, 0, 0), E2BIG);
	EQ(msgrcv(id, &m, 16, 0, 0), 4);
	CHECK(!strcmp(m.text, "two"));
	ERR(msgrcv(id, &m, 16, 0, IPC_NOWAIT), ENOMSG);
	m.type = 0;
	ERR(msgsnd(id, &m, 4, 0), EINVAL);
	OK(msgctl(id, IPC_RMID, NULL));
	ERR(msgrcv(id, &m, 16, 0, 0), EINVAL);
}

TEST(posix_message_queue)
{
	struct mq_attr at = { .mq_maxmsg = 3, .mq_msgsize = 16 };
	char name[64], b[16];
	unsigned int prio;
	mqd_t q;

	snprintf(name, sizeof(name), "/guest-test-%d", getpid());
	q = OK(mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &at));
	OK(mq_unlink(name));
	OK(mq_send(q, "low", 4, 1));
	OK(mq_send(q, "high", 5, 9));
	OK(mq_send(q, "low2", 5, 1));
	ERR(mq_send(q, "x", 1, 0), EAGAIN);
	EQ(mq_receive(q, b, 16, &prio), 5);
	EQ(prio, 9);
	EQ(mq_receive(q, b, 16, &prio), 4);
	EQ(mq_receive(q, b, 16, &prio), 5);
	ERR(mq_receive(q, b, 16, &prio), EAGAIN);
	ERR(mq_receive(q, b, 1, &prio), EMSGSIZE);
	ERR(mq_open("/none-such", O_RDWR), ENOENT);
}

static int write_setting(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return n;
}

/* Checkpoint and restore wishes for numbers; a wish holds once. */
/* The host's other users have queues, too: a number whose place in the table is free. */
static int free_queue_id(void)
{
	struct msqid_ds ds;
	int id = 3 * 32768 + 5;

	while (msgctl(id % 32768, MSG_STAT, &ds) >= 0)
		id++;
	return id;
}

TEST(sysv_next_id)
{
	int want = free_queue_id(), id;
	char text[16];

	snprintf(text, sizeof(text), "%d", want);
	if (write_setting("/proc/sys/kernel/msg_next_id", text) < 0)
		SKIP("msg_next_id cannot be written");
	id = OK(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
	OK(msgctl(id, IPC_RMID, NULL));
	EQ(id, want);
	id = OK(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
	OK(msgctl(id, IPC_RMID, NULL));
	CHECK(id != want);
	EQ(write_setting("/proc/sys/kernel/msg_next_id", "-3"), -1);
}

TEST(message_queue_notification_is_checked_first)
{
	struct sigevent bad_kind = { .sigev_notify = 77 };
	struct sigevent bad_signal = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 100 };

	ERR(mq_notify(0, &bad_kind), EINVAL);
	ERR(mq_notify(0, &bad_signal), EINVAL);
	bad_signal.sigev_signo = SIGUSR1;
	ERR(mq_notify(0, &bad_signal), EBADF);
}

TEST(syslog_and_reboot_are_guarded)
{
	if (!getuid()) {
		OK(setgid(1000));
		OK(setuid(1000));
	}
	ERR(syscall(SYS_reboot, 0, 0, 0, NULL), EPERM);
	ERR(syscall(SYS_sethostname, "x", 1), EPERM);
	ERR(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL), EPERM);
	ERR(syscall(SYS_chroot, "/"), EPERM);
	ERR(syscall(SYS_settimeofday, &(long[2]){ 1, 1 }, NULL), EPERM);
}

struct pid_info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, creds[8];
	int exit_code;
};
#define GET_INFO _IOWR(0xff, 11, struct pid_info)

TEST(pidfd_info)
{
	struct pid_info i = { 0 };
	pid_t pid = CHILD(pause());
	int fd = OK(syscall(SYS_pidfd_open, pid, 0));

	if (ioctl(fd, GET_INFO, &i) && (errno == ENOTTY || errno == EINVAL))
		SKIP("no PIDFD_GET_INFO");
	EQ(i.mask & 3, 3);
	EQ(i.pid, pid);
	EQ(i.ppid, getpid());
	EQ(i.creds[0], getuid());
	ERR(ioctl(fd, GET_INFO, NULL), EINVAL);
	OK(kill(pid, SIGKILL));
	WAIT_SIGNAL(pid, SIGKILL);
	i.mask = 0;
	ERR(ioctl(fd, GET_INFO, &i), ESRCH);
	i.mask = 8;
	OK(ioctl(fd, GET_INFO, &i));
	CHECK(i.mask & 8);
	EQ(i.exit_code, SIGKILL);
}

TEST(security_modules)
{
	uint64_t ids[64] = { 0 };
	uint32_t size = sizeof(ids);
	long i, n = syscall(461, ids, &size, 0);	/* lsm_list_modules */

	if (n < 0 && errno == ENOSYS)
		SKIP("no lsm_list_modules");
	CHECK(n >= 1);
	EQ(size, n * 8);
	for (i = 0; i < n && ids[i] != 100; i++)	/* the capabilities */
		;
	CHECK(i < n);
	ERR(syscall(461, ids, &size, 1), EINVAL);
	size = 0;
	ERR(syscall(461, ids, &size, 0), E2BIG);
	EQ(size, n * 8);
	ERR(syscall(461, ids, BAD_PTR, 0), EFAULT);
}

TEST_MAIN("misc")
