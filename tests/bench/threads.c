/* SPDX-License-Identifier: MIT */
/*
 * How does the rate of an operation grow with the number of those who do it, each on objects of its own?
 *
 *   threads [-t MS] N...       prints "name N operations-per-ms" for each row and each number N
 *
 * Every worker is a thread, or, in rows about address spaces, a process. All begin together and work for MS
 * milliseconds (default 200). Needs a writable /tmp (or $TMPDIR). As process 1 it mounts /tmp before and powers
 * the machine off after.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 64

struct worker {
	char dir[300], path[320], data[4096];
	int fd, pipe[2];
	long done;
};

struct row {
	const char *name;
	int processes;			/* workers are processes */
	void (*op)(struct worker *);
};

/* In memory shared with workers that are processes. */
static struct shared {
	pthread_barrier_t begin;
	int stop;
	struct worker worker[MOST];
} *shared;

static const struct row *current;

static void must(int ok, const char *what)
{
	if (!ok) {
		printf("# %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void op_compute(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < 1000; i++)
		__asm__ volatile("" : : "r"(w) : "memory");
}

static void op_pread(struct worker *w)
{
	must(pread(w->fd, w->data, sizeof(w->data), 0) == sizeof(w->data), "pread");
}

static void op_pwrite(struct worker *w)
{
	must(pwrite(w->fd, w->data, sizeof(w->data), 0) == sizeof(w->data), "pwrite");
}

static void op_stat(struct worker *w)
{
	struct stat st;

	must(!stat(w->path, &st), "stat");
}

static void op_open(struct worker *w)
{
	int fd = open(w->path, O_RDONLY);

	must(fd >= 0 && !close(fd), "open");
}

static void op_create(struct worker *w)
{
	char name[320];
	int fd;

	snprintf(name, sizeof(name), "%s/new", w->dir);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	must(fd >= 0 && !close(fd) && !unlink(name), "create");
}

static void op_pipe(struct worker *w)
{
	must(write(w->pipe[1], w->data, 64) == 64 && read(w->pipe[0], w->data, 64) == 64, "pipe");
}

static void op_map(struct worker *w)
{
	char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)w;
	must(p != MAP_FAILED, "mmap");
	*p = 1;
	must(!munmap(p, 16384), "munmap");
}

static void op_fork(struct worker *w)
{
	pid_t pid = fork();

	(void)w;
	if (!pid)
		_exit(0);
	must(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
}

static const struct row rows[] = {
	{ "compute", 0, op_compute },
	{ "pread", 0, op_pread },
	{ "pwrite", 0, op_pwrite },
	{ "stat", 0, op_stat },
	{ "open_close", 0, op_open },
	{ "create_unlink", 0, op_create },
	{ "pipe", 0, op_pipe },
	{ "mmap_threads", 0, op_map },
	{ "mmap_processes", 1, op_map },
	{ "fork_exit", 1, op_fork },
};

static void *work(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(&shared->begin);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		current->op(w);
		w->done++;
	}
	return NULL;
}

static void set_up(struct worker *w, const char *top, int i)
{
	w->done = 0;
	snprintf(w->dir, sizeof(w->dir), "%s/%d", top, i);
	snprintf(w->path, sizeof(w->path), "%s/%d/file", top, i);
	must(!mkdir(w->dir, 0700), "mkdir");
	must((w->fd = open(w->path, O_RDWR | O_CREAT, 0600)) >= 0, "file");
	must(write(w->fd, w->data, sizeof(w->data)) == sizeof(w->data), "write");
	must(!pipe(w->pipe), "pipe");
}

static void tear_down(struct worker *w)
{
	close(w->fd);
	close(w->pipe[0]);
	close(w->pipe[1]);
	unlink(w->path);
	rmdir(w->dir);
}

static void start(int n, pthread_t *thread, pid_t *process)
{
	int i;

	for (i = 0; i < n; i++)
		if (!current->processes) {
			must(!pthread_create(&thread[i], NULL, work, &shared->worker[i]), "pthread_create");
		} else if (!(process[i] = fork())) {
			work(&shared->worker[i]);
			_exit(0);
		} else {
			must(process[i] > 0, "fork");
		}
}

static void finish(int n, pthread_t *thread, pid_t *process)
{
	int i;

	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < n; i++)
		if (current->processes)
			waitpid(process[i], NULL, 0);
		else
			pthread_join(thread[i], NULL);
}

static double ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static void measure(int n, int ms, const char *top)
{
	struct timespec span = { ms / 1000, ms % 1000 * 1000000L };
	pthread_t thread[MOST];
	pid_t process[MOST];
	pthread_barrierattr_t attr;
	double begin, done = 0;
	int i;

	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->begin, &attr, n + 1);
	shared->stop = 0;
	for (i = 0; i < n; i++)
		set_up(&shared->worker[i], top, i);
	start(n, thread, process);
	pthread_barrier_wait(&shared->begin);
	begin = ms_now();
	nanosleep(&span, NULL);
	finish(n, thread, process);
	begin = ms_now() - begin;
	for (i = 0; i < n; i++) {
		done += shared->worker[i].done;
		tear_down(&shared->worker[i]);
	}
	printf("%s %d %.3f\n", current->name, n, done / begin);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char top[200];
	int ms = 200, k = 1, first, n;
	size_t i;

	if (getpid() == 1)
		mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777");
	if (argc > 2 && !strcmp(argv[1], "-t")) {
		ms = atoi(argv[2]);
		k = 3;
	}
	first = k;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "mmap");
	snprintf(top, sizeof(top), "%s/threads.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	must(mkdtemp(top) != NULL, "mkdtemp");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (current = &rows[i], k = first; k < argc; k++)
			if ((n = atoi(argv[k])) > 0 && n <= MOST)
				measure(n, ms, top);
	rmdir(top);
	fflush(stdout);
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	return 0;
}
