/* SPDX-License-Identifier: MIT */
/*
 * Runs a kernel and writes down what it does to the file of a disk: each write with its bytes, each hole, each flush, when it
 * began and when it ended. powercut.py makes disks from that as a power failure could have left them.
 *
 *   writelog LOG FILE FLUSHES KERNEL ARGUMENT...      SIGKILL after so many flushes
 *
 * The kernel is the very one that users run: a seccomp filter stops it in the few host calls that change disks, and this
 * process, its tracer, reads their arguments. Guest processes are not traced; what they call is none of these, except
 * pwrite, which then fails in them and is done by the kernel.
 *
 * LOG is a list of struct record. A write's bytes follow its record. The length of our standard output, if that is a file, is in
 * each record: all text up to there was written before.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum kind { WRITE = 1, HOLE, FLUSH, END };	/* powercut.py has the same */

struct record {
	uint32_t kind, id;		/* an end has the id of its beginning */
	uint64_t off, len;		/* an end: off is the result */
	uint64_t text;
};

#define THREADS_MAX 256
#define VECS_MAX 1024

static struct thread {
	pid_t tid;
	uint32_t id;			/* of the call that it is in */
	int kind;
} threads[THREADS_MAX];

static const char *image;
static FILE *logfile;
static uint32_t next_id = 1;
static long flushes_left;
static pid_t kernel;

static void die(const char *what)
{
	perror(what);
	if (kernel > 0)
		kill(kernel, SIGKILL);
	exit(2);
}

static struct thread *thread_of(pid_t tid)
{
	for (int i = 0; i < THREADS_MAX; i++)
		if (threads[i].tid == tid)
			return &threads[i];
	for (int i = 0; i < THREADS_MAX; i++)
		if (!threads[i].tid) {
			threads[i] = (struct thread){ .tid = tid };
			return &threads[i];
		}
	errno = EAGAIN;
	die("writelog: threads");
	return NULL;
}

static void note(enum kind kind, uint32_t id, uint64_t off, uint64_t len)
{
	struct record r = { .kind = kind, .id = id, .off = off, .len = len };
	struct stat st;

	if (!fstat(1, &st) && S_ISREG(st.st_mode))
		r.text = (uint64_t)st.st_size;
	if (fwrite(&r, sizeof(r), 1, logfile) != 1)
		die("writelog: log");
}

/* The file may appear only while the kernel runs (a copy-on-write file). */
static int is_image(pid_t tid, uint64_t fd)
{
	struct stat ours, its;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", tid, (int)fd);
	return !stat(image, &ours) && !stat(path, &its) && ours.st_ino == its.st_ino && ours.st_dev == its.st_dev;
}

static size_t vectors(pid_t tid, const struct user_regs_struct *r, struct iovec *v)
{
	struct iovec local = { v, VECS_MAX * sizeof(*v) }, remote = { (void *)r->rsi, r->rdx * sizeof(*v) };

	if (r->orig_rax == SYS_pwrite64) {
		v[0] = (struct iovec){ (void *)r->rsi, r->rdx };
		return 1;
	}
	if (r->rdx > VECS_MAX || process_vm_readv(tid, &local, 1, &remote, 1, 0) != (ssize_t)remote.iov_len)
		die("writelog: vectors");
	return r->rdx;
}

static void note_write(pid_t tid, uint32_t id, const struct user_regs_struct *r)
{
	struct iovec v[VECS_MAX], local;
	size_t n = vectors(tid, r, v);
	uint64_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += v[i].iov_len;
	note(WRITE, id, r->r10, len);
	for (size_t i = 0; i < n; i++) {
		local = (struct iovec){ malloc(v[i].iov_len), v[i].iov_len };
		if (!local.iov_base || process_vm_readv(tid, &local, 1, &v[i], 1, 0) != (ssize_t)v[i].iov_len ||
		    fwrite(local.iov_base, 1, local.iov_len, logfile) != local.iov_len)
			die("writelog: bytes");
		free(local.iov_base);
	}
}

static enum kind kind_of(uint64_t nr)
{
	return nr == SYS_fdatasync || nr == SYS_fsync ? FLUSH : nr == SYS_fallocate ? HOLE : WRITE;
}

/* True when the end of the call is of interest, too. */
static int begins(struct thread *t)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, t->tid, 0, &r) || !is_image(t->tid, r.rdi))
		return 0;
	t->kind = (int)kind_of(r.orig_rax);
	t->id = next_id++;
	if (t->kind == WRITE)
		note_write(t->tid, t->id, &r);
	else
		note((enum kind)t->kind, t->id, t->kind == HOLE ? r.rdx : 0, t->kind == HOLE ? r.r10 : 0);
	return 1;
}

static void ends(struct thread *t)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, t->tid, 0, &r))
		return;
	note(END, t->id, r.rax, 0);
	t->id = 0;
	if (t->kind == FLUSH && !r.rax && !--flushes_left)
		kill(kernel, SIGKILL);
}

/* How the stopped thread goes on. */
static void go_on(struct thread *t, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status), how = PTRACE_CONT;

	if (event == PTRACE_EVENT_SECCOMP) {
		how = begins(t) ? PTRACE_SYSCALL : PTRACE_CONT;
		sig = 0;
	} else if (sig == (SIGTRAP | 0x80)) {
		ends(t);
		sig = 0;
	} else if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
		how = PTRACE_LISTEN;
		sig = 0;
	} else if (event) {
		sig = 0;
	}
	ptrace(how, t->tid, 0, sig);
}

/* Until the kernel has ended; its status. */
static int trace(void)
{
	int status;

	for (;;) {
		pid_t tid = waitpid(-1, &status, __WALL);
		struct thread *t;

		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			die("writelog: wait");
		t = thread_of(tid);
		if (WIFSTOPPED(status)) {
			go_on(t, status);
			continue;
		}
		t->tid = 0;
		if (tid == kernel)
			return status;
	}
}

#define CALL(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)

static void start(char **command, int ready)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		CALL(SYS_pwritev), CALL(SYS_pwrite64), CALL(SYS_fallocate), CALL(SYS_fdatasync), CALL(SYS_fsync),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static const struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };
	char c;

	if (read(ready, &c, 1) != 1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		die("writelog: filter");
	close(ready);
	execv(command[0], command);
	die(command[0]);
}

int main(int argc, char **argv)
{
	int pipes[2], status;

	if (argc < 5 || pipe2(pipes, O_CLOEXEC)) {
		fprintf(stderr, "usage: writelog LOG FILE FLUSHES KERNEL ARGUMENT...\n");
		return 2;
	}
	image = argv[2];
	flushes_left = atol(argv[3]);
	logfile = fopen(argv[1], "wbe");
	if (!logfile)
		die(argv[1]);
	kernel = fork();
	if (!kernel)
		start(argv + 4, pipes[0]);
	if (kernel < 0 || ptrace(PTRACE_SEIZE, kernel, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD |
				 PTRACE_O_EXITKILL))
		die("writelog: ptrace");
	if (write(pipes[1], "x", 1) != 1)
		die("writelog: pipe");
	status = trace();
	if (fclose(logfile))
		die("writelog: log");
	return WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) == SIGKILL ? 0 : 1;
}
