/* SPDX-License-Identifier: MIT */
/*
 * The driver: keeps a kernel running cases until the time is over, notes what ended it, starts it again.
 *
 *   fuzz [option...] SAMPLE...	(files named TARGET.ANYTHING)
 *     --seconds N	how long (10)		--cases N	or so many cases
 *     --seed N		of chance (1)		--out DIR	for what failed (.)
 *     --case TEXT	only this one, as a failure names it: SAMPLE:WORK:GENE,GENE,...
 *     --minimise TEXT	the same with fewer genes, as long as it fails
 *     --failures N	end after so many (1)
 *
 * The end is 0, or 1 when a case failed. The failing image lies in DIR, with what the kernel said.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define HANG_CPU 20			/* seconds of CPU time without a beat */
#define HANG_SLEEP 60			/* seconds without one */
#define BOOT_LIMIT 120

struct fuzz_shared *shared;

static double seconds = 10;
static u64 cases = ~0ULL, seed = 1, failures_wanted = 1;
static const char *out = ".";
static struct fuzz_case only;
static bool have_only;
static struct rng chance;
static double end_at;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* --- in the child --- */

bool fuzz_next_case(struct fuzz_case *c)
{
	static bool once;

	if (have_only) {
		*c = only;
		if (once)
			return false;
		once = true;
	} else if (now() > end_at || shared->ncases >= cases) {
		return false;
	} else {
		case_fresh(c, &chance);
	}
	shared->now = *c;
	shared->beat++;
	return true;
}

void fuzz_case_done(void)
{
	shared->ncases++;
}

static int run_child(const char *log)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		_exit(9);
	dup2(fd, 1);
	dup2(fd, 2);
	fuzz_kernel();
}

/* --- watching it --- */

static double cpu_time(pid_t pid)
{
	unsigned long user = 0, sys = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
		user = sys = 0;
	fclose(f);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* Where it hangs: all its threads' stacks, when there is a debugger. */
static void stop_hanging(pid_t pid, const char *log)
{
	char command[512];

	snprintf(command, sizeof(command), "gdb -p %d -batch -ex 'thread apply all bt 30' >>'%s' 2>/dev/null", pid, log);
	if (system(command))
		fprintf(stderr, "fuzz: no debugger\n");
	kill(pid, SIGABRT);
}

/* NULL: it has ended as it should. */
static const char *watch(pid_t pid, const char *log)
{
	double start = now(), beat_at = start, cpu_then = 0;
	u64 beat = shared->beat;
	bool hangs = false;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct timespec nap = { 0, 20 * 1000000 };

		nanosleep(&nap, NULL);
		if (shared->beat != beat) {
			beat = shared->beat;
			beat_at = now();
			cpu_then = cpu_time(pid);
		} else if (!hangs && (now() - beat_at > (shared->ready ? HANG_SLEEP : BOOT_LIMIT) ||
				      cpu_time(pid) - cpu_then > HANG_CPU)) {
			hangs = true;
			stop_hanging(pid, log);
		}
		if (hangs && now() - beat_at > HANG_SLEEP + 30)
			kill(pid, SIGKILL);
	}
	if (hangs)
		return "hangs";
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && shared->finished)
		return NULL;
	return WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "ends";
}

/* --- cases as text --- */

static void case_text(const struct fuzz_case *c, char *buf, size_t n)
{
	int len = snprintf(buf, n, "%s:%llx:", samples[c->sample].name, (unsigned long long)c->work);

	for (u32 i = 0; i < c->ngenes; i++)
		len += snprintf(buf + len, n - (size_t)len, "%s%llx", i ? "," : "", (unsigned long long)c->gene[i]);
}

static void parse_case(const char *text, struct fuzz_case *c)
{
	const char *p = strchr(text, ':');
	char *end;

	memset(c, 0, sizeof(*c));
	for (c->sample = 0; p && c->sample < nsamples; c->sample++)
		if (!strncmp(samples[c->sample].name, text, (size_t)(p - text)) && !samples[c->sample].name[p - text])
			break;
	if (!p || c->sample == nsamples) {
		fprintf(stderr, "fuzz: no sample for %s\n", text);
		exit(2);
	}
	c->work = strtoull(p + 1, &end, 16);
	while (*end && end[1] && c->ngenes < GENES_MAX)
		c->gene[c->ngenes++] = strtoull(end + 1, &end, 16);
}

static void keep_image(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, shared->image, shared->hurt) != (ssize_t)shared->hurt)
		fprintf(stderr, "fuzz: cannot write %s\n", name);
	close(fd);
}

/* --- runs --- */

static const char *run_once(const char *log)
{
	shared->ready = shared->finished = false;
	return watch(run_child(log), log);
}

static u64 report(const char *why, u64 n, const char *log)
{
	char text[1024], name[256];

	case_text(&shared->now, text, sizeof(text));
	snprintf(name, sizeof(name), "%s/failed.%llu.image", out, (unsigned long long)n);
	keep_image(name);
	printf("FAIL fuzz.%s: %s in \"%s\" (seed %llu)\n  --case %s\n  image %s, log %s\n",
	       samples[shared->now.sample].target->name, why, shared->stage, (unsigned long long)seed, text, name, log);
	fflush(stdout);
	return n + 1;
}

static int run_all(void)
{
	u64 n = 0;
	char log[256];

	end_at = now() + seconds;
	do {
		const char *why;

		/* Each kernel draws other cases, the first of a seed always the same. */
		chance = rng_of(seed + n * 1000003);
		snprintf(log, sizeof(log), "%s/failed.%llu.log", out, (unsigned long long)n);
		why = run_once(log);
		if (why)
			n = report(why, n, log);
		else
			unlink(log);
	} while (n && n < failures_wanted && now() < end_at && !have_only && shared->ncases < cases);
	printf("# fuzz: %llu cases, %u kept, %u places and counts seen, %llu failed\n", (unsigned long long)shared->ncases,
	       shared->ncorpus, shared->nseen, (unsigned long long)n);
	return n != 0;
}

/* Drops genes, one after the other, that it fails without. */
static int minimise(void)
{
	char log[256], text[1024];

	snprintf(log, sizeof(log), "%s/minimise.log", out);
	for (u32 i = 0; i < only.ngenes;) {
		struct fuzz_case all = only;

		memmove(only.gene + i, only.gene + i + 1, (--only.ngenes - i) * sizeof(only.gene[0]));
		if (!run_once(log)) {
			only = all;
			i++;
		}
	}
	case_text(&only, text, sizeof(text));
	printf("--case %s\n", text);
	return 0;
}

static void load_sample(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct sample *s = &samples[nsamples];
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (nsamples == SAMPLES_MAX || fd < 0 || fstat(fd, &st) || st.st_size > (off_t)IMAGE_MAX || !st.st_size) {
		fprintf(stderr, "fuzz: cannot take %s\n", path);
		exit(2);
	}
	snprintf(s->name, sizeof(s->name), "%s", name);
	for (const struct target *const *t = targets; *t; t++)
		if (!strncmp(name, (*t)->name, strlen((*t)->name)) && name[strlen((*t)->name)] == '.')
			s->target = *t;
	if (!s->target) {
		fprintf(stderr, "fuzz: no target for %s\n", path);
		exit(2);
	}
	s->size = (size_t)st.st_size;
	s->bytes = mmap(NULL, s->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	nsamples++;
}

int main(int argc, char **argv)
{
	const char *text = NULL;
	bool smaller = false;

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (argv[i][0] != '-') {
			load_sample(argv[i]);
			continue;
		}
		if (!strcmp(argv[i], "--seconds"))
			seconds = atof(value);
		else if (!strcmp(argv[i], "--cases"))
			cases = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			seed = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "--out"))
			out = value;
		else if (!strcmp(argv[i], "--failures"))
			failures_wanted = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "--case") || !strcmp(argv[i], "--minimise"))
			text = value, smaller = argv[i][2] == 'm';
		else
			return 2;
		i++;
	}
	if (!nsamples)
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 2;
	have_only = text != NULL;
	if (text)
		parse_case(text, &only);
	return smaller ? minimise() : run_all();
}
